// SPDX-License-Identifier: MIT
/*
 * crypto_batch.c - gather verify jobs, hand them to a backend together, hand them back
 *
 * One queue for each class of work, so that a backend with lanes gets jobs of one length side by side.  Jobs
 * wait in nodes from one array; a node goes from `free` to its class, to `out` while the backend has the job, to `done`,
 * and back.  Jobs end in any order, so a node of `out` stands for one of them and no certain one.
 */
#include "crypto/crypto_batch.h"

#define NO_NODE UINT32_MAX
#define NEVER UINT64_MAX

#define SPKI_EXTRA 38

static const uint16_t class_bits_max[N_CRYPTO_CLASS] = {
	[CRYPTO_CLASS_RSA_1024] = 1038, [CRYPTO_CLASS_RSA_2048] = 2078,       [CRYPTO_CLASS_RSA_3072] = 3118,
	[CRYPTO_CLASS_RSA_4096] = 4158, [CRYPTO_CLASS_RSA_MORE] = UINT16_MAX,
};

/*
 * What a call of the backend costs at most with a batch of a class, in hundredths of a step, as measured with lanes:
 * long batches are cut in pieces.  Of RSA_MORE, which has no lanes, one job.
 */
static const uint16_t class_cost[N_CRYPTO_CLASS] = {
	[CRYPTO_CLASS_ED25519] = 100, [CRYPTO_CLASS_RSA_1024] = 12, [CRYPTO_CLASS_RSA_2048] = 43,
	[CRYPTO_CLASS_RSA_3072] = 63, [CRYPTO_CLASS_RSA_4096] = 63, [CRYPTO_CLASS_RSA_MORE] = 200,
};
enum { PIECE_COST = 63, STEP_COST = 100 };

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
	struct crypto_backend *backend;
	struct stats *stats;
	struct queue waiting[N_CRYPTO_CLASS];
	struct queue out, done;
	struct queue free;
	unsigned turn;       /* the class that a step begins with: the one that the last one left waiting */
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
				       struct crypto_backend *backend, struct stats *stats)
{
	struct crypto_batch *b = memory;

	CHECK(settings->jobs_max > 0 && settings->jobs_max < NO_NODE);
	CHECK(backend->lanes > 0 && backend->lanes <= CRYPTO_BATCH_MAX);
	b->settings = *settings;
	b->backend = backend;
	b->stats = stats;
	for (unsigned c = 0; c < N_CRYPTO_CLASS; c++)
		queue_init(&b->waiting[c]);
	b->turn = 0;
	queue_init(&b->out);
	queue_init(&b->done);
	queue_init(&b->free);
	for (uint32_t i = 0; i < settings->jobs_max; i++)
		queue_put(b, &b->free, i);
	return b;
}

uint32_t crypto_batch_under_way(const struct crypto_batch *b)
{
	return b->settings.jobs_max - b->free.n;
}

enum crypto_class crypto_class_of(const struct crypto_job *job)
{
	unsigned bits = job->key_len > SPKI_EXTRA ? (job->key_len - SPKI_EXTRA) * 8u : 0;
	unsigned c = CRYPTO_CLASS_RSA_1024;

	if (job->alg == CRYPTO_ED25519_SHA256)
		return CRYPTO_CLASS_ED25519;
	while (bits > class_bits_max[c])
		c++;
	return c;
}

