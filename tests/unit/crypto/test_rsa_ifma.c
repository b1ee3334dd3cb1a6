// SPDX-License-Identifier: MIT
/*
 * test_rsa_ifma.c - each lane computes what big numbers of OpenSSL compute
 *
 * usage: test_rsa_ifma [LANES]    lanes compared at random, 2000 by default
 * The moduli are any odd numbers, no keys: what is compared is the number that decides, not the verdict alone.
 */
#include <openssl/bn.h>
#include <stdlib.h>

#include "crypto/crypto_lanes.h"
#include "crypto/rsa_ifma.h"
#include "tests/tap.h"

enum { LANES = IFMA_LANES, OCTETS = (RSA_IFMA_BITS_MAX + 7) / 8 };

static BN_CTX *bn;

/* Eight keys of one class, and their numbers. */
struct keys {
	unsigned digits;
	uint32_t e;
	struct rsa_key key[LANES];
	struct rsa_ifma_key *ready[LANES];
	uint8_t octets[LANES][OCTETS];
	BIGNUM *n[LANES], *shift[LANES]; /* shift: R^(e - 1) */
};

/* Kinds of moduli: any, all ones, one and zeros and one, ones in the low half. */
static void make_modulus(BIGNUM *n, int bits, int kind)
{
	switch (kind) {
	case 0:
		BN_zero(n);
		BN_set_bit(n, bits);
		BN_sub_word(n, 1);
		break;
	case 1:
		BN_zero(n);
		BN_set_bit(n, bits - 1);
		BN_set_bit(n, 0);
		break;
	case 2:
		BN_zero(n);
		BN_set_bit(n, bits / 2);
		BN_sub_word(n, 1);
		BN_set_bit(n, bits - 1);
		break;
	default:
		CHECK(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD));
	}
}

/* @bits least and most: lengths are drawn between them, the ends come first */
static void make_keys(struct keys *k, int least, int most, uint32_t e, size_t n_at_once)
{
	BIGNUM *r = BN_new(), *m = BN_new();

	k->digits = rsa_ifma_digits((unsigned)most);
	k->e = e;
	BN_set_word(m, e - 1);
	for (int i = 0; i < LANES; i++) {
		int bits = i == 0 ? least : i == 1 ? most : least + rand() % (most - least + 1);

		CHECK(rsa_ifma_digits((unsigned)bits) == k->digits);
		k->n[i] = BN_new();
		k->shift[i] = BN_new();
		make_modulus(k->n[i], bits, i == 1 ? 0 : i == 0 ? 1 : rand() % 8);
		BN_bn2bin(k->n[i], k->octets[i]);
		k->key[i].n = span_of(k->octets[i], (size_t)BN_num_bytes(k->n[i]));
		k->key[i].bits = (uint16_t)bits;
		k->key[i].e = e;
		k->ready[i] = aligned_alloc(64, rsa_ifma_key_size(k->digits));
		BN_zero(r);
		BN_set_bit(r, (int)(52 * k->digits));
		BN_mod(r, r, k->n[i], bn);
		BN_mod_exp(k->shift[i], r, m, k->n[i], bn);
	}
	for (size_t i = 0; i < LANES; i += n_at_once)
		rsa_ifma_keys(k->ready + i, k->key + i, n_at_once);
	BN_free(r);
	BN_free(m);
}

static void release_keys(struct keys *k)
{
	for (int i = 0; i < LANES; i++) {
		BN_free(k->n[i]);
		BN_free(k->shift[i]);
		free(k->ready[i]);
	}
}

/* A signature below n; kinds 0 to 5 are edges. */
static void make_signature(BIGNUM *s, const BIGNUM *n, int kind)
{
	switch (kind) {
	case 0:
		BN_zero(s);
		break;
	case 1:
		BN_one(s);
		break;
	case 2:
		BN_copy(s, n);
		BN_sub_word(s, 1);
		break;
	case 3:
		BN_rshift1(s, n);
		break;
	case 4:
		BN_zero(s);
		BN_set_bit(s, rand() % (BN_num_bits(n) - 1));
		break;
	case 5:
		BN_zero(s);
		BN_set_bit(s, BN_num_bits(n) - 1 - rand() % 60);
		BN_sub_word(s, 1);
		break;
	default:
		BN_rand_range(s, n);
	}
}

/* The encoding that key and u stand for. */
static BIGNUM *encoding(const BIGNUM *n, const uint8_t *u)
{
	BIGNUM *em = BN_new(), *tail = BN_bin2bn(u, RSA_IFMA_TAIL, NULL);

	BN_set_bit(em, 8 * BN_num_bytes(n) - 15);
	BN_sub(em, em, tail);
	BN_free(tail);
	return em;
}

