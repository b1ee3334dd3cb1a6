// SPDX-License-Identifier: MIT
/*
 * tcp_cc.c - congestion control: how much may be in flight (RFC 5681, NewReno of RFC 6582)
 */
#include "dataplane/net/tcp_cc.h"

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

/* RFC 5681 (4) */
static uint32_t half_flight(const struct tcp_conn *c)
{
	return max_u32(flight(c) / 2, 2u * c->mss);
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

void tcp_cc_grow(struct tcp_conn *c, uint32_t acked)
{
	/* A window that was not used says nothing about the path (RFC 7661 1). */
	if (!(c->flags & CONN_CWND_LIMITED))
		return;
	if (c->cwnd < c->ssthresh) {
		/* RFC 3465 2.2 and 2.3: up to two segments an ACK, one after a timeout. */
		c->cwnd += min_u32(acked, (seq_lt(c->snd_una, c->recover) ? 1u : 2u) * c->mss);
	} else {
		c->cwnd_acked += acked;
		if (c->cwnd_acked >= c->cwnd) {
			c->cwnd_acked -= c->cwnd;
			c->cwnd += c->mss;
		}
	}
	c->cwnd = min_u32(c->cwnd, CWND_MAX);
}

bool tcp_cc_new_ack(struct tcp_conn *c, uint32_t ack)
{
	uint32_t acked = ack - c->snd_una;

	c->dupacks = 0;
	if (!(c->flags & CONN_RECOVERY)) {
		tcp_cc_grow(c, acked);
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

void tcp_cc_lost(struct tcp_conn *c)
{
	c->ssthresh = half_flight(c);
	c->recover = c->snd_max;
	c->cwnd_acked = 0;
}

bool tcp_cc_dupack(struct tcp_conn *c)
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
	tcp_cc_lost(c);
	c->cwnd = c->ssthresh + DUPACKS * c->mss;
	c->flags = (uint16_t)((c->flags & ~CONN_PARTIAL) | CONN_RECOVERY);
	return true;
}

void tcp_cc_timeout(struct tcp_conn *c)
{
	/* RFC 5681 3.1: ssthresh stays when the same segment times out again. */
	if (c->retries <= 1)
		c->ssthresh = half_flight(c);
	c->cwnd = c->mss;
	c->cwnd_acked = 0;
	c->recover = c->snd_max;
	c->dupacks = 0;
	c->flags &= (uint16_t) ~(CONN_RECOVERY | CONN_PARTIAL);
}

void tcp_cc_idle(struct tcp_conn *c)
{
	c->cwnd = min_u32(c->cwnd, initial_window(c));
}
