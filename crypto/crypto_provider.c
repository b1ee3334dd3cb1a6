// SPDX-License-Identifier: MIT
/*
 * crypto_provider.c - a provider of OpenSSL 3 as a device: RSA's public operation in asynchronous jobs
 *
 * The provider is loaded into a library context of its own, so that nothing else of OpenSSL is done by it.  Keys are made by
 * its own key management: an operation stays with the provider of its key.  A provider has no command to poll: it calls
 * back from a thread of its own.
 */
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "crypto/crypto_provider.h"

/* Of one worker. */
struct provider {
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *base, *provider; /* base: decoders and the like that a provider may want of others */
	EVP_PKEY_CTX *maker;            /* its key management for RSA */
};

struct provider_key {
	EVP_PKEY *key;
	OSSL_LIB_CTX
	*library; /* in which its operations are looked for: elsewhere others do them with a copy of the key */
};

static void *make_key(void *arg, const struct rsa_key *key)
{
	const struct provider *p = arg;
	struct provider_key *to = calloc(1, sizeof(*to));
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(key->n.at, (int)key->n.len, NULL);
	OSSL_PARAM *params = NULL;

	if (to && build && n && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_uint64(build, OSSL_PKEY_PARAM_RSA_E, key->e) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	if (params && EVP_PKEY_fromdata(p->maker, &to->key, EVP_PKEY_PUBLIC_KEY, params) == 1) {
		to->library = p->library;
	} else {
		free(to);
		to = NULL;
	}
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	ERR_clear_error();
	return to;
}

static void free_key(void *key)
{
	EVP_PKEY_free(((struct provider_key *)key)->key);
	free(key);
}

/* A context for each: several may be under way with one key. */
static bool operate(void *key, struct crypto_op *op)
{
	const struct provider_key *k = key;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(k->library, k->key, NULL);
	size_t len = sizeof(op->em);
	bool good = ctx && EVP_PKEY_verify_recover_init(ctx) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
		    EVP_PKEY_verify_recover(ctx, op->em, &len, op->sig, op->len) == 1 && len == op->len;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static void turn(void *arg, uint64_t now_us)
{
	(void)arg, (void)now_us;
}

static void close_provider(void *arg)
{
	struct provider *p = arg;

	EVP_PKEY_CTX_free(p->maker);
	if (p->provider)
		OSSL_PROVIDER_unload(p->provider);
	if (p->base)
		OSSL_PROVIDER_unload(p->base);
	OSSL_LIB_CTX_free(p->library);
	free(p);
}

static bool load(struct provider *p, const char *name)
{
	p->library = OSSL_LIB_CTX_new();
	if (!p->library)
		return false;
	p->base = OSSL_PROVIDER_load(p->library, "base");
	p->provider = OSSL_PROVIDER_load(p->library, name);
	if (p->provider)
		p->maker = EVP_PKEY_CTX_new_from_name(p->library, "RSA", NULL);
	return p->maker && EVP_PKEY_fromdata_init(p->maker) == 1;
}

struct crypto_device *crypto_provider_open(const char *name, const struct crypto_async_settings *settings,
					   const char **why)
{
	struct provider *p = calloc(1, sizeof(*p));

	*why = "no memory for the provider";
	if (!p)
		return NULL;
	if (!load(p, name)) {
		*why = "OpenSSL finds no such provider, or it has no RSA; see crypto.engine";
		ERR_clear_error();
		close_provider(p);
		return NULL;
	}
	return crypto_async_open(&(struct crypto_async_library){ .name = "provider",
								 .arg = p,
								 .make_key = make_key,
								 .free_key = free_key,
								 .operate = operate,
								 .turn = turn,
								 .close = close_provider },
				 settings, why);
}
