// SPDX-License-Identifier: MIT
/*
 * setup.h - this machine made ready for the gateway, and made as it was before
 *
 *	setup_find.c	what there is: NICs, who drives them, IOMMU, cores; reads only
 *	setup_journal.c	changes of files, each written down before it is made, and undone from what was written
 *	setup_apply.c	what is changed, in order
 *	ctl_setup.c	the command: options, and what is said
 *
 * All paths lie below a root folder, "" for the machine itself: tests make one of plain files.
 */
#ifndef SETUP_H
#define SETUP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { SETUP_NICS_MAX = 64, SETUP_PATH_MAX = 512 };

struct setup_nic {
	char address[16];   /* PCI, 0000:3b:00.0 */
	char id[12];        /* 8086:10d3 */
	char driver[32];    /* the kernel's; "" when none has it */
	char interface[32]; /* "" when it has none */
	char dpdk[24];      /* DPDK's driver for it; "" when we know of none */
	bool keeps_driver;  /* DPDK shares it with the kernel's driver, which is not replaced */
	bool is_way_out;    /* a default route leaves by it: management */
	bool has_link;
};

struct setup_machine {
	struct setup_nic nics[SETUP_NICS_MAX];
	unsigned n_nics;
	unsigned n_more; /* beyond those */
	unsigned n_cores;
	bool has_iommu;
	unsigned hugepages; /* of 2 MiB, reserved now */
};

void setup_find(const char *root, struct setup_machine *out);

struct setup_journal {
	const char *root;
	char path[SETUP_PATH_MAX];
	char *error; /* 512 octets; set by what returns false */
};

/* Of @root; @error has 512 octets. */
void setup_journal_open(struct setup_journal *j, const char *root, char *error);
bool setup_journal_exists(const struct setup_journal *j);

/* The file becomes @text; missing folders are made.  Written down before it is done. */
bool setup_put_file(struct setup_journal *j, const char *path, const char *text, unsigned mode);
/* A value of the kernel's. */
bool setup_put_value(struct setup_journal *j, const char *path, const char *value);
/* The device goes to another driver, or with "" to the one that the kernel thinks best. */
bool setup_put_driver(struct setup_journal *j, const char *address, const char *driver);

/* Everything back, the last change first; the journal is removed when all is done.  @say: a line for each. */
bool setup_undo(struct setup_journal *j, void (*say)(const char *line));

struct setup_wish {
	const char *port, *address, *gateway, *next_hop, *hostname;
	unsigned workers, hugepages_mb;
};

/* True when all is done; false: @j->error says what went wrong, and what had been done is undone. */
bool setup_apply(struct setup_journal *j, const struct setup_machine *m, const struct setup_wish *w,
		 void (*say)(const char *line));

/* The command; returns an exit status. */
int ctl_setup(const json_t *args, bool json);

#endif
