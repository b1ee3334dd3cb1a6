// SPDX-License-Identifier: MIT
/*
 * crypto_engine.h - an OpenSSL engine as a device: RSA's public operation in asynchronous jobs
 */
#ifndef CRYPTO_ENGINE_H
#define CRYPTO_ENGINE_H

#include "crypto/crypto_async.h"

/*
 * @name: its id, or the path of its library.  For one thread, as crypto_async_open() has it.  NULL, and a sentence in @why,
 * when there is no such engine, or OpenSSL was built without engines.
 */
struct crypto_device *crypto_engine_open(const char *name, const struct crypto_async_settings *settings,
					 const char **why);

/*
 * For TLS, whose private operations are jobs as well.  The engine that some worker has opened; NULL: none.  Borrowed.  And
 * of any thread: what the engine has done by now calls back; no more than one of it in each turn of a worker's loop.
 */
struct engine_st *crypto_engine_in_use(void);
void crypto_engine_poll(void);

/* A command of the open engine, for tests: whether it was obeyed. */
bool crypto_engine_command(const char *command, const char *argument);

#endif
