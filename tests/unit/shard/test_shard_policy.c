// SPDX-License-Identifier: MIT
/*
 * test_shard_policy.c - rules of policy on messages that pass through a shard
 */
#include "ctrlplane/settings_load.h"
#include "tests/unit/shard/shard_world.h"

static void hear(void *arg, const char *message)
{
	(void)arg;
	ok(false, "%s", message);
}

static struct greylist *shared; /* of the next world */

static void world_with(const char *rules)
{
	static struct settings loaded;
	char text[4096];

	snprintf(text, sizeof(text),
		 "ports = ({ device = \"net_tap0\"; addresses = [ \"192.0.2.25/24\" ]; });\n"
		 "next_hops = ({ address = \"192.0.2.26\"; });\npolicy : { rules = ( %s ); };\n",
		 rules);
	world_settings();
	if (!settings_load_text(span_str(text), "f", &loaded, hear, NULL))
		return;
	world.settings.rules = loaded.rules;
	world.greylist = shared;
	world_open();
}

static const struct shard_record *last_record(void)
{
	return &world.records[world.n_records - 1];
}

static void fields_and_counts(void)
{
	world_with("{ name = \"note\"; when : { spf = \"pass\"; }; action = \"add\"; field = \"X-Note: seen\"; },"
		   "{ name = \"watch\"; when : { client = \"192.0.2.0/24\"; }; action = \"reject\"; monitor = true; }");
	struct caller *c = sends("From: <a@good.example>\r\nx-note: forged\r\n\r\nA line.\r\n.\r\n");

	is_last(c, "250", "a message that rules only mark passes");
	ok(world.n_stored == 1 && strstr(world.stored[0], "X-Note: seen\r\n"), "with the rule's field on top");
	ok(!strstr(world.stored[0], "forged"), "one of that name from outside is removed");
	ok(strstr(world.steps, "policy: rule watch matches, only monitored: reject\n"), "the account tells both");
	const struct policy_counts *counts = shard_policy_counts(world.shard);
	ok(counts->hits[0] == 1 && counts->hits[1] == 1 && counts->missing[0] == 0, "and they are counted");
	all_is_given_back("fields of rules");
}

static void actions(void)
{
	world_with("{ name = \"trash\"; when : { helo = \"mail.good.example\"; rcpt = \"user@inside.example\"; };"
		   "action = \"discard\"; },"
		   "{ name = \"refuse\"; when : { rcpt = \"refused@inside.example\"; }; action = \"reject\";"
		   "text = \"Nobody reads that\"; },"
		   "{ name = \"later\"; when : { rcpt = \"later@inside.example\"; }; action = \"defer\"; }");
	struct caller *c = sends(MESSAGE);

	is_last(c, "250", "a message to be discarded is taken");
	ok(world.n_stored == 0 && world.n_sinks == 0 && world.shard->stats.shard_discarded == 1,
	   "and no next hop sees it");
	is_span(span_str(last_record()->action), SPAN("discard"), "the record tells");
	is_span(span_str(last_record()->rule), SPAN("trash"), "and by which rule");
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<refused@inside.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "550 5.7.1 Nobody reads that", "a rule's own text");
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<later@inside.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	is_last(c, "451 4.7.1", "a rule that defers");
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<refused@inside.example>\r\nRCPT TO:<other@inside.example>\r\n");
	is_last(c, "452 4.5.3", "a recipient for whom other rules are comes in another message");
	say(c, "RCPT TO:<Refused@inside.example>\r\n");
	is_last(c, "250", "one for whom the same are may come along");
	ok(world.shard->stats.shard_rcpt_policy == 1, "counted");
	all_is_given_back("actions of rules");
}

static struct caller *stranger(void)
{
	struct caller *c = greeted();

	say(c, "MAIL FROM:<a@plain.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(c, "From: <a@plain.example>\r\n\r\nA line.\r\n.\r\n");
	return c;
}

static void greylist(void)
{
	static _Alignas(64) uint8_t memory[1 << 14];
	static const struct siphash_key key = { 1, 2 };

	shared = greylist_init(memory, 1024, &key);
	world_with("{ name = \"grey\"; action = \"greylist\"; }");
	struct caller *c = stranger();
	is_last(c, "451 4.7.1", "a stranger's message is deferred");
	is_span(span_str(last_record()->rule), SPAN("grey"), "the record names the rule");
	pass(200 * SECOND);
	c = stranger();
	is_last(c, "451 4.7.1", "too early it still is");
	pass(100 * SECOND);
	c = stranger();
	is_last(c, "250", "by another connection, after the delay, it passes");
	ok(world.shard->stats.shard_greylist_waits == 2 && world.shard->stats.shard_greylist_passes == 1,
	   "all counted");
	all_is_given_back("greylisting");
}

static void no_answer(void)
{
	world_with("{ name = \"spf\"; when : { spf = \"pass\"; }; action = \"quarantine\"; }");
	struct caller *c = greeted();

	world.dns_withheld = true;
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(c, "From: <a@plain.example>\r\n\r\nA line.\r\n.\r\n");
	pass(60 * SECOND);
	is_last(c, "451", "what a rule needs does not come: the message is deferred, not let through");
	all_is_given_back("a rule without its answer");
}

int main(void)
{
	fields_and_counts();
	actions();
	greylist();
	no_answer();
	return done();
}
