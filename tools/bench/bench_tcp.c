// SPDX-License-Identifier: MIT
/*
 * bench_tcp.c - what one side of TCP costs
 *
 * Two stacks in one thread, frames passed by hand in bursts of 32.  Only what the serving side does is timed: frames in,
 * its user, frames out, checksums in software.  The other side runs in between, so the caches are not the server's alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

#include <sys/mman.h>

#include "dataplane/net/net.h"
#include "tools/bench/bench_figure.h"
#include "tools/bench/bench_tcp.h"
#include "tools/load/load_flood.h"

enum { BURST = 32, FRAME = 2048, FLOWS = 1000, FLOWS_MANY = 200000, FLOWS_MILLION = 1000000 };

struct side {
	struct net *net;
	struct tcp *tcp;
	struct stats stats;
	bool serves;
	uint64_t cycles;                           /* spent in this side */
	struct tcp_conn *conns[FLOWS_MILLION + 1]; /* of the client: those that are open */
	uint32_t n_conns, n_ended;
};

static struct side client, server;
static uint64_t now_us = 1000000;
static enum { PLAY_ACCEPT, PLAY_ECHO, PLAY_SINK } play;
static uint64_t n_octets, n_replies;
static uint8_t frames[BURST][FRAME];

/* In huge pages where there are any, as dpdk_memory() has them. */
static void *zeroed(size_t size)
{
	const size_t page = 2 << 20;
	void *memory = aligned_alloc(page, (size + page - 1) & ~(page - 1));

	if (!memory)
		exit(1);
	madvise(memory, size, MADV_HUGEPAGE);
	return memset(memory, 0, size);
}

/* @sources: limits by source of the serving side; no benchmark comes near one. */
static void open_side(struct side *s, bool serves, uint32_t conns_max, bool sources)
{
	static const uint8_t seed[16] = { 5, 6 };
	struct net_settings n = net_settings_default();

	n.n_ifs = 1;
	n.ifs[0] = (struct net_if_settings){ .mac = { 2, 0, 0, 0, 0, serves ? 1 : 2 }, .mtu = 1500, .n_addrs = 1 };
	n.ifs[0].addrs[0] = (struct net_if_addr){ ip_addr_of4((const uint8_t[]){ 192, 0, 2, serves ? 1 : 2 }), 24 };
	if (serves)
		n.ifs[0].gateway4 = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 2 });
	else
		n.ifs[0].clients = (struct net_if_addr){ ip_addr_of4((const uint8_t[]){ 10, 0, 0, 0 }), 8 };
	n.tcp.conns_max = conns_max;
	n.tcp.half_open_max = 65536;
	n.tcp.time_wait_max = 131072;
	n.tcp.buffer_blocks = 262144;
	n.tcp.receive_max = n.tcp.send_max = 262144;
	if (sources)
		n.tcp.sources.host_conns_max = n.tcp.sources.net_conns_max = n.tcp.sources.net_half_open_max =
			UINT16_MAX;
	else
		n.tcp.sources = (struct tcp_source_settings){ 0 };
	memset(&s->stats, 0, sizeof(s->stats));
	s->net = net_init(zeroed(net_memory(&n)), &n, seed, &s->stats);
	s->tcp = net_tcp(s->net);
	s->serves = serves;
	s->n_conns = s->n_ended = 0;
	s->cycles = 0;
	if (serves && tcp_listen(s->tcp, 25) != OK)
		exit(1);
}

static void close_sides(void)
{
	free(server.net);
	free(client.net);
}

/* --- users ------------------------------------------------------------------------------------- */

static void tell(struct side *s, struct tcp_conn *c, struct span text)
{
	if (tcp_send(s->tcp, c, text, now_us) != text.len)
		exit(1);
}

static size_t read_all(struct side *s, struct tcp_conn *c)
{
	struct span in;
	size_t n = 0;

	while ((in = tcp_peek(s->tcp, c)).len) {
		n += in.len;
		tcp_consume(s->tcp, c, in.len);
	}
	return n;
}

static void serve(const struct tcp_event *e)
{
	if (e->kind == TCP_EVENT_ACCEPTED && play == PLAY_ACCEPT)
		tell(&server, e->conn, SPAN("220 mx.example ESMTP\r\n"));
	if (e->kind != TCP_EVENT_READABLE)
		return;
	n_octets += read_all(&server, e->conn);
	if (play == PLAY_ECHO)
		tell(&server, e->conn, SPAN("250 2.0.0 Ok\r\n"));
	if (play == PLAY_ACCEPT) {
		tell(&server, e->conn, SPAN("221 2.0.0 Bye\r\n"));
		tcp_close(server.tcp, e->conn, now_us);
	}
}

