// SPDX-License-Identifier: MIT
/*
 * dkim.h - all DKIM signatures of one message (RFC 6376, 8301, 8463, 8616)
 *
 * Life of a check: dkim_begin() when the header has ended; questions and dkim_answer(), and dkim_body()
 * as octets arrive, in any order; dkim_body_end(); jobs and dkim_job_done(); results when dkim_done().
 */
#ifndef AUTH_DKIM_H
#define AUTH_DKIM_H

#include "dataplane/auth/auth.h"
#include "dataplane/msg/msg_header.h"

#define DKIM_SIGNATURES_MAX 16 /* the most that settings may allow to be verified */

enum dkim_result {
	DKIM_RESULT_NONE,
	DKIM_RESULT_PASS,
	DKIM_RESULT_FAIL,
	DKIM_RESULT_POLICY,
	DKIM_RESULT_NEUTRAL,
	DKIM_RESULT_TEMPERROR,
	DKIM_RESULT_PERMERROR
};

/* One DKIM-Signature field, as reported. */
struct dkim_report {
	enum dkim_result result;
	const char *reason;     /* constant sentence for a postmaster, "" for a plain pass */
	struct span d, s, a, i; /* tag values as written (white space removed at the ends), borrowed from the header;
				   empty when absent; i as written, may be absent */
	struct span b;          /* the first octets of b=, for header.b (RFC 6008); may hold FWS */
	uint16_t key_bits;      /* 0: no key was seen */
	bool testing;           /* key record says t=y */
	bool partial;           /* l= leaves octets at the end of the body unsigned */
	bool counts;            /* a pass that DMARC may use */
};

#include "dataplane/auth/dkim_verify.h" /* struct dkim, for placement */

/**
 * dkim_begin - parse every DKIM-Signature field and choose which are verified
 * @header: borrowed until the end of the check
 * @author_domain: A-label domain of From, so that aligned signatures come first; may be empty
 */
void dkim_begin(struct dkim *k, const struct auth_settings *settings, const struct msg_header *header,
		struct span author_domain, uint64_t now_unix, struct explain *explain);

/* The next question not asked yet; @slot names it for dkim_answer().  False when there is none. */
bool dkim_question(struct dkim *k, unsigned *slot, struct dns_question *q);
void dkim_answer(struct dkim *k, unsigned slot, const struct dns_answer *answer);

/*
 * The SHA-256 of the body that some signature needs, for another verifier that needs the same; NULL: none does.  From now
 * on it is computed to the end, and there after dkim_body_end().
 */
const struct dkim_shared_body *dkim_share(struct dkim *k, enum dkim_canon canon, uint64_t l);

void dkim_body(struct dkim *k, struct span bytes); /* body octets, cut anywhere */
void dkim_body_end(struct dkim *k);
void dkim_leave(struct dkim *k); /* no more octets: @k may go */

/* The next job that is ready and not yet handed out, NULL when there is none now. */
struct crypto_job *dkim_job(struct dkim *k);
void dkim_job_done(struct dkim *k, struct crypto_job *job);

/* No more DNS will come (deadline): what is unanswered becomes temperror. */
void dkim_give_up(struct dkim *k);

bool dkim_done(const struct dkim *k);

/* Number of DKIM-Signature fields in the header, also those beyond the cap; and each, top to bottom. */
size_t dkim_n_reports(const struct dkim *k);
void dkim_report(const struct dkim *k, size_t index, struct dkim_report *report);

/* The signatures that are verified, in no order that matters: for DMARC, which needs no more of them. */
struct dkim_verified {
	struct span d;
	enum dkim_result result;
	bool counts; /* a pass that DMARC may use */
};
size_t dkim_n_verified(const struct dkim *k);
struct dkim_verified dkim_verified(const struct dkim *k, size_t index);

const char *dkim_result_text(enum dkim_result r); /* RFC 8601 2.7.1 */

#endif
