// SPDX-License-Identifier: MIT
/*
 * fuzz_tcp_input.c - peers who send whatever they like, whenever they like
 *
 * The first octet chooses the settings, the rest is a sequence of steps.  There are four flows, of which one is in hand;
 * numbers in segments are relative to what would be right in that flow, so that deep states are reached, and the
 * checksum is put right unless the step says otherwise.  After each step tcp_check() must hold.
 *
 *	first octet of a step, modulo 32
 *	  0..8   a segment:  flags, window, seq offset, ack offset (2 octets each, signed), length (1)
 *	  9      a segment of raw octets: length (1), octets; checksum put right
 *	  10     time: 2 octets of milliseconds, squared
 *	  11     the user sends: 2 octets
 *	  12     the user reads, or not
 *	  13     the user closes, aborts, or connects
 *	  14     ICMP too-big: seq offset (2), octets quoted (1), MTU (2)
 *	  15     drain tcp_next()
 *	  16     another flow is in hand: number (1)
 *	  17     a handshake as it should be: options (1), and what is sent in between is taken
 *	  18     data and an ACK as they should be: length in eighths of a kilobyte (1), window (1)
 *	  19     the same segment once more, or one of the seven before: which (1)
 *	  20     ICMP unreachable: hard or soft (1), seq offset (2), octets quoted (1)
 *	  21     a keep-alive is set: seconds (1)
 *	  22     a segment with a wrong checksum
 *	  23     what we sent last comes back to us
 *	  24     time: 1 octet of milliseconds
 *	  25     the user reads a part: 1 octet
 *	  26     the port is closed to new ones, or opened
 *	  27     an ACK of a part of what is in flight: share (1)
 *	  28     FIN with the next number
 *	  29     RST with the next number, or a little beyond (1)
 *	  30     a cookie comes back: the ACK of our last SYN-ACK, for a flow that is forgotten: TSecr (1)
 *	  31     the segment that came last, in a burst that is looked at ahead
 */
#include <stdlib.h>

#include "dataplane/net/tcp_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOWS = 4, KEPT = 8, SEGMENT_MAX = 9100, SEND_MAX = 40000 };

/* One remote end, and what would be right in its next segment. */
struct flow {
	struct tcp_path path;
	uint16_t peer_port, our_port, called; /* that we called from last */
	struct tcp_conn *conn;
	uint32_t our_stamp;
	uint32_t peer_nxt, our_una, our_nxt;
	bool stamps;
};

