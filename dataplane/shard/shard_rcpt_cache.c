// SPDX-License-Identifier: MIT
/*
 * shard_rcpt_cache.c - which recipients the next hops know
 */
#include "dataplane/base/ways.h"
#include "dataplane/shard/shard_rcpt_cache.h"

#include "dataplane/base/check.h"

enum { WAYS = 4 };

struct entry {
	uint64_t hash; /* with the outcome as its lowest two bits; 0: empty */
	uint64_t until_us;
};

struct rcpt_cache {
	struct siphash_key key;
	size_t n_buckets; /* a power of two */
	_Alignas(64) struct entry entries[];
};

size_t rcpt_cache_memory(size_t entries_max)
{
	return sizeof(struct rcpt_cache) + buckets_for(entries_max, WAYS) * WAYS * sizeof(struct entry);
}

struct rcpt_cache *rcpt_cache_init(void *memory, size_t entries_max, const struct siphash_key *key)
{
	struct rcpt_cache *c = memory;

	c->key = *key;
	c->n_buckets = buckets_for(entries_max, WAYS);
	return c;
}

static uint64_t hash_of(const struct rcpt_cache *c, struct span rcpt)
{
	size_t at = span_find_last(rcpt, '@');
	uint8_t text[512];

	CHECK(rcpt.len <= sizeof(text));
	for (size_t i = 0; i < rcpt.len; i++)
		text[i] = at != SPAN_NONE && i > at ? byte_lower(rcpt.at[i]) : rcpt.at[i];
	return siphash(&c->key, span_of(text, rcpt.len)) & ~UINT64_C(3);
}

static struct entry *bucket_of(const struct rcpt_cache *c, uint64_t hash)
{
	return (struct entry *)&c->entries[((hash >> 2) & (c->n_buckets - 1)) * WAYS];
}

enum rcpt_known rcpt_cache_get(const struct rcpt_cache *c, struct span rcpt, uint64_t now_us)
{
	uint64_t hash = hash_of(c, rcpt);
	const struct entry *e = bucket_of(c, hash);

	for (size_t i = 0; i < WAYS; i++)
		if ((e[i].hash & ~UINT64_C(3)) == hash && e[i].until_us > now_us)
			return (enum rcpt_known)(e[i].hash & 3);
	return RCPT_NOT_ASKED;
}

void rcpt_cache_put(struct rcpt_cache *c, struct span rcpt, enum rcpt_known known, uint64_t for_us, uint64_t now_us)
{
	uint64_t hash = hash_of(c, rcpt);
	struct entry *e = bucket_of(c, hash), *to = e;

	for (size_t i = 0; i < WAYS; i++) {
		if ((e[i].hash & ~UINT64_C(3)) == hash) {
			to = &e[i];
			break;
		}
		if (e[i].until_us < to->until_us)
			to = &e[i];
	}
	*to = (struct entry){ hash | known, now_us + for_us };
}

void rcpt_cache_flush(struct rcpt_cache *c)
{
	memset(c->entries, 0, c->n_buckets * WAYS * sizeof(struct entry));
}
