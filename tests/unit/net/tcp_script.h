// SPDX-License-Identifier: MIT
/*
 * tcp_script.h - plays segments against one TCP, with a clock of its own
 *
 * A script is a list of lines.  Sequence and acknowledgement numbers are relative: the first SYN of either side is 0, so
 * data starts at 1.  Octets are a function of their number, and are compared wherever they come out.
 *
 *	set NAME N            a setting; before anything else
 *	listen | connect      port 25 | port 25 of the peer
 *	in  FLAGS SEQ+LEN [ack N] [win N] [mss N] [ws N] [sackok] [ts N] [ecr N] [sack A-B,C-D]
 *	                      FLAGS of S F R P E C, A for AE, . for ACK.  Timestamps are relative too.  Once `ts` was said it stays, and
 *	                      what is echoed is the last one of ours, unless `ecr` says another; `bare`: without, this once
 *	out FLAGS SEQ+LEN ...                                the next segment sent is this one; `sack none`: no blocks;
 *	                      what is not said may be anything
 *	quiet                 nothing is to be sent
 *	event NAME [ERR] | event none
 *	send N [takes M]      tcp_send() of N octets takes all, or M
 *	read N                tcp_peek() and tcp_consume() until N octets came
 *	peek N                as many are at hand in one piece
 *	close | abort
 *	keep N                tcp_keepalive() after N seconds
 *	time +MS              the clock moves on, timers run
 *	toobig SEQ MTU [+N]   ICMP about the segment of ours that starts at SEQ; quotes its header and N octets
 *	unreachable hard|soft SEQ    likewise; only ports and sequence number are quoted
 *	again                 the next SYN begins a connection with numbers of its own
 *	from ADDR PORT        so it does, and comes from there, to port 25
 *	lie                   from now on quotations are of other octets
 *	state NAME            of the only connection; `none`
 *	stat NAME N           a counter
 *	waits N | halves N    records
 *
 * tcp_check() runs after each line.
 */
#ifndef TCP_SCRIPT_H
#define TCP_SCRIPT_H

#include <stdlib.h>

#include "dataplane/net/tcp_conn.h"
#include "tests/tap.h"
#include "tests/unit/net/tcp_script_words.h"

#define SCRIPT_LINES 80

struct script {
	const char *name;
	const char *lines[SCRIPT_LINES];
};

struct play {
	struct tcp *t;
	void *memory;
	struct tcp_settings settings;
	struct stats stats;
	struct tcp_path path;
	uint64_t now_us;
	uint32_t our_isn, peer_isn;
	bool our_isn_known;
	bool lies;
	uint16_t peer_wnd; /* of the last `in` line that said it */
	bool stamps, our_stamp_known;
	uint32_t peer_stamp, our_stamp_first, our_stamp; /* the last of ours */
	uint16_t our_port, peer_port;
	struct tcp_conn *conn;
	uint32_t n_sent, n_read; /* octets */
	uint8_t wire[4096];      /* what came in; borrowed by the core until tcp_input_end() */
	char wrong[256];
};

static uint8_t play_octet(bool ours, uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251 + (ours ? 3 : 100));
}

static bool play_wrong(struct play *p, const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(p->wrong, sizeof(p->wrong), format, args);
	__builtin_va_end(args);
	return false;
}

/* --- the lines --------------------------------------------------------------------------------- */

static void play_start(struct play *p)
{
	static const uint8_t seed[16] = "a seed for tests";

	if (p->t)
		return;
	p->memory = aligned_alloc(64, (tcp_memory(&p->settings) + 63) & ~(size_t)63);
	p->t = tcp_init(p->memory, &p->settings, seed, &p->stats);
}

