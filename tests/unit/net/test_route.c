// SPDX-License-Identifier: MIT
/*
 * test_route.c - where an active open starts, and how segments leave with and without checksum offload
 */
#include "tests/unit/net/net_bench.h"

#define S UINT64_C(1000000)
#define SEGMENT "0019 0401 00000001 00000002 6012 ffff 0000 0000 02040500"

static void routes(void)
{
	static const struct {
		const char *remote, *local; /* local NULL: no route */
		unsigned ifindex;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.25", 0 },          { "10.0.0.7", "10.0.0.25", 1 },
		{ "198.51.100.7", "192.0.2.25", 0 },       { "2001:db8::7", "2001:db8::25", 0 },
		{ "2001:db8:0:ff::7", "2001:db8::25", 0 }, { "fe80::7", "fe80::ff:fe00:1", 0 },
	};
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);
	struct tcp_path path;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr remote = address(cases[i].remote), local = address(cases[i].local);

		ok(net_route(n, &remote, &path) && ip_addr_eq(&path.local, &local) &&
			   ip_addr_eq(&path.remote, &remote) && path.ifindex == cases[i].ifindex,
		   "to %s from %s", cases[i].remote, cases[i].local);
	}
	struct ip_addr far4 = address("198.51.100.7"), far6 = address("2001:db8:0:ff::7"), none = { 0 };

	s.ifs[0].gateway4 = s.ifs[0].gateway6 = none;
	n = bench_net(&s);
	ok(!net_route(n, &far4, &path) && !net_route(n, &far6, &path), "no gateway, no route off the link");
	ok(!net_route(n, &none, &path), "no family, no route");
	s = bench_settings();
	s.ifs[0].n_addrs = 1;
	n = bench_net(&s);
	ok(!net_route(n, &far6, &path), "a gateway of IPv6 is no use without an address of IPv6");
	s = bench_settings();
	s.ifs[0].addrs[1] = (struct net_if_addr){ address("198.51.100.25"), 24 };
	s.ifs[0].addrs[0] = (struct net_if_addr){ address("203.0.113.25"), 32 };
	s.ifs[0].gateway4 = address("198.51.100.1");
	far4 = address("8.8.8.8");
	struct ip_addr expected = address("198.51.100.25");
	n = bench_net(&s);
	ok(net_route(n, &far4, &path) && ip_addr_eq(&path.local, &expected),
	   "of several addresses, the one on the gateway's prefix");
}

/* Lets port 1 know 10.0.0.7 and sends one segment there. */
static void send_one(struct net *n)
{
	static uint8_t segment[24];

	unhex(SEGMENT, segment, sizeof(segment));
	in(n, 1, 0, S, ALL NEIGHBOUR "8100 0007 0806 0001 0800 06 04 0001" NEIGHBOUR "0a000007 000000000000 0a000019");
	fake.to_send = span_of(segment, 24);
	fake.n_to_send = 1;
	fake.send_path =
		(struct tcp_path){ .local = address("10.0.0.25"), .remote = address("10.0.0.7"), .ifindex = 1 };
	(void)out(n, S); /* our ARP reply */
	is_frame(out(n, S), NEIGHBOUR MAC1 "8100 0007 0800 4500 002c 0000 4000 4006 ???? 0a000019 0a000007" SEGMENT,
		 "a segment leaves with its headers directly before it");
	ok(checksum_fold(checksum_add(0, span_of(bench_out.at + 18, 20))) == 0xffff, "its IPv4 checksum is right");
}

static void offload(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);

	send_one(n);
	ok(!fake.offload && bench_out.l2_len == 0 && bench_out.l3_len == 0 && bench_out.l4_len == 0,
	   "without offload TCP makes the checksum");
	s.ifs[1].tx_checksum = true;
	n = bench_net(&s);
	send_one(n);
	ok(!fake.offload, "when one port of two cannot, neither is left it: TCP does not know which is next");
	s.ifs[0].tx_checksum = true;
	n = bench_net(&s);
	send_one(n);
	ok(fake.offload && bench_out.l2_len == 18 && bench_out.l3_len == 20 && bench_out.l4_len == 24 &&
		   bench_out.family == IP_V4 && bench_out.ifindex == 1,
	   "with offload the lengths of the headers are told");
}

int main(void)
{
	routes();
	offload();
	free(bench_memory);
	return done();
}
