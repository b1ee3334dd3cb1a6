// SPDX-License-Identifier: MIT
/*
 * report_job.h - from a period that is over to its reports in the hands of a mail server, one at a time
 *
 * Asks and sends nothing itself: report_job_next() says what to do, report_job_answer() and report_job_sent() take what
 * came of it.  All that must outlive the process is in the store, changed before the step that relies on it.
 */
#ifndef REPORT_JOB_H
#define REPORT_JOB_H

#include "ctrlplane/report/report_mail.h"
#include "dns/dns_question.h"

#define REPORT_ADDRESSES_MAX 16 /* that a setting may allow */

/* All borrowed for the life of the job. */
struct report_job_settings {
	const char *hostname;
	struct report_author author;
	const struct crypto_signer *signer; /* NULL: not signed */
	const char *selector;
	unsigned addresses_max; /* of one report, REPORT_ADDRESSES_MAX at most; the rest of rua is ignored */
	unsigned attempts_max;  /* of a delivery, and of finding the addresses */
	uint64_t retry_s;       /* before the second attempt; doubles each time, a day at most */
	uint64_t suppress_s;    /* how long an address that refused is left alone; doubles each time, 30 days at most */
	struct span (*organizational)(struct span domain);
};

enum report_step { REPORT_IDLE, REPORT_RECORD, REPORT_CHECK, REPORT_SENDING, REPORT_SENT };

enum report_act { REPORT_ACT_ASK, REPORT_ACT_SEND };

struct report_action {
	enum report_act act;
	struct dns_question question; /* ASK: answer by report_job_answer() */
	const char *to;               /* SEND: borrowed; result by report_job_sent() */
	int64_t report;               /* SEND: its number, or 0 when nobody need write down that it was taken */
	char *mail;                   /* SEND: malloc()ed, the caller's from now on */
	size_t mail_len;
};

struct report_job {
	struct report_job_settings settings;
	struct report_store *store;
	enum report_step step;
	bool acted; /* what this step needs was said */
	struct report_period period;
	struct dns_question question;
	char addresses[REPORT_ADDRESSES_MAX][REPORT_ADDRESS_MAX + 1];
	unsigned n_addresses, at; /* at: the one that is checked */
	struct report_delivery delivery;
	uint64_t n_sent, n_failed, n_external_refused; /* since the start */
};

void report_job_init(struct report_job *j, const struct report_job_settings *s, struct report_store *store);

/* What to do now; false: wait for what was asked or sent, or for the next period (call again in a second). */
bool report_job_next(struct report_job *j, struct report_action *out, uint64_t now_s);
void report_job_answer(struct report_job *j, const struct dns_answer *answer, uint64_t now_s);
/* @code: of the next hop's reply; 451 when there was none. */
void report_job_sent(struct report_job *j, unsigned code, struct span reply, uint64_t now_s);

#endif
