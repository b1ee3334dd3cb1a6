// SPDX-License-Identifier: MIT
/*
 * test_crypto_device.c - whatever a device does, each job comes back once, with the verdict that plain OpenSSL gives
 *
 * The device is made of memory here, and time is a number; a real engine is in test_crypto_engine.c.
 */
#include "crypto/crypto_device.h"
#include "tests/tap.h"
#include "tests/unit/crypto/device_jobs.h"

enum { OPS = 8, TIMEOUT_US = 20000 };

enum manner { GOOD, RANDOM_ORDER, FULL, ERROR, NEVER, LATE, FLIP, LIAR, REFUSES, ANY, N_MANNERS };

static struct device_jobs set;
static struct crypto_backend *scalar; /* computes for the device */

static struct {
	struct crypto_device device;
	enum manner manner;
	struct {
		struct crypto_op *op;
		struct crypto_job job;
		uint64_t since;
		enum manner manner;
	} has[OPS];
	uint32_t n;
	uint64_t now;
	bool closed;
} fake;

static enum device_answer fake_submit(void *driver, struct crypto_op *op, const struct crypto_job *job,
				      const struct rsa_key *key)
{
	enum manner m = fake.manner == ANY ? (enum manner)(rand() % LIAR) : fake.manner;

	(void)driver, (void)key;
	if (fake.n == OPS || (m == FULL && fake.n >= 2))
		return DEVICE_FULL;
	if (m == REFUSES)
		return DEVICE_FAILED;
	fake.has[fake.n].op = op;
	fake.has[fake.n].job = *job;
	fake.has[fake.n].since = fake.now;
	fake.has[fake.n++].manner = m;
	return DEVICE_TOOK;
}

/* The power is known by whom it is asked: the encoding if the signature is good, something else if not. */
static void fake_compute(uint32_t i)
{
	struct crypto_op *op = fake.has[i].op;
	struct crypto_job *job = &fake.has[i].job;

	CHECK(rsa_rule_encode(job, op->em, op->len));
	crypto_verify(scalar, &job, 1);
	if ((job->verdict != CRYPTO_PASS && fake.has[i].manner != LIAR) || fake.has[i].manner == FLIP)
		op->em[op->len - 1] ^= 1;
	op->good = fake.has[i].manner != ERROR;
}

static struct crypto_op *fake_poll(void *driver, uint64_t now_us)
{
	(void)driver;
	for (uint32_t k = 0; k < fake.n; k++) {
		uint32_t i = fake.manner == RANDOM_ORDER || fake.manner == ANY ? (uint32_t)rand() % fake.n : k;

		if (fake.has[i].manner == NEVER && fake.manner != GOOD)
			continue;
		if (fake.has[i].manner == LATE && now_us - fake.has[i].since < 3 * TIMEOUT_US)
			continue;
		struct crypto_op *op = fake.has[i].op;

		fake_compute(i);
		fake.has[i] = fake.has[--fake.n];
		return op;
	}
	return NULL;
}

static void fake_drain(void *driver)
{
	(void)driver;
}

static void fake_close(struct crypto_device *device)
{
	(void)device;
	fake.closed = true;
}

static bool released;

static void release(void *memory)
{
	released = true;
	free(memory);
}

static struct crypto_backend *begin(enum manner manner, uint32_t sample_every)
{
	const struct crypto_device_settings settings = { .timeout_us = TIMEOUT_US,
							 .sample_every = sample_every,
							 .release = release };

	memset(&fake, 0, sizeof(fake));
	fake.manner = manner;
	fake.device = (struct crypto_device){ .name = "fake",
					      .ops_max = OPS,
					      .bits_min = 1024,
					      .bits_max = 4096,
					      .submit = fake_submit,
					      .poll = fake_poll,
					      .drain = fake_drain,
					      .close = fake_close };
	return crypto_device_init(malloc(crypto_device_memory(&fake.device)), &settings, &fake.device,
				  crypto_openssl_open(16));
}

