// SPDX-License-Identifier: MIT
/*
 * tcp_recovery.c - loss recovery with a scoreboard (RFC 6675), at a rate that follows what arrives (RFC 9937)
 *
 * What is lost and what is new compete for the same window: cwnd less what is in flight.  tcp_out.c sends lost octets
 * first.  A loss that proves to be none is undone.  Rules 3 and 4 of NextSeg() (RFC 6675 4) are not here: they send on
 * suspicion what RACK finds lost as soon as anything that was sent again arrives.
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_rack.h"
#include "dataplane/net/tcp_recovery.h"
#include "dataplane/net/tcp_stamp.h"

/* RFC 2018 5: only octets that are in flight.  The one at snd_una cannot have arrived, or it would be acknowledged. */
static uint32_t take_blocks(struct tcp_conn *c, const struct tcp_options *o)
{
	uint32_t n = 0;

	for (uint8_t i = 0; i < o->n_sack; i++) {
		const struct tcp_sack_block *k = &o->sack[i];

		if (seq_gt(k->start, c->snd_una) && seq_lt(k->start, k->end) && seq_le(k->end, c->snd_max) &&
		    seq_lt(k->start, c->snd_max))
			n += tcp_score_sacked(c, k->start, k->end);
	}
	return n;
}

/* RFC 9937 6: what may be sent for this ACK. */
static uint32_t prr_allows(const struct tcp_conn *c, uint32_t delivered, bool safe)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t pipe = tcp_in_flight(c), n;

	if (pipe > c->ssthresh) {
		uint64_t share = ((uint64_t)b->prr_delivered * c->ssthresh + b->prr_flight - 1) / b->prr_flight;

		n = share > b->prr_out ? (uint32_t)share - b->prr_out : 0;
	} else {
		/* as much as arrives, and what was missed before; in good progress a segment more, as slow start has */
		n = seq_past(b->prr_out, b->prr_delivered);
		n = (n > delivered ? n : delivered) + (safe ? c->mss : 0);
		n = n < c->ssthresh - pipe ? n : c->ssthresh - pipe;
	}
	return n < c->mss && b->prr_out == 0 ? c->mss : n; /* the first one at once */
}

/* --- the way back (RFC 3522, RFC 4015, RFC 3708) -------------------------------------------- */

bool tcp_undo_arm(struct tcp_conn *c, uint64_t now_us)
{
	struct tcp_score *b = c->score ? tcp_score(c) : NULL;

	if (!b || (b->undo_cwnd && seq_lt(c->snd_una, c->recover)))
		return false; /* a second loss on top of the first: the way leads back to before the first */
	b->undo_cwnd = 0;
	if (b->sent[b->first].flags & SENT_AGAIN)
		return false; /* an echo from before now may be that of the second time it was sent */
	b->undo_cwnd = c->cwnd;
	b->undo_ssthresh = c->ssthresh;
	b->undo_w_max = c->cubic.w_max;
	b->undo_stamp = tcp_stamp_clock(now_us) + c->stamp_offset;
	b->undo_from = c->snd_una;
	b->n_undo = 0;
	return true;
}

static void undo(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_score *b = tcp_score(c);

	t->stats->tcp_undone++;
	/* It was only late: this path reorders (RFC 8985 6.2 step 3).  A timeout for nothing says that an ACK was lost. */
	if (c->flags & CONN_RECOVERY && !c->reo_mult)
		c->reo_mult = 1;
	tcp_cc_set_window(c, c->cwnd > b->undo_cwnd ? c->cwnd : b->undo_cwnd);
	c->ssthresh = b->undo_ssthresh;
	c->cubic.w_max = b->undo_w_max;
	c->recover = c->snd_una;
	c->flags &= (uint16_t)~CONN_RECOVERY;
	b->undo_cwnd = 0;
	b->frto = TCP_FRTO_OFF;
	tcp_score_none_lost(c);
}

/* RFC 3522: the ACK of what was sent again echoes a time before that: the first one had arrived. */
static void look_at_echo(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s)
{
	struct tcp_score *b = tcp_score(c);

	if (!b->undo_cwnd || !b->n_undo || !(c->options & CONN_STAMPS) || !s->options.stamped || !s->options.stamp_echo)
		return;
	if (seq_lt(s->options.stamp_echo, b->undo_stamp))
		undo(t, c);
	else
		b->undo_cwnd = 0; /* it was needed */
}

/* RFC 2883 4: the first block is about octets that are acknowledged, or within the second.  Returns whether it is. */
static bool look_at_dsack(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s)
{
	const struct tcp_options *o = &s->options;
	struct tcp_score *b = tcp_score(c);
	bool within =
		o->n_sack > 1 && seq_ge(o->sack[0].start, o->sack[1].start) && seq_le(o->sack[0].end, o->sack[1].end);

	if (!o->n_sack || !seq_lt(o->sack[0].start, o->sack[0].end) || (!seq_le(o->sack[0].end, s->ack) && !within))
		return false;
	t->stats->tcp_dsacks++;
	tcp_rack_dsack(c);
	/* RFC 3708: when all that was sent again came twice, none of it was lost. */
	if (b->undo_cwnd && b->n_undo && seq_ge(o->sack[0].start, b->undo_from) && --b->n_undo == 0)
		undo(t, c);
	return true;
}

