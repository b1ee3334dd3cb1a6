// SPDX-License-Identifier: MIT
/*
 * timer.h - a hierarchical timing wheel: timers by the hundred thousand, each armed and cancelled in O(1)
 *
 * Nodes lie inside the objects that they wake; nothing is allocated.  A timer never fires early and at most one
 * tick late.  Level L of the wheel holds the timers whose tick first differs from the wheel's own tick in the
 * L-th group of six bits (from the right), one slot for each value of that group.  So every timer of a level is
 * due before every timer of the next one, and the nearest slot is found by counting zero bits.
 */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_TICK_US 1024
#define TIMER_NEVER UINT64_MAX

enum {
	TIMER_LEVEL_BITS = 6,
	TIMER_SLOTS = 1 << TIMER_LEVEL_BITS,
	TIMER_LEVELS = 9,                       /* all 54 bits of a tick: nothing is too far away */
	TIMER_DUE = TIMER_LEVELS * TIMER_SLOTS, /* the list of those whose tick has come */
};

struct timer {
	struct timer *next;
	struct timer **link; /* what points here; NULL: off */
	uint64_t tick;
	uint16_t slot;
	uint8_t tag; /* the owner's, e.g. in which struct this node lies; not touched here */
};

struct timer_wheel {
	uint64_t tick;
	uint64_t occupied[TIMER_LEVELS]; /* bit s: slot s has timers */
	uint32_t levels;                 /* bit L: occupied[L] is not 0 */
	struct timer *slots[TIMER_DUE + 1];
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_us);

static inline bool timer_armed(const struct timer *t)
{
	return t->link != NULL;
}

/* The time for which an armed timer stands, rounded up to a tick. */
static inline uint64_t timer_at_us(const struct timer *t)
{
	return t->tick * TIMER_TICK_US;
}

/**
 * timer_arm - let @t fire at @at_us, whether it was armed before or not
 * @t: zeroed before its first use; must stay where it is until it fired or was cancelled
 * @at_us: microseconds below 2^63; what is past fires at the next timer_due()
 */
void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t at_us);

void timer_cancel(struct timer_wheel *w, struct timer *t);

/**
 * timer_due - the next timer whose time has come, off again; NULL when there is none
 * @now_us: monotonic; an earlier time than the last one is harmless
 *
 * Call until it gives NULL, or again later for the rest.  Timers armed meanwhile for the past or for now are given as well.
 */
struct timer *timer_due(struct timer_wheel *w, uint64_t now_us);

/* When to call timer_due() at the latest: never after the first timer, though it may be before it (a far slot is
 * then spread over nearer ones).  TIMER_NEVER when all are off. */
uint64_t timer_deadline_us(const struct timer_wheel *w);

#endif
