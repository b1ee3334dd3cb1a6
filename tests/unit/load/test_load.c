// SPDX-License-Identifier: MIT
/*
 * test_load.c - the generator against a small server on our own TCP, frames passed by hand
 */
#include <stdlib.h>

#include "tests/tap.h"
#include "tools/load/load.h"
#include "tools/load/load_corpus.h"

static struct stats server_stats;
static struct net *server;
static struct tcp *server_tcp;
static struct load *load;
static struct load_settings settings;
static uint64_t now_us;
static unsigned n_frames, drop_each; /* each n-th frame is lost; 0: none */
static unsigned n_dots, n_mails;
static const char *greeting;

static struct net_if_settings port(uint8_t mac, const char *addr, const char *gateway)
{
	struct net_if_settings p = { .mac = { 2, 0, 0, 0, 0, mac }, .mtu = 1500, .n_addrs = 1 };

	p.addrs[0].prefix_len = 24;
	if (!ip_addr_parse(span_str(addr), &p.addrs[0].addr) ||
	    (gateway && !ip_addr_parse(span_str(gateway), &p.gateway4)))
		exit(1);
	return p;
}

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!memory)
		exit(1);
	return memset(memory, 0, size);
}

/* --- a server that takes everything: replies by line, and in DATA to the final dot ------------- */

struct peer {
	char line[1024];
	size_t len;
	bool in_data;
};

static void server_line(struct tcp_conn *c, struct peer *p)
{
	struct span line = span_of(p->line, p->len);
	struct span reply = SPAN("250 2.0.0 Ok\r\n");
	bool quit = span_starts_nocase(line, SPAN("QUIT"));

	if (p->in_data && !span_eq(line, SPAN(".\r\n")))
		return;
	if (p->in_data)
		n_dots++;
	p->in_data = !p->in_data && span_starts_nocase(line, SPAN("DATA"));
	n_mails += span_starts_nocase(line, SPAN("MAIL"));
	if (p->in_data)
		reply = SPAN("354 Go\r\n");
	else if (span_starts_nocase(line, SPAN("EHLO")))
		reply = SPAN("250-mx.test\r\n250-PIPELINING\r\n250 SIZE\r\n");
	else if (quit)
		reply = SPAN("221 2.0.0 Bye\r\n");
	if (tcp_send(server_tcp, c, reply, now_us) != reply.len)
		exit(1);
	if (quit)
		tcp_close(server_tcp, c, now_us);
}

static void server_read(struct tcp_conn *c, struct peer *p)
{
	struct span s;

	while ((s = tcp_peek(server_tcp, c)).len) {
		for (size_t i = 0; i < s.len; i++) {
			if (p->len < sizeof(p->line))
				p->line[p->len++] = (char)s.at[i];
			if (s.at[i] != '\n')
				continue;
			server_line(c, p);
			p->len = 0;
		}
		tcp_consume(server_tcp, c, s.len);
	}
}

static char said[4096]; /* by the sink */
static size_t n_said;
static const char *to_sink;

/* The server as a gateway that brings mail to the sink. */
static bool is_relay(const struct tcp_event *e)
{
	struct span in;

	if (e->user != said)
		return false;
	if (e->kind == TCP_EVENT_CONNECTED && tcp_send(server_tcp, e->conn, span_str(to_sink), now_us) == 0)
		exit(1);
	while (e->kind == TCP_EVENT_READABLE && (in = tcp_peek(server_tcp, e->conn)).len) {
		if (in.len > sizeof(said) - n_said)
			exit(1);
		memcpy(said + n_said, in.at, in.len);
		n_said += in.len;
		tcp_consume(server_tcp, e->conn, in.len);
	}
	if (e->kind == TCP_EVENT_PEER_CLOSED)
		tcp_close(server_tcp, e->conn, now_us);
	return true;
}

static void server_settle(void)
{
	struct tcp_event e;

	while (tcp_event(server_tcp, &e)) {
		struct peer *p = e.user;

		if (is_relay(&e))
			continue;
		if (e.kind == TCP_EVENT_ACCEPTED) {
			p = calloc(1, sizeof(*p));
			tcp_set_user(e.conn, p);
			if (!p || tcp_send(server_tcp, e.conn, span_str(greeting), now_us) == 0)
				exit(1);
		} else if (e.kind == TCP_EVENT_READABLE) {
			server_read(e.conn, p);
		} else if (e.kind == TCP_EVENT_CLOSED || e.kind == TCP_EVENT_FAILED) {
			free(p);
		}
	}
}

