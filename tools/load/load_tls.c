// SPDX-License-Identifier: MIT
/*
 * load_tls.c - a client's side of TLS by OpenSSL, octets in and out of memory
 *
 * Each connection has a full handshake: nothing is resumed, as mail servers that come from anywhere do.
 */
#include "tools/load/load_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

struct load_tls {
	SSL *ssl; /* owns both */
	BIO *in, *out;
};

struct load_tls_context *load_tls_open(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c) {
		SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	}
	return (struct load_tls_context *)c;
}

struct load_tls *load_tls_new(struct load_tls_context *context)
{
	struct load_tls *t = OPENSSL_zalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->ssl = SSL_new((SSL_CTX *)context);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		SSL_free(t->ssl);
		BIO_free(t->in);
		BIO_free(t->out);
		OPENSSL_free(t);
		return NULL;
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_connect_state(t->ssl);
	return t;
}

void load_tls_free(struct load_tls *t)
{
	if (t)
		SSL_free(t->ssl);
	OPENSSL_free(t);
}

void load_tls_take(struct load_tls *t, struct span records)
{
	BIO_write(t->in, records.at, (int)records.len);
}

struct span load_tls_out(struct load_tls *t)
{
	char *at = NULL;
	long n = BIO_get_mem_data(t->out, &at);

	return span_of(at, n > 0 ? (size_t)n : 0);
}

void load_tls_sent(struct load_tls *t, size_t n)
{
	uint8_t gone[4096];

	while (n) {
		int took = BIO_read(t->out, gone, (int)(n < sizeof(gone) ? n : sizeof(gone)));

		if (took <= 0)
			return;
		n -= (size_t)took;
	}
}

int load_tls_handshake(struct load_tls *t)
{
	int result = SSL_do_handshake(t->ssl);

	if (result == 1)
		return 1;
	int why = SSL_get_error(t->ssl, result);

	ERR_clear_error();
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

size_t load_tls_read(struct load_tls *t, uint8_t *to, size_t cap)
{
	size_t n = 0;

	if (SSL_read_ex(t->ssl, to, cap, &n) == 1)
		return n;
	ERR_clear_error();
	return 0;
}

size_t load_tls_write(struct load_tls *t, struct span plain)
{
	size_t n = 0;

	if (plain.len && SSL_write_ex(t->ssl, plain.at, plain.len, &n) == 1)
		return n;
	ERR_clear_error();
	return 0;
}
