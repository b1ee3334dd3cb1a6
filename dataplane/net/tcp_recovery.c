// SPDX-License-Identifier: MIT
/*
 * tcp_recovery.c - loss recovery with a scoreboard (RFC 6675), at a rate that follows what arrives (RFC 6937)
 *
 * What is lost and what is new compete for the same window: cwnd less what is in flight.  tcp_out.c sends lost octets
 * first.  Rules 3 and 4 of NextSeg() (RFC 6675 4) are not here: they send on suspicion.
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_recovery.h"

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

/* RFC 6937 3: what may be sent for this ACK. */
static uint32_t prr_allows(const struct tcp_conn *c, uint32_t delivered, bool safe)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t pipe = tcp_in_flight(c), limit;

	if (pipe > c->ssthresh) {
		uint64_t share = ((uint64_t)b->prr_delivered * c->ssthresh + b->prr_flight - 1) / b->prr_flight;

		return share > b->prr_out ? (uint32_t)share - b->prr_out : 0;
	}
	limit = b->prr_delivered > b->prr_out ? b->prr_delivered - b->prr_out : 0;
	if (safe) /* slow start reduction bound; else the conservative one */
		limit = (limit > delivered ? limit : delivered) + c->mss;
	return limit < c->ssthresh - pipe ? limit : c->ssthresh - pipe;
}

static void enter(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);

	t->stats->tcp_fast_retransmits++;
	tcp_cc_lost(t, c);
	c->flags |= CONN_RECOVERY;
	b->prr_delivered = b->prr_out = 0;
	b->prr_flight = c->snd_max - c->snd_una;
	tcp_rto_restart(t, c, now_us);
}

void tcp_recovery_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint32_t acked,
			uint32_t delivered, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);
	bool entered = false, ended = false, more_lost;
	uint32_t sacked = take_blocks(c, &s->options);

	delivered += sacked;
	t->stats->tcp_dup_acks += sacked && !acked;
	if (c->flags & CONN_RECOVERY && seq_ge(c->snd_una, c->recover)) {
		c->flags &= (uint16_t)~CONN_RECOVERY;
		c->cwnd = c->ssthresh;
		ended = true;
	}
	more_lost = tcp_score_mark_lost(c) != 0;
	/* After a timeout all is lost that was sent before it: that is no second reason to slow down. */
	if (!(c->flags & CONN_RECOVERY) && b->n_lost && seq_ge(c->snd_una, c->recover)) {
		enter(t, c, now_us);
		entered = true;
	}
	if (c->flags & CONN_RECOVERY) {
		uint32_t n;

		b->prr_delivered += delivered;
		n = prr_allows(c, delivered, acked && !more_lost);
		if (entered && n < c->mss)
			n = c->mss; /* RFC 6675 5 (4.3): the first one at once */
		tcp_cc_set_window(c, tcp_in_flight(c) + n);
	} else if (acked && !ended) {
		tcp_cc_grow(t, c, acked, now_us);
	}
}
