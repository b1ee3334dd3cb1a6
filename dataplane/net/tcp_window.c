// SPDX-License-Identifier: MIT
/*
 * tcp_window.c - the receive window: how much is offered, when that is told, and how it grows with what is read
 */
#include "dataplane/net/tcp_window.h"

enum {
	RTT_UNKNOWN_US = 100000,
	RTT_MIN_US = 1000, /* shorter ones are measured over several */
	HEADROOM = 4,      /* what is offered, in parts of what was read in a round trip */
};

/* The largest window that we can say: a peer that does not scale hears of 65535 octets at most. */
static uint32_t most(const struct tcp_conn *c)
{
	uint32_t sayable = (uint32_t)UINT16_MAX << c->rcv_wscale;

	return c->rcv_limit < sayable ? c->rcv_limit : sayable;
}

/* Octets that the user's buffer has room for, as far as it can be said. */
static uint32_t room(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t free = c->rcv_limit > c->rcv_queued ? c->rcv_limit - c->rcv_queued : 0;
	uint32_t bound = most(c), pressed = TCP_PRESSED_MSS * (uint32_t)c->mss;

	/* What was promised stays promised, but nobody is offered more than he needs to go on. */
	if (tcp_blocks_free(&t->blocks, t->blocks.keep_ooo) == 0 && bound > pressed)
		bound = pressed;
	return free < bound ? free : bound;
}

bool tcp_window_reopened(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t half = most(c) / 2, two = 2u * c->mss;

	/* As long as half of it is still open the peer can go on; the next ACK will tell. */
	return c->rcv_adv - c->rcv_nxt < half &&
	       seq_past(c->rcv_adv, c->rcv_nxt + room(t, c)) >= (half < two ? half : two);
}

uint16_t tcp_window_announce(const struct tcp *t, struct tcp_conn *c)
{
	uint32_t edge = c->rcv_nxt + room(t, c), half = most(c) / 2, field;

	/* RFC 9293 3.8.6.2.2: no small steps forward, and never back (3.8.6). */
	if (seq_past(c->rcv_adv, edge) < (half < c->mss ? half : c->mss))
		edge = c->rcv_adv;
	/* Rounded up: rounding down would move the edge back by some octets. */
	field = (edge - c->rcv_nxt + (1u << c->rcv_wscale) - 1) >> c->rcv_wscale;
	if (field > UINT16_MAX)
		field = UINT16_MAX;
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + (field << c->rcv_wscale));
	return (uint16_t)field;
}

void tcp_window_tune(const struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	uint32_t rtt_us = !c->srtt_us ? RTT_UNKNOWN_US : c->srtt_us < RTT_MIN_US ? RTT_MIN_US : c->srtt_us;
	uint32_t read = c->rcv_nxt - c->rcv_queued - c->rcv_mark;
	uint64_t want = (uint64_t)read * HEADROOM, free;

	if (c->rcv_limit >= t->settings.receive_max || (uint32_t)now_us - c->rcv_mark_us < rtt_us)
		return;
	c->rcv_mark += read;
	c->rcv_mark_us = (uint32_t)now_us;
	free = (uint64_t)tcp_blocks_free(&t->blocks, t->blocks.keep_ooo) * TCP_BLOCK_ROOM / 4;
	want = want < free ? want : free;
	want = want < t->settings.receive_max ? want : t->settings.receive_max;
	if (want > c->rcv_limit)
		c->rcv_limit = (uint32_t)want;
}
