// SPDX-License-Identifier: MIT
/*
 * dkim_verify.h - struct dkim, for placement
 *
 * Some 47 KiB, nearly all of it the jobs' keys and signatures; from a pool.
 */
#ifndef AUTH_DKIM_VERIFY_H
#define AUTH_DKIM_VERIFY_H

#include "dataplane/auth/dkim_canon.h"
#include "dataplane/auth/dkim_sig.h"

/*
 * A signature that is verified:
 *
 *	ASK --dkim_question--> ASKED --dkim_answer--> BODY --dkim_body_end--> READY --dkim_job--> OUT --dkim_job_done--> DONE
 *
 * with a short cut to DONE from ASKED when the key is permerror, and from BODY when the body hash is wrong or the
 * key temperror.  An answer after dkim_body_end() goes on from BODY at once.
 */
enum dkim_state {
	DKIM_STATE_ASK,   /* the question was not yet asked */
	DKIM_STATE_ASKED, /* the answer is awaited */
	DKIM_STATE_BODY,  /* the key is known, or known not to come; the end of the body is awaited */
	DKIM_STATE_READY, /* all is there; the job was not yet taken */
	DKIM_STATE_OUT,   /* the job is being computed */
	DKIM_STATE_DONE,  /* result is final */
};

struct dkim_slot {
	struct dkim_sig sig;
	enum dkim_state state;
	enum dkim_result result; /* NONE until it is known */
	const char *reason;
	uint8_t body; /* index into bodies[] */
	bool aligned; /* d= and the author domain are in one line */
	bool testing; /* key record: t=y */
	struct crypto_job job;
};

/* A body hash, shared by all signatures of the same canonicalization, hash and l=. */
struct dkim_shared_body {
	struct dkim_body body;
	uint8_t n_users; /* signatures, and ARC, that still wait for it: at 0 nothing more is hashed */
	uint8_t digest_len;
	uint8_t digest[SHA256_LEN];
};

#define DKIM_MARKS 64

struct dkim {
	const struct auth_settings *settings;
	const struct msg_header *header;
	struct explain *explain;
	uint64_t now_unix;
	uint8_t n_slots, n_bodies;
	bool body_ended;
	/* Of the fields named DKIM-Signature each stride-th one's index: a way to any of them in few steps. */
	uint32_t n_fields, stride, n_marks;
	uint32_t mark[DKIM_MARKS];
	struct dkim_slot slots[DKIM_SIGNATURES_MAX];
	struct dkim_shared_body bodies[DKIM_SIGNATURES_MAX];
};

_Static_assert(sizeof(struct dkim) <= 48 * 1024, "a pool of them stays small");

#endif
