// SPDX-License-Identifier: MIT
/*
 * dkim_key.c - key records
 */
#include "dataplane/auth/dkim_key.h"
#include "dataplane/auth/dkim_tag.h"
#include "dataplane/base/base64.h"

const char *dkim_key_unanswered(const struct dns_answer *answer, bool *temporary)
{
	*temporary = false;
	switch ((enum dns_rcode)answer->rcode) {
	case DNS_NOERROR:
		return NULL;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return "there is no key record"; /* RFC 6376 6.1.2 step 3 */
	case DNS_SERVFAIL:
	case DNS_TIMEOUT:
		break;
	}
	*temporary = true; /* step 2 */
	return "DNS did not answer for the key record";
}

static const char *key_type(uint8_t alg)
{
	return alg == CRYPTO_ED25519_SHA256 ? "ed25519" : "rsa";
}

static const char *hash_name(uint8_t alg)
{
	return alg == CRYPTO_RSA_SHA1 ? "sha1" : "sha256";
}

/* RFC 6376 3.6.1 and 6.1.2; tags that are not named here (n=, and g= of RFC 4871) are ignored.  @key stays on error. */
static const char *parse_record(struct dkim_key *key, struct span record, const struct dkim_sig *sig)
{
	struct dkim_tags tags;

	if (record.len > DKIM_KEY_RECORD_MAX)
		return "the key record is too long";
	if (dkim_tags_parse(&tags, record))
		return "the key record is no list of tags";

	const struct dkim_tag *v = dkim_tags_find(&tags, "v"), *k = dkim_tags_find(&tags, "k");
	const struct dkim_tag *h = dkim_tags_find(&tags, "h"), *s = dkim_tags_find(&tags, "s");
	const struct dkim_tag *t = dkim_tags_find(&tags, "t"), *p = dkim_tags_find(&tags, "p");

	if (v && (v != &tags.tag[0] || !span_eq(v->value, SPAN("DKIM1"))))
		return "v= of the key record is not DKIM1, or does not stand first";
	if (!p)
		return "the key record has no p=";
	if (p->value.len == 0)
		return "the key is revoked (p= is empty)";
	if (p->value.len > DKIM_KEY_P_MAX)
		return "p= of the key record is too long";
	if (!span_eq(k ? k->value : SPAN("rsa"), span_str(key_type(sig->alg))))
		return "k= of the key record does not match a=";
	if (h && !dkim_list_has(h->value, hash_name(sig->alg)))
		return "h= of the key record does not allow the hash of a=";
	if (s && !dkim_list_has(s->value, "*") && !dkim_list_has(s->value, "email"))
		return "s= of the key record does not allow e-mail";
	key->p = p->value;
	key->testing = t && dkim_list_has(t->value, "y");
	key->strict = t && dkim_list_has(t->value, "s");
	return NULL;
}

const char *dkim_key_find(struct dkim_key *key, const struct dns_answer *answer, const struct dkim_sig *sig)
{
	const char *why = NULL;
	struct span record, found = { NULL, 0 };
	uint32_t cursor = 0;

	while (dns_answer_next(answer, &cursor, &record)) {
		const char *bad = parse_record(key, record, sig);

		if (bad && !why)
			why = bad;
		if (bad || (found.at && span_eq(found, record)))
			continue;
		if (found.at)
			return "there are several key records";
		found = record;
	}
	if (!found.at)
		return why ? why : "there is no key record";
	if (key->strict && sig->i_below_d)
		return "i= is below d=, which t=s of the key record forbids";
	return NULL;
}

const char *dkim_key_job(const struct dkim_key *key, const struct dkim_sig *sig, const struct auth_settings *settings,
			 struct crypto_job *job)
{
	size_t key_len, sig_len;
	enum err e = base64_decode(key->p, job->key, sizeof(job->key), &key_len);

	if (e == ERR_TOO_LONG)
		return "the key is longer than any that is allowed";
	if (e != OK)
		return "p= of the key record is no base64";
	e = base64_decode(sig->b, job->sig, sizeof(job->sig), &sig_len);
	CHECK(e == OK); /* dkim_sig_parse() has seen to it */
	job->alg = sig->alg;
	job->verdict = CRYPTO_PENDING;
	job->key_bits = 0;
	job->key_len = (uint16_t)key_len;
	job->sig_len = (uint16_t)sig_len;
	job->rsa_bits_min = settings->rsa_bits_min;
	job->rsa_bits_max = settings->rsa_bits_max;
	return NULL;
}
