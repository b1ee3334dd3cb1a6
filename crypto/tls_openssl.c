// SPDX-License-Identifier: MIT
/*
 * tls_openssl.c - the driver of TLS that is made of OpenSSL
 *
 * OpenSSL reads and writes by a BIO of ours, which goes straight to the owner's buffers: a record is copied from TCP's
 * buffer into OpenSSL's, decrypted there in place, and copied out as plaintext; no memory BIO lies between.  It asks for
 * the five octets of a record's head first and for the rest then, so that it holds no octet of the next record and its
 * buffers can go back after each one (SSL_MODE_RELEASE_BUFFERS).
 *
 * Plaintext is peeked at and taken later, when the session has done with it: until then OpenSSL keeps it, so no buffer
 * of ours does.
 *
 * Where an engine signs (tls_device.h), a handshake is an asynchronous job: SSL_do_handshake() comes back while the device
 * computes, and goes on once the engine has called back.  A connection that is freed before that is put aside whole, as
 * the device still writes to the stack of its job.
 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/crypto_engine.h"
#include "crypto/tls_context_state.h"
#include "crypto/tls_device.h"
#include "crypto/tls_memory.h"
#include "crypto/tls_openssl.h"

enum { TLSA_DANE_TA = 2, TLSA_DANE_EE = 3 }; /* RFC 7218 2.1 */

struct tls_openssl {
	struct tls_driver driver; /* first */
	struct tls_context *context;
	BIO_METHOD *method;
	unsigned owner; /* of memory */
	struct tls_conn *aside;
	unsigned n_aside, n_rest; /* n_rest: connections that the CPU still signs for, as the engine was too slow */
	uint64_t n_abandoned;
	char why[128];
};

#define ASIDE_MAX 64 /* connections put aside; with so many the CPU signs */
#define REST 256     /* connections that the CPU signs for after one that was given up */

/* What an engine never gave back, so that it may still write there. */
static struct tls_openssl *never_freed;

struct tls_conn {
	struct tls_openssl *driver;
	struct tls_context *context;
	const struct tls_hop *hop; /* NULL: a server's side */
	SSL *ssl;
	struct tls_io io;
	bool paused;             /* its handshake: the engine has it */
	atomic_bool called_back; /* by the engine */
	struct tls_conn *next;   /* put aside */
	bool failed, unmatched;  /* unmatched: by DANE, and there is nothing that its certificate could match */
};

/* --- between OpenSSL and the owner's buffers --------------------------------------------------- */

static int bio_read(BIO *bio, char *to, size_t n, size_t *n_read)
{
	const struct tls_conn *c = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*n_read = c->io.read(c->io.arg, (uint8_t *)to, n);
	if (*n_read == 0)
		BIO_set_retry_read(bio);
	return *n_read > 0;
}

