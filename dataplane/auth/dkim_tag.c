// SPDX-License-Identifier: MIT
/*
 * dkim_tag.c - tag=value lists
 *
 * RFC 6376 3.2:
 *	tag-list  = tag-spec *( ";" tag-spec ) [ ";" ]
 *	tag-spec  = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 *	tag-name  = ALPHA *( ALPHA / DIGIT / "_" )
 *	tag-value = [ tval *( 1*(WSP / FWS) tval ) ]
 *	tval      = 1*( %x21-3A / %x3C-7E )		and, by RFC 8616, UTF-8
 *
 * Read to the letter: 6.1.1 asks for it ("being liberal in what you accept is definitely a bad strategy in this
 * security context").  So an empty tag-spec is an error except after the last semicolon.
 */
#include "dataplane/auth/dkim_tag.h"

#include "dataplane/base/octets.h"

static bool is_name(struct span s)
{
	if (s.len == 0 || !byte_is_alpha(s.at[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!byte_is_alnum(s.at[i]) && s.at[i] != '_')
			return false;
	return true;
}

/*
 * Octets of a value, white space between them included.  The obsolete FWS, several line ends in a row, may stand
 * (RFC 5322 4.2); a CR or LF that is no part of a fold may not.
 */
static bool is_value(struct span s)
{
	const uint8_t *end = s.at + s.len;

	if (span_find(s, 0x7f) != SPAN_NONE)
		return false;
	for (const uint8_t *p = s.at; (p = octets_find_below(p, end, ' ')) < end;) {
		if (*p == '\t') {
			p++;
			continue;
		}
		if (*p != '\r' || end - p <= 2 || p[1] != '\n' || !byte_is_wsp(p[2]))
			return false;
		p += 3;
	}
	return true;
}

static const char *add_tag(struct dkim_tags *tags, struct span spec)
{
	size_t equals = span_find(spec, '=');

	if (equals == SPAN_NONE)
		return "a tag has no =";
	struct span raw = span_skip(spec, equals + 1);
	struct dkim_tag t = { .name = span_trim(span_head(spec, equals)), .value = span_trim(raw), .raw = raw };

	if (!is_name(t.name))
		return "a tag has no valid name";
	if (!is_value(raw))
		return "the value of a tag holds an octet that may not stand there";
	for (size_t i = 0; i < tags->n; i++)
		if (span_eq(tags->tag[i].name, t.name)) /* RFC 6376 3.2: MUST NOT occur twice */
			return "a tag stands twice";
	if (tags->n == DKIM_TAGS_MAX)
		return "too many tags";
	tags->tag[tags->n++] = t;
	return NULL;
}

const char *dkim_tags_parse(struct dkim_tags *tags, struct span list)
{
	struct span rest = list;

	tags->n = 0;
	/* The CRLF that ends a field; every CR left must be part of a fold. */
	if (span_ends_nocase(rest, SPAN("\r\n")))
		rest.len -= 2;
	if (span_trim(rest).len == 0)
		return "there are no tags";
	while (rest.at) {
		struct span spec = span_cut(&rest, ';');

		if (!rest.at && tags->n && span_trim(spec).len == 0)
			break; /* after the last semicolon */
		const char *why = add_tag(tags, spec);

		if (why)
			return why;
	}
	return NULL;
}

const struct dkim_tag *dkim_tags_find(const struct dkim_tags *tags, const char *name)
{
	struct span wanted = span_str(name);

	for (size_t i = 0; i < tags->n; i++)
		if (span_eq(tags->tag[i].name, wanted))
			return &tags->tag[i];
	return NULL;
}

struct span dkim_list_next(struct span *rest)
{
	return span_trim(span_cut(rest, ':'));
}

bool dkim_list_has(struct span value, const char *word)
{
	struct span wanted = span_str(word);

	for (struct span rest = value; rest.at;)
		if (span_eq(dkim_list_next(&rest), wanted))
			return true;
	return false;
}
