// SPDX-License-Identifier: MIT
/*
 * address.h - addresses as an operator writes them: with a prefix length, with a port
 */
#ifndef CTRLPLANE_ADDRESS_H
#define CTRLPLANE_ADDRESS_H

#include "dataplane/base/ip_addr.h"

/* "192.0.2.25/24", "2001:db8::25/64".  False, and @out untouched, when it is neither or has no length. */
bool MUST_USE address_parse_prefix(struct span s, struct ip_addr *addr, uint8_t *prefix_len);

/* The same, or an address alone, which is a prefix of its whole length. */
bool MUST_USE address_parse_prefix_or_host(struct span s, struct ip_addr *addr, uint8_t *prefix_len);

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]", "[2001:db8::53]:5353"; @port stays without one. */
bool MUST_USE address_parse_port(struct span s, struct ip_addr *addr, uint16_t *port);

/* "192.0.2.53:5353", "[2001:db8::53]:5353" */
void address_port_text(const struct ip_addr *addr, uint16_t port, struct text *out);

/* An address that one station can have: not unspecified, loopback, multicast, mapped or the limited broadcast. */
bool address_is_host(const struct ip_addr *addr);

#endif
