// SPDX-License-Identifier: MIT
/*
 * check_stream.c - a stream of cases: one JSON object a line in, one a line out
 */
#include "tools/check/check_stream.h"

#include <stdlib.h>

#include "tools/check/check_report.h"

struct line {
	char *at;
	size_t len, cap;
	bool too_long; /* the rest was read and dropped */
};

static void put_octet(struct line *l, int c)
{
	if (l->len == l->cap && !l->too_long) {
		size_t cap = l->cap ? 2 * l->cap : 65536;
		char *more = cap <= CHECK_LINE_MAX ? realloc(l->at, cap) : NULL;

		if (more) {
			l->at = more;
			l->cap = cap;
		} else {
			l->too_long = true;
		}
	}
	if (!l->too_long)
		l->at[l->len++] = (char)c;
}

/* False at the end of the stream. */
static bool read_line(FILE *in, struct line *l)
{
	int c;

	l->len = 0;
	l->too_long = false;
	while ((c = getc_unlocked(in)) != EOF && c != '\n')
		put_octet(l, c);
	return c != EOF || l->len || l->too_long;
}

static json_t *run_case(struct check_run *r, json_t *json, bool explain)
{
	struct check_case c;
	json_t *id = json_incref(json_object_get(json, "id"));
	json_t *report;
	const char *wrong = check_case_read(&c, json);

	if (!wrong) {
		struct dns_resolver resolver = dns_zone_resolver(c.zone);
		wrong = check_run(r, &c, &resolver, explain);
	}
	report = wrong ? check_report_error(id, wrong) : check_report_json(r, &c, id, explain);
	check_case_close(&c);
	json_decref(id);
	return report;
}

static json_t *run_line(struct check_run *r, const struct line *l, bool explain)
{
	json_error_t error;

	if (l->too_long)
		return check_report_error(NULL, "the line is longer than 128 MiB");
	json_t *json = json_loadb(l->at, l->len, JSON_ALLOW_NUL, &error);
	if (!json)
		return check_report_error(NULL, error.text);
	return run_case(r, json, explain);
}

bool check_stream(struct check_run *r, FILE *in, FILE *out, bool explain)
{
	struct line l = { .at = NULL };

	while (read_line(in, &l)) {
		if (!l.too_long && span_trim(span_of(l.at, l.len)).len == 0)
			continue;
		json_t *report = run_line(r, &l, explain);
		if (!report || json_dumpf(report, out, JSON_COMPACT | JSON_ENSURE_ASCII) != 0)
			fputs("{\"id\":null,\"error\":\"no memory\"}", out);
		json_decref(report);
		putc('\n', out);
		fflush(out);
	}
	free(l.at);
	return !ferror(in) && !ferror(out);
}
