// SPDX-License-Identifier: MIT
/*
 * test_rsa_key.c - one encoding for one key, and nothing else
 */
#include "crypto/rsa_key.h"
#include "tests/tap.h"
#include "tests/unit/crypto/der.h"

static struct der bare, spki;
static uint8_t n_bytes[1024];

/* A modulus of @bits bits; @n_bytes holds it. */
static struct span modulus(size_t bits)
{
	size_t len = (bits + 7) / 8;

	for (size_t i = 0; i < len; i++)
		n_bytes[i] = (uint8_t)(i * 37 + 11);
	n_bytes[0] = (uint8_t)(1u << ((bits - 1) % 8));
	n_bytes[len - 1] |= 1;
	return span_of(n_bytes, len);
}

static void build(struct span n, uint32_t e)
{
	bare.len = spki.len = 0;
	der_rsa_key(&bare, n, e);
	der_spki(&spki, span_of(bare.at, bare.len));
}

static bool parses(struct span der)
{
	struct rsa_key key;

	return rsa_key_parse(der, &key);
}

static void good_keys(void)
{
	static const size_t bits[] = { 33, 64, 512, 1016, 1023, 1024, 1025, 1536, 2048, 3072, 4095, 4096, 8192 };
	static const uint32_t exponents[] = { 3, 17, 257, 65537, 0x7fffffff, 0x80000001, 0xffffffff };

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		for (size_t j = 0; j < sizeof(exponents) / sizeof(exponents[0]); j++) {
			struct span n = modulus(bits[i]);
			struct rsa_key a, b;

			build(n, exponents[j]);
			bool good = rsa_key_parse(span_of(bare.at, bare.len), &a) &&
				    rsa_key_parse(span_of(spki.at, spki.len), &b);
			ok(good && a.bits == bits[i] && b.bits == bits[i] && a.e == exponents[j] && b.e == a.e &&
				   span_eq(a.n, n) && span_eq(b.n, n),
			   "%zu bits with e = %u, bare and in SubjectPublicKeyInfo", bits[i], exponents[j]);
		}
	}
}

static void bad_numbers(void)
{
	struct span n = modulus(1024);

	build(n, 1);
	ok(!parses(span_of(bare.at, bare.len)), "e = 1 is refused: every encoding would be its own signature");
	build(n, 2);
	ok(!parses(span_of(bare.at, bare.len)), "e = 2 is refused");
	build(n, 65536);
	ok(!parses(span_of(spki.at, spki.len)), "an even exponent is refused");
	bare.len = 0;
	der_rsa_key_of(&bare, n, SPAN(""));
	ok(!parses(span_of(bare.at, bare.len)), "e = 0 is refused");
	bare.len = 0;
	der_rsa_key_of(&bare, n, SPAN("\x01\x00\x00\x00\x01"));
	ok(!parses(span_of(bare.at, bare.len)), "e = 2^32 + 1 is refused");
	n_bytes[127] &= 0xfe;
	build(n, 65537);
	ok(!parses(span_of(spki.at, spki.len)), "an even modulus is refused");
	build(SPAN("\xff\xff\xff\xff"), 3);
	ok(!parses(span_of(bare.at, bare.len)), "a modulus of 32 bits is refused");
	build(SPAN("\x01"), 3);
	ok(!parses(span_of(bare.at, bare.len)), "n = 1 is refused");
	build(SPAN(""), 3);
	ok(!parses(span_of(bare.at, bare.len)), "n = 0 is refused");
}

#define BYTES(literal) literal, sizeof(literal) - 1

/* n = 2^63 + 1, e = 3, and what can be wrong around them */
static const struct {
	const char *sentence;
	const char *der;
	size_t len;
	bool good;
} forms[] = {
	/* clang-format off */
	{ "the shortest form is taken", BYTES("\x30\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), true },
	{ "an octet after the key is refused", BYTES("\x30\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03\x00"), false },
	{ "an octet after e, inside, is refused", BYTES("\x30\x0f\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03\x00"), false },
	{ "a third INTEGER is refused", BYTES("\x30\x11\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03\x02\x01\x03"), false },
	{ "a long form of a short length is refused", BYTES("\x30\x81\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "a two-octet form of a short length is refused", BYTES("\x30\x82\x00\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "the indefinite length is refused", BYTES("\x30\x80\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03\0\0"), false },
	{ "a length of five octets is refused", BYTES("\x30\x85\0\0\0\0\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "a second leading zero is refused", BYTES("\x30\x0f\x02\x0a\x00\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "a leading zero without need is refused", BYTES("\x30\x0f\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x02\x00\x03"), false },
	{ "a negative modulus is refused", BYTES("\x30\x0d\x02\x08\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "a negative exponent is refused", BYTES("\x30\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x83"), false },
	{ "an INTEGER without octets is refused", BYTES("\x30\x0d\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x00"), false },
	{ "a missing exponent is refused", BYTES("\x30\x0b\x02\x09\x00\x80\0\0\0\0\0\0\x01"), false },
	{ "an inner length past the outer one is refused", BYTES("\x30\x0e\x02\x0f\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "an outer length past the end is refused", BYTES("\x30\x0f\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "a SET is refused", BYTES("\x31\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"), false },
	{ "an empty SEQUENCE is refused", BYTES("\x30\x00"), false },
	{ "nothing is refused", BYTES(""), false },
	{ "a lone tag is refused", BYTES("\x30"), false },
	{ "a PEM text is refused", BYTES("-----BEGIN PUBLIC KEY-----"), false },
	/* clang-format on */
};

#define ALG "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"
#define KEY "\x30\x0e\x02\x09\x00\x80\0\0\0\0\0\0\x01\x02\x01\x03"

static const struct {
	const char *sentence;
	const char *der;
	size_t len;
	bool good;
} infos[] = {
	/* clang-format off */
	{ "a SubjectPublicKeyInfo is taken", BYTES("\x30\x22" ALG "\x03\x11\x00" KEY), true },
	{ "unused bits are refused", BYTES("\x30\x22" ALG "\x03\x11\x01" KEY), false },
	{ "an empty BIT STRING is refused", BYTES("\x30\x11" ALG "\x03\x00"), false },
	{ "an octet after the key in the BIT STRING is refused", BYTES("\x30\x23" ALG "\x03\x12\x00" KEY "\x00"), false },
	{ "an octet after the BIT STRING is refused", BYTES("\x30\x23" ALG "\x03\x11\x00" KEY "\x00"), false },
	{ "an OCTET STRING is refused", BYTES("\x30\x22" ALG "\x04\x11\x00" KEY), false },
	{ "an algorithm alone is refused", BYTES("\x30\x0f" ALG), false },
	{ "missing parameters are refused (RFC 8017 A.1)",
	  BYTES("\x30\x20\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x11\x00" KEY), false },
	{ "RSASSA-PSS is refused",
	  BYTES("\x30\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x05\x00\x03\x11\x00" KEY), false },
	/* clang-format on */
};

int main(void)
{
	good_keys();
	bad_numbers();
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		ok(parses(span_of(forms[i].der, forms[i].len)) == forms[i].good, "%s", forms[i].sentence);
	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++)
		ok(parses(span_of(infos[i].der, infos[i].len)) == infos[i].good, "%s", infos[i].sentence);

	build(modulus(2048), 65537);
	bool any = false;
	for (size_t n = 0; n < spki.len; n++)
		any |= parses(span_of(spki.at, n)) || (n < bare.len && parses(span_of(bare.at, n)));
	ok(!any, "no key cut short is a key");
	return done();
}
