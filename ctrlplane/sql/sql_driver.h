// SPDX-License-Identifier: MIT
/*
 * sql_driver.h - what sql.c and its two drivers share; for no one else
 */
#ifndef SQL_DRIVER_H
#define SQL_DRIVER_H

#include "ctrlplane/sql/sql.h"

struct sql_driver {
	void (*close)(struct sql *db);
	bool (*ready)(struct sql *db);
	bool (*exec)(struct sql *db, const char *text); /* without arguments and rows */
	bool (*begin)(struct sql *db);
	bool (*commit)(struct sql *db);
	bool (*in_transaction)(struct sql *db);
	/* Starts a statement, after ending the one before. */
	bool (*query)(struct sql *db, unsigned which, const struct sql_value *args, size_t n);
	/* Sets db->row; false: db->failed says whether it ended well. */
	bool (*next)(struct sql *db);
	void (*end)(struct sql *db); /* the statement under way, if there is one */
	uint64_t (*octets_used)(struct sql *db);
};

/* Each driver has it as the first member of its own. */
struct sql {
	const struct sql_driver *driver;
	const struct sql_program *program;
	bool failed, full;
	uint64_t n_reached, n_changes;
	unsigned n_columns;
	struct sql_value row[SQL_COLUMNS_MAX];
	char why[160];
};

/* SQL of a program as one database wants it. */
struct sql_words {
	const char *argument; /* stands for ? */
	const char *id, *octets, *keyed;
};
char *sql_translate(const char *text, const struct sql_words *words); /* malloc()ed; NULL: no memory */

void sql_say_why(struct sql *db, const char *why); /* its first line, as far as there is room */

#endif