static void count_job(struct stats *stats, enum crypto_class c)
{
	switch (c) {
	case CRYPTO_CLASS_ED25519:
		stats->crypto_jobs_ed25519++;
		break;
	case CRYPTO_CLASS_RSA_1024:
		stats->crypto_jobs_rsa_1024++;
		break;
	case CRYPTO_CLASS_RSA_2048:
		stats->crypto_jobs_rsa_2048++;
		break;
	case CRYPTO_CLASS_RSA_3072:
		stats->crypto_jobs_rsa_3072++;
		break;
	case CRYPTO_CLASS_RSA_4096:
		stats->crypto_jobs_rsa_4096++;
		break;
	case CRYPTO_CLASS_RSA_MORE:
	case N_CRYPTO_CLASS:
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
	enum crypto_class c = crypto_class_of(job);
	uint32_t node = queue_get(b, &b->free);

	job->verdict = CRYPTO_PENDING;
	b->nodes[node].job = job;
	b->nodes[node].since_us = now_us;
	queue_put(b, &b->waiting[c], node);
	count_job(b->stats, c);
	return true;
}

/* How many filled lanes a batch had. */
static void count_fill(struct stats *stats, uint32_t n)
{
	uint64_t *const fill[] = { &stats->crypto_fill_1, &stats->crypto_fill_2, &stats->crypto_fill_3,
				   &stats->crypto_fill_4, &stats->crypto_fill_5, &stats->crypto_fill_6,
				   &stats->crypto_fill_7, &stats->crypto_fill_8 };

	++*fill[(n < 8 ? n : 8) - 1];
}

/* The first @n jobs of a class to the backend.  Returns how many it took. */
static uint32_t run(struct crypto_batch *b, struct queue *q, uint32_t n, uint64_t now_us)
{
	struct crypto_job *jobs[CRYPTO_BATCH_MAX];
	uint32_t node = q->first;

	for (uint32_t i = 0; i < n; i++, node = b->nodes[node].next)
		jobs[i] = b->nodes[node].job;
	uint32_t taken = (uint32_t)b->backend->submit(b->backend->driver, jobs, n, now_us);

	CHECK(taken <= n);
	for (uint32_t i = 0; i < taken; i++) {
		node = queue_get(b, q);
		b->stats->crypto_wait_us += now_us - b->nodes[node].since_us;
		queue_put(b, jobs[i]->verdict == CRYPTO_PENDING ? &b->out : &b->done, node);
	}
	if (taken == 0)
		return 0;
	b->stats->crypto_batches++;
	b->stats->crypto_batches_full += taken >= b->backend->lanes;
	b->stats->crypto_batch_jobs += taken;
	count_fill(b->stats, taken);
	return taken;
}

/* What ended since the last step. */
static void fetch(struct crypto_batch *b, uint64_t now_us)
{
	struct crypto_job *done[CRYPTO_BATCH_MAX];
	size_t n = b->backend->poll ? b->backend->poll(b->backend->driver, done, now_us) : 0;

	CHECK(n <= b->out.n);
	for (size_t i = 0; i < n; i++) {
		uint32_t node = queue_get(b, &b->out);

		CHECK(done[i]->verdict != CRYPTO_PENDING);
		b->nodes[node].job = done[i];
		queue_put(b, &b->done, node);
	}
}

static void count_backend(struct crypto_batch *b)
{
	const struct crypto_counts *counts = &b->backend->counts;

	b->stats->crypto_in_lanes = counts->in_lanes;
	b->stats->crypto_alone = counts->alone;
	b->stats->crypto_keys_made = counts->keys_made;
	b->stats->crypto_pieces = counts->pieces;
	b->stats->crypto_device_ops = counts->device_ops;
	b->stats->crypto_device_full = counts->device_full;
	b->stats->crypto_device_errors = counts->device_errors;
	b->stats->crypto_device_timeouts = counts->device_timeouts;
	b->stats->crypto_device_late = counts->device_late;
	b->stats->crypto_device_confirmed = counts->device_confirmed;
	b->stats->crypto_device_sampled = counts->device_sampled;
	b->stats->crypto_device_wrong = counts->device_wrong;
	b->stats->crypto_device_opened = counts->device_opened;
	b->stats->crypto_device_closed = counts->device_closed;
}

/* Jobs that make a batch of a class full. */
static uint32_t lanes_of(const struct crypto_batch *b, unsigned c)
{
	return c == CRYPTO_CLASS_RSA_MORE ? 1 : b->backend->lanes;
}

static bool overdue(const struct crypto_batch *b, const struct queue *q, uint64_t now_us)
{
	return q->n > 0 && now_us - b->nodes[q->first].since_us >= b->settings.wait_max_us;
}

/* How many jobs of a class are to run now: a full batch, or what there is when it may not wait. */
static uint32_t due(const struct crypto_batch *b, unsigned c, uint64_t now_us, bool idle)
{
	const struct queue *q = &b->waiting[c];

	if (q->n >= lanes_of(b, c))
		return lanes_of(b, c);
	return idle || overdue(b, q, now_us) ? q->n : 0;
}

/* Batches that are due, until the step's time is spent or the backend takes no more. */
static void run_due(struct crypto_batch *b, unsigned spent, uint64_t now_us, bool idle)
{
	unsigned first = b->turn;

	for (unsigned i = 0; i < N_CRYPTO_CLASS; i++) {
		unsigned c = (first + i) % N_CRYPTO_CLASS;

		for (uint32_t n; (n = due(b, c, now_us, idle)) > 0; spent += class_cost[c]) {
			b->turn = c;
			if ((spent && spent + class_cost[c] > STEP_COST) || run(b, &b->waiting[c], n, now_us) < n)
				return;
		}
	}
}

void crypto_batch_step(struct crypto_batch *b, uint64_t now_us, bool idle)
{
	uint64_t pieces = b->backend->counts.pieces;

	fetch(b, now_us);
	run_due(b, b->backend->counts.pieces != pieces ? PIECE_COST : 0, now_us, idle);
	count_backend(b);
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
	uint64_t deadline = b->backend->under_way ? 0 : NEVER; /* what is under way wants to be polled */

	for (unsigned c = 0; c < N_CRYPTO_CLASS; c++) {
		const struct queue *q = &b->waiting[c];

		if (q->n == 0)
			continue;
		uint64_t wait = q->n >= lanes_of(b, c) ? 0 : b->settings.wait_max_us; /* full: due already */
		uint64_t at = b->nodes[q->first].since_us + wait;

		if (at < deadline)
			deadline = at;
	}
	return deadline;
}

void crypto_batch_drain(struct crypto_batch *b)
{
	if (b->backend->drain)
		b->backend->drain(b->backend->driver);
}

void crypto_verify(struct crypto_backend *backend, struct crypto_job *const *jobs, size_t n)
{
	struct crypto_job *done[CRYPTO_BATCH_MAX];
	uint64_t now_us = 0;

	for (size_t i = 0; i < n; i++)
		jobs[i]->verdict = CRYPTO_PENDING;
	for (size_t taken = 0; taken < n || backend->under_way; now_us++) {
		if (taken < n)
			taken += backend->submit(backend->driver, jobs + taken, n - taken, now_us);
		if (backend->poll)
			backend->poll(backend->driver, done, now_us);
	}
}
