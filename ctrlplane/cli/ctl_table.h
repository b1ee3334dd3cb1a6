// SPDX-License-Identifier: MIT
/*
 * ctl_table.h - the shapes that answers for people have: cells, tables, lists of fields
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define CTL_CELL_MAX 400 /* octets of a cell; the rest is cut */

struct ctl_column {
	const char *head, *key;
	bool right; /* numbers */
};

/* A value as a cell; octets outside printable ASCII as \xNN. */
void ctl_cell(const json_t *v, char out[CTL_CELL_MAX]);

/* @rows: a list of objects.  At most 16 columns. */
void ctl_table(FILE *f, const json_t *rows, const struct ctl_column *columns, size_t n_columns);

#define CTL_TABLE(f, rows, columns) ctl_table((f), (rows), (columns), sizeof(columns) / sizeof((columns)[0]))

/* Every scalar of an object, one a line. */
void ctl_fields(FILE *f, const json_t *object);

#endif
