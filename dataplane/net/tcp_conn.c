// SPDX-License-Identifier: MIT
/*
 * tcp_conn.c - a connection from birth to death
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_conn.h"
#include "dataplane/net/tcp_score.h"
#include "dataplane/net/tcp_stamp.h"

struct tcp_conn *tcp_conn_new(struct tcp *t, const struct tcp_key *key, uint16_t ifindex)
{
	struct tcp_conn *c = pool_take(&t->conns);

	if (!c) {
		t->stats->tcp_conns_full++;
		return NULL;
	}
	*c = (struct tcp_conn){
		.flow.key = *key, .ifindex = ifindex, .rto_us = TCP_RTO_INITIAL_US, .rcv_limit = tcp_window_syn(t)
	};
	tcp_table_add(&t->table, TCP_KIND_CONN, c);
	return c;
}

void tcp_conn_options(struct tcp *t, struct tcp_conn *c, const struct tcp_options *peer)
{
	bool both_scale = peer->wscale != TCP_WSCALE_NONE;

	c->snd_wscale = both_scale ? peer->wscale : 0;
	c->rcv_wscale = both_scale ? t->rcv_wscale : 0;
	c->options = peer->sack_permitted ? CONN_SACK : 0;
	if (peer->stamped) {
		c->options |= CONN_STAMPS;
		c->stamp_offset = tcp_stamp_offset(t, &c->flow.key);
		c->stamp_recent = peer->stamp;
		c->mss -= TCP_STAMP_LEN;
	}
}

void tcp_conn_established(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, enum tcp_event_kind kind,
			  uint64_t now_us)
{
	c->snd_una++;
	CHECK(c->snd_una == s->ack);
	/* RFC 6298 5.7: after a lost SYN the first RTO for data is 3 s; a sample would be ambiguous (Karn), unless
	 * timestamps tell which SYN it was.  A client whose ACK was lost answers each further SYN-ACK with the stamp of
	 * the first: what went by since is no round trip. */
	if (c->flags & CONN_RTT_TIMING && !c->retries)
		tcp_rtt_sample(t, c, (uint32_t)now_us - c->rtt_start_us);
	else if ((!tcp_stamp_rtt(t, c, s, now_us) || c->srtt_us > TCP_RTO_INITIAL_US) && c->retries) {
		c->srtt_us = c->rttvar_us = c->min_rtt_us = 0;
		c->rto_us = 3000000;
	}
	c->flags &= (uint16_t) ~(CONN_RTT_TIMING | CONN_RESEND);
	c->rcv_mark = c->rcv_nxt;
	c->rcv_mark_us = (uint32_t)now_us;
	tcp_cc_init(c, c->retries > 1);
	c->retries = c->backoff = 0;
	c->err = OK; /* what ICMP said while it opened is past */

	/* RFC 7323 2.2: the window of a segment with SYN is never scaled. */
	c->snd_wnd = s->flags & TCP_SYN ? s->wnd : (uint32_t)s->wnd << c->snd_wscale;
	c->snd_wnd_max = c->snd_wnd;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	c->state = tcp_conn_fin_queued(c) ? TCP_FIN_WAIT_1 : TCP_ESTABLISHED;
	tcp_rto_restart(t, c, now_us);
	tcp_conn_ready(t, c);
	tcp_conn_event(t, c, kind);
}

void tcp_conn_go_back(struct tcp *t, struct tcp_conn *c)
{
	tcp_score_close(t, c);
	if (c->flags & CONN_RECOVERY)
		c->cwnd = c->ssthresh;
	c->flags &= (uint16_t) ~(CONN_RECOVERY | CONN_PARTIAL | CONN_RESEND);
	c->snd_nxt = c->snd_una;
}

void tcp_conn_event(struct tcp *t, struct tcp_conn *c, enum tcp_event_kind kind)
{
	c->events |= (uint8_t)EVENT_BIT(kind);
	tcp_list_add(&t->events, &c->event);
}

/* Out of everything but the list of events. */
static void detach(struct tcp *t, struct tcp_conn *c)
{
	if (c->state != TCP_CLOSED) {
		tcp_table_remove(&t->table, TCP_KIND_CONN, c);
		tcp_source_end(t, c);
	}
	timer_cancel(&t->wheel, &c->timer);
	tcp_list_remove(&c->ready);
	tcp_list_remove(&c->starved);
	tcp_buffer_clear(&c->snd, &t->blocks);
	tcp_ooo_clear(&c->ooo, &t->blocks);
	tcp_score_close(t, c);
	c->snd_hint = NULL;
	c->rto_deadline_us = c->ack_deadline_us = c->idle_deadline_us = 0;
	c->snd_una = c->snd_nxt = c->snd_max = c->snd_end;
	c->flags = 0;
	c->state = TCP_CLOSED;
}

static void drop_received(struct tcp *t, struct tcp_conn *c)
{
	tcp_buffer_clear(&c->rcv, &t->blocks);
	c->rcv_queued = 0;
	if (t->borrower == c) {
		t->borrower = NULL;
		t->blocks.n_promised = 0;
	}
}

void tcp_conn_fail(struct tcp *t, struct tcp_conn *c, enum err err)
{
	if (c->events & EVENT_BIT(TCP_EVENT_ACCEPTED)) {
		tcp_conn_free(t, c);
		return;
	}
	detach(t, c);
	drop_received(t, c);
	c->err = (uint8_t)err;
	c->events = 0;
	tcp_conn_event(t, c, TCP_EVENT_FAILED);
}

void tcp_conn_closed(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	detach(t, c);
	c->events &= (uint8_t)~EVENT_BIT(TCP_EVENT_WRITABLE);
	if (!c->events)
		tcp_list_remove(&c->event);
	if (c->rcv_queued == 0) {
		tcp_conn_event(t, c, TCP_EVENT_CLOSED);
		return;
	}
	/* A slow reader gets what arrived before the end; tcp_consume() or tcp_conn_due() tells him then. */
	c->idle_deadline_us = now_us + TCP_LINGER_US;
	tcp_timer_want(t, c, c->idle_deadline_us);
}

void tcp_conn_time_wait(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	uint32_t snd_nxt = c->snd_max;

	tcp_conn_closed(t, c, now_us);
	tcp_wait_new(t, &c->flow.key, snd_nxt, c->rcv_nxt, c->options & CONN_STAMPS ? &c->stamp_recent : NULL, now_us);
}

void tcp_conn_free(struct tcp *t, struct tcp_conn *c)
{
	detach(t, c);
	drop_received(t, c);
	tcp_list_remove(&c->event);
	c->state = TCP_FREE;
	pool_give(&t->conns, c);
}
