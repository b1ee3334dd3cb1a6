// SPDX-License-Identifier: MIT
/*
 * test_icmp.c - echo, too-big, and the bounds of both
 */
#include "tests/unit/net/net_bench.h"

#define S UINT64_C(1000000)
#define FROM "c6336407" /* 198.51.100.7 */
#define OURS "c0000219"
#define FROM6 "20010db8000000ff0000000000000007"
#define OURS6 "20010db8000000000000000000000025"
#define HOST6 "20010db8000000000000000000000007"
#define V4(len) MAC0 GATEWAY "0800 4500" len "0000 0000 4001 0000" FROM OURS
#define V6(len) MAC0 GATEWAY "86dd 60000000" len "3a 40" FROM6 OURS6
#define ASK_GW "ffffffffffff" MAC0 "0806 0001 0800 06 04 0001" MAC0 OURS "000000000000 c0000201"
#define GW_REPLY MAC0 GATEWAY "0806 0001 0800 06 04 0002" GATEWAY "c0000201" MAC0 OURS

/* The start of our segment to 198.51.100.7 as a router quotes it: cut after the sequence number. */
#define QUOTED "4500 05dc 0000 4000 3f06 0000" OURS FROM "0019 0401 00000001"
#define QUOTED6 "60000000 05b4 06 3f" OURS6 FROM6 "0019 0401 00000001"

static void echoes(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);

	in(n, 0, 0, S, V4("0020") "0800 0000 1234 0001 61626364");
	is_frame(out(n, S), ASK_GW, "the echo's way back is asked for like any other");
	in(n, 0, 0, S, GW_REPLY);
	is_frame(out(n, S), GATEWAY MAC0 "0800 4500 0020 0000 4000 4001 ????" OURS FROM "0000 ???? 1234 0001 61626364",
		 "an echo request is answered with its own octets");
	ok(checksum_fold(checksum_add(0, span_of(bench_out.at + 34, 12))) == 0xffff, "and the right checksum");
	in(n, 0, 0, S, MAC0 NEIGHBOUR "86dd 60000000 000c 3a 40" HOST6 OURS6 "8000 0000 1234 0001 61626364");
	(void)out(n, S); /* the question */
	in(n, 0, 0, S,
	   MAC0 NEIGHBOUR "86dd 60000000 0020 3a ff" HOST6 OURS6 "8800 0000 60000000" HOST6 "0201" NEIGHBOUR);
	is_frame(out(n, S), NEIGHBOUR MAC0 "86dd 6??????? 000c 3a 40" OURS6 HOST6 "8100 ???? 1234 0001 61626364",
		 "ICMPv6 likewise");
	struct ip_addr from = address("2001:db8::25"), to = address("2001:db8::7");
	ok(checksum_fold(checksum_add(checksum_pseudo(&from, &to, 58, 12), span_of(bench_out.at + 54, 12))) == 0xffff,
	   "and the right checksum");
	ok(bench_stats.net_icmp_echoes == 2, "both are counted");
}

static void ignored(void)
{
	static const struct {
		const char *sentence, *frame;
		unsigned flags;
	} cases[] = {
		/* clang-format off */
		{ "an echo with a wrong checksum", V4("001c") "0800 dead 1234 0001", 0 },
		{ "an echo of 7 octets", V4("001b") "0800 0000 123400", 0 },
		{ "an echo with code 1", V4("001c") "0801 0000 1234 0001", 0 },
		{ "an echo reply", V4("001c") "0000 0000 1234 0001", 0 },
		{ "an echo that is a copy from another queue", V4("001c") "0800 0000 1234 0001", NET_RX_COPY },
		{ "an echo to the broadcast address",
		  ALL GATEWAY "0800 4500 001c 0000 0000 4001 0000" FROM "c00002ff" "0800 0000 1234 0001", 0 },
		{ "a redirect", V4("0038") "0501 0000 c0000207" QUOTED, 0 },
		{ "a timestamp request", V4("0028") "0d00 0000 1234 0001 00000000 00000000 00000000", 0 },
		{ "an address mask request", V4("0020") "1100 0000 1234 0001 00000000", 0 },
		{ "port unreachable about a packet not ours",
		  V4("0038") "0303 0000 00000000" "4500 05dc 0000 4000 3f06 0000" "c000021a" FROM "0019 0401 00000001", 0 },
		{ "time exceeded", V4("0038") "0b00 0000 00000000" QUOTED, 0 },
		{ "an ICMPv6 echo with a wrong checksum", V6("0008") "8000 dead 1234 0001", 0 },
		{ "an ICMPv6 echo to all nodes",
		  "333300000001" GATEWAY "86dd 60000000 0008 3a 40" FROM6 "ff020000000000000000000000000001" "8000 0000 1234 0001", 0 },
		{ "an ICMPv6 echo from ::",
		  MAC0 GATEWAY "86dd 60000000 0008 3a 40" "00000000000000000000000000000000" OURS6 "8000 0000 1234 0001", 0 },
		{ "ICMPv6 of no octets", V6("0000"), 0 },
		{ "an MLD query", "333300000001" GATEWAY "86dd 60000000 0018 3a 01" "fe800000000000000000000000000001"
		  "ff020000000000000000000000000001" "8200 0000 27100000" "00000000000000000000000000000000", 0 },
		/* clang-format on */
	};
	struct net_settings s = bench_settings();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net *n = bench_net(&s);

		in(n, 0, cases[i].flags, S, cases[i].frame);
		ok(!*out(n, S) && fake.n_too_big == 0 && fake.n_unreachable == 0 && fake.n_segments == 0,
		   "%s is ignored", cases[i].sentence);
	}
}

