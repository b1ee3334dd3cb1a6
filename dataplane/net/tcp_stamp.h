// SPDX-License-Identifier: MIT
/*
 * tcp_stamp.h - timestamps: a clock for each connection, the RTT, protection against wrapped numbers (RFC 7323)
 */
#ifndef NET_TCP_STAMP_H
#define NET_TCP_STAMP_H

#include "dataplane/net/tcp_conn.h"

/* RFC 7323 5.4: milliseconds, from a start that only the two ends of a connection know, the same whenever they meet. */
static inline uint32_t tcp_stamp_clock(uint64_t now_us)
{
	return (uint32_t)(now_us / 1000);
}

uint32_t tcp_stamp_offset(const struct tcp *t, const struct tcp_key *key);

/* Fills in what a segment of @c bears. */
static inline void tcp_stamp_emit(const struct tcp_conn *c, struct tcp_options *o, uint64_t now_us)
{
	o->stamped = (c->options & CONN_STAMPS) != 0;
	o->stamp = tcp_stamp_clock(now_us) + c->stamp_offset;
	o->stamp_echo = c->options & CONN_ECHO_ONCE ? c->echo_once : c->stamp_recent;
}

/* Whether @s is older than what came before (PAWS, RFC 7323 5.3 R1). */
static inline bool tcp_stamp_is_old(const struct tcp_conn *c, const struct tcp_segment *s)
{
	return c->options & CONN_STAMPS && s->options.stamped && !(s->flags & TCP_RST) &&
	       seq_lt(s->options.stamp, c->stamp_recent);
}

/* Notes what to echo (R3).  To be called before @s, which is acceptable, changes rcv_nxt. */
void tcp_stamp_input(struct tcp_conn *c, const struct tcp_segment *s);

/* Of @s that is not acceptable: all of it came before, so our ACK was lost.  The next ACK echoes this copy's stamp.
 * DEVIATES from RFC 7323 4.3, by which it would be the first copy's: the peer would take the time that its timeout lasted
 * for the round trip, and each lost ACK would make the next timeout longer.  That the copy was for nothing, which the
 * older echo would say as well (RFC 3522), says DSACK.  TS.Recent stays: what the copy overtook is not old. */
void tcp_stamp_again(struct tcp_conn *c, const struct tcp_segment *s);

/* Takes the RTT from what @s, which acknowledges something new, echoes.  Returns false when it echoes nothing. */
bool tcp_stamp_rtt(const struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us);

#endif
