// SPDX-License-Identifier: MIT
/*
 * shard_hop_change.c - a next hop that becomes another server, by new settings
 *
 * A next hop is known by its place in the list.  What was learnt of the server that had the place does not hold for the one
 * that has it now: it is met anew.  Messages that are being handed over end where they began.  A message that still waits may
 * go to those of its next hops that are the same as when its client came; if none is, it is the client's again (451), for by
 * the settings that it began with it would go to a stranger.
 */
#include "dataplane/shard/shard_state.h"

/* Whom we meet there and how we know him; not what he gets (priority, weight, recipients_max, identity). */
static bool is_same_server(const struct settings_next_hop *a, const struct settings_next_hop *b)
{
	return ip_addr_eq(&a->addr, &b->addr) && a->port == b->port && a->lmtp == b->lmtp && a->tls == b->tls &&
	       strcmp(a->tls_ca_file, b->tls_ca_file) == 0 && strcmp(a->tls_name, b->tls_name) == 0 &&
	       a->tls_dane == b->tls_dane && a->tls_pinned == b->tls_pinned &&
	       memcmp(a->tls_pin, b->tls_pin, sizeof(a->tls_pin)) == 0;
}

uint32_t hop_same_servers(const struct shard *s, const struct settings *a, const struct settings *b)
{
	uint32_t same = 0;

	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		same |= (uint32_t)is_same_server(&a->next_hops[i], &b->next_hops[i]) << i;
	return same;
}

/* They have no message yet, and would go on with the new server's settings. */
static void drop_those_on_the_way(struct shard *s, struct hop *h, uint64_t now_us)
{
	for (struct relay *r = h->relays, *next; r; r = next) {
		next = r->next;
		if (!r->greeted)
			relay_drop(s, r, now_us);
	}
}

static void become_another(struct shard *s, struct hop *h, uint64_t now_us)
{
	drop_those_on_the_way(s, h, now_us);
	h->n_failures = h->n_opened = 0;
	h->clear_until_us = h->down_until_us = 0;
	h->met = false;
	h->tls_fault[0] = '\0';
	h->offers = 0;
	h->size_max = 0;
	h->credit = 0;
	memset(&h->counts, 0, sizeof(h->counts));
	hop_name(h);
	if (s->env.settings->relay_probe_s)
		timer_arm(&s->timers, &h->timer, now_us);
}

/* Each message that waits there chooses again, among what is left to it. */
static void choose_again(struct shard *s, struct hop *h, uint64_t now_us)
{
	struct txn *t = h->waiting, *next;

	h->waiting = NULL;
	h->waiting_end = &h->waiting;
	s->n_waiting -= h->n_waiting;
	h->n_waiting = 0;
	for (; t; t = next) {
		next = t->next;
		t->hop = NULL;
		hop_take(s, t, now_us);
	}
}

void hop_change(struct shard *s, const struct settings *before, uint64_t now_us)
{
	uint32_t same = hop_same_servers(s, before, s->config->settings);

	if ((s->hops_all | s->hops_ours) == same)
		return;
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		if (!(same >> i & 1))
			become_another(s, &s->hops[i], now_us);
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		if (!(same >> i & 1))
			choose_again(s, &s->hops[i], now_us);
	config_offers(s);
}
