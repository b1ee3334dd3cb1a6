// SPDX-License-Identifier: MIT
/*
 * test_dkim_scan.c - every variant of dkim_squeeze() that runs here against its twin, at every edge of a block
 */
#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "dataplane/auth/dkim_scan.h"
#include "tests/tap.h"

static const char *const names[] = { "portable", "AVX2", "AVX-512" };

/* Octet by octet, in the words of dkim_scan.h. */
static size_t twin_squeeze_part(uint8_t *out, struct span s, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		bool more = i + 1 < s.len, wsp_follows = more && byte_is_wsp(s.at[i + 1]);
		bool crlf_follows = i + 2 < s.len && s.at[i + 1] == '\r' && s.at[i + 2] == '\n';

		if (!byte_is_wsp(s.at[i]))
			out[len++] = s.at[i];
		else if (!wsp_follows && !crlf_follows)
			out[len++] = ' ';
	}
	return len;
}

/* Whether @simd makes of the first @n octets of @s what the twin makes; @s lies in memory of just its size. */
static bool agrees(enum simd simd, struct span s, size_t n)
{
	static uint8_t expected[4096], out[4096 + DKIM_SCAN_SLACK];
	size_t len = dkim_squeeze(simd, out, s, n);

	return len == twin_squeeze_part(expected, s, n) && memcmp(out, expected, len) == 0;
}

/* As above, with the text in memory of its own, so that the sanitizer sees what is read behind it. */
static bool agrees_alone(enum simd simd, struct span s, size_t n)
{
	uint8_t *alone = malloc(s.len ? s.len : 1);
	bool good;

	if (s.len)
		memcpy(alone, s.at, s.len);
	good = agrees(simd, span_of(alone, s.len), n);
	free(alone);
	return good;
}

/* All strings of five octets over "a SP HT CR LF NUL", behind so much other text that they lie across block ends. */
static void test_edges(enum simd simd)
{
	static const uint8_t alphabet[] = { 'a', ' ', '\t', '\r', '\n', 0 };
	static const size_t before[] = { 0, 11, 13, 27, 29, 30, 31, 45, 59, 60, 61, 62, 63, 64, 123, 125 };
	uint8_t text[200];
	size_t n_bad = 0, n_done = 0;

	for (size_t k = 0; k < sizeof(before) / sizeof(before[0]); k++) {
		for (size_t number = 0; number < 6 * 6 * 6 * 6 * 6; number++) {
			size_t len = before[k] + 5;

			memset(text, 'x', sizeof(text));
			for (size_t i = before[k], rest = number; i < len; i++, rest /= sizeof(alphabet))
				text[i] = alphabet[rest % sizeof(alphabet)];
			/* nothing behind; text behind; and taken in two parts, of which the first looks ahead */
			n_bad += !agrees(simd, span_of(text, len), len);
			n_bad += !agrees(simd, span_of(text, sizeof(text)), sizeof(text));
			n_bad += !agrees(simd, span_of(text, len), before[k] + number % 5);
			n_done += 3;
		}
	}
	ok(n_bad == 0, "%s: %zu short strings at the ends of blocks agree with the twin", names[simd], n_done);
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

static void test_random(enum simd simd)
{
	static uint8_t text[3000];
	size_t n_bad = 0;

	for (size_t round = 0; round < 20000; round++) {
		size_t len = random_below(round % 16 ? 300 : sizeof(text)), n = random_below((uint32_t)len + 1);
		uint32_t rare = 1 + random_below(40);

		for (size_t i = 0; i < len; i++)
			text[i] =
				random_below(rare) ? (uint8_t)random_below(256) : (uint8_t) "  \t\r\n"[random_below(5)];
		n_bad += !agrees_alone(simd, span_of(text, len), len);
		n_bad += !agrees_alone(simd, span_of(text, len), n);
	}
	ok(n_bad == 0, "%s: 20000 random texts, whole and in part, agree with the twin", names[simd]);
}

/* All octets, each alone before a line end, a space, a letter. */
static void test_octets(enum simd simd)
{
	uint8_t text[256 * 3];
	size_t n_bad = 0;

	for (size_t turn = 0; turn < 256; turn++) {
		for (size_t i = 0; i < 256; i++)
			memcpy(text + 3 * i, (uint8_t[]){ (uint8_t)(i + turn), (uint8_t)(turn ^ i), 'a' }, 3);
		n_bad += !agrees(simd, span_of(text, sizeof(text)), sizeof(text));
	}
	ok(n_bad == 0, "%s: no octet but space and tab is taken for white space", names[simd]);
}

int main(void)
{
	enum simd most = crypto_openssl_hash.simd();

	for (enum simd simd = SIMD_PORTABLE; simd <= most; simd++) {
		test_edges(simd);
		test_random(simd);
		test_octets(simd);
	}
	return done();
}
