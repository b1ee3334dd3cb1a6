// SPDX-License-Identifier: MIT
/*
 * test_report_steps.c - kill -9 at each step from a verdict to a report in the hands of a next hop: each is sent once
 *
 * The process that is killed has the side thread with its store; the test is its control thread, worker, DNS and next hop.
 * Then another one, which nobody kills, brings it to its end.  Only a kill between a next hop's taking a report and our
 * hearing of it lets the report come twice, under the same Message-ID: that is one round trip, as for any message.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "ctrlplane/report/report.h"
#include "ctrlplane/report/report_ledgers.h"
#include "dns/domain_names.h"
#include "tests/unit/report/report_world.h"

enum step { WRITTEN, REQUESTED, ASKED, ANSWERED, TO_SEND, TAKEN, HEARD, TOLD, N_STEPS };
static const char *const step_names[N_STEPS] = {
	[WRITTEN] = "verdicts written down", [REQUESTED] = "the period ended", [ASKED] = "DNS asked",
	[ANSWERED] = "DNS answered",         [TO_SEND] = "a report made",      [TAKEN] = "the next hop took it",
	[HEARD] = "the worker heard so",     [TOLD] = "the thread was told"
};

enum { ADDRESSES = 2, MAILS_MAX = 8 };

/* What the world outside knows; shared with the process that is killed. */
static struct outside {
	unsigned n_mails;
	struct {
		char to[64], id[256];
		unsigned n_messages;
	} mails[MAILS_MAX];
	bool begun; /* verdicts are written, and the period was ended */
	bool done;
} * outside;

static struct settings settings;
static enum step kill_at;
static unsigned kill_after; /* times that this step was reached */

/* SIGKILL, when it is time. */
static void reached(enum step step)
{
	if (step == kill_at && kill_after-- == 0) {
		kill(getpid(), SIGKILL);
		for (;;)
			pause();
	}
}

static void write_verdicts(struct ledger *l)
{
	for (unsigned i = 0; i < 3; i++)
		CHECK(world_tells(l, facts_of(FACTS_PASS)));
}

/* A worker to whom the next hop said 250. */
static void hear_taken(struct ledger *l, const struct side_wish *w)
{
	const struct span address = span_str(w->rcpts);
	struct shard_told t;

	memset(&t, 0, sizeof(t));
	t.kind = SHARD_TOLD_TAKEN;
	t.number = w->report;
	t.domain_len = (uint16_t)address.len;
	const struct span parts[] = { span_of(&t, sizeof(t)), address };
	CHECK(ledger_put(l, parts, 2));
}

static void answer(struct reports *r, const struct side_wish *w)
{
	static _Alignas(8) uint8_t room[1024];
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NXDOMAIN, 60);

	if (span_eq(dns_question_name(&w->question), SPAN("_dmarc.good.example")))
		CHECK(dns_answer_add(a, sizeof(room),
				     SPAN("v=DMARC1; p=reject; rua=mailto:a@good.example,mailto:b@yes.example")));
	else
		CHECK(dns_answer_add(a, sizeof(room), SPAN("v=DMARC1")));
	report_dns_answer(r, w->tag, a);
}

static void take_mail(const struct side_wish *w)
{
	unsigned n = outside->n_mails;
	const char *id = strstr(w->mail, "Message-ID: ");

	CHECK(n < MAILS_MAX && id);
	snprintf(outside->mails[n].to, sizeof(outside->mails[n].to), "%s", w->rcpts);
	snprintf(outside->mails[n].id, sizeof(outside->mails[n].id), "%.*s", (int)strcspn(id, "\r"), id);
	outside->n_mails = n + 1;
}

static void request(struct reports *r, const char *command)
{
	CHECK(report_request(r, command, json_pack("{s:s}", "report", "good.example"), 1));
}

/* Done when the one period of the store is. */
static bool is_done(const struct side_wish *w)
{
	const char *state = json_string_value(json_object_get(w->result, "state"));
	const json_t *messages = json_object_get(w->result, "messages");

	CHECK(!state || json_integer_value(messages) == 3);
	return state && strcmp(state, "done") == 0;
}

