// SPDX-License-Identifier: MIT
/*
 * shard_client.c - a connection from outside: TCP on one side, the SMTP session on the other
 *
 * Octets go from TCP into the session as long as the session wants them and its replies find room in TCP; a peer that
 * does not read its replies, or whose message is being judged, is held back by TCP's window.
 */
#include "dataplane/shard/shard_state.h"

static void client_free(struct shard *s, struct client *c)
{
	timer_cancel(&s->timers, &c->timer);
	if (s->stress.rearm == c)
		s->stress.rearm = c->next;
	if (c->prev)
		c->prev->next = c->next;
	else
		s->live = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_live--;
	if (c->tls)
		tls_give(s, c->tls);
	c->tls = NULL;
	if (c->handed_on)
		tcp_source_give_back(s->tcp, &c->ip);
	if (c->room)
		pool_give(&s->rooms, c->room);
	c->room = NULL;
	config_give(s, c->config);
	if (!c->on_ready)
		pool_give(&s->clients, c); /* else client_run_ready() does */
	control_check_drained(s);
}

/* The TCP connection is no more. */
static void client_gone(struct shard *s, struct client *c, uint64_t now_us)
{
	struct txn *t = c->txn;

	c->conn = NULL;
	c->txn = NULL;
	if (t)
		txn_abandon(s, t, now_us);
	client_free(s, c);
}

static void client_abort(struct shard *s, struct client *c, uint64_t now_us)
{
	tcp_abort(s->tcp, c->conn, now_us);
	client_gone(s, c, now_us);
}

/* There is no room for it to go on. */
static void client_turn_away(struct shard *s, struct client *c, uint64_t now_us)
{
	if (c->proxy_awaited) /* it would be the proxy that is told */
		tcp_abort(s->tcp, c->conn, now_us);
	else
		refuse_client(s, c->conn, c->tls, now_us);
	client_gone(s, c, now_us);
}

static bool client_send(struct shard *s, struct client *c, struct span bytes, uint64_t now_us)
{
	size_t n = wire_send(s, c->conn, c->tls, bytes, now_us);

	if (n == bytes.len)
		return true;
	bytes = span_skip(bytes, n);
	if (bytes.len > sizeof(c->room->out))
		return false;
	memcpy(c->room->out, bytes.at, bytes.len);
	c->out_at = 0;
	c->out_len = (uint16_t)bytes.len;
	return true;
}

/* True when nothing waits for room in TCP any more. */
static bool client_flush(struct shard *s, struct client *c, uint64_t now_us)
{
	if (c->out_at < c->out_len)
		c->out_at = (uint16_t)(c->out_at +
				       wire_send(s, c->conn, c->tls,
						 span_of(c->room->out + c->out_at, (size_t)(c->out_len - c->out_at)),
						 now_us));
	return c->out_at == c->out_len;
}

static void client_greeted(struct client *c, const struct smtp_action *a)
{
	size_t n = a->bytes.len < sizeof(c->room->helo) ? a->bytes.len : sizeof(c->room->helo) - 1;

	if (n)
		memcpy(n <= CLIENT_HELO_SHORT ? c->helo : c->room->helo, a->bytes.at, n);
	c->helo_len = (uint8_t)n;
	c->esmtp = a->esmtp;
}

/* Its peer speaks for another one now (XCLIENT).  What TCP counts by source is not counted any more, as one connection may
 * bring many. */
static void client_is_another(struct shard *s, struct client *c, const struct smtp_action *a)
{
	const struct smtp_xclient *x = a->xclient;

	if (c->handed_on)
		tcp_source_give_back(s->tcp, &c->ip);
	c->handed_on = false;
	if (x->has_addr)
		c->ip = x->addr.family ? x->addr : ip_addr_unmap(*tcp_remote(c->conn));
	if (x->has_port)
		c->port = x->port;
	client_greeted(c, a);
}

static void client_body(struct shard *s, struct client *c, struct span bytes, uint64_t now_us)
{
	struct smtp_reply reply;

	if (c->txn && !txn_octets(s, c->txn, bytes, &reply, now_us))
		smtp_session_refuse_message(&c->smtp, &reply, now_us);
}

/* Before anything is done.  False, counted: there is no room for any more clients that are in the middle of something. */
static bool client_take_room(struct shard *s, struct client *c)
{
	if (c->room)
		return true;
	c->room = pool_take(&s->rooms);
	if (!c->room) {
		s->stats.shard_client_no_room++;
		return false;
	}
	if (c->smtp.settings)
		smtp_session_lend(&c->smtp, &c->room->smtp);
	return true;
}

