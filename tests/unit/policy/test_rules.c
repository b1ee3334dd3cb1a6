// SPDX-License-Identifier: MIT
/*
 * test_rules.c - rules over facts: conditions, order, what is not known, what is only counted
 */
#include "ctrlplane/policy/rules.h"
#include "ctrlplane/settings_load.h"
#include "tests/tap.h"

static struct settings settings;
static struct policy_counts counts;
static struct policy_facts f;
static struct verify v;
static struct verdict verdict;
static char account[2048];

static void hear(void *arg, const char *message)
{
	(void)arg;
	ok(false, "%s", message);
}

/* The rules, and a message that is verified and passes all. */
static void with(const char *rules)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "ports = ({ device = \"net_tap0\"; addresses = [ \"192.0.2.25/24\" ]; });\n"
		 "next_hops = ({ address = \"192.0.2.26\"; });\npolicy : { rules = ( %s ); };\n",
		 rules);
	memset(&settings, 0, sizeof(settings));
	if (!settings_load_text(span_str(text), "f", &settings, hear, NULL))
		return;
	memset(&counts, 0, sizeof(counts));
	memset(&f, 0, sizeof(f));
	for (unsigned i = 0; i < POLICY_N_FACTS; i++)
		policy_fact_set(&f, (enum policy_fact)i, policy_words((enum policy_fact)i)[0]);
	f.is[POLICY_LIST] = 0;
	policy_fact_set(&f, POLICY_SPF, "pass");
	f.client = ip_addr_of4((const uint8_t *)"\300\0\2\7");
	f.helo = SPAN("mail.example.org");
	f.mail_from = SPAN("a@lists.example.org");
	f.from_domain = SPAN("example.org");
	f.n_rcpts = 1;
	f.size = 5000;
	memset(&v, 0, sizeof(v));
	v.has_header = v.judged = true;
	v.from = (struct from){ .reason = "", .domain_len = 11, .domain = "example.org" };
	v.arc.reason = v.dmarc.reason = "";
	v.dmarc.from_domain = v.dmarc.policy_domain = SPAN("example.org");
}

static const char *judged(void)
{
	static char line[400];
	struct explain e;

	text_init(&e.text, account, sizeof(account));
	policy_judge(&verdict, &settings, &f, &v, &counts, &e);
	snprintf(line, sizeof(line), "%s %s %u", verdict_action_text(verdict.action), verdict.rule, verdict.code);
	return line;
}

static void is(const char *expected, const char *sentence)
{
	is_span(span_str(judged()), span_str(expected), "%s", sentence);
}

#define RULE(name, when, rest) "{ name = \"" name "\"; when : { " when " }; " rest " }"

static const struct {
	const char *sentence, *when;
	bool matches;
} conditions[] = {
	{ "no condition", "", true },
	{ "a word", "spf = \"pass\";", true },
	{ "another word", "spf = \"fail\";", false },
	{ "one of two words", "spf = [ \"fail\", \"pass\" ];", true },
	{ "two conditions, both true", "spf = \"pass\"; dkim = \"none\";", true },
	{ "two conditions, one false", "spf = \"pass\"; dkim = \"pass\";", false },
	{ "a flag", "tls = true;", true },
	{ "a flag the other way", "tls = false;", false },
	{ "a prefix", "client = \"192.0.2.0/29\";", true },
	{ "a prefix beside it", "client = \"192.0.2.8/29\";", false },
	{ "an address", "client = [ \"2001:db8::/32\", \"192.0.2.7\" ];", true },
	{ "a prefix of the other family", "client = \"::/0\";", false },
	{ "a HELO name, in capitals", "helo = \"MAIL.example.org\";", true },
	{ "a HELO name below", "helo = \".example.org\";", true },
	{ "a HELO name that only ends alike", "helo = \".xample.org\";", false },
	{ "a HELO name is not its parent", "helo = \"example.org\";", false },
	{ "a sender", "mail_from = \"a@lists.example.org\";", true },
	{ "another sender", "mail_from = \"b@lists.example.org\";", false },
	{ "the sender's domain", "mail_from = \"lists.example.org\";", true },
	{ "a domain above it", "mail_from = [ \".example.org\" ];", true },
	{ "the null sender is another", "mail_from = \"\";", false },
	{ "the author's domain, itself", "from = \".example.org\";", true },
	{ "at least so large", "size_min = 5000;", true },
	{ "too small", "size_min = 5001;", false },
	{ "at most so large", "size_max = 5000;", true },
	{ "too large", "size_max = 4999;", false },
	{ "recipients", "rcpts_min = 1;", true },
	{ "too few", "rcpts_min = 2;", false },
	{ "a list", "list = \"deny\";", false },
	{ "a score that is reached", "dnsbl_min = 0;", true },
	{ "a score that is not", "dnsbl_min = 1;", false },
	{ "a score that is below", "dnsbl_max = -1;", false },
	{ "a peer that waited for the greeting", "early_talk = true;", false },
};

