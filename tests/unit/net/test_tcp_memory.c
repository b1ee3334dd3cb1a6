// SPDX-License-Identifier: MIT
/*
 * test_tcp_memory.c - blocks run out, queues fill: what still goes on
 */
#include "tests/unit/net/tcp_script.h"

static const struct script scripts[] = {
	{ "octets out of order leave room for those in order",
	  { "set buffer_blocks 8", SCRIPT_ACCEPT, "in . 2001+4000 ack 1", "in . 6001+4000 ack 1",
	    "in . 10001+4000 ack 1", "in . 14001+4000 ack 1", "out . 1 ack 1", "in . 1+2000 ack 1", "event READABLE",
	    "stat tcp_receive_no_memory 0", "stat tcp_out_of_order_dropped 2" } },
};

static struct tcp *t;
static struct stats stats;
static void *memory;
static struct tcp_path path;
static uint8_t wire[2048], out[2048];

static void start(void)
{
	static const uint8_t seed[16] = { 7 };
	struct tcp_settings s = tcp_settings_default();

	s.conns_max = s.half_open_max = s.time_wait_max = 16;
	s.buffer_blocks = 16;
	memset(&stats, 0, sizeof(stats));
	memory = aligned_alloc(64, (tcp_memory(&s) + 63) & ~(size_t)63);
	t = tcp_init(memory, &s, seed, &stats);
	path = (struct tcp_path){ .local = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				  .remote = ip_addr_of4((const uint8_t[]){ 198, 51, 100, 7 }),
				  .checksum_good = true };
	ok(tcp_listen(t, 25) == OK, "listening");
}

static void in(uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack, size_t n_octets)
{
	const struct tcp_segment s = { .source = port,
				       .destination = 25,
				       .seq = seq,
				       .ack = ack,
				       .flags = flags,
				       .wnd = 65535,
				       .options = TCP_OPTIONS_NONE };
	size_t n = tcp_segment_emit(wire, &s);

	memset(wire + n, 'x', n_octets);
	tcp_input(t, &path, span_of(wire, n + n_octets), 0);
	tcp_input_end(t, 0);
}

/* The next segment sent; flags 0: none. */
static struct tcp_segment next(uint64_t now_us)
{
	struct tcp_segment s = { 0 };
	struct tcp_path to;
	size_t n = tcp_next(t, out, sizeof(out), false, &to, now_us);

	if (n && tcp_segment_parse(span_of(out, n), &s))
		ok(false, "a segment that can be read");
	return s;
}

static struct tcp_conn *accepted(uint16_t port, uint32_t *seq)
{
	struct tcp_event e;

	in(port, TCP_SYN, 0, 0, 0);
	*seq = next(0).seq + 1;
	in(port, TCP_ACK, 1, *seq, 0);
	return tcp_event(t, &e) && e.kind == TCP_EVENT_ACCEPTED ? e.conn : NULL;
}

/* No block is left for anybody. */
static void no_blocks(void)
{
	uint32_t seq, other;
	struct tcp_conn *c;

	start();
	c = accepted(1000, &seq);
	while (pool_take(&t->blocks.pool))
		;
	ok(c && accepted(1001, &other), "a handshake: SYN, SYN-ACK, ACK");
	in(1000, TCP_ACK, 1, seq, 1000);
	in(1000, TCP_ACK, 1001, seq, 1000);
	ok(stats.tcp_receive_no_memory == 1, "octets in order are not taken");
	in(1000, TCP_ACK, 1, seq + 5, 0);
	struct tcp_segment s = next(0);
	ok(s.flags == TCP_ACK && s.ack == 1, "an ACK still goes out, and does not claim them");
	in(1002, TCP_ACK, 1, 77, 0);
	s = next(0);
	ok(s.flags == TCP_RST && s.seq == 77, "a RST to a stranger as well");
	ok(tcp_send(t, c, SPAN("220"), 0) == 0 && stats.tcp_send_no_memory == 1, "sending takes nothing");
	tcp_close(t, c, 0);
	s = next(0);
	ok(s.flags == (TCP_FIN | TCP_ACK) && s.seq == seq, "but a FIN goes out");
	in(1000, TCP_FIN | TCP_ACK, 1, seq + 1, 0);
	s = next(0);
	ok(s.flags == TCP_ACK && s.ack == 2 && t->waits.n_used == 1, "and the peer's is acknowledged: TIME-WAIT");
	free(memory);
}