static bool play_set(struct play *p, const char *name, uint32_t value)
{
#define SETTING(field)                                                                                                 \
	if (!strcmp(name, #field)) {                                                                                   \
		p->settings.field = (__typeof__(p->settings.field))value;                                              \
		return true;                                                                                           \
	}
	SETTING(conns_max)
	SETTING(half_open_max)
	SETTING(time_wait_max)
	SETTING(buffer_blocks)
	SETTING(receive_max)
	SETTING(send_max)
	SETTING(data_retries)
	SETTING(syn_retries)
	SETTING(time_wait_us)
	SETTING(mss4)
	SETTING(mss_min)
	SETTING(congestion)
	SETTING(syn_cookies)
	SETTING(sources.records_max)
	SETTING(sources.host_conns_max)
	SETTING(sources.net_conns_max)
	SETTING(sources.host_rate_per_min)
	SETTING(sources.net_half_open_max)
	SETTING(sources.host4_bits)
	SETTING(sources.silent)
#undef SETTING
	return play_wrong(p, "no such setting");
}

static bool play_in(struct play *p, const char **line)
{
	struct play_segment in = play_segment(line);
	struct tcp_segment s = {
		.source = p->peer_port,
		.destination = p->our_port,
		.seq = p->peer_isn + in.seq,
		.ack = in.flags & TCP_ACK ? p->our_isn + in.ack : 0,
		.flags = in.flags,
		.options = TCP_OPTIONS_NONE,
	};

	tcp_input_end(p->t, p->now_us); /* before its octets are overwritten */
	if (in.wnd != UINT32_MAX)
		p->peer_wnd = (uint16_t)in.wnd;
	s.wnd = p->peer_wnd;
	if (in.mss != UINT32_MAX)
		s.options.mss = (uint16_t)in.mss;
	if (in.ws != UINT32_MAX)
		s.options.wscale = (uint8_t)in.ws;
	if (in.ts != UINT32_MAX) {
		p->stamps = true;
		p->peer_stamp = 0xfffffff0 + in.ts;
	}
	s.options.sack_permitted = in.sackok;
	s.options.stamped = p->stamps && !in.bare && !(in.flags & TCP_RST);
	s.options.stamp = p->peer_stamp;
	s.options.stamp_echo = !(in.flags & TCP_ACK)  ? 0
			       : in.ecr != UINT32_MAX ? p->our_stamp_first + in.ecr
						      : p->our_stamp;
	s.options.n_sack = in.n_sack == UINT8_MAX ? 0 : in.n_sack;
	for (size_t i = 0; i < s.options.n_sack; i++)
		s.options.sack[i] =
			(struct tcp_sack_block){ p->our_isn + in.sack[i].start, p->our_isn + in.sack[i].end };
	size_t n = tcp_segment_emit(p->wire, &s);
	p->wire[12] |= in.ae; /* the last bit of the reserved ones */
	for (uint32_t i = 0; i < in.len; i++)
		p->wire[n + i] = play_octet(false, in.seq + i);
	tcp_segment_sum_fill(&p->path.remote, &p->path.local, p->wire, n + in.len, false);
	tcp_input(p->t, &p->path, span_of(p->wire, n + in.len), p->now_us);
	return true;
}

static size_t play_next(struct play *p, uint8_t wire[2048], struct tcp_segment *s)
{
	struct tcp_path path;
	size_t n;

	tcp_input_end(p->t, p->now_us);
	/* No more room than a full segment takes, as on a wire. */
	n = tcp_next(p->t, wire, p->settings.mss4 + TCP_HEADER, false, &path, p->now_us);
	if (n && (tcp_segment_parse(span_of(wire, n), s) ||
		  !tcp_segment_sum_good(&path.local, &path.remote, span_of(wire, n))))
		play_wrong(p, "a segment that cannot be read");
	return n;
}

static bool play_options(struct play *p, const struct play_segment *want, const struct tcp_options *got)
{
	uint32_t stamp = got->stamp - p->our_stamp_first;

	if (want->bare && got->stamped)
		return play_wrong(p, "sent with timestamps");
	if ((want->ts != UINT32_MAX && (!got->stamped || stamp != want->ts)) ||
	    (want->ecr != UINT32_MAX && (!got->stamped || got->stamp_echo != 0xfffffff0 + want->ecr)))
		return play_wrong(p, "sent with stamped %d ts %" PRIu32 " ecr %" PRIu32, got->stamped, stamp,
				  got->stamp_echo - 0xfffffff0);
	if (want->sackok && !got->sack_permitted)
		return play_wrong(p, "sent without SACK-permitted");
	if (want->n_sack == UINT8_MAX)
		return true;
	bool same = want->n_sack == got->n_sack;
	for (size_t i = 0; same && i < want->n_sack; i++)
		same = got->sack[i].start - p->peer_isn == want->sack[i].start &&
		       got->sack[i].end - p->peer_isn == want->sack[i].end;
	if (same)
		return true;
	size_t n = (size_t)snprintf(p->wrong, sizeof(p->wrong), "sent with sack");
	for (size_t i = 0; i < got->n_sack; i++)
		n += (size_t)snprintf(p->wrong + n, sizeof(p->wrong) - n, " %" PRIu32 "-%" PRIu32,
				      got->sack[i].start - p->peer_isn, got->sack[i].end - p->peer_isn);
	return false;
}

static bool play_out(struct play *p, const char **line)
{
	struct play_segment want = play_segment(line);
	uint8_t wire[2048];
	struct tcp_segment s;

	if (!play_next(p, wire, &s))
		return play_wrong(p, "nothing was sent");
	if (s.flags & TCP_SYN && !p->our_isn_known) {
		p->our_isn = s.seq;
		p->our_isn_known = true;
	}
	if (s.options.stamped) {
		if (!p->our_stamp_known)
			p->our_stamp_first = s.options.stamp;
		p->our_stamp_known = true;
		p->our_stamp = s.options.stamp;
	}
	uint32_t seq = s.seq - p->our_isn, ack = s.flags & TCP_ACK ? s.ack - p->peer_isn : 0;
	if (!(s.flags & TCP_ACK) && s.flags & TCP_RST && !p->our_isn_known)
		seq = s.seq;
	if (s.flags != want.flags || seq != want.seq || s.data.len != want.len ||
	    (s.flags & TCP_ACK && ack != want.ack) || (want.wnd != UINT32_MAX && s.wnd != want.wnd) ||
	    (want.mss != UINT32_MAX && s.options.mss != want.mss) ||
	    (want.ws != UINT32_MAX && s.options.wscale != (uint8_t)want.ws))
		return play_wrong(p, "sent: %s %" PRIu32 "+%zu ack %" PRIu32 " win %u mss %u ws %u",
				  play_flags_text(s.flags), seq, s.data.len, ack, s.wnd, s.options.mss,
				  s.options.wscale);
	if (!play_options(p, &want, &s.options))
		return false;
	for (uint32_t i = 0; i < s.data.len; i++)
		if (s.data.at[i] != play_octet(true, seq + i))
			return play_wrong(p, "octet %" PRIu32 " is wrong", seq + i);
	return true;
}

static bool play_quiet(struct play *p)
{
	uint8_t wire[2048];
	struct tcp_segment s;

	if (play_next(p, wire, &s))
		return play_wrong(p, "sent: %s %" PRIu32 "+%zu ack %" PRIu32, play_flags_text(s.flags),
				  s.seq - p->our_isn, s.data.len, s.ack - p->peer_isn);
	return true;
}

static const char *const play_events[] = {
	[TCP_EVENT_ACCEPTED] = "ACCEPTED", [TCP_EVENT_CONNECTED] = "CONNECTED",     [TCP_EVENT_READABLE] = "READABLE",
	[TCP_EVENT_CLOSED] = "CLOSED",     [TCP_EVENT_PEER_CLOSED] = "PEER_CLOSED", [TCP_EVENT_WRITABLE] = "WRITABLE",
	[TCP_EVENT_FAILED] = "FAILED",
};

static const char *play_err(enum err err)
{
	return err == ERR_TIMEOUT       ? "TIMEOUT"
	       : err == ERR_RESET       ? "RESET"
	       : err == ERR_UNREACHABLE ? "UNREACHABLE"
					: "?";
}

static bool play_event(struct play *p, const char **line)
{
	char want[64], err[64];
	struct tcp_event e;

	play_word(line, want);
	const char *got = tcp_event(p->t, &e) ? play_events[e.kind] : "none";

	if (strcmp(got, want))
		return play_wrong(p, "event: %s", got);
	if (*play_word(line, err) && strcmp(err, play_err(e.err)))
		return play_wrong(p, "because of %s", play_err(e.err));
	if (strcmp(got, "none") && (e.kind == TCP_EVENT_ACCEPTED || e.kind == TCP_EVENT_CONNECTED)) {
		p->conn = e.conn;
		p->n_sent = p->n_read = 1; /* as the numbers go: the SYN is 0 */
	}
	return true;
}

static bool play_send(struct play *p, const char **line)
{
	uint32_t n = play_number(line), takes = n;
	uint8_t *data = malloc(n ? n : 1);
	char word[64];

	if (!strcmp(play_word(line, word), "takes"))
		takes = play_number(line);
	if (!p->n_sent)
		p->n_sent = 1;
	for (uint32_t i = 0; i < n; i++)
		data[i] = play_octet(true, p->n_sent + i);
	size_t took = tcp_send(p->t, p->conn, span_of(data, n), p->now_us);
	free(data);
	p->n_sent += (uint32_t)took;
	return took == takes || play_wrong(p, "took %zu", took);
}

static bool play_read(struct play *p, uint32_t n)
{
	while (n) {
		struct span s = tcp_peek(p->t, p->conn);

		if (!s.len)
			return play_wrong(p, "%" PRIu32 " octets missing", n);
		s.len = s.len < n ? s.len : n;
		for (uint32_t i = 0; i < s.len; i++)
			if (s.at[i] != play_octet(false, p->n_read + i))
				return play_wrong(p, "octet %" PRIu32 " is wrong", p->n_read + i);
		tcp_consume(p->t, p->conn, s.len);
		p->n_read += (uint32_t)s.len;
		n -= (uint32_t)s.len;
	}
	return true;
}

static bool play_connect(struct play *p)
{
	p->peer_port = 25;
	p->conn = tcp_connect(p->t, &p->path, 25, NULL, NULL, NULL, p->now_us);
	if (!p->conn)
		return play_wrong(p, "no connection");
	p->our_port = tcp_local_port(p->conn);
	return true;
}

/* What a router quotes of a segment of ours. */
static struct span play_quoted(const struct play *p, uint32_t seq, size_t n_octets, uint8_t out[256])
{
	uint32_t n = p->our_isn + seq;
	const uint8_t ports[8] = { (uint8_t)(p->our_port >> 8),
				   (uint8_t)p->our_port,
				   (uint8_t)(p->peer_port >> 8),
				   (uint8_t)p->peer_port,
				   (uint8_t)(n >> 24),
				   (uint8_t)(n >> 16),
				   (uint8_t)(n >> 8),
				   (uint8_t)n };
	uint32_t ack = p->peer_isn + 1;

	memset(out, 0, 256);
	memcpy(out, ports, sizeof(ports));
	for (unsigned i = 0; i < 4; i++)
		out[8 + i] = (uint8_t)(ack >> (24 - 8 * i));
	out[12] = 0x50;
	for (uint32_t i = 0; i < n_octets; i++)
		out[TCP_HEADER + i] = play_octet(!p->lies, seq + i);
	return span_of(out, n_octets ? TCP_HEADER + n_octets : sizeof(ports));
}

static bool play_too_big(struct play *p, const char **line)
{
	uint32_t seq = play_number(line), mtu = play_number(line);
	uint8_t quoted[256];

	tcp_too_big(p->t, &p->path, play_quoted(p, seq, play_number(line), quoted), mtu, p->now_us);
	return true;
}

static bool play_unreachable(struct play *p, const char **line)
{
	char word[64];
	uint8_t quoted[256];
	bool hard = !strcmp(play_word(line, word), "hard");

	tcp_unreachable(p->t, &p->path, play_quoted(p, play_number(line), 0, quoted), hard, p->now_us);
	return true;
}

static bool play_again(struct play *p)
{
	p->our_isn_known = false;
	p->our_isn = 0;
	p->peer_isn += 0x100000;
	return true;
}

static bool play_from(struct play *p, const char **line)
{
	static const uint8_t ours6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	char addr[64];

	if (!ip_addr_parse(span_str(play_word(line, addr)), &p->path.remote))
		return play_wrong(p, "not an address");
	if (p->path.remote.family == IP_V6)
		p->path.local = ip_addr_of6(ours6);
	p->peer_port = (uint16_t)play_number(line);
	p->our_port = 25;
	return play_again(p);
}

static bool play_state(struct play *p, const char *want)
{
	size_t cursor = 0;
	struct tcp_conn *c = tcp_walk(p->t, &cursor);
	const char *got = c ? tcp_state_text(c) : "none";

	return !strcmp(got, want) || play_wrong(p, "state: %s", got);
}

static bool play_stat(struct play *p, const char *name, uint32_t want)
{
#define STAT(field, sentence)                                                                                          \
	if (!strcmp(name, #field))                                                                                     \
		return p->stats.field == want || play_wrong(p, "it is %" PRIu64, p->stats.field);
#include "dataplane/base/stats.def"
#undef STAT
	return play_wrong(p, "no such counter");
}

static bool play_line(struct play *p, const char *line)
{
	char verb[64], word[64];

	play_word(&line, verb);
	if (!strcmp(verb, "set")) {
		play_word(&line, word);
		return play_set(p, word, play_number(&line));
	}
	play_start(p);
	if (!strcmp(verb, "listen"))
		return tcp_listen(p->t, 25) == OK;
	if (!strcmp(verb, "connect"))
		return play_connect(p);
	if (!strcmp(verb, "in"))
		return play_in(p, &line);
	if (!strcmp(verb, "out"))
		return play_out(p, &line);
	if (!strcmp(verb, "quiet"))
		return play_quiet(p);
	if (!strcmp(verb, "event"))
		return play_event(p, &line);
	if (!strcmp(verb, "send"))
		return play_send(p, &line);
	if (!strcmp(verb, "read"))
		return play_read(p, play_number(&line));
	if (!strcmp(verb, "peek")) {
		size_t n = tcp_peek(p->t, p->conn).len;
		return n == play_number(&line) || play_wrong(p, "%zu are at hand", n);
	}
	if (!strcmp(verb, "close"))
		return tcp_close(p->t, p->conn, p->now_us), true;
	if (!strcmp(verb, "keep"))
		return tcp_keepalive(p->t, p->conn, (uint16_t)play_number(&line), p->now_us), true;
	if (!strcmp(verb, "abort"))
		return tcp_abort(p->t, p->conn, p->now_us), true;
	if (!strcmp(verb, "time")) {
		tcp_input_end(p->t, p->now_us);
		p->now_us += play_number(&line) * UINT64_C(1000);
		tcp_step(p->t, p->now_us);
		return true;
	}
	if (!strcmp(verb, "toobig"))
		return play_too_big(p, &line);
	if (!strcmp(verb, "again"))
		return play_again(p);
	if (!strcmp(verb, "from"))
		return play_from(p, &line);
	if (!strcmp(verb, "lie"))
		return p->lies = true;
	if (!strcmp(verb, "unreachable"))
		return play_unreachable(p, &line);
	if (!strcmp(verb, "state"))
		return play_state(p, play_word(&line, word));
	if (!strcmp(verb, "stat")) {
		play_word(&line, word);
		return play_stat(p, word, play_number(&line));
	}
	if (!strcmp(verb, "waits"))
		return p->t->waits.n_used == play_number(&line) || play_wrong(p, "%zu are there", p->t->waits.n_used);
	if (!strcmp(verb, "halves"))
		return p->t->halves.n_used == play_number(&line) || play_wrong(p, "%zu are there", p->t->halves.n_used);
	return play_wrong(p, "not a line of a script");
}

/* Both ends known, nothing started. */
static void play_init(struct play *p)
{
	memset(p, 0, sizeof(*p));
	p->settings = tcp_settings_default();
	p->settings.conns_max = p->settings.half_open_max = p->settings.time_wait_max = 16;
	p->settings.buffer_blocks = 512;
	p->settings.sources.records_max = 32;
	p->settings.receive_max = 65535;
	p->path = (struct tcp_path){ .local = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				     .remote = ip_addr_of4((const uint8_t[]){ 198, 51, 100, 7 }) };
	p->now_us = 1000000000;
	p->peer_isn = 0xfffff000; /* wraps soon */
	p->peer_wnd = 65535;
	p->our_port = 25;
	p->peer_port = 4321;
}

/* One check for a whole script. */
__attribute__((unused)) static void play(const struct script *script)
{
	static struct play p;

	play_init(&p);
	for (size_t i = 0; i < SCRIPT_LINES && script->lines[i]; i++) {
		bool good = play_line(&p, script->lines[i]);

		if (p.t)
			tcp_check(p.t);
		if (!good || *p.wrong) {
			ok(false, "%s", script->name);
			printf("# line %zu: %s\n# %s\n", i + 1, script->lines[i], p.wrong);
			free(p.memory);
			return;
		}
	}
	free(p.memory);
	ok(true, "%s", script->name);
}

/* Lines that many scripts begin with. */
#define SCRIPT_ACCEPT                                                                                                  \
	"listen", "in S 0 mss 1460", "out S. 0 ack 1 mss 1460", "in . 1 ack 1", "event ACCEPTED", "event none", "quiet"
#define SCRIPT_ACCEPT_SACK                                                                                             \
	"listen", "in S 0 mss 1460 sackok", "out S. 0 ack 1 mss 1460 sackok bare", "in . 1 ack 1", "event ACCEPTED",   \
		"event none", "quiet"
/* segments of 1448 octets: 12 go for timestamps */
#define SCRIPT_ACCEPT_STAMPS                                                                                           \
	"listen", "in S 0 mss 1460 sackok ts 0", "out S. 0 ack 1 mss 1460 sackok ts 0 ecr 0", "in . 1 ack 1",          \
		"event ACCEPTED", "event none", "quiet"
#define SCRIPT_CONNECT "connect", "out S 0", "in S. 0 ack 1 mss 1460", "out . 1 ack 1", "event CONNECTED", "quiet"

/* Ten full segments, the initial window, of 1460 octets each. */
#define SEND_TEN                                                                                                       \
	"send 14600", "out . 1+1460 ack 1", "out . 1461+1460 ack 1", "out . 2921+1460 ack 1", "out . 4381+1460 ack 1", \
		"out . 5841+1460 ack 1", "out . 7301+1460 ack 1", "out . 8761+1460 ack 1", "out . 10221+1460 ack 1",   \
		"out . 11681+1460 ack 1", "out P. 13141+1460 ack 1", "quiet"

#endif
