// SPDX-License-Identifier: MIT
/*
 * bench_floor.c - what everyone pays for a signed message, and how still this processor holds
 *
 * The floor of a message: its octets through SHA-256 once, and one RSA-2048 verification, both by plain OpenSSL.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "crypto/crypto_openssl.h"
#include "dataplane/base/histogram.h"
#include "tools/bench/bench_crypto.h"
#include "tools/bench/bench_figure.h"
#include "tools/bench/bench_floor.h"

enum { ROUNDS = 31, TEXT = 1 << 20 };

static double sha256_s_per_octet(void)
{
	static uint8_t text[TEXT];
	const struct hash_ops *ops = &crypto_openssl_hash;
	double took[ROUNDS];

	for (size_t i = 0; i < TEXT; i++)
		text[i] = (uint8_t)(rand() >> 8);
	for (int r = 0; r < ROUNDS; r++) {
		struct hash_state h;
		uint8_t digest[SHA256_LEN];
		double start = now_s();

		ops->sha256_init(&h);
		ops->sha256_update(&h, span_of(text, TEXT));
		ops->sha256_final(&h, digest);
		took[r] = (now_s() - start) / TEXT;
	}
	return median(took, ROUNDS);
}

static double wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Of the counter that figures in cycles are told by. */
static void say_cycle_rate(void)
{
#ifdef __x86_64__
	double start = wall_s();
	uint64_t cycles = __rdtsc();

	while (wall_s() - start < 0.05)
		continue;
	say("machine.cycles_per_us", (double)(__rdtsc() - cycles) / ((wall_s() - start) * 1e6), "cycles_per_us");
#endif
}

void bench_floor(void)
{
	double rsa[ROUNDS], octet, verify;

	say_cycle_rate();
	octet = sha256_s_per_octet();
	for (int r = 0; r < ROUNDS; r++)
		rsa[r] = bench_rsa2048_s();
	verify = median(rsa, ROUNDS);
	say("floor.sha256.ns_per_octet", octet * 1e9, "ns_an_octet");
	say("floor.sha256_multi.ns_per_octet", octet * 1e9 / bench_sha256_multi_ratio(), "ns_an_octet");
	say("floor.rsa2048.us", verify * 1e6, "us_a_verification");
	say("floor.4k.us", (4096 * octet + verify) * 1e6, "us_a_message");
	say("floor.75k.us", (76800 * octet + verify) * 1e6, "us_a_message");
}

/* The longest gap of each 200 us: what a message that takes so long would have met. */
void bench_jitter(void)
{
	static struct histogram gaps_ns;
	double begin = wall_s(), last = begin, window = begin, longest = 0;

	while (last - begin < 2) {
		double now = wall_s(), gap = now - last;

		longest = gap > longest ? gap : longest;
		last = now;
		if (now - window < 200e-6)
			continue;
		histogram_add(&gaps_ns, (uint64_t)(longest * 1e9));
		window = now;
		longest = 0;
	}
	say("machine.jitter.p50_us", (double)histogram_quantile(&gaps_ns, 0.5) / 1000, "us_of_each_200");
	say("machine.jitter.p99_us", (double)histogram_quantile(&gaps_ns, 0.99) / 1000, "us_of_each_200");
	say("machine.jitter.p99_9_us", (double)histogram_quantile(&gaps_ns, 0.999) / 1000, "us_of_each_200");
	say("machine.jitter.max_us", (double)gaps_ns.most / 1000, "us_of_each_200");
}
