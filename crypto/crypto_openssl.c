// SPDX-License-Identifier: MIT
/*
 * crypto_openssl.c - plain OpenSSL: hashes, and one verification after the other
 *
 * RSA is the bare public operation and one comparison with the whole encoding that we expect; no padding is
 * ever parsed, so there is nothing that a forged padding could hide in (RFC 8017 8.2.2, note; the e = 3 forgery
 * of 2006).  Keys come through rsa_key.c: d2i_PUBKEY costs several verifications and takes far more than keys.
 *
 * The low-level SHA and RSA functions are deprecated since OpenSSL 3.0 and chosen on purpose: a SHA256_CTX is
 * plain memory that may be copied and forgotten, and an RSA object keeps its Montgomery values.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "crypto/ed25519_rule.h"
#include "crypto/hash_pair.h"
#include "crypto/key_cache.h"
#include "crypto/openssl_rsa.h"
#include "crypto/rsa_rule.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hash_state), "a running SHA-256 fits");
_Static_assert(sizeof(SHA_CTX) <= sizeof(struct hash_state), "a running SHA-1 fits");
_Static_assert(SHA256_LEN == SHA256_DIGEST_LENGTH && SHA1_LEN == SHA_DIGEST_LENGTH, "digest lengths");

/* hashes */

static void sha256_init(struct hash_state *h)
{
	SHA256_Init((SHA256_CTX *)(void *)h->opaque);
}

static void sha256_update(struct hash_state *h, struct span s)
{
	if (s.len)
		SHA256_Update((SHA256_CTX *)(void *)h->opaque, s.at, s.len);
}

static void sha256_final(struct hash_state *h, uint8_t digest[SHA256_LEN])
{
	SHA256_Final(digest, (SHA256_CTX *)(void *)h->opaque);
}

static void sha1_init(struct hash_state *h)
{
	SHA1_Init((SHA_CTX *)(void *)h->opaque);
}

static void sha1_update(struct hash_state *h, struct span s)
{
	if (s.len)
		SHA1_Update((SHA_CTX *)(void *)h->opaque, s.at, s.len);
}

static void sha1_final(struct hash_state *h, uint8_t digest[SHA1_LEN])
{
	SHA1_Final(digest, (SHA_CTX *)(void *)h->opaque);
}

#ifdef __x86_64__
/* The first AMD processors with BMI2 have pext in microcode, a loop over the bits: worse there than no AVX2. */
static bool has_slow_pext(void)
{
	return __builtin_cpu_is("bdver4") || __builtin_cpu_is("znver1") || __builtin_cpu_is("znver2");
}
#endif

static enum simd machine_simd(void)
{
#ifdef __x86_64__
	bool avx2 =
		__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");

	if (avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2"))
		return SIMD_AVX512;
	if (avx2 && !has_slow_pext())
		return SIMD_AVX2;
#endif
	return SIMD_PORTABLE;
}

const struct hash_ops crypto_openssl_hash = {
	.sha256_init = sha256_init,
	.sha256_update = sha256_update,
	.sha256_final = sha256_final,
	.pair_update = hash_pair_update,
	.pair_settle = hash_pair_settle,
	.pair_drop = hash_pair_drop,
	.pair_octets = hash_pair_n_paired,
	.sha1_init = sha1_init,
	.sha1_update = sha1_update,
	.sha1_final = sha1_final,
	.simd = machine_simd,
};

/* keys, in OpenSSL's own form: RSA, EVP_PKEY for Ed25519 */

struct openssl {
	struct crypto_backend backend;
	struct key_cache *keys;
	EVP_MD_CTX *md;
};

RSA *crypto_openssl_rsa(ENGINE *engine, const struct rsa_key *key)
{
	RSA *rsa = RSA_new_method(engine);
	BIGNUM *n = BN_bin2bn(key->n.at, (int)key->n.len, NULL);
	BIGNUM *e = BN_new();

	if (!rsa || !n || !e || !BN_set_word(e, key->e) || !RSA_set0_key(rsa, n, e, NULL)) {
		BN_free(n);
		BN_free(e);
		RSA_free(rsa);
		return NULL;
	}
	return rsa;
}

static void *make_key(void *arg, const struct crypto_job *job, const struct rsa_key *rsa)
{
	(void)arg;
	if (rsa)
		return crypto_openssl_rsa(NULL, rsa);
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, job->key, job->key_len);
}

