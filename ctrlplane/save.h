// SPDX-License-Identifier: MIT
/*
 * save.h - files that a side thread writes, whole or not at all
 *
 * What is kept from one start to the next is written while the gateway runs, and the control thread must not wait for a disk: it
 * hands octets over in pieces.  They go to FILE.new, which takes the place of FILE once all of it is on the disk.
 */
#ifndef SAVE_H
#define SAVE_H

#include <stdio.h>

#include "dataplane/base/span.h"

enum { SAVE_PIECE_OCTETS = 256 << 10, SAVE_PIECES_MAX = 16 };

struct saver;

/* One file; zeroed but for the names, which stay for good. */
struct save_file {
	const char *path;
	const char *setting; /* that names it, for who reads the log */
	/* the side thread's */
	FILE *f;
	int error; /* errno of what failed; the rest is then not written */
};

struct save_piece {
	struct save_file *file;
	bool last;
	size_t len;
	const uint8_t *borrowed; /* NULL, or what is written instead of @octets; must live until it is */
	uint8_t octets[SAVE_PIECE_OCTETS];
};

struct saver *saver_open(void);    /* NULL: the system gives no thread, or no memory */
void saver_close(struct saver *s); /* writes all that was put, then the thread ends; NULL is nothing */
bool saver_idle(struct saver *s);  /* all that was put is written */

/* An empty piece for saver_put(), or NULL: SAVE_PIECES_MAX are on their way, or there is no memory; later there is one. */
struct save_piece *saver_piece(struct saver *s, struct save_file *file);
void saver_put(struct saver *s, struct save_piece *p); /* takes @p */

#endif
