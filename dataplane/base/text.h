// SPDX-License-Identifier: MIT
/*
 * text.h - a bounded writer of text
 *
 * Writes into the caller's array and never past it; once something did not fit,
 * `full` stays set and all later writes are dropped, so one test at the end is enough.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "dataplane/base/span.h"

struct text {
	char *at; /* always NUL-terminated */
	size_t len;
	size_t cap; /* bytes at @at, the NUL included */
	bool full;  /* sticky: something did not fit and is missing as a whole */
};

static inline void text_init(struct text *t, char *at, size_t cap)
{
	CHECK(cap > 0);
	*t = (struct text){ .at = at, .cap = cap };
	at[0] = '\0';
}

static inline void text_reset(struct text *t)
{
	t->len = 0;
	t->full = false;
	t->at[0] = '\0';
}

static inline struct span text_span(const struct text *t)
{
	return span_of(t->at, t->len);
}

static inline void text_put(struct text *t, struct span s)
{
	if (t->full || s.len >= t->cap - t->len) {
		t->full = true;
		return;
	}
	if (s.len)
		memcpy(t->at + t->len, s.at, s.len);
	t->len += s.len;
	t->at[t->len] = '\0';
}

static inline void text_puts(struct text *t, const char *s)
{
	text_put(t, span_str(s));
}

static inline void text_putc(struct text *t, uint8_t c)
{
	text_put(t, span_of(&c, 1));
}

/* Decimal. */
void text_dec(struct text *t, uint64_t value);

/* Two lower-case hexadecimal digits an octet. */
void text_hex(struct text *t, struct span s);

/* Octets at the start of @s that text_escaped() leaves as they are. */
size_t text_plain_len(struct span s);

/* Printable ASCII as it is; backslash, quotes, control and 8-bit octets as \xNN: for logs and explanations. */
void text_escaped(struct text *t, struct span s);

#endif
