// SPDX-License-Identifier: MIT
/*
 * tcp_cc.c - congestion control: how much may be in flight (RFC 5681, RFC 9438, NewReno of RFC 6582)
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_cubic.h"
#include "dataplane/net/tcp_score.h"

enum { DUPACKS = 3 };
#define CWND_MAX (1u << 30)

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* RFC 6928 2 */
static uint32_t initial_window(const struct tcp_conn *c)
{
	return min_u32(10u * c->mss, max_u32(2u * c->mss, 14600));
}

static uint32_t flight(const struct tcp_conn *c)
{
	return c->snd_max - c->snd_una;
}

/* Whether enough of the window was in use that what was seen says something of the path (RFC 7661 4.2). */
static bool validated(const struct tcp_conn *c)
{
	return c->score ? tcp_used(c) >= c->cwnd / 2 : (c->flags & CONN_CWND_LIMITED) != 0;
}

/* What a loss is a share of (RFC 7661 4.4.1, RFC 9438 4.6): what was in use, not what might have been.  In recovery cwnd
 * is what PRR makes of it, and ssthresh is the window. */
static uint32_t window_used(const struct tcp_conn *c)
{
	uint32_t window = c->score && c->flags & CONN_RECOVERY ? c->ssthresh : c->cwnd, used;

	used = c->score ? tcp_used(c) : c->flags & CONN_CWND_LIMITED ? window : flight(c);
	return used + c->mss > window ? window : used; /* less than a segment cannot be used */
}

/* ssthresh after a loss: RFC 5681 (4), RFC 9438 4.6 */
static uint32_t reduced(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t used = window_used(c);

	used = t->settings.congestion == TCP_CUBIC ? tcp_cubic_reduced(used) : used / 2;
	return max_u32(used, 2u * c->mss);
}

void tcp_cc_init(struct tcp_conn *c, bool syn_lost)
{
	c->cwnd = syn_lost ? c->mss : initial_window(c);
	c->ssthresh = CWND_MAX;
	c->cwnd_acked = 0;
	c->recover = c->snd_una - 1;
}

uint32_t tcp_cc_window(const struct tcp_conn *c)
{
	/* RFC 3042: the first two duplicate ACKs let one new segment out each. */
	if (!(c->flags & CONN_RECOVERY) && c->dupacks)
		return c->cwnd + min_u32(c->dupacks, DUPACKS - 1) * c->mss;
	return c->cwnd;
}

void tcp_cc_set_window(struct tcp_conn *c, uint32_t cwnd)
{
	c->cwnd = min_u32(max_u32(cwnd, c->mss), CWND_MAX);
}

void tcp_cc_grow(const struct tcp *t, struct tcp_conn *c, uint32_t acked, uint64_t now_us)
{
	if (!validated(c)) {
		tcp_cubic_restart(&c->cubic);
		return;
	}
	if (c->cwnd < c->ssthresh) {
		/* Octets count, not ACKs (RFC 3465); up to eight segments an ACK, as peers that gather segments
		 * acknowledge many with one (RFC 9406 4.2), one after a timeout (RFC 3465 2.3); not beyond ssthresh. */
		acked = min_u32(acked, (seq_lt(c->snd_una, c->recover) ? 1u : 8u) * c->mss);
		c->cwnd += min_u32(acked, c->ssthresh - c->cwnd);
	} else if (t->settings.congestion == TCP_CUBIC) {
		c->cwnd = tcp_cubic_grow(&c->cubic, c->cwnd, acked, c->mss, &c->cwnd_acked, (uint32_t)(now_us / 1000),
					 c->srtt_us / 1000);
	} else {
		c->cwnd_acked += acked;
		if (c->cwnd_acked >= c->cwnd) {
			c->cwnd_acked -= c->cwnd;
			c->cwnd += c->mss;
		}
	}
	c->cwnd = min_u32(c->cwnd, CWND_MAX);
}

bool tcp_cc_new_ack(const struct tcp *t, struct tcp_conn *c, uint32_t ack, uint64_t now_us)
{
	uint32_t acked = ack - c->snd_una;

	c->dupacks = 0;
	if (!(c->flags & CONN_RECOVERY)) {
		tcp_cc_grow(t, c, acked, now_us);
		return false;
	}
	if (seq_ge(ack, c->recover)) {
		/* RFC 6582 3.2 step 3, full acknowledgement, option 1: no burst */
		c->cwnd = min_u32(c->ssthresh, max_u32(c->snd_max - ack, c->mss) + c->mss);
		c->flags &= (uint16_t) ~(CONN_RECOVERY | CONN_PARTIAL);
		return false;
	}
	/* partial acknowledgement: one more hole */
	c->cwnd = c->cwnd > acked ? c->cwnd - acked : 0;
	if (acked >= c->mss)
		c->cwnd += c->mss;
	c->cwnd = max_u32(c->cwnd, c->mss);
	return true;
}

void tcp_cc_lost(const struct tcp *t, struct tcp_conn *c)
{
	c->ssthresh = reduced(t, c);
	tcp_cubic_lost(&c->cubic, c->cwnd);
	c->recover = c->snd_max;
	c->cwnd_acked = 0;
}

bool tcp_cc_dupack(const struct tcp *t, struct tcp_conn *c)
{
	if (c->flags & CONN_RECOVERY) {
		/* RFC 6582 3.2 step 4: a segment has left the network. */
		c->cwnd = min_u32(c->cwnd + c->mss, CWND_MAX);
		return false;
	}
	if (c->dupacks < UINT8_MAX)
		c->dupacks++;
	/* RFC 6582 3.2 step 2: what was sent before the last loss makes no second one. */
	if (c->dupacks != DUPACKS || seq_le(c->snd_una, c->recover))
		return false;
	tcp_cc_lost(t, c);
	c->cwnd = c->ssthresh + DUPACKS * c->mss;
	c->flags = (uint16_t)((c->flags & ~CONN_PARTIAL) | CONN_RECOVERY);
	return true;
}

void tcp_cc_timeout(const struct tcp *t, struct tcp_conn *c)
{
	/* RFC 5681 3.1: ssthresh stays when the same segment times out again. */
	if (c->retries <= 1)
		c->ssthresh = reduced(t, c);
	c->cubic = (struct tcp_cubic){ 0 }; /* RFC 9438 4.8: from where slow start ends */
	c->cwnd = c->mss;
	c->cwnd_acked = 0;
	c->recover = c->snd_max;
	c->dupacks = 0;
	c->flags &= (uint16_t) ~(CONN_RECOVERY | CONN_PARTIAL);
}

void tcp_cc_idle(struct tcp_conn *c, uint32_t idle_ms)
{
	uint32_t restart = min_u32(c->cwnd, initial_window(c)), rto_ms = c->rto_us / 1000;

	if (c->cwnd > restart) /* RFC 2861 3: what was learned stays, as a bound of slow start */
		c->ssthresh = max_u32(c->ssthresh, c->cwnd / 4 * 3);
	for (; idle_ms > rto_ms && c->cwnd > restart; idle_ms -= rto_ms)
		c->cwnd /= 2;
	c->cwnd = max_u32(c->cwnd, restart);
	tcp_cubic_restart(&c->cubic);
}
