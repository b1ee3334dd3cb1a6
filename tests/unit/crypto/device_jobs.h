// SPDX-License-Identifier: MIT
/*
 * device_jobs.h - signatures, good and forged, and the verdicts that plain OpenSSL gives them
 */
#ifndef TESTS_DEVICE_JOBS_H
#define TESTS_DEVICE_JOBS_H

#include <stdlib.h>
#include <time.h>

#include "crypto/crypto_openssl.h"
#include "crypto/rsa_rule.h"
#include "tests/unit/crypto/rsa_signer.h"

enum { DEVICE_KEYS = 5, DEVICE_JOBS = 60 };

struct device_jobs {
	struct signer keys[DEVICE_KEYS];
	struct crypto_job jobs[DEVICE_JOBS]; /* verdict: what OpenSSL says */
};

static inline void device_job(struct crypto_job *j, const struct signer *k, int kind, BN_CTX *bn)
{
	uint8_t em[CRYPTO_SIG_MAX];
	size_t t_len = RSA_RULE_TAIL - 1;

	*j = (struct crypto_job){ .alg = CRYPTO_RSA_SHA256, .digest_len = SHA256_LEN, .rsa_bits_min = 1024 };
	j->rsa_bits_max = 4096;
	for (size_t i = 0; i < SHA256_LEN; i++)
		j->digest[i] = (uint8_t)rand();
	memcpy(j->key, k->spki.at, k->spki.len);
	j->key_len = (uint16_t)k->spki.len;
	j->sig_len = (uint16_t)k->len;
	CHECK(rsa_rule_encode(j, em, k->len));
	if (kind == 1) { /* the forgery of 2006: what follows the digest was not looked at */
		em[10] = 0;
		memmove(em + 11, em + k->len - t_len, t_len);
		memset(em + 11 + t_len, 0x5a, k->len - 11 - t_len);
	}
	signer_sign(k, em, j->sig, bn);
	if (kind == 2)
		j->sig[k->len / 2] ^= 4;
	else if (kind == 3)
		j->digest[7] ^= 1;
	else if (kind == 4)
		j->sig_len--;
	else if (kind == 5)
		j->key[0] ^= 1;
}

/* Two good ones of three; @bits and e of the keys differ. */
static inline void device_jobs_init(struct device_jobs *d)
{
	static const int bits[DEVICE_KEYS] = { 1024, 2048, 2048, 1032, 1536 };
	struct crypto_backend *scalar = crypto_openssl_open(16);
	struct crypto_job *list[DEVICE_JOBS];
	BN_CTX *bn = BN_CTX_new();

	CHECK(scalar && bn);
	for (int i = 0; i < DEVICE_KEYS; i++)
		signer_init(&d->keys[i], bits[i], i == 3 ? 3 : 65537, bn);
	for (int i = 0; i < DEVICE_JOBS; i++) {
		device_job(&d->jobs[i], &d->keys[i % DEVICE_KEYS], i % 3 ? 0 : i / 3 % 6, bn);
		list[i] = &d->jobs[i];
	}
	crypto_verify(scalar, list, DEVICE_JOBS);
	crypto_openssl_close(scalar);
	BN_CTX_free(bn);
}

static inline uint64_t device_jobs_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* All jobs of the set at once.  Whether each came back once with its verdict; their memory is given back then. */
static inline bool device_jobs_verified(const struct device_jobs *set, struct crypto_backend *b)
{
	struct crypto_job *list[DEVICE_JOBS], *done[CRYPTO_BATCH_MAX], *jobs = malloc(sizeof(set->jobs));
	unsigned n_done = 0, seen[DEVICE_JOBS] = { 0 };
	uint64_t start_us = device_jobs_now_us();
	bool good = true;

	CHECK(jobs);
	memcpy(jobs, set->jobs, sizeof(set->jobs));
	for (int i = 0; i < DEVICE_JOBS; i++) {
		list[i] = &jobs[i];
		jobs[i].verdict = CRYPTO_PENDING;
	}
	for (size_t taken = 0; n_done < DEVICE_JOBS && device_jobs_now_us() - start_us < 20000000;) {
		size_t n = b->submit(b->driver, list + taken, DEVICE_JOBS - taken, device_jobs_now_us());

		for (size_t i = taken; i < taken + n; i++)
			if (jobs[i].verdict != CRYPTO_PENDING) {
				seen[i]++;
				n_done++;
			}
		taken += n;
		for (size_t k = b->poll(b->driver, done, device_jobs_now_us()); k-- > 0; n_done++)
			seen[done[k] - jobs]++;
	}
	for (int i = 0; i < DEVICE_JOBS; i++)
		good &= seen[i] == 1 && jobs[i].verdict == set->jobs[i].verdict &&
			jobs[i].key_bits == set->jobs[i].key_bits;
	free(jobs);
	return good && b->under_way == 0;
}

static inline void device_jobs_release(struct device_jobs *d)
{
	for (int i = 0; i < DEVICE_KEYS; i++)
		signer_release(&d->keys[i]);
}

#endif