void tcp_frto_begin(struct tcp_conn *c, bool armed)
{
	tcp_score(c)->frto = armed && !(c->options & CONN_STAMPS) ? TCP_FRTO_HEAD : TCP_FRTO_OFF;
}

/* RFC 5682 3.1: for peers without timestamps, which would tell at once; DSACK comes late or never.  What was not sent again and arrives all
 * the same was on its way when the timer expired. */
static void look_at_frto(struct tcp *t, struct tcp_conn *c, uint32_t acked)
{
	struct tcp_score *b = tcp_score(c);

	if (b->frto == TCP_FRTO_NEW && b->late && b->undo_cwnd)
		undo(t, c); /* step 3b */
	else if (b->frto == TCP_FRTO_HEAD && acked && seq_lt(c->snd_una, c->recover))
		b->frto = TCP_FRTO_NEW;
	else
		b->frto = TCP_FRTO_OFF; /* steps 2a, 3a: it was needed */
}

/* RFC 8985 7.4.2: a tail that had to be sent again was lost, unless it came twice. */
static void look_at_tail(struct tcp *t, struct tcp_conn *c, uint32_t acked, bool dsack)
{
	if (!(c->flags & CONN_TAIL_SENT) || seq_lt(c->snd_una, c->tail_end))
		return;
	if (c->flags & CONN_TAIL_AGAIN && !dsack) {
		if (c->snd_una == c->tail_end && acked)
			return; /* which of the two it was the next ACK will tell */
		if (seq_gt(c->snd_una, c->tail_end) && !(c->flags & CONN_RECOVERY)) {
			tcp_cc_lost(t, c);
			tcp_cc_set_window(c, c->ssthresh);
		}
	}
	c->flags &= (uint16_t) ~(CONN_TAIL_SENT | CONN_TAIL_AGAIN);
}

/* --- losses ---------------------------------------------------------------------------------- */

static void enter(struct tcp *t, struct tcp_conn *c, uint32_t delivered, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);

	t->stats->tcp_fast_retransmits++;
	tcp_undo_arm(c, now_us);
	tcp_cc_lost(t, c);
	c->flags |= CONN_RECOVERY;
	b->prr_delivered = b->prr_out = 0;
	/* RecoverFS of RFC 9937 6: what was in flight, as known before this ACK */
	b->prr_flight = c->snd_max - c->snd_una - b->n_sacked + delivered;
	tcp_rto_restart(t, c, now_us);
}

/* What is lost by now, by number (while this path keeps the order) and by time.  */
static void find_lost(struct tcp *t, struct tcp_conn *c, uint32_t delivered, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t wait_us;

	if (!c->reo_mult)
		tcp_score_mark_lost(c);
	wait_us = tcp_rack_detect(c, now_us);
	if (wait_us)
		tcp_reorder_want(t, c, now_us + wait_us);
	/* After a timeout all is lost that was sent before it: that is no second reason to slow down. */
	if (!(c->flags & CONN_RECOVERY) && b->n_lost && seq_ge(c->snd_una, c->recover))
		enter(t, c, delivered, now_us);
}

static void set_window(struct tcp_conn *c, uint32_t delivered, bool safe)
{
	tcp_score(c)->prr_delivered += delivered;
	tcp_cc_set_window(c, tcp_in_flight(c) + prr_allows(c, delivered, safe));
}

void tcp_recovery_late(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	find_lost(t, c, 0, now_us);
	if (c->flags & CONN_RECOVERY)
		set_window(c, 0, false);
	if (tcp_score(c)->n_lost)
		tcp_conn_ready(t, c);
}

void tcp_recovery_begin(struct tcp_conn *c, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);

	b->now_us = (uint32_t)now_us;
	b->high_before = b->high_sacked;
	b->late = false;
	if (seq_ge(c->snd_una, b->used_round)) {
		b->used = b->used_now;
		b->used_now = tcp_in_flight(c);
		b->used_round = c->snd_max;
	}
}

void tcp_recovery_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint32_t acked,
			uint32_t delivered, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);
	bool ended = false, dsack = look_at_dsack(t, c, s);
	uint32_t sacked = take_blocks(c, &s->options), n_lost = b->n_lost;

	delivered += sacked;
	t->stats->tcp_dup_acks += sacked && !acked;
	if (acked)
		look_at_echo(t, c, s);
	if (b->frto)
		look_at_frto(t, c, acked);
	look_at_tail(t, c, acked, dsack);
	if (c->flags & CONN_RECOVERY && seq_ge(c->snd_una, c->recover)) {
		c->flags &= (uint16_t)~CONN_RECOVERY;
		c->cwnd = c->ssthresh;
		ended = true;
		if (c->reo_persist && --c->reo_persist == 0 && c->reo_mult > 1)
			c->reo_mult = 1;
	}
	find_lost(t, c, delivered, now_us);
	if (c->flags & CONN_RECOVERY)
		set_window(c, delivered, acked && b->n_lost <= n_lost);
	else if (acked && !ended)
		tcp_cc_grow(t, c, acked, now_us);
}
