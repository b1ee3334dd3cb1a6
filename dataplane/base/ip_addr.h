// SPDX-License-Identifier: MIT
/*
 * ip_addr.h - an IPv4 or IPv6 address, its text and its prefixes
 */
#ifndef BASE_IP_ADDR_H
#define BASE_IP_ADDR_H

#include "dataplane/base/text.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family;    /* enum ip_family */
	uint8_t bytes[16]; /* network order; IPv4 in the first four, the rest zero */
};

static inline size_t ip_addr_len(const struct ip_addr *a)
{
	return a->family == IP_V4 ? 4 : a->family == IP_V6 ? 16 : 0;
}

static inline struct ip_addr ip_addr_of4(const uint8_t bytes[4])
{
	struct ip_addr a = { .family = IP_V4 };

	memcpy(a.bytes, bytes, 4);
	return a;
}

static inline struct ip_addr ip_addr_of6(const uint8_t bytes[16])
{
	struct ip_addr a = { .family = IP_V6 };

	memcpy(a.bytes, bytes, 16);
	return a;
}

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, 16) == 0;
}

/* True when the first @bits bits are the same; false across families or when @bits is too many. */
bool ip_addr_in_prefix(const struct ip_addr *a, const struct ip_addr *prefix, unsigned bits);

/**
 * ip_addr_parse - dotted decimal (no leading zeros) or RFC 4291 2.2 text, the whole span
 *
 * Zone identifiers are refused.  Returns false and leaves @out alone when @s is neither.
 */
bool ip_addr_parse(struct span s, struct ip_addr *out);

/* IPv4 in decimal, IPv6 as RFC 5952 has it. */
void ip_addr_text(const struct ip_addr *a, struct text *out);

/* ::ffff:a.b.c.d becomes a.b.c.d; anything else stays (RFC 7208 5). */
struct ip_addr ip_addr_unmap(struct ip_addr a);

#endif
