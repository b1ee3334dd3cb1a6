// SPDX-License-Identifier: MIT
/*
 * test_shard_hops.c - several next hops: by domain, by priority and weight, with a breaker each, and probes
 */
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

/* 192.0.2.1, .2, .3, of which @n are next hops. */
static void hops_settings(unsigned n)
{
	static const char *const addresses[] = { "192.0.2.1", "192.0.2.2", "192.0.2.3" };

	world_settings();
	world.settings.n_next_hops = (uint8_t)n;
	for (unsigned i = 0; i < n; i++)
		world.settings.next_hops[i] = (struct settings_next_hop){
			.addr = address(addresses[i]), .port = 25, .priority = 10, .weight = 1
		};
}

static void route(const char *domain, uint32_t hops)
{
	struct settings_route *r = &world.settings.routes[world.settings.n_routes++];

	snprintf(r->domain, sizeof(r->domain), "%s", domain);
	r->next_hops = hops;
}

/* One message to @rcpt, on a connection of its own. */
static struct caller *sends_to(const char *rcpt)
{
	struct caller *c = greeted();
	char envelope[256];

	snprintf(envelope, sizeof(envelope), "MAIL FROM:<a@good.example>\r\nRCPT TO:<%s>\r\nDATA\r\n", rcpt);
	say(c, envelope);
	say(c, MESSAGE);
	return c;
}

/* The last octets of the addresses that stored the messages, in order. */
static void went_to(const char *octets, const char *sentence)
{
	char got[STORED_MAX + 1];

	for (size_t i = 0; i < world.n_stored; i++)
		got[i] = (char)('0' + world.stored_at[i]);
	is_span(span_of(got, world.n_stored), span_str(octets), "%s", sentence);
}

static struct shard_hop hop(unsigned i)
{
	struct shard_hop h;

	shard_hop(world.shard, i, world.now_us, &h);
	return h;
}

/* --- by domain --------------------------------------------------------------------------------- */

static void by_domain(void)
{
	hops_settings(3);
	route("first.example", 1);
	route("xn--mnchen-3ya.example", 2);
	world.hop.ehlo = "250-sink\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n";
	world_open();
	is_last(sends_to("u@First.Example"), "250", "a domain with a route");
	is_last(sends_to("u@inside.example"), "250", "one without");
	struct caller *c = greeted();
	say(c, "MAIL FROM:<a@good.example> SMTPUTF8\r\nRCPT TO:<u@m\xc3\xbcnchen.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250", "a U-label is the same domain as its A-label");
	is_last(sends_to("postmaster"), "250", "postmaster has no domain");
	went_to("1323", "each goes to the next hop of its domain, and what no route names to the one without");
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<u@first.example>\r\nRCPT TO:<v@inside.example>\r\n");
	is_last(c, "452 4.5.3", "a recipient of another next hop comes in another message");
	say(c, "RCPT TO:<w@first.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250", "the others of the first one go on");
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<v@inside.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250", "and it is taken then");
	went_to("132313", "each at its next hop");
	ok(stats()->shard_rcpt_other_hop == 1, "counted");
	all_is_given_back("by domain");

	hops_settings(2);
	route("first.example", 1);
	route("second.example", 3);
	world_open();
	c = greeted();
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<u@inside.example>\r\n");
	is_last(c, "550 5.7.1", "when all next hops have domains, others are refused");
	say(c, "RCPT TO:<postmaster>\r\n");
	is_last(c, "250", "but for postmaster");
	all_is_given_back("foreign domain");
}

/* --- priority and weight ----------------------------------------------------------------------- */

static void by_weight(void)
{
	hops_settings(3);
	world.settings.next_hops[0].weight = 3;
	world.settings.next_hops[2].priority = 20;
	world_open();
	for (int i = 0; i < 8; i++)
		is_last(sends_to("u@inside.example"), "250", "message %d", i);
	went_to("11211121", "messages are shared by weight, without runs, and priority 20 gets none");
	all_is_given_back("by weight");
}

static void by_priority(void)
{
	hops_settings(3);
	world.settings.next_hops[0].priority = 20;
	world.settings.next_hops[1].priority = 30;
	world.hop.down = 1 << 3;
	world_open();
	is_last(sends_to("u@inside.example"), "250", "the first choice is down: the next one takes the message");
	went_to("1", "by priority");
	ok(hop(2).state == SHARD_HOP_DOWN && hop(2).retry_us <= 5 * SECOND && hop(0).state == SHARD_HOP_UP &&
		   hop(1).state == SHARD_HOP_UNKNOWN,
	   "which is known of them");
	uint64_t connects = stats()->shard_relay_connects;
	is_last(sends_to("u@inside.example"), "250", "the next message");
	ok(stats()->shard_relay_connects == connects, "does not try the one that is down");
	pass(5 * SECOND);
	ok(hop(2).state == SHARD_HOP_TRYING, "after relay.breaker_s it may be tried");
	is_last(sends_to("u@inside.example"), "250", "by one message, which goes on to another when it fails");
	ok(hop(2).state == SHARD_HOP_DOWN && hop(2).retry_us > 9 * SECOND, "it is left alone for twice as long");
	world.hop.down = 0;
	pass(10 * SECOND);
	is_last(sends_to("u@inside.example"), "250", "when it works again");
	went_to("1113", "it is the first choice again");
	ok(hop(2).state == SHARD_HOP_UP && stats()->shard_relay_breaker_opened == 2, "and known to work");
	all_is_given_back("by priority");
}

