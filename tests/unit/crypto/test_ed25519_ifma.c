// SPDX-License-Identifier: MIT
/*
 * test_ed25519_ifma.c - each lane says what OpenSSL says, of good signatures, forged ones and odd ones
 *
 * usage: test_ed25519_ifma [LANES]    lanes compared with OpenSSL at random, 1000 by default
 * The pool is made with the clear twin: keys and R with parts of small order, encodings that are not canonical,
 * octets that are no point, S of L and more.  The twin, OpenSSL and the lanes must agree on all of it.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto/crypto_lanes.h"
#include "crypto/ed25519_ifma.h"
#include "tests/tap.h"
#include "tests/unit/crypto/ed25519_clear.h"

enum { POOL = 3072, TORSION = 8 };

struct vector {
	uint8_t a[ED25519_KEY_LEN], sig[ED25519_SIG_LEN], digest[SHA256_LEN];
	bool good; /* says OpenSSL */
};

static struct clear curve;
static struct clear_point base_point, torsion[TORSION]; /* torsion[i]: i times a point of order 8 */
static struct vector pool[POOL];
static size_t n_pool;
static struct ed25519_ifma_base base;
static struct ed25519_ifma_key *keys; /* one for each of the pool */

static bool openssl_verify(const struct vector *v)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, v->a, ED25519_KEY_LEN);
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	CHECK(key && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1);
	bool good = EVP_DigestVerify(md, v->sig, ED25519_SIG_LEN, v->digest, SHA256_LEN) == 1;

	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return good;
}

static void random_octets(uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(rand() >> 8);
}

/* Short ones spare the twin much time, and S is long all the same. */
static BIGNUM *random_scalar(int octets)
{
	uint8_t at[64];

	random_octets(at, sizeof(at));
	BIGNUM *n = BN_lebin2bn(at, octets, NULL);

	BN_nnmod(n, n, curve.order, curve.bn);
	return n;
}

/* The pool */

static struct vector *add(const struct vector *v)
{
	CHECK(n_pool < POOL);
	pool[n_pool] = *v;
	return &pool[n_pool++];
}

static void make_torsion(void)
{
	for (bool found = false; !found;) {
		uint8_t octets[32];
		struct clear_point any;

		random_octets(octets, sizeof(octets));
		if (!clear_decode(&curve, &any, octets))
			continue;
		torsion[0] = clear_zero();
		torsion[1] = clear_multiply(&curve, curve.order, &any);
		for (int i = 2; i < TORSION; i++) {
			torsion[i] = clear_copy(&torsion[i - 1]);
			clear_add(&curve, &torsion[i], &torsion[1]);
		}
		clear_free(&any);
		found = !BN_is_zero(torsion[4].x) || !BN_is_one(torsion[4].y); /* 4 T is not neutral: T has order 8 */
		for (int i = 0; !found && i < TORSION; i++)
			clear_free(&torsion[i]);
	}
}

/* A point of small order in an encoding that is not canonical, where it has one: y + p, or x = 0 with a sign. */
static bool other_encoding(const struct clear_point *point, uint8_t octets[32], bool other_sign)
{
	BIGNUM *y = BN_dup(point->y);
	bool has = BN_num_bits(y) <= 4;

	if (has) {
		BN_add(y, y, curve.p);
		BN_bn2lebinpad(y, octets, 32);
		octets[31] |= (uint8_t)((BN_is_odd(point->x) ^ other_sign) << 7);
	} else if (BN_is_zero(point->x)) {
		clear_encode(point, octets);
		octets[31] |= 0x80;
		has = true;
	}
	BN_free(y);
	return has;
}

static struct clear_point mixed(const BIGNUM *n, int with)
{
	struct clear_point q = clear_multiply(&curve, n, &base_point);

	clear_add(&curve, &q, &torsion[with]);
	return q;
}

/* S = r + h a mod L, for what v->a and R in v->sig are encoded as */
static void answer(struct vector *v, const BIGNUM *r, const BIGNUM *a)
{
	BIGNUM *s = clear_challenge(&curve, v->sig, v->a, v->digest);

	BN_mod_mul(s, s, a, curve.order, curve.bn);
	BN_mod_add(s, s, r, curve.order, curve.bn);
	BN_bn2lebinpad(s, v->sig + 32, 32);
	BN_free(s);
}

