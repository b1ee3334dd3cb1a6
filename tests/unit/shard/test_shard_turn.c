// SPDX-License-Identifier: MIT
/*
 * test_shard_turn.c - what one turn does of what waits, when all of it takes time
 */
#include "tests/unit/shard/shard_world.h"

static uint64_t clock_us, step_us;

/* Each look at the clock finds it later, as if what was done between two of them had taken that long. */
static uint64_t ticking(void *arg)
{
	(void)arg;
	return clock_us += step_us;
}

/* Answers that nobody waits for any more; they are counted. */
static void answers(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct shard_answer *a = calloc(1, sizeof(*a) + sizeof(struct dns_answer));

		CHECK(a);
		a->m.kind = SHARD_DOWN_ANSWER;
		CHECK(dns_question_set(&a->q, DNS_TXT, SPAN("late.example")));
		a->ticket = UINT32_MAX; /* of a transaction that never was */
		dns_answer_init(a->answer, sizeof(struct dns_answer), DNS_SERVFAIL, 0);
		CHECK(ring_put(&world.link.down, a));
	}
}

/* How many of @n answers one turn takes, which began @before_us ago. */
static unsigned taken(unsigned n, uint64_t before_us)
{
	uint64_t late = shard_stats(world.shard)->shard_dns_late;

	answers(n);
	clock_us = world.now_us + before_us;
	shard_tick(world.shard, world.now_us, UNIX_US + world.now_us, true);
	unsigned first = (unsigned)(shard_stats(world.shard)->shard_dns_late - late);

	world_turn(); /* the rest */
	ok(shard_stats(world.shard)->shard_dns_late - late == n, "all %u come to their turn", n);
	return first;
}

static void shares(void)
{
	world_settings();
	world.clock_us = ticking;
	world_open();
	step_us = 0;
	ok(taken(10, 0) == 10, "answers that cost nothing are taken at once");
	ok(taken(200, 0) == SHARD_TURN_MAX, "but not more than there is a bound for");
	step_us = 10;
	ok(taken(40, 0) == SHARD_TURN_SHARE_US / 10, "those that take 10 us each: as many as the share has room for");
	ok(taken(40, 300) == 31, "after 300 us of frames they have as long as these had");
	step_us = 1000;
	ok(taken(3, 0) == 1, "one that takes longer than the share is taken alone");
	world_close();
}

int main(void)
{
	shares();
	return done();
}
