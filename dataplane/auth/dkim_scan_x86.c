// SPDX-License-Identifier: MIT
/*
 * dkim_scan_x86.c - the octets of text that "relaxed" keeps, 32 at a time with AVX2, 64 with AVX-512
 *
 * A block is looked at together with itself one and two octets further on, which shows for all its octets at once
 * what goes.  The rest moves together without a branch for each of them, so that text full of white space costs
 * little more than text without.
 *
 * Each function names the instructions that it needs: the rest of the program runs on any machine, and the caller
 * has looked what this one has.
 */
#ifdef __x86_64__
#include <immintrin.h>

#include "dataplane/auth/dkim_scan.h"

#define AVX2 __attribute__((target("avx2,bmi2,popcnt")))
#define AVX512 __attribute__((target("avx2,bmi2,popcnt,avx512f,avx512bw,avx512vbmi2")))
#define AHEAD 2 /* octets behind a block that say what becomes of its last ones */

/* A table to look a blank up in: at its own low four bits; elsewhere stands an octet that has others. */
#define BLANKS ' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', 0, 0, 0, 0, 0, 0

static inline uint64_t low_bits(size_t n)
{
	return n < 64 ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
}

/* AVX2 */

#define AVX2_BLOCK 32

AVX2 static inline __m256i avx2_load(const uint8_t *at)
{
	return _mm256_loadu_si256((const void *)at);
}

AVX2 static inline __m256i avx2_equal(__m256i octets, char c)
{
	return _mm256_cmpeq_epi8(octets, _mm256_set1_epi8(c));
}

AVX2 static inline __m256i avx2_wsp(__m256i octets)
{
	const __m256i blanks = _mm256_broadcastsi128_si256(_mm_setr_epi8(BLANKS));

	return _mm256_cmpeq_epi8(octets, _mm256_shuffle_epi8(blanks, octets));
}

/* The block at @at, of which only the octets with a bit in @counted count; returns where the next one goes. */
AVX2 static inline uint8_t *avx2_block(uint8_t *to, const uint8_t *at, uint32_t counted)
{
	__m256i c = avx2_load(at), next = avx2_load(at + 1), next_but_one = avx2_load(at + 2);
	__m256i wsp = avx2_wsp(c);
	__m256i crlf = _mm256_and_si256(avx2_equal(next, '\r'), avx2_equal(next_but_one, '\n'));
	__m256i goes = _mm256_and_si256(wsp, _mm256_or_si256(avx2_wsp(next), crlf));

	c = _mm256_blendv_epi8(c, _mm256_set1_epi8(' '), wsp);
	if (_mm256_testz_si256(goes, goes)) {
		_mm256_storeu_si256((void *)to, c);
		return to + _mm_popcnt_u32(counted);
	}
	uint32_t kept = ~(uint32_t)_mm256_movemask_epi8(goes) & counted;
	uint64_t octets[AVX2_BLOCK / 8], masks[AVX2_BLOCK / 8];

	_mm256_storeu_si256((void *)octets, c);
	_mm256_storeu_si256((void *)masks, goes);
	for (int i = 0; i < AVX2_BLOCK / 8; i++, kept >>= 8) {
		uint64_t word = _pext_u64(octets[i], ~masks[i]);

		memcpy(to, &word, 8);
		to += _mm_popcnt_u32(kept & 0xff);
	}
	return to;
}

AVX2 size_t dkim_squeeze_avx2(uint8_t *out, struct span s, size_t n)
{
	uint8_t *to = out;
	size_t i = 0;

	for (; n - i >= AVX2_BLOCK && s.len - i >= AVX2_BLOCK + AHEAD; i += AVX2_BLOCK)
		to = avx2_block(to, s.at + i, UINT32_MAX);
	for (; i < n; i += AVX2_BLOCK) {
		uint8_t padded[AVX2_BLOCK + AHEAD] = { 0 };

		memcpy(padded, s.at + i, s.len - i < sizeof(padded) ? s.len - i : sizeof(padded));
		to = avx2_block(to, padded, (uint32_t)low_bits(n - i));
	}
	return (size_t)(to - out);
}

/* AVX-512, with the compressing move of VBMI2 */

#define AVX512_BLOCK 64

_Static_assert(DKIM_SCAN_SLACK >= AVX512_BLOCK, "whole blocks may be written");

/* The block at @i of @s; behind the end it is all zeros. */
AVX512 static inline __m512i avx512_load(struct span s, size_t i)
{
	return i < s.len ? _mm512_maskz_loadu_epi8(low_bits(s.len - i), s.at + i) : _mm512_setzero_si512();
}

AVX512 static inline __mmask64 avx512_equal(__m512i octets, char c)
{
	return _mm512_cmpeq_epi8_mask(octets, _mm512_set1_epi8(c));
}

AVX512 static inline __mmask64 avx512_wsp(__m512i octets)
{
	const __m512i blanks = _mm512_broadcast_i32x4(_mm_setr_epi8(BLANKS));

	return _mm512_cmpeq_epi8_mask(octets, _mm512_shuffle_epi8(blanks, octets));
}

AVX512 static inline uint8_t *avx512_block(uint8_t *to, __m512i c, __m512i next, __m512i next_but_one, uint64_t counted)
{
	__mmask64 wsp = avx512_wsp(c), crlf = avx512_equal(next, '\r') & avx512_equal(next_but_one, '\n');
	__mmask64 kept = ~(wsp & (avx512_wsp(next) | crlf)) & counted;

	c = _mm512_mask_mov_epi8(c, wsp, _mm512_set1_epi8(' '));
	_mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, c));
	return to + _mm_popcnt_u64(kept);
}

AVX512 size_t dkim_squeeze_avx512(uint8_t *out, struct span s, size_t n)
{
	uint8_t *to = out;
	size_t i = 0;

	for (; n - i >= AVX512_BLOCK && s.len - i >= AVX512_BLOCK + AHEAD; i += AVX512_BLOCK)
		to = avx512_block(to, _mm512_loadu_si512(s.at + i), _mm512_loadu_si512(s.at + i + 1),
				  _mm512_loadu_si512(s.at + i + 2), UINT64_MAX);
	for (; i < n; i += AVX512_BLOCK)
		to = avx512_block(to, avx512_load(s, i), avx512_load(s, i + 1), avx512_load(s, i + 2), low_bits(n - i));
	return (size_t)(to - out);
}
#endif
