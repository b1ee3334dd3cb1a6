// SPDX-License-Identifier: MIT
/*
 * test_arp.c - ARP: what is answered, what is learned, and what is not believed
 */
#include "tests/unit/net/net_bench.h"

#define S UINT64_C(1000000)
#define ARP "0806 0001 0800 06 04"
#define OURS "c0000219" /* 192.0.2.25 */
#define GW "c0000201"   /* 192.0.2.1 */
#define HOST "c0000207" /* 192.0.2.7 */
#define NOBODY "000000000000"
#define EVIL "02000000eeee"

#define GW_REPLY MAC0 GATEWAY ARP "0002" GATEWAY GW MAC0 OURS
#define ASK_GW ALL MAC0 ARP "0001" MAC0 OURS NOBODY GW
#define SEGMENT "0019 0401 00000001 00000002 5012 ffff 0000 0000"
#define IP4_TO_HOST "0800" IP_OUT HOST SEGMENT
#define IP_OUT "4500 0028 0000 4000 4006 ????" OURS

static uint8_t segment[20];

static void to_send(const char *remote, unsigned n)
{
	unhex(SEGMENT, segment, sizeof(segment));
	fake.to_send = span_of(segment, 20);
	fake.n_to_send = n;
	fake.send_path = (struct tcp_path){ .local = address("192.0.2.25"), .remote = address(remote), .ifindex = 0 };
}

static void answers(void)
{
	static const struct {
		const char *sentence, *frame, *reply;
		unsigned flags;
	} cases[] = {
		/* clang-format off */
		{ "a request for our address is answered to the asker",
		  ALL NEIGHBOUR ARP "0001" NEIGHBOUR HOST NOBODY OURS,
		  NEIGHBOUR MAC0 ARP "0002" MAC0 OURS NEIGHBOUR HOST, 0 },
		{ "a request sent to us alone, padded to 60 octets, too",
		  MAC0 NEIGHBOUR ARP "0001" NEIGHBOUR HOST NOBODY OURS "000000000000000000000000000000000000",
		  NEIGHBOUR MAC0 ARP "0002" MAC0 OURS NEIGHBOUR HOST, 0 },
		{ "a probe from 0.0.0.0 is answered (RFC 5227 2.1.1)",
		  ALL NEIGHBOUR ARP "0001" NEIGHBOUR "00000000" NOBODY OURS,
		  NEIGHBOUR MAC0 ARP "0002" MAC0 OURS NEIGHBOUR "00000000", 0 },
		{ "a copy from another queue is not answered", ALL NEIGHBOUR ARP "0001" NEIGHBOUR HOST NOBODY OURS, "", NET_RX_COPY },
		{ "a request for another address is not answered", ALL NEIGHBOUR ARP "0001" NEIGHBOUR HOST NOBODY "c000021a", "", 0 },
		{ "a request from off the link is not answered", ALL NEIGHBOUR ARP "0001" NEIGHBOUR "c6336407" NOBODY OURS, "", 0 },
		{ "a request from our own address is not answered", ALL NEIGHBOUR ARP "0001" NEIGHBOUR OURS NOBODY OURS, "", 0 },
		{ "a request from the broadcast address is not answered", ALL NEIGHBOUR ARP "0001" NEIGHBOUR "c00002ff" NOBODY OURS, "", 0 },
		{ "a request with a group's MAC is not answered", ALL NEIGHBOUR ARP "0001" "010000000001" HOST NOBODY OURS, "", 0 },
		{ "a request with our own MAC is not answered", ALL NEIGHBOUR ARP "0001" MAC0 HOST NOBODY OURS, "", 0 },
		{ "a request with MAC zero is not answered", ALL NEIGHBOUR ARP "0001" NOBODY HOST NOBODY OURS, "", 0 },
		{ "a message of 27 octets is not answered", ALL NEIGHBOUR ARP "0001" NEIGHBOUR HOST NOBODY "c00002", "", 0 },
		{ "another hardware type is not answered", ALL NEIGHBOUR "0806 0006 0800 06 04" "0001" NEIGHBOUR HOST NOBODY OURS, "", 0 },
		{ "another address length is not answered", ALL NEIGHBOUR "0806 0001 0800 06 10" "0001" NEIGHBOUR HOST NOBODY OURS, "", 0 },
		{ "operation 3 is not answered", ALL NEIGHBOUR ARP "0003" NEIGHBOUR HOST NOBODY OURS, "", 0 },
		{ "a reply is not answered", MAC0 NEIGHBOUR ARP "0002" NEIGHBOUR HOST MAC0 OURS, "", 0 },
		/* clang-format on */
	};
	struct net_settings s = bench_settings();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net *n = bench_net(&s);

		in(n, 0, cases[i].flags, S, cases[i].frame);
		is_frame(out(n, S), cases[i].reply, "%s", cases[i].sentence);
		is_frame(out(n, S), "", "  ... and nothing more is sent");
	}
	struct net *n = bench_net(&s);

	in(n, 1, 0, S, ALL NEIGHBOUR "8100 0007" ARP "0001" NEIGHBOUR "0a000007" NOBODY "0a000019");
	is_frame(out(n, S), NEIGHBOUR MAC1 "8100 0007" ARP "0002" MAC1 "0a000019" NEIGHBOUR "0a000007",
		 "on a tagged port the answer carries the tag");
	in(n, 0, 0, S, ALL NEIGHBOUR ARP "0001" NEIGHBOUR OURS NOBODY HOST);
	ok(bench_stats.net_address_conflicts == 1, "another station with our address is counted");
}

