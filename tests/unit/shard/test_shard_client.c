// SPDX-License-Identifier: MIT
/*
 * test_shard_client.c - clients that go away, do not read or want too much; DNS that does not answer
 */
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

static void begin(void)
{
	world_settings();
	world_open();
}

/* --- going away -------------------------------------------------------------------------------- */

enum at { AT_GREETING, AT_ENVELOPE, AT_DATA, AT_BODY, AT_JUDGING, AT_WAITING, AT_RELAYING, AT_FINAL, N_AT };

static const char *const at_text[N_AT] = { "after the greeting",  "in the envelope",    "after DATA",
					   "in the message",      "while it is judged", "while it waits for a next hop",
					   "before the next dot", "after the next dot" };

/* A client as far as @at, with nothing said back since. */
static struct caller *client_at(enum at at)
{
	world_settings();
	if (at == AT_WAITING || at == AT_RELAYING || at == AT_FINAL) {
		world.hop.phase = at == AT_WAITING ? GREETING : at == AT_RELAYING ? DATA : DOT;
		world.hop.how = FAIL_SILENT;
	}
	world_open();
	world.dns_withheld = at == AT_JUDGING || at == AT_ENVELOPE;
	struct caller *c = greeted();

	if (at >= AT_ENVELOPE)
		say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\n");
	if (at >= AT_DATA)
		say(c, "DATA\r\n");
	if (at >= AT_BODY)
		say(c, HEADER "\r\nSome of");
	if (at >= AT_JUDGING)
		say(c, " it.\r\n.\r\n");
	return c;
}

static void goes_away(void)
{
	for (int at = 0; at < N_AT; at++) {
		struct caller *c = client_at((enum at)at);
		reset(c);
		pass(SECOND);
		if (at == AT_FINAL) {
			ok(world.shard->txns.n_used == 1 && !world.shard->clients.n_used,
			   "reset %s: the next hop's reply is awaited for the record", at_text[at]);
			sink_reply(world.sinks[0], "250 2.0.0 Late\r\n");
			sink_flush(world.sinks[0]);
			pass(1000);
			ok(world.n_records == 1 && strcmp(world.records[0].nexthop_reply, "250 2.0.0 Late") == 0,
			   "reset %s: and recorded", at_text[at]);
		} else {
			ok(world.n_records == 0 && world.n_stored == 0, "reset %s: no message", at_text[at]);
		}
		ok(!world.shard->txns.n_used && !world.shard->clients.n_used, "reset %s: nothing is left at once",
		   at_text[at]);
		all_is_given_back(at_text[at]);
	}
	for (int at = 0; at < N_AT; at++) {
		struct caller *c = client_at((enum at)at);
		hang_up(c);
		pass(SECOND);
		if (at < AT_JUDGING) {
			ok(c->peer_closed && !world.shard->clients.n_used, "closed %s: so are we", at_text[at]);
			ok(!world.shard->txns.n_used && world.n_stored == 0, "closed %s: no message", at_text[at]);
		} else {
			world.hop.phase = NOWHERE;
			world.dns_withheld = false;
			answer_held();
			for (size_t i = 0; i < world.n_sinks; i++) {
				world.sinks[i]->silent = false;
				sink_reply(world.sinks[i], at == AT_WAITING    ? "220 late\r\n"
							   : at == AT_RELAYING ? "354 Late\r\n"
							   : at == AT_FINAL    ? "250 2.0.0 Late\r\n"
									       : "");
				world.sinks[i]->in_data = at == AT_RELAYING;
				sink_read(world.sinks[i]);
			}
			pass(SECOND);
			is_last(c, "250 2.0.0", "half-closed %s: the reply still comes", at_text[at]);
			ok(c->peer_closed, "half-closed %s: then we close", at_text[at]);
		}
		all_is_given_back(at_text[at]);
	}
}

static void dies_of_timeouts(void)
{
	begin();
	struct caller *idle = greeted(), *data = greeted();

	say(data, ENVELOPE);
	pass(179 * SECOND);
	ok(!data->peer_closed, "a client silent in DATA is waited for");
	pass(2 * SECOND);
	is_last(data, "421 4.4.2", "for smtp.data_timeout_s");
	ok(!idle->peer_closed, "and one silent before MAIL");
	pass(121 * SECOND);
	is_last(idle, "421 4.4.2", "for smtp.command_timeout_s");
	ok(!world.shard->clients.n_used && !world.shard->txns.n_used, "then both are gone");
	all_is_given_back("time-outs");
}