static void all_down(void)
{
	hops_settings(3);
	world.hop.down = 14;
	world_open();
	struct caller *c = sends_to("u@inside.example");
	is_last(c, "451 4.4.1", "all are down: 451 at once");
	ok(stats()->shard_relay_connects == 3 && stats()->shard_relay_down == 1, "each was tried once");
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "451 4.4.1", "again");
	ok(stats()->shard_relay_connects == 6, "and once for the next message");
	world.hop.down = 12;
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250", "one that works is found, though its breaker is open");
	ok(hop(0).state == SHARD_HOP_UP && hop(1).state == SHARD_HOP_DOWN, "and that is closed then");
	all_is_given_back("all down");
}

/* A next hop that takes connections and loses messages. */
static void breaker_of_losses(void)
{
	hops_settings(2);
	world.settings.relay_breaker_failures = 3;
	world.settings.next_hops[1].priority = 20;
	world.hop.phase = DATA;
	world.hop.how = FAIL_CLOSE;
	world_open();
	for (int i = 0; i < 3; i++)
		is_last(sends_to("u@inside.example"), "451 4.4.2", "message %d is lost", i);
	ok(hop(0).state == SHARD_HOP_DOWN && hop(0).lost == 3, "after relay.breaker_failures it is left alone");
	world.hop.phase = NOWHERE;
	is_last(sends_to("u@inside.example"), "250", "the next message");
	went_to("2", "goes to another");
	world.hop.phase = DATA;
	pass(6 * SECOND);
	is_last(sends_to("u@inside.example"), "451 4.4.2", "half open it answers EHLO, and loses the next message");
	ok(hop(0).state == SHARD_HOP_DOWN && hop(0).retry_us > 9 * SECOND, "which is enough: left alone for longer");
	world.hop.phase = NOWHERE;
	pass(11 * SECOND);
	is_last(sends_to("u@inside.example"), "250", "a message that it takes");
	world.hop.phase = DATA;
	world.hop.how = FAIL_4YZ;
	for (int i = 0; i < 5; i++)
		is_last(sends_to("u@inside.example"), "450 4.2.0 Not now", "a refusal is its own word");
	ok(hop(0).state == SHARD_HOP_UP && hop(0).n_failures == 0 && hop(0).refused == 5, "and no failure of it");
	went_to("21", "each went to the first choice");
	all_is_given_back("losses");
}

/* One of two equals has no connection left: the other one's serve the messages that wait for it. */
static void equals_help(void)
{
	hops_settings(2);
	world.settings.relay_connections_max = 1;
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	world_open();
	struct caller *a = sends_to("u@inside.example"), *b = sends_to("u@inside.example"),
		      *c = sends_to("u@inside.example");

	ok(world.n_sinks == 2 && hop(0).n_waiting == 1, "the third message waits for the first next hop");
	world.hop.phase = NOWHERE;
	sink_reply(world.sinks[1], "250 2.0.0 Late\r\n");
	world.sinks[1]->silent = false;
	sink_flush(world.sinks[1]);
	pass(1000);
	is_last(b, "250 2.0.0 Late", "the second next hop comes free");
	is_last(c, "250 2.0.0 Stored", "and takes it");
	is_last(a, "354", "the first is still waited for");
	went_to("2", "at the second");
	all_is_given_back("equals");
}

/* --- LMTP (RFC 2033) --------------------------------------------------------------------------- */

static struct caller *to_lmtp(uint32_t recipients_max)
{
	hops_settings(1);
	world.settings.next_hops[0].lmtp = true;
	world.settings.next_hops[0].recipients_max = recipients_max;
	world_open();
	struct caller *c = greeted();
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<u@inside.example>\r\nRCPT TO:<v@inside.example>\r\n");
	return c;
}

static void lmtp(void)
{
	struct caller *c = to_lmtp(1);
	ok(strstr(c->got.at, "LIMITS RCPTMAX=1 ") != NULL, "EHLO tells that a message may have one recipient");
	is_last(c, "452 4.5.3", "another one comes in another message");
	say(c, "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.1.5 Delivered", "the recipient's own reply is the message's");
	world.hop.finals[0] = "552 5.2.2 Full\r\n";
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "552 5.2.2 Full", "its refusal too");
	ok(stats()->shard_relay_duplicate_possible == 0 && world.n_sinks == 1, "nobody gets it twice");
	all_is_given_back("LMTP");

	c = to_lmtp(3);
	is_last(c, "250", "more recipients by setting");
	say(c, "DATA\r\n");
	world.hop.finals[1] = "452 4.2.2 Full\r\n";
	say(c, MESSAGE);
	is_last(c, "452 4.2.2 Full", "one has it and one has not: the client is to try again");
	ok(stats()->relay_mixed == 1 && stats()->shard_relay_duplicate_possible == 1 &&
		   world.records[0].duplicate_possible,
	   "counted and told, since one gets it twice");
	all_is_given_back("LMTP to many");
}

