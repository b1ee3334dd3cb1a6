// SPDX-License-Identifier: MIT
/*
 * spf_check.h - one SPF check against a zone in master-file text, for the tests
 */
#ifndef SPF_CHECK_H
#define SPF_CHECK_H

#include <stdlib.h>

#include "dataplane/auth/spf.h"
#include "tests/tap.h"
#include "tests/zone.h"

static struct stats spf_stats;
static struct spf spf;
static unsigned n_questions;
static char last_question[DNS_NAME_MAX + 16]; /* "A example.org" */
static char account[1 << 16];

static inline struct auth_settings spf_settings(void)
{
	return (struct auth_settings){ .spf_terms_max = 10,
				       .spf_voids_max = 2,
				       .spf_mx_max = 10,
				       .spf_ptr_max = 10,
				       .spf_timeout_ms = 20000,
				       .authserv_id = "mx.test",
				       .stats = &spf_stats };
}

/* Answers each question from @z, each @us_an_answer later than the one before. */
static inline void spf_run(const struct auth_settings *settings, struct dns_zone *z, struct auth_client *client,
			   enum spf_scope scope, uint64_t us_an_answer)
{
	struct explain explain;
	uint64_t now_us = 1000000;

	text_init(&explain.text, account, sizeof(account));
	n_questions = 0;
	last_question[0] = '\0';
	memset(&spf, 0xa5, sizeof(spf)); /* contents undefined before */
	spf_begin(&spf, settings, scope, client, &explain, now_us);
	for (bool done = spf_step(&spf, NULL, now_us); !done && n_questions < 10000;) {
		const struct dns_question *q = spf_question(&spf);

		n_questions++;
		now_us += us_an_answer;
		snprintf(last_question, sizeof(last_question), "%s %.*s", dns_type_text(q->type), (int)q->len,
			 (const char *)q->name);
		done = spf_step(&spf, dns_zone_answer(z, q), now_us);
	}
}

/* mfrom when @from is not NULL, else helo. */
static inline enum spf_result spf_check(const struct auth_settings *settings, const char *zone, const char *ip,
					const char *helo, const char *from)
{
	struct dns_zone *z = zone_of(zone);
	struct auth_client client = { .helo = span_str(helo),
				      .mail_from = span_str(from ? from : ""),
				      .has_mail_from = from,
				      .now_unix = 1700000000 };

	if (*ip && !ip_addr_parse(span_str(ip), &client.ip))
		exit(1);
	spf_run(settings, z, &client, from ? SPF_SCOPE_MFROM : SPF_SCOPE_HELO, 1000);
	dns_zone_close(z);
	return spf.result;
}

#endif