/* A signature of key a B + torsion with R = r B + torsion */
static struct vector signature(const BIGNUM *a, int a_torsion, const BIGNUM *r, int r_torsion)
{
	struct clear_point key = mixed(a, a_torsion), commitment = mixed(r, r_torsion);
	struct vector v;

	random_octets(v.digest, sizeof(v.digest));
	clear_encode(&key, v.a);
	clear_encode(&commitment, v.sig);
	answer(&v, r, a);
	clear_free(&key);
	clear_free(&commitment);
	return v;
}

/* Eight by eight torsion parts, with multiples of B and without: one of eight passes, as the hash falls. */
static void add_small_orders(void)
{
	BIGNUM *zero = BN_new();

	for (int i = 0; i < 2 * TORSION * TORSION; i++) {
		BIGNUM *a = i % 2 ? random_scalar(8) : BN_dup(zero), *r = i % 2 ? random_scalar(8) : BN_dup(zero);
		int a_torsion = i / 2 % TORSION, r_torsion = i / 2 / TORSION;
		struct vector v = signature(a, a_torsion, r, r_torsion), *first = add(&v);

		/* no part of an encoding that can be written otherwise stays untried */
		for (int sign = 0; sign < 2; sign++) {
			v = *first;
			if (BN_is_zero(a) && other_encoding(&torsion[a_torsion], v.a, sign)) {
				answer(&v, r, a);
				add(&v);
			}
			v = *first;
			if (BN_is_zero(r) && other_encoding(&torsion[r_torsion], v.sig, sign)) {
				answer(&v, r, a);
				add(&v);
			}
		}
		BN_free(a);
		BN_free(r);
	}
	BN_free(zero);
}

static void add_scalars(const struct vector *v)
{
	BIGNUM *s = BN_lebin2bn(v->sig + 32, 32, NULL), *n = BN_dup(s);
	struct vector w = *v;

	while (BN_add(n, n, curve.order) && BN_num_bits(n) <= 256) { /* S + L, S + 2 L... */
		BN_bn2lebinpad(n, w.sig + 32, 32);
		add(&w);
	}
	for (int i = -2; i <= 2; i++) { /* around L, and around 0 */
		BN_copy(n, curve.order);
		if (i < 0)
			BN_sub_word(n, (BN_ULONG)-i);
		else
			BN_add_word(n, (BN_ULONG)i);
		BN_bn2lebinpad(n, w.sig + 32, 32);
		add(&w);
		BN_set_word(n, (BN_ULONG)(i < 0 ? -i : i));
		BN_bn2lebinpad(n, w.sig + 32, 32);
		add(&w);
	}
	BN_sub(n, curve.order, s); /* -S */
	BN_bn2lebinpad(n, w.sig + 32, 32);
	add(&w);
	memset(w.sig + 32, 0xff, 32);
	add(&w);
	BN_free(s);
	BN_free(n);
}

/* One bit or one octet of key, R, S or message changed, and all of them foreign */
static void add_forgeries(const struct vector *v, const struct vector *other)
{
	struct vector w;

	for (int i = 0; i < 24; i++) {
		w = *v;
		uint8_t *part = i % 4 == 0 ? w.a : i % 4 == 1 ? w.sig : i % 4 == 2 ? w.sig + 32 : w.digest;

		part[rand() % 32] ^= (uint8_t)(i < 12 ? 1 << rand() % 8 : 1 + rand() % 255);
		add(&w);
	}
	w = *v;
	w.sig[31] ^= 0x80;
	add(&w);
	w = *v;
	w.a[31] ^= 0x80;
	add(&w);
	w = *v;
	memcpy(w.a, other->a, sizeof(w.a));
	add(&w);
	w = *v;
	memcpy(w.sig, other->sig, 32);
	add(&w);
}

