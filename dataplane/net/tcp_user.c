// SPDX-License-Identifier: MIT
/*
 * tcp_user.c - what the user of a connection calls
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_window.h"

/* --- events -------------------------------------------------------------------------------- */

/* Whoever had a short tcp_send() because blocks ran out is told when some came back, one at a time. */
static void feed_starved(struct tcp *t)
{
	if (tcp_list_empty(&t->starved) || tcp_blocks_free(&t->blocks, t->blocks.keep_send) == 0)
		return;
	struct tcp_conn *c = TCP_OBJECT(t->starved.next, struct tcp_conn, starved);

	tcp_list_remove(&c->starved);
	c->flags &= (uint16_t)~CONN_WANT_WRITE;
	tcp_conn_event(t, c, TCP_EVENT_WRITABLE);
}

bool tcp_event(struct tcp *t, struct tcp_event *event)
{
	if (t->told) {
		tcp_conn_free(t, t->told);
		t->told = NULL;
	}
	if (tcp_list_empty(&t->events))
		feed_starved(t);
	while (!tcp_list_empty(&t->events)) {
		struct tcp_conn *c = TCP_OBJECT(t->events.next, struct tcp_conn, event);
		enum tcp_event_kind kind = (enum tcp_event_kind)__builtin_ctz(c->events);

		c->events &= (uint8_t)~EVENT_BIT(kind);
		if (!c->events)
			tcp_list_remove(&c->event);
		if (kind == TCP_EVENT_READABLE && c->rcv_queued == 0)
			continue; /* read meanwhile */
		if (kind == TCP_EVENT_CLOSED || kind == TCP_EVENT_FAILED)
			t->told = c;
		*event = (struct tcp_event){ .kind = kind, .err = (enum err)c->err, .conn = c, .user = c->user };
		return true;
	}
	return false;
}

/* --- octets -------------------------------------------------------------------------------- */

struct span tcp_peek(struct tcp *t, struct tcp_conn *c)
{
	const struct tcp_block *k = c->rcv.head;

	return k ? span_of(k->data + k->off, k->len) : tcp_conn_borrowed(t, c);
}

void tcp_consume(struct tcp *t, struct tcp_conn *c, size_t n)
{
	size_t lent = tcp_conn_borrowed(t, c).len, kept;

	CHECK(n <= c->rcv_queued);
	kept = c->rcv_queued - lent; /* comes first */
	kept = kept < n ? kept : n;
	tcp_buffer_drop(&c->rcv, &t->blocks, kept);
	if (n > kept) {
		t->borrowed = span_skip(t->borrowed, n - kept);
		t->borrowed_seq += (uint32_t)(n - kept);
	}
	c->rcv_queued -= (uint32_t)n;
	if (c->state == TCP_CLOSED && c->idle_deadline_us && c->rcv_queued == 0) {
		c->idle_deadline_us = 0;
		timer_cancel(&t->wheel, &c->timer);
		tcp_conn_event(t, c, TCP_EVENT_CLOSED);
		return;
	}
	/* After the peer's FIN there is no window to speak of. */
	if ((c->state == TCP_ESTABLISHED || c->state == TCP_FIN_WAIT_1 || c->state == TCP_FIN_WAIT_2) &&
	    tcp_window_reopened(t, c)) {
		c->flags |= CONN_ACK_NOW;
		tcp_conn_ready(t, c);
	}
}

static bool may_send(const struct tcp_conn *c)
{
	return !tcp_conn_fin_queued(c) &&
	       (tcp_conn_opening(c) || c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT);
}

size_t tcp_unacked(const struct tcp_conn *c)
{
	return c->snd_end - tcp_conn_data_una(c);
}

/* Two windows: while one is on its way the next one is at hand; but at most a quarter of what memory is left on top. */
size_t tcp_send_limit(const struct tcp *t, const struct tcp_conn *c)
{
	size_t want = 2 * (size_t)c->cwnd, max = t->settings.send_max, shared;

	if (want > TCP_SEND_LEAST) {
		shared = tcp_unacked(c) +
			 tcp_blocks_free(&t->blocks, t->blocks.keep_send) * TCP_BLOCK_ROOM / TCP_SEND_SHARE;
		want = want < shared ? want : shared;
	}
	want = want > TCP_SEND_LEAST ? want : TCP_SEND_LEAST;
	return want < max ? want : max;
}

static size_t own_room(const struct tcp *t, const struct tcp_conn *c)
{
	size_t n = tcp_unacked(c), limit = tcp_send_limit(t, c);

	return may_send(c) && n < limit ? limit - n : 0;
}