static void too_big(void)
{
	static const struct {
		const char *sentence, *frame;
		uint32_t mtu; /* told to TCP; 0: nothing told */
	} cases[] = {
		/* clang-format off */
		{ "fragmentation needed is told to TCP", V4("0038") "0304 0000 0000 0578" QUOTED, 1400 },
		{ "an MTU of zero, of routers older than RFC 1191, means 576", V4("0038") "0304 0000 0000 0000" QUOTED, 576 },
		{ "an MTU of 68 is taken for 576", V4("0038") "0304 0000 0000 0044" QUOTED, 576 },
		{ "an MTU not below the port's is ignored", V4("0038") "0304 0000 0000 05dc" QUOTED, 0 },
		{ "a quotation cut before the sequence number is ignored",
		  V4("0034") "0304 0000 0000 0578" "4500 05dc 0000 4000 3f06 0000" OURS FROM "0019 0401", 0 },
		{ "a quotation that is not from us is ignored",
		  V4("0038") "0304 0000 0000 0578" "4500 05dc 0000 4000 3f06 0000" "c000021a" FROM "0019 0401 00000001", 0 },
		{ "a quotation of UDP is ignored",
		  V4("0038") "0304 0000 0000 0578" "4500 05dc 0000 4000 3f11 0000" OURS FROM "0019 0401 00000001", 0 },
		{ "a quotation with options, which we do not send, is ignored",
		  V4("003c") "0304 0000 0000 0578" "4600 05dc 0000 4000 3f06 0000" OURS FROM "01010101 0019 0401 00000001", 0 },
		{ "a quotation of a later fragment is ignored",
		  V4("0038") "0304 0000 0000 0578" "4500 05dc 0000 0001 3f06 0000" OURS FROM "0019 0401 00000001", 0 },
		{ "a quotation of a packet that fits that MTU is ignored",
		  V4("0038") "0304 0000 0000 0578" "4500 0578 0000 4000 3f06 0000" OURS FROM "0019 0401 00000001", 0 },
		{ "a quotation whose header says that there is less is ignored",
		  V4("0038") "0304 0000 0000 0578" "4500 001b 0000 4000 3f06 0000" OURS FROM "0019 0401 00000001", 0 },
		{ "packet too big of ICMPv6 is told to TCP", V6("0038") "0200 0000 00000514" QUOTED6, 1300 },
		{ "an MTU below 1280 is ignored (RFC 8201 4)", V6("0038") "0200 0000 000004ff" QUOTED6, 0 },
		{ "an MTU of 2^32 - 1 is ignored", V6("0038") "0200 0000 ffffffff" QUOTED6, 0 },
		{ "a quotation of UDP over IPv6 is ignored",
		  V6("0038") "0200 0000 00000514" "60000000 05b4 11 3f" OURS6 FROM6 "0019 0401 00000001", 0 },
		/* clang-format on */
	};
	struct net_settings s = bench_settings();
	uint8_t quoted[8];

	unhex("0019 0401 00000001", quoted, sizeof(quoted));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net *n = bench_net(&s);

		in(n, 0, NET_RX_COPY, S, cases[i].frame);
		ok(fake.n_too_big == (cases[i].mtu != 0) && fake.mtu == cases[i].mtu && !*out(n, S), "%s",
		   cases[i].sentence);
		if (cases[i].mtu)
			is_span(span_of(fake.segment, fake.segment_len), span_of(quoted, 8),
				"  ... with the TCP header as quoted");
	}
}