/* Keys and R that are octets, no more: around 0, p and 2^255, and at random */
static void add_encodings(const struct vector *v)
{
	BIGNUM *n = BN_new();
	struct vector w;

	for (int i = 0; i < 200; i++) {
		uint8_t octets[32];

		if (i < 24)
			BN_set_word(n, (BN_ULONG)i);
		else if (i < 24 + 40)
			BN_copy(n, curve.p), BN_sub_word(n, 20),
				BN_add_word(n, (BN_ULONG)(i - 24)); /* up to 2^255 - 1 */
		if (i < 24 + 40 && BN_num_bits(n) <= 255)
			BN_bn2lebinpad(n, octets, 32);
		else
			random_octets(octets, sizeof(octets));
		for (int sign = 0; sign < 2; sign++) {
			octets[31] = (uint8_t)((octets[31] & 0x7f) | sign << 7);
			w = *v;
			memcpy(w.a, octets, 32);
			add(&w);
			w = *v;
			memcpy(w.sig, octets, 32);
			add(&w);
		}
	}
	BN_free(n);
}

static void make_pool(void)
{
	struct vector before = { .digest = { 0 } };

	make_torsion();
	for (int i = 0; i < 24; i++) {
		BIGNUM *a = random_scalar(64), *r = random_scalar(64);
		struct vector v = signature(a, 0, r, 0);

		add(&v);
		if (i % 4 == 0)
			add_scalars(&v);
		add_forgeries(&v, &before);
		before = v;
		BN_free(a);
		BN_free(r);
	}
	add_encodings(&before);
	add_small_orders();
	for (size_t i = n_pool; i-- > 1;) { /* neighbours of every kind */
		size_t with = (size_t)rand() % (i + 1);
		struct vector moved = pool[i];

		pool[i] = pool[with];
		pool[with] = moved;
	}
	for (size_t i = 0; i < n_pool; i++)
		pool[i].good = openssl_verify(&pool[i]);
}

/* Comparison */

static void make_keys(void)
{
	struct ed25519_ifma_key *to[IFMA_LANES];
	const uint8_t *from[IFMA_LANES];
	size_t n;

	keys = aligned_alloc(64, n_pool * sizeof(*keys));
	ed25519_ifma_base(&base);
	for (size_t i = 0; i < n_pool; i += n) { /* one, two ... eight at a time */
		n = 1 + i % IFMA_LANES;
		if (n > n_pool - i)
			n = n_pool - i;
		for (size_t j = 0; j < n; j++) {
			to[j] = &keys[i + j];
			from[j] = pool[i + j].a;
		}
		ed25519_ifma_keys(to, from, n);
	}
}

static bool batch_agrees(const struct vector *const v[], const struct ed25519_ifma_key *const key[], size_t n)
{
	struct ed25519_ifma_lane lanes[IFMA_LANES];
	unsigned expected = 0;

	for (size_t i = 0; i < n; i++) {
		lanes[i] = (struct ed25519_ifma_lane){ key[i], v[i]->a, v[i]->sig, v[i]->digest };
		expected |= (unsigned)v[i]->good << i;
	}
	unsigned got = ed25519_ifma_verify(&base, lanes, n);

	if (got != expected)
		printf("# %zu lanes: 0x%02x, OpenSSL 0x%02x\n", n, got, expected);
	return got == expected;
}

static void the_twin(void)
{
	static const uint8_t zero[32];
	size_t n_good = 0, n_odd = 0, twins = 0, step = n_pool / 60; /* the twin takes some milliseconds */
	bool good = true;

	for (size_t i = 0; i < n_pool; i++) {
		n_good += pool[i].good;
		n_odd += pool[i].good && span_eq(span_of(pool[i].sig + 32, 32), span_of(zero, 32));
	}
	for (size_t i = 0; i < n_pool; i += 1 + (size_t)rand() % (2 * step), twins++) {
		good &= clear_verify(&curve, pool[i].a, pool[i].sig, pool[i].digest) == pool[i].good;
	}
	ok(good, "the clear twin agrees with OpenSSL on %zu of %zu signatures", twins, n_pool);
	ok(n_good > 30 && n_pool - n_good > 600, "%zu of them are good, %zu are not", n_good, n_pool - n_good);
	ok(n_odd > 3, "points of small order: some pass, as with OpenSSL");
}