size_t tcp_send_room(const struct tcp *t, const struct tcp_conn *c)
{
	const struct tcp_block *tail = c->snd.tail;
	size_t own = own_room(t, c);
	size_t shared = tcp_blocks_free(&t->blocks, t->blocks.keep_send) * TCP_BLOCK_ROOM +
			(tail ? TCP_BLOCK_ROOM - (size_t)tail->off - tail->len : 0);

	return own < shared ? own : shared;
}

size_t tcp_send(struct tcp *t, struct tcp_conn *c, struct span data, uint64_t now_us)
{
	size_t own = own_room(t, c), want = data.len < own ? data.len : own, n;

	if (!may_send(c) || data.len == 0)
		return 0;
	/* RFC 5681 4.1: what was measured before a pause may no longer be true. */
	uint32_t idle_ms = (uint32_t)(now_us / 1000) - c->sent_ms;
	if (!tcp_conn_opening(c) && c->snd_una == c->snd_end && idle_ms > c->rto_us / 1000)
		tcp_cc_idle(c, idle_ms);
	n = tcp_buffer_append(&c->snd, &t->blocks, c->snd_end, span_head(data, want),
			      tcp_blocks_free(&t->blocks, t->blocks.keep_send));
	c->snd_end += (uint32_t)n;
	if (n < data.len)
		c->flags |= CONN_WANT_WRITE;
	if (n < want) {
		t->stats->tcp_send_no_memory++;
		tcp_list_add(&t->starved, &c->starved);
	}
	if (n) {
		if (!c->rto_deadline_us)
			tcp_rto_restart(t, c, now_us);
		tcp_conn_ready(t, c);
	}
	tcp_dcheck_conn(t, c);
	return n;
}

/* --- the end ------------------------------------------------------------------------------- */

void tcp_close(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	if (c->state == TCP_CLOSED || tcp_conn_fin_queued(c))
		return;
	if (c->state == TCP_SYN_SENT) { /* RFC 9293 3.10.4: nothing was promised to anybody yet */
		tcp_conn_closed(t, c, now_us);
		return;
	}
	c->flags = (uint16_t)((c->flags & ~CONN_WANT_WRITE) | CONN_FIN_QUEUED);
	tcp_list_remove(&c->starved);
	if (c->state == TCP_ESTABLISHED)
		c->state = TCP_FIN_WAIT_1;
	else if (c->state == TCP_CLOSE_WAIT)
		c->state = TCP_LAST_ACK;
	if (!c->rto_deadline_us)
		tcp_rto_restart(t, c, now_us);
	tcp_conn_ready(t, c);
	tcp_dcheck_conn(t, c);
}

void tcp_abort(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	(void)now_us;
	if (c->state != TCP_CLOSED && c->state != TCP_SYN_SENT) {
		t->stats->tcp_rsts_out++;
		tcp_reply(t, &c->flow.key, c->ifindex, TCP_RST | TCP_ACK, tcp_conn_seq(c), c->rcv_nxt, 0);
	}
	if (t->told == c)
		t->told = NULL;
	tcp_conn_free(t, c);
}

/* --- looking at it ------------------------------------------------------------------------- */

void tcp_set_user(struct tcp_conn *c, void *user)
{
	c->user = user;
}

const struct ip_addr *tcp_remote(const struct tcp_conn *c)
{
	return &c->flow.key.remote;
}

const struct ip_addr *tcp_local(const struct tcp_conn *c)
{
	return &c->flow.key.local;
}

uint16_t tcp_remote_port(const struct tcp_conn *c)
{
	return c->flow.key.remote_port;
}

uint16_t tcp_local_port(const struct tcp_conn *c)
{
	return c->flow.key.local_port;
}

struct tcp_conn *tcp_walk(struct tcp *t, size_t *cursor)
{
	/* A pool hands out low numbers first, so what was never taken lies behind n_used_most. */
	while (*cursor < t->conns.n_used_most) {
		struct tcp_conn *c = pool_at(&t->conns, (*cursor)++);

		if (c->state != TCP_FREE)
			return c;
	}
	return NULL;
}

const char *tcp_state_text(const struct tcp_conn *c)
{
	static const char *const text[] = {
		[TCP_FREE] = "FREE",
		[TCP_CLOSED] = "CLOSED",
		[TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECEIVED] = "SYN-RECEIVED",
		[TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_FIN_WAIT_1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT_2] = "FIN-WAIT-2",
		[TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_CLOSING] = "CLOSING",
		[TCP_LAST_ACK] = "LAST-ACK",
	};

	return text[c->state];
}

const struct pool *tcp_pool(const struct tcp *t, enum tcp_pool which)
{
	switch (which) {
	case TCP_POOL_CONNS:
		return &t->conns;
	case TCP_POOL_HALVES:
		return &t->halves;
	case TCP_POOL_WAITS:
		return &t->waits;
	case TCP_POOL_BLOCKS:
		break;
	}
	return &t->blocks.pool;
}
