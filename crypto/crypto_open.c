// SPDX-License-Identifier: MIT
/*
 * crypto_open.c - which backend the settings and the machine want
 */
#include <stdlib.h>

#include "crypto/crypto_engine.h"
#include "crypto/crypto_provider.h"
#include "crypto/crypto_lanes.h"
#include "crypto/crypto_open.h"
#include "crypto/crypto_openssl.h"

#define SAMPLE_EVERY 1024 /* one in so many positive verdicts of a device is computed again */
#define ALL_CLASSES ((1u << N_CRYPTO_CLASS) - 1)
#define RSA_MOST 4096 /* bits that devices take */

static struct crypto_costs costs;

const struct crypto_costs *crypto_open_costs(void)
{
	return &costs;
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool is_named(const char *name)
{
	return name && *name;
}

static void measure(struct crypto_backend *backend, struct crypto_figures *row)
{
	if (!backend || row->name)
		return;
	crypto_calibrate(backend, row);
	memset(&backend->counts, 0, sizeof(backend->counts));
}

/* Classes for which lanes take less time than OpenSSL; what was not measured is for the caller to allow. */
static unsigned faster_by(const struct crypto_figures *lanes, const struct crypto_figures *openssl)
{
	unsigned classes = 0;

	for (int c = 0; c < N_CRYPTO_CLASS; c++)
		if (lanes->ns[c] && lanes->ns[c] < openssl->ns[c])
			classes |= 1u << c;
	return classes;
}

static enum crypto_lanes best_lanes(void)
{
	return crypto_lanes_usable(CRYPTO_LANES_IFMA) ? CRYPTO_LANES_IFMA : CRYPTO_LANES_AVX2;
}

/* Measured with backends of their own, whose caches then go. */
static void measure_cpu(void)
{
	struct crypto_backend *openssl = costs.openssl.name ? NULL : crypto_openssl_open(64);
	struct crypto_backend *lanes = costs.lanes.name ? NULL : crypto_lanes_open(best_lanes(), 64, ALL_CLASSES);

	measure(openssl, &costs.openssl);
	measure(lanes, &costs.lanes);
	crypto_openssl_close(openssl);
	crypto_lanes_close(lanes);
}

static struct crypto_backend *open_cpu(const struct crypto_choice *choice, const char **why)
{
	enum crypto_lanes kind = is(choice->backend, "avx2") ? CRYPTO_LANES_AVX2 : best_lanes();
	unsigned classes = ALL_CLASSES;

	if (is(choice->backend, "openssl"))
		classes = 0;
	else if (!is(choice->backend, "ifma") && !is(choice->backend, "avx2"))
		classes = faster_by(&costs.lanes, &costs.openssl);
	struct crypto_backend *backend =
		classes ? crypto_lanes_open(kind, choice->keys_max, classes) : crypto_openssl_open(choice->keys_max);

	if (!backend)
		*why = "OpenSSL cannot be used, or memory is short; check its installation";
	return backend;
}

static struct crypto_device *open_device(const struct crypto_choice *choice, const char **why)
{
	/* one key for each operation, and as many again */
	const struct crypto_device_want want = { .name = choice->device,
						 .index = choice->worker,
						 .n = choice->n_workers ? choice->n_workers : 1,
						 .ops_max = choice->in_flight,
						 .keys_max = choice->keys_max + 2 * choice->in_flight,
						 .bits_min = choice->device_bits_min,
						 .bits_max = RSA_MOST };

	if (is(choice->backend, "engine") || (is(choice->backend, "auto") && is_named(choice->engine))) {
		static const char provider[] = "provider:";
		const struct crypto_async_settings jobs = { want.ops_max, want.keys_max, want.bits_min, want.bits_max };

		if (span_starts_nocase(span_str(choice->engine), span_str(provider)))
			return crypto_provider_open(choice->engine + sizeof(provider) - 1, &jobs, why);
		return crypto_engine_open(choice->engine, &jobs, why);
	}
	*why = "this program has no DPDK";
	return choice->open_cryptodev ? choice->open_cryptodev(&want, why) : NULL;
}

/* The shortest keys from which on the device takes less of the processor's time than @cpu; 0: none. */
static uint16_t pays_from(const struct crypto_device *device)
{
	static const uint16_t shortest[N_CRYPTO_CLASS] = { [CRYPTO_CLASS_RSA_1024] = 1024,
							   [CRYPTO_CLASS_RSA_2048] = 1039,
							   [CRYPTO_CLASS_RSA_3072] = 2079,
							   [CRYPTO_CLASS_RSA_4096] = 3119 };
	uint16_t from = 0;

	for (int c = CRYPTO_CLASS_RSA_4096; c >= CRYPTO_CLASS_RSA_1024; c--) {
		uint32_t cpu = costs.lanes.ns[c] ? costs.lanes.ns[c] : costs.openssl.ns[c];

		if (costs.device.ns[c] == 0 || costs.device.ns[c] >= cpu)
			break;
		from = shortest[c] > device->bits_min ? shortest[c] : device->bits_min;
	}
	return from;
}

static void name_classes(struct crypto_backend *backend, const struct crypto_backend *cpu,
			 const struct crypto_device *device)
{
	for (int c = 0; c < N_CRYPTO_CLASS; c++)
		backend->by_class[c] = cpu->by_class[c];
	for (int c = CRYPTO_CLASS_RSA_1024; c <= CRYPTO_CLASS_RSA_4096; c++)
		if (device->bits_min <= 1024u * (unsigned)c)
			backend->by_class[c] = device->name;
}

/* @cpu with the device before it; @cpu alone when the device does not pay and need not be had. */
static struct crypto_backend *with_device(const struct crypto_choice *choice, struct crypto_backend *cpu,
					  const char **why)
{
	const struct crypto_device_settings settings = { .timeout_us = choice->device_timeout_us,
							 .sample_every = SAMPLE_EVERY,
							 .release = free };
	struct crypto_device *device = open_device(choice, why);
	void *memory = NULL;

	if (device && !costs.device.name)
		crypto_calibrate_device(device, &costs.device);
	if (device && is(choice->backend, "auto")) {
		device->bits_min = pays_from(device);
		if (device->bits_min == 0) {
			device->close(device);
			return cpu;
		}
	}
	if (device)
		memory = malloc(crypto_device_memory(device));
	if (!memory) {
		if (device)
			device->close(device);
		crypto_close(cpu);
		return NULL;
	}
	struct crypto_backend *backend = crypto_device_init(memory, &settings, device, cpu);

	name_classes(backend, cpu, device);
	return backend;
}

struct crypto_backend *crypto_open_chosen(const struct crypto_choice *choice, const char **why)
{
	static const char *const names[] = { "auto", "ifma", "avx2", "openssl", "engine", "cryptodev" };
	bool known = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		known |= is(choice->backend, names[i]);
	*why = "crypto.backend must be auto, ifma, avx2, openssl, engine or cryptodev";
	if (!known)
		return NULL;
	*why = "this processor has no AVX512-IFMA; set crypto.backend to auto";
	if (is(choice->backend, "ifma") && !crypto_lanes_usable(CRYPTO_LANES_IFMA))
		return NULL;
	*why = "this processor has no AVX2; set crypto.backend to auto";
	if (is(choice->backend, "avx2") && !crypto_lanes_usable(CRYPTO_LANES_AVX2))
		return NULL;
	*why = "crypto.backend is engine, and crypto.engine names none";
	if (is(choice->backend, "engine") && !is_named(choice->engine))
		return NULL;
	*why = "crypto.backend is cryptodev, and crypto.device names none";
	if (is(choice->backend, "cryptodev") && !is_named(choice->device))
		return NULL;
	*why = NULL;
	measure_cpu();
	struct crypto_backend *cpu = open_cpu(choice, why);
	bool wants_device = is(choice->backend, "engine") || is(choice->backend, "cryptodev") ||
			    (is(choice->backend, "auto") && (is_named(choice->engine) || is_named(choice->device)));

	return cpu && wants_device ? with_device(choice, cpu, why) : cpu;
}

struct crypto_backend *crypto_open(const char *backend, uint32_t keys_max, const char **why)
{
	const struct crypto_choice choice = { .backend = backend, .keys_max = keys_max };

	return crypto_open_chosen(&choice, why);
}

void crypto_close(struct crypto_backend *backend)
{
	if (backend && backend->close)
		backend->close(backend);
}
