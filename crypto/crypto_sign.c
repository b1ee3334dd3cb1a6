// SPDX-License-Identifier: MIT
/*
 * crypto_sign.c - signing our own mail with OpenSSL
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/crypto_sign.h"
#include "dataplane/base/base64.h"

enum { RSA_BITS_MIN = 1024, ED25519_KEY_LEN = 32, SHA256_LEN = 32 };

struct crypto_signer {
	EVP_PKEY *key;
	bool ed25519;
};

static const char *key_fault(const EVP_PKEY *key)
{
	if (!key)
		return "it is no private key in PEM; make one with sekishoctl report keygen";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
		return NULL;
	case EVP_PKEY_RSA:
		if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
			return "its RSA key is shorter than 1024 bits (RFC 8301)";
		if (EVP_PKEY_get_size(key) > CRYPTO_SIGNATURE_MAX)
			return "its RSA key is longer than 8192 bits";
		return NULL;
	default:
		return "its key is neither RSA nor Ed25519";
	}
}

struct crypto_signer *crypto_signer_open(const char *path, const char **why)
{
	struct crypto_signer *s = NULL;
	FILE *f = fopen(path, "re");
	EVP_PKEY *key;

	if (!f) {
		*why = strerror(errno);
		return NULL;
	}
	key = PEM_read_PrivateKey(f, NULL, NULL, (void *)(uintptr_t) "");
	fclose(f);
	*why = key_fault(key);
	if (!*why) {
		s = malloc(sizeof(*s));
		*why = "no memory";
	}
	if (s)
		*s = (struct crypto_signer){ key, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 };
	else
		EVP_PKEY_free(key);
	return s;
}

void crypto_signer_close(struct crypto_signer *s)
{
	if (!s)
		return;
	EVP_PKEY_free(s->key);
	free(s);
}

const char *crypto_signer_algorithm(const struct crypto_signer *s)
{
	return s->ed25519 ? "ed25519-sha256" : "rsa-sha256";
}

void crypto_sha256(struct span data, uint8_t out[32])
{
	int good = EVP_Digest(data.at, data.len, out, NULL, EVP_sha256(), NULL);

	CHECK(good == 1); /* SHA-256 of OpenSSL's default provider */
}

size_t crypto_sign(const struct crypto_signer *s, struct span data, uint8_t *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t len = CRYPTO_SIGNATURE_MAX;
	uint8_t hash[SHA256_LEN];
	bool good;

	/* RFC 8463 3: Ed25519 signs the hash, not the data. */
	if (s->ed25519) {
		crypto_sha256(data, hash);
		data = span_of(hash, sizeof(hash));
	}
	good = c && EVP_DigestSignInit(c, NULL, s->ed25519 ? NULL : EVP_sha256(), NULL, s->key) == 1 &&
	       EVP_DigestSign(c, out, &len, data.at, data.len) == 1;
	EVP_MD_CTX_free(c);
	return good ? len : 0;
}

bool crypto_signer_record(const struct crypto_signer *s, struct text *out)
{
	uint8_t raw[ED25519_KEY_LEN], *der = NULL;
	size_t n_raw = sizeof(raw);
	int n_der = 0;

	text_puts(out, s->ed25519 ? "v=DKIM1; k=ed25519; p=" : "v=DKIM1; k=rsa; p=");
	if (s->ed25519 && EVP_PKEY_get_raw_public_key(s->key, raw, &n_raw) == 1)
		base64_encode(out, span_of(raw, n_raw));
	else if (!s->ed25519 && (n_der = i2d_PUBKEY(s->key, &der)) > 0)
		base64_encode(out, span_of(der, (size_t)n_der));
	else
		out->full = true;
	OPENSSL_free(der);
	return !out->full;
}

static EVP_PKEY *new_key(bool ed25519)
{
	return ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
		       : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)CRYPTO_RSA_BITS);
}

bool crypto_keygen(const char *path, bool ed25519, const char **why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	EVP_PKEY *key = NULL;
	bool good;

	*why = f ? NULL : strerror(errno);
	if (!f && fd >= 0)
		close(fd);
	if (!f)
		return false;
	key = new_key(ed25519);
	good = key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
	good = fflush(f) == 0 && fsync(fd) == 0 && good;
	fclose(f);
	EVP_PKEY_free(key);
	if (good)
		return true;
	unlink(path);
	*why = "the key could not be made or written";
	return false;
}
