// SPDX-License-Identifier: MIT
/*
 * test_crypto_batch.c - when batches run, with whom, and that every job comes back once
 */
#include <stdlib.h>

#include "crypto/crypto_batch.h"
#include "tests/tap.h"

#define JOBS 256

/* A backend that writes down what it was given. */
struct recorder {
	unsigned n_calls;
	size_t sizes[4096];
	bool mixed; /* a batch held jobs of two algorithms or of keys far apart */
};

static size_t record(void *driver, struct crypto_job *const *jobs, size_t n, uint64_t now_us)
{
	struct recorder *r = driver;

	(void)now_us;
	r->sizes[r->n_calls++ % 4096] = n;
	for (size_t i = 0; i < n; i++) {
		r->mixed |= jobs[i]->alg != jobs[0]->alg || jobs[i]->key_len != jobs[0]->key_len;
		jobs[i]->verdict = CRYPTO_PASS;
	}
	return n;
}

static struct recorder recorder;
static struct crypto_backend backend = { .name = "recorder", .lanes = 8, .driver = &recorder, .submit = record };
static struct stats stats;
static struct crypto_job jobs[JOBS];
static const struct crypto_batch_settings settings = { .jobs_max = 40, .wait_max_us = 200 };

static struct crypto_batch *begin(void *memory)
{
	recorder = (struct recorder){ 0 };
	stats = (struct stats){ 0 };
	for (size_t i = 0; i < JOBS; i++)
		jobs[i] = (struct crypto_job){ .alg = CRYPTO_RSA_SHA256, .key_len = 294, .sig_len = 256 };
	return crypto_batch_init(memory, &settings, &backend, &stats);
}

static bool submit_n(struct crypto_batch *b, size_t from, size_t n, uint64_t now_us)
{
	bool all = true;

	for (size_t i = from; i < from + n; i++)
		all &= crypto_batch_submit(b, &jobs[i], now_us);
	return all;
}

static size_t drain(struct crypto_batch *b)
{
	size_t n = 0;

	while (crypto_batch_done(b))
		n++;
	return n;
}

static void rules(void *memory)
{
	struct crypto_batch *b = begin(memory);

	ok(crypto_batch_deadline_us(b) == UINT64_MAX, "nothing waits, nothing is due");
	ok(submit_n(b, 0, 3, 1000), "three jobs are taken");
	crypto_batch_step(b, 1199, false);
	ok(recorder.n_calls == 0 && crypto_batch_done(b) == NULL, "three jobs wait while the shard is busy");
	ok(crypto_batch_deadline_us(b) == 1200, "they are due when the oldest has waited 200 us");
	crypto_batch_step(b, 1200, false);
	ok(recorder.n_calls == 1 && recorder.sizes[0] == 3, "then they run as one batch");
	ok(crypto_batch_done(b) == &jobs[0] && crypto_batch_done(b) == &jobs[1] && crypto_batch_done(b) == &jobs[2] &&
		   crypto_batch_done(b) == NULL,
	   "and come back in order, once each");

	b = begin(memory);
	ok(submit_n(b, 0, 1, 5), "one job is taken");
	crypto_batch_step(b, 5, true);
	ok(recorder.n_calls == 1, "an idle shard does not wait");

	b = begin(memory);
	ok(submit_n(b, 0, 8, 5), "eight jobs are taken");
	ok(crypto_batch_deadline_us(b) == 5, "a full batch is due at once");
	crypto_batch_step(b, 5, false);
	ok(recorder.n_calls == 1 && recorder.sizes[0] == 8, "a full batch runs although the shard is busy");

	b = begin(memory);
	ok(submit_n(b, 0, 20, 5), "twenty jobs are taken");
	crypto_batch_step(b, 5, false);
	ok(recorder.n_calls == 2 && recorder.sizes[0] == 8 && recorder.sizes[1] == 8, "full lanes run, the rest waits");
	crypto_batch_step(b, 205, false);
	ok(recorder.n_calls == 3 && recorder.sizes[2] == 4, "and runs when it is overdue");
	ok(drain(b) == 20, "all twenty come back");

	b = begin(memory);
	ok(submit_n(b, 0, 40, 5), "forty jobs are taken");
	crypto_batch_step(b, 5, true);
	ok(recorder.n_calls == 2 && crypto_batch_deadline_us(b) == 5,
	   "a step runs two batches of RSA-2048, idle or not");
	crypto_batch_step(b, 5, true);
	crypto_batch_step(b, 5, true);
	ok(recorder.n_calls == 5 && drain(b) == 40, "the next one the rest");
}

