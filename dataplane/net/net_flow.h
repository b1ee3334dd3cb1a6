// SPDX-License-Identifier: MIT
/*
 * net_flow.h - which shards a frame concerns, for a driver that serves several of them
 */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#include "dataplane/base/ip_addr.h"

enum net_kind {
	NET_KIND_SEGMENT, /* TCP: concerns the one shard that has the connection */
	NET_KIND_SHARED,  /* ARP, neighbour discovery, ICMP errors: concerns all (NET_RX_COPY) */
	NET_KIND_OTHER,   /* any one shard may have it: an echo request, or something to count and drop */
};

struct net_flow {
	struct ip_addr remote, local;
	uint16_t remote_port, local_port;
};

/* Never fails: a frame that net_input() will refuse is of some kind too.  @flow: set for a SEGMENT. */
enum net_kind net_flow_of(struct span frame, struct net_flow *flow);

#endif
