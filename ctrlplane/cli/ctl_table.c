// SPDX-License-Identifier: MIT
/*
 * ctl_table.c - the shapes that answers for people have: cells, tables, lists of fields
 */
#include <string.h>

#include "ctrlplane/cli/ctl_table.h"
#include "dataplane/base/span.h"

/* A value as a cell. */
void ctl_cell(const json_t *v, char out[CTL_CELL_MAX])
{
	const unsigned char *s = (const unsigned char *)json_string_value(v);
	size_t n = 0, len = json_string_length(v);

	out[0] = '\0';
	if (json_is_integer(v))
		snprintf(out, CTL_CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(out, CTL_CELL_MAX, "%.2f", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(out, CTL_CELL_MAX, "%s", json_is_true(v) ? "yes" : "no");
	for (size_t i = 0; s && i < len && n + 5 < CTL_CELL_MAX; i++) {
		if (s[i] >= ' ' && s[i] < 0x7f)
			out[n++] = (char)s[i];
		else
			n += (size_t)snprintf(out + n, CTL_CELL_MAX - n, "\\x%02x", s[i]);
	}
	if (s)
		out[n] = '\0';
}

void ctl_table(FILE *f, const json_t *rows, const struct ctl_column *columns, size_t n_columns)
{
	size_t width[16] = { 0 };
	char cell[CTL_CELL_MAX];

	CHECK(n_columns <= 16);
	for (size_t c = 0; c < n_columns; c++) {
		width[c] = strlen(columns[c].head);
		for (size_t r = 0; r < json_array_size(rows); r++) {
			ctl_cell(json_object_get(json_array_get(rows, r), columns[c].key), cell);
			if (strlen(cell) > width[c])
				width[c] = strlen(cell);
		}
	}
	for (size_t r = 0; r <= json_array_size(rows); r++) {
		for (size_t c = 0; c < n_columns; c++) {
			if (r == 0)
				snprintf(cell, sizeof(cell), "%s", columns[c].head);
			else
				ctl_cell(json_object_get(json_array_get(rows, r - 1), columns[c].key), cell);
			int pad = c + 1 == n_columns && !columns[c].right ? 0 : (int)width[c];
			fprintf(f, "%s%*s", c ? "  " : "", columns[c].right ? pad : -pad, cell);
		}
		fputc('\n', f);
	}
}

/* Every scalar of an object, one a line. */
void ctl_fields(FILE *f, const json_t *object)
{
	const char *key;
	const json_t *v;
	size_t width = 0;
	char cell[CTL_CELL_MAX];
	void *at;

	for (at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at))
		if (strlen(json_object_iter_key(at)) > width)
			width = strlen(json_object_iter_key(at));
	for (at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at)) {
		key = json_object_iter_key(at);
		v = json_object_iter_value(at);
		if (json_is_object(v) || json_is_array(v))
			continue;
		ctl_cell(v, cell);
		fprintf(f, "%-*s  %s\n", (int)width, key, cell);
	}
}
