// SPDX-License-Identifier: MIT
/*
 * crypto_batch.h - gather verify jobs, hand them to a backend together, hand them back
 *
 * Core; one per shard, no locks.  Jobs of one algorithm and size class go together; a batch runs when it is
 * full, when the shard is idle, or when its oldest job has waited long enough.  A step does as much as takes some tens
 * of microseconds with lanes, so that the shard's turn stays short; the rest waits for the next.
 */
#ifndef CRYPTO_BATCH_H
#define CRYPTO_BATCH_H

#include "crypto/crypto_job.h"
#include "dataplane/base/stats.h"

#define CRYPTO_BATCH_MAX 32

/*
 * The class is guessed from the length of the key: it decides who travels with whom and nothing else, so a
 * guess may be wrong.  A SubjectPublicKeyInfo is 34 to 38 octets longer than its modulus, a bare RSAPublicKey 10 to 14.
 * rsa-sha1 and rsa-sha256 share classes: the public operation is the same.
 */
enum crypto_class {
	CRYPTO_CLASS_ED25519,
	CRYPTO_CLASS_RSA_1024,
	CRYPTO_CLASS_RSA_2048,
	CRYPTO_CLASS_RSA_3072,
	CRYPTO_CLASS_RSA_4096,
	CRYPTO_CLASS_RSA_MORE,
	N_CRYPTO_CLASS
};

enum crypto_class crypto_class_of(const struct crypto_job *job);

/* What a backend did; it counts, others read. */
struct crypto_counts {
	uint64_t in_lanes, alone; /* jobs verified side by side, and one after the other */
	uint64_t keys_made;       /* keys made ready for lanes */
	uint64_t pieces;          /* pieces of batches that are too long for one turn */
	/* of a device (crypto_device.h) */
	uint64_t device_ops, device_full, device_errors, device_timeouts, device_late;
	uint64_t device_confirmed, device_sampled, device_wrong; /* by the CPU; verdicts that it did not share */
	uint64_t device_opened, device_closed;                   /* the circuit */
};

/**
 * struct crypto_backend - who verifies, for one thread
 *
 * A job that is taken gets its verdict and key_bits, at once or later, and jobs end in any order.  No call takes longer
 * than about a third of a full batch of RSA-4096, but for what one job costs that has no lanes.
 */
struct crypto_backend {
	const char *name;
	void *driver;
	uint32_t lanes;     /* jobs that it likes to have at once; 1: company gains nothing */
	uint32_t under_way; /* jobs that were taken and are to come from poll() */
	struct crypto_counts counts;
	const char *by_class[N_CRYPTO_CLASS]; /* who verifies: for `show crypto` */
	/*
	 * Takes the first of @jobs and returns how many; fewer than @n: not now, and the others are to be offered again.
	 * A job whose verdict is not PENDING then is done and does not come from poll().
	 */
	size_t (*submit)(void *driver, struct crypto_job *const *jobs, size_t n, uint64_t now_us);
	/* Goes on with what is under way; returns how many of it ended, to @done, CRYPTO_BATCH_MAX at most.  NULL: never any. */
	size_t (*poll)(void *driver, struct crypto_job **done, uint64_t now_us);
	/* The thread ends, before close(): waits a bounded time for what a device has; verdicts are nobody's now.  NULL: nothing to do. */
	void (*drain)(void *driver);
	void (*close)(struct crypto_backend *backend); /* NULL: nothing to release */
};

/* Verifies to the end; for callers that have nothing else to do.  Time stands still but for a microsecond a poll. */
void crypto_verify(struct crypto_backend *backend, struct crypto_job *const *jobs, size_t n);

struct crypto_batch_settings {
	uint32_t jobs_max;    /* under way at once: then crypto_batch_submit() refuses */
	uint64_t wait_max_us; /* crypto.batch_wait_us */
};

struct crypto_batch;

size_t crypto_batch_memory(const struct crypto_batch_settings *settings);
struct crypto_batch *crypto_batch_init(void *memory, const struct crypto_batch_settings *settings,
				       struct crypto_backend *backend, struct stats *stats);

/* Takes a job until crypto_batch_done() returns it; false when jobs_max are under way. */
bool MUST_USE crypto_batch_submit(struct crypto_batch *b, struct crypto_job *job, uint64_t now_us);

/* Of jobs_max how many are under way. */
uint32_t crypto_batch_under_way(const struct crypto_batch *b);

/* Runs what is due; @idle: everything that waits. */
void crypto_batch_step(struct crypto_batch *b, uint64_t now_us, bool idle);

/* The next finished job, NULL when there is none. */
struct crypto_job *crypto_batch_done(struct crypto_batch *b);
uint64_t crypto_batch_deadline_us(const struct crypto_batch *b);

/* The shard's thread ends: see crypto_backend.drain. */
void crypto_batch_drain(struct crypto_batch *b);

#endif
