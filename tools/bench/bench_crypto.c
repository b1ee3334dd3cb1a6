// SPDX-License-Identifier: MIT
/*
 * bench_crypto.c - our backend, octets to verdict, beside plain OpenSSL
 *
 * Keys are cached and batches full; OpenSSL's contexts are prepared.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "crypto/crypto_open.h"
#include "crypto/crypto_openssl.h"
#include "crypto/ed25519_rule.h"
#include "crypto/hash_pair.h"
#include "crypto/rsa_ifma.h"
#include "tools/bench/bench_crypto.h"
#include "tools/bench/bench_figure.h"

enum { ROUNDS = 31 };

static EVP_PKEY *make_key(int bits)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	if (!c || EVP_PKEY_keygen_init(c) <= 0 || EVP_PKEY_CTX_set_rsa_keygen_bits(c, bits) <= 0 ||
	    EVP_PKEY_keygen(c, &key) <= 0)
		exit(1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static EVP_PKEY_CTX *padded(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);

	if (!c || init(c) <= 0 || EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) <= 0 ||
	    EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) <= 0)
		exit(1);
	return c;
}

/* Eight signatures, each of a key of its own, as jobs and as what EVP_PKEY_verify wants. */
struct rsa_set {
	struct crypto_job jobs[8], *list[8];
	EVP_PKEY *keys[8];
	EVP_PKEY_CTX *verify[8];
};

static void make_rsa_set(struct rsa_set *set, int bits)
{
	memset(set, 0, sizeof(*set));
	for (int i = 0; i < 8; i++) {
		struct crypto_job *j = set->list[i] = &set->jobs[i];
		EVP_PKEY *key = set->keys[i] = make_key(bits);
		EVP_PKEY_CTX *sign = padded(key, EVP_PKEY_sign_init);
		uint8_t *der = NULL;
		size_t sig_len = CRYPTO_SIG_MAX;
		int der_len = i2d_PUBKEY(key, &der);

		if (der_len <= 0 || der_len > CRYPTO_KEY_MAX)
			exit(1);
		set->verify[i] = padded(key, EVP_PKEY_verify_init);
		j->alg = CRYPTO_RSA_SHA256;
		j->digest_len = SHA256_LEN;
		j->digest[0] = (uint8_t)i;
		j->rsa_bits_min = 1024;
		j->rsa_bits_max = 8192;
		memcpy(j->key, der, (size_t)der_len);
		j->key_len = (uint16_t)der_len;
		if (EVP_PKEY_sign(sign, j->sig, &sig_len, j->digest, SHA256_LEN) <= 0)
			exit(1);
		j->sig_len = (uint16_t)sig_len;
		OPENSSL_free(der);
		EVP_PKEY_CTX_free(sign);
	}
}

static void free_rsa_set(struct rsa_set *set)
{
	for (int i = 0; i < 8; i++) {
		EVP_PKEY_CTX_free(set->verify[i]);
		EVP_PKEY_free(set->keys[i]);
	}
}

#ifdef __x86_64__
/* 512-bit multiply-adds of 52 bits in a second, twelve independent sums. */
__attribute__((target("avx512f,avx512ifma"))) static double madd_rate(void)
{
	enum { SUMS = 12, N = 100000 };
	__m512i sum[SUMS], x = _mm512_set1_epi64(77), y = _mm512_set1_epi64(99);
	double start = now_s();

	for (int i = 0; i < SUMS; i++)
		sum[i] = x;
	for (int i = 0; i < N; i++) {
#pragma GCC unroll 12
		for (int k = 0; k < SUMS; k++) {
			sum[k] = _mm512_madd52lo_epu64(sum[k], x, y);
			__asm__ volatile("" : "+v"(sum[k])); /* keep them all, and apart */
		}
	}
	return (double)SUMS * N / (now_s() - start);
}
#else
static double madd_rate(void)
{
	return 1;
}
#endif

/* Multiply-adds of eight verifications with L digits and e = 65537: 16 squarings, one product, 8 rows, 17 reductions. */
static double madds(int bits)
{
	double l = rsa_ifma_digits((unsigned)bits);

	return 52 * l * l + 49 * l;
}

