// SPDX-License-Identifier: MIT
/*
 * span.h - bytes with a length
 *
 * Every byte that a peer sent is looked at through a span: never a bare
 * pointer, never NUL-terminated, never cast to a struct.  A span borrows;
 * whoever hands it out says for how long.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/base/check.h"

struct span {
	const uint8_t *at;
	size_t len;
};

/* A span over a string literal, without its NUL. */
#define SPAN(literal) ((struct span){ (const uint8_t *)("" literal), sizeof(literal) - 1 })

#define SPAN_NONE SIZE_MAX /* what the finders return when there is nothing */

static inline struct span span_of(const void *at, size_t len)
{
	return (struct span){ (const uint8_t *)at, len };
}

/* For our own NUL-terminated strings (settings, tests); never for a peer's bytes. */
static inline struct span span_str(const char *s)
{
	return (struct span){ (const uint8_t *)s, strlen(s) };
}

static inline struct span span_skip(struct span s, size_t n)
{
	DCHECK(n <= s.len);
	return (struct span){ s.at + n, s.len - n };
}

static inline struct span span_head(struct span s, size_t n)
{
	DCHECK(n <= s.len);
	return (struct span){ s.at, n };
}

static inline struct span span_part(struct span s, size_t from, size_t to)
{
	DCHECK(from <= to && to <= s.len);
	return (struct span){ s.at + from, to - from };
}

static inline uint8_t byte_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static inline bool byte_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool byte_is_alpha(uint8_t c)
{
	c = byte_lower(c);
	return c >= 'a' && c <= 'z';
}

static inline bool byte_is_alnum(uint8_t c)
{
	return byte_is_alpha(c) || byte_is_digit(c);
}

/* WSP of RFC 5234: space and tab. */
static inline bool byte_is_wsp(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* What FWS is made of (RFC 5322 3.2.2), when no difference between its parts matters. */
static inline bool byte_is_fws(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool span_eq(struct span a, struct span b)
{
	/* Most are told apart by their first octet, without a call. */
	return a.len == b.len && (a.len == 0 || (a.at[0] == b.at[0] && memcmp(a.at, b.at, a.len) == 0));
}

/* ASCII case only, as everywhere in SMTP and DNS. */
static inline bool span_eq_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (byte_lower(a.at[i]) != byte_lower(b.at[i]))
			return false;
	return true;
}

static inline bool span_starts_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len && span_eq_nocase(span_head(s, prefix.len), prefix);
}

static inline bool span_ends_nocase(struct span s, struct span suffix)
{
	return s.len >= suffix.len && span_eq_nocase(span_skip(s, s.len - suffix.len), suffix);
}

/* Index of the first @byte, or SPAN_NONE. */
static inline size_t span_find(struct span s, uint8_t byte)
{
	const uint8_t *p = s.len ? memchr(s.at, byte, s.len) : NULL;

	return p ? (size_t)(p - s.at) : SPAN_NONE;
}

/* Index of the last @byte, or SPAN_NONE. */
static inline size_t span_find_last(struct span s, uint8_t byte)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.at[i - 1] == byte)
			return i - 1;
	return SPAN_NONE;
}

/* Without white space (WSP, CR, LF) at both ends. */
static inline struct span span_trim(struct span s)
{
	while (s.len && byte_is_fws(s.at[0]))
		s = span_skip(s, 1);
	while (s.len && byte_is_fws(s.at[s.len - 1]))
		s.len--;
	return s;
}

/**
 * span_cut - take what stands before the next @separator
 * @rest: in: the text; out: what follows the separator, at == NULL after the last piece
 *
 * Returns the piece, which may be empty.  Loop while (rest.at).
 */
static inline struct span span_cut(struct span *rest, uint8_t separator)
{
	size_t i = span_find(*rest, separator);
	struct span piece = *rest;

	if (i == SPAN_NONE) {
		*rest = (struct span){ NULL, 0 };
		return piece;
	}
	*rest = span_skip(*rest, i + 1);
	return span_head(piece, i);
}

/**
 * span_decimal - digits only, the whole span, at most @max
 *
 * Returns false for an empty span, any other octet, or a value above @max; @value then stays.
 */
static inline bool span_decimal(struct span s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!byte_is_digit(s.at[i]))
			return false;
		uint8_t d = (uint8_t)(s.at[i] - '0');
		if (v > max / 10 || v * 10 > max - d)
			return false;
		v = v * 10 + d;
	}
	*value = v;
	return true;
}

#endif
