// SPDX-License-Identifier: MIT
/*
 * test_net_burst.c - bursts in stages beside their twin, frame after frame: the same answers, counters and octets
 */
#include <stdlib.h>

#include "dataplane/net/ip4.h"
#include "dataplane/net/ip6.h"
#include "dataplane/net/net_state.h"
#include "dataplane/net/tcp_conn.h"
#include "tests/tap.h"

enum { HOSTS = 6000, FRAME_MAX = 256 };

static struct stats stats[2];
static struct net *nets[2];
static void *memory[2];
static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static const uint8_t ours[6] = { 2, 0, 0, 0, 0, 1 }, peer[6] = { 2, 0, 0, 0, 0, 2 };

static void start(void)
{
	static const uint8_t seed[16] = { 4, 5, 6 };
	struct net_settings s = net_settings_default();

	s.n_ifs = 1;
	s.quiet = true;
	s.reassemble = true;
	s.ifs[0] = (struct net_if_settings){ .mac = { 2, 0, 0, 0, 0, 1 },
					     .mtu = 1500,
					     .n_addrs = 1,
					     .addrs = { { ip_addr_of4((const uint8_t[]){ 10, 0, 0, 25 }), 24 } },
					     .gateway4 = ip_addr_of4((const uint8_t[]){ 10, 0, 0, 1 }),
					     .n_fixed = 1 };
	s.ifs[0].fixed[0].addr = s.ifs[0].gateway4;
	memcpy(s.ifs[0].fixed[0].mac, peer, 6);
	s.tcp.conns_max = 5500;
	s.tcp.half_open_max = 500;
	s.tcp.time_wait_max = 1000;
	for (unsigned i = 0; i < 2; i++) {
		memory[i] = aligned_alloc(64, (net_memory(&s) + 63) & ~(size_t)63);
		nets[i] = net_init(memory[i], &s, seed, &stats[i]);
		CHECK(tcp_listen(net_tcp(nets[i]), 25) == OK);
	}
}

/* What a frame's host was told last by either net, so that its segments are near enough to be taken. */
static uint32_t told_seq[HOSTS], told_ack[HOSTS];

static size_t random_frame(uint8_t out[FRAME_MAX])
{
	uint32_t h = draw(HOSTS), n_octets = draw(3) ? draw(60) : 0;
	const struct ip_addr from = ip_addr_of4((const uint8_t[]){ 10, 1, (uint8_t)(h >> 8), (uint8_t)h });
	const struct ip_addr to = ip_addr_of4((const uint8_t[]){ 10, 0, 0, 25 });
	struct tcp_segment s = { .source = 4000,
				 .destination = draw(50) ? 25 : 26,
				 .seq = told_ack[h],
				 .ack = told_seq[h],
				 .flags = TCP_ACK,
				 .wnd = 65535,
				 .options = TCP_OPTIONS_NONE };
	uint8_t *at = out + 14 + IP4_HEADER;

	/* Mostly a handshake and then octets; seldom the end, after which it begins anew. */
	if (told_seq[h] == 0 || draw(100) == 0) {
		s.flags = TCP_SYN;
		s.seq += 1 + draw(1000);
		n_octets = 0;
	} else if (draw(40) == 0) {
		s.flags = draw(2) ? TCP_RST : TCP_ACK | TCP_FIN;
		told_seq[h] = draw(2) ? 0 : told_seq[h];
	}
	size_t n = tcp_segment_emit(at, &s) + n_octets;
	for (uint32_t i = 0; i < n_octets; i++)
		out[14 + IP4_HEADER + n - n_octets + i] = (uint8_t)draw(256);
	tcp_segment_sum_fill(&from, &to, at, n, false);
	eth_write(ip4_write(at, n, &from, &to, draw(100) ? IP_PROTO_TCP : IP_PROTO_ICMP4), ours, peer, 0, ETH_TYPE_IP4);
	n += 14 + IP4_HEADER;
	if (draw(20) == 0)
		out[draw((uint32_t)n)] ^= (uint8_t)(1 << draw(8));
	if (draw(50) == 0)
		n = draw((uint32_t)n);
	return n;
}

