// SPDX-License-Identifier: MIT
/*
 * rsa_rule.c - the one rule of every RSA backend (RFC 8017 8.2.2)
 *
 * Pure.
 */
#include "crypto/rsa_rule.h"

/* DigestInfo up to the digest (RFC 8017 9.2, note 1) */
static const uint8_t info_sha256[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
				       0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
static const uint8_t info_sha1[] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
				     0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 };

_Static_assert(RSA_RULE_TAIL == 1 + sizeof(info_sha256) + SHA256_LEN, "the longest DigestInfo");

static struct span info_of(const struct crypto_job *job)
{
	return job->alg == CRYPTO_RSA_SHA1 ? span_of(info_sha1, sizeof(info_sha1))
					   : span_of(info_sha256, sizeof(info_sha256));
}

/* Octets that are not the longest PS: two in front of it, one after it, DigestInfo; PS has eight at least. */
static size_t least_length(const struct crypto_job *job)
{
	return info_of(job).len + job->digest_len + 11;
}

enum crypto_verdict rsa_rule_before(struct crypto_job *job, const struct rsa_key *key)
{
	CHECK(job->digest_len == (job->alg == CRYPTO_RSA_SHA1 ? SHA1_LEN : SHA256_LEN));
	job->key_bits = key->bits;
	if (key->bits < job->rsa_bits_min)
		return CRYPTO_SHORT_KEY;
	if (key->bits > job->rsa_bits_max || key->n.len > CRYPTO_SIG_MAX)
		return CRYPTO_LONG_KEY;
	/* RFC 8017 8.2.2 step 1: exactly k octets; 5.2.2 step 1: s below n.  Neither is left to a library. */
	if (job->sig_len != key->n.len || memcmp(job->sig, key->n.at, key->n.len) >= 0)
		return CRYPTO_FAIL;
	return key->n.len < least_length(job) ? CRYPTO_FAIL : CRYPTO_PENDING;
}

bool rsa_rule_encode(const struct crypto_job *job, uint8_t *em, size_t em_len)
{
	struct span info = info_of(job);
	size_t t_len = info.len + job->digest_len;

	if (em_len < least_length(job))
		return false;
	size_t ps_len = em_len - t_len - 3;

	em[0] = 0x00;
	em[1] = 0x01;
	memset(em + 2, 0xff, ps_len);
	em[2 + ps_len] = 0x00;
	memcpy(em + 3 + ps_len, info.at, info.len);
	memcpy(em + 3 + ps_len + info.len, job->digest, job->digest_len);
	return true;
}

/*
 * 01 ff..ff 00 T, with T of t octets: the ones up to the 00 are 2^(8k-15) - 2^(8(t+1)), so u = 2^(8(t+1)) - T,
 * which is the two's complement of 00 T.
 */
void rsa_rule_tail(const struct crypto_job *job, uint8_t u[RSA_RULE_TAIL])
{
	struct span info = info_of(job);
	size_t t_len = info.len + job->digest_len, at = RSA_RULE_TAIL - t_len;
	unsigned carry = 1;

	memset(u, 0, RSA_RULE_TAIL);
	memcpy(u + at, info.at, info.len);
	memcpy(u + at + info.len, job->digest, job->digest_len);
	for (size_t i = RSA_RULE_TAIL; i-- > at - 1;) {
		carry += (uint8_t)~u[i];
		u[i] = (uint8_t)carry;
		carry >>= 8;
	}
}
