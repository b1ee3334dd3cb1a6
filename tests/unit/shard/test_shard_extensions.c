// SPDX-License-Identifier: MIT
/*
 * test_shard_extensions.c - extensions of SMTP from the client through to the next hop
 */
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

static struct caller *begin(bool hop_chunking)
{
	world_settings();
	world.hop.ehlo = hop_chunking ? "250-sink\r\n250-CHUNKING\r\n250 SIZE\r\n" : NULL;
	world_open();
	return greeted();
}

/* --- CHUNKING (RFC 3030) ----------------------------------------------------------------------- */

#define TO_USER "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\n"
#define BODY_WITH_DOTS "\r\n.\r\nQUIT\r\n..x\r\n"

static void say_chunk(struct caller *c, struct span octets, const char *last)
{
	char line[64];

	snprintf(line, sizeof(line), "BDAT %zu%s\r\n", octets.len, last);
	mutter(c, span_str(line));
	mutter(c, octets);
	pass(SECOND);
}

static bool stored_ends_with(size_t i, struct span end)
{
	struct span m = span_of(world.stored[i], world.stored_len[i]);

	return m.len >= end.len && span_eq(span_skip(m, m.len - end.len), end);
}

static void chunks_to(bool hop_chunking)
{
	const char *hop = hop_chunking ? "with CHUNKING" : "without it";
	struct caller *c = begin(hop_chunking);

	ok(strstr(c->got.at, "CHUNKING\r\n") != NULL, "EHLO offers CHUNKING");
	say(c, TO_USER);
	say_chunk(c, SPAN(HEADER), "");
	is_last(c, "250 2.0.0 Chunk", "a chunk is taken");
	say_chunk(c, SPAN(BODY_WITH_DOTS), " LAST");
	is_last(c, "250 2.0.0 Stored as 1", "BDAT to a next hop %s: its reply", hop);
	ok(world.n_stored == 1 && stored_ends_with(0, SPAN(HEADER BODY_WITH_DOTS)),
	   "octet for octet, and what looks like an end and a command was neither");
	say(c, TO_USER "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored as 2", "DATA to a next hop %s, on the same connection", hop);
	ok(stored_ends_with(1, SPAN(HEADER "\r\nA line.\r\n.dots\r\n")), "octet for octet");
	ok(world.n_sinks == 1, "one connection for both");
	all_is_given_back("chunks");
}

static void chunk_without_room(void)
{
	struct caller *c = begin(false);
	char line[512];

	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	say(c, TO_USER);
	mutter(c, SPAN("BDAT 1048576\r\n"));
	for (int i = 0; i < 2048; i++)
		mutter(c, span_of(line, sizeof(line)));
	mutter(c, SPAN("BDAT 6 LAST\r\nQUIT\r\n"));
	pass(SECOND);
	ok(strstr(c->got.at, "552 5.6.0") != NULL,
	   "a header beyond its limit within a chunk is refused at the chunk's end");
	is_last(c, "503 5.5.1 An earlier chunk", "and the chunk behind it, whose octets are no command");
	ok(world.n_stored == 0 && stats()->shard_message_refused == 1, "nothing is stored");
	say(c, TO_USER);
	say_chunk(c, SPAN(HEADER), " LAST");
	is_last(c, "250 2.0.0 Stored as 1", "the session goes on, with a message that is a header alone");
	all_is_given_back("no room for a chunk");
}

static void gone_within_a_chunk(void)
{
	struct caller *c = begin(true);

	say(c, TO_USER);
	mutter(c, SPAN("BDAT 1000 LAST\r\n" HEADER));
	pass(1000);
	ok(world.shard->txns.n_used == 1, "a chunk is under way");
	reset(c);
	ok(world.shard->txns.n_used == 0 && world.n_stored == 0, "its client goes away: nothing is left of it");
	all_is_given_back("gone within a chunk");
}

/* --- what EHLO offers (RFC 5321 4.1.1.1) ------------------------------------------------------- */

static bool offers(const char *line)
{
	struct caller *c = greeted();
	bool found = strstr(c->got.at, line) != NULL;

	hang_up(c);
	return found;
}

static void offers_of_next_hops(void)
{
	world_settings();
	world.hop.ehlo = "250-sink\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8\r\n";
	world_open();
	ok(!offers("SMTPUTF8") && !offers("DSN") && offers("8BITMIME") && offers("SIZE 52428800"),
	   "before any next hop was met EHLO offers what needs none");
	ok(offers("LIMITS RCPTMAX=1000 MAILMAX=1000\r\n"), "and our own limits");
	is_last(sends(MESSAGE), "250 2.0.0 Stored as 1", "one message");
	ok(offers("SMTPUTF8\r\n") && offers("DSN\r\n") && offers("SIZE 1000000\r\n"),
	   "then what the next hop offers, and its smaller SIZE");
	struct caller *c = greeted();
	say(c, "MAIL FROM:<\xc3\xa9@good.example> SMTPUTF8 RET=FULL ENVID=x+2B\r\n"
	       "RCPT TO:<user@inside.example> NOTIFY=NEVER ORCPT=rfc822;u@x\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored as 2", "a message with SMTPUTF8 and DSN");
	ok(strstr(world.hop.mail, "MAIL FROM:<\xc3\xa9@good.example> SIZE=") &&
		   span_ends_nocase(span_str(world.hop.mail), SPAN(" SMTPUTF8 RET=FULL ENVID=x+2B")),
	   "MAIL as it came");
	is_span(span_str(world.hop.rcpt), SPAN("RCPT TO:<user@inside.example> NOTIFY=NEVER ORCPT=rfc822;u@x"),
		"RCPT as it came");
	ok(strstr(world.stored[1], "with UTF8SMTP id") != NULL, "Received says UTF8SMTP");
	all_is_given_back("offers");
}

static void next_hop_is_ascii(void)
{
	world_settings();
	world.hop.ehlo = "250-sink\r\n250 SMTPUTF8\r\n";
	world_open();
	is_last(sends(MESSAGE), "250 2.0.0 Stored as 1", "a next hop with SMTPUTF8");
	struct caller *c = greeted();
	ok(!strstr(c->got.at, "8BITMIME"), "8BITMIME is not offered when the next hop lacks it");
	world.hop.ehlo = NULL;
	pass(120 * SECOND); /* the warm connection is closed */
	say(c, "MAIL FROM:<a@good.example> SMTPUTF8\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "550 5.6.7", "it lost SMTPUTF8 meanwhile: 550 5.6.7");
	ok(world.n_stored == 1 && !offers("SMTPUTF8"), "nothing is stored, and it is offered no more");
	all_is_given_back("ascii");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	offers_of_next_hops();
	next_hop_is_ascii();
	chunks_to(false);
	chunks_to(true);
	chunk_without_room();
	gone_within_a_chunk();
	return done();
}
