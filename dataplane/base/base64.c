// SPDX-License-Identifier: MIT
/*
 * base64.c - base64 as DKIM writes it
 */
#include "dataplane/base/base64.h"

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

/* Whole groups of four characters, as nearly all of them come; returns how many octets they became. */
static size_t decode_groups(struct span in, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (const uint8_t *p = in.at, *end = in.at + in.len; end - p >= 4 && cap - n >= 3; p += 4) {
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
