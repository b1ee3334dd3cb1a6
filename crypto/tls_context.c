// SPDX-License-Identifier: MIT
/*
 * tls_context.c - certificates, keys and rules of TLS, read and checked as a whole
 *
 * A server shows the certificates that have the name asked for by SNI (RFC 6066 3), one of each kind of key, so that
 * RSA and ECDSA stand side by side and the client's own offer chooses.  No renegotiation, no compression, no early data
 * (a replayed command is a command), no key exchange by RSA, no finite-field Diffie-Hellman, which costs a server ten
 * times what it costs a client.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto_engine.h"
#include "crypto/tls_context_state.h"
#include "crypto/tls_device.h"

struct opening {
	const struct tls_settings *settings;
	struct tls_context *context;
	char *why;
	size_t cap;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct opening *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(o->why, o->cap, format, args);
	va_end(args);
	ERR_clear_error();
	return false;
}

static const char *library_says(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "no reason given";
}

/* --- files ------------------------------------------------------------------------------------- */

/* A key that needs a passphrase cannot be used: nobody is there to type it. */
static int no_passphrase(char *to, int cap, int writing, void *arg)
{
	(void)to, (void)cap, (void)writing, (void)arg;
	return -1;
}

static BIO *open_file(struct opening *o, const char *path, size_t index, const char *member)
{
	errno = 0;
	BIO *file = BIO_new_file(path, "r");

	if (!file)
		refuse(o, "tls.certificates.[%zu].%s cannot be opened: %s: %s", index, member, path,
		       errno ? strerror(errno) : library_says());
	return file;
}

static bool read_certificate(struct opening *o, const char *path, size_t index, struct tls_identity *to)
{
	BIO *file = open_file(o, path, index, "certificate");
	X509 *next;

	if (!file)
		return false;
	to->leaf = PEM_read_bio_X509_AUX(file, NULL, no_passphrase, NULL);
	to->chain = sk_X509_new_null();
	while (to->leaf && to->chain && (next = PEM_read_bio_X509(file, NULL, no_passphrase, NULL)))
		if (!sk_X509_push(to->chain, next)) {
			X509_free(next);
			break;
		}
	BIO_free(file);
	if (!to->leaf || !to->chain)
		return refuse(o, "tls.certificates.[%zu].certificate has no certificate in PEM: %s", index, path);
	/* What ends the chain must be the end of the file, not a damaged certificate. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return refuse(o, "tls.certificates.[%zu].certificate has a chain that cannot be read: %s: %s", index,
			      path, library_says());
	ERR_clear_error();
	return true;
}

static bool read_key(struct opening *o, const char *path, size_t index, struct tls_identity *to)
{
	BIO *file = open_file(o, path, index, "key");

	if (!file)
		return false;
	to->key = PEM_read_bio_PrivateKey(file, NULL, no_passphrase, NULL);
	BIO_free(file);
	if (!to->key)
		return refuse(o, "tls.certificates.[%zu].key has no private key in PEM without a passphrase: %s", index,
			      path);
	if (X509_check_private_key(to->leaf, to->key) != 1)
		return refuse(o, "tls.certificates.[%zu].key does not belong to the certificate beside it: %s", index,
			      path);
	return true;
}

/* An RSA key signs by the engine from here on.  Without memory for that it stays as it is. */
static void key_to_engine(struct opening *o, struct tls_identity *to)
{
	ENGINE *engine = o->settings->engine ? crypto_engine_in_use() : NULL;
	EVP_PKEY *key = engine ? tls_device_key(to->key, engine) : NULL;

	if (!key)
		return;
	EVP_PKEY_free(to->key);
	to->key = key;
	o->context->uses_engine = true;
}

static bool read_identity(struct opening *o, size_t index)
{
	struct tls_identity *to = &o->context->identities[o->context->n_identities++];

	if (!read_certificate(o, o->settings->certificates[index].certificate, index, to) ||
	    !read_key(o, o->settings->certificates[index].key, index, to))
		return false;
	key_to_engine(o, to);
	return true;
}

/* --- which certificates are shown -------------------------------------------------------------- */

static uint32_t those_with_name(const struct tls_context *c, const char *name)
{
	uint32_t found = 0;

	for (size_t i = 0; i < c->n_identities; i++)
		if (X509_check_host(c->identities[i].leaf, name, 0, 0, NULL) == 1)
			found |= 1u << i;
	return found;
}

/* Before the certificate is chosen: those that have the name asked for, if others than usual. */
static int on_certificate(SSL *ssl, void *arg)
{
	const struct tls_context *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	uint32_t wanted = name ? those_with_name(c, name) : 0;

	if (wanted == 0 || wanted == c->usual)
		return 1;
	SSL_certs_clear(ssl);
	for (size_t i = c->n_identities; i-- > 0;) { /* of two with the same kind of key the first one stays */
		const struct tls_identity *id = &c->identities[i];

		if ((wanted & 1u << i) && SSL_use_cert_and_key(ssl, id->leaf, id->key, id->chain, 1) != 1)
			return 0;
	}
	return 1;
}

/* --- tickets ----------------------------------------------------------------------------------- */

/* RFC 5077 4, by OpenSSL's rules: 1 go on, 2 go on and give a new ticket, 0 unknown: a full handshake; -1 failed. */
static int on_ticket(SSL *ssl, unsigned char name[16], unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int sealing)
{
	const struct tls_context *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	unsigned which = 0;

	if (sealing) {
		memcpy(name, c->ticket_keys[0].name, sizeof(c->ticket_keys[0].name));
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
			return -1;
	} else {
		while (which < 2 && memcmp(name, c->ticket_keys[which].name, sizeof(c->ticket_keys[0].name)) != 0)
			which++;
		if (which == 2)
			return 0;
	}
	const struct tls_ticket_key *key = &c->ticket_keys[which];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "sha256", 0),
		OSSL_PARAM_construct_end(),
	};
	if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
	    EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv, sealing) != 1)
		return -1;
	return which == 0 ? 1 : 2;
}

