// SPDX-License-Identifier: MIT
/*
 * crypto_provider.h - a provider of OpenSSL 3 as a device: RSA's public operation in asynchronous jobs
 */
#ifndef CRYPTO_PROVIDER_H
#define CRYPTO_PROVIDER_H

#include "crypto/crypto_async.h"

/*
 * @name: as openssl.cnf or the folder of modules has it, or the path of its library.  For one thread, as
 * crypto_async_open() has it.  NULL, and a sentence in @why, when there is no such provider or it has no RSA.
 */
struct crypto_device *crypto_provider_open(const char *name, const struct crypto_async_settings *settings,
					   const char **why);

#endif
