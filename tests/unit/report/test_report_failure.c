// SPDX-License-Identifier: MIT
/*
 * test_report_failure.c - failure reports: on which messages, to whom, how many, and what they tell
 */
#include "ctrlplane/report/report_failure.h"
#include "dns/domain_names.h"
#include "tests/unit/report/report_world.h"

#define FAILED "reject|fail|fail|||good.example|evil.example|evil.example|pass"
#define SIGNED "reject|fail|fail|||good.example|evil.example|evil.example|fail|evil.example|s1|fail"
#define HALF "pass|fail|pass|||good.example|good.example|good.example|pass|good.example|s1|fail"
#define PASSED "pass|pass|pass|||good.example|good.example|good.example|pass|good.example|s1|pass"
#define BOUNCE "reject|fail|fail|||good.example||mail.evil.example|pass"

static struct report_store *st;
static struct report_failures failures;
static const char *record, *other; /* of the domain, and of yes.example on it; NULL: none */
static char said[512], mail[8192];

static void begin(const char *text)
{
	static const struct report_job_settings s = { .hostname = "inside.example",
						      .author = { .email = "reports@inside.example",
								  .generator = "sekisho test" },
						      .addresses_max = 4,
						      .organizational = domain_organizational };

	world_begin();
	st = world_store();
	CHECK(report_failures_init(&failures, &s, st, 3));
	record = text;
	other = NULL;
}

static void end(void)
{
	report_failures_end(&failures);
	report_store_close(st);
	world_end();
}

static void take(const char *facts)
{
	struct report_message m = {
		.unix_s = NOON_S, .domain = SPAN("good.example"), .policy = SPAN(POLICY), .facts = facts_of(facts)
	};

	CHECK(ip_addr_parse(SPAN("192.0.2.66"), &m.client));
	report_failures_take(&failures, &m);
}

static void answer(const struct dns_question *q)
{
	static _Alignas(8) uint8_t room[1024];
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NOERROR, 60);
	bool is_policy = span_eq(dns_question_name(q), SPAN("_dmarc.good.example"));
	bool is_other = span_eq(dns_question_name(q), SPAN("good.example._report._dmarc.yes.example"));
	const char *text = is_policy ? record : is_other ? other : NULL;

	if (text)
		CHECK(dns_answer_add(a, sizeof(room), span_str(text)));
	report_failures_answer(&failures, a, NOON_S);
}

/* Who is written to about what was taken, with spaces. */
static const char *run(void)
{
	struct report_action a;

	said[0] = '\0';
	while (report_failures_next(&failures, &a, NOON_S)) {
		if (a.act == REPORT_ACT_ASK) {
			answer(&a.question);
			continue;
		}
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s ", a.to);
		snprintf(mail, sizeof(mail), "%s", a.mail);
		free(a.mail);
		report_failures_sent(&failures, 250);
	}
	return said;
}

static void is(const char *facts, const char *expected, const char *sentence)
{
	take(facts);
	is_span(span_str(run()), span_str(expected), "%s", sentence);
}

static void wanted(void)
{
	static const struct {
		const char *record, *facts;
		bool is_wanted;
	} cases[] = {
		{ "v=DMARC1; p=reject; ruf=mailto:f@good.example", FAILED, true },
		{ "v=DMARC1; p=reject; ruf=mailto:f@good.example", HALF, false },
		{ "v=DMARC1; p=reject; fo=1; ruf=mailto:f@good.example", HALF, true },
		{ "v=DMARC1; p=reject; fo=d; ruf=mailto:f@good.example", HALF, true },
		{ "v=DMARC1; p=reject; fo=d; ruf=mailto:f@good.example", FAILED, false },
		{ "v=DMARC1; p=reject; fo=s; ruf=mailto:f@good.example", SIGNED, true },
		{ "v=DMARC1; p=reject; fo=d:s; ruf=mailto:f@good.example", FAILED, false },
		{ "v=DMARC1; p=reject; fo=1:d:s; ruf=mailto:f@good.example", PASSED, false },
		{ "v=DMARC1; p=reject; ruf=mailto:f@good.example", BOUNCE, false },
		{ "v=DMARC1; p=reject; rua=mailto:f@good.example", FAILED, false },
		{ NULL, FAILED, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].record);
		take(cases[i].facts);
		ok((run()[0] != '\0') == cases[i].is_wanted, "%s: %s", cases[i].record ? cases[i].record : "no record",
		   cases[i].is_wanted ? "wanted" : "not wanted");
		end();
	}
}

static void destinations(void)
{
	begin("v=DMARC1; p=reject; ruf=mailto:f@good.example,mailto:g@yes.example,mailto:h@no.example");
	other = "v=DMARC1";
	is(FAILED, "f@good.example g@yes.example ", "the domain's own, and the external one that agrees");
	struct report_suppressed dead = { .address = "f@good.example", .until_s = NOON_S + 1, .n_failures = 1 };
	report_store_suppress(st, &dead);
	is(FAILED, "g@yes.example ", "not one that is suppressed");
	end();
}

static void limits(void)
{
	begin("v=DMARC1; p=reject; ruf=mailto:f@good.example");
	for (unsigned i = 0; i < 5; i++)
		take(HALF);
	for (unsigned i = 0; i < 5; i++)
		take(FAILED);
	is_span(span_str(run()), SPAN("f@good.example f@good.example f@good.example "),
		"as many an hour as the setting says");
	ok(failures.n_limited == 2, "the others are counted, and those that were not wanted are not");
	end();
}

static void contents(void)
{
	begin("v=DMARC1; p=reject; ruf=mailto:f@good.example");
	take(SIGNED);
	run();
	static const char *const lines[] = { "Content-Type: multipart/report; report-type=feedback-report;",
					     "Auto-Submitted: auto-generated",
					     "Content-Type: message/feedback-report",
					     "Feedback-Type: auth-failure",
					     "Auth-Failure: dmarc",
					     "Identity-Alignment: none",
					     "Delivery-Result: reject",
					     " dkim=fail header.d=evil.example header.s=s1",
					     "Reported-Domain: good.example",
					     "Source-IP: 192.0.2.66",
					     "DKIM-Domain: evil.example",
					     "Content-Type: text/rfc822-headers",
					     "From: redacted@good.example" };
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ok(strstr(mail, lines[i]), "it says %s", lines[i]);
	ok(!strstr(strstr(mail, "\r\n\r\n"), " \r\n") && !strstr(strstr(mail, "\r\n\r\n"), "\t"),
	   "its body is canonical");
	take("reject|fail|fail|||good.example\r\nBcc: x|evil.example|evil.example|pass");
	run();
	ok(strstr(mail, "redacted@good.example??Bcc:?x") && !strstr(mail, "\nBcc"), "what a peer wrote ends no line");
	end();
}

int main(void)
{
	wanted();
	destinations();
	limits();
	contents();
	return done();
}
