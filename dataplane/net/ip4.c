// SPDX-License-Identifier: MIT
/*
 * ip4.c - IPv4 headers
 */
#include "dataplane/net/checksum.h"
#include "dataplane/net/eth.h"
#include "dataplane/net/ip4.h"

#define HOP_LIMIT 64
#define DONT_FRAGMENT 0x4000
#define MORE 0x2000
#define OFFSET 0x1fff

enum ip_verdict ip4_parse(struct span packet, struct ip_packet *out)
{
	const uint8_t *h = packet.at;
	size_t header_len, total_len;

	if (packet.len < IP4_HEADER || h[0] >> 4 != 4)
		return IP_BAD_HEADER;
	header_len = (h[0] & 15) * 4u;
	total_len = get16(h + 2);
	if (header_len < IP4_HEADER || total_len < header_len || total_len > packet.len)
		return IP_BAD_HEADER;
	/* RFC 1122 3.2.1.2: a host MUST verify the checksum on every packet.  It costs less than to ask the port. */
	if (checksum_fold(checksum_add(0, span_head(packet, header_len))) != 0xffff)
		return IP_BAD_CHECKSUM;
	*out = (struct ip_packet){
		.source = ip_addr_of4(h + 12),
		.destination = ip_addr_of4(h + 16),
		.protocol = h[9],
		.hop_limit = h[8],
		.more_fragments = get16(h + 6) & MORE,
		.fragment_at = (uint16_t)((get16(h + 6) & OFFSET) * 8u),
		.fragment_id = get16(h + 4),
		.payload = span_part(packet, header_len, total_len),
	};
	return get16(h + 6) & (MORE | OFFSET) ? IP_FRAGMENT : IP_GOOD;
}

uint8_t *ip4_write(uint8_t *payload, size_t len, const struct ip_addr *source, const struct ip_addr *destination,
		   uint8_t protocol)
{
	uint8_t *h = payload - IP4_HEADER;
	uint16_t sum;

	CHECK(len <= UINT16_MAX - IP4_HEADER);
	memset(h, 0, IP4_HEADER);
	h[0] = 0x45;
	put16(h + 2, len + IP4_HEADER);
	/* The identification stays zero: a datagram with DF set is never cut (RFC 6864 4.1). */
	put16(h + 6, DONT_FRAGMENT);
	h[8] = HOP_LIMIT;
	h[9] = protocol;
	memcpy(h + 12, source->bytes, 4);
	memcpy(h + 16, destination->bytes, 4);
	sum = (uint16_t)~checksum_fold(checksum_add(0, span_of(h, IP4_HEADER)));
	memcpy(h + 10, &sum, 2);
	return h;
}

bool ip4_is_martian(const struct ip_addr *a)
{
	return a->bytes[0] == 0 || a->bytes[0] == 127 || a->bytes[0] >= 224;
}

bool ip4_is_broadcast(const struct ip_addr *a, const struct ip_addr *prefix, unsigned len)
{
	uint32_t host, mask;

	if (len > 30 || !ip_addr_in_prefix(a, prefix, len))
		return false;
	mask = len == 0 ? UINT32_MAX : UINT32_MAX >> len;
	host = ((uint32_t)get16(a->bytes) << 16 | get16(a->bytes + 2)) & mask;
	return host == 0 || host == mask;
}
