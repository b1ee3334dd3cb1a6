// SPDX-License-Identifier: MIT
/*
 * dkim_signer.h - signs messages for the tests of DKIM and ARC, with OpenSSL and the slow canonicaliser
 *
 * A mail is a header and a body as text.  sign() puts a signature field on top, made from a template in which
 *	@BH@	becomes the body hash
 *	@B@	becomes the signature, and its place says where b= stands and what white space is round it
 *	@BF@	the same, folded
 * c=, l=, a= and h= are read out of the template by simple means, so it must be written in the plain form.
 * Keys are made once for each program; those of Ed25519 from a constant.
 */
#ifndef TESTS_DKIM_SIGNER_H
#define TESTS_DKIM_SIGNER_H

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "dataplane/base/base64.h"
#include "tests/tap.h"
#include "tests/unit/auth/dkim_twin.h"

#define MAIL_MAX (1 << 18)

struct mail {
	size_t header_len, body_len;
	char header[MAIL_MAX];
	char body[MAIL_MAX];
};

/* keys */

enum signer { RSA_512, RSA_768, RSA_1024, RSA_2048, RSA_3072, RSA_OTHER, ED25519, ED25519_OTHER, N_SIGNERS };

static inline EVP_PKEY *signer_key(enum signer which)
{
	static EVP_PKEY *keys[N_SIGNERS];
	static const unsigned bits[N_SIGNERS] = { 512, 768, 1024, 2048, 3072, 1024, 0, 0 };

	if (!keys[which] && bits[which]) {
		keys[which] = EVP_RSA_gen(bits[which]);
	} else if (!keys[which]) {
		uint8_t seed[32];

		memset(seed, 0x5e + (int)which, sizeof(seed));
		keys[which] = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	}
	CHECK(keys[which]);
	return keys[which];
}

/* p= of the key: SubjectPublicKeyInfo, or by choice the bare RSAPublicKey; 32 octets for Ed25519. */
static inline const char *signer_p(enum signer which, bool bare)
{
	static char p[2048];
	uint8_t der[1400], *at = der;
	struct text t;
	size_t len = sizeof(der);

	if (which >= ED25519) {
		CHECK(EVP_PKEY_get_raw_public_key(signer_key(which), der, &len) == 1);
	} else {
		int n = bare ? i2d_PublicKey(signer_key(which), NULL) : i2d_PUBKEY(signer_key(which), NULL);

		CHECK(n > 0 && (size_t)n <= sizeof(der));
		len = (size_t)(bare ? i2d_PublicKey(signer_key(which), &at) : i2d_PUBKEY(signer_key(which), &at));
	}
	text_init(&t, p, sizeof(p));
	base64_encode(&t, span_of(der, len));
	CHECK(!t.full);
	return p;
}

/* The usual record of the key, in one of a few buffers used in turn. */
static inline const char *signer_record(enum signer which)
{
	static char record[4][2200];
	static unsigned turn;
	char *r = record[turn++ % 4];

	snprintf(r, sizeof(record[0]), "v=DKIM1; k=%s; p=%s", which >= ED25519 ? "ed25519" : "rsa",
		 signer_p(which, false));
	return r;
}

/* mails */

static inline void mail_set(struct mail *m, const char *header, const char *body)
{
	m->header_len = strlen(header);
	m->body_len = strlen(body);
	CHECK(m->header_len < MAIL_MAX && m->body_len < MAIL_MAX);
	memcpy(m->header, header, m->header_len + 1);
	memcpy(m->body, body, m->body_len + 1);
}

static inline void mail_prepend(struct mail *m, const char *field)
{
	size_t n = strlen(field);

	CHECK(m->header_len + n < MAIL_MAX);
	memmove(m->header + n, m->header, m->header_len + 1);
	memcpy(m->header, field, n);
	m->header_len += n;
}

static inline void mail_append(struct mail *m, const char *field)
{
	size_t n = strlen(field);

	CHECK(m->header_len + n < MAIL_MAX);
	memcpy(m->header + m->header_len, field, n + 1);
	m->header_len += n;
}

static inline struct span mail_body(const struct mail *m)
{
	return span_of(m->body, m->body_len);
}

/* Replaces the first @marker of @text, in place. */
static inline void replace(char *text, size_t cap, const char *marker, const char *by)
{
	char *at = strstr(text, marker);
	size_t skip = strlen(marker), n = strlen(by);

	if (!at)
		return;
	CHECK(strlen(text) + n < cap);
	memmove(at + n, at + skip, strlen(at + skip) + 1);
	memcpy(at, by, n);
}

/* Changes the first @marker of the header, as someone on the way would. */
static inline void mail_replace(struct mail *m, const char *marker, const char *by)
{
	replace(m->header, MAIL_MAX, marker, by);
	m->header_len = strlen(m->header);
}

/* fields of a header, the slow way: the @n-th of that name from the bottom, without its CRLF */

static inline struct span nth_from_bottom(const struct mail *m, struct span name, size_t n)
{
	static struct span fields[4096];
	struct span header = span_of(m->header, m->header_len);
	size_t n_fields = 0;

	for (size_t i = 0; i < header.len;) {
		size_t end = i;

		while (!(twin_is_crlf(header, end) && (end + 2 == header.len || !byte_is_wsp(header.at[end + 2]))))
			end++;
		fields[n_fields++] = span_part(header, i, end);
		i = end + 2;
	}
	for (size_t i = n_fields; i > 0; i--) {
		size_t colon = span_find(fields[i - 1], ':');

		if (colon != SPAN_NONE && span_eq_nocase(span_trim(span_head(fields[i - 1], colon)), name) && n-- == 0)
			return fields[i - 1];
	}
	return span_of(NULL, 0);
}

