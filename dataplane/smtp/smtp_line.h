// SPDX-License-Identifier: MIT
/*
 * smtp_line.h - lines that end in CRLF, of bounded length
 */
#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include "dataplane/base/span.h"

enum smtp_line_end {
	SMTP_LINE_MORE,     /* not yet at the end of the line */
	SMTP_LINE_WHOLE,    /* the line is in the buffer, without its CRLF */
	SMTP_LINE_TOO_LONG, /* its end was reached, but it did not fit: the buffer has its beginning */
	SMTP_LINE_BARE,     /* CR or LF alone (RFC 5321 2.3.8): where lines end is unclear, there is no way on */
};

struct smtp_line {
	uint16_t len;  /* octets in the buffer */
	bool after_cr; /* the last octet was a CR, which is not in the buffer */
	bool too_long;
};

static inline void smtp_line_reset(struct smtp_line *l)
{
	*l = (struct smtp_line){ .len = 0 };
}

/**
 * smtp_line_feed - gather octets up to the next CRLF
 * @l: zeroed before the first line, smtp_line_reset() before each other one
 * @buffer, @cap: where the line goes; the same for all calls of a line
 *
 * Returns the octets taken: all of them, or up to the LF of a CRLF, or up to where a bare CR or LF was seen.
 */
size_t MUST_USE smtp_line_feed(struct smtp_line *l, uint8_t *buffer, uint16_t cap, struct span in,
			       enum smtp_line_end *end);

#endif
