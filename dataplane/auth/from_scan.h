// SPDX-License-Identifier: MIT
/*
 * from_scan.h - the words of a structured field (RFC 5322 3.2): atoms, quoted strings, specials
 *
 * Shared by what reads From and what reads Authentication-Results.
 */
#ifndef AUTH_FROM_SCAN_H
#define AUTH_FROM_SCAN_H

#include "dataplane/base/span.h"

enum from_token {
	FROM_TOKEN_END,
	FROM_TOKEN_ATOM,    /* atext (RFC 5322 3.2.3), and octets above 0x7f (RFC 6532 3.2) */
	FROM_TOKEN_QUOTED,  /* quoted-string, quotes included */
	FROM_TOKEN_LITERAL, /* domain-literal, brackets included */
	FROM_TOKEN_SPECIAL, /* one of <>:;@\,. and others: text.at[0] */
	FROM_TOKEN_BAD,     /* an open comment, quote or bracket, a control octet */
};

#define FROM_COMMENT_DEPTH_MAX 100

struct from_scan {
	struct span rest;
	enum from_token token;
	struct span text; /* of the token */
};

/* The next token; comments and folding white space before it are skipped. */
void from_scan_next(struct from_scan *s);

static inline void from_scan_begin(struct from_scan *s, struct span value)
{
	s->rest = value;
	from_scan_next(s);
}

static inline bool from_scan_is(const struct from_scan *s, char special)
{
	return s->token == FROM_TOKEN_SPECIAL && s->text.at[0] == (uint8_t)special;
}

#endif
