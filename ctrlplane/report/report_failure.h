// SPDX-License-Identifier: MIT
/*
 * report_failure.h - failure reports (RFC 9991): one mail about one message, to whom the domain names by ruf
 *
 * Off unless a setting wants it.  Redacted by what it is made of: the facts of an aggregate report's row, which have domains
 * and results, and nothing of a person.  Asks and sends nothing itself, like report_job.h; nothing of it is on disk.
 */
#ifndef REPORT_FAILURE_H
#define REPORT_FAILURE_H

#include "ctrlplane/report/report_job.h"
#include "dataplane/shard/shard_link.h"

#define REPORT_FAILURES_WAITING 32 /* messages; more are counted and left out */

/* One message, copied. */
struct report_failed {
	uint64_t unix_s, serial; /* serial: two messages may be alike, their reports are two */
	struct ip_addr client;
	uint16_t facts_len;
	char domain[256], facts[4096];
};

struct report_failures {
	struct report_job_settings settings;
	struct report_store *store; /* for addresses that are dead */
	uint64_t per_hour;          /* reports on one domain; twenty times as many in all */
	struct report_failed *waiting;
	unsigned first, n;
	enum report_step step;
	bool acted;
	char addresses[REPORT_ADDRESSES_MAX][REPORT_ADDRESS_MAX + 1];
	unsigned n_addresses, at;
	struct dns_question question;
	uint64_t hour; /* since the epoch, that is counted now */
	uint64_t n_this_hour;
	struct {
		uint64_t domain; /* by its hash */
		uint64_t n;
	} counted[1024];
	uint64_t n_taken, n_sent, n_failed, n_limited; /* since the start */
};

/* False: no memory. */
bool MUST_USE report_failures_init(struct report_failures *f, const struct report_job_settings *s,
				   struct report_store *store, uint64_t per_hour);
void report_failures_end(struct report_failures *f);

/* A message; those that nobody could want a report on are passed over. */
void report_failures_take(struct report_failures *f, const struct report_message *m);

/* As of report_job.h. */
bool report_failures_next(struct report_failures *f, struct report_action *out, uint64_t now_s);
void report_failures_answer(struct report_failures *f, const struct dns_answer *answer, uint64_t now_s);
void report_failures_sent(struct report_failures *f, unsigned code);

/**
 * report_failure_mail - the message (RFC 5965, RFC 6591), signed
 * malloc()ed; NULL: no memory, or OpenSSL failed.
 */
char *report_failure_mail(const struct report_failed *m, const struct report_job_settings *s, const char *to,
			  uint64_t now_s, size_t *len);

#endif
