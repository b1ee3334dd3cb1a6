// SPDX-License-Identifier: MIT
/*
 * dkim_sig.c - one signature as it is written: its tags, checked
 *
 * RFC 6376 6.1.1: "Implementers MUST meticulously validate the format and values": whatever is inconsistent is
 * permerror, before DNS is asked and before anything is hashed.
 */
#include "dataplane/auth/dkim_fields.h"
#include "dataplane/auth/dkim_sig.h"
#include "dataplane/auth/dkim_tag.h"
#include "dataplane/base/base64.h"

#define IDENTIFIER_MAX 512 /* octets of i=, decoded */

/* RFC 5321 4.1.2 sub-domain.  DEVIATES: an underscore may stand in it, as it does in selectors in use. */
static bool is_label(struct span s)
{
	if (s.len == 0 || s.len > DNS_LABEL_MAX || s.at[0] == '-' || s.at[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!byte_is_alnum(s.at[i]) && s.at[i] != '-' && s.at[i] != '_')
			return false;
	return true;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 0x80)
			return false;
	return true;
}

/* Appends @name as A-labels; false when it is not @labels_min or more labels that DNS and RFC 5321 know. */
static bool put_domain(struct text *out, const struct auth_settings *settings, struct span name, unsigned labels_min)
{
	size_t from = out->len;
	unsigned n_labels = 0;

	if (is_ascii(name)) {
		text_put(out, name);
	} else {
		char ascii[DNS_NAME_MAX + 1];
		struct text t;

		text_init(&t, ascii, sizeof(ascii));
		if (!settings->to_ascii(name, &t) || t.full)
			return false;
		text_put(out, text_span(&t));
	}
	if (out->full)
		return false;
	for (struct span rest = span_skip(text_span(out), from); rest.at; n_labels++)
		if (!is_label(span_cut(&rest, '.')))
			return false;
	return n_labels >= labels_min;
}

bool dkim_sig_question(const struct dkim_sig *sig, const struct auth_settings *settings, struct dns_question *q)
{
	char name[DNS_NAME_MAX + 1];
	struct text t;

	text_init(&t, name, sizeof(name));
	if (!put_domain(&t, settings, sig->s, 1))
		return false;
	text_puts(&t, "._domainkey.");
	return !t.full && put_domain(&t, settings, sig->d, 2) && dns_question_set(q, DNS_TXT, text_span(&t));
}

static bool is_below(struct span name, struct span parent)
{
	return name.len > parent.len && span_ends_nocase(name, parent) && name.at[name.len - parent.len - 1] == '.';
}

bool dkim_sig_is_aligned(const struct dkim_sig *sig, const struct auth_settings *settings, struct span domain)
{
	char name[DNS_NAME_MAX + 1];
	struct text t;

	text_init(&t, name, sizeof(name));
	if (domain.len == 0 || !put_domain(&t, settings, sig->d, 2))
		return false;

	struct span d = text_span(&t);

	return span_eq_nocase(d, domain) || is_below(d, domain) || is_below(domain, d);
}

/* Digits.  What is above the range of the type becomes its largest value but one, which nothing real reaches. */
static bool parse_number(struct span s, size_t digits_max, uint64_t *value)
{
	*value = 0;
	if (s.len == 0 || s.len > digits_max)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!byte_is_digit(s.at[i]))
			return false;
		uint64_t d = (uint64_t)(s.at[i] - '0');

		*value = *value >= (UINT64_MAX - 10) / 10 ? UINT64_MAX - 1 : *value * 10 + d;
	}
	return true;
}

static const char *parse_alg(struct dkim_sig *sig, enum dkim_kind kind, const struct auth_settings *settings)
{
	if (span_eq(sig->a, SPAN("rsa-sha256"))) {
		sig->alg = CRYPTO_RSA_SHA256;
	} else if (span_eq(sig->a, SPAN("ed25519-sha256"))) {
		sig->alg = CRYPTO_ED25519_SHA256; /* RFC 8463 */
	} else if (span_eq(sig->a, SPAN("rsa-sha1"))) {
		if (kind != DKIM_KIND_SIGNATURE || !settings->dkim_allow_sha1)
			return "a=rsa-sha1 must not be used (RFC 8301 3.1)";
		sig->alg = CRYPTO_RSA_SHA1;
	} else {
		return "a= is no known algorithm";
	}
	return NULL;
}

