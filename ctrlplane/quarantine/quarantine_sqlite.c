// SPDX-License-Identifier: MIT
/*
 * quarantine_sqlite.c - the quarantine store: rows in SQLite (WAL, synchronous=FULL), octets in files
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/quarantine/quarantine_file.h"

#define COLUMNS                                                                                                        \
	"id, state, time_s, released_s, size, client, mail_from, from_domain, rule, subject, note, rcpts, eight_bit, " \
	"utf8"

enum sql { SQL_PUT, SQL_GET, SQL_SET, SQL_DELETE, SQL_OLD, SQL_LIST, SQL_TOTALS, SQL_IDS, N_SQL };

static const char *const texts[N_SQL] = {
	[SQL_PUT] = "INSERT INTO message (" COLUMNS ") VALUES (?1,0,?3,0,?5,?6,?7,?8,?9,?10,'',?12,?13,?14)",
	[SQL_GET] = "SELECT " COLUMNS " FROM message WHERE id = ?1",
	[SQL_SET] = "UPDATE message SET state = ?2, released_s = ?3, note = ?4 WHERE id = ?1",
	[SQL_DELETE] = "DELETE FROM message WHERE id = ?1",
	[SQL_OLD] = "SELECT id FROM message WHERE time_s < ?1 LIMIT 1000",
	[SQL_LIST] = "SELECT " COLUMNS " FROM message ORDER BY time_s DESC, id DESC LIMIT ?1",
	[SQL_TOTALS] = "SELECT count(*), coalesce(sum(size), 0) FROM message WHERE state < 2",
	[SQL_IDS] = "SELECT id FROM message WHERE state < 2",
};

static const char schema[] =
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4096;"
	"CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, state INTEGER NOT NULL, time_s INTEGER NOT NULL,"
	" released_s INTEGER NOT NULL, size INTEGER NOT NULL, client TEXT NOT NULL, mail_from TEXT NOT NULL,"
	" from_domain TEXT NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL, note TEXT NOT NULL, rcpts BLOB NOT "
	"NULL,"
	" eight_bit INTEGER NOT NULL, utf8 INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS message_time ON message (time_s, id);"
	"UPDATE message SET state = 0, note = 'its release was interrupted: it may have been delivered' WHERE state = "
	"1;";

struct quarantine_store {
	struct quarantine_settings settings;
	struct quarantine_files files;
	sqlite3 *db;
	sqlite3_stmt *sql[N_SQL];
	uint64_t n, octets; /* of those that have a file */
};

static sqlite3_stmt *use(struct quarantine_store *st, enum sql which)
{
	sqlite3_reset(st->sql[which]);
	sqlite3_clear_bindings(st->sql[which]);
	return st->sql[which];
}

static bool run(sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	sqlite3_reset(q);
	return rc == SQLITE_DONE || rc == SQLITE_ROW;
}

static void put_text(sqlite3_stmt *q, int i, struct span s)
{
	sqlite3_bind_text(q, i, s.len ? (const char *)s.at : "", (int)s.len, SQLITE_STATIC);
}

static struct span column(sqlite3_stmt *q, int i)
{
	const void *at = sqlite3_column_blob(q, i);

	return at ? span_of(at, (size_t)sqlite3_column_bytes(q, i)) : SPAN("");
}

static void read_item(sqlite3_stmt *q, struct quarantine_item *out)
{
	*out = (struct quarantine_item){ .state = (enum quarantine_state)sqlite3_column_int(q, 1),
					 .time_s = (uint64_t)sqlite3_column_int64(q, 2),
					 .released_s = (uint64_t)sqlite3_column_int64(q, 3),
					 .size = (uint64_t)sqlite3_column_int64(q, 4),
					 .client = column(q, 5),
					 .mail_from = column(q, 6),
					 .from_domain = column(q, 7),
					 .rule = column(q, 8),
					 .subject = column(q, 9),
					 .note = column(q, 10),
					 .rcpts = column(q, 11),
					 .body_8bit = sqlite3_column_int(q, 12) != 0,
					 .smtputf8 = sqlite3_column_int(q, 13) != 0 };
	snprintf(out->id, sizeof(out->id), "%s", (const char *)sqlite3_column_text(q, 0));
}

