// SPDX-License-Identifier: MIT
/*
 * dmarc_cache.h - what finished tree walks came to, by domain, as long as their answers' time to live allows
 *
 * In front of the walks, so that a message of known domains asks nothing and parses no record again.  Fixed entries
 * of two cache lines; when full the least recently used goes (CLOCK).  Core: no clock, memory given at start.  One
 * cache serves one worker, and one set of auth_settings: what a walk comes to depends on the mode.
 */
#ifndef AUTH_DMARC_CACHE_H
#define AUTH_DMARC_CACHE_H

#include "dataplane/auth/dmarc_record.h"
#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dns/dns_question.h"

#define DMARC_NOWHERE UINT8_MAX /* no offset in a domain: it has 253 octets at most */

enum dmarc_exists {
	DMARC_EXISTS_UNASKED,
	DMARC_EXISTS_WANTED,
	DMARC_EXISTS_ASKED,
	DMARC_EXISTS_YES,
	DMARC_EXISTS_NO,
	DMARC_EXISTS_UNKNOWN
};

/* Whether the walk's answers tell what RFC 7489 6.6.3 would have found in its domain's place. */
enum dmarc_rfc7489 { DMARC_RFC7489_UNTOLD, DMARC_RFC7489_NONE, DMARC_RFC7489_RECORD };

/* What a walk came to; offsets are those of names in the walk's domain. */
struct dmarc_outcome {
	uint8_t org_at;             /* the organizational domain */
	uint8_t policy_at;          /* where the policy record stands; DMARC_NOWHERE: there is none */
	uint8_t exists;             /* enum dmarc_exists, of the domain itself: YES, NO, or UNASKED */
	uint8_t n_steps, found;     /* names of the walk, and bit i: a record stands at the i-th (for --explain) */
	bool nxdomain;              /* "_dmarc." of the domain does not exist */
	uint8_t psl_org_at;         /* the organizational domain by the public suffix list (RFC 7489 3.2) */
	uint8_t rfc7489;            /* enum dmarc_rfc7489 */
	uint8_t rfc7489_at;         /* of a RECORD: where it stands */
	struct dmarc_record record; /* the policy record */
	struct dmarc_record rfc7489_record;
};

struct dmarc_cache_settings {
	uint32_t entries_max;
	uint32_t ttl_min_s, ttl_max_s, ttl_negative_max_s;
};

struct dmarc_cache;

size_t dmarc_cache_memory(const struct dmarc_cache_settings *settings);
struct dmarc_cache *dmarc_cache_init(void *memory, const struct dmarc_cache_settings *settings,
				     const struct siphash_key *key, struct stats *stats);

/**
 * dmarc_cache_get - what the walk of @domain came to, while it is fresh
 * @expires_us: Out: until when it is
 * Returns NULL when it has to be walked.  Borrowed until the next call of dmarc_cache_put() or _flush().
 */
const struct dmarc_outcome *dmarc_cache_get(struct dmarc_cache *c, struct span domain, uint64_t now_us,
					    uint64_t *expires_us);

/* Keeps a copy in place of any older one.  A domain too long for an entry (dmarc_cache.c) is not kept. */
void dmarc_cache_put(struct dmarc_cache *c, struct span domain, const struct dmarc_outcome *outcome,
		     uint64_t expires_us, uint64_t now_us);

/* When something made from @answer expires; @answer NULL: from no answer at all. */
uint64_t dmarc_cache_expiry_us(const struct dmarc_cache *c, const struct dns_answer *answer, uint64_t now_us);

void dmarc_cache_flush(struct dmarc_cache *c);

/* Another one after each flush: what was begun before it is not put in after it. */
uint32_t dmarc_cache_epoch(const struct dmarc_cache *c);

#endif
