// SPDX-License-Identifier: MIT
/*
 * fuzz_tcp_input.c - a peer who sends whatever he likes, whenever he likes
 *
 * The input is a sequence of steps; numbers in segments are relative to what is right, so that deep states are
 * reached, and the checksum is put right unless the step says otherwise.  After each step tcp_check() must hold.
 *
 *	first octet of a step, modulo 16
 *	  0..8   a segment:  flags, window, seq offset, ack offset (2 octets each, signed), length (1)
 *	  9      a segment of raw octets: length (1), octets; checksum put right
 *	  10     time: 2 octets of milliseconds, squared
 *	  11     the user sends: 2 octets
 *	  12     the user reads, or not
 *	  13     the user closes, aborts, or connects
 *	  14     ICMP too-big: seq offset (2), MTU (2)
 *	  15     drain tcp_next()
 */
#include <stdlib.h>

#include "dataplane/net/tcp_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct tcp *t;
	struct stats stats;
	struct tcp_path path;
	uint64_t now_us;
	struct span in; /* steps to come */
	struct tcp_conn *conn;
	uint16_t our_port;
	uint32_t our_stamp;
	uint32_t peer_nxt, our_nxt; /* what would be right in the next segment */
	bool reads;
	uint64_t n_octets; /* sent and read, so that it is looked at */
};

static uint8_t take8(struct world *w)
{
	if (!w->in.len)
		return 0;
	uint8_t v = w->in.at[0];
	w->in = span_skip(w->in, 1);
	return v;
}

static uint16_t take16(struct world *w)
{
	uint8_t high = take8(w);

	return (uint16_t)(high << 8 | take8(w));
}

/* 16 bits, signed, as a sequence number offset */
static uint32_t take_offset(struct world *w)
{
	uint32_t v = take16(w);

	return v < 0x8000 ? v : v - 0x10000;
}

static void input(struct world *w, uint8_t *wire, size_t n)
{
	if (n >= TCP_HEADER) {
		wire[16] = wire[17] = 0;
		tcp_segment_sum_fill(&w->path.remote, &w->path.local, wire, n, false);
	}
	/* An exact allocation, so that the sanitizer sees a read past the end; and gone after tcp_input_end(). */
	uint8_t *exact = malloc(n ? n : 1);
	memcpy(exact, wire, n);
	tcp_input(w->t, &w->path, span_of(exact, n), w->now_us);
	tcp_check(w->t);

	struct tcp_event e;
	while (tcp_event(w->t, &e)) {
		if (e.kind == TCP_EVENT_ACCEPTED || e.kind == TCP_EVENT_CONNECTED)
			w->conn = e.conn;
		else if ((e.kind == TCP_EVENT_CLOSED || e.kind == TCP_EVENT_FAILED) && w->conn == e.conn)
			w->conn = NULL;
		else if (e.kind == TCP_EVENT_READABLE && w->reads) {
			struct span s = tcp_peek(w->t, e.conn);
			w->n_octets += s.len ? s.at[s.len - 1] : 0u;
			tcp_consume(w->t, e.conn, s.len);
		}
		tcp_check(w->t);
	}
	tcp_input_end(w->t, w->now_us);
	free(exact);
}

static void segment(struct world *w)
{
	uint8_t wire[TCP_HEADER_MAX + 256] = { 0 };
	struct tcp_segment s = { .source = 4321, .destination = w->our_port, .options = TCP_OPTIONS_NONE };

	uint8_t how = take8(w);
	s.flags = how & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK);
	s.wnd = take16(w);
	s.seq = w->peer_nxt + take_offset(w);
	s.ack = w->our_nxt + take_offset(w);
	if (s.flags & TCP_SYN) {
		s.options.mss = s.wnd / 32;
		s.options.wscale = (uint8_t)(s.wnd & 15);
	}
	/* The upper bits of the flags: options of a SYN, or blocks and stamps near those that would be right. */
	s.options.sack_permitted = s.flags & TCP_SYN && how & 0x40;
	if (how & 0x80) {
		s.options.stamped = true;
		s.options.stamp = (uint32_t)(w->now_us / 1000) + take8(w);
		s.options.stamp_echo = w->our_stamp - take8(w);
	}
	if (how & 0x40 && !(s.flags & TCP_SYN)) {
		s.options.n_sack = take8(w) % (TCP_SACK_BLOCKS + 1);
		for (uint8_t i = 0; i < s.options.n_sack; i++) {
			s.options.sack[i].start = w->our_nxt + take_offset(w);
			s.options.sack[i].end = s.options.sack[i].start + take16(w);
		}
	}
	size_t len = take8(w), n = tcp_segment_emit(wire, &s);
	/* Right numbers come cheap: an offset of 0 goes on where the last such segment ended. */
	if (s.seq == w->peer_nxt && !(s.flags & TCP_RST))
		w->peer_nxt += (uint32_t)len + ((s.flags & TCP_SYN) != 0) + ((s.flags & TCP_FIN) != 0);
	input(w, wire, n + len);
}