static bool parse_canon_word(struct span s, uint8_t *canon)
{
	if (span_eq(s, SPAN("relaxed")))
		*canon = DKIM_CANON_RELAXED;
	else if (span_eq(s, SPAN("simple")))
		*canon = DKIM_CANON_SIMPLE;
	else
		return false;
	return true;
}

/*
 * RFC 6376 3.5: simple/simple when absent; one word alone is for the header, and the body is simple.
 * DEVIATES: absent from an ARC-Message-Signature it is relaxed/relaxed, as ARC's test suite and other verifiers have it.
 */
static bool parse_canon(struct dkim_sig *sig, enum dkim_kind kind, const struct dkim_tag *c)
{
	sig->canon_header = sig->canon_body = DKIM_CANON_SIMPLE;
	if (!c) {
		if (kind == DKIM_KIND_ARC_MESSAGE)
			sig->canon_header = sig->canon_body = DKIM_CANON_RELAXED;
		return true;
	}

	struct span body = c->value;
	struct span header = span_cut(&body, '/');

	return parse_canon_word(header, &sig->canon_header) && (!body.at || parse_canon_word(body, &sig->canon_body));
}

/* hdr-name is field-name of RFC 5322 without the semicolon, which cannot be here. */
static bool is_field_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] >= 0x7f)
			return false;
	return s.len > 0;
}

static const char *parse_h(struct dkim_sig *sig, enum dkim_kind kind, unsigned names_max)
{
	unsigned n = 0;

	for (struct span rest = sig->h; rest.at; n++) {
		struct span name = dkim_list_next(&rest);

		if (!is_field_name(name))
			return "h= is no list of field names";
		if (n >= names_max || n >= DKIM_H_NAMES_MAX)
			return "h= has too many names";
		if (span_eq_nocase(name, SPAN("From")))
			sig->signs_from = true;
		/* RFC 8617 4.1.2 */
		if (kind == DKIM_KIND_ARC_MESSAGE && span_eq_nocase(name, SPAN("ARC-Seal")))
			return "h= names ARC-Seal";
	}
	/* RFC 6376 5.4.  An ARC-Message-Signature without it stands, but can vouch for no author: see arc.c. */
	if (kind == DKIM_KIND_SIGNATURE && !sig->signs_from)
		return "h= does not name From";
	return NULL;
}

static const char *parse_hashes(struct dkim_sig *sig, enum dkim_kind kind, const struct dkim_tag *bh)
{
	uint8_t scratch[CRYPTO_SIG_MAX];
	size_t len;
	enum err e = base64_decode(sig->b, scratch, sizeof(scratch), &len);

	if (e == ERR_TOO_LONG)
		return "b= is longer than any signature";
	if (e != OK || len == 0)
		return "b= is no base64";
	if (kind == DKIM_KIND_ARC_SEAL)
		return NULL;
	e = base64_decode(bh->value, sig->bh, sizeof(sig->bh), &len);
	if (e == ERR_BAD_SYNTAX)
		return "bh= is no base64";
	if (e != OK || len != (sig->alg == CRYPTO_RSA_SHA1 ? SHA1_LEN : SHA256_LEN))
		return "bh= has the wrong length for a=";
	return NULL;
}

/* RFC 6376 2.11 dkim-quoted-printable: "=" and two upper-case digits; white space means nothing. */
static bool decode_quoted(struct span s, struct text *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (byte_is_fws(c))
			continue;
		if (c == '=') {
			if (s.len - i < 3)
				return false;
			const char *high = memchr(digits, s.at[i + 1], 16), *low = memchr(digits, s.at[i + 2], 16);

			if (!high || !low)
				return false;
			c = (uint8_t)((high - digits) << 4 | (low - digits));
			i += 2;
		}
		text_putc(out, c);
	}
	return !out->full;
}

/* i= is [ Local-part ] "@" domain-name, the domain d= or one below it (RFC 6376 3.5). */
static const char *parse_i(struct dkim_sig *sig, const struct auth_settings *settings)
{
	char identifier[IDENTIFIER_MAX + 1], domain[DNS_NAME_MAX + 1], signer[DNS_NAME_MAX + 1];
	struct text t, domain_text, signer_text;

	if (!sig->i.at)
		return NULL;
	text_init(&t, identifier, sizeof(identifier));
	text_init(&domain_text, domain, sizeof(domain));
	text_init(&signer_text, signer, sizeof(signer));
	if (!decode_quoted(sig->i, &t))
		return "i= is no quoted-printable";

	size_t at = span_find_last(text_span(&t), '@');

	if (at == SPAN_NONE || !put_domain(&domain_text, settings, span_skip(text_span(&t), at + 1), 2))
		return "i= has no domain";
	if (!put_domain(&signer_text, settings, sig->d, 2))
		return "d= is no domain name";
	sig->i_below_d = is_below(text_span(&domain_text), text_span(&signer_text));
	if (!sig->i_below_d && !span_eq_nocase(text_span(&domain_text), text_span(&signer_text)))
		return "the domain of i= is neither d= nor below it";
	return NULL;
}

