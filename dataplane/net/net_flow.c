// SPDX-License-Identifier: MIT
/*
 * net_flow.c - which shards a frame concerns
 */
#include "dataplane/net/eth.h"
#include "dataplane/net/ip4.h"
#include "dataplane/net/ip6.h"
#include "dataplane/net/net_flow.h"

enum { UNREACHABLE4 = 3, UNREACHABLE6 = 1, TOO_BIG6 = 2, SOLICITATION = 135, ADVERTISEMENT = 136 };

enum net_kind net_flow_of(struct span frame, struct net_flow *flow)
{
	enum ip_verdict verdict = IP_BAD_HEADER;
	struct ip_packet ip;
	struct eth eth;

	if (!eth_parse(frame, &eth))
		return NET_KIND_OTHER;
	if (eth.type == ETH_TYPE_ARP)
		return NET_KIND_SHARED;
	if (eth.type == ETH_TYPE_IP4)
		verdict = ip4_parse(eth.payload, &ip);
	else if (eth.type == ETH_TYPE_IP6)
		verdict = ip6_parse(eth.payload, &ip);
	if (verdict != IP_GOOD || ip.payload.len < 4)
		return NET_KIND_OTHER;
	uint8_t type = ip.payload.at[0];

	if (ip.protocol == IP_PROTO_ICMP4 && type == UNREACHABLE4)
		return NET_KIND_SHARED;
	if (ip.protocol == IP_PROTO_ICMP6 &&
	    (type == UNREACHABLE6 || type == TOO_BIG6 || type == SOLICITATION || type == ADVERTISEMENT))
		return NET_KIND_SHARED;
	if (ip.protocol != IP_PROTO_TCP)
		return NET_KIND_OTHER;
	*flow = (struct net_flow){
		.remote = ip.source,
		.local = ip.destination,
		.remote_port = get16(ip.payload.at),
		.local_port = get16(ip.payload.at + 2),
	};
	return NET_KIND_SEGMENT;
}
