// SPDX-License-Identifier: MIT
/*
 * shard_hop.c - the next hops: which one gets a message, whether it works, and the messages that wait for one
 *
 * A message goes to one of the next hops of its recipients' domain (shard_route.c): among those that work the ones of
 * lowest priority share the messages by weight.  It takes a free connection, else a new one is opened, else it waits,
 * at most relay.wait_ms.  So does a recipient that is asked for (shard_rcpt.c), with a time of its own.  Nothing is queued beyond that: a message that cannot be handed on now is the client's again.
 *
 * Breaker of a next hop:
 *
 *	closed --a connection fails, or relay.breaker_failures messages in a row are lost--> open
 *	open --down_until_us has come--> half open: one connection finds out
 *	half open --EHLO is answered--> closed		half open --fails--> open, for twice as long
 *
 * A message all of whose next hops are open tries each of them once, one connection at a time, so that mail passes as
 * soon as it can again; as soon as the last one has failed it is 451 4.4.1.
 *
 * With relay.probe_s a next hop without a connection is tried from time to time, from the start on: what it offers is
 * known before the first message, and that it works again before the next one.
 */
#include "dataplane/shard/shard_state.h"

/* --- breaker ----------------------------------------------------------------------------------- */

static void open_breaker(struct shard *s, struct hop *h, uint64_t now_us)
{
	const struct settings *c = s->config->settings;
	uint64_t for_s = c->relay_breaker_s << h->n_opened;

	if (h->down_until_us > now_us) /* more of the same: other connections that were on their way */
		return;
	if (for_s > c->relay_breaker_max_s)
		for_s = c->relay_breaker_max_s;
	else
		h->n_opened++;
	h->down_until_us = now_us + for_s * 1000000;
	h->counts.opened++;
	s->stats.shard_relay_breaker_opened++;
	if (s->env.settings->relay_probe_s)
		timer_arm(&s->timers, &h->timer, h->down_until_us);
}

static void close_breaker(const struct shard *s, struct hop *h)
{
	/* Half of the proof: one more message lost and it is open again. */
	if (h->n_failures >= s->config->settings->relay_breaker_failures)
		h->n_failures = (uint32_t)s->config->settings->relay_breaker_failures - 1;
	h->down_until_us = 0;
}

void hop_result(struct shard *s, struct hop *h, enum hop_result result, uint64_t now_us)
{
	h->counts.results[result]++;
	if (result != HOP_LOST) {
		h->n_failures = 0;
		h->n_opened = 0;
	} else if (++h->n_failures >= s->config->settings->relay_breaker_failures) {
		open_breaker(s, h, now_us);
	}
}

/* Whether a message may be given to it: closed, or half open and nobody else is finding out. */
static bool works(const struct hop *h, uint64_t now_us)
{
	return h->down_until_us == 0 || (h->down_until_us <= now_us && h->n_connecting == 0);
}

/* --- choice ------------------------------------------------------------------------------------ */

static bool is_in(const struct shard *s, const struct hop *h, uint32_t hops)
{
	return hops >> (h - s->hops) & 1;
}

/* Those of @hops that work and have the lowest priority of these. */
static uint32_t best_of(const struct shard *s, uint32_t hops, uint64_t now_us)
{
	uint32_t best = 0, priority = UINT32_MAX;

	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		const struct hop *h = &s->hops[i];

		if (!is_in(s, h, hops) || h->settings->priority > priority || !works(h, now_us))
			continue;
		if (h->settings->priority < priority)
			best = 0;
		priority = h->settings->priority;
		best |= 1U << i;
	}
	return best;
}

/* Round robin by weight, without runs: each gains its weight, the richest is taken and pays for all. */
static struct hop *by_weight(struct shard *s, uint32_t hops)
{
	struct hop *richest = NULL;
	int32_t all = 0;

	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		struct hop *h = &s->hops[i];

		if (!is_in(s, h, hops))
			continue;
		h->credit += h->settings->weight;
		all += h->settings->weight;
		if (!richest || h->credit > richest->credit)
			richest = h;
	}
	if (richest)
		richest->credit -= all;
	return richest;
}

/* None works: the one that is to be tried next anyway. */
static struct hop *soonest(struct shard *s, uint32_t hops)
{
	struct hop *best = NULL;

	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		if (is_in(s, &s->hops[i], hops) && (!best || s->hops[i].down_until_us < best->down_until_us))
			best = &s->hops[i];
	return best;
}

static struct hop *choose(struct shard *s, const struct txn *t, uint64_t now_us)
{
	uint32_t left = t->hops & ~t->hops_tried;
	struct hop *h = by_weight(s, best_of(s, left, now_us));