static void use(const struct tcp_event *e)
{
	switch (e->kind) {
	case TCP_EVENT_CONNECTED:
		client.conns[client.n_conns++] = e->conn;
		break;
	case TCP_EVENT_READABLE:
		if (read_all(&client, e->conn) == 0)
			break;
		n_replies++;
		if (play == PLAY_ACCEPT && !e->user) {
			tcp_set_user(e->conn, &client); /* the 221 comes next */
			tell(&client, e->conn, SPAN("QUIT\r\n"));
		}
		break;
	case TCP_EVENT_PEER_CLOSED:
		tcp_close(client.tcp, e->conn, now_us);
		break;
	case TCP_EVENT_CLOSED:
	case TCP_EVENT_FAILED:
		client.n_ended++;
		break;
	case TCP_EVENT_ACCEPTED:
	case TCP_EVENT_WRITABLE:
		break;
	}
}

static void settle(struct side *s)
{
	struct tcp_event e;

	while (tcp_event(s->tcp, &e)) {
		if (s->serves)
			serve(&e);
		else
			use(&e);
	}
}

/* --- frames ------------------------------------------------------------------------------------ */

/* Up to a burst from @from to @to; false when there was none. */
static bool carry(struct side *from, struct side *to)
{
	struct net_in in[BURST];
	unsigned n = 0;
	uint64_t start = __rdtsc();

	for (; n < BURST; n++) {
		struct net_frame f = { .at = frames[n], .cap = FRAME };

		if (!net_next(from->net, &f, now_us))
			break;
		in[n] = (struct net_in){ .frame = span_of(f.at, f.len) };
	}
	from->cycles += __rdtsc() - start;
	start = __rdtsc();
	net_burst(to->net, in, n, now_us);
	for (unsigned i = 0; i < n; i++) {
		net_burst_process(to->net, i);
		settle(to);
		net_input_end(to->net, now_us);
	}
	to->cycles += __rdtsc() - start;
	return n > 0;
}

static void step(void)
{
	uint64_t start;

	now_us += 10;
	net_step(client.net, now_us);
	settle(&client);
	start = __rdtsc();
	net_step(server.net, now_us);
	settle(&server);
	server.cycles += __rdtsc() - start;
	carry(&client, &server);
	carry(&server, &client);
}

/* The @n-th client's address and a connection from it. */
static void connect_one(uint32_t n)
{
	struct tcp_path path = { .remote = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }) };

	path.local = ip_addr_of4((const uint8_t[]){ 10, 1, (uint8_t)(n >> 8), (uint8_t)(n | 1) });
	if (!tcp_connect(client.tcp, &path, 25, NULL, NULL, NULL, now_us))
		exit(1);
}

static void connect_all(uint32_t n)
{
	connect_one(0); /* alone: the others would wait for the neighbour's MAC and be sent again much later */
	while (client.n_conns == 0)
		step();
	for (uint32_t i = 1; i < n;) {
		for (int k = 0; k < BURST && i < n; k++)
			connect_one(i++);
		step();
	}
	for (int i = 0; i < 1000000 && client.n_conns < n; i++)
		step();
	if (client.n_conns != n) {
		fprintf(stderr, "bench: %u of %u connections\n", client.n_conns, n);
		exit(1);
	}
}

/* --- samples: a chunk in which we were not alone on the core is an outlier, so the median of many counts ---------- */

static double samples[65536];
static size_t n_samples;
static uint64_t chunk_cycles;
static double chunk_units;

static void samples_begin(void)
{
	n_samples = 0;
	chunk_cycles = server.cycles;
	chunk_units = 0;
}

/* @units: all that was done since samples_begin(). */
static void sample(double units, double each)
{
	if (units < chunk_units + each || n_samples == sizeof(samples) / sizeof(samples[0]))
		return;
	samples[n_samples++] = (double)(server.cycles - chunk_cycles) / (units - chunk_units);
	chunk_cycles = server.cycles;
	chunk_units = units;
}

static double cycles_a_unit(void)
{
	return median(samples, n_samples);
}

/* --- figures ----------------------------------------------------------------------------------- */

static double tsc_hz(void)
{
	struct timespec a, b;
	uint64_t start = __rdtsc();

	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < 50000000);
	return (double)(__rdtsc() - start) / ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9);
}

/* Handshake, 220, QUIT, 221, close. */
static double accept_cycles(bool sources)
{
	enum { N = 30000, OPEN = 64 };
	uint32_t begun = 0;

	play = PLAY_ACCEPT;
	open_side(&client, false, 4 * OPEN, false);
	open_side(&server, true, 4 * OPEN, sources);
	samples_begin();
	while (client.n_ended < N) {
		sample(client.n_ended, 64);
		while (begun < N && begun - client.n_ended < OPEN)
			connect_one(begun++ % 60000);
		step();
		client.n_conns = 0;
	}
	close_sides();
	return cycles_a_unit();
}

