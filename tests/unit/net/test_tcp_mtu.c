// SPDX-License-Identifier: MIT
/*
 * test_tcp_mtu.c - path MTU: what ICMP may lower, what is remembered, black holes (RFC 1191, 8201, 5927, 8899)
 */
#include "tests/unit/net/tcp_script.h"

static const struct script scripts[] = {
	{ "too-big lowers the MSS, and the next connection to that host begins with it",
	  { SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "toobig 1 1400", "out . 1+1360 ack 1",
	    "out P. 1361+100 ack 1", "in R 1", "event FAILED", "event none", "again", "in S 0 mss 1460",
	    "out S. 0 ack 1 mss 1460", "in . 1 ack 1", "event ACCEPTED", "send 1460", "out . 1+1360 ack 1",
	    "out P. 1361+100 ack 1" } },
	{ "ten minutes later it tries the full size again (RFC 1191 6.3)",
	  { SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "toobig 1 1400", "out . 1+1360 ack 1",
	    "out P. 1361+100 ack 1", "in R 1", "event FAILED", "event none", "again", "time +600001", "in S 0 mss 1460",
	    "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", "send 1460", "out P. 1+1460 ack 1" } },
	{ "too-big below the floor is taken for the floor",
	  { "set mss_min 500", SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "toobig 1 296",
	    "out . 1+500 ack 1" } },
	{ "a peer's MSS below the floor as well (CVE-2019-11479)",
	  { "set mss_min 500", "listen", "in S 0 mss 48", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED",
	    "send 600", "out . 1+500 ack 1", "out P. 501+100 ack 1" } },
	{ "too-big about what was acknowledged, or not sent yet, changes nothing (RFC 5927)",
	  { SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "toobig 1461 1000", "in . 1 ack 1461", "toobig 1 1000",
	    "stat tcp_too_big 0", "stat tcp_too_big_ignored 2" } },
	{ "full segments vanish without a word: after two timeouts smaller ones are tried, step by step",
	  { SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "time +1002", "out P. 1+1460 ack 1", "time +2002",
	    "out . 1+1452 ack 1", "quiet", "time +4002", "out . 1+1360 ack 1", "time +8002", "out . 1+1240 ack 1",
	    "stat tcp_black_holes 3", "in . 1 ack 1241", "out P. 1241+220 ack 1", "in . 1 ack 1461", "send 1460",
	    "out . 1461+1240 ack 1" } },
	{ "where full ones passed before, two timeouts are only loss; six are a route that has changed",
	  { SCRIPT_ACCEPT,
	    "send 1460",
	    "out P. 1+1460 ack 1",
	    "in . 1 ack 1461",
	    "send 1460",
	    "out P. 1461+1460 ack 1",
	    "time +202",
	    "out P. 1461+1460 ack 1",
	    "time +402",
	    "out P. 1461+1460 ack 1",
	    "time +802",
	    "out P. 1461+1460 ack 1",
	    "time +1602",
	    "out P. 1461+1460 ack 1",
	    "time +3202",
	    "out P. 1461+1460 ack 1",
	    "stat tcp_black_holes 0",
	    "time +6402",
	    "out . 1461+1452 ack 1",
	    "stat tcp_black_holes 1" } },
	{ "small ones that passed say nothing of that",
	  { SCRIPT_ACCEPT, "send 100", "out P. 1+100 ack 1", "in . 1 ack 101", "send 1460", "out P. 101+1460 ack 1",
	    "time +202", "out P. 101+1460 ack 1", "time +402", "out . 101+1452 ack 1" } },
	{ "what got through is remembered of that host",
	  { SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "time +1002", "out P. 1+1460 ack 1", "time +2002",
	    "out . 1+1452 ack 1", "in . 1 ack 1453", "out P. 1453+8 ack 1", "in R 1", "event FAILED", "event none",
	    "again", "in S 0 mss 1460", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", "send 1460",
	    "out . 1+1452 ack 1" } },
	{ "a host that is only down leaves nothing behind", { "set data_retries 3", SCRIPT_ACCEPT,
							      "send 1460",          "out P. 1+1460 ack 1",
							      "time +1002",         "out P. 1+1460 ack 1",
							      "time +2002",         "out . 1+1452 ack 1",
							      "time +4002",         "out . 1+1360 ack 1",
							      "time +8002",         "event FAILED TIMEOUT",
							      "event none",         "again",
							      "in S 0 mss 1460",    "out S. 0 ack 1",
							      "in . 1 ack 1",       "event ACCEPTED",
							      "send 1460",          "out P. 1+1460 ack 1" } },
	{ "segments as large as a window below the MSS vanish: a black hole all the same",
	  { "listen", "in S 0 mss 1460 win 1400", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", "send 3000",
	    "out . 1+1400 ack 1", "time +1002", "out . 1+1400 ack 1", "time +2002", "out . 1+1360 ack 1",
	    "stat tcp_black_holes 1", "time +4002", "out . 1+1240 ack 1", "in . 1 ack 1241",
	    "out . 1241+1240 ack 1" } },
	{ "so it is where the segment that vanishes is the last one, and not quite full",
	  { SCRIPT_ACCEPT, "send 1450", "out P. 1+1450 ack 1", "time +1002", "out P. 1+1450 ack 1", "time +2002",
	    "out . 1+1360 ack 1", "in . 1 ack 1361", "out P. 1361+90 ack 1", "stat tcp_black_holes 1" } },
	{ "below the least MTU of IPv6 it takes more timeouts",
	  { SCRIPT_ACCEPT, "send 1000", "out P. 1+1000 ack 1", "time +1002", "out P. 1+1000 ack 1", "time +2002",
	    "out P. 1+1000 ack 1", "time +4002", "out P. 1+1000 ack 1", "time +8002", "out . 1+536 ack 1",
	    "stat tcp_black_holes 1" } },
	{ "small segments that are lost are no black hole",
	  { SCRIPT_ACCEPT, "send 100", "out P. 1+100 ack 1", "time +1002", "out P. 1+100 ack 1", "time +2002",
	    "out P. 1+100 ack 1", "time +4002", "out P. 1+100 ack 1", "stat tcp_black_holes 0" } },
	{ "below 576 nobody is suspected",
	  { "listen", "in S 0 mss 536", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", "send 536",
	    "out P. 1+536 ack 1", "time +1002", "out P. 1+536 ack 1", "time +2002", "out P. 1+536 ack 1",
	    "stat tcp_black_holes 0" } },
	{ "timestamps count in the size",
	  { SCRIPT_ACCEPT_STAMPS, "send 1448", "out P. 1+1448 ack 1", "time +1002", "out P. 1+1448 ack 1", "time +2002",
	    "out . 1+1440 ack 1", "in . 1 ack 1441", "toobig 1441 1000", "out P. 1441+8 ack 1",
	    "stat tcp_too_big 1" } },
};

