// SPDX-License-Identifier: MIT
/*
 * test_tcp_attack.c - segments of those who guess: RFC 5961, bad headers, floods
 */
#include "tests/unit/net/tcp_script.h"

static const struct script scripts[] = {
	{ "RST in the window, but not exact: a challenge ACK (RFC 5961 3.2)",
	  { SCRIPT_ACCEPT, "in R 100", "out . 1 ack 1", "event none", "in R 0", "in R 70000", "quiet", "event none",
	    "in R 1", "event FAILED" } },
	{ "SYN in a connection: a challenge ACK, wherever it is (RFC 5961 4.2)",
	  { SCRIPT_ACCEPT, "in S 100", "out . 1 ack 1", "in S 1", "out . 1 ack 1", "in S 99999", "out . 1 ack 1",
	    "event none", "state ESTABLISHED" } },
	{ "an ACK of what we never sent, or of what is long past: a challenge ACK (RFC 5961 5.2)",
	  { SCRIPT_ACCEPT, "in P. 1+5 ack 2", "out . 1 ack 1", "event none", "in P. 1+5 ack 4294900000",
	    "out . 1 ack 1", "event none" } },
	{ "ten challenge ACKs a second for one connection",
	  { SCRIPT_ACCEPT,   "in S 1", "out . 1 ack 1", "in S 1", "out . 1 ack 1", "in S 1",
	    "out . 1 ack 1", "in S 1", "out . 1 ack 1", "in S 1", "out . 1 ack 1", "in S 1",
	    "out . 1 ack 1", "in S 1", "out . 1 ack 1", "in S 1", "out . 1 ack 1", "in S 1",
	    "out . 1 ack 1", "in S 1", "out . 1 ack 1", "in S 1", "quiet",         "stat tcp_challenges_limited 1",
	    "time +1000",    "in S 1", "out . 1 ack 1" } },
	{ "no ACK flag, no effect",
	  { SCRIPT_ACCEPT, "in P 1+10", "in F 1", "quiet", "event none", "state ESTABLISHED" } },
	{ "octets far away are answered by an ACK and not kept",
	  { SCRIPT_ACCEPT, "in . 1000000+10 ack 1", "out . 1 ack 1", "in . -1000000+10 ack 1", "out . 1 ack 1",
	    "stat tcp_out_of_order 0" } },
	{ "an old ACK does not bring an old window back",
	  { SCRIPT_ACCEPT, "send 10", "out P. 1+10 ack 1", "in P. 1+5 ack 11 win 5000", "in . 1 ack 11 win 0",
	    "send 10", "out P. 11+10 ack 6" } },
	{ "too-big that quotes octets of ours is believed",
	  { SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "toobig 1 1000 +30", "stat tcp_too_big 1",
	    "out . 1+960 ack 1", "out P. 961+500 ack 1" } },
	{ "too-big that quotes octets which we did not send is not believed (RFC 5927)",
	  { SCRIPT_ACCEPT, "send 1460", "out P. 1+1460 ack 1", "lie", "toobig 1 1000 +30", "quiet",
	    "stat tcp_too_big 0", "stat tcp_too_big_ignored 1" } },
	{ "a late RST after abort finds nothing", { SCRIPT_ACCEPT, "abort", "out R. 1 ack 1", "in R 1", "quiet" } },
};

static struct tcp *t;
static struct stats stats;
static struct tcp_path path;

static void start(void)
{
	static const uint8_t seed[16] = { 1 };
	struct tcp_settings s = tcp_settings_default();

	s.conns_max = s.half_open_max = s.time_wait_max = 64;
	s.buffer_blocks = 64;
	s.syn_cookies = false;
	t = tcp_init(aligned_alloc(64, (tcp_memory(&s) + 63) & ~(size_t)63), &s, seed, &stats);
	path = (struct tcp_path){ .local = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				  .remote = ip_addr_of4((const uint8_t[]){ 198, 51, 100, 7 }) };
	ok(tcp_listen(t, 25) == OK, "listening");
}

static size_t syn(uint8_t wire[TCP_HEADER_MAX], uint16_t port)
{
	const struct tcp_segment s = {
		.source = port, .destination = 25, .seq = 1, .flags = TCP_SYN, .options = TCP_OPTIONS_NONE
	};
	size_t n = tcp_segment_emit(wire, &s);

	tcp_segment_sum_fill(&path.remote, &path.local, wire, n, false);
	return n;
}

static void bad_headers(void)
{
	uint8_t wire[TCP_HEADER_MAX];
	size_t n = syn(wire, 1000);

	for (size_t len = 0; len < n; len++)
		tcp_input(t, &path, span_of(wire, len), 0);
	ok(stats.tcp_bad_headers == n && stats.tcp_syns == 0, "a header cut anywhere is dropped");
	for (unsigned offset = 0; offset < 16; offset++) {
		if (offset == 5)
			continue;
		wire[12] = (uint8_t)(offset << 4);
		tcp_input(t, &path, span_of(wire, n), 0);
	}
	ok(stats.tcp_bad_headers == n + 15, "a data offset below 5 or behind the end is dropped");
	syn(wire, 0);
	tcp_input(t, &path, span_of(wire, n), 0);
	ok(stats.tcp_bad_headers == n + 16, "port 0 is dropped");
	syn(wire, 1000);
	wire[4] ^= 1;
	tcp_input(t, &path, span_of(wire, n), 0);
	ok(stats.tcp_bad_checksums == 1 && stats.tcp_syns == 0, "a wrong checksum is dropped");
	path.checksum_good = true;
	tcp_input(t, &path, span_of(wire, n), 0);
	ok(stats.tcp_bad_checksums == 1 && stats.tcp_syns == 1, "but not looked at when the port has verified it");
	path.checksum_good = false;
}