/* z R^(e - 1) + encoding = s^e */
static bool lane_agrees(const struct keys *k, int key, const BIGNUM *s, const uint8_t *u, const uint64_t *z,
			bool verdict)
{
	BIGNUM *left = BN_new(), *right = BN_new(), *e = BN_new(), *em = encoding(k->n[key], u);

	for (unsigned d = k->digits; d-- > 0;) {
		BN_lshift(left, left, 52);
		CHECK(z[d * LANES] >> 52 == 0);
		BN_add_word(left, z[d * LANES]);
	}
	bool good = BN_cmp(left, k->n[key]) <= 0;

	BN_mod_mul(left, left, k->shift[key], k->n[key], bn);
	BN_mod_add(left, left, em, k->n[key], bn);
	BN_set_word(e, k->e);
	BN_mod_exp(right, s, e, k->n[key], bn);
	good = good && BN_cmp(left, right) == 0 && verdict == (BN_cmp(right, em) == 0);
	BN_free(left);
	BN_free(right);
	BN_free(e);
	BN_free(em);
	return good;
}

/* @n lanes with random keys of @k: at random places, so that a lane does not know its neighbours */
static bool batch_agrees(const struct keys *k, size_t n)
{
	struct rsa_ifma_lane lanes[LANES] = { 0 };
	BIGNUM *s[LANES];
	uint8_t sig[LANES][OCTETS];
	uint64_t z[RSA_IFMA_DIGITS_MAX * LANES];
	int key[LANES];
	bool good = true;

	for (size_t i = 0; i < n; i++) {
		key[i] = rand() % LANES;
		s[i] = BN_new();
		make_signature(s[i], k->n[key[i]], rand() % 12);
		BN_bn2binpad(s[i], sig[i], k->ready[key[i]]->octets);
		lanes[i] = (struct rsa_ifma_lane){ .key = k->ready[key[i]], .sig = sig[i] };
		for (size_t j = 0; j < RSA_IFMA_TAIL; j++)
			lanes[i].u[j] = (uint8_t)(rand() % 4 == 0 ? 0xff : rand() >> 8);
	}
	rsa_ifma_residue(lanes, n, z);
	unsigned verdicts = rsa_ifma_verify(lanes, n);

	good &= verdicts >> n == 0;
	for (size_t i = 0; i < n; i++) {
		good &= lane_agrees(k, key[i], s[i], lanes[i].u, z + i, verdicts >> i & 1);
		BN_free(s[i]);
	}
	return good;
}

static const struct {
	int least, most;
} classes[] = { { 1024, 1038 }, { 1039, 2078 }, { 2079, 3118 }, { 3119, 4158 } };

static void lengths(void)
{
	ok(rsa_ifma_digits(1023) == 0 && rsa_ifma_digits(4159) == 0 && rsa_ifma_digits(0) == 0 &&
		   rsa_ifma_digits(65535) == 0,
	   "shorter than 1024 bits and longer than 4158 is not for lanes");
	bool room = true;

	for (unsigned bits = 1024; bits <= 4158; bits++)
		room &= rsa_ifma_digits(bits) * 52 >= bits + 2;
	ok(room, "R is above 4 n for every length");
	ok(rsa_ifma_digits(1038) == 20 && rsa_ifma_digits(1039) == 40 && rsa_ifma_digits(2078) == 40 &&
		   rsa_ifma_digits(2079) == 60 && rsa_ifma_digits(3119) == 80,
	   "the classes end where the queues of crypto_batch do");
}

static void compare(int least, int most, uint32_t e, size_t n_at_once, long lanes)
{
	struct keys k;
	bool good = true;

	make_keys(&k, least, most, e, n_at_once);
	for (size_t n = 1; n <= LANES && lanes > 0; n++) {
		good &= batch_agrees(&k, n);
		lanes -= (long)n;
	}
	for (; lanes > 0; lanes -= LANES)
		good &= batch_agrees(&k, LANES);
	release_keys(&k);
	ok(good, "%d to %d bits, e = %" PRIu32 ": all lanes as BN_mod_exp", least, most, e);
}

int main(int argc, char **argv)
{
	long lanes = argc > 1 ? atol(argv[1]) : 2000;

	lengths();
	if (!crypto_lanes_usable(CRYPTO_LANES_IFMA)) {
		ok(true, "this machine has no AVX512-IFMA: nothing to compare # SKIP");
		return done();
	}
	bn = BN_CTX_new();
	for (size_t c = 0; c < sizeof(classes) / sizeof(classes[0]); c++) {
		compare(classes[c].least, classes[c].most, 65537, 8, lanes / 8);
		compare(classes[c].least, classes[c].most, 3, 1, lanes / 32);
		compare(classes[c].least, classes[c].most, 17, 2, lanes / 32);
		compare(classes[c].least, classes[c].most, UINT32_MAX, 4, lanes / 32);
		compare(classes[c].least, classes[c].most, (uint32_t)rand() * 2 + 5, 8, lanes / 32);
	}
	BN_CTX_free(bn);
	return done();
}
