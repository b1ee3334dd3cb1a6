// SPDX-License-Identifier: MIT
/*
 * test_crypto_engine.c - a real engine, in asynchronous jobs, with every manner of misbehaviour that it can be told
 *
 * The engine is tests/engine/test_engine.c, loaded by OpenSSL.  Time is real; nothing here asks how long anything took.
 */
#include "crypto/crypto_engine.h"
#include "crypto/crypto_provider.h"
#include "tests/tap.h"
#include "tests/unit/crypto/device_jobs.h"

enum { OPS = 32, LONG_US = 20000000, SHORT_US = 30000 };

static struct device_jobs set;
static char library[512];
static bool released;

static void release(void *memory)
{
	released = true;
	free(memory);
}

static struct crypto_device *device;

static struct crypto_backend *begin(const char *mode)
{
	bool answers = strcmp(mode, "late") != 0 && strcmp(mode, "never") != 0;
	const struct crypto_async_settings jobs = {
		.ops_max = OPS, .keys_max = 64, .bits_min = 1024, .bits_max = 4096
	};
	const struct crypto_device_settings settings = { .timeout_us = answers ? LONG_US : SHORT_US,
							 .sample_every = 16,
							 .release = release };
	const char *why = NULL;

	released = false;
	device = crypto_engine_open(library, &jobs, &why);
	if (!device) {
		printf("# %s\n", why);
		return NULL;
	}
	CHECK(crypto_engine_command("MODE", mode));
	return crypto_device_init(malloc(crypto_device_memory(device)), &settings, device, crypto_openssl_open(16));
}

/* Polls until what was abandoned has come back. */
static bool all_came_late(struct crypto_backend *b)
{
	struct crypto_job *done[CRYPTO_BATCH_MAX];
	uint64_t start_us = device_jobs_now_us();

	while (b->counts.device_late < b->counts.device_timeouts && device_jobs_now_us() - start_us < 20000000)
		CHECK(b->poll(b->driver, done, device_jobs_now_us()) == 0);
	return b->counts.device_late == b->counts.device_timeouts;
}

static void each_mode(const char *polling)
{
	static const char *const modes[] = { "ok", "delay", "reorder", "full", "error", "flip", "late", "never" };

	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		struct crypto_backend *b = begin(modes[m]);
		const char *mode = modes[m];

		if (!ok(b != NULL, "the engine is opened"))
			return;
		const struct crypto_counts *c = &b->counts;
		bool works = strcmp(mode, "error") != 0 && strcmp(mode, "flip") != 0 && strcmp(mode, "late") != 0 &&
			     strcmp(mode, "never") != 0;

		ok(device_jobs_verified(&set, b) && device_jobs_verified(&set, b),
		   "%s, %s: each job once, with OpenSSL's verdict", mode, polling);
		if (works)
			ok(c->device_ops > 80 && c->device_errors == 0 && c->device_sampled > 0 &&
				   c->device_confirmed > 0 && c->device_wrong == 0,
			   "%s: the engine did it, the CPU confirmed what is negative and some of the rest", mode);
		else
			ok(c->device_errors + c->device_timeouts + c->device_wrong >= CRYPTO_DEVICE_FAULTS &&
				   c->device_opened == 1,
			   "%s: the circuit opened", mode);
		if (strcmp(mode, "full") == 0)
			ok(c->device_full + c->device_ops > 80, "full: jobs were tried again");
		CHECK(crypto_engine_command("MODE", "ok"));
		if (strcmp(mode, "never") == 0 || strcmp(mode, "late") == 0)
			ok(c->device_timeouts > 0 && all_came_late(b), "%s: what comes late is dropped", mode);
		b->close(b);
		ok(released, "%s: closed, with nothing left behind", mode);
	}
}

/* A backend that has operations of jobs that are gone already. */
static struct crypto_backend *abandoned(const char *mode)
{
	struct crypto_backend *b = begin(mode);
	struct crypto_job *list[DEVICE_JOBS], *jobs = malloc(sizeof(set.jobs));

	CHECK(b);
	memcpy(jobs, set.jobs, sizeof(set.jobs));
	for (int i = 0; i < DEVICE_JOBS; i++)
		list[i] = &jobs[i];
	b->submit(b->driver, list, DEVICE_JOBS, device_jobs_now_us());
	free(jobs);
	return b;
}

/* The thread ends while the engine has operations. */
static void drained(void)
{
	struct crypto_backend *b = abandoned("delay");

	ok(b->under_way > 8, "operations are under way");
	b->drain(b->driver);
	b->close(b);
	ok(released, "drained and closed");
}

static void stuck(void)
{
	struct crypto_backend *b = abandoned("never");

	b->drain(b->driver);
	b->close(b);
	ok(!released,
	   "an engine that never answers keeps what it was given, and the end does not wait for it for ever");
}

static void no_engine(void)
{
	const struct crypto_async_settings jobs = { .ops_max = 8, .keys_max = 16 };
	const char *why = NULL;

	ok(!crypto_engine_open("nosuchengine", &jobs, &why) && why,
	   "an engine that is not there is refused with a reason");
	why = NULL;
	ok(!crypto_provider_open("nosuchprovider", &jobs, &why) && why,
	   "a provider that is not there is refused with a reason");
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;

	srand(5);
	snprintf(library, sizeof(library), "%.*s/../../engine/test_engine.so", slash ? (int)(slash - argv[0]) : 1,
		 slash ? argv[0] : ".");
	no_engine();
	device_jobs_init(&set);
	each_mode("polled by us");
	setenv("SEKISHO_TEST_ENGINE_POLLS", "yes", 1);
	each_mode("its own thread");
	drained();
	stuck();
	device_jobs_release(&set);
	return done();
}
