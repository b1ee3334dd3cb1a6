// SPDX-License-Identifier: MIT
/*
 * test_tcp_cookie.c - SYN cookies (RFC 4987 3.6): what they remember, and who is let in by one
 */
#include "tests/unit/net/tcp_script.h"

#define SCRIPT_FULL "set half_open_max 0", "listen"

static const struct script scripts[] = {
	{ "no half-open record left: the SYN is answered, and nothing is remembered",
	  { SCRIPT_FULL, "in S 0 mss 1460 ws 7", "out S. 0 ack 1 mss 1460 ws 0 win 65535", "halves 0", "state none",
	    "quiet", "stat tcp_cookies 1", "in . 1 ack 1", "event ACCEPTED", "state ESTABLISHED", "send 2000",
	    "out . 1+1460 ack 1", "out P. 1461+540 ack 1" } },
	{ "SACK and timestamps are agreed upon as ever; segments are smaller by what the stamps take",
	  { SCRIPT_FULL, "in S 0 mss 1460 sackok ts 10", "out S. 0 ack 1 sackok ts 0 ecr 10", "in . 1 ack 1 ts 11",
	    "event ACCEPTED", "send 2000", "out . 1+1448 ack 1 ecr 11", "out P. 1449+552 ack 1 ecr 11",
	    "in . 101+10 ack 1 ts 12", "out . 2001 ack 1 sack 101-111" } },
	{ "octets may come with the last ACK",
	  { SCRIPT_FULL, "in S 0", "out S. 0 ack 1 ws 255", "in P. 1+10 ack 1", "event ACCEPTED", "event READABLE",
	    "read 10" } },
	{ "and a FIN",
	  { SCRIPT_FULL, "in S 0", "out S. 0 ack 1", "in F. 1 ack 1", "event ACCEPTED", "event PEER_CLOSED",
	    "out . 1 ack 2" } },
	{ "an MSS is remembered as one that is not larger",
	  { SCRIPT_FULL, "in S 0 mss 1350", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", "send 2000",
	    "out . 1+1300 ack 1", "out P. 1301+700 ack 1" } },
	{ "a tiny MSS is raised to 216 all the same (CVE-2019-11479)",
	  { SCRIPT_FULL, "in S 0 mss 48", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", "send 300",
	    "out . 1+216 ack 1", "out P. 217+84 ack 1" } },
	{ "a window scale is remembered as one that is not larger",
	  { SCRIPT_FULL, "in S 0 mss 1460 ws 5", "out S. 0 ack 1", "in . 1 ack 1 win 365", "event ACCEPTED",
	    "send 20000", "out . 1+1460 ack 1", "out . 1461+1460 ack 1", "out . 2921+1460 ack 1",
	    "out . 4381+1460 ack 1", "quiet" } },
	{ "an ACK that brings no cookie of ours gets a RST",
	  { SCRIPT_FULL, "in S 0", "out S. 0 ack 1", "in . 1 ack 2", "out R 2", "in . 2 ack 1", "out R 1", "event none",
	    "state none", "stat tcp_cookies_bad 2" } },
	{ "a cookie is good for a minute",
	  { SCRIPT_FULL, "in S 0", "out S. 0 ack 1", "time +31000", "in . 1 ack 1", "event ACCEPTED" } },
	{ "and not for longer",
	  { SCRIPT_FULL, "in S 0", "out S. 0 ack 1", "time +64000", "in . 1 ack 1", "out R 1", "event none" } },
	{ "even if others were sent since",
	  { SCRIPT_FULL, "in S 0", "out S. 0 ack 1", "time +64000", "in S 5", "in . 1 ack 1", "event none",
	    "stat tcp_cookies_bad 1", "state none" } },
	{ "while records are left no ACK is taken for a cookie",
	  { "listen", "in S 0", "out S. 0 ack 1", "in R 1", "halves 0", "in . 1 ack 1", "out R 1",
	    "stat tcp_cookies_bad 0", "stat tcp_cookies 0" } },
	{ "set off: the SYN is dropped",
	  { "set syn_cookies 0", SCRIPT_FULL, "in S 0", "quiet", "stat tcp_half_open_full 1", "stat tcp_cookies 0" } },
};

/* --- the number ------------------------------------------------------------------------------- */

