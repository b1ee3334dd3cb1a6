// SPDX-License-Identifier: MIT
/*
 * key_cache.h - keys in a library's own form, kept for one thread by the octets that they came from
 *
 * OpenSSL, an engine and a device each want keys in a form that costs some verifications to make.  Eviction is CLOCK;
 * a key that is in use is passed over.
 */
#ifndef CRYPTO_KEY_CACHE_H
#define CRYPTO_KEY_CACHE_H

#include "crypto/crypto_job.h"
#include "crypto/rsa_key.h"

struct cached_key {
	void *form;       /* what make() gave */
	bool is_rsa;      /* else Ed25519 */
	bool used;        /* since the hand passed */
	uint32_t n_users; /* operations under way with it: it stays until there are none; the caller counts */
	uint32_t next, bucket;
	uint8_t id[SHA256_LEN];
};

/* Makes and releases forms; @rsa NULL: the key of @job is Ed25519.  NULL: it cannot be made. */
struct key_maker {
	void *(*make)(void *arg, const struct crypto_job *job, const struct rsa_key *rsa);
	void (*release)(void *arg, void *form, bool is_rsa);
	void *arg;
};

struct key_cache;

/* NULL: no memory, or no random numbers. */
struct key_cache *key_cache_open(uint32_t keys_max, const struct key_maker *maker);
void key_cache_close(struct key_cache *cache); /* releases all forms, whoever uses them; NULL is allowed */

/* The key of @job, made when it is new.  NULL: it cannot be made, or all keys are in use. */
struct cached_key *key_cache_find(struct key_cache *cache, const struct crypto_job *job, const struct rsa_key *rsa);

#endif
