// SPDX-License-Identifier: MIT
/*
 * fuzz_lists_load.c - files of allow and deny: what loads is found again, by a slow look over its lines
 */
#include "ctrlplane/lists_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *arg, const char *message)
{
	(void)arg;
	CHECK(message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lists *l = lists_load_text(&lists_access, span_of(data, size), "f", 1000, hear, NULL);
	struct span rest = span_of(data, size);

	while (l && rest.at && rest.len) {
		struct span line = span_cut(&rest, '\n');
		size_t comment = span_find(line, '#');
		struct lists_entry e;

		line = span_trim(comment == SPAN_NONE ? line : span_head(line, comment));
		if (line.len == 0)
			continue;
		CHECK(!lists_line_parse(line, &e));
		/* At least as specific an entry is found, and the same list if it is this one. */
		unsigned value = e.kind == LISTS_PREFIX ? lists_prefix(l, &e.addr)
							: lists_name(l, (enum lists_kind)e.kind, e.name);
		unsigned len = e.kind == LISTS_PREFIX ? e.len : (unsigned)e.name.len;
		CHECK(value >> 2 >= len && (value & 3));
		CHECK(value >> 2 != len || (value & e.bits) || e.kind != LISTS_PREFIX);
	}
	lists_free(l);
	return 0;
}
