// SPDX-License-Identifier: MIT
/*
 * ifma_lanes.h - eight numbers side by side: element j of each vector belongs to lane j
 *
 * What the lanes of RSA and of Ed25519 have in common.
 */
#ifndef CRYPTO_IFMA_LANES_H
#define CRYPTO_IFMA_LANES_H

#ifdef __x86_64__
#include <immintrin.h>

#include "crypto/ifma.h"
#include "dataplane/base/span.h"

#define IFMA __attribute__((target("avx512f,avx512ifma")))
#define IFMA_INLINE IFMA __attribute__((always_inline, unused)) static inline

typedef __m512i vec;

/* sum + the low, the high 52 bits of a b; only 52 bits of a and b count */
IFMA_INLINE vec lo(vec sum, vec a, vec b)
{
	return _mm512_madd52lo_epu64(sum, a, b);
}

IFMA_INLINE vec hi(vec sum, vec a, vec b)
{
	return _mm512_madd52hi_epu64(sum, a, b);
}

/* Eight rows become eight columns. */
IFMA_INLINE void transpose(vec *to, const vec *from)
{
	vec a[8], b[8];

#pragma GCC unroll 4
	for (int i = 0; i < 8; i += 2) { /* pairs of rows, columns of one evenness */
		b[i] = _mm512_unpacklo_epi64(from[i], from[i + 1]);
		b[i + 1] = _mm512_unpackhi_epi64(from[i], from[i + 1]);
	}
#pragma GCC unroll 2
	for (int i = 0; i < 2; i++) { /* fours of rows: columns i and i + 4, i + 2 and i + 6 */
		a[i] = _mm512_shuffle_i64x2(b[i], b[i + 2], 0x88);
		a[i + 2] = _mm512_shuffle_i64x2(b[i], b[i + 2], 0xdd);
		a[i + 4] = _mm512_shuffle_i64x2(b[i + 4], b[i + 6], 0x88);
		a[i + 6] = _mm512_shuffle_i64x2(b[i + 4], b[i + 6], 0xdd);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		to[i] = _mm512_shuffle_i64x2(a[i], a[i + 4], 0x88);
		to[i + 4] = _mm512_shuffle_i64x2(a[i], a[i + 4], 0xdd);
	}
}

/* Eight words of each lane, from word @at on: word i of lane j becomes element j of vector i. */
IFMA_INLINE void lanes_load(vec to[8], const uint64_t *const lanes[IFMA_LANES], size_t at)
{
	vec rows[8];

#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		rows[i] = _mm512_loadu_si512(lanes[i] + at);
	transpose(to, rows);
}

/* The way back. */
IFMA_INLINE void lanes_store(uint64_t *const lanes[IFMA_LANES], size_t at, const vec from[8])
{
	vec rows[8];

	transpose(rows, from);
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		_mm512_storeu_si512(lanes[i] + at, rows[i]);
}

#endif
#endif
