// SPDX-License-Identifier: MIT
/*
 * crypto_ifma.h - RSA and Ed25519 by eight lanes of AVX512-IFMA; all else by plain OpenSSL
 */
#ifndef CRYPTO_IFMA_H
#define CRYPTO_IFMA_H

#include "crypto/crypto_batch.h"

/* Has this machine the instructions? */
bool crypto_ifma_usable(void);

/*
 * A backend for one thread; @keys_max: parsed keys kept; @classes: 1 << enum crypto_class for each that is to go in
 * lanes.  NULL when this machine cannot, or memory is short.
 */
struct crypto_backend *crypto_ifma_open(uint32_t keys_max, unsigned classes);
void crypto_ifma_close(struct crypto_backend *backend);

#endif
