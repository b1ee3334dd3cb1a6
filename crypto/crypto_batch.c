// SPDX-License-Identifier: MIT
/*
 * crypto_batch.c - gather verify jobs, hand them to a backend together, hand them back
 *
 * One queue for each class of work, so that a backend with lanes gets jobs of one length side by side.  Jobs
 * wait in nodes from one array; a node goes from `free` to its class, from there to `done`, and back.
 */
#include "crypto/crypto_batch.h"

#define NO_NODE UINT32_MAX
#define NEVER UINT64_MAX

/*
 * The class is guessed from the length of the key: it decides who travels with whom and nothing else, so a
 * guess may be wrong.  A SubjectPublicKeyInfo is 34 to 38 octets longer than its modulus, a bare RSAPublicKey 10 to 14.
 * rsa-sha1 and rsa-sha256 share classes: the public operation is the same.
 */
enum class { CLASS_ED25519, CLASS_RSA_1024, CLASS_RSA_2048, CLASS_RSA_3072, CLASS_RSA_4096, CLASS_RSA_MORE, N_CLASS };

#define SPKI_EXTRA 38

static const uint16_t class_bits_max[N_CLASS] = {
	[CLASS_RSA_1024] = 1038, [CLASS_RSA_2048] = 2078,       [CLASS_RSA_3072] = 3118,
	[CLASS_RSA_4096] = 4158, [CLASS_RSA_MORE] = UINT16_MAX,
};

struct node {
	struct crypto_job *job;
	uint64_t since_us;
	uint32_t next;
};

struct queue {
	uint32_t first, last, n;
};

struct crypto_batch {
	struct crypto_batch_settings settings;
	const struct crypto_backend *backend;
	struct stats *stats;
	struct queue waiting[N_CLASS];
	struct queue done;
	struct queue free;
	struct node nodes[]; /* jobs_max */
};

static void queue_init(struct queue *q)
{
	*q = (struct queue){ .first = NO_NODE, .last = NO_NODE };
}

static void queue_put(struct crypto_batch *b, struct queue *q, uint32_t node)
{
	b->nodes[node].next = NO_NODE;
	if (q->n++ == 0)
		q->first = node;
	else
		b->nodes[q->last].next = node;
	q->last = node;
}

static uint32_t queue_get(struct crypto_batch *b, struct queue *q)
{
	uint32_t node = q->first;

	DCHECK(q->n > 0);
	q->first = b->nodes[node].next;
	q->n--;
	return node;
}

size_t crypto_batch_memory(const struct crypto_batch_settings *settings)
{
	return sizeof(struct crypto_batch) + settings->jobs_max * sizeof(struct node);
}

struct crypto_batch *crypto_batch_init(void *memory, const struct crypto_batch_settings *settings,
				       const struct crypto_backend *backend, struct stats *stats)
{
	struct crypto_batch *b = memory;

	CHECK(settings->jobs_max > 0 && settings->jobs_max < NO_NODE);
	CHECK(settings->lanes > 0 && settings->lanes <= CRYPTO_BATCH_MAX);
	b->settings = *settings;
	b->backend = backend;
	b->stats = stats;
	for (unsigned c = 0; c < N_CLASS; c++)
		queue_init(&b->waiting[c]);
	queue_init(&b->done);
	queue_init(&b->free);
	for (uint32_t i = 0; i < settings->jobs_max; i++)
		queue_put(b, &b->free, i);
	return b;
}

static enum class class_of(const struct crypto_job *job) {
	unsigned bits = job->key_len > SPKI_EXTRA ? (job->key_len - SPKI_EXTRA) * 8u : 0; unsigned c = CLASS_RSA_1024;

	if (job->alg == CRYPTO_ED25519_SHA256) return CLASS_ED25519;
	while (bits > class_bits_max[c]) c++;
	return c;
}

static void count_job(struct stats *stats, enum class c)
{
	switch (c) {
	case CLASS_ED25519:
		stats->crypto_jobs_ed25519++;
		break;
	case CLASS_RSA_1024:
		stats->crypto_jobs_rsa_1024++;
		break;
	case CLASS_RSA_2048:
		stats->crypto_jobs_rsa_2048++;
		break;
	case CLASS_RSA_3072:
		stats->crypto_jobs_rsa_3072++;
		break;
	case CLASS_RSA_4096:
		stats->crypto_jobs_rsa_4096++;
		break;
	case CLASS_RSA_MORE:
	case N_CLASS:
		stats->crypto_jobs_rsa_more++;
		break;
	}
}

bool crypto_batch_submit(struct crypto_batch *b, struct crypto_job *job, uint64_t now_us)
{
	if (b->free.n == 0) {
		b->stats->crypto_refused++;
		return false;
	}
	enum class c = class_of(job);
	uint32_t node = queue_get(b, &b->free);

	job->verdict = CRYPTO_PENDING;
	b->nodes[node].job = job;
	b->nodes[node].since_us = now_us;
	queue_put(b, &b->waiting[c], node);
	count_job(b->stats, c);
	return true;
}

/* The first @n jobs of a class through the backend. */
static void run(struct crypto_batch *b, struct queue *q, uint32_t n)
{
	struct crypto_job *jobs[CRYPTO_BATCH_MAX];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t node = queue_get(b, q);

		jobs[i] = b->nodes[node].job;
		queue_put(b, &b->done, node);
	}
	b->backend->verify(b->backend->driver, jobs, n);
	for (uint32_t i = 0; i < n; i++)
		CHECK(jobs[i]->verdict != CRYPTO_PENDING);
	b->stats->crypto_batches++;
	b->stats->crypto_batches_full += n >= b->settings.lanes;
	b->stats->crypto_batch_jobs += n;
}

static bool overdue(const struct crypto_batch *b, const struct queue *q, uint64_t now_us)
{
	return q->n > 0 && now_us - b->nodes[q->first].since_us >= b->settings.wait_max_us;
}

/* How many jobs of a class are to run now: full batches rather than a rest, unless the rest is due itself. */
static uint32_t due(const struct crypto_batch *b, const struct queue *q, uint64_t now_us, bool idle)
{
	uint32_t lanes = b->settings.lanes;
	uint32_t n = q->n < CRYPTO_BATCH_MAX ? q->n : CRYPTO_BATCH_MAX;

	if (n >= lanes)
		return n - n % lanes;
	return idle || overdue(b, q, now_us) ? n : 0;
}

/* Under load a turn runs one batch of each class at most: the shard's turn stays bounded. */
void crypto_batch_step(struct crypto_batch *b, uint64_t now_us, bool idle)
{
	for (unsigned c = 0; c < N_CLASS; c++) {
		uint32_t n = due(b, &b->waiting[c], now_us, idle);

		while (n > 0) {
			run(b, &b->waiting[c], n);
			n = idle ? due(b, &b->waiting[c], now_us, true) : 0;
		}
	}
}

struct crypto_job *crypto_batch_done(struct crypto_batch *b)
{
	if (b->done.n == 0)
		return NULL;
	uint32_t node = queue_get(b, &b->done);

	queue_put(b, &b->free, node);
	return b->nodes[node].job;
}

uint64_t crypto_batch_deadline_us(const struct crypto_batch *b)
{
	uint64_t deadline = NEVER;

	for (unsigned c = 0; c < N_CLASS; c++) {
		const struct queue *q = &b->waiting[c];

		if (q->n == 0)
			continue;
		uint64_t wait = q->n >= b->settings.lanes ? 0 : b->settings.wait_max_us; /* full: due already */
		uint64_t at = b->nodes[q->first].since_us + wait;

		if (at < deadline)
			deadline = at;
	}
	return deadline;
}
