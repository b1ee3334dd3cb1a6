// SPDX-License-Identifier: MIT
/*
 * tcp_mtu.c - a router says that a segment was too big (RFC 1191, RFC 8201, RFC 5927)
 */
#include "dataplane/net/tcp_conn.h"

/* Least MTU of IPv6 (RFC 8200 5): a lower one is not believed (RFC 8201 4). */
enum { IP4_HEADER = 20, IP6_HEADER = 40, IP6_MTU_MIN = 1280 };

static uint32_t mss_for(uint8_t family, uint32_t mtu)
{
	if (family == IP_V6)
		return (mtu < IP6_MTU_MIN ? IP6_MTU_MIN : mtu) - IP6_HEADER - TCP_HEADER;
	return mtu < TCP_MSS_MIN + IP4_HEADER + TCP_HEADER ? TCP_MSS_MIN : mtu - IP4_HEADER - TCP_HEADER;
}

void tcp_too_big(struct tcp *t, const struct tcp_path *path, struct span quoted, uint32_t mtu, uint64_t now_us)
{
	enum tcp_kind kind;

	if (quoted.len < 8) { /* ports and sequence number: RFC 792 promises no more */
		t->stats->tcp_too_big_ignored++;
		return;
	}
	const uint8_t *q = quoted.at;
	uint32_t seq = (uint32_t)q[4] << 24 | (uint32_t)q[5] << 16 | (uint32_t)q[6] << 8 | q[7];
	const struct tcp_key key = {
		.local = path->local,
		.remote = path->remote,
		.local_port = (uint16_t)(q[0] << 8 | q[1]),
		.remote_port = (uint16_t)(q[2] << 8 | q[3]),
	};
	struct tcp_conn *c = tcp_table_find(&t->table, &key, &kind);
	uint32_t mss = mss_for(path->remote.family, mtu);

	/* RFC 5927 7.2: about something in flight, and smaller than what we send: who guesses gains little. */
	if (kind != TCP_KIND_CONN || tcp_conn_opening(c) || seq_lt(seq, c->snd_una) || seq_ge(seq, c->snd_max) ||
	    mss >= c->mss) {
		t->stats->tcp_too_big_ignored++;
		return;
	}
	t->stats->tcp_too_big++;
	c->mss = (uint16_t)mss;
	/* All in flight was as big: send it again, smaller.  No sign of congestion, so cwnd stays (RFC 1191 6.5). */
	c->snd_nxt = c->snd_una;
	c->flags &= (uint16_t) ~(CONN_RTT_TIMING | CONN_RESEND);
	tcp_rto_restart(t, c, now_us);
	tcp_conn_ready(t, c);
}
