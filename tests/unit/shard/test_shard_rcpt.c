// SPDX-License-Identifier: MIT
/*
 * test_shard_rcpt.c - recipients that the next hop is asked for at RCPT, and what is remembered of them
 */
#include "ctrlplane/lists_build.h"
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

#define MAIL_FROM "MAIL FROM:<a@good.example>\r\n"
#define TO(rcpt) "RCPT TO:<" rcpt ">\r\n"

static struct caller *begin(void)
{
	world_settings();
	snprintf(world.settings.recipients_check, sizeof(world.settings.recipients_check), "next_hop");
	world_open();
	struct caller *c = greeted();
	say(c, MAIL_FROM);
	return c;
}

static void known(void)
{
	struct caller *c = begin();

	say(c, TO("u@inside.example"));
	is_last(c, "250 2.1.5", "a recipient that the next hop knows");
	is_span(span_str(world.hop.mail), SPAN("MAIL FROM:<>"), "it was asked by the null sender");
	is_span(span_str(world.hop.rcpt), SPAN("RCPT TO:<u@inside.example>"), "for the recipient");
	ok(stats()->shard_rcpt_asked == 1 && world.n_sinks == 1, "once");
	say(c, TO("u@INSIDE.example") "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored as 1", "the message goes on the same connection");
	ok(stats()->shard_rcpt_asked == 1 && stats()->shard_rcpt_remembered == 1 && world.n_sinks == 1,
	   "the domain in capitals is the same recipient, and remembered");
	say(c, MAIL_FROM TO("U@inside.example"));
	ok(stats()->shard_rcpt_asked == 2, "the local part in capitals is not (RFC 5321 2.4)");
	say(c, "RSET\r\n");
	pass(3601 * SECOND);
	c = greeted();
	say(c, MAIL_FROM TO("u@inside.example"));
	ok(stats()->shard_rcpt_asked == 3, "recipients.known_s later it is asked again");
	say(c, TO("postmaster") TO("Postmaster@inside.example"));
	is_last(c, "250", "a postmaster");
	ok(stats()->shard_rcpt_asked == 3, "is known everywhere (RFC 5321 4.5.1)");
	all_is_given_back("known");
}

static void unknown(void)
{
	struct caller *c = begin();

	world.hop.phase = RCPT;
	world.hop.how = FAIL_5YZ;
	say(c, TO("nobody@inside.example"));
	is_last(c, "550 5.1.1", "one that it does not know is refused at RCPT");
	world.hop.phase = NOWHERE;
	say(c, TO("nobody@inside.example"));
	is_last(c, "550 5.1.1", "again, from memory");
	ok(stats()->shard_rcpt_asked == 1 && stats()->shard_rcpt_unknown == 2, "asked for once");
	say(c, TO("u@inside.example") "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored", "the other recipient gets the message");
	is_span(span_str(world.hop.rcpt), SPAN("RCPT TO:<u@inside.example>"), "alone");
	pass(301 * SECOND);
	c = greeted();
	say(c, MAIL_FROM TO("nobody@inside.example"));
	is_last(c, "250", "recipients.unknown_s later it is asked again, and may be there");
	all_is_given_back("unknown");
}

static void not_now(void)
{
	struct caller *c = begin();

	world.hop.phase = RCPT;
	world.hop.how = FAIL_4YZ;
	say(c, TO("u@inside.example"));
	is_last(c, "450 4.2.0 Not now", "a next hop that does not want to say: its reply");
	world.hop.phase = MAIL;
	world.hop.how = FAIL_5YZ;
	say(c, TO("u@inside.example"));
	is_last(c, "451 4.4.1", "one that takes no null sender says nothing of the recipient");
	world.hop.phase = NOWHERE;
	say(c, TO("u@inside.example"));
	is_last(c, "250", "nothing of it is remembered");
	say(c, "DATA\r\n");
	world.hop.phase = RCPT;
	world.hop.how = FAIL_5YZ;
	say(c, MESSAGE);
	is_last(c, "550 5.2.0", "a recipient that went between RCPT and the message: its reply");
	ok(world.n_stored == 0, "nothing is stored");
	all_is_given_back("not now");
}

