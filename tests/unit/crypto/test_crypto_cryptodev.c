// SPDX-License-Identifier: MIT
/*
 * test_crypto_cryptodev.c - RSA by DPDK's crypto devices, on the virtual one that is made of OpenSSL
 */
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>

#include "crypto/crypto_cryptodev.h"
#include "tests/tap.h"
#include "tests/unit/crypto/device_jobs.h"

/*
 * The driver of 22.11 keeps OpenSSL's key of each session that it has freed (one BN_MONT_CTX leaks for each session made
 * here); what we allocate ourselves is looked at as everywhere.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libcrypto.so\n";
}

static struct device_jobs set;
static bool released;

static void release(void *memory)
{
	released = true;
	free(memory);
}

static bool begin_eal(void)
{
	static char words[][24] = {
		"test", "--no-huge", "--no-pci", "--no-shconf",       "--no-telemetry", "-m",
		"64",   "-l",        "0",        "--log-level=error", "--file-prefix=",
	};
	enum { N = sizeof(words) / sizeof(words[0]) };
	static char prefix[64];
	char *argv[N + 1] = { NULL };

	for (int i = 0; i < N; i++)
		argv[i] = words[i];
	snprintf(prefix, sizeof(prefix), "%ssekisho-test-%d", words[N - 1], (int)getpid());
	argv[N - 1] = prefix;
	return rte_eal_init(N, argv) >= 0;
}

static struct crypto_device *open_queue(unsigned index, const char *name)
{
	const struct crypto_device_want want = {
		.name = name, .index = index, .n = 2, .ops_max = 64, .keys_max = 80, .bits_min = 1024, .bits_max = 4096
	};
	const char *why = NULL;
	struct crypto_device *device = crypto_cryptodev_open(&want, &why);

	if (!device)
		printf("# %s\n", why);
	return device;
}

static struct crypto_backend *guarded(struct crypto_device *device)
{
	const struct crypto_device_settings settings = { .timeout_us = 20000000,
							 .sample_every = 16,
							 .release = release };

	released = false;
	return crypto_device_init(malloc(crypto_device_memory(device)), &settings, device, crypto_openssl_open(16));
}

int main(void)
{
	srand(9);
	if (!ok(begin_eal(), "the EAL starts"))
		return done();
	ok(!open_queue(0, "crypto_abacus"), "a device that is not there is refused with a reason");
	struct crypto_device *queues[2] = { open_queue(0, "crypto_openssl"), open_queue(1, "crypto_openssl") };

	if (!ok(queues[0] && queues[1], "two workers have a queue pair each"))
		return done();
	device_jobs_init(&set);
	for (int i = 0; i < 2; i++) {
		struct crypto_backend *b = guarded(queues[i]);
		const struct crypto_counts *c = &b->counts;

		ok(device_jobs_verified(&set, b) && device_jobs_verified(&set, b),
		   "each job once, with OpenSSL's verdict: a corrupted signature too, which the driver calls a "
		   "success");
		ok(c->device_ops > 80 && c->device_errors == 0 && c->device_sampled > 0 && c->device_wrong == 0,
		   "the device did it: %d operations, %d errors", (int)c->device_ops, (int)c->device_errors);
		struct crypto_figures figures;

		crypto_calibrate_device(queues[i], &figures);
		ok(figures.ns[CRYPTO_CLASS_RSA_1024] && figures.ns[CRYPTO_CLASS_RSA_4096], "its cost can be measured");
		b->close(b);
		ok(released, "closed, with nothing left behind");
	}
	device_jobs_release(&set);
	rte_eal_cleanup();
	return done();
}
