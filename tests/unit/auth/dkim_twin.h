// SPDX-License-Identifier: MIT
/*
 * dkim_twin.h - canonicalisation, slow and obvious: the twin of dataplane/auth/dkim_canon.c
 *
 * Whole texts in, whole texts out, octet by octet, in the words of RFC 6376 3.4.  The tests and the fuzz target
 * compare the two; the signer of the tests uses this one, so that the verifier is never its own witness.
 */
#ifndef TESTS_DKIM_TWIN_H
#define TESTS_DKIM_TWIN_H

#include "crypto/crypto_job.h"

struct twin {
	size_t len;
	uint8_t at[1 << 19];
};

static inline void twin_put(struct twin *t, struct span s)
{
	CHECK(s.len <= sizeof(t->at) - t->len);
	if (s.len)
		memcpy(t->at + t->len, s.at, s.len);
	t->len += s.len;
}

/* A "hash" that keeps all it is given, which is the canonical text itself; one at a time. */
static struct twin twin_hashed;

static inline void twin_hash_init(struct hash_state *h)
{
	(void)h;
	twin_hashed.len = 0;
}

static inline void twin_hash_update(struct hash_state *h, struct span s)
{
	(void)h;
	twin_put(&twin_hashed, s);
}

static inline void twin_hash_final(struct hash_state *h, uint8_t digest[SHA256_LEN])
{
	(void)h;
	memset(digest, 0, SHA256_LEN);
}

/* What the machine is said to have; the test sees that it does. */
static enum simd twin_simd;

static inline enum simd twin_hash_simd(void)
{
	return twin_simd;
}

static const struct hash_ops twin_hash __attribute__((unused)) = { .sha256_init = twin_hash_init,
								   .sha256_update = twin_hash_update,
								   .sha256_final = twin_hash_final,
								   .simd = twin_hash_simd };

static inline struct span twin_text(const struct twin *t)
{
	return span_of(t->at, t->len);
}

static inline bool twin_is_crlf(struct span s, size_t i)
{
	return i + 1 < s.len && s.at[i] == '\r' && s.at[i + 1] == '\n';
}

/* Runs of white space to one space; none at the end, and by choice none at the beginning. */
static inline void twin_squeeze(struct twin *t, struct span line, bool trim_begin)
{
	size_t begin = t->len;

	while (line.len && byte_is_wsp(line.at[line.len - 1]))
		line.len--;
	for (size_t i = 0; i < line.len; i++) {
		bool wsp = byte_is_wsp(line.at[i]);

		if (wsp && i > 0 && byte_is_wsp(line.at[i - 1]))
			continue;
		if (wsp && trim_begin && t->len == begin)
			continue;
		twin_put(t, wsp ? SPAN(" ") : span_part(line, i, i + 1));
	}
}

/* 3.4.3 and 3.4.4 */
static inline void twin_body(struct twin *t, bool relaxed, struct span body)
{
	size_t start = t->len, kept = start;

	for (size_t i = 0; i < body.len;) {
		size_t end = i;

		while (end < body.len && !twin_is_crlf(body, end))
			end++;
		size_t begin = t->len;

		if (relaxed)
			twin_squeeze(t, span_part(body, i, end), false);
		else
			twin_put(t, span_part(body, i, end));
		bool empty = t->len == begin;

		twin_put(t, SPAN("\r\n"));
		if (!empty)
			kept = t->len;
		i = end + 2;
	}
	/* All empty lines at the end are ignored; "simple" has one line end at least. */
	t->len = kept;
	if (!relaxed && kept == start)
		twin_put(t, SPAN("\r\n"));
}

/* 3.4.1 and 3.4.2; @field without its last CRLF, and none is added. */
static inline void twin_field(struct twin *t, bool relaxed, struct span field)
{
	static struct twin unfolded;

	if (!relaxed) {
		twin_put(t, field);
		return;
	}
	size_t colon = span_find(field, ':');

	CHECK(colon != SPAN_NONE);
	for (size_t i = 0; i < colon; i++) {
		uint8_t c = byte_lower(field.at[i]);

		if (!byte_is_wsp(c))
			twin_put(t, span_of(&c, 1));
	}
	twin_put(t, SPAN(":"));
	unfolded.len = 0;
	for (size_t i = colon + 1; i < field.len; i++) {
		if (twin_is_crlf(field, i))
			i++;
		else
			twin_put(&unfolded, span_part(field, i, i + 1));
	}
	twin_squeeze(t, span_of(unfolded.at, unfolded.len), true);
}

#endif
