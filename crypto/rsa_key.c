// SPDX-License-Identifier: MIT
/*
 * rsa_key.c - an RSA public key out of DER
 *
 *	SubjectPublicKeyInfo ::= SEQUENCE {			RFC 5280 4.1
 *		algorithm SEQUENCE { OID rsaEncryption, NULL },	RFC 8017 A.1
 *		subjectPublicKey BIT STRING }			holds an RSAPublicKey
 *	RSAPublicKey ::= SEQUENCE { n INTEGER, e INTEGER }	RFC 8017 A.1.1
 *
 * RFC 6376 3.6.1 names RSAPublicKey while its own example holds a SubjectPublicKeyInfo: both are published.
 * Pure; no copy.
 */
#include "crypto/rsa_key.h"

enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30 };

/* The whole AlgorithmIdentifier: 1.2.840.113549.1.1.1 with NULL parameters.  It has one encoding only. */
static const uint8_t rsa_encryption[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
					  0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

/* Length octets in their shortest form (X.690 10.1), at most two after the first: 65535. */
static bool take_length(struct span *in, size_t *len)
{
	if (in->len == 0)
		return false;
	uint8_t first = in->at[0];
	size_t n = first < 0x80 ? 0 : first & 0x7fu;

	if (n > 2 || first == 0x80 || in->len < 1 + n)
		return false;
	*len = n == 0 ? first : n == 1 ? in->at[1] : (size_t)in->at[1] << 8 | in->at[2];
	if ((n == 1 && *len < 0x80) || (n == 2 && *len < 0x100))
		return false;
	*in = span_skip(*in, 1 + n);
	return true;
}

/* One element of type @tag from the front of @in; @value is its contents. */
static bool take(struct span *in, uint8_t tag, struct span *value)
{
	struct span rest = *in;
	size_t len;

	if (rest.len == 0 || rest.at[0] != tag)
		return false;
	rest = span_skip(rest, 1);
	if (!take_length(&rest, &len) || len > rest.len)
		return false;
	*value = span_head(rest, len);
	*in = span_skip(rest, len);
	return true;
}

/* An INTEGER above zero in its shortest form (X.690 8.3.2); @value is its magnitude without leading zero. */
static bool take_positive(struct span *in, struct span *value)
{
	struct span v;

	if (!take(in, DER_INTEGER, &v) || v.len == 0 || (v.at[0] & 0x80))
		return false;
	if (v.at[0] == 0) {
		if (v.len == 1 || !(v.at[1] & 0x80))
			return false;
		v = span_skip(v, 1);
	}
	*value = v;
	return true;
}

static bool exponent(struct span v, uint32_t *e)
{
	uint32_t value = 0;

	if (v.len > 4) /* 2^32 itself is even, so four octets hold all that is allowed */
		return false;
	for (size_t i = 0; i < v.len; i++)
		value = value << 8 | v.at[i];
	*e = value;
	return value >= 3 && (value & 1);
}

static uint16_t bit_length(struct span v)
{
	size_t bits = v.len * 8;

	for (uint8_t top = v.at[0]; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return (uint16_t)bits;
}

/* Contents of RSAPublicKey. */
static bool parse_numbers(struct span in, struct rsa_key *key)
{
	struct rsa_key k;
	struct span e;

	if (!take_positive(&in, &k.n) || !take_positive(&in, &e) || in.len != 0)
		return false;
	if (!(k.n.at[k.n.len - 1] & 1) || !exponent(e, &k.e))
		return false;
	if (k.n.len > UINT16_MAX / 8)
		return false;
	k.bits = bit_length(k.n);
	if (k.bits <= 32) /* e may be as long as that: what is this small is no key whatever e is */
		return false;
	*key = k;
	return true;
}

bool rsa_key_parse(struct span der, struct rsa_key *key)
{
	struct span outer, bits;

	if (!take(&der, DER_SEQUENCE, &outer) || der.len != 0)
		return false;
	if (outer.len == 0 || outer.at[0] == DER_INTEGER)
		return parse_numbers(outer, key);
	if (outer.len < sizeof(rsa_encryption) ||
	    !span_eq(span_head(outer, sizeof(rsa_encryption)), span_of(rsa_encryption, sizeof(rsa_encryption))))
		return false;
	outer = span_skip(outer, sizeof(rsa_encryption));
	/* The first octet of a BIT STRING counts the unused bits of its last. */
	if (!take(&outer, DER_BIT_STRING, &bits) || outer.len != 0 || bits.len == 0 || bits.at[0] != 0)
		return false;
	bits = span_skip(bits, 1);
	if (!take(&bits, DER_SEQUENCE, &outer) || bits.len != 0)
		return false;
	return parse_numbers(outer, key);
}
