// SPDX-License-Identifier: MIT
/*
 * ed25519_rule.h - what every Ed25519 backend refuses before it computes anything
 */
#ifndef CRYPTO_ED25519_RULE_H
#define CRYPTO_ED25519_RULE_H

#include "crypto/crypto_job.h"

#define ED25519_KEY_LEN 32
#define ED25519_SIG_LEN 64

/* Sets job->key_bits; CRYPTO_PENDING says that lengths are those of RFC 8032 5.1.5 and 5.1.6, of key and signature. */
static inline enum crypto_verdict ed25519_rule_before(struct crypto_job *job)
{
	CHECK(job->digest_len == SHA256_LEN); /* RFC 8463 3 signs the digest */
	job->key_bits = job->key_len == ED25519_KEY_LEN ? 256 : 0;
	if (job->key_len != ED25519_KEY_LEN)
		return CRYPTO_BAD_KEY;
	return job->sig_len == ED25519_SIG_LEN ? CRYPTO_PENDING : CRYPTO_FAIL;
}

#endif
