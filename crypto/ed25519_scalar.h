// SPDX-License-Identifier: MIT
/*
 * ed25519_scalar.h - numbers modulo L, the order of the base point of Ed25519 (RFC 8032 5.1)
 *
 * Pure.  Time depends on data, as it may: all of it is public.
 */
#ifndef CRYPTO_ED25519_SCALAR_H
#define CRYPTO_ED25519_SCALAR_H

#include "dataplane/base/span.h"

/* Four words, least first. */
struct ed25519_scalar {
	uint64_t w[4];
};

/* S of a signature; false when it is not below L (RFC 8032 5.1.7 step 1), and then @to is 0. */
bool ed25519_scalar_read(struct ed25519_scalar *to, const uint8_t octets[32]);

/* @h, eight words, modulo L */
struct ed25519_scalar ed25519_scalar_reduce(const uint64_t h[8]);

#endif