static void unreachable(bool accept)
{
	world_settings();
	snprintf(world.settings.recipients_check, sizeof(world.settings.recipients_check), "next_hop");
	if (accept)
		snprintf(world.settings.recipients_unverified, sizeof(world.settings.recipients_unverified), "accept");
	world.hop.down = 1 << 1;
	world_open();
	struct caller *c = greeted();
	say(c, MAIL_FROM TO("u@inside.example"));
	is_last(c, accept ? "250" : "451 4.4.1", "the next hop is down: %s", accept ? "accepted by setting" : "451");
	world.hop.down = 0;
	world.hop.phase = MAIL;
	world.hop.how = FAIL_SILENT;
	say(c, TO("v@inside.example"));
	is_last(c, accept ? "250" : "451 4.4.1", "one that does not answer is waited for");
	pass(9 * SECOND);
	say(c, "");
	pass(2 * SECOND);
	is_last(c, accept ? "250" : "451 4.4.1", "for recipients.timeout_ms");
	ok(stats()->shard_rcpt_unverified == 2 && world.sinks[1]->over, "and its connection is broken off");
	world.hop.phase = NOWHERE;
	say(c, TO("w@inside.example") "DATA\r\n");
	say(c, MESSAGE);
	is_last(c, "250", "then a message passes");
	all_is_given_back("unreachable");
}

/* The client goes away, or has the time for its message run out, while its recipient is asked for. */
static void gone(void)
{
	struct caller *c = begin();

	world.hop.phase = RCPT;
	world.hop.how = FAIL_SILENT;
	say(c, TO("u@inside.example"));
	ok(world.shard->hops[0].n_busy == 1, "a recipient is asked for");
	reset(c);
	ok(world.shard->txns.n_used == 0 && world.shard->hops[0].n_busy == 0, "its client goes away: nothing is kept");
	world.hop.phase = GREETING;
	c = greeted();
	say(c, MAIL_FROM TO("u@inside.example"));
	ok(world.shard->n_waiting == 1, "one that waits for a connection");
	reset(c);
	ok(world.shard->n_waiting == 0 && world.shard->txns.n_used == 0, "goes away likewise");
	all_is_given_back("gone");
}

/* Stale warm connections, pipelining, SPF answers meanwhile. */
static void together(void)
{
	struct caller *c = begin();

	say(c, TO("u@inside.example") "DATA\r\n");
	say(c, MESSAGE);
	tcp_abort(world.tcp, world.sinks[0]->conn, world.now_us);
	sink_over(world.sinks[0]);
	for (struct frame *f = frames_of_peer(), *next; f; f = next) {
		next = f->next;
		free(f); /* its RST does not arrive */
	}
	world.dns_withheld = true;
	mutter(c, SPAN(MAIL_FROM TO("v@inside.example") TO("w@inside.example") TO("x@inside.example") "DATA\r\n"));
	pass(SECOND);
	is_last(c, "354", "a group of commands, and a connection that was stale");
	ok(stats()->shard_relay_retried == 1 && world.n_sinks == 2, "the question is asked again on a new one");
	world.dns_withheld = false;
	answer_held();
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored as 2", "the message");
	ok(world.records[1].n_rcpts == 3, "goes to all three");
	all_is_given_back("together");
}

/* A cache of four entries: what was put last is there. */
static void cache(void)
{
	static _Alignas(64) uint8_t memory[4096];
	const struct siphash_key key = { 1, 2 };
	struct rcpt_cache *c = rcpt_cache_init(memory, 4, &key);
	char rcpt[32];

	ok(rcpt_cache_memory(4) <= sizeof(memory), "sixteen octets an entry");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(rcpt, sizeof(rcpt), "u%u@inside.example", i);
		rcpt_cache_put(c, span_str(rcpt), i % 2 ? RCPT_KNOWN : RCPT_UNKNOWN, 1000 + i, 5);
		if (rcpt_cache_get(c, span_str(rcpt), 6) != (i % 2 ? RCPT_KNOWN : RCPT_UNKNOWN))
			ok(false, "entry %u is there", i);
	}
	ok(rcpt_cache_get(c, SPAN("u97@inside.example"), 6) == RCPT_KNOWN, "those of late are there");
	ok(rcpt_cache_get(c, SPAN("u1@inside.example"), 6) == RCPT_NOT_ASKED, "and the oldest are not");
	ok(rcpt_cache_get(c, SPAN("u99@inside.example"), 5 + 1099) == RCPT_NOT_ASKED, "they age");
	rcpt_cache_put(c, SPAN("u99@inside.example"), RCPT_UNKNOWN, 1000, 10);
	ok(rcpt_cache_get(c, SPAN("u99@INSIDE.EXAMPLE"), 11) == RCPT_UNKNOWN, "one is replaced by its next answer");
	rcpt_cache_flush(c);
	ok(rcpt_cache_get(c, SPAN("u99@inside.example"), 11) == RCPT_NOT_ASKED, "all can be forgotten");
}