static void every_condition(void)
{
	char rule[512];

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		snprintf(rule, sizeof(rule), "{ name = \"r\"; when : { %s }; action = \"discard\"; }",
			 conditions[i].when);
		with(rule);
		is(conditions[i].matches ? "discard r 250" : "accept default 250", conditions[i].sentence);
	}
}

static void order(void)
{
	with(RULE("one", "spf = \"fail\";", "action = \"accept\";") "," RULE(
		"two", "", "action = \"reject\"; text = \"No\";") "," RULE("three", "", "action = \"accept\";"));
	is("reject two 550", "the first that matches decides");
	is_span(span_str(verdict.text), SPAN("No"), "with its text");
	ok(counts.hits[0] == 0 && counts.hits[1] == 1 && counts.hits[2] == 0, "hits are counted by rule");
	with(RULE("one", "", "action = \"add\"; field = \"X-A: 1\";") "," RULE(
		"two", "", "action = \"tag\"; field = \"X-B: 2\";") "," RULE("three", "",
									     "action = \"add\"; field = \"X-C: 3\";"));
	char fields[256];
	struct text t;
	is("accept two 250", "add goes on, tag ends");
	text_init(&t, fields, sizeof(fields));
	policy_fields(&settings, &verdict, &t);
	is_span(text_span(&t), SPAN("X-A: 1\r\nX-B: 2\r\n"), "both fields go on top");
	ok(verdict_field_is_ours(&settings, SPAN("x-a")) && verdict_field_is_ours(&settings, SPAN("X-C")) &&
		   !verdict_field_is_ours(&settings, SPAN("X-D")),
	   "a field of that name that comes from outside is not passed on");
	with(RULE("one", "", "action = \"reject\"; monitor = true;") "," RULE("two", "", "action = \"quarantine\";"));
	is("quarantine two 250", "a monitored rule does nothing");
	ok(counts.hits[0] == 1, "but is counted");
	ok(strstr(account, "policy: rule one matches, only monitored: reject\npolicy: rule two matches: quarantine\n"),
	   "and told");
	with(RULE("one", "", "action = \"default\";") "," RULE("two", "", "action = \"discard\";"));
	v.dmarc.result = DMARC_RESULT_FAIL;
	v.dmarc.disposition = DMARC_POLICY_REJECT;
	is("reject dmarc.reject 550", "default ends the rules: DMARC decides");
	is_span(span_str(verdict.dmarc_disposition), SPAN("reject"), "what was done is what DMARC asked for");
	with(RULE("one", "", "action = \"accept\";"));
	v.dmarc.result = DMARC_RESULT_FAIL;
	v.dmarc.disposition = DMARC_POLICY_REJECT;
	is("accept one 250", "a rule may accept what DMARC would refuse");
	is_span(span_str(verdict.dmarc_disposition), SPAN("none"), "and DMARC's reports say so");
	with(RULE("one", "", "action = \"accept\";"));
	v.judged = false;
	is("defer unverified 451", "no rule accepts what is not verified");
}

