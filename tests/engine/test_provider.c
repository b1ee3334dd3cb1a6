// SPDX-License-Identifier: MIT
/*
 * test_provider.c - a provider of OpenSSL 3 with the manners of hardware: RSA's public operation pauses its job
 *
 * Keys and all else are those of OpenSSL's own provider, loaded into a library context of ours; of RSA's signatures one
 * function is another one.  The device is quick: it has called back when the job pauses.
 */
#include <stdbool.h>
#include <string.h>

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#define FUNCTIONS_MAX 64

static OSSL_LIB_CTX *library;
static OSSL_PROVIDER *base;
static unsigned n_loaded;
static OSSL_DISPATCH rsa[FUNCTIONS_MAX];
static OSSL_ALGORITHM signatures[2];
static OSSL_FUNC_signature_verify_recover_fn *recover;

extern unsigned sekisho_test_provider_pauses;
unsigned sekisho_test_provider_pauses; /* for the test */

static int paused_recover(void *ctx, unsigned char *out, size_t *len, size_t size, const unsigned char *sig,
			  size_t sig_len)
{
	ASYNC_JOB *job = ASYNC_get_current_job();
	ASYNC_callback_fn call = NULL;
	void *arg = NULL;

	if (job && ASYNC_WAIT_CTX_get_callback(ASYNC_get_wait_ctx(job), &call, &arg) == 1 && call) {
		call(arg);
		sekisho_test_provider_pauses++;
		ASYNC_pause_job();
	}
	return recover(ctx, out, len, size, sig, sig_len);
}

static bool take_rsa(void)
{
	int no_cache = 0;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(base, OSSL_OP_SIGNATURE, &no_cache);
	size_t n = 0;

	while (a && a->algorithm_names && strncmp(a->algorithm_names, "RSA:", 4) != 0)
		a++;
	if (!a || !a->algorithm_names)
		return false;
	for (const OSSL_DISPATCH *f = a->implementation; f->function_id && n + 1 < FUNCTIONS_MAX; f++) {
		rsa[n] = *f;
		if (f->function_id == OSSL_FUNC_SIGNATURE_VERIFY_RECOVER) {
			recover = OSSL_FUNC_signature_verify_recover(f);
			rsa[n].function = (void (*)(void))paused_recover;
		}
		n++;
	}
	signatures[0] = *a;
	signatures[0].implementation = rsa;
	return recover != NULL;
}

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	if (operation == OSSL_OP_SIGNATURE)
		return signatures;
	return operation == OSSL_OP_KEYMGMT ? OSSL_PROVIDER_query_operation(base, operation, no_cache) : NULL;
}

static void teardown(void *provctx)
{
	(void)provctx;
	if (--n_loaded > 0)
		return;
	OSSL_PROVIDER_unload(base);
	OSSL_LIB_CTX_free(library);
	base = NULL;
	library = NULL;
}

static const OSSL_DISPATCH functions[] = { { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
					   { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
					   { 0, NULL } };

OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
		       void **provctx)
{
	(void)handle, (void)in;
	if (n_loaded++ == 0) {
		library = OSSL_LIB_CTX_new();
		base = library ? OSSL_PROVIDER_load(library, "default") : NULL;
	}
	if (!base || !take_rsa())
		return 0;
	*out = functions;
	*provctx = OSSL_PROVIDER_get0_provider_ctx(base); /* its functions are called with its own */
	return 1;
}
