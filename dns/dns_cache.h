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
};

struct dns_cache;

size_t dns_cache_memory(const struct dns_cache_settings *settings);
struct dns_cache *dns_cache_init(void *memory, const struct dns_cache_settings *settings,
				 const struct siphash_key *key);

/* The answer while it is fresh, or NULL; its ttl_s is what remains.  Borrowed until the next call of dns_cache_put(). */
const struct dns_answer *dns_cache_get(struct dns_cache *c, const struct dns_question *q, uint64_t now_us);

/* Keeps a copy for the time that rcode and limits allow.  An answer over 64 KiB is not kept. */
void dns_cache_put(struct dns_cache *c, const struct dns_question *q, const struct dns_answer *answer, uint64_t now_us);

/* @name: all types of that name; empty: everything.  Returns how many were dropped. */
size_t dns_cache_flush(struct dns_cache *c, struct span name);

struct dns_cache_counts {
	uint64_t hits, misses, expired, evicted, stored;
	uint32_t entries, entries_max;
	uint64_t octets, octets_max;
};
void dns_cache_counts(const struct dns_cache *c, struct dns_cache_counts *out);

#endif
