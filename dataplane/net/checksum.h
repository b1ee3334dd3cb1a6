// SPDX-License-Identifier: MIT
/*
 * checksum.h - the Internet checksum (RFC 1071), shared by IPv4, ICMP and TCP
 *
 * Sums are kept in the octet order of the packet: what checksum_fold() gives is copied into the header by
 * memcpy() on any machine (RFC 1071 2(B)).
 *
 *	sum = checksum_add(checksum_pseudo(&local, &remote, 6, segment.len), segment);
 *	good = checksum_fold(sum) == 0xffff;	          a packet with its checksum in place
 *	field = (uint16_t)~checksum_fold(sum);	          a packet whose checksum field is zero
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include "dataplane/base/ip_addr.h"

/* @sum and the octets of @data; only the last piece of a packet may have an odd length.  Packets up to 2^32 octets. */
static inline uint64_t checksum_add(uint64_t sum, struct span data)
{
	size_t i = 0;
	uint32_t word;
	uint16_t half = 0;

	/* Plain enough for the compiler to make vector code of it: a 64-bit lane cannot overflow. */
	for (; i + 4 <= data.len; i += 4) {
		memcpy(&word, data.at + i, 4);
		sum += word;
	}
	if (data.len - i >= 2) {
		memcpy(&half, data.at + i, 2);
		sum += half;
		i += 2;
	}
	if (i < data.len) {
		half = 0;
		memcpy(&half, data.at + i, 1); /* padded with a zero octet on the right (RFC 1071 4.1) */
		sum += half;
	}
	return sum;
}

/* One's complement sum in 16 bits, not complemented; 0xffff over a whole packet means that it is good. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The pseudo-header of TCP and ICMPv6 (RFC 9293 3.1, RFC 8200 8.1); the sum is the same for both families' forms. */
static inline uint64_t checksum_pseudo(const struct ip_addr *source, const struct ip_addr *destination,
				       uint8_t protocol, size_t len)
{
	const uint8_t tail[8] = {
		(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, protocol
	};
	uint64_t sum = checksum_add(0, span_of(tail, sizeof(tail)));

	/* The octets after an IPv4 address are zero and add nothing. */
	sum = checksum_add(sum, span_of(source->bytes, 16));
	return checksum_add(sum, span_of(destination->bytes, 16));
}

#endif
