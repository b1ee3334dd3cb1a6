// SPDX-License-Identifier: MIT
/*
 * shard_relay.c - connections to the next hops: each has a pool of warm ones
 *
 * A connection that has carried a message before may have been closed by the next hop meanwhile, or have carried as many
 * as the next hop takes of one: OpenSMTPD says 452 to the hundredth MAIL, Exim 421 to the thousandth.  When such a one
 * breaks before the final dot, or defers MAIL, the message is tried once more on a new connection; after the final dot
 * never.
 */
#include "dataplane/shard/shard_relay_message.h"

#define CLOSE_TIMEOUT_US UINT64_C(10000000) /* for the next hop to close its side */

/* --- one connection ---------------------------------------------------------------------------- */

/* It is ready for the first time, or will never be. */
static void not_connecting(struct relay *r)
{
	r->hop->n_connecting--;
	r->hop->n_probing -= r->probe;
}

static void relay_free(struct shard *s, struct relay *r)
{
	struct hop *h = r->hop;

	CHECK(!r->txn);
	timer_cancel(&s->timers, &r->timer);
	if (r->prev)
		r->prev->next = r->next;
	else
		h->relays = r->next;
	if (r->next)
		r->next->prev = r->prev;
	if (r->tls)
		tls_give(s, r->tls);
	h->n_relays--;
	if (!r->greeted)
		not_connecting(r);
	config_give(s, r->config);
	pool_give(&s->relays, r);
}

/* Where a connection leads: its source port must bring the answers back to this worker. */
struct way {
	const struct shard *s;
	const struct tcp_path *path;
	uint16_t remote_port;
};

static bool way_back(void *arg, uint16_t local_port)
{
	const struct way *w = arg;

	return w->s->env.port_is_ours(w->s->env.port_arg, w->path, w->remote_port, local_port);
}

bool relay_connect(struct shard *s, struct hop *h, bool probe, const struct txn *client, uint64_t now_us)
{
	struct tcp_path path;
	struct relay *r;

	if (h->n_relays >= s->env.settings->relay_connections_max || !net_route(s->net, &h->settings->addr, &path))
		return false;
	r = pool_take(&s->relays);
	if (!r)
		return false;
	memset(r, 0, offsetof(struct relay, out));
	r->peer = PEER_RELAY;
	r->hop = h;
	r->probe = probe;
	if (client) {
		r->client = client->client_ip;
		r->client_port = client->client_port;
	}
	r->since_us = now_us;
	r->timer.tag = SHARD_TIMER_RELAY;
	struct way way = { s, &path, h->settings->port };
	r->conn = tcp_connect(s->tcp, &path, h->settings->port, s->env.port_is_ours ? way_back : NULL, &way, r, now_us);
	if (!r->conn) {
		pool_give(&s->relays, r);
		return false;
	}
	r->config = config_take(s);
	r->next = h->relays;
	if (h->relays)
		h->relays->prev = r;
	h->relays = r;
	h->n_relays++;
	h->n_connecting++;
	h->n_probing += probe;
	h->counts.connects++;
	s->stats.shard_relay_connects++;
	s->stats.shard_relay_probes += probe;
	timer_arm(&s->timers, &r->timer, now_us + s->config->settings->relay_connect_timeout_ms * 1000);
	return true;
}

void relay_drop(struct shard *s, struct relay *r, uint64_t now_us)
{
	tcp_abort(s->tcp, r->conn, now_us);
	relay_free(s, r);
}

/* One connection was stale: the others that lie idle may be as well, and the second attempt is the last. */
void relay_drop_idle(struct shard *s, struct hop *h, uint64_t now_us)
{
	for (struct relay *r = h->relays, *next; r; r = next) {
		next = r->next;
		if (r->ready && r->used)
			relay_drop(s, r, now_us);
	}
}

/* True when nothing waits for room in TCP any more. */
static bool relay_flush(struct shard *s, struct relay *r, uint64_t now_us)
{
	if (r->out_at < r->out_len)
		r->out_at += (uint32_t)wire_send(s, r->conn, r->tls,
						 span_of(r->out + r->out_at, r->out_len - r->out_at), now_us);
	return r->out_at == r->out_len;
}

static void relay_send(struct shard *s, struct relay *r, struct span bytes, uint64_t now_us)
{
	size_t n = wire_send(s, r->conn, r->tls, bytes, now_us);

	bytes = span_skip(bytes, n);
	CHECK(bytes.len <= sizeof(r->out)); /* commands are shorter than that */
	memcpy(r->out, bytes.at, bytes.len);
	r->out_at = 0;
	r->out_len = (uint32_t)bytes.len;
}

/* All that is left to know from a connection of no more use. */
static void relay_results(struct shard *s, struct relay *r, uint64_t now_us)
{
	struct smtp_relay_action a;

	while (smtp_relay_next(&r->smtp, &a))
		if (a.kind == RELAY_RESULT)
			relay_result(s, r, &a, now_us);
}

