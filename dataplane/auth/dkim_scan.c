// SPDX-License-Identifier: MIT
/*
 * dkim_scan.c - the octets of text that "relaxed" keeps: the choice, and the variant for any machine
 */
#include "dataplane/auth/dkim_scan.h"

size_t dkim_squeeze(enum simd simd, uint8_t *out, struct span s, size_t n)
{
	DCHECK(n <= s.len);
#ifdef __x86_64__
	if (simd == SIMD_AVX512)
		return dkim_squeeze_avx512(out, s, n);
	if (simd == SIMD_AVX2)
		return dkim_squeeze_avx2(out, s, n);
#endif
	return dkim_squeeze_portable(out, s, n);
}

#define BLOCK 16
#define AHEAD 2 /* octets behind a block that say what becomes of its last ones */

/* GCC's and Clang's own vectors: an operation is one instruction or a few, whatever the machine. */
typedef uint8_t octets __attribute__((vector_size(BLOCK)));
typedef uint64_t words __attribute__((vector_size(BLOCK)));

static inline octets load(const uint8_t *at)
{
	octets c;

	memcpy(&c, at, sizeof(c));
	return c;
}

/* 255 for each space and tab, 0 elsewhere. */
static inline octets wsp_of(octets c)
{
	return (octets)(c == ' ') | (octets)(c == '\t');
}

/* The block at @at, of which the first @n octets count; returns where the next one goes. */
static inline uint8_t *put_block(uint8_t *to, const uint8_t *at, size_t n)
{
	octets c = load(at), next = load(at + 1), next_but_one = load(at + 2);
	octets wsp = wsp_of(c), crlf = (octets)(next == '\r') & (octets)(next_but_one == '\n');
	octets goes = wsp & (wsp_of(next) | crlf);
	words gone = (words)goes;

	c = (c & ~wsp) | (wsp & ' ');
	if ((gone[0] | gone[1]) == 0) {
		memcpy(to, &c, sizeof(c));
		return to + n;
	}
	words octet = (words)c;

	for (size_t i = 0; i < n; i++) {
		*to = (uint8_t)(octet[i / 8] >> 8 * (i % 8));
		to += 1 & ~(gone[i / 8] >> 8 * (i % 8));
	}
	return to;
}

size_t dkim_squeeze_portable(uint8_t *out, struct span s, size_t n)
{
	uint8_t *to = out;
	size_t i = 0;

	for (; n - i >= BLOCK && s.len - i >= BLOCK + AHEAD; i += BLOCK)
		to = put_block(to, s.at + i, BLOCK);
	while (i < n) {
		uint8_t padded[BLOCK + AHEAD] = { 0 };
		size_t left = s.len - i, most = n - i < BLOCK ? n - i : BLOCK;

		memcpy(padded, s.at + i, left < sizeof(padded) ? left : sizeof(padded));
		to = put_block(to, padded, most);
		i += most;
	}
	return (size_t)(to - out);
}
