// SPDX-License-Identifier: MIT
/*
 * test_ed25519_scalar.c - numbers modulo L, and SHA-512 in lanes, beside OpenSSL's
 */
#include <openssl/bn.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "crypto/crypto_lanes.h"
#include "crypto/ed25519_scalar.h"
#include "crypto/sha512_lanes.h"
#include "tests/tap.h"

static BIGNUM *order;
static BN_CTX *bn;

static bool reduces(const uint64_t h[8])
{
	BIGNUM *n = BN_lebin2bn((const uint8_t *)h, 64, NULL), *r = BN_new(), *got;
	struct ed25519_scalar s = ed25519_scalar_reduce(h);

	BN_nnmod(r, n, order, bn);
	got = BN_lebin2bn((const uint8_t *)s.w, 32, NULL);
	bool good = BN_cmp(got, r) == 0;

	BN_free(n);
	BN_free(r);
	BN_free(got);
	return good;
}

/* Words of zeros, of ones, and of anything */
static uint64_t odd_word(void)
{
	uint64_t any = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();

	switch (rand() % 6) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return UINT64_MAX << rand() % 64;
	case 3:
		return UINT64_MAX >> rand() % 64;
	default:
		return any;
	}
}

static void reduction(void)
{
	uint64_t h[8];
	bool good = true, multiples = true;

	for (int i = 0; i < 100000; i++) {
		for (int w = 0; w < 8; w++)
			h[w] = odd_word();
		good &= reduces(h);
	}
	ok(good, "100 000 numbers of 512 bits modulo L");
	for (int i = 0; i < 20000; i++) { /* k L - 2 ... k L + 2, for k of up to 259 bits */
		BIGNUM *k = BN_new();

		CHECK(BN_rand(k, i % 259 + 1, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY));
		BN_add_word(k, 1);
		BN_mul(k, k, order, bn);
		BN_add_word(k, 2);
		BN_sub_word(k, (BN_ULONG)(rand() % 5));
		BN_mask_bits(k, 512);
		BN_bn2lebinpad(k, (uint8_t *)h, 64);
		multiples &= reduces(h);
		BN_free(k);
	}
	ok(multiples, "and 20 000 around multiples of it");
}

static void reading(void)
{
	uint8_t octets[32];
	struct ed25519_scalar s;
	BIGNUM *n = BN_dup(order);

	BN_sub_word(n, 1);
	BN_bn2lebinpad(n, octets, 32);
	ok(ed25519_scalar_read(&s, octets) && memcmp(s.w, octets, 32) == 0, "S = L - 1 is read (RFC 8032 5.1.7)");
	BN_add_word(n, 1);
	BN_bn2lebinpad(n, octets, 32);
	ok(!ed25519_scalar_read(&s, octets) && s.w[0] == 0 && s.w[3] == 0, "S = L is not");
	BN_add_word(n, 1);
	BN_bn2lebinpad(n, octets, 32);
	ok(!ed25519_scalar_read(&s, octets), "S = L + 1 is not");
	memset(octets, 0xff, 32);
	ok(!ed25519_scalar_read(&s, octets), "S = 2^256 - 1 is not");
	memset(octets, 0, 32);
	ok(ed25519_scalar_read(&s, octets), "S = 0 is read");
	octets[31] = 0x10;
	ok(ed25519_scalar_read(&s, octets), "S = 2^252 is read");
	BN_free(n);
}

#ifdef __x86_64__
IFMA static bool hashes(uint8_t message[IFMA_LANES][128], const size_t len[IFMA_LANES])
{
	uint64_t words[IFMA_LANES][16], *to[IFMA_LANES];
	const uint64_t *rows[IFMA_LANES];
	vec block[16], digest[8];
	bool good = true;

	for (int i = 0; i < IFMA_LANES; i++) {
		uint8_t padded[128] = { 0 };

		memcpy(padded, message[i], len[i]);
		padded[len[i]] = 0x80;
		padded[126] = (uint8_t)(len[i] * 8 >> 8);
		padded[127] = (uint8_t)(len[i] * 8);
		memcpy(words[i], padded, sizeof(padded));
		for (int w = 0; w < 16; w++)
			words[i][w] = __builtin_bswap64(words[i][w]);
		rows[i] = to[i] = words[i];
	}
	lanes_load(block, rows, 0);
	lanes_load(block + 8, rows, 8);
	sha512_lanes(digest, block);
	lanes_store(to, 0, digest);
	for (int i = 0; i < IFMA_LANES; i++) {
		uint8_t expected[SHA512_DIGEST_LENGTH];

		SHA512(message[i], len[i], expected);
		for (int w = 0; w < 8; w++)
			words[i][w] = __builtin_bswap64(words[i][w]);
		good &= memcmp(words[i], expected, sizeof(expected)) == 0;
	}
	return good;
}

static void sha512(void)
{
	bool good = true;

	for (size_t round = 0; round < 2000; round++) {
		uint8_t message[IFMA_LANES][128];
		size_t len[IFMA_LANES];

		for (size_t i = 0; i < IFMA_LANES; i++) {
			len[i] = (round + i) % (SHA512_LANES_ONE_BLOCK + 1);
			for (size_t j = 0; j < len[i]; j++)
				message[i][j] = (uint8_t)(rand() >> 8);
		}
		good &= hashes(message, len);
	}
	ok(good, "SHA-512 of messages of 0 to 111 octets, eight lengths side by side");
}
#else
static void sha512(void)
{
}
#endif

int main(void)
{
	bn = BN_CTX_new();
	CHECK(BN_hex2bn(&order, "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"));
	reduction();
	reading();
	if (crypto_lanes_usable(CRYPTO_LANES_IFMA))
		sha512();
	BN_free(order);
	BN_CTX_free(bn);
	return done();
}
