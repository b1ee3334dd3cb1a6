// SPDX-License-Identifier: MIT
/*
 * test_tcp_source.c - limits by where connections come from: hosts, nets, and what a forged SYN cannot do to them
 */
#include "tests/unit/net/tcp_script.h"

/* A connection from there that is taken, and one that is reset at its SYN. */
#define TAKEN(from) "from " from, "in S 0", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", "event none", "quiet"
#define REFUSED(from) "from " from, "in S 0", "out R. 0 ack 1", "quiet"
#define GONE "in R 1", "event FAILED", "event none"

static const struct script scripts[] = {
	{ "a host has so many connections, and another one when one is over",
	  { "set sources.host_conns_max 2", "listen", TAKEN("198.51.100.7 1"), TAKEN("198.51.100.7 2"), GONE,
	    TAKEN("198.51.100.7 3"), REFUSED("198.51.100.7 4"), "stat tcp_source_host_full 1",
	    TAKEN("198.51.100.8 1") } },
	{ "silent: its SYN gets no answer",
	  { "set sources.host_conns_max 1", "set sources.silent 1", "listen", TAKEN("198.51.100.7 1"),
	    "from 198.51.100.7 2", "in S 0", "quiet", "stat tcp_source_host_full 1" } },
	{ "a SYN alone counts for nothing, as anybody can send it in a host's name",
	  { "set sources.host_conns_max 1", "set sources.host_rate_per_min 1", "set half_open_max 4", "listen",
	    "from 198.51.100.7 1", "in S 0", "out S. 0 ack 1", "from 198.51.100.7 2", "in S 0", "out S. 0 ack 1",
	    "from 198.51.100.7 3", "in S 0", "out S. 0 ack 1", "halves 3", TAKEN("198.51.100.7 4") } },
	{ "a net has so many connections, whichever of its hosts they come from",
	  { "set sources.net_conns_max 2", "listen", TAKEN("198.51.100.7 1"), TAKEN("198.51.100.8 1"),
	    REFUSED("198.51.100.9 1"), "stat tcp_source_net_full 1", TAKEN("198.51.101.9 1") } },
	{ "all of an IPv6 /64 is one host, a /48 one net",
	  { "set sources.host_conns_max 1", "set sources.net_conns_max 2", "listen", TAKEN("2001:db8:1:1::7 1"),
	    REFUSED("2001:db8:1:1:ffff::8 1"), "stat tcp_source_host_full 1", TAKEN("2001:db8:1:2::7 1"),
	    REFUSED("2001:db8:1:3::7 1"), "stat tcp_source_net_full 1", TAKEN("2001:db8:2:3::7 1") } },
	{ "widths are settings",
	  { "set sources.host_conns_max 1", "set sources.host4_bits 30", "listen", TAKEN("198.51.100.4 1"),
	    REFUSED("198.51.100.7 1"), TAKEN("198.51.100.8 1") } },
	{ "a host may begin so many in a minute; as time goes by, more",
	  { "set sources.host_rate_per_min 2", "listen", TAKEN("198.51.100.7 1"), GONE, TAKEN("198.51.100.7 2"), GONE,
	    REFUSED("198.51.100.7 3"), "stat tcp_source_too_fast 1", TAKEN("198.51.100.8 1"), GONE, "time +29999",
	    REFUSED("198.51.100.7 3"), "time +2", TAKEN("198.51.100.7 4"), GONE, REFUSED("198.51.100.7 5"),
	    "stat tcp_source_too_fast 3" } },
	{ "no longer than a minute's worth is saved up",
	  { "set sources.host_rate_per_min 2", "listen", TAKEN("198.51.100.7 1"), GONE, "time +600000",
	    TAKEN("198.51.100.7 2"), GONE, TAKEN("198.51.100.7 3"), GONE, REFUSED("198.51.100.7 4") } },
	{ "a net with too many half-open records gets a cookie, which works; others get records",
	  { "set sources.net_half_open_max 1",
	    "listen",
	    "from 198.51.100.7 1",
	    "in S 0",
	    "out S. 0 ack 1",
	    "from 198.51.100.8 1",
	    "in S 0",
	    "halves 1",
	    "stat tcp_cookies 1",
	    "stat tcp_source_half_open_full 1",
	    "stat tcp_half_open_full 0",
	    "out S. 0 ack 1",
	    "in . 1 ack 1",
	    "event ACCEPTED",
	    "from 203.0.113.1 1",
	    "in S 0",
	    "out S. 0 ack 1",
	    "halves 2",
	    "in R 1",
	    "halves 1" } },
	{ "without cookies it gets no answer",
	  { "set sources.net_half_open_max 1", "set syn_cookies 0", "listen", "from 198.51.100.7 1", "in S 0",
	    "out S. 0 ack 1", "from 198.51.100.8 1", "in S 0", "quiet", "halves 1" } },
	{ "a record that expires makes room in its net",
	  { "set sources.net_half_open_max 1", "set syn_cookies 0", "set syn_retries 0", "listen",
	    "from 198.51.100.7 1", "in S 0", "out S. 0 ack 1", "time +1002", "halves 0", "from 198.51.100.8 1",
	    "in S 0", "out S. 0 ack 1" } },
	{ "a handshake by cookie is counted and limited as well",
	  { "set half_open_max 0", "set sources.host_conns_max 1", "listen", "from 198.51.100.7 1", "in S 0",
	    "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED", REFUSED("198.51.100.7 2") } },
	{ "all records are of sources with connections: more are taken, and not counted",
	  { "set sources.records_max 2", "set sources.host_conns_max 1", "listen", TAKEN("198.51.100.7 1"),
	    TAKEN("203.0.113.7 1"), "stat tcp_sources_full 1", TAKEN("203.0.113.7 2"), "stat tcp_sources_full 2", GONE,
	    REFUSED("198.51.100.7 2") } },
	{ "of two records that are needed only one is there: neither is kept",
	  { "set sources.records_max 3", "listen", TAKEN("198.51.100.7 1"), TAKEN("203.0.113.7 1"),
	    "stat tcp_sources_full 1", GONE, TAKEN("198.51.100.8 1"), "stat tcp_sources_full 1" } },
	{ "who has been without a connection longest is forgotten, and may begin anew",
	  { "set sources.records_max 3", "set sources.host_rate_per_min 1", "listen", TAKEN("198.51.100.7 1"), GONE,
	    TAKEN("198.51.100.8 1"), GONE, REFUSED("198.51.100.7 2"), "stat tcp_sources_forgotten 0",
	    TAKEN("198.51.100.9 1"), "stat tcp_sources_forgotten 1", GONE, REFUSED("198.51.100.8 2"),
	    TAKEN("198.51.100.7 3") } },
	{ "no records: no limit of connections",
	  { "set sources.records_max 0", "set sources.host_conns_max 1", "listen", TAKEN("198.51.100.7 1"),
	    TAKEN("198.51.100.7 2") } },
	{ "an open of ours is not counted",
	  { "set sources.host_conns_max 1", SCRIPT_CONNECT, "listen", TAKEN("198.51.100.7 1"),
	    REFUSED("198.51.100.7 2") } },
	{ "TIME-WAIT is no connection",
	  { "set sources.host_conns_max 1", "listen", TAKEN("198.51.100.7 1"), "close", "out F. 1 ack 1",
	    "in F. 1 ack 2", "out . 2 ack 2", "waits 1", "event PEER_CLOSED", "event CLOSED",
	    TAKEN("198.51.100.7 2") } },
};

