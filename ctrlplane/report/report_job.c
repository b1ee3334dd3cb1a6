// SPDX-License-Identifier: MIT
/*
 * report_job.c - from a period that is over to its reports in the hands of a mail server
 *
 *	IDLE      report_store_due() has a period: CLOSED -> RECORD, ADDRESSED -> SENDING
 *	RECORD    asked for the policy record, as it is now, for its rua        record_answered()
 *	CHECK     asked whether an external host takes these reports            check_answered()
 *	SENDING   a delivery is on its way                                      report_job_sent()
 *	SENT      its fate is known, and to be written                          write_fate(), again until it is
 *
 * Each way out of a step leaves the period DONE or due later in the store, and the job IDLE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/log.h"
#include "ctrlplane/report/report_job.h"
#include "ctrlplane/report/report_rua.h"

enum { DAY_S = 86400, SUPPRESS_MAX_S = 30 * DAY_S };

void report_job_init(struct report_job *j, const struct report_job_settings *s, struct report_store *store)
{
	CHECK(s->addresses_max <= REPORT_ADDRESSES_MAX);
	*j = (struct report_job){ .settings = *s, .store = store };
}

/* The wait before attempt @n + 1. */
static uint64_t back_off_s(uint64_t first_s, uint64_t n, uint64_t most_s)
{
	uint64_t wait_s = n > 20 ? most_s : first_s << (n ? n - 1 : 0);

	return wait_s < most_s ? wait_s : most_s;
}

static void go(struct report_job *j, enum report_step step)
{
	j->step = step;
	j->acted = false;
}

static void over(struct report_job *j, const char *note, uint64_t now_s)
{
	report_store_address(j->store, j->period.id, NULL, 0, note, now_s);
	go(j, REPORT_IDLE);
}

/* DNS did not answer: again later, but not for ever. */
static void again(struct report_job *j, uint64_t now_s)
{
	if (j->period.n_attempts + 1 >= j->settings.attempts_max) {
		over(j, "DNS did not answer", now_s);
		return;
	}
	report_store_later(j->store, j->period.id,
			   now_s + back_off_s(j->settings.retry_s, j->period.n_attempts + 1, DAY_S),
			   "DNS did not answer; will be tried again");
	go(j, REPORT_IDLE);
}

static bool known_already(const struct report_job *j, struct span address)
{
	for (unsigned i = 0; i < j->n_addresses; i++)
		if (span_eq_nocase(span_str(j->addresses[i]), address))
			return true;
	return false;
}

static void add_addresses(struct report_job *j, struct span rua)
{
	char room[REPORT_ADDRESS_MAX + 1];
	struct text address;

	text_init(&address, room, sizeof(room));
	while (j->n_addresses < j->settings.addresses_max && report_rua_next(&rua, &address)) {
		struct span a = text_span(&address);

		if (!known_already(j, a))
			memcpy(j->addresses[j->n_addresses++], room, a.len + 1);
	}
}

static void remove_address(struct report_job *j, unsigned i)
{
	j->n_addresses--;
	memmove(j->addresses[i], j->addresses[i + 1], (j->n_addresses - i) * sizeof(j->addresses[0]));
}

/* Those that refused lately are left out, so that their deliveries do not even begin. */
static unsigned remove_suppressed(struct report_job *j, uint64_t now_s)
{
	unsigned n = 0;

	for (unsigned i = j->n_addresses; i-- > 0;) {
		struct report_suppressed s;

		if (!report_store_suppressed(j->store, j->addresses[i], &s) || s.until_s <= now_s)
			continue;
		remove_address(j, i);
		n++;
	}
	return n;
}

static void addressed(struct report_job *j, uint64_t now_s)
{
	unsigned n_suppressed = remove_suppressed(j, now_s);
	const char *note = j->n_addresses ? ""
			   : n_suppressed ? "every address is suppressed"
					  : "no address takes reports on this domain";

	if (!report_store_address(j->store, j->period.id, (const char(*)[REPORT_ADDRESS_MAX + 1]) j->addresses,
				  j->n_addresses, note, now_s))
		log_error("reports: the store cannot be written; see report.store");
	go(j, REPORT_IDLE);
}

/* Goes on to the next address that must be asked for. */
static void check_next(struct report_job *j, uint64_t now_s)
{
	for (; j->at < j->n_addresses; j->at++) {
		if (!report_rua_is_external(span_str(j->period.domain), report_rua_host(span_str(j->addresses[j->at])),
					    j->settings.organizational))
			continue;
		if (report_rua_question(span_str(j->period.domain), report_rua_host(span_str(j->addresses[j->at])),
					&j->question)) {
			go(j, REPORT_CHECK);
			return;
		}
		j->n_external_refused++;
		remove_address(j, j->at--); /* a name that cannot be asked for permits nothing */
	}
	addressed(j, now_s);
}

static void record_answered(struct report_job *j, const struct dns_answer *answer, uint64_t now_s)
{
	struct span record, rua;

	j->n_addresses = j->at = 0;
	if (report_rua_record(answer, &record) && report_rua_value(record, &rua))
		add_addresses(j, rua);
	if (j->n_addresses == 0)
		over(j, "the domain asks for no reports any more", now_s);
	else
		check_next(j, now_s);
}

/* The host that agreed may name another address, but none of another host. */
static void redirect(struct report_job *j, struct span rua)
{
	char room[REPORT_ADDRESS_MAX + 1];
	char *address = j->addresses[j->at];
	struct text other;

	text_init(&other, room, sizeof(room));
	while (report_rua_next(&rua, &other))
		if (span_eq_nocase(report_rua_host(text_span(&other)), report_rua_host(span_str(address)))) {
			memcpy(address, room, other.len + 1);
			return;
		}
}

