// SPDX-License-Identifier: MIT
/*
 * tcp_ack.c - the ACK field and the window of a segment (RFC 9293 3.10.7.4, fifth; RFC 5681; RFC 6298)
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_conn.h"
#include "dataplane/net/tcp_recovery.h"
#include "dataplane/net/tcp_stamp.h"

/* Octets up to @ack have arrived: their memory goes back. */
static void release(struct tcp *t, struct tcp_conn *c, uint32_t ack)
{
	uint32_t data_ack = seq_min(ack, c->snd_end);
	struct tcp_block *hint = c->snd_hint;

	if (hint && seq_le(hint->seq + hint->len, data_ack))
		c->snd_hint = NULL;
	hint = c->score ? tcp_score(c)->hint : NULL;
	if (hint && seq_le(hint->seq + hint->len, data_ack))
		tcp_score(c)->hint = NULL;
	tcp_buffer_drop(&c->snd, &t->blocks, data_ack - tcp_conn_data_una(c));
}

/* Returns the octets that were not known to have arrived. */
static uint32_t new_ack(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us)
{
	uint32_t delivered = 0;
	bool was_in_recovery = c->flags & CONN_RECOVERY, first_partial = !(c->flags & CONN_PARTIAL);

	if (c->flags & CONN_RTT_TIMING && seq_ge(s->ack, c->rtt_seq)) {
		tcp_rtt_sample(t, c, (uint32_t)now_us - c->rtt_start_us);
		c->flags &= (uint16_t)~CONN_RTT_TIMING;
		c->options |= c->options & CONN_TIMED_FULL ? CONN_PASSES : 0;
	} else if (was_in_recovery || c->backoff) {
		tcp_stamp_rtt(t, c, s, now_us); /* where Karn forbids to measure (RFC 6298 3) */
	}
	if (c->score)
		delivered = tcp_score_acked(c, s->ack);
	else if (tcp_cc_new_ack(t, c, s->ack, now_us))
		c->flags |= CONN_RESEND | CONN_PARTIAL;
	release(t, c, s->ack);
	c->snd_una = s->ack;
	c->snd_nxt = seq_max(c->snd_nxt, s->ack);
	c->retries = 0;
	if (c->options & CONN_NARROWED)
		tcp_mtu_proven(t, c, now_us);
	/* RFC 6298 5.3; in recovery for the first partial ACK only (RFC 6582 3.2 step 3: impatient) */
	if (c->score || !was_in_recovery || first_partial || !(c->flags & CONN_RECOVERY) ||
	    c->snd_una == tcp_conn_end(c))
		tcp_rto_restart(t, c, now_us);
	/* A quarter is free: later, and half of a round trip would go by with less in flight than there may be. */
	if (c->flags & CONN_WANT_WRITE && !tcp_link_on(&c->starved) && tcp_unacked(c) <= tcp_send_limit(t, c) / 4 * 3) {
		c->flags &= (uint16_t)~CONN_WANT_WRITE;
		tcp_conn_event(t, c, TCP_EVENT_WRITABLE);
	}
	return delivered;
}

/* RFC 5681 2: what makes an ACK a duplicate.  With a closed window it is the answer to a probe. */
static bool is_duplicate(const struct tcp_conn *c, const struct tcp_segment *s, uint32_t wnd)
{
	return s->ack == c->snd_una && c->snd_una != c->snd_max && s->data.len == 0 && !(s->flags & TCP_FIN) &&
	       wnd == c->snd_wnd && wnd != 0;
}

static void window_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint32_t wnd, bool is_new,
			 uint64_t now_us)
{
	bool was_closed = c->snd_wnd == 0;

	/* RFC 9293 3.10.7.4: not from a segment older than the one that set it.  DEVIATES: one that acknowledges more is
	 * not older, though octets that are sent again may give it a lower number.  With its ACK and the window of before
	 * we would send beyond the edge, and where both sides do neither takes the other's ACKs any more. */
	if (!is_new && !seq_lt(c->snd_wl1, s->seq) && !(c->snd_wl1 == s->seq && seq_le(c->snd_wl2, s->ack)))
		return;
	c->snd_wnd = wnd;
	c->snd_wnd_max = wnd > c->snd_wnd_max ? wnd : c->snd_wnd_max;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (was_closed && wnd) {
		/* The backoff came from waiting, not from loss. */
		c->flags &= (uint16_t)~CONN_PROBE;
		c->backoff = 0;
		tcp_rto_restart(t, c, now_us);
	}
}

/* Our FIN has arrived.  Returns false when the connection is over. */
static bool fin_acked(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	if (c->state == TCP_FIN_WAIT_1) {
		c->state = TCP_FIN_WAIT_2;
		c->idle_deadline_us = now_us + TCP_FIN_WAIT_2_US;
		tcp_timer_want(t, c, c->idle_deadline_us);
	} else if (c->state == TCP_CLOSING) {
		tcp_conn_time_wait(t, c, now_us);
		return false;
	} else if (c->state == TCP_LAST_ACK) {
		tcp_conn_closed(t, c, now_us);
		return false;
	}
	return true;
}

bool tcp_ack_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us)
{
	uint32_t wnd = (uint32_t)s->wnd << c->snd_wscale;

	if (c->state == TCP_SYN_RECEIVED) {
		if (seq_le(s->ack, c->snd_una) || seq_gt(s->ack, c->snd_max)) {
			tcp_reply_reset(t, &c->flow.key, c->ifindex, s, now_us);
			return false;
		}
		t->stats->tcp_connected++;
		tcp_conn_established(t, c, s, TCP_EVENT_CONNECTED, now_us);
	}
	/* RFC 5961 5.2: neither of what we never sent, nor of what is long past. */
	if (seq_gt(s->ack, c->snd_max) || seq_lt(s->ack, c->snd_una - c->snd_wnd_max)) {
		tcp_challenge(t, c, now_us);
		return false;
	}
	if (c->score)
		tcp_recovery_begin(c, now_us);
	uint32_t acked = seq_past(c->snd_una, s->ack), delivered = acked ? new_ack(t, c, s, now_us) : 0;
	if (c->score) {
		tcp_recovery_input(t, c, s, acked, delivered, now_us);
		if (c->snd_una == c->snd_max) {
			tcp_score_close(t, c);
			tcp_rto_restart(t, c, now_us);
		}
	} else if (!acked && is_duplicate(c, s, wnd)) {
		t->stats->tcp_dup_acks++;
		if (tcp_cc_dupack(t, c)) {
			t->stats->tcp_fast_retransmits++;
			c->flags |= CONN_RESEND;
			tcp_rto_restart(t, c, now_us);
		}
	}
	if (s->ack == c->snd_una)
		window_input(t, c, s, wnd, acked != 0, now_us);
	/* 3.8.6.1: a peer that answers probes keeps the connection, unless its user has left. */
	if (c->snd_wnd == 0 && !tcp_conn_fin_queued(c))
		c->retries = 0;
	if (c->snd_nxt != tcp_conn_end(c) || c->flags & CONN_RESEND || (c->score && tcp_score(c)->n_lost))
		tcp_conn_ready(t, c);
	if (tcp_conn_fin_queued(c) && c->snd_una == tcp_conn_end(c))
		return fin_acked(t, c, now_us);
	return true;
}
