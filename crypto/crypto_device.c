// SPDX-License-Identifier: MIT
/*
 * crypto_device.c - a device that computes RSA's public operation, and how far it is trusted
 *
 * A job is in one place: with the device (list `out`, oldest first), waiting for the CPU (`doubts`), with the CPU
 * (`at_cpu`), or ready.  An op is free, out, or abandoned: its job went to the CPU, and the device still has it.
 */
#include "crypto/crypto_device.h"
#include "crypto/rsa_rule.h"

#define NO_OP UINT32_MAX

/* Why the CPU verifies a job. */
enum why { WHY_NOT_FOR_DEVICE, WHY_NO_RESULT, WHY_OTHER_RESULT, WHY_SAMPLE };

struct doubt {
	struct crypto_job *job;
	enum why why;
};

struct flight {
	struct crypto_op op; /* first: the driver knows this alone */
	struct crypto_job *job;
	uint64_t since_us;
	enum { OP_FREE, OP_OUT, OP_ABANDONED } state;
	uint32_t before, after; /* in the list of those out; after: of those free */
};

struct guard {
	struct crypto_backend backend;
	struct crypto_device_settings settings;
	struct crypto_device *device;
	struct crypto_backend *cpu;

	/* the circuit */
	uint32_t faults; /* in a row */
	bool open, distrusted;
	uint64_t rest_us, rest_until_us;
	uint32_t n_passed; /* since the last sample */

	uint32_t oldest, newest, n_out, free, n_abandoned;

	struct doubt at_cpu[CRYPTO_BATCH_MAX];
	uint32_t n_at_cpu;

	uint32_t capacity; /* of both rings */
	uint32_t doubts_first, n_doubts, ready_first, n_ready;
	struct doubt *doubts;
	struct crypto_job **ready;
	struct flight flights[]; /* device->ops_max */
};

/* Doubts hold what came back from the device in one poll, and what came past it while the CPU was busy. */
static uint32_t ring_capacity(const struct crypto_device *device)
{
	return device->ops_max + 2 * CRYPTO_BATCH_MAX;
}

static size_t flights_end(const struct crypto_device *device)
{
	return sizeof(struct guard) + device->ops_max * sizeof(struct flight);
}

size_t crypto_device_memory(const struct crypto_device *device)
{
	return flights_end(device) + ring_capacity(device) * (sizeof(struct doubt) + sizeof(struct crypto_job *));
}

static uint32_t n_under_way(const struct guard *g)
{
	return g->n_out + g->n_doubts + g->n_at_cpu + g->n_ready;
}

static void put_doubt(struct guard *g, struct crypto_job *job, enum why why)
{
	CHECK(g->n_doubts < g->capacity);
	g->doubts[(g->doubts_first + g->n_doubts++) % g->capacity] = (struct doubt){ job, why };
}

static void put_ready(struct guard *g, struct crypto_job *job)
{
	CHECK(g->n_ready < g->capacity && job->verdict != CRYPTO_PENDING);
	g->ready[(g->ready_first + g->n_ready++) % g->capacity] = job;
}

/* --- the circuit */

static void device_faulted(struct guard *g, uint64_t now_us)
{
	if (g->open ? now_us < g->rest_until_us : ++g->faults < CRYPTO_DEVICE_FAULTS)
		return; /* an open circuit: what was under way when it opened */
	g->rest_us = !g->open ? CRYPTO_DEVICE_REST_US : g->rest_us * 2;
	if (g->rest_us > CRYPTO_DEVICE_REST_MAX)
		g->rest_us = CRYPTO_DEVICE_REST_MAX;
	g->backend.counts.device_opened += !g->open;
	g->open = true;
	g->rest_until_us = now_us + g->rest_us;
}

static void device_worked(struct guard *g)
{
	g->faults = 0;
	g->backend.counts.device_closed += g->open;
	g->open = false;
}

bool crypto_device_rests(const struct crypto_backend *backend, uint64_t now_us)
{
	const struct guard *g = backend->driver;

	return g->distrusted || (g->open && now_us < g->rest_until_us);
}

/* An open circuit whose rest is over lets one operation try. */
static bool device_may_have(const struct guard *g, uint64_t now_us)
{
	return !crypto_device_rests(&g->backend, now_us) && !(g->open && g->n_out > 0) &&
	       g->n_abandoned < g->device->ops_max;
}

/* --- ops */

static struct flight *take_op(struct guard *g, struct crypto_job *job, uint64_t now_us)
{
	uint32_t i = g->free;
	struct flight *f = &g->flights[i];

	CHECK(i != NO_OP && f->state == OP_FREE);
	g->free = f->after;
	f->job = job;
	f->since_us = now_us;
	f->state = OP_OUT;
	f->before = g->newest;
	f->after = NO_OP;
	if (g->newest == NO_OP)
		g->oldest = i;
	else
		g->flights[g->newest].after = i;
	g->newest = i;
	g->n_out++;
	return f;
}

