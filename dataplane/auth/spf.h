// SPDX-License-Identifier: MIT
/*
 * spf.h - check_host() (RFC 7208 4), one question at a time
 */
#ifndef AUTH_SPF_H
#define AUTH_SPF_H

#include "dataplane/auth/auth.h"

enum spf_result {
	SPF_RESULT_NONE,
	SPF_RESULT_NEUTRAL,
	SPF_RESULT_PASS,
	SPF_RESULT_FAIL,
	SPF_RESULT_SOFTFAIL,
	SPF_RESULT_TEMPERROR,
	SPF_RESULT_PERMERROR
};

enum spf_scope { SPF_SCOPE_HELO, SPF_SCOPE_MFROM };

#define SPF_EXPLANATION_MAX 512

#include "dataplane/auth/spf_eval.h" /* struct spf, for placement */

/**
 * spf_begin - start one check
 * @s: all its memory is inside, nothing to free; contents undefined before
 * @scope: HELO checks postmaster@helo; MFROM the reverse-path, or postmaster@helo when that is null
 * @client: borrowed for the whole check
 */
void spf_begin(struct spf *s, const struct auth_settings *settings, enum spf_scope scope,
	       const struct auth_client *client, struct explain *explain, uint64_t now_us);

/**
 * spf_step - carry the check a DNS answer further (RFC 7208 4.6)
 * @answer: reply to spf_question(), NULL at first; borrowed for the call
 *
 * Returns true when s->result is final.  Cannot fail: a broken record or an eleventh term is
 * permerror (4.6.4), an unanswered question or more than spf_timeout_ms temperror (2.6.6).
 */
bool spf_step(struct spf *s, const struct dns_answer *answer, uint64_t now_us);

/* The question to be answered next; only while spf_step() returns false. */
const struct dns_question *spf_question(const struct spf *s);

const char *spf_result_text(enum spf_result r); /* "none" "neutral" "pass" ... (RFC 8601 2.7.2) */

/*
 * Results, all in struct spf: result; domain (text of the domain checked, lower case as given, may be empty);
 * reason (a constant sentence for a postmaster, never NULL); n_terms, n_voids (DNS terms and void look-ups
 * used); explanation (text of exp=, expanded, printable ASCII only, empty when there is none);
 * mechanism (text of the directive that matched, for Received-SPF; may be empty).
 */

#endif
