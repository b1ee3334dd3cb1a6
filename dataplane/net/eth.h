// SPDX-License-Identifier: MIT
/*
 * eth.h - Ethernet II headers, with or without an IEEE 802.1Q tag
 */
#ifndef NET_ETH_H
#define NET_ETH_H

#include "dataplane/base/span.h"

#define ETH_HEADER_MAX 18 /* with a tag */

enum { ETH_TYPE_IP4 = 0x0800, ETH_TYPE_ARP = 0x0806, ETH_TYPE_VLAN = 0x8100, ETH_TYPE_IP6 = 0x86dd };

struct eth {
	const uint8_t *destination, *source; /* six octets each, in the frame */
	uint16_t type;
	uint16_t vlan; /* 0: untagged, or a priority tag */
	struct span payload;
};

extern const uint8_t eth_broadcast[6];

/* False when the frame is shorter than its header, tagged twice, of IEEE 802.3 form, or from a group address. */
bool eth_parse(struct span frame, struct eth *out);

/**
 * eth_write - place a header directly in front of a payload
 * @payload: has eth_header_len(@vlan) octets of room before it
 * @vlan: 0: no tag
 *
 * Returns the start of the frame.
 */
uint8_t *eth_write(uint8_t *payload, const uint8_t destination[6], const uint8_t source[6], uint16_t vlan,
		   uint16_t type);

static inline uint8_t eth_header_len(uint16_t vlan)
{
	return vlan ? 18 : 14;
}

static inline bool eth_is_group(const uint8_t mac[6])
{
	return mac[0] & 1;
}

static inline bool eth_is(const uint8_t a[6], const uint8_t b[6])
{
	return memcmp(a, b, 6) == 0;
}

/* Whether @mac may be a neighbour's: neither a group nor zero. */
bool eth_is_station(const uint8_t mac[6]);

static inline uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

#endif
