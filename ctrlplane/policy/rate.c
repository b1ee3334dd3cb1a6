// SPDX-License-Identifier: MIT
/*
 * rate.c - limits by domain: buckets of tokens, and transactions at once
 */
#include "ctrlplane/policy/rate.h"
#include "dataplane/base/ways.h"

enum { WAYS = 4 };

/* What one message costs: with it a bucket fills by the rate per minute each millisecond. */
#define TOKEN 60000u
_Static_assert(UINT64_C(1) * RATE_PER_MINUTE_MAX * TOKEN <= UINT32_MAX, "a full bucket fits");

struct rate {
	uint64_t id;        /* keyed hash of kind and domain, which is its name: two share one in 2^64; 0: free */
	uint64_t filled_ms; /* when there were @tokens */
	uint32_t tokens;
	uint32_t n_open;
};

struct rates {
	struct siphash_key key;
	uint64_t n_buckets; /* a power of two */
	_Alignas(64) struct rate records[];
};

size_t rates_memory(uint64_t domains_max)
{
	return sizeof(struct rates) + buckets_for(domains_max, WAYS) * WAYS * sizeof(struct rate);
}

struct rates *rates_init(void *memory, uint64_t domains_max, const struct siphash_key *key)
{
	struct rates *r = memory;

	r->key = *key;
	r->n_buckets = buckets_for(domains_max, WAYS);
	return r;
}

static uint64_t id_of(const struct rates *r, enum rate_kind kind, struct span domain)
{
	struct siphash_key key = { r->key.k0, r->key.k1 ^ (uint64_t)kind };
	uint8_t lower[320];
	size_t n = domain.len < sizeof(lower) ? domain.len : sizeof(lower);

	for (size_t i = 0; i < n; i++)
		lower[i] = byte_lower(domain.at[i]);
	return siphash(&key, span_of(lower, n)) | 1;
}

/* The domain's, or one that may become its; NULL: none is free. */
static struct rate *find(struct rates *r, uint64_t id, uint64_t now_ms)
{
	struct rate *bucket = &r->records[(id >> 1 & (r->n_buckets - 1)) * WAYS], *free = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		if (bucket[i].id == id)
			return &bucket[i];
		/* Whatever the rate is, a bucket is full after a minute. */
		if (bucket[i].n_open == 0 && (bucket[i].id == 0 || now_ms - bucket[i].filled_ms >= 60000))
			free = &bucket[i];
	}
	return free;
}

static void fill(struct rate *one, uint32_t per_minute, uint64_t now_ms)
{
	uint64_t passed_ms = now_ms - one->filled_ms, most = (uint64_t)per_minute * TOKEN;
	uint64_t tokens = one->tokens + (passed_ms < 60000 ? passed_ms : 60000) * per_minute;

	one->tokens = (uint32_t)(tokens < most ? tokens : most);
	one->filled_ms = now_ms;
}

enum rate_answer rates_charge(struct rates *r, enum rate_kind kind, struct span domain, uint32_t per_minute,
			      uint32_t *record, uint64_t now_us)
{
	uint64_t id = id_of(r, kind, domain), now_ms = now_us / 1000;
	struct rate *one = find(r, id, now_ms);

	*record = 0;
	if (!one)
		return RATE_FULL;
	if (one->id != id)
		*one = (struct rate){ .id = id, .tokens = per_minute * TOKEN, .filled_ms = now_ms };
	fill(one, per_minute, now_ms);
	if (per_minute && one->tokens < TOKEN)
		return RATE_SPENT;
	if (per_minute)
		one->tokens -= TOKEN;
	*record = (uint32_t)(one - r->records) + 1;
	return RATE_GOOD;
}

enum rate_answer rates_open(struct rates *r, uint32_t record, uint32_t most)
{
	struct rate *one = record ? &r->records[record - 1] : NULL;

	if (one && most && one->n_open >= most)
		return RATE_OPEN;
	if (one)
		one->n_open++;
	return RATE_GOOD;
}

void rates_close(struct rates *r, uint32_t record)
{
	if (!record)
		return;
	CHECK(r->records[record - 1].n_open > 0);
	r->records[record - 1].n_open--;
}