struct world {
	struct tcp *t;
	struct tcp_settings settings;
	struct stats stats;
	uint64_t now_us;
	struct span in; /* steps to come */
	struct flow flows[FLOWS], *f;
	bool reads, listens;
	uint64_t n_octets; /* sent and read, so that it is looked at */
	struct {
		size_t len;
		struct flow *flow;
		uint8_t wire[SEGMENT_MAX];
	} kept[KEPT]; /* segments that came, round */
	unsigned n_kept;
	uint8_t sent[2048]; /* by us, last */
	size_t n_sent;
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

/* --- what happened ------------------------------------------------------------------------- */

static struct flow *flow_of(struct world *w, const struct tcp_conn *c)
{
	for (unsigned i = 0; i < FLOWS; i++)
		if (w->flows[i].conn == c)
			return &w->flows[i];
	return NULL;
}

/* The connection of a flow is known by its key when it is new. */
static struct flow *flow_by_key(struct world *w, const struct tcp_key *key)
{
	for (unsigned i = 0; i < FLOWS; i++)
		if (ip_addr_eq(&w->flows[i].path.remote, &key->remote) && w->flows[i].peer_port == key->remote_port)
			return &w->flows[i];
	return NULL;
}

static void events(struct world *w)
{
	struct tcp_event e;

	while (tcp_event(w->t, &e)) {
		struct flow *f = flow_of(w, e.conn);

		if (e.kind == TCP_EVENT_ACCEPTED || e.kind == TCP_EVENT_CONNECTED) {
			f = flow_by_key(w, &e.conn->flow.key);
			if (f)
				f->conn = e.conn;
		} else if (e.kind == TCP_EVENT_CLOSED || e.kind == TCP_EVENT_FAILED) {
			if (f)
				f->conn = NULL;
		} else if (e.kind == TCP_EVENT_READABLE && w->reads) {
			struct span s = tcp_peek(w->t, e.conn);
			w->n_octets += s.len ? s.at[s.len - 1] : 0u;
			tcp_consume(w->t, e.conn, s.len);
		}
		tcp_check(w->t);
	}
}

/* --- segments in --------------------------------------------------------------------------- */

static void deliver(struct world *w, const struct flow *f, const uint8_t *wire, size_t n, bool ahead)
{
	/* An exact allocation, so that the sanitizer sees a read past the end; and gone after tcp_input_end(). */
	uint8_t *exact = malloc(n ? n : 1);
	struct tcp_ahead a;

	memcpy(exact, wire, n);
	if (ahead && tcp_ahead_bucket(w->t, &f->path, span_of(exact, n), &a)) {
		tcp_ahead_key(w->t, &a);
		tcp_ahead_record(w->t, &a);
		tcp_input_ahead(w->t, &f->path, span_of(exact, n), &a, w->now_us);
	} else {
		tcp_input(w->t, &f->path, span_of(exact, n), w->now_us);
	}
	tcp_check(w->t);
	events(w);
	tcp_input_end(w->t, w->now_us);
	free(exact);
}

static void input(struct world *w, uint8_t *wire, size_t n)
{
	if (n >= TCP_HEADER) {
		wire[16] = wire[17] = 0;
		tcp_segment_sum_fill(&w->f->path.remote, &w->f->path.local, wire, n, false);
	}
	unsigned slot = w->n_kept++ % KEPT;

	memcpy(w->kept[slot].wire, wire, n);
	w->kept[slot].len = n;
	w->kept[slot].flow = w->f;
	deliver(w, w->f, wire, n, false);
}

/* With the numbers that are right, and the stamps if the handshake had some. */
static struct tcp_segment proper(const struct world *w, uint8_t flags)
{
	const struct flow *f = w->f;
	struct tcp_segment s = { .source = f->peer_port,
				 .destination = f->our_port,
				 .seq = f->peer_nxt,
				 .ack = f->our_nxt,
				 .wnd = 0x4000,
				 .flags = flags,
				 .options = TCP_OPTIONS_NONE };

	if (f->stamps && !(flags & TCP_RST)) {
		s.options.stamped = true;
		s.options.stamp = (uint32_t)(w->now_us / 1000);
		s.options.stamp_echo = f->our_stamp;
	}
	return s;
}

static void put(struct world *w, const struct tcp_segment *s, size_t len)
{
	static uint8_t wire[SEGMENT_MAX];
	size_t n = tcp_segment_emit(wire, s);

	memset(wire + n, 'o', len);
	/* Right numbers come cheap: an offset of 0 goes on where the last such segment ended. */
	if (s->seq == w->f->peer_nxt && !(s->flags & TCP_RST))
		w->f->peer_nxt += (uint32_t)len + ((s->flags & TCP_SYN) != 0) + ((s->flags & TCP_FIN) != 0);
	input(w, wire, n + len);
}

static void segment(struct world *w)
{
	struct flow *f = w->f;
	uint8_t how = take8(w);
	struct tcp_segment s = { .source = f->peer_port,
				 .destination = f->our_port,
				 .flags = how & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK),
				 .options = TCP_OPTIONS_NONE };

	s.wnd = take16(w);
	s.seq = f->peer_nxt + take_offset(w);
	s.ack = f->our_nxt + take_offset(w);
	if (s.flags & TCP_SYN) {
		s.options.mss = s.wnd / 32;
		s.options.wscale = (uint8_t)(s.wnd & 15);
	}
	/* The upper bits of the flags: options of a SYN, or blocks and stamps near those that would be right. */
	s.options.sack_permitted = s.flags & TCP_SYN && how & 0x40;
	if (how & 0x80) {
		s.options.stamped = true;
		s.options.stamp = (uint32_t)(w->now_us / 1000) + take8(w);
		s.options.stamp_echo = f->our_stamp - take8(w);
		f->stamps |= (s.flags & TCP_SYN) != 0;
	}
	if (how & 0x40 && !(s.flags & TCP_SYN)) {
		s.options.n_sack = take8(w) % (TCP_SACK_BLOCKS + 1);
		for (uint8_t i = 0; i < s.options.n_sack; i++) {
			s.options.sack[i].start = f->our_nxt + take_offset(w);
			s.options.sack[i].end = s.options.sack[i].start + take16(w);
		}
	}
	put(w, &s, take8(w));
}

