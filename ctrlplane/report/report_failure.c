// SPDX-License-Identifier: MIT
/*
 * report_failure.c - failure reports: which messages, to whom, and how many
 *
 *	IDLE      the first message that waits                                  -> RECORD
 *	RECORD    asked for the policy record: its ruf and fo                   -> CHECK, or the next message
 *	CHECK     asked whether an external host takes reports on the domain    -> SENDING, or the next address
 *	SENDING   on its way; what becomes of it is only counted                -> CHECK for the next address
 *
 * A loop of reports about reports cannot begin: mail with a null reverse-path is not reported on, and these reports have one.
 */
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/report/report_failure.h"
#include "ctrlplane/report/report_rua.h"
#include "dataplane/base/siphash.h"

enum { HOUR_S = 3600, ALL_DOMAINS = 20 };

bool report_failures_init(struct report_failures *f, const struct report_job_settings *s, struct report_store *store,
			  uint64_t per_hour)
{
	*f = (struct report_failures){ .settings = *s, .store = store, .per_hour = per_hour };
	f->waiting = calloc(REPORT_FAILURES_WAITING, sizeof(f->waiting[0]));
	return f->waiting != NULL;
}

void report_failures_end(struct report_failures *f)
{
	free(f->waiting);
	f->waiting = NULL;
}

static struct span fact_of(struct span facts, unsigned which)
{
	struct span fact = SPAN("");

	for (unsigned i = 0; i <= which && facts.at; i++)
		fact = span_cut(&facts, '\0');
	return fact.at ? fact : SPAN("");
}

static bool is_pass(struct span facts, unsigned which)
{
	return span_eq(fact_of(facts, which), SPAN("pass"));
}

/* Two domains of one hash share what they may have: fewer reports, never more. */
static bool may_send(struct report_failures *f, const char *domain, uint64_t now_s)
{
	const struct siphash_key known = { 0, 0 };
	uint64_t hash = siphash(&known, span_str(domain));
	uint64_t *n = &f->counted[hash % 1024].n;

	if (now_s / HOUR_S != f->hour) {
		f->hour = now_s / HOUR_S;
		f->n_this_hour = 0;
		memset(f->counted, 0, sizeof(f->counted));
	}
	if (*n >= f->per_hour || f->n_this_hour >= ALL_DOMAINS * f->per_hour)
		return false;
	(*n)++;
	f->n_this_hour++;
	return true;
}

void report_failures_take(struct report_failures *f, const struct report_message *m)
{
	struct report_failed *to = &f->waiting[(f->first + f->n) % REPORT_FAILURES_WAITING];

	if ((is_pass(m->facts, FACT_DKIM) && is_pass(m->facts, FACT_SPF)) ||
	    fact_of(m->facts, FACT_ENVELOPE_FROM).len == 0 || m->domain.len >= sizeof(to->domain) ||
	    m->facts.len > sizeof(to->facts))
		return;
	if (f->n == REPORT_FAILURES_WAITING) {
		f->n_limited++;
		return;
	}
	*to = (struct report_failed){
		.unix_s = m->unix_s, .serial = f->n_taken++, .client = m->client, .facts_len = (uint16_t)m->facts.len
	};
	memcpy(to->domain, m->domain.at, m->domain.len);
	memcpy(to->facts, m->facts.at, m->facts.len);
	f->n++;
}

static void go(struct report_failures *f, enum report_step step)
{
	f->step = step;
	f->acted = false;
}

static void next_message(struct report_failures *f)
{
	f->first = (f->first + 1) % REPORT_FAILURES_WAITING;
	f->n--;
	go(f, REPORT_IDLE);
}

/* Some signature was looked at and did not pass. */
static bool dkim_failed(struct span facts)
{
	for (unsigned i = 0; i < N_FACTS; i++)
		span_cut(&facts, '\0');
	while (facts.at && facts.len) {
		span_cut(&facts, '\0'); /* d= */
		span_cut(&facts, '\0'); /* s= */
		if (!span_eq(span_cut(&facts, '\0'), SPAN("pass")))
			return true;
	}
	return false;
}

