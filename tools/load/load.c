// SPDX-License-Identifier: MIT
/*
 * load.c - many SMTP clients, over our own TCP or the kernel's: one worker's world
 *
 * Clients are small structs; what they say is the same for all and made at the start.
 */
#include "tools/load/load_state.h"

#include <string.h>

#include "tools/load/load_corpus.h"

static size_t rounded(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static uint32_t clients_max(const struct load_settings *s)
{
	return s->connections + s->idle;
}

size_t load_memory(const struct load_settings *s, const struct net_settings *net)
{
	return rounded(sizeof(struct load)) + rounded(pool_memory(clients_max(s), sizeof(struct client))) +
	       rounded(load_sink_memory()) + (s->wire ? 0 : net_memory(net));
}

static void make_texts(struct load *l)
{
	const struct load_settings *s = &l->settings;

	text_init(&l->ehlo, l->ehlo_text, sizeof(l->ehlo_text));
	text_puts(&l->ehlo, "EHLO ");
	text_puts(&l->ehlo, s->helo);
	text_puts(&l->ehlo, "\r\n");
	text_init(&l->envelope, l->envelope_text, sizeof(l->envelope_text));
	load_envelope(&l->envelope, s->mail_from, s->rcpt_to, s->recipients);
}

struct load *load_init(void *memory, const struct load_settings *s, const struct net_settings *net,
		       const uint8_t seed[16], uint64_t now_us)
{
	struct load *l = memory;
	uint8_t *at = (uint8_t *)memory + rounded(sizeof(*l));

	l->settings = *s;
	if (!s->recipients)
		l->settings.recipients = 1;
	l->begin_us = now_us;
	memcpy(&l->random, seed, sizeof(l->random));
	l->random |= 1;
	pool_init(&l->clients, at, clients_max(s), sizeof(struct client));
	timer_wheel_init(&l->timers, now_us);
	at += rounded(pool_memory(clients_max(s), sizeof(struct client)));
	void *sink = at;

	at += rounded(load_sink_memory());
	l->wire = s->wire;
	if (!l->wire) {
		l->net = net_init(at, net, seed, &l->stats);
		load_wire_tcp_init(&l->own, net_tcp(l->net));
		l->wire = &l->own.wire;
		if (s->sink && tcp_listen(l->own.tcp, s->sink) != OK)
			CHECK(!"the only port that is listened to");
	}
	load_sink_init(&l->sink, sink, l->wire);
	make_texts(l);
	if (s->flood)
		load_flood_init(&l->flood, &net->ifs[0], &s->target, s->port, l->random);
	return l;
}

static bool settle(struct load *l, uint64_t now_us)
{
	struct tcp_event e;
	bool any = false;

	while (l->wire->event(l->wire, &e)) {
		any = true;
		if (!e.user)
			load_sink_accept(&l->sink, e.conn, now_us);
		else if (*(const uint8_t *)e.user == LOAD_SINK)
			load_sink_event(&l->sink, &e, now_us);
		else
			load_client_event(l, &e, now_us);
	}
	return any;
}

/* --- all clients --------------------------------------------------------------------------- */

/* The next address of the clients' prefix, neither its first nor its last. */
static struct ip_addr client_addr(struct load *l)
{
	const struct net_if_addr *p = &l->settings.clients;
	uint32_t base = 0, n = (uint32_t)((UINT64_C(1) << (32 - p->prefix_len)) - 2);
	uint32_t host = (uint32_t)(l->next_client++ % n) + 1;
	uint8_t octets[4];

	for (int i = 0; i < 4; i++)
		base = base << 8 | p->addr.bytes[i];
	base |= host;
	for (int i = 0; i < 4; i++)
		octets[i] = (uint8_t)(base >> (24 - 8 * i));
	return ip_addr_of4(octets);
}

/* Those that are to be held come first. */
static bool begin(struct load *l, uint64_t now_us)
{
	const struct load_settings *s = &l->settings;
	struct tcp_path path = { .remote = s->target };
	struct client *c = pool_take(&l->clients);

	if (!c)
		return false;
	*c = (struct client){ .begin_us = now_us, .n_replies = 1, .idle = s->mode == LOAD_IDLE || l->n_idle < s->idle };
	path.local = client_addr(l);
	c->conn = l->wire->connect(l->wire, &path, s->port, c, now_us);
	if (!c->conn) {
		l->counts.refused++;
		pool_give(&l->clients, c);
		return false;
	}
	/* From when it was to begin, by due(): that it could not is part of what it took. */
	if (s->rate && !c->idle)
		c->begin_us = l->begin_us + ((l->n_active + 1) * 1000000 + s->rate - 1) / s->rate;
	c->wants_tls = s->tls && load_has_share(l->counts.begun, s->tls_share);
	l->counts.begun++;
	l->counts.live++;
	if (c->idle)
		l->n_idle++;
	else
		l->n_active++;
	return true;
}

bool load_is_ready(const struct load *l)
{
	return l->settings.mode == LOAD_IDLE || l->counts.held + l->n_idle_lost >= l->settings.idle;
}

/* How many may be begun by now, beside those that are held while others go on. */
static uint64_t due(const struct load *l, uint64_t now_us)
{
	const struct load_settings *s = &l->settings;
	uint64_t n = s->rate ? (now_us - l->begin_us) * s->rate / 1000000 : UINT64_MAX;

	if (s->sessions_max && n > s->sessions_max)
		n = s->sessions_max;
	return n;
}

/* Those that are to be held are opened no faster than they get there, however fast that is. */
static bool may_begin(struct load *l, uint64_t now_us)
{
	const struct load_counts *n = &l->counts;
	bool held = l->settings.mode == LOAD_IDLE || l->n_idle < l->settings.idle;

	if (atomic_load_explicit(&l->stop, memory_order_relaxed) || (held && n->live - n->held >= LOAD_OPENING_MAX))
		return false;
	if (l->n_idle < l->settings.idle)
		return true;
	if (!load_is_ready(l)) {
		l->begin_us = now_us;
		return false;
	}
	return (l->settings.mode == LOAD_IDLE ? l->n_idle : l->n_active) < due(l, now_us);
}

static bool timers_step(struct load *l, uint64_t now_us)
{
	struct timer *t;
	bool any = false;

	while ((t = timer_due(&l->timers, now_us))) {
		any = true;
		load_client_timer(l, (struct client *)(void *)((uint8_t *)t - offsetof(struct client, timer)), now_us);
	}
	return any;
}

bool load_tick(void *load, uint64_t now_us, uint64_t unix_us, bool idle)
{
	struct load *l = load;
	bool any = false;

	l->n_flooded = 0;
	(void)unix_us;
	(void)idle;
	if (l->net)
		net_step(l->net, now_us);
	any |= timers_step(l, now_us);
	any |= settle(l, now_us);
	/* A bound on each turn: frames wait meanwhile. */
	for (int i = 0; i < 32 && may_begin(l, now_us) && begin(l, now_us); i++)
		any = true;
	return any;
}

void load_rx(void *load, unsigned ifindex, struct span frame, unsigned rx_flags, uint64_t now_us)
{
	struct load *l = load;

	l->counts.rx_frames++;
	if (l->settings.flood && load_flood_takes(&l->flood, frame))
		return;
	net_input(l->net, ifindex, frame, rx_flags, now_us);
	settle(l, now_us);
	net_input_end(l->net, now_us);
}

static uint64_t flood_due(const struct load *l, uint64_t now_us)
{
	return (uint64_t)((double)(now_us - l->begin_us) * (double)l->settings.flood / 1e6);
}

bool load_tx(void *load, struct net_frame *frame, uint64_t now_us)
{
	struct load *l = load;

	if (net_next(l->net, frame, now_us)) {
		l->counts.tx_frames++;
		return true;
	}
	/* No more than a burst a turn: what comes back must be read as fast. */
	if (!l->settings.flood || l->n_flooded == FLOOD_BURST || l->counts.syns >= flood_due(l, now_us) ||
	    atomic_load_explicit(&l->stop, memory_order_relaxed) || !load_flood_next(&l->flood, frame))
		return false;
	l->n_flooded++;
	l->counts.syns++;
	l->counts.tx_frames++;
	return true;
}

uint64_t load_deadline_us(void *load)
{
	struct load *l = load;

	return l->settings.rate || l->settings.flood || l->settings.drip_us ? 0 : net_deadline_us(l->net);
}

const struct load_counts *load_counts(const struct load *l)
{
	return &l->counts;
}

const struct histogram *load_message_us(const struct load *l)
{
	return &l->message_us;
}

const struct histogram *load_session_us(const struct load *l)
{
	return &l->session_us;
}

uint64_t load_flood_answers(const struct load *l)
{
	return l->flood.n_answers;
}

uint64_t load_sunk(const struct load *l)
{
	return l->sink.n_messages;
}

const struct stats *load_stats(const struct load *l)
{
	return &l->stats;
}

void load_stop(struct load *l)
{
	atomic_store(&l->stop, true);
}

bool load_is_done(const struct load *l)
{
	bool all = l->settings.sessions_max && l->n_active >= l->settings.sessions_max;

	return l->counts.live == l->counts.held && (atomic_load(&l->stop) || (all && l->settings.mode != LOAD_IDLE));
}

void load_count_times(struct load *l, bool wanted)
{
	atomic_store(&l->uncounted, !wanted);
}
