// SPDX-License-Identifier: MIT
/*
 * ifma.h - what callers of the lanes must know of them
 */
#ifndef CRYPTO_IFMA_WIDTH_H
#define CRYPTO_IFMA_WIDTH_H

#define IFMA_LANES 8 /* numbers of 64 bits in a vector of AVX-512 */

#endif