/* Tells the SMTP machine of what is left to tell when TCP is gone, and frees the relay. */
static void relay_gone(struct shard *s, struct relay *r, uint64_t now_us)
{
	struct hop *h = r->hop;
	bool greeted = r->greeted, clear = r->tls_failed;

	r->conn = NULL;
	if (r->up) {
		smtp_relay_lost(&r->smtp, now_us);
		relay_results(s, r, now_us);
	}
	relay_free(s, r);
	if (!greeted && !clear)
		hop_connect_failed(s, h, now_us);
	s->dispatch = true;
}

static bool is_outdated(const struct shard *s, const struct relay *r)
{
	return s->configs + r->config != s->config;
}

/* TLS towards the next hop, from the first octet or behind its 220. */
static void relay_begin_tls(struct shard *s, struct relay *r, uint64_t now_us)
{
	r->tls = s->env.tls ? tls_take(s, r->conn, r, (int)(r->hop - s->hops), false, now_us) : NULL;
	if (r->tls)
		tls_begin(r->tls);
	else
		r->closing = true; /* 220 was said: there is no way back to the clear */
}

static enum smtp_relay_tls tls_wanted(const struct hop *h, uint64_t now_us)
{
	switch ((enum settings_tls)h->settings->tls) {
	case SETTINGS_TLS_MAY:
		return h->clear_until_us > now_us ? RELAY_TLS_NONE : RELAY_TLS_MAY;
	case SETTINGS_TLS_REQUIRE:
		return RELAY_TLS_REQUIRE;
	case SETTINGS_TLS_IMMEDIATE:
		return RELAY_TLS_ON;
	case SETTINGS_TLS_NONE:
		break;
	}
	return RELAY_TLS_NONE;
}

/* TLS with it proves who it is: by CA and name, key or TLSA record. */
static bool is_verified(const struct settings_next_hop *h)
{
	return h->tls >= SETTINGS_TLS_REQUIRE && (h->tls_ca_file[0] || h->tls_pinned || h->tls_dane);
}

static void relay_action(struct shard *s, struct relay *r, const struct smtp_relay_action *a, uint64_t now_us)
{
	switch (a->kind) {
	case RELAY_SEND:
		relay_send(s, r, a->bytes, now_us);
		break;
	case RELAY_READY:
		r->ready = !r->worn && !is_outdated(s, r);
		if (!r->ready)
			smtp_relay_quit(&r->smtp, now_us);
		else if (r->conn)
			tcp_keepalive(s->tcp, r->conn, (uint16_t)s->config->settings->relay_keepalive_s, now_us);
		if (!r->greeted)
			not_connecting(r);
		r->greeted = true;
		r->used |= r->probe;
		s->dispatch = true;
		r->since_us = now_us;
		hop_met(s, r);
		break;
	case RELAY_STARTTLS:
		relay_begin_tls(s, r, now_us);
		break;
	case RELAY_BODY_WANTED:
		r->body_wanted = true;
		break;
	case RELAY_RESULT:
		relay_result(s, r, a, now_us);
		break;
	case RELAY_CLOSE:
		r->closing = true;
		r->since_us = now_us;
		break;
	}
}

/* The next hop speaks or closes in the midst of a message: it must not get the rest, whose end it might take for good. */
static bool relay_interrupted(struct shard *s, const struct relay *r, uint64_t now_us)
{
	return r->body_wanted && !r->body_ended &&
	       (r->peer_closed || wire_peek(s, r->conn, r->tls, now_us).len || (r->tls && r->tls->over));
}

static void relay_pump(struct shard *s, struct relay *r, uint64_t now_us)
{
	struct smtp_relay_action a;

	if (relay_interrupted(s, r, now_us))
		r->out_at = r->out_len = 0;
	while (relay_flush(s, r, now_us)) {
		if (smtp_relay_next(&r->smtp, &a)) {
			relay_action(s, r, &a, now_us);
			continue;
		}
		if (r->closing || (r->tls && !tls_ready(s, r->tls, r->peer_closed)))
			break;
		struct span in = wire_peek(s, r->conn, r->tls, now_us);

		r->peer_closed |= r->tls && r->tls->over;
		if (in.len) {
			size_t n = smtp_relay_feed(&r->smtp, in, now_us);
			if (n == 0)
				break;
			wire_consume(s, r->conn, r->tls, n, now_us);
		} else if (r->peer_closed) {
			smtp_relay_lost(&r->smtp, now_us); /* RESULT, if any, and CLOSE are next */
		} else if (!relay_fill(s, r, now_us)) {
			break;
		}
	}
}

static void relay_arm(struct shard *s, struct relay *r, uint64_t now_us)
{
	uint64_t at_us = smtp_relay_deadline_us(&r->smtp);
	uint64_t idle_us = r->since_us + config_settings(s, r->config)->relay_idle_s * 1000000;

	if (r->ready && idle_us < at_us)
		at_us = idle_us;
	if (tls_deadline_us(r->tls, now_us) < at_us)
		at_us = tls_deadline_us(r->tls, now_us);
	if (r->closing)
		at_us = r->since_us + CLOSE_TIMEOUT_US;
	if (at_us != UINT64_MAX)
		timer_arm(&s->timers, &r->timer, at_us);
}

