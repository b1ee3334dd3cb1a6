// SPDX-License-Identifier: MIT
/*
 * tls_world.h - the TLS driver on one side, OpenSSL by itself on the other, and records on their way between
 */
#ifndef TLS_WORLD_H
#define TLS_WORLD_H

#include <time.h>

#include "crypto/tls_memory.h"
#include "crypto/tls_openssl.h"
#include "tests/unit/crypto/tls_certificate.h"
#include "tests/unit/crypto/tls_peer.h"

#define PIPE_MAX (1u << 18)

/* Records on their way, and how many octets of them our side takes or gives at once. */
struct pipe {
	uint8_t at[PIPE_MAX];
	size_t from, to;
};

static struct {
	struct tls_settings settings;
	struct tls_driver *driver;
	struct tls_peer peer;
	struct tls_conn *conn;
	struct pipe in, out;
	size_t cut;  /* octets that one call of read or write moves; 0: all */
	size_t room; /* octets that may still be written; SIZE_MAX: any */
} w;

static size_t io_read(void *arg, uint8_t *to, size_t n)
{
	size_t there = w.in.to - w.in.from;

	(void)arg;
	n = n < there ? n : there;
	n = w.cut && n > w.cut ? w.cut : n;
	memcpy(to, w.in.at + w.in.from, n);
	w.in.from += n;
	return n;
}

static size_t io_write(void *arg, const uint8_t *at, size_t n)
{
	(void)arg;
	n = w.cut && n > w.cut ? w.cut : n;
	n = n < w.room ? n : w.room;
	CHECK(n <= PIPE_MAX - w.out.to);
	memcpy(w.out.at + w.out.to, at, n);
	w.out.to += n;
	if (w.room != SIZE_MAX)
		w.room -= n;
	return n;
}

static const struct tls_io io = { io_read, io_write, NULL };

/* Octets to our side. */
static void arrive(struct span s)
{
	if (w.in.from == w.in.to)
		w.in.from = w.in.to = 0;
	CHECK(s.len <= PIPE_MAX - w.in.to);
	if (s.len)
		memcpy(w.in.at + w.in.to, s.at, s.len);
	w.in.to += s.len;
}

static void exchange(void)
{
	arrive(tls_peer_records(&w.peer));
	tls_peer_give(&w.peer, span_of(w.out.at + w.out.from, w.out.to - w.out.from));
	w.out.from = w.out.to = 0;
}

static void usual_settings(void)
{
	memset(&w.settings, 0, sizeof(w.settings));
	w.settings.hostname = "mx.example";
	w.settings.n_certificates = 2;
	w.settings.certificates[0].certificate = tls_file("rsa.pem");
	w.settings.certificates[0].key = tls_file("rsa.key");
	w.settings.certificates[1].certificate = tls_file("ecdsa.pem");
	w.settings.certificates[1].key = tls_file("ecdsa.key");
	w.settings.ciphers = "ECDHE+AESGCM";
	w.settings.groups = "X25519:P-256";
	memset(w.settings.ticket_keys, 7, sizeof(w.settings.ticket_keys[0]));
	w.room = SIZE_MAX;
	w.cut = 0;
}

static struct tls_context *context(void)
{
	char why[256] = "";
	struct tls_context *c = tls_context_open(&w.settings, why, sizeof(why));

	if (!c)
		printf("# %s\n", why);
	CHECK(c);
	return c;
}

/* Both ends of a connection, nothing said. */
__attribute__((unused)) static void begin(bool tickets, SSL_SESSION *session)
{
	w.in.from = w.in.to = w.out.from = w.out.to = 0;
	tls_peer_begin(&w.peer, session);
	w.conn = w.driver->accept(w.driver, &io, tickets);
	CHECK(w.conn);
}

static void end(void)
{
	w.driver->free(w.conn);
	w.conn = NULL;
}

/* Until both are done or ours fails. */
static enum tls_result shake(void)
{
	enum tls_result ours = TLS_WANT;
	bool theirs = false;

	for (int i = 0; i < 20000 && (ours == TLS_WANT || ours == TLS_DEVICE || !theirs); i++) {
		theirs = theirs || SSL_do_handshake(w.peer.ssl) == 1;
		exchange();
		if (ours == TLS_DEVICE)
			nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
		if (ours == TLS_WANT || ours == TLS_DEVICE)
			ours = w.driver->handshake(w.conn);
		if (ours == TLS_FAILED)
			break;
		exchange();
	}
	return ours;
}

__attribute__((unused)) static void open_server(void)
{
	usual_settings();
	w.driver = tls_openssl_open(context());
	CHECK(w.driver);
	tls_peer_open(&w.peer, NULL, NULL);
}

static void close_server(void)
{
	tls_openssl_close(w.driver);
	tls_peer_close(&w.peer);
	w.peer.ssl = NULL;
}

__attribute__((unused)) static uint8_t plain[TLS_RECORD_MAX];

/* First of all in main(). */
static void tls_world_begin(void)
{
	CHECK(tls_memory_count());
	tls_certificate("rsa", "DNS:mx.example", 2048);
	tls_certificate("ecdsa", "DNS:mx.example", 0);
}

#endif
