// SPDX-License-Identifier: MIT
/*
 * test_nd6.c - neighbour discovery: what is answered, what is learned, and what is not believed
 */
#include "tests/unit/net/net_bench.h"

#define S UINT64_C(1000000)
#define EVIL "02000000eeee"
#define OURS "20010db8000000000000000000000025"
#define OUR_LL "fe80000000000000000000fffe000001"
#define OUR_GROUP "ff0200000000000000000001ff000025"
#define GROUP_MAC "3333ff000025"
#define HOST "20010db8000000000000000000000007"
#define FAR "20010db8000000ff0000000000000007"
#define GW "fe800000000000000000000000000001"
#define GW_GROUP "ff0200000000000000000001ff000001"
#define ALL_NODES "ff020000000000000000000000000001"
#define NONE "00000000000000000000000000000000"

#define IP(len, hops) "86dd 60000000" len "3a" hops
#define ND6 IP("0020", "ff")
#define NS "8700 0000 00000000"
#define NA(flags) "8800 0000" flags "000000"
#define SLL "0101"
#define TLL "0201"
#define SUM "????"

#define SEGMENT "0019 0401 00000001 00000002 5012 ffff 0000 0000"

static void solicitations(void)
{
	static const struct {
		const char *sentence, *frame, *reply;
		unsigned flags;
	} cases[] = {
		/* clang-format off */
		{ "a solicitation to our group is answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OURS SLL NEIGHBOUR,
		  NEIGHBOUR MAC0 ND6 OURS HOST "8800" SUM "60000000" OURS TLL MAC0, 0 },
		{ "one to our address alone, without the option, is answered to the frame's source",
		  MAC0 NEIGHBOUR IP("0018", "ff") HOST OURS NS OURS,
		  NEIGHBOUR MAC0 ND6 OURS HOST "8800" SUM "60000000" OURS TLL MAC0, 0 },
		{ "one for our link-local address, from the gateway's",
		  "3333ff000001" GATEWAY ND6 GW GW_GROUP NS OUR_LL SLL GATEWAY,
		  GATEWAY MAC0 ND6 OUR_LL GW "8800" SUM "60000000" OUR_LL TLL MAC0, 0 },
		{ "whoever tests whether our address is free is told by multicast (RFC 4862 5.4.3)",
		  GROUP_MAC NEIGHBOUR IP("0018", "ff") NONE OUR_GROUP NS OURS,
		  "333300000001" MAC0 ND6 OURS ALL_NODES "8800" SUM "20000000" OURS TLL MAC0, 0 },
		{ "a copy from another queue is not answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OURS SLL NEIGHBOUR, "", NET_RX_COPY },
		{ "one for another address is not answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS HOST SLL NEIGHBOUR, "", 0 },
		{ "hop limit 254 came through a router (RFC 4861 7.1.1)",
		  GROUP_MAC NEIGHBOUR IP("0020", "fe") HOST OUR_GROUP NS OURS SLL NEIGHBOUR, "", 0 },
		{ "one from off the link is not answered", GROUP_MAC NEIGHBOUR ND6 FAR OUR_GROUP NS OURS SLL NEIGHBOUR, "", 0 },
		{ "a wrong checksum is not answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP "8700 dead 00000000" OURS SLL NEIGHBOUR, "", 0 },
		{ "code 1 is not answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP "8701 0000 00000000" OURS SLL NEIGHBOUR, "", 0 },
		{ "23 octets are not answered", GROUP_MAC NEIGHBOUR IP("0017", "ff") HOST OUR_GROUP NS "20010db80000000000000000000000", "", 0 },
		{ "an option of length zero is not answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OURS "0100" NEIGHBOUR, "", 0 },
		{ "an option past the end is not answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OURS "0102" NEIGHBOUR, "", 0 },
		{ "an option cut short is not answered",
		  GROUP_MAC NEIGHBOUR IP("001c", "ff") HOST OUR_GROUP NS OURS "01010200", "", 0 },
		{ "a group's MAC in the option is not answered",
		  GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OURS SLL "010000000001", "", 0 },
		{ "our own MAC in the option is not answered", GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OURS SLL MAC0, "", 0 },
		{ "a multicast target is not answered", GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OUR_GROUP SLL NEIGHBOUR, "", 0 },
		{ "from :: with an option is not answered", GROUP_MAC NEIGHBOUR ND6 NONE OUR_GROUP NS OURS SLL NEIGHBOUR, "", 0 },
		{ "from :: to our address alone is not answered", MAC0 NEIGHBOUR IP("0018", "ff") NONE OURS NS OURS, "", 0 },
		{ "a router advertisement is ignored",
		  "333300000001" GATEWAY IP("0010", "ff") GW ALL_NODES "8600 0000 40000708 00000000 00000000", "", 0 },
		{ "a redirect is ignored",
		  MAC0 GATEWAY IP("0028", "ff") GW OURS "8900 0000 00000000" HOST FAR, "", 0 },
		/* clang-format on */
	};
	struct net_settings s = bench_settings();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net *n = bench_net(&s);

		in(n, 0, cases[i].flags, S, cases[i].frame);
		is_frame(out(n, S), cases[i].reply, "%s", cases[i].sentence);
		if (cases[i].reply[0]) {
			uint8_t *ip = bench_out.at + 14;
			struct ip_addr from = ip_addr_of6(ip + 8), to = ip_addr_of6(ip + 24);

			ok(checksum_fold(checksum_add(checksum_pseudo(&from, &to, 58, 32), span_of(ip + 40, 32))) ==
				   0xffff,
			   "  ... and its checksum is right");
		}
		is_frame(out(n, S), "", "  ... and nothing more is sent");
	}
}

static uint8_t segment[20];

static void to_send(const char *remote)
{
	unhex(SEGMENT, segment, sizeof(segment));
	fake.to_send = span_of(segment, 20);
	fake.n_to_send = 1;
	fake.send_path = (struct tcp_path){ .local = address("2001:db8::25"), .remote = address(remote) };
}

#define ASK_GW "3333ff000001" MAC0 ND6 OUR_LL GW_GROUP "8700" SUM "00000000" GW SLL MAC0
#define GW_ANSWER(mac) MAC0 mac ND6 GW OUR_LL NA("60") GW TLL mac
#define SENT(mac, to) mac MAC0 "86dd 6??????? 0014 06 40" OURS to SEGMENT

static void resolution(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);

	to_send("2001:db8:0:ff::7");
	is_frame(out(n, S), ASK_GW, "a segment off the link makes us ask for the gateway");
	in(n, 0, 0, S, MAC0 GATEWAY IP("0018", "ff") GW OUR_LL NA("60") GW);
	is_frame(out(n, S), "", "an answer without the option tells no MAC (RFC 4861 7.2.5)");
	in(n, 0, 0, S, GW_ANSWER(GATEWAY));
	is_frame(out(n, S), SENT(GATEWAY, FAR), "the answer sends the segment");
	uint8_t label[3];
	memcpy(label, bench_out.at + 15, 3);
	to_send("2001:db8:0:ff::7");
	is_frame(out(n, S), SENT(GATEWAY, FAR), "from now on segments go at once");
	ok(memcmp(label, bench_out.at + 15, 3) == 0 && (label[0] | label[1] | label[2]),
	   "with the same flow label (RFC 6437)");
	to_send("2001:db8::7");
	is_frame(out(n, S),
		 "3333ff000007" MAC0 ND6 OURS "ff0200000000000000000001ff000007"
		 "8700" SUM "00000000" HOST SLL MAC0,
		 "a host on the link is asked for itself, from our address on its prefix");
	in(n, 0, 0, S, GROUP_MAC NEIGHBOUR ND6 HOST OUR_GROUP NS OURS SLL NEIGHBOUR);
	(void)out(n, S); /* our answer */
	is_frame(out(n, S), SENT(NEIGHBOUR, HOST), "its own question tells its MAC as well");
	is_frame(out(n, S), NEIGHBOUR MAC0 ND6 OURS HOST "8700" SUM "00000000" HOST SLL MAC0,
		 "and that MAC is asked whether it is so");
	in(n, 0, 0, S, MAC0 NEIGHBOUR IP("0018", "ff") HOST OURS NA("40") HOST);
	ok(net_deadline_us(n) == UINT64_MAX, "an answer without the option confirms the frame's source");
}

static void lies(void)
{
	static const struct {
		const char *sentence, *frame;
	} cases[] = {
		{ "an unsolicited advertisement", "333300000001" EVIL ND6 GW ALL_NODES NA("20") GW TLL EVIL },
		{ "an answer that nobody asked for", MAC0 EVIL ND6 GW OURS NA("60") GW TLL EVIL },
		{ "a solicitation for us", GROUP_MAC EVIL ND6 GW OUR_GROUP NS OURS SLL EVIL },
	};
	struct net_settings s = bench_settings();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net *n = bench_net(&s);

		to_send("2001:db8:0:ff::7");
		(void)out(n, S);
		in(n, 0, 0, S, GW_ANSWER(GATEWAY));
		(void)out(n, S);
		in(n, 0, 0, 3 * S, cases[i].frame);
		while (*out(n, 3 * S))
			;
		to_send("2001:db8:0:ff::7");
		is_frame(out(n, 3 * S), SENT(GATEWAY, FAR), "%s does not move the gateway", cases[i].sentence);
		ok(bench_stats.net_neighbours_contradicted == 1 && bench_stats.net_neighbour_asked == 2,
		   "  ... it only makes us ask the known MAC");
	}
	struct net *n = bench_net(&s);

	in(n, 0, 0, S, "333300000001" EVIL ND6 OURS ALL_NODES NA("20") OURS TLL EVIL);
	ok(bench_stats.net_address_conflicts == 0 && bench_stats.net_rx_martians == 1,
	   "an advertisement from our own address is a martian");
	in(n, 0, 0, S, "333300000001" EVIL ND6 HOST ALL_NODES NA("20") OURS TLL EVIL);
	ok(bench_stats.net_address_conflicts == 1, "another station that advertises our address is counted");
	in(n, 0, 0, S, "333300000001" EVIL ND6 HOST ALL_NODES NA("60") HOST TLL EVIL);
	ok(bench_stats.net_neighbour_bad == 1, "solicited and multicast contradict each other (RFC 4861 7.1.2)");
	in(n, 0, 0, S, MAC0 EVIL ND6 HOST OURS NA("60") FAR TLL EVIL);
	ok(bench_stats.net_neighbour_bad == 2, "a target off the link is no neighbour");
}

static void announcement(void)
{
	struct net_settings s = bench_settings();

	s.quiet = false;
	struct net *n = bench_net(&s);

	net_step(n, S);
	(void)out(n, S);
	is_frame(out(n, S), "333300000001" MAC0 ND6 OURS ALL_NODES "8800" SUM "20000000" OURS TLL MAC0,
		 "an IPv6 address is announced to all nodes (RFC 4861 7.2.6)");
}

int main(void)
{
	solicitations();
	resolution();
	lies();
	announcement();
	free(bench_memory);
	return done();
}
