// SPDX-License-Identifier: MIT
/*
 * shard_rcpt_cache.h - which recipients the next hops know, as they said it; entries of 16 octets that age
 *
 * Keyed by a hash under a secret key: a sender who may choose addresses cannot choose what they push out.  Buckets of
 * four; the entry that would age first makes room.
 */
#ifndef SHARD_RCPT_CACHE_H
#define SHARD_RCPT_CACHE_H

#include "dataplane/base/siphash.h"

struct rcpt_cache;

enum rcpt_known { RCPT_NOT_ASKED, RCPT_KNOWN, RCPT_UNKNOWN };

size_t rcpt_cache_memory(size_t entries_max);
struct rcpt_cache *rcpt_cache_init(void *memory, size_t entries_max, const struct siphash_key *key); /* zeroed */

/* @rcpt: a forward-path without <>; the domain counts in any case, the local part as it is (RFC 5321 2.4). */
enum rcpt_known rcpt_cache_get(const struct rcpt_cache *c, struct span rcpt, uint64_t now_us);
void rcpt_cache_put(struct rcpt_cache *c, struct span rcpt, enum rcpt_known known, uint64_t for_us, uint64_t now_us);
void rcpt_cache_flush(struct rcpt_cache *c);

#endif