static void client_give_room(struct shard *s, struct client *c)
{
	if (c->proxy_awaited || c->out_at < c->out_len || c->helo_len > CLIENT_HELO_SHORT || c->n_fed ||
	    !smtp_session_give_room(&c->smtp))
		return;
	pool_give(&s->rooms, c->room);
	c->room = NULL;
}

/* RFC 3207 4: who must use TLS is offered it whatever happened before. */
static void client_offer_tls(struct shard *s, struct client *c, uint64_t now_us)
{
	const struct settings *settings = config_settings(s, c->config);
	bool required = settings_prefixes_have(settings->required_from, settings->n_required_from, &c->ip);

	if (!s->env.tls || settings->n_certificates == 0)
		return;
	if (required || !tls_failed_has(&s->tls_failed, &c->ip, now_us))
		smtp_session_offer_tls(&c->smtp, required);
	else
		s->stats.tls_not_offered++;
}

static void client_starttls(struct shard *s, struct client *c, struct smtp_reply *reply, uint64_t now_us)
{
	const struct settings *settings = config_settings(s, c->config);
	bool tickets = settings->tls_tickets &&
		       !settings_prefixes_have(settings->tickets_except, settings->n_tickets_except, &c->ip);

	c->tls = tls_take(s, c->conn, c, -1, tickets, now_us);
	smtp_reply_fixed(reply, c->tls ? SMTP_TEXT_START_TLS : SMTP_TEXT_TLS_NO_ROOM);
}

/* True when octets may be taken: in the clear, or through a TLS that is done with its handshake. */
static bool client_may_read(struct shard *s, struct client *c, uint64_t now_us)
{
	if (!c->tls)
		return true;
	if (!c->tls->begun) {
		/* The 220 is out: what was there before it is no part of a handshake (CVE-2011-0411). */
		for (struct span in; (in = tcp_peek(s->tcp, c->conn)).len;)
			tcp_consume(s->tcp, c->conn, smtp_session_feed(&c->smtp, in, now_us));
		tls_begin(c->tls);
	}
	return tls_ready(s, c->tls, c->peer_closed);
}

/* One thing that the session wants done. */
static bool client_action(struct shard *s, struct client *c, const struct smtp_action *a, uint64_t now_us)
{
	struct smtp_reply reply;

	switch (a->kind) {
	case SMTP_SEND:
		return client_send(s, c, a->bytes, now_us);
	case SMTP_HELO:
		client_greeted(c, a);
		break;
	case SMTP_MAIL:
		txn_begin(s, c, a, &reply, now_us);
		smtp_session_answer(&c->smtp, &reply, now_us);
		break;
	case SMTP_RCPT:
		if (txn_rcpt(s, c->txn, a, &reply, now_us))
			smtp_session_answer(&c->smtp, &reply, now_us);
		break;
	case SMTP_DATA_BEGIN:
		txn_data(s, c->txn, &reply, now_us);
		smtp_session_answer(&c->smtp, &reply, now_us);
		break;
	case SMTP_BODY:
		client_body(s, c, a->bytes, now_us);
		break;
	case SMTP_MESSAGE_END:
		txn_end(s, c->txn, now_us);
		break;
	case SMTP_STARTTLS:
		client_starttls(s, c, &reply, now_us);
		smtp_session_answer(&c->smtp, &reply, now_us);
		break;
	case SMTP_XCLIENT:
		client_is_another(s, c, a);
		break;
	case SMTP_ABORT:
		if (c->txn)
			txn_abandon(s, c->txn, now_us);
		c->txn = NULL;
		break;
	case SMTP_CLOSE:
		c->closing = true;
		break;
	}
	return true;
}

/* Does all that can be done now.  False: a reply found no room at all. */
static bool client_pump(struct shard *s, struct client *c, uint64_t now_us)
{
	struct smtp_action a;
	bool idle = false; /* the last feed took nothing */

	while (client_flush(s, c, now_us)) {
		if (smtp_session_next(&c->smtp, &a)) {
			idle = false;
			if (!client_action(s, c, &a, now_us))
				return false;
			continue;
		}
		if (c->n_fed) {
			/* Only now: the actions just done pointed into these octets. */
			wire_consume(s, c->conn, c->tls, c->n_fed, now_us);
			c->n_fed = 0;
		}
		if (c->closing || idle || smtp_session_waits(&c->smtp))
			break;
		if (!client_may_read(s, c, now_us))
			break;
		struct span in = wire_peek(s, c->conn, c->tls, now_us);
		if (in.len == 0) {
			c->closing = c->peer_closed || (c->tls && c->tls->over); /* nothing more will come */
			break;
		}
		c->n_fed = smtp_session_feed(&c->smtp, in, now_us);
		idle = c->n_fed == 0;
	}
	if (c->tls && c->tls->failed)
		c->closing = true;
	return true;
}

