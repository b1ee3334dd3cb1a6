// SPDX-License-Identifier: MIT
/*
 * ifma_keys.h - keys in the form that lanes want, kept for one thread
 *
 * A key is remembered by a hash when it is seen first, and made ready when it is seen again: a sender with a new key
 * for each message gets none of them made, and none of his pushes out one that is in use.
 */
#ifndef CRYPTO_IFMA_KEYS_H
#define CRYPTO_IFMA_KEYS_H

#include "crypto/crypto_batch.h"
#include "crypto/rsa_ifma.h"

struct ifma_key {
	struct rsa_ifma_key *lane; /* NULL: seen once */
	struct rsa_key rsa;        /* n points into der */
	uint8_t *der;
	uint16_t der_len;
	bool ready; /* rsa_ifma_keys() was done */
	bool used;  /* since the hand passed */
	uint32_t next, bucket;
	uint64_t hash;
	uint64_t turn; /* last in use: it stays where it is until the next turn */
};

struct ifma_keys;

struct ifma_keys *ifma_keys_open(uint32_t keys_max);
void ifma_keys_close(struct ifma_keys *keys);

/* A new turn: what ifma_keys_find() gave before may go.  One turn finds at most CRYPTO_BATCH_MAX keys. */
void ifma_keys_turn(struct ifma_keys *keys);

/* The key of a job, to be made ready if it is not; NULL: seen the first time, no key, or not of a length for lanes. */
struct ifma_key *ifma_keys_find(struct ifma_keys *keys, const struct crypto_job *job);

#endif