	return h ? h : soonest(s, left);
}

/* --- messages that wait ------------------------------------------------------------------------ */

static void waiting_add(struct shard *s, struct hop *h, struct txn *t)
{
	t->hop = h;
	t->next = NULL;
	*h->waiting_end = t;
	h->waiting_end = &t->next;
	h->n_waiting++;
	s->n_waiting++;
	s->dispatch = true;
}

void hop_leave(struct shard *s, struct txn *t)
{
	struct hop *h = t->hop;

	for (struct txn **link = &h->waiting; *link; link = &(*link)->next) {
		if (*link != t)
			continue;
		*link = t->next;
		if (h->waiting_end == &t->next)
			h->waiting_end = link;
		t->hop = NULL;
		h->n_waiting--;
		s->n_waiting--;
		return;
	}
}

static void all_failed(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct smtp_reply reply;

	s->stats.shard_relay_down++;
	smtp_reply_set(&reply, 451, 4, 4, 1, SPAN("No next hop can be reached; try later"));
	txn_failed_to_relay(s, t, &reply, now_us);
}

void hop_take(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct smtp_reply reply;

	if (t->phase != TXN_ASKING)
		t->phase = TXN_WAITING;
	if (s->n_waiting >= config_settings(s, t->config)->relay_waiting_max) {
		s->stats.shard_relay_full++;
		smtp_reply_set(&reply, 451, 4, 3, 2, SPAN("Too many messages wait for the next hop; try later"));
		txn_failed_to_relay(s, t, &reply, now_us);
		return;
	}
	t->hops &= s->configs[t->config].same_servers;
	struct hop *h = choose(s, t, now_us);
	if (!h) { /* where it might have gone are other servers now */
		all_failed(s, t, now_us);
		return;
	}
	if (t->phase == TXN_WAITING)
		timer_arm(&s->timers, &t->timer, now_us + config_settings(s, t->config)->relay_wait_ms * 1000);
	waiting_add(s, h, t);
}

/* --- bringing both together -------------------------------------------------------------------- */

static struct relay *free_relay(const struct hop *h)
{
	for (struct relay *r = h->relays; r; r = r->next)
		if (hop_relay_is_free(r))
			return r;
	return NULL;
}

/* The oldest that waits for @h, else one that waits for an equal which can do no more. */
static struct txn *next_for(const struct shard *s, const struct hop *h)
{
	for (unsigned i = 0; !h->waiting && i < s->env.settings->n_next_hops; i++) {
		const struct hop *other = &s->hops[i];

		if (other->waiting && other->n_relays >= s->env.settings->relay_connections_max &&
		    other->settings->priority == h->settings->priority && is_in(s, h, other->waiting->hops))
			return other->waiting;
	}
	return h->waiting;
}

/* Connections that are on the way to be free: new ones, but no probes, which are nobody's, and those after an RSET. */
static uint32_t n_on_the_way(const struct hop *h)
{
	uint32_t n = h->n_connecting - h->n_probing;

	for (const struct relay *r = h->relays; h->waiting && r; r = r->next)
		n += r->greeted && !r->txn && !r->closing && smtp_relay_resetting(&r->smtp);
	return n;
}

static void serve(struct shard *s, struct hop *h, uint64_t now_us)
{
	struct relay *r;
	struct txn *t;

	if (h->settings->identity != SETTINGS_IDENTITY_NONE) {
		hop_serve_clients(s, h, now_us);
		return;
	}
	while (s->n_waiting && (t = next_for(s, h)) && (r = free_relay(h))) {
		if (r->used && t->retried) { /* it has come free meanwhile, and may be as stale as the first */
			relay_drop_idle(s, h, now_us);
			continue;
		}
		hop_leave(s, t);
		relay_start(s, r, t, now_us);
		relay_run(s, r, now_us);
	}
	/* As many as messages wait; while it does not work, one to see whether it does. */
	while (n_on_the_way(h) < (h->down_until_us ? h->n_waiting > 0 : h->n_waiting))
		if (!relay_connect(s, h, false, NULL, now_us))
			break;
	if (h->waiting && h->n_relays == 0)
		hop_connect_failed(s, h, now_us);
}

void hop_dispatch(struct shard *s, uint64_t now_us)
{
	s->dispatch = false;
	for (unsigned i = 0; s->n_waiting && i < s->env.settings->n_next_hops; i++)
		serve(s, &s->hops[i], now_us);
}