static int bio_write(BIO *bio, const char *at, size_t n, size_t *n_written)
{
	const struct tls_conn *c = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*n_written = c->io.write(c->io.arg, (const uint8_t *)at, n);
	if (*n_written == 0)
		BIO_set_retry_write(bio);
	return *n_written > 0;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "sekisho");

	if (m && BIO_meth_set_read_ex(m, bio_read) == 1 && BIO_meth_set_write_ex(m, bio_write) == 1 &&
	    BIO_meth_set_ctrl(m, bio_ctrl) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* --- connections ------------------------------------------------------------------------------- */

static void context_left(struct tls_context *context)
{
	if (--context->n_conns == 0 && context->retired)
		tls_context_close(context);
}

/* Each use of the library: its memory is this driver's, its list of errors empty. */
static unsigned enter(const struct tls_conn *c)
{
	ERR_clear_error();
	return tls_memory_for(c->driver->owner);
}

static void release(struct tls_conn *c)
{
	unsigned before = tls_memory_for(c->driver->owner);

	SSL_free(c->ssl); /* and its BIO */
	ERR_clear_error();
	tls_memory_for(before);
	context_left(c->context);
	free(c);
}

/* --- by an engine ------------------------------------------------------------------------------ */

static int on_engine(SSL *ssl, void *arg)
{
	(void)ssl;
	atomic_store_explicit(&((struct tls_conn *)arg)->called_back, true, memory_order_release);
	return 1;
}

/* Whether the engine has to do with this one: not when it is slow. */
static void choose_engine(struct tls_conn *c)
{
	struct tls_openssl *d = c->driver;

	if (!c->context->uses_engine || d->n_aside >= ASIDE_MAX)
		return;
	if (d->n_rest) {
		d->n_rest--;
		return;
	}
	SSL_set_mode(c->ssl, SSL_MODE_ASYNC);
	SSL_set_async_callback(c->ssl, on_engine);
	SSL_set_async_callback_arg(c->ssl, c);
}

/* Whether the job of @c may go on.  An engine whose queue was full calls nobody back, but wants to be asked again. */
static bool may_go_on(const struct tls_conn *c)
{
	int status = ASYNC_STATUS_OK;

	if (!atomic_load_explicit(&c->called_back, memory_order_acquire))
		crypto_engine_poll();
	return atomic_load_explicit(&c->called_back, memory_order_acquire) ||
	       (SSL_get_async_status(c->ssl, &status) == 1 && status == ASYNC_STATUS_EAGAIN);
}

static size_t nothing_read(void *arg, uint8_t *to, size_t n)
{
	(void)arg, (void)to, (void)n;
	return 0;
}

static size_t nothing_written(void *arg, const uint8_t *at, size_t n)
{
	(void)arg, (void)at, (void)n;
	return 0;
}

/* Of those put aside, what has come to an end. */
static void clear_aside(struct tls_openssl *d)
{
	for (struct tls_conn **link = &d->aside, *c; (c = *link);) {
		unsigned before = tls_memory_for(d->owner);

		if (may_go_on(c)) {
			atomic_store_explicit(&c->called_back, false, memory_order_relaxed);
			c->paused = SSL_get_error(c->ssl, SSL_do_handshake(c->ssl)) == SSL_ERROR_WANT_ASYNC;
			ERR_clear_error();
		}
		tls_memory_for(before);
		if (c->paused) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		d->n_aside--;
		release(c);
	}
}

static void conn_free(struct tls_conn *c)
{
	struct tls_openssl *d = c->driver;

	if (!c->paused) {
		release(c);
		return;
	}
	c->io = (struct tls_io){ nothing_read, nothing_written, NULL };
	c->next = d->aside;
	d->aside = c;
	d->n_aside++;
	d->n_abandoned++;
	d->n_rest = REST;
}

static struct tls_device_use driver_device(const struct tls_driver *driver)
{
	const struct tls_device_counts n = tls_device_counts();

	return (struct tls_device_use){ n.signatures, n.faults, ((const struct tls_openssl *)driver)->n_abandoned };
}

/* --- opening ----------------------------------------------------------------------------------- */

static struct tls_conn *conn_new(struct tls_openssl *d, SSL_CTX *ctx, const struct tls_io *io)
{
	struct tls_conn *c = calloc(1, sizeof(*c));
	unsigned before = tls_memory_for(d->owner);
	BIO *bio = c ? BIO_new(d->method) : NULL;

	if (c)
		*c = (struct tls_conn){ .driver = d, .context = d->context, .ssl = SSL_new(ctx), .io = *io };
	if (bio && c->ssl) {
		BIO_set_data(bio, c);
		BIO_set_init(bio, 1);
		SSL_set_bio(c->ssl, bio, bio);
		c->context->n_conns++;
		tls_memory_for(before);
		return c;
	}
	BIO_free(bio);
	if (c)
		SSL_free(c->ssl);
	free(c);
	ERR_clear_error();
	tls_memory_for(before);
	return NULL;
}

static struct tls_conn *conn_accept(struct tls_driver *driver, const struct tls_io *io, bool tickets)
{
	struct tls_openssl *d = (struct tls_openssl *)driver;
	struct tls_conn *c = d->context->server ? conn_new(d, d->context->server, io) : NULL;

	clear_aside(d);
	if (!c)
		return NULL;
	choose_engine(c);
	if (!tickets) {
		SSL_set_options(c->ssl, SSL_OP_NO_TICKET);
		SSL_set_num_tickets(c->ssl, 0); /* of TLS 1.3, which would hold the session instead */
	}
	SSL_set_accept_state(c->ssl);
	return c;
}

/*
 * RFC 7672 3.1: usages DANE-TA(2) and DANE-EE(3); the PKIX usages say nothing to SMTP.  False: no memory, or the name is
 * none.
 */
static bool add_tlsa(struct tls_conn *c)
{
	const struct tls_hop_settings *s = &c->hop->settings;
	int n_usable = 0;

	if (SSL_dane_enable(c->ssl, c->hop->name) != 1)
		return false;
	for (size_t i = 0; i < s->n_tlsa; i++) {
		const struct tls_tlsa *r = &s->tlsa[i];

		if (r->usage == TLSA_DANE_TA || r->usage == TLSA_DANE_EE)
			n_usable += SSL_dane_tlsa_add(c->ssl, r->usage, r->selector, r->matching, r->data, r->len) == 1;
	}
	ERR_clear_error();
	c->unmatched = n_usable == 0;
	return true;
}

static struct tls_conn *conn_connect(struct tls_driver *driver, const struct tls_io *io, unsigned index)
{
	struct tls_openssl *d = (struct tls_openssl *)driver;
	const struct tls_hop *hop = &d->context->hops[index];
	struct tls_conn *c = hop->client ? conn_new(d, hop->client, io) : NULL;

	if (!c)
		return NULL;
	c->hop = hop;
	unsigned before = enter(c);
	bool good = !hop->name[0] || SSL_set_tlsext_host_name(c->ssl, hop->name) == 1;

	good = good && (!hop->settings.dane || add_tlsa(c));
	tls_memory_for(before);
	if (!good) {
		conn_free(c);
		return NULL;
	}
	SSL_set_connect_state(c->ssl);
	return c;
}

/* --- failing ----------------------------------------------------------------------------------- */

static void say_why(struct tls_openssl *d, const char *words)
{
	struct text t;

	text_init(&t, d->why, sizeof(d->why));
	text_puts(&t, words);
}

static enum tls_result fail(struct tls_conn *c, const char *words)
{
	c->failed = true;
	say_why(c->driver, words);
	return TLS_FAILED;
}

/* What a call of OpenSSL that did not succeed means. */
static enum tls_result not_ok(struct tls_conn *c, int returned)
{
	const char *words = NULL;

	switch (SSL_get_error(c->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	case SSL_ERROR_WANT_ASYNC:
		c->paused = true;
		return TLS_DEVICE;
	case SSL_ERROR_WANT_ASYNC_JOB:
		return TLS_DEVICE;
	default:
		if (SSL_get_verify_result(c->ssl) != X509_V_OK)
			words = X509_verify_cert_error_string(SSL_get_verify_result(c->ssl));
		else
			words = ERR_reason_error_string(ERR_peek_last_error());
		return fail(c, words ? words : "failed");
	}
}

/* --- handshake --------------------------------------------------------------------------------- */

static bool has_pin(const struct tls_conn *c)
{
	X509 *leaf = SSL_get0_peer_certificate(c->ssl);
	uint8_t digest[TLS_PIN_LEN];
	unsigned len = sizeof(digest);
	unsigned char *der = NULL;
	int n = leaf ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der) : -1;
	bool same = n > 0 && EVP_Digest(der, (size_t)n, digest, &len, EVP_sha256(), NULL) == 1 &&
		    memcmp(digest, c->hop->settings.pin, sizeof(digest)) == 0; /* both are public */

	OPENSSL_free(der);
	return same;
}

static enum tls_result conn_handshake(struct tls_conn *c)
{
	if (c->failed)
		return TLS_FAILED;
	if (c->unmatched)
		return fail(c, "no TLSA record of tls_name that can be used, or none that DNSSEC vouches for");
	if (c->paused && !may_go_on(c))
		return TLS_DEVICE;
	unsigned before = enter(c);

	c->paused = false;
	atomic_store_explicit(&c->called_back, false, memory_order_relaxed);
	int returned = SSL_do_handshake(c->ssl);
	enum tls_result result = returned == 1 ? TLS_OK : not_ok(c, returned);

	if (result == TLS_OK)
		SSL_clear_mode(c->ssl, SSL_MODE_ASYNC);
	if (result == TLS_CLOSED)
		result = fail(c, "closed during the handshake");
	if (result == TLS_OK && c->hop && c->hop->settings.has_pin && !has_pin(c))
		result = fail(c, "the certificate's key is not the one of tls_pin");
	tls_memory_for(before);
	return result;
}

/* --- octets ------------------------------------------------------------------------------------ */

static enum tls_result conn_peek(struct tls_conn *c, uint8_t *to, size_t cap, size_t *n)
{
	*n = 0;
	if (c->failed)
		return TLS_FAILED;
	unsigned before = enter(c);
	int returned = SSL_peek_ex(c->ssl, to, cap, n);
	enum tls_result result = returned == 1 ? TLS_OK : not_ok(c, returned);

	tls_memory_for(before);
	return result;
}

static void conn_take(struct tls_conn *c, size_t n)
{
	uint8_t scratch[4096];
	unsigned before = enter(c);

	while (n && !c->failed) {
		size_t taken = 0;

		if (SSL_read_ex(c->ssl, scratch, n < sizeof(scratch) ? n : sizeof(scratch), &taken) != 1)
			break;
		n -= taken;
	}
	CHECK(n == 0 || c->failed); /* it was there when it was peeked at */
	tls_memory_for(before);
}

static enum tls_result conn_write(struct tls_conn *c, struct span plain, size_t *n)
{
	*n = 0;
	if (c->failed)
		return TLS_FAILED;
	if (plain.len == 0)
		return TLS_OK;
	unsigned before = enter(c);
	int returned = SSL_write_ex(c->ssl, plain.at, plain.len, n);
	enum tls_result result = returned == 1 ? TLS_OK : not_ok(c, returned);

	tls_memory_for(before);
	return result == TLS_CLOSED ? TLS_FAILED : result;
}

static void conn_close(struct tls_conn *c)
{
	if (c->failed || !SSL_is_init_finished(c->ssl))
		return;
	unsigned before = enter(c);

	SSL_shutdown(c->ssl);
	tls_memory_for(before);
}

/* --- what is told ------------------------------------------------------------------------------ */

static void conn_facts(const struct tls_conn *c, char out[TLS_FACTS_MAX])
{
	const SSL_CIPHER *current = SSL_get_current_cipher(c->ssl);
	const char *cipher = current ? SSL_CIPHER_standard_name(current) : NULL;
	struct text t;

	text_init(&t, out, TLS_FACTS_MAX);
	text_puts(&t, SSL_get_version(c->ssl));
	text_putc(&t, ' ');
	text_puts(&t, cipher ? cipher : "");
}

static bool conn_resumed(const struct tls_conn *c)
{
	return SSL_session_reused(c->ssl) == 1;
}

static const char *driver_why(const struct tls_driver *driver)
{
	return ((const struct tls_openssl *)driver)->why;
}

static size_t driver_octets(const struct tls_driver *driver)
{
	return tls_memory_octets(((const struct tls_openssl *)driver)->owner);
}

static void driver_renew(struct tls_driver *driver, struct tls_context *context)
{
	struct tls_openssl *d = (struct tls_openssl *)driver;
	struct tls_context *old = d->context;

	d->context = context;
	old->retired = true;
	if (old->n_conns == 0)
		tls_context_close(old);
}

struct tls_driver *tls_openssl_open(struct tls_context *context)
{
	struct tls_openssl *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->driver = (struct tls_driver){ .accept = conn_accept,
					 .connect = conn_connect,
					 .handshake = conn_handshake,
					 .peek = conn_peek,
					 .take = conn_take,
					 .write = conn_write,
					 .close = conn_close,
					 .free = conn_free,
					 .facts = conn_facts,
					 .resumed = conn_resumed,
					 .device = driver_device,
					 .why = driver_why,
					 .renew = driver_renew,
					 .octets = driver_octets };
	d->method = make_method();
	d->owner = tls_memory_owner();
	if (!d->method) {
		free(d);
		return NULL;
	}
	d->context = context;
	return &d->driver;
}

void tls_openssl_close(struct tls_driver *driver)
{
	struct tls_openssl *d = (struct tls_openssl *)driver;

	if (!d)
		return;
	clear_aside(d);
	if (d->aside) {
		never_freed = d;
		return;
	}
	CHECK(d->context->n_conns == 0);
	tls_context_close(d->context);
	BIO_meth_free(d->method);
	free(d);
}
