// SPDX-License-Identifier: MIT
/*
 * test_shard_strangers.c - what a client meets before its mail is judged: lists in DNS, limits by domain, a greeting that
 * waits, a deny list at the door
 */
#include "ctrlplane/settings_load.h"
#include "tests/unit/shard/shard_world.h"

static void hear(void *arg, const char *message)
{
	(void)arg;
	ok(false, "%s", message);
}

/* A world with these settings, beside those of world_settings(). */
static void world_with(const char *more)
{
	static struct settings loaded;
	char text[4096];

	snprintf(text, sizeof(text),
		 "ports = ({ device = \"net_tap0\"; addresses = [ \"192.0.2.25/24\" ]; });\n"
		 "next_hops = ({ address = \"192.0.2.26\"; });\n%s\n",
		 more);
	world_settings();
	if (!settings_load_text(span_str(text), "f", &loaded, hear, NULL))
		return;
	world.settings.rules = loaded.rules;
	world.settings.n_dnsbls = loaded.n_dnsbls;
	memcpy(world.settings.dnsbls, loaded.dnsbls, sizeof(loaded.dnsbls));
	world.settings.dnsbl_timeout_ms = loaded.dnsbl_timeout_ms;
	world.settings.smtp_greet_delay_ms = loaded.smtp_greet_delay_ms;
	memcpy(world.settings.smtp_early_talk, loaded.smtp_early_talk, sizeof(loaded.smtp_early_talk));
	world.settings.rates_sender_max = loaded.rates_sender_max;
	world.settings.rates_sender_open_max = loaded.rates_sender_open_max;
	world.settings.rates_recipient_max = loaded.rates_recipient_max;
	world.settings.rates_recipient_open_max = loaded.rates_recipient_open_max;
	world_open();
}

static void dns(const char *records)
{
	const char *what;

	CHECK(dns_zone_load(world.zone, span_str(records), &what) == 0);
}

#define LISTS                                                                                                          \
	"dnsbl : { lists = ( { zone = \"one.example\"; weight = 3; }, { zone = \"two.example\"; weight = 4; "          \
	"answers = \"127.0.0.9\"; }, { zone = \"good.lists.example\"; weight = -5; } ); };\n"
#define LIST_RULES                                                                                                     \
	"policy : { rules = ( { name = \"listed\"; when : { dnsbl_min = 5; }; action = \"reject\"; },"                 \
	"{ name = \"known\"; when : { dnsbl_max = -1; }; action = \"accept\"; },"                                      \
	"{ name = \"suspect\"; when : { dnsbl_min = 1; }; action = \"add\"; field = \"X-Note: listed\"; } ); };"

static void lists(void)
{
	world_with(LISTS LIST_RULES);
	dns("10.2.0.192.one.example A 127.0.0.2\n");
	struct caller *c = sends(MESSAGE);
	is_last(c, "250", "listed by one of two lists");
	ok(world.n_stored == 1 && strstr(world.stored[0], "X-Note: listed\r\n"), "a rule on a lower score matches");
	ok(strstr(world.steps, "dnsbl: score 3, listed by one.example; as good by \n"), "the account tells");
	ok(world.shard->stats.shard_dnsbl_listed == 1, "counted");
	all_is_given_back("one list");

	world_with(LISTS LIST_RULES);
	dns("10.2.0.192.one.example A 127.0.0.2\n10.2.0.192.two.example A 127.0.0.9\n");
	c = sends(MESSAGE);
	is_last(c, "550 5.7.1 Your address 192.0.2.10 is listed by one.example, two.example", "listed by both");
	all_is_given_back("two lists");

	world_with(LISTS LIST_RULES);
	dns("10.2.0.192.one.example A 127.0.0.2\n10.2.0.192.two.example A 127.0.0.8\n"
	    "10.2.0.192.good.lists.example A 127.0.0.1\n");
	is_last(sends(MESSAGE), "250", "another answer than the one that counts, and a list of the good");
	is_span(span_str(world.records[world.n_records - 1].rule), SPAN("known"), "the score is below nothing");
	all_is_given_back("a list of the good");
}

static void late_lists(void)
{
	struct caller *c;

	world_with(LISTS LIST_RULES);
	c = greeted();
	world.dns_withheld = true;
	say(c, ENVELOPE);
	say(c, MESSAGE);
	pass(2900000);
	ok(world.shard->stats.shard_dnsbl_late == 0, "lists are waited for");
	pass(200000);
	ok(world.shard->stats.shard_dnsbl_late == 1, "until dnsbl.timeout_ms");
	pass(60 * SECOND);
	all_is_given_back("lists that do not answer");
}

