// SPDX-License-Identifier: MIT
/*
 * crypto_open.h - a backend by the name that the setting crypto.backend gives
 */
#ifndef CRYPTO_OPEN_H
#define CRYPTO_OPEN_H

#include "crypto/crypto_batch.h"

/*
 * A backend for one thread: @name "auto" is the fastest that this machine can.  NULL, and a sentence in @why, when it
 * cannot be had.  @keys_max: parsed keys kept.
 */
struct crypto_backend *crypto_open(const char *name, uint32_t keys_max, const char **why);
void crypto_close(struct crypto_backend *backend);

#endif