static void flood(void)
{
	uint8_t wire[TCP_HEADER_MAX], out[2048];
	struct tcp_path to;
	size_t n_answers = 0;

	for (uint16_t port = 2000; port < 3000; port++) {
		size_t n = syn(wire, port);
		tcp_input(t, &path, span_of(wire, n), 0);
	}
	while (tcp_next(t, out, sizeof(out), false, &to, 0))
		n_answers++;
	ok(n_answers == 64 && stats.tcp_half_open_full == 1000 - 63,
	   "a flood of SYNs gets as many answers as there are records");
	tcp_check(t);
	for (uint64_t now_us = 0; now_us < 70000000; now_us += 500000) {
		tcp_step(t, now_us);
		while (tcp_next(t, out, sizeof(out), false, &to, now_us))
			;
	}
	ok(t->halves.n_used == 0, "and a minute later they are free again");
	tcp_unlisten(t, 25);
	for (uint16_t port = 2000; port < 2400; port++) {
		size_t n = syn(wire, port);
		tcp_input(t, &path, span_of(wire, n), 70000000);
	}
	n_answers = 0;
	while (tcp_next(t, out, sizeof(out), false, &to, 70000000))
		n_answers++;
	ok(n_answers == TCP_REPLIES - TCP_REPLIES_SPARE &&
		   stats.tcp_replies_dropped == 400 - TCP_REPLIES + TCP_REPLIES_SPARE,
	   "RSTs that do not fit their part of the queue are dropped");
}

static bool odd_port(void *arg, uint16_t port)
{
	(void)arg;
	return port & 1;
}

static bool no_port(void *arg, uint16_t port)
{
	(void)arg, (void)port;
	return false;
}

static void ports(void)
{
	uint16_t first = 0, least = UINT16_MAX, most = 0;
	bool odd = true, apart = true;

	for (int i = 0; i < 40; i++) {
		struct tcp_conn *c = tcp_connect(t, &path, 25, odd_port, NULL, NULL, 0);
		uint16_t port = tcp_local_port(c);

		odd = odd && port & 1;
		apart = apart && port != first;
		first = first ? first : port;
		least = port < least ? port : least;
		most = port > most ? port : most;
	}
	ok(odd && apart, "source ports pass the filter and are not used twice");
	ok(most - least > 20000, "and lie all over the range (RFC 6056)");
	uint64_t taken = stats.tcp_ports_taken;

	ok(!tcp_connect(t, &path, 25, no_port, NULL, NULL, 0) && stats.tcp_no_port == 1,
	   "no port will do: no connection");
	ok(stats.tcp_ports_taken == taken, "a port that the filter refuses costs no look-up");
	const struct tcp_key a = { .local_port = 1 }, b = { .local_port = 2 };
	ok(tcp_isn(t, &a, 0) != tcp_isn(t, &b, 0) && tcp_isn(t, &a, 4000) - tcp_isn(t, &a, 0) == 1000,
	   "initial numbers differ by connection and grow every 4 us (RFC 6528)");
}

/* TIME-WAIT on all ports but one in @free_in. */
static void ports_all_in_time_wait(uint32_t free_in)
{
	static const uint8_t seed[16] = { 2 };
	struct tcp_settings s = tcp_settings_default();
	struct stats full = { 0 };
	unsigned n_opened = 0;

	s.time_wait_max = 65536;
	s.conns_max = 256;
	struct tcp *f = tcp_init(aligned_alloc(64, (tcp_memory(&s) + 63) & ~(size_t)63), &s, seed, &full);
	struct tcp_key key = { .local = path.local, .remote = path.remote, .remote_port = 25 };

	for (uint32_t port = TCP_EPHEMERAL_FIRST; port <= UINT16_MAX; port++) {
		key.local_port = (uint16_t)port;
		if (free_in == 0 || port % free_in)
			tcp_wait_new(f, &key, 0, 0, NULL, 0);
	}
	for (unsigned i = 0; i < 200; i++)
		n_opened += tcp_connect(f, &path, 25, NULL, NULL, NULL, 0) != NULL;
	if (free_in == 0)
		ok(n_opened == 0 && full.tcp_no_port == 200 && full.tcp_ports_taken == 200 * TCP_PORT_LOOKUPS,
		   "TIME-WAIT on every port: each open looks %d times and gives up", TCP_PORT_LOOKUPS);
	else
		ok(n_opened >= 198, "one port in %u is free: %u of 200 opens find one", (unsigned)free_in, n_opened);
	free(f);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	start();
	bad_headers();
	flood();
	ports();
	ports_all_in_time_wait(0);
	ports_all_in_time_wait(20);
	free(t);
	return done();
}
