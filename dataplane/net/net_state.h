// SPDX-License-Identifier: MIT
/*
 * net_state.h - what is inside struct net; for the files of this room
 */
#ifndef NET_STATE_H
#define NET_STATE_H

#include "dataplane/base/pool.h"
#include "dataplane/net/eth.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/ip_frag.h"
#include "dataplane/net/neighbour.h"
#include "dataplane/net/net.h"

#define NET_HEADERS_MAX 58      /* Ethernet with a tag and IPv6: the room in front of what is still to be addressed */
#define NET_REPLIES_MAX 64      /* frames of our own that are ready to go */
#define NET_REPLIES_SPARE 16    /* of these, not for ICMP: the neighbours must always get their answers */
#define NET_WAITING_EACH_MAX 8  /* frames that wait for one neighbour; a gateway may have all there is room for */
#define NET_UNSENT_MAX 64       /* segments in a row that net_next() puts aside before it gives up for this turn */
#define NET_ANNOUNCE_ROUNDS 2   /* RFC 5227 2.3: ANNOUNCE_NUM */
#define NET_ANNOUNCE_US 2000000 /* RFC 5227 2.3: ANNOUNCE_INTERVAL */
#define NET_HOP_LIMIT 64

struct net_if {
	struct net_if_settings s;
	struct net_if_addr addrs[NET_ADDRS_MAX + 1]; /* those of the settings, and fe80:: if there is any of IPv6 */
	uint8_t n_addrs;
};

/* A frame that waits: for its neighbour's MAC, or to be sent. */
struct net_packet {
	struct net_packet *next;
	struct neighbour *neighbour; /* NULL: ready */
	struct net_frame frame;      /* frame.at points into bytes[]; without its Ethernet header while it waits */
	uint8_t bytes[];
};

struct net_queue {
	struct net_packet *first, **end;
};

/* What is being worked on: one frame from one port. */
struct net_rx {
	unsigned ifindex;
	bool is_copy; /* NET_RX_COPY: learn, do not answer */
	bool checksum_good;
	uint64_t now_us;
	struct eth eth;
	struct ip_packet ip;
};

enum net_what { NET_WHAT_NOTHING, NET_WHAT_SEGMENT, NET_WHAT_FRAGMENT, NET_WHAT_ICMP4, NET_WHAT_ICMP6, NET_WHAT_ARP };

/* A frame of a burst, parsed ahead. */
struct net_ahead {
	struct net_rx rx;
	enum net_what what;
	bool is_flow; /* a segment, and path and flow are set */
	struct tcp_path path;
	struct tcp_ahead flow;
};

struct net {
	struct net_if ifs[NET_IFS_MAX];
	uint8_t n_ifs;
	bool reassemble;
	bool tx_checksum; /* all ports finish TCP checksums */
	uint16_t mtu_most;
	struct tcp *tcp;
	struct stats *stats;
	struct neighbours neighbours;
	struct ip_frags fragments;
	struct pool packets;
	struct net_queue ready, waiting; /* waiting: oldest first */
	uint32_t n_waiting, n_waiting_max;
	struct rate icmp;
	uint64_t flow_key;
	uint64_t announce_us;       /* when the next round is due */
	uint8_t n_rounds;           /* still to come */
	const struct net_in *burst; /* the one under way */
	size_t n_burst;
	uint64_t burst_us;
	bool looked_ahead;
	struct net_ahead ahead[NET_BURST_MAX];
	uint16_t announce_at; /* address announced next in this round; see net_announce.c */
};

/* net.c */
bool net_is_ours(const struct net *n, unsigned ifindex, const struct ip_addr *addr);
bool net_is_on_link(const struct net *n, unsigned ifindex, const struct ip_addr *addr);
bool net_is_martian(const struct net *n, unsigned ifindex, const struct ip_addr *source); /* cannot send from there */

/* Whether a neighbour at that port can have @mac: a station's, and not our own. */
static inline bool net_may_be_neighbour(const struct net *n, unsigned ifindex, const uint8_t mac[6])
{
	return eth_is_station(mac) && !eth_is(mac, n->ifs[ifindex].s.mac);
}

/* net_out.c */

/* Room for a frame of our own, to be filled from frame.at on; NULL, counted, when there are too many. */
struct net_packet *net_packet_take(struct net *n, unsigned ifindex);
void net_packet_ready(struct net *n, struct net_packet *p); /* give: a whole frame, to be sent as it is */

/* give: @p->frame holds an ICMP message; it gets its IP and Ethernet headers and is sent when its neighbour is known. */
void net_packet_send(struct net *n, struct net_packet *p, const struct tcp_path *path, uint8_t protocol,
		     uint64_t now_us);

/* @known has got its MAC: what waited for it is ready.  NULL: nothing to do. */
void net_resolved(struct net *n, struct neighbour *known);

/* net_announce.c: the next frame of the round under way; false when there is none. */
bool net_announce(struct net *n, struct net_frame *frame);

/* arp.c */
void arp_input(struct net *n, const struct net_rx *rx);
void arp_ask(const struct net *n, struct net_frame *frame, const struct neighbour *about);
void arp_announce(const struct net *n, struct net_frame *frame, const struct ip_addr *ours);

/* nd6.c; the message's checksum is good */
void nd6_input(struct net *n, const struct net_rx *rx);
void nd6_ask(const struct net *n, struct net_frame *frame, const struct neighbour *about);
void nd6_announce(const struct net *n, struct net_frame *frame, const struct ip_addr *ours);

/* icmp.c */
void icmp4_input(struct net *n, const struct net_rx *rx);
void icmp6_input(struct net *n, const struct net_rx *rx);

#endif
