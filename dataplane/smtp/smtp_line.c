// SPDX-License-Identifier: MIT
/*
 * smtp_line.c - lines that end in CRLF, of bounded length (RFC 5321 2.3.8, 4.5.3.1)
 *
 * What does not fit is dropped, but its CRLF is still looked for: the tail of a long line is never taken for a line.
 */
#include "dataplane/smtp/smtp_line.h"

static void keep(struct smtp_line *l, uint8_t *buffer, uint16_t cap, struct span piece)
{
	size_t room = (size_t)cap - l->len, n = piece.len < room ? piece.len : room;

	if (n)
		memcpy(buffer + l->len, piece.at, n);
	l->len = (uint16_t)(l->len + n);
	l->too_long |= n < piece.len;
}

size_t smtp_line_feed(struct smtp_line *l, uint8_t *buffer, uint16_t cap, struct span in, enum smtp_line_end *end)
{
	size_t lf = span_find(in, '\n');
	struct span piece = lf == SPAN_NONE ? in : span_head(in, lf);
	size_t cr;

	DCHECK(l->len <= cap);
	*end = SMTP_LINE_MORE;
	if (in.len == 0)
		return 0;
	if (l->after_cr && lf != 0) {
		*end = SMTP_LINE_BARE;
		return 0;
	}
	/* A CR may only be the last octet: before the LF, or of what has come so far. */
	cr = span_find(piece, '\r');
	if (cr != SPAN_NONE && cr != piece.len - 1) {
		*end = SMTP_LINE_BARE;
		return cr + 1;
	}
	if (cr != SPAN_NONE) {
		l->after_cr = true;
		piece.len--;
	}
	keep(l, buffer, cap, piece);
	if (lf == SPAN_NONE)
		return in.len;
	*end = !l->after_cr ? SMTP_LINE_BARE : l->too_long ? SMTP_LINE_TOO_LONG : SMTP_LINE_WHOLE;
	return lf + 1;
}
