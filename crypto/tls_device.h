// SPDX-License-Identifier: MIT
/*
 * tls_device.h - private RSA keys whose signatures an OpenSSL engine computes
 */
#ifndef CRYPTO_TLS_DEVICE_H
#define CRYPTO_TLS_DEVICE_H

#include <openssl/types.h>
#include <stdint.h>

/* Of this thread. */
struct tls_device_counts {
	uint64_t signatures; /* by the engine, and right */
	uint64_t faults;     /* none, or a wrong one: the CPU signed */
};

/**
 * tls_device_key - a key that signs as @key does: by @engine within an asynchronous job, by the CPU elsewhere
 *
 * What the engine gives is verified before anybody sees it: one wrong signature made with the factors of the key gives
 * them away (Boneh, DeMillo, Lipton 1997).  A fault is not the peer's: the CPU signs in its place.
 *
 * NULL: @key is not of RSA, or there is no memory.  The caller owns the result; @key stays his.
 */
EVP_PKEY *tls_device_key(EVP_PKEY *key, ENGINE *engine);

struct tls_device_counts tls_device_counts(void);

#endif
