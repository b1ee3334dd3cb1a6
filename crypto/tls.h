// SPDX-License-Identifier: MIT
/*
 * tls.h - TLS 1.2 and 1.3 on one connection, octets in, octets out
 *
 * A driver is one thread's.  It does no I/O: records come and go by the two functions of struct tls_io, which the
 * owner of the connection gives, so that a record is copied once between TCP's buffers and the library's.
 */
#ifndef TLS_H
#define TLS_H

#include "dataplane/base/span.h"

struct tls_conn;
struct tls_context;

#define TLS_RECORD_MAX 16384 /* octets of plaintext in one record (RFC 8446 5.1) */
#define TLS_FACTS_MAX 64

/* Where records come from and go to; borrowed for the life of the connection. */
struct tls_io {
	size_t (*read)(void *arg, uint8_t *to, size_t n);        /* as many octets as are at hand; 0: none now */
	size_t (*write)(void *arg, const uint8_t *at, size_t n); /* as many as there is room for now */
	void *arg;
};

enum tls_result {
	TLS_OK,
	TLS_WANT,   /* more octets of the peer, or room for ours: again when there is */
	TLS_CLOSED, /* close_notify came: the peer says no more */
	TLS_DEVICE, /* of a handshake: a device computes; again in a later turn */
	TLS_FAILED, /* nothing can be said or heard any more; an alert, if one was due, was written */
};

/* Private operations that a device did, and those it did wrong or not at all; handshakes that ended before it answered. */
struct tls_device_use {
	uint64_t signatures, faults, abandoned;
};

struct tls_driver {
	/* A server's side.  @tickets: whether sessions may be resumed.  NULL: no memory. */
	struct tls_conn *(*accept)(struct tls_driver *d, const struct tls_io *io, bool tickets);
	/* A client's side, towards next hop @index of the settings. */
	struct tls_conn *(*connect)(struct tls_driver *d, const struct tls_io *io, unsigned index);
	/* Until OK.  FAILED: tls_driver.why() says why. */
	enum tls_result (*handshake)(struct tls_conn *c);
	/*
	 * Plaintext at hand, of one record at most, copied to @to and not taken; take() takes @n of what was peeked.  OK: there
	 * is some.
	 */
	enum tls_result (*peek)(struct tls_conn *c, uint8_t *to, size_t cap, size_t *n);
	void (*take)(struct tls_conn *c, size_t n);
	/* Takes up to @plain.len octets.  WANT: the same octets must come again, when there is room; none are lost. */
	enum tls_result (*write)(struct tls_conn *c, struct span plain, size_t *n);
	void (*close)(struct tls_conn *c); /* close_notify, as far as there is room */
	void (*free)(struct tls_conn *c);  /* at any time */

	void (*facts)(const struct tls_conn *c,
		      char out[TLS_FACTS_MAX]); /* "TLSv1.3 TLS_AES_256_GCM_SHA384": the name in the registry */
	bool (*resumed)(const struct tls_conn *c);
	struct tls_device_use (*device)(const struct tls_driver *d); /* since the start; in the driver's own thread */
	const char *(*why)(
		const struct tls_driver *d); /* what failed last, in a few words; the peer cannot choose them */

	/* From now on new connections use @context, which is taken; those that are open go on with theirs. */
	void (*renew)(struct tls_driver *d, struct tls_context *context);
	size_t (*octets)(const struct tls_driver *d); /* memory that the library holds for this driver's connections */
};

#endif
