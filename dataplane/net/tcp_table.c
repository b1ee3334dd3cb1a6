// SPDX-License-Identifier: MIT
/*
 * tcp_table.c - from addresses and ports to whatever TCP remembers of them
 */
#include "dataplane/net/tcp_table.h"

enum { KIND_SHIFT = 30, FETCH_MOST = 256 };

size_t tcp_table_buckets(size_t n)
{
	size_t buckets = 16;

	while (buckets < n)
		buckets *= 2;
	return buckets;
}

void tcp_table_init(struct tcp_table *t, uint32_t *buckets, size_t n_buckets, const struct siphash_key *secret)
{
	*t = (struct tcp_table){ .buckets = buckets, .mask = (uint32_t)(n_buckets - 1), .secret = *secret };
}

void tcp_table_kind(struct tcp_table *t, enum tcp_kind kind, const struct pool *pool, size_t flow_at)
{
	CHECK(pool->n_total < 1u << KIND_SHIFT);
	t->kinds[kind].pool = pool;
	t->kinds[kind].flow_at = flow_at;
}

uint32_t tcp_key_hash(const struct siphash_key *secret, const struct tcp_key *key)
{
	/* What of a key is not zero anyway: of IPv4 less than half. */
	if (key->local.family == IP_V4 && key->remote.family == IP_V4) {
		struct {
			uint8_t local[4], remote[4];
			uint16_t local_port, remote_port;
		} short_key = { .local_port = key->local_port, .remote_port = key->remote_port };

		memcpy(short_key.local, key->local.bytes, 4);
		memcpy(short_key.remote, key->remote.bytes, 4);
		return (uint32_t)siphash(secret, span_of(&short_key, sizeof(short_key)));
	}
	return (uint32_t)siphash(secret, span_of(key, sizeof(*key)));
}

uint32_t tcp_table_hash(const struct tcp_table *t, const struct tcp_key *key)
{
	return tcp_key_hash(&t->secret, key);
}

static uint32_t *bucket_of(const struct tcp_table *t, const struct tcp_key *key)
{
	return &t->buckets[tcp_table_hash(t, key) & t->mask];
}

static struct tcp_flow *flow_of(const struct tcp_table *t, enum tcp_kind kind, void *record)
{
	return (struct tcp_flow *)(void *)((uint8_t *)record + t->kinds[kind].flow_at);
}

static void *record_named(const struct tcp_table *t, uint32_t name, enum tcp_kind *kind)
{
	*kind = (enum tcp_kind)(name >> KIND_SHIFT);
	return pool_at(t->kinds[*kind].pool, name & ((1u << KIND_SHIFT) - 1));
}

static uint32_t name_of(const struct tcp_table *t, enum tcp_kind kind, const void *record)
{
	return (uint32_t)kind << KIND_SHIFT | (uint32_t)pool_index(t->kinds[kind].pool, record);
}

void tcp_table_fetch_bucket(const struct tcp_table *t, uint32_t hash)
{
	__builtin_prefetch(&t->buckets[hash & t->mask]);
}

void tcp_table_fetch_key(const struct tcp_table *t, uint32_t hash)
{
	uint32_t name = t->buckets[hash & t->mask];
	enum tcp_kind kind;

	if (name) {
		void *record = record_named(t, name, &kind);

		__builtin_prefetch(flow_of(t, kind, record));
	}
}

void tcp_table_fetch_record(const struct tcp_table *t, const struct tcp_key *key, uint32_t hash)
{
	enum tcp_kind kind;
	const uint8_t *record = tcp_table_find_hashed(t, key, hash, &kind);

	if (!record)
		return;
	/* Of the larger records all lines but the cold ones at the end are needed. */
	for (size_t at = 0; at < t->kinds[kind].pool->object_size && at < FETCH_MOST; at += 64)
		__builtin_prefetch(record + at, 1);
}

void *tcp_table_find(const struct tcp_table *t, const struct tcp_key *key, enum tcp_kind *kind)
{
	return tcp_table_find_hashed(t, key, tcp_table_hash(t, key), kind);
}

void *tcp_table_find_hashed(const struct tcp_table *t, const struct tcp_key *key, uint32_t hash, enum tcp_kind *kind)
{
	uint32_t name = t->buckets[hash & t->mask];

	while (name) {
		void *record = record_named(t, name, kind);
		const struct tcp_flow *flow = flow_of(t, *kind, record);

		if (memcmp(&flow->key, key, sizeof(*key)) == 0)
			return record;
		name = flow->next;
	}
	*kind = TCP_KIND_NONE;
	return NULL;
}

void tcp_table_add(struct tcp_table *t, enum tcp_kind kind, void *record)
{
	tcp_table_add_hashed(t, kind, record, tcp_table_hash(t, &flow_of(t, kind, record)->key));
}

void tcp_table_add_hashed(struct tcp_table *t, enum tcp_kind kind, void *record, uint32_t hash)
{
	struct tcp_flow *flow = flow_of(t, kind, record);
	uint32_t *bucket = &t->buckets[hash & t->mask];

	flow->next = *bucket;
	*bucket = name_of(t, kind, record);
}

void tcp_table_remove(struct tcp_table *t, enum tcp_kind kind, void *record)
{
	struct tcp_flow *flow = flow_of(t, kind, record);
	uint32_t *link = bucket_of(t, &flow->key), name = name_of(t, kind, record);

	while (*link != name) {
		enum tcp_kind other;

		CHECK(*link);
		void *before = record_named(t, *link, &other);
		link = &flow_of(t, other, before)->next;
	}
	*link = flow->next;
}