/* Out of the list; the job is the caller's. */
static struct crypto_job *unlink_op(struct guard *g, struct flight *f)
{
	CHECK(f->state == OP_OUT);
	*(f->before == NO_OP ? &g->oldest : &g->flights[f->before].after) = f->after;
	*(f->after == NO_OP ? &g->newest : &g->flights[f->after].before) = f->before;
	g->n_out--;
	return f->job;
}

static void free_op(struct guard *g, struct flight *f)
{
	f->state = OP_FREE;
	f->job = NULL;
	f->after = g->free;
	g->free = (uint32_t)(f - g->flights);
}

static void op_ended(struct guard *g, struct flight *f, uint64_t now_us)
{
	struct crypto_counts *counts = &g->backend.counts;
	uint8_t expected[CRYPTO_SIG_MAX];

	if (f->state == OP_ABANDONED) {
		counts->device_late++;
		g->n_abandoned--;
		free_op(g, f);
		return;
	}
	struct crypto_job *job = unlink_op(g, f);

	/* RFC 8017 8.2.2: what decides is the whole encoding */
	if (!f->op.good) {
		counts->device_errors++;
		device_faulted(g, now_us);
		put_doubt(g, job, WHY_NO_RESULT);
	} else if (!rsa_rule_encode(job, expected, f->op.len) || memcmp(expected, f->op.em, f->op.len) != 0) {
		put_doubt(g, job, WHY_OTHER_RESULT);
	} else {
		device_worked(g);
		if (++g->n_passed >= g->settings.sample_every) {
			g->n_passed = 0;
			put_doubt(g, job, WHY_SAMPLE);
		} else {
			job->verdict = CRYPTO_PASS;
			put_ready(g, job);
		}
	}
	free_op(g, f);
}

static void end_late_ones(struct guard *g, uint64_t now_us)
{
	while (g->n_out && now_us - g->flights[g->oldest].since_us >= g->settings.timeout_us) {
		struct flight *f = &g->flights[g->oldest];

		put_doubt(g, unlink_op(g, f), WHY_NO_RESULT);
		f->state = OP_ABANDONED;
		f->job = NULL;
		g->n_abandoned++;
		g->backend.counts.device_timeouts++;
		device_faulted(g, now_us);
	}
}

/* --- the CPU */

static void cpu_decided(struct guard *g, struct crypto_job *job, enum why why, uint64_t now_us)
{
	bool pass = job->verdict == CRYPTO_PASS;

	put_ready(g, job);
	switch (why) {
	case WHY_NOT_FOR_DEVICE:
	case WHY_NO_RESULT:
		break;
	case WHY_OTHER_RESULT:
		g->backend.counts.device_confirmed++;
		g->backend.counts.device_wrong += pass;
		if (pass) /* and if not, it need not have worked: only an encoding as expected proves that */
			device_faulted(g, now_us);
		break;
	case WHY_SAMPLE:
		g->backend.counts.device_sampled++;
		if (pass)
			break;
		/* It says the very encoding that we expect, and that is not the power: no fault does that. */
		g->backend.counts.device_wrong++;
		g->backend.counts.device_opened += !g->open;
		g->open = g->distrusted = true;
		break;
	}
}

static void fetch_from_cpu(struct guard *g, uint64_t now_us)
{
	struct crypto_job *done[CRYPTO_BATCH_MAX];
	size_t n = g->cpu->poll ? g->cpu->poll(g->cpu->driver, done, now_us) : 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t at = 0;

		while (g->at_cpu[at].job != done[i]) {
			at++;
			CHECK(at < g->n_at_cpu);
		}
		enum why why = g->at_cpu[at].why;

		g->at_cpu[at] = g->at_cpu[--g->n_at_cpu];
		cpu_decided(g, done[i], why, now_us);
	}
}

/* One batch at most, so that a turn stays short. */
static void give_to_cpu(struct guard *g, uint64_t now_us)
{
	struct crypto_job *jobs[CRYPTO_BATCH_MAX];
	uint32_t n = 0;

	for (; n < g->n_doubts && n < g->cpu->lanes && g->n_at_cpu + n < CRYPTO_BATCH_MAX; n++) {
		jobs[n] = g->doubts[(g->doubts_first + n) % g->capacity].job;
		jobs[n]->verdict = CRYPTO_PENDING;
	}
	size_t taken = n ? g->cpu->submit(g->cpu->driver, jobs, n, now_us) : 0;

	for (size_t i = 0; i < taken; i++) {
		struct doubt d = g->doubts[g->doubts_first];

		g->doubts_first = (g->doubts_first + 1) % g->capacity;
		g->n_doubts--;
		if (d.job->verdict == CRYPTO_PENDING)
			g->at_cpu[g->n_at_cpu++] = d;
		else
			cpu_decided(g, d.job, d.why, now_us);
	}
}

/* --- the backend */

/* Whether the device has it now. */
static enum device_answer offer(struct guard *g, struct crypto_job *job, const struct rsa_key *key, uint64_t now_us)
{
	if (!device_may_have(g, now_us) || key->bits < g->device->bits_min || key->bits > g->device->bits_max)
		return DEVICE_FAILED;
	if (g->free == NO_OP)
		return DEVICE_FULL;
	struct flight *f = take_op(g, job, now_us);

