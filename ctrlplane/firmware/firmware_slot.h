// SPDX-License-Identifier: MIT
/*
 * firmware_slot.h - two slots, one of them confirmed: what may be done with them, and what GRUB is told
 *
 * GRUB's environment block is all the state there is (conf/image/grub.cfg reads it):
 *
 *	slot=a	the confirmed slot, which every start takes
 *	try=b	but the next one, once: GRUB takes this back before it starts that slot
 *	args=	of the kernel, for either
 *
 *	                    install                    restart                       confirm
 *	  slot a, runs a  ──────────►  slot a, try b  ─────────►  slot a, runs b  ───────────►  slot b, runs b
 *	        ▲                            │ rollback                 │ restart, panic, watchdog, not well
 *	        └────────────────────────────┴──────────────────────────┘
 *
 * What is confirmed is never written to, so a machine that stops at any moment starts again.
 * Pure: blocks and facts in, blocks and answers out.
 */
#ifndef FIRMWARE_SLOT_H
#define FIRMWARE_SLOT_H

#include "dataplane/base/err.h"
#include "dataplane/base/span.h"

enum { FIRMWARE_ENV_SIZE = 1024, FIRMWARE_ARGS_MAX = 255 };

enum firmware_slot { FIRMWARE_NONE, FIRMWARE_A, FIRMWARE_B };

struct firmware_env {
	enum firmware_slot slot; /* A or B */
	enum firmware_slot try;
	char args[FIRMWARE_ARGS_MAX + 1]; /* printable ASCII without quotes, dollar and backslash; NUL-terminated */
};

/**
 * firmware_env_parse - GRUB's environment block
 * @in: FIRMWARE_ENV_SIZE octets
 *
 * ERR_BAD_LENGTH, ERR_BAD_SYNTAX: it is none, or says what we never say; *out is then what GRUB makes of it: slot a.
 */
enum err firmware_env_parse(struct span in, struct firmware_env *out);

/* The name that a block begins with. */
bool firmware_env_begins(struct span in);

/* slot and try lie within the first 512 octets: what decides is written by one sector, so all of it or nothing. */
void firmware_env_write(const struct firmware_env *env, uint8_t out[FIRMWARE_ENV_SIZE]);

/* True if the kernel can be given it. */
bool firmware_args_good(struct span args);

static inline enum firmware_slot firmware_other(enum firmware_slot s)
{
	return s == FIRMWARE_A ? FIRMWARE_B : FIRMWARE_A;
}

static inline char firmware_letter(enum firmware_slot s)
{
	return s == FIRMWARE_A ? 'a' : s == FIRMWARE_B ? 'b' : '-';
}

/* The value of sekisho.slot in the kernel's command line; FIRMWARE_NONE: this is no box with slots. */
enum firmware_slot firmware_running(struct span cmdline);

enum firmware_answer {
	FIRMWARE_DONE,         /* env says what GRUB is to be told */
	FIRMWARE_AS_IT_IS,     /* nothing is to be done */
	FIRMWARE_ON_TRIAL,     /* what runs is not confirmed: the other slot is what we would fall back to */
	FIRMWARE_OTHER_BROKEN, /* the other slot holds nothing whole */
};

/* Before the other slot is written to: nothing may start it while it is not whole. */
enum firmware_answer firmware_install_begin(struct firmware_env *env, enum firmware_slot running);
/* It is whole, and on the disk. */
void firmware_install_end(struct firmware_env *env, enum firmware_slot running);
/* What runs is well. */
enum firmware_answer firmware_confirm(struct firmware_env *env, enum firmware_slot running);
/**
 * firmware_rollback - away from what runs, or from what would be tried
 * @other_whole: the other slot's head and hash are good
 * @restart: set if a restart of the machine does it
 *
 * A confirmed slot is left as an update leaves it: the other one is tried, and has to be well.
 */
enum firmware_answer firmware_rollback(struct firmware_env *env, enum firmware_slot running, bool other_whole,
				       bool *restart);

#endif
