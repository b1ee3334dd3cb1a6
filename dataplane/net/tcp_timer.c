// SPDX-License-Identifier: MIT
/*
 * tcp_timer.c - retransmission, persist and delayed-ACK timers (RFC 6298; RFC 9293 3.8.6.1, 3.8.6.3)
 *
 * A connection has several deadlines and one node in the wheel, which is armed for the earliest deadline or for a time
 * before it.  Moving a deadline away or clearing it costs a store; the node then fires for nothing once, and is armed
 * anew.  So the usual segment moves no list at all.
 *
 * Before the retransmission timer, and in its place, may stand (timer_kind):
 *	TAIL      2 RTT after the last octets went out nothing came back: probe the tail
 *	REORDER   what is overdue now is lost, if it does not come within the reordering window
 *
 * rto_deadline_us stands for whatever is queued or sent and not acknowledged.  When it passes:
 *	the SYN is not acknowledged        send it again, with backoff
 *	the window is closed               send one octet of what waits (persist), with backoff; never gives up while
 *	                                   the peer answers, unless the user has closed and left
 *	all that was sent is acknowledged  more waits for a wider window: send it in small pieces (SWS override)
 *	else                               a loss: go back to snd_una, or with a scoreboard to all that did not arrive,
 *	                                   with backoff, cwnd one segment
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_conn.h"
#include "dataplane/net/tcp_rack.h"
#include "dataplane/net/tcp_recovery.h"

enum { BACKOFF_MAX = 16 };

static uint32_t bounded_rto(const struct tcp *t, uint64_t rto_us)
{
	if (rto_us < t->settings.rto_min_us)
		return t->settings.rto_min_us;
	return rto_us > t->settings.rto_max_us ? t->settings.rto_max_us : (uint32_t)rto_us;
}

/* RFC 6298 2.2, 2.3 */
void tcp_rtt_sample(const struct tcp *t, struct tcp_conn *c, uint64_t rtt_us)
{
	uint32_t r = rtt_us > t->settings.rto_max_us ? t->settings.rto_max_us : (uint32_t)rtt_us;

	if (c->srtt_us == 0) {
		c->srtt_us = r ? r : 1;
		c->rttvar_us = r / 2;
		c->min_rtt_us = c->srtt_us;
	} else {
		uint32_t off = r > c->srtt_us ? r - c->srtt_us : c->srtt_us - r;

		c->rttvar_us = (uint32_t)(((uint64_t)c->rttvar_us * 3 + off) / 4);
		c->srtt_us = (uint32_t)(((uint64_t)c->srtt_us * 7 + r) / 8);
		c->srtt_us += c->srtt_us == 0;
	}
	/* The least RTO comes on top of the RTT: a steady RTT of 200 ms has hardly a variance, and an ACK that the peer
	 * delays must not look like a loss. */
	uint64_t spread = (uint64_t)c->rttvar_us * 4;
	c->rto_us = bounded_rto(t, c->srtt_us + (spread > t->settings.rto_min_us ? spread : t->settings.rto_min_us));
	c->backoff = 0;
}

void tcp_timer_want(struct tcp *t, struct tcp_conn *c, uint64_t at_us)
{
	if (!timer_armed(&c->timer) || at_us < timer_at_us(&c->timer))
		timer_arm(&t->wheel, &c->timer, at_us);
}

void tcp_rto_restart(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	if (!tcp_conn_opening(c) && c->snd_una == tcp_conn_end(c)) {
		c->rto_deadline_us = 0;
		return;
	}
	uint64_t rto_us = bounded_rto(t, (uint64_t)c->rto_us << c->backoff), probe_us = tcp_rack_probe_us(c);
	bool tail = probe_us && probe_us < rto_us;

	c->timer_kind = tail ? TCP_TIMER_TAIL : TCP_TIMER_RTO;
	c->rto_deadline_us = now_us + (tail ? probe_us : rto_us);
	tcp_timer_want(t, c, c->rto_deadline_us);
}

