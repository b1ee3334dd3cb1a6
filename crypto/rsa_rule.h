// SPDX-License-Identifier: MIT
/*
 * rsa_rule.h - the one rule of every RSA backend (RFC 8017 8.2.2)
 *
 * What is refused is refused before anything is computed; what is computed is the public operation; what decides
 * is that its result is the whole encoding that we expect.  No padding is ever parsed.
 */
#ifndef CRYPTO_RSA_RULE_H
#define CRYPTO_RSA_RULE_H

#include "crypto/crypto_job.h"
#include "crypto/rsa_key.h"

#define RSA_RULE_TAIL 52 /* DigestInfo with SHA-256, and the octet before it */

/* Sets job->key_bits; CRYPTO_PENDING says that sig^e mod n decides, and that sig is as long as n and below it. */
enum crypto_verdict rsa_rule_before(struct crypto_job *job, const struct rsa_key *key);

/* EMSA-PKCS1-v1_5 in @em_len octets (RFC 8017 9.2); false when they are too few. */
bool MUST_USE rsa_rule_encode(const struct crypto_job *job, uint8_t *em, size_t em_len);

/* The same encoding written as 2^(8 em_len - 15) - u, for backends that compute with it; @u big-endian. */
void rsa_rule_tail(const struct crypto_job *job, uint8_t u[RSA_RULE_TAIL]);

#endif
