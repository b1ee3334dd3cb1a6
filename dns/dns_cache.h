// SPDX-License-Identifier: MIT
/*
 * dns_cache.h - answers by question, as long as their time to live allows
 *
 * Bounded by entries and by octets; when full the least recently used goes (CLOCK).  Core: no clock,
 * memory given at start.  Used twice: by the control thread for all, and by each worker for itself.
 */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dns/dns_question.h"

struct dns_cache_settings {
	uint32_t entries_max;
	uint64_t octets_max; /* of all answers; 0: 512 an entry */
	uint32_t ttl_min_s, ttl_max_s, ttl_negative_max_s, ttl_servfail_s;
	uint32_t stale_max_s; /* how long beyond its time dns_cache_stale() gives an answer; 0: not at all */
};

struct dns_cache;

size_t dns_cache_memory(const struct dns_cache_settings *settings);
struct dns_cache *dns_cache_init(void *memory, const struct dns_cache_settings *settings,
				 const struct siphash_key *key);

/* The answer while it is fresh, or NULL; its ttl_s is what remains.  Borrowed until the next call of dns_cache_put(). */
const struct dns_answer *dns_cache_get(struct dns_cache *c, const struct dns_question *q, uint64_t now_us);

/**
 * dns_cache_stale - the best there is while no server answers (RFC 8767)
 *
 * The answer while it is fresh, with the time that remains, or past its time by stale_max_s at most, with a ttl_s of
 * 30.  NULL when there is none, and never a failure.  Borrowed as by dns_cache_get().
 */
const struct dns_answer *dns_cache_stale(struct dns_cache *c, const struct dns_question *q, uint64_t now_us);

/**
 * dns_cache_due - a question to ask again before its answer expires
 * @n_looks: entries to look at, from where the last call stopped; all are passed in turn
 *
 * Answers in the last tenth of their life that were read since they were put, or whose name is known to come
 * back: it was asked for within one lifetime of the last answer's end.  Each is given once until it is put again.
 */
bool dns_cache_due(struct dns_cache *c, uint32_t n_looks, uint64_t now_us, struct dns_question *q);

/* All that is kept, in no order, expired answers too; @cursor is 0 at first.  @row's answer is borrowed; a put between two calls is allowed. */
struct dns_cache_row {
	struct dns_question q;
	const struct dns_answer *answer;
	uint64_t expires_us;
};
bool dns_cache_walk(const struct dns_cache *c, uint32_t *cursor, struct dns_cache_row *row);

/* Keeps a copy for the time that rcode and limits allow.  An answer over 64 KiB is not kept. */
void dns_cache_put(struct dns_cache *c, const struct dns_question *q, const struct dns_answer *answer, uint64_t now_us);

/**
 * dns_cache_restore - keeps an answer of an earlier run
 * @left_s: what is left of its time; more than dns_cache_put() would give it is not taken, less is not made more
 *
 * Returns whether it is kept.
 */
bool dns_cache_restore(struct dns_cache *c, const struct dns_question *q, const struct dns_answer *answer,
		       uint64_t left_s, uint64_t now_us);

/* @name: all types of that name; empty: everything.  Returns how many were dropped. */
size_t dns_cache_flush(struct dns_cache *c, struct span name);

struct dns_cache_counts {
	uint64_t hits, misses, expired, evicted, stored;
	uint32_t entries, entries_max;
	uint64_t octets, octets_max;
};
void dns_cache_counts(const struct dns_cache *c, struct dns_cache_counts *out);

#endif