static const struct siphash_key secret = { 1, 2 };
static struct tcp_key flow;

static void round_trip(void)
{
	bool good = true, kept = true;
	unsigned n = 0;

	for (uint32_t mss = 216; mss <= 9000; mss += 7) {
		for (unsigned w = 0; w <= TCP_WSCALE_MAX + 1; w++, n++) {
			const struct tcp_cookie_said in = { .mss = (uint16_t)mss,
							    .wscale = w ? (uint8_t)(w - 1) : TCP_WSCALE_NONE,
							    .sack = mss & 1 };
			struct tcp_cookie_said out = { 0 };
			uint64_t now_us = n * UINT64_C(777777);
			uint32_t cookie = tcp_cookie_make(&secret, &flow, n, &in, now_us);

			good &= tcp_cookie_read(&secret, &flow, n, cookie, &out, now_us + n % TCP_COOKIE_EPOCH_US);
			kept &= out.sack == in.sack && out.mss <= in.mss && out.mss >= 216 &&
				(in.wscale == TCP_WSCALE_NONE) == (out.wscale == TCP_WSCALE_NONE) &&
				(out.wscale <= in.wscale);
		}
	}
	ok(good, "%u cookies are known again, up to an epoch later", n);
	ok(kept, "and say no more than the peer had offered");
}

static void forged(void)
{
	const struct tcp_cookie_said in = { .mss = 1460, .wscale = 7 };
	const uint64_t now_us = UINT64_C(100) * TCP_COOKIE_EPOCH_US;
	uint32_t cookie = tcp_cookie_make(&secret, &flow, 5, &in, now_us);
	struct tcp_cookie_said out;
	struct tcp_key other = flow;
	const struct siphash_key other_secret = { 1, 3 };
	unsigned n_wrong = 0, n_lucky = 0;

	for (unsigned bit = 8; bit < 32; bit++)
		n_wrong += tcp_cookie_read(&secret, &flow, 5, cookie ^ 1u << bit, &out, now_us);
	n_wrong += tcp_cookie_read(&secret, &flow, 5, cookie ^ 1, &out, now_us);
	ok(n_wrong == 0, "a cookie with one bit of its hash or epoch wrong is refused");
	other.remote_port = 1;
	n_wrong += tcp_cookie_read(&secret, &other, 5, cookie, &out, now_us);
	n_wrong += tcp_cookie_read(&secret, &flow, 6, cookie, &out, now_us);
	n_wrong += tcp_cookie_read(&other_secret, &flow, 5, cookie, &out, now_us);
	n_wrong += tcp_cookie_read(&secret, &flow, 5, cookie, &out, now_us + UINT64_C(2) * TCP_COOKIE_EPOCH_US);
	ok(n_wrong == 0, "as is one of another flow, number, secret or time");
	for (uint32_t i = 0; i < 1u << 20; i++)
		n_lucky += tcp_cookie_read(&secret, &flow, 5, i * 2654435761u, &out, now_us);
	ok(n_lucky <= 2, "a million guesses: %u hit", n_lucky);
}

/* --- floods ----------------------------------------------------------------------------------- */

static struct tcp *t;
static struct stats stats;
static void *memory;
static uint8_t wire[2048];

static void start(uint32_t conns_max)
{
	static const uint8_t seed[16] = { 7 };
	struct tcp_settings s = tcp_settings_default();

	s.conns_max = conns_max;
	s.half_open_max = 64;
	s.time_wait_max = 16;
	s.buffer_blocks = 64;
	memset(&stats, 0, sizeof(stats));
	memory = aligned_alloc(64, (tcp_memory(&s) + 63) & ~(size_t)63);
	t = tcp_init(memory, &s, seed, &stats);
	ok(tcp_listen(t, 25) == OK, "listening");
}

static struct tcp_path from(uint32_t host)
{
	const uint8_t remote[4] = { 198, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host };

	return (struct tcp_path){ .local = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				  .remote = ip_addr_of4(remote),
				  .checksum_good = true };
}

