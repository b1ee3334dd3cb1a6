// SPDX-License-Identifier: MIT
/*
 * rsa_signer.h - RSA keys of any length and exponent, made and used quickly
 *
 * n is a product of many small primes: worthless as a secret, as good as any for verifying, and a private operation
 * costs a few small powers.
 */
#ifndef TESTS_RSA_SIGNER_H
#define TESTS_RSA_SIGNER_H

#include <openssl/bn.h>

#include "tests/unit/crypto/der.h"

enum { SIGNER_PRIMES = 64, SIGNER_OCTETS = 1024 };

struct signer {
	BIGNUM *n, *e;
	int n_primes;
	BIGNUM *p[SIGNER_PRIMES], *d[SIGNER_PRIMES], *one[SIGNER_PRIMES]; /* one: 1 mod p, 0 mod all others */
	int bits;
	size_t len;
	struct der bare, spki;
};

/* A prime of @bits whose predecessor has no divisor with e, and its exponent. */
static inline void signer_prime(struct signer *k, int bits, BN_CTX *bn)
{
	BIGNUM *p = BN_new(), *less = BN_new(), *d;

	do {
		CHECK(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL) == 1);
		BN_copy(less, p);
		BN_sub_word(less, 1);
		d = BN_mod_inverse(NULL, k->e, less, bn);
	} while (!d);
	BN_free(less);
	CHECK(k->n_primes < SIGNER_PRIMES);
	k->d[k->n_primes] = d;
	k->p[k->n_primes++] = p;
}

static inline void signer_write(struct signer *k)
{
	uint8_t n[SIGNER_OCTETS], e[8];

	k->len = (size_t)BN_num_bytes(k->n);
	k->bare.len = k->spki.len = 0;
	BN_bn2bin(k->n, n);
	BN_bn2bin(k->e, e);
	der_rsa_key_of(&k->bare, span_of(n, k->len), span_of(e, (size_t)BN_num_bytes(k->e)));
	der_spki(&k->spki, span_of(k->bare.at, k->bare.len));
}

/* Primes have their two highest bits set, so a product may be some bits short: the last prime makes up for it. */
static inline void signer_init(struct signer *k, int bits, unsigned long e, BN_CTX *bn)
{
	memset(k, 0, sizeof(*k));
	k->n = BN_new();
	k->e = BN_new();
	k->bits = bits;
	BN_set_word(k->e, e);
	do {
		while (k->n_primes > 0) {
			BN_free(k->p[--k->n_primes]);
			BN_free(k->d[k->n_primes]);
		}
		BN_one(k->n);
		for (int left; (left = bits - BN_num_bits(k->n) + 1) > 0 && left >= 100;) {
			signer_prime(k, left >= 400 ? 200 : left >= 300 ? left - 150 : left, bn);
			BN_mul(k->n, k->n, k->p[k->n_primes - 1], bn);
		}
	} while (BN_num_bits(k->n) != bits);
	for (int i = 0; i < k->n_primes; i++) {
		BIGNUM *rest = BN_new(), *inverse;

		BN_div(rest, NULL, k->n, k->p[i], bn);
		inverse = BN_mod_inverse(NULL, rest, k->p[i], bn);
		CHECK(inverse);
		BN_mul(rest, rest, inverse, bn);
		BN_free(inverse);
		k->one[i] = rest;
	}
	signer_write(k);
}

/* sig = m^d mod n; @m below n; both k->len octets */
static inline void signer_sign(const struct signer *k, const uint8_t *m, uint8_t *sig, BN_CTX *bn)
{
	BIGNUM *x = BN_bin2bn(m, (int)k->len, NULL), *s = BN_new(), *part = BN_new();

	BN_zero(s);
	for (int i = 0; i < k->n_primes; i++) {
		CHECK(BN_mod_exp(part, x, k->d[i], k->p[i], bn) == 1);
		BN_mul(part, part, k->one[i], bn);
		BN_add(s, s, part);
	}
	BN_mod(s, s, k->n, bn);
	CHECK(BN_bn2binpad(s, sig, (int)k->len) == (int)k->len);
	BN_free(x);
	BN_free(s);
	BN_free(part);
}

static inline void signer_release(struct signer *k)
{
	for (int i = 0; i < k->n_primes; i++) {
		BN_free(k->p[i]);
		BN_free(k->d[i]);
		BN_free(k->one[i]);
	}
	BN_free(k->n);
	BN_free(k->e);
}

#endif
