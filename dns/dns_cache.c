// SPDX-License-Identifier: MIT
/*
 * dns_cache.c - answers by question, as long as their time to live allows
 *
 * Answers are of any length, so they lie in one circular log, each a record in one piece.  New records go to
 * `head`; room is made at `tail`, where the oldest lies.  An old record that was read since it was last passed
 * is moved to the head instead of dropped (a second chance: CLOCK, with the log as the dial), so records move,
 * but only within dns_cache_put().  Each live record has an entry, which the hash table points to.
 *
 *	0 ....... tail [record][record]...[record] head ....... n_octets		free at both ends
 *	0 [record]...[record] head ....... tail [record]...[filler] n_octets		free in the middle
 *
 * A record without entry is dead: dropped, replaced, or filling the end of the log.  It goes when the tail passes.
 *
 * What has expired stays until something needs its place: it tells that a name is asked for again and again
 * (dns_cache_due()), and may be all there is while no server answers (dns_cache_stale()).
 */
#include "dns/dns_cache.h"

#define NO_ENTRY UINT32_MAX
#define ANSWER_MAX 65536
#define ALIGN 16
#define SECOND_CHANCES 16 /* records moved by one put at most, so that its time is bounded */
#define STALE_TTL_S 30    /* RFC 8767 4 */
#define DUE_FRACTION 10   /* an answer is due in the last tenth of its life */
#define US_PER_S UINT64_C(1000000)

struct entry {
	uint64_t expires_us;
	uint64_t at; /* of the record in the log */
	uint32_t hash;
	uint32_t next; /* in the bucket, or of the free entries */
	uint32_t life_s;
	bool live;   /* not one of the free */
	bool read;   /* since the tail passed */
	bool wanted; /* read since it was put, or put soon after the one before it expired */
	bool due;    /* dns_cache_due() gave it */
};

/* Followed by the answer, then by the question's type, length and name as they lie in struct dns_question. */
struct record {
	uint32_t size; /* of the whole, a multiple of ALIGN */
	uint32_t entry;
	uint32_t answer_size;
	uint32_t key_len;
};
_Static_assert(sizeof(struct record) == ALIGN, "an answer behind it is aligned, and the smallest gap holds one");
_Static_assert(offsetof(struct dns_question, name) == 3, "type, length and name follow each other");

struct dns_cache {
	struct dns_cache_settings settings;
	struct siphash_key key;
	uint64_t n_octets; /* of the log */
	uint64_t head, tail;
	uint64_t n_records; /* in the log, dead ones too: tells empty from full when head == tail */
	uint32_t bucket_mask;
	uint32_t free; /* entries */
	uint32_t hand; /* of dns_cache_due(), over the entries */
	struct entry *entries;
	uint32_t *buckets;
	uint8_t *log;
	struct dns_cache_counts counts;
};

/* memory */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t log_octets(const struct dns_cache_settings *settings)
{
	uint64_t n = settings->octets_max ? settings->octets_max : settings->entries_max * UINT64_C(512);

	return n / ALIGN * ALIGN;
}

static uint32_t n_buckets(const struct dns_cache_settings *settings)
{
	uint32_t n = 16;

	/* Half of them empty: an entry more to look at is a line more that is in no cache. */
	while (n / 2 < settings->entries_max && n < UINT32_C(1) << 31)
		n *= 2;
	return n;
}

size_t dns_cache_memory(const struct dns_cache_settings *settings)
{
	return round_up(sizeof(struct dns_cache), ALIGN) +
	       round_up(settings->entries_max * sizeof(struct entry), ALIGN) + n_buckets(settings) * sizeof(uint32_t) +
	       log_octets(settings);
}

static void forget_all(struct dns_cache *c)
{
	for (uint32_t i = 0; i <= c->bucket_mask; i++)
		c->buckets[i] = NO_ENTRY;
	for (uint32_t i = 0; i < c->settings.entries_max; i++)
		c->entries[i] = (struct entry){ .next = i + 1 < c->settings.entries_max ? i + 1 : NO_ENTRY };
	c->free = 0;
	c->head = c->tail = c->n_records = 0;
	c->counts.entries = 0;
	c->counts.octets = 0;
}

