// SPDX-License-Identifier: MIT
/*
 * crypto_openssl.h - plain OpenSSL: hashes, and one verification after the other
 *
 * The reference that every other backend is compared with, and the fallback of all.
 */
#ifndef CRYPTO_OPENSSL_H
#define CRYPTO_OPENSSL_H

#include "crypto/crypto_batch.h"

extern const struct hash_ops crypto_openssl_hash;

/* A backend for one thread; @keys_max: parsed keys kept.  NULL when OpenSSL cannot be used. */
struct crypto_backend *crypto_openssl_open(uint32_t keys_max);
void crypto_openssl_close(struct crypto_backend *backend);

#endif