/* Octets are read at once, but most blocks are somebody else's. */
static void a_narrow_window(void)
{
	uint32_t seq, rcv_nxt = 1, n_gone_back = 0, edge = 65536;
	void *taken[12];
	struct tcp_segment s;
	struct tcp_event e;

	start();
	struct tcp_conn *c = accepted(1000, &seq);

	for (unsigned i = 0; i < 12; i++)
		taken[i] = pool_take(&t->blocks.pool);
	for (unsigned i = 0; i < 200; i++) {
		if (i == 100)
			for (unsigned k = 0; k < 12; k++)
				pool_give(&t->blocks.pool, taken[k]);
		in(1000, TCP_ACK, rcv_nxt, seq, 1000);
		rcv_nxt += 1000;
		while (tcp_event(t, &e))
			;
		tcp_consume(t, c, tcp_peek(t, c).len);
		s = next(0);
		if (s.flags == 0)
			continue;
		n_gone_back += seq_lt(s.ack + s.wnd, edge);
		edge = s.ack + s.wnd;
		if (i == 99)
			ok(s.ack == rcv_nxt && s.wnd >= 2 * 536 && s.wnd <= TCP_PRESSED_MSS * 536,
			   "memory is scarce: the window is %u", s.wnd);
	}
	ok(edge - rcv_nxt > 60000 && n_gone_back == 0, "it opens when there is enough, and its edge never went back");
	free(memory);
}

/* Strangers have filled the queue of replies with RSTs. */
static void rsts_do_not_fill_the_queue(void)
{
	uint32_t seq;
	struct tcp_conn *c;
	unsigned n_rst = 0;
	struct tcp_segment s;

	start();
	c = accepted(1000, &seq);
	tcp_close(t, c, 0);
	(void)next(0);
	for (uint16_t port = 2000; port < 3000; port++)
		in(port, TCP_ACK, 1, 77, 0);
	in(1000, TCP_FIN | TCP_ACK, 1, seq + 1, 0); /* its ACK comes from the queue */
	while ((s = next(0)).flags == TCP_RST)
		n_rst++;
	ok(n_rst == TCP_REPLIES - TCP_REPLIES_SPARE && s.flags == TCP_ACK && s.ack == 2,
	   "a flood of strays leaves room for the ACK of a FIN");
	free(memory);
}

static void rsts_a_second(void)
{
	unsigned n_rst = 0;

	start();
	for (unsigned i = 0; i < TCP_RSTS_PER_S + 500; i++) {
		in((uint16_t)(2000 + i % 5000), TCP_ACK, 1, 77, 0);
		n_rst += next(0).flags == TCP_RST;
	}
	ok(n_rst == TCP_RSTS_PER_S && stats.tcp_rsts_limited == 500, "%d RSTs a second to strangers, and no more",
	   TCP_RSTS_PER_S);
	free(memory);
}

/* What the README says of a record is what one more of it takes. */
static void record_sizes(void)
{
	const struct tcp_settings base = { .conns_max = 1 << 16, .half_open_max = 1 << 15, .time_wait_max = 1 << 14 };
	struct tcp_settings conns = base, halves = base, waits = base;

	conns.conns_max += 64; /* so few that the buckets stay as many */
	halves.half_open_max += 64;
	waits.time_wait_max += 64;
	ok(tcp_memory(&conns) - tcp_memory(&base) == 64 * 384, "a connection takes 384 octets");
	ok(tcp_memory(&halves) - tcp_memory(&base) == 64 * 96, "a half-open record 96");
	ok(tcp_memory(&waits) - tcp_memory(&base) == 64 * 64, "a TIME-WAIT record 64");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	record_sizes();
	no_blocks();
	a_narrow_window();
	rsts_do_not_fill_the_queue();
	rsts_a_second();
	return done();
}