/* A hash of all that a net tells its user, and sends. */
static uint64_t sum;

static void mix(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		sum = (sum ^ s.at[i]) * UINT64_C(0x100000001b3);
}

static void settle(struct tcp *t, uint64_t now_us)
{
	struct tcp_event e;

	while (tcp_event(t, &e)) {
		mix(span_of(&e.kind, sizeof(e.kind)));
		if (e.kind == TCP_EVENT_READABLE) {
			bool close = false;

			for (struct span s; (s = tcp_peek(t, e.conn)).len;) {
				mix(s);
				close |= s.at[0] < 16; /* we are the first to close some */
				tcp_consume(t, e.conn, s.len);
			}
			(void)tcp_send(t, e.conn, SPAN("250 OK\r\n"), now_us);
			if (close)
				tcp_close(t, e.conn, now_us);
		} else if (e.kind == TCP_EVENT_PEER_CLOSED) {
			tcp_close(t, e.conn, now_us);
		}
	}
}

static void drain(struct net *n, uint64_t now_us)
{
	static uint8_t out[NET_FRAME_MAX + 64];

	for (;;) {
		struct net_frame f = { .at = out, .cap = sizeof(out) };

		if (!net_next(n, &f, now_us))
			return;
		mix(span_of(f.at, f.len));
		const uint8_t *ip = f.at + 14;
		struct tcp_segment s;

		if (f.len < 14 + IP4_HEADER || ip[9] != IP_PROTO_TCP ||
		    tcp_segment_parse(span_of(ip + IP4_HEADER, f.len - 14 - IP4_HEADER), &s))
			continue;
		uint32_t h = (uint32_t)(ip[18] << 8 | ip[19]) % HOSTS;

		told_seq[h] = s.seq + tcp_segment_len(&s);
		told_ack[h] = s.ack;
	}
}

static uint64_t play(unsigned which, const struct net_in *in, size_t n_in, uint64_t now_us)
{
	struct net *n = nets[which];

	sum = 14695981039346656037u;
	if (which)
		net_burst(n, in, n_in, now_us);
	for (size_t i = 0; i < n_in; i++) {
		if (which)
			net_burst_process(n, i);
		else
			net_input(n, in[i].ifindex, in[i].frame, in[i].rx_flags, now_us);
		settle(net_tcp(n), now_us);
		net_input_end(n, now_us);
	}
	drain(n, now_us);
	net_step(n, now_us);
	drain(n, now_us);
	return sum;
}

static void beside_the_twin(void)
{
	static uint8_t frames[NET_BURST_MAX][FRAME_MAX];
	struct net_in in[NET_BURST_MAX];
	unsigned n_wrong = 0, n_ahead = 0;
	uint64_t now_us = 1000000;

	start();
	for (unsigned b = 0; b < 12000; b++) {
		size_t n_in = draw(NET_BURST_MAX + 1);

		for (size_t i = 0; i < n_in; i++)
			in[i] = (struct net_in){ .rx_flags = draw(30) ? 0 : NET_RX_COPY,
						 .frame = span_of(frames[i], random_frame(frames[i])) };
		uint64_t one = play(0, in, n_in, now_us);

		n_wrong += play(1, in, n_in, now_us) != one;
		n_ahead += nets[1]->looked_ahead;
		now_us += draw(20) ? draw(2000) : draw(100000);
	}
	tcp_check(net_tcp(nets[1]));
	ok(n_wrong == 0, "12000 bursts in stages end as frame after frame");
	ok(memcmp(&stats[0], &stats[1], sizeof(stats[0])) == 0, "with the same counters");
	ok(n_ahead > 500 && n_ahead < 12000, "%u of them were looked at ahead", n_ahead);
	ok(stats[1].tcp_accepted > 1000 && stats[1].tcp_rsts_in > 100 && stats[1].tcp_bad_checksums > 100 &&
		   net_tcp(nets[1])->waits.n_used_most > 100,
	   "and much happened in them");
	free(memory[0]);
	free(memory[1]);
}

int main(void)
{
	beside_the_twin();
	return done();
}