static void first_segment_waits(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);

	to_send("198.51.100.7", 2);
	is_frame(out(n, S), ASK_GW, "a segment off the link makes us ask for the gateway");
	is_frame(out(n, S), "", "the segments themselves wait");
	in(n, 0, 0, S + 500, GW_REPLY);
	is_frame(out(n, S + 500), GATEWAY MAC0 "0800" IP_OUT "c6336407" SEGMENT, "the answer sends the first");
	is_frame(out(n, S + 500), GATEWAY MAC0 "0800" IP_OUT "c6336407" SEGMENT, "and the second");
	is_frame(out(n, S + 500), "", "and nothing more");
	to_send("198.51.100.7", 1);
	is_frame(out(n, 2 * S), GATEWAY MAC0 "0800" IP_OUT "c6336407" SEGMENT, "from now on segments go at once");
	ok(bench_out.family == IP_V4 && bench_out.ifindex == 0 && bench_out.l4_len == 0,
	   "no checksum is left to a port that finishes none");
	to_send("192.0.2.7", 1);
	is_frame(out(n, 2 * S), ALL MAC0 ARP "0001" MAC0 OURS NOBODY HOST, "a host on the link is asked for itself");
	in(n, 0, 0, 2 * S, ALL NEIGHBOUR ARP "0001" NEIGHBOUR HOST NOBODY OURS);
	(void)out(n, 2 * S); /* our answer */
	is_frame(out(n, 2 * S), NEIGHBOUR MAC0 "0800" IP_OUT HOST SEGMENT, "its own question tells its MAC as well");
}

static void nobody_answers(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);

	to_send("192.0.2.7", 1);
	is_frame(out(n, S), ALL MAC0 ARP "0001" MAC0 OURS NOBODY HOST, "asked once");
	ok(net_deadline_us(n) == 2 * S, "the next question is due a second later");
	is_frame(out(n, 2 * S - 1), "", "not earlier");
	is_frame(out(n, 2 * S), ALL MAC0 ARP "0001" MAC0 OURS NOBODY HOST, "asked twice");
	is_frame(out(n, 3 * S), ALL MAC0 ARP "0001" MAC0 OURS NOBODY HOST, "asked three times");
	is_frame(out(n, 4 * S), "", "then given up");
	ok(bench_stats.net_neighbours_unreachable == 1 && bench_stats.net_tx_waited_out == 1,
	   "and the frame that waited is dropped");
	ok(net_deadline_us(n) == UINT64_MAX, "nothing is left to do");
}

static void the_oldest_goes(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);

	for (unsigned i = 0; i < 6; i++) {
		to_send("198.51.100.7", 1);
		segment[3] = (uint8_t)i; /* the port */
		(void)out(n, S);
	}
	ok(bench_stats.net_tx_waited == 6 && bench_stats.net_tx_waited_out == 2,
	   "four frames wait, the oldest two went");
	in(n, 0, 0, S, GW_REPLY);
	for (unsigned i = 2; i < 6; i++) {
		(void)out(n, S);
		ok(bench_out.at[14 + 20 + 3] == i, "  frame %u is sent in its order", i);
	}
	is_frame(out(n, S), "", "and nothing more");
}

