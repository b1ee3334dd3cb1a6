// SPDX-License-Identifier: MIT
/*
 * test_crypto_lanes.c - the lanes give the verdicts that OpenSSL gives
 *
 * usage: test_crypto_lanes [JOBS]    jobs compared in random batches, 3000 by default
 * Good and forged signatures of keys of many lengths and exponents, alone, in every lane, and mixed at random.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto/crypto_lanes.h"
#include "crypto/crypto_openssl.h"
#include "crypto/ed25519_rule.h"
#include "crypto/rsa_rule.h"
#include "tests/tap.h"
#include "tests/unit/crypto/rsa_signer.h"

enum { N_KEYS = 26, N_ED25519 = 12, JOBS_MAX = 1152 };

static BN_CTX *bn;
static struct crypto_backend *lanes, *openssl;
static enum crypto_lanes vectors;
static struct signer keys[N_KEYS];
static struct crypto_job pool[JOBS_MAX];
static bool passes[JOBS_MAX];
static size_t n_pool;

static const struct {
	int bits;
	unsigned long e;
} shapes[N_KEYS] = {
	{ 1024, 65537 }, { 1024, 65537 },      { 1024, 65537 }, { 1024, 3 },     { 1024, 3 },     { 1031, 65537 },
	{ 1038, 65537 }, { 1039, 65537 },      { 1536, 65537 }, { 2048, 65537 }, { 2048, 65537 }, { 2048, 65537 },
	{ 2048, 3 },     { 2047, 4294967291 }, { 2048, 17 },    { 2078, 65537 }, { 2079, 65537 }, { 3072, 65537 },
	{ 3118, 65537 }, { 3119, 65537 },      { 4096, 65537 }, { 4096, 3 },     { 4158, 65537 }, { 4159, 65537 },
	{ 1016, 65537 }, { 5000, 65537 },
};

/* Jobs */

static struct crypto_job *add_job(const struct signer *k, bool bare, bool pass)
{
	struct crypto_job *j = &pool[n_pool];
	const struct der *der = bare ? &k->bare : &k->spki;

	CHECK(n_pool < JOBS_MAX);
	passes[n_pool++] = pass && k->bits >= 1024;
	j->alg = CRYPTO_RSA_SHA256;
	j->digest_len = SHA256_LEN;
	j->rsa_bits_min = 1024;
	j->rsa_bits_max = 8192;
	for (size_t i = 0; i < SHA256_LEN; i++)
		j->digest[i] = (uint8_t)rand();
	memcpy(j->key, der->at, der->len);
	j->key_len = (uint16_t)der->len;
	j->sig_len = (uint16_t)k->len;
	return j;
}

static struct crypto_job *add_signed(const struct signer *k, bool bare, bool pass)
{
	struct crypto_job *j = add_job(k, bare, pass);
	uint8_t em[CRYPTO_SIG_MAX];

	CHECK(rsa_rule_encode(j, em, k->len));
	signer_sign(k, em, j->sig, bn);
	return j;
}

/* The signature becomes @s, when that has as many octets as n. */
static void set_signature(struct crypto_job *j, const struct signer *k, const BIGNUM *s)
{
	if ((size_t)BN_num_bytes(s) <= k->len)
		BN_bn2binpad(s, j->sig, (int)k->len);
	else
		j->sig[0] ^= 1;
}

/* Signatures that are arithmetic on a good one, or no signatures at all. */
static void add_numbers(const struct signer *k)
{
	enum { ZERO, ONE, N_LESS_1, N, N_PLUS_1, ALL_ONES, TIMES_E, NEGATED, PLUS_N, TIMES_2, N_KINDS };

	for (int kind = 0; kind < N_KINDS; kind++) {
		struct crypto_job *j = add_signed(k, false, false);
		BIGNUM *s = BN_bin2bn(j->sig, (int)k->len, NULL);

		switch (kind) {
		case ZERO:
			BN_zero(s);
			break;
		case ONE:
			BN_one(s);
			break;
		case N_LESS_1:
		case N:
		case N_PLUS_1:
			BN_copy(s, k->n);
			if (kind == N_LESS_1)
				BN_sub_word(s, 1);
			else if (kind == N_PLUS_1)
				BN_add_word(s, 1);
			break;
		case ALL_ONES:
			BN_zero(s);
			BN_set_bit(s, (int)(8 * k->len));
			BN_sub_word(s, 1);
			break;
		case TIMES_E:
			BN_mod_mul(s, s, k->e, k->n, bn);
			break;
		case NEGATED:
			BN_sub(s, k->n, s);
			break;
		case PLUS_N:
			BN_add(s, s, k->n);
			break;
		case TIMES_2:
			BN_mod_lshift1(s, s, k->n, bn);
			break;
		}
		set_signature(j, k, s);
		BN_free(s);
	}
}

