// SPDX-License-Identifier: MIT
/*
 * dmarc_cache.c - what finished tree walks came to, by domain, as long as their answers' time to live allows
 *
 * Entries lie in one array, which is the dial of the CLOCK, and hang in the buckets of a keyed hash table.
 */
#include "dataplane/auth/dmarc_cache.h"

#define NO_ENTRY UINT32_MAX
#define ENTRY_SIZE 128
#define SECOND_CHANCES 16 /* entries spared by one put at most, so that its time is bounded */
#define US_PER_S UINT64_C(1000000)

struct entry_head {
	uint64_t expires_us;
	uint32_t next; /* in the bucket */
	uint32_t bucket;
	struct dmarc_outcome outcome;
	bool read;   /* since the hand passed */
	uint8_t len; /* of the domain; 0: the entry is free */
};

#define ENTRY_NAME_MAX (ENTRY_SIZE - sizeof(struct entry_head))

struct entry {
	struct entry_head h;
	uint8_t name[ENTRY_NAME_MAX];
};
_Static_assert(sizeof(struct entry) == ENTRY_SIZE, "an entry fills two cache lines");

struct dmarc_cache {
	struct dmarc_cache_settings settings;
	struct siphash_key key;
	struct stats *stats;
	uint32_t bucket_mask;
	uint32_t epoch;
	uint32_t hand; /* the entry that is looked at next when room is wanted */
	uint32_t *buckets;
	struct entry *entries;
};

static size_t round_up(size_t n)
{
	return (n + 63) / 64 * 64;
}

static uint32_t n_buckets(const struct dmarc_cache_settings *settings)
{
	uint32_t n = 16;

	while (n < settings->entries_max && n < UINT32_C(1) << 31)
		n *= 2;
	return n;
}

size_t dmarc_cache_memory(const struct dmarc_cache_settings *settings)
{
	return round_up(sizeof(struct dmarc_cache)) + settings->entries_max * sizeof(struct entry) +
	       n_buckets(settings) * sizeof(uint32_t);
}

struct dmarc_cache *dmarc_cache_init(void *memory, const struct dmarc_cache_settings *settings,
				     const struct siphash_key *key, struct stats *stats)
{
	struct dmarc_cache *c = memory;
	uint8_t *at = (uint8_t *)memory + round_up(sizeof(*c));

	CHECK(((uintptr_t)memory & 63) == 0);
	CHECK(settings->entries_max > 0 && settings->entries_max < NO_ENTRY);
	*c = (struct dmarc_cache){ .settings = *settings, .key = *key, .stats = stats };
	c->entries = (struct entry *)(void *)at;
	at += settings->entries_max * sizeof(struct entry);
	c->buckets = (uint32_t *)(void *)at;
	c->bucket_mask = n_buckets(settings) - 1;
	dmarc_cache_flush(c);
	return c;
}

void dmarc_cache_flush(struct dmarc_cache *c)
{
	for (uint32_t i = 0; i <= c->bucket_mask; i++)
		c->buckets[i] = NO_ENTRY;
	for (uint32_t i = 0; i < c->settings.entries_max; i++)
		c->entries[i].h.len = 0;
	c->hand = 0;
	c->epoch++;
}

uint32_t dmarc_cache_epoch(const struct dmarc_cache *c)
{
	return c->epoch;
}

static uint32_t bucket_of(const struct dmarc_cache *c, struct span domain)
{
	return (uint32_t)siphash(&c->key, domain) & c->bucket_mask;
}

static uint32_t find(const struct dmarc_cache *c, struct span domain, uint32_t bucket)
{
	uint32_t i = c->buckets[bucket];

	while (i != NO_ENTRY && !span_eq(span_of(c->entries[i].name, c->entries[i].h.len), domain))
		i = c->entries[i].h.next;
	return i;
}

static void drop(struct dmarc_cache *c, uint32_t i)
{
	struct entry_head *h = &c->entries[i].h;
	uint32_t *link = &c->buckets[h->bucket];

	while (*link != i)
		link = &c->entries[*link].h.next;
	*link = h->next;
	h->len = 0;
}

/* An entry that is free now: it was, or had expired, or was not read lately. */
static uint32_t make_room(struct dmarc_cache *c, uint64_t now_us)
{
	for (unsigned chances = SECOND_CHANCES;;) {
		uint32_t i = c->hand;
		struct entry_head *h = &c->entries[i].h;

		c->hand = i + 1 < c->settings.entries_max ? i + 1 : 0;
		if (h->len == 0)
			return i;
		if (h->read && chances > 0 && now_us < h->expires_us) {
			h->read = false;
			chances--;
			continue;
		}
		if (now_us < h->expires_us)
			c->stats->dmarc_cache_evicted++;
		drop(c, i);
		return i;
	}
}

const struct dmarc_outcome *dmarc_cache_get(struct dmarc_cache *c, struct span domain, uint64_t now_us,
					    uint64_t *expires_us)
{
	uint32_t i = domain.len && domain.len <= ENTRY_NAME_MAX ? find(c, domain, bucket_of(c, domain)) : NO_ENTRY;

	if (i != NO_ENTRY && now_us >= c->entries[i].h.expires_us) {
		drop(c, i);
		i = NO_ENTRY;
	}
	if (i == NO_ENTRY) {
		c->stats->dmarc_cache_misses++;
		return NULL;
	}
	struct entry_head *h = &c->entries[i].h;

	c->stats->dmarc_cache_hits++;
	h->read = true;
	*expires_us = h->expires_us;
	return &h->outcome;
}

void dmarc_cache_put(struct dmarc_cache *c, struct span domain, const struct dmarc_outcome *outcome,
		     uint64_t expires_us, uint64_t now_us)
{
	if (domain.len == 0 || domain.len > ENTRY_NAME_MAX)
		return;
	uint32_t bucket = bucket_of(c, domain);
	uint32_t i = find(c, domain, bucket);

	if (i != NO_ENTRY)
		drop(c, i);
	if (now_us >= expires_us)
		return;
	if (i == NO_ENTRY)
		i = make_room(c, now_us);
	struct entry *e = &c->entries[i];

	e->h = (struct entry_head){ .expires_us = expires_us,
				    .next = c->buckets[bucket],
				    .bucket = bucket,
				    .outcome = *outcome,
				    .len = (uint8_t)domain.len };
	memcpy(e->name, domain.at, domain.len);
	c->buckets[bucket] = i;
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
	return value > most ? most : value;
}

uint64_t dmarc_cache_expiry_us(const struct dmarc_cache *c, const struct dns_answer *answer, uint64_t now_us)
{
	const struct dmarc_cache_settings *s = &c->settings;
	uint32_t life_s = s->ttl_max_s;

	if (answer)
		life_s = at_most(answer->ttl_s, answer->rcode == DNS_NOERROR ? s->ttl_max_s : s->ttl_negative_max_s);
	if (life_s < s->ttl_min_s)
		life_s = s->ttl_min_s;
	return now_us + life_s * US_PER_S;
}
