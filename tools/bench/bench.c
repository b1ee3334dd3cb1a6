// SPDX-License-Identifier: MIT
/*
 * bench.c - figures of single parts, each a ratio of two things measured in turn in this run
 *
 * usage: bench     prints one `name value unit` a line; tools/bench/run makes the result file of it.
 * Every figure is the median over rounds that alternate between the two sides, so that a busy machine slows both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/crypto_openssl.h"
#include "dataplane/auth/dkim_canon.h"
#include "dataplane/shard/shard_state.h"
#include "dns/dns_cache.h"

enum { ROUNDS = 31, BODY = 1 << 20 };

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static void say(const char *name, double value, const char *unit)
{
	printf("%s %.6g %s\n", name, value, unit);
}

/* Text as mail has it: lines of 40 to 76 octets, single blanks between words of some five letters. */
static void fill_text(uint8_t *at, size_t n)
{
	size_t column = 0, width = 60;

	for (size_t i = 0; i < n; i++) {
		if (column == width && i + 2 < n) {
			at[i++] = '\r';
			at[i] = '\n';
			column = 0;
			width = 40 + (size_t)(rand() % 37);
			continue;
		}
		bool space = column && column + 1 < width && at[i - 1] != ' ' && rand() % 5 == 0;
		at[i] = space ? ' ' : (uint8_t)('a' + rand() % 26);
		column++;
	}
}

static double hash_alone(struct span body)
{
	struct hash_state h;
	uint8_t digest[SHA256_LEN];
	double start = now_s();

	crypto_openssl_hash.sha256_init(&h);
	crypto_openssl_hash.sha256_update(&h, body);
	crypto_openssl_hash.sha256_final(&h, digest);
	return now_s() - start;
}

/* In pieces of a segment's size, as they arrive. */
static double canonical(struct span body, enum dkim_canon canon)
{
	struct dkim_body b;
	uint8_t digest[SHA256_LEN];
	double start = now_s();

	dkim_body_init(&b, &crypto_openssl_hash, false, canon, UINT64_MAX);
	for (struct span rest = body; rest.len;) {
		size_t n = rest.len < 1460 ? rest.len : 1460;

		dkim_body_add(&b, span_head(rest, n));
		rest = span_skip(rest, n);
	}
	dkim_body_final(&b, digest);
	return now_s() - start;
}

static void bench_canon(void)
{
	uint8_t *text = malloc(BODY);
	double relaxed[ROUNDS], simple[ROUNDS];

	fill_text(text, BODY);
	for (int i = 0; i < ROUNDS; i++) {
		struct span body = span_of(text, BODY);

		relaxed[i] = hash_alone(body) / canonical(body, DKIM_CANON_RELAXED);
		simple[i] = hash_alone(body) / canonical(body, DKIM_CANON_SIMPLE);
	}
	say("canon.relaxed.ratio", median(relaxed, ROUNDS), "of_sha256_rate");
	say("canon.simple.ratio", median(simple, ROUNDS), "of_sha256_rate");
	free(text);
}

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

/* Our backend against EVP_PKEY_verify with a prepared context, eight signatures at a time. */
static void bench_rsa(int bits, const char *name)
{
	static struct crypto_job jobs[8];
	struct crypto_job *list[8];
	struct crypto_backend *backend = crypto_openssl_open(64);
	EVP_PKEY *key = make_key(bits);
	EVP_PKEY_CTX *sign = padded(key, EVP_PKEY_sign_init), *verify = padded(key, EVP_PKEY_verify_init);
	double ratio[ROUNDS];
	uint8_t digest[SHA256_LEN] = { 1 }, *der = NULL;
	size_t sig_len = CRYPTO_SIG_MAX;
	int der_len = i2d_PUBKEY(key, &der);

	if (!backend || der_len <= 0 || der_len > CRYPTO_KEY_MAX)
		exit(1);
	for (int i = 0; i < 8; i++) {
		struct crypto_job *j = list[i] = &jobs[i];

		memset(j, 0, sizeof(*j));
		j->alg = CRYPTO_RSA_SHA256;
		j->digest_len = SHA256_LEN;
		memcpy(j->digest, digest, sizeof(digest));
		j->rsa_bits_min = 1024;
		j->rsa_bits_max = 8192;
		memcpy(j->key, der, (size_t)der_len);
		j->key_len = (uint16_t)der_len;
		sig_len = CRYPTO_SIG_MAX;
		if (EVP_PKEY_sign(sign, j->sig, &sig_len, digest, sizeof(digest)) <= 0)
			exit(1);
		j->sig_len = (uint16_t)sig_len;
	}
	for (int r = 0; r < ROUNDS; r++) {
		double start = now_s();
		for (int i = 0; i < 32; i++)
			backend->verify(backend->driver, list, 8);
		double ours = now_s() - start;
		start = now_s();
		for (int i = 0; i < 256; i++)
			if (EVP_PKEY_verify(verify, jobs[i % 8].sig, sig_len, digest, sizeof(digest)) != 1)
				exit(1);
		ratio[r] = (now_s() - start) / ours;
		if (jobs[0].verdict != CRYPTO_PASS)
			exit(1);
	}
	say(name, median(ratio, ROUNDS), "of_openssl_rate");
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(sign);
	EVP_PKEY_CTX_free(verify);
	EVP_PKEY_free(key);
	crypto_openssl_close(backend);
}

static void bench_dns_cache(void)
{
	enum { N = 50000 };
	struct dns_cache_settings settings = { .entries_max = 100000,
					       .ttl_min_s = 60,
					       .ttl_max_s = 86400,
					       .ttl_negative_max_s = 900,
					       .ttl_servfail_s = 5 };
	struct siphash_key key = { 1, 2 };
	void *memory = aligned_alloc(64, (dns_cache_memory(&settings) + 63) & ~(size_t)63);
	struct dns_cache *c = dns_cache_init(memory, &settings, &key);
	static struct dns_question questions[N];
	uint64_t block[64];
	size_t hits = 0;

	for (int i = 0; i < N; i++) {
		char name[64];

		snprintf(name, sizeof(name), "_dmarc.domain-%d.example", i);
		struct dns_answer *a = dns_answer_init(block, sizeof(block), DNS_NODATA, 300);
		if (!dns_question_set(&questions[i], DNS_TXT, span_str(name)) ||
		    !dns_answer_add(a, sizeof(block), SPAN("v=DMARC1; p=reject; rua=mailto:reports@example")))
			exit(1);
		dns_cache_put(c, &questions[i], a, 1);
	}
	double start = now_s();
	for (int r = 0; r < 20; r++)
		for (int i = 0; i < N; i++)
			hits += dns_cache_get(c, &questions[(i * 7919) % N], 2) != NULL;
	say("dns.cache_lookup.ns", (now_s() - start) * 1e9 / (20.0 * N), "ns");
	if (hits < 19 * N)
		exit(1);
	free(memory);
}

int main(void)
{
	bench_canon();
	bench_rsa(1024, "crypto.rsa1024.ratio");
	bench_rsa(2048, "crypto.rsa2048.ratio");
	bench_rsa(4096, "crypto.rsa4096.ratio");
	bench_dns_cache();
	say("smtp.idle_session.bytes", (double)sizeof(struct client), "octets");
	return 0;
}