/* --- probes and warm connections --------------------------------------------------------------- */

static void probe_settings(unsigned n)
{
	hops_settings(n);
	world.settings.relay_probe_s = 30;
	world.settings.relay_warm_connections = 1;
}

/* all_is_given_back() would wait in vain: connections are kept. */
static void probes_end(const char *when)
{
	tell_shard(SHARD_DOWN_DRAIN);
	all_is_given_back(when);
}

static void probe_at_start(void)
{
	probe_settings(2);
	world.hop.ehlo = "250-sink\r\n250-PIPELINING\r\n250-DSN\r\n250 SMTPUTF8\r\n";
	world_open();
	pass(1000);
	ok(world.n_sinks == 2 && stats()->shard_relay_probes == 2, "each next hop is met at the start");
	struct caller *c = greeted();
	ok(strstr(c->got.at, "SMTPUTF8\r\n") && strstr(c->got.at, "DSN\r\n") && !strstr(c->got.at, "8BITMIME"),
	   "the first client is offered what they offer");
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250", "its message");
	ok(world.n_sinks == 2 && hop(0).n_connections == 1, "takes the warm connection");
	pass(600 * SECOND);
	ok(!world.sinks[0]->over && !world.sinks[1]->over && world.n_sinks == 2,
	   "which is kept beyond relay.idle_s, without another probe");
	tcp_abort(world.tcp, world.sinks[1]->conn, world.now_us);
	sink_over(world.sinks[1]);
	pass(31 * SECOND);
	ok(world.n_sinks == 3 && hop(1).n_connections == 1, "when it is lost, another is opened");
	probes_end("probe at start");
}

/* A warm connection that went stale before it carried any message. */
static void stale_probe(void)
{
	probe_settings(1);
	world_open();
	pass(1000);
	world.hop.phase = MAIL;
	world.hop.how = FAIL_RESET;
	struct caller *c = greeted();
	say(c, ENVELOPE);
	say(c, HEADER);
	ok(world.n_sinks == 1, "one warm connection");
	say(c, "\r\n.\r\n");
	is_last(c, "451 4.4.2", "a next hop that resets each connection at MAIL");
	ok(stats()->shard_relay_retried == 1 && world.n_sinks == 2, "the message was tried again on a new connection");
	probes_end("stale probe");
}

static void probe_finds_out(void)
{
	probe_settings(2);
	world.settings.next_hops[1].priority = 20;
	world.hop.down = 1 << 1;
	world_open();
	pass(1000);
	ok(hop(0).state == SHARD_HOP_DOWN && hop(1).state == SHARD_HOP_UP, "a probe finds one down");
	is_last(sends_to("u@inside.example"), "250", "the first message");
	went_to("2", "goes to the other at once");
	pass(100 * SECOND);
	ok(stats()->shard_relay_connect_failed == 5 && hop(0).opened == 5, "tried at 0, 5, 15, 35, 75 s, %ju",
	   (uintmax_t)stats()->shard_relay_connect_failed);
	world.hop.down = 0;
	pass(60 * SECOND);
	ok(hop(0).state == SHARD_HOP_UP && hop(0).n_connections == 1, "then it is found to work");
	is_last(sends_to("u@inside.example"), "250", "the next message");
	went_to("21", "goes to the first choice");
	probes_end("probe finds out");
}

/* A message does not depend on a probe that began before the next hop was there. */
static void probe_is_nobodys(void)
{
	probe_settings(1);
	world.settings.relay_wait_ms = 60000;
	world.hop.phase = GREETING;
	world.hop.how = FAIL_SILENT;
	world_open();
	pass(1000);
	world.hop.phase = NOWHERE;
	is_last(sends_to("u@inside.example"), "250", "a probe that gets no greeting holds no message up");
	ok(world.n_sinks == 2, "which has its own connection");
	probes_end("a silent probe");
}

static void no_probe_while_draining(void)
{
	probe_settings(1);
	world_open();
	pass(1000);
	tell_shard(SHARD_DOWN_DRAIN);
	pass(200 * SECOND);
	ok(hop(0).n_connections == 0 && stats()->shard_relay_probes == 1, "a gateway that drains keeps no connection");
	tell_shard(SHARD_DOWN_RESUME);
	pass(31 * SECOND);
	ok(hop(0).n_connections == 1, "and opens one when it resumes");
	probes_end("draining");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	by_domain();
	by_weight();
	by_priority();
	all_down();
	breaker_of_losses();
	equals_help();
	lmtp();
	probe_at_start();
	stale_probe();
	probe_finds_out();
	probe_is_nobodys();
	no_probe_while_draining();
	return done();
}
