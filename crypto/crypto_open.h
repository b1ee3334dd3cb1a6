// SPDX-License-Identifier: MIT
/*
 * crypto_open.h - which backend the settings and the machine want
 */
#ifndef CRYPTO_OPEN_H
#define CRYPTO_OPEN_H

#include "crypto/crypto_calibrate.h"

/* Opens a device by a name that its library knows, for worker @index of @n; NULL and a sentence in @why if it cannot. */
struct crypto_device_want {
	const char *name;
	unsigned index, n;
	uint32_t ops_max, keys_max;
	uint16_t bits_min, bits_max;
};
typedef struct crypto_device *crypto_device_opener(const struct crypto_device_want *want, const char **why);

struct crypto_choice {
	const char *backend; /* crypto.backend: auto, ifma, avx2, openssl, engine, cryptodev */
	uint32_t keys_max;   /* parsed keys kept */
	const char *engine;  /* crypto.engine, crypto.device: ""  or NULL: none */
	const char *device;
	uint32_t in_flight; /* operations that a device has at once, of this worker */
	uint16_t device_bits_min;
	uint64_t device_timeout_us;
	unsigned worker, n_workers;
	crypto_device_opener *open_cryptodev; /* NULL: this program has no DPDK */
};

/*
 * A backend for one thread; all calls from the control thread.  `auto` is the fastest by measure: lanes for the classes
 * that they are faster for, and a device, if one is named, when it takes less of the processor's time than they do.
 * NULL, and a sentence in @why, when it cannot be had.
 */
struct crypto_backend *crypto_open_chosen(const struct crypto_choice *choice, const char **why);
struct crypto_backend *crypto_open(const char *backend, uint32_t keys_max, const char **why);
void crypto_close(struct crypto_backend *backend);

/* What was measured when the first backend was opened; 0: was not. */
struct crypto_costs {
	struct crypto_figures openssl, lanes, device;
};
const struct crypto_costs *crypto_open_costs(void);

#endif
