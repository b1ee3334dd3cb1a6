// SPDX-License-Identifier: MIT
/*
 * sql.c - a database: what both kinds have in common
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/sql/sql_driver.h"

/* What stands for the word at @at, and how long that is; NULL: nothing, it stays. */
static const char *word_at(const char *at, const struct sql_words *words, size_t *len)
{
	const struct {
		const char *word, *stands_for;
	} all[] = {
		{ "?", words->argument }, { "@id", words->id }, { "@octets", words->octets }, { "@keyed", words->keyed }
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*len = strlen(all[i].word);
		if (strncmp(at, all[i].word, *len) == 0)
			return all[i].stands_for;
	}
	return NULL;
}

char *sql_translate(const char *text, const struct sql_words *words)
{
	char *out = malloc(16 * strlen(text) + 1), *to = out; /* no word grows to more */

	while (out && *text) {
		size_t len;
		const char *word = word_at(text, words, &len);

		if (word) {
			memcpy(to, word, strlen(word));
			to += strlen(word);
			text += len;
		} else {
			*to++ = *text++;
		}
	}
	if (out)
		*to = '\0';
	return out;
}

void sql_say_why(struct sql *db, const char *why)
{
	size_t n = strcspn(why, "\n");

	if (why != db->why)
		snprintf(db->why, sizeof(db->why), "%.*s", (int)n, why);
}

void sql_close(struct sql *db)
{
	if (db)
		db->driver->close(db);
}

bool sql_ready(struct sql *db)
{
	return db->driver->ready(db);
}

uint64_t sql_times_reached(const struct sql *db)
{
	return db->n_reached;
}

const char *sql_why(const struct sql *db)
{
	return db->why;
}

bool sql_is_full(const struct sql *db)
{
	return db->full;
}

bool sql_begin(struct sql *db)
{
	db->driver->end(db);
	return db->driver->begin(db);
}

bool sql_commit(struct sql *db)
{
	db->driver->end(db);
	if (db->driver->commit(db))
		return true;
	sql_rollback(db);
	return false;
}

void sql_rollback(struct sql *db)
{
	db->driver->end(db);
	if (db->driver->in_transaction(db))
		db->driver->exec(db, "ROLLBACK");
}

bool sql_in_transaction(struct sql *db)
{
	return db->driver->in_transaction(db);
}

bool sql_mark(struct sql *db)
{
	db->driver->end(db);
	return db->driver->exec(db, "SAVEPOINT mark");
}

void sql_mark_end(struct sql *db, bool keep)
{
	db->driver->end(db);
	if (!keep)
		db->driver->exec(db, "ROLLBACK TO mark");
	db->driver->exec(db, "RELEASE mark");
}

bool sql_query(struct sql *db, unsigned which, const struct sql_value *args, size_t n)
{
	CHECK(which < db->program->n && n <= SQL_COLUMNS_MAX);
	db->driver->end(db);
	db->failed = !db->driver->query(db, which, args, n);
	return !db->failed;
}

bool sql_next(struct sql *db)
{
	return !db->failed && db->driver->next(db);
}

bool sql_run(struct sql *db, unsigned which, const struct sql_value *args, size_t n)
{
	db->n_changes = 0;
	if (!sql_query(db, which, args, n))
		return false;
	while (sql_next(db))
		;
	db->driver->end(db);
	return !db->failed;
}

uint64_t sql_changes(const struct sql *db)
{
	return db->n_changes;
}

bool sql_failed(const struct sql *db)
{
	return db->failed;
}

uint64_t sql_column(const struct sql *db, unsigned i)
{
	return i < db->n_columns && db->row[i].kind == SQL_NUMBER ? (uint64_t)db->row[i].number : 0;
}

struct span sql_column_octets(const struct sql *db, unsigned i)
{
	return i < db->n_columns && db->row[i].kind == SQL_OCTETS ? db->row[i].octets : SPAN("");
}

uint64_t sql_octets_used(struct sql *db)
{
	return db->driver->octets_used(db);
}
