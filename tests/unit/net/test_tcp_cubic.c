// SPDX-License-Identifier: MIT
/*
 * test_tcp_cubic.c - CUBIC beside a twin in floating point (RFC 9438)
 */
#include <math.h>

#include "dataplane/net/tcp_cubic.h"
#include "tests/tap.h"

static uint64_t random_state = 7;

static uint64_t draw64(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return random_state ^ random_state >> 29;
}

static void roots(void)
{
	bool good = true;

	for (uint64_t n = 0; n < 2642245; n = n * 3 / 2 + 1)
		good = good && tcp_cubic_root(n * n * n) == n && (n == 0 || tcp_cubic_root(n * n * n - 1) == n - 1);
	ok(good, "cubes have their roots, and what is one below the next smaller one");
	ok(tcp_cubic_root(UINT64_MAX) == 2642245, "up to 2^64");
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t v = draw64() >> draw64() % 64, r = tcp_cubic_root(v);

		good = good && r * r * r <= v && (r == 2642245 || (r + 1) * (r + 1) * (r + 1) > v);
	}
	ok(good, "random numbers as well");
}

/* W_cubic(t) of RFC 9438 (1), in octets and seconds */
static double w_cubic(double w_max, double cwnd, double mss, double t)
{
	double k = cbrt((w_max - cwnd) / mss / 0.4);

	return 0.4 * pow(t - k, 3) * mss + w_max;
}

/* A window that just lost at @w_max grows with one ACK of two segments at a time, @rtt_ms round trips. */
static void curve(uint32_t w_max, uint32_t mss, uint32_t rtt_ms)
{
	struct tcp_cubic k = { 0 };
	uint32_t cwnd = tcp_cubic_reduced(w_max), remainder = 0, from = cwnd, worst = 0;
	double t_ms = 1, limit_ms = 0;

	tcp_cubic_lost(&k, w_max);
	limit_ms = 1.5 * 1000 * cbrt((w_max - cwnd) / (double)mss / 0.4);
	for (; t_ms < limit_ms; t_ms += rtt_ms * 2.0 * mss / cwnd) {
		cwnd = tcp_cubic_grow(&k, cwnd, 2 * mss, mss, &remainder, (uint32_t)t_ms, rtt_ms);
		double want = w_cubic(w_max, from, mss, t_ms / 1000), off = fabs(cwnd - want) / w_max * 1000;

		worst = t_ms > 3 * rtt_ms && off > worst ? (uint32_t)off : worst;
	}
	ok(worst <= 40, "from %u of %u octets, RTT %u ms: within 4 %% of the curve (%u per mille)", from, w_max, rtt_ms,
	   worst);
}

int main(void)
{
	struct tcp_cubic k = { 0 };
	uint32_t cwnd, remainder = 0;

	roots();
	curve(2000000, 1448, 100);
	curve(4000000, 1448, 60);
	curve(4000000, 8948, 100);
	curve(30000000, 1448, 200);

	tcp_cubic_lost(&k, 100000);
	ok(k.w_max == 100000, "the maximum is where the loss was");
	tcp_cubic_lost(&k, 80000);
	ok(k.w_max == 68000, "a loss before it is reached again leaves room for others (4.7)");

	/* 20 segments, RTT 10 ms: Reno is faster than the cube, and CUBIC no slower than Reno (4.3) */
	k = (struct tcp_cubic){ 0 };
	tcp_cubic_lost(&k, 28960);
	cwnd = tcp_cubic_reduced(28960);
	for (uint32_t ack = 0; ack < 14 * 40; ack++)
		cwnd = tcp_cubic_grow(&k, cwnd, 1448, 1448, &remainder, 1 + ack * 10 / 14, 10);
	ok(cwnd > 28960 && cwnd < 28960 + 30 * 1448, "short round trips: as fast as Reno (%u)", cwnd);

	k = (struct tcp_cubic){ 0 };
	cwnd = tcp_cubic_grow(&k, 100000, 1448, 1448, &remainder, 5000, 100);
	ok(k.k_ms == 0 && k.w_max == 100000,
	   "without a loss before, or after a timeout, it starts on the plateau (4.8)");
	cwnd = tcp_cubic_grow(&k, 100000, UINT32_MAX, 9000, &remainder, 3000000000u, 100);
	ok(cwnd <= 150000, "no more than half as much again in one step, however long ago that was (%u)", cwnd);
	return done();
}
