// SPDX-License-Identifier: MIT
/*
 * lane_keys.h - keys in the form that lanes want, kept for one thread
 *
 * A key is remembered by a hash when it is seen first, and made ready when it is seen again: a sender with a new key
 * for each message gets none of them made, and none of his pushes out one that is in use.
 */
#ifndef CRYPTO_LANE_KEYS_H
#define CRYPTO_LANE_KEYS_H

#include "crypto/crypto_batch.h"
#include "crypto/ed25519_ifma.h"
#include "crypto/rsa_lanes.h"

struct lane_key {
	void *lane;                       /* one of these two; none: seen once */
	struct ed25519_ifma_key *ed25519; /* the block of memory is the same */
	struct rsa_key rsa;               /* n points into octets */
	uint8_t *octets;
	uint16_t len;
	bool ready; /* it was made ready */
	bool used;  /* since the hand passed */
	uint32_t next, bucket;
	uint64_t hash;
	uint64_t turn; /* last in use: it stays where it is until the next turn */
};

struct lane_keys;

struct lane_keys *lane_keys_open(const struct rsa_lanes *lanes, uint32_t keys_max);
void lane_keys_close(struct lane_keys *keys);

/* A new turn: what lane_keys_find() gave before may go.  One turn finds at most CRYPTO_BATCH_MAX keys. */
void lane_keys_turn(struct lane_keys *keys);

/*
 * The key of a job, to be made ready if it is not; NULL: seen the first time, no key of its algorithm, or not of a
 * length for lanes.  It is of the algorithm of the job.
 */
struct lane_key *lane_keys_find(struct lane_keys *keys, const struct crypto_job *job);

#endif
