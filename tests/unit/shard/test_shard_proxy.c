// SPDX-License-Identifier: MIT
/*
 * test_shard_proxy.c - clients behind a proxy: the header in front of their connections, and who they are then
 */
#include "dataplane/net/tcp_conn.h"
#include "tests/unit/shard/shard_world.h"

#define PROXY "192.0.2.66"
#define LINE "PROXY TCP4 192.0.2.10 192.0.2.25 40000 25\r\n"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

static void begin(void)
{
	world_settings();
	world.settings.n_proxy_from = 1;
	world.settings.proxy_from[0] = (struct settings_prefix){ address(PROXY), 32 };
	world_open();
}

static bool sees(const struct ip_addr *client, const char *expected)
{
	struct ip_addr a = address(expected);

	return ip_addr_eq(client, &a);
}

static void is_who_the_header_says(void)
{
	begin();
	struct caller *c = caller_open(PROXY);

	pass(SECOND);
	ok(c->got.len == 0, "nothing is said to a proxy before its header");
	say(c, LINE "EHLO mail.good.example\r\n");
	is_last(c, "250 ", "then its client is greeted, and what came along is read");
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250 2.0.0", "SPF of the client's address lets the message pass");
	ok(world.n_records == 1 && sees(&world.records[0].client, "192.0.2.10") &&
		   world.records[0].client_port == 40000,
	   "the record has its address and port");
	ok(stats()->shard_proxy_headers == 1 && stats()->shard_proxy_bad == 0, "counted");
	all_is_given_back("a client behind a proxy");

	begin();
	c = caller_open(PROXY);
	for (const char *at = LINE "EHLO mail.good.example\r\n"; *at; at++) {
		mutter(c, span_of(at, 1));
		pass(1000);
	}
	is_last(c, "250 ", "likewise, octet by octet");
	all_is_given_back("octet by octet");

	begin();
	c = caller_open(PROXY);
	mutter(c, SPAN("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"));
	pass(1000);
	is_last(c, "220 ", "LOCAL: the proxy itself is the client");
	ok(sees(&world.shard->live->ip, PROXY) && stats()->shard_proxy_local == 1, "under its own address");
	all_is_given_back("LOCAL");
}

static void must_and_may_not(void)
{
	begin();
	struct caller *c = caller_open(PROXY);

	say(c, "EHLO mail.good.example\r\n");
	ok(c->failed && c->got.len == 0 && stats()->shard_proxy_bad == 1, "a proxy without a header is reset");
	c = caller_open(PROXY);
	hang_up(c);
	ok(stats()->shard_proxy_bad == 2 && !world.shard->n_live, "so is one that hangs up before it");
	c = caller_open(PROXY);
	say(c, "PROXY TCP4 192.0.2.10 ");
	pass(4 * SECOND);
	ok(!c->failed, "half a header is waited for");
	pass(2 * SECOND);
	ok(c->failed && stats()->shard_proxy_late == 1, "for smtp.proxy_timeout_s");
	c = greeted();
	is_last(c, "250 ", "who is no proxy is greeted at once");
	c = caller_open("192.0.2.10");
	say(c, LINE);
	is_last(c, "554 5.5.1", "and its header is no SMTP");
	ok(c->peer_closed && stats()->smtp_foreign == 1, "the connection is closed");
	all_is_given_back("those who must and those who may not");
}

static void counts_as_the_clients(void)
{
	begin();
	struct tcp *tcp = world.shard->tcp;
	struct caller *c = caller_open(PROXY);
	uint32_t before = tcp->sources.n_handed_on;

	say(c, LINE);
	is_last(c, "220 ", "a client");
	ok(before == 0 && tcp->sources.n_handed_on == 1, "its connection counts as the client's");
	tcp_check(tcp);
	for (unsigned i = 0; i < world.shard_net.tcp.sources.host_conns_max; i++)
		CHECK(tcp_source_hand_on(tcp, world.shard->live->conn, &world.shard->live->ip, world.now_us));
	c = caller_open(PROXY);
	say(c, LINE);
	ok(c->failed && stats()->shard_proxy_refused == 1, "one more than sources.host_connections_max is reset");
	for (unsigned i = 0; i < world.shard_net.tcp.sources.host_conns_max; i++)
		tcp_source_give_back(tcp, &world.shard->live->ip);
	c = caller_open(PROXY);
	say(c, "PROXY TCP6 2001:db8::10 2001:db8::25 1 25\r\n");
	is_last(c, "220 ", "another client is not");
	all_is_given_back("sources");
}

static void ends_while_it_waits(void)
{
	begin();
	struct caller *c = caller_open(PROXY);

	tell_shard(SHARD_DOWN_DRAIN);
	pass(1000);
	ok(c->failed && world.drained, "a drain does not wait for a header");
	all_is_given_back("a drain");
	begin();
	c = caller_open(PROXY);
	say(c, "PROXY ");
	reset(c);
	ok(!world.shard->n_live, "a reset");
	all_is_given_back("a reset");
}

int main(void)
{
	is_who_the_header_says();
	must_and_may_not();
	counts_as_the_clients();
	ends_while_it_waits();
	return done();
}
