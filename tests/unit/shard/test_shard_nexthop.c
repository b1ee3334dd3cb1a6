// SPDX-License-Identifier: MIT
/*
 * test_shard_nexthop.c - whatever the next hop does, the client gets one reply, and a 250 means a stored message
 */
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

static unsigned n_stored_with(const char *text)
{
	unsigned n = 0;

	for (size_t i = 0; i < world.n_stored; i++)
		n += strstr(world.stored[i], text) != NULL;
	return n;
}

/* One row: what a fresh connection to a next hop does, and what becomes of the message. */
static const struct {
	const char *name;
	enum phase phase;
	enum how how;
	const char *reply; /* to the client, within a second */
	bool duplicate_possible;
} fates[] = {
	/* clang-format off */
	{ "closes instead of a greeting",     GREETING, FAIL_CLOSE, "451 4.4.1", false },
	{ "resets instead of a greeting",     GREETING, FAIL_RESET, "451 4.4.1", false },
	{ "greets with 421",                  GREETING, FAIL_4YZ,   "451 4.4.1", false },
	{ "greets with 550",                  GREETING, FAIL_5YZ,   "451 4.4.1", false },
	{ "closes at EHLO",                   EHLO,     FAIL_CLOSE, "451 4.4.1", false },
	{ "refuses EHLO for now",             EHLO,     FAIL_4YZ,   "451 4.4.1", false },
	{ "closes at MAIL",                   MAIL,     FAIL_CLOSE, "451 4.4.2", false },
	{ "resets at MAIL",                   MAIL,     FAIL_RESET, "451 4.4.2", false },
	{ "defers MAIL",                      MAIL,     FAIL_4YZ,   "450 4.2.0 Not now", false },
	{ "refuses MAIL",                     MAIL,     FAIL_5YZ,   "550 5.2.0 Not ever", false },
	{ "closes at RCPT",                   RCPT,     FAIL_CLOSE, "451 4.4.2", false },
	{ "defers RCPT",                      RCPT,     FAIL_4YZ,   "450 4.2.0 Not now", false },
	{ "refuses RCPT",                     RCPT,     FAIL_5YZ,   "550 5.2.0 Not ever", false },
	{ "closes at DATA",                   DATA,     FAIL_CLOSE, "451 4.4.2", false },
	{ "defers DATA",                      DATA,     FAIL_4YZ,   "450 4.2.0 Not now", false },
	{ "refuses DATA",                     DATA,     FAIL_5YZ,   "550 5.2.0 Not ever", false },
	{ "closes in the message",            BODY,     FAIL_CLOSE, "451 4.4.2", false },
	{ "resets in the message",            BODY,     FAIL_RESET, "451 4.4.2", false },
	{ "refuses in the message",           BODY,     FAIL_5YZ,   "451 4.3.0", false },
	{ "closes after the final dot",       DOT,      FAIL_CLOSE, "451 4.4.2", true },
	{ "resets after the final dot",       DOT,      FAIL_RESET, "451 4.4.2", true },
	{ "defers after the final dot",       DOT,      FAIL_4YZ,   "450 4.2.0 Not now", false },
	{ "refuses after the final dot",      DOT,      FAIL_5YZ,   "550 5.2.0 Not ever", false },
	{ "stores, and closes without a word", STORED,  FAIL_CLOSE, "451 4.4.2", true },
	{ "stores, and resets",               STORED,   FAIL_RESET, "451 4.4.2", true },
	/* clang-format on */
};

/* A message too long for any buffer on its way, so that the next hop can fail in its midst. */
static void say_long(struct caller *c, const char *subject)
{
	mutter(c, SPAN("From: <a@good.example>\r\nSubject: "));
	mutter(c, span_str(subject));
	mutter(c, SPAN("\r\n\r\n"));
	for (int i = 0; i < 6000; i++)
		mutter(c, SPAN("A line of some octets, as lines of mail are, of sixty-five.\r\n"));
	mutter(c, SPAN(".\r\n"));
	pass(SECOND);
}

/* By BDAT a refusal may come while the chunk is on its way, and is the message's; by DATA nobody asked for it. */
static const char *fate_of(size_t i, bool by_bdat)
{
	return by_bdat && fates[i].phase == BODY && fates[i].how == FAIL_5YZ ? "550 5.2.0 Not ever" : fates[i].reply;
}

