// SPDX-License-Identifier: MIT
/*
 * sha256_pair.h - SHA-256 of two streams side by side, with the SHA instructions
 *
 * Pure.  A round waits for the one before it; the rounds of another stream fill the wait.  Whether the machine can
 * is for the caller to know (hash_pair_usable()).
 */
#ifndef CRYPTO_SHA256_PAIR_H
#define CRYPTO_SHA256_PAIR_H

#include "dataplane/base/span.h"

#define SHA256_BLOCK 64

/* Takes @n blocks of each stream into its eight words of state (FIPS 180-4 6.2.2). */
void sha256_pair(uint32_t a_state[8], const uint8_t *a, uint32_t b_state[8], const uint8_t *b, size_t n);

#endif