static void not_known(void)
{
	with(RULE("one", "spf = \"fail\";", "action = \"reject\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("defer one 451", "a rule that hangs on an answer defers");
	ok(counts.missing[0] == 1 && counts.hits[0] == 0, "that is counted");
	ok(strstr(verdict.text, "(one)"), "and the reply names the rule: %s", verdict.text);
	with(RULE("one", "spf = \"fail\"; client = \"10.0.0.0/8\";", "action = \"reject\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("accept default 250", "not when another condition is false");
	with(RULE("one", "spf = [ \"fail\", \"temperror\" ];", "action = \"reject\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("reject one 550", "nor when it names temperror itself");
	with(RULE("one", "spf = \"fail\";", "action = \"reject\"; missing = \"skip\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("accept default 250", "nor when it says skip");
	with(RULE("one", "spf = \"fail\";", "action = \"reject\"; monitor = true;"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("accept default 250", "nor when it is only monitored");
	with(RULE("one", "spf = \"fail\";", "action = \"reject\";") "," RULE("two", "", "action = \"reject\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("reject two 550", "nor when it comes to the same");
	with(RULE("one", "spf = \"pass\";", "action = \"accept\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("accept default 250", "as when it would be accepted anyway");
	with(RULE("one", "spf = \"pass\";", "action = \"accept\";") "," RULE("two", "",
									     "action = \"add\"; field = \"X-A: 1\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("defer one 451", "but with another field it would not be the same");
	with(RULE("one", "spf = \"pass\";", "action = \"accept\";") "," RULE("two", "", "action = \"reject\";"));
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("defer one 451", "nor if it would be refused");
}

static void greylisting(void)
{
	static _Alignas(64) uint8_t memory[1 << 14];
	struct span rcpts[] = { SPAN("u@in.example"), SPAN("v@in.example") };
	const struct siphash_key key = { 1, 2 };

	CHECK(greylist_memory(1024) <= sizeof(memory));
	struct greylist *g = greylist_init(memory, 1024, &key);
#define GREY(rest) RULE("grey", "client = \"192.0.2.0/24\";", "action = \"greylist\"; " rest)
	with(GREY("") "," RULE("after", "", "action = \"quarantine\";"));
	is("defer grey 451", "without a table everybody is a stranger");
	f.greylist = g;
	f.rcpts = rcpts;
	f.now_s = 1000000;
	is("defer grey 451", "a stranger is deferred");
	ok(strstr(verdict.text, "greylisted") && verdict.greylist == GREYLIST_WAITS, "and told so: %s", verdict.text);
	f.now_s += 300;
	is("quarantine after 250", "who comes again goes on to the next rule");
	ok(counts.hits[0] == 3 && counts.hits[1] == 1, "hits are counted either way");
	f.n_rcpts = 2;
	is("defer grey 451", "one recipient who is new defers the message");
	f.now_s += 300;
	is("quarantine after 250", "until he is not");
	with(GREY("text = \"Later\"; monitor = true;"));
	f.greylist = g;
	f.rcpts = rcpts;
	f.mail_from = SPAN("new@example.org");
	is("accept default 250", "monitored it does nothing");
	ok(counts.hits[0] == 1, "and counts as if it did");
	with(GREY("text = \"Later\";"));
	f.greylist = g;
	f.rcpts = rcpts;
	f.mail_from = SPAN("new@example.org");
	f.authenticated = SPAN("example.org");
	is("accept default 250", "mail that passes SPF or DKIM is not greylisted");
	ok(verdict.greylist == GREYLIST_NET, "that is told");
	snprintf(settings.greylist_authenticated, sizeof(settings.greylist_authenticated), "net");
	is("defer grey 451", "unless greylist.authenticated says so");
	is_span(span_str(verdict.text), SPAN("Later"), "a text of its own");
	with(GREY("") "," RULE("no", "", "action = \"reject\";"));
	f.client = ip_addr_of4((const uint8_t *)"\300\0\3\7");
	is("reject no 550", "who does not match is not asked for");
}

static void redirects(void)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "ports = ({ device = \"net_tap0\"; addresses = [ \"192.0.2.25/24\" ]; });\n"
		 "next_hops = ({ address = \"192.0.2.26\"; }, { address = \"192.0.2.27\"; name = \"scan\"; by_rule = "
		 "true; });\n"
		 "policy : { rules = ( { name = \"odd\"; when : { spf = \"fail\"; }; action = \"redirect\"; "
		 "next_hop = \"scan\"; } ); };\n");
	with(RULE("one", "", "action = \"accept\";"));
	if (!settings_load_text(span_str(text), "f", &settings, hear, NULL))
		return;
	is("accept default 250", "a rule that redirects, and does not match");
	ok(!verdict.next_hop, "the message goes where its recipients' mail goes");
	policy_fact_set(&f, POLICY_SPF, "fail");
	is("accept odd 250", "one that matches accepts");
	ok(verdict.next_hop && strcmp(verdict.next_hop, "scan") == 0, "and names the next hop");
	policy_fact_set(&f, POLICY_SPF, "temperror");
	is("defer odd 451", "one that is not known to match makes a difference");
}

static void recipients(void)
{
	with(RULE("one", "rcpt = \"sales.example\";", "action = \"discard\";") "," RULE(
		"two", "rcpt = [ \"a@help.example\", \".sales.example\" ];", "action = \"reject\";"));
	ok(policy_rcpt(&settings.rules, SPAN("b@help.example")) == 0, "a recipient for whom no rule is");
	ok(policy_rcpt(&settings.rules, SPAN("a@help.example")) == 2, "one for whom the second is");
	ok(policy_rcpt(&settings.rules, SPAN("x@Sales.example")) == 3, "one for whom both are");
	ok(policy_rcpt(&settings.rules, SPAN("x@eu.sales.example")) == 2, "one of a domain below");
	f.rcpt_rules = 2;
	is("reject two 550", "the rules of the recipient decide");
	f.rcpt_rules = 0;
	is("accept default 250", "and others do not");
}

static void counts_go_on(void)
{
	static struct policy_rules before;
	struct policy_counts after;

	with(RULE("one", "", "action = \"add\"; field = \"X-A: 1\";") "," RULE("two", "", "action = \"accept\";"));
	judged();
	before = settings.rules;
	with(RULE("zero", "", "action = \"add\"; field = \"X-A: 1\";") "," RULE("two", "", "action = \"accept\";"));
	counts = (struct policy_counts){ .hits = { 5, 7 }, .missing = { 1, 2 } };
	policy_counts_carry(&after, &settings.rules, &counts, &before);
	ok(after.hits[0] == 0 && after.hits[1] == 7 && after.missing[1] == 2,
	   "a rule of the same name goes on counting");
}

int main(void)
{
	every_condition();
	order();
	not_known();
	greylisting();
	redirects();
	recipients();
	counts_go_on();
	return done();
}
