// SPDX-License-Identifier: MIT
/*
 * tcp_reply.c - segments that no connection sends: RST, cookies, and ACK for half-open and TIME-WAIT records
 */
#include "dataplane/net/tcp_conn.h"

static void add(struct tcp *t, const struct tcp_reply *reply)
{
	if (t->reply_tail - t->reply_head == TCP_REPLIES) {
		t->stats->tcp_replies_dropped++;
		return;
	}
	t->replies[t->reply_tail++ % TCP_REPLIES] = *reply;
}

void tcp_reply(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, uint8_t flags, uint32_t seq, uint32_t ack,
	       uint16_t wnd)
{
	const struct tcp_reply reply = {
		.key = *key, .ifindex = ifindex, .wnd = wnd, .seq = seq, .ack = ack, .flags = flags
	};

	add(t, &reply);
}

void tcp_reply_ack(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, uint32_t seq, uint32_t ack, uint16_t wnd,
		   const uint32_t *stamp)
{
	const struct tcp_reply reply = {
		.key = *key,
		.ifindex = ifindex,
		.wnd = wnd,
		.seq = seq,
		.ack = ack,
		.flags = TCP_ACK,
		.stamped = stamp != NULL,
		.stamp_echo = stamp ? *stamp : 0,
	};

	add(t, &reply);
}

void tcp_reply_syn_ack(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, uint32_t seq, uint32_t ack,
		       const struct tcp_options *peer)
{
	const struct tcp_reply reply = {
		.key = *key,
		.ifindex = ifindex,
		.wnd = tcp_window_syn(t),
		.seq = seq,
		.ack = ack,
		.flags = TCP_SYN | TCP_ACK,
		.wscale = peer->wscale,
		.sack = peer->sack_permitted,
		.stamped = peer->stamped,
		.stamp_echo = peer->stamp,
	};

	add(t, &reply);
}

void tcp_reply_reset(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, const struct tcp_segment *s,
		     uint64_t now_us)
{
	if (s->flags & TCP_RST)
		return;
	if (!rate_take(&t->rsts, now_us)) {
		t->stats->tcp_rsts_limited++;
		return;
	}
	if (t->reply_tail - t->reply_head >= TCP_REPLIES - TCP_REPLIES_SPARE) {
		t->stats->tcp_replies_dropped++;
		return;
	}
	t->stats->tcp_rsts_out++;
	/* RFC 9293 3.10.7.1: a number that the peer is sure to take. */
	if (s->flags & TCP_ACK)
		tcp_reply(t, key, ifindex, TCP_RST, s->ack, 0, 0);
	else
		tcp_reply(t, key, ifindex, TCP_RST | TCP_ACK, 0, s->seq + tcp_segment_len(s), 0);
}
