// SPDX-License-Identifier: MIT
/*
 * dkim_key.h - key records (RFC 6376 3.6.1, RFC 8463 4)
 */
#ifndef AUTH_DKIM_KEY_H
#define AUTH_DKIM_KEY_H

#include "dataplane/auth/dkim_sig.h"

#define DKIM_KEY_RECORD_MAX 16384 /* octets of a TXT record that is looked at */
#define DKIM_KEY_P_MAX 4096       /* characters of p= */

struct dkim_key {
	struct span p; /* base64, borrowed from the answer */
	bool testing;  /* t=y */
	bool strict;   /* t=s: i= may not be below d= */
};

/**
 * dkim_key_find - the one record of an answer that is a key for this signature
 * @answer: with rcode DNS_NOERROR
 *
 * Returns NULL, or a constant sentence that says why there is none (permerror).  RFC 6376 3.6.2.2 leaves several
 * records open and their order is random, so exactly one must fit @sig; equal ones count once.
 */
const char *dkim_key_find(struct dkim_key *key, const struct dns_answer *answer, const struct dkim_sig *sig) MUST_USE;

/* Decodes p= of @key and b= of @sig into @job and sets its algorithm and limits; the digest is left to do. */
const char *dkim_key_job(const struct dkim_key *key, const struct dkim_sig *sig, const struct auth_settings *settings,
			 struct crypto_job *job) MUST_USE;

/* NULL when @answer holds records; else why not, with @temporary telling whether asking again may help. */
const char *dkim_key_unanswered(const struct dns_answer *answer, bool *temporary);

#endif
