// SPDX-License-Identifier: MIT
/*
 * load_sign.c - DKIM signatures of made messages, and the keys that their domains publish
 */
#include "tools/load/load_sign.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static const struct algorithm {
	const char *name;
	unsigned bits; /* 0: Ed25519 */
} algorithms[] = { { "rsa1024", 1024 }, { "rsa2048", 2048 }, { "rsa4096", 4096 }, { "ed25519", 0 } };

struct load_sign {
	const struct algorithm *algorithm;
	EVP_PKEY *key;
};

enum { DER_MAX = 1024, SIG_MAX = 512 };

struct load_sign *load_sign_open(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		const struct algorithm *a = &algorithms[i];

		if (strcmp(name, a->name) != 0)
			continue;
		struct load_sign *s = malloc(sizeof(*s));

		if (!s)
			return NULL;
		s->algorithm = a;
		s->key = a->bits ? EVP_RSA_gen(a->bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		if (s->key)
			return s;
		free(s);
	}
	return NULL;
}

bool load_sign_keep(struct load_sign *s, const char *folder)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s.pem", folder, s->algorithm->name);
	BIO *file = n > 0 && (size_t)n < sizeof(path) ? BIO_new_file(path, "r") : NULL;
	bool good;

	if (file) {
		EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);

		good = key != NULL;
		EVP_PKEY_free(good ? s->key : NULL);
		s->key = good ? key : s->key;
	} else {
		file = BIO_new_file(path, "w");
		good = file && PEM_write_bio_PrivateKey(file, s->key, NULL, NULL, 0, NULL, NULL) == 1;
	}
	BIO_free(file);
	return good;
}

/* Ed25519 signs the digest as if it were the message (RFC 8463 3). */
static size_t sign_digest(struct load_sign *s, const uint8_t digest[SHA256_DIGEST_LENGTH], uint8_t *sig)
{
	EVP_PKEY_CTX *rsa = NULL;
	EVP_MD_CTX *ed = NULL;
	size_t len = SIG_MAX;
	bool good;

	if (s->algorithm->bits) {
		rsa = EVP_PKEY_CTX_new(s->key, NULL);
		good = rsa && EVP_PKEY_sign_init(rsa) > 0 && EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PADDING) > 0 &&
		       EVP_PKEY_CTX_set_signature_md(rsa, EVP_sha256()) > 0 &&
		       EVP_PKEY_sign(rsa, sig, &len, digest, SHA256_DIGEST_LENGTH) > 0;
	} else {
		ed = EVP_MD_CTX_new();
		good = ed && EVP_DigestSignInit(ed, NULL, NULL, NULL, s->key) > 0 &&
		       EVP_DigestSign(ed, sig, &len, digest, SHA256_DIGEST_LENGTH) > 0;
	}
	EVP_PKEY_CTX_free(rsa);
	EVP_MD_CTX_free(ed);
	return good ? len : 0;
}

/* Names of the fields of @head in their order, with colons between. */
static size_t field_names(struct span head, char *to, size_t cap)
{
	size_t n = 0;

	while (head.len) {
		size_t colon = span_find(head, ':'), end = span_find(head, '\n');

		if (colon == SPAN_NONE || end == SPAN_NONE || n + colon + 2 > cap)
			break;
		if (n)
			to[n++] = ':';
		memcpy(to + n, head.at, colon);
		n += colon;
		head = span_skip(head, end + 1);
	}
	to[n] = '\0';
	return n;
}

size_t load_sign_field(struct load_sign *s, const char *domain, struct span head, struct span body, char *to)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], sig[SIG_MAX];
	char names[256], hash[64], text[SIG_MAX / 3 * 4 + 8];
	size_t len;

	field_names(head, names, sizeof(names));
	SHA256(body.at, body.len, digest);
	EVP_EncodeBlock((uint8_t *)hash, digest, sizeof(digest));
	int n = snprintf(
		to, LOAD_SIGN_FIELD_MAX,
		"DKIM-Signature: v=1; a=%s-sha256; c=simple/simple; d=%s;\r\n\ts=%s; h=%s;\r\n\tbh=%s;\r\n\tb=",
		s->algorithm->bits ? "rsa" : "ed25519", domain, s->algorithm->name, names, hash);
	if (n < 0 || (size_t)n + sizeof(text) + 2 > LOAD_SIGN_FIELD_MAX)
		return 0;
	/* RFC 6376 3.7: the fields, and this one with an empty b= and without its CRLF. */
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	bool good = h && EVP_DigestInit_ex(h, EVP_sha256(), NULL) > 0 && EVP_DigestUpdate(h, head.at, head.len) > 0 &&
		    EVP_DigestUpdate(h, to, (size_t)n) > 0 && EVP_DigestFinal_ex(h, digest, NULL) > 0;

	EVP_MD_CTX_free(h);
	len = good ? sign_digest(s, digest, sig) : 0;
	if (len == 0)
		return 0;
	EVP_EncodeBlock((uint8_t *)text, sig, (int)len);
	return (size_t)n + (size_t)snprintf(to + n, LOAD_SIGN_FIELD_MAX - (size_t)n, "%s\r\n", text);
}

void load_sign_record(const struct load_sign *s, const char *domain, FILE *to)
{
	uint8_t der[DER_MAX], *at = der;
	char text[DER_MAX / 3 * 4 + 8];
	size_t len = sizeof(der);

	if (!s->algorithm->bits) {
		if (EVP_PKEY_get_raw_public_key(s->key, der, &len) <= 0)
			return;
	} else {
		int n = i2d_PUBKEY(s->key, NULL);

		if (n <= 0 || n > DER_MAX)
			return;
		len = (size_t)i2d_PUBKEY(s->key, &at);
	}
	EVP_EncodeBlock((uint8_t *)text, der, (int)len);
	fprintf(to, "%s._domainkey.%s TXT \"v=DKIM1; k=%s; p=\"", s->algorithm->name, domain,
		s->algorithm->bits ? "rsa" : "ed25519");
	for (const char *rest = text; *rest; rest += strnlen(rest, 200))
		fprintf(to, " \"%.200s\"", rest);
	fputc('\n', to);
}