/* --- a naive twin --------------------------------------------------------------------------------- */

enum { HOSTS = 24, NETS = 4, HOST_MAX = 2, NET_MAX = 5, CONNS = 40 };

static struct tcp *t;
static struct stats stats;
static void *memory;
static uint64_t random_state = 1, now_us = 1000000;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) * below >> 31);
}

static struct tcp_path path_of(unsigned host)
{
	return (struct tcp_path){ .local = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				  .remote = ip_addr_of4(
					  (const uint8_t[]){ 10, 0, (uint8_t)(host % NETS), (uint8_t)(1 + host) }),
				  .checksum_good = true };
}

static void in(unsigned host, uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack)
{
	static uint8_t wire[64];
	const struct tcp_path path = path_of(host);
	const struct tcp_segment s = {
		.source = port, .destination = 25, .seq = seq, .ack = ack, .flags = flags, .options = TCP_OPTIONS_NONE
	};

	tcp_input(t, &path, span_of(wire, tcp_segment_emit(wire, &s)), now_us);
	tcp_input_end(t, now_us);
}

/* The next segment sent; flags 0: none. */
static struct tcp_segment next(void)
{
	static uint8_t out[128];
	struct tcp_segment s = { 0 };
	struct tcp_path to;
	size_t n = tcp_next(t, out, sizeof(out), false, &to, now_us);

