// SPDX-License-Identifier: MIT
/*
 * tcp_rack.c - loss by time, and the probe of a tail (RACK-TLP, RFC 8985)
 */
#include "dataplane/net/tcp_rack.h"

enum {
	PROBE_MIN_US = 10000,
	MULT_MAX = 20,         /* quarters of the least RTT; srtt is the bound anyway */
	PERSIST = 16,          /* recoveries that a wider window is kept for (step 4) */
	PEER_DELAY_US = 200000 /* TLP.max_ack_delay */
};

static bool sent_before(uint32_t us1, uint32_t end1, uint32_t us2, uint32_t end2)
{
	return seq_lt(us1, us2) || (us1 == us2 && seq_lt(end1, end2));
}

/* Whether what arrived last was sent after range @r, which reaches up to @end.  A range bears the time of its last octet:
 * among those sent once that keeps their order, but what was sent again has its place elsewhere. */
static bool is_behind(const struct tcp_conn *c, const struct tcp_sent *r, uint32_t end)
{
	const struct tcp_score *b = tcp_score(c);

	if (r->flags & SENT_AGAIN)
		return seq_lt(r->sent_us + tcp_score_grain_us(c), b->rack_us);
	return sent_before(r->sent_us, end, b->rack_us, b->rack_end);
}

void tcp_rack_delivered(struct tcp_conn *c, uint32_t end, uint32_t sent_us, uint8_t flags)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t rtt_us = b->now_us - sent_us;

	rtt_us = rtt_us ? rtt_us : 1;
	if (flags & SENT_AGAIN) {
		/* step 2: too early to be the answer to the second time */
		if (rtt_us < c->min_rtt_us || c->min_rtt_us == 0)
			return;
	} else {
		if (c->min_rtt_us == 0 || rtt_us < c->min_rtt_us)
			c->min_rtt_us = rtt_us;
		/* step 3: it came after what was sent behind it */
		if (seq_lt(end, b->high_before) && c->reo_mult == 0)
			c->reo_mult = 1;
	}
	if (!b->rack_rtt_us || sent_before(b->rack_us, b->rack_end, sent_us, end)) {
		b->rack_us = sent_us;
		b->rack_end = end;
		b->rack_rtt_us = rtt_us;
	}
}

void tcp_rack_dsack(struct tcp_conn *c)
{
	struct tcp_score *b = tcp_score(c);

	c->reo_persist = PERSIST;
	/* step 4: once a round trip */
	if (c->reo_mult && seq_ge(c->snd_una, b->dsack_round)) {
		b->dsack_round = c->snd_max;
		c->reo_mult = c->reo_mult < MULT_MAX ? (uint8_t)(c->reo_mult + 1) : MULT_MAX;
	}
}

static uint32_t reordering_window(const struct tcp_conn *c)
{
	const struct tcp_score *b = tcp_score(c);
	uint64_t us;

	/* Without reordering three segments are proof enough, as they always were. */
	if (!c->reo_mult && (c->flags & CONN_RECOVERY || b->n_sacked >= 3u * c->mss))
		return 0;
	us = (uint64_t)c->min_rtt_us * (c->reo_mult ? c->reo_mult : 1) / 4;
	return us < c->srtt_us ? (uint32_t)us : c->srtt_us;
}

uint32_t tcp_rack_detect(struct tcp_conn *c, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t limit_us, wait_us = 0;

	if (!b->rack_rtt_us)
		return 0;
	limit_us = b->rack_rtt_us + reordering_window(c);
	for (size_t i = b->n; i-- > 0;) {
		const struct tcp_sent *r = &b->sent[b->first + i];
		uint32_t end = i + 1u < b->n ? r[1].seq : c->snd_max, since_us = (uint32_t)now_us - r->sent_us;

		if (r->flags & (SENT_SACKED | SENT_LOST) || !is_behind(c, r, end))
			continue;
		if (since_us >= limit_us)
			tcp_score_lost_at(c, i);
		else if (limit_us - since_us > wait_us)
			wait_us = limit_us - since_us;
	}
	return wait_us;
}

uint64_t tcp_rack_probe_us(const struct tcp_conn *c)
{
	if (!c->score || c->flags & (CONN_RECOVERY | CONN_TAIL_SENT) || c->backoff || !c->srtt_us || c->snd_wnd == 0 ||
	    tcp_score(c)->n_lost || tcp_score(c)->n_sacked || c->snd_una == c->snd_max)
		return 0;
	uint64_t us = 2u * (uint64_t)c->srtt_us;

	return (us < PROBE_MIN_US ? PROBE_MIN_US : us) + (c->snd_max - c->snd_una <= c->mss ? PEER_DELAY_US : 0);
}