struct dns_cache *dns_cache_init(void *memory, const struct dns_cache_settings *settings, const struct siphash_key *key)
{
	struct dns_cache *c = memory;
	uint8_t *at = (uint8_t *)memory + round_up(sizeof(*c), ALIGN);

	CHECK(((uintptr_t)memory & (ALIGN - 1)) == 0);
	CHECK(settings->entries_max > 0 && settings->entries_max < NO_ENTRY);
	*c = (struct dns_cache){ .settings = *settings, .key = *key, .n_octets = log_octets(settings) };
	c->entries = (struct entry *)(void *)at;
	at += round_up(settings->entries_max * sizeof(struct entry), ALIGN);
	c->buckets = (uint32_t *)(void *)at;
	c->bucket_mask = n_buckets(settings) - 1;
	at += (c->bucket_mask + 1) * sizeof(uint32_t); /* 16 or more: the log stays aligned */
	c->log = at;
	c->counts.entries_max = settings->entries_max;
	c->counts.octets_max = c->n_octets;
	forget_all(c);
	return c;
}

/* records */

static struct record *record_at(const struct dns_cache *c, uint64_t at)
{
	return (struct record *)(void *)(c->log + at);
}

static struct dns_answer *record_answer(struct record *r)
{
	return (struct dns_answer *)(void *)(r + 1);
}

static struct span record_key(const struct record *r)
{
	return span_of((const uint8_t *)(r + 1) + r->answer_size, r->key_len);
}

static struct span question_key(const struct dns_question *q)
{
	return span_of(q, offsetof(struct dns_question, name) + q->len);
}

static void question_of(const struct record *r, struct dns_question *q)
{
	struct span key = record_key(r);

	memcpy(q, key.at, key.len);
}

static uint32_t hash_of(const struct dns_cache *c, struct span key)
{
	return (uint32_t)siphash(&c->key, key);
}

/* Entries lie close together, records do not: one whose hash is another is passed over without a look at its record. */
static uint32_t find(const struct dns_cache *c, struct span key, uint32_t hash)
{
	uint32_t i = c->buckets[hash & c->bucket_mask];

	while (i != NO_ENTRY &&
	       (c->entries[i].hash != hash || !span_eq(record_key(record_at(c, c->entries[i].at)), key)))
		i = c->entries[i].next;
	return i;
}

/* The entry becomes free, its record dead. */
static void drop(struct dns_cache *c, uint32_t entry)
{
	struct entry *e = &c->entries[entry];
	struct record *r = record_at(c, e->at);
	uint32_t *link = &c->buckets[e->hash & c->bucket_mask];

	while (*link != entry)
		link = &c->entries[*link].next;
	*link = e->next;
	e->live = false;
	e->next = c->free;
	c->free = entry;
	c->counts.entries--;
	c->counts.octets -= r->size;
	r->entry = NO_ENTRY;
}

/* Moves a record that the tail has just passed to the head, if there is room in one piece; false: it is gone. */
static bool move_to_head(struct dns_cache *c, uint64_t from)
{
	struct record *r = record_at(c, from);
	uint32_t size = r->size, entry = r->entry;

	if (c->head > from && c->n_octets - c->head < size)
		return false;
	/* With the head behind it the record moves down, over itself at most. */
	memmove(c->log + c->head, r, size);
	c->entries[entry].at = c->head;
	c->head += size;
	if (c->head == c->n_octets)
		c->head = 0;
	c->n_records++;
	return true;
}

/* Fresh, or stale as far as the settings allow. */
static uint64_t usable_until_us(const struct dns_cache *c, const struct entry *e)
{
	return e->expires_us + c->settings.stale_max_s * US_PER_S;
}

