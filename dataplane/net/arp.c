// SPDX-License-Identifier: MIT
/*
 * arp.c - address resolution of IPv4 (RFC 826, RFC 5227)
 */
#include "dataplane/net/ip4.h"
#include "dataplane/net/net_state.h"

#define MESSAGE_LEN 28

enum { REQUEST = 1, REPLY = 2 };

struct message {
	uint16_t operation;
	struct ip_addr sender, target;
	const uint8_t *sender_mac;
};

static bool parse(struct span in, struct message *out)
{
	static const uint8_t ethernet_and_ip4[6] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *m = in.at;

	if (in.len < MESSAGE_LEN || memcmp(m, ethernet_and_ip4, sizeof(ethernet_and_ip4)) != 0)
		return false;
	*out = (struct message){
		.operation = get16(m + 6),
		.sender = ip_addr_of4(m + 14),
		.target = ip_addr_of4(m + 24),
		.sender_mac = m + 8,
	};
	return out->operation == REQUEST || out->operation == REPLY;
}

/* Writes a whole frame; @target_mac is NULL where nobody's is known. */
static void write(const struct net *n, struct net_frame *f, const uint8_t to[6], uint16_t operation,
		  const struct ip_addr *sender, const uint8_t *target_mac, const struct ip_addr *target)
{
	static const uint8_t nobody[6];
	const struct net_if_settings *s = &n->ifs[f->ifindex].s;
	uint8_t *m = f->at + ETH_HEADER_MAX;

	put16(m, 1); /* Ethernet */
	put16(m + 2, ETH_TYPE_IP4);
	m[4] = 6;
	m[5] = 4;
	put16(m + 6, operation);
	memcpy(m + 8, s->mac, 6);
	memcpy(m + 14, sender->bytes, 4);
	memcpy(m + 18, target_mac ? target_mac : nobody, 6);
	memcpy(m + 24, target->bytes, 4);
	f->at = eth_write(m, to, s->mac, s->vlan, ETH_TYPE_ARP);
	f->len = (size_t)(m - f->at) + MESSAGE_LEN;
	f->family = IP_NONE;
}

static void reply(struct net *n, const struct net_rx *rx, const struct message *m)
{
	struct net_packet *p = net_packet_take(n, rx->ifindex);

	if (!p)
		return;
	p->frame.at -= ETH_HEADER_MAX;
	write(n, &p->frame, m->sender_mac, REPLY, &m->target, m->sender_mac, &m->sender);
	net_packet_ready(n, p);
	n->stats->net_neighbour_replied++;
}

/* An address that a neighbour on this link may have. */
static bool is_neighbour(const struct net *n, unsigned ifindex, const struct ip_addr *a)
{
	const struct net_if *f = &n->ifs[ifindex];

	if (ip_addr_eq(a, &f->s.gateway4)) /* which may lie outside of all prefixes */
		return true;
	if (ip4_is_martian(a) || !net_is_on_link(n, ifindex, a))
		return false;
	for (unsigned i = 0; i < f->n_addrs; i++)
		if (ip4_is_broadcast(a, &f->addrs[i].addr, f->addrs[i].prefix_len))
			return false;
	return true;
}

void arp_input(struct net *n, const struct net_rx *rx)
{
	struct message m;
	bool for_us, is_probe;

	if (!parse(rx->eth.payload, &m) || !net_may_be_neighbour(n, rx->ifindex, m.sender_mac)) {
		n->stats->net_neighbour_bad++;
		return;
	}
	/* RFC 5227 2.4: somebody else has our address.  It stays ours; the operator sees the counter. */
	if (net_is_ours(n, rx->ifindex, &m.sender)) {
		n->stats->net_address_conflicts++;
		return;
	}
	for_us = net_is_ours(n, rx->ifindex, &m.target);
	is_probe = m.sender.bytes[0] == 0; /* RFC 5227 2.1.1: asks whether the address is free */
	if (!is_probe && !is_neighbour(n, rx->ifindex, &m.sender)) {
		n->stats->net_neighbour_bad++;
		return;
	}
	if (m.operation == REQUEST && for_us && !rx->is_copy)
		reply(n, rx, &m);
	if (is_probe)
		return;
	if (m.operation == REPLY && for_us)
		net_resolved(n, neighbour_answer(&n->neighbours, (uint16_t)rx->ifindex, &m.sender, m.sender_mac,
						 rx->now_us));
	else
		net_resolved(n, neighbour_hint(&n->neighbours, (uint16_t)rx->ifindex, &m.sender, m.sender_mac,
					       m.operation == REQUEST && for_us, rx->now_us));
}

void arp_ask(const struct net *n, struct net_frame *frame, const struct neighbour *about)
{
	const struct net_if *f = &n->ifs[about->ifindex];
	const struct ip_addr *sender = NULL;

	/* From the address of ours on its prefix, or any, for a gateway outside of all prefixes. */
	for (unsigned i = 0; i < f->n_addrs; i++) {
		const struct net_if_addr *a = &f->addrs[i];

		if (a->addr.family == IP_V4 && (!sender || ip_addr_in_prefix(&about->addr, &a->addr, a->prefix_len)))
			sender = &a->addr;
	}
	CHECK(sender);
	write(n, frame, about->has_mac ? about->mac : eth_broadcast, REQUEST, sender,
	      about->has_mac ? about->mac : NULL, &about->addr);
}

void arp_announce(const struct net *n, struct net_frame *frame, const struct ip_addr *ours)
{
	write(n, frame, eth_broadcast, REQUEST, ours, NULL, ours);
}
