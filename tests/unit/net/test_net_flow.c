// SPDX-License-Identifier: MIT
/*
 * test_net_flow.c - which shards a frame concerns
 */
#include "dataplane/net/net_flow.h"
#include "tests/unit/net/net_bench.h"

#define V4(proto) MAC0 GATEWAY "0800 4500 0028 0000 4000 40" proto "0000 c6336407 c0000219"
#define V6(next)                                                                                                       \
	MAC0 GATEWAY "86dd 60000000 0014" next "40 20010db8000000ff0000000000000007 20010db8000000000000000000000025"
#define REST "00000001 00000000 5002 ffff 0000 0000"

static const struct {
	const char *sentence, *frame;
	enum net_kind kind;
} cases[] = {
	{ "a segment of IPv4", V4("06") "0401 0019" REST, NET_KIND_SEGMENT },
	{ "a segment of IPv6", V6("06") "0401 0019" REST, NET_KIND_SEGMENT },
	{ "a segment with a VLAN tag",
	  MAC1 GATEWAY "8100 0007 0800 4500 0028 0000 4000 4006 0000 c6336407 c0000219 0401 0019" REST,
	  NET_KIND_SEGMENT },
	{ "ARP", ALL GATEWAY "0806 0001", NET_KIND_SHARED },
	{ "an ICMP error", V4("01") "0304 0000" REST, NET_KIND_SHARED },
	{ "ICMPv6 too-big", V6("3a") "0200 0000" REST, NET_KIND_SHARED },
	{ "a solicitation", V6("3a") "8700 0000" REST, NET_KIND_SHARED },
	{ "an advertisement", V6("3a") "8800 0000" REST, NET_KIND_SHARED },
	{ "an echo request", V4("01") "0800 0000" REST, NET_KIND_OTHER },
	{ "an ICMPv6 echo request", V6("3a") "8000 0000" REST, NET_KIND_OTHER },
	{ "UDP", V4("11") "0401 0019" REST, NET_KIND_OTHER },
	{ "a fragment", MAC0 GATEWAY "0800 4500 0028 0000 2000 4006 0000 c6336407 c0000219 0401 0019" REST,
	  NET_KIND_OTHER },
	{ "another EtherType", ALL GATEWAY "88cc 0000", NET_KIND_OTHER },
	{ "half an Ethernet header", MAC0, NET_KIND_OTHER },
	{ "three octets of TCP", MAC0 GATEWAY "0800 4500 0017 0000 4000 4006 0000 c6336407 c0000219 040100",
	  NET_KIND_OTHER },
};

int main(void)
{
	static const char *const names[] = { "concerns one shard", "concerns all shards", "may go to any shard" };
	struct net_flow flow = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t frame[128];
		size_t len = unhex(cases[i].frame, frame, sizeof(frame));

		if (len >= 34)
			fill_checksums(frame, len);
		ok(net_flow_of(span_of(frame, len), &flow) == cases[i].kind, "%s %s", cases[i].sentence,
		   names[cases[i].kind]);
	}
	struct ip_addr remote = address("198.51.100.7"), local = address("192.0.2.25");

	ok(ip_addr_eq(&flow.remote, &remote) && ip_addr_eq(&flow.local, &local) && flow.remote_port == 0x401 &&
		   flow.local_port == 25,
	   "the flow is told from our side");
	return done();
}
