// SPDX-License-Identifier: MIT
/*
 * tcp_stamp.c - timestamps: a clock for each connection, the RTT, protection against wrapped numbers (RFC 7323)
 *
 * DEVIATES: a segment that lacks the option in a connection that has it is taken (3.2 would drop it): boxes that strip
 * options from some segments exist, and it is protected as well as all are in a connection without timestamps.  TS.Recent
 * does not age out after 24 days (5.5): no mail session is silent for so long.
 */
#include "dataplane/net/tcp_stamp.h"

uint32_t tcp_stamp_offset(const struct tcp *t, const struct tcp_key *key)
{
	return tcp_key_hash(&t->stamp_key, key);
}

void tcp_stamp_input(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (!(c->options & CONN_STAMPS) || !s->options.stamped)
		return;
	/* RFC 7323 4.3 (2): SEG.SEQ <= Last.ACK.sent, which is rcv_nxt when no ACK is delayed; and 3.4 of a delayed
	 * ACK: the first of the segments that it acknowledges counts. */
	if (seq_le(s->seq, c->rcv_nxt) && c->ack_segments == 0 && seq_ge(s->seq + tcp_segment_len(s), c->rcv_nxt))
		c->stamp_recent = s->options.stamp;
}

void tcp_stamp_again(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t len = tcp_segment_len(s);

	if (!(c->options & CONN_STAMPS) || !(c->options & CONN_SACK) || !s->options.stamped)
		return;
	if (len == 0 || s->flags & TCP_SYN || seq_gt(s->seq + len, c->rcv_nxt) || c->flags & CONN_FIN_KNOWN)
		return;
	c->options |= CONN_ECHO_ONCE;
	c->echo_once = s->options.stamp;
}

bool tcp_stamp_rtt(const struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us)
{
	uint32_t ms;

	if (!(c->options & CONN_STAMPS) || !s->options.stamped || s->options.stamp_echo == 0)
		return false;
	ms = tcp_stamp_clock(now_us) + c->stamp_offset - s->options.stamp_echo;
	if (ms > t->settings.rto_max_us / 1000)
		return false; /* nothing that we sent lately */
	tcp_rtt_sample(t, c, ms ? ms * UINT64_C(1000) : 500);
	return true;
}