static void raw(struct world *w)
{
	uint8_t wire[256] = { 0 };
	size_t n = take8(w);

	for (size_t i = 0; i < n; i++)
		wire[i] = take8(w);
	/* To the ports in hand, unless it says otherwise: else it belongs to nothing. */
	if (n >= TCP_HEADER && wire[0] == 0 && wire[2] == 0) {
		wire[0] = (uint8_t)(w->f->peer_port >> 8);
		wire[1] = (uint8_t)w->f->peer_port;
		wire[2] = (uint8_t)(w->f->our_port >> 8);
		wire[3] = (uint8_t)w->f->our_port;
	}
	input(w, wire, n);
}

/* --- segments out -------------------------------------------------------------------------- */

static void drain(struct world *w)
{
	struct tcp_path path;
	struct tcp_segment s;
	size_t n;

	for (unsigned i = 0; (n = tcp_next(w->t, w->sent, sizeof(w->sent), false, &path, w->now_us)); i++) {
		CHECK(i < 2000); /* bounded by window, replies and records */
		CHECK(tcp_segment_parse(span_of(w->sent, n), &s) == OK);
		CHECK(tcp_segment_sum_good(&path.local, &path.remote, span_of(w->sent, n)));
		CHECK(s.data.len <= w->settings.mss4);
		w->n_sent = n;
		for (unsigned k = 0; k < FLOWS; k++) {
			struct flow *f = &w->flows[k];

			if (!ip_addr_eq(&f->path.remote, &path.remote) || f->peer_port != s.destination ||
			    f->our_port != s.source)
				continue;
			if (s.flags & TCP_SYN)
				f->our_una = s.seq;
			if (!(s.flags & TCP_RST))
				f->our_nxt = s.seq + tcp_segment_len(&s);
			if (s.options.stamped)
				f->our_stamp = s.options.stamp;
		}
		tcp_check(w->t);
	}
}

/* --- steps that a well-behaved peer takes -------------------------------------------------- */

static void handshake(struct world *w)
{
	uint8_t how = take8(w);
	struct tcp_segment s;

	drain(w); /* our own SYN, if we have called */
	w->f->stamps = how & 1;
	s = proper(w, w->f->conn ? TCP_SYN | TCP_ACK : TCP_SYN);
	s.options.sack_permitted = how & 2;
	s.options.wscale = how & 4 ? 7 : TCP_WSCALE_NONE;
	s.options.mss = how & 8 ? 1460 : how & 16 ? 9000 : 0;
	put(w, &s, 0);
	drain(w);
	s = proper(w, TCP_ACK);
	put(w, &s, how & 32 ? 100 : 0);
}

static void data(struct world *w)
{
	struct tcp_segment s = proper(w, TCP_ACK | TCP_PSH);
	size_t len = take8(w) * 128u;

	s.wnd = (uint16_t)(take8(w) << 8);
	w->f->our_una = s.ack;
	put(w, &s, len < 8900 ? len : 8900);
}

static void ack_part(struct world *w)
{
	struct tcp_segment s = proper(w, TCP_ACK);
	uint32_t flight = w->f->our_nxt - w->f->our_una;

	s.ack = w->f->our_una + (uint32_t)((uint64_t)flight * take8(w) / 255);
	w->f->our_una = s.ack;
	put(w, &s, 0);
}

static void once_more(struct world *w)
{
	unsigned which = take8(w) % KEPT;

	if (which < w->n_kept) {
		unsigned slot = (w->n_kept - 1 - which) % KEPT;

		deliver(w, w->kept[slot].flow, w->kept[slot].wire, w->kept[slot].len, false);
	}
}

