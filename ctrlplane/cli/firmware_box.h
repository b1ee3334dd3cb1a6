// SPDX-License-Identifier: MIT
/*
 * firmware_box.h - the partitions of a box with two slots: read, verified, written so that a stop at any moment is harmless
 *
 * All paths lie below a root folder, "" for the machine itself: tests make one of plain files.
 */
#ifndef FIRMWARE_BOX_H
#define FIRMWARE_BOX_H

#include <sys/types.h>

#include "ctrlplane/firmware/firmware_head.h"
#include "ctrlplane/firmware/firmware_slot.h"

enum { FIRMWARE_ERROR_MAX = 512 };

struct firmware_box {
	const char *root;
	enum firmware_slot running;
	struct firmware_env env;
	int env_fd;                     /* held, and locked: one command at a time */
	off_t env_at;                   /* where the block begins */
	char error[FIRMWARE_ERROR_MAX]; /* set by what returns false: what is wrong; what to do */
	/* pwrite(2) of everything; tests have one that stops. */
	bool (*put)(int fd, const void *data, size_t len, off_t at);
};

/* False: this is no box with slots, or not root's to read.  Close it in any case. */
bool firmware_box_open(struct firmware_box *b, const char *root);
void firmware_box_close(struct firmware_box *b);

/* What @slot says that it holds, its signature verified; false: nothing that is whole. */
bool firmware_box_head(struct firmware_box *b, enum firmware_slot slot, struct firmware_head *out);

/* The slot's octets have the hash that its head says: reads all of them. */
bool firmware_box_whole(struct firmware_box *b, enum firmware_slot slot);

/* b->env to GRUB, and to the disk. */
bool firmware_box_tell(struct firmware_box *b);

/**
 * firmware_box_install - an update file into the other slot, to be tried at the next start
 * @path: the file, or a device that begins with it
 * @out: its head
 * The file is verified whole before anything is written.
 */
bool firmware_box_install(struct firmware_box *b, const char *path, struct firmware_head *out);

#endif
