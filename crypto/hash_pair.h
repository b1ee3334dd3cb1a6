// SPDX-License-Identifier: MIT
/*
 * hash_pair.h - running SHA-256 of many streams, hashed two at a time
 *
 * Octets of one stream wait until those of another come; then both are hashed side by side, in little more than the
 * time of one (sha256_pair.h).  One stream waits at a time, and its octets are copied, so nothing need outlive a call.
 * For one thread.
 *
 * A state that went through hash_pair_update() may wait: it must stay where it is until hash_pair_settle() or
 * hash_pair_drop().
 */
#ifndef CRYPTO_HASH_PAIR_H
#define CRYPTO_HASH_PAIR_H

#include "crypto/crypto_job.h"

struct hash_pair;

/* NULL: the machine has no SHA instructions, or memory is short; then each stream is hashed alone. */
struct hash_pair *hash_pair_open(void);
void hash_pair_close(struct hash_pair *pair);

bool hash_pair_usable(void);

/* What struct hash_ops has under these names. */
void hash_pair_update(struct hash_pair *pair, struct hash_state *state, struct span octets);
void hash_pair_settle(struct hash_pair *pair, struct hash_state *state);
void hash_pair_drop(struct hash_pair *pair, const struct hash_state *state);

/* Octets so far that were hashed side by side. */
uint64_t hash_pair_n_paired(const struct hash_pair *pair);

#endif
