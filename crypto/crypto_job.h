// SPDX-License-Identifier: MIT
/*
 * crypto_job.h - hashing and verifying, as the cores see it
 *
 * A core never sees OpenSSL.  It hashes through a struct of functions and fills in
 * verify jobs, which the shard gathers into batches (crypto_batch.h) and hands back.
 */
#ifndef CRYPTO_JOB_H
#define CRYPTO_JOB_H

#include <stdalign.h>

#include "dataplane/base/span.h"

#define SHA256_LEN 32
#define SHA1_LEN 20
#define CRYPTO_KEY_MAX 1200 /* octets of a decoded p=: SubjectPublicKeyInfo of an 8192-bit RSA key has 1 062 */
#define CRYPTO_SIG_MAX 1024 /* octets of a decoded b=: RSA of 8192 bits.  Longer ones are refused by the core. */

/* A running hash; opaque, may be copied by assignment, needs no release. */
struct hash_state {
	alignas(64) uint8_t opaque[128];
};

/* Streams of a worker that are hashed two at a time. */
struct hash_pair;

/* Vector instructions beyond those that all machines have. */
enum simd { SIMD_PORTABLE, SIMD_AVX2, SIMD_AVX512 };

struct hash_ops {
	void (*sha256_init)(struct hash_state *);
	void (*sha256_update)(struct hash_state *, struct span);
	void (*sha256_final)(struct hash_state *, uint8_t digest[SHA256_LEN]);
	/* the same with company (hash_pair.h), where there is a struct hash_pair; settle comes before final */
	void (*pair_update)(struct hash_pair *, struct hash_state *, struct span);
	void (*pair_settle)(struct hash_pair *, struct hash_state *);
	void (*pair_drop)(struct hash_pair *, const struct hash_state *);
	uint64_t (*pair_octets)(const struct hash_pair *); /* hashed side by side so far */
	/* only for the test switch that allows rsa-sha1 */
	void (*sha1_init)(struct hash_state *);
	void (*sha1_update)(struct hash_state *, struct span);
	void (*sha1_final)(struct hash_state *, uint8_t digest[SHA1_LEN]);
	/* what the machine has for the loops that prepare octets for the hash; NULL: nothing */
	enum simd (*simd)(void);
};

enum crypto_alg { CRYPTO_RSA_SHA256, CRYPTO_RSA_SHA1, CRYPTO_ED25519_SHA256 };

enum crypto_verdict {
	CRYPTO_PENDING,
	CRYPTO_PASS,
	CRYPTO_FAIL,      /* the key is good, the signature is not this key's over this digest */
	CRYPTO_BAD_KEY,   /* not a key of this algorithm: not DER, even modulus, e < 3 or even, trailing octets... */
	CRYPTO_SHORT_KEY, /* RSA below rsa_bits_min (RFC 8301 3.2) */
	CRYPTO_LONG_KEY,  /* RSA above rsa_bits_max: nothing was computed */
	CRYPTO_ERROR,     /* ours: no memory, no device, no answer in time; temperror */
};

/**
 * struct crypto_job - one signature to verify
 *
 * RSA: EMSA-PKCS1-v1_5 over the digest; the whole expected encoding is compared (RFC 8017 8.2.2).
 * Ed25519: PureEdDSA over the 32 octets of the SHA-256 digest (RFC 8463 3); a key of 32 raw octets.
 * Owned by the core that filled it in; it must stay where it is until the verdict is not PENDING.
 */
struct crypto_job {
	uint8_t alg;     /* enum crypto_alg */
	uint8_t verdict; /* out: enum crypto_verdict */
	uint8_t digest_len;
	uint8_t digest[SHA256_LEN];
	uint16_t key_bits; /* out: RSA modulus bits, 256 for Ed25519, 0 when the key is no key */
	uint16_t rsa_bits_min, rsa_bits_max;
	uint16_t key_len, sig_len;
	uint8_t key[CRYPTO_KEY_MAX]; /* decoded p=: SubjectPublicKeyInfo or bare RSAPublicKey DER, or 32 octets */
	uint8_t sig[CRYPTO_SIG_MAX]; /* decoded b= */
	void *owner;                 /* the core's own use */
};

#endif