	if (n && tcp_segment_parse(span_of(out, n), &s))
		ok(false, "a segment that can be read");
	return s;
}

static struct tcp_conn *accepted(void)
{
	struct tcp_event e;

	return tcp_event(t, &e) && e.kind == TCP_EVENT_ACCEPTED ? e.conn : NULL;
}

/* SYN, SYN-ACK, ACK, and it is there; else NULL. */
static struct tcp_conn *connects(unsigned host, uint16_t port)
{
	in(host, port, TCP_SYN, 0, 0);
	const struct tcp_segment s = next();

	if (s.flags != (TCP_SYN | TCP_ACK))
		return NULL;
	in(host, port, TCP_ACK, 1, s.seq + 1);
	return accepted();
}

static void start(void)
{
	static const uint8_t seed[16] = { 3 };
	struct tcp_settings s = tcp_settings_default();

	s.conns_max = s.half_open_max = s.time_wait_max = CONNS;
	s.buffer_blocks = 16;
	s.sources.records_max = 2 * CONNS;
	s.sources.host_conns_max = HOST_MAX;
	s.sources.net_conns_max = NET_MAX;
	memset(&stats, 0, sizeof(stats));
	memory = aligned_alloc(64, (tcp_memory(&s) + 63) & ~(size_t)63);
	t = tcp_init(memory, &s, seed, &stats);
	ok(tcp_listen(t, 25) == OK, "listening");
}

/* More handshakes at once than connections are allowed. */
static void completed_at_once(void)
{
	uint32_t iss[HOST_MAX + 1];

	start();
	for (uint16_t i = 0; i <= HOST_MAX; i++) {
		in(0, i + 1, TCP_SYN, 0, 0);
		iss[i] = next().seq;
	}
	ok(t->halves.n_used == HOST_MAX + 1, "each SYN is answered");
	for (uint16_t i = 0; i < HOST_MAX; i++) {
		in(0, i + 1, TCP_ACK, 1, iss[i] + 1);
		ok(accepted(), "a handshake is completed");
	}
	in(0, HOST_MAX + 1, TCP_ACK, 1, iss[HOST_MAX] + 1);
	const struct tcp_segment s = next();

	ok(!accepted() && s.flags == TCP_RST && s.seq == iss[HOST_MAX] + 1 && t->halves.n_used == 0,
	   "the one that is over the limit when it is completed is reset");
	ok(stats.tcp_source_host_full == 1, "and counted");
	tcp_check(t);
	free(memory);
}

static void twin(void)
{
	unsigned of_host[HOSTS] = { 0 }, of_net[NETS] = { 0 }, n_wrong = 0, n_taken = 0, n_refused = 0;
	struct {
		struct tcp_conn *conn;
		unsigned host;
	} open[CONNS] = { 0 };

	start();
	for (unsigned i = 0; i < 20000; i++, now_us += 1000) {
		unsigned k = draw(CONNS), host = draw(HOSTS);

		if (open[k].conn) {
			tcp_abort(t, open[k].conn, now_us);
			open[k].conn = NULL;
			of_host[open[k].host]--;
			of_net[open[k].host % NETS]--;
		} else {
			bool may = of_host[host] < HOST_MAX && of_net[host % NETS] < NET_MAX;
			bool did = (open[k].conn = connects(host, (uint16_t)(1024 + i))) != NULL;

			n_wrong += may != did;
			n_taken += did;
			n_refused += !did;
			open[k].host = host;
			of_host[host] += did;
			of_net[host % NETS] += did;
		}
		while (next().flags)
			;
		tcp_check(t);
	}
	ok(n_wrong == 0 && n_taken > 1000 && n_refused > 1000, "%u taken, %u refused, just as the twin says", n_taken,
	   n_refused);
	ok(stats.tcp_source_host_full + stats.tcp_source_net_full == n_refused && stats.tcp_source_net_full > 0,
	   "each refusal is counted once");
	free(memory);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	completed_at_once();
	twin();
	return done();
}
