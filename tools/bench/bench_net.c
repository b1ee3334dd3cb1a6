// SPDX-License-Identifier: MIT
/*
 * bench_net.c - small segments through net and TCP: one frame at a time, and in bursts that look ahead
 *
 * Each of n connections gets sixteen octets at a time, in random order, as IPv4 over Ethernet; they are read at once,
 * and what TCP answers is taken, as an Ethernet port would.  The two ways alternate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/net/ip4.h"
#include "dataplane/net/net_state.h"
#include "dataplane/net/tcp_segment.h"
#include "tools/bench/bench_figure.h"
#include "tools/bench/bench_net.h"

enum { ROUNDS = 15, BURSTS = 1024, OCTETS = 16, FRAME = 14 + IP4_HEADER + TCP_HEADER + OCTETS };

struct world {
	struct net *n;
	struct tcp *t;
	uint32_t n_conns;
	uint8_t (*frames)[FRAME];
	uint32_t *seq;
	uint64_t random, now_us;
	uint64_t n_events, n_out;
};

static const uint8_t ours[6] = { 2, 0, 0, 0, 0, 1 }, peer[6] = { 2, 0, 0, 0, 0, 2 };

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((w->random >> 33) * below >> 31);
}

static struct ip_addr host(uint32_t i)
{
	return ip_addr_of4((const uint8_t[]){ 10, (uint8_t)(1 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i });
}

/* Writes frame @i with these numbers; returns its length. */
static size_t write_frame(struct world *w, uint32_t i, uint8_t flags, uint32_t seq, uint32_t ack, size_t n_octets)
{
	const struct ip_addr from = host(i), to = ip_addr_of4((const uint8_t[]){ 10, 0, 0, 25 });
	const struct tcp_segment s = { .source = 4000,
				       .destination = 25,
				       .seq = seq,
				       .ack = ack,
				       .flags = flags,
				       .wnd = 65535,
				       .options = TCP_OPTIONS_NONE };
	uint8_t *at = w->frames[i] + 14 + IP4_HEADER;
	size_t n = tcp_segment_emit(at, &s) + n_octets;

	memset(at + n - n_octets, 'x', n_octets);
	tcp_segment_sum_fill(&from, &to, at, n, false);
	eth_write(ip4_write(at, n, &from, &to, IP_PROTO_TCP), ours, peer, 0, ETH_TYPE_IP4);
	return 14 + IP4_HEADER + n;
}

static void read_events(struct world *w)
{
	struct tcp_event e;

	while (tcp_event(w->t, &e)) {
		w->n_events++;
		if (e.kind == TCP_EVENT_READABLE)
			for (struct span s; (s = tcp_peek(w->t, e.conn)).len;)
				tcp_consume(w->t, e.conn, s.len);
	}
}

/* Takes all frames out; the ISS of the last one that was a SYN-ACK is left in @iss. */
static void drain(struct world *w, uint32_t *iss)
{
	static uint8_t out[NET_FRAME_MAX + 64];

	for (;;) {
		struct net_frame f = { .at = out, .cap = sizeof(out) };

		if (!net_next(w->n, &f, w->now_us))
			return;
		w->n_out++;
		const uint8_t *at = f.at + 14 + IP4_HEADER + 4;

		*iss = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	}
}