/* When the session wants to be woken, or when a peer was waited for long enough that does not read what it was told:
 * the session cannot say so any more, as its words would wait behind the others. */
void client_arm(struct shard *s, struct client *c, uint64_t now_us)
{
	uint64_t deadline_us = c->proxy_awaited ? proxy_deadline_us(s, c) : smtp_session_deadline_us(&c->smtp);

	if (!c->closing && c->out_at == c->out_len)
		c->stuck_us = 0;
	else if (!c->stuck_us)
		c->stuck_us = now_us + config_settings(s, c->config)->smtp_command_timeout_s * 1000000;
	if (c->stuck_us && c->stuck_us < deadline_us)
		deadline_us = c->stuck_us;
	if (tls_deadline_us(c->tls, now_us) < deadline_us)
		deadline_us = tls_deadline_us(c->tls, now_us);
	if (deadline_us != UINT64_MAX)
		timer_arm(&s->timers, &c->timer, deadline_us);
	else
		timer_cancel(&s->timers, &c->timer);
}

/* All was told: what the peer still says is not read. */
static void client_end_tls(struct shard *s, struct client *c, uint64_t now_us)
{
	if (!c->tls)
		return;
	wire_close(c->tls, now_us);
	tls_give(s, c->tls);
	c->tls = NULL;
	c->n_fed = 0;
}

/*
 * Who it is is known: the greeting is the first thing that its session wants done.  False: who is on the deny list is
 * sent away, where that is wanted; who is on the allow list need not wait for the greeting.
 */
static bool client_begin(struct shard *s, struct client *c, uint64_t now_us)
{
	const struct settings *settings = config_settings(s, c->config);
	unsigned listed = lists_bits(s->lists[0], s->lists[1], &c->ip, SPAN(""), SPAN(""));
	bool allowed = listed & LISTS_ALLOW;

	if (settings->lists_at_connect && (listed & LISTS_DENY) && !allowed) {
		s->stats.shard_client_denied++;
		return false;
	}
	smtp_session_init(&c->smtp, &s->configs[c->config].smtp, &s->stats, &c->room->smtp, now_us);
	client_offer_tls(s, c, now_us);
	if (settings_prefixes_have(settings->xclient_from, settings->n_xclient_from, &c->ip))
		smtp_session_offer_xclient(&c->smtp);
	if (settings->smtp_greet_delay_ms && !allowed)
		smtp_session_hold_greeting(&c->smtp, now_us + settings->smtp_greet_delay_ms * 1000);
	return true;
}

/* True: it said who the client is.  Else @c may be gone. */
static bool client_take_proxy(struct shard *s, struct client *c, uint64_t now_us)
{
	bool over, go_on = proxy_take(s, c, &over, now_us);

	if (go_on)
		over = !(go_on = client_begin(s, c, now_us));
	if (over)
		client_abort(s, c, now_us);
	else if (!go_on)
		client_arm(s, c, now_us);
	return go_on;
}

void client_run(struct shard *s, struct client *c, uint64_t now_us)
{
	if (!client_take_room(s, c)) {
		client_turn_away(s, c, now_us);
		return;
	}
	if (c->proxy_awaited && !client_take_proxy(s, c, now_us))
		return;
	c->running = true;
	bool good = client_pump(s, c, now_us);
	c->running = false;
	if (!good) {
		s->stats.shard_client_stuck++;
		client_abort(s, c, now_us);
		return;
	}
	if (c->closing && c->out_at == c->out_len) {
		struct txn *t = c->txn;

		c->txn = NULL;
		if (t)
			txn_abandon(s, t, now_us);
		client_end_tls(s, c, now_us);
		shard_discard(s, c->conn);
		tcp_close(s->tcp, c->conn, now_us); /* harmless when it was called before; CLOSED or FAILED follows */
	}
	client_arm(s, c, now_us);
	client_give_room(s, c);
}

