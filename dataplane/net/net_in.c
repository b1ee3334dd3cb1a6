// SPDX-License-Identifier: MIT
/*
 * net_in.c - frames in: what is for us, and whom it goes to
 *
 * A frame passes four gates, each with its counters: Ethernet (for our station and VLAN?), the IP header (whole and
 * consistent?), the source (can it be there?), the destination (an address of this very port?).  What is left goes
 * to TCP or ICMP.
 *
 * A burst goes through the same in stages, so that the memory of one frame's connection is on its way while the others'
 * headers are looked at:
 *
 *	parse      the gates, for each frame; of a segment the hash of its flow, and its bucket is fetched
 *	look up    the bucket names a record, whose key is fetched; it or one behind it is the flow's, and fetched whole
 *	process    each frame, in the order of arrival, as net_input() would: net_burst_process()
 *	flush      net_next(), by whoever called
 *
 * With few connections all of it is in the cache anyway; then nothing is done ahead.
 *
 * Parsing changes nothing but counters, and what it finds does not depend on the frames before; so net_input() of each
 * frame in turn is the twin of a burst.
 */
#include "dataplane/net/ip4.h"
#include "dataplane/net/ip6.h"
#include "dataplane/net/net_state.h"

/* --- gates --------------------------------------------------------------------------------- */

static uint64_t *counter_of(struct stats *stats, enum ip_verdict verdict)
{
	switch (verdict) {
	case IP_GOOD:
	case IP_FRAGMENT:
	case IP_BAD_HEADER:
		break;
	case IP_BAD_CHECKSUM:
		return &stats->net_rx_bad_checksum;
	case IP_UNWANTED_OPTION:
		return &stats->net_rx_unwanted_options;
	}
	return &stats->net_rx_bad_header;
}

static enum net_what ip4_gates(const struct net *n, struct net_rx *rx)
{
	enum ip_verdict verdict = ip4_parse(rx->eth.payload, &rx->ip);

	if (verdict != IP_GOOD && verdict != IP_FRAGMENT)
		++*counter_of(n->stats, verdict);
	else if (net_is_martian(n, rx->ifindex, &rx->ip.source))
		n->stats->net_rx_martians++;
	else if (eth_is_group(rx->eth.destination) || !net_is_ours(n, rx->ifindex, &rx->ip.destination))
		n->stats->net_rx_not_ours++; /* RFC 1122 3.2.2: what was sent to many gets no answer */
	else if (verdict == IP_FRAGMENT)
		return NET_WHAT_FRAGMENT;
	else if (rx->ip.protocol == IP_PROTO_TCP)
		return NET_WHAT_SEGMENT;
	else if (rx->ip.protocol == IP_PROTO_ICMP4)
		return NET_WHAT_ICMP4;
	else
		n->stats->net_rx_unknown++;
	return NET_WHAT_NOTHING;
}

/* Multicast, and the source "::", belong to neighbour discovery alone: nd6.c has the rules for them. */
static enum net_what ip6_gates(const struct net *n, struct net_rx *rx)
{
	enum ip_verdict verdict = ip6_parse(rx->eth.payload, &rx->ip);
	bool is_icmp, is_multicast;

	if (verdict != IP_GOOD && verdict != IP_FRAGMENT) {
		++*counter_of(n->stats, verdict);
		return NET_WHAT_NOTHING;
	}
	is_icmp = rx->ip.protocol == IP_PROTO_ICMP6;
	is_multicast = ip6_is_multicast(&rx->ip.destination);
	if (net_is_martian(n, rx->ifindex, &rx->ip.source) && !(is_icmp && ip6_is_unspecified(&rx->ip.source)))
		n->stats->net_rx_martians++;
	else if (is_multicast != eth_is_group(rx->eth.destination) || (is_multicast && !is_icmp) ||
		 (!is_multicast && !net_is_ours(n, rx->ifindex, &rx->ip.destination)))
		n->stats->net_rx_not_ours++;
	else if (verdict == IP_FRAGMENT)
		return NET_WHAT_FRAGMENT;
	else if (is_icmp)
		return NET_WHAT_ICMP6;
	else if (rx->ip.protocol == IP_PROTO_TCP)
		return NET_WHAT_SEGMENT;
	else
		n->stats->net_rx_unknown++;
	return NET_WHAT_NOTHING;
}

/* For our station, for all, or for the groups of IPv6 (RFC 2464 7). */
static bool is_for_us(const struct net_if *f, const struct eth *e)
{
	const uint8_t *to = e->destination;

	if (e->vlan != f->s.vlan || eth_is(e->source, f->s.mac))
		return false;
	return eth_is(to, f->s.mac) || eth_is(to, eth_broadcast) || (to[0] == 0x33 && to[1] == 0x33);
}

