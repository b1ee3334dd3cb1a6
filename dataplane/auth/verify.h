// SPDX-License-Identifier: MIT
/*
 * verify.h - SPF, iprev, DKIM, ARC and DMARC of one message, joined
 *
 * One struct verify follows one transaction, in the gateway as in sekisho-check.  It owns the verifiers,
 * passes their questions and jobs on under tickets, hashes the body as it arrives and makes the fields that
 * go on top of the message.  Pure: no I/O, no clock, no allocation.
 *
 *   verify_begin   client known (after MAIL FROM): SPF and iprev start
 *   verify_header  header complete: DKIM keys, ARC keys and DMARC questions go out together
 *   verify_body    body octets, cut anywhere
 *   verify_end     message complete
 *   ...            verify_question/verify_answer and verify_job/verify_job_done at any time in between
 *   verify_done    true: results are final
 */
#ifndef AUTH_VERIFY_H
#define AUTH_VERIFY_H

#include "dataplane/auth/arc.h"
#include "dataplane/auth/authres.h"
#include "dataplane/auth/dkim.h"
#include "dataplane/auth/dmarc.h"
#include "dataplane/auth/from.h"
#include "dataplane/auth/spf.h"

#include "dataplane/auth/verify_state.h" /* struct verify, for placement */

/**
 * verify_begin - start with what the envelope says
 * @v: contents undefined before; large (see verify_state.h), from a pool
 * @client: helo and mail_from are copied
 * @explain: NULL or where each step is told; outlives @v
 */
void verify_begin(struct verify *v, const struct auth_settings *settings, const struct auth_client *client,
		  struct explain *explain, uint64_t now_us);

/* @header: borrowed until the results have been read.  At most once. */
void verify_header(struct verify *v, const struct msg_header *header, uint64_t now_us);
void verify_body(struct verify *v, struct span bytes);
void verify_end(struct verify *v, uint64_t now_us);

/* No more octets will come, and what waits to be hashed is forgotten: before @v is released, ended or not. */
void verify_leave(struct verify *v);

/* No message will come: done when SPF and iprev are. */
void verify_envelope_only(struct verify *v);

/**
 * verify_question - the next question to be asked now
 * @ticket: names it for verify_answer(); small integer
 * Returns false when there is none at the moment (answers may bring new ones).
 */
bool verify_question(struct verify *v, uint32_t *ticket, struct dns_question *q);

/* @answer: borrowed for the call.  A ticket may be answered once; a late or unknown one is ignored. */
void verify_answer(struct verify *v, uint32_t ticket, const struct dns_answer *answer, uint64_t now_us);

/* The next job to be computed, NULL when there is none now.  It stays inside @v until handed back. */
struct crypto_job *verify_job(struct verify *v);
void verify_job_done(struct verify *v, struct crypto_job *job, uint64_t now_us);

/* When verify_expire() is due, UINT64_MAX: never. */
uint64_t verify_deadline_us(const struct verify *v);
/* Past the deadline: all that is open becomes temperror.  Jobs that are out must still come back. */
void verify_expire(struct verify *v, uint64_t now_us);

bool verify_done(const struct verify *v);
/* Jobs handed out and not yet back: @v must not be released before this is 0. */
unsigned verify_n_jobs_out(const struct verify *v);

/*
 * Results, once done: v->from, v->dkim, v->arc, v->dmarc, and the SPF checks: of the identity that counts for the
 * record and for DMARC (the reverse-path, or postmaster@HELO when that is null), and of each by itself.
 * verify_spf_mfrom() is NULL when the reverse-path is null or not known.
 */
enum dkim_result verify_dkim(const struct verify *v); /* pass before temperror before the first that is not none */
const struct spf *verify_spf(const struct verify *v);
const struct spf *verify_spf_helo(const struct verify *v);
const struct spf *verify_spf_mfrom(const struct verify *v);
/* Of the client's names; IPREV_RESULT_NONE: not looked at. */
const struct iprev *verify_iprev(const struct verify *v);

/**
 * verify_fields - Authentication-Results (RFC 8601) and, by setting, Received-SPF (RFC 7208 9.1)
 * @out: whole fields, folded, each with its CRLF; to stand above the message
 */
void verify_fields(const struct verify *v, struct text *out);

/**
 * verify_field_is_forged - whether a field must not be passed on
 *
 * An Authentication-Results field that bears our authserv-id in any spelling: case, quotes, comments, folding
 * (RFC 8601 5).  Every field for which this is true is removed on relay.
 */
bool verify_field_is_forged(const struct auth_settings *settings, struct span name, struct span value);

#endif
