// SPDX-License-Identifier: MIT
/*
 * test_check_stream.c - sekisho-check --jsonl: our own cases, and streams that are none
 *
 * A line of tests/vectors/NAME.jsonl is a case with one more field, "expect": what must stand in the answer, in the
 * answer's own shape.  Fields that are left out are not looked at; where a list stands for one value, any of
 * its members will do.
 */
#define _POSIX_C_SOURCE 200809L

#include <glob.h>
#include <stdlib.h>

#include "tests/tap.h"
#include "tools/check/check_stream.h"

/* Runs @in through a stream and returns what came out, to be freed. */
static char *stream(struct check_run *r, const char *in, size_t len)
{
	char *out = NULL;
	size_t out_len = 0;
	FILE *from = fmemopen((void *)(uintptr_t)in, len ? len : 1, "r"), *to = open_memstream(&out, &out_len);

	if (!from || !to || (len == 0 && getc(from) == EOF))
		exit(1);
	ok(check_stream(r, from, to, false), "a stream of %zu octets comes to its end", len);
	fclose(from);
	fclose(to);
	return out;
}

static bool agrees(const json_t *expect, const json_t *got)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_object(expect)) {
		json_object_foreach((json_t *)(uintptr_t)expect, key,
				    value) if (!agrees(value, json_object_get(got, key))) return false;
		return json_is_object(got);
	}
	if (json_is_array(expect) && json_is_array(got)) {
		json_array_foreach(expect, i, value) if (!agrees(value, json_array_get(got, i))) return false;
		return json_array_size(expect) == json_array_size(got);
	}
	if (json_is_array(expect)) {
		json_array_foreach(expect, i, value) if (json_equal(value, got)) return true;
		return false;
	}
	return json_equal(expect, got);
}

static char *read_whole(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	size_t cap = 1 << 24;
	char *text = malloc(cap);

	if (!f || !text)
		exit(1);
	*len = fread(text, 1, cap - 1, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

/* One line; @rest moves on.  NULL at the end. */
static json_t *next_json(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*rest = end + 1;
	return json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
}

static void check_file(struct check_run *r, const char *path)
{
	size_t len;
	char *in = read_whole(path, &len), *out = stream(r, in, len);
	char *cases = in, *answers = out;
	json_t *c, *answer;

	while ((c = next_json(&cases))) {
		json_t *id = json_object_get(c, "id");
		char *name = json_dumps(id, JSON_ENCODE_ANY);

		answer = next_json(&answers);
		if (!ok(answer && json_equal(id, json_object_get(answer, "id")) &&
				agrees(json_object_get(c, "expect"), answer),
			"%s", name)) {
			char *text = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
			printf("# got %s\n", text ? text : "nothing");
			free(text);
		}
		free(name);
		json_decref(answer);
		json_decref(c);
	}
	ok(*answers == '\0' && *cases == '\0', "%s: an answer for each case, and no more", path);
	free(in);
	free(out);
}

static void check_broken(struct check_run *r)
{
	static const char in[] = "{\"id\":\"a\"\n"
				 "\n"
				 "  \t\n"
				 "[]\n"
				 "null\n"
				 "\xff\xfe\n"
				 "{\"id\":1,\"ip\":[]}\n"
				 "{\"id\":2,\"zone\":{}}\n"
				 "{\"id\":3,\"zone\":[17]}\n"
				 "{\"id\":4,\"now\":-1}\n"
				 "{\"id\":[5],\"helo\":{}}\n"
				 "{\"id\":6,\"zone\":[{\"name\":\"a.org\",\"type\":\"MX\",\"data\":\"a\"}]}\n"
				 "{\"id\":7,\"zone\":[{\"name\":\"a.org\",\"type\":\"A\",\"rcode\":\"NOERROR\"}]}\n"
				 "{\"id\":8}";
	char *out = stream(r, in, sizeof(in) - 1), *rest = out;
	unsigned n = 0, n_errors = 0;
	json_t *answer, *last = NULL;

	while ((answer = next_json(&rest))) {
		n++;
		n_errors += json_is_string(json_object_get(answer, "error"));
		json_decref(last);
		last = answer;
	}
	ok(n == 12 && n_errors == 11, "a line that is no case is an error, an empty one nothing (%u, %u)", n, n_errors);
	ok(json_integer_value(json_object_get(last, "id")) == 8 && json_is_object(json_object_get(last, "spf")),
	   "the last line needs no line end, and is checked after all that");
	json_decref(last);
	free(out);
}

static void check_giant(struct check_run *r)
{
	size_t len = (size_t)CHECK_LINE_MAX + 4096;
	char *in = malloc(len);

	if (!in)
		exit(1);
	memset(in, 'x', len);
	memcpy(in, "{\"id\":\"", 7);
	static const char next[] = "\"}\n{\"id\":9}\n";
	memcpy(in + len - (sizeof(next) - 1), next, sizeof(next) - 1);
	char *out = stream(r, in, len);
	ok(strstr(out, "128 MiB") && strstr(out, "{\"id\":9,\"spf\":"),
	   "a giant line is an error and the next one is checked");
	free(in);
	free(out);
}

int main(void)
{
	struct check_settings settings = { .rsa_bits_min = 0 };
	struct check_run r;
	glob_t files;

	if (!ok(check_run_open(&r, &settings), "everything for a run is at hand"))
		return done();
	ok(glob("tests/vectors/*.jsonl", 0, NULL, &files) == 0, "there are cases of our own");
	for (size_t i = 0; i < files.gl_pathc; i++)
		check_file(&r, files.gl_pathv[i]);
	globfree(&files);
	check_broken(&r);
	check_giant(&r);
	check_run_close(&r);
	return done();
}
