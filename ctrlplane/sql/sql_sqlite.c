// SPDX-License-Identifier: MIT
/*
 * sql_sqlite.c - a database in a file; the only file that knows SQLite
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/sql/sql_driver.h"

enum { PAGE_OCTETS = 4096, BUSY_MS = 2000 };

struct sqlite {
	struct sql sql;
	sqlite3 *db;
	sqlite3_stmt **statements, *pages;
	sqlite3_stmt *now; /* the one under way */
};

static const struct sql_words words = { "?", "INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB", "WITHOUT ROWID" };

static struct sqlite *of(struct sql *db)
{
	return (struct sqlite *)db;
}

/* False, with why. */
static bool failed(struct sqlite *s)
{
	sql_say_why(&s->sql, sqlite3_errmsg(s->db));
	s->sql.full = sqlite3_errcode(s->db) == SQLITE_FULL;
	return false;
}

static bool ready(struct sql *db)
{
	(void)db;
	return true;
}

static bool exec(struct sql *db, const char *text)
{
	struct sqlite *s = of(db);

	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK || failed(s);
}

static bool begin(struct sql *db)
{
	return exec(db, "BEGIN IMMEDIATE");
}

static bool commit(struct sql *db)
{
	return exec(db, "COMMIT");
}

/* When a disk is full or broken SQLite may have rolled it back already. */
static bool in_transaction(struct sql *db)
{
	return !sqlite3_get_autocommit(of(db)->db);
}

static void end(struct sql *db)
{
	struct sqlite *s = of(db);

	if (s->now)
		sqlite3_reset(s->now);
	s->now = NULL;
}

static bool query(struct sql *db, unsigned which, const struct sql_value *args, size_t n)
{
	struct sqlite *s = of(db);
	sqlite3_stmt *q = s->statements[which];

	sqlite3_clear_bindings(q);
	for (size_t i = 0; i < n; i++) {
		const struct sql_value *v = &args[i];

		if (v->kind == SQL_NUMBER)
			sqlite3_bind_int64(q, (int)i + 1, v->number);
		else if (v->kind == SQL_OCTETS)
			sqlite3_bind_blob(q, (int)i + 1, v->octets.len ? (const void *)v->octets.at : "",
					  (int)v->octets.len, SQLITE_STATIC);
	}
	s->now = q;
	return true;
}

static void take_row(struct sqlite *s)
{
	int n = sqlite3_column_count(s->now);

	CHECK(n <= SQL_COLUMNS_MAX);
	s->sql.n_columns = (unsigned)n;
	for (int i = 0; i < n; i++) {
		struct sql_value *v = &s->sql.row[i];

		switch (sqlite3_column_type(s->now, i)) {
		case SQLITE_INTEGER:
			*v = sql_number((uint64_t)sqlite3_column_int64(s->now, i));
			break;
		case SQLITE_NULL:
			*v = sql_text(NULL);
			break;
		default:
			*v = sql_octets(
				span_of(sqlite3_column_blob(s->now, i), (size_t)sqlite3_column_bytes(s->now, i)));
			break;
		}
	}
}

static bool next(struct sql *db)
{
	struct sqlite *s = of(db);
	int rc = s->now ? sqlite3_step(s->now) : SQLITE_DONE;

	if (rc == SQLITE_ROW) {
		take_row(s);
		return true;
	}
	s->sql.failed = rc != SQLITE_DONE;
	if (s->sql.failed)
		failed(s);
	else
		s->sql.n_changes = (uint64_t)sqlite3_changes(s->db);
	end(db);
	return false;
}

static uint64_t octets_used(struct sql *db)
{
	struct sqlite *s = of(db);
	uint64_t n = sqlite3_step(s->pages) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s->pages, 0) : 0;

	sqlite3_reset(s->pages);
	return n * PAGE_OCTETS;
}

static void close_file(struct sql *db)
{
	struct sqlite *s = of(db);

	for (unsigned i = 0; s->statements && i < db->program->n; i++)
		sqlite3_finalize(s->statements[i]);
	free(s->statements);
	sqlite3_finalize(s->pages);
	sqlite3_close(s->db);
	free(s);
}

static const struct sql_driver driver = { close_file,     ready, exec, begin, commit,
					  in_transaction, query, next, end,   octets_used };

static bool run_translated(struct sqlite *s, const char *text)
{
	char *sql = sql_translate(text, &words);
	bool good = sql && exec(&s->sql, sql);

	free(sql);
	return good;
}

static bool prepare(struct sqlite *s, const char *text, sqlite3_stmt **out)
{
	char *sql = sql_translate(text, &words);
	bool good = sql && sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK;

	free(sql);
	return good || failed(s);
}

static bool make_statements(struct sqlite *s)
{
	const struct sql_program *p = s->sql.program;

	if (!run_translated(s, p->schema) ||
	    !prepare(s, "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count", &s->pages))
		return false;
	s->statements = calloc(p->n, sizeof(sqlite3_stmt *));
	for (unsigned i = 0; s->statements && i < p->n; i++)
		if (!prepare(s, p->texts[i], &s->statements[i]))
			return false;
	return s->statements != NULL;
}

/* Tables are there, but not as our statements want them. */
static void say_other_version(struct sqlite *s)
{
	char why[sizeof(s->sql.why)];

	snprintf(why, sizeof(why),
		 "made by another version of sekishod (%.40s); move it aside with all beside it, and a new one is made",
		 s->sql.why);
	sql_say_why(&s->sql, why);
}

static bool set_up(struct sqlite *s, uint64_t mb_max, unsigned cache_kb)
{
	char text[256];

	sqlite3_busy_timeout(s->db, BUSY_MS);
	snprintf(
		text, sizeof(text),
		"PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		"PRAGMA cache_size = -%u; PRAGMA max_page_count = %llu",
		PAGE_OCTETS, cache_kb, (unsigned long long)(mb_max * ((1 << 20) / PAGE_OCTETS)));
	if (!exec(&s->sql, text))
		return false;
	if (make_statements(s))
		return true;
	if (sqlite3_errcode(s->db) == SQLITE_ERROR)
		say_other_version(s);
	return false;
}

struct sql *sql_open_file(const char *path, uint64_t mb_max, unsigned cache_kb, const struct sql_program *program,
			  char error[256])
{
	struct sqlite *s = calloc(1, sizeof(*s));

	snprintf(error, 256, "%.120s: no memory", path);
	if (!s)
		return NULL;
	s->sql = (struct sql){ .driver = &driver, .program = program, .n_reached = 1 };
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		failed(s);
	else if (set_up(s, mb_max, cache_kb))
		return &s->sql;
	snprintf(error, 256, "%.90s: %.150s", path, s->sql.why);
	close_file(&s->sql);
	return NULL;
}
