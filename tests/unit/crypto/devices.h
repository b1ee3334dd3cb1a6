// SPDX-License-Identifier: MIT
/*
 * devices.h - backends of the engine and the provider of the tests, whose libraries are beside the test's program
 */
#ifndef DEVICES_H
#define DEVICES_H

#include <dlfcn.h>
#include <stdlib.h>

#include "crypto/crypto_engine.h"
#include "crypto/crypto_openssl.h"
#include "crypto/crypto_provider.h"
#include "tests/tap.h"

static void *test_provider; /* its library */

/* A backend of a device of the tests, whose library is beside this program. */
static struct crypto_backend *open_device(const char *program, const char *file,
					  struct crypto_device *(*open)(const char *,
									const struct crypto_async_settings *,
									const char **))
{
	char library[4096];
	const struct crypto_async_settings jobs = { .ops_max = 16, .keys_max = 64, .bits_min = 512, .bits_max = 8192 };
	const struct crypto_device_settings care = { .timeout_us = UINT64_MAX, .sample_every = 8, .release = free };
	const char *slash = strrchr(program, '/'), *why = NULL;

	snprintf(library, sizeof(library), "%.*s/../../engine/%s", slash ? (int)(slash - program) : 1,
		 slash ? program : ".", file);
	char *whole = realpath(library, NULL);
	struct crypto_device *device = whole ? open(whole, &jobs, &why) : NULL;

	if (device && open == crypto_provider_open)
		test_provider = dlopen(whole, RTLD_LAZY | RTLD_NOLOAD);
	free(whole);
	if (!ok(device != NULL, "%s is opened", file))
		return NULL;
	return crypto_device_init(malloc(crypto_device_memory(device)), &care, device, crypto_openssl_open(16));
}

/* Whether it was the provider of the tests that computed. */
static bool provider_paused(void)
{
	const unsigned *n = test_provider ? dlsym(test_provider, "sekisho_test_provider_pauses") : NULL;

	return n && *n > 100;
}

#endif
