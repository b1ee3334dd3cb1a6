// SPDX-License-Identifier: MIT
/*
 * tls_device.c - private RSA keys whose signatures an OpenSSL engine computes
 *
 * Three RSA objects of one key: the one that TLS has, whose method is ours; the engine's; and the CPU's.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdlib.h>
#include <string.h>

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/crypto_job.h"
#include "crypto/tls_device.h"

#ifndef OPENSSL_NO_ENGINE

struct both {
	RSA *device, *cpu;
};

static _Thread_local struct tls_device_counts counts;

static RSA_METHOD *method; /* made by the control thread with the first key, and kept */
static int index_of_both;

/* @n octets at @signature are what @len octets at @from become. */
static bool is_right(RSA *rsa, const unsigned char *from, int len, const unsigned char *signature, int n, int padding)
{
	unsigned char back[CRYPTO_SIG_MAX];

	return n == RSA_size(rsa) && (size_t)n <= sizeof(back) &&
	       RSA_public_decrypt(n, signature, back, rsa, padding) == len && memcmp(back, from, (size_t)len) == 0;
}

/* Runs in a job, on its stack, or outside of any. */
static int private_encrypt(int len, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	const struct both *b = RSA_get_ex_data(rsa, index_of_both);

	if (ASYNC_get_current_job()) {
		int n = RSA_private_encrypt(len, from, to, b->device, padding);

		if (n > 0 && is_right(b->cpu, from, len, to, n, padding)) {
			counts.signatures++;
			return n;
		}
		counts.faults++;
		ERR_clear_error();
	}
	return RSA_private_encrypt(len, from, to, b->cpu, padding);
}

static int finish(RSA *rsa)
{
	struct both *b = RSA_get_ex_data(rsa, index_of_both);

	if (b) {
		RSA_free(b->device);
		RSA_free(b->cpu);
	}
	free(b);
	return RSA_meth_get_finish(RSA_PKCS1_OpenSSL())(rsa);
}

static bool make_method(void)
{
	if (method)
		return true;
	index_of_both = RSA_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	RSA_METHOD *m = index_of_both < 0 ? NULL : RSA_meth_dup(RSA_PKCS1_OpenSSL());

	if (!m || !RSA_meth_set1_name(m, "sekisho") || !RSA_meth_set_priv_enc(m, private_encrypt) ||
	    !RSA_meth_set_finish(m, finish)) {
		RSA_meth_free(m);
		return false;
	}
	method = m;
	return true;
}

/* Numbers that RSA_set0_...() did not take are freed. */
static bool copy_numbers(RSA *to, const RSA *from)
{
	const BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *inverse;

	RSA_get0_key(from, &n, &e, &d);
	RSA_get0_factors(from, &p, &q);
	RSA_get0_crt_params(from, &dp, &dq, &inverse);
	BIGNUM *copy[] = { BN_dup(n), BN_dup(e),  BN_dup(d),  BN_dup(p),
			   BN_dup(q), BN_dup(dp), BN_dup(dq), BN_dup(inverse) };
	size_t taken = 0;

	if (RSA_set0_key(to, copy[0], copy[1], copy[2]) == 1)
		taken = 3;
	if (taken == 3 && RSA_set0_factors(to, copy[3], copy[4]) == 1)
		taken = 5;
	if (taken == 5 && RSA_set0_crt_params(to, copy[5], copy[6], copy[7]) == 1)
		taken = 8;
	for (size_t i = taken; i < 8; i++)
		BN_clear_free(copy[i]);
	return taken == 8;
}

static RSA *copy_of(const RSA *rsa, ENGINE *engine)
{
	RSA *copy = RSA_new_method(engine);

	if (copy && copy_numbers(copy, rsa))
		return copy;
	RSA_free(copy);
	return NULL;
}

/* The key that TLS has. */
static RSA *make_front(const RSA *rsa, ENGINE *engine)
{
	struct both *b = calloc(1, sizeof(*b));
	RSA *front = make_method() ? copy_of(rsa, NULL) : NULL;

	if (b)
		*b = (struct both){ .device = copy_of(rsa, engine), .cpu = copy_of(rsa, NULL) };
	if (b && b->device && b->cpu && front && RSA_set_method(front, method) == 1 &&
	    RSA_set_ex_data(front, index_of_both, b) == 1)
		return front;
	RSA_free(front);
	if (b) {
		RSA_free(b->device);
		RSA_free(b->cpu);
	}
	free(b);
	return NULL;
}

EVP_PKEY *tls_device_key(EVP_PKEY *key, ENGINE *engine)
{
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		return NULL;
	RSA *rsa = EVP_PKEY_get1_RSA(key), *front = rsa ? make_front(rsa, engine) : NULL;
	EVP_PKEY *made = front ? EVP_PKEY_new() : NULL;

	RSA_free(rsa);
	if (made && EVP_PKEY_assign_RSA(made, front) == 1)
		return made;
	EVP_PKEY_free(made);
	RSA_free(front);
	ERR_clear_error();
	return NULL;
}

struct tls_device_counts tls_device_counts(void)
{
	return counts;
}

#else

EVP_PKEY *tls_device_key(EVP_PKEY *key, ENGINE *engine)
{
	(void)key, (void)engine;
	return NULL;
}

struct tls_device_counts tls_device_counts(void)
{
	return (struct tls_device_counts){ 0 };
}

#endif