/* t= and x= with the skew that is granted to clocks.  An x= of more than 12 digits never comes (RFC 6376 3.5). */
static const char *parse_times(const struct dkim_tags *tags, const struct auth_settings *settings, uint64_t now_unix)
{
	const struct dkim_tag *t = dkim_tags_find(tags, "t"), *x = dkim_tags_find(tags, "x");
	uint64_t signed_at = 0, expires = 0;

	if (t && !parse_number(t->value, SIZE_MAX, &signed_at))
		return "t= is no number";
	if (x && !parse_number(x->value, SIZE_MAX, &expires))
		return "x= is no number";
	if (t && x && expires <= signed_at)
		return "x= is not later than t=";
	if (t && signed_at > now_unix && signed_at - now_unix > settings->dkim_skew_s)
		return "t= is in the future";
	if (x && now_unix > expires && now_unix - expires > settings->dkim_skew_s)
		return "the signature has expired (x=)";
	return NULL;
}

uint8_t dkim_sig_instance(const struct dkim_tags *tags)
{
	const struct dkim_tag *i = dkim_tags_find(tags, "i");
	uint64_t value;

	return i && parse_number(i->value, 2, &value) && value <= 50 ? (uint8_t)value : 0;
}

static const char *parse_arc(struct dkim_sig *sig, enum dkim_kind kind, const struct dkim_tags *tags)
{
	const struct dkim_tag *cv = dkim_tags_find(tags, "cv");

	sig->instance = dkim_sig_instance(tags);
	if (sig->instance == 0)
		return "i= is no instance from 1 to 50";
	if (kind != DKIM_KIND_ARC_SEAL)
		return NULL;
	if (dkim_tags_find(tags, "h")) /* RFC 8617 4.1.3 */
		return "an ARC-Seal may not have h=";
	if (span_eq(cv->value, SPAN("pass")))
		sig->cv = DKIM_CV_PASS;
	else if (span_eq(cv->value, SPAN("none")))
		sig->cv = DKIM_CV_NONE;
	else if (span_eq(cv->value, SPAN("fail")))
		sig->cv = DKIM_CV_FAIL;
	else
		return "cv= is none of none, pass and fail";
	return NULL;
}

/*
 * v= is looked at first: another version may mean anything by the other tags.  Its absence is told by dkim.c, last.
 * Under the test switch for rsa-sha1 the drafts before RFC 4871 may stand: no v=, v=0.5, q=dns.
 */
static const char *parse_version(struct dkim_sig *sig, const struct auth_settings *settings,
				 const struct dkim_tags *tags)
{
	const struct dkim_tag *v = dkim_tags_find(tags, "v");

	sig->version_missing = !v && !settings->dkim_allow_sha1;
	if (!v || span_eq(v->value, SPAN("1")) || (settings->dkim_allow_sha1 && span_eq(v->value, SPAN("0.5"))))
		return NULL;
	return "v= is not 1";
}

static bool offers_dns(const struct auth_settings *settings, const struct dkim_tag *q)
{
	return !q || dkim_list_has(q->value, "dns/txt") ||
	       (settings->dkim_allow_sha1 && dkim_list_has(q->value, "dns"));
}

/* Tags that must be there, in the order in which their absence is told. */
static const char *require_tags(const struct dkim_tags *tags, enum dkim_kind kind)
{
	enum {
		SIGNATURE = 1 << DKIM_KIND_SIGNATURE,
		MESSAGE = 1 << DKIM_KIND_ARC_MESSAGE,
		SEAL = 1 << DKIM_KIND_ARC_SEAL
	};
	static const struct {
		const char *name, *why;
		unsigned kinds;
	} required[] = {
		{ "a", "a= is missing", SIGNATURE | MESSAGE | SEAL },
		{ "d", "d= is missing", SIGNATURE | MESSAGE | SEAL },
		{ "s", "s= is missing", SIGNATURE | MESSAGE | SEAL },
		{ "h", "h= is missing", SIGNATURE | MESSAGE },
		{ "bh", "bh= is missing", SIGNATURE | MESSAGE },
		{ "b", "b= is missing", SIGNATURE | MESSAGE | SEAL },
		{ "i", "i= is missing", MESSAGE | SEAL },
		{ "cv", "cv= is missing", SEAL },
	};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if ((required[i].kinds & 1u << kind) && !dkim_tags_find(tags, required[i].name))
			return required[i].why;
	return NULL;
}

