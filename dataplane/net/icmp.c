// SPDX-License-Identifier: MIT
/*
 * icmp.c - echo, too-big and unreachable of ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443, RFC 8201)
 *
 * We answer echo requests, as operators look for us with them, and hand errors to TCP, which proves by the quoted
 * sequence number that they are about a segment of its own (RFC 5927).  We send no ICMP errors.
 */
#include "dataplane/net/checksum.h"
#include "dataplane/net/ip4.h"
#include "dataplane/net/ip6.h"
#include "dataplane/net/net_state.h"

#define HEADER_LEN 8
#define QUOTED_TCP_LEAST 8 /* ports and sequence number: what RFC 792 has quoted */
#define QUOTED_MOST 128    /* of the packet; RFC 4884 5.1: behind them may stand what was not in it */
#define MTU_LEAST4 576     /* smaller ones are taken for this: so small a link is an attack, not a link */
#define MTU_LEAST6 1280

enum { ECHO_REPLY4 = 0, UNREACHABLE4 = 3, ECHO4 = 8, FRAGMENTATION_NEEDED = 4 };
enum { UNREACHABLE6 = 1, TOO_BIG6 = 2, ECHO6 = 128, ECHO_REPLY6 = 129, SOLICITATION = 135, ADVERTISEMENT = 136 };

static uint64_t pseudo(const struct ip_packet *ip, size_t len)
{
	return ip->source.family == IP_V6 ? checksum_pseudo(&ip->source, &ip->destination, IP_PROTO_ICMP6, len) : 0;
}

static bool is_sound(const struct ip_packet *ip)
{
	return ip->payload.len >= HEADER_LEN &&
	       checksum_fold(checksum_add(pseudo(ip, ip->payload.len), ip->payload)) == 0xffff;
}

/* The same octets back, with the type of a reply (RFC 1122 3.2.2.6, RFC 4443 4.2). */
static void echo(struct net *n, const struct net_rx *rx, uint8_t reply_type)
{
	const struct tcp_path path = {
		.local = rx->ip.destination,
		.remote = rx->ip.source,
		.ifindex = (uint16_t)rx->ifindex,
	};
	const size_t header_len = path.local.family == IP_V4 ? IP4_HEADER : IP6_HEADER;
	struct span message = rx->ip.payload;
	struct net_packet *p;
	uint16_t sum = 0;

	if (rx->is_copy)
		return;
	if (n->packets.n_total - n->packets.n_used <= NET_REPLIES_SPARE || !rate_take(&n->icmp, rx->now_us)) {
		n->stats->net_icmp_limited++;
		return;
	}
	p = net_packet_take(n, rx->ifindex);
	if (!p)
		return;
	/* The frame fitted the port, but jumbo frames may come in where the MTU is small. */
	if (message.len + header_len > n->ifs[rx->ifindex].s.mtu) {
		n->stats->net_icmp_ignored++;
		pool_give(&n->packets, p);
		return;
	}
	memcpy(p->frame.at, message.at, message.len);
	p->frame.len = message.len;
	p->frame.at[0] = reply_type;
	memcpy(p->frame.at + 2, &sum, 2);
	sum = (uint16_t)~checksum_fold(checksum_add(pseudo(&rx->ip, message.len), span_of(p->frame.at, message.len)));
	memcpy(p->frame.at + 2, &sum, 2);
	n->stats->net_icmp_echoes++;
	net_packet_send(n, p, &path, path.local.family == IP_V4 ? IP_PROTO_ICMP4 : IP_PROTO_ICMP6, rx->now_us);
}

struct quoted {
	struct tcp_path path;
	size_t packet_len; /* as its header says */
	struct span tcp;   /* what there is of its header, and of the octets behind */
};

/*
 * The quoted packet: addresses, and what TCP header there is.  It is cut short as a rule, so its length says only how
 * much of the octets at hand can be its own.  We send no options and no extension headers, hence none are looked for.
 */
