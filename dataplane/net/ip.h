// SPDX-License-Identifier: MIT
/*
 * ip.h - what the headers of both families say
 */
#ifndef NET_IP_H
#define NET_IP_H

#include "dataplane/base/ip_addr.h"

enum { IP_PROTO_ICMP4 = 1, IP_PROTO_TCP = 6, IP_PROTO_ICMP6 = 58 };

/* What a header says, in either family: all that net.c needs to go on. */
struct ip_packet {
	struct ip_addr source, destination;
	uint8_t protocol;
	uint8_t hop_limit;
	bool more_fragments;  /* of a fragment, as the two below */
	uint16_t fragment_at; /* octets of the packet before this one */
	uint32_t fragment_id;
	struct span payload;
};

/* Why a packet was not taken; each has its counter. */
enum ip_verdict {
	IP_GOOD,
	IP_BAD_HEADER,
	IP_BAD_CHECKSUM,
	IP_FRAGMENT,        /* sound, but a part of a packet only */
	IP_UNWANTED_OPTION, /* IPv6: segments left of a route, or an option that forbids to go on */
};

#endif
