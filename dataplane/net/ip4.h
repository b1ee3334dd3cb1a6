// SPDX-License-Identifier: MIT
/*
 * ip4.h - IPv4 headers (RFC 791, RFC 1122 3.2.1)
 */
#ifndef NET_IP4_H
#define NET_IP4_H

#include "dataplane/net/ip.h"

#define IP4_HEADER 20 /* we send no options */

/**
 * ip4_parse - read and check one header
 * @packet: what Ethernet carried; longer than the packet when it was padded
 *
 * @out is valid when the verdict is IP_GOOD or IP_FRAGMENT.  Options are skipped (RFC 7126 4: they concern no host of
 * ours).
 */
enum ip_verdict ip4_parse(struct span packet, struct ip_packet *out);

/**
 * ip4_write - place a header directly in front of a payload
 * @payload: @len octets, with IP4_HEADER octets of room before it
 *
 * DF is set: path MTU discovery (RFC 1191) does without fragments.  Returns the start of the packet.
 */
uint8_t *ip4_write(uint8_t *payload, size_t len, const struct ip_addr *source, const struct ip_addr *destination,
		   uint8_t protocol);

/* An address that cannot be the source of a packet (RFC 1122 3.2.1.3, RFC 6890). */
bool ip4_is_martian(const struct ip_addr *a);

/* The broadcast or the network address of the prefix that @prefix and @len name; /31 and /32 have none (RFC 3021). */
bool ip4_is_broadcast(const struct ip_addr *a, const struct ip_addr *prefix, unsigned len);

#endif