static void segment(uint32_t host, uint8_t flags, uint32_t seq, uint32_t ack, uint64_t now_us)
{
	const struct tcp_path path = from(host);
	const struct tcp_segment s = { .source = 4000,
				       .destination = 25,
				       .seq = seq,
				       .ack = ack,
				       .flags = flags,
				       .wnd = 65535,
				       .options = TCP_OPTIONS_NONE };

	tcp_input(t, &path, span_of(wire, tcp_segment_emit(wire, &s)), now_us);
	tcp_input_end(t, now_us);
}

/* Answers every SYN-ACK to an honest client; strangers are silent. */
static void answer_honest(bool (*honest)(uint32_t host), uint64_t now_us)
{
	struct tcp_path to;
	uint8_t out[2048];
	size_t n;

	while ((n = tcp_next(t, out, sizeof(out), false, &to, now_us))) {
		struct tcp_segment s;
		const uint8_t *a = to.remote.bytes;
		uint32_t host = (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];

		if (tcp_segment_parse(span_of(out, n), &s) == OK && s.flags == (TCP_SYN | TCP_ACK) && honest(host))
			segment(host, TCP_ACK, s.ack, s.seq + 1, now_us);
	}
}

static bool each_hundredth(uint32_t host)
{
	return host % 100 == 0;
}

static void flood_of_syns(void)
{
	unsigned n_accepted = 0;
	struct tcp_event e;

	start(4096);
	for (uint32_t host = 0; host < 100000; host++) {
		segment(host, TCP_SYN, host, 0, host);
		if (host % 32 == 31)
			answer_honest(each_hundredth, host);
		while (tcp_event(t, &e)) {
			n_accepted += e.kind == TCP_EVENT_ACCEPTED;
			tcp_abort(t, e.conn, host);
		}
	}
	tcp_check(t);
	ok(n_accepted == 1000 && stats.tcp_cookies > 98000,
	   "99000 forged SYNs beside 1000 honest ones: all honest clients get in (%u)", n_accepted);
	free(memory);
}

static void flood_of_acks(void)
{
	struct tcp_event e;
	uint64_t now_us = 1000000000;

	start(4096);
	for (uint32_t host = 0; host < 65; host++)
		segment(host, TCP_SYN, 0, 0, now_us);
	for (uint32_t i = 0; i < 5000; i++)
		segment(1000000 + i, TCP_ACK, 1, i * 2654435761u, now_us);
	ok(stats.tcp_cookies_bad == TCP_COOKIES_BAD_PER_S && stats.tcp_cookies_limited == 4000,
	   "of forged cookies %d a second are looked at", TCP_COOKIES_BAD_PER_S);
	now_us += 1000000;
	segment(64, TCP_SYN, 0, 0, now_us);
	answer_honest(each_hundredth, now_us); /* takes the RSTs away */
	segment(100, TCP_SYN, 0, 0, now_us);
	answer_honest(each_hundredth, now_us);
	ok(tcp_event(t, &e) && e.kind == TCP_EVENT_ACCEPTED, "a second later an honest client gets in again");
	tcp_check(t);
	free(memory);
}

static void no_connection_left(void)
{
	const struct tcp_path path = from(1);
	struct tcp_path to;
	uint8_t out[2048];
	struct tcp_segment s = { 0 };

	start(1);
	for (uint32_t host = 0; host < 65; host++)
		segment(host, TCP_SYN, 0, 0, 0);
	(void)tcp_next(t, out, sizeof(out), false, &to, 0); /* the cookie stands before the SYN-ACKs of records */
	bool read = tcp_segment_parse(span_of(out, TCP_HEADER + 4), &s) == OK;
	uint32_t cookie = s.seq;
	ok(read && s.flags == (TCP_SYN | TCP_ACK), "a cookie is sent");
	ok(tcp_connect(t, &path, 25, NULL, NULL, NULL, 0) != NULL, "the last connection is taken by an open of ours");
	segment(64, TCP_ACK, 1, cookie + 1, 0);
	(void)tcp_next(t, out, sizeof(out), false, &to, 0);
	read = tcp_segment_parse(span_of(out, TCP_HEADER), &s) == OK;
	ok(read && s.flags == TCP_RST && stats.tcp_conns_full == 1 && stats.tcp_cookies_bad == 0,
	   "no connection left: the client, who believes in one, is told by RST");
	free(memory);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	round_trip();
	forged();
	flood_of_syns();
	flood_of_acks();
	no_connection_left();
	return done();
}
