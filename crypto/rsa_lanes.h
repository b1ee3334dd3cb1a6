// SPDX-License-Identifier: MIT
/*
 * rsa_lanes.h - RSA verifications side by side, by whichever vectors the processor has
 *
 * What the kernels have in common, for crypto_lanes.c; rsa_ifma.h says what the calls mean.
 */
#ifndef CRYPTO_RSA_LANES_H
#define CRYPTO_RSA_LANES_H

#include "crypto/crypto_job.h"
#include "crypto/rsa_key.h"

#define RSA_LANES_MAX 8

struct rsa_lanes {
	const char *name;
	size_t width;                      /* lanes */
	unsigned (*digits)(unsigned bits); /* keys of as many go together, if their e is the same; 0: not for lanes */
	size_t (*key_size)(unsigned digits);
	size_t (*work_size)(void);
	/* @n is 1 to width.  Keys and work are memory of those sizes, aligned to 64. */
	void (*keys_begin)(void *work, void *const to[], const struct rsa_key *from, size_t n);
	void (*keys_end)(void *work, void *const to[], size_t n);
	void (*verify_begin)(void *work, const void *const keys[], const struct crypto_job *const jobs[], size_t n);
	unsigned (*verify_end)(void *work);
	bool (*step)(void *work, int64_t *cost); /* some three thousand are a microsecond */
};

extern const struct rsa_lanes rsa_lanes_ifma, rsa_lanes_avx2;

#endif