static void grant(struct reports *r, struct ledger *l, struct side_wish *w)
{
	switch (w->kind) {
	case SIDE_WISH_ASK:
		reached(ASKED);
		answer(r, w);
		reached(ANSWERED);
		break;
	case SIDE_WISH_SEND:
		reached(TO_SEND);
		take_mail(w);
		reached(TAKEN);
		hear_taken(l, w);
		reached(HEARD);
		report_mail_result(r, w->tag, 250, SPAN("250 taken"));
		reached(TOLD);
		break;
	case SIDE_WISH_ANSWER:
		outside->done = is_done(w);
		break;
	case SIDE_WISH_HOME:
		break;
	}
	side_wish_free(w);
}

static void run(void)
{
	char error[512] = "";
	struct reports *r = report_open(&settings, 1, domain_organizational, error);
	const struct timespec wait = { .tv_nsec = 1000000 };

	CHECK(r);
	if (!outside->begun) {
		write_verdicts(report_ledger(r, 0));
		outside->begun = true;
		reached(WRITTEN);
	}
	request(r, "send");
	reached(REQUESTED);
	for (int i = 0; !outside->done && i < 10000; i++) {
		struct side_wish *w;

		while ((w = report_next(r)))
			grant(r, report_ledger(r, 0), w);
		if (i % 8 == 7)
			request(r, "show");
		nanosleep(&wait, NULL);
	}
	report_close(r);
}

static bool ran(bool killed)
{
	pid_t child = fork();
	int status;

	CHECK(child >= 0);
	if (child == 0) {
		if (!killed)
			kill_at = N_STEPS;
		run();
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	return killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
		      : WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static unsigned n_to(const char *address)
{
	unsigned n = 0;

	for (unsigned i = 0; i < outside->n_mails; i++)
		n += strcmp(outside->mails[i].to, address) == 0;
	return n;
}

static bool same_ids(void)
{
	for (unsigned i = 0; i < outside->n_mails; i++)
		for (unsigned j = 0; j < i; j++)
			if (strcmp(outside->mails[i].to, outside->mails[j].to) == 0 &&
			    strcmp(outside->mails[i].id, outside->mails[j].id) != 0)
				return false;
	return true;
}

static void killed(enum step step, unsigned nth, bool fleet)
{
	unsigned twice = step == TAKEN;

	world_begin();
	if (fleet)
		world_postgres("start");
	snprintf(settings.fleet_database, sizeof(settings.fleet_database), "%s", fleet ? world_server : "");
	snprintf(settings.report_store, sizeof(settings.report_store), "%s", world_path);
	snprintf(settings.server_control_socket, sizeof(settings.server_control_socket), "%s/socket", world_folder);
	memset(outside, 0, sizeof(*outside));
	kill_at = step;
	kill_after = nth;
	bool good = ran(true) && ran(false);
	ok(good && outside->done && n_to("a@good.example") + n_to("b@yes.example") == outside->n_mails &&
		   n_to("a@good.example") && n_to("b@yes.example") && outside->n_mails == ADDRESSES + twice &&
		   same_ids(),
	   "killed when %s (%u): each report is sent%s", step_names[step], nth + 1,
	   twice ? ", and one once more, under the same Message-ID" : " once");
	if (fleet) {
		world_postgres("kill");
		world_remove();
	} else {
		world_end();
	}
}

int main(void)
{
	outside = mmap(NULL, sizeof(*outside), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(outside != MAP_FAILED);
	settings.report_interval_s = DAY_S;
	settings.report_rows_max = 1000;
	settings.report_store_mb = 16;
	settings.report_ledger_mb = 1;
	settings.report_attempts_max = 3;
	settings.report_addresses_max = 4;
	settings.report_keep_days = 365;
	settings.report_retry_s = 600;
	settings.fleet_forward_s = 1;
	snprintf(settings.server_hostname, sizeof(settings.server_hostname), "mx.inside.example");
	for (enum step step = WRITTEN; step < N_STEPS; step++)
		for (unsigned nth = 0; nth < (step >= ASKED ? ADDRESSES : 1u); nth++)
			killed(step, nth, false);
	printf("# the same with the database of a fleet\n");
	killed(REQUESTED, 0, true);
	killed(HEARD, 1, true);
	return done();
}