void client_accept(struct shard *s, struct tcp_conn *conn, uint64_t now_us)
{
	struct client *c = s->draining ? NULL : pool_take(&s->clients);

	if (!c) {
		s->stats.shard_client_refused++;
		refuse_client(s, conn, NULL, now_us);
		return;
	}
	memset(c, 0, sizeof(*c));
	if (!client_take_room(s, c)) {
		pool_give(&s->clients, c);
		refuse_client(s, conn, NULL, now_us);
		return;
	}
	c->peer = PEER_CLIENT;
	c->conn = conn;
	c->started_us = now_us;
	c->ip = ip_addr_unmap(*tcp_remote(conn));
	c->port = tcp_remote_port(conn);
	c->timer.tag = SHARD_TIMER_CLIENT;
	c->config = config_take(s);
	shard_id(s, c->id, now_us);
	c->next = s->live;
	if (s->live)
		s->live->prev = c;
	s->live = c;
	s->n_live++;
	s->stats.shard_client_accepted++;
	tcp_set_user(conn, c);
	c->proxy_awaited = proxy_expected(s, c);
	if (!c->proxy_awaited && !client_begin(s, c, now_us)) {
		client_abort(s, c, now_us);
		return;
	}
	client_run(s, c, now_us);
}

void client_event(struct shard *s, struct client *c, const struct tcp_event *event, uint64_t now_us)
{
	switch (event->kind) {
	case TCP_EVENT_PEER_CLOSED:
		c->peer_closed = true;
		client_run(s, c, now_us);
		break;
	case TCP_EVENT_READABLE:
	case TCP_EVENT_WRITABLE:
		client_run(s, c, now_us);
		break;
	case TCP_EVENT_CLOSED:
	case TCP_EVENT_FAILED:
		client_gone(s, c, now_us);
		break;
	case TCP_EVENT_ACCEPTED:
	case TCP_EVENT_CONNECTED:
		break;
	}
}

void client_timer(struct shard *s, struct client *c, uint64_t now_us)
{
	if (c->stuck_us && now_us >= c->stuck_us) {
		s->stats.shard_client_stuck++;
		client_abort(s, c, now_us);
		return;
	}
	if (!c->proxy_awaited && now_us >= smtp_session_deadline_us(&c->smtp)) {
		if (!client_take_room(s, c)) {
			client_turn_away(s, c, now_us);
			return;
		}
		smtp_session_expire(&c->smtp, now_us);
	}
	client_run(s, c, now_us);
}

void client_answer(struct shard *s, struct client *c, const struct smtp_reply *reply, uint64_t now_us)
{
	c->txn = NULL;
	c->n_messages++;
	client_go_on(s, c, reply, now_us);
}

void client_go_on(struct shard *s, struct client *c, const struct smtp_reply *reply, uint64_t now_us)
{
	smtp_session_answer(&c->smtp, reply, now_us);
	if (c->running || c->on_ready)
		return;
	c->on_ready = true;
	c->ready_next = NULL;
	*s->ready_end = c;
	s->ready_end = &c->ready_next;
}

bool client_run_ready(struct shard *s, uint64_t now_us)
{
	struct client *c = s->ready;

	if (!c)
		return false;
	s->ready = c->ready_next;
	if (!s->ready)
		s->ready_end = &s->ready;
	c->on_ready = false;
	if (c->conn)
		client_run(s, c, now_us);
	else
		pool_give(&s->clients, c);
	return true;
}

void client_handshaken(struct shard *s, struct client *c, uint64_t now_us)
{
	if (c->tls->failed) {
		uint64_t ttl_us = config_settings(s, c->config)->tls_failed_ttl_s * 1000000;

		if (ttl_us)
			tls_failed_add(&s->tls_failed, &c->ip, now_us + ttl_us);
		c->closing = true;
	} else if (client_take_room(s, c)) {
		c->helo_len = 0;
		c->esmtp = false;
		smtp_session_secured(&c->smtp, now_us);
	}
	client_run(s, c, now_us);
}

void client_shutdown_all(struct shard *s, uint64_t now_us)
{
	for (struct client *c = s->live, *next; c; c = next) {
		next = c->next;
		if (c->proxy_awaited || !client_take_room(s, c)) {
			client_turn_away(s, c, now_us);
			continue;
		}
		smtp_session_shutdown(&c->smtp, now_us);
		client_run(s, c, now_us);
	}
}