/* When the first octets in flight were sent last; without a scoreboard that is not known. */
static uint64_t head_sent_us(const struct tcp_conn *c, uint64_t now_us)
{
	const struct tcp_score *b = c->score ? tcp_score(c) : NULL;

	return b ? now_us - (uint32_t)((uint32_t)now_us - b->sent[b->first].sent_us) : now_us;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What stood in its place has gone off: the retransmission timer runs on from when the first octets in flight were sent,
 * but an answer to what goes out now must have time to come. */
static void rto_resume(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	uint64_t rto_us = bounded_rto(t, (uint64_t)c->rto_us << c->backoff), answer_us = 2u * (uint64_t)c->srtt_us;

	c->timer_kind = TCP_TIMER_RTO;
	c->rto_deadline_us =
		max_u64(head_sent_us(c, now_us) + rto_us, now_us + (answer_us < rto_us ? answer_us : rto_us));
	tcp_timer_want(t, c, c->rto_deadline_us);
}

void tcp_tail_want(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	uint64_t probe_us = tcp_rack_probe_us(c), at_us = now_us + probe_us, rto_at_us = c->rto_deadline_us;

	if (!probe_us || c->timer_kind == TCP_TIMER_REORDER)
		return;
	if (c->timer_kind == TCP_TIMER_TAIL)
		rto_at_us = max_u64(now_us, head_sent_us(c, now_us) + bounded_rto(t, c->rto_us));
	if (at_us >= rto_at_us) {
		if (c->timer_kind == TCP_TIMER_RTO)
			return;
		at_us = rto_at_us;
	}
	c->timer_kind = TCP_TIMER_TAIL;
	c->rto_deadline_us = at_us;
	tcp_timer_want(t, c, at_us);
}

void tcp_reorder_want(struct tcp *t, struct tcp_conn *c, uint64_t at_us)
{
	if (!c->rto_deadline_us || at_us >= c->rto_deadline_us)
		return;
	c->timer_kind = TCP_TIMER_REORDER;
	c->rto_deadline_us = at_us;
	tcp_timer_want(t, c, at_us);
}

/* The two that come before it (RFC 8985 6.3, 7.3).  Returns false when it was the retransmission timer itself. */
static bool early_due(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	enum tcp_timer_kind kind = (enum tcp_timer_kind)c->timer_kind;

	if (kind == TCP_TIMER_RTO || !c->score || c->snd_wnd == 0)
		return false;
	if (kind == TCP_TIMER_TAIL) {
		t->stats->tcp_tail_probes++;
		c->flags |= CONN_TAIL | CONN_TAIL_SENT; /* the second one keeps it from being armed again */
		tcp_conn_ready(t, c);
	}
	rto_resume(t, c, now_us);
	if (kind == TCP_TIMER_REORDER)
		tcp_recovery_late(t, c, now_us);
	return true;
}

/* Returns false when the connection has failed. */
static bool rto_due(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	bool opening = tcp_conn_opening(c);

	if (early_due(t, c, now_us))
		return true;
	if (!opening && c->snd_wnd && c->snd_una == c->snd_max) {
		c->flags |= CONN_OVERRIDE;
	} else {
		if (c->retries >= (opening ? t->settings.syn_retries : t->settings.data_retries)) {
			t->stats->tcp_timeouts++;
			tcp_conn_fail(t, c, c->err ? (enum err)c->err : ERR_TIMEOUT);
			return false;
		}
		if (c->retries < UINT8_MAX)
			c->retries++;
		if (opening) {
			c->flags |= CONN_RESEND;
		} else if (c->snd_wnd == 0) {
			c->flags |= CONN_PROBE;
			tcp_conn_go_back(t, c);
		} else {
			t->stats->tcp_rtos++;
			tcp_mtu_black_hole(t, c);
			bool armed = tcp_undo_arm(c, now_us);
			tcp_cc_timeout(t, c);
			if (c->score) {
				tcp_score_all_lost(c, c->retries > 1);
				tcp_frto_begin(c, armed);
			} else {
				tcp_conn_go_back(t, c);
			}
		}
		if (c->backoff < BACKOFF_MAX)
			c->backoff++;
	}
	tcp_rto_restart(t, c, now_us);
	tcp_conn_ready(t, c);
	return true;
}

/* Nobody is waited for any longer: the peer in FIN_WAIT_2, the reader in CLOSED.  Before, it is the keep-alive's time.
 * Returns false when there is nothing more to wait for. */
static bool idle_due(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	c->idle_deadline_us = 0;
	if (c->state == TCP_CLOSED) {
		tcp_conn_event(t, c, TCP_EVENT_CLOSED);
		return false;
	}
	if (c->state != TCP_FIN_WAIT_2)
		return tcp_keep_due(t, c, now_us);
	t->stats->tcp_fin_wait_2_expired++;
	tcp_conn_closed(t, c, now_us);
	return false;
}

void tcp_conn_due(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	uint64_t next_us = TIMER_NEVER;

	if (c->idle_deadline_us && c->idle_deadline_us <= now_us && !idle_due(t, c, now_us))
		return;
	if (c->ack_deadline_us && c->ack_deadline_us <= now_us) {
		c->ack_deadline_us = 0;
		c->flags |= CONN_ACK_NOW;
		tcp_conn_ready(t, c);
	}
	if (c->rto_deadline_us && c->rto_deadline_us <= now_us && !rto_due(t, c, now_us))
		return;

	const uint64_t deadlines[] = { c->idle_deadline_us, c->ack_deadline_us, c->rto_deadline_us };
	for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] && deadlines[i] < next_us)
			next_us = deadlines[i];
	if (next_us != TIMER_NEVER)
		tcp_timer_want(t, c, next_us);
}

void tcp_step(struct tcp *t, uint64_t now_us)
{
	struct timer *due;

	while ((due = timer_due(&t->wheel, now_us)))
		tcp_conn_due(t, TCP_OBJECT(due, struct tcp_conn, timer), now_us);
	tcp_half_expire(t, now_us);
	tcp_wait_expire(t, now_us);
}

uint64_t tcp_deadline_us(const struct tcp *t)
{
	uint64_t wheel_us = timer_deadline_us(&t->wheel), wait_us = tcp_wait_deadline_us(t);
	uint64_t half_us = tcp_half_deadline_us(t);

	wheel_us = wheel_us < half_us ? wheel_us : half_us;
	return wheel_us < wait_us ? wheel_us : wait_us;
}
