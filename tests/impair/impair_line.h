// SPDX-License-Identifier: MIT
/*
 * impair_line.h - the frames that are under way in a network that harms them
 *
 *	impair_line_put(line, direction, frame, 0, now);        as often as frames come
 *	while ((f = impair_line_take(line, now))) {             those that are due
 *		... f->frame goes out at the end of f->direction
 *		impair_line_give(line, f);
 *	}
 *	impair_line_due_us(line): when to look again
 *
 * Pure, like impair.h.  All memory is given at the start; a frame for which there is no room is lost, and counted.
 */
#ifndef IMPAIR_LINE_H
#define IMPAIR_LINE_H

#include "tests/impair/impair.h"

struct impair_frame {
	uint64_t at_us, order;
	unsigned direction;
	uint32_t tag; /* as given to impair_line_put() */
	bool touched; /* damaged or cut, or no frame that anybody sent */
	size_t len;
	uint8_t *frame;
};

struct impair_line {
	struct impair impair; /* seed and harm are the caller's to set, before the first frame */
	size_t frame_max, frames_max;
	struct impair_frame **heap, **spare; /* heap: by time, then by order */
	size_t n_held, n_spare;
	struct impair_frame *last[2]; /* put in that direction, unless it is out again: the next may be joined to it */
	uint8_t *work[3];             /* room for a frame each */
	uint64_t n_order, n_no_room;
};

size_t impair_line_memory(size_t frames_max, size_t frame_max);

/* @memory: of that size, aligned for a pointer. */
struct impair_line *impair_line_init(void *memory, size_t frames_max, size_t frame_max);

/* @frame: a whole one, checksums in place; borrowed for the call.  Longer ones than frame_max are lost. */
void impair_line_put(struct impair_line *l, unsigned direction, struct span frame, uint32_t tag, uint64_t now_us);

uint64_t impair_line_due_us(const struct impair_line *l);                      /* UINT64_MAX: nothing is under way */
struct impair_frame *impair_line_take(struct impair_line *l, uint64_t now_us); /* NULL: none is due */
void impair_line_give(struct impair_line *l, struct impair_frame *f);

#endif
