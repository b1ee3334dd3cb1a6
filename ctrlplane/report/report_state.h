// SPDX-License-Identifier: MIT
/*
 * report_state.h - what report.c and report_show.c share; for no one else
 */
#ifndef REPORT_STATE_H
#define REPORT_STATE_H

#include "ctrlplane/report/report.h"
#include "ctrlplane/report/report_failure.h"
#include "ctrlplane/report/report_job.h"
#include "ctrlplane/report/report_ledgers.h"
#include "ctrlplane/side.h"

#define REPORT_LIST_MAX 500 /* periods, rows or addresses in one answer */

struct reports {
	/* Set before the thread starts, then never changed */
	struct settings settings;
	char from[SETTINGS_STR_MAX + 32];
	struct crypto_signer *signer;
	struct report_author author;
	const char *submitter; /* who reports: the domain of from, the same for all gateways of a fleet */

	/* The side thread's */
	struct report_store *file;  /* rows that were counted here */
	struct report_store *store; /* what reports are made of: that file, or the database of the fleet */
	struct report_job job;
	uint64_t n_tags, job_tag;        /* of what the job waits for */
	struct side_wish *spare;         /* for what the job wants next */
	struct report_failures failures; /* waiting is NULL: none are made */
	uint64_t failure_tag;            /* of what they wait for */
	uint64_t looked_s, purged_s, forwarded_s;
	bool is_moved;          /* what the job waited for came: another report may be due */
	uint64_t file_failed_s; /* when rows could not be written; 0: they could */
	uint64_t n_taken;
	bool is_taken; /* there may be a report that a next hop took, and the store does not know */
	struct report_ledgers ledgers;

	struct side side;
};

/* All rows of this gateway to the database of the fleet, if there is one and it answers. */
void report_forward_all(struct reports *r, uint64_t now_s);

/* Fills in what a request is answered with. */
void report_show(struct reports *r, const char *command, const json_t *args, struct side_wish *out, uint64_t now_s);

#endif
