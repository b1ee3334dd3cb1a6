// SPDX-License-Identifier: MIT
/*
 * smtp_xtext.h - xtext = *( xchar / hexchar ): "!" to "~" but "+" and "=", and "+" with two digits in capitals (RFC 3461 4)
 */
#ifndef SMTP_XTEXT_H
#define SMTP_XTEXT_H

#include "dataplane/base/text.h"

static inline int smtp_xtext_digit(uint8_t c)
{
	return byte_is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static inline bool smtp_xtext_plain(uint8_t c)
{
	return c > ' ' && c <= '~' && c != '+' && c != '=';
}

/* The octet that stands at the beginning of @s, and how many octets it takes there; 0: none that is xtext. */
static inline size_t smtp_xtext_octet(struct span s, uint8_t *octet)
{
	if (s.len >= 3 && s.at[0] == '+' && smtp_xtext_digit(s.at[1]) >= 0 && smtp_xtext_digit(s.at[2]) >= 0) {
		*octet = (uint8_t)(smtp_xtext_digit(s.at[1]) << 4 | smtp_xtext_digit(s.at[2]));
		return 3;
	}
	if (s.len == 0 || !smtp_xtext_plain(s.at[0]))
		return 0;
	*octet = s.at[0];
	return 1;
}

#endif
