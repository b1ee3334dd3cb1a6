// SPDX-License-Identifier: MIT
/*
 * test_neighbour.c - the neighbour table when it is full, and a random walk with its invariants
 */
#include <stdlib.h>

#include "dataplane/net/neighbour.h"
#include "tests/tap.h"

#define S UINT64_C(1000000)

static struct stats stats;
static struct neighbours t;
static unsigned n_dropped;

static void on_drop(void *arg, struct neighbour *gone)
{
	(void)arg;
	(void)gone;
	n_dropped++;
}

static void start(uint32_t n_max)
{
	static _Alignas(64) uint8_t memory[65536];
	static const struct siphash_key key = { 1, 2 };

	CHECK(neighbour_memory(n_max) <= sizeof(memory));
	memset(&stats, 0, sizeof(stats));
	n_dropped = 0;
	neighbour_init(&t, memory, n_max, &key, &stats);
	t.on_drop = on_drop;
}

static struct ip_addr host(unsigned i)
{
	return ip_addr_of4((const uint8_t[]){ 10, 0, (uint8_t)(i >> 8), (uint8_t)i });
}

static const uint8_t *mac_of(unsigned i)
{
	static uint8_t mac[6];

	mac[0] = 2;
	mac[4] = (uint8_t)(i >> 8);
	mac[5] = (uint8_t)i;
	return mac;
}

static struct neighbour *want(unsigned i, bool keep, uint64_t now_us)
{
	struct ip_addr a = host(i);

	return neighbour_want(&t, 0, &a, keep, now_us);
}

static struct neighbour *answer(unsigned i, uint64_t now_us)
{
	struct ip_addr a = host(i);

	return neighbour_answer(&t, 0, &a, mac_of(i), now_us);
}

static bool is_there(unsigned i)
{
	struct ip_addr a = host(i);

	return neighbour_find(&t, 0, &a) != NULL;
}

static void unknown_ones_take_half(void)
{
	start(8);
	for (unsigned i = 0; i < 4; i++)
		(void)want(i, false, S);
	ok(t.n_without_mac == 4 && !want(4, false, S), "a fifth unknown neighbour in eight places is refused");
	ok(stats.net_neighbours_full == 1, "and counted");
	while (neighbour_ask(&t, S))
		;
	ok(want(4, false, S) && !is_there(0) && is_there(1) && n_dropped == 1,
	   "once they are asked, the one asked first makes room");
	for (unsigned i = 1; i < 5; i++)
		(void)answer(i, S);
	while (neighbour_ask(&t, S))
		;
	ok(answer(4, S) && t.n_without_mac == 0, "whoever answers does not count any more");
	ok(want(5, false, S) != NULL, "and leaves room for others to be asked");
}

static void the_longest_silent_goes(void)
{
	start(4);
	for (unsigned i = 0; i < 4; i++) {
		(void)want(i, i == 0, S);
		(void)neighbour_ask(&t, S);
		(void)answer(i, S + i);
	}
	ok(t.n_used == 4 && want(9, false, 2 * S), "a full table takes one more");
	ok(is_there(0), "the gateway stays, though it answered first");
	ok(!is_there(1) && is_there(2) && is_there(3), "the next in age went");
	ok(stats.net_neighbours_evicted == 1, "and was counted");
}

static void questions_are_few(void)
{
	unsigned n_asked = 0;

	start(256);
	t.asks.per_s = 10;
	t.asks.level = 10 * S;
	for (unsigned i = 0; i < 100; i++)
		(void)want(i, false, S);
	while (neighbour_ask(&t, S))
		n_asked++;
	ok(n_asked == 10, "ten questions a second and no more");
	ok(neighbour_deadline_us(&t) > S && neighbour_deadline_us(&t) <= S + S / 10, "the others come later");
	ok(neighbour_ask(&t, S + S / 10) != NULL, "as soon as there is a token");
	ok(NEIGHBOUR_ASKS_PER_S == 1000, "the real rate is a thousand");
}

/* Every entry is in exactly one list and one bucket, and the counters add up. */
static bool is_consistent(void)
{
	uint32_t n_listed = 0, n_chained = 0, n_without_mac = 0;

	for (unsigned list = NEIGHBOUR_DUE; list < NEIGHBOUR_LISTS; list++)
		for (const struct neighbour *n = t.lists[list].first, *previous = NULL; n; previous = n, n = n->next) {
			if (n->list != list || n->previous != previous)
				return false;
			if (!n->has_mac && (list == NEIGHBOUR_KNOWN || list == NEIGHBOUR_PROBED))
				return false;
			n_listed++;
			n_without_mac += !n->has_mac;
		}
	for (uint32_t b = 0; b <= t.bucket_mask; b++)
		for (const struct neighbour *n = t.buckets[b]; n; n = n->chain)
			n_chained++;
	return n_listed == t.n_used && n_chained == t.n_used && n_without_mac == t.n_without_mac &&
	       t.n_without_mac <= t.n_max;
}

static void random_walk(void)
{
	uint64_t now_us = S;
	bool consistent = true;
	unsigned n_moved = 0;

	start(32);
	srand(1);
	for (unsigned round = 0; round < 200000 && consistent; round++) {
		/* By turns many neighbours, for whom there is no room, and a few, of whom some never answer. */
		unsigned i = round / 1000 % 2 ? 52 + (unsigned)rand() % 8 : (unsigned)rand() % 64;
		struct ip_addr a = host(i);
		struct neighbour *n;

		switch (rand() % 6) {
		case 0:
		case 1:
			(void)want(i, i < 2, now_us);
			break;
		case 2:
			n = neighbour_ask(&t, now_us);
			if (n && n->addr.bytes[3] < 56 && rand() % 2)
				(void)neighbour_answer(&t, 0, &n->addr, mac_of(n->addr.bytes[3]), now_us);
			break;
		case 3:
			(void)neighbour_hint(&t, 0, &a, mac_of(i + 1000), false, now_us);
			break;
		case 4:
			if (i < 56)
				(void)answer(i, now_us);
			break;
		case 5:
			now_us += (uint64_t)rand() % (S / 4);
			break;
		}
		n = neighbour_find(&t, 0, &a);
		if (n && n->has_mac && n->mac[4] >= 3)
			n_moved++;
		consistent = is_consistent();
	}
	ok(consistent, "after each of 200000 random steps every entry is in one list and one bucket");
	ok(n_moved == 0, "and no unsolicited claim ever got into the table");
	ok(stats.net_neighbours_evicted > 0 && stats.net_neighbours_unreachable > 0 &&
		   stats.net_neighbours_contradicted > 0,
	   "the walk went through eviction, silence and contradiction");
}

int main(void)
{
	unknown_ones_take_half();
	the_longest_silent_goes();
	questions_are_few();
	random_walk();
	return done();
}