static void release_key(void *arg, void *form, bool is_rsa)
{
	(void)arg;
	if (is_rsa)
		RSA_free(form);
	else
		EVP_PKEY_free(form);
}

static enum crypto_verdict verify_rsa(struct openssl *o, struct crypto_job *job)
{
	struct rsa_key key;
	uint8_t expected[CRYPTO_SIG_MAX], em[CRYPTO_SIG_MAX];

	if (!rsa_key_parse(span_of(job->key, job->key_len), &key))
		return CRYPTO_BAD_KEY;
	enum crypto_verdict early = rsa_rule_before(job, &key);

	if (early != CRYPTO_PENDING)
		return early;
	if (!rsa_rule_encode(job, expected, key.n.len))
		return CRYPTO_FAIL;

	struct cached_key *k = key_cache_find(o->keys, job, &key);

	if (!k || RSA_public_decrypt((int)key.n.len, job->sig, em, k->form, RSA_NO_PADDING) != (int)key.n.len)
		return CRYPTO_ERROR;
	return CRYPTO_memcmp(em, expected, key.n.len) == 0 ? CRYPTO_PASS : CRYPTO_FAIL;
}

/* RFC 8463 3, RFC 8032 5.1.7; OpenSSL checks S < L and uses the equation without cofactor. */
static enum crypto_verdict verify_ed25519(struct openssl *o, struct crypto_job *job)
{
	enum crypto_verdict early = ed25519_rule_before(job);

	if (early != CRYPTO_PENDING)
		return early;
	struct cached_key *k = key_cache_find(o->keys, job, NULL);

	/* Without the reset a used context would keep the key before this one and verify with that. */
	if (!k || EVP_MD_CTX_reset(o->md) != 1 || EVP_DigestVerifyInit(o->md, NULL, NULL, NULL, k->form) != 1)
		return CRYPTO_ERROR;
	return EVP_DigestVerify(o->md, job->sig, job->sig_len, job->digest, job->digest_len) == 1 ? CRYPTO_PASS
												  : CRYPTO_FAIL;
}

/* All that is taken is done at once. */
static size_t submit(void *driver, struct crypto_job *const *jobs, size_t n, uint64_t now_us)
{
	struct openssl *o = driver;

	(void)now_us;
	for (size_t i = 0; i < n; i++) {
		struct crypto_job *job = jobs[i];

		CHECK(job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
		job->key_bits = 0;
		job->verdict =
			(uint8_t)(job->alg == CRYPTO_ED25519_SHA256 ? verify_ed25519(o, job) : verify_rsa(o, job));
	}
	o->backend.counts.alone += n;
	ERR_clear_error(); /* or the queue of this thread would grow with every bad signature */
	return n;
}

struct crypto_backend *crypto_openssl_open(uint32_t keys_max)
{
	const struct key_maker maker = { .make = make_key, .release = release_key };
	struct openssl *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->keys = key_cache_open(keys_max, &maker);
	o->md = EVP_MD_CTX_new();
	o->backend = (struct crypto_backend){
		.name = "openssl", .lanes = 1, .driver = o, .submit = submit, .close = crypto_openssl_close
	};
	for (int c = 0; c < N_CRYPTO_CLASS; c++)
		o->backend.by_class[c] = "openssl";
	if (!o->keys || !o->md) {
		crypto_openssl_close(&o->backend);
		return NULL;
	}
	return &o->backend;
}

void crypto_openssl_close(struct crypto_backend *backend)
{
	if (!backend)
		return;
	struct openssl *o = backend->driver;

	key_cache_close(o->keys);
	EVP_MD_CTX_free(o->md);
	free(o);
}
