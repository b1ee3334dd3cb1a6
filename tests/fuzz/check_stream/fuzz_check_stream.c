// SPDX-License-Identifier: MIT
/*
 * fuzz_check_stream.c - of any stream of cases, each line that is not blank gives one object, and a line by itself the same
 */
#define _GNU_SOURCE

#include <stdlib.h>

#include "tools/check/check_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct check_run run;

/* What the stream says to @in; to be freed. */
static char *answers(struct span in)
{
	char *out = NULL;
	size_t len = 0;
	FILE *from = fmemopen((void *)(uintptr_t)in.at, in.len, "r"), *to = open_memstream(&out, &len);

	CHECK(from && to);
	CHECK(check_stream(&run, from, to, false));
	fclose(from);
	fclose(to);
	CHECK(strlen(out) == len);
	return out;
}

/* An object with an id, and nothing after it. */
static void check_object(struct span line)
{
	json_t *o = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	CHECK(json_is_object(o));
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool open;
	const struct check_settings settings = { .authserv_id = NULL };
	struct span in = span_of(data, size);

	if (size == 0 || size > 20000)
		return 0;
	if (!open)
		CHECK(check_run_open(&run, &settings));
	open = true;
	char *all = answers(in);
	struct span out = span_str(all);

	while (in.at) {
		struct span line = span_cut(&in, '\n');

		if (span_trim(line).len == 0)
			continue;
		struct span got = span_cut(&out, '\n');
		char *alone = answers(line);

		check_object(got);
		CHECK(span_eq(span_head(span_str(alone), strlen(alone) - 1), got));
		free(alone);
	}
	CHECK(out.len == 0);
	free(all);
	return 0;
}
