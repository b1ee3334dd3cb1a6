// SPDX-License-Identifier: MIT
/*
 * tcp_seq.h - comparing sequence numbers, which wrap (RFC 9293 3.4)
 *
 * Right as long as the two are less than 2^31 apart, which windows (at most 2^30, RFC 7323 2.3) see to.
 */
#ifndef NET_TCP_SEQ_H
#define NET_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_lt(b, a);
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
	return seq_le(b, a);
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

/* How far @b is after @a; 0 when it is not. */
static inline uint32_t seq_past(uint32_t a, uint32_t b)
{
	return seq_gt(b, a) ? b - a : 0;
}

#endif
