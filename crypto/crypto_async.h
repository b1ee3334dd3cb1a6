// SPDX-License-Identifier: MIT
/*
 * crypto_async.h - a device made of OpenSSL's asynchronous jobs, whoever computes in them: an engine or a provider
 */
#ifndef CRYPTO_ASYNC_H
#define CRYPTO_ASYNC_H

#include "crypto/crypto_device.h"

/* The one who computes. */
struct crypto_async_library {
	const char *name;
	void *arg;
	void *(*make_key)(void *arg, const struct rsa_key *key); /* NULL: it cannot be made */
	void (*free_key)(void *key);
	bool (*operate)(void *key,
			struct crypto_op *op);    /* runs in a job, which it may pause; whether op->em is the result */
	void (*turn)(void *arg, uint64_t now_us); /* while operations are under way: what has ended calls back */
	void (*close)(void *arg);
};

struct crypto_async_settings {
	uint32_t ops_max;  /* jobs at once, of this thread */
	uint32_t keys_max; /* kept in the library's form; more than ops_max */
	uint16_t bits_min, bits_max;
};

/*
 * For one thread, the one that submits, polls and drains; open and close are the control thread's.  @library is copied, and
 * closed with the device or at once if that cannot be made: NULL, and a sentence in @why.
 */
struct crypto_device *crypto_async_open(const struct crypto_async_library *library,
					const struct crypto_async_settings *settings, const char **why);

#endif