static void start(struct world *w, uint32_t n_conns)
{
	static const uint8_t seed[16] = { 1, 2, 3 };
	static struct stats stats;
	struct net_settings s = net_settings_default();
	uint32_t iss = 0;

	memset(&stats, 0, sizeof(stats));
	s.n_ifs = 1;
	s.quiet = true;
	s.ifs[0] = (struct net_if_settings){ .mac = { 2, 0, 0, 0, 0, 1 },
					     .mtu = 1500,
					     .n_addrs = 1,
					     .addrs = { { ip_addr_of4((const uint8_t[]){ 10, 0, 0, 25 }), 24 } },
					     .gateway4 = ip_addr_of4((const uint8_t[]){ 10, 0, 0, 1 }) };
	s.ifs[0].n_fixed = 1;
	s.ifs[0].fixed[0].addr = s.ifs[0].gateway4;
	memcpy(s.ifs[0].fixed[0].mac, peer, 6);
	s.tcp.conns_max = n_conns;
	s.tcp.sources.records_max = 0;
	*w = (struct world){ .n_conns = n_conns, .random = 7, .now_us = 1000000 };
	w->n = net_init(aligned_alloc(64, (net_memory(&s) + 63) & ~(size_t)63), &s, seed, &stats);
	w->t = net_tcp(w->n);
	w->frames = malloc((size_t)n_conns * FRAME);
	w->seq = malloc(n_conns * sizeof(*w->seq));
	if (!w->frames || !w->seq || tcp_listen(w->t, 25))
		exit(1);
	for (uint32_t i = 0; i < n_conns; i++) {
		net_input(w->n, 0, span_of(w->frames[i], write_frame(w, i, TCP_SYN, 0, 0, 0)), 0, w->now_us);
		drain(w, &iss);
		net_input(w->n, 0, span_of(w->frames[i], write_frame(w, i, TCP_ACK, 1, iss + 1, 0)), 0, w->now_us);
		read_events(w);
		write_frame(w, i, TCP_ACK, 1, iss + 1, OCTETS);
		w->seq[i] = 1;
	}
	if (stats.tcp_accepted != n_conns)
		exit(1);
}

/* The port has verified the checksum, so only the number is written anew. */
static struct net_in next_frame(struct world *w)
{
	uint32_t i = draw(w, w->n_conns);
	uint8_t *at = w->frames[i] + 14 + IP4_HEADER + 4;

	for (unsigned k = 0; k < 4; k++)
		at[k] = (uint8_t)(w->seq[i] >> (24 - 8 * k));
	w->seq[i] += OCTETS;
	return (struct net_in){ .rx_flags = NET_RX_CHECKSUM_GOOD, .frame = span_of(w->frames[i], FRAME) };
}

static double run(struct world *w, bool in_bursts)
{
	struct net_in in[NET_BURST_MAX];
	double spent = 0;
	uint32_t iss;

	for (unsigned b = 0; b < BURSTS; b++) {
		for (unsigned i = 0; i < NET_BURST_MAX; i++)
			in[i] = next_frame(w);
		w->now_us += 10;
		double start = now_s();

		if (in_bursts)
			net_burst(w->n, in, NET_BURST_MAX, w->now_us);
		for (unsigned i = 0; i < NET_BURST_MAX; i++) {
			if (in_bursts)
				net_burst_process(w->n, i);
			else
				net_input(w->n, 0, in[i].frame, in[i].rx_flags, w->now_us);
			read_events(w);
			net_input_end(w->n, w->now_us);
		}
		drain(w, &iss);
		net_step(w->n, w->now_us);
		spent += now_s() - start;
	}
	return spent * 1e9 / (BURSTS * NET_BURST_MAX);
}

static void bench_conns(uint32_t n_conns, const char *each, const char *burst)
{
	double one[ROUNDS], ahead[ROUNDS];
	struct world w;

	start(&w, n_conns);
	run(&w, false);
	for (unsigned r = 0; r < ROUNDS; r++) {
		one[r] = run(&w, false);
		ahead[r] = run(&w, true);
	}
	say(each, median(one, ROUNDS), "ns");
	say(burst, median(ahead, ROUNDS), "ns");
	free(w.n);
	free(w.frames);
	free(w.seq);
}

void bench_net(void)
{
	bench_conns(1000, "net.segment_1k_conns_each.ns", "net.segment_1k_conns_burst.ns");
	bench_conns(200000, "net.segment_200k_conns_each.ns", "net.segment_200k_conns_burst.ns");
}