static void fates_of_fresh_connections(bool by_bdat)
{
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		world_settings();
		world.hop.phase = fates[i].phase;
		world.hop.how = fates[i].how;
		world.hop.ehlo = by_bdat ? "250-sink\r\n250-CHUNKING\r\n250 SIZE\r\n" : NULL;
		world_open();
		struct caller *c = greeted();
		say(c, ENVELOPE);
		say_long(c, "fate");
		is_last(c, fate_of(i, by_bdat), "next hop%s %s: %s", by_bdat ? " with CHUNKING" : "", fates[i].name,
			fate_of(i, by_bdat));
		ok(stats()->shard_relay_duplicate_possible == fates[i].duplicate_possible &&
			   world.records[0].duplicate_possible == fates[i].duplicate_possible,
		   "next hop %s: a duplicate is %spossible, and counted so", fates[i].name,
		   fates[i].duplicate_possible ? "" : "im");
		ok(stats()->shard_relay_connects <= 2 && stats()->shard_relay_retried == 0 && world.n_records == 1,
		   "next hop %s: no second attempt", fates[i].name);
		all_is_given_back(fates[i].name);
	}
}

static void fates_of_stale_connections(void)
{
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		if (fates[i].phase < MAIL)
			continue;
		bool again = (fates[i].how == FAIL_CLOSE || fates[i].how == FAIL_RESET) && !fates[i].duplicate_possible;

		again |= fates[i].phase == MAIL && fates[i].how == FAIL_4YZ;

		world_settings();
		world.hop.phase = fates[i].phase;
		world.hop.how = fates[i].how;
		world.hop.from_message = 1;
		world_open();
		struct caller *c = sends(MESSAGE);
		is_last(c, "250 2.0.0 Stored as 1", "the first message goes through");
		say(c, ENVELOPE);
		say_long(c, "fate");
		is_last(c, again ? "250 2.0.0 Stored as 2" : fates[i].reply, "warm next hop %s: %s", fates[i].name,
			again ? "once more on a new connection" : fates[i].reply);
		ok(stats()->shard_relay_retried == again && world.n_sinks == 1u + again, "warm next hop %s: tried %s",
		   fates[i].name, again ? "twice" : "once");
		ok(n_stored_with("Subject: fate") == (again || fates[i].phase == STORED), "and stored at most once");
		all_is_given_back(fates[i].name);
	}
}

/* As many messages as the next hop takes of one connection: each begins another one, and nobody is told. */
static void takes_one_each(void)
{
	world_settings();
	world.hop.phase = MAIL;
	world.hop.how = FAIL_4YZ;
	world.hop.from_message = 1;
	world_open();
	for (unsigned i = 1; i <= 4; i++) {
		is_last(sends(MESSAGE), "250 2.0.0 Stored as",
			"message %u to a next hop that takes one of each connection", i);
		ok(world.n_sinks == i && (i == 1 || world.sinks[i - 2]->over),
		   "is on a connection of its own, the one before ended");
	}
	ok(stats()->shard_relay_retried == 3 && world.shard->hops[0].n_failures == 0,
	   "it is tried again, and no failure of the hop");
	all_is_given_back("one message a connection");
}

/* A next hop that kept silent says what it should have. */
static void sink_answers(size_t i, const char *reply)
{
	world.sinks[i]->silent = false;
	sink_reply(world.sinks[i], reply);
	sink_flush(world.sinks[i]);
	pass(1000);
}

/* It forgets a connection, and its RST does not arrive. */
static void goes_stale(size_t i)
{
	tcp_abort(world.tcp, world.sinks[i]->conn, world.now_us);
	sink_over(world.sinks[i]);
	for (struct frame *f = frames_of_peer(), *next; f; f = next) {
		next = f->next;
		free(f);
	}
}

/* Two warm connections that both went stale without a word, as a reboot of the next hop leaves them. */
static void all_stale(void)
{
	world_settings();
	world_open();
	struct caller *a = greeted(), *b = greeted();

	say(a, ENVELOPE);
	say(b, ENVELOPE);
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	say(a, MESSAGE);
	say(b, MESSAGE);
	ok(world.n_sinks == 2, "two messages at once take two connections");
	world.hop.phase = NOWHERE;
	for (size_t i = 0; i < 2; i++)
		sink_answers(i, "250 2.0.0 Late\r\n");
	is_last(a, "250", "both are taken");
	is_last(b, "250", "both are taken");
	goes_stale(0);
	goes_stale(1);
	say(a, ENVELOPE);
	say(a, MESSAGE);
	is_last(a, "250 2.0.0 Stored", "when all warm connections are stale, the second attempt takes a new one");
	ok(stats()->shard_relay_retried == 1, "there is one second attempt");
	all_is_given_back("stale connections");
}

