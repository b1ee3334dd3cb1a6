// SPDX-License-Identifier: MIT
/*
 * crypto_batch.h - gather verify jobs, hand them to a backend together, hand them back
 *
 * Core; one per shard, no locks.  Jobs of one algorithm and size class go together; a batch runs when it is
 * full, when the shard is idle, or when its oldest job has waited long enough.  A step runs as many batches as take
 * about the time of one full batch of RSA-4096, so that the shard's turn stays short; the rest waits for the next.
 */
#ifndef CRYPTO_BATCH_H
#define CRYPTO_BATCH_H

#include "crypto/crypto_job.h"
#include "dataplane/base/stats.h"

#define CRYPTO_BATCH_MAX 32

/* What a backend did; it counts, others read. */
struct crypto_counts {
	uint64_t in_lanes, alone; /* jobs verified side by side, and one after the other */
	uint64_t keys_made;       /* keys made ready for lanes */
};

/* A backend verifies @n jobs and sets verdict and key_bits of each.  Synchronous backends do it in the call. */
struct crypto_backend {
	const char *name;
	void *driver;
	uint32_t lanes; /* jobs that it likes to have at once; 1: company gains nothing */
	struct crypto_counts counts;
	void (*verify)(void *driver, struct crypto_job **jobs, size_t n);
	void (*close)(struct crypto_backend *backend); /* NULL: nothing to release */
};

struct crypto_batch_settings {
	uint32_t jobs_max;    /* under way at once: then crypto_batch_submit() refuses */
	uint64_t wait_max_us; /* crypto.batch_wait_us */
};

struct crypto_batch;

size_t crypto_batch_memory(const struct crypto_batch_settings *settings);
struct crypto_batch *crypto_batch_init(void *memory, const struct crypto_batch_settings *settings,
				       const struct crypto_backend *backend, struct stats *stats);

/* Takes a job until crypto_batch_done() returns it; false when jobs_max are under way. */
bool MUST_USE crypto_batch_submit(struct crypto_batch *b, struct crypto_job *job, uint64_t now_us);

/* Runs what is due; @idle: everything that waits. */
void crypto_batch_step(struct crypto_batch *b, uint64_t now_us, bool idle);

/* The next finished job, NULL when there is none. */
struct crypto_job *crypto_batch_done(struct crypto_batch *b);
uint64_t crypto_batch_deadline_us(const struct crypto_batch *b);

#endif
