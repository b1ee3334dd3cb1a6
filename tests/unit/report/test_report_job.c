// SPDX-License-Identifier: MIT
/*
 * test_report_job.c - a period that is over, DNS and next hops by script: who gets a report, and when it is tried again
 */
#include "ctrlplane/report/report_job.h"
#include "ctrlplane/report/report_rua.h"
#include "dns/domain_names.h"
#include "tests/unit/report/report_world.h"

static struct report_store *st;
static struct report_job job;
static uint64_t now_s;

/* DNS: name and its only TXT; "!" fails.  What is not here does not exist. */
static const char *zone[8][2];

/* What the next hop says to everybody, and whom it was asked to write to. */
static unsigned hop_code;
static char said[512], message_ids[2048];

static void begin(const char *name)
{
	struct report_job_settings s = { .hostname = "mx.inside.example",
					 .author = world_author,
					 .addresses_max = 4,
					 .attempts_max = 3,
					 .retry_s = 600,
					 .suppress_s = 86400,
					 .organizational = domain_organizational };

	printf("# %s\n", name);
	world_begin();
	st = world_store();
	report_job_init(&job, &s, st);
	now_s = NOON_S;
	tell(st, "good.example", POLICY, "192.0.2.1", FACTS_PASS, now_s);
	report_store_commit(st);
	report_store_close_now(st, NULL, now_s);
	memset(zone, 0, sizeof(zone));
	hop_code = 250;
}

static void end(void)
{
	report_store_close(st);
	world_end();
}

static void answer(const struct dns_question *q)
{
	static _Alignas(8) uint8_t room[1024];
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NXDOMAIN, 60);

	for (size_t i = 0; i < 8 && zone[i][0]; i++) {
		if (!span_eq(dns_question_name(q), span_str(zone[i][0])))
			continue;
		if (zone[i][1][0] == '!')
			a->rcode = DNS_SERVFAIL;
		else
			CHECK(dns_answer_add(a, sizeof(room), span_str(zone[i][1])));
	}
	report_job_answer(&job, a, now_s);
}

static void note_message_id(const char *mail)
{
	const char *id = strstr(mail, "Message-ID: ");

	CHECK(id);
	strncat(message_ids, id, strcspn(id, "\r"));
}

/* Runs until there is nothing to be done now; who was written to, with spaces. */
static const char *run(void)
{
	struct report_action a;

	said[0] = '\0';
	message_ids[0] = '\0';
	while (report_job_next(&job, &a, now_s)) {
		if (a.act == REPORT_ACT_ASK) {
			answer(&a.question);
			continue;
		}
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s ", a.to);
		note_message_id(a.mail);
		free(a.mail);
		report_job_sent(&job, hop_code, SPAN("reply"), now_s);
	}
	return said;
}

static const char *note(void)
{
	static struct report_period p;

	CHECK(report_store_newest(st, "good.example", &p));
	return p.note;
}

static void is(const char *got, const char *expected, const char *sentence)
{
	is_span(span_str(got), span_str(expected), "%s", sentence);
}

static void destinations(void)
{
	begin("destinations");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] =
		"v=DMARC1; p=none; rua=mailto:own@good.example!10m , mailto:own@GOOD.example,mailto:a@sub.good.example,"
		"mailto:b@yes.example,mailto:c@no.example,https://good.example/,mailto:0";
	zone[1][0] = "good.example._report._dmarc.yes.example";
	zone[1][1] = "v=DMARC1; rua=mailto:other@yes.example";
	is(run(), "a@sub.good.example other@yes.example own@good.example ",
	   "each once; the external one that agreed, at the address it names; not the one that did not");
	is(run(), "", "and no more");
	end();

	begin("an external host that names another");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] = "v=DMARC1; rua=mailto:b@yes.example";
	zone[1][0] = "good.example._report._dmarc.yes.example";
	zone[1][1] = "v=DMARC1; rua=mailto:victim@elsewhere.example";
	is(run(), "b@yes.example ", "an external host cannot pass reports on to a third");
	end();

	begin("five addresses");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] =
		"v=DMARC1; rua=mailto:a@good.example,mailto:b@good.example,mailto:c@good.example,mailto:d@good.example,"
		"mailto:e@good.example";
	is(run(), "a@good.example b@good.example c@good.example d@good.example ", "no more than report.addresses_max");
	end();

	begin("no record any more");
	is(run(), "", "nobody is written to");
	is(note(), "the domain asks for no reports any more", "and the operator sees why");
	end();

	begin("nobody agrees");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] = "v=DMARC1; rua=mailto:c@no.example";
	is(run(), "", "an external host that says nothing gets nothing");
	is(note(), "no address takes reports on this domain", "and the operator sees why");
	end();
}

static void dns_fails(void)
{
	begin("DNS fails");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] = "!";
	is(run(), "", "no answer: nobody is written to");
	now_s += 599;
	is(run(), "", "nor before report.retry_s");
	now_s += 1;
	zone[0][1] = "v=DMARC1; rua=mailto:a@good.example";
	is(run(), "a@good.example ", "then it is sent");
	end();

	begin("DNS fails for good");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] = "!";
	for (unsigned i = 0; i < 10; i++, now_s += 86400)
		run();
	is(note(), "DNS did not answer", "after report.attempts_max it is given up");
	end();
}

static void next_hop_fails(void)
{
	char first[sizeof(message_ids)];
	struct report_suppressed s;

	begin("the next hop defers");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] = "v=DMARC1; rua=mailto:a@good.example";
	hop_code = 451;
	is(run(), "a@good.example ", "tried");
	memcpy(first, message_ids, sizeof(first));
	is(run(), "", "not again at once");
	now_s += 600;
	is(run(), "a@good.example ", "again after report.retry_s");
	is(message_ids, first, "under the same Message-ID");
	now_s += 600;
	is(run(), "", "the next time after twice that");
	now_s += 600;
	hop_code = 250;
	is(run(), "a@good.example ", "then it goes");
	now_s += 86400;
	is(run(), "", "once");
	ok(!report_store_suppressed(st, "a@good.example", &s), "and nobody is suppressed");
	end();

	begin("the next hop refuses");
	zone[0][0] = "_dmarc.good.example";
	zone[0][1] = "v=DMARC1; rua=mailto:a@good.example";
	for (uint64_t n = 1; n <= 3; n++) {
		hop_code = 550;
		is(run(), "a@good.example ", "tried");
		ok(report_store_suppressed(st, "a@good.example", &s) && s.n_failures == n &&
			   s.until_s == now_s + (UINT64_C(86400) << (n - 1)),
		   "the address is suppressed, longer each time");
		tell(st, "good.example", POLICY, "192.0.2.1", FACTS_PASS, now_s + 1);
		report_store_commit(st);
		report_store_close_now(st, NULL, now_s + 2);
		now_s += 2;
		is(run(), "", "no report meanwhile");
		now_s = s.until_s;
		tell(st, "good.example", POLICY, "192.0.2.1", FACTS_PASS, now_s);
		report_store_commit(st);
		report_store_close_now(st, NULL, now_s);
	}
	hop_code = 250;
	is(run(), "a@good.example ", "after that it is tried again");
	ok(!report_store_suppressed(st, "a@good.example", &s), "and a success forgets it all");
	end();
}

int main(void)
{
	destinations();
	dns_fails();
	next_hop_fails();
	return done();
}
