// SPDX-License-Identifier: MIT
/*
 * shard_hop.c - the next hops, and the messages that wait for one
 *
 * A message takes a free connection of the first next hop that works, else a new one is opened, else it waits, at most
 * relay.wait_ms.  Nothing is queued beyond that: a message that cannot be handed on now is the client's again (4yz).
 */
#include "dataplane/shard/shard_state.h"

/* --- messages that wait ------------------------------------------------------------------------ */

static void waiting_add(struct shard *s, struct txn *t)
{
	t->next = NULL;
	*s->waiting_end = t;
	s->waiting_end = &t->next;
	s->n_waiting++;
}

void hop_leave(struct shard *s, struct txn *t)
{
	for (struct txn **link = &s->waiting; *link; link = &(*link)->next) {
		if (*link != t)
			continue;
		*link = t->next;
		if (s->waiting_end == &t->next)
			s->waiting_end = link;
		s->n_waiting--;
		return;
	}
}

void hop_met(struct shard *s, struct relay *r)
{
	r->hop->met = true;
	r->hop->offers = smtp_relay_offers(&r->smtp);
	r->hop->size_max = smtp_relay_size_max(&r->smtp);
	config_offers(s);
}

/* --- bringing both together -------------------------------------------------------------------- */

static struct relay *free_relay(const struct shard *s)
{
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		for (struct relay *r = s->hops[i].relays; r; r = r->next)
			if (r->ready && !r->closing && !r->txn && r->out_at == r->out_len)
				return r;
	return NULL;
}

/* Opens one more connection if fewer are on their way than messages wait; when all next hops are down, one to see
 * whether they still are.  False: none could be opened, and none is open. */
static bool open_more(struct shard *s, uint64_t now_us)
{
	uint32_t n_on_the_way = 0, n_busy = 0;

	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		n_on_the_way += s->hops[i].n_connecting;
		n_busy += s->hops[i].n_relays;
	}
	if (n_on_the_way >= s->n_waiting)
		return true;
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		if (s->hops[i].down_until_us <= now_us && relay_connect(s, &s->hops[i], now_us))
			return true;
	for (unsigned i = 0; n_busy == 0 && i < s->env.settings->n_next_hops; i++)
		if (relay_connect(s, &s->hops[i], now_us))
			return true;
	return n_busy > 0;
}

static void fail_first(struct shard *s, uint64_t now_us)
{
	struct txn *t = s->waiting;
	struct smtp_reply reply;

	hop_leave(s, t);
	s->stats.shard_relay_down++;
	smtp_reply_set(&reply, 451, 4, 4, 1, SPAN("No next hop can be reached; try later"));
	txn_finish(s, t, &reply, now_us);
}

/* A connection attempt came to nothing, at the latest before EHLO was answered.  When no next hop is left to try,
 * nobody waits for what does not come. */
void hop_connect_failed(struct shard *s, struct hop *h, uint64_t now_us)
{
	s->stats.shard_relay_connect_failed++;
	h->down_until_us = now_us + SHARD_HOP_RETRY_US;
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		if (s->hops[i].n_relays || s->hops[i].down_until_us <= now_us)
			return;
	while (s->waiting)
		fail_first(s, now_us);
}

void hop_dispatch(struct shard *s, uint64_t now_us)
{
	s->dispatch = false;
	while (s->waiting) {
		struct relay *r = free_relay(s);
		struct txn *t = s->waiting;

		if (r && r->used && t->retried) { /* it has come free meanwhile, and may be as stale as the first */
			relay_drop_idle(s, r->hop, now_us);
			continue;
		}
		if (r) {
			hop_leave(s, t);
			relay_start(s, r, t, now_us);
			relay_run(s, r, now_us);
			continue;
		}
		if (open_more(s, now_us))
			return;
		fail_first(s, now_us);
	}
}

void hop_take(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct smtp_reply reply;

	t->phase = TXN_WAITING;
	if (s->n_waiting >= config_settings(s, t->config)->relay_waiting_max) {
		s->stats.shard_relay_full++;
		smtp_reply_set(&reply, 451, 4, 3, 2, SPAN("Too many messages wait for the next hop; try later"));
		txn_finish(s, t, &reply, now_us);
		return;
	}
	timer_arm(&s->timers, &t->timer, now_us + config_settings(s, t->config)->relay_wait_ms * 1000);
	waiting_add(s, t);
	s->dispatch = true;
}
