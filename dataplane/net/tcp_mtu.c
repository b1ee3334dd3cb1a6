// SPDX-License-Identifier: MIT
/*
 * tcp_mtu.c - how large a segment the path takes (RFC 1191, RFC 8201)
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

bool tcp_mtu_lower(struct tcp *t, struct tcp_conn *c, uint32_t mtu, uint64_t now_us)
{
	uint32_t mss = mss_for(c->flow.key.remote.family, mtu);

	if (c->options & CONN_STAMPS)
		mss -= TCP_STAMP_LEN;
	if (mss >= c->mss)
		return false;
	c->mss = (uint16_t)mss;
	/* All in flight was as big: send it again, smaller.  No sign of congestion, so cwnd stays (RFC 1191 6.5). */
	tcp_conn_go_back(t, c);
	c->flags &= (uint16_t) ~(CONN_RTT_TIMING | CONN_RESEND);
	tcp_rto_restart(t, c, now_us);
	tcp_conn_ready(t, c);
	return true;
}