static bool parse_quoted(struct span message, uint8_t family, struct quoted *q)
{
	struct span quoted = span_skip(message, HEADER_LEN);
	const uint8_t *h = quoted.at;
	size_t header = family == IP_V4 ? IP4_HEADER : IP6_HEADER;

	if (quoted.len < header + QUOTED_TCP_LEAST)
		return false;
	if (family == IP_V4) {
		if (h[0] != 0x45 || h[9] != IP_PROTO_TCP || (get16(h + 6) & 0x1fff) != 0)
			return false;
		q->path.local = ip_addr_of4(h + 12);
		q->path.remote = ip_addr_of4(h + 16);
		q->packet_len = get16(h + 2);
	} else {
		if (h[0] >> 4 != 6 || h[6] != IP_PROTO_TCP)
			return false;
		q->path.local = ip_addr_of6(h + 8);
		q->path.remote = ip_addr_of6(h + 24);
		q->packet_len = IP6_HEADER + (size_t)get16(h + 4);
	}
	quoted.len = quoted.len < QUOTED_MOST ? quoted.len : QUOTED_MOST;
	quoted.len = quoted.len < q->packet_len ? quoted.len : q->packet_len;
	if (quoted.len < header + QUOTED_TCP_LEAST)
		return false;
	q->tcp = span_skip(quoted, header);
	return true;
}

/* Whether @rx quotes a segment of ours. */
static bool quotes_us(const struct net *n, const struct net_rx *rx, struct quoted *q)
{
	*q = (struct quoted){ .path.ifindex = (uint16_t)rx->ifindex };
	return parse_quoted(rx->ip.payload, rx->ip.source.family, q) && net_is_ours(n, rx->ifindex, &q->path.local);
}

static void too_big(struct net *n, const struct net_rx *rx, uint32_t mtu)
{
	struct quoted q;

	/* What fits the MTU that it names cannot have been too big for it. */
	if (!quotes_us(n, rx, &q) || mtu >= n->ifs[rx->ifindex].s.mtu || q.packet_len <= mtu) {
		n->stats->net_icmp_ignored++;
		return;
	}
	n->stats->net_icmp_too_big++;
	tcp_too_big(n->tcp, &q.path, q.tcp, mtu, rx->now_us);
}

static void unreachable(struct net *n, const struct net_rx *rx, bool hard)
{
	struct quoted q;

	if (!quotes_us(n, rx, &q)) {
		n->stats->net_icmp_ignored++;
		return;
	}
	n->stats->net_icmp_unreachable++;
	tcp_unreachable(n->tcp, &q.path, q.tcp, hard, rx->now_us);
}

/*
 * Hard errors (RFC 1122 4.2.3.9, RFC 5461 2.1): no such protocol or port there, or forbidden by an administrator.  Soft
 * ones are the rest: no route now, host down.
 */
static bool is_hard4(uint8_t code)
{
	return code == 2 || code == 3 || code == 9 || code == 10 || code == 13;
}

static bool is_hard6(uint8_t code)
{
	return code == 1 || code == 4;
}

void icmp4_input(struct net *n, const struct net_rx *rx)
{
	const uint8_t *m = rx->ip.payload.at;

	if (!is_sound(&rx->ip)) {
		n->stats->net_rx_bad_checksum++;
	} else if (m[0] == ECHO4 && m[1] == 0) {
		echo(n, rx, ECHO_REPLY4);
	} else if (m[0] == UNREACHABLE4 && m[1] == FRAGMENTATION_NEEDED) {
		/* RFC 1191 4; routers older than that leave the field zero. */
		uint32_t mtu = get16(m + 6);

		too_big(n, rx, mtu < MTU_LEAST4 ? MTU_LEAST4 : mtu);
	} else if (m[0] == UNREACHABLE4) {
		unreachable(n, rx, is_hard4(m[1]));
	} else {
		n->stats->net_icmp_ignored++;
	}
}

void icmp6_input(struct net *n, const struct net_rx *rx)
{
	const uint8_t *m = rx->ip.payload.at;
	bool is_multicast = ip6_is_multicast(&rx->ip.destination);
	bool is_nameless = ip6_is_unspecified(&rx->ip.source);

	if (!is_sound(&rx->ip)) {
		n->stats->net_rx_bad_checksum++;
	} else if (m[0] == SOLICITATION || m[0] == ADVERTISEMENT) {
		nd6_input(n, rx);
	} else if (is_multicast || is_nameless) {
		n->stats->net_icmp_ignored++;
	} else if (m[0] == ECHO6 && m[1] == 0) {
		echo(n, rx, ECHO_REPLY6);
	} else if (m[0] == TOO_BIG6) {
		uint32_t mtu = (uint32_t)get16(m + 4) << 16 | get16(m + 6);

		/* RFC 8201 4: below the least MTU of IPv6 there is nothing to reduce to. */
		if (mtu < MTU_LEAST6)
			n->stats->net_icmp_ignored++;
		else
			too_big(n, rx, mtu);
	} else if (m[0] == UNREACHABLE6) {
		unreachable(n, rx, is_hard6(m[1]));
	} else {
		n->stats->net_icmp_ignored++;
	}
}
