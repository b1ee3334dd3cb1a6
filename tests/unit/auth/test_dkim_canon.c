// SPDX-License-Identifier: MIT
/*
 * test_dkim_canon.c - canonicalisation against examples and against its twin, cut everywhere
 */
#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "crypto/hash_pair.h"
#include "dataplane/auth/dkim_canon.h"
#include "tests/tap.h"
#include "tests/unit/auth/dkim_twin.h"

/* Canonical body, fed in pieces of @step octets after a first one of @first. */
static struct span body_of(enum dkim_canon canon, struct span body, size_t first, size_t step, uint64_t limit,
			   struct dkim_body *b)
{
	uint8_t digest[SHA256_LEN];

	dkim_body_init(b, &twin_hash, false, canon, limit);
	for (size_t i = 0; i < body.len;) {
		size_t n = i == 0 && first ? first : step;

		if (n > body.len - i)
			n = body.len - i;
		dkim_body_add(b, span_part(body, i, i + n));
		i += n;
	}
	dkim_body_final(b, digest);
	return twin_text(&twin_hashed);
}

static void test_bodies(void)
{
	static const struct {
		const char *what, *body, *simple, *relaxed;
	} rows[] = {
		{ "D2: empty body", "", "\r\n", "" },
		{ "only a line end", "\r\n", "\r\n", "" },
		{ "only line ends", "\r\n\r\n\r\n", "\r\n", "" },
		{ "missing last CRLF is added", "a", "a\r\n", "a\r\n" },
		{ "empty lines at the end are dropped", "a\r\n\r\n\r\n", "a\r\n", "a\r\n" },
		{ "empty lines inside stay", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n" },
		{ "empty lines at the beginning stay", "\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n" },
		{ "RFC 6376 3.4.5", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n" },
		{ "D1: line of white space alone", "a\r\n \t \r\n\r\n", "a\r\n \t \r\n", "a\r\n" },
		{ "D1: the same in the middle", "a\r\n \t \r\nb", "a\r\n \t \r\nb\r\n", "a\r\n\r\nb\r\n" },
		{ "white space without line end", "  ", "  \r\n", "" },
		{ "white space at the end without line end", "a \t", "a \t\r\n", "a\r\n" },
		{ "bare CR is text", "a \r b\r\n", "a \r b\r\n", "a \r b\r\n" },
		{ "bare LF is text", "a \n\n b\r\n", "a \n\n b\r\n", "a \n\n b\r\n" },
		{ "bare CR at the end is text", "a\r\n\r", "a\r\n\r\r\n", "a\r\n\r\r\n" },
		{ "two CRs before a LF", "a\r\r\n\r\n", "a\r\r\n", "a\r\r\n" },
		{ "one space is left alone", "a b  c\td\r\n", "a b  c\td\r\n", "a b c d\r\n" },
	};
	struct dkim_body b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span body = span_str(rows[i].body);
		size_t n_bad = 0;

		is_span(body_of(DKIM_CANON_SIMPLE, body, 0, SIZE_MAX, UINT64_MAX, &b), span_str(rows[i].simple),
			"simple: %s", rows[i].what);
		is_span(body_of(DKIM_CANON_RELAXED, body, 0, SIZE_MAX, UINT64_MAX, &b), span_str(rows[i].relaxed),
			"relaxed: %s", rows[i].what);
		ok(b.n_octets == strlen(rows[i].relaxed), "its length is known: %s", rows[i].what);
		for (size_t cut = 0; cut <= body.len; cut++) {
			for (size_t step = 1; step < 4; step++) {
				n_bad += !span_eq(body_of(DKIM_CANON_SIMPLE, body, cut, step, UINT64_MAX, &b),
						  span_str(rows[i].simple));
				n_bad += !span_eq(body_of(DKIM_CANON_RELAXED, body, cut, step, UINT64_MAX, &b),
						  span_str(rows[i].relaxed));
			}
		}
		ok(n_bad == 0, "D3: cut anywhere: %s", rows[i].what);
	}
}

/* All strings of up to @most octets over @alphabet, cut everywhere once. */
static void test_short_bodies(const char *alphabet, size_t most)
{
	static struct twin expected;
	struct dkim_body b;
	size_t n_letters = strlen(alphabet), n_bad = 0, n = 0, n_strings = 1;

	for (size_t len = 0; len <= most; len++, n_strings *= n_letters) {
		for (size_t number = 0; number < n_strings; number++) {
			uint8_t body[8];

			for (size_t i = 0, rest = number; i < len; i++, rest /= n_letters)
				body[i] = (uint8_t)alphabet[rest % n_letters];
			for (int relaxed = 0; relaxed < 2; relaxed++) {
				expected.len = 0;
				twin_body(&expected, relaxed, span_of(body, len));
				for (size_t cut = 0; cut <= len; cut++, n++)
					n_bad += !span_eq(body_of(relaxed ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE,
								  span_of(body, len), cut, SIZE_MAX, UINT64_MAX, &b),
							  twin_text(&expected));
			}
		}
	}
	ok(n_bad == 0, "all %zu short bodies and cuts agree with the twin", n);
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

/* Text in which what "relaxed" changes is rare enough for runs, and frequent enough to be met. */
static void random_text(uint8_t *at, size_t len)
{
	uint32_t rare = 2 + random_below(60);

	for (size_t i = 0; i < len; i++) {
		if (random_below(rare))
			at[i] = (uint8_t)('a' + random_below(26));
		else
			at[i] = (uint8_t) " \t\r\n \r\n  "[random_below(9)];
		if (at[i] == '\r' && i + 1 < len && random_below(8))
			at[++i] = '\n';
	}
}

static void test_random_bodies(void)
{
	static uint8_t body[2000];
	static struct twin expected;
	struct dkim_body b;
	size_t n_bad = 0;

	for (size_t round = 0; round < 20000; round++) {
		size_t len = random_below(round % 16 ? 200 : sizeof(body));
		bool relaxed = random_below(4) != 0;

		random_text(body, len);
		expected.len = 0;
		twin_body(&expected, relaxed, span_of(body, len));
		n_bad += !span_eq(body_of(relaxed ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE, span_of(body, len),
					  random_below(70), 1 + random_below(round % 3 ? 2000 : 40), UINT64_MAX, &b),
				  twin_text(&expected));
	}
	ok(n_bad == 0, "20000 random bodies, cut at random, agree with the twin");
}

static void test_limits(void)
{
	static const char body[] = "line  one\r\nline two\r\n\r\n";
	struct dkim_body b;

	for (uint64_t limit = 0; limit <= 25; limit++) {
		size_t n = limit < 21 ? (size_t)limit : 21, n_bad = 0;

		for (size_t step = 1; step < 30; step++) {
			struct span got = body_of(DKIM_CANON_RELAXED, span_str(body), 0, step, limit, &b);

			n_bad += !span_eq(got, span_head(SPAN("line one\r\nline two\r\n"), n < 20 ? n : 20));
			n_bad += (b.n_octets > limit) != (limit < 20);
		}
		ok(n_bad == 0, "l=%u hashes so many canonical octets and knows whether there are more",
		   (unsigned)limit);
	}
	/* Empty lines at the end are no octets that l= could leave out. */
	body_of(DKIM_CANON_SIMPLE, SPAN("a\r\n\r\n\r\n\r\n"), 0, 1, 3, &b);
	ok(b.n_octets == 3, "empty lines at the end do not exceed l=");
	body_of(DKIM_CANON_SIMPLE, SPAN("a\r\n\r\n\r\nb"), 0, 1, 3, &b);
	ok(b.n_octets > 3, "empty lines with text after them do");
}

static struct span field_of(enum dkim_canon canon, const char *field)
{
	uint8_t digest[SHA256_LEN];
	struct dkim_hash h;

	dkim_hash_init(&h, &twin_hash, false);
	dkim_canon_field(&h, canon, span_str(field));
	dkim_hash_final(&h, digest);
	return twin_text(&twin_hashed);
}

static void test_fields(void)
{
	static const struct {
		const char *what, *field, *relaxed;
	} rows[] = {
		{ "RFC 6376 3.4.5, first", "A: X\r\n", "a:X\r\n" },
		{ "RFC 6376 3.4.5, second", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
		{ "D7: folded right after the colon", "Subject:\r\n x\r\n", "subject:x\r\n" },
		{ "folded on a line of white space", "Subject: a\r\n \r\n b\r\n", "subject:a b\r\n" },
		{ "empty value", "Subject:\r\n", "subject:\r\n" },
		{ "value of white space", "Subject: \t\r\n \r\n", "subject:\r\n" },
		{ "a name longer than the scratch buffer",
		  "X-ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDEFGHIJKLMNOPQRSTUVWXYZ:1\r\n",
		  "x-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz:1\r\n" },
		{ "a colon in the value", "a: b:  c\r\n", "a:b: c\r\n" },
		{ "bare CR and LF are text", "a: b \r c\n d\r\n", "a:b \r c\n d\r\n" },
		{ "8-bit octets stay", "a: \xc3\xa9  \xff\r\n", "a:\xc3\xa9 \xff\r\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_span(field_of(DKIM_CANON_RELAXED, rows[i].field), span_str(rows[i].relaxed), "relaxed: %s",
			rows[i].what);
		is_span(field_of(DKIM_CANON_SIMPLE, rows[i].field), span_str(rows[i].field), "simple: %s",
			rows[i].what);
	}
}

static void test_random_fields(void)
{
	static uint8_t field[600] = "Name :";
	static struct twin expected;
	uint8_t digest[SHA256_LEN];
	struct dkim_hash h;
	size_t n_bad = 0;

	for (size_t round = 0; round < 20000; round++) {
		size_t len = 6 + random_below(590);

		random_text(field + 6, len - 6);
		memcpy(field + len, "\r\n", 2);
		bool relaxed = random_below(4) != 0;
		struct span s = span_of(field, len + 2);
		/* A hole, as that of b=: anywhere after the colon, perhaps up to the very end. */
		size_t from = 6 + random_below((uint32_t)(len - 5)),
		       to = from + random_below((uint32_t)(len + 3 - from));

		dkim_hash_init(&h, &twin_hash, false);
		dkim_canon_field(&h, relaxed ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE, s);
		dkim_hash_final(&h, digest);
		expected.len = 0;
		twin_field(&expected, relaxed, span_head(s, len));
		twin_put(&expected, SPAN("\r\n"));
		n_bad += !span_eq(twin_text(&twin_hashed), twin_text(&expected));

		/* The twin joins the halves first, so no CRLF may arise at the seam or be cut by it. */
		if (field[from - 1] == '\r' || (to < len && field[to - 1] == '\r' && field[to] == '\n'))
			continue;
		dkim_hash_init(&h, &twin_hash, false);
		dkim_canon_signature(&h, relaxed ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE, s, span_part(s, from, to));
		dkim_hash_final(&h, digest);
		static uint8_t joined[600];
		size_t tail = to < len ? len - to : 0;

		memcpy(joined, field, from);
		memcpy(joined + from, field + len - tail, tail);
		expected.len = 0;
		twin_field(&expected, relaxed, span_of(joined, from + tail));
		n_bad += !span_eq(twin_text(&twin_hashed), twin_text(&expected));
	}
	ok(n_bad == 0, "20000 random fields agree with the twin, whole and without a value of b=");
}

/* Blanks and line ends are counted, not kept: a body of nothing else costs no memory, however long. */
static void test_endless(void)
{
	static const struct {
		const char *what, *unit, *before, *after, *same_as;
	} rows[] = {
		{ "blanks within a line", " \t", "x", "y\r\n", "x y\r\n" },
		{ "blanks at the end of a line", " \t", "x", "\r\n", "x\r\n" },
		{ "lines of nothing at the end", "\r\n", "x\r\n", "", "x\r\n" },
		{ "lines of nothing alone", "\r\n", "", "", "" },
	};
	static uint8_t many[1 << 16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t digests[2][SHA256_LEN];
		struct dkim_body b;

		for (size_t j = 0; j < sizeof(many); j++)
			many[j] = (uint8_t)rows[i].unit[j % 2];
		dkim_body_init(&b, &crypto_openssl_hash, false, DKIM_CANON_RELAXED, UINT64_MAX);
		dkim_body_add(&b, span_str(rows[i].before));
		for (size_t j = 0; j < 512; j++)
			dkim_body_add(&b, span_of(many, sizeof(many)));
		dkim_body_add(&b, span_str(rows[i].after));
		dkim_body_final(&b, digests[0]);
		uint64_t n = b.n_octets;

		dkim_body_init(&b, &crypto_openssl_hash, false, DKIM_CANON_RELAXED, UINT64_MAX);
		dkim_body_add(&b, span_str(rows[i].same_as));
		dkim_body_final(&b, digests[1]);
		ok(memcmp(digests[0], digests[1], SHA256_LEN) == 0 && n == strlen(rows[i].same_as), "32 MiB of %s",
		   rows[i].what);
	}
}

/* Bodies of several messages, a piece of each in turn, some given up: hashed in company as they are alone. */
static void test_company(void)
{
	enum { BODIES = 4, LEN = 30000 };
	struct hash_pair *pair = hash_pair_open();
	static uint8_t text[BODIES][LEN];
	static struct dkim_body b[BODIES];
	bool good = true;

	for (int round = 0; pair && round < 50; round++) {
		uint8_t digest[SHA256_LEN], expected[SHA256_LEN];

		for (int i = 0; i < BODIES; i++) {
			for (size_t j = 0; j < LEN; j++)
				text[i][j] = (uint8_t) "abcdefgh \t\r\n"[rand() % 12];
			dkim_body_init(&b[i], &crypto_openssl_hash, i == 3 && round % 2,
				       i % 2 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED, UINT64_MAX);
			dkim_body_join(&b[i], pair);
		}
		for (size_t at = 0, n; at < LEN; at += n) {
			n = 1 + (size_t)rand() % 3000;
			if (n > LEN - at)
				n = LEN - at;
			for (int i = 0; i < BODIES; i++)
				dkim_body_add(&b[i], span_of(text[i] + at, n));
		}
		dkim_body_drop(&b[round % BODIES]);
		for (int i = 0; i < BODIES; i++) {
			struct dkim_body alone;
			size_t len = i == round % BODIES ? 0 : dkim_body_final(&b[i], digest);

			dkim_body_init(&alone, &crypto_openssl_hash, i == 3 && round % 2,
				       i % 2 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED, UINT64_MAX);
			dkim_body_add(&alone, span_of(text[i], LEN));
			dkim_body_final(&alone, expected);
			good &= memcmp(digest, expected, len) == 0;
		}
	}
	ok(good, "bodies that are hashed side by side have the digests that they have alone");
	hash_pair_close(pair);
}

int main(void)
{
	static const char *const names[] = { "portable", "AVX2", "AVX-512" };
	enum simd most = crypto_openssl_hash.simd();

	for (twin_simd = SIMD_PORTABLE; twin_simd <= most; twin_simd++) {
		printf("# %s\n", names[twin_simd]);
		test_bodies();
		test_short_bodies("a \r\n", 8);
		test_short_bodies("a \t\r\n", 6);
		test_random_bodies();
		test_limits();
		test_fields();
		test_random_fields();
	}
	test_endless();
	test_company();
	return done();
}
