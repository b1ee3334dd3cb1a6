// SPDX-License-Identifier: MIT
/*
 * eth.c - Ethernet II headers, with or without an IEEE 802.1Q tag
 */
#include "dataplane/net/eth.h"

#define TYPE_LEAST 0x0600 /* below: a length (IEEE 802.3), which nobody sends IP with */

const uint8_t eth_broadcast[6] = { 255, 255, 255, 255, 255, 255 };

bool eth_is_station(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !eth_is_group(mac) && !eth_is(mac, zero);
}

bool eth_parse(struct span frame, struct eth *out)
{
	struct eth e;

	if (frame.len < 14)
		return false;
	e = (struct eth){ .destination = frame.at, .source = frame.at + 6, .type = get16(frame.at + 12) };
	e.payload = span_skip(frame, 14);
	if (e.type == ETH_TYPE_VLAN) {
		if (e.payload.len < 4)
			return false;
		e.vlan = get16(e.payload.at) & 0xfff;
		e.type = get16(e.payload.at + 2);
		e.payload = span_skip(e.payload, 4);
	}
	if (e.type < TYPE_LEAST || e.type == ETH_TYPE_VLAN || eth_is_group(e.source))
		return false;
	*out = e;
	return true;
}

uint8_t *eth_write(uint8_t *payload, const uint8_t destination[6], const uint8_t source[6], uint16_t vlan,
		   uint16_t type)
{
	uint8_t *at = payload - eth_header_len(vlan);

	memcpy(at, destination, 6);
	memcpy(at + 6, source, 6);
	if (vlan) {
		put16(at + 12, ETH_TYPE_VLAN);
		put16(at + 14, vlan);
	}
	put16(payload - 2, type);
	return at;
}
