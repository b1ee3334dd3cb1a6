// SPDX-License-Identifier: MIT
/*
 * report_sqlite.c - the store of reports in SQLite: the tables, and rows on their way in
 *
 * WAL with synchronous=FULL: what was committed survives a crash of the process and of the machine.  Rows go in by
 * transactions of many, so that a message costs two look-ups in pages that are in memory.  The size of the file is
 * bounded: before a transaction it is looked whether it is full, then no row is added; its cache by cache_size.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/report/report_sqlite.h"

enum {
	PAGE_OCTETS = 4096,
	CACHE_KB = 16384,
	BUSY_MS = 2000,
	BATCH_MAX = 4096, /* messages of a transaction */
	SLACK_MB = 64     /* of the file beyond store_mb, which a transaction that began below it may take */
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS period (id INTEGER PRIMARY KEY AUTOINCREMENT, domain TEXT NOT NULL,"
	" policy TEXT NOT NULL, begin_s INTEGER NOT NULL, end_s INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
	" next_s INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, n_rows INTEGER NOT NULL DEFAULT 0,"
	" n_messages INTEGER NOT NULL DEFAULT 0, n_over INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '');"
	"CREATE INDEX IF NOT EXISTS period_open ON period (domain, policy, end_s) WHERE state = 0;"
	"CREATE INDEX IF NOT EXISTS period_due ON period (state, next_s);"
	"CREATE TABLE IF NOT EXISTS row (period INTEGER NOT NULL REFERENCES period ON DELETE CASCADE, key BLOB NOT "
	"NULL,"
	" count INTEGER NOT NULL, PRIMARY KEY (period, key)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS delivery (period INTEGER NOT NULL REFERENCES period ON DELETE CASCADE,"
	" address TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,"
	" next_s INTEGER NOT NULL, reply TEXT NOT NULL DEFAULT '', PRIMARY KEY (period, address)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS suppressed (address TEXT PRIMARY KEY, until_s INTEGER NOT NULL,"
	" failures INTEGER NOT NULL, reply TEXT NOT NULL) WITHOUT ROWID;"
	/* What was being sent when the process died is sent again; its Message-ID is that of the first time. */
	"UPDATE delivery SET state = 0, next_s = 0 WHERE state = 1;"
	"UPDATE period SET next_s = 0 WHERE state = 2 AND EXISTS (SELECT 1 FROM delivery WHERE period = id AND state = "
	"0"
	" AND next_s = 0);";

const char *const report_sql[N_REPORT_SQL] = {
	[SQL_PERIOD_FIND] =
		"SELECT id, n_rows FROM period WHERE domain = ?1 AND policy = ?2 AND state = 0 AND end_s > ?3",
	[SQL_PERIOD_LAST] = "SELECT max(end_s) FROM period WHERE domain = ?1 AND policy = ?2 AND end_s <= ?3",
	[SQL_PERIOD_NEW] = "INSERT INTO period (domain, policy, begin_s, end_s) VALUES (?1, ?2, ?3, ?4)",
	[SQL_ROW_COUNT] = "UPDATE row SET count = count + 1 WHERE period = ?1 AND key = ?2",
	[SQL_ROW_NEW] = "INSERT INTO row (period, key, count) VALUES (?1, ?2, 1)",
	[SQL_PERIOD_COUNT] = "UPDATE period SET n_rows = n_rows + ?2, n_messages = n_messages + ?3, n_over = n_over + "
			     "?4 WHERE id = ?1",
	[SQL_CLOSE_DUE] = "UPDATE period SET state = 1, next_s = ?1 WHERE state = 0 AND end_s <= ?1",
	[SQL_CLOSE_NOW] =
		"UPDATE period SET state = 1, end_s = ?1, next_s = ?1 WHERE state = 0 AND n_messages + n_over > 0"
		" AND (?2 IS NULL OR domain = ?2)",
	[SQL_RETRY_NOW] = "UPDATE period SET next_s = ?1 WHERE state IN (1, 2) AND (?2 IS NULL OR domain = ?2)",
	[SQL_RETRY_DELIVERIES] = "UPDATE delivery SET next_s = ?1 WHERE state = 0 AND (?2 IS NULL OR period IN"
				 " (SELECT id FROM period WHERE domain = ?2))",
	[SQL_DUE] = "SELECT " REPORT_PERIOD_COLUMNS " FROM period WHERE state IN (1, 2) AND next_s <= ?1"
		    " ORDER BY next_s, id LIMIT 1",
	[SQL_PERIOD] = "SELECT " REPORT_PERIOD_COLUMNS " FROM period WHERE id = ?1",
	[SQL_NEWEST] = "SELECT " REPORT_PERIOD_COLUMNS " FROM period WHERE domain = ?1 ORDER BY id DESC LIMIT 1",
	[SQL_ROWS] = "SELECT key, count FROM row WHERE period = ?1 ORDER BY key",
	[SQL_ADDRESS] = "INSERT OR IGNORE INTO delivery (period, address, next_s) VALUES (?1, ?2, ?3)",
	[SQL_STATE] = "UPDATE period SET state = ?2, next_s = ?3, note = ?4 WHERE id = ?1",
	[SQL_LATER] = "UPDATE period SET next_s = ?2, note = ?3, attempts = attempts + 1 WHERE id = ?1",
	[SQL_DELIVERY] = "SELECT address, state, next_s, attempts, reply FROM delivery WHERE period = ?1 AND state = 0"
			 " AND next_s <= ?2 ORDER BY next_s LIMIT 1",
	[SQL_SENDING] = "UPDATE delivery SET state = 1, attempts = attempts + 1 WHERE period = ?1 AND address = ?2",
	[SQL_SENT] = "UPDATE delivery SET state = ?3, next_s = ?4, reply = ?5 WHERE period = ?1 AND address = ?2",
	[SQL_OPEN_DELIVERIES] = "SELECT count(*), min(next_s) FROM delivery WHERE period = ?1 AND state IN (0, 1)",
	[SQL_SUPPRESSED] = "SELECT address, until_s, failures, reply FROM suppressed WHERE address = ?1",
	[SQL_SUPPRESS] =
		"INSERT OR REPLACE INTO suppressed (address, until_s, failures, reply) VALUES (?1, ?2, ?3, ?4)",
	[SQL_UNSUPPRESS] = "DELETE FROM suppressed WHERE address = ?1",
	[SQL_PURGE] = "DELETE FROM period WHERE state = 3 AND next_s <= ?1",
	[SQL_LIST] = "SELECT " REPORT_PERIOD_COLUMNS " FROM period ORDER BY id DESC LIMIT ?1",
	[SQL_DELIVERIES] =
		"SELECT address, state, next_s, attempts, reply FROM delivery WHERE period = ?1 ORDER BY address",
	[SQL_SUPPRESSIONS] = "SELECT address, until_s, failures, reply FROM suppressed ORDER BY until_s DESC LIMIT ?1",
	[SQL_PAGES] = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count",
};

sqlite3_stmt *report_bind(struct report_store *st, enum report_sql which)
{
	sqlite3_stmt *q = st->sql[which];

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return q;
}

bool report_run(sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	sqlite3_reset(q);
	return rc == SQLITE_DONE || rc == SQLITE_ROW;
}

static bool run_text(struct report_store *st, const char *sql)
{
	return sqlite3_exec(st->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool is_full(struct report_store *st)
{
	sqlite3_stmt *q = report_bind(st, SQL_PAGES);
	uint64_t n = sqlite3_step(q) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q, 0) : 0;

	sqlite3_reset(q);
	return n >= st->settings.store_mb * ((1 << 20) / PAGE_OCTETS);
}

bool report_begin(struct report_store *st)
{
	if (st->in_transaction)
		return true;
	st->full = is_full(st);
	st->in_transaction = run_text(st, "BEGIN IMMEDIATE");
	return st->in_transaction;
}

/* All since the begin is gone. */
static void lost(struct report_store *st)
{
	st->in_transaction = false;
	st->n_lost += st->n_pending;
	st->n_pending = 0;
}

bool report_store_commit(struct report_store *st)
{
	if (!st->in_transaction)
		return true;
	if (!run_text(st, "COMMIT")) {
		run_text(st, "ROLLBACK");
		lost(st);
		return false;
	}
	st->in_transaction = false;
	st->n_pending = 0;
	return true;
}

uint64_t report_store_n_lost(const struct report_store *st)
{
	return st->n_lost;
}

static bool prepare(struct report_store *st, const struct report_store_settings *s)
{
	char text[256];

	sqlite3_busy_timeout(st->db, BUSY_MS);
	snprintf(text, sizeof(text),
		 "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		 "PRAGMA foreign_keys = ON; PRAGMA cache_size = -%d; PRAGMA max_page_count = %llu",
		 PAGE_OCTETS, CACHE_KB, (unsigned long long)((s->store_mb + SLACK_MB) * ((1 << 20) / PAGE_OCTETS)));
	if (!run_text(st, text) || !run_text(st, schema))
		return false;
	for (unsigned i = 0; i < N_REPORT_SQL; i++)
		if (sqlite3_prepare_v3(st->db, report_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &st->sql[i], NULL) !=
		    SQLITE_OK)
			return false;
	return true;
}

struct report_store *report_store_open(const struct report_store_settings *s, char error[256])
{
	struct report_store *st = calloc(1, sizeof(*st));

	if (!st) {
		snprintf(error, 256, "no memory for the report store");
		return NULL;
	}
	st->settings = *s;
	if (sqlite3_open_v2(s->path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK &&
	    prepare(st, s))
		return st;
	snprintf(error, 256, "%.120s: %.80s; see report.store", s->path, sqlite3_errmsg(st->db));
	report_store_close(st);
	return NULL;
}

void report_store_close(struct report_store *st)
{
	if (!st)
		return;
	report_store_commit(st);
	for (unsigned i = 0; i < N_REPORT_SQL; i++)
		sqlite3_finalize(st->sql[i]);
	sqlite3_close(st->db);
	free(st);
}

/* The end of the period before; a new one does not begin earlier (RFC 9990: periods do not overlap). */
static uint64_t last_end_s(struct report_store *st, const struct report_message *m)
{
	sqlite3_stmt *q = report_bind(st, SQL_PERIOD_LAST);
	uint64_t end_s = 0;

	REPORT_BIND_SPAN(q, 1, m->domain);
	REPORT_BIND_SPAN(q, 2, m->policy);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)m->unix_s);
	if (sqlite3_step(q) == SQLITE_ROW)
		end_s = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	return end_s;
}

static bool new_period(struct report_store *st, const struct report_message *m, int64_t *id)
{
	uint64_t begin_s = m->unix_s - m->unix_s % st->settings.interval_s, end_s = begin_s + st->settings.interval_s;
	uint64_t before_s = last_end_s(st, m);
	sqlite3_stmt *q = report_bind(st, SQL_PERIOD_NEW);

	REPORT_BIND_SPAN(q, 1, m->domain);
	REPORT_BIND_SPAN(q, 2, m->policy);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)(before_s > begin_s ? before_s : begin_s));
	sqlite3_bind_int64(q, 4, (sqlite3_int64)end_s);
	if (!report_run(q))
		return false;
	*id = sqlite3_last_insert_rowid(st->db);
	return true;
}

