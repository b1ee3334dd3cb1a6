// SPDX-License-Identifier: MIT
/*
 * test_impair.c - the line of tests/wire: what becomes of a frame depends on the frame, not on when it comes
 */
#include <stdlib.h>

#include "tests/tap.h"
#include "tests/wire/impair.h"

enum { N = 2000 };

static struct impair a, b;

static struct span frame(uint16_t client, bool from_client, uint32_t seq, uint8_t flags, size_t len)
{
	static uint8_t f[1514];
	uint16_t total = (uint16_t)(40 + len), ports[2] = { client, 25 };

	memset(f, 0, sizeof(f));
	f[12] = 8;
	f[14] = 0x45;
	f[16] = (uint8_t)(total >> 8);
	f[17] = (uint8_t)total;
	f[23] = 6;
	memcpy(f + 26, from_client ? "\xc0\0\2\1\xc0\0\2\2" : "\xc0\0\2\2\xc0\0\2\1", 8);
	for (unsigned i = 0; i < 2; i++) {
		uint16_t port = ports[from_client ? i : 1 - i];

		f[34 + 2 * i] = (uint8_t)(port >> 8);
		f[35 + 2 * i] = (uint8_t)port;
	}
	for (unsigned i = 0; i < 4; i++)
		f[38 + i] = (uint8_t)(seq >> (24 - 8 * i));
	f[46] = 0x50;
	f[47] = flags;
	return span_of(f, 54 + len);
}

static bool lost(struct impair *m, uint32_t seq)
{
	return impair(m, 0, frame(4000, true, seq, 0x10, 100), 0).n == 0;
}

static void start(struct impair *m, uint64_t seed, uint32_t isn, struct impair_harm harm)
{
	memset(m, 0, sizeof(*m));
	m->seed = seed;
	m->harm[0] = m->harm[1] = harm;
	impair(m, 0, frame(4000, true, isn, 2, 0), 0);
}

static void independence(void)
{
	static bool first[N];
	struct impair_harm harm = { .loss = 10000 };
	unsigned differ = 0, again = 0, n_lost = 0, other = 0;

	start(&a, 7, 1000, harm);
	start(&b, 7, 0xfffffff0u, harm);
	for (uint32_t i = 0; i < N; i++)
		n_lost += first[i] = lost(&a, 1001 + 100 * i);
	for (uint32_t i = N; i-- > 0;) /* the other way round, with ACKs between and other sequence numbers */
		differ += impair(&b, 1, frame(4000, false, 5, 0x10, 0), i).n > 2 ||
			  lost(&b, 0xfffffff1u + 100 * i) != first[i];
	ok(differ == 0, "a frame's fate depends neither on the order nor on the initial sequence number");
	ok(n_lost > N / 10 * 3 / 4 && n_lost < N / 10 * 5 / 4, "about as many are lost as asked for: %u of %u", n_lost,
	   N);
	for (uint32_t i = 0; i < N; i++)
		again += lost(&a, 1001 + 100 * i) && first[i];
	ok(again < N / 100 * 3 && again > 0, "a frame sent again has a draw of its own: %u were lost twice", again);
	start(&b, 8, 1000, harm);
	for (uint32_t i = 0; i < N; i++)
		other += lost(&b, 1001 + 100 * i) != first[i];
	ok(other > N / 10, "another seed is another network");
	start(&b, 7, 1000, harm);
	impair(&b, 0, frame(4000, true, 77, 2, 0), 0);
	ok(b.n_flows == 2, "the same ports with another SYN are another connection");
	impair(&b, 1, frame(4000, false, 5, 0x12, 0), 0);
	impair(&b, 0, frame(4000, true, 77, 2, 0), 0);
	ok(b.n_flows == 2, "a SYN sent again is not, nor is its answer");
}

static void harms(void)
{
	struct impair_harm harm = { .repeat = 20000, .corrupt = 30000, .delay_us = 500, .jitter_us = 100 };
	unsigned n_twice = 0, n_bad = 0, n_early = 0, n_header = 0;

	start(&a, 3, 0, harm);
	for (uint32_t i = 0; i < N; i++) {
		struct impair_fate f = impair(&a, 0, frame(4000, true, 1 + i, 0x10, 20), 1000);

		n_twice += f.n == 2;
		n_bad += f.bit[0] != 0;
		n_header += f.bit[0] && (f.bit[0] < 112 || f.bit[0] >= 74 * 8);
		n_early += f.at_us[0] < 1500 || f.at_us[0] >= 1600;
	}
	ok(n_twice > N / 5 * 3 / 4 && n_twice < N / 5 * 5 / 4, "some come twice: %u", n_twice);
	ok(n_bad > N / 10 * 2 && n_bad < N / 10 * 4, "some are damaged: %u", n_bad);
	ok(n_header == 0, "within the packet, not in the Ethernet header");
	ok(n_early == 0, "all are delayed within the bounds");
	harm = (struct impair_harm){ .rate = 74000, .queue_max = 740 };
	start(&a, 3, 0, harm);
	unsigned n_through = 0;
	uint64_t last_us = 0;

	for (uint32_t i = 0; i < 100; i++) {
		struct impair_fate f = impair(&a, 0, frame(4000, true, 1 + i, 0x10, 20), 10000);

		n_through += f.n;
		last_us = f.n ? f.at_us[0] : last_us;
	}
	ok(n_through == 11 && last_us == 10000 + 11 * 1000, "a rate lets one out at a time, and its queue has an end");
	harm = (struct impair_harm){ .loss = IMPAIR_OF, .delay_us = 5 };
	start(&a, 3, 0, harm);
	struct span arp = frame(4000, true, 1, 0x10, 20);

	((uint8_t *)(uintptr_t)arp.at)[13] = 6;
	ok(impair(&a, 0, arp, 0).n == 1, "ARP is carried whatever the loss");
}

/* Whatever a frame says of itself, nothing beyond its end is looked at (ASan watches). */
static void hostile(void)
{
	uint64_t random = 88172645463325252u;

	start(&a, 3, 0, (struct impair_harm){ .loss = 50000, .corrupt = 50000 });
	for (unsigned i = 0; i < 20000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		struct span f =
			frame((uint16_t)random, true, (uint32_t)random, (uint8_t)(random >> 8), random >> 16 & 63);
		size_t len = (random >> 24) % (f.len + 1);
		uint8_t *copy = malloc(len ? len : 1);

		memcpy(copy, f.at, len);
		if (len > 14)
			copy[14 + (random >> 40) % (len - 14)] = (uint8_t)(random >> 32);
		if (len > 14 && i % 2)
			copy[12] = 0x86, copy[13] = 0xdd;
		impair(&a, i % 2, span_of(copy, len), i);
		free(copy);
	}
	ok(a.n_flows > 100, "frames cut short and spoilt are looked at within their bounds");
}

int main(void)
{
	independence();
	harms();
	hostile();
	return done();
}
