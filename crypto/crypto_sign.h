// SPDX-License-Identifier: MIT
/*
 * crypto_sign.h - signing our own mail (RFC 6376 5, RFC 8463): a key, its record for DNS, a signature
 *
 * For the control plane: one signature now and then, one thread, plain OpenSSL.
 */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include "dataplane/base/text.h"

#define CRYPTO_SIGNATURE_MAX 1024 /* octets: RSA of 8192 bits */
#define CRYPTO_RSA_BITS 2048      /* of a new key (RFC 8301 3.2: at least 1024, should be 2048) */

struct crypto_signer;

/* @path: a private key in PEM, RSA of 1024 bits and more or Ed25519.  NULL with @why set to a constant sentence. */
struct crypto_signer *crypto_signer_open(const char *path, const char **why);
void crypto_signer_close(struct crypto_signer *s);

/* "rsa-sha256" or "ed25519-sha256", for a= */
const char *crypto_signer_algorithm(const struct crypto_signer *s);

/**
 * crypto_sign - the signature over @data, which is hashed here
 * @out: room for CRYPTO_SIGNATURE_MAX octets
 * Returns its length; 0: OpenSSL failed.
 */
size_t crypto_sign(const struct crypto_signer *s, struct span data, uint8_t *out);

/* The key record for DNS: "v=DKIM1; k=rsa; p=..." (RFC 6376 3.6.1, RFC 8463 4).  False: it did not fit. */
bool MUST_USE crypto_signer_record(const struct crypto_signer *s, struct text *out);

void crypto_sha256(struct span data, uint8_t out[32]);

/* A new private key in a new file of mode 0600; an existing file is never touched.  False with @why set. */
bool MUST_USE crypto_keygen(const char *path, bool ed25519, const char **why);

#endif