static void unreachables(void)
{
	static const struct {
		const char *sentence, *frame;
		bool told, hard;
	} cases[] = {
		/* clang-format off */
		{ "port unreachable is a hard error", V4("0038") "0303 0000 00000000" QUOTED, true, true },
		{ "protocol unreachable as well", V4("0038") "0302 0000 00000000" QUOTED, true, true },
		{ "forbidden by an administrator as well", V4("0038") "030d 0000 00000000" QUOTED, true, true },
		{ "host unreachable is a soft one", V4("0038") "0301 0000 00000000" QUOTED, true, false },
		{ "network unreachable as well", V4("0038") "0300 0000 00000000" QUOTED, true, false },
		{ "port unreachable of ICMPv6 is a hard error", V6("0038") "0104 0000 00000000" QUOTED6, true, true },
		{ "address unreachable is a soft one", V6("0038") "0103 0000 00000000" QUOTED6, true, false },
		{ "about UDP it is ignored", V6("0038") "0104 0000 00000000" "60000000 05b4 11 3f" OURS6 FROM6 "0019 0401 00000001", false, false },
		/* clang-format on */
	};
	struct net_settings s = bench_settings();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net *n = bench_net(&s);

		in(n, 0, NET_RX_COPY, S, cases[i].frame);
		ok(fake.n_unreachable == cases[i].told && fake.n_hard == cases[i].hard && fake.n_too_big == 0 &&
			   !*out(n, S),
		   "%s", cases[i].sentence);
	}
	/* RFC 4884: 128 octets of the packet, then what was not in it. */
	char frame[2 * 400] = V4("00c0") "0303 0000 00000000" QUOTED;

	while (unhex(frame, (uint8_t[400]){ 0 }, 400) < 14 + 192)
		memcpy(frame + strlen(frame), "ee", 3);
	struct net *n = bench_net(&s);

	in(n, 0, 0, S, frame);
	ok(fake.n_unreachable == 1 && fake.segment_len == 128 - 20, "of a long quotation 128 octets are the packet's");
}

static void rate(void)
{
	struct net_settings s = bench_settings();
	unsigned n_frames = 0;

	s.icmp_per_s = 10;
	struct net *n = bench_net(&s);

	in(n, 0, 0, S, V4("001c") "0800 0000 1234 0001");
	(void)out(n, S);
	in(n, 0, 0, S, GW_REPLY);
	for (unsigned i = 0; i < 40; i++)
		in(n, 0, 0, S, V4("001c") "0800 0000 1234 0001");
	while (*out(n, S))
		n_frames++;
	ok(n_frames == 10 && bench_stats.net_icmp_limited == 31, "ten echoes a second and no more");
	in(n, 0, 0, S + S / 10, V4("001c") "0800 0000 1234 0001");
	ok(*out(n, S + S / 10), "one more after a tenth of a second");

	s.icmp_per_s = 1000;
	n = bench_net(&s);
	in(n, 0, 0, S, V4("001c") "0800 0000 1234 0001");
	(void)out(n, S);
	in(n, 0, 0, S, GW_REPLY);
	for (unsigned i = 0; i < 100; i++)
		in(n, 0, 0, S, V4("001c") "0800 0000 1234 0001");
	in(n, 0, 0, S, ALL NEIGHBOUR "0806 0001 0800 06 04 0001" NEIGHBOUR "c0000207 000000000000" OURS);
	ok(bench_stats.net_neighbour_replied == 1, "a flood of echoes leaves room for an ARP reply");
}

static void large(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);
	static uint8_t frame[1600];

	in(n, 0, 0, S, V4("001c") "0800 0000 1234 0001");
	(void)out(n, S);
	in(n, 0, 0, S, GW_REPLY);
	(void)out(n, S);
	for (unsigned total = 1500; total <= 1501; total++) {
		memset(frame, 0, sizeof(frame));
		unhex(V4("0000") "0800 0000 1234 0001", frame, sizeof(frame));
		frame[16] = (uint8_t)(total >> 8);
		frame[17] = (uint8_t)total;
		fill_checksums(frame, 14 + total);
		net_input(n, 0, span_of(frame, 14 + total), 0, S);
		ok(!*out(n, S) == (total > 1500), "an echo of %u octets is %s", total,
		   total > 1500 ? "more than the MTU" : "answered");
	}
}

int main(void)
{
	echoes();
	ignored();
	too_big();
	unreachables();
	rate();
	large();
	free(bench_memory);
	return done();
}