/* All jobs of the set, @rounds times.  Whether each came back once with its verdict. */
static bool all_verified(struct crypto_backend *b, int rounds)
{
	struct crypto_job *list[DEVICE_JOBS], *done[CRYPTO_BATCH_MAX];
	bool good = true;

	for (int r = 0; r < rounds; r++) {
		unsigned n_done = 0, seen[DEVICE_JOBS] = { 0 };
		/* of their own memory, given back as soon as the job has ended: the device may come later */
		struct crypto_job *jobs = malloc(sizeof(set.jobs));

		memcpy(jobs, set.jobs, sizeof(set.jobs));
		for (int i = 0; i < DEVICE_JOBS; i++) {
			list[i] = &jobs[i];
			jobs[i].verdict = CRYPTO_PENDING;
		}
		for (size_t taken = 0, turns = 0; n_done < DEVICE_JOBS && turns < 100000; turns++, fake.now += 50) {
			size_t n = DEVICE_JOBS - taken < 8 ? DEVICE_JOBS - taken : 8;
			size_t now_taken = b->submit(b->driver, list + taken, n, fake.now);

			for (size_t i = taken; i < taken + now_taken; i++)
				if (jobs[i].verdict != CRYPTO_PENDING) {
					seen[i]++;
					n_done++;
				}
			taken += now_taken;
			for (size_t k = b->poll(b->driver, done, fake.now); k-- > 0; n_done++)
				seen[done[k] - jobs]++;
		}
		for (int i = 0; i < DEVICE_JOBS; i++)
			good &= seen[i] == 1 && jobs[i].verdict == set.jobs[i].verdict &&
				jobs[i].key_bits == set.jobs[i].key_bits;
		free(jobs);
	}
	return good && b->under_way == 0;
}

static void end(struct crypto_backend *b)
{
	fake.manner = GOOD; /* gives back what it has */
	b->close(b);
}

static void each_manner(void)
{
	static const char *const names[N_MANNERS] = { "works",         "works in any order",
						      "has no room",   "has no result",
						      "never answers", "answers too late",
						      "flips a bit",   "lies",
						      "refuses",       "does any of these" };

	for (int m = 0; m < N_MANNERS; m++) {
		struct crypto_backend *b = begin((enum manner)m, 1000000);
		bool good = m == LIAR ? !all_verified(b, 1) : all_verified(b, 20);
		const struct crypto_counts *c = &b->counts;

		ok(good, "a device that %s: %s", names[m],
		   m == LIAR ? "only samples find that out" : "each job once, with OpenSSL's verdict");
		if (m == GOOD)
			ok(c->device_ops > 800 && c->device_errors + c->device_timeouts + c->device_opened == 0,
			   "all RSA goes to it");
		else if (m == FULL)
			ok(c->device_full > 0 && c->device_opened == 0, "jobs wait while it has no room");
		else if (m == ERROR || m == FLIP || m == NEVER || m == REFUSES)
			ok(c->device_opened == 1 && c->device_closed == 0 && crypto_device_rests(b, fake.now - 50),
			   "and it is given up");
		else if (m == LATE)
			ok(c->device_late == c->device_timeouts && c->device_late > 0, "what comes late is dropped");
		released = false;
		end(b);
		ok(released && fake.closed, "closed, and its memory given back");
	}
}

static void samples(void)
{
	struct crypto_backend *b = begin(LIAR, 4);
	struct crypto_counts before;

	all_verified(b, 1);
	ok(b->counts.device_wrong == 1 && b->counts.device_opened == 1, "a sample finds a lie out");
	before = b->counts;
	fake.now += UINT64_C(3600) * 1000000;
	ok(all_verified(b, 2) && b->counts.device_ops == before.device_ops, "and nothing is asked of it any more");
	end(b);

	b = begin(GOOD, 16);
	ok(all_verified(b, 16) && b->counts.device_sampled > 30 && b->counts.device_wrong == 0,
	   "samples of one that works agree");
	end(b);
}

