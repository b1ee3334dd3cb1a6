// SPDX-License-Identifier: MIT
/*
 * rsa_ifma.h - eight RSA verifications side by side, with the 52-bit multiply-add of AVX512-IFMA
 *
 * Pure.  A lane is one signature under one key; lanes run in step and share nothing but the length of their
 * numbers and the exponent.  Whether the machine can is for the caller to know (crypto_lanes_usable()).
 * Time depends on data, as it may: all of it is public.
 */
#ifndef CRYPTO_RSA_IFMA_H
#define CRYPTO_RSA_IFMA_H

#include "crypto/ifma.h"
#include "crypto/rsa_key.h"

#define RSA_IFMA_DIGITS_MAX 80
#define RSA_IFMA_BITS_MIN 1024
#define RSA_IFMA_BITS_MAX 4158
#define RSA_IFMA_TAIL 52 /* octets of the end of an encoding that can differ between messages under one key */

/**
 * struct rsa_ifma_key - what a lane needs of a key
 *
 * Numbers are arrays of 52-bit digits, least first.  With L digits, R = 2^(52 L) and k octets of n:
 * an encoding (RFC 8017 9.2) is 2^(8k - 15) - u, where u is at most RSA_IFMA_TAIL octets.
 */
struct rsa_ifma_key {
	uint16_t digits; /* L: 20, 40, 60, 80 */
	uint16_t octets; /* k */
	uint16_t bits;
	uint32_t e;
	uint64_t n0; /* -1 / n mod 2^52 */
	/* n of L digits, then c = R^(2 - e) mod n of L, then (n - c) 2^(8k - 15) of 2 L */
	uint64_t numbers[];
};

/* One verification; sig is key->octets long and below n. */
struct rsa_ifma_lane {
	const struct rsa_ifma_key *key;
	const uint8_t *sig;
	uint8_t u[RSA_IFMA_TAIL]; /* big-endian */
};

/* Digits of a modulus of so many bits, 0: not for us. */
unsigned rsa_ifma_digits(unsigned bits);
size_t rsa_ifma_key_size(unsigned digits);

/*
 * A batch can be done in pieces: begin, step until it says true, end.  What is to be had at once is for those who have
 * the time: rsa_ifma_keys(), rsa_ifma_verify().
 */
struct rsa_ifma_work;

size_t rsa_ifma_work_size(void); /* to be aligned to 64 */

/**
 * rsa_ifma_keys_begin - make keys ready
 * @n: 1 to IFMA_LANES; all of @from have one exponent and one rsa_ifma_digits()
 * @to: each of rsa_ifma_key_size() octets, aligned to 64
 *
 * Costs about as much as a batch of verifications, whatever @n is.
 */
void rsa_ifma_keys_begin(struct rsa_ifma_work *w, struct rsa_ifma_key *const to[], const struct rsa_key *from,
			 size_t n);
void rsa_ifma_keys_end(struct rsa_ifma_work *w, struct rsa_ifma_key *const to[], size_t n);

/**
 * rsa_ifma_verify_begin - bit i of what rsa_ifma_verify_end() returns says that sig^e = encoding, mod n, holds in lane i
 * @n: 1 to IFMA_LANES; the keys of all lanes have the same digits and e
 */
void rsa_ifma_verify_begin(struct rsa_ifma_work *w, const struct rsa_ifma_lane *lanes, size_t n);
unsigned rsa_ifma_verify_end(struct rsa_ifma_work *w);

/* Goes on for about @madds multiply-adds, which are subtracted; true: all but the end is done. */
bool rsa_ifma_step(struct rsa_ifma_work *w, int64_t *madds);

void rsa_ifma_keys(struct rsa_ifma_key *const to[], const struct rsa_key *from, size_t n);
unsigned rsa_ifma_verify(const struct rsa_ifma_lane *lanes, size_t n);

/*
 * For tests: the number that decides, L digits of each of the eight lanes side by side, at most n:
 * (sig^e - encoding) R^(1 - e) mod n.
 */
void rsa_ifma_residue(const struct rsa_ifma_lane *lanes, size_t n, uint64_t *z);

#endif
