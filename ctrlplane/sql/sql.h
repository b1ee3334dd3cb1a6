// SPDX-License-Identifier: MIT
/*
 * sql.h - a database as one thread uses it: a file by SQLite, or a PostgreSQL that several gateways share
 *
 * A store brings its schema and its statements once, in the SQL that both understand, with these words for what differs:
 *
 *	?1 ?2 ...   arguments
 *	@id         an integer primary key that the database gives
 *	@octets     a column of octets; all text is stored so, as peers write what is no UTF-8
 *	@keyed      behind a table whose rows lie in the order of its primary key
 *
 * One statement is under way at a time: the next call ends it.  A PostgreSQL that is away costs its caller some seconds
 * at most, then calls fail at once until it is time to try again.
 */
#ifndef SQL_H
#define SQL_H

#include "dataplane/base/span.h"

#define SQL_COLUMNS_MAX 20 /* of a row; as many arguments */

struct sql_program {
	const char *schema;       /* run at the start, on tables that may be there already */
	const char *const *texts; /* the statements, by number */
	unsigned n;
};

enum sql_kind { SQL_NUMBER, SQL_OCTETS, SQL_NULL_OCTETS };

/* An argument or a column; octets are borrowed. */
struct sql_value {
	enum sql_kind kind;
	int64_t number;
	struct span octets;
};

static inline struct sql_value sql_number(uint64_t n)
{
	return (struct sql_value){ .kind = SQL_NUMBER, .number = (int64_t)n };
}

static inline struct sql_value sql_octets(struct span s)
{
	return (struct sql_value){ .kind = SQL_OCTETS, .octets = s };
}

/* NULL is the database's NULL. */
static inline struct sql_value sql_text(const char *s)
{
	return (struct sql_value){ .kind = s ? SQL_OCTETS : SQL_NULL_OCTETS, .octets = s ? span_str(s) : SPAN("") };
}

/* The last two arguments of the calls below. */
#define SQL_ARGS(...)                                                                                                  \
	(const struct sql_value[]){ __VA_ARGS__ },                                                                     \
		sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value)

struct sql;

/**
 * sql_open_file - SQLite: WAL, synchronous=FULL; what was committed survives a crash of the process and of the machine
 * @mb_max: of the file; statements fail when it is reached
 * NULL with @error set, of 256 octets.  @program is kept.
 */
struct sql *sql_open_file(const char *path, uint64_t mb_max, unsigned cache_kb, const struct sql_program *program,
			  char error[256]);
/**
 * sql_open_server - PostgreSQL, by libpq
 * @where: a connection string or URI (libpq's); copied
 * It need not answer now: whoever calls sees by sql_ready() when it does.  NULL with @error set: @where is no such string.
 */
struct sql *sql_open_server(const char *where, const struct sql_program *program, char error[256]);
void sql_close(struct sql *db);

/* Whether it is there; tries to reach it when it was away and it is time. */
bool sql_ready(struct sql *db);
/* How often it was reached: what only the owner of rows can set right is looked at after each time. */
uint64_t sql_times_reached(const struct sql *db);
const char *sql_why(const struct sql *db); /* what the last failure was */
bool sql_is_full(const struct sql *db);    /* the last failure was want of room */

/* A transaction.  Without one each statement is its own. */
bool sql_begin(struct sql *db);
bool sql_commit(struct sql *db); /* false: all since the begin is undone */
void sql_rollback(struct sql *db);
bool sql_in_transaction(struct sql *db);
/* A part of a transaction that may fail alone. */
bool sql_mark(struct sql *db);
void sql_mark_end(struct sql *db, bool keep);

/* Runs statement number @which to its end; sql_changes(): the rows that it changed. */
bool sql_run(struct sql *db, unsigned which, const struct sql_value *args, size_t n);
uint64_t sql_changes(const struct sql *db);

/* A statement that gives rows: sql_next() takes the next; false: none is left, or sql_failed(). */
bool sql_query(struct sql *db, unsigned which, const struct sql_value *args, size_t n);
bool sql_next(struct sql *db);
bool sql_failed(const struct sql *db);
/* Of the row taken last; octets are borrowed until the next call.  NULL is 0 and empty. */
uint64_t sql_column(const struct sql *db, unsigned i);
struct span sql_column_octets(const struct sql *db, unsigned i);

uint64_t sql_octets_used(struct sql *db); /* of the file, in use; 0 for a server */

#endif
