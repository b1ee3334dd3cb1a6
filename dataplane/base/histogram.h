// SPDX-License-Identifier: MIT
/*
 * histogram.h - times by their size, to some 3 %: 32 steps to each power of two
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 32
#define HISTOGRAM_POWERS 40

struct histogram {
	uint64_t n, most;
	uint64_t counts[HISTOGRAM_POWERS * HISTOGRAM_STEPS];
};

static inline unsigned histogram_slot(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	unsigned power = 63u - (unsigned)__builtin_clzll(value); /* 5 or more */
	unsigned slot = (power - 4) * HISTOGRAM_STEPS + (unsigned)(value >> (power - 5)) - HISTOGRAM_STEPS;

	return slot < HISTOGRAM_POWERS * HISTOGRAM_STEPS ? slot : HISTOGRAM_POWERS * HISTOGRAM_STEPS - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->n++;
	if (value > h->most)
		h->most = value;
	h->counts[histogram_slot(value)]++;
}

/* The largest value of a slot. */
static inline uint64_t histogram_value(unsigned slot)
{
	if (slot < HISTOGRAM_STEPS)
		return slot;
	unsigned power = slot / HISTOGRAM_STEPS + 4;

	return ((uint64_t)(slot % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << (power - 5)) - 1;
}

static inline void histogram_sum(struct histogram *to, const struct histogram *from)
{
	to->n += from->n;
	if (from->most > to->most)
		to->most = from->most;
	for (unsigned i = 0; i < HISTOGRAM_POWERS * HISTOGRAM_STEPS; i++)
		to->counts[i] += from->counts[i];
}

/* What @share of the values, 0 to 1, do not exceed; 0 when there are none. */
static inline uint64_t histogram_quantile(const struct histogram *h, double share)
{
	uint64_t left = (uint64_t)((double)h->n * share);

	for (unsigned i = 0; h->n && i < HISTOGRAM_POWERS * HISTOGRAM_STEPS; i++) {
		if (h->counts[i] > left || h->counts[i] == h->n)
			return histogram_value(i) < h->most ? histogram_value(i) : h->most;
		left -= h->counts[i];
	}
	return h->most;
}

#endif
