// SPDX-License-Identifier: MIT
/*
 * crypto_engine.h - an OpenSSL engine as a device: RSA's public operation in asynchronous jobs
 */
#ifndef CRYPTO_ENGINE_H
#define CRYPTO_ENGINE_H

#include "crypto/crypto_device.h"

struct crypto_engine_settings {
	const char *engine; /* its id, or the path of its library */
	uint32_t ops_max;   /* jobs at once, of this thread */
	uint32_t keys_max;  /* kept in the engine's form; more than ops_max */
	uint16_t bits_min, bits_max;
};

/*
 * For one thread, the one that submits, polls and drains; open and close are the control thread's.  NULL, and a sentence
 * in @why, when there is no such engine, or OpenSSL was built without engines.
 */
struct crypto_device *crypto_engine_open(const struct crypto_engine_settings *settings, const char **why);

/*
 * For TLS, whose private operations are jobs as well.  The engine that some worker has opened; NULL: none.  Borrowed.  And
 * of any thread: what the engine has done by now calls back; no more than one of it in each turn of a worker's loop.
 */
struct engine_st *crypto_engine_in_use(void);
void crypto_engine_poll(void);

/* A command of the open engine, for tests: whether it was obeyed. */
bool crypto_engine_command(struct crypto_device *device, const char *command, const char *argument);

#endif
