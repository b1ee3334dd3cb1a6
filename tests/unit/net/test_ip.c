// SPDX-License-Identifier: MIT
/*
 * test_ip.c - which frames reach TCP, and which gate stops the others
 */
#include "tests/unit/net/net_bench.h"

#define STAT_OF(name) offsetof(struct stats, name)

#define SEGMENT "0401 0019 00000001 00000000 5002 ffff 0000 0000" /* 20 octets */
#define TO0 MAC0 GATEWAY "0800"
#define FROM "c6336407" /* 198.51.100.7 */
#define OURS "c0000219" /* 192.0.2.25 */
#define V6 MAC0 GATEWAY "86dd"
#define FROM6 "20010db8000000ff0000000000000007"
#define OURS6 "20010db8000000000000000000000025"

#define Z8 "0000000000000000"
#define Z16 Z8 Z8
#define Z32 Z16 Z16
#define Z64 Z32 Z32

static const struct {
	const char *sentence, *frame;
	size_t stat; /* the counter that goes up */
	unsigned ifindex, flags;
} cases[] = {
	/* clang-format off */
	{ "a segment of IPv4 reaches TCP",
	  TO0 "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "padding behind a short packet is cut off",
	  TO0 "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT "000000000000", STAT_OF(net_rx_segments), 0, 0 },
	{ "options of IPv4 are skipped",
	  TO0 "4600 002c 0000 4000 4006 0000" FROM OURS "01010100" SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "a priority tag (VLAN 0) is as good as none",
	  MAC0 GATEWAY "8100 e000 0800" "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "a tagged port takes frames of its VLAN",
	  MAC1 NEIGHBOUR "8100 0007 0800" "4500 0028 0000 4000 4006 0000" "0a000007" "0a000019" SEGMENT, STAT_OF(net_rx_segments), 1, 0 },
	{ "a tagged port takes no frames of another VLAN",
	  MAC1 NEIGHBOUR "8100 0008 0800" "4500 0028 0000 4000 4006 0000" "0a000007" "0a000019" SEGMENT, STAT_OF(net_rx_not_ours), 1, 0 },
	{ "a tagged port takes no untagged frames",
	  MAC1 NEIGHBOUR "0800" "4500 0028 0000 4000 4006 0000" "0a000007" "0a000019" SEGMENT, STAT_OF(net_rx_not_ours), 1, 0 },
	{ "an untagged port takes no tagged frames",
	  MAC0 GATEWAY "8100 0007 0800" "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "two tags are refused",
	  MAC0 GATEWAY "8100 0000 8100 0000 0800" "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_frame), 0, 0 },
	{ "a tag cut short is refused", MAC0 GATEWAY "8100 0007", STAT_OF(net_rx_bad_frame), 0, 0 },
	{ "a frame of 13 octets is refused", MAC0 GATEWAY "08", STAT_OF(net_rx_bad_frame), 0, 0 },
	{ "an empty frame is refused", "", STAT_OF(net_rx_bad_frame), 0, 0 },
	{ "a length in place of a type (IEEE 802.3) is refused", MAC0 GATEWAY "0026" "aaaa03", STAT_OF(net_rx_bad_frame), 0, 0 },
	{ "a frame from a group address is refused",
	  MAC0 "010000000001" "0800" "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_frame), 0, 0 },
	{ "a frame for another station is not ours",
	  "020000000009" GATEWAY "0800" "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "a frame of our own that comes back is not taken",
	  MAC0 MAC0 "0800" "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "a segment sent to all stations gets no answer (RFC 1122 3.2.2)",
	  ALL GATEWAY "0800" "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "another EtherType is unknown", MAC0 GATEWAY "88cc" "0000", STAT_OF(net_rx_unknown), 0, 0 },

	{ "an IPv4 header of 19 octets is refused", TO0 "4500 0028 0000 4000 4006 0000" FROM "c00002", STAT_OF(net_rx_bad_header), 0, 0 },
	{ "version 5 behind the type of IPv4 is refused", TO0 "5500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "a header length of 16 is refused", TO0 "4400 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "a header that passes the total length is refused", TO0 "4f00 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "a total length of 19 is refused", TO0 "4500 0013 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "a total length past the frame is refused", TO0 "4500 0029 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "a wrong checksum is refused", TO0 "4500 0028 0000 4000 4006 dead" FROM OURS SEGMENT, STAT_OF(net_rx_bad_checksum), 0, 0 },
	{ "a wrong checksum is refused even if the port found TCP's good",
	  TO0 "4500 0028 0000 4000 4006 dead" FROM OURS SEGMENT, STAT_OF(net_rx_bad_checksum), 0, NET_RX_CHECKSUM_GOOD },
	{ "what the port found bad is refused",
	  TO0 "4500 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_bad_checksum), 0, NET_RX_CHECKSUM_BAD },
	{ "a first fragment is refused", TO0 "4500 0028 0000 2000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_fragments), 0, 0 },
	{ "a later fragment is refused", TO0 "4500 0028 0000 0001 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_fragments), 0, 0 },
	{ "a mark that a router is congested (CE, RFC 3168 5) does no harm",
	  TO0 "4503 0028 0000 4000 4006 0000" FROM OURS SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "UDP is unknown", TO0 "4500 0028 0000 4000 4011 0000" FROM OURS SEGMENT, STAT_OF(net_rx_unknown), 0, 0 },
	{ "another address of our prefix is not ours",
	  TO0 "4500 0028 0000 4000 4006 0000" FROM "c000021a" SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "an address of our other port is not ours at this one",
	  TO0 "4500 0028 0000 4000 4006 0000" FROM "0a000019" SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "source 0.0.0.0 is a martian", TO0 "4500 0028 0000 4000 4006 0000" "00000000" OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "source 127.0.0.1 is a martian", TO0 "4500 0028 0000 4000 4006 0000" "7f000001" OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "source 224.0.0.1 is a martian", TO0 "4500 0028 0000 4000 4006 0000" "e0000001" OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "source 255.255.255.255 is a martian", TO0 "4500 0028 0000 4000 4006 0000" "ffffffff" OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "our own address as source is a martian", TO0 "4500 0028 0000 4000 4006 0000" OURS OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "the broadcast address of our prefix is a martian",
	  TO0 "4500 0028 0000 4000 4006 0000" "c00002ff" OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "the network address of our prefix is a martian",
	  TO0 "4500 0028 0000 4000 4006 0000" "c0000200" OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "a host of the inner network does not send from outside (RFC 2827)",
	  TO0 "4500 0028 0000 4000 4006 0000" "0a000007" OURS SEGMENT, STAT_OF(net_rx_martians), 0, 0 },

	{ "a segment of IPv6 reaches TCP", V6 "60000000 0014 06 40" FROM6 OURS6 SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "padding behind a short IPv6 packet is cut off",
	  V6 "60000000 0014 06 40" FROM6 OURS6 SEGMENT "0000", STAT_OF(net_rx_segments), 0, 0 },
	{ "our link-local address is made from the MAC (RFC 4291)",
	  V6 "60000000 0014 06 40" "fe800000000000000000000000000001" "fe80000000000000000000fffe000001" SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "padding past its header is refused",
	  V6 "60000000 0024 00 40" FROM6 OURS6 "3c00 0104 00000000" "0600 0000 0000 0102" SEGMENT, STAT_OF(net_rx_unwanted_options), 0, 0 },
	{ "hop-by-hop and destination options with padding are passed",
	  V6 "60000000 0024 00 40" FROM6 OURS6 "3c00 0104 00000000" "0600 0000 0000 0100" SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "an unknown option that may be skipped is",
	  V6 "60000000 001c 3c 40" FROM6 OURS6 "0600 3e04 00000000" SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "an unknown option that forbids to go on does (RFC 8200 4.2)",
	  V6 "60000000 001c 3c 40" FROM6 OURS6 "0600 7e04 00000000" SEGMENT, STAT_OF(net_rx_unwanted_options), 0, 0 },
	{ "nor over IPv6", V6 "60300000 0014 06 40" FROM6 OURS6 SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "a jumbo option is refused",
	  V6 "60000000 001c 00 40" FROM6 OURS6 "0600 c204 00010000" SEGMENT, STAT_OF(net_rx_unwanted_options), 0, 0 },
	{ "an option past its header is refused",
	  V6 "60000000 001c 3c 40" FROM6 OURS6 "0600 0105 00000000" SEGMENT, STAT_OF(net_rx_unwanted_options), 0, 0 },
	{ "a routing header at its end is passed",
	  V6 "60000000 001c 2b 40" FROM6 OURS6 "0600 0000 00000000" SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "a routing header with segments left is refused (RFC 8200 4.4)",
	  V6 "60000000 001c 2b 40" FROM6 OURS6 "0600 0001 00000000" SEGMENT, STAT_OF(net_rx_unwanted_options), 0, 0 },
	{ "hop-by-hop options in second place are refused (RFC 8200 4.1)",
	  V6 "60000000 0024 3c 40" FROM6 OURS6 "0000 0104 00000000" "0600 0104 00000000" SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "an extension header past the packet is refused",
	  V6 "60000000 001c 3c 40" FROM6 OURS6 "06ff 0104 00000000" SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "an extension header cut short is refused", V6 "60000000 0004 3c 40" FROM6 OURS6 "0600 0104", STAT_OF(net_rx_bad_header), 0, 0 },
	{ "a fragment of IPv6 is refused", V6 "60000000 001c 2c 40" FROM6 OURS6 "0600 0001 00000000" SEGMENT, STAT_OF(net_rx_fragments), 0, 0 },
	{ "nine extension headers are refused",
	  V6 "60000000 0048 3c 40" FROM6 OURS6 "3c00010400000000" "3c00010400000000" "3c00010400000000" "3c00010400000000"
	  "3c00010400000000" "3c00010400000000" "3c00010400000000" "3c00010400000000" "0600010400000000", STAT_OF(net_rx_bad_header), 0, 0 },
	{ "extension headers of 264 octets together are refused (RFC 8504 5.3)",
	  V6 "60000000 011c 3c 40" FROM6 OURS6 "0620" "017e" Z64 Z32 Z16 Z8 "000000000000" "017e" Z64 Z32 Z16 Z8 "000000000000"
	  "0102 0000" "0100" SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "of 256 they are passed",
	  V6 "60000000 0114 3c 40" FROM6 OURS6 "061f" "017e" Z64 Z32 Z16 Z8 "000000000000" "017c" Z64 Z32 Z16 Z8
	  "00000000" SEGMENT, STAT_OF(net_rx_segments), 0, 0 },
	{ "an IPv6 header of 39 octets is refused", V6 "60000000 0014 06 40" FROM6 "20010db80000000000000000000000", STAT_OF(net_rx_bad_header), 0, 0 },
	{ "a payload length past the frame is refused", V6 "60000000 0015 06 40" FROM6 OURS6 SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "version 4 behind the type of IPv6 is refused", V6 "40000000 0014 06 40" FROM6 OURS6 SEGMENT, STAT_OF(net_rx_bad_header), 0, 0 },
	{ "source :: is a martian", V6 "60000000 0014 06 40" "00000000000000000000000000000000" OURS6 SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "source ::1 is a martian", V6 "60000000 0014 06 40" "00000000000000000000000000000001" OURS6 SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "source ::ffff:10.0.0.1 is a martian", V6 "60000000 0014 06 40" "00000000000000000000ffff0a000001" OURS6 SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "source ff02::1 is a martian", V6 "60000000 0014 06 40" "ff020000000000000000000000000001" OURS6 SEGMENT, STAT_OF(net_rx_martians), 0, 0 },
	{ "TCP to a multicast group is not ours",
	  "333300000001" GATEWAY "86dd" "60000000 0014 06 40" FROM6 "ff020000000000000000000000000001" SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "TCP to our address in a multicast frame is not ours",
	  "333300000001" GATEWAY "86dd" "60000000 0014 06 40" FROM6 OURS6 SEGMENT, STAT_OF(net_rx_not_ours), 0, 0 },
	{ "UDP over IPv6 is unknown", V6 "60000000 0014 11 40" FROM6 OURS6 SEGMENT, STAT_OF(net_rx_unknown), 0, 0 },
	/* clang-format on */
};

static uint64_t sum_of_drops(void)
{
	const struct stats *s = &bench_stats;

	return s->net_rx_bad_frame + s->net_rx_not_ours + s->net_rx_unknown + s->net_rx_bad_header +
	       s->net_rx_bad_checksum + s->net_rx_fragments + s->net_rx_unwanted_options + s->net_rx_martians;
}

static void frames_and_counters(void)
{
	struct net_settings s = bench_settings();
	uint8_t segment[20];

	unhex(SEGMENT, segment, sizeof(segment));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net *n = bench_net(&s);
		bool passes = cases[i].stat == STAT_OF(net_rx_segments);
		uint64_t counter;

		in(n, cases[i].ifindex, cases[i].flags, 1, cases[i].frame);
		memcpy(&counter, (const uint8_t *)&bench_stats + cases[i].stat, sizeof(counter));
		ok(counter == 1 && sum_of_drops() == !passes && fake.n_segments == passes && !*out(n, 1), "%s",
		   cases[i].sentence);
		if (passes)
			is_span(span_of(fake.segment, fake.segment_len), span_of(segment, 20),
				"  ... and TCP sees the segment alone");
	}
}

static void path_of_a_segment(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);
	struct ip_addr local = address("10.0.0.25"), remote = address("10.0.0.7");

	in(n, 1, NET_RX_CHECKSUM_GOOD, 1,
	   MAC1 NEIGHBOUR "8100 0007 0800 4500 0028 0000 4000 4006 0000 0a000007 0a000019" SEGMENT);
	ok(ip_addr_eq(&fake.path.local, &local) && ip_addr_eq(&fake.path.remote, &remote) && fake.path.ifindex == 1 &&
		   fake.path.checksum_good,
	   "the path says local, remote, port, and that the port checked the checksum");
	ok(fake.settings.mss4 == 1360 && fake.settings.mss6 == 1340, "TCP's MSS comes from the smallest MTU");
}

int main(void)
{
	frames_and_counters();
	path_of_a_segment();
	free(bench_memory);
	return done();
}
