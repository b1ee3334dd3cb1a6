// SPDX-License-Identifier: MIT
/*
 * dns_zone_load.c - a zone out of master-file presentation (RFC 1035 5.1), one record a line
 *
 * What is not there: $ORIGIN and $TTL, "@", names left out, parentheses.  All names are absolute, with or
 * without a final dot.
 */
#include "dataplane/base/ip_addr.h"
#include "dns/dns_zone.h"

#define RDATA_MAX 65535

static const char bad_string[] = "a string is not closed, or has a bad escape";

/* The next word of @line up to white space; empty at the end. */
static struct span take_word(struct span *line)
{
	*line = span_trim(*line);
	size_t n = 0;
	while (n < line->len && !byte_is_wsp(line->at[n]))
		n++;
	struct span word = span_head(*line, n);
	*line = span_skip(*line, n);
	return word;
}

/* A comment begins at ";" outside of quotes. */
static struct span without_comment(struct span line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] == '\\')
			i++;
		else if (line.at[i] == '"')
			quoted = !quoted;
		else if (line.at[i] == ';' && !quoted)
			return span_head(line, i);
	}
	return line;
}

/* The octet at the start of @s, perhaps as \DDD or \X; returns how many octets it takes, 0 when it is broken. */
static size_t take_octet(struct span s, uint8_t *octet)
{
	uint64_t v;

	*octet = s.at[0];
	if (s.at[0] != '\\')
		return 1;
	if (s.len < 2)
		return 0;
	*octet = s.at[1];
	if (!byte_is_digit(s.at[1]))
		return 2;
	if (s.len < 4 || !span_decimal(span_part(s, 1, 4), 255, &v))
		return 0;
	*octet = (uint8_t)v;
	return 4;
}

/* Character-strings, quoted or not, joined without anything between them. */
static bool take_strings(struct span line, uint8_t *rdata, size_t *len)
{
	*len = 0;
	for (line = span_trim(line); line.len; line = span_trim(line)) {
		bool quoted = line.at[0] == '"';

		if (quoted)
			line = span_skip(line, 1);
		while (line.len && (quoted ? line.at[0] != '"' : !byte_is_wsp(line.at[0]))) {
			uint8_t octet;
			size_t n = take_octet(line, &octet);

			if (n == 0 || *len == RDATA_MAX)
				return false;
			rdata[(*len)++] = octet;
			line = span_skip(line, n);
		}
		if (quoted && line.len == 0)
			return false;
		if (quoted)
			line = span_skip(line, 1);
	}
	return true;
}

/* A name without its final dot; the root is empty. */
static bool take_name(struct span *line, struct span *name)
{
	struct dns_question q;

	*name = take_word(line);
	if (name->len == 0)
		return false;
	if (name->at[name->len - 1] == '.')
		name->len--;
	return name->len == 0 || dns_question_set(&q, DNS_TXT, *name);
}

static const char *add_address(struct dns_zone *z, struct span owner, unsigned type, struct span *line)
{
	struct ip_addr addr;

	if (!ip_addr_parse(take_word(line), &addr) || addr.family != (type == DNS_A ? IP_V4 : IP_V6))
		return "this is no address of that type";
	return dns_zone_add(z, owner, type, span_of(addr.bytes, ip_addr_len(&addr))) ? NULL : "no memory";
}

static const char *add_mx(struct dns_zone *z, struct span owner, struct span *line)
{
	uint8_t rdata[2 + DNS_NAME_MAX];
	struct span host;
	uint64_t preference;

	if (!span_decimal(take_word(line), 65535, &preference) || !take_name(line, &host))
		return "an MX is a preference and a name";
	rdata[0] = (uint8_t)(preference >> 8);
	rdata[1] = (uint8_t)preference;
	memcpy(rdata + 2, host.at, host.len);
	return dns_zone_add(z, owner, DNS_MX, span_of(rdata, 2 + host.len)) ? NULL : "no memory";
}

static const char *add_rdata(struct dns_zone *z, struct span owner, unsigned type, struct span *line)
{
	static _Thread_local uint8_t strings[RDATA_MAX];
	struct span name;
	size_t len;

	*line = span_trim(*line);
	if (line->len == 0)
		return "the record has no data";
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return add_address(z, owner, type, line);
	case DNS_MX:
		return add_mx(z, owner, line);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		if (!take_name(line, &name))
			return "this is no domain name";
		return dns_zone_add(z, owner, type, name) ? NULL : "no memory";
	case DNS_TXT:
	case DNS_SPF:
		if (!take_strings(*line, strings, &len))
			return bad_string;
		*line = span_skip(*line, line->len);
		return dns_zone_add(z, owner, type, span_of(strings, len)) ? NULL : "no memory";
	default:
		return "records of this type are not kept";
	}
}

static const char *add_failure(struct dns_zone *z, struct span owner, unsigned type, struct span word)
{
	for (unsigned rcode = DNS_NODATA; rcode <= DNS_TIMEOUT; rcode++)
		if (span_eq_nocase(word, span_str(dns_rcode_text(rcode))))
			return dns_zone_fail(z, owner, type, (enum dns_rcode)rcode) ? NULL : "no memory";
	return "after ! stands SERVFAIL, TIMEOUT, NXDOMAIN or NODATA";
}

static bool is_ttl_or_class(struct span word)
{
	uint64_t ttl;

	return span_decimal(word, UINT32_MAX, &ttl) || span_eq_nocase(word, SPAN("IN"));
}

static const char *load_line(struct dns_zone *z, struct span line)
{
	struct dns_question q;
	struct span owner = take_word(&line);
	struct span word = take_word(&line);
	const char *wrong;

	while (is_ttl_or_class(word))
		word = take_word(&line);
	bool any = span_eq(word, SPAN("*"));
	unsigned type = any ? 0 : dns_type_parse(word);
	if (!dns_question_set(&q, DNS_TXT, owner))
		return "the line does not begin with a domain name";
	if (!any && type == 0)
		return "the type of the record is missing or unknown";
	line = span_trim(line);
	if (line.len && line.at[0] == '!') {
		line = span_skip(line, 1);
		wrong = add_failure(z, owner, type, take_word(&line));
	} else if (any) {
		wrong = "the type * can only fail: !SERVFAIL, !TIMEOUT, !NXDOMAIN or !NODATA";
	} else {
		wrong = add_rdata(z, owner, type, &line);
	}
	return !wrong && span_trim(line).len ? "something stands after the data" : wrong;
}

unsigned dns_zone_load(struct dns_zone *z, struct span text, const char **what)
{
	for (unsigned n = 1; text.at; n++) {
		struct span line = span_trim(without_comment(span_cut(&text, '\n')));

		if (line.len == 0)
			continue;
		*what = load_line(z, line);
		if (*what)
			return n;
	}
	return 0;
}
