// SPDX-License-Identifier: MIT
/*
 * tls_certificate.h - keys and self-signed certificates for tests, in files of a directory that is removed at the end
 */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

#define TLS_FILES_MAX 64

static char tls_directory[32];
static char tls_files[TLS_FILES_MAX][64];
static size_t n_tls_files;

static void tls_files_remove(void)
{
	for (size_t i = 0; i < n_tls_files; i++)
		unlink(tls_files[i]);
	if (n_tls_files)
		rmdir(tls_directory);
}

/* A path in the directory, for a file that the test will write. */
static const char *tls_file(const char *name)
{
	if (n_tls_files == 0) {
		snprintf(tls_directory, sizeof(tls_directory), "/tmp/tls-%d", (int)getpid());
		CHECK(mkdir(tls_directory, 0700) == 0);
		atexit(tls_files_remove);
	}
	for (size_t i = 0; i < n_tls_files; i++)
		if (strcmp(strrchr(tls_files[i], '/') + 1, name) == 0)
			return tls_files[i];
	CHECK(n_tls_files < TLS_FILES_MAX);
	snprintf(tls_files[n_tls_files], sizeof(tls_files[0]), "%s/%s", tls_directory, name);
	return tls_files[n_tls_files++];
}

__attribute__((unused)) static const char *tls_text_file(const char *name, const char *text)
{
	const char *path = tls_file(name);
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

static void tls_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);

	CHECK(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/*
 * A key, and a certificate of it that signs itself: files NAME.pem and NAME.key.  @names: "DNS:mx.example,IP:192.0.2.1".
 * @rsa_bits: 0 is ECDSA P-256.
 */
static void tls_certificate(const char *name, const char *names, unsigned rsa_bits)
{
	EVP_PKEY *key = rsa_bits ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256");
	X509 *x = X509_new();
	char file[64];

	CHECK(key && x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	tls_extension(x, NID_subject_alt_name, names);
	tls_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	CHECK(X509_sign(x, key, EVP_sha256()) > 0);
	snprintf(file, sizeof(file), "%s.pem", name);
	FILE *f = fopen(tls_file(file), "w");
	CHECK(f && PEM_write_X509(f, x) == 1 && fclose(f) == 0);
	snprintf(file, sizeof(file), "%s.key", name);
	f = fopen(tls_file(file), "w");
	CHECK(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
	X509_free(x);
	EVP_PKEY_free(key);
}

#endif
