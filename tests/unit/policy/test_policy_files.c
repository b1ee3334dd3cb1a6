// SPDX-License-Identifier: MIT
/*
 * test_policy_files.c - the rule sets of conf/policy, each rule with its cases in tests/scenarios/policy
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "ctrlplane/policy/rules.h"
#include "ctrlplane/settings_load.h"
#include "tests/tap.h"

static struct settings settings;
static struct policy_counts counts, seen; /* of one case; of all cases of a file */
static struct verify v;
static struct verdict verdict;
static struct greylist *greylist; /* of one case, if that wants one */

static void hear(void *arg, const char *message)
{
	(void)arg;
	ok(false, "%s", message);
}

/* A configuration that names the file, and nothing else of policy. */
static bool load(const char *name)
{
	char path[] = "/tmp/sekisho-policy-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return false;
	fprintf(f,
		"ports = ({ device = \"net_tap0\"; addresses = [ \"192.0.2.25/24\" ]; });\n"
		"next_hops = ({ address = \"192.0.2.26\"; });\npolicy : { file = \"conf/policy/%s.conf\"; };\n",
		name);
	fclose(f);
	bool good = settings_load(path, &settings, hear, NULL);
	unlink(path);
	return good;
}

/* A message of which nothing is known but that it came. */
static void facts_begin(struct policy_facts *f)
{
	memset(f, 0, sizeof(*f));
	for (unsigned i = 0; i < POLICY_N_FACTS; i++)
		policy_fact_set(f, (enum policy_fact)i, policy_words((enum policy_fact)i)[0]);
	policy_fact_set(f, POLICY_ARC_TRUSTED, "no");
	policy_fact_set(f, POLICY_TLS, "no");
	policy_fact_set(f, POLICY_IPREV, "pass");
	f->is[POLICY_LIST] = 0;
	f->mail_from = SPAN("a@example.org");
	f->n_rcpts = 1;
	f->size = 1000;
	memset(&v, 0, sizeof(v));
	v.has_header = v.judged = true;
	v.from = (struct from){ .reason = "", .domain_len = 11, .domain = "example.org" };
	v.arc.reason = v.dmarc.reason = "";
	v.dmarc.policy_domain = SPAN("example.org");
}

static void greylist_open(void)
{
	static _Alignas(64) uint8_t memory[65536];
	static const struct siphash_key key = { 7, 8 };

	CHECK(greylist_memory(1024) <= sizeof(memory));
	memset(memory, 0, sizeof(memory));
	greylist = greylist_init(memory, 1024, &key);
}

/* The same for what verdict_of() looks at. */
static void tell_verify(const char *fact, const char *word)
{
	bool fail = strcmp(word, "fail") == 0;

	if (strcmp(fact, "dmarc") == 0)
		v.dmarc.result = fail ? DMARC_RESULT_FAIL : DMARC_RESULT_NONE;
	if (strcmp(fact, "dmarc_asks") == 0)
		v.dmarc.disposition = strcmp(word, "reject") == 0       ? DMARC_POLICY_REJECT
				      : strcmp(word, "quarantine") == 0 ? DMARC_POLICY_QUARANTINE
									: DMARC_POLICY_NONE;
}

/* met=yes: the client was told to come again, and has come again in time. */
static void meet(struct policy_facts *f)
{
	static struct span rcpt;
	rcpt = SPAN("user@example.net");
	struct greylist_triplet t = { .client = f->client, .mail_from = f->mail_from, .rcpt = rcpt };
	uint32_t wait_s;

	f->rcpts = &rcpt;
	f->greylist = greylist;
	greylist_ask(greylist, &settings, &t, 1000, &wait_s);
	f->now_s = 1000 + (uint32_t)settings.greylist_delay_s + 1;
}