/* Frees the oldest record: dead, dropped now, or moved on at the cost of one of @chances. */
static void pass_oldest(struct dns_cache *c, unsigned *chances, uint64_t now_us)
{
	uint64_t at = c->tail;
	struct record *r = record_at(c, at);

	DCHECK(c->n_records > 0);
	c->tail += r->size;
	if (c->tail == c->n_octets)
		c->tail = 0;
	c->n_records--;
	if (r->entry == NO_ENTRY)
		return;
	if (c->entries[r->entry].read && *chances > 0 && now_us < usable_until_us(c, &c->entries[r->entry])) {
		c->entries[r->entry].read = false;
		(*chances)--;
		if (move_to_head(c, at))
			return;
	}
	drop(c, r->entry);
	c->counts.evicted++;
}

/* Room for a record in one piece at the head: moves the head over the end when the record does not fit before it. */
static bool fits(struct dns_cache *c, uint32_t size)
{
	if (c->n_records == 0)
		c->head = c->tail = 0;
	else if (c->head <= c->tail)
		return c->tail - c->head >= size;
	uint64_t to_end = c->n_octets - c->head;

	if (to_end >= size)
		return true;
	*record_at(c, c->head) = (struct record){ .size = (uint32_t)to_end, .entry = NO_ENTRY };
	c->n_records++;
	c->head = 0;
	return c->tail >= size;
}

/* time */

static uint32_t at_least(uint32_t value, uint32_t least)
{
	return value < least ? least : value;
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
	return value > most ? most : value;
}

/* Seconds to keep an answer; failures are kept for a moment only, so that nobody hammers a broken zone (RFC 9520). */
static uint32_t lifetime_s(const struct dns_cache_settings *s, const struct dns_answer *a)
{
	switch ((enum dns_rcode)a->rcode) {
	case DNS_NOERROR:
		return at_most(at_least(a->ttl_s, s->ttl_min_s), s->ttl_max_s);
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return at_most(at_least(a->ttl_s, s->ttl_min_s), s->ttl_negative_max_s);
	case DNS_SERVFAIL:
	case DNS_TIMEOUT:
		break;
	}
	return s->ttl_servfail_s;
}

/* verbs */

const struct dns_answer *dns_cache_get(struct dns_cache *c, const struct dns_question *q, uint64_t now_us)
{
	struct span key = question_key(q);
	uint32_t i = find(c, key, hash_of(c, key));

	if (i == NO_ENTRY) {
		c->counts.misses++;
		return NULL;
	}
	struct entry *e = &c->entries[i];

	if (now_us >= e->expires_us) {
		c->counts.expired++;
		c->counts.misses++;
		return NULL;
	}
	struct dns_answer *answer = record_answer(record_at(c, e->at));

	e->read = e->wanted = true;
	answer->ttl_s = (uint32_t)((e->expires_us - now_us) / US_PER_S);
	c->counts.hits++;
	return answer;
}

const struct dns_answer *dns_cache_stale(struct dns_cache *c, const struct dns_question *q, uint64_t now_us)
{
	struct span key = question_key(q);
	uint32_t i = find(c, key, hash_of(c, key));

	if (i == NO_ENTRY || now_us >= usable_until_us(c, &c->entries[i]))
		return NULL;
	struct entry *e = &c->entries[i];
	struct dns_answer *answer = record_answer(record_at(c, e->at));

	if (dns_answer_failed(answer))
		return NULL;
	e->read = true;
	e->due = false;
	answer->ttl_s = now_us < e->expires_us ? (uint32_t)((e->expires_us - now_us) / US_PER_S) : STALE_TTL_S;
	return answer;
}

bool dns_cache_due(struct dns_cache *c, uint32_t n_looks, uint64_t now_us, struct dns_question *q)
{
	while (n_looks-- > 0) {
		struct entry *e = &c->entries[c->hand];

		c->hand = c->hand + 1 < c->settings.entries_max ? c->hand + 1 : 0;
		if (!e->live || e->due || !e->wanted || now_us >= e->expires_us ||
		    e->expires_us - now_us > e->life_s * US_PER_S / DUE_FRACTION)
			continue;
		const struct record *r = record_at(c, e->at);

		if (dns_answer_failed((const struct dns_answer *)(const void *)(r + 1)))
			continue;
		e->due = true;
		question_of(r, q);
		return true;
	}
	return false;
}