/* The gateway is known and has answered at 1 s. */
static struct net *with_gateway(const struct net_settings *s)
{
	struct net *n = bench_net(s);

	to_send("198.51.100.7", 1);
	(void)out(n, S);
	in(n, 0, 0, S, GW_REPLY);
	(void)out(n, S);
	return n;
}

static const char *mac_in_use(struct net *n, uint64_t now_us)
{
	static char mac[13];
	const char *frame;

	to_send("198.51.100.7", 1);
	for (unsigned i = 0; i < 3; i++) {
		frame = out(n, now_us);
		if (strlen(frame) > 28 && memcmp(frame + 24, "0800", 4) == 0) {
			memcpy(mac, frame, 12);
			return mac;
		}
	}
	return "none";
}

static void lies_are_not_believed(void)
{
	static const struct {
		const char *sentence, *frame;
	} lies[] = {
		{ "a reply that nobody asked for", MAC0 EVIL ARP "0002" EVIL GW MAC0 OURS },
		{ "a gratuitous request", ALL EVIL ARP "0001" EVIL GW NOBODY GW },
		{ "a gratuitous reply", ALL EVIL ARP "0002" EVIL GW ALL GW },
		{ "a request for us", ALL EVIL ARP "0001" EVIL GW NOBODY OURS },
		{ "a request for another", ALL EVIL ARP "0001" EVIL GW NOBODY HOST },
	};
	struct net_settings s = bench_settings();

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct net *n = with_gateway(&s);

		in(n, 0, 0, 3 * S, lies[i].frame);
		ok(strcmp(mac_in_use(n, 3 * S), GATEWAY) == 0, "%s does not move the gateway", lies[i].sentence);
		ok(bench_stats.net_neighbours_contradicted == 1 && bench_stats.net_neighbour_asked == 2,
		   "  ... it only makes us ask the known MAC");
		in(n, 0, 0, 3 * S + 1, GW_REPLY);
		ok(net_deadline_us(n) == UINT64_MAX, "  ... which settles it");
		in(n, 0, 0, 3 * S + 2, lies[i].frame);
		is_frame(out(n, 3 * S + 2), i == 3 ? EVIL MAC0 ARP "0002" MAC0 OURS EVIL GW : "",
			 "  ... for a second at least");
	}
	struct net *n = bench_net(&s);

	in(n, 0, 0, S, MAC0 EVIL ARP "0002" EVIL GW MAC0 OURS);
	to_send("198.51.100.7", 1);
	is_frame(out(n, S), ASK_GW, "an unasked reply makes no entry");
}

static void the_gateway_moves(void)
{
	struct net_settings s = bench_settings();
	struct net *n = with_gateway(&s);

	in(n, 0, 0, 5 * S, ALL EVIL ARP "0001" EVIL GW NOBODY GW); /* the other router took over */
	is_frame(out(n, 5 * S), GATEWAY MAC0 ARP "0001" MAC0 OURS GATEWAY GW, "the known MAC is asked, alone");
	(void)out(n, 6 * S);
	(void)out(n, 7 * S);
	is_frame(out(n, 8 * S), ASK_GW, "after three seconds of silence everybody is asked");
	in(n, 0, 0, 8 * S, MAC0 EVIL ARP "0002" EVIL GW MAC0 OURS);
	ok(strcmp(mac_in_use(n, 8 * S), EVIL) == 0, "and the new router is taken");
}

static void used_entries_are_asked_again(void)
{
	struct net_settings s = bench_settings();
	struct net *n = with_gateway(&s);

	ok(strcmp(mac_in_use(n, 31 * S - 1), GATEWAY) == 0 && !*out(n, 31 * S - 1), "fresh for 30 seconds");
	to_send("198.51.100.7", 1);
	is_frame(out(n, 31 * S), GATEWAY MAC0 "0800" IP_OUT "c6336407" SEGMENT, "then frames still go");
	is_frame(out(n, 31 * S), GATEWAY MAC0 ARP "0001" MAC0 OURS GATEWAY GW, "and the known MAC is asked");
	in(n, 0, 0, 31 * S, GW_REPLY);
	ok(strcmp(mac_in_use(n, 60 * S), GATEWAY) == 0 && !*out(n, 60 * S), "an answer is good for 30 seconds more");
	ok(net_deadline_us(n) == UINT64_MAX, "an entry that is not used is not asked for");
}

