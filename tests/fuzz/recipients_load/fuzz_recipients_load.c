// SPDX-License-Identifier: MIT
/*
 * fuzz_recipients_load.c - tables of recipients: each line of one that loads is found, in either case, and its neighbour
 * that has no line is not
 */
#include "ctrlplane/lists_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *arg, const char *message)
{
	(void)arg;
	CHECK(message[0]);
}

/* The slow look: whether a line of the file is @name. */
static bool has_line(struct span rest, struct span name)
{
	while (rest.at && rest.len) {
		struct span line = span_cut(&rest, '\n');
		size_t comment = span_find(line, '#');

		if (span_eq_nocase(span_trim(comment == SPAN_NONE ? line : span_head(line, comment)), name))
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span file = span_of(data, size), rest = file;
	struct lists *l = lists_load_text(&lists_recipients, file, "f", 1000, hear, NULL);
	uint8_t other[LISTS_NAME_MAX];

	while (l && rest.at && rest.len) {
		struct span line = span_cut(&rest, '\n');
		size_t comment = span_find(line, '#');
		struct lists_entry e;

		line = span_trim(comment == SPAN_NONE ? line : span_head(line, comment));
		if (line.len == 0)
			continue;
		CHECK(!lists_recipient_parse(line, &e) && e.name.len <= sizeof(other));
		for (size_t i = 0; i < e.name.len; i++)
			other[i] = e.name.at[i] >= 'a' && e.name.at[i] <= 'z' ? (uint8_t)(e.name.at[i] - 32)
									      : e.name.at[i];
		CHECK(lists_has(l, LISTS_RECIPIENT, span_of(other, e.name.len)));
		other[0] = 'x';
		CHECK(lists_has(l, LISTS_RECIPIENT, span_of(other, e.name.len)) ==
		      has_line(file, span_of(other, e.name.len)));
		CHECK(!lists_has(l, LISTS_DOMAIN, e.name));
	}
	lists_free(l);
	return 0;
}
