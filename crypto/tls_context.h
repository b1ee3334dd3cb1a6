// SPDX-License-Identifier: MIT
/*
 * tls_context.h - certificates, keys and rules of TLS, read and checked as a whole
 *
 * Made by the control thread, from files; then it belongs to one worker's driver (tls_openssl.h), until the next one has
 * taken its place and the last connection that began with it is gone.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "crypto/tls.h"
#include "dataplane/base/ip_addr.h"

#define TLS_CERTIFICATES_MAX 16
#define TLS_HOPS_MAX 16
#define TLS_PIN_LEN 32
#define TLS_TLSA_MAX 8         /* records of one next hop; more are not looked at */
#define TLS_TLSA_DATA_MAX 2048 /* octets of one: a digest, or a whole certificate */

/* What tickets are sealed with (RFC 5077 4).  Whoever has it reads what TLS 1.2 sessions resumed by it said. */
struct tls_ticket_key {
	uint8_t name[16], aes[32], mac[32];
};

/* One TLSA record that DNSSEC vouches for (RFC 6698 2.1). */
struct tls_tlsa {
	uint8_t usage, selector, matching;
	uint16_t len;
	uint8_t data[TLS_TLSA_DATA_MAX];
};

struct tls_hop_settings {
	bool used;           /* TLS is spoken to it at all */
	const char *ca_file; /* "": its chain is not looked at; else also `name`, or the address if that is "" */
	const char *name;    /* sent as SNI */
	struct ip_addr addr;
	bool has_pin; /* SHA-256 of the SubjectPublicKeyInfo that it must show */
	uint8_t pin[TLS_PIN_LEN];
	bool dane; /* its certificate must match one of these (RFC 7672), and there must be one; `name` is not empty */
	const struct tls_tlsa *tlsa;
	size_t n_tlsa;
};

/* Borrowed for the call. */
struct tls_settings {
	const char
		*hostname; /* certificates that have it are shown to who asks for no name, or for one that none has */
	size_t n_certificates;
	struct {
		const char *certificate, *key; /* PEM files; the chain follows the certificate */
	} certificates[TLS_CERTIFICATES_MAX];
	bool engine; /* RSA signatures by the OpenSSL engine that is open, if there is one */
	bool tls13_only;
	const char *ciphers; /* of TLS 1.2: ciphers(1) */
	const char *groups;
	struct tls_ticket_key ticket_keys[2]; /* the first seals; what the second sealed is still taken */
	size_t n_hops;
	struct tls_hop_settings hops[TLS_HOPS_MAX];
};

/* NULL, and in @why which setting is wrong and how, "tls.certificates.[0].key does not belong to ...". */
struct tls_context *tls_context_open(const struct tls_settings *settings, char *why, size_t cap);
void tls_context_close(struct tls_context *context);

#endif