/* A backend, octets to verdict, against EVP_PKEY_verify with prepared contexts; eight cached keys, full batches. */
static void bench_rsa(const char *which, int bits, const char *name, const char *share_name)
{
	static struct rsa_set set;
	const char *why = "";
	struct crypto_backend *backend = crypto_open(which, 64, &why);
	double ratio[ROUNDS], share[ROUNDS];

	if (!backend) { /* this processor cannot */
		say(name, 1, "of_openssl_rate");
		return;
	}
	bool lanes = strcmp(backend->name, "ifma") == 0;
	make_rsa_set(&set, bits);
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < 3; i++) /* keys are made ready when they come again */
			crypto_verify(backend, set.list, 8);
		double start = now_s();
		for (int i = 0; i < 32; i++)
			crypto_verify(backend, set.list, 8);
		double ours = now_s() - start;
		start = now_s();
		for (int i = 0; i < 256; i++) {
			const struct crypto_job *j = &set.jobs[i % 8];

			if (EVP_PKEY_verify(set.verify[i % 8], j->sig, j->sig_len, j->digest, SHA256_LEN) != 1)
				exit(1);
		}
		ratio[r] = (now_s() - start) / ours;
		share[r] = lanes ? 32 * madds(bits) / ours / madd_rate() : 0;
		for (int i = 0; i < 8; i++)
			if (set.jobs[i].verdict != CRYPTO_PASS)
				exit(1);
	}
	say(name, median(ratio, ROUNDS), "of_openssl_rate");
	if (lanes)
		say(share_name, median(share, ROUNDS), "of_multiply_add_limit");
	free_rsa_set(&set);
	crypto_close(backend);
}

double bench_rsa2048_s(void)
{
	static EVP_PKEY_CTX *verify;
	static uint8_t sig[256];
	const uint8_t digest[SHA256_LEN] = { 1 };

	if (!verify) {
		EVP_PKEY *key = make_key(2048);
		EVP_PKEY_CTX *sign = padded(key, EVP_PKEY_sign_init);
		size_t len = sizeof(sig);

		if (EVP_PKEY_sign(sign, sig, &len, digest, sizeof(digest)) <= 0)
			exit(1);
		verify = padded(key, EVP_PKEY_verify_init);
		EVP_PKEY_CTX_free(sign);
		EVP_PKEY_free(key);
	}
	double start = now_s();
	for (int i = 0; i < 100; i++)
		if (EVP_PKEY_verify(verify, sig, sizeof(sig), digest, sizeof(digest)) != 1)
			exit(1);
	return (now_s() - start) / 100;
}

static void bench_stall(const struct crypto_job *with, const char *name);

/* Eight signatures of keys of their own; EVP_DigestVerify with a prepared context is the other side. */
static void bench_ed25519(void)
{
	static struct crypto_job jobs[8];
	struct crypto_job *list[8];
	EVP_MD_CTX *verify[8];
	const char *why = "";
	struct crypto_backend *backend = crypto_open("auto", 64, &why);
	double ratio[ROUNDS];

	if (!backend)
		exit(1);
	for (int i = 0; i < 8; i++) {
		struct crypto_job *j = list[i] = &jobs[i];
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		EVP_MD_CTX *sign = EVP_MD_CTX_new();
		size_t key_len = CRYPTO_KEY_MAX, sig_len = CRYPTO_SIG_MAX;

		verify[i] = EVP_MD_CTX_new();
		j->alg = CRYPTO_ED25519_SHA256;
		j->digest_len = SHA256_LEN;
		j->digest[0] = (uint8_t)i;
		if (EVP_DigestSignInit(sign, NULL, NULL, NULL, key) <= 0 ||
		    EVP_DigestSign(sign, j->sig, &sig_len, j->digest, SHA256_LEN) <= 0 ||
		    EVP_PKEY_get_raw_public_key(key, j->key, &key_len) <= 0 ||
		    EVP_DigestVerifyInit(verify[i], NULL, NULL, NULL, key) <= 0)
			exit(1);
		j->key_len = (uint16_t)key_len;
		j->sig_len = (uint16_t)sig_len;
		EVP_MD_CTX_free(sign);
		EVP_PKEY_free(key);
	}
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < 3; i++) /* keys are kept when they come again */
			crypto_verify(backend, list, 8);
		double start = now_s();
		for (int i = 0; i < 32; i++)
			crypto_verify(backend, list, 8);
		double ours = now_s() - start;
		start = now_s();
		for (int i = 0; i < 64; i++)
			if (EVP_DigestVerify(verify[i % 8], jobs[i % 8].sig, ED25519_SIG_LEN, jobs[i % 8].digest,
					     SHA256_LEN) != 1)
				exit(1);
		ratio[r] = 4 * (now_s() - start) / ours;
		for (int i = 0; i < 8; i++)
			if (jobs[i].verdict != CRYPTO_PASS)
				exit(1);
	}
	say("crypto.ed25519.ratio", median(ratio, ROUNDS), "of_openssl_rate");
	bench_stall(jobs, "crypto.ed25519.longest_step");
	for (int i = 0; i < 8; i++)
		EVP_MD_CTX_free(verify[i]);
	crypto_close(backend);
}

