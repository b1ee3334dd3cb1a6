// SPDX-License-Identifier: MIT
/*
 * text.c - a bounded writer of text
 */
#include "dataplane/base/text.h"

static const char hex_digit[] = "0123456789abcdef";

void text_dec(struct text *t, uint64_t value)
{
	uint8_t digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value);
	text_put(t, span_of(digits + i, sizeof(digits) - i));
}

void text_hex(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		text_putc(t, (uint8_t)hex_digit[s.at[i] >> 4]);
		text_putc(t, (uint8_t)hex_digit[s.at[i] & 15]);
	}
}

void text_escaped(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (c >= ' ' && c < 0x7f && c != '\\' && c != '"') {
			text_putc(t, c);
		} else {
			text_puts(t, "\\x");
			text_hex(t, span_of(&c, 1));
		}
	}
}
