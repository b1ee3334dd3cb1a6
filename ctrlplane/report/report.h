// SPDX-License-Identifier: MIT
/*
 * report.h - aggregate reports (RFC 9990): the control thread's side
 *
 * A side thread owns the store and does all that waits for a disk.  Everything here is called by the control thread and
 * returns at once.  What the workers tell reaches the thread by itself (report_ledger()); the control thread does what
 * report_next() asks for.
 */
#ifndef REPORT_H
#define REPORT_H

#include "conf/settings.h"
#include "ctrlplane/side_wish.h"

struct ledger;
struct reports;

/* NULL with @error set, of 512 octets; @settings are copied.  Only when settings.report_store is set. */
struct reports *report_open(const struct settings *settings, unsigned n_workers,
			    struct span (*organizational)(struct span domain), char error[512]);
/* Takes what waits, then ends the thread; the workers have ended. */
void report_close(struct reports *r);

/* Where @worker writes down what reports will tell of; as long as it is open. */
struct ledger *report_ledger(struct reports *r, unsigned worker);

/* The next wish, NULL: none now; answers to ASK by report_dns_answer(), to SEND by report_mail_result(). */
struct side_wish *report_next(struct reports *r);

void report_dns_answer(struct reports *r, uint64_t tag, const struct dns_answer *answer);
void report_mail_result(struct reports *r, uint64_t tag, unsigned code, struct span text);

/**
 * report_request - a command of the control socket: list, show, send, preview, suppressed, unsuppress
 * @command: constant; @args: taken, may be NULL
 * The answer is a wish with @tag.  False: too busy, and there will be none.
 */
bool MUST_USE report_request(struct reports *r, const char *command, json_t *args, uint64_t tag);

#endif