static void never_reads(void)
{
	begin();
	struct caller *c = caller_open("192.0.2.10");

	c->deaf = true;
	mutter(c, SPAN("EHLO mail.good.example\r\n"));
	for (int i = 0; i < 30000; i++)
		mutter(c, SPAN("MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\nRSET\r\n"));
	pass(SECOND);
	ok(world.shard->clients.n_used <= 1, "a client that does not read its replies is held back");
	pass(700 * SECOND);
	ok(!world.shard->clients.n_used && !world.shard->txns.n_used, "and given up after smtp.command_timeout_s");
	is_last(sends(MESSAGE), "250", "others are served");
	all_is_given_back("a client that does not read");

	/* Many errors fill nothing: 421 after errors_hard.  This one closes and stays there, deaf, with our replies unread. */
	world_settings();
	world.settings.smtp_errors_hard = 100000;
	world.settings.smtp_errors_soft = 100000;
	world_open();
	c = caller_open("192.0.2.10");
	c->deaf = true;
	for (int i = 0; i < 20000; i++)
		mutter(c, SPAN("NONSENSE\r\n"));
	pass(700 * SECOND);
	ok(!world.shard->clients.n_used, "so is one that causes errors only");
	all_is_given_back("a deaf client");
}

static void talks_after_the_end(void)
{
	begin();
	struct caller *c = greeted();

	say(c, "QUIT\r\nNOOP\r\nNOOP\r\n");
	ok(c->gone && !world.shard->clients.n_used, "what follows QUIT holds nothing up");
	c = greeted();
	say(c, "NOOP\n");
	is_last(c, "500 5.5.2", "a bare LF ends the session");
	c = greeted();
	say(c, ENVELOPE);
	say(c, HEADER "\r\nx\r\n.\nMAIL FROM:<x@good.example>\r\n.\r\n");
	is_last(c, "554 5.5.2", "a bare LF in the message ends it");
	ok(!world.shard->txns.n_used && world.n_stored == 0, "and the transaction");
	all_is_given_back("late words");
}

/* --- limits ------------------------------------------------------------------------------------ */

static void sessions(void)
{
	world_settings();
	world.settings.limits_sessions_max = 3;
	world_open();
	struct caller *c[4];

	for (int i = 0; i < 4; i++)
		c[i] = caller_open("192.0.2.10");
	is_last(c[2], "220", "limits.sessions_max sessions are served");
	is_last(c[3], "421 4.3.2 Too busy", "the next one is told to come again");
	ok(c[3]->peer_closed && !c[3]->failed && stats()->shard_client_refused == 1, "closed, not reset, and counted");
	ok(world.shard->n_refused == 0, "nothing of it is left");
	world.shard->n_refused = SHARD_REFUSED_MAX; /* as many that do not end */
	struct caller *more = caller_open("192.0.2.10");

	ok(more->failed && more->got.len == 0, "when too many of these are left the next one is reset");
	world.shard->n_refused = 0;
	say(c[0], "QUIT\r\n");
	is_last(sends(MESSAGE), "250", "one that ends makes room");
	all_is_given_back("sessions");
}

/* Of those that wait for a command none needs a room; one in the middle of a line does. */
static void rooms(void)
{
	char long_helo[300] = "EHLO ";

	world_settings();
	world.settings.limits_busy_max = 2;
	world_open();
	struct caller *c[6];

	for (int i = 0; i < 6; i++)
		c[i] = greeted();
	ok(world.shard->rooms.n_used == 0, "six clients that wait for a command need no room");
	for (int i = 0; i < 2; i++)
		say(c[i], "MAIL FR");
	ok(world.shard->rooms.n_used == 2, "one in the middle of a line needs one");
	say(c[2], "NOOP\r\n");
	is_last(c[2], "421 4.3.2", "beyond limits.busy_max the next one is told to come again");
	ok(c[2]->peer_closed && stats()->shard_client_no_room == 1, "closed and counted");
	struct caller *late = caller_open("192.0.2.66");
	is_last(late, "421 4.3.2", "a new connection as well");
	ok(stats()->shard_client_no_room == 2, "and counted");
	say(c[0], "OM:<a@good.example>\r\n");
	is_last(c[0], "250", "what was begun goes on");
	say(c[3], "NOOP\r\n");
	is_last(c[3], "250", "and then there is room for others");
	memset(long_helo + 5, 'x', 200);
	for (int i = 60; i < 200; i += 60)
		long_helo[5 + i] = '.';
	strcpy(long_helo + 205, "\r\n");
	say(c[3], long_helo);
	ok(world.shard->rooms.n_used == 2, "a long name in EHLO keeps its room");
	say(c[3], ENVELOPE);
	say(c[3], MESSAGE);
	is_last(c[3], "250", "and is used with it");
	all_is_given_back("rooms");
}

