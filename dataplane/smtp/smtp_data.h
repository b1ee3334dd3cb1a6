// SPDX-License-Identifier: MIT
/*
 * smtp_data.h - where a message ends, and its dots
 */
#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include "dataplane/base/span.h"

enum smtp_data_state {
	SMTP_DATA_BOL,    /* at the beginning of a line */
	SMTP_DATA_TEXT,   /* within a line */
	SMTP_DATA_CR,     /* after a CR, which was given out as part of the message */
	SMTP_DATA_DOT,    /* after a dot that began a line, which was not */
	SMTP_DATA_DOT_CR, /* after that dot and a CR, neither of which was */
	SMTP_DATA_DONE,   /* CRLF.CRLF was seen */
	SMTP_DATA_BAD,    /* a bare CR, a bare LF or a NUL: the message is refused, nothing after it can be trusted */
};

struct smtp_data {
	uint8_t state; /* enum smtp_data_state */
	uint32_t line,
		longest; /* octets of the line at hand, and of the longest so far, without CRLF and stuffed dots */
};

#define SMTP_DATA_LINE_MAX 998 /* octets that a line should have at most (RFC 5321 4.5.3.1.6, RFC 5322 2.1.1) */

/**
 * smtp_data_feed - take octets up to the end of one run of message octets
 * @d: zeroed before the first call of a message
 * @in: octets from the peer, borrowed for the call
 * @body: the run found, which points into @in and may be empty
 *
 * Returns the octets taken, at least 1 unless @in is empty.  Call again with the rest until @in is used up or the
 * state is DONE or BAD; octets after DONE are the next command (RFC 2920) and are never taken.
 */
size_t MUST_USE smtp_data_feed(struct smtp_data *d, struct span in, struct span *body);

/**
 * smtp_data_chunk - look at octets of a chunk, whose end is known by its length (RFC 3030)
 * @d: as for smtp_data_feed(), and kept from one chunk of a message to the next: a CRLF may be cut in two
 *
 * Dots mean nothing here, the rest is as in DATA.  Returns the octets that may stand, all of them unless the state is
 * BAD.  BOL after the last octet of a message: it ends with CRLF; CR: with a bare CR.
 */
size_t MUST_USE smtp_data_chunk(struct smtp_data *d, struct span in);

#endif
