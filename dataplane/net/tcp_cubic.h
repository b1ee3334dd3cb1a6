// SPDX-License-Identifier: MIT
/*
 * tcp_cubic.h - how CUBIC moves the window in congestion avoidance (RFC 9438), in whole numbers
 *
 * Octets where the RFC has segments, milliseconds where it has seconds; C is 0.4 and beta 0.7.
 */
#ifndef NET_TCP_CUBIC_H
#define NET_TCP_CUBIC_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_cubic {
	uint32_t w_max;    /* cwnd before it was last reduced, or somewhat less; 0: none */
	uint32_t epoch_ms; /* when this stage of congestion avoidance began; 0: not yet */
	uint32_t k_ms;     /* from there on, when cwnd is w_max again */
	uint32_t w_est;    /* what Reno would have (4.3) */
};

/* beta * @window (4.6) */
static inline uint32_t tcp_cubic_reduced(uint32_t window)
{
	return (uint32_t)((uint64_t)window * 7 / 10);
}

/* cwnd is about to be reduced from @cwnd after a loss. */
void tcp_cubic_lost(struct tcp_cubic *k, uint32_t cwnd);

/* The next growth begins a new stage: after a pause, or time that the user did not use the window (5.8). */
static inline void tcp_cubic_restart(struct tcp_cubic *k)
{
	k->epoch_ms = 0;
}

/**
 * tcp_cubic_grow - the window after an ACK in congestion avoidance
 * @acked: octets that it acknowledged
 * @remainder: kept between calls: what counts for w_est and was not yet enough for a segment
 * @now_ms, @srtt_ms: low 32 bits of a clock; the RTT
 */
uint32_t tcp_cubic_grow(struct tcp_cubic *k, uint32_t cwnd, uint32_t acked, uint32_t mss, uint32_t *remainder,
			uint32_t now_ms, uint32_t srtt_ms);

/* The largest whole number whose cube is not above @v. */
uint32_t tcp_cubic_root(uint64_t v);

#endif