static void raw(struct world *w)
{
	uint8_t wire[256] = { 0 };
	size_t n = take8(w);

	for (size_t i = 0; i < n; i++)
		wire[i] = take8(w);
	input(w, wire, n);
}

static void drain(struct world *w)
{
	uint8_t wire[2048];
	struct tcp_path path;
	struct tcp_segment s;
	size_t n;

	for (unsigned i = 0; (n = tcp_next(w->t, wire, sizeof(wire), false, &path, w->now_us)); i++) {
		CHECK(i < 2000); /* bounded by window, replies and records */
		CHECK(tcp_segment_parse(span_of(wire, n), &s) == OK);
		CHECK(tcp_segment_sum_good(&path.local, &path.remote, span_of(wire, n)));
		if (!(s.flags & TCP_RST))
			w->our_nxt = s.seq + tcp_segment_len(&s);
		if (s.options.stamped)
			w->our_stamp = s.options.stamp;
		tcp_check(w->t);
	}
}

static bool port_4000(void *arg, uint16_t port)
{
	(void)arg;
	return port == 4000;
}

static void user(struct world *w)
{
	switch (take8(w) % 4) {
	case 0:
		if (w->conn)
			tcp_close(w->t, w->conn, w->now_us);
		break;
	case 1:
		if (w->conn)
			tcp_abort(w->t, w->conn, w->now_us);
		w->conn = NULL;
		break;
	case 2:
		if (!w->conn) {
			w->conn = tcp_connect(w->t, &w->path, 4321, port_4000, NULL, NULL, w->now_us);
			w->our_port = 4000;
		}
		break;
	default:
		w->our_port = w->our_port == 25 ? 4000 : 25;
		break;
	}
}

static void step(struct world *w)
{
	static uint8_t octets[UINT16_MAX];
	uint8_t kind = take8(w) % 16;

	switch (kind) {
	case 9:
		raw(w);
		break;
	case 10:
		w->now_us += (uint64_t)take16(w) * take16(w) * 10;
		tcp_step(w->t, w->now_us);
		break;
	case 11:
		if (w->conn)
			w->n_octets += tcp_send(w->t, w->conn, span_of(octets, take16(w)), w->now_us);
		break;
	case 12:
		w->reads = !w->reads;
		if (w->conn)
			tcp_consume(w->t, w->conn, tcp_peek(w->t, w->conn).len);
		break;
	case 13:
		user(w);
		break;
	case 14: {
		uint32_t seq = w->our_nxt + take_offset(w);
		const uint8_t quoted[8] = {
			(uint8_t)(w->our_port >> 8), (uint8_t)w->our_port, 4321 >> 8,           4321 & 255,
			(uint8_t)(seq >> 24),        (uint8_t)(seq >> 16), (uint8_t)(seq >> 8), (uint8_t)seq
		};
		tcp_too_big(w->t, &w->path, span_of(quoted, sizeof(quoted)), take16(w), w->now_us);
		break;
	}
	case 15:
		drain(w);
		break;
	default:
		segment(w);
		break;
	}
	tcp_check(w->t);
	if (kind % 2)
		drain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[16] = "fuzz";
	static void *memory;
	struct tcp_settings settings = tcp_settings_default();
	struct world w = {
		.in = { data, size }, .now_us = 1000000, .our_port = 25, .peer_nxt = 0xffffff00, .reads = true
	};

	settings.conns_max = settings.half_open_max = settings.time_wait_max = 2;
	settings.buffer_blocks = 24;
	settings.receive_max = 8000;
	settings.send_max = 40000;
	if (!memory)
		memory = aligned_alloc(64, (tcp_memory(&settings) + 63) & ~(size_t)63);
	w.path = (struct tcp_path){ .local = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				    .remote = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 2 }) };
	w.t = tcp_init(memory, &settings, seed, &w.stats);
	CHECK(tcp_listen(w.t, 25) == OK);
	while (w.in.len)
		step(&w);
	return 0;
}
