// SPDX-License-Identifier: MIT
/*
 * tcp_cubic.c - how CUBIC moves the window in congestion avoidance (RFC 9438), in whole numbers
 */
#include "dataplane/net/tcp_cubic.h"

/* A minute from the plateau the window has long met another bound, and the cube still fits into 64 bits. */
enum { FAR_MS = 60000 };

uint32_t tcp_cubic_root(uint64_t v)
{
	uint64_t root = 0;

	/* Bit by bit from the top: 2642245 is the root of 2^64. */
	for (uint64_t bit = 1u << 21; bit; bit >>= 1) {
		uint64_t next = root | bit;

		if (next <= 2642245 && next * next * next <= v)
			root = next;
	}
	return (uint32_t)root;
}

/* C * t^3 in octets (4.2) */
static int64_t cube(int64_t ms, uint32_t mss)
{
	ms = ms > FAR_MS ? FAR_MS : ms < -FAR_MS ? -FAR_MS : ms;
	return ms * ms * ms / 1000 * 4 * mss / 10000000;
}

void tcp_cubic_lost(struct tcp_cubic *k, uint32_t cwnd)
{
	/* 4.7: whoever lost before he came back to where he was leaves room for others. */
	k->w_max = cwnd < k->w_max ? (uint32_t)((uint64_t)cwnd * 17 / 20) : cwnd;
	k->epoch_ms = 0;
}

static void begin(struct tcp_cubic *k, uint32_t cwnd, uint32_t mss, uint32_t now_ms)
{
	k->epoch_ms = now_ms ? now_ms : 1;
	k->w_est = cwnd;
	if (cwnd < k->w_max) {
		/* (2): K^3 = (w_max - cwnd) / C, in ms^3 */
		k->k_ms = tcp_cubic_root((uint64_t)(k->w_max - cwnd) * 2500000000u / mss);
	} else {
		k->k_ms = 0;
		k->w_max = cwnd;
	}
}

uint32_t tcp_cubic_grow(struct tcp_cubic *k, uint32_t cwnd, uint32_t acked, uint32_t mss, uint32_t *remainder,
			uint32_t now_ms, uint32_t srtt_ms)
{
	int64_t target;
	bool friendly;

	if (!k->epoch_ms) {
		begin(k, cwnd, mss, now_ms);
		*remainder = 0;
	}
	acked = acked < cwnd ? acked : cwnd;
	/* (4): as fast as Reno that halves would be; alpha is 3 (1 - beta) / (1 + beta) = 9/17 below the old maximum */
	*remainder += k->w_est < k->w_max ? (uint32_t)((uint64_t)acked * 9 / 17) : acked;
	if (*remainder >= cwnd) {
		*remainder -= cwnd;
		k->w_est += mss;
	}
	/* (1), one RTT ahead, and not more than half as much again (4.2) */
	target = k->w_max + cube((int64_t)(now_ms - k->epoch_ms) - k->k_ms, mss);
	friendly = target < k->w_est;
	if (friendly)
		return k->w_est > cwnd ? k->w_est : cwnd;
	target = k->w_max + cube((int64_t)(now_ms - k->epoch_ms) + srtt_ms - k->k_ms, mss);
	target = target > (int64_t)cwnd + cwnd / 2 ? (int64_t)cwnd + cwnd / 2 : target;
	if (target <= (int64_t)cwnd)
		return cwnd;
	return cwnd + (uint32_t)((uint64_t)(target - cwnd) * acked / cwnd);
}