/* A message waits for its second attempt when another connection comes free, which may be as stale as the first. */
static void not_on_another_used_one(void)
{
	world_settings();
	world_open();
	struct caller *a = greeted(), *b = greeted();

	say(a, ENVELOPE);
	say(b, ENVELOPE);
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	say(a, MESSAGE);
	say(b, MESSAGE);
	sink_answers(0, "250 2.0.0 Late\r\n");
	is_last(a, "250", "one of two messages is taken");
	goes_stale(0);
	world.hop.phase = GREETING;
	say(a, ENVELOPE);
	say(a, MESSAGE);
	ok(world.n_sinks == 3 && stats()->shard_relay_retried == 1, "its connection is stale, a new one is on its way");
	sink_answers(1, "250 2.0.0 Late\r\n");
	is_last(b, "250", "the other one is taken, and its connection free");
	world.hop.phase = NOWHERE;
	ok(world.sinks[1]->n_messages == 1, "the second attempt does not take it");
	sink_answers(2, "220 At last\r\n");
	is_last(a, "250 2.0.0 Stored", "but the new one");
	all_is_given_back("another used connection");
}

static void nobody_there(void)
{
	world_settings();
	world.hop.refuses = true;
	world_open();
	struct caller *c = sends(MESSAGE);
	is_last(c, "451 4.4.1", "a next hop that refuses the connection: 451 at once");
	ok(stats()->shard_relay_connect_failed == 1 && stats()->shard_relay_down == 1, "counted");
	all_is_given_back("refused connection");

	world_settings();
	world.settings.relay_connect_timeout_ms = 5000;
	world_open();
	c = greeted();
	say(c, ENVELOPE);
	say(c, HEADER);
	world.hop.unplugged = true; /* the caller lives behind the same port: it hears of nothing meanwhile */
	say(c, "\r\n.\r\n");
	pass(4900000);
	ok(stats()->shard_relay_down == 0, "a next hop that does not answer is waited for");
	pass(200000);
	ok(stats()->shard_relay_down == 1 && stats()->shard_relay_connect_failed == 1, "for relay.connect_timeout_ms");
	world.hop.unplugged = false;
	pass(SECOND);
	is_last(c, "451 4.4.1", "then it is 451");
	all_is_given_back("silent next hop");

	world_settings();
	world.settings.relay_wait_ms = 3000;
	world.hop.phase = GREETING;
	world.hop.how = FAIL_SILENT;
	world_open();
	c = sends(MESSAGE);
	pass(2900000);
	is_last(c, "354", "a next hop that does not greet is waited for");
	pass(200000);
	is_last(c, "451 4.4.1", "for relay.wait_ms, then it is 451");
	ok(stats()->shard_relay_waited == 1, "counted");
	all_is_given_back("no greeting");
}

/* It accepts connections and throws them away: no storm of attempts. */
static void no_storm(void)
{
	world_settings();
	world.hop.phase = GREETING;
	world.hop.how = FAIL_CLOSE;
	world_open();
	struct caller *c = greeted();

	for (int i = 0; i < 5; i++) {
		say(c, ENVELOPE);
		say(c, MESSAGE);
		is_last(c, "451 4.4.1", "a next hop that closes at once, message %d: 451", i + 1);
	}
	ok(stats()->shard_relay_connects <= 5, "with at most one attempt each, %ju",
	   (uintmax_t)stats()->shard_relay_connects);
	all_is_given_back("closing next hop");
}

