// SPDX-License-Identifier: MIT
/*
 * timer.c - a hierarchical timing wheel: timers by the hundred thousand, each armed and cancelled in O(1)
 */
#include <string.h>

#include "dataplane/base/check.h"
#include "dataplane/base/timer.h"

void timer_wheel_init(struct timer_wheel *w, uint64_t now_us)
{
	memset(w, 0, sizeof(*w));
	w->tick = now_us / TIMER_TICK_US;
}

static void put(struct timer_wheel *w, struct timer *t)
{
	unsigned slot = TIMER_DUE;

	if (t->tick > w->tick) {
		unsigned level = (63u - (unsigned)__builtin_clzll(t->tick ^ w->tick)) / TIMER_LEVEL_BITS;
		unsigned digit = (unsigned)(t->tick >> (TIMER_LEVEL_BITS * level)) % TIMER_SLOTS;

		slot = level * TIMER_SLOTS + digit;
		w->occupied[level] |= 1ull << digit;
		w->levels |= 1u << level;
	}
	t->slot = (uint16_t)slot;
	t->next = w->slots[slot];
	if (t->next)
		t->next->link = &t->next;
	t->link = &w->slots[slot];
	w->slots[slot] = t;
}

static void mark_empty(struct timer_wheel *w, unsigned slot)
{
	unsigned level = slot / TIMER_SLOTS;

	if (slot == TIMER_DUE)
		return;
	w->occupied[level] &= ~(1ull << (slot % TIMER_SLOTS));
	if (!w->occupied[level])
		w->levels &= ~(1u << level);
}

void timer_cancel(struct timer_wheel *w, struct timer *t)
{
	if (!timer_armed(t))
		return;
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->link = NULL;
	if (!w->slots[t->slot])
		mark_empty(w, t->slot);
}

void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t at_us)
{
	DCHECK(at_us < 1ull << 63);
	timer_cancel(w, t);
	t->tick = at_us / TIMER_TICK_US + (at_us % TIMER_TICK_US != 0);
	put(w, t);
}

/* First tick of the nearest occupied slot. */
static uint64_t nearest(const struct timer_wheel *w, unsigned *slot)
{
	if (!w->levels)
		return TIMER_NEVER;
	unsigned level = (unsigned)__builtin_ctz(w->levels), shift = TIMER_LEVEL_BITS * level;
	unsigned digit = (unsigned)__builtin_ctzll(w->occupied[level]);

	*slot = level * TIMER_SLOTS + digit;
	return (w->tick >> shift >> TIMER_LEVEL_BITS << TIMER_LEVEL_BITS | digit) << shift;
}

struct timer *timer_due(struct timer_wheel *w, uint64_t now_us)
{
	uint64_t now = now_us / TIMER_TICK_US;
	unsigned slot = TIMER_DUE;

	for (;;) {
		struct timer *t = w->slots[TIMER_DUE];

		if (t) {
			timer_cancel(w, t);
			return t;
		}
		uint64_t tick = nearest(w, &slot);
		if (tick > now)
			break;
		/* No slot was passed over, so the other timers still lie where their tick says. */
		w->tick = tick;
		t = w->slots[slot];
		w->slots[slot] = NULL;
		mark_empty(w, slot);
		while (t) {
			struct timer *next = t->next;

			put(w, t);
			t = next;
		}
	}
	if (now > w->tick)
		w->tick = now;
	return NULL;
}

uint64_t timer_deadline_us(const struct timer_wheel *w)
{
	unsigned slot;

	if (w->slots[TIMER_DUE])
		return w->tick * TIMER_TICK_US;
	uint64_t tick = nearest(w, &slot);
	return tick == TIMER_NEVER ? TIMER_NEVER : tick * TIMER_TICK_US;
}