static enum net_what gates(const struct net *n, const struct net_in *in, uint64_t now_us, struct net_rx *rx)
{
	rx->ifindex = in->ifindex;
	rx->is_copy = in->rx_flags & NET_RX_COPY;
	rx->checksum_good = in->rx_flags & NET_RX_CHECKSUM_GOOD;
	rx->now_us = now_us;
	CHECK(in->ifindex < n->n_ifs);
	n->stats->net_rx_frames++;
	if (!eth_parse(in->frame, &rx->eth))
		n->stats->net_rx_bad_frame++;
	else if (!is_for_us(&n->ifs[in->ifindex], &rx->eth))
		n->stats->net_rx_not_ours++;
	else if (in->rx_flags & NET_RX_CHECKSUM_BAD)
		n->stats->net_rx_bad_checksum++;
	else if (rx->eth.type == ETH_TYPE_IP4)
		return ip4_gates(n, rx);
	else if (rx->eth.type == ETH_TYPE_IP6)
		return ip6_gates(n, rx);
	else if (rx->eth.type == ETH_TYPE_ARP)
		return NET_WHAT_ARP;
	else
		n->stats->net_rx_unknown++;
	return NET_WHAT_NOTHING;
}

/* --- process ------------------------------------------------------------------------------- */

static struct tcp_path path_of(const struct net_rx *rx)
{
	return (struct tcp_path){
		.local = rx->ip.destination,
		.remote = rx->ip.source,
		.ifindex = (uint16_t)rx->ifindex,
		.checksum_good = rx->checksum_good,
	};
}

static void segment_input(struct net *n, const struct net_rx *rx)
{
	const struct tcp_path path = path_of(rx);

	n->stats->net_rx_segments++;
	tcp_input(n->tcp, &path, rx->ip.payload, rx->now_us);
}

static void fragment_input(struct net *n, struct net_rx *rx)
{
	if (!n->reassemble) {
		n->stats->net_rx_fragments++;
		return;
	}
	rx->ip.payload = ip_frag_input(&n->fragments, &rx->ip, rx->now_us);
	rx->checksum_good = false; /* of the pieces no port can tell */
	if (rx->ip.payload.len)
		segment_input(n, rx);
}

/* All but segments. */
static void process(struct net *n, struct net_rx *rx, enum net_what what)
{
	switch (what) {
	case NET_WHAT_NOTHING:
	case NET_WHAT_SEGMENT:
		break;
	case NET_WHAT_FRAGMENT:
		fragment_input(n, rx);
		break;
	case NET_WHAT_ICMP4:
		icmp4_input(n, rx);
		break;
	case NET_WHAT_ICMP6:
		icmp6_input(n, rx);
		break;
	case NET_WHAT_ARP:
		arp_input(n, rx);
		break;
	}
}

void net_input(struct net *n, unsigned ifindex, struct span frame, unsigned rx_flags, uint64_t now_us)
{
	const struct net_in in = { ifindex, rx_flags, frame };
	struct net_rx rx;
	enum net_what what = gates(n, &in, now_us, &rx);

	if (what == NET_WHAT_SEGMENT)
		segment_input(n, &rx);
	else
		process(n, &rx, what);
}

void net_input_end(struct net *n, uint64_t now_us)
{
	tcp_input_end(n->tcp, now_us);
}

/* --- bursts -------------------------------------------------------------------------------- */

static void stage_parse(struct net *n, const struct net_in *in, size_t n_in, uint64_t now_us)
{
	for (size_t i = 0; i < n_in; i++) {
		struct net_ahead *a = &n->ahead[i];

		a->what = gates(n, &in[i], now_us, &a->rx);
		a->is_flow = false;
		if (a->what == NET_WHAT_SEGMENT) {
			a->path = path_of(&a->rx);
			a->is_flow = tcp_ahead_bucket(n->tcp, &a->path, a->rx.ip.payload, &a->flow);
		}
	}
}

static void stage_look_up(const struct net *n, size_t n_in)
{
	for (size_t i = 0; i < n_in; i++)
		if (n->ahead[i].is_flow)
			tcp_ahead_key(n->tcp, &n->ahead[i].flow);
	for (size_t i = 0; i < n_in; i++)
		if (n->ahead[i].is_flow)
			tcp_ahead_record(n->tcp, &n->ahead[i].flow);
}

void net_burst(struct net *n, const struct net_in *in, size_t n_in, uint64_t now_us)
{
	CHECK(n_in <= NET_BURST_MAX);
	n->burst = in;
	n->n_burst = n_in;
	n->burst_us = now_us;
	n->looked_ahead = tcp_ahead_pays(n->tcp);
	if (!n->looked_ahead)
		return;
	stage_parse(n, in, n_in, now_us);
	stage_look_up(n, n_in);
}

void net_burst_process(struct net *n, size_t i)
{
	struct net_ahead *a = &n->ahead[i];

	CHECK(i < n->n_burst);
	if (!n->looked_ahead) {
		net_input(n, n->burst[i].ifindex, n->burst[i].frame, n->burst[i].rx_flags, n->burst_us);
		return;
	}
	n->stats->net_rx_segments += a->what == NET_WHAT_SEGMENT;
	if (a->is_flow)
		tcp_input_ahead(n->tcp, &a->path, a->rx.ip.payload, &a->flow, a->rx.now_us);
	else if (a->what == NET_WHAT_SEGMENT)
		tcp_input(n->tcp, &a->path, a->rx.ip.payload, a->rx.now_us);
	else
		process(n, &a->rx, a->what);
}