/* --- rules ------------------------------------------------------------------------------------- */

static bool set_rules(struct opening *o, SSL_CTX *ctx)
{
	const struct tls_settings *s = o->settings;

	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(ctx, s->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
		return refuse(o, "tls.version_min is refused by OpenSSL: %s", library_says());
	if (SSL_CTX_set_cipher_list(ctx, s->ciphers) != 1)
		return refuse(o, "tls.ciphers names no cipher that OpenSSL has: \"%s\"", s->ciphers);
	if (SSL_CTX_set1_groups_list(ctx, s->groups) != 1)
		return refuse(o, "tls.groups names a group that OpenSSL lacks: \"%s\"", s->groups);
	return true;
}

static bool open_server(struct opening *o)
{
	static const unsigned char session_context[] = "sekisho";
	struct tls_context *c = o->context;

	for (size_t i = 0; i < o->settings->n_certificates; i++)
		if (!read_identity(o, i))
			return false;
	c->server = SSL_CTX_new(TLS_server_method());
	if (!c->server)
		return refuse(o, "tls: no memory for its context");
	if (!set_rules(o, c->server))
		return false;
	c->usual = those_with_name(c, o->settings->hostname);
	if (!c->usual)
		c->usual = 1;
	for (size_t i = c->n_identities; i-- > 0;) {
		const struct tls_identity *id = &c->identities[i];

		if ((c->usual & 1u << i) && SSL_CTX_use_cert_and_key(c->server, id->leaf, id->key, id->chain, 1) != 1)
			return refuse(o, "tls.certificates.[%zu] is refused by OpenSSL: %s", i, library_says());
	}
	memcpy(c->ticket_keys, o->settings->ticket_keys, sizeof(c->ticket_keys));
	SSL_CTX_set_app_data(c->server, c);
	SSL_CTX_set_cert_cb(c->server, on_certificate, c);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(c->server, on_ticket);
	SSL_CTX_set_num_tickets(c->server, 1);
	SSL_CTX_set_session_id_context(c->server, session_context, sizeof(session_context) - 1);
	return true;
}

/* By whose certificate it is known instead of by a name (RFC 7672): each connection gets the records. */
static bool open_dane(struct opening *o, size_t index)
{
	const struct tls_hop_settings *s = &o->settings->hops[index];
	struct tls_hop *h = &o->context->hops[index];

	CHECK(s->name[0] && s->n_tlsa <= TLS_TLSA_MAX);
	h->tlsa = calloc(TLS_TLSA_MAX, sizeof(*h->tlsa));
	if (!h->tlsa || SSL_CTX_dane_enable(h->client) != 1)
		return refuse(o, "tls: no memory for TLSA records of next_hops.[%zu]", index);
	if (s->n_tlsa)
		memcpy(h->tlsa, s->tlsa, s->n_tlsa * sizeof(*h->tlsa));
	h->settings.tlsa = h->tlsa;
	/* RFC 7671 5.1: what DANE-EE names is good whatever names and dates it has. */
	SSL_CTX_dane_set_flags(h->client, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	SSL_CTX_set_verify(h->client, SSL_VERIFY_PEER, NULL);
	X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(h->client), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return true;
}

static bool open_hop(struct opening *o, size_t index)
{
	const struct tls_hop_settings *s = &o->settings->hops[index];
	struct tls_hop *h = &o->context->hops[index];
	struct text text;
	char addr[64];

	if (!s->used)
		return true;
	h->settings = *s;
	snprintf(h->name, sizeof(h->name), "%s", s->name);
	h->client = SSL_CTX_new(TLS_client_method());
	if (!h->client)
		return refuse(o, "tls: no memory for the context of a next hop");
	if (!set_rules(o, h->client))
		return false;
	if (s->dane)
		return open_dane(o, index);
	if (!s->ca_file[0])
		return true;
	if (SSL_CTX_load_verify_file(h->client, s->ca_file) != 1)
		return refuse(o, "next_hops.[%zu].tls_ca_file has no certificate in PEM: %s: %s", index, s->ca_file,
			      library_says());
	SSL_CTX_set_verify(h->client, SSL_VERIFY_PEER, NULL);
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(h->client);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	text_init(&text, addr, sizeof(addr));
	ip_addr_text(&s->addr, &text);
	if ((h->name[0] ? X509_VERIFY_PARAM_set1_host(param, h->name, 0)
			: X509_VERIFY_PARAM_set1_ip_asc(param, addr)) != 1)
		return refuse(o, "next_hops.[%zu].tls_name is no name: \"%s\"", index, h->name);
	return true;
}

static bool open_all(struct opening *o)
{
	CHECK(o->settings->n_certificates <= TLS_CERTIFICATES_MAX && o->settings->n_hops <= TLS_HOPS_MAX);
	if (o->settings->n_certificates && !open_server(o))
		return false;
	for (size_t i = 0; i < o->settings->n_hops; i++)
		if (!open_hop(o, i))
			return false;
	return true;
}

struct tls_context *tls_context_open(const struct tls_settings *settings, char *why, size_t cap)
{
	struct opening o = { settings, calloc(1, sizeof(struct tls_context)), why, cap };

	if (!o.context) {
		refuse(&o, "tls: no memory for its context");
		return NULL;
	}
	if (open_all(&o))
		return o.context;
	tls_context_close(o.context);
	return NULL;
}

void tls_context_close(struct tls_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->server);
	for (size_t i = 0; i < TLS_HOPS_MAX; i++) {
		SSL_CTX_free(c->hops[i].client);
		free(c->hops[i].tlsa);
	}
	for (size_t i = 0; i < c->n_identities; i++) {
		X509_free(c->identities[i].leaf);
		EVP_PKEY_free(c->identities[i].key);
		sk_X509_pop_free(c->identities[i].chain, X509_free);
	}
	OPENSSL_cleanse(c->ticket_keys, sizeof(c->ticket_keys));
	free(c);
}