static void circuit(void)
{
	struct crypto_backend *b = begin(ERROR, 1000000);

	ok(all_verified(b, 1) && b->counts.device_opened == 1, "faults in a row open the circuit");
	uint64_t ops = b->counts.device_ops;

	fake.now += CRYPTO_DEVICE_REST_US;
	ok(all_verified(b, 1) && b->counts.device_ops == ops + 1, "after a rest one operation tries, and fails");
	fake.now += CRYPTO_DEVICE_REST_US;
	ok(crypto_device_rests(b, fake.now), "the next rest is longer");
	fake.now += CRYPTO_DEVICE_REST_US;
	fake.manner = GOOD;
	ok(all_verified(b, 2) && b->counts.device_closed == 1 && b->counts.device_ops > ops + 50,
	   "one that works closes it");
	fake.manner = NEVER;
	for (int i = 0; i < 100 && b->counts.device_opened < 2; i++)
		all_verified(b, 1);
	ok(b->counts.device_opened == 2 && b->counts.device_timeouts >= CRYPTO_DEVICE_FAULTS, "so do timeouts");
	ok(fake.n == OPS && all_verified(b, 3), "without a single operation left, all is verified");
	fake.manner = GOOD;
	fake.now += CRYPTO_DEVICE_REST_MAX;
	ok(all_verified(b, 3) && b->counts.device_late == b->counts.device_timeouts && b->counts.device_closed == 2,
	   "and those that come back late are operations again");
	end(b);
}

static void not_for_it(void)
{
	struct crypto_backend *b = begin(GOOD, 1000000);

	fake.device.bits_min = 2048;
	uint64_t longer = 0;

	for (int i = 0; i < DEVICE_JOBS; i++)
		longer += set.jobs[i].key_bits == 2048 && set.jobs[i].sig_len == 256 &&
			  set.jobs[i].verdict != CRYPTO_BAD_KEY;
	ok(all_verified(b, 1) && b->counts.device_ops <= longer && b->counts.device_ops + 2 >= longer,
	   "keys that are too short for it go to the CPU");
	end(b);
}

/* The thread ends with jobs under way, and what they were in is gone. */
static void drained(void)
{
	struct crypto_backend *b = begin(LATE, 1000000);
	struct crypto_job *jobs = malloc(sizeof(set.jobs)), *list[DEVICE_JOBS];

	memcpy(jobs, set.jobs, sizeof(set.jobs));
	for (int i = 0; i < DEVICE_JOBS; i++)
		list[i] = &jobs[i];
	ok(b->submit(b->driver, list, DEVICE_JOBS, 0) > 0 && fake.n > 0, "operations are under way");
	free(jobs);
	for (uint32_t i = 0; i < OPS; i++)
		fake.has[i].manner = GOOD;
	released = false;
	b->drain(b->driver);
	ok(fake.n == 0, "at the end of the thread what is under way is waited for");
	b->close(b);
	ok(released, "and all memory is given back");

	b = begin(NEVER, 1000000);
	jobs = malloc(sizeof(set.jobs));
	memcpy(jobs, set.jobs, sizeof(set.jobs));
	for (int i = 0; i < DEVICE_JOBS; i++)
		list[i] = &jobs[i];
	b->submit(b->driver, list, 8, 0);
	free(jobs);
	released = false;
	b->close(b);
	ok(!released && fake.n > 0, "what a device has for ever is never given back");
	free(b->driver); /* here we know that it writes no more */
}

int main(void)
{
	srand(3);
	scalar = crypto_openssl_open(16);
	device_jobs_init(&set);
	each_manner();
	samples();
	circuit();
	not_for_it();
	drained();
	device_jobs_release(&set);
	crypto_openssl_close(scalar);
	return done();
}
