// SPDX-License-Identifier: MIT
/*
 * rate.h - so many a second and no more: a token bucket that holds one second's worth
 */
#ifndef NET_RATE_H
#define NET_RATE_H

#include "dataplane/base/span.h"

struct rate {
	uint32_t per_s;
	uint64_t level; /* in millionths of a token */
	uint64_t last_us;
};

static inline void rate_init(struct rate *r, uint32_t per_s)
{
	*r = (struct rate){ .per_s = per_s, .level = per_s * UINT64_C(1000000) };
}

/* Takes one token; false when there is none. */
static inline bool rate_take(struct rate *r, uint64_t now_us)
{
	uint64_t most = r->per_s * UINT64_C(1000000), past_us = now_us - r->last_us;

	r->last_us = now_us;
	/* One second fills any bucket, so a longer pause must not be multiplied. */
	r->level = past_us >= 1000000 ? most : r->level + past_us * r->per_s;
	if (r->level > most)
		r->level = most;
	if (r->level < 1000000)
		return false;
	r->level -= 1000000;
	return true;
}

#endif
