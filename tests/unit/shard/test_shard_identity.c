// SPDX-License-Identifier: MIT
/*
 * test_shard_identity.c - a next hop is told whose mail it gets: by XCLIENT, or by PROXY with a connection for each client
 */
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

static void begin(enum settings_identity identity)
{
	world_settings();
	world.settings.next_hops[0].identity = (uint8_t)identity;
	world.hop.proxied = identity == SETTINGS_IDENTITY_PROXY;
	world.hop.ehlo = "250-sink\r\n250-PIPELINING\r\n250 XCLIENT ADDR PORT HELO NAME\r\n";
	world_open();
}

static void message(struct caller *c)
{
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250 2.0.0", "a message is stored");
}

static void by_xclient(void)
{
	begin(SETTINGS_IDENTITY_XCLIENT);
	struct caller *a = greeted(), *b;
	char expected[200];

	message(a);
	snprintf(expected, sizeof(expected),
		 "XCLIENT ADDR=192.0.2.10 PORT=%u NAME=[UNAVAILABLE] HELO=mail.good.example",
		 world.records[0].client_port);
	ok(strcmp(world.hop.xclient, expected) == 0, "it is said who the client is: %s", world.hop.xclient);
	message(a);
	ok(stats()->relay_xclient == 1 && world.n_sinks == 1, "once for all its messages");
	b = greeted();
	message(b);
	ok(stats()->relay_xclient == 2 && world.n_sinks == 1, "another client's go over the same connection");
	message(a);
	ok(stats()->relay_xclient == 3 && strcmp(world.hop.xclient, expected) == 0, "and it is said again");
	all_is_given_back("XCLIENT");
}

/* As Postfix does: once XCLIENT was said, EHLO offers it no more. */
static void by_xclient_once(void)
{
	begin(SETTINGS_IDENTITY_XCLIENT);
	world.hop.xclient_once = true;
	struct caller *a = greeted(), *b;

	message(a);
	message(a);
	ok(stats()->relay_xclient == 1 && world.n_sinks == 1, "once: a client's messages go over one connection");
	b = greeted();
	message(b);
	ok(stats()->relay_xclient == 2 && world.n_sinks == 2, "once: another client's over another one");
	message(a);
	ok(stats()->relay_xclient == 2 && world.n_sinks == 2, "once: each over its own");
	for (unsigned i = 0; i < 4; i++)
		message(greeted());
	ok(world.n_sinks == 6 && stats()->relay_xclient == 6 && stats()->relay_xclient_missing == 0,
	   "once: beyond relay.connections_max the idlest makes room");
	all_is_given_back("XCLIENT once");
}

/* A recipient is asked for in its client's name as well. */
static void asks_in_the_clients_name(void)
{
	world_settings();
	snprintf(world.settings.recipients_check, SETTINGS_STR_MAX, "next_hop");
	world.settings.next_hops[0].identity = SETTINGS_IDENTITY_PROXY;
	world.hop.proxied = true;
	world_open();
	struct caller *a = greeted();

	message(a);
	ok(world.n_sinks == 1 && world.sinks[0]->header.port == world.records[0].client_port,
	   "asking for a recipient and the message have one connection");
	all_is_given_back("asking");
}

static void by_proxy(void)
{
	struct ip_addr client = address("192.0.2.10");

	begin(SETTINGS_IDENTITY_PROXY);
	struct caller *a = greeted(), *b;

	message(a);
	ok(world.n_sinks == 1 && !world.sinks[0]->header.local && ip_addr_eq(&world.sinks[0]->header.from, &client) &&
		   world.sinks[0]->header.port == world.records[0].client_port,
	   "the header says who the client is");
	message(a);
	ok(world.n_sinks == 1, "its next message goes over its connection");
	b = greeted();
	message(b);
	ok(world.n_sinks == 2 && world.sinks[1]->header.port == world.records[2].client_port,
	   "another client has another");
	message(a);
	ok(world.n_sinks == 2, "which changes nothing for the first");
	for (unsigned i = 0; i < 4; i++)
		message(greeted());
	ok(world.n_sinks == 6 && world.shard->hops[0].n_relays <= 4 && stats()->shard_relay_connect_failed == 0,
	   "beyond relay.connections_max the idlest makes room");
	all_is_given_back("PROXY");
}

/* More clients at once than connections: the others wait, and each gets its own. */
static void waits_for_room(void)
{
	struct caller *c[6];

	begin(SETTINGS_IDENTITY_PROXY);
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	for (unsigned i = 0; i < 6; i++) {
		c[i] = greeted();
		say(c[i], ENVELOPE);
		say(c[i], MESSAGE);
	}
	ok(world.n_sinks == 4 && world.shard->n_waiting == 2, "four have a connection, two wait");
	world.hop.phase = NOWHERE;
	for (unsigned i = 0; i < 4; i++) {
		world.sinks[i]->silent = false;
		sink_reply(world.sinks[i], "250 2.0.0 Late\r\n");
		sink_flush(world.sinks[i]);
	}
	pass(SECOND);
	for (unsigned i = 0; i < 6; i++)
		is_last(c[i], "250 2.0.0", "client %u is served", i);
	ok(world.n_sinks == 6, "each by its own connection");
	all_is_given_back("waiting for room");
}

static void probes_are_local(void)
{
	world_settings();
	world.settings.relay_probe_s = 30;
	world.settings.next_hops[0].identity = SETTINGS_IDENTITY_PROXY;
	world.hop.proxied = true;
	world_open();
	pass(SECOND);
	ok(world.n_sinks == 1 && world.sinks[0]->headed && world.sinks[0]->header.local, "a probe is our own: LOCAL");
	message(greeted());
	ok(world.n_sinks == 2 && !world.sinks[1]->header.local, "no client's message goes over it");
	world.settings.relay_probe_s = 0;
	world_close();
}

static void next_hop_is_down(void)
{
	world_settings();
	world.settings.next_hops[0].identity = SETTINGS_IDENTITY_PROXY;
	world.hop.proxied = true;
	world.hop.refuses = true;
	world_open();
	struct caller *c = greeted();

	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "451 4.4.1", "nobody listens: tried again later");
	all_is_given_back("a next hop that is down");
}

int main(void)
{
	by_xclient();
	by_xclient_once();
	by_proxy();
	asks_in_the_clients_name();
	waits_for_room();
	probes_are_local();
	next_hop_is_down();
	return done();
}