static void transactions(void)
{
	world_settings();
	world.settings.limits_transactions_max = 2;
	world_open();
	struct caller *a = greeted(), *b = greeted(), *c = greeted();

	say(a, "MAIL FROM:<a@good.example>\r\n");
	say(b, ENVELOPE);
	say(c, "MAIL FROM:<a@good.example>\r\n");
	is_last(c, "452 4.3.1", "beyond limits.transactions_max MAIL gets 452 4.3.1");
	say(c, "RCPT TO:<user@inside.example>\r\n");
	is_last(c, "503", "RCPT without MAIL is 503");
	say(b, MESSAGE);
	is_last(b, "250", "the others go on");
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250", "and make room");
	ok(stats()->shard_txn_refused == 1, "it is counted once");
	all_is_given_back("transactions");
}

static void blocks(void)
{
	begin();
	struct caller *a = greeted(), *b = greeted();
	char line[1001];

	memset(line, 'x', sizeof(line));
	memcpy(line + 998, "\r\n", 3);
	say(a, ENVELOPE);
	say(b, ENVELOPE);
	mutter(a, SPAN(HEADER "\r\n"));
	for (int i = 0; i < 900; i++)
		mutter(a, span_str(line));
	pass(SECOND);
	mutter(b, SPAN(HEADER "\r\n"));
	for (int i = 0; i < 400; i++)
		mutter(b, span_str(line));
	pass(SECOND);
	is_last(b, "354", "a message that finds no block is read to its end");
	say(b, ".\r\n");
	is_last(b, "452 4.3.1", "and gets 452 4.3.1 there");
	say(a, ".\r\n");
	is_last(a, "250", "the one that has them goes through");
	say(b, ENVELOPE);
	say(b, MESSAGE);
	is_last(b, "250", "then there is room again, on the same connection");
	ok(stats()->shard_message_refused == 1, "it is counted");
	all_is_given_back("body blocks");
}

static void large_header(void)
{
	begin();
	struct caller *c = greeted();

	say(c, ENVELOPE);
	mutter(c, SPAN(HEADER));
	for (int i = 0; i < 400; i++)
		mutter(c, SPAN("X-Filler: forty-nine octets of no importance to us\r\n"));
	pass(SECOND);
	say(c, "\r\nx\r\n.\r\n");
	is_last(c, "552 5.6.0", "a header above limits.header_max gets 552 5.6.0");
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250", "the next message goes through");
	all_is_given_back("a large header");
}

/* @n header fields, then an empty message. */
static struct caller *sends_fields(unsigned n, const char *field)
{
	struct caller *c = greeted();

	say(c, ENVELOPE);
	mutter(c, SPAN(HEADER));
	for (unsigned i = 0; i < n; i++)
		mutter(c, span_str(field));
	pass(SECOND);
	say(c, "\r\nx\r\n.\r\n");
	return c;
}

static void loops(void)
{
	begin();
	is_last(sends_fields(50, "Received: from a by b; c\r\n"), "250", "a message that has come fifty hops is taken");
	is_last(sends_fields(51, "Received: from a by b; c\r\n"), "554 5.4.6", "one more is a loop (RFC 5321 6.3)");
	ok(world.n_stored == 1, "and goes no further");
	all_is_given_back("loops");
}

static void many_fields(void)
{
	world_settings();
	world.settings.limits_header_fields_max = 100;
	world_open();
	is_last(sends_fields(98, "X-Y: z\r\n"), "250", "limits.header_fields_max fields are taken");
	is_last(sends_fields(99, "X-Y: z\r\n"), "552 5.6.0",
		"one more gets 552 5.6.0, and none is left out in silence");
	ok(world.n_stored == 1, "nothing of it is stored");
	all_is_given_back("many fields");
}

