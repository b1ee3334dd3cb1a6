// SPDX-License-Identifier: MIT
/*
 * dkim_tag.h - tag=value lists (RFC 6376 3.2)
 *
 * The syntax of DKIM-Signature, of key records, and of the ARC fields made after them.
 */
#ifndef AUTH_DKIM_TAG_H
#define AUTH_DKIM_TAG_H

#include "dataplane/base/span.h"

#define DKIM_TAGS_MAX 64 /* of one list, unknown ones included: a signature has 13 */

struct dkim_tag {
	struct span name;
	struct span value; /* without white space at its ends; may be empty */
	struct span raw;   /* all between the "=" and the ";" or the end: what is removed with "the value of b=" */
};

struct dkim_tags {
	size_t n;
	struct dkim_tag tag[DKIM_TAGS_MAX]; /* in the order they were written */
};

/**
 * dkim_tags_parse - take a list apart
 * @list: borrowed as long as @tags is used; may be the value of a field with the CRLF at its end
 *
 * Returns NULL, or a constant sentence that says why it is no list: then nothing of it may be used (a name that
 * stands twice makes the whole list invalid).
 */
const char *dkim_tags_parse(struct dkim_tags *tags, struct span list) MUST_USE;

/* The tag of that name (case matters), NULL when there is none. */
const struct dkim_tag *dkim_tags_find(const struct dkim_tags *tags, const char *name);

/**
 * dkim_list_next - walk over a list with colons between its parts (h=, q=, s=, t=)
 * @rest: in: the value; out: what follows, at == NULL after the last part
 *
 * Returns the part without folding white space round it; it may be empty.  Loop while (rest.at).
 */
struct span dkim_list_next(struct span *rest);

/* Whether @word is a part of the list @value (case matters). */
bool dkim_list_has(struct span value, const char *word);

#endif
