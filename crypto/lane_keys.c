// SPDX-License-Identifier: MIT
/*
 * lane_keys.c - keys in the form that lanes want, kept for one thread
 *
 * The hash is keyed, for senders choose keys and must not choose buckets; it decides nothing else.  A key is
 * found by all its octets.  Eviction is CLOCK; keys of the running turn are passed over.
 */
#include <openssl/rand.h>
#include <stdlib.h>

#include "crypto/lane_keys.h"
#include "dataplane/base/siphash.h"

#define NO_KEY UINT32_MAX
#define KEYS_LEAST (2u * CRYPTO_BATCH_MAX) /* one turn cannot hold them all */

struct lane_keys {
	const struct rsa_lanes *lanes;
	struct siphash_key secret;
	uint64_t turn;
	uint32_t n_keys, keys_max, hand, bucket_mask;
	uint32_t *buckets;
	struct lane_key *keys;
};

static size_t round_up(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static void unlink_key(struct lane_keys *k, uint32_t which)
{
	uint32_t *at = &k->buckets[k->keys[which].bucket];

	while (*at != which)
		at = &k->keys[*at].next;
	*at = k->keys[which].next;
}

static void release(struct lane_key *key)
{
	free(key->lane);
	free(key->ed25519);
}

static uint32_t evict(struct lane_keys *k)
{
	if (k->n_keys < k->keys_max)
		return k->n_keys++;
	for (;;) { /* ends: the second round finds no `used`, and one turn pins half of them at most */
		uint32_t which = k->hand;
		struct lane_key *key = &k->keys[which];

		k->hand = (k->hand + 1) % k->keys_max;
		if (key->turn == k->turn)
			continue;
		if (!key->used) {
			unlink_key(k, which);
			release(key);
			return which;
		}
		key->used = false;
	}
}

static bool is_ed25519(const struct crypto_job *job)
{
	return job->alg == CRYPTO_ED25519_SHA256;
}

/* One block of memory: what the lane reads, @size octets, then a copy of the key's own octets. */
static void *make_block(struct lane_key *key, const struct crypto_job *job, size_t size)
{
	void *block = aligned_alloc(64, size + round_up(job->key_len));

	if (!block)
		return NULL;
	key->octets = (uint8_t *)block + size;
	key->len = job->key_len;
	memcpy(key->octets, job->key, job->key_len);
	key->ready = false;
	return block;
}

static bool prepare(const struct lane_keys *k, struct lane_key *key, const struct crypto_job *job)
{
	struct rsa_key rsa;

	if (is_ed25519(job)) {
		key->ed25519 = job->key_len == ED25519_KEY_LEN ? make_block(key, job, sizeof(*key->ed25519)) : NULL;
		return key->ed25519 != NULL;
	}
	if (!rsa_key_parse(span_of(job->key, job->key_len), &rsa) || k->lanes->digits(rsa.bits) == 0)
		return false;
	key->lane = make_block(key, job, k->lanes->key_size(k->lanes->digits(rsa.bits)));
	if (!key->lane)
		return false;
	key->rsa = rsa;
	key->rsa.n.at = key->octets + (rsa.n.at - job->key);
	return true;
}

struct lane_key *lane_keys_find(struct lane_keys *k, const struct crypto_job *job)
{
	struct span octets = span_of(job->key, job->key_len);
	uint64_t hash = siphash(&k->secret, octets);
	uint32_t bucket = (uint32_t)hash & k->bucket_mask;

	for (uint32_t i = k->buckets[bucket]; i != NO_KEY; i = k->keys[i].next) {
		struct lane_key *key = &k->keys[i];
		bool made = key->lane || key->ed25519;

		if (key->hash != hash)
			continue;
		if (made &&
		    ((key->ed25519 != NULL) != is_ed25519(job) || !span_eq(span_of(key->octets, key->len), octets)))
			continue;
		if (!made && !prepare(k, key, job))
			return NULL;
		key->used = true;
		key->turn = k->turn;
		return key;
	}

	uint32_t i = evict(k);

	k->keys[i] = (struct lane_key){ .hash = hash, .bucket = bucket, .next = k->buckets[bucket] };
	k->buckets[bucket] = i;
	return NULL;
}

void lane_keys_turn(struct lane_keys *k)
{
	k->turn++;
}

struct lane_keys *lane_keys_open(const struct rsa_lanes *lanes, uint32_t keys_max)
{
	struct lane_keys *k = calloc(1, sizeof(*k));
	uint32_t n_buckets = 16;

	if (!k)
		return NULL;
	k->lanes = lanes;
	k->keys_max = keys_max < KEYS_LEAST ? KEYS_LEAST : keys_max;
	while (n_buckets < k->keys_max && n_buckets < UINT32_C(1) << 24)
		n_buckets *= 2;
	k->bucket_mask = n_buckets - 1;
	k->keys = calloc(k->keys_max, sizeof(*k->keys));
	k->buckets = calloc(n_buckets, sizeof(*k->buckets));
	if (!k->keys || !k->buckets || RAND_bytes((uint8_t *)&k->secret, sizeof(k->secret)) != 1) {
		lane_keys_close(k);
		return NULL;
	}
	for (uint32_t i = 0; i < n_buckets; i++)
		k->buckets[i] = NO_KEY;
	return k;
}

void lane_keys_close(struct lane_keys *k)
{
	if (!k)
		return;
	for (uint32_t i = 0; k->keys && i < k->n_keys; i++)
		release(&k->keys[i]);
	free(k->keys);
	free(k->buckets);
	free(k);
}