static void cookie(struct world *w)
{
	struct tcp_segment s = proper(w, TCP_ACK);
	uint8_t back = take8(w);

	s.options.stamp_echo -= back;
	put(w, &s, 0);
}

/* --- ICMP, the user ------------------------------------------------------------------------ */

static void icmp(struct world *w, bool too_big)
{
	const struct flow *f = w->f;
	uint8_t hard = too_big ? 0 : take8(w);
	uint32_t seq = f->our_nxt + take_offset(w);
	uint32_t ack = f->peer_nxt;
	const uint8_t header[TCP_HEADER] = { (uint8_t)(f->our_port >> 8),
					     (uint8_t)f->our_port,
					     (uint8_t)(f->peer_port >> 8),
					     (uint8_t)f->peer_port,
					     (uint8_t)(seq >> 24),
					     (uint8_t)(seq >> 16),
					     (uint8_t)(seq >> 8),
					     (uint8_t)seq,
					     (uint8_t)(ack >> 24),
					     (uint8_t)(ack >> 16),
					     (uint8_t)(ack >> 8),
					     (uint8_t)ack,
					     0x50 };
	uint8_t quoted[TCP_HEADER + UINT8_MAX] = { 0 }; /* octets that we send are 0 */
	size_t n = take8(w), len = n < TCP_HEADER - 8 ? 8 : n + 8;

	memcpy(quoted, header, sizeof(header));
	if (too_big)
		tcp_too_big(w->t, &f->path, span_of(quoted, len), take16(w), w->now_us);
	else
		tcp_unreachable(w->t, &f->path, span_of(quoted, len), hard & 1, w->now_us);
	events(w);
}

static void user(struct world *w)
{
	struct flow *f = w->f;

	switch (take8(w) % 4) {
	case 0:
		if (f->conn)
			tcp_close(w->t, f->conn, w->now_us);
		break;
	case 1:
		if (f->conn)
			tcp_abort(w->t, f->conn, w->now_us);
		f->conn = NULL;
		break;
	case 2:
		if (!f->conn) {
			f->conn = tcp_connect(w->t, &f->path, f->peer_port, NULL, NULL, NULL, w->now_us);
			if (f->conn)
				f->our_port = f->called = tcp_local_port(f->conn);
		}
		break;
	default:
		f->our_port = f->our_port == 25 ? f->called : 25;
		break;
	}
}

static void read_part(struct world *w)
{
	size_t n = take8(w), had;

	if (!w->f->conn)
		return;
	had = tcp_peek(w->t, w->f->conn).len;
	tcp_consume(w->t, w->f->conn, n < had ? n : had);
}

static void listening(struct world *w)
{
	if (w->listens)
		tcp_unlisten(w->t, 25);
	else
		CHECK(tcp_listen(w->t, 25) == OK);
	w->listens = !w->listens;
}

static void bad_sum(struct world *w)
{
	uint8_t wire[TCP_HEADER_MAX];
	struct tcp_segment s = proper(w, TCP_ACK);
	size_t n = tcp_segment_emit(wire, &s);
	uint64_t n_bad = w->stats.tcp_bad_checksums;

	tcp_segment_sum_fill(&w->f->path.remote, &w->f->path.local, wire, n, false);
	wire[16] ^= 0x40;
	deliver(w, w->f, wire, n, false);
	CHECK(w->stats.tcp_bad_checksums == n_bad + 1);
}

