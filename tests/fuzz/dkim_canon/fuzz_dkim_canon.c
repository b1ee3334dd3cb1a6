// SPDX-License-Identifier: MIT
/*
 * fuzz_dkim_canon.c - canonicalisation and its twin, cut as the input says
 *
 * Input: an octet of flags, one for the length of the pieces, one for l=, and the body or field.  The flags: relaxed,
 * l=, and two bits that say which vector instructions are used (what the machine does not have is not).
 */
#include "crypto/crypto_openssl.h"
#include "dataplane/auth/dkim_canon.h"
#include "tests/unit/auth/dkim_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct twin expected;

static void check_body(enum dkim_canon canon, struct span body, size_t step, uint64_t limit)
{
	uint8_t digest[SHA256_LEN];
	struct dkim_body b;

	expected.len = 0;
	twin_body(&expected, canon == DKIM_CANON_RELAXED, body);
	dkim_body_init(&b, &twin_hash, false, canon, limit);
	for (size_t i = 0; i < body.len; i += step)
		dkim_body_add(&b, span_part(body, i, i + step < body.len ? i + step : body.len));
	dkim_body_final(&b, digest);
	CHECK((b.n_octets > limit) == (expected.len > limit));
	CHECK(b.n_octets > limit || b.n_octets == expected.len);
	if (expected.len > limit)
		expected.len = (size_t)limit;
	CHECK(span_eq(twin_text(&twin_hashed), twin_text(&expected)));
}

static void check_field(enum dkim_canon canon, struct span field)
{
	uint8_t digest[SHA256_LEN];
	struct dkim_hash h;

	if (span_find(field, ':') == SPAN_NONE || span_ends_nocase(field, SPAN("\r\n")))
		return;
	size_t colon = span_find(field, ':');

	/* A name as msg_header.c lets pass: no white space in it. */
	for (size_t i = 0; i < colon; i++)
		if (field.at[i] <= ' ' || field.at[i] >= 0x7f)
			return;
	expected.len = 0;
	twin_field(&expected, canon == DKIM_CANON_RELAXED, field);
	twin_put(&expected, SPAN("\r\n"));
	dkim_hash_init(&h, &twin_hash, false);
	dkim_canon_field(&h, canon, field);
	dkim_hash_final(&h, digest);
	CHECK(span_eq(twin_text(&twin_hashed), twin_text(&expected)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3 || size > 100000)
		return 0;
	enum dkim_canon canon = data[0] & 1 ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE;
	struct span text = span_of(data + 3, size - 3);
	enum simd most = crypto_openssl_hash.simd();

	twin_simd = (enum simd)(data[0] >> 2 & 3);
	if (twin_simd > most)
		twin_simd = most;
	check_body(canon, text, 1 + (size_t)data[1], data[0] & 2 ? data[2] : UINT64_MAX);
	check_field(canon, text);
	return 0;
}
