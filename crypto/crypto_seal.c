// SPDX-License-Identifier: MIT
/*
 * crypto_seal.c - hash in pieces and signature of a file with OpenSSL
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/crypto_seal.h"

/* OpenSSL's own context under our name: no header of its is seen outside. */
struct crypto_hash *crypto_hash_open(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	return (struct crypto_hash *)c;
}

void crypto_hash_add(struct crypto_hash *h, struct span data)
{
	int good = EVP_DigestUpdate((EVP_MD_CTX *)h, data.at, data.len);

	CHECK(good == 1); /* SHA-256 of OpenSSL's default provider */
}

void crypto_hash_end(struct crypto_hash *h, uint8_t out[32])
{
	int good = EVP_DigestFinal_ex((EVP_MD_CTX *)h, out, NULL);

	CHECK(good == 1);
	EVP_MD_CTX_free((EVP_MD_CTX *)h);
}

bool crypto_seal_good(const char *path, struct span data, const uint8_t signature[64], const char **why)
{
	FILE *f = fopen(path, "re");

	if (!f) {
		*why = strerror(errno);
		return false;
	}
	EVP_PKEY *key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	fclose(f);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		*why = "it is no public key of Ed25519 in PEM";
		return false;
	}
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool good = c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(c, signature, 64, data.at, data.len) == 1;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	*why = "the signature is not by this key";
	return good;
}
