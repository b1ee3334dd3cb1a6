// SPDX-License-Identifier: MIT
/*
 * net.h - frames in, frames out: Ethernet, ARP, neighbour discovery, IPv4, IPv6, ICMP, and TCP on top
 *
 * One struct net is one shard's view of all its ports.  It answers for its own addresses, knows its
 * neighbours, and hands segments to tcp.h.  Pull model: net_next() fills a buffer that the driver offers.
 */
#ifndef NET_H
#define NET_H

#include "dataplane/net/tcp.h"

#define NET_IFS_MAX 8      /* ports */
#define NET_ADDRS_MAX 16   /* addresses of one port */
#define NET_FIXED_MAX 16   /* neighbours of one port whose MAC is a setting */
#define NET_FRAME_MAX 9218 /* MTU 9000 and an Ethernet header with a VLAN tag */

struct net;

struct net_if_addr {
	struct ip_addr addr;
	uint8_t prefix_len;
};

struct net_fixed {
	struct ip_addr addr;
	uint8_t mac[6];
};

struct net_if_settings {
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t vlan; /* 0: untagged */
	uint8_t n_addrs;
	struct net_if_addr addrs[NET_ADDRS_MAX];
	uint8_t n_fixed;
	struct net_fixed fixed[NET_FIXED_MAX];
	struct ip_addr gateway4, gateway6; /* family IP_NONE: none */
	struct net_if_addr clients;        /* every address of this prefix is ours as well; of a load generator */
	bool rx_checksum, tx_checksum;     /* the port verifies / completes TCP checksums */
};

struct net_settings {
	uint8_t n_ifs;
	struct net_if_settings ifs[NET_IFS_MAX];
	uint32_t neighbours_max;      /* 1024 per shard */
	uint32_t neighbour_queue_max; /* frames that wait for an address to be resolved: then the oldest goes */
	uint32_t icmp_per_s;          /* ICMP messages sent a second at most */
	bool reassemble;              /* TCP that comes in fragments; else those are dropped */
	bool quiet;                   /* another shard announces the addresses of these ports at the start */
	struct tcp_settings tcp;      /* but mss4 and mss6, which come from the smallest MTU */
};

struct net_settings net_settings_default(void); /* no ports yet */
size_t net_memory(const struct net_settings *settings);
struct net *net_init(void *memory, const struct net_settings *settings, const uint8_t seed[16], struct stats *stats);
struct tcp *net_tcp(struct net *n);

enum {
	NET_RX_CHECKSUM_GOOD = 1, /* the port verified the TCP checksum */
	NET_RX_CHECKSUM_BAD = 2,  /* the port found the checksum of TCP or IPv4 wrong */
	/* Another shard received this frame and answers it.  ARP, neighbour discovery and ICMP errors come in on one
	 * queue but concern all shards: the copy is learned from, never answered. */
	NET_RX_COPY = 4,
};

/* @frame: from the Ethernet header on; borrowed until net_input_end(). */
void net_input(struct net *n, unsigned ifindex, struct span frame, unsigned rx_flags, uint64_t now_us);
void net_input_end(struct net *n, uint64_t now_us);

/* A frame of a burst. */
struct net_in {
	unsigned ifindex, rx_flags;
	struct span frame;
};

#define NET_BURST_MAX 32

/**
 * net_burst - the stages of a burst that look ahead; see net_in.c
 * @in: @n_in frames, NET_BURST_MAX at most, borrowed until the last net_burst_process() has returned
 *
 * Then for each, in order: net_burst_process() in place of net_input(), and net_input_end() as ever.
 */
void net_burst(struct net *n, const struct net_in *in, size_t n_in, uint64_t now_us);
void net_burst_process(struct net *n, size_t i);

#define NET_FRAME_ROOM 38 /* net_next() wants a buffer this much larger than the largest MTU */

struct net_frame {
	/* in: the driver's buffer; out: the frame in it, which may begin some octets further on, as the headers are
	 * placed in front of a segment whose address family is known last.  Set both before each call. */
	uint8_t *at;
	size_t cap;
	size_t len;       /* out */
	uint16_t ifindex; /* out */
	/* out, for checksum offload: lengths of the headers when the NIC is to finish the checksums; 0: nothing to do */
	uint8_t l2_len, l3_len, l4_len;
	uint8_t family; /* IP_V4, IP_V6, IP_NONE for ARP */
};

/* The next frame to send; false when there is none now. */
bool net_next(struct net *n, struct net_frame *frame, uint64_t now_us);

void net_step(struct net *n, uint64_t now_us);
uint64_t net_deadline_us(const struct net *n);

/* Which local address and port leads to @remote; false when there is no route (no address of that family). */
bool net_route(const struct net *n, const struct ip_addr *remote, struct tcp_path *path);

#endif
