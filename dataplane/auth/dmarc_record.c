// SPDX-License-Identifier: MIT
/*
 * dmarc_record.c - one DMARC policy record (RFC 9989 4.7)
 */
#include "dataplane/auth/dmarc_record.h"

/* "name = value" without the white space; false when there is no "=" or no name. */
static bool tag_of(struct span piece, struct span *name, struct span *value)
{
	size_t i = span_find(piece, '=');

	if (i == SPAN_NONE)
		return false;
	*name = span_trim(span_head(piece, i));
	*value = span_trim(span_skip(piece, i + 1));
	return name->len > 0;
}

static uint8_t policy_of(struct span value)
{
	if (span_eq_nocase(value, SPAN("none")))
		return DMARC_POLICY_NONE;
	if (span_eq_nocase(value, SPAN("quarantine")))
		return DMARC_POLICY_QUARANTINE;
	if (span_eq_nocase(value, SPAN("reject")))
		return DMARC_POLICY_REJECT;
	return DMARC_POLICY_ABSENT;
}

/* A URI: scheme ":" something; of mailto an address.  A size suffix ("!10m") is history and part of it. */
static bool uri_valid(struct span uri)
{
	size_t colon = span_find(uri, ':');

	if (colon == SPAN_NONE || colon == 0 || colon + 1 == uri.len || !byte_is_alpha(uri.at[0]))
		return false;
	for (size_t i = 0; i < uri.len; i++)
		if (uri.at[i] <= ' ' || uri.at[i] >= 0x7f)
			return false;
	if (!span_eq_nocase(span_head(uri, colon), SPAN("mailto")))
		return true;
	size_t at = span_find(uri, '@');
	return at != SPAN_NONE && at > colon + 1 && at + 1 < uri.len;
}

static uint8_t n_valid_uris(struct span list)
{
	unsigned n = 0;

	for (unsigned i = 0; list.at && i < DMARC_RUA_MAX; i++)
		n += uri_valid(span_trim(span_cut(&list, ',')));
	return (uint8_t)n;
}

static bool is_version(struct span piece)
{
	struct span name, value;

	return tag_of(piece, &name, &value) && span_eq_nocase(name, SPAN("v")) && span_eq(value, SPAN("DMARC1"));
}

enum tag { TAG_P, TAG_SP, TAG_NP, TAG_ADKIM, TAG_ASPF, TAG_PSD, TAG_T, TAG_RUA, TAG_RUF, N_TAGS };

static enum tag tag_known(struct span name)
{
	static const char *const names[N_TAGS] = { "p", "sp", "np", "adkim", "aspf", "psd", "t", "rua", "ruf" };
	unsigned i = 0;

	while (i < N_TAGS && !span_eq_nocase(name, span_str(names[i])))
		i++;
	return (enum tag)i;
}

static void policy_set(struct dmarc_record *r, uint8_t *policy, struct span value)
{
	*policy = policy_of(value);
	r->bad_policy |= *policy == DMARC_POLICY_ABSENT;
}

static void tag_set(struct dmarc_record *r, enum tag tag, struct span value)
{
	switch (tag) {
	case TAG_P:
		policy_set(r, &r->p, value);
		break;
	case TAG_SP:
		policy_set(r, &r->sp, value);
		break;
	case TAG_NP:
		policy_set(r, &r->np, value);
		break;
	case TAG_ADKIM:
		r->adkim_strict = span_eq_nocase(value, SPAN("s"));
		break;
	case TAG_ASPF:
		r->aspf_strict = span_eq_nocase(value, SPAN("s"));
		break;
	case TAG_PSD:
		if (span_eq_nocase(value, SPAN("y")))
			r->psd = DMARC_PSD_YES;
		else if (span_eq_nocase(value, SPAN("n")))
			r->psd = DMARC_PSD_NO;
		break;
	case TAG_T:
		r->testing = span_eq_nocase(value, SPAN("y"));
		break;
	case TAG_RUA:
		r->n_rua = n_valid_uris(value);
		break;
	case TAG_RUF:
		r->n_ruf = n_valid_uris(value);
		break;
	case N_TAGS:
		break;
	}
}

bool dmarc_record_parse(struct dmarc_record *r, struct span txt)
{
	unsigned seen = 0;

	if (!is_version(span_cut(&txt, ';')))
		return false;
	*r = (struct dmarc_record){ 0 };
	while (txt.at) {
		struct span name, value;

		if (!tag_of(span_cut(&txt, ';'), &name, &value))
			continue;
		enum tag tag = tag_known(name);
		if (tag == N_TAGS || (seen & 1u << tag))
			continue;
		seen |= 1u << tag;
		tag_set(r, tag, value);
	}
	return true;
}

bool dmarc_record_usable(struct dmarc_record *r)
{
	if (r->p != DMARC_POLICY_ABSENT && !r->bad_policy)
		return true;
	if (r->n_rua == 0)
		return false;
	r->p = DMARC_POLICY_NONE;
	r->sp = r->np = DMARC_POLICY_ABSENT;
	return true;
}
