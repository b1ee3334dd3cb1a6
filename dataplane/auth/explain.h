// SPDX-License-Identifier: MIT
/*
 * explain.h - the account of a verification, for a postmaster: lines that several cores write alike
 *
 * A line is "core: what": the cores write their own steps, whoever carries questions writes each with its answer just
 * before it is handed in, so that what an answer decided stands below it.
 */
#ifndef AUTH_EXPLAIN_H
#define AUTH_EXPLAIN_H

#include "dataplane/auth/auth.h"

#define EXPLAIN_MARK "(the account is cut here: explain.octets)\n"

/* "dns: example.org TXT -> ..."; nothing when @e is NULL. */
void explain_answer(struct explain *e, const struct dns_question *q, const struct dns_answer *a);

/* For results that were not computed anew: "spf: example.org: from the compiled record". */
void explain_kept(struct explain *e, const char *core, struct span domain, const char *what);

/* Puts the whole lines of @from into @out, and EXPLAIN_MARK when some are missing. */
void explain_copy(const struct explain *from, struct text *out);

#endif
