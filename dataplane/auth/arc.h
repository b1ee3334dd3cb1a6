// SPDX-License-Identifier: MIT
/*
 * arc.h - validation of an ARC chain (RFC 8617 5.2); no sealing
 *
 * The same verbs as dkim.h.  Only the newest ARC-Message-Signature is verified against the body
 * (RFC 8617 5.2 step 4), every ARC-Seal over its header fields.
 */
#ifndef AUTH_ARC_H
#define AUTH_ARC_H

#include "dataplane/auth/dkim.h"

#define ARC_SETS_MAX 50

enum arc_result { ARC_RESULT_NONE, ARC_RESULT_PASS, ARC_RESULT_FAIL, ARC_RESULT_TEMPERROR };

#include "dataplane/auth/arc_verify.h" /* struct arc, for placement */

/* @dkim: begun with the same header, and fed the same body before @a is: a body hash that both need is made once.  NULL: none. */
void arc_begin(struct arc *a, const struct auth_settings *settings, const struct msg_header *header, struct dkim *dkim,
	       uint64_t now_unix, struct explain *explain);
bool arc_question(struct arc *a, unsigned *slot, struct dns_question *q);
void arc_answer(struct arc *a, unsigned slot, const struct dns_answer *answer);
void arc_body(struct arc *a, struct span bytes);
void arc_body_end(struct arc *a);
void arc_leave(struct arc *a); /* no more octets: @a may go */
struct crypto_job *arc_job(struct arc *a);
void arc_job_done(struct arc *a, struct crypto_job *job);
void arc_give_up(struct arc *a);
bool arc_done(const struct arc *a);

/* Results in struct arc: result; reason (constant sentence); instance (highest i=, 0: none); sealer (span of d= of the
 * newest ARC-Seal, empty: none); covers_from (newest AMS signs From); trusted (result is pass, every sealer... see arc.c). */

const char *arc_result_text(enum arc_result r);

#endif