/* Encodings that are signed well and are not the one of RFC 8017 9.2. */
static void add_encodings(const struct signer *k)
{
	enum { UNSIGNED, OCTET, FIRST_BITS, LAST_BIT, TYPE_2, SHORT_PADDING, NO_PADDING, EMPTY, N_KINDS };

	for (int kind = 0; kind < N_KINDS; kind++) {
		struct crypto_job *j = add_job(k, false, false);
		uint8_t em[CRYPTO_SIG_MAX];
		size_t t_len = RSA_RULE_TAIL - 1;

		CHECK(rsa_rule_encode(j, em, k->len));
		switch (kind) {
		case OCTET:
			em[2 + (size_t)rand() % (k->len - 2)] ^= (uint8_t)(1 + rand() % 255);
			break;
		case FIRST_BITS:
			em[1] = 0;
			break;
		case LAST_BIT:
			em[k->len - 1] ^= 1;
			break;
		case TYPE_2:
			em[1] = 2;
			break;
		case SHORT_PADDING: /* 2006: what follows the digest was not looked at */
			em[10] = 0;
			memmove(em + 11, em + k->len - t_len, t_len);
			memset(em + 11 + t_len, 0x5a, k->len - 11 - t_len);
			break;
		case NO_PADDING:
			memset(em, 0, k->len - t_len);
			break;
		case EMPTY:
			memset(em, 0, k->len);
			em[k->len - 1] = 1;
			break;
		}
		if (kind == UNSIGNED)
			memcpy(j->sig, em, k->len);
		else
			signer_sign(k, em, j->sig, bn);
	}
}

static void add_jobs(const struct signer *k)
{
	add_signed(k, false, true);
	add_signed(k, true, true);
	add_signed(k, false, true);

	struct crypto_job *j = add_job(k, false, true);
	uint8_t em[CRYPTO_SIG_MAX];

	j->alg = CRYPTO_RSA_SHA1;
	j->digest_len = SHA1_LEN;
	CHECK(rsa_rule_encode(j, em, k->len));
	signer_sign(k, em, j->sig, bn);
	j = add_signed(k, false, false);
	j->alg = CRYPTO_RSA_SHA1; /* the signature is of SHA-256 */
	j->digest_len = SHA1_LEN;

	add_signed(k, false, false)->digest[rand() % SHA256_LEN] ^= (uint8_t)(1 << rand() % 8);
	add_signed(k, true, false)->sig[(size_t)rand() % k->len] ^= (uint8_t)(1 << rand() % 8);
	add_signed(k, false, false)->sig_len--;
	j = add_signed(k, false, false); /* an octet after it, and one before it */
	if (j->sig_len < CRYPTO_SIG_MAX)
		j->sig_len++;
	j = add_signed(k, false, false);
	memmove(j->sig + 1, j->sig, k->len);
	j->sig[0] = 0;
	j->sig_len++;
	add_signed(k, false, false)->key[30 + rand() % 100] ^= 0x10;
	j = add_signed(k, false, false);
	j->key[j->key_len++] = 0;
	add_signed(k, false, false)->rsa_bits_min = 8000;
	add_signed(k, false, false)->rsa_bits_max = 1023;
	add_numbers(k);
	add_encodings(k);
}

/* Ed25519: one key; what the lanes decide themselves is in test_ed25519_ifma.c */
static struct crypto_job *add_ed25519(EVP_PKEY *key, bool pass)
{
	struct crypto_job *j = &pool[n_pool];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t key_len = CRYPTO_KEY_MAX, sig_len = CRYPTO_SIG_MAX;

	CHECK(n_pool < JOBS_MAX);
	passes[n_pool++] = pass;
	j->alg = CRYPTO_ED25519_SHA256;
	j->digest_len = SHA256_LEN;
	for (size_t i = 0; i < SHA256_LEN; i++)
		j->digest[i] = (uint8_t)rand();
	CHECK(EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1);
	CHECK(EVP_DigestSign(md, j->sig, &sig_len, j->digest, SHA256_LEN) == 1);
	CHECK(EVP_PKEY_get_raw_public_key(key, j->key, &key_len) == 1);
	j->key_len = (uint16_t)key_len;
	j->sig_len = (uint16_t)sig_len;
	EVP_MD_CTX_free(md);
	return j;
}