static void check_answered(struct report_job *j, const struct dns_answer *answer, uint64_t now_s)
{
	struct span record, rua;

	if (!report_rua_record(answer, &record)) {
		j->n_external_refused++;
		remove_address(j, j->at);
		check_next(j, now_s);
		return;
	}
	if (report_rua_value(record, &rua))
		redirect(j, rua);
	j->at++;
	check_next(j, now_s);
}

void report_job_answer(struct report_job *j, const struct dns_answer *answer, uint64_t now_s)
{
	if (j->step != REPORT_RECORD && j->step != REPORT_CHECK)
		return;
	if (answer->rcode != DNS_NOERROR && answer->rcode != DNS_NODATA && answer->rcode != DNS_NXDOMAIN)
		again(j, now_s);
	else if (j->step == REPORT_RECORD)
		record_answered(j, answer, now_s);
	else
		check_answered(j, answer, now_s);
}

static void begin(struct report_job *j, uint64_t now_s)
{
	if (j->period.state == REPORT_ADDRESSED) {
		go(j, REPORT_SENDING);
		return;
	}
	if (j->period.n_rows == 0)
		over(j, "no row was stored", now_s);
	else if (!report_rua_policy_question(span_str(j->period.domain), &j->question))
		over(j, "the domain cannot be asked for", now_s);
	else
		go(j, REPORT_RECORD);
}

static char *make_mail(struct report_job *j, size_t *len, uint64_t now_s)
{
	char id[512], *xml, *mail = NULL;
	struct text t;
	size_t n;

	text_init(&t, id, sizeof(id));
	report_id_text(&j->period, j->settings.hostname, &t);
	xml = report_xml(j->store, &j->period, &j->settings.author, id, &n);
	if (xml) {
		struct report_mail m = { .author = &j->settings.author,
					 .hostname = j->settings.hostname,
					 .to = j->delivery.address,
					 .period = &j->period,
					 .report_id = id,
					 .xml = span_of(xml, n),
					 .signer = j->settings.signer,
					 .selector = j->settings.selector,
					 .now_s = now_s };
		mail = report_mail_write(&m, len);
	}
	free(xml);
	return mail;
}

/* The delivery that is due.  It is SENDING in the store before it is on the wire. */
static bool send_next(struct report_job *j, struct report_action *out, uint64_t now_s)
{
	if (!report_store_delivery(j->store, j->period.id, now_s, &j->delivery)) {
		report_store_settle(j->store, j->period.id, now_s);
		go(j, REPORT_IDLE);
		return false;
	}
	out->act = REPORT_ACT_SEND;
	out->to = j->delivery.address;
	out->report = j->period.id;
	out->mail = make_mail(j, &out->mail_len, now_s);
	if (out->mail && report_store_sending(j->store, j->period.id, j->delivery.address, now_s)) {
		j->delivery.n_attempts++;
		j->acted = true;
		return true;
	}
	free(out->mail);
	log_error("reports: no memory, or the store cannot be written; the report on %.253s waits", j->period.domain);
	report_store_later(j->store, j->period.id, now_s + j->settings.retry_s, "");
	go(j, REPORT_IDLE);
	return false;
}

/* Until that is on disk nothing else is done: it would be sent again. */
static bool write_fate(struct report_job *j)
{
	if (!report_store_sent(j->store, j->period.id, &j->delivery))
		return false;
	go(j, REPORT_SENDING); /* the next delivery, or its end */
	return true;
}

bool report_job_next(struct report_job *j, struct report_action *out, uint64_t now_s)
{
	/* A bound on the periods of one call: rows wait meanwhile. */
	for (int i = 0; i < 64 && !j->acted; i++) {
		switch (j->step) {
		case REPORT_IDLE:
			if (!report_store_due(j->store, now_s, &j->period))
				return false;
			begin(j, now_s);
			break;
		case REPORT_RECORD:
		case REPORT_CHECK:
			*out = (struct report_action){ .act = REPORT_ACT_ASK, .question = j->question };
			j->acted = true;
			return true;
		case REPORT_SENDING:
			if (send_next(j, out, now_s))
				return true;
			break;
		case REPORT_SENT:
			if (!write_fate(j))
				return false;
			break;
		}
	}
	return false;
}

/* 5yz: that address is left alone for a while, longer each time. */
static void suppress(struct report_job *j, uint64_t now_s)
{
	struct report_suppressed s = { 0 };

	if (!report_store_suppressed(j->store, j->delivery.address, &s))
		memcpy(s.address, j->delivery.address, sizeof(s.address));
	s.n_failures++;
	s.until_s = now_s + back_off_s(j->settings.suppress_s, s.n_failures, SUPPRESS_MAX_S);
	memcpy(s.reply, j->delivery.reply, sizeof(s.reply));
	report_store_suppress(j->store, &s);
}

void report_job_sent(struct report_job *j, unsigned code, struct span reply, uint64_t now_s)
{
	struct report_delivery *d = &j->delivery;

	if (j->step != REPORT_SENDING || !j->acted)
		return;
	snprintf(d->reply, sizeof(d->reply), "%.*s", (int)(reply.len < REPORT_NOTE_MAX ? reply.len : REPORT_NOTE_MAX),
		 (const char *)reply.at);
	if (code / 100 == 2) {
		d->state = DELIVERY_SENT;
		j->n_sent++;
		report_store_unsuppress(j->store, d->address);
	} else if (code / 100 == 5 || d->n_attempts >= j->settings.attempts_max) {
		d->state = DELIVERY_FAILED;
		j->n_failed++;
		suppress(j, now_s);
	} else {
		d->state = DELIVERY_PENDING;
		d->next_s = now_s + back_off_s(j->settings.retry_s, d->n_attempts, DAY_S);
	}
	go(j, REPORT_SENT);
	write_fate(j);
}
