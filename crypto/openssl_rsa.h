// SPDX-License-Identifier: MIT
/*
 * openssl_rsa.h - a public key as OpenSSL's RSA object
 *
 * For the drivers that know OpenSSL.
 */
#ifndef CRYPTO_OPENSSL_RSA_H
#define CRYPTO_OPENSSL_RSA_H

#include <openssl/types.h>

#include "crypto/rsa_key.h"

/* @engine: whose public operation it uses, NULL: OpenSSL's own.  NULL: no memory.  RSA_free() is for the caller. */
RSA *crypto_openssl_rsa(ENGINE *engine, const struct rsa_key *key);

#endif
