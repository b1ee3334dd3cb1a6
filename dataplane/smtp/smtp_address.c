// SPDX-License-Identifier: MIT
/*
 * smtp_address.c - the path in MAIL and RCPT, by the grammar of RFC 5321 4.1.2 with RFC 6531 3.3, and no other
 *
 * One function for each rule of the grammar.  Each takes what it matches off the front of @rest and returns true,
 * or returns false, after which the whole path is refused: nothing is tried twice.  They take UTF-8; whether it may
 * stand is looked at once the path is known to be one.
 */
#include "dataplane/base/ip_addr.h"
#include "dataplane/base/utf8.h"
#include "dataplane/smtp/smtp_address.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

static bool take(struct span *rest, uint8_t octet)
{
	if (rest->len == 0 || rest->at[0] != octet)
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

/* atext of RFC 5322 3.2.3 */
static bool is_atext(uint8_t c)
{
	return byte_is_alnum(c) || (c > ' ' && c <= '~' && memchr("!#$%&'*+-/=?^_`{|}~", c, 19));
}

/* Octets of the first one of @s: an atext of RFC 5322, or UTF8-non-ascii (RFC 6531 3.3); 0: it is neither. */
static size_t atext_len(struct span s)
{
	return s.len && is_atext(s.at[0]) ? 1 : utf8_char(s);
}

/* Dot-string = Atom *("." Atom) */
static bool dot_string(struct span *rest)
{
	do {
		size_t n = 0;

		for (size_t len; (len = atext_len(span_skip(*rest, n))); n += len)
			;
		if (n == 0)
			return false;
		*rest = span_skip(*rest, n);
	} while (take(rest, '.'));
	return true;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE: blank to tilde, with a backslash before '"' and backslash */
static bool quoted_string(struct span *rest)
{
	if (!take(rest, '"'))
		return false;
	while (!take(rest, '"')) {
		(void)take(rest, '\\'); /* quoted-pairSMTP: then any printable octet may follow, '"' too */
		if (rest->len == 0)
			return false;
		size_t n = rest->at[0] >= ' ' && rest->at[0] <= '~' ? 1 : utf8_char(*rest);
		if (n == 0)
			return false;
		*rest = span_skip(*rest, n);
	}
	return true;
}

/* sub-domain = Let-dig [Ldh-str] / U-label; whether it is a U-label of IDNA is for DNS to find out */
static bool sub_domain(struct span *rest)
{
	bool ascii = true;
	size_t n = 0;

	while (n < rest->len) {
		bool ldh = byte_is_alnum(rest->at[n]) || rest->at[n] == '-';
		size_t len = ldh ? 1 : utf8_char(span_skip(*rest, n));

		if (len == 0)
			break;
		ascii &= ldh;
		n += len;
	}
	if (n == 0 || (ascii && n > LABEL_MAX) || rest->at[0] == '-' || rest->at[n - 1] == '-')
		return false;
	*rest = span_skip(*rest, n);
	return true;
}

/* Domain = sub-domain *("." sub-domain) */
static bool domain(struct span *rest)
{
	const uint8_t *start = rest->at;

	do {
		if (!sub_domain(rest))
			return false;
	} while (take(rest, '.'));
	return (size_t)(rest->at - start) <= SMTP_DOMAIN_MAX;
}

/*
 * address-literal = "[" ( IPv4-address-literal / IPv6-address-literal ) "]" (4.1.3).  A General-address-literal needs
 * a tag from IANA's registry, which has IPv6 only.
 */
static bool address_literal(struct span *rest)
{
	static const struct span tag = { (const uint8_t *)"IPv6:", 5 };
	struct ip_addr addr;
	struct span inside;
	size_t close;

	if (!take(rest, '['))
		return false;
	close = span_find(*rest, ']');
	if (close == SPAN_NONE)
		return false;
	inside = span_head(*rest, close);
	*rest = span_skip(*rest, close + 1);
	if (span_starts_nocase(inside, tag))
		return ip_addr_parse(span_skip(inside, tag.len), &addr) && addr.family == IP_V6;
	return ip_addr_parse(inside, &addr) && addr.family == IP_V4;
}

/* A-d-l ":" = "@" Domain *( "," "@" Domain ) ":" */
static bool source_route(struct span *rest)
{
	do {
		if (!take(rest, '@') || !domain(rest))
			return false;
	} while (take(rest, ','));
	return take(rest, ':');
}

/* Mailbox = Local-part "@" ( Domain / address-literal ); and "postmaster" alone */
static bool mailbox_rule(struct span *rest)
{
	struct span start = *rest;
	bool quoted = rest->len && rest->at[0] == '"';
	size_t n;

	if (!(quoted ? quoted_string(rest) : dot_string(rest)))
		return false;
	n = (size_t)(rest->at - start.at);
	if (n > SMTP_LOCAL_PART_MAX)
		return false;
	if (!take(rest, '@'))
		return smtp_address_is_postmaster(span_head(start, n));
	return rest->len && rest->at[0] == '[' ? address_literal(rest) : domain(rest);
}

bool smtp_address_path_utf8(struct span *rest, struct span *mailbox)
{
	struct span r = *rest, found;

	if (!take(&r, '<'))
		return false;
	found = span_head(r, 0);
	if (!take(&r, '>')) {
		bool routed = r.len && r.at[0] == '@';

		if (routed && !source_route(&r))
			return false;
		found = r;
		if (!mailbox_rule(&r))
			return false;
		found.len = (size_t)(r.at - found.at);
		if (!take(&r, '>') || (routed && smtp_address_is_postmaster(found)))
			return false;
	}
	*rest = r;
	*mailbox = found;
	return true;
}

bool smtp_address_is_postmaster(struct span mailbox)
{
	return span_eq_nocase(mailbox, SPAN("postmaster"));
}

bool smtp_address_path(struct span *rest, struct span *mailbox)
{
	struct span r = *rest, found;

	if (!smtp_address_path_utf8(&r, &found))
		return false;
	for (size_t i = 0; i < rest->len - r.len; i++) /* the source route as well */
		if (rest->at[i] >= 0x80)
			return false;
	*rest = r;
	*mailbox = found;
	return true;
}
