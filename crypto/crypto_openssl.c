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
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "crypto/ed25519_rule.h"
#include "crypto/hash_pair.h"
#include "crypto/rsa_rule.h"
#include "dataplane/base/siphash.h"

#define NO_SLOT UINT32_MAX

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

/* The key cache: OpenSSL's own form of keys, by the SHA-256 of the octets they came from. */

struct key_slot {
	uint8_t id[SHA256_LEN];
	uint32_t next; /* in the bucket */
	uint32_t bucket;
	bool used; /* since the hand passed */
	RSA *rsa;  /* one of the two, or none: the slot is free */
	EVP_PKEY *ed25519;
};

struct openssl {
	struct crypto_backend backend;
	struct siphash_key secret; /* senders choose keys, so they must not choose buckets */
	uint32_t n_keys, keys_max, hand;
	uint32_t bucket_mask;
	uint32_t *buckets;
	struct key_slot *slots;
	EVP_MD_CTX *md;
};

static void slot_release(struct key_slot *k)
{
	RSA_free(k->rsa);
	EVP_PKEY_free(k->ed25519);
	k->rsa = NULL;
	k->ed25519 = NULL;
}

static void slot_unlink(struct openssl *o, uint32_t slot)
{
	uint32_t *at = &o->buckets[o->slots[slot].bucket];

	while (*at != slot)
		at = &o->slots[*at].next;
	*at = o->slots[slot].next;
}

/* A slot for a new key: one never used, else the first that was not used since the hand passed (CLOCK). */
static uint32_t slot_evict(struct openssl *o)
{
	if (o->n_keys < o->keys_max)
		return o->n_keys++;
	while (o->slots[o->hand].used) {
		o->slots[o->hand].used = false;
		o->hand = (o->hand + 1) % o->keys_max;
	}
	uint32_t slot = o->hand;

	o->hand = (o->hand + 1) % o->keys_max;
	slot_unlink(o, slot);
	slot_release(&o->slots[slot]);
	return slot;
}

static RSA *make_rsa(const struct rsa_key *key)
{
	RSA *rsa = RSA_new();
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

/* The cached form of job->key, made when it is new.  @rsa NULL: the key is Ed25519.  NULL: no memory. */
static struct key_slot *find_key(struct openssl *o, const struct crypto_job *job, const struct rsa_key *rsa)
{
	uint8_t id[SHA256_LEN];
	struct hash_state h;
	uint8_t kind = rsa != NULL;

	sha256_init(&h);
	sha256_update(&h, span_of(&kind, 1));
	sha256_update(&h, span_of(job->key, job->key_len));
	sha256_final(&h, id);

	uint32_t bucket = (uint32_t)siphash(&o->secret, span_of(id, sizeof(id))) & o->bucket_mask;

	for (uint32_t i = o->buckets[bucket]; i != NO_SLOT; i = o->slots[i].next) {
		if (span_eq(span_of(o->slots[i].id, SHA256_LEN), span_of(id, SHA256_LEN))) {
			o->slots[i].used = true;
			return &o->slots[i];
		}
	}

	RSA *new_rsa = rsa ? make_rsa(rsa) : NULL;
	EVP_PKEY *new_ed = rsa ? NULL : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, job->key, job->key_len);

	if (!new_rsa && !new_ed)
		return NULL;

	uint32_t i = slot_evict(o);
	struct key_slot *k = &o->slots[i];

	*k = (struct key_slot){ .rsa = new_rsa, .ed25519 = new_ed, .bucket = bucket, .next = o->buckets[bucket] };
	memcpy(k->id, id, sizeof(id));
	o->buckets[bucket] = i;
	return k;
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

	struct key_slot *k = find_key(o, job, &key);

	if (!k || RSA_public_decrypt((int)key.n.len, job->sig, em, k->rsa, RSA_NO_PADDING) != (int)key.n.len)
		return CRYPTO_ERROR;
	return CRYPTO_memcmp(em, expected, key.n.len) == 0 ? CRYPTO_PASS : CRYPTO_FAIL;
}

/* RFC 8463 3, RFC 8032 5.1.7; OpenSSL checks S < L and uses the equation without cofactor. */
static enum crypto_verdict verify_ed25519(struct openssl *o, struct crypto_job *job)
{
	enum crypto_verdict early = ed25519_rule_before(job);

	if (early != CRYPTO_PENDING)
		return early;
	struct key_slot *k = find_key(o, job, NULL);

	/* Without the reset a used context would keep the key before this one and verify with that. */
	if (!k || EVP_MD_CTX_reset(o->md) != 1 || EVP_DigestVerifyInit(o->md, NULL, NULL, NULL, k->ed25519) != 1)
		return CRYPTO_ERROR;
	return EVP_DigestVerify(o->md, job->sig, job->sig_len, job->digest, job->digest_len) == 1 ? CRYPTO_PASS
												  : CRYPTO_FAIL;
}

static void verify(void *driver, struct crypto_job **jobs, size_t n)
{
	struct openssl *o = driver;

	for (size_t i = 0; i < n; i++) {
		struct crypto_job *job = jobs[i];

		CHECK(job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
		job->key_bits = 0;
		job->verdict =
			(uint8_t)(job->alg == CRYPTO_ED25519_SHA256 ? verify_ed25519(o, job) : verify_rsa(o, job));
	}
	o->backend.counts.alone += n;
	ERR_clear_error(); /* or the queue of this thread would grow with every bad signature */
}

struct crypto_backend *crypto_openssl_open(uint32_t keys_max)
{
	struct openssl *o = calloc(1, sizeof(*o));
	uint32_t n_buckets = 16;

	if (!o)
		return NULL;
	if (keys_max == 0)
		keys_max = 1;
	while (n_buckets < keys_max && n_buckets < UINT32_C(1) << 24)
		n_buckets *= 2;
	o->keys_max = keys_max;
	o->bucket_mask = n_buckets - 1;
	o->slots = calloc(keys_max, sizeof(*o->slots));
	o->buckets = calloc(n_buckets, sizeof(*o->buckets));
	o->md = EVP_MD_CTX_new();
	o->backend = (struct crypto_backend){
		.name = "openssl", .lanes = 1, .driver = o, .verify = verify, .close = crypto_openssl_close
	};
	if (!o->slots || !o->buckets || !o->md || RAND_bytes((uint8_t *)&o->secret, sizeof(o->secret)) != 1) {
		crypto_openssl_close(&o->backend);
		return NULL;
	}
	for (uint32_t i = 0; i < n_buckets; i++)
		o->buckets[i] = NO_SLOT;
	return &o->backend;
}

void crypto_openssl_close(struct crypto_backend *backend)
{
	if (!backend)
		return;
	struct openssl *o = backend->driver;

	for (uint32_t i = 0; i < o->n_keys; i++)
		slot_release(&o->slots[i]);
	EVP_MD_CTX_free(o->md);
	free(o->slots);
	free(o->buckets);
	free(o);
}
