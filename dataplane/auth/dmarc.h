// SPDX-License-Identifier: MIT
/*
 * dmarc.h - policy discovery and alignment (RFC 9989; RFC 7489 by setting)
 *
 * dmarc_begin() when the header has ended starts the tree walk of the author domain; walks for the other
 * identifiers are asked for as soon as they are known (dmarc_identifier()), so that all DNS is under
 * way before the final dot; dmarc_judge() when SPF and DKIM are final.  Where settings name a cache, a walk that it knows
 * asks nothing, and what is found without an error is kept there.
 */
#ifndef AUTH_DMARC_H
#define AUTH_DMARC_H

#include "dataplane/auth/dkim.h"
#include "dataplane/auth/dmarc_record.h"
#include "dataplane/auth/from.h"
#include "dataplane/auth/spf.h"

#include "dataplane/auth/dmarc_walk.h" /* struct dmarc, for placement */

void dmarc_begin(struct dmarc *m, const struct auth_settings *settings, struct span author_domain,
		 struct explain *explain, uint64_t now_us);

/* Tells of a domain that may have to be aligned (SPF's, each d=): starts its walk unless that is not needed. */
void dmarc_identifier(struct dmarc *m, struct span domain);

bool dmarc_question(struct dmarc *m, unsigned *slot, struct dns_question *q);
void dmarc_answer(struct dmarc *m, unsigned slot, const struct dns_answer *answer, uint64_t now_us);
void dmarc_give_up(struct dmarc *m);
bool dmarc_walks_done(const struct dmarc *m);

/**
 * dmarc_judge - the result, once all walks are done
 * @spf: the MAIL FROM check (for the null sender postmaster@HELO); NULL when there was none
 * @dkim: all signatures; NULL when there are none
 */
void dmarc_judge(struct dmarc *m, const struct spf *spf, const struct dkim *dkim);

/* Results in struct dmarc: result; reason; from_domain, org_domain, policy_domain (spans into the struct, empty: none);
 * policy (that applies to this message after p/sp/np and t); published (the same before t); disposition (policy when
 * result is fail, else NONE); testing; spf_aligned, dkim_aligned; record (the policy record, parsed); modes_compared,
 * rfc7489_result, rfc7489_disposition. */

const char *dmarc_result_text(enum dmarc_result r);
const char *dmarc_policy_text(enum dmarc_policy p);

#endif