/* Two streams that take turns in pieces as canonicalisation makes them, beside OpenSSL one after the other. */
double bench_sha256_multi_ratio(void)
{
	enum { PIECE = 2048, LEN = 64 * PIECE, STREAMS = 2 };
	static uint8_t text[STREAMS][LEN];
	static struct hash_state states[STREAMS];
	const struct hash_ops *ops = &crypto_openssl_hash;
	struct hash_pair *pair = hash_pair_open();
	double ratio[ROUNDS];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i / LEN][i % LEN] = (uint8_t)(rand() >> 8);
	for (int r = 0; pair && r < ROUNDS; r++) {
		uint8_t digest[STREAMS][SHA256_LEN], expected[STREAMS][SHA256_LEN];
		double start = now_s();

		for (int i = 0; i < STREAMS; i++)
			ops->sha256_init(&states[i]);
		for (size_t at = 0; at < LEN; at += PIECE)
			for (int i = 0; i < STREAMS; i++)
				ops->pair_update(pair, &states[i], span_of(text[i] + at, PIECE));
		for (int i = 0; i < STREAMS; i++) {
			ops->pair_settle(pair, &states[i]);
			ops->sha256_final(&states[i], digest[i]);
		}
		double ours = now_s() - start;

		start = now_s();
		for (int i = 0; i < STREAMS; i++) {
			ops->sha256_init(&states[i]);
			for (size_t at = 0; at < LEN; at += PIECE)
				ops->sha256_update(&states[i], span_of(text[i] + at, PIECE));
			ops->sha256_final(&states[i], expected[i]);
		}
		ratio[r] = (now_s() - start) / ours;
		if (memcmp(digest, expected, sizeof(digest)) != 0)
			exit(1);
	}
	double middle = pair ? median(ratio, ROUNDS) : 1;

	hash_pair_close(pair);
	return middle;
}

/*
 * The longest step of a worker that has a thousand signatures to verify, of the eight keys of @with, which are new to it.
 * Each round does the same steps, so the least time of a step is its own and the rest the machine's: the longest of the
 * least times is told, of time that the thread had a processor.
 */
static void bench_stall(const struct crypto_job *with, const char *name)
{
	enum { JOBS = 1024, STALL_ROUNDS = 9, STEPS = 8 * JOBS };
	static struct crypto_job jobs[JOBS];
	static struct stats stats;
	static double least[STEPS];
	const struct crypto_batch_settings settings = { .jobs_max = JOBS, .wait_max_us = 200 };
	void *memory = malloc(crypto_batch_memory(&settings));
	double longest = 0;
	size_t n_steps = 0;

	for (int r = 0; memory && r < STALL_ROUNDS; r++) {
		const char *why = "";
		struct crypto_backend *backend = crypto_open("auto", 64, &why);
		size_t n_done = 0;

		if (!backend)
			exit(1);
		struct crypto_batch *b = crypto_batch_init(memory, &settings, backend, &stats);

		for (int i = 0; i < JOBS; i++) {
			jobs[i] = with[i % 8];
			if (!crypto_batch_submit(b, &jobs[i], 0))
				exit(1);
		}
		for (n_steps = 0; n_done < JOBS && n_steps < STEPS; n_steps++) {
			double start = now_s();

			crypto_batch_step(b, 0, true);
			double took = now_s() - start;

			if (r == 0 || took < least[n_steps])
				least[n_steps] = took;
			while (crypto_batch_done(b))
				n_done++;
		}
		crypto_close(backend);
	}
	for (size_t i = 0; i < n_steps; i++)
		longest = least[i] > longest ? least[i] : longest;
	say(name, longest * 1e6, "us");
	free(memory);
}

static void bench_stalls(void)
{
	static const struct {
		int bits;
		const char *name;
	} sets[] = { { 2048, "crypto.rsa2048.longest_step" },
		     { 3072, "crypto.rsa3072.longest_step" },
		     { 4096, "crypto.rsa4096.longest_step" } };
	static struct rsa_set set;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		make_rsa_set(&set, sets[i].bits);
		bench_stall(set.jobs, sets[i].name);
		free_rsa_set(&set);
	}
}

void bench_crypto(void)
{
	bench_rsa("auto", 1024, "crypto.rsa1024.ratio", "crypto.rsa1024.share");
	bench_rsa("auto", 2048, "crypto.rsa2048.ratio", "crypto.rsa2048.share");
	bench_rsa("auto", 4096, "crypto.rsa4096.ratio", "crypto.rsa4096.share");
	bench_rsa("avx2", 1024, "crypto.rsa1024.avx2_ratio", NULL);
	bench_rsa("avx2", 2048, "crypto.rsa2048.avx2_ratio", NULL);
	bench_rsa("avx2", 4096, "crypto.rsa4096.avx2_ratio", NULL);
	bench_ed25519();
	say("crypto.sha256_multi.ratio", bench_sha256_multi_ratio(), "of_openssl_rate");
	bench_stalls();
}
