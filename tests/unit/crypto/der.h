// SPDX-License-Identifier: MIT
/*
 * der.h - writes RSA keys as DER: the twin of crypto/rsa_key.c
 *
 * Used by the unit tests and by the fuzz target, which asks that what was parsed is written back as it was.
 */
#ifndef TESTS_DER_H
#define TESTS_DER_H

#include "dataplane/base/span.h"

struct der {
	size_t len;
	uint8_t at[2 * 65536];
};

static inline void der_add(struct der *d, struct span s)
{
	CHECK(s.len <= sizeof(d->at) - d->len);
	if (s.len)
		memcpy(d->at + d->len, s.at, s.len);
	d->len += s.len;
}

static inline void der_byte(struct der *d, unsigned byte)
{
	uint8_t b = (uint8_t)byte;

	der_add(d, span_of(&b, 1));
}

static inline void der_element(struct der *d, unsigned tag, struct span contents)
{
	size_t n = contents.len;

	der_byte(d, tag);
	if (n < 0x80) {
		der_byte(d, (unsigned)n);
	} else if (n < 0x100) {
		der_byte(d, 0x81);
		der_byte(d, (unsigned)n);
	} else {
		CHECK(n < 0x10000);
		der_byte(d, 0x82);
		der_byte(d, (unsigned)(n >> 8));
		der_byte(d, n & 0xff);
	}
	der_add(d, contents);
}

/* @magnitude: big-endian, no leading zeros */
static inline void der_positive(struct der *d, struct span magnitude)
{
	static struct der v;

	v.len = 0;
	if (magnitude.len == 0 || (magnitude.at[0] & 0x80))
		der_byte(&v, 0);
	der_add(&v, magnitude);
	der_element(d, 0x02, span_of(v.at, v.len));
}

static inline void der_rsa_key_of(struct der *d, struct span n, struct span e)
{
	static struct der v;

	v.len = 0;
	der_positive(&v, n);
	der_positive(&v, e);
	der_element(d, 0x30, span_of(v.at, v.len));
}

static inline void der_rsa_key(struct der *d, struct span n, uint32_t e)
{
	uint8_t bytes[4] = { (uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e };
	size_t zeros = 0;

	while (zeros < 3 && bytes[zeros] == 0)
		zeros++;
	der_rsa_key_of(d, n, span_skip(span_of(bytes, 4), zeros));
}

/* Around a bare key; @d must not be @bare. */
static inline void der_spki(struct der *d, struct span bare)
{
	static struct der v, bits;

	v.len = bits.len = 0;
	der_add(&v, SPAN("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"));
	der_byte(&bits, 0);
	der_add(&bits, bare);
	der_element(&v, 0x03, span_of(bits.at, bits.len));
	der_element(d, 0x30, span_of(v.at, v.len));
}

#endif
