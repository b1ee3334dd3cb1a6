// SPDX-License-Identifier: MIT
/*
 * test_tls_dane.c - next hops that are known by TLSA records (RFC 7672)
 */
#include "tests/unit/crypto/tls_world.h"

static struct tls_tlsa records[TLS_TLSA_MAX];
static size_t n_records;

static X509 *certificate_of(const char *file)
{
	FILE *f = fopen(tls_file(file), "r");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	CHECK(x && fclose(f) == 0);
	return x;
}

/* leaf.pem: signed by ca.key, and ca.pem behind it. */
static void sign_leaf(void)
{
	X509 *leaf = certificate_of("leaf.pem"), *ca = certificate_of("ca.pem");
	FILE *f = fopen(tls_file("ca.key"), "r");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	CHECK(key && fclose(f) == 0);
	CHECK(X509_set_issuer_name(leaf, X509_get_subject_name(ca)) == 1 && X509_sign(leaf, key, EVP_sha256()) > 0);
	f = fopen(tls_file("leaf.pem"), "w");
	CHECK(f && PEM_write_X509(f, leaf) == 1 && PEM_write_X509(f, ca) == 1 && fclose(f) == 0);
	EVP_PKEY_free(key);
	X509_free(leaf);
	X509_free(ca);
}

/* Selector 0: the certificate, 1: its key.  Matching type 0: itself, 1: its SHA-256. */
static void publish(unsigned usage, unsigned selector, unsigned matching, const char *file)
{
	struct tls_tlsa *r = &records[n_records++];
	X509 *x = certificate_of(file);
	unsigned char *der = NULL;
	unsigned len = sizeof(r->data);
	int n = selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : i2d_X509(x, &der);

	CHECK(n > 0 && (size_t)n <= sizeof(r->data));
	*r = (struct tls_tlsa){ (uint8_t)usage, (uint8_t)selector, (uint8_t)matching, (uint16_t)n, { 0 } };
	if (matching) {
		CHECK(EVP_Digest(der, (size_t)n, r->data, &len, EVP_sha256(), NULL) == 1);
		r->len = (uint16_t)len;
	} else {
		memcpy(r->data, der, (size_t)n);
	}
	OPENSSL_free(der);
	X509_free(x);
}

/* The next hop shows @file; what the handshake comes to with the records of now, which are forgotten. */
static bool reaches(const char *file, const char *name)
{
	char pem[32], key[32];

	snprintf(pem, sizeof(pem), "%s.pem", file);
	snprintf(key, sizeof(key), "%s.key", file);
	usual_settings();
	w.settings.n_hops = 1;
	w.settings.hops[0] = (struct tls_hop_settings){
		.used = true, .ca_file = "", .name = name, .dane = true, .tlsa = records, .n_tlsa = n_records
	};
	w.driver = tls_openssl_open(context());
	CHECK(w.driver);
	tls_peer_open(&w.peer, tls_file(pem), tls_file(key));
	w.in.from = w.in.to = w.out.from = w.out.to = 0;
	tls_peer_begin(&w.peer, NULL);
	w.conn = w.driver->connect(w.driver, &io, 0);
	CHECK(w.conn);
	bool good = shake() == TLS_OK;

	if (!good)
		printf("# %s\n", w.driver->why(w.driver));
	end();
	close_server();
	ERR_clear_error();
	n_records = 0;
	return good;
}

int main(void)
{
	tls_world_begin();
	tls_certificate("ca", "DNS:ca.example", 0);
	tls_certificate("leaf", "DNS:mx.example", 0);
	sign_leaf();

	publish(3, 1, 1, "rsa.pem");
	ok(reaches("rsa", "mx.example"), "3 1 1: the key's digest");
	publish(3, 0, 0, "rsa.pem");
	ok(reaches("rsa", "mx.example"), "3 0 0: the certificate itself");
	publish(3, 1, 1, "rsa.pem");
	ok(reaches("rsa", "mx.elsewhere.example"), "3 1 1: names do not matter (RFC 7671 5.1)");
	publish(3, 1, 1, "ecdsa.pem");
	ok(!reaches("rsa", "mx.example"), "another key is refused");
	publish(3, 1, 1, "ecdsa.pem");
	publish(3, 1, 1, "rsa.pem");
	ok(reaches("rsa", "mx.example"), "one of two records is enough, as in a change of keys");
	publish(2, 0, 1, "ca.pem");
	ok(reaches("leaf", "mx.example"), "2 0 1: who signed it");
	publish(2, 1, 1, "ca.pem");
	ok(!reaches("leaf", "mx.elsewhere.example"), "2 1 1: with another name it is refused");
	publish(2, 1, 1, "rsa.pem");
	ok(!reaches("leaf", "mx.example"), "2 1 1: signed by another one it is refused");
	publish(1, 1, 1, "rsa.pem");
	ok(!reaches("rsa", "mx.example"), "1 1 1: PKIX usages say nothing to SMTP (RFC 7672 3.1.3)");
	publish(3, 1, 1, "rsa.pem");
	records[0].len--;
	ok(!reaches("rsa", "mx.example"), "a digest that lacks an octet is no record");
	publish(3, 7, 9, "rsa.pem");
	ok(!reaches("rsa", "mx.example"), "nor is one of unknown selector and matching type");
	ok(!reaches("rsa", "mx.example"), "without records nobody is trusted");
	return done();
}
