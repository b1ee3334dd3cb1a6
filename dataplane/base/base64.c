// SPDX-License-Identifier: MIT
/*
 * base64.c - base64 as DKIM writes it
 */
#include "dataplane/base/base64.h"

#include "dataplane/base/octets.h" /* with the intrinsics */

#define BAD 0xff
#define FWS 0xfe
#define PAD 0xfd

/* clang-format off */
#define X4(v) v, v, v, v
#define X16(v) X4(v), X4(v), X4(v), X4(v)
static const uint8_t value_of[256] = {
	BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, FWS, FWS, BAD, BAD, FWS, BAD, BAD, X16(BAD),
	/* sp to / */ FWS, X4(BAD), X4(BAD), BAD, BAD, 62, BAD, BAD, BAD, 63,
	/* 0 to ? */ 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, BAD, BAD, BAD, PAD, BAD, BAD,
	/* @ to O */ BAD, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	/* P to _ */ 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, BAD, BAD, BAD, BAD, BAD,
	/* ` to o */ BAD, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	/* p on */ 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, BAD, BAD, BAD, BAD, BAD,
	X16(BAD), X16(BAD), X16(BAD), X16(BAD), X16(BAD), X16(BAD), X16(BAD), X16(BAD),
};
/* clang-format on */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#ifdef __AVX2__
/* Of each octet of @c from @low to @high, its distance to @low plus @value; 0 for the others, and @is_one of these is all ones. */
static __m256i values_of(__m256i c, char low, char high, char value, __m256i *is_one)
{
	__m256i in = _mm256_and_si256(_mm256_cmpgt_epi8(c, _mm256_set1_epi8((char)(low - 1))),
				      _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(high + 1)), c));

	*is_one = _mm256_or_si256(*is_one, in);
	return _mm256_and_si256(_mm256_add_epi8(c, _mm256_set1_epi8((char)(value - low))), in);
}

/* Thirty-two characters at @in to 24 octets; 32 are written.  False: not all are of the alphabet, and nothing is written. */
static bool decode_block(const uint8_t *in, uint8_t *out)
{
	const __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)in);
	__m256i known = _mm256_setzero_si256(), v;

	v = values_of(c, 'A', 'Z', 0, &known);
	v = _mm256_or_si256(v, values_of(c, 'a', 'z', 26, &known));
	v = _mm256_or_si256(v, values_of(c, '0', '9', 52, &known));
	v = _mm256_or_si256(v, values_of(c, '+', '+', 62, &known));
	v = _mm256_or_si256(v, values_of(c, '/', '/', 63, &known));
	if (_mm256_movemask_epi8(known) != -1)
		return false;
	/* Pairs of six bits to twelve, pairs of these to twenty-four; then three octets of each four, the highest first. */
	v = _mm256_maddubs_epi16(v, _mm256_set1_epi32(0x01400140));
	v = _mm256_madd_epi16(v, _mm256_set1_epi32(0x00011000));
	v = _mm256_shuffle_epi8(v, _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1, 0, 6,
						    5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
	v = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
	_mm256_storeu_si256((__m256i *)(void *)out, v);
	return true;
}
#endif

/* Whole groups of four characters, as nearly all of them come; returns how many octets they became. */
static size_t decode_groups(struct span in, uint8_t *out, size_t cap)
{
	const uint8_t *p = in.at, *end = in.at + in.len;
	size_t n = 0;

#ifdef __AVX2__
	for (; end - p >= 32 && cap - n >= 32 && decode_block(p, out + n); p += 32)
		n += 24;
#endif
	for (; end - p >= 4 && cap - n >= 3; p += 4) {
		uint32_t a = value_of[p[0]], b = value_of[p[1]], c = value_of[p[2]], d = value_of[p[3]];

		if ((a | b | c | d) > 63)
			break;
		uint32_t bits = a << 18 | b << 12 | c << 6 | d;

		out[n++] = (uint8_t)(bits >> 16);
		out[n++] = (uint8_t)(bits >> 8);
		out[n++] = (uint8_t)bits;
	}
	return n;
}

enum err base64_decode(struct span in, uint8_t *out, size_t cap, size_t *len)
{
	uint32_t bits = 0;
	size_t n_chars = 0, n_pads = 0, n = 0;

	for (size_t i = 0; i < in.len; i++) {
		if (n_chars % 4 == 0 && n_pads == 0) {
			size_t n_more = decode_groups(span_skip(in, i), out + n, cap - n);

			n += n_more;
			i += n_more / 3 * 4;
			if (i == in.len)
				break;
		}
		uint8_t v = value_of[in.at[i]];

		if (v == FWS)
			continue;
		if (v == PAD) {
			n_pads++;
			continue;
		}
		if (v == BAD || n_pads)
			return ERR_BAD_SYNTAX;
		bits = bits << 6 | v;
		/* The first character of four completes no octet, each of the others one. */
		if (n_chars++ % 4 == 0)
			continue;
		if (n == cap)
			return ERR_TOO_LONG;
		out[n++] = (uint8_t)(bits >> (6 - 2 * ((n_chars - 1) % 4)));
	}
	size_t rest = n_chars % 4;

	if (rest == 1 || (n_pads && (rest == 0 || n_pads != 4 - rest)))
		return ERR_BAD_SYNTAX;
	*len = n;
	return OK;
}

void base64_encode(struct text *out, struct span in)
{
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t bits = (uint32_t)in.at[i] << 16;

		if (left > 1)
			bits |= (uint32_t)in.at[i + 1] << 8;
		if (left > 2)
			bits |= in.at[i + 2];
		text_putc(out, (uint8_t)alphabet[bits >> 18]);
		text_putc(out, (uint8_t)alphabet[bits >> 12 & 63]);
		text_putc(out, left > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=');
		text_putc(out, left > 2 ? (uint8_t)alphabet[bits & 63] : '=');
	}
}
