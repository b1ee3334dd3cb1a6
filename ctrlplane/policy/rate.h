// SPDX-License-Identifier: MIT
/*
 * rate.h - limits by domain: how much mail of it a minute, and how many transactions at once
 *
 * A bucket of tokens and a count for each domain that is met, in a table of fixed size.  A record that is not in use,
 * with no transaction under way and its bucket full again, makes room for another; while there is none, further domains
 * are not limited (RATE_FULL), so that nobody is refused for the names that others made up.
 */
#ifndef POLICY_RATE_H
#define POLICY_RATE_H

#include "dataplane/base/siphash.h"

#define RATE_PER_MINUTE_MAX 60000

struct rates;

size_t rates_memory(uint64_t domains_max); /* octets for rates_init() */

/* @memory: 64-byte aligned, zeroed, kept.  @domains_max is rounded up to a power of two. */
struct rates *rates_init(void *memory, uint64_t domains_max, const struct siphash_key *key);

enum rate_kind { RATE_SENDER, RATE_RECIPIENT };
enum rate_answer {
	RATE_GOOD,
	RATE_SPENT, /* its minute's worth is used up */
	RATE_OPEN,  /* it has as many transactions as it may */
	RATE_FULL,  /* there is no room to count it: it may */
};

/**
 * rates_charge - one more message, or recipient, of a domain
 * @per_minute: at most RATE_PER_MINUTE_MAX, as many may come at once; 0: no limit
 * @record: set to the domain's, for rates_open(); 0: it has none
 *
 * In RATE_SPENT nothing was charged.
 */
enum rate_answer rates_charge(struct rates *r, enum rate_kind kind, struct span domain, uint32_t per_minute,
			      uint32_t *record, uint64_t now_us);

/* A transaction of that domain begins, RATE_OPEN: it may not; and ends.  @record 0 is nobody's. */
enum rate_answer rates_open(struct rates *r, uint32_t record, uint32_t most);
void rates_close(struct rates *r, uint32_t record);

#endif
