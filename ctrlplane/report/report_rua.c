// SPDX-License-Identifier: MIT
/*
 * report_rua.c - where reports go
 */
#include "ctrlplane/report/report_rua.h"

enum { LOCAL_MAX = 64, HOST_MAX = 253, LABEL_MAX = 63 };

bool report_rua_record(const struct dns_answer *answer, struct span *record)
{
	struct span rdata;
	uint32_t cursor = 0;
	unsigned n = 0;

	while (dns_answer_next(answer, &cursor, &rdata)) {
		struct span rest = rdata, first = span_trim(span_cut(&rest, ';')), value = first;

		if (!span_eq_nocase(span_trim(span_cut(&value, '=')), SPAN("v")) || !value.at ||
		    !span_eq(span_trim(value), SPAN("DMARC1")))
			continue;
		*record = rdata;
		n++;
	}
	return n == 1;
}

static bool question(struct span left, const char *label, struct span right, struct dns_question *out)
{
	char room[3 * DNS_NAME_MAX];
	struct text name;

	text_init(&name, room, sizeof(room));
	text_put(&name, left);
	text_puts(&name, label);
	text_put(&name, right);
	return !name.full && dns_question_set(out, DNS_TXT, text_span(&name));
}

bool report_rua_policy_question(struct span domain, struct dns_question *out)
{
	return question(SPAN(""), "_dmarc.", domain, out);
}

bool report_rua_question(struct span domain, struct span host, struct dns_question *out)
{
	return question(domain, "._report._dmarc.", host, out);
}

bool report_rua_value(struct span record, struct span *value)
{
	return report_rua_tag(record, SPAN("rua"), value);
}

bool report_rua_tag(struct span record, struct span wanted, struct span *value)
{
	bool first = true;

	while (record.at) {
		struct span tag = span_cut(&record, ';'), v = tag, name = span_trim(span_cut(&v, '='));

		v = v.at ? span_trim(v) : SPAN("");
		if (first && !(span_eq_nocase(name, SPAN("v")) && span_eq(v, SPAN("DMARC1"))))
			return false;
		first = false;
		if (!span_eq_nocase(name, wanted))
			continue;
		*value = v;
		return v.len > 0;
	}
	return false;
}

static int hex_value(uint8_t c)
{
	c = byte_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes percent-encoding (RFC 3986 2.1); a stray % makes it no address. */
static void decode(struct text *out, struct span in)
{
	for (size_t i = 0; i < in.len; i++) {
		int high = in.at[i] == '%' && i + 2 < in.len ? hex_value(in.at[i + 1]) : -1;
		int low = high >= 0 ? hex_value(in.at[i + 2]) : -1;

		text_putc(out, (uint8_t)(low >= 0 ? high * 16 + low : in.at[i]));
		i += low >= 0 ? 2 : 0;
	}
}

/* atext of RFC 5322 3.2.3 less %, whose ways through old gateways nobody wants to know */
static bool is_atext(uint8_t c)
{
	return byte_is_alnum(c) || (c && strchr("!#$&'*+-/=?^_`{|}~", c));
}

static bool is_dot_atom(struct span s)
{
	if (s.len > LOCAL_MAX)
		return false;
	while (s.at) {
		struct span atom = span_cut(&s, '.');

		if (atom.len == 0)
			return false;
		for (size_t i = 0; i < atom.len; i++)
			if (!is_atext(atom.at[i]))
				return false;
	}
	return true;
}

static bool is_host(struct span s)
{
	unsigned n_labels = 0;

	if (s.len == 0 || s.len > HOST_MAX)
		return false;
	for (; s.at; n_labels++) {
		struct span label = span_cut(&s, '.');

		if (label.len == 0 || label.len > LABEL_MAX || label.at[0] == '-' || label.at[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!byte_is_alnum(label.at[i]) && label.at[i] != '-')
				return false;
	}
	return n_labels >= 2;
}

struct span report_rua_host(struct span address)
{
	size_t at = span_find_last(address, '@');

	return at == SPAN_NONE ? SPAN("") : span_skip(address, at + 1);
}

bool report_rua_next(struct span *rest, struct text *address)
{
	while (rest->at) {
		struct span uri = span_trim(span_cut(rest, ','));
		size_t at;

		if (!span_starts_nocase(uri, SPAN("mailto:")))
			continue;
		uri = span_skip(uri, sizeof("mailto:") - 1);
		/* Before the decoding: an encoded ! belongs to the address (RFC 7489 6.2). */
		uri = span_cut(&uri, '?');
		uri = span_cut(&uri, '!');
		text_reset(address);
		decode(address, uri);
		at = span_find_last(text_span(address), '@');
		if (!address->full && at != SPAN_NONE && at > 0 && is_dot_atom(span_head(text_span(address), at)) &&
		    is_host(report_rua_host(text_span(address))))
			return true;
	}
	return false;
}

static bool is_below(struct span name, struct span domain)
{
	return span_eq_nocase(name, domain) ||
	       (name.len > domain.len && span_ends_nocase(name, domain) && name.at[name.len - domain.len - 1] == '.');
}

bool report_rua_is_external(struct span domain, struct span host, struct span (*organizational)(struct span))
{
	struct span org = organizational(domain), host_org = organizational(host);

	if (is_below(host, domain))
		return false;
	return org.len == 0 || !span_eq_nocase(org, host_org);
}
