// SPDX-License-Identifier: MIT
/*
 * load_tls.h - a client's side of TLS by OpenSSL, octets in and out of memory; the server's certificate is not looked at
 */
#ifndef LOAD_TLS_H
#define LOAD_TLS_H

#include "dataplane/base/span.h"

#define LOAD_TLS_RECORD 16384 /* octets of plaintext in one record (RFC 8446 5.1) */

struct load_tls;
struct load_tls_context;

/* For all connections; NULL: no memory. */
struct load_tls_context *load_tls_open(void);

struct load_tls *load_tls_new(struct load_tls_context *c); /* NULL: no memory */
void load_tls_free(struct load_tls *t);                    /* may be NULL */

void load_tls_take(struct load_tls *t, struct span records); /* of the peer */
/* What is to be sent to it, borrowed until the next call; sent() takes the first @n octets of that away. */
struct span load_tls_out(struct load_tls *t);
void load_tls_sent(struct load_tls *t, size_t n);

/* 1: done, 0: the peer has to say something first, -1: it failed. */
int load_tls_handshake(struct load_tls *t);
/* Octets of plaintext; 0: none now. */
size_t load_tls_read(struct load_tls *t, uint8_t *to, size_t cap);
/* All of @plain, which has a record's octets at most, or none: 0. */
size_t load_tls_write(struct load_tls *t, struct span plain);

#endif
