// SPDX-License-Identifier: MIT
/*
 * load_flood.h - SYN after SYN from addresses that do not exist
 *
 * Frames are made without TCP: one template, of which address, port and sequence number change.  The MAC of the target
 * is learned from its first ARP frame: our own stack asks for it as for any neighbour, so a flood begins when it answers.
 */
#ifndef LOAD_FLOOD_H
#define LOAD_FLOOD_H

#include "dataplane/net/net.h"

#define FLOOD_FIRST 11 /* first octets of the addresses: those of hosts, and not in 10.0.0.0/8, where the clients are */
#define FLOOD_LAST 126
#define FLOOD_BURST 32

struct load_flood {
	uint8_t frame[62]; /* Ethernet, IPv4, TCP with MSS and window scale */
	uint64_t random;
	bool target_known;
	struct ip_addr target;
	uint64_t n_answers; /* SYN-ACK that came back */
};

void load_flood_init(struct load_flood *f, const struct net_if_settings *own, const struct ip_addr *target,
		     uint16_t port, uint64_t seed);

/* Looks at a frame that came: true when it is a SYN-ACK to one of ours, which nobody answers. */
bool load_flood_takes(struct load_flood *f, struct span frame);

/* The next SYN; false while the target's MAC is not known. */
bool load_flood_next(struct load_flood *f, struct net_frame *frame);

#endif