/* What the template says: the text after "; NAME=" up to the next semicolon, trimmed. */
static inline struct span template_tag(const char *template, const char *name)
{
	char pattern[16];

	snprintf(pattern, sizeof(pattern), "%s=", name);
	for (const char *at = strstr(template, pattern); at; at = strstr(at + 1, pattern))
		if (at > template && strchr(" \t\n;:", at[-1]))
			return span_trim(span_of(at + strlen(pattern), strcspn(at + strlen(pattern), ";")));
	return span_of(NULL, 0);
}

static inline void signer_digest(struct span text, bool sha1, uint8_t *digest, unsigned *len)
{
	CHECK(EVP_Digest(text.at, text.len, digest, len, sha1 ? EVP_sha1() : EVP_sha256(), NULL) == 1);
}

/* Signature over @text as DKIM has it, in base64. */
static inline void signer_sign(enum signer which, bool sha1, struct span text, char *b64, size_t cap)
{
	uint8_t sig[512], digest[32];
	size_t len = sizeof(sig);
	unsigned digest_len;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct text t;

	if (which >= ED25519) {
		signer_digest(text, false, digest, &digest_len);
		CHECK(EVP_DigestSignInit(md, NULL, NULL, NULL, signer_key(which)) == 1);
		CHECK(EVP_DigestSign(md, sig, &len, digest, digest_len) == 1);
	} else {
		CHECK(EVP_DigestSignInit(md, NULL, sha1 ? EVP_sha1() : EVP_sha256(), NULL, signer_key(which)) == 1);
		CHECK(EVP_DigestSign(md, sig, &len, text.at, text.len) == 1);
	}
	EVP_MD_CTX_free(md);
	text_init(&t, b64, cap);
	base64_encode(&t, span_of(sig, len));
}

static inline void signer_body_hash(const struct mail *m, const char *template, bool sha1, char *b64, size_t cap)
{
	static struct twin body;
	uint8_t digest[32];
	unsigned digest_len;
	struct text t;
	struct span c = template_tag(template, "c"), l = template_tag(template, "l");
	size_t slash = span_find(c, '/');
	uint64_t limit = UINT64_MAX;

	body.len = 0;
	twin_body(&body, slash != SPAN_NONE && span_eq(span_skip(c, slash + 1), SPAN("relaxed")), mail_body(m));
	if (l.at && span_decimal(l, UINT64_MAX, &limit) && limit < body.len)
		body.len = (size_t)limit;
	signer_digest(span_of(body.at, body.len), sha1, digest, &digest_len);
	text_init(&t, b64, cap);
	base64_encode(&t, span_of(digest, digest_len));
}

/* The field with b= emptied: everything between "b=" and the next semicolon or the end goes. */
static inline void put_without_b(struct twin *t, bool relaxed, const char *field)
{
	static char emptied[MAIL_MAX];
	char *marker;

	snprintf(emptied, sizeof(emptied), "%s", field);
	marker = strstr(emptied, "@B");
	CHECK(marker);
	while (marker[-1] != '=')
		marker--;
	char *end = marker + strcspn(marker, ";");

	memmove(marker, end, strlen(end) + 1);
	twin_field(t, relaxed, span_str(emptied));
}

/* Puts the base64 text where the template wants it; the field goes on top of @m. */
static inline void finish_field(struct mail *m, char *field, size_t cap, const char *b64)
{
	char folded[2048];
	struct text t;

	text_init(&t, folded, sizeof(folded));
	for (size_t i = 0; b64[i]; i++) {
		if (i && i % 40 == 0)
			text_puts(&t, "\r\n\t ");
		text_putc(&t, (uint8_t)b64[i]);
	}
	replace(field, cap, "@B@", b64);
	replace(field, cap, "@BF@", folded);
	mail_prepend(m, "\r\n");
	mail_prepend(m, field);
}

/**
 * sign - put a signature on top of @m
 * @name: "DKIM-Signature" or "ARC-Message-Signature"
 * @template: the value of the field, see above
 */
static inline void sign_as(struct mail *m, const char *name, const char *template, enum signer which)
{
	static char field[MAIL_MAX];
	static struct twin text;
	char b64[1024];
	bool sha1 = span_eq(template_tag(template, "a"), SPAN("rsa-sha1"));
	bool relaxed = span_starts_nocase(template_tag(template, "c"), SPAN("relaxed"));

	snprintf(field, sizeof(field), "%s: %s", name, template);
	signer_body_hash(m, template, sha1, b64, sizeof(b64));
	replace(field, sizeof(field), "@BH@", b64);

	struct span names[1024];
	size_t n = 0;

	text.len = 0;
	for (struct span rest = template_tag(template, "h"); rest.at; n++) {
		size_t n_before = 0;

		names[n] = span_trim(span_cut(&rest, ':'));
		for (size_t i = 0; i < n; i++)
			n_before += span_eq_nocase(names[i], names[n]);
		struct span f = nth_from_bottom(m, names[n], n_before);

		if (!f.at)
			continue;
		twin_field(&text, relaxed, f);
		twin_put(&text, SPAN("\r\n"));
	}
	put_without_b(&text, relaxed, field);
	signer_sign(which, sha1, span_of(text.at, text.len), b64, sizeof(b64));
	finish_field(m, field, sizeof(field), b64);
}

static inline void sign(struct mail *m, const char *template, enum signer which)
{
	sign_as(m, "DKIM-Signature", template, which);
}

#endif
