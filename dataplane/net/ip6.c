// SPDX-License-Identifier: MIT
/*
 * ip6.c - IPv6 headers and the extension headers behind them
 */
#include "dataplane/net/eth.h"
#include "dataplane/net/ip6.h"

enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION_OPTIONS = 60 };

/* RFC 8200 4.2: the two highest bits of an option's type say what a node does that does not know it. */
static bool options_are_passable(struct span options)
{
	while (options.len) {
		uint8_t type = options.at[0];

		if (type == 0) { /* Pad1 has no length */
			options = span_skip(options, 1);
			continue;
		}
		if (options.len < 2 || options.len - 2 < options.at[1])
			return false;
		if (type >> 6 != 0)
			return false;
		options = span_skip(options, 2u + options.at[1]);
	}
	return true;
}

/* One extension header of @len octets at the start of @rest. */
static enum ip_verdict extension_verdict(uint8_t type, struct span rest, size_t len)
{
	if (type == ROUTING) /* RFC 8200 4.4: without segments left it is ignored; we forward nothing */
		return rest.at[3] == 0 ? IP_GOOD : IP_UNWANTED_OPTION;
	return options_are_passable(span_part(rest, 2, len)) ? IP_GOOD : IP_UNWANTED_OPTION;
}

/* RFC 8200 4.5.  A fragment that is the whole packet (RFC 6946) is none. */
static bool fragment_input(struct span header, struct ip_packet *out)
{
	uint16_t field = get16(header.at + 2);

	out->more_fragments = field & 1;
	out->fragment_at = field & 0xfff8;
	out->fragment_id = (uint32_t)get16(header.at + 4) << 16 | get16(header.at + 6);
	return out->more_fragments || out->fragment_at;
}

enum ip_verdict ip6_parse(struct span packet, struct ip_packet *out)
{
	const uint8_t *h = packet.at;
	enum ip_verdict verdict = IP_GOOD;
	struct ip_packet p = { 0 };
	bool is_fragment = false;
	size_t n_octets = 0;
	uint8_t next;
	struct span rest;

	if (packet.len < IP6_HEADER || h[0] >> 4 != 6 || get16(h + 4) > packet.len - IP6_HEADER)
		return IP_BAD_HEADER;
	rest = span_part(packet, IP6_HEADER, IP6_HEADER + (size_t)get16(h + 4));
	next = h[6];
	for (unsigned n = 0; next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == DESTINATION_OPTIONS;
	     n++) {
		/* RFC 8200 4.1: hop-by-hop options stand first or not at all. */
		if (n == IP6_EXTENSIONS_MAX || (next == HOP_BY_HOP && n > 0) || rest.len < 8)
			return IP_BAD_HEADER;
		size_t len = next == FRAGMENT ? 8 : (rest.at[1] + 1u) * 8;

		n_octets += len;
		if (len > rest.len || n_octets > IP6_EXTENSION_OCTETS_MAX)
			return IP_BAD_HEADER;
		if (next == FRAGMENT)
			is_fragment = fragment_input(rest, &p);
		else
			verdict = extension_verdict(next, rest, len);
		if (verdict != IP_GOOD)
			return verdict;
		next = rest.at[0];
		rest = span_skip(rest, len);
		if (is_fragment) /* what follows is the next header of the whole, and none of a later piece */
			break;
	}
	p.source = ip_addr_of6(h + 8);
	p.destination = ip_addr_of6(h + 24);
	p.protocol = next;
	p.hop_limit = h[7];
	p.payload = rest;
	*out = p;
	return is_fragment ? IP_FRAGMENT : IP_GOOD;
}

uint8_t *ip6_write(uint8_t *payload, size_t len, const struct ip_addr *source, const struct ip_addr *destination,
		   uint8_t protocol, uint8_t hop_limit, uint32_t flow_label)
{
	uint8_t *h = payload - IP6_HEADER;

	CHECK(len <= UINT16_MAX);
	h[0] = 0x60;
	h[1] = (uint8_t)(flow_label >> 16 & 15);
	put16(h + 2, flow_label);
	put16(h + 4, len);
	h[6] = protocol;
	h[7] = hop_limit;
	memcpy(h + 8, source->bytes, 16);
	memcpy(h + 24, destination->bytes, 16);
	return h;
}

bool ip6_is_unspecified(const struct ip_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, 16) == 0;
}

bool ip6_is_martian(const struct ip_addr *a)
{
	static const uint8_t zero[12];

	/* ::/96 holds "::", ::1 and the IPv4-compatible addresses; ::ffff:0:0/96 must not be on a wire. */
	return ip6_is_multicast(a) || memcmp(a->bytes, zero, 12) == 0 ||
	       (memcmp(a->bytes, zero, 10) == 0 && a->bytes[10] == 0xff && a->bytes[11] == 0xff);
}

struct ip_addr ip6_link_local(const uint8_t mac[6])
{
	const uint8_t bytes[16] = { 0xfe,       0x80,   0,      0,    0,    0,      0,      0,
				    mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

	return ip_addr_of6(bytes);
}

struct ip_addr ip6_solicited_node(const struct ip_addr *a)
{
	const uint8_t bytes[16] = { 0xff,         2,           0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a->bytes[13],
				    a->bytes[14], a->bytes[15] };

	return ip_addr_of6(bytes);
}

struct ip_addr ip6_all_nodes(void)
{
	static const uint8_t bytes[16] = { 0xff, 2, [15] = 1 };

	return ip_addr_of6(bytes);
}