/* --- both --------------------------------------------------------------------------------------- */

static void turn(void)
{
	uint8_t room[2048];
	struct net_frame f = { .at = room, .cap = sizeof(room) };
	int n = 0;

	net_step(server, now_us);
	server_settle();
	load_tick(load, now_us, 0, false);
	for (; n < 64 && load_tx(load, &f, now_us); n++, f.at = room, f.cap = sizeof(room)) {
		if (drop_each && ++n_frames % drop_each == 0)
			continue;
		net_input(server, 0, span_of(f.at, f.len), 0, now_us);
		server_settle();
		net_input_end(server, now_us);
	}
	f.at = room;
	f.cap = sizeof(room);
	for (; net_next(server, &f, now_us); f.at = room, f.cap = sizeof(room))
		if (!drop_each || ++n_frames % drop_each)
			load_rx(load, 0, span_of(f.at, f.len), 0, now_us);
	now_us += 1000;
}

static void open_both(void)
{
	static const uint8_t seed[16] = { 3, 1, 4 };
	struct net_settings here = net_settings_default(), there = net_settings_default();

	greeting = "220 mx.test\r\n";
	now_us = 1000000;
	n_frames = n_dots = n_mails = drop_each = 0;
	memset(&server_stats, 0, sizeof(server_stats));
	here.n_ifs = there.n_ifs = 1;
	here.ifs[0] = port(1, "192.0.2.1", "192.0.2.2");
	there.ifs[0] = port(2, "192.0.2.2", NULL);
	here.tcp.conns_max = there.tcp.conns_max = 64;
	here.tcp.buffer_blocks = there.tcp.buffer_blocks = 4096;
	settings = (struct load_settings){ .mode = LOAD_SEND,
					   .port = 25,
					   .connections = 10,
					   .messages = 3,
					   .sessions_max = 40,
					   .helo = "c.test",
					   .mail_from = "a@c.test",
					   .rcpt_to = "b@mx.test" };
	if (!ip_addr_parse(SPAN("192.0.2.1"), &settings.target) ||
	    !ip_addr_parse(SPAN("10.1.0.0"), &settings.clients.addr))
		exit(1);
	settings.clients.prefix_len = 24;
	there.ifs[0].clients = settings.clients;
	const struct load_plan plan = { .sizes = { { .weight = 1, .octets = 4096 } },
					.n_sizes = 1,
					.mail_from = "sender@example.org",
					.rcpt_to = "reader@example.net",
					.recipients = 1 };

	settings.corpus = load_corpus_make(&plan, &settings.n_corpus);
	server = net_init(zeroed(net_memory(&here)), &here, seed, &server_stats);
	server_tcp = net_tcp(server);
	if (tcp_listen(server_tcp, 25) != OK)
		exit(1);
	load = load_init(zeroed(load_memory(&settings, &there)), &settings, &there, seed, now_us);
}

static void close_both(void)
{
	free((void *)(uintptr_t)settings.corpus[0].octets.at);
	free((void *)(uintptr_t)settings.corpus);
	free(server);
	free(load);
}

static void run(unsigned turns)
{
	for (unsigned i = 0; i < turns && !load_is_done(load); i++)
		turn();
}

static void check_send(void)
{
	open_both();
	run(5000);
	const struct load_counts *c = load_counts(load);

	ok(c->ended == 40 && c->failed == 0 && c->live == 0, "forty sessions end well");
	ok(c->messages[2] == 120 && n_dots == 120 && n_mails == 120, "each sends its three messages");
	ok(c->octets == 120 * settings.corpus[0].octets.len, "of which every octet is sent");
	ok(load_message_us(load)->n == 120 && load_session_us(load)->n == 40, "every message and session is timed");
	ok(c->odd_replies == 0 && c->refused == 0, "nothing is odd");
	close_both();
	open_both();
	drop_each = 9;
	run(200000);
	ok(load_counts(load)->ended == 40 && load_counts(load)->messages[2] == 120,
	   "all the same when every ninth frame is lost");
	close_both();
}

static void check_odd(void)
{
	open_both();
	greeting = "554 no\r\n";
	run(5000);
	ok(load_counts(load)->odd_replies == 40 && load_counts(load)->ended == 40 && n_mails == 0,
	   "a refused client says QUIT and is counted");
	close_both();
	open_both();
	load_stop(load);
	run(100);
	ok(load_is_done(load) && load_counts(load)->begun == 0, "nothing begins after the stop");
	close_both();
}