static void deaf(void)
{
	static const struct {
		enum phase phase;
		const char *name;
		bool duplicate_possible;
	} rows[] = { { DATA, "before the message", false }, { DOT, "after the final dot", true } };

	for (size_t i = 0; i < 2; i++) {
		world_settings();
		world.settings.smtp_command_timeout_s = 3600;
		world.hop.phase = rows[i].phase;
		world.hop.how = FAIL_SILENT;
		world_open();
		struct caller *c = sends(MESSAGE);
		pass(700 * SECOND);
		is_last(c, "451 4.4.2", "a next hop silent %s: 451 in the end", rows[i].name);
		ok(stats()->shard_relay_duplicate_possible == rows[i].duplicate_possible && world.n_sinks == 1,
		   "and no second attempt");
		all_is_given_back(rows[i].name);
	}
	for (unsigned warm = 0; warm < 2; warm++) {
		world_settings();
		world.settings.smtp_command_timeout_s = 3600;
		world.hop.phase = BODY;
		world.hop.how = FAIL_DEAF;
		world.hop.from_message = warm;
		world_open();
		struct caller *c = greeted();
		if (warm) {
			say(c, ENVELOPE);
			say(c, MESSAGE);
		}
		say(c, ENVELOPE);
		say_long(c, "deaf");
		is_last(c, "354", "a next hop that stops reading in the message is waited for");
		pass(300 * SECOND);
		is_last(c, "451 4.4.2", "a next hop that stops reading in the message: 451");
		world.hop.phase = NOWHERE;
		world.sinks[0]->deaf = world.sinks[0]->silent = false;
		sink_read(world.sinks[0]);
		pass(10 * SECOND);
		ok(n_stored_with("deaf") == 0, "no final dot follows when it reads again");
		ok(world.n_sinks == 1 && stats()->shard_relay_retried == 0, "and no second attempt");
		all_is_given_back("deaf next hop");
	}
}

static void many_wait(void)
{
	world_settings();
	world.settings.relay_connections_max = 2;
	world.settings.relay_waiting_max = 3;
	world.settings.relay_wait_ms = 20000;
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	world_open();
	struct caller *c[6];

	for (int i = 0; i < 6; i++)
		c[i] = sends(MESSAGE);
	ok(world.n_sinks == 2, "no more connections than relay.connections_max");
	for (int i = 0; i < 5; i++)
		is_last(c[i], "354", "message %d waits", i);
	is_last(c[5], "451 4.3.2", "the message beyond relay.waiting_max gets 451 4.3.2 at once");
	reset(c[0]); /* after its final dot: the relay goes on */
	sink_reply(world.sinks[1], "250 2.0.0 Late\r\n");
	sink_flush(world.sinks[1]);
	pass(1000);
	is_last(c[1], "250 2.0.0 Late", "a message that is over makes room");
	ok(world.sinks[1]->in.len > 0 || world.shard->n_waiting == 2, "for one that waits");
	pass(20 * SECOND);
	is_last(c[3], "451 4.4.1", "relay.wait_ms later the others get 451 4.4.1");
	is_last(c[4], "451 4.4.1", "relay.wait_ms later the others get 451 4.4.1");
	ok(stats()->shard_relay_full == 1 && stats()->shard_relay_waited == 2, "both are counted");
	all_is_given_back("waiting messages");
}

/* The only connection is broken off because its client went away: whoever waits gets another one. */
static void freed_slot(void)
{
	world_settings();
	world.settings.relay_connections_max = 1;
	world.hop.phase = DATA;
	world.hop.how = FAIL_SILENT;
	world_open();
	struct caller *a = sends(MESSAGE), *b = sends(MESSAGE);

	world.hop.phase = NOWHERE;
	is_last(b, "354", "the second message waits for the only connection");
	reset(a);
	is_last(b, "250", "and gets one when the first client goes away");
	ok(n_stored_with("hello") == 1, "whose message is not stored");
	all_is_given_back("a freed slot");
}

static void small_next_hop(void)
{
	world_settings();
	world.hop.ehlo = "250 sink\r\n";
	world_open();
	struct caller *c = greeted();

	say(c, "MAIL FROM:<a@good.example>\r\n");
	for (int i = 0; i < 40; i++)
		mutter(c, SPAN("RCPT TO:<user@inside.example>\r\n"));
	say(c, "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored", "a next hop without PIPELINING gets one command after the other");
	pass(59 * SECOND);
	ok(!world.sinks[0]->over, "the connection is kept for relay.idle_s");
	pass(2 * SECOND);
	ok(world.sinks[0]->over, "and ended after it");
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored as 2", "the next message opens another one");
	all_is_given_back("a small next hop");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	fates_of_fresh_connections(false);
	fates_of_fresh_connections(true);
	fates_of_stale_connections();
	takes_one_each();
	all_stale();
	not_on_another_used_one();
	nobody_there();
	no_storm();
	deaf();
	many_wait();
	freed_slot();
	small_next_hop();
	return done();
}
