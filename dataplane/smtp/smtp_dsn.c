// SPDX-License-Identifier: MIT
/*
 * smtp_dsn.c - values of the parameters that ask for delivery reports (RFC 3461 4)
 */
#include "dataplane/base/utf8.h"
#include "dataplane/smtp/smtp_dsn.h"
#include "dataplane/smtp/smtp_xtext.h"

static bool is_xtext(struct span s, bool utf8)
{
	for (size_t i = 0, n; i < s.len; i += n) {
		uint8_t octet;

		n = smtp_xtext_octet(span_skip(s, i), &octet);
		if (n == 0 && utf8 && s.at[i] >= 0x80)
			n = utf8_char(span_skip(s, i));
		if (n == 0)
			return false;
	}
	return true;
}

bool smtp_dsn_ret(struct span value)
{
	return span_eq_nocase(value, SPAN("FULL")) || span_eq_nocase(value, SPAN("HDRS"));
}

bool smtp_dsn_envid(struct span value)
{
	return value.len > 0 && value.len <= SMTP_DSN_ENVID_MAX && is_xtext(value, false);
}

bool smtp_dsn_notify(struct span value)
{
	static const struct span words[] = {
		{ (const uint8_t *)"SUCCESS", 7 },
		{ (const uint8_t *)"FAILURE", 7 },
		{ (const uint8_t *)"DELAY", 5 },
	};
	unsigned seen = 0;

	if (span_eq_nocase(value, SPAN("NEVER"))) /* alone, or not at all (4.1) */
		return true;
	if (value.len == 0)
		return false;
	while (value.at) {
		struct span word = span_cut(&value, ',');
		unsigned i = 0;

		while (i < 3 && !span_eq_nocase(word, words[i]))
			i++;
		if (i == 3 || (seen & 1U << i))
			return false;
		seen |= 1U << i;
	}
	return true;
}

bool smtp_dsn_orcpt(struct span value)
{
	struct span rest = value, type = span_cut(&rest, ';');

	if (value.len > SMTP_DSN_ORCPT_MAX || !rest.at || rest.len == 0 || type.len == 0)
		return false;
	for (size_t i = 0; i < type.len; i++) /* atom (RFC 3464 2.1.2, RFC 5322 3.2.3), of what types there are */
		if (!byte_is_alnum(type.at[i]) && type.at[i] != '-')
			return false;
	return is_xtext(rest, span_eq_nocase(type, SPAN("utf-8")));
}