	f->op.len = job->sig_len;
	f->op.good = false;
	memcpy(f->op.sig, job->sig, job->sig_len);
	enum device_answer answer = g->device->submit(g->device->driver, &f->op, job, key);

	if (answer == DEVICE_TOOK) {
		g->backend.counts.device_ops++;
		return answer;
	}
	unlink_op(g, f);
	free_op(g, f);
	if (answer == DEVICE_FULL && g->n_out > 0) {
		g->backend.counts.device_full++;
		return answer;
	}
	g->backend.counts.device_errors++; /* full, and has nothing: not well */
	device_faulted(g, now_us);
	return DEVICE_FAILED;
}

static bool take_job(struct guard *g, struct crypto_job *job, uint64_t now_us)
{
	enum device_answer answer = DEVICE_FAILED;
	struct rsa_key key;

	if (g->n_doubts + g->n_at_cpu + g->n_out + g->n_ready >= g->capacity)
		return false;
	if (job->alg != CRYPTO_ED25519_SHA256) {
		job->key_bits = 0;
		job->verdict = CRYPTO_BAD_KEY;
		if (!rsa_key_parse(span_of(job->key, job->key_len), &key))
			return true;
		job->verdict = (uint8_t)rsa_rule_before(job, &key);
		if (job->verdict != CRYPTO_PENDING)
			return true;
		answer = offer(g, job, &key, now_us);
	}
	if (answer == DEVICE_FAILED)
		put_doubt(g, job, WHY_NOT_FOR_DEVICE);
	return answer != DEVICE_FULL;
}

static void count(struct guard *g)
{
	struct crypto_counts *counts = &g->backend.counts;

	counts->in_lanes = g->cpu->counts.in_lanes;
	counts->alone = g->cpu->counts.alone;
	counts->keys_made = g->cpu->counts.keys_made;
	counts->pieces = g->cpu->counts.pieces;
	g->backend.under_way = n_under_way(g);
}

static size_t submit(void *driver, struct crypto_job *const *jobs, size_t n, uint64_t now_us)
{
	struct guard *g = driver;
	size_t taken = 0;

	while (taken < n && take_job(g, jobs[taken], now_us))
		taken++;
	count(g);
	return taken;
}

static size_t poll(void *driver, struct crypto_job **done, uint64_t now_us)
{
	struct guard *g = driver;
	struct crypto_op *op;
	size_t n = 0;

	for (uint32_t i = 0; i < g->device->ops_max && (op = g->device->poll(g->device->driver, now_us)); i++)
		op_ended(g, (struct flight *)(void *)op, now_us);
	end_late_ones(g, now_us);
	fetch_from_cpu(g, now_us);
	give_to_cpu(g, now_us);
	while (n < CRYPTO_BATCH_MAX && g->n_ready) {
		done[n++] = g->ready[g->ready_first];
		g->ready_first = (g->ready_first + 1) % g->capacity;
		g->n_ready--;
	}
	count(g);
	return n;
}

/* Jobs may be gone when the thread ends: nothing is written to them. */
static void drain(void *driver)
{
	struct guard *g = driver;
	struct crypto_op *op;

	g->device->drain(g->device->driver);
	while ((op = g->device->poll(g->device->driver, 0))) {
		struct flight *f = (struct flight *)(void *)op;

		if (f->state == OP_OUT)
			unlink_op(g, f);
		else
			g->n_abandoned--;
		free_op(g, f);
	}
	if (g->cpu->drain)
		g->cpu->drain(g->cpu->driver);
}

static void close_guard(struct crypto_backend *backend)
{
	struct guard *g = backend->driver;

	drain(g);
	g->device->close(g->device);
	if (g->cpu->close)
		g->cpu->close(g->cpu);
	if (g->n_out + g->n_abandoned == 0)
		g->settings.release(g);
}

struct crypto_backend *crypto_device_init(void *memory, const struct crypto_device_settings *settings,
					  struct crypto_device *device, struct crypto_backend *cpu)
{
	struct guard *g = memory;

	CHECK(device->ops_max > 0 && settings->sample_every > 0);
	memset(g, 0, crypto_device_memory(device));
	g->settings = *settings;
	g->device = device;
	g->cpu = cpu;
	g->capacity = ring_capacity(device);
	g->doubts = (struct doubt *)(void *)((uint8_t *)memory + flights_end(device));
	g->ready = (struct crypto_job **)(void *)(g->doubts + g->capacity);
	g->oldest = g->newest = g->free = NO_OP;
	for (uint32_t i = device->ops_max; i-- > 0;)
		free_op(g, &g->flights[i]);
	g->backend = (struct crypto_backend){
		.name = device->name,
		.driver = g,
		.lanes = cpu->lanes,
		.submit = submit,
		.poll = poll,
		.drain = drain,
		.close = close_guard,
	};
	return &g->backend;
}
