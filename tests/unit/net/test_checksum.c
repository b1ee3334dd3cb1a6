// SPDX-License-Identifier: MIT
/*
 * test_checksum.c - the Internet checksum against the RFC's example and a slow twin
 */
#include "dataplane/net/checksum.h"
#include "tests/tap.h"

/* RFC 1071 1, octet by octet, in network order. */
static uint16_t slow_sum(const uint8_t *at, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += (uint32_t)at[i] << (i % 2 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static uint16_t in_network_order(uint16_t folded)
{
	uint8_t b[2];

	memcpy(b, &folded, 2);
	return (uint16_t)(b[0] << 8 | b[1]);
}

static void agrees_with_the_twin(void)
{
	uint8_t bytes[1600];
	uint32_t seed = 1;
	unsigned n_different = 0;

	for (unsigned round = 0; round < 20000; round++) {
		size_t from = seed % 9, len = seed / 9 % 1500;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[from + i] = round % 3 == 0 ? 0xff : (uint8_t)(seed >> 24);
		}
		seed = seed * 1664525 + 1013904223;
		/* 0 and 0xffff are both zero in one's complement. */
		uint16_t ours = in_network_order(checksum_fold(checksum_add(0, span_of(bytes + from, len))));
		uint16_t theirs = slow_sum(bytes + from, len);
		n_different += ours % 0xffff != theirs % 0xffff;
	}
	ok(n_different == 0, "20000 random packets of any length and alignment sum as the slow twin says");
}

int main(void)
{
	static const uint8_t rfc1071[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	static const uint8_t ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
	struct ip_addr a = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
		       b = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 2 });
	static const uint8_t pseudo[] = { 192, 0, 2, 1, 192, 0, 2, 2, 0, 6, 0x12, 0x34 };

	ok(in_network_order(checksum_fold(checksum_add(0, span_of(rfc1071, 8)))) == 0xddf2,
	   "the example of RFC 1071 3");
	ok(checksum_fold(checksum_add(UINT32_MAX, span_of(ones, 8))) == 0xffff, "carries are folded to the end");
	ok(in_network_order(checksum_fold(checksum_pseudo(&a, &b, 6, 0x1234))) == slow_sum(pseudo, sizeof(pseudo)),
	   "the pseudo-header of IPv4 (RFC 9293 3.1)");
	ok(in_network_order(checksum_fold(checksum_pseudo(&a, &b, 6, 0x12345))) % 0xffff ==
		   (slow_sum(pseudo, 10) + 1u + 0x2345) % 0xffff,
	   "lengths above 65535 carry over");
	agrees_with_the_twin();
	return done();
}