static void step(struct world *w)
{
	static uint8_t octets[UINT16_MAX];
	uint8_t kind = take8(w) % 32;
	struct tcp_segment s;

	switch (kind) {
	case 9:
		raw(w);
		break;
	case 10:
		w->now_us += (uint64_t)take16(w) * take16(w) * 10;
		tcp_step(w->t, w->now_us);
		events(w);
		break;
	case 11:
		if (w->f->conn)
			w->n_octets += tcp_send(w->t, w->f->conn, span_of(octets, take16(w)), w->now_us);
		break;
	case 12:
		w->reads = !w->reads;
		if (w->f->conn)
			tcp_consume(w->t, w->f->conn, tcp_peek(w->t, w->f->conn).len);
		break;
	case 13:
		user(w);
		break;
	case 14:
		icmp(w, true);
		break;
	case 15:
		drain(w);
		break;
	case 16:
		w->f = &w->flows[take8(w) % FLOWS];
		break;
	case 17:
		handshake(w);
		break;
	case 18:
		data(w);
		break;
	case 19:
		once_more(w);
		break;
	case 20:
		icmp(w, false);
		break;
	case 21:
		if (w->f->conn)
			tcp_keepalive(w->t, w->f->conn, take8(w), w->now_us);
		break;
	case 22:
		bad_sum(w);
		break;
	case 23:
		deliver(w, w->f, w->sent, w->n_sent, false);
		break;
	case 24:
		w->now_us += take8(w) * UINT64_C(1000);
		tcp_step(w->t, w->now_us);
		events(w);
		break;
	case 25:
		read_part(w);
		break;
	case 26:
		listening(w);
		break;
	case 27:
		ack_part(w);
		break;
	case 28:
		s = proper(w, TCP_FIN | TCP_ACK);
		put(w, &s, 0);
		break;
	case 29:
		s = proper(w, TCP_RST | TCP_ACK);
		s.seq += take8(w) & 3;
		put(w, &s, 0);
		break;
	case 30:
		cookie(w);
		break;
	case 31:
		if (w->n_kept) {
			unsigned slot = (w->n_kept - 1) % KEPT;

			deliver(w, w->kept[slot].flow, w->kept[slot].wire, w->kept[slot].len, true);
		}
		break;
	default:
		segment(w);
		break;
	}
	tcp_check(w->t);
	if (kind % 2 || kind > 15)
		drain(w);
	if (kind == 24) /* what was due is done: else the driver would turn for ever */
		CHECK(tcp_deadline_us(w->t) > w->now_us);
}

static struct tcp_settings settings_of(uint8_t how)
{
	struct tcp_settings s = tcp_settings_default();

	s.conns_max = s.half_open_max = s.time_wait_max = 2 + (how & 1);
	s.half_open_max = how & 2 ? 1 : 2;
	s.buffer_blocks = how & 4 ? 200 : 24;
	s.receive_max = how & 8 ? 300000 : 8000;
	s.send_max = SEND_MAX;
	s.congestion = how & 16 ? TCP_NEWRENO : TCP_CUBIC;
	s.syn_cookies = how & 32;
	s.data_retries = 4;
	s.sources.records_max = 3;
	if (how & 128) {
		s.sources.host_conns_max = s.sources.net_half_open_max = 1;
		s.sources.net_conns_max = 2;
		s.sources.host_rate_per_min = 6000;
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[16] = "fuzz";
	static struct world w;
	static void *memory;
	uint8_t how = size ? data[0] : 0;

	memset(&w, 0, sizeof(w));
	w.in = span_of(data + (size > 0), size - (size > 0));
	w.now_us = 1000000;
	w.reads = w.listens = true;
	w.settings = settings_of(how);
	if (!memory) {
		struct tcp_settings most = settings_of(1 | 4 | 8);

		memory = aligned_alloc(64, (tcp_memory(&most) + 63) & ~(size_t)63);
	}
	for (uint8_t i = 0; i < FLOWS; i++)
		w.flows[i] = (struct flow){
			.path = { .local = how & 64 ? ip_addr_of6((const uint8_t[16]){ 0x20, 1, [15] = 1 })
						    : ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				  .remote = how & 64 ? ip_addr_of6((const uint8_t[16]){
							       0x20, 1, [15] = (uint8_t)(2 + i / 2) })
						     : ip_addr_of4(
							       (const uint8_t[]){ 192, 0, 2, (uint8_t)(2 + i / 2) }) },
			.peer_port = (uint16_t)(4321 + i % 2),
			.our_port = 25,
			.called = 4000,
			.peer_nxt = 0xffffff00,
		};
	w.f = &w.flows[0];
	w.t = tcp_init(memory, &w.settings, seed, &w.stats);
	CHECK(tcp_listen(w.t, 25) == OK);
	while (w.in.len)
		step(&w);
	return 0;
}
