// SPDX-License-Identifier: MIT
/*
 * bench_lists.c - one look-up among a million prefixes, and the time to read and build them
 *
 * Prefixes of 16 to 32 bits all over IPv4, of 32 to 64 all over 2a00::/12; addresses at random, so that neither the
 * borders nor the index stay in a near cache: mail comes from everywhere.
 */
#include "ctrlplane/lists_build.h"
#include "tools/bench/bench_figure.h"
#include "tools/bench/bench_lists.h"

enum { PREFIXES = 1000000, ADDRESSES = 1 << 16, ROUNDS = 15 };

static void hear(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

static size_t one_line(char *at, bool wide)
{
	if (wide)
		return (size_t)snprintf(at, 48, "deny prefix 2a%02x:%x:%x:%x::/%d\n", rand() % 16, rand() % 65536,
					rand() % 65536, rand() % 65536, 32 + rand() % 33);
	return (size_t)snprintf(at, 48, "deny prefix %d.%d.%d.%d/%d\n", rand() % 224, rand() % 256, rand() % 256,
				rand() % 256, 16 + rand() % 17);
}

static struct ip_addr somewhere(bool wide)
{
	struct ip_addr a = { .family = wide ? IP_V6 : IP_V4 };

	for (size_t i = 0; i < ip_addr_len(&a); i++)
		a.bytes[i] = (uint8_t)rand();
	if (wide) {
		a.bytes[0] = 0x2a;
		a.bytes[1] &= 15;
	}
	return a;
}

static void bench_family(bool wide, const char *look_up, const char *load)
{
	static struct ip_addr addresses[ADDRESSES];
	char *text = malloc(PREFIXES * (size_t)48);
	double times[ROUNDS];
	volatile unsigned sum = 0;
	size_t len = 0;

	if (!text)
		return;
	for (size_t i = 0; i < PREFIXES; i++)
		len += one_line(text + len, wide);
	double begun = now_s();
	struct lists *l = lists_load_text(&lists_access, span_of(text, len), "bench", PREFIXES, hear, NULL);
	double took = now_s() - begun;
	free(text);
	if (!l)
		return;
	for (size_t i = 0; i < ADDRESSES; i++)
		addresses[i] = somewhere(wide);
	for (size_t r = 0; r < ROUNDS; r++) {
		unsigned found = 0;

		begun = now_s();
		for (size_t i = 0; i < ADDRESSES; i++)
			found += lists_prefix(l, &addresses[i]);
		times[r] = (now_s() - begun) / ADDRESSES * 1e9;
		sum += found;
	}
	say(look_up, median(times, ROUNDS), "ns");
	say(load, took, "s");
	lists_free(l);
}

void bench_lists(void)
{
	bench_family(false, "lists.prefix_lookup.ns", "lists.load.s");
	bench_family(true, "lists.prefix6_lookup.ns", "lists.load6.s");
}