static void no_route(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);

	to_send("198.51.100.7", 1);
	fake.send_path.local = address("10.0.0.25");
	fake.send_path.ifindex = 1;
	is_frame(out(n, S), "", "off the link at a port without a gateway nothing is sent");
	ok(bench_stats.net_tx_no_route == 1, "and that is counted");
}

static void announcements(void)
{
	struct net_settings s = bench_settings();
	unsigned n_frames = 0;

	s.quiet = false;
	struct net *n = bench_net(&s);

	ok(net_deadline_us(n) == 0, "announcements are due at the start");
	is_frame(out(n, S), "", "net_step() begins a round");
	net_step(n, S);
	is_frame(out(n, S), ALL MAC0 ARP "0001" MAC0 OURS NOBODY OURS, "an IPv4 address is announced (RFC 5227 2.3)");
	while (*out(n, S))
		n_frames++;
	ok(n_frames == 3, "and the others: IPv6, link-local, the second port's");
	ok(net_deadline_us(n) == 3 * S, "again after two seconds");
	net_step(n, 3 * S);
	for (n_frames = 0; *out(n, 3 * S);)
		n_frames++;
	net_step(n, 9 * S);
	ok(n_frames == 4 && !*out(n, 9 * S) && net_deadline_us(n) == UINT64_MAX, "twice in all");
}

static void answers_are_bounded(void)
{
	struct net_settings s = bench_settings();
	struct net *n = bench_net(&s);
	unsigned n_frames = 0;

	for (unsigned i = 0; i < 200; i++)
		in(n, 0, 0, S, ALL NEIGHBOUR ARP "0001" NEIGHBOUR HOST NOBODY OURS);
	while (*out(n, S))
		n_frames++;
	ok(n_frames == 68 && bench_stats.net_tx_no_buffer == 132, "of 200 requests in one turn 68 are answered");
}

static void fixed(void)
{
	struct net_settings s = bench_settings();

	s.ifs[0].n_fixed = 1;
	s.ifs[0].fixed[0] = (struct net_fixed){ address("192.0.2.7"), { 2, 0, 0, 0, 0xbb, 0xbb } };
	struct net *n = bench_net(&s);

	to_send("192.0.2.7", 1);
	is_frame(out(n, S), NEIGHBOUR MAC0 IP4_TO_HOST, "a neighbour given by setting is not asked for");
	in(n, 0, 0, S, ALL GATEWAY ARP "0001" GATEWAY HOST NOBODY HOST);
	in(n, 0, 0, S, MAC0 GATEWAY ARP "0002" GATEWAY HOST MAC0 OURS);
	ok(!*out(n, S) && bench_stats.net_neighbours_contradicted == 2, "nor when somebody else claims its address");
	to_send("192.0.2.7", 1);
	is_frame(out(n, 1000 * S), NEIGHBOUR MAC0 IP4_TO_HOST, "nor after any time, and frames go there as ever");
}

static void one_neighbour_floods(void)
{
	struct net_settings s = bench_settings();

	s.neighbour_queue_max = 16;
	struct net *n = bench_net(&s);

	to_send("192.0.2.9", 1);
	(void)out(n, S);
	to_send("192.0.2.7", 40);
	while (*out(n, S))
		;
	in(n, 0, 0, S,
	   MAC0 "02000000cccc" ARP "0002"
		"02000000cccc"
		"c0000209" MAC0 OURS);
	ok(*out(n, S) && bench_stats.net_tx_waited_out == 32,
	   "frames for one neighbour do not push out the one that waits for another");
}

int main(void)
{
	answers();
	first_segment_waits();
	nobody_answers();
	the_oldest_goes();
	lies_are_not_believed();
	the_gateway_moves();
	used_entries_are_asked_again();
	no_route();
	announcements();
	answers_are_bounded();
	fixed();
	one_neighbour_floods();
	free(bench_memory);
	return done();
}
