// SPDX-License-Identifier: MIT
/*
 * fuzz_net_input.c - frames in a row against one struct net, with a fake TCP
 *
 * Input: records of a head (two octets: flags and length) and a frame.  Flags: bit 0 the port, bit 1 fill in the
 * checksums, bit 2 a copy, bit 3 half a second passes, bit 4 TCP sends a segment to the source of the last one, bit 5
 * the next frame comes in the same burst.  The length of the input has the settings: bit 0 reassemble, bit 1 announce.
 * Invariants: what TCP gets lies inside the frame; what goes out is a whole frame from one of our MACs; queues and
 * pool add up; nothing is left to do after all time-outs.
 */
#include "dataplane/net/net_state.h"
#include "tests/unit/net/net_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PORT_1 = 1, CHECKSUMS = 2, COPY = 4, LATER = 8, SEND = 16, MORE = 32, BURST = 8 };

static void check_queues(const struct net *n)
{
	size_t n_waiting = 0, n_ready = 0;

	for (const struct net_packet *p = n->waiting.first; p; p = p->next) {
		CHECK(p->neighbour && !p->neighbour->has_mac);
		n_waiting++;
	}
	for (const struct net_packet *p = n->ready.first; p; p = p->next)
		n_ready++;
	CHECK(n_waiting == n->n_waiting && n_waiting <= n->n_waiting_max);
	CHECK(n->packets.n_used == n_waiting + n_ready);
}

static void send_all(struct net *n, uint64_t now_us)
{
	for (unsigned i = 0; i < 1000; i++) {
		struct net_frame f = { .at = bench_buffer, .cap = NET_FRAME_MAX };

		if (!net_next(n, &f, now_us))
			return;
		CHECK(f.at >= bench_buffer && f.len >= 42 && f.at + f.len <= bench_buffer + NET_FRAME_MAX);
		CHECK(f.ifindex < n->n_ifs && f.len <= n->ifs[f.ifindex].s.mtu + (size_t)ETH_HEADER_MAX);
		CHECK(eth_is(f.at + 6, n->ifs[f.ifindex].s.mac) && !eth_is(f.at, f.at + 6));
	}
	CHECK(!"net_next() ends");
}

/* Frames in one burst, each gone when it was processed. */
static void burst(struct net *n, struct net_in *in, uint8_t **frames, size_t n_frames, uint64_t now_us)
{
	net_burst(n, in, n_frames, now_us);
	for (size_t i = 0; i < n_frames; i++) {
		net_burst_process(n, i);
		net_input_end(n, now_us);
	}
	for (size_t i = 0; i < n_frames; i++)
		free(frames[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t segment[20] = { 0, 25, 4, 1, [12] = 0x50, 0x10 };
	struct net_settings s = bench_settings();
	struct net_in in[BURST];
	uint8_t *frames[BURST];
	size_t n_held = 0;

	s.reassemble = size & 1;
	s.quiet = !(size & 2);
	struct net *n = bench_net(&s);
	uint64_t now_us = 1000000;

	while (size >= 2) {
		uint8_t flags = data[0];
		size_t len = data[1] > size - 2 ? size - 2 : data[1];
		uint8_t *frame = malloc(len ? len : 1);

		memcpy(frame, data + 2, len);
		data += 2 + len;
		size -= 2 + len;
		if ((flags & CHECKSUMS) && len >= 34 && (size_t)(packet_of(frame) - frame) + 20 <= len)
			fill_checksums(frame, len);
		frames[n_held] = frame;
		in[n_held++] = (struct net_in){ .ifindex = flags & PORT_1,
						.rx_flags = flags & COPY ? NET_RX_COPY : 0,
						.frame = span_of(frame, len) };
		if (flags & MORE && n_held < BURST && size >= 2)
			continue;
		if (n_held > 1) {
			burst(n, in, frames, n_held, now_us);
		} else {
			net_input(n, in[0].ifindex, in[0].frame, in[0].rx_flags, now_us);
			net_input_end(n, now_us);
			free(frame);
		}
		n_held = 0;
		if ((flags & SEND) && fake.n_segments) {
			fake.to_send = span_of(segment, sizeof(segment));
			fake.n_to_send = 2;
			fake.send_path = fake.path;
		}
		check_queues(n);
		send_all(n, now_us);
		check_queues(n);
		if (flags & LATER)
			now_us += 500000;
		net_step(n, now_us);
	}
	/* Two askings of three seconds each, and one more: then nobody is waited for, and all is announced. */
	for (unsigned i = 0; i < 8; i++) {
		send_all(n, now_us);
		now_us += 1000000;
		net_step(n, now_us);
	}
	CHECK(n->n_waiting == 0 && n->packets.n_used == 0 && net_deadline_us(n) == UINT64_MAX);
	return 0;
}