/* The generator once more, with the settings as they are now. */
static void load_again(void)
{
	static const uint8_t seed[16] = { 9 };
	struct net_settings there = net_settings_default();

	free(load);
	there.n_ifs = 1;
	there.ifs[0] = port(2, "192.0.2.2", NULL);
	there.ifs[0].clients = settings.clients;
	there.tcp.conns_max = 64;
	there.tcp.buffer_blocks = 4096;
	load = load_init(zeroed(load_memory(&settings, &there)), &settings, &there, seed, now_us);
}

/* The longest session at @rate a second. */
static uint64_t longest_us(uint64_t rate)
{
	open_both();
	settings.rate = rate;
	load_again();
	run(5000);
	uint64_t us = load_session_us(load)->most;

	ok(load_counts(load)->ended == 40, "forty sessions at a rate of %u", (unsigned)rate);
	close_both();
	return us;
}

/* A session takes less than twenty milliseconds; there is room for ten at once. */
static void check_rate(void)
{
	uint64_t slow = longest_us(50);

	ok(slow < 20000, "a session that begins when it is due has not waited");
	ok(longest_us(100000) > slow, "one that begins later has");
}

static void check_flood(void)
{
	open_both();
	settings.flood = 20000;
	settings.sessions_max = 5;
	load_again();
	for (int i = 0; i < 400; i++)
		turn();
	ok(load_counts(load)->syns > 1000 && server_stats.tcp_syns == load_counts(load)->syns + 5,
	   "each SYN of a flood is a good one");
	ok(load_counts(load)->ended == 5, "and clients get through beside it");
	close_both();
}

/* Codes of the replies, one after the other. */
static void codes(char *out)
{
	for (size_t i = 0; i + 4 <= n_said; i++)
		if ((i == 0 || said[i - 1] == '\n') && said[i + 3] == ' ')
			out += sprintf(out, "%.3s ", said + i);
}

static void check_sink(void)
{
	struct tcp_path path = { .local = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				 .remote = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 2 }) };
	char got[256] = "";

	open_both();
	free(load);
	struct net_settings there = net_settings_default();
	static const uint8_t seed[16] = { 8 };

	there.n_ifs = 1;
	there.ifs[0] = port(2, "192.0.2.2", NULL);
	there.tcp.conns_max = 64;
	there.tcp.buffer_blocks = 4096;
	settings.sink = 2525;
	settings.sessions_max = 1;
	load = load_init(zeroed(load_memory(&settings, &there)), &settings, &there, seed, now_us);
	load_stop(load);
	n_said = 0;
	to_sink = "EHLO gw.test\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nFrom: a\r\n\r\n.. a dot\r\nend\r\n.\r\n"
		  "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 5\r\nFrom:BDAT 9 LAST\r\n a\r\n\r\n.\r\n"
		  "MAIL FROM:<a@b> SIZE=1000000000000000000000\r\nDATA\r\n.\r\nBDAT 0 LAST\r\nQUIT\r\n";
	if (!tcp_connect(server_tcp, &path, 2525, NULL, NULL, said, now_us))
		exit(1);
	for (int i = 0; i < 200; i++)
		turn();
	codes(got);
	is_span(span_str(got), SPAN("220 250 250 250 354 250 250 250 250 250 250 354 250 250 221 "),
		"the sink answers each command, message and chunk once");
	ok(load_sunk(load) == 4, "and counts messages");
	close_both();
}

static void check_histogram(void)
{
	struct histogram h = { 0 };
	bool good = true;

	for (uint64_t v = 0; v < 100000; v += 7)
		good &= histogram_value(histogram_slot(v)) >= v &&
			histogram_value(histogram_slot(v)) <= v + v / HISTOGRAM_STEPS + 1;
	ok(good, "a value is at most one step below the one that stands for it");
	for (uint64_t v = 1; v <= 1000; v++)
		histogram_add(&h, v);
	ok(histogram_quantile(&h, 0.5) >= 500 && histogram_quantile(&h, 0.5) <= 520, "the median is near");
	ok(histogram_quantile(&h, 1) == 1000 && h.most == 1000, "the most is exact");
	ok(histogram_quantile(&(struct histogram){ 0 }, 0.5) == 0, "nothing has no median");
	histogram_add(&h, UINT64_MAX);
	ok(h.most == UINT64_MAX, "no value is too large");
}

int main(void)
{
	check_histogram();
	check_send();
	check_odd();
	check_rate();
	check_flood();
	check_sink();
	return done();
}