static struct ip_addr host(uint32_t i)
{
	return ip_addr_of4((const uint8_t[]){ 198, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i });
}

static void table(void)
{
	static const uint8_t seed[16] = { 9 };
	struct tcp_settings s = tcp_settings_default();
	struct stats stats = { 0 };
	unsigned n_known = 0, n_fresh = 0;

	s.conns_max = s.half_open_max = s.time_wait_max = s.buffer_blocks = 4;
	void *memory = aligned_alloc(64, (tcp_memory(&s) + 63) & ~(size_t)63);
	struct tcp *t = tcp_init(memory, &s, seed, &stats);
	const struct ip_addr a = host(1), a6 = ip_addr_of6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8 });

	ok(tcp_mtu_known(t, &a, 0) == UINT32_MAX && tcp_mss_bounded(t, &a, 9000, 0) == 1460,
	   "nothing is known at first");
	tcp_mtu_note(t, &a, 1400, 0);
	tcp_mtu_note(t, &a, 1450, 1);
	ok(tcp_mtu_known(t, &a, 2) == 1400, "the lower MTU of two stays");
	tcp_mtu_note(t, &a, 1450, TCP_MTU_US);
	ok(tcp_mtu_known(t, &a, TCP_MTU_US) == 1450, "until it is ten minutes old");
	tcp_mtu_note(t, &a6, 1280, 0);
	ok(tcp_mss_bounded(t, &a6, 1440, 1) == 1220, "IPv6: its header is larger");
	for (uint32_t i = 0; i < 100000; i++) {
		struct ip_addr h = host(i);

		tcp_mtu_note(t, &h, 1300, 1000 + i);
	}
	for (uint32_t i = 0; i < 100000; i++) {
		struct ip_addr h = host(i);
		bool known = tcp_mtu_known(t, &h, 200000) == 1300;

		n_known += known;
		n_fresh += known && i >= 90000;
	}
	ok(n_known <= TCP_MTU_SETS * TCP_MTU_WAYS && n_fresh == n_known,
	   "of a hundred thousand hosts it knows %u, the last ones", n_known);
	free(memory);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	table();
	return done();
}
