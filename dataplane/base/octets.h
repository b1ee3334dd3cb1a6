// SPDX-License-Identifier: MIT
/*
 * octets.h - many octets at a time
 */
#ifndef BASE_OCTETS_H
#define BASE_OCTETS_H

#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define OCTETS_EIGHT(octet) (0x0101010101010101U * (octet))

/* Whether one of eight octets is below @limit, which is at most 0x80; right for the eight together, not for each. */
#define OCTETS_ANY_BELOW(x, limit) (((x)-OCTETS_EIGHT(limit)) & ~(x)&OCTETS_EIGHT(0x80U))

/* The first octet below @limit, 1 to 0x80, from @p on, or @end. */
static inline const uint8_t *octets_find_below(const uint8_t *p, const uint8_t *end, uint8_t limit)
{
#ifdef __AVX2__
	const __m256i most = _mm256_set1_epi8((char)(limit - 1));

	for (; end - p >= 32; p += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
		uint32_t below = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(x, most), x));

		if (below)
			return p + __builtin_ctz(below);
	}
#endif
	for (; end - p >= 8; p += 8) {
		uint64_t x;

		memcpy(&x, p, 8);
		if (OCTETS_ANY_BELOW(x, limit))
			break;
	}
	while (p < end && *p >= limit)
		p++;
	return p;
}

#endif
