// SPDX-License-Identifier: MIT
/*
 * tls_peer.h - OpenSSL by itself, over memory BIOs, as the other end of a connection
 */
#ifndef TLS_PEER_H
#define TLS_PEER_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/tap.h"

struct tls_peer {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* records to it and from it */
};

/* @server_pem, @server_key: NULL: a client. */
static void tls_peer_open(struct tls_peer *p, const char *server_pem, const char *server_key)
{
	p->ctx = SSL_CTX_new(server_pem ? TLS_server_method() : TLS_client_method());
	CHECK(p->ctx);
	if (server_pem)
		CHECK(SSL_CTX_use_certificate_chain_file(p->ctx, server_pem) == 1 &&
		      SSL_CTX_use_PrivateKey_file(p->ctx, server_key, SSL_FILETYPE_PEM) == 1);
	p->ssl = NULL;
}

/* A connection anew; settings of @p->ctx may change in between.  @session: to be resumed, or NULL. */
static void tls_peer_begin(struct tls_peer *p, SSL_SESSION *session)
{
	SSL_free(p->ssl);
	p->ssl = SSL_new(p->ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	CHECK(p->ssl && p->in && p->out);
	SSL_set_bio(p->ssl, p->in, p->out);
	if (session)
		CHECK(SSL_set_session(p->ssl, session) == 1);
	if (SSL_CTX_get_ssl_method(p->ctx) == TLS_server_method())
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
}

__attribute__((unused)) static void tls_peer_close(struct tls_peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
}

/* What it has to send. */
__attribute__((unused)) static struct span tls_peer_records(struct tls_peer *p)
{
	static uint8_t records[1 << 18];
	int n = BIO_read(p->out, records, sizeof(records));

	return span_of(records, n > 0 ? (size_t)n : 0);
}

__attribute__((unused)) static void tls_peer_give(struct tls_peer *p, struct span records)
{
	if (records.len)
		CHECK(BIO_write(p->in, records.at, (int)records.len) == (int)records.len);
}

#endif