static void add_ed25519_jobs(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	add_ed25519(key, true);
	add_ed25519(key, true);
	add_ed25519(key, false)->digest[rand() % SHA256_LEN] ^= 0x20;
	add_ed25519(key, false)->sig[rand() % ED25519_SIG_LEN] ^= 0x04;
	add_ed25519(key, false)->key[rand() % ED25519_KEY_LEN] ^= 0x01;
	add_ed25519(key, false)->key_len--;
	add_ed25519(key, false)->key_len++;
	add_ed25519(key, false)->sig_len--;
	add_ed25519(key, false)->sig_len++;
	struct crypto_job *j = add_ed25519(key, false); /* the octets of an Ed25519 key are no RSA key */

	j->alg = CRYPTO_RSA_SHA256;
	j->rsa_bits_max = 8192;
	EVP_PKEY_free(key);
}

/* Comparison */

/* What OpenSSL says of a job of the pool; PENDING: it is to be asked. */
static struct known {
	uint8_t verdict;
	uint16_t key_bits;
} known[JOBS_MAX];
static bool afresh; /* ask it each time: a long run */
#define NONE SIZE_MAX
static size_t unsure = NONE; /* a forgery that was changed once more, which may have undone it */

static bool same(size_t n, const size_t *which)
{
	static struct crypto_job a[CRYPTO_BATCH_MAX * 2], b[CRYPTO_BATCH_MAX * 2];
	struct crypto_job *list_a[CRYPTO_BATCH_MAX * 2] = { 0 }, *list_b[CRYPTO_BATCH_MAX * 2] = { 0 };
	bool good = true;

	CHECK(n <= (size_t)CRYPTO_BATCH_MAX * 2);
	for (size_t i = 0; i < n; i++) {
		a[i] = b[i] = pool[which[i]];
		a[i].verdict = b[i].verdict = CRYPTO_PENDING;
		a[i].key_bits = b[i].key_bits = 0xffff;
		list_a[i] = &a[i];
		list_b[i] = &b[i];
	}
	crypto_verify(lanes, list_a, n);
	for (size_t i = 0; i < n; i++) {
		if (known[which[i]].verdict != CRYPTO_PENDING) {
			b[i].verdict = known[which[i]].verdict;
			b[i].key_bits = known[which[i]].key_bits;
			continue;
		}
		crypto_verify(openssl, &list_b[i], 1);
		if (!afresh)
			known[which[i]] = (struct known){ b[i].verdict, b[i].key_bits };
	}
	for (size_t i = 0; i < n; i++) {
		bool one = a[i].verdict == b[i].verdict && a[i].key_bits == b[i].key_bits &&
			   a[i].verdict != CRYPTO_PENDING && a[i].verdict != CRYPTO_ERROR;

		/* rsa_bits_min and rsa_bits_max of a job may turn a good one away */
		one = one && (which[i] == unsure || passes[which[i]] == (a[i].verdict == CRYPTO_PASS));
		if (!one)
			printf("# job %zu in place %zu of %zu: lanes %d, OpenSSL %d, should pass: %d\n", which[i], i, n,
			       a[i].verdict, b[i].verdict, passes[which[i]]);
		good &= one;
	}
	return good;
}

/* One job in each place of eight, the other seven another one: neighbours change nothing. */
static bool every_lane(size_t job, size_t other)
{
	bool good = true;

	for (size_t lane = 0; lane < 8; lane++) {
		size_t which[8];

		for (size_t i = 0; i < 8; i++)
			which[i] = i == lane ? job : other;
		good &= same(8, which);
	}
	return good;
}

static void each_alone_and_in_lanes(size_t from, size_t to, const struct signer *k)
{
	bool alone = true, beside = true;

	for (size_t i = from; i < to; i++) {
		alone &= same(1, &i) && same(1, &i);
		beside &= every_lane(i, from) && (i % 8 != from % 8 || every_lane(from, i));
	}
	ok(alone, "%s: %d bits, e = %s: verdicts of jobs alone", lanes->name, k->bits,
	   BN_is_word(k->e, 65537) ? "65537" : "other");
	ok(beside, "%s: %d bits, e = %s: verdicts in every lane, beside good ones and bad ones", lanes->name, k->bits,
	   BN_is_word(k->e, 65537) ? "65537" : "other");
}

static void ed25519(size_t from)
{
	bool good = true;

	for (size_t i = from; i < n_pool; i++)
		good &= same(1, &i);
	ok(good, "%s: Ed25519: verdicts of jobs alone", lanes->name);
	for (size_t i = from; i < n_pool; i++)
		good &= every_lane(i, from + (size_t)rand() % (n_pool - from));
	ok(good, "%s: Ed25519: verdicts in every lane, keys seen the first time and again", lanes->name);
}

