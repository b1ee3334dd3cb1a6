// SPDX-License-Identifier: MIT
/*
 * sha256_pair.c - SHA-256 of two streams side by side, with the SHA instructions
 */
#include "crypto/sha256_pair.h"

#ifdef __x86_64__
#include <immintrin.h>

#define SHA __attribute__((target("sha,ssse3,sse4.1")))
#define SHA_INLINE SHA __attribute__((always_inline)) static inline

static const uint32_t constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The eight words as the instructions want them, a to h from the highest. */
struct state {
	__m128i abef, cdgh;
};

SHA_INLINE __m128i load(const void *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

SHA_INLINE struct state load_state(const uint32_t words[8])
{
	__m128i badc = _mm_shuffle_epi32(load(words), 0xb1), hgfe = _mm_shuffle_epi32(load(words + 4), 0x1b);

	return (struct state){ .abef = _mm_alignr_epi8(badc, hgfe, 8), .cdgh = _mm_blend_epi16(hgfe, badc, 0xf0) };
}

SHA_INLINE void store_state(uint32_t words[8], struct state s)
{
	__m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)(void *)words, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Four rounds with the four words w[4 i] to w[4 i + 3] */
SHA_INLINE void rounds(struct state *s, __m128i w, int i)
{
	__m128i wk = _mm_add_epi32(w, load(constants + (ptrdiff_t)4 * i));

	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* The next four words take the place of those sixteen before them. */
SHA_INLINE void schedule(__m128i w[4], int i)
{
	__m128i w1 = w[(i + 1) % 4], w2 = w[(i + 2) % 4], w3 = w[(i + 3) % 4];
	__m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w1), _mm_alignr_epi8(w3, w2, 4));

	w[i % 4] = _mm_sha256msg2_epu32(sum, w3);
}

SHA void sha256_pair(uint32_t a_state[8], const uint8_t *a, uint32_t b_state[8], const uint8_t *b, size_t n)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203); /* words are big-endian */
	struct state x = load_state(a_state), y = load_state(b_state);

	for (; n > 0; n--, a += SHA256_BLOCK, b += SHA256_BLOCK) {
		struct state x_before = x, y_before = y;
		__m128i x_words[4], y_words[4];

#pragma GCC unroll 4
		for (ptrdiff_t i = 0; i < 4; i++) {
			x_words[i] = _mm_shuffle_epi8(load(a + 16 * i), swap);
			y_words[i] = _mm_shuffle_epi8(load(b + 16 * i), swap);
		}
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			if (i >= 4) {
				schedule(x_words, i);
				schedule(y_words, i);
			}
			rounds(&x, x_words[i % 4], i);
			rounds(&y, y_words[i % 4], i);
		}
		x.abef = _mm_add_epi32(x.abef, x_before.abef);
		x.cdgh = _mm_add_epi32(x.cdgh, x_before.cdgh);
		y.abef = _mm_add_epi32(y.abef, y_before.abef);
		y.cdgh = _mm_add_epi32(y.cdgh, y_before.cdgh);
	}
	store_state(a_state, x);
	store_state(b_state, y);
}

#else

void sha256_pair(uint32_t a_state[8], const uint8_t *a, uint32_t b_state[8], const uint8_t *b, size_t n)
{
	(void)a_state, (void)a, (void)b_state, (void)b, (void)n;
	CHECK(false);
}

#endif