static void copy_spans(struct dkim_sig *sig, const struct dkim_tags *tags)
{
	const struct {
		const char *name;
		struct span *to;
	} copies[] = { { "d", &sig->d }, { "s", &sig->s }, { "a", &sig->a },
		       { "i", &sig->i }, { "b", &sig->b }, { "h", &sig->h } };

	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		const struct dkim_tag *tag = dkim_tags_find(tags, copies[i].name);

		if (tag)
			*copies[i].to = tag->value;
		if (tag && copies[i].to == &sig->b)
			sig->b_raw = tag->raw;
	}
}

/* Why there is no question for the key. */
static const char *no_question(const struct dkim_sig *sig, const struct auth_settings *settings)
{
	char name[DNS_NAME_MAX + 1];
	struct text t;

	text_init(&t, name, sizeof(name));
	if (!put_domain(&t, settings, sig->d, 2))
		return "d= is no domain name";
	text_reset(&t);
	if (!put_domain(&t, settings, sig->s, 1))
		return "s= is no selector";
	return "s= and d= are too long for a DNS name";
}

const char *dkim_sig_parse(struct dkim_sig *sig, enum dkim_kind kind, const struct auth_settings *settings,
			   const struct msg_header *header, size_t index, uint64_t now_unix)
{
	struct dkim_tags tags;
	struct dns_question q;
	const char *why = dkim_tags_parse(&tags, msg_field_value(header, &header->fields[index]));

	memset(sig, 0, sizeof(*sig));
	sig->field = (uint32_t)index;
	sig->l = UINT64_MAX;
	if (why)
		return why;
	copy_spans(sig, &tags);
	if (kind == DKIM_KIND_SIGNATURE && (why = parse_version(sig, settings, &tags)))
		return why;
	if ((why = require_tags(&tags, kind)) || (why = parse_alg(sig, kind, settings)))
		return why;
	if (kind != DKIM_KIND_SIGNATURE && (why = parse_arc(sig, kind, &tags)))
		return why;

	if (!dkim_sig_question(sig, settings, &q))
		return no_question(sig, settings);
	if ((why = parse_hashes(sig, kind, dkim_tags_find(&tags, "bh"))) ||
	    (why = parse_times(&tags, settings, now_unix)))
		return why;
	if (kind == DKIM_KIND_ARC_SEAL)
		return NULL;

	const struct dkim_tag *l = dkim_tags_find(&tags, "l");

	if (!parse_canon(sig, kind, dkim_tags_find(&tags, "c")))
		return "c= is no known canonicalization";
	if (l && !parse_number(l->value, 76, &sig->l)) /* RFC 6376 3.5: 1*76DIGIT */
		return "l= is no number";
	if (!offers_dns(settings, dkim_tags_find(&tags, "q")))
		return "q= does not offer dns/txt";
	if ((why = parse_h(sig, kind, settings->dkim_h_names_max)))
		return why;
	return kind == DKIM_KIND_SIGNATURE ? parse_i(sig, settings) : NULL;
}

size_t dkim_sig_digest(const struct dkim_sig *sig, const struct auth_settings *settings,
		       const struct msg_header *header, uint8_t digest[SHA256_LEN])
{
	const struct msg_field *self = &header->fields[sig->field];
	struct dkim_fields chosen;
	struct dkim_hash hash;

	dkim_fields_choose(&chosen, header, sig->h, sig->field);
	dkim_hash_init(&hash, settings->hash, sig->alg == CRYPTO_RSA_SHA1);
	for (size_t i = 0; i < chosen.n; i++)
		if (chosen.field[i] != DKIM_FIELD_NONE)
			dkim_canon_field(&hash, (enum dkim_canon)sig->canon_header,
					 msg_field_whole(header, &header->fields[chosen.field[i]]));
	dkim_canon_signature(&hash, (enum dkim_canon)sig->canon_header, msg_field_whole(header, self), sig->b_raw);
	return dkim_hash_final(&hash, digest);
}
