// SPDX-License-Identifier: MIT
/*
 * nd6.c - neighbour discovery of IPv6 (RFC 4861, RFC 4862)
 *
 * Solicitations and advertisements only.  Router advertisements and redirects are ignored: gateway and prefixes come
 * from the settings, and no neighbour may change where our packets go.
 */
#include "dataplane/net/checksum.h"
#include "dataplane/net/ip6.h"
#include "dataplane/net/net_state.h"

#define MESSAGE_LEN 24 /* up to the options */
#define OPTION_LEN 8   /* a link-layer address */
#define HOP_LIMIT 255  /* RFC 4861 7.1: proves that no router passed it on */

enum { SOLICITATION = 135, ADVERTISEMENT = 136 };
enum { SOURCE_MAC = 1, TARGET_MAC = 2 };
enum { SOLICITED = 0x40, OVERRIDE = 0x20 };

struct message {
	uint8_t type, flags;
	struct ip_addr target;
	const uint8_t *mac; /* of the option that belongs to the type; NULL: none */
};

/* Finds the link-layer address; false when an option's length is zero or passes the end (RFC 4861 4.6). */
static bool parse_options(struct span options, uint8_t wanted, const uint8_t **mac)
{
	*mac = NULL;
	while (options.len) {
		if (options.len < OPTION_LEN || options.at[1] == 0 || options.at[1] * 8u > options.len)
			return false;
		if (options.at[0] == wanted && options.at[1] == 1)
			*mac = options.at + 2;
		options = span_skip(options, options.at[1] * 8u);
	}
	return true;
}

/* The checks of RFC 4861 7.1.1 and 7.1.2. */
static bool parse(const struct ip_packet *ip, struct message *out)
{
	const uint8_t *m = ip->payload.at;
	bool multicast = ip6_is_multicast(&ip->destination);

	if (ip->hop_limit != HOP_LIMIT || ip->payload.len < MESSAGE_LEN || m[1] != 0)
		return false;
	*out = (struct message){ .type = m[0], .flags = m[4], .target = ip_addr_of6(m + 8) };
	if (ip6_is_multicast(&out->target) || !parse_options(span_skip(ip->payload, MESSAGE_LEN),
							     m[0] == SOLICITATION ? SOURCE_MAC : TARGET_MAC, &out->mac))
		return false;
	if (m[0] == ADVERTISEMENT)
		return !ip6_is_unspecified(&ip->source) && !(multicast && (out->flags & SOLICITED));
	if (ip6_is_unspecified(&ip->source)) {
		struct ip_addr group = ip6_solicited_node(&out->target);

		return ip_addr_eq(&ip->destination, &group) && !out->mac;
	}
	return true;
}

static void multicast_mac(const struct ip_addr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33; /* RFC 2464 7 */
	memcpy(mac + 2, group->bytes + 12, 4);
}

/* Writes a whole frame.  @to_mac: NULL: that of the multicast group @to. */
static void write(const struct net *n, struct net_frame *f, const uint8_t *to_mac, const struct ip_addr *source,
		  const struct ip_addr *to, uint8_t type, uint8_t flags, const struct ip_addr *target)
{
	const struct net_if_settings *s = &n->ifs[f->ifindex].s;
	const size_t len = MESSAGE_LEN + OPTION_LEN;
	uint8_t *m = f->at + ETH_HEADER_MAX + IP6_HEADER, *packet, group_mac[6];
	uint16_t sum;

	memset(m, 0, len);
	m[0] = type;
	m[4] = flags;
	memcpy(m + 8, target->bytes, 16);
	m[MESSAGE_LEN] = type == SOLICITATION ? SOURCE_MAC : TARGET_MAC;
	m[MESSAGE_LEN + 1] = 1;
	memcpy(m + MESSAGE_LEN + 2, s->mac, 6);
	sum = (uint16_t)~checksum_fold(checksum_add(checksum_pseudo(source, to, IP_PROTO_ICMP6, len), span_of(m, len)));
	memcpy(m + 2, &sum, 2);
	packet = ip6_write(m, len, source, to, IP_PROTO_ICMP6, HOP_LIMIT, 0);
	if (!to_mac) {
		multicast_mac(to, group_mac);
		to_mac = group_mac;
	}
	f->at = eth_write(packet, to_mac, s->mac, s->vlan, ETH_TYPE_IP6);
	f->len = (size_t)(m - f->at) + len;
	f->family = IP_V6;
}

