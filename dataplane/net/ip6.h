// SPDX-License-Identifier: MIT
/*
 * ip6.h - IPv6 headers and the extension headers behind them (RFC 8200)
 */
#ifndef NET_IP6_H
#define NET_IP6_H

#include "dataplane/net/ip.h"

#define IP6_HEADER 40
#define IP6_EXTENSIONS_MAX 8 /* headers between IPv6 and its payload; more are refused */
/* Octets in them together (RFC 8504 5.3): each is walked over, and nobody needs more for mail. */
#define IP6_EXTENSION_OCTETS_MAX 256

/**
 * ip6_parse - read and check one header and all extension headers
 * @packet: what Ethernet carried; longer than the packet when it was padded
 *
 * @out is valid when the verdict is IP_GOOD or IP_FRAGMENT; its protocol is the one behind the extension headers.
 */
enum ip_verdict ip6_parse(struct span packet, struct ip_packet *out);

/**
 * ip6_write - place a header directly in front of a payload
 * @payload: @len octets, with IP6_HEADER octets of room before it
 * @flow_label: 20 bits, the same for all packets of a flow (RFC 6437)
 *
 * Returns the start of the packet.
 */
uint8_t *ip6_write(uint8_t *payload, size_t len, const struct ip_addr *source, const struct ip_addr *destination,
		   uint8_t protocol, uint8_t hop_limit, uint32_t flow_label);

/* An address that cannot be the source of a packet; "::" counts, which only neighbour discovery may use. */
bool ip6_is_martian(const struct ip_addr *a);

static inline bool ip6_is_link_local(const struct ip_addr *a)
{
	return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static inline bool ip6_is_multicast(const struct ip_addr *a)
{
	return a->bytes[0] == 0xff;
}

bool ip6_is_unspecified(const struct ip_addr *a);

/* fe80::/64 with the interface identifier that the MAC gives (RFC 4291 2.5.6 and appendix A). */
struct ip_addr ip6_link_local(const uint8_t mac[6]);

/* ff02::1:ffXX:XXXX (RFC 4291 2.7.1) and ff02::1. */
struct ip_addr ip6_solicited_node(const struct ip_addr *a);
struct ip_addr ip6_all_nodes(void);

#endif
