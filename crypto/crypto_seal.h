// SPDX-License-Identifier: MIT
/*
 * crypto_seal.h - whether a large file is the one that a key's owner signed: its hash in pieces, an Ed25519 signature
 *
 * For the control plane: one thread, plain OpenSSL.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "dataplane/base/err.h"
#include "dataplane/base/span.h"

struct crypto_hash;

/* SHA-256 in pieces; NULL: no memory. */
struct crypto_hash *crypto_hash_open(void);
void crypto_hash_add(struct crypto_hash *h, struct span data);
/* Gives @h back. */
void crypto_hash_end(struct crypto_hash *h, uint8_t out[32]);

/**
 * crypto_seal_good - an Ed25519 signature (RFC 8032) over @data itself
 * @path: a public key in PEM
 * Returns false with @why set to a constant sentence.
 */
bool MUST_USE crypto_seal_good(const char *path, struct span data, const uint8_t signature[64], const char **why);

#endif
