// SPDX-License-Identifier: MIT
/*
 * text.c - a bounded writer of text
 */
#include "dataplane/base/text.h"

#include "dataplane/base/octets.h" /* with the intrinsics */

static const char hex_digit[] = "0123456789abcdef";

void text_dec(struct text *t, uint64_t value)
{
	uint8_t digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value);
	text_put(t, span_of(digits + i, sizeof(digits) - i));
}

void text_hex(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		text_putc(t, (uint8_t)hex_digit[s.at[i] >> 4]);
		text_putc(t, (uint8_t)hex_digit[s.at[i] & 15]);
	}
}

static bool is_plain(uint8_t c)
{
	return c >= ' ' && c < 0x7f && c != '\\' && c != '"';
}

#define EACH(octet) (0x0101010101010101u * (uint64_t)(octet))

/* Non-zero when an octet of @x is 0 (and perhaps when one after it is 1). */
static uint64_t any_zero(uint64_t x)
{
	return (x - EACH(1)) & ~x & EACH(0x80);
}

/* True: the eight octets at @at are all plain.  False: one may not be. */
static bool are_plain(const uint8_t *at)
{
	uint64_t x;

	memcpy(&x, at, sizeof(x));
	return !((x & EACH(0x80)) | ((x - EACH(' ')) & ~x & EACH(0x80)) | any_zero(x ^ EACH(0x7f)) |
		 any_zero(x ^ EACH('\\')) | any_zero(x ^ EACH('"')));
}

#ifdef __AVX2__
/* How many of the 32 octets at @at are plain before the first that is not. */
static unsigned n_plain_of_32(const uint8_t *at)
{
	const __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)at);
	__m256i bad = _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), c); /* with sign: 8-bit octets, too */

	bad = _mm256_or_si256(bad, _mm256_cmpeq_epi8(c, _mm256_set1_epi8(0x7f)));
	bad = _mm256_or_si256(bad, _mm256_cmpeq_epi8(c, _mm256_set1_epi8('\\')));
	bad = _mm256_or_si256(bad, _mm256_cmpeq_epi8(c, _mm256_set1_epi8('"')));
	uint32_t mask = (uint32_t)_mm256_movemask_epi8(bad);
	return mask ? (unsigned)__builtin_ctz(mask) : 32;
}
#endif

size_t text_plain_len(struct span s)
{
	size_t n = 0;

#ifdef __AVX2__
	for (unsigned more = 32; more == 32 && s.len - n >= 32; n += more)
		more = n_plain_of_32(s.at + n);
#endif
	for (; s.len - n >= 8 && are_plain(s.at + n); n += 8)
		;
	for (; n < s.len && is_plain(s.at[n]); n++)
		;
	return n;
}

/* By runs: nearly all that is written here is plain. */
void text_escaped(struct text *t, struct span s)
{
	for (size_t n; s.len; s = span_skip(s, n)) {
		n = text_plain_len(s);
		if (n) {
			text_put(t, span_part(s, 0, n));
		} else {
			text_puts(t, "\\x");
			text_hex(t, span_part(s, 0, 1));
			n = 1;
		}
	}
}