void hop_connect_failed(struct shard *s, struct hop *h, uint64_t now_us)
{
	struct txn *t = h->waiting, *next;

	s->stats.shard_relay_connect_failed++;
	h->counts.connects_failed++;
	h->n_failures = (uint32_t)s->config->settings->relay_breaker_failures;
	open_breaker(s, h, now_us);
	for (; t; t = next) {
		uint32_t others = t->hops & ~t->hops_tried & ~(1U << (h - s->hops));
		struct hop *other = by_weight(s, best_of(s, others, now_us));

		next = t->next;
		if (!other && h->n_relays) /* the last word is not spoken: others are on their way, or busy */
			continue;
		t->hops_tried |= 1U << (h - s->hops);
		hop_leave(s, t);
		if (!other)
			other = soonest(s, others);
		if (other)
			waiting_add(s, other, t);
		else
			all_failed(s, t, now_us);
	}
}

/* --- what is known of them --------------------------------------------------------------------- */

void hop_name(struct hop *h)
{
	struct text text;

	text_init(&text, h->name, sizeof(h->name));
	if (h->settings->addr.family == IP_V6)
		text_putc(&text, '[');
	ip_addr_text(&h->settings->addr, &text);
	text_puts(&text, h->settings->addr.family == IP_V6 ? "]:" : ":");
	text_dec(&text, h->settings->port);
}

void hop_init(struct shard *s, uint64_t now_us)
{
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		struct hop *h = &s->hops[i];

		h->settings = &s->env.settings->next_hops[i];
		h->waiting_end = &h->waiting;
		h->timer.tag = SHARD_TIMER_HOP;
		hop_name(h);
		if (s->env.settings->relay_probe_s)
			timer_arm(&s->timers, &h->timer, now_us);
	}
}

void hop_timer(struct shard *s, struct hop *h, uint64_t now_us)
{
	uint64_t wanted = s->config->settings->relay_warm_connections;

	timer_arm(&s->timers, &h->timer, now_us + s->env.settings->relay_probe_s * 1000000);
	if (s->draining || h->down_until_us > now_us)
		return;
	if (wanted == 0 || h->down_until_us)
		wanted = 1;
	while (h->n_relays < wanted)
		if (!relay_connect(s, h, true, NULL, now_us))
			break;
	if (h->n_relays == 0)
		hop_connect_failed(s, h, now_us);
}

bool hop_keeps_warm(const struct shard *s, const struct hop *h)
{
	return s->env.settings->relay_probe_s && !s->draining &&
	       h->n_relays <= s->config->settings->relay_warm_connections;
}

void hop_met(struct shard *s, struct relay *r)
{
	close_breaker(s, r->hop);
	r->hop->met = true;
	r->hop->offers = smtp_relay_offers(&r->smtp);
	r->hop->size_max = smtp_relay_size_max(&r->smtp);
	config_offers(s);
}

static void extensions_text(unsigned offers, char *out, size_t cap)
{
	static const struct {
		enum smtp_offer offer;
		const char *name;
	} names[] = { { SMTP_OFFER_8BITMIME, "8BITMIME" },
		      { SMTP_OFFER_CHUNKING, "CHUNKING" },
		      { SMTP_OFFER_SMTPUTF8, "SMTPUTF8" },
		      { SMTP_OFFER_DSN, "DSN" },
		      { SMTP_OFFER_REQUIRETLS, "REQUIRETLS" } };
	struct text t;

	text_init(&t, out, cap);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(offers & names[i].offer))
			continue;
		text_puts(&t, t.len ? " " : "");
		text_puts(&t, names[i].name);
	}
}

void shard_hop(const struct shard *s, unsigned index, uint64_t now_us, struct shard_hop *out)
{
	const struct hop *h = &s->hops[index];

	*out = (struct shard_hop){
		.state = h->down_until_us > now_us ? SHARD_HOP_DOWN
			 : h->down_until_us        ? SHARD_HOP_TRYING
			 : h->met                  ? SHARD_HOP_UP
						   : SHARD_HOP_UNKNOWN,
		.retry_us = h->down_until_us > now_us ? h->down_until_us - now_us : 0,
		.size_max = h->size_max,
		.n_connections = h->n_relays,
		.n_connecting = h->n_connecting,
		.n_busy = h->n_busy,
		.n_waiting = h->n_waiting,
		.n_failures = h->n_failures,
		.connects = h->counts.connects,
		.connects_failed = h->counts.connects_failed,
		.opened = h->counts.opened,
		.accepted = h->counts.results[HOP_ACCEPTED],
		.refused = h->counts.results[HOP_REFUSED],
		.lost = h->counts.results[HOP_LOST],
	};
	extensions_text(h->offers, out->extensions, sizeof(out->extensions));
	memcpy(out->tls_fault, h->tls_fault, sizeof(out->tls_fault));
}