static bool set_fact(struct policy_facts *f, const char *fact, const char *word)
{
	tell_verify(fact, word);
	if (strcmp(fact, "mail_from") == 0)
		f->mail_from = span_str(word);
	else if (strcmp(fact, "rcpts") == 0)
		f->n_rcpts = (uint32_t)strtoul(word, NULL, 10);
	else if (strcmp(fact, "dnsbl") == 0)
		f->dnsbl = (int32_t)strtol(word, NULL, 10);
	else if (strcmp(fact, "met") == 0)
		meet(f);
	else
		for (unsigned i = 0; i < POLICY_N_FACTS; i++) {
			if (strcmp(policy_fact_text((enum policy_fact)i), fact) != 0)
				continue;
			policy_fact_set(f, (enum policy_fact)i, word);
			return true;
		}
	return strcmp(fact, "mail_from") == 0 || strcmp(fact, "rcpts") == 0 || strcmp(fact, "dnsbl") == 0 ||
	       strcmp(fact, "met") == 0;
}

/* "default +one +two accept": the verdict, and the rules that matched besides. */
static void happened(char *out, size_t cap)
{
	struct text t;

	text_init(&t, out, cap);
	text_puts(&t, verdict.rule);
	for (unsigned i = 0; i < settings.rules.n_rules; i++) {
		struct span name = policy_span(&settings.rules, settings.rules.rules[i].name);

		seen.hits[i] += counts.hits[i];
		if (!counts.hits[i] || span_eq(name, span_str(verdict.rule)))
			continue;
		text_puts(&t, " +");
		text_put(&t, name);
	}
	text_puts(&t, " ");
	text_puts(&t, verdict_action_text(verdict.action));
}

/* Each rule counts the same whether it acts or is only monitored: what an operator sees before is what happens then. */
static void monitors(const char *file, unsigned number, const struct policy_facts *f)
{
	const struct policy_counts acting = counts;
	struct policy_rule *rules = settings.rules.rules;
	bool same = true;

	for (unsigned i = 0; i < settings.rules.n_rules; i++) {
		bool before = rules[i].monitor;

		rules[i].monitor = !before;
		memset(&counts, 0, sizeof(counts));
		policy_judge(&verdict, &settings, f, &v, &counts, NULL);
		/* A rule behind one that decides is not looked at. */
		same &= counts.hits[i] == acting.hits[i] && counts.missing[i] == acting.missing[i];
		rules[i].monitor = before;
	}
	ok(same, "%s:%u: each rule counts the same by monitor", file, number);
}

static void run_case(const char *file, unsigned number, char *line)
{
	char expected[256] = "", got[256], *rest = line, *word;
	struct policy_facts f;

	facts_begin(&f);
	greylist_open();
	while ((word = strsep(&rest, " \n"))) {
		char *value = strchr(word, '=');

		if (!*word)
			continue;
		if (value) {
			*value++ = '\0';
			if (!set_fact(&f, word, value))
				ok(false, "%s:%u: %s is no fact", file, number, word);
			continue;
		}
		if (*expected)
			strncat(expected, " ", sizeof(expected) - strlen(expected) - 1);
		strncat(expected, word, sizeof(expected) - strlen(expected) - 1);
	}
	memset(&counts, 0, sizeof(counts));
	policy_judge(&verdict, &settings, &f, &v, &counts, NULL);
	happened(got, sizeof(got));
	is_span(span_str(got), span_str(expected), "%s:%u", file, number);
	monitors(file, number, &f);
}

static void run_file(const char *name)
{
	char path[128], line[512];
	unsigned number = 0;

	memset(&seen, 0, sizeof(seen));
	if (!ok(load(name), "conf/policy/%s.conf is good", name))
		return;
	snprintf(path, sizeof(path), "tests/scenarios/policy/%s.scn", name);
	FILE *f = fopen(path, "r");
	if (!ok(f != NULL, "%s is there", path))
		return;
	while (fgets(line, sizeof(line), f)) {
		number++;
		if (*line != '#' && *line != '\n')
			run_case(path, number, line);
	}
	fclose(f);
	for (unsigned i = 0; i < settings.rules.n_rules; i++)
		ok(seen.hits[i] > 0, "%s: the rule %s has a case in which it matches", name,
		   settings.rules.text + settings.rules.rules[i].name.at);
}

int main(void)
{
	run_file("conservative");
	run_file("standard");
	run_file("strict");
	return done();
}