/* All the pool in batches of eight, eight times, from one further on each time: each was in each lane. */
static void every_lane(void)
{
	const struct vector *v[IFMA_LANES];
	const struct ed25519_ifma_key *key[IFMA_LANES];
	bool good = true, fewer = true;

	for (size_t from = 0; from < IFMA_LANES; from++) {
		for (size_t i = 0; i < n_pool; i += IFMA_LANES) {
			for (size_t j = 0; j < IFMA_LANES; j++) {
				v[j] = &pool[(from + i + j) % n_pool];
				key[j] = &keys[(from + i + j) % n_pool];
			}
			good &= batch_agrees(v, key, IFMA_LANES);
			fewer &= from > 0 || batch_agrees(v, key, 1 + i / IFMA_LANES % IFMA_LANES);
		}
	}
	ok(good, "every signature in every lane");
	ok(fewer, "batches of one to eight");
}

/* Signatures that nobody saw before, half of them changed */
static void random_lanes(long lanes)
{
	static struct ed25519_ifma_key fresh[IFMA_LANES];
	enum { SIGNERS = 8 };
	EVP_PKEY *signer[SIGNERS];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = true;
	long n_good = 0, n_all = 0;

	while (lanes > 0) {
		struct vector v[IFMA_LANES];
		const struct vector *list[IFMA_LANES];
		const struct ed25519_ifma_key *key[IFMA_LANES];
		struct ed25519_ifma_key *to[IFMA_LANES];
		const uint8_t *from[IFMA_LANES];
		size_t n = rand() % 4 ? IFMA_LANES : 1 + (size_t)rand() % IFMA_LANES;

		for (size_t i = 0; i < SIGNERS && n_all % 8192 < IFMA_LANES; i++) { /* new keys now and then */
			uint8_t seed[32];

			if (n_all)
				EVP_PKEY_free(signer[i]);
			random_octets(seed, sizeof(seed));
			signer[i] = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
			CHECK(signer[i]);
		}
		for (size_t i = 0; i < n; i++) {
			EVP_PKEY *by = signer[rand() % SIGNERS];
			size_t len = ED25519_SIG_LEN, key_len = ED25519_KEY_LEN;

			random_octets(v[i].digest, SHA256_LEN);
			EVP_MD_CTX_reset(md);
			CHECK(EVP_DigestSignInit(md, NULL, NULL, NULL, by) == 1);
			CHECK(EVP_DigestSign(md, v[i].sig, &len, v[i].digest, SHA256_LEN) == 1);
			CHECK(EVP_PKEY_get_raw_public_key(by, v[i].a, &key_len) == 1);
			if (rand() % 2)
				((uint8_t *)&v[i])[rand() % 128] ^= (uint8_t)(1 << rand() % 8);
			v[i].good = openssl_verify(&v[i]);
			n_good += v[i].good;
			list[i] = &v[i];
			key[i] = to[i] = &fresh[i];
			from[i] = v[i].a;
		}
		ed25519_ifma_keys(to, from, n);
		good &= batch_agrees(list, key, n);
		lanes -= (long)n;
		n_all += (long)n;
	}
	ok(good && n_good > 0, "%ld random lanes, %ld of them good: the verdicts of OpenSSL", n_all, n_good);
	for (size_t i = 0; i < SIGNERS; i++)
		EVP_PKEY_free(signer[i]);
	EVP_MD_CTX_free(md);
}

int main(int argc, char **argv)
{
	long lanes = argc > 1 ? atol(argv[1]) : 1000;

	if (!crypto_lanes_usable(CRYPTO_LANES_IFMA)) {
		ok(true, "this machine has no AVX512-IFMA");
		return done();
	}
	srand(argc > 2 ? (unsigned)atol(argv[2]) : 1);
	clear_init(&curve);
	base_point = clear_base(&curve);
	make_pool();
	the_twin();
	make_keys();
	every_lane();
	random_lanes(lanes);
	for (int i = 0; i < TORSION; i++)
		clear_free(&torsion[i]);
	clear_free(&base_point);
	clear_release(&curve);
	free(keys);
	return done();
}