static void bench_rr(uint32_t flows, const char *cycles, const char *rate, double hz)
{
	enum { STRIDE = 7919 };
	const uint64_t n = 1000000;

	play = PLAY_SINK;
	open_side(&client, false, flows + 64, false);
	open_side(&server, true, flows + 64, false);
	connect_all(flows);
	play = PLAY_ECHO;
	n_replies = 0;
	server.cycles = 0;
	uint64_t frames_before = server.stats.tcp_segments_in + server.stats.tcp_segments_out;
	uint32_t next = 0;

	samples_begin();
	for (uint64_t asked = 0; n_replies < n;) {
		/* As many in flight as a burst takes; all flows have their turn, but in no order that a cache could guess. */
		for (; asked < n_replies + BURST; asked++) {
			tell(&client, client.conns[next], SPAN("NOOP\r\n"));
			next = (next + STRIDE) % flows;
		}
		step();
		sample((double)n_replies, 256);
	}
	double segments = (double)(server.stats.tcp_segments_in + server.stats.tcp_segments_out - frames_before);

	say(cycles, cycles_a_unit(), "cycles_a_request");
	say(rate, hz * segments / (double)n_replies / cycles_a_unit() / 1e6, "Msegments_a_second_and_core");
	close_sides();
}

static void bench_bulk(double hz)
{
	static uint8_t block[65536];
	const uint64_t n = UINT64_C(2) << 30;

	play = PLAY_SINK;
	open_side(&client, false, 64, false);
	open_side(&server, true, 64, false);
	connect_all(4);
	n_octets = 0;
	server.cycles = 0;
	samples_begin();
	while (n_octets < n) {
		sample((double)n_octets, 1 << 18);
		for (uint32_t i = 0; i < client.n_conns; i++)
			tcp_send(client.tcp, client.conns[i], span_of(block, sizeof(block)), now_us);
		step();
	}
	say("tcp.bulk.gbps", 8 * hz / cycles_a_unit() / 1e9, "Gbit_a_second_and_core");
	close_sides();
}

/* SYN from random addresses, most of them beyond what half-open records there are for. */
static double syn_cycles(bool sources)
{
	static struct load_flood flood;
	struct net_if_settings from = { .mac = { 2, 0, 0, 0, 0, 2 } };
	struct ip_addr to = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 });
	const unsigned n = 400000;

	play = PLAY_SINK;
	open_side(&client, false, 64, false);
	open_side(&server, true, 65536, sources);
	connect_all(1); /* the gateway's MAC is known then */
	load_flood_init(&flood, &from, &to, 25, 99);
	memcpy(flood.frame, (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, 6);
	flood.target_known = true;
	server.cycles = 0;
	samples_begin();
	for (unsigned i = 0; i < n; i += BURST) {
		for (unsigned k = 0; k < BURST; k++) {
			struct net_frame f = { .at = frames[k], .cap = FRAME };

			if (!load_flood_next(&flood, &f))
				exit(1);
		}
		uint64_t start = __rdtsc();

		for (unsigned k = 0; k < BURST; k++) {
			net_input(server.net, 0, span_of(frames[k], 62), 0, now_us);
			settle(&server);
			net_input_end(server.net, now_us);
		}
		for (struct net_frame f = { .at = frames[0], .cap = FRAME }; net_next(server.net, &f, now_us);)
			f = (struct net_frame){ .at = frames[0], .cap = FRAME };
		server.cycles += __rdtsc() - start;
		now_us += 10;
		sample(i + BURST, 256);
	}
	close_sides();
	return cycles_a_unit();
}

/* With limits by source and without, in turns; the ratio is of neighbours. */
static void bench_limits(double (*cycles)(bool sources), double hz, const char *name, const char *rate,
			 const char *ratio, const char *unit)
{
	enum { TURNS = 7 };
	double with[TURNS], ratios[TURNS];

	for (int i = 0; i < TURNS; i++) {
		with[i] = cycles(true);
		ratios[i] = with[i] / cycles(false);
	}
	double typical = median(with, TURNS);

	say(name, typical, unit);
	say(rate, hz / typical, "a_second_and_core");
	say(ratio, median(ratios, TURNS), "of_that_without_limits_by_source");
}

void bench_tcp(void)
{
	struct tcp_settings few = tcp_settings_default(), many = few;
	double hz = tsc_hz();

	few.conns_max = 1 << 20;
	many.conns_max = 1 << 21;
	say("tcp.conn.bytes", (double)(tcp_memory(&many) - tcp_memory(&few)) / (1 << 20), "octets");
	bench_limits(accept_cycles, hz, "tcp.accept.cycles", "tcp.accept.per_s", "tcp.accept.limits_ratio",
		     "cycles_a_connection");
	bench_limits(syn_cycles, hz, "tcp.syn.cycles", "tcp.syn.per_s", "tcp.syn.limits_ratio", "cycles_a_syn");
	bench_rr(FLOWS, "tcp.rr.cycles", "tcp.rr.mpps", hz);
	bench_rr(FLOWS_MANY, "tcp.rr_many.cycles", "tcp.rr_many.mpps", hz);
	bench_bulk(hz);
}

void bench_tcp_million(void)
{
	bench_rr(FLOWS_MILLION, "tcp.rr_million.cycles", "tcp.rr_million.mpps", tsc_hz());
}
