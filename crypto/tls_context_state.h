// SPDX-License-Identifier: MIT
/*
 * tls_context_state.h - struct tls_context, for the two files that know OpenSSL's TLS
 */
#ifndef TLS_CONTEXT_STATE_H
#define TLS_CONTEXT_STATE_H

#include <openssl/ssl.h>

#include "crypto/tls_context.h"

/* A certificate with its key and chain. */
struct tls_identity {
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
};

struct tls_context {
	SSL_CTX *server; /* NULL: no certificates */
	struct tls_identity identities[TLS_CERTIFICATES_MAX];
	size_t n_identities;
	bool uses_engine;
	size_t n_conns; /* that began with this one */
	bool retired;   /* another one took its place: the last connection closes it */
	uint32_t usual; /* bits of the identities that `server` shows by itself */
	struct tls_ticket_key ticket_keys[2];
	struct tls_hop {
		SSL_CTX *client; /* NULL: no TLS */
		struct tls_hop_settings settings;
		char name[256];
		struct tls_tlsa *tlsa; /* settings.tlsa, our own */
	} hops[TLS_HOPS_MAX];
};

#endif
