// SPDX-License-Identifier: MIT
/*
 * test_tcp_window.c - the receive window grows with what is read, and costs nothing while nobody sends
 */
#include "dataplane/net/tcp_window.h"
#include "tests/unit/net/tcp_script.h"

static struct play p;

/* A connection 100 ms away, with a scale. */
static bool open_one(uint32_t receive_max, uint32_t blocks, uint32_t others)
{
	static const char *const lines[] = { "listen",    "in S 0 mss 1460 ws 7", "out S. 0 ack 1 win 65535",
					     "time +100", "in . 1 ack 1",         "event ACCEPTED" };

	play_init(&p);
	p.settings.receive_max = receive_max;
	p.settings.buffer_blocks = blocks;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!play_line(&p, lines[i]))
			return false;
	for (; others; others--)
		pool_take(&p.t->blocks.pool); /* somebody else's */
	return true;
}

static void drain(void)
{
	uint8_t wire[2048];
	struct tcp_segment s;

	while (play_next(&p, wire, &s))
		;
}

/* A round trip: the peer doubles what it sends, as far as the window allows; a slow user reads 2000 octets of it. */
static uint32_t round_trip(uint32_t *next, uint32_t cwnd, bool slow)
{
	uint32_t window, n = 0;

	drain();
	window = p.conn->rcv_adv - p.conn->rcv_nxt;
	for (uint32_t len; n < cwnd && n < window; n += len) {
		char line[64];

		len = window - n < 1460 ? window - n : 1460;
		snprintf(line, sizeof(line), "in . %" PRIu32 "+%" PRIu32 " ack 1", *next, len);
		play_line(&p, line);
		*next += len;
		if (!slow)
			play_read(&p, p.conn->rcv_queued);
		drain();
	}
	if (slow)
		play_read(&p, p.conn->rcv_queued < 2000 ? p.conn->rcv_queued : 2000);
	struct tcp_event e;
	while (tcp_event(p.t, &e))
		;
	play_line(&p, "time +100");
	return n;
}

static void grows(void)
{
	uint32_t next = 1, cwnd = 14600, sent = 0, n_full = 0;

	ok(open_one(4194304, 16384, 0), "a window begins with 64 KiB");
	for (unsigned i = 0; i < 14; i++, cwnd *= 2) {
		uint32_t n = round_trip(&next, cwnd, false);

		if (n + 1460 < cwnd && cwnd < 2000000)
			n_full++;
		sent += n;
	}
	ok(n_full == 0, "a sender in slow start is never held back below half of the bound");
	ok(p.conn->rcv_limit == 4194304, "the window reaches tcp.receive_max");
	ok(sent > 25000000, "25 MB come in 14 round trips (%" PRIu32 ")", sent);
	ok(p.t->blocks.pool.n_used == 0, "and when all is read no memory is held");
	tcp_check(p.t);
	free(p.memory);
}

static void stays(void)
{
	uint32_t next = 1;

	open_one(4194304, 16384, 0);
	for (unsigned i = 0; i < 20; i++)
		round_trip(&next, 1000000, true);
	ok(p.conn->rcv_limit == 65535, "a slow reader's does not grow (%" PRIu32 ")", p.conn->rcv_limit);
	ok(p.t->blocks.pool.n_used <= 2 + 65535 / TCP_BLOCK_ROOM, "nor what it holds");
	free(p.memory);

	next = 1;
	open_one(4194304, 1000, 800);
	for (unsigned i = 0; i < 10; i++)
		round_trip(&next, 1000000, false);
	ok(p.conn->rcv_limit == 65535, "none grows while memory is scarce");
	free(p.memory);

	next = 1;
	open_one(4194304, 16384, 0);
	for (unsigned i = 0; i < 20; i++)
		round_trip(&next, 5000, false);
	ok(p.conn->rcv_limit == 65535, "none grows for a peer that sends little");
	free(p.memory);
}

int main(void)
{
	grows();
	stays();
	return done();
}
