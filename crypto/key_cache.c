// SPDX-License-Identifier: MIT
/*
 * key_cache.c - keys in a library's own form, kept for one thread by the octets that they came from
 */
#include <openssl/rand.h>
#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "crypto/key_cache.h"
#include "dataplane/base/siphash.h"

#define NO_KEY UINT32_MAX

struct key_cache {
	struct key_maker maker;
	struct siphash_key secret; /* senders choose keys, so they must not choose buckets */
	uint32_t n_keys, keys_max, hand, bucket_mask;
	uint32_t *buckets;
	struct cached_key *keys;
};

static void unlink_key(struct key_cache *c, uint32_t which)
{
	uint32_t *at = &c->buckets[c->keys[which].bucket];

	while (*at != which)
		at = &c->keys[*at].next;
	*at = c->keys[which].next;
}

/* Room for a new key: one never used, else the first free one that was not used since the hand passed (CLOCK). */
static struct cached_key *evict(struct key_cache *c)
{
	if (c->n_keys < c->keys_max)
		return &c->keys[c->n_keys++];
	for (uint64_t i = 0; i < 2 * (uint64_t)c->keys_max; i++) {
		uint32_t which = c->hand;
		struct cached_key *key = &c->keys[which];

		c->hand = (c->hand + 1) % c->keys_max;
		if (key->n_users == 0 && !key->used) {
			unlink_key(c, which);
			c->maker.release(c->maker.arg, key->form, key->is_rsa);
			return key;
		}
		key->used = false;
	}
	return NULL;
}

static void identify(const struct crypto_job *job, bool is_rsa, uint8_t id[SHA256_LEN])
{
	const struct hash_ops *hash = &crypto_openssl_hash;
	struct hash_state h;
	uint8_t kind = is_rsa;

	hash->sha256_init(&h);
	hash->sha256_update(&h, span_of(&kind, 1));
	hash->sha256_update(&h, span_of(job->key, job->key_len));
	hash->sha256_final(&h, id);
}

struct cached_key *key_cache_find(struct key_cache *c, const struct crypto_job *job, const struct rsa_key *rsa)
{
	uint8_t id[SHA256_LEN];

	identify(job, rsa != NULL, id);
	uint32_t bucket = (uint32_t)siphash(&c->secret, span_of(id, sizeof(id))) & c->bucket_mask;

	for (uint32_t i = c->buckets[bucket]; i != NO_KEY; i = c->keys[i].next) {
		if (span_eq(span_of(c->keys[i].id, SHA256_LEN), span_of(id, SHA256_LEN))) {
			c->keys[i].used = true;
			return &c->keys[i];
		}
	}

	void *form = c->maker.make(c->maker.arg, job, rsa);

	if (!form)
		return NULL;
	struct cached_key *key = evict(c);

	if (!key) {
		c->maker.release(c->maker.arg, form, rsa != NULL);
		return NULL;
	}
	*key = (struct cached_key){ .form = form, .is_rsa = rsa != NULL, .bucket = bucket, .next = c->buckets[bucket] };
	memcpy(key->id, id, sizeof(id));
	c->buckets[bucket] = (uint32_t)(key - c->keys);
	return key;
}

struct key_cache *key_cache_open(uint32_t keys_max, const struct key_maker *maker)
{
	struct key_cache *c = calloc(1, sizeof(*c));
	uint32_t n_buckets = 16;

	if (!c)
		return NULL;
	c->maker = *maker;
	c->keys_max = keys_max ? keys_max : 1;
	while (n_buckets < c->keys_max && n_buckets < UINT32_C(1) << 24)
		n_buckets *= 2;
	c->bucket_mask = n_buckets - 1;
	c->keys = calloc(c->keys_max, sizeof(*c->keys));
	c->buckets = calloc(n_buckets, sizeof(*c->buckets));
	if (!c->keys || !c->buckets || RAND_bytes((uint8_t *)&c->secret, sizeof(c->secret)) != 1) {
		key_cache_close(c);
		return NULL;
	}
	for (uint32_t i = 0; i < n_buckets; i++)
		c->buckets[i] = NO_KEY;
	return c;
}

void key_cache_close(struct key_cache *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n_keys; i++)
		c->maker.release(c->maker.arg, c->keys[i].form, c->keys[i].is_rsa);
	free(c->keys);
	free(c->buckets);
	free(c);
}
