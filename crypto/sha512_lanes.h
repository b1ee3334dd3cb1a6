// SPDX-License-Identifier: MIT
/*
 * sha512_lanes.h - SHA-512 of eight messages of one block (FIPS 180-4 6.4)
 *
 * Pure; AVX-512.  One block is what an Ed25519 signature over a SHA-256 digest needs: 32 + 32 + 32 octets.
 */
#ifndef CRYPTO_SHA512_LANES_H
#define CRYPTO_SHA512_LANES_H

#include "crypto/ifma_lanes.h"

#ifdef __x86_64__

#define SHA512_LANES_ONE_BLOCK 111 /* octets of the longest message that is one block */

/* @block: the sixteen words of the padded messages, used up; @digest: the eight words of each digest */
void sha512_lanes(vec digest[8], vec block[16]);

#endif
#endif