static void suspended_lists(void)
{
	static struct dnsbl_zones zones = { .n = 1, .zones = { { .name = "one.example" } } };
	struct dns_question q;
	struct dnsbl d;
	uint32_t list, asked = 0;
	struct ip_addr client = address("192.0.2.10");

	world_with(LISTS LIST_RULES);
	atomic_store(&zones.zones[0].suspended, true);
	dnsbl_begin(&d, &world.settings, &client, dnsbl_suspended(&zones, &world.settings));
	while (dnsbl_question(&d, &list, &q))
		asked |= 1u << list;
	ok(asked == 6, "a list that is suspended is not asked");
	ok(dnsbl_suspended(NULL, &world.settings) == 0, "without tests none is");
	all_is_given_back("a suspended list");
}

static void rates(void)
{
	struct caller *c;

	world_with("rates : { sender_max = 2; recipient_max = 3; };");
	c = sends(MESSAGE);
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250", "two messages of a domain a minute");
	say(c, "MAIL FROM:<b@good.example>\r\n");
	is_last(c, "450 4.7.1", "the third one is put off at MAIL");
	say(c, "MAIL FROM:<b@other.example>\r\nRCPT TO:<user@inside.example>\r\n");
	is_last(c, "250", "that of another domain is not");
	say(c, "RCPT TO:<second@inside.example>\r\n");
	is_last(c, "450 4.7.1", "the fourth recipient of a domain is put off at RCPT");
	pass(31 * SECOND);
	say(c, "RCPT TO:<second@inside.example>\r\nRSET\r\nMAIL FROM:<b@good.example>\r\n");
	is_last(c, "250", "half a minute later both may again");
	say(c, "RSET\r\nMAIL FROM:<>\r\n");
	is_last(c, "250", "the null sender is of no domain");
	ok(world.shard->stats.shard_rate_sender == 1 && world.shard->stats.shard_rate_recipient == 1, "counted");
	all_is_given_back("rates");
}

static void at_once(void)
{
	struct caller *one, *two;

	world_with("rates : { sender_open_max = 1; recipient_open_max = 1; };");
	one = greeted();
	two = greeted();
	say(one, "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\nRCPT TO:<v@inside.example>\r\n");
	is_last(one, "250", "two recipients of one transaction count once");
	say(two, "MAIL FROM:<a@good.example>\r\n");
	is_last(two, "450 4.7.1", "a second transaction of the domain is put off");
	say(two, "MAIL FROM:<a@other.example>\r\nRCPT TO:<user@inside.example>\r\n");
	is_last(two, "450 4.7.1", "as is one to a domain that has one");
	say(one, "RSET\r\n");
	say(two, "RCPT TO:<user@inside.example>\r\nRSET\r\nMAIL FROM:<a@good.example>\r\n");
	is_last(two, "250", "when the first has ended both may");
	all_is_given_back("transactions at once");
}

static void greeting_waits(void)
{
	struct caller *c;

	world_with("smtp : { greet_delay_ms = 4000; };");
	c = caller_open("192.0.2.10");
	pass(3 * SECOND);
	ok(c->got.len == 0 && world.shard->rooms.n_used == 0, "nothing is said, and no room is held");
	pass(2 * SECOND);
	is_last(c, "220 ", "then the greeting comes");
	say(c, "EHLO mail.good.example\r\n" ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250", "and all goes on");
	c = caller_open("192.0.2.66");
	say(c, "EHLO early.example\r\n");
	is_last(c, "554 5.5.1", "who talks before it is refused");
	ok(c->peer_closed && world.shard->stats.smtp_early_talk == 1, "at once");
	all_is_given_back("a greeting that waits");

	world_with(
		"smtp : { greet_delay_ms = 4000; early_talk = \"note\"; };\n"
		"policy : { rules = ( { name = \"early\"; when : { early_talk = true; }; action = \"reject\"; } ); };");
	c = caller_open("192.0.2.10");
	say(c, "EHLO mail.good.example\r\n");
	ok(c->got.len == 0, "where it is only noted nobody is answered early either");
	pass(5 * SECOND);
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "550 5.7.1", "and a rule may decide on it");
	all_is_given_back("early talk noted");
}

int main(void)
{
	lists();
	late_lists();
	suspended_lists();
	rates();
	at_once();
	greeting_waits();
	return done();
}
