// SPDX-License-Identifier: MIT
/*
 * ed25519_ifma.h - eight Ed25519 verifications side by side, with the 52-bit multiply-add of AVX512-IFMA
 *
 * Pure.  A lane is one signature under one key.  Each is verified by itself: nothing is combined between lanes, so
 * no verdict depends on chance or on neighbours.  The verdicts are those of OpenSSL: S below L, the equation without
 * cofactor, R compared as octets (so it must be canonical), A taken as RFC 8032 5.1.3 decodes it, but without the
 * two checks that OpenSSL leaves out: y may be p or more, and x = 0 may have its sign bit set.
 * Whether the machine can is for the caller to know (crypto_lanes_usable()).
 */
#ifndef CRYPTO_ED25519_IFMA_H
#define CRYPTO_ED25519_IFMA_H

#include <stdalign.h>

#include "crypto/ed25519_rule.h"
#include "crypto/ifma.h"

enum { ED25519_TABLES = 4, ED25519_MULTIPLES = 8, ED25519_ENTRY = 16 };

/**
 * struct ed25519_ifma_key - multiples of -A: table j has 1 to 8 times 2^(64 j) (-A)
 *
 * An entry is y + x, y - x and 2 d x y in five digits each, and a word to fill two cache lines.
 */
struct ed25519_ifma_key {
	alignas(64) uint64_t table[ED25519_TABLES][ED25519_MULTIPLES][ED25519_ENTRY];
	bool is_point; /* A is on the curve */
};

/* Multiples of the base point, digit by digit: element m is that of multiple m + 1. */
struct ed25519_ifma_base {
	alignas(64) uint64_t table[ED25519_TABLES][ED25519_ENTRY][ED25519_MULTIPLES];
};

struct ed25519_ifma_lane {
	const struct ed25519_ifma_key *key;
	const uint8_t *a;      /* the key's ED25519_KEY_LEN octets */
	const uint8_t *sig;    /* ED25519_SIG_LEN: R, S */
	const uint8_t *digest; /* SHA256_LEN: the message (RFC 8463 3) */
};

void ed25519_ifma_base(struct ed25519_ifma_base *base);

/**
 * ed25519_ifma_keys - make keys ready
 * @n: 1 to IFMA_LANES
 *
 * Costs about as much as a batch of verifications, whatever @n is.
 */
void ed25519_ifma_keys(struct ed25519_ifma_key *const to[], const uint8_t *const a[], size_t n);

/* Bit i of the result says that the signature of lane i is good; @n: 1 to IFMA_LANES. */
unsigned ed25519_ifma_verify(const struct ed25519_ifma_base *base, const struct ed25519_ifma_lane *lanes, size_t n);

#endif
