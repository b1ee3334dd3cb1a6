// SPDX-License-Identifier: MIT
/*
 * msg_header.c - the header section as fields
 *
 * RFC 5322 2.2: a field is a name of printable octets, a colon and a value; a line that begins with white space
 * continues the field above it (2.2.3).  Only CRLF ends a line, as in all of this program: a bare CR or LF is an
 * octet like any other.  White space before the colon is the obsolete form (4.5.8) and is accepted.
 *
 * Pure: offsets into the bytes that were given; no copy.
 */
#include "dataplane/msg/msg_header.h"

/* Offset after the next CRLF at or after @from, the end of @s when there is none. */
static size_t line_end(struct span s, size_t from)
{
	for (size_t at = from; at < s.len;) {
		size_t lf = span_find(span_skip(s, at), '\n');

		if (lf == SPAN_NONE)
			return s.len;
		lf += at;
		if (lf > from && s.at[lf - 1] == '\r')
			return lf + 1;
		at = lf + 1;
	}
	return s.len;
}

/* The same for a whole field: its last line is the one that no continuation follows. */
static size_t field_end(struct span s, size_t from)
{
	size_t end = line_end(s, from);

	while (end < s.len && byte_is_wsp(s.at[end]))
		end = line_end(s, end);
	return end;
}

/* ftext of RFC 5322 3.6.8 */
static bool is_name_octet(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

/* Leaves name_len and colon 0 when the line has no valid name. */
static void find_name(struct msg_field *f, struct span field)
{
	struct span s = field.len > UINT16_MAX ? span_head(field, UINT16_MAX) : field;
	size_t n = 0, colon;

	while (n < s.len && is_name_octet(s.at[n]))
		n++;
	for (colon = n; colon < s.len && byte_is_wsp(s.at[colon]);)
		colon++;
	if (n == 0 || colon == s.len || s.at[colon] != ':')
		return;
	f->name_len = (uint16_t)n;
	f->colon = (uint16_t)colon;
}

void msg_header_parse(struct msg_header *h, struct span bytes)
{
	CHECK(bytes.len <= UINT32_MAX);
	h->bytes = bytes;
	h->n_fields = 0;
	h->too_many = h->malformed = false;
	for (size_t at = 0; at < bytes.len;) {
		size_t end = field_end(bytes, at);
		struct msg_field f = { .at = (uint32_t)at, .len = (uint32_t)(end - at) };

		find_name(&f, span_part(bytes, at, end));
		if (f.name_len == 0)
			h->malformed = true;
		if (h->n_fields < h->fields_max)
			h->fields[h->n_fields++] = f;
		else
			h->too_many = true;
		at = end;
	}
}

size_t msg_header_end(struct span seen, size_t from, size_t *header_len)
{
	if (seen.len >= 2 && seen.at[0] == '\r' && seen.at[1] == '\n') {
		*header_len = 0;
		return 2;
	}
	/* The last LF of CRLF CRLF may be the first octet that is new. */
	for (size_t at = from < 3 ? 3 : from; at < seen.len; at++) {
		size_t lf = span_find(span_skip(seen, at), '\n');

		if (lf == SPAN_NONE)
			return SPAN_NONE;
		at += lf;
		if (seen.at[at - 1] == '\r' && seen.at[at - 2] == '\n' && seen.at[at - 3] == '\r') {
			*header_len = at - 1;
			return at + 1;
		}
	}
	return SPAN_NONE;
}

struct span msg_field_value(const struct msg_header *h, const struct msg_field *f)
{
	struct span whole = msg_field_whole(h, f);

	return f->name_len ? span_skip(whole, (size_t)f->colon + 1) : span_of(whole.at, 0);
}

size_t msg_header_find(const struct msg_header *h, struct span name, size_t from)
{
	for (size_t i = from; i < h->n_fields; i++)
		if (h->fields[i].name_len && span_eq_nocase(msg_field_name(h, &h->fields[i]), name))
			return i;
	return SPAN_NONE;
}