/* However many wait: a step begins one batch of RSA-4096 at most, and no class is passed over for long. */
static void bounded_steps(void *memory)
{
	static const uint16_t lengths[] = { 550, 550, 550, 1062, 294 };
	struct crypto_batch *b = begin(memory);
	unsigned steps = 0;

	for (size_t i = 0; i < 40; i++)
		jobs[i].key_len = lengths[i % 5];
	ok(submit_n(b, 0, 40, 0), "24 of RSA-4096, eight of RSA-2048 and eight of RSA-8192 are taken");
	for (unsigned calls = 0; drain(b), steps < 40; steps++) {
		crypto_batch_step(b, 1000, true);
		if (recorder.n_calls == calls)
			break;
		calls = recorder.n_calls;
	}
	ok(steps == 1 + 3 + 8, "a step runs eight of RSA-4096, or one of more bits");
	ok(recorder.sizes[0] == 8 && recorder.sizes[1] == 8, "RSA-2048 goes before the first of RSA-4096");
	ok(stats.crypto_fill_8 == 4 && stats.crypto_fill_1 == 8 && stats.crypto_wait_us == 40 * 1000,
	   "fill and waits are counted");
}

/* A backend without lanes: to wait for company would gain nothing. */
static void no_lanes(void *memory)
{
	struct crypto_backend one = { .name = "recorder", .lanes = 1, .driver = &recorder, .submit = record };
	struct crypto_batch *b = begin(memory);

	b = crypto_batch_init(memory, &settings, &one, &stats);
	ok(submit_n(b, 0, 2, 1000) && crypto_batch_deadline_us(b) == 1000, "without lanes a job is due at once");
	crypto_batch_step(b, 1000, false);
	ok(recorder.n_calls == 2 && recorder.sizes[0] == 1 && drain(b) == 2, "and jobs run one after the other");
}

static void bounds(void *memory)
{
	struct crypto_batch *b = begin(memory);

	ok(submit_n(b, 0, 40, 0), "jobs_max jobs are taken");
	ok(!crypto_batch_submit(b, &jobs[40], 0) && stats.crypto_refused == 1, "one more is refused and counted");
	crypto_batch_step(b, 0, true);
	ok(!crypto_batch_submit(b, &jobs[40], 0), "a finished job counts until it is fetched");
	ok(crypto_batch_done(b) == &jobs[0], "one is fetched");
	ok(crypto_batch_submit(b, &jobs[40], 0), "then there is room for one");
	ok(jobs[40].verdict == CRYPTO_PENDING, "which is pending");
}

static void classes(void *memory)
{
	static const struct {
		enum crypto_alg alg;
		uint16_t key_len;
	} kinds[] = {
		{ CRYPTO_ED25519_SHA256, 32 }, { CRYPTO_RSA_SHA256, 162 }, { CRYPTO_RSA_SHA256, 294 },
		{ CRYPTO_RSA_SHA256, 422 },    { CRYPTO_RSA_SHA256, 550 }, { CRYPTO_RSA_SHA256, 1062 },
	};
	struct crypto_batch *b = begin(memory);
	bool taken = true;

	for (size_t i = 0; i < 36; i++) {
		jobs[i].alg = (uint8_t)kinds[i % 6].alg;
		jobs[i].key_len = kinds[i % 6].key_len;
		taken &= crypto_batch_submit(b, &jobs[i], i);
	}
	ok(taken && crypto_batch_deadline_us(b) == 5, "keys that have no lanes are due at once");
	for (int i = 0; i < 12; i++)
		crypto_batch_step(b, 40, true);
	ok(recorder.n_calls == 5 + 6 && !recorder.mixed,
	   "Ed25519 and five sizes of RSA run apart, the longest keys alone");
	ok(drain(b) == 36, "and all come back");
	ok(stats.crypto_jobs_ed25519 == 6 && stats.crypto_jobs_rsa_1024 == 6 && stats.crypto_jobs_rsa_2048 == 6 &&
		   stats.crypto_jobs_rsa_3072 == 6 && stats.crypto_jobs_rsa_4096 == 6 &&
		   stats.crypto_jobs_rsa_more == 6,
	   "each class is counted");
	ok(stats.crypto_batches == 11 && stats.crypto_batch_jobs == 36 && stats.crypto_batches_full == 0,
	   "batches and their fill are counted");

	b = begin(memory);
	jobs[0].key_len = 140;
	jobs[1].key_len = 162;
	jobs[2].key_len = 0;
	ok(submit_n(b, 0, 3, 0), "a bare 1024-bit key and an empty one are taken");
	ok(stats.crypto_jobs_rsa_1024 == 3, "and travel with 1024 bits");
}

