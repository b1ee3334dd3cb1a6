// SPDX-License-Identifier: MIT
/*
 * crypto_open.c - a backend by the name that the setting crypto.backend gives
 */
#include "crypto/crypto_ifma.h"
#include "crypto/crypto_open.h"
#include "crypto/crypto_openssl.h"

struct crypto_backend *crypto_open(const char *name, uint32_t keys_max, const char **why)
{
	bool wants_ifma = strcmp(name, "ifma") == 0, wants_auto = strcmp(name, "auto") == 0;
	struct crypto_backend *backend;

	if (wants_ifma && !crypto_ifma_usable()) {
		*why = "this processor has no AVX512-IFMA; set crypto.backend to auto";
		return NULL;
	}
	if (!wants_ifma && !wants_auto && strcmp(name, "openssl") != 0) {
		*why = "crypto.backend must be auto, ifma or openssl";
		return NULL;
	}
	if (wants_ifma || (wants_auto && crypto_ifma_usable()))
		backend = crypto_ifma_open(keys_max);
	else
		backend = crypto_openssl_open(keys_max);
	if (!backend)
		*why = "OpenSSL cannot be used, or memory is short; check its installation";
	return backend;
}

void crypto_close(struct crypto_backend *backend)
{
	if (backend && backend->close)
		backend->close(backend);
}