/* RFC 4861 7.2.4; to everybody when the asker has no address yet (RFC 4862 5.4.3: it tests whether ours is free). */
static void advertise(struct net *n, const struct net_rx *rx, const struct message *m)
{
	struct net_packet *p = net_packet_take(n, rx->ifindex);
	struct ip_addr all = ip6_all_nodes();

	if (!p)
		return;
	p->frame.at = p->bytes;
	if (ip6_is_unspecified(&rx->ip.source))
		write(n, &p->frame, NULL, &m->target, &all, ADVERTISEMENT, OVERRIDE, &m->target);
	else
		write(n, &p->frame, m->mac ? m->mac : rx->eth.source, &m->target, &rx->ip.source, ADVERTISEMENT,
		      SOLICITED | OVERRIDE, &m->target);
	net_packet_ready(n, p);
	n->stats->net_neighbour_replied++;
}

static bool is_neighbour(const struct net *n, unsigned ifindex, const struct ip_addr *a)
{
	return net_is_on_link(n, ifindex, a) || ip_addr_eq(a, &n->ifs[ifindex].s.gateway6);
}

static void solicitation(struct net *n, const struct net_rx *rx, const struct message *m)
{
	bool nameless = ip6_is_unspecified(&rx->ip.source);

	if (!net_is_ours(n, rx->ifindex, &m->target))
		return;
	/* RFC 4861 7.2.3: only neighbours may ask; else an advertisement is sent to a stranger's address. */
	if (!nameless && !is_neighbour(n, rx->ifindex, &rx->ip.source)) {
		n->stats->net_neighbour_bad++;
		return;
	}
	if (!rx->is_copy)
		advertise(n, rx, m);
	if (!nameless && m->mac)
		net_resolved(n, neighbour_hint(&n->neighbours, (uint16_t)rx->ifindex, &rx->ip.source, m->mac, true,
					       rx->now_us));
}

static void advertisement(struct net *n, const struct net_rx *rx, const struct message *m)
{
	uint16_t ifindex = (uint16_t)rx->ifindex;
	const uint8_t *mac = m->mac;

	if (net_is_ours(n, ifindex, &m->target)) {
		n->stats->net_address_conflicts++;
		return;
	}
	if (!is_neighbour(n, ifindex, &m->target)) {
		n->stats->net_neighbour_bad++;
		return;
	}
	if (!mac) {
		const struct neighbour *known = neighbour_find(&n->neighbours, ifindex, &m->target);

		/* RFC 4861 7.2.5: without its option it can confirm a MAC, not tell one. */
		if (!known || !known->has_mac)
			return;
		mac = rx->eth.source;
	}
	if (m->flags & SOLICITED)
		net_resolved(n, neighbour_answer(&n->neighbours, ifindex, &m->target, mac, rx->now_us));
	else
		net_resolved(n, neighbour_hint(&n->neighbours, ifindex, &m->target, mac, false, rx->now_us));
}

void nd6_input(struct net *n, const struct net_rx *rx)
{
	struct message m;

	if (!parse(&rx->ip, &m) || (m.mac && !net_may_be_neighbour(n, rx->ifindex, m.mac)))
		n->stats->net_neighbour_bad++;
	else if (m.type == SOLICITATION)
		solicitation(n, rx, &m);
	else
		advertisement(n, rx, &m);
}

void nd6_ask(const struct net *n, struct net_frame *frame, const struct neighbour *about)
{
	const struct net_if *f = &n->ifs[about->ifindex];
	const struct ip_addr *source = NULL;
	struct ip_addr group = ip6_solicited_node(&about->addr);

	/* From the address of ours on its prefix, or any, for a gateway outside of all prefixes. */
	for (unsigned i = 0; i < f->n_addrs; i++) {
		const struct net_if_addr *a = &f->addrs[i];

		if (a->addr.family == IP_V6 && (!source || ip_addr_in_prefix(&about->addr, &a->addr, a->prefix_len)))
			source = &a->addr;
	}
	CHECK(source);
	write(n, frame, about->has_mac ? about->mac : NULL, source, about->has_mac ? &about->addr : &group,
	      SOLICITATION, 0, &about->addr);
}

void nd6_announce(const struct net *n, struct net_frame *frame, const struct ip_addr *ours)
{
	struct ip_addr all = ip6_all_nodes();

	write(n, frame, NULL, ours, &all, ADVERTISEMENT, OVERRIDE, ours);
}