/* Whether the domain wants a report on this message (RFC 9989 4.7, fo; 0 when it says nothing). */
static bool is_wanted(struct span record, struct span facts)
{
	bool dkim = is_pass(facts, FACT_DKIM), spf = is_pass(facts, FACT_SPF);
	struct span fo;

	if (!report_rua_tag(record, SPAN("fo"), &fo))
		return !dkim && !spf;
	while (fo.at) {
		struct span option = span_trim(span_cut(&fo, ':'));

		if ((span_eq(option, SPAN("0")) && !dkim && !spf) || (span_eq(option, SPAN("1")) && !(dkim && spf)) ||
		    (span_eq_nocase(option, SPAN("d")) && dkim_failed(facts)) ||
		    (span_eq_nocase(option, SPAN("s")) && !is_pass(facts, FACT_SPF_RESULT)))
			return true;
	}
	return false;
}

static void add_addresses(struct report_failures *f, struct span ruf)
{
	char room[REPORT_ADDRESS_MAX + 1];
	struct text address;

	f->n_addresses = f->at = 0;
	text_init(&address, room, sizeof(room));
	while (f->n_addresses < f->settings.addresses_max && report_rua_next(&ruf, &address))
		memcpy(f->addresses[f->n_addresses++], room, address.len + 1);
}

/* On to the next address that may be written to; an external one is asked for first (RFC 9991, as RFC 9990 4). */
static void next_address(struct report_failures *f, uint64_t now_s)
{
	const struct report_failed *m = &f->waiting[f->first];

	for (; f->at < f->n_addresses; f->at++) {
		const char *address = f->addresses[f->at];
		struct span host = report_rua_host(span_str(address));
		struct report_suppressed dead;

		if (report_store_suppressed(f->store, address, &dead) && dead.until_s > now_s)
			continue;
		if (!report_rua_is_external(span_str(m->domain), host, f->settings.organizational)) {
			go(f, REPORT_SENDING);
			return;
		}
		if (report_rua_question(span_str(m->domain), host, &f->question)) {
			go(f, REPORT_CHECK);
			return;
		}
	}
	next_message(f);
}

static void begin(struct report_failures *f)
{
	if (report_rua_policy_question(span_str(f->waiting[f->first].domain), &f->question))
		go(f, REPORT_RECORD);
	else
		next_message(f);
}

void report_failures_answer(struct report_failures *f, const struct dns_answer *answer, uint64_t now_s)
{
	const struct report_failed *m = &f->waiting[f->first];
	struct span record, ruf;
	bool found = report_rua_record(answer, &record);

	if (!f->acted || (f->step != REPORT_RECORD && f->step != REPORT_CHECK))
		return;
	if (f->step == REPORT_CHECK) {
		f->at += !found;
		go(f, found ? REPORT_SENDING : REPORT_SENT);
		return;
	}
	f->n_addresses = f->at = 0;
	if (found && is_wanted(record, span_of(m->facts, m->facts_len)) && report_rua_tag(record, SPAN("ruf"), &ruf)) {
		if (may_send(f, m->domain, now_s))
			add_addresses(f, ruf);
		else
			f->n_limited++;
	}
	go(f, REPORT_SENT);
}

static bool send_one(struct report_failures *f, struct report_action *out, uint64_t now_s)
{
	out->act = REPORT_ACT_SEND;
	out->to = f->addresses[f->at];
	out->report = 0;
	out->mail = report_failure_mail(&f->waiting[f->first], &f->settings, out->to, now_s, &out->mail_len);
	f->acted = out->mail != NULL;
	if (!f->acted)
		next_message(f);
	return f->acted;
}

bool report_failures_next(struct report_failures *f, struct report_action *out, uint64_t now_s)
{
	while (f->n && !f->acted) {
		switch (f->step) {
		case REPORT_IDLE:
			begin(f);
			break;
		case REPORT_RECORD:
		case REPORT_CHECK:
			*out = (struct report_action){ .act = REPORT_ACT_ASK, .question = f->question };
			f->acted = true;
			return true;
		case REPORT_SENDING:
			if (send_one(f, out, now_s))
				return true;
			break;
		case REPORT_SENT: /* of this address all is known */
			next_address(f, now_s);
			break;
		}
	}
	return false;
}

void report_failures_sent(struct report_failures *f, unsigned code)
{
	if (f->step != REPORT_SENDING || !f->acted)
		return;
	*(code / 100 == 2 ? &f->n_sent : &f->n_failed) += 1;
	f->at++;
	go(f, REPORT_SENT);
}
