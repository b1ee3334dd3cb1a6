// SPDX-License-Identifier: MIT
/*
 * tls_openssl.h - the driver of TLS that is made of OpenSSL
 */
#ifndef TLS_OPENSSL_H
#define TLS_OPENSSL_H

#include "crypto/tls_context.h"

/* A driver for one thread, which takes @context.  NULL: no memory; @context is left to the caller. */
struct tls_driver *tls_openssl_open(struct tls_context *context);
void tls_openssl_close(struct tls_driver *driver); /* once all its connections are freed */

#endif