static void recipients(void)
{
	world_settings();
	world.settings.smtp_recipients_max = 5;
	world_open();
	struct caller *c = greeted();

	say(c, "MAIL FROM:<a@good.example>\r\n");
	for (int i = 0; i < 5; i++)
		say(c, "RCPT TO:<user@inside.example>\r\n");
	is_last(c, "250 2.1.5", "smtp.recipients_max recipients are taken");
	say(c, "RCPT TO:<user@inside.example>\r\n");
	is_last(c, "452 4.5.3", "the next one gets 452 4.5.3");
	say(c, "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored", "the message goes to the others");
	ok(world.records[0].n_rcpts == 5, "five of them");
	all_is_given_back("recipients");

	begin();
	c = greeted();
	say(c, "MAIL FROM:<a@good.example>\r\n");
	int n = 0;
	do {
		say(c,
		    "RCPT TO:<a-rather-long-local-part-of-a-user-for-nothing@"
		    "a-rather-long-label-of-a-domain.and-another-one-of-that-kind.and-still-another-one.and-the-last-"
		    "one-of-them-all.which-is-not-quite-true.inside.example>\r\n");
		n++;
	} while (n < 1000 && span_eq(span_head(last_line(c), 3), SPAN("250")));
	is_last(c, "452 4.5.3", "so does one whose text finds no room, the %dth", n);
	ok(stats()->shard_rcpt_full == 1, "counted");
	say(c, "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored", "the message goes to the others");
	all_is_given_back("recipients' text");
}

/* --- DNS --------------------------------------------------------------------------------------- */

static void dns_withheld(void)
{
	begin();
	world.dns_withheld = true;
	struct caller *c = sends(MESSAGE);

	is_last(c, "354", "without DNS there is no verdict");
	pass(19 * SECOND);
	is_last(c, "354", "not yet");
	pass(2 * SECOND);
	is_last(c, "451 4.", "after dmarc.timeout_ms it is 451");
	ok(world.n_stored == 0 && stats()->shard_deferred == 1, "nothing is stored, and it counts as deferred");
	ok(world.n_held > 0, "questions are still under way");
	say(c, "MAIL FROM:<a@good.example>\r\n");
	uint64_t n_late = world.n_held;
	world.n_held = 0;
	for (size_t i = 0; i < n_late; i++)
		answer_from_zone(&world.held[i]);
	pass(1000);
	ok(stats()->shard_dns_late > 0, "answers that come then are nobody's, even if the object is in use again");
	world.dns_withheld = false;
	answer_held();
	say(c, "RCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored", "with DNS the next message goes through");
	all_is_given_back("no DNS");

	begin();
	world.dns_withheld = true;
	c = greeted();
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\n");
	pass(100 * SECOND);
	say(c, "DATA\r\n");
	say(c, HEADER);
	pass(100 * SECOND);
	say(c, "\r\nx\r\n.\r\n");
	pass(30 * SECOND);
	is_last(c, "451 4.", "a slow client's SPF may expire long before its message");
	all_is_given_back("no DNS for a slow client");

	begin();
	c = greeted();
	say(c, ENVELOPE);
	say(c, "From: <a@fails.example>\r\n\r\nx\r\n.\r\n");
	is_last(c, "451 4.7", "a DMARC record that fails: 451 at once");
	all_is_given_back("SERVFAIL");
}

static void dns_full(void)
{
	begin();
	world.dns_withheld = true;
	struct caller *c[8];

	for (int i = 0; i < 8; i++)
		c[i] = greeted();
	for (int n = 0; n < 700; n++)
		for (int i = 0; i < 8; i++) {
			char mail[96];

			snprintf(mail, sizeof(mail), "MAIL FROM:<a@n%d-%d.example>\r\n", n, i);
			mutter(c[i], span_str(mail));
			if (n % 90 == 89) {
				mutter(c[i], SPAN("RCPT TO:<user@inside.example>\r\nDATA\r\n"));
				pass(100);
				mutter(c[i], SPAN("From: x\r\n\r\n.\r\n"));
				pass(21 * SECOND);
			} else {
				mutter(c[i], SPAN("RSET\r\n"));
			}
			world.n_held = 0; /* the control thread loses them */
		}
	pass(30 * SECOND);
	ok(world.n_asked > 4000, "more than SHARD_QUESTIONS_MAX questions were asked: %zu", world.n_asked);
	ok(world.shard->questions.n_used == 0, "their messages come home whether answered or not");
	all_is_given_back("many questions");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	goes_away();
	dies_of_timeouts();
	never_reads();
	talks_after_the_end();
	sessions();
	rooms();
	transactions();
	blocks();
	large_header();
	loops();
	many_fields();
	recipients();
	dns_withheld();
	dns_full();
	return done();
}