/* Random submissions, steps and fetches: nothing is lost, doubled or late. */
static void random_life(void *memory)
{
	struct crypto_batch *b = begin(memory);
	bool out[JOBS] = { false }, good = true, late = false;
	uint64_t since[JOBS] = { 0 }, now = 0;
	size_t n_out = 0, n_ran = 0;

	srand(7);
	for (unsigned round = 0; round < 200000; round++) {
		size_t i = (size_t)rand() % JOBS;

		now += (uint64_t)rand() % 30;
		if (!out[i]) {
			jobs[i].key_len = rand() % 2 ? 294 : 162;
			if (crypto_batch_submit(b, &jobs[i], now)) {
				out[i] = true;
				since[i] = now;
				n_out++;
			} else {
				good &= n_out == settings.jobs_max;
			}
		}
		if (rand() % 4 == 0 || crypto_batch_deadline_us(b) <= now) {
			crypto_batch_step(b, now, rand() % 8 == 0);
			late |= crypto_batch_deadline_us(b) < now; /* at most 40 wait: one batch a class is enough */
		}
		for (struct crypto_job *job; rand() % 3 && (job = crypto_batch_done(b));) {
			size_t j = (size_t)(job - jobs);

			good &= out[j] && job->verdict == CRYPTO_PASS && now - since[j] < 20000;
			out[j] = false;
			n_out--;
			n_ran++;
		}
	}
	ok(good && n_ran > 100000, "every job comes back once, with its verdict, and only jobs_max are out");
	ok(!late, "after a step at the deadline nothing is overdue");
	ok(!recorder.mixed, "no batch mixes classes");
}

/* A backend that has jobs for a while: it takes what it likes, and jobs end in any order. */
static struct {
	struct crypto_backend backend;
	struct crypto_job *jobs[24];
	unsigned n_pieces;
} slow;

static size_t slow_submit(void *driver, struct crypto_job *const *list, size_t n, uint64_t now_us)
{
	size_t taken = 0;

	(void)driver, (void)now_us;
	while (taken < n && slow.backend.under_way < 24 && rand() % 8) {
		if (rand() % 8 == 0)
			list[taken++]->verdict = CRYPTO_FAIL;
		else
			slow.jobs[slow.backend.under_way++] = list[taken++];
	}
	return taken;
}

static size_t slow_poll(void *driver, struct crypto_job **list, uint64_t now_us)
{
	size_t n = 0;

	(void)driver, (void)now_us;
	while (slow.backend.under_way && rand() % 3) {
		uint32_t i = (uint32_t)rand() % slow.backend.under_way;

		slow.jobs[i]->verdict = CRYPTO_PASS;
		list[n++] = slow.jobs[i];
		slow.jobs[i] = slow.jobs[--slow.backend.under_way];
	}
	return n;
}

static void any_order(void *memory)
{
	bool out[JOBS] = { false }, good = true;
	size_t n_out = 0, n_ran = 0, n_passed = 0;

	slow.backend = (struct crypto_backend){ .name = "slow", .lanes = 8, .submit = slow_submit, .poll = slow_poll };
	begin(memory);
	struct crypto_batch *b = crypto_batch_init(memory, &settings, &slow.backend, &stats);

	for (uint64_t now = 0; now < 100000; now++) {
		size_t i = (size_t)rand() % JOBS;

		if (!out[i] && crypto_batch_submit(b, &jobs[i], now)) {
			out[i] = true;
			n_out++;
		}
		crypto_batch_step(b, now, rand() % 2);
		good &= !slow.backend.under_way || crypto_batch_deadline_us(b) <= now;
		for (struct crypto_job *job; rand() % 3 && (job = crypto_batch_done(b)); n_ran++) {
			size_t j = (size_t)(job - jobs);

			good &= out[j] && job->verdict != CRYPTO_PENDING;
			n_passed += job->verdict == CRYPTO_PASS;
			out[j] = false;
			n_out--;
		}
	}
	for (uint64_t now = 200000; n_out > 0 && now < 300000; now++) {
		crypto_batch_step(b, now, true);
		while (crypto_batch_done(b))
			n_out--;
	}
	ok(good && n_ran > 50000 && n_passed > n_ran / 2, "jobs that end later, in any order, come back once");
	ok(n_out == 0 && crypto_batch_deadline_us(b) == UINT64_MAX, "and none is left");
	crypto_batch_drain(b); /* has nothing to do */
}

int main(void)
{
	void *memory = malloc(crypto_batch_memory(&settings));

	rules(memory);
	bounds(memory);
	bounded_steps(memory);
	no_lanes(memory);
	classes(memory);
	random_life(memory);
	any_order(memory);
	free(memory);
	return done();
}