void relay_run(struct shard *s, struct relay *r, uint64_t now_us)
{
	relay_pump(s, r, now_us);
	if (r->closing && !r->greeted) {
		/* As useless as a refused connection; there is nothing to be ended in good order. */
		tcp_abort(s->tcp, r->conn, now_us);
		relay_gone(s, r, now_us);
		return;
	}
	if (r->closing && r->out_at == r->out_len) {
		r->ready = false;
		if (r->tls) {
			wire_close(r->tls, now_us);
			tls_give(s, r->tls);
			r->tls = NULL;
		}
		shard_discard(s, r->conn);
		tcp_close(s->tcp, r->conn, now_us); /* CLOSED or FAILED frees it */
	}
	relay_arm(s, r, now_us);
}

bool relay_forget(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct relay *r = t->relay;

	if (t->hop) {
		hop_leave(s, t);
		return true;
	}
	if (!r)
		return true;
	if (r->body_ended)
		return false;
	/* Without the final dot the next hop has no message: break the connection and nothing was sent. */
	t->relay = NULL;
	r->txn = NULL;
	r->hop->n_busy--;
	if (r->conn)
		tcp_abort(s->tcp, r->conn, now_us);
	r->conn = NULL;
	relay_free(s, r);
	s->dispatch = true; /* there is room for another connection */
	return true;
}

void relay_event(struct shard *s, struct relay *r, const struct tcp_event *event, uint64_t now_us)
{
	switch (event->kind) {
	case TCP_EVENT_CONNECTED:
		r->up = true;
		smtp_relay_init(&r->smtp, &s->configs[r->config].relay, &s->stats, now_us);
		if (r->hop->settings->lmtp)
			smtp_relay_use_lmtp(&r->smtp);
		smtp_relay_use_tls(&r->smtp, tls_wanted(r->hop, now_us), is_verified(r->hop->settings));
		if (r->hop->settings->identity == SETTINGS_IDENTITY_PROXY)
			identity_send_proxy(s, r, now_us);
		if (r->hop->settings->tls == SETTINGS_TLS_IMMEDIATE)
			relay_begin_tls(s, r, now_us);
		relay_run(s, r, now_us);
		break;
	case TCP_EVENT_PEER_CLOSED:
		r->peer_closed = true;
		relay_run(s, r, now_us);
		break;
	case TCP_EVENT_READABLE:
	case TCP_EVENT_WRITABLE:
		relay_run(s, r, now_us);
		break;
	case TCP_EVENT_FAILED:
	case TCP_EVENT_CLOSED:
		relay_gone(s, r, now_us);
		break;
	case TCP_EVENT_ACCEPTED:
		break;
	}
}

void relay_quit(struct shard *s, struct relay *r, uint64_t now_us)
{
	r->ready = false; /* from QUIT on it takes no message */
	smtp_relay_quit(&r->smtp, now_us);
	relay_run(s, r, now_us);
}

void relay_renew(struct shard *s, uint64_t now_us)
{
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		for (struct relay *r = s->hops[i].relays, *next; r; r = next) {
			next = r->next;
			if (!r->ready || !is_outdated(s, r))
				continue; /* one that has a message ends when it is ready again */
			relay_quit(s, r, now_us);
		}
	}
}

static void note_handshake(const struct shard *s, struct relay *r)
{
	struct hop *h = r->hop;
	struct text t;

	text_init(&t, h->tls_fault, sizeof(h->tls_fault));
	if (r->tls->failed)
		text_puts(&t, r->tls->given_up ? "it was not finished" : s->env.tls->why(s->env.tls));
}

void relay_handshaken(struct shard *s, struct relay *r, uint64_t now_us)
{
	note_handshake(s, r);
	if (!r->tls->failed) {
		if (r->hop->settings->tls != SETTINGS_TLS_IMMEDIATE)
			smtp_relay_secured(&r->smtp, now_us);
		relay_run(s, r, now_us);
		return;
	}
	if (r->hop->settings->tls == SETTINGS_TLS_MAY) {
		r->tls_failed = true;
		r->hop->clear_until_us = now_us + SHARD_HOP_CLEAR_US;
	}
	tcp_abort(s->tcp, r->conn, now_us);
	relay_gone(s, r, now_us);
}

void relay_timer(struct shard *s, struct relay *r, uint64_t now_us)
{
	if (!r->up || r->closing) {
		tcp_abort(s->tcp, r->conn, now_us);
		relay_gone(s, r, now_us);
		return;
	}
	bool idle = r->ready && now_us >= r->since_us + config_settings(s, r->config)->relay_idle_s * 1000000;

	if (idle && hop_keeps_warm(s, r->hop)) {
		r->since_us = now_us;
	} else if (idle) {
		relay_quit(s, r, now_us);
		return;
	} else if (now_us >= smtp_relay_deadline_us(&r->smtp)) {
		/* It may have stopped reading as well: what TCP still holds, a final dot perhaps, must not arrive later. */
		smtp_relay_expire(&r->smtp, now_us);
		relay_results(s, r, now_us);
		tcp_abort(s->tcp, r->conn, now_us);
		relay_gone(s, r, now_us);
		return;
	}
	relay_run(s, r, now_us);
}
