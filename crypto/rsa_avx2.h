// SPDX-License-Identifier: MIT
/*
 * rsa_avx2.h - four RSA verifications side by side, for processors without AVX512-IFMA
 *
 * Pure.  As rsa_ifma.h, with half the lanes and digits of 28 bits; whether the machine can is for the caller to know.
 */
#ifndef CRYPTO_RSA_AVX2_H
#define CRYPTO_RSA_AVX2_H

#include "crypto/rsa_key.h"

#define RSA_AVX2_LANES 4
#define RSA_AVX2_BITS_MIN 1024
#define RSA_AVX2_BITS_MAX 4158

struct rsa_avx2_key {
	uint16_t digits; /* L: R = 2^(28 L) is above 4 n */
	uint16_t octets;
	uint32_t e;
	uint32_t n0;        /* -1 / n mod 2^28 */
	uint32_t numbers[]; /* n of L digits, then c = R^(2 - e) mod n of L */
};

/* One verification: whether sig^e = em mod n; both key->octets long, sig below n, em too. */
struct rsa_avx2_lane {
	const struct rsa_avx2_key *key;
	const uint8_t *sig, *em; /* borrowed for rsa_avx2_verify_begin() */
};

/* Digits of a modulus of so many bits, 0: not for us.  Lanes of one batch have the same. */
unsigned rsa_avx2_digits(unsigned bits);
size_t rsa_avx2_key_size(unsigned digits);

struct rsa_avx2_work;

size_t rsa_avx2_work_size(void); /* to be aligned to 64 */

/* As rsa_ifma_keys_begin() and its kin; @n: 1 to RSA_AVX2_LANES. */
void rsa_avx2_keys_begin(struct rsa_avx2_work *w, struct rsa_avx2_key *const to[], const struct rsa_key *from,
			 size_t n);
void rsa_avx2_keys_end(struct rsa_avx2_work *w, struct rsa_avx2_key *const to[], size_t n);
void rsa_avx2_verify_begin(struct rsa_avx2_work *w, const struct rsa_avx2_lane *lanes, size_t n);
unsigned rsa_avx2_verify_end(struct rsa_avx2_work *w);

/* Goes on for about @products of four lanes, which are subtracted; true: all but the end is done. */
bool rsa_avx2_step(struct rsa_avx2_work *w, int64_t *products);

#endif