static void random_batches(long jobs)
{
	static uint8_t sig[CRYPTO_SIG_MAX];
	bool good = true;

	while (jobs > 0) {
		size_t which[CRYPTO_BATCH_MAX * 2], n = 1 + (size_t)rand() % (CRYPTO_BATCH_MAX * 2);
		size_t from = (size_t)rand() % n_pool, range = rand() % 2 ? n_pool : 80, victim = 0;

		for (size_t i = 0; i < n; i++)
			which[i] = (from + (size_t)rand() % range) % n_pool;
		/* one more forgery, made here: octets of a good signature changed */
		victim = which[0];
		bool was = passes[victim];
		memcpy(sig, pool[victim].sig, sizeof(sig));
		struct known what = known[victim];

		if (pool[victim].sig_len && rand() % 2) {
			known[victim].verdict = CRYPTO_PENDING;
			unsure = passes[victim] ? NONE : victim;
			pool[victim].sig[(size_t)rand() % pool[victim].sig_len] ^= (uint8_t)(1 + rand() % 255);
			passes[victim] = false;
		}
		good &= same(n, which);
		memcpy(pool[victim].sig, sig, sizeof(sig));
		passes[victim] = was;
		known[victim] = what;
		unsure = NONE;
		jobs -= (long)n;
	}
	ok(good, "%s: random batches of random jobs: the same verdicts", lanes->name);
}

/* The smallest cache that there is, and more keys than it holds: keys change, verdicts do not. */
static void small_cache(void)
{
	struct crypto_backend *whole = lanes;
	static struct crypto_job jobs[4 * CRYPTO_BATCH_MAX];
	struct crypto_job *list[4 * CRYPTO_BATCH_MAX];
	size_t n = sizeof(jobs) / sizeof(jobs[0]);
	bool good = true;

	lanes = crypto_lanes_open(vectors, 1, ~0u);
	random_batches(2000);
	/* keys that differ in an octet of n: nearly all have other verdicts than the one they came from */
	for (size_t i = 0; i < n; i++) {
		jobs[i] = pool[0];
		jobs[i].key[40 + i % 100] ^= (uint8_t)(1 + i / 100);
		list[i] = &jobs[i];
	}
	for (int round = 0; round < 4; round++) {
		crypto_verify(lanes, list, n);
		for (size_t i = 0; i < n; i++)
			good &= jobs[i].verdict == CRYPTO_FAIL || jobs[i].verdict == CRYPTO_BAD_KEY;
		jobs[9] = pool[0];
		crypto_verify(lanes, list + 8, 2);
		good &= jobs[9].verdict == CRYPTO_PASS;
		jobs[9].key[49] ^= 1;
	}
	ok(good, "%s: a key that is like another one is another one", lanes->name);
	crypto_lanes_close(lanes);
	lanes = whole;
}

static void each_kind(const size_t *from, long jobs)
{
	if (!crypto_lanes_usable(vectors)) {
		ok(!crypto_lanes_open(vectors, 64, ~0u),
		   "this machine has no such instructions, and the backend says so");
		return;
	}
	lanes = crypto_lanes_open(vectors, 64, ~0u);
	ok(lanes != NULL, "the backend can be opened");
	for (size_t i = 0; i < N_KEYS; i++)
		each_alone_and_in_lanes(from[i], from[i + 1], &keys[i]);
	ed25519(from[N_KEYS]);
	random_batches(jobs);
	small_cache();
	crypto_lanes_close(lanes);
}

int main(int argc, char **argv)
{
	long jobs = argc > 1 ? atol(argv[1]) : 3000;
	size_t from[N_KEYS + 1];

	afresh = argc > 1;
	crypto_lanes_close(NULL);
	bn = BN_CTX_new();
	openssl = crypto_openssl_open(64);
	ok(openssl != NULL, "OpenSSL can be used");
	for (size_t i = 0; i < N_KEYS; i++) {
		from[i] = n_pool;
		signer_init(&keys[i], shapes[i].bits, shapes[i].e, bn);
		add_jobs(&keys[i]);
	}
	from[N_KEYS] = n_pool;
	for (size_t i = 0; i < N_ED25519; i++)
		add_ed25519_jobs();
	vectors = CRYPTO_LANES_IFMA;
	each_kind(from, jobs);
	vectors = CRYPTO_LANES_AVX2;
	each_kind(from, jobs);
	for (size_t i = 0; i < N_KEYS; i++)
		signer_release(&keys[i]);
	crypto_openssl_close(openssl);
	BN_CTX_free(bn);
	return done();
}
