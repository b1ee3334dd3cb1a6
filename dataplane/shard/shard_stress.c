// SPDX-License-Identifier: MIT
/*
 * shard_stress.c - when a worker is nearly full, each client is granted less (the idea is Postfix's STRESS_README)
 *
 * Whoever holds a place without need, an idle bot or a sender that drips, holds it shorter, so that there is one for the
 * next.  Whatever has a pool of its own counts, and the fullest decides; so does the queue of signatures.  Packet buffers do
 * not: what they bring is copied into TCP's blocks within the turn, and these are what fills.
 */
#include "dataplane/shard/shard_state.h"

#define LOOK_US 1000    /* a worker that polls takes a million turns a second */
#define REARM_MAX 64    /* clients whose timers are set anew in one turn */
#define LESS_PERCENT 10 /* stress ends so far below the mark, so that it does not come and go */

static unsigned fullest_percent(const struct shard *s, unsigned jobs)
{
	const struct pool *const pools[] = { &s->clients, &s->rooms, &s->txns, msg_store_blocks(s->store),
					     tcp_pool(s->tcp, TCP_POOL_BLOCKS) };
	unsigned fullest = jobs * 100 / SHARD_JOBS_MAX;

	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		unsigned percent = (unsigned)(pools[i]->n_used * 100 / pools[i]->n_total);

		fullest = percent > fullest ? percent : fullest;
	}
	return fullest;
}

static void look(struct shard *s)
{
	struct stress *t = &s->stress;
	uint64_t mark = s->config->settings->stress_percent;
	bool before = t->on;

	uint32_t jobs = crypto_batch_under_way(s->crypto);
	t->jobs_most = jobs > t->jobs_most ? jobs : t->jobs_most;
	t->percent = (uint8_t)fullest_percent(s, jobs);
	t->most = t->percent > t->most ? t->percent : t->most;
	t->on = mark && t->percent + (before ? LESS_PERCENT : 0U) >= mark;
	s->stats.shard_stressed = t->on;
	if (before || !t->on)
		return;
	s->stats.shard_stress_begun++;
	t->rearm = s->live;
}

void stress_step(struct shard *s, uint64_t now_us)
{
	struct stress *t = &s->stress;

	if (now_us - t->looked_us >= LOOK_US) {
		t->looked_us = now_us;
		look(s);
	}
	/* Timers that were set for longer than is granted now; those that are set for shorter find out when they are due. */
	for (unsigned i = 0; t->rearm && i < REARM_MAX; i++) {
		struct client *c = t->rearm;

		t->rearm = c->next;
		client_arm(s, c, now_us);
	}
}
