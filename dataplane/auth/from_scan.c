// SPDX-License-Identifier: MIT
/*
 * from_scan.c - the words of a structured field (RFC 5322 3.2)
 */
#include "dataplane/auth/from_scan.h"

static bool is_atext(uint8_t c)
{
	return byte_is_alnum(c) || c >= 0x80 || span_find(SPAN("!#$%&'*+-/=?^_`{|}~"), c) != SPAN_NONE;
}

/* A control octet, or a CR or LF alone: to some readers that is the end of a line, or of the header. */
static bool is_bad(struct span s, size_t i)
{
	uint8_t c = s.at[i];

	if (c == '\r')
		return i + 1 == s.len || s.at[i + 1] != '\n';
	if (c == '\n')
		return i == 0 || s.at[i - 1] != '\r';
	return c == 0x7f || (c < ' ' && c != '\t');
}

/* After a backslash RFC 5322 4.1 once allowed even NUL, CR and LF. */
static bool is_unquotable(uint8_t c)
{
	return c == 0x7f || (c < ' ' && c != '\t');
}

/* Length of folding white space at the start of @s. */
static size_t fws_len(struct span s)
{
	size_t n = 0;

	while (n < s.len && (byte_is_wsp(s.at[n]) || (byte_is_fws(s.at[n]) && !is_bad(s, n))))
		n++;
	return n;
}

/* Length of a comment at the start of @s, 0 when it does not end. */
static size_t comment_len(struct span s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (is_bad(s, i))
			return 0;
		if (s.at[i] == '\\') {
			if (++i < s.len && is_unquotable(s.at[i]))
				return 0;
		} else if (s.at[i] == '(') {
			if (++depth > FROM_COMMENT_DEPTH_MAX)
				return 0;
		} else if (s.at[i] == ')' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

/* Length of what begins with s.at[0] and ends with @close, 0 when it does not end. */
static size_t enclosed_len(struct span s, uint8_t close)
{
	for (size_t i = 1; i < s.len; i++) {
		if (is_bad(s, i))
			return 0;
		if (s.at[i] == '\\') {
			if (++i < s.len && is_unquotable(s.at[i]))
				return 0;
		} else if (s.at[i] == close) {
			return i + 1;
		}
	}
	return 0;
}

static void token(struct from_scan *s, enum from_token kind, size_t len)
{
	s->token = kind;
	s->text = span_head(s->rest, len);
	s->rest = span_skip(s->rest, len);
}

static void token_enclosed(struct from_scan *s, enum from_token kind, uint8_t close)
{
	size_t len = enclosed_len(s->rest, close);

	token(s, len ? kind : FROM_TOKEN_BAD, len);
}

void from_scan_next(struct from_scan *s)
{
	for (;;) {
		s->rest = span_skip(s->rest, fws_len(s->rest));
		if (s->rest.len == 0 || s->rest.at[0] != '(')
			break;
		size_t len = comment_len(s->rest);
		if (len == 0) {
			token(s, FROM_TOKEN_BAD, 0);
			return;
		}
		s->rest = span_skip(s->rest, len);
	}
	if (s->rest.len == 0) {
		token(s, FROM_TOKEN_END, 0);
		return;
	}
	uint8_t c = s->rest.at[0];
	size_t n = 0;

	while (n < s->rest.len && is_atext(s->rest.at[n]))
		n++;
	if (n)
		token(s, FROM_TOKEN_ATOM, n);
	else if (c == '"')
		token_enclosed(s, FROM_TOKEN_QUOTED, '"');
	else if (c == '[')
		token_enclosed(s, FROM_TOKEN_LITERAL, ']');
	else if (is_bad(s->rest, 0) || c == ')' || c == ']' || c == '\\')
		token(s, FROM_TOKEN_BAD, 0);
	else
		token(s, FROM_TOKEN_SPECIAL, 1);
}
