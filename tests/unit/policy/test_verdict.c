// SPDX-License-Identifier: MIT
/*
 * test_verdict.c - results and settings in, a verdict out
 */
#include "ctrlplane/policy/verdict.h"
#include "tests/tap.h"

static struct settings settings;
static struct verify v;
static struct verdict verdict;

/* A message that is verified, of example.org, under the default settings. */
static void a_message(enum dmarc_result result, enum dmarc_policy disposition)
{
	memset(&settings, 0, sizeof(settings));
	strcpy(settings.policy_dmarc_reject, "reject");
	strcpy(settings.policy_dmarc_quarantine, "quarantine");
	strcpy(settings.policy_temperror, "defer");
	strcpy(settings.policy_bad_from, "reject");
	strcpy(settings.policy_quarantine_header, "X-Spam-Flag: YES");
	memset(&v, 0, sizeof(v));
	v.has_header = v.judged = true;
	v.from = (struct from){ .reason = "", .domain_len = 11, .domain = "example.org" };
	v.arc.reason = v.dmarc.reason = "";
	v.dmarc.result = result;
	v.dmarc.disposition = v.dmarc.policy = v.dmarc.published = disposition;
	v.dmarc.from_domain = v.dmarc.policy_domain = SPAN("example.org");
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* Judges; the line is "action rule code x.y.z disposition". */
static void is(const char *expected, const char *sentence)
{
	char line[256];

	memset(&verdict, 0xa5, sizeof(verdict));
	verdict_of(&verdict, &settings, &v);
	snprintf(line, sizeof(line), "%s %s %u %u.%u.%u %s", verdict_action_text(verdict.action), verdict.rule,
		 verdict.code, verdict.enhanced[0], verdict.enhanced[1], verdict.enhanced[2],
		 verdict.dmarc_disposition);
	is_span(span_str(line), span_str(expected), "%s", sentence);
	ok((verdict.text[0] != '\0') == (verdict.code != 250) && is_printable(verdict.text), "%s: the text", sentence);
}

static void dmarc_decides(void)
{
	a_message(DMARC_RESULT_PASS, DMARC_POLICY_NONE);
	is("accept default 250 2.0.0 none", "pass");
	a_message(DMARC_RESULT_NONE, DMARC_POLICY_NONE);
	is("accept default 250 2.0.0 none", "no record");
	a_message(DMARC_RESULT_PERMERROR, DMARC_POLICY_NONE);
	is("accept default 250 2.0.0 none", "a broken record");
	a_message(DMARC_RESULT_FAIL, DMARC_POLICY_NONE);
	is("accept default 250 2.0.0 none", "fail under p=none");

	a_message(DMARC_RESULT_FAIL, DMARC_POLICY_REJECT);
	is("reject dmarc.reject 550 5.7.1 reject", "fail under p=reject");
	is_span(span_str(verdict.text),
		SPAN("DMARC: example.org asks to reject what it did not authenticate (p=reject); see RFC 9989"),
		"the reply names the domain and its policy");
	strcpy(settings.policy_dmarc_reject, "quarantine");
	is("quarantine dmarc.reject 250 2.0.0 quarantine", "fail under p=reject, set to quarantine");
	strcpy(settings.policy_dmarc_reject, "accept");
	is("accept dmarc.reject 250 2.0.0 none", "fail under p=reject, set to accept");

	a_message(DMARC_RESULT_FAIL, DMARC_POLICY_QUARANTINE);
	is("quarantine dmarc.quarantine 250 2.0.0 quarantine", "fail under p=quarantine");
	strcpy(settings.policy_dmarc_quarantine, "reject");
	is("reject dmarc.quarantine 550 5.7.1 reject", "fail under p=quarantine, set to reject");
	ok(strstr(verdict.text, "(p=quarantine)") != NULL, "and the reply names that policy");
	strcpy(settings.policy_dmarc_quarantine, "accept");
	is("accept dmarc.quarantine 250 2.0.0 none", "fail under p=quarantine, set to accept");

	a_message(DMARC_RESULT_TEMPERROR, DMARC_POLICY_NONE);
	is("accept default 250 2.0.0 none", "temperror when no answer could bring more than p=none");
	v.dmarc.at_stake = DMARC_POLICY_QUARANTINE;
	is("defer dmarc.temperror 451 4.7.1 none", "temperror");
	strcpy(settings.policy_temperror, "accept");
	is("accept dmarc.temperror 250 2.0.0 none", "temperror, set to accept");
}

static void a_trusted_chain_overrides(void)
{
	static const enum dmarc_policy asked[] = { DMARC_POLICY_REJECT, DMARC_POLICY_QUARANTINE };

	for (size_t i = 0; i < 2; i++) {
		a_message(DMARC_RESULT_FAIL, asked[i]);
		v.arc.result = ARC_RESULT_PASS;
		v.arc.trusted = v.arc.covers_from = true;
		is("accept dmarc.override.arc 250 2.0.0 none", "a trusted ARC chain");
	}
	a_message(DMARC_RESULT_FAIL, DMARC_POLICY_REJECT);
	v.arc.result = ARC_RESULT_PASS;
	v.arc.covers_from = true;
	is("reject dmarc.reject 550 5.7.1 reject", "an ARC chain that is not trusted");
	v.arc.trusted = true;
	v.arc.covers_from = false;
	is("reject dmarc.reject 550 5.7.1 reject", "an ARC chain that does not sign From");
	v.arc.covers_from = true;
	v.arc.result = ARC_RESULT_FAIL;
	is("reject dmarc.reject 550 5.7.1 reject", "a broken ARC chain");
	v.arc.result = ARC_RESULT_TEMPERROR;
	v.arc.sealer = SPAN("Lists.example");
	is("reject dmarc.reject 550 5.7.1 reject",
	   "a chain that could not be validated, of a sealer who is not trusted");
	settings.n_arc_trusted = 1;
	strcpy(settings.arc_trusted[0], "lists.example");
	is("defer arc.temperror 451 4.7.1 none", "the same of a sealer who would be trusted");
	v.arc.covers_from = false;
	is("reject dmarc.reject 550 5.7.1 reject", "the same without From signed");
	v.arc.covers_from = true;
	v.arc.result = ARC_RESULT_PASS;
	v.dmarc.result = DMARC_RESULT_TEMPERROR;
	v.dmarc.at_stake = DMARC_POLICY_REJECT;
	is("accept default 250 2.0.0 none", "a trusted chain whatever DMARC would have said");
	v.from = (struct from){ .error = FROM_SYNTAX, .reason = "it is a test" };
	is("reject from.syntax 550 5.7.1 none", "a trusted ARC chain without an author");
}

static void a_broken_from_is_refused(void)
{
	static const struct {
		enum from_error error;
		const char *line;
	} errors[] = {
		{ FROM_MISSING, "reject from.missing 550 5.7.1 none" },
		{ FROM_REPEATED, "reject from.repeated 550 5.7.1 none" },
		{ FROM_SYNTAX, "reject from.syntax 550 5.7.1 none" },
		{ FROM_NO_ADDRESS, "reject from.no_address 550 5.7.1 none" },
		{ FROM_MANY_DOMAINS, "reject from.many_domains 550 5.7.1 none" },
		{ FROM_DOMAIN, "reject from.domain 550 5.7.1 none" },
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char rule[64];

		a_message(DMARC_RESULT_NONE, DMARC_POLICY_ABSENT);
		v.from = (struct from){ .error = errors[i].error, .reason = "there is something wrong" };
		is(errors[i].line, errors[i].line);
		snprintf(rule, sizeof(rule), "from.%s", from_error_text(errors[i].error));
		ok(strcmp(verdict.rule, rule) == 0, "the rule is named after the error");
	}
	is_span(span_str(verdict.text), SPAN("From: there is something wrong (RFC 5322 3.6.2)"),
		"the reply says what is wrong");
	strcpy(settings.policy_bad_from, "quarantine");
	is("quarantine from.domain 250 2.0.0 none", "a broken From, set to quarantine");
	strcpy(settings.policy_bad_from, "accept");
	is("accept from.domain 250 2.0.0 none", "a broken From, set to accept");
}

static void long_domains_leave_room_for_the_sentence(void)
{
	char name[253];

	memset(name, 'a', sizeof(name));
	a_message(DMARC_RESULT_FAIL, DMARC_POLICY_REJECT);
	v.dmarc.policy_domain = span_of(name, sizeof(name));
	is("reject dmarc.reject 550 5.7.1 reject", "the longest domain");
	ok(strstr(verdict.text, " ...aaa") && strstr(verdict.text, "(p=reject); see RFC 9989"), "its end is shown");
	a_message(DMARC_RESULT_TEMPERROR, DMARC_POLICY_NONE);
	memset(v.from.domain, 'a', 253);
	v.from.domain_len = 253;
	v.dmarc.at_stake = DMARC_POLICY_REJECT;
	is("defer dmarc.temperror 451 4.7.1 none", "the longest domain, not answered");
	ok(strstr(verdict.text, "try later") != NULL, "the sentence is whole");
}

static void quarantine_has_a_header(void)
{
	char room[512];
	struct text t;

	text_init(&t, room, sizeof(room));
	a_message(DMARC_RESULT_FAIL, DMARC_POLICY_QUARANTINE);
	is("quarantine dmarc.quarantine 250 2.0.0 quarantine", "quarantine");
	verdict_quarantine_fields(&settings, &verdict, &t);
	is_span(text_span(&t), SPAN("X-Spam-Flag: YES\r\n"), "the field of the settings");
	text_reset(&t);
	ok(verdict_field_is_ours(&settings, SPAN("x-spam-FLAG")),
	   "a field of that name from outside would speak for us");
	ok(!verdict_field_is_ours(&settings, SPAN("X-Spam-Flags")) && !verdict_field_is_ours(&settings, SPAN("X-Spam")),
	   "others do not");
	settings.policy_quarantine_header[0] = '\0';
	ok(!verdict_field_is_ours(&settings, SPAN("")), "without a tag there is none to be forged");
	verdict_quarantine_fields(&settings, &verdict, &t);
	is_span(text_span(&t), SPAN(""), "none when the setting is empty");
	a_message(DMARC_RESULT_PASS, DMARC_POLICY_NONE);
	is("accept default 250 2.0.0 none", "accepted");
	verdict_quarantine_fields(&settings, &verdict, &t);
	is_span(text_span(&t), SPAN(""), "none on a message that is not quarantined");
}

int main(void)
{
	dmarc_decides();
	a_trusted_chain_overrides();
	a_broken_from_is_refused();
	long_domains_leave_room_for_the_sentence();
	quarantine_has_a_header();
	a_message(DMARC_RESULT_PASS, DMARC_POLICY_NONE);
	v.judged = false;
	is("defer unverified 451 4.7.1 none", "a message that is not verified yet");
	a_message(DMARC_RESULT_PASS, DMARC_POLICY_NONE);
	v.has_header = false;
	is("defer unverified 451 4.7.1 none", "an envelope without a message");
	return done();
}