bool dns_cache_walk(const struct dns_cache *c, uint32_t *cursor, struct dns_cache_row *row)
{
	while (*cursor < c->settings.entries_max) {
		const struct entry *e = &c->entries[(*cursor)++];

		if (!e->live)
			continue;
		const struct record *r = record_at(c, e->at);

		question_of(r, &row->q);
		row->answer = (const struct dns_answer *)(const void *)(r + 1);
		row->expires_us = e->expires_us;
		return true;
	}
	return false;
}

/* Keeps @answer for @life_s; false: not at all. */
static bool keep(struct dns_cache *c, const struct dns_question *q, const struct dns_answer *answer, uint32_t life_s,
		 uint64_t now_us)
{
	struct span key = question_key(q);
	uint32_t hash = hash_of(c, key), *bucket = &c->buckets[hash & c->bucket_mask], old = find(c, key, hash);
	unsigned chances = SECOND_CHANCES;
	bool again = false;

	if (old != NO_ENTRY) {
		again = now_us < c->entries[old].expires_us + c->entries[old].life_s * US_PER_S &&
			now_us >= c->entries[old].expires_us;
		drop(c, old);
	}
	if (life_s == 0 || answer->size > ANSWER_MAX)
		return false;
	uint32_t size = (uint32_t)round_up(sizeof(struct record) + answer->size + key.len, ALIGN);

	if (size > c->n_octets)
		return false;
	while (c->free == NO_ENTRY || !fits(c, size))
		pass_oldest(c, &chances, now_us);

	struct record *r = record_at(c, c->head);
	uint32_t i = c->free;

	c->free = c->entries[i].next;
	*r = (struct record){ .size = size, .entry = i, .answer_size = answer->size, .key_len = (uint32_t)key.len };
	memcpy(r + 1, answer, answer->size);
	memcpy((uint8_t *)(r + 1) + answer->size, key.at, key.len);
	c->entries[i] = (struct entry){ .expires_us = now_us + life_s * US_PER_S,
					.life_s = life_s,
					.live = true,
					.wanted = again,
					.at = c->head,
					.hash = hash,
					.next = *bucket };
	*bucket = i;
	c->head += size;
	if (c->head == c->n_octets)
		c->head = 0;
	c->n_records++;
	c->counts.entries++;
	c->counts.octets += size;
	c->counts.stored++;
	return true;
}

void dns_cache_put(struct dns_cache *c, const struct dns_question *q, const struct dns_answer *answer, uint64_t now_us)
{
	keep(c, q, answer, lifetime_s(&c->settings, answer), now_us);
}

bool dns_cache_restore(struct dns_cache *c, const struct dns_question *q, const struct dns_answer *answer,
		       uint64_t left_s, uint64_t now_us)
{
	const uint32_t most_s = answer->rcode == DNS_NOERROR ? c->settings.ttl_max_s : c->settings.ttl_negative_max_s;

	if (dns_answer_failed(answer))
		return false;
	return keep(c, q, answer, left_s < most_s ? (uint32_t)left_s : most_s, now_us);
}

size_t dns_cache_flush(struct dns_cache *c, struct span name)
{
	const size_t head_len = offsetof(struct dns_question, name);
	size_t n = 0;

	if (name.len == 0) {
		n = c->counts.entries;
		forget_all(c);
		return n;
	}
	for (uint32_t b = 0; b <= c->bucket_mask; b++) {
		for (uint32_t i = c->buckets[b], next; i != NO_ENTRY; i = next) {
			next = c->entries[i].next;
			if (!span_eq_nocase(span_skip(record_key(record_at(c, c->entries[i].at)), head_len), name))
				continue;
			drop(c, i);
			n++;
		}
	}
	return n;
}

void dns_cache_counts(const struct dns_cache *c, struct dns_cache_counts *out)
{
	*out = c->counts;
}