static void count(struct quarantine_store *st)
{
	sqlite3_stmt *q = use(st, SQL_TOTALS);

	if (sqlite3_step(q) == SQLITE_ROW) {
		st->n = (uint64_t)sqlite3_column_int64(q, 0);
		st->octets = (uint64_t)sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
}

static bool has_row(void *arg, const char *id)
{
	struct quarantine_item item;

	return quarantine_store_get(arg, id, &item) && item.state != QUARANTINE_RELEASED;
}

/* Rows whose file is gone say nothing that could be released. */
static void drop_rows_without_file(struct quarantine_store *st)
{
	char lost[256][24];
	size_t n;

	do {
		sqlite3_stmt *q = use(st, SQL_IDS);

		n = 0;
		while (n < 256 && sqlite3_step(q) == SQLITE_ROW) {
			snprintf(lost[n], sizeof(lost[n]), "%s", (const char *)sqlite3_column_text(q, 0));
			n += !quarantine_file_exists(&st->files, lost[n]);
		}
		sqlite3_reset(q);
		for (size_t i = 0; i < n; i++) {
			q = use(st, SQL_DELETE);
			put_text(q, 1, span_str(lost[i]));
			if (!run(q))
				return;
		}
	} while (n == 256);
}

static bool prepare(struct quarantine_store *st)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/index", st->settings.folder);
	if (sqlite3_open_v2(path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return false;
	sqlite3_busy_timeout(st->db, 2000);
	if (sqlite3_exec(st->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return false;
	for (unsigned i = 0; i < N_SQL; i++)
		if (sqlite3_prepare_v3(st->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &st->sql[i], NULL) != SQLITE_OK)
			return false;
	return true;
}

struct quarantine_store *quarantine_store_open(const struct quarantine_settings *s, char error[256])
{
	struct quarantine_store *st = calloc(1, sizeof(*st));

	snprintf(error, 256, "no memory for the quarantine store");
	if (!st)
		return NULL;
	st->settings = *s;
	if (!quarantine_files_open(&st->files, s->folder)) {
		snprintf(error, 256, "%.120s cannot be opened or made; see quarantine.folder", s->folder);
	} else if (!prepare(st)) {
		snprintf(error, 256, "%.120s/index: %.80s; see quarantine.folder", s->folder, sqlite3_errmsg(st->db));
	} else {
		quarantine_files_clean(&st->files, has_row, st);
		drop_rows_without_file(st);
		count(st);
		return st;
	}
	quarantine_store_close(st);
	return NULL;
}

void quarantine_store_close(struct quarantine_store *st)
{
	if (!st)
		return;
	for (unsigned i = 0; i < N_SQL; i++)
		sqlite3_finalize(st->sql[i]);
	sqlite3_close(st->db);
	quarantine_files_close(&st->files);
	free(st);
}

static bool put_row(struct quarantine_store *st, const struct quarantine_item *item)
{
	sqlite3_stmt *q = use(st, SQL_PUT);

	put_text(q, 1, span_str(item->id));
	sqlite3_bind_int64(q, 3, (sqlite3_int64)item->time_s);
	sqlite3_bind_int64(q, 5, (sqlite3_int64)item->size);
	put_text(q, 6, item->client);
	put_text(q, 7, item->mail_from);
	put_text(q, 8, item->from_domain);
	put_text(q, 9, item->rule);
	put_text(q, 10, item->subject);
	sqlite3_bind_blob(q, 12, item->rcpts.at, (int)item->rcpts.len, SQLITE_STATIC);
	sqlite3_bind_int(q, 13, item->body_8bit);
	sqlite3_bind_int(q, 14, item->smtputf8);
	return run(q);
}

enum quarantine_result quarantine_store_put(struct quarantine_store *st, const struct quarantine_item *item,
					    struct span (*read)(void *arg), void *arg)
{
	enum quarantine_result result;

	if (!quarantine_id_good(item->id))
		return QUARANTINE_FAILED;
	if (st->n >= st->settings.messages_max || st->octets + item->size > st->settings.octets_max)
		return QUARANTINE_FULL;
	result = quarantine_file_put(&st->files, item->id, item->size, read, arg);
	if (result != QUARANTINE_STORED)
		return result;
	if (!put_row(st, item)) {
		quarantine_file_remove(&st->files, item->id);
		return sqlite3_errcode(st->db) == SQLITE_FULL ? QUARANTINE_FULL : QUARANTINE_FAILED;
	}
	st->n++;
	st->octets += item->size;
	return QUARANTINE_STORED;
}

bool quarantine_store_get(struct quarantine_store *st, const char *id, struct quarantine_item *out)
{
	sqlite3_stmt *q = use(st, SQL_GET);

	put_text(q, 1, span_str(id));
	if (sqlite3_step(q) != SQLITE_ROW) {
		sqlite3_reset(q);
		return false;
	}
	read_item(q, out); /* reset by the next use: the spans last until then */
	return true;
}

char *quarantine_store_octets(struct quarantine_store *st, const char *id, size_t *len)
{
	return quarantine_id_good(id) ? quarantine_file_read(&st->files, id, len) : NULL;
}

bool quarantine_store_set(struct quarantine_store *st, const char *id, enum quarantine_state state, uint64_t released_s,
			  const char *note)
{
	sqlite3_stmt *q = use(st, SQL_SET);
	bool good;

	sqlite3_reset(st->sql[SQL_GET]);
	put_text(q, 1, span_str(id));
	sqlite3_bind_int(q, 2, state);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)released_s);
	put_text(q, 4, span_str(note));
	good = run(q) && sqlite3_changes(st->db) == 1;
	if (good && state == QUARANTINE_RELEASED) {
		quarantine_file_remove(&st->files, id);
		count(st);
	}
	return good;
}

static bool delete_one(struct quarantine_store *st, const char *id)
{
	sqlite3_stmt *q = use(st, SQL_DELETE);

	sqlite3_reset(st->sql[SQL_GET]);
	put_text(q, 1, span_str(id));
	if (!quarantine_id_good(id) || !run(q) || sqlite3_changes(st->db) != 1)
		return false;
	quarantine_file_remove(&st->files, id);
	return true;
}

bool quarantine_store_delete(struct quarantine_store *st, const char *id)
{
	bool good = delete_one(st, id);

	count(st);
	return good;
}

unsigned quarantine_store_purge(struct quarantine_store *st, uint64_t before_s)
{
	char(*old)[24] = calloc(1000, sizeof(*old));
	sqlite3_stmt *q = use(st, SQL_OLD);
	unsigned n = 0;

	sqlite3_bind_int64(q, 1, (sqlite3_int64)before_s);
	while (old && n < 1000 && sqlite3_step(q) == SQLITE_ROW)
		snprintf(old[n++], sizeof(old[0]), "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_reset(q);
	for (unsigned i = 0; i < n; i++)
		delete_one(st, old[i]);
	if (n)
		count(st);
	free(old);
	return n;
}

void quarantine_store_list(struct quarantine_store *st, unsigned max,
			   void (*each)(void *arg, const struct quarantine_item *item), void *arg)
{
	sqlite3_stmt *q = use(st, SQL_LIST);
	struct quarantine_item item;

	sqlite3_bind_int64(q, 1, max);
	while (sqlite3_step(q) == SQLITE_ROW) {
		read_item(q, &item);
		each(arg, &item);
	}
	sqlite3_reset(q);
}

void quarantine_store_totals(const struct quarantine_store *st, uint64_t *n, uint64_t *octets)
{
	*n = st->n;
	*octets = st->octets;
}
