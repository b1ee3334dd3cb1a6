// SPDX-License-Identifier: MIT
/*
 * crypto_lanes.h - RSA and Ed25519 side by side, in lanes of vectors; all else by plain OpenSSL
 */
#ifndef CRYPTO_LANES_H
#define CRYPTO_LANES_H

#include "crypto/crypto_batch.h"

enum crypto_lanes {
	CRYPTO_LANES_IFMA, /* eight of AVX512-IFMA: RSA and Ed25519 */
	CRYPTO_LANES_AVX2, /* four: RSA */
};

/* Has this machine the instructions? */
bool crypto_lanes_usable(enum crypto_lanes kind);

/*
 * A backend for one thread; @keys_max: parsed keys kept; @classes: 1 << enum crypto_class for each that is to go in
 * lanes.  NULL when this machine cannot, or memory is short.
 */
struct crypto_backend *crypto_lanes_open(enum crypto_lanes kind, uint32_t keys_max, unsigned classes);
void crypto_lanes_close(struct crypto_backend *backend);

#endif