/* --- the table --------------------------------------------------------------------------------- */

static void hear(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

static struct lists *table(void)
{
	struct lists *l = lists_load_text(&lists_recipients,
					  SPAN("user@inside.example\nOther@INSIDE.example\n@whole.example\n"
					       "a+b@inside.example\nuser@xn--grn-ioa.example\n"),
					  "table", 100, hear, NULL);

	CHECK(l);
	return l;
}

static void in_the_table(void)
{
	static const struct {
		const char *rcpt, *reply, *sentence;
	} cases[] = {
		{ "user@inside.example", "250 2.1.5", "an address that has a line" },
		{ "USER@Inside.Example", "250 2.1.5", "in capitals" },
		{ "other@inside.example", "250 2.1.5", "whose line has capitals" },
		{ "user+news@inside.example", "250 2.1.5", "with an extension" },
		{ "user-news@inside.example", "250 2.1.5", "with one behind another character" },
		{ "a+b@inside.example", "250 2.1.5", "whose line has one" },
		{ "a@inside.example", "550 5.1.1", "without the one that its line has" },
		{ "a+b+c@inside.example", "550 5.1.1", "the extension begins at the first character" },
		{ "+user@inside.example", "550 5.1.1", "which cannot be the first of all" },
		{ "user2@inside.example", "550 5.1.1", "an address that has none" },
		{ "user@below.inside.example", "550 5.1.1", "a domain below" },
		{ "anybody@whole.example", "250 2.1.5", "a domain that has a line" },
		{ "postmaster@inside.example", "250 2.1.5", "a postmaster" },
		{ "postmaster", "250 2.1.5", "the postmaster" },
	};
	struct lists *l = table();

	world_settings();
	snprintf(world.settings.recipients_extension, SETTINGS_STR_MAX, "+-");
	world.settings.smtp_errors_soft = world.settings.smtp_errors_hard = 1000;
	world_open();
	world.shard->recipients = l;
	struct caller *c = greeted();
	char line[200];

	say(c, MAIL_FROM);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", cases[i].rcpt);
		say(c, line);
		is_last(c, cases[i].reply, "%s: %s", cases[i].sentence, cases[i].rcpt);
	}
	ok(world.n_sinks == 0 && stats()->shard_rcpt_unknown == 5, "no next hop was asked");
	ok(rcpt_table_find(world.shard, &world.settings, SPAN("user@gr\xc3\xbcn.example")) == RCPT_IN_TABLE,
	   "a domain outside ASCII is looked for as in DNS");
	all_is_given_back("the table");
	lists_free(l);
}

/* Whoever tries names is slowed down, and cut off. */
static void harvest(void)
{
	struct lists *l = table();

	world_settings();
	world_open();
	world.shard->recipients = l;
	struct caller *c = greeted();

	say(c, MAIL_FROM);
	for (int i = 0; i < 9; i++)
		say(c, TO("nobody@inside.example"));
	ok(stats()->smtp_errors_delayed == 0, "nine unknown recipients are told at once");
	say(c, TO("nobody@inside.example"));
	ok(stats()->smtp_errors_delayed == 1, "the tenth is delayed");
	for (int i = 0; i < 10; i++) {
		say(c, TO("nobody@inside.example"));
		pass(2 * SECOND);
	}
	is_last(c, "421 4.7.0", "the twentieth ends it");
	ok(stats()->smtp_errors_hard == 1 && stats()->shard_rcpt_unknown == 20, "counted");
	all_is_given_back("a harvest");
	lists_free(l);
}

/* With recipients.check as well: who is in the table by its domain only is asked for. */
static void table_and_next_hop(void)
{
	struct lists *l = table();

	world_settings();
	snprintf(world.settings.recipients_check, sizeof(world.settings.recipients_check), "next_hop");
	world_open();
	world.shard->recipients = l;
	struct caller *c = greeted();

	say(c, MAIL_FROM TO("user@inside.example") TO("nobody@inside.example"));
	ok(stats()->shard_rcpt_asked == 0, "of who has a line, or none at all, nothing is left to ask");
	say(c, TO("anybody@whole.example"));
	ok(stats()->shard_rcpt_asked == 1, "of who is in by its domain there is");
	all_is_given_back("table and next hop");
	lists_free(l);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	known();
	unknown();
	not_now();
	unreachable(false);
	unreachable(true);
	gone();
	together();
	cache();
	in_the_table();
	harvest();
	table_and_next_hop();
	return done();
}