static bool find_period(struct report_store *st, const struct report_message *m, int64_t *id, uint64_t *n_rows)
{
	sqlite3_stmt *q = report_bind(st, SQL_PERIOD_FIND);
	bool found;

	REPORT_BIND_SPAN(q, 1, m->domain);
	REPORT_BIND_SPAN(q, 2, m->policy);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)m->unix_s);
	found = sqlite3_step(q) == SQLITE_ROW;
	if (found) {
		*id = sqlite3_column_int64(q, 0);
		*n_rows = (uint64_t)sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
	return found;
}

/* Adds to an existing row, or makes it. */
static bool count_row(struct report_store *st, int64_t id, struct span key, bool may_be_new, bool *is_new)
{
	sqlite3_stmt *q = report_bind(st, SQL_ROW_COUNT);

	*is_new = false;
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_blob(q, 2, key.at, (int)key.len, SQLITE_STATIC);
	if (!report_run(q))
		return false;
	if (sqlite3_changes(st->db))
		return true;
	*is_new = true;
	if (!may_be_new)
		return true;
	q = report_bind(st, SQL_ROW_NEW);
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_blob(q, 2, key.at, (int)key.len, SQLITE_STATIC);
	return report_run(q);
}

static bool add(struct report_store *st, const struct report_message *m, struct span key)
{
	uint64_t n_rows = 0;
	bool is_new;
	int64_t id;

	if (!find_period(st, m, &id, &n_rows) && (st->full || !new_period(st, m, &id)))
		return false;
	bool may_be_new = n_rows < st->settings.rows_max && !st->full;
	if (!count_row(st, id, key, may_be_new, &is_new))
		return false;
	sqlite3_stmt *q = report_bind(st, SQL_PERIOD_COUNT);
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int(q, 2, is_new && may_be_new);
	sqlite3_bind_int(q, 3, !is_new || may_be_new);
	sqlite3_bind_int(q, 4, is_new && !may_be_new);
	return report_run(q);
}

/* All of a message or nothing: a fault in the midst of it must not unbalance the counts. */
static bool add_whole(struct report_store *st, const struct report_message *m, struct span key)
{
	if (!report_begin(st) || !run_text(st, "SAVEPOINT message"))
		return false;
	if (add(st, m, key))
		return run_text(st, "RELEASE message");
	run_text(st, "ROLLBACK TO message; RELEASE message");
	return false;
}

void report_store_add(struct report_store *st, const struct report_message *m)
{
	char key[64 + 4096];
	struct text t;

	text_init(&t, key, sizeof(key));
	ip_addr_text(&m->client, &t);
	text_putc(&t, '\0');
	text_put(&t, m->facts);
	if (t.full || !add_whole(st, m, text_span(&t)))
		st->n_lost++;
	else
		st->n_pending++;
	if (st->in_transaction && sqlite3_get_autocommit(st->db))
		lost(st); /* a disk that is full or broken: SQLite has rolled all back */
	if (st->n_pending >= BATCH_MAX)
		report_store_commit(st);
}
