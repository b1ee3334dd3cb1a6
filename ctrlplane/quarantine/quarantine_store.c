// SPDX-License-Identifier: MIT
/*
 * quarantine_store.c - the quarantine store: rows in a database, octets in files
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/quarantine/quarantine_file.h"
#include "ctrlplane/sql/sql.h"

enum { INDEX_MB_MAX = 1 << 20, CACHE_KB = 4096 };

#define COLUMNS                                                                                                        \
	"id, gateway, state, time_s, released_s, size, client, mail_from, from_domain, rule, subject, note, rcpts, "   \
	"eight_bit, utf8"

enum sql_statement {
	SQL_PUT,
	SQL_GET,
	SQL_SET,
	SQL_DELETE,
	SQL_OLD,
	SQL_LIST,
	SQL_TOTALS,
	SQL_IDS,
	SQL_INTERRUPTED,
	N_SQL
};

static const char *const texts[N_SQL] = {
	[SQL_PUT] = "INSERT INTO message (" COLUMNS ") VALUES (?1,?2,0,?3,0,?4,?5,?6,?7,?8,?9,NULL,?10,?11,?12)",
	/* One of this gateway before another's, should two have the same id. */
	[SQL_GET] = "SELECT " COLUMNS
		    " FROM message WHERE id = ?1 ORDER BY CASE WHEN gateway = ?2 THEN 0 ELSE 1 END LIMIT 1",
	[SQL_SET] = "UPDATE message SET state = ?3, released_s = ?4, note = ?5 WHERE id = ?1 AND gateway = ?2",
	[SQL_DELETE] = "DELETE FROM message WHERE id = ?1 AND gateway = ?2",
	[SQL_OLD] = "SELECT id FROM message WHERE gateway = ?1 AND time_s < ?2 LIMIT 1000",
	[SQL_LIST] = "SELECT " COLUMNS " FROM message WHERE ?2 IS NULL OR (time_s, id) <"
		     " (SELECT time_s, id FROM message WHERE id = ?2 LIMIT 1) ORDER BY time_s DESC, id DESC LIMIT ?1",
	[SQL_TOTALS] =
		"SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM message WHERE gateway = ?1 AND state < 2",
	[SQL_IDS] = "SELECT id FROM message WHERE gateway = ?1 AND state < 2",
	[SQL_INTERRUPTED] = "UPDATE message SET state = 0, note = ?2 WHERE gateway = ?1 AND state = 1",
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS message (id @octets NOT NULL, gateway @octets NOT NULL, state BIGINT NOT NULL,"
	" time_s BIGINT NOT NULL, released_s BIGINT NOT NULL, size BIGINT NOT NULL, client @octets NOT NULL,"
	" mail_from @octets NOT NULL, from_domain @octets NOT NULL, rule @octets NOT NULL, subject @octets NOT NULL,"
	" note @octets, rcpts @octets NOT NULL, eight_bit BIGINT NOT NULL, utf8 BIGINT NOT NULL,"
	" PRIMARY KEY (id, gateway)) @keyed;"
	"CREATE INDEX IF NOT EXISTS message_time ON message (time_s, id)";

/* What the column utf8 says, bit by bit: stores were made before the second one. */
enum { UTF8_ITSELF = 1, UTF8_REQUIRETLS = 2 };

static const struct sql_program program = { schema, texts, N_SQL };

struct quarantine_store {
	struct quarantine_settings settings;
	struct quarantine_files files;
	struct sql *db;
	uint64_t n_recovered; /* sql_times_reached() when files and rows were compared last; 0: never */
	uint64_t n, octets;   /* of those that have a file here */
};

/* The name by which this gateway's rows are its own. */
static struct sql_value me(const struct quarantine_store *st)
{
	return sql_text(st->settings.gateway);
}

static void take_item(struct sql *db, struct quarantine_item *out)
{
	struct span id = sql_column_octets(db, 0), gateway = sql_column_octets(db, 1);

	*out = (struct quarantine_item){ .state = (enum quarantine_state)sql_column(db, 2),
					 .time_s = sql_column(db, 3),
					 .released_s = sql_column(db, 4),
					 .size = sql_column(db, 5),
					 .client = sql_column_octets(db, 6),
					 .mail_from = sql_column_octets(db, 7),
					 .from_domain = sql_column_octets(db, 8),
					 .rule = sql_column_octets(db, 9),
					 .subject = sql_column_octets(db, 10),
					 .note = sql_column_octets(db, 11),
					 .rcpts = sql_column_octets(db, 12),
					 .body_8bit = sql_column(db, 13) != 0,
					 .smtputf8 = sql_column(db, 14) & UTF8_ITSELF,
					 .requiretls = sql_column(db, 14) & UTF8_REQUIRETLS };
	snprintf(out->id, sizeof(out->id), "%.*s", (int)id.len, (const char *)id.at);
	snprintf(out->gateway, sizeof(out->gateway), "%.*s", (int)gateway.len, (const char *)gateway.at);
}

static void count(struct quarantine_store *st)
{
	if (!sql_query(st->db, SQL_TOTALS, SQL_ARGS(me(st))) || !sql_next(st->db))
		return;
	st->n = sql_column(st->db, 0);
	st->octets = sql_column(st->db, 1);
}

static bool get(struct quarantine_store *st, const char *id, struct quarantine_item *out)
{
	if (!sql_query(st->db, SQL_GET, SQL_ARGS(sql_text(id), me(st))) || !sql_next(st->db))
		return false;
	take_item(st->db, out);
	return true;
}

/* --- after a crash ----------------------------------------------------------------------------- */

/* A file that may be wanted: when in doubt it is. */
static bool is_wanted(void *arg, const char *id)
{
	struct quarantine_store *st = arg;
	struct quarantine_item item;

	if (!get(st, id, &item))
		return sql_failed(st->db);
	return item.state != QUARANTINE_RELEASED && quarantine_store_is_here(st, &item);
}

static void copy_id(struct sql *db, char id[24])
{
	struct span s = sql_column_octets(db, 0);

	snprintf(id, 24, "%.*s", (int)s.len, (const char *)s.at);
}

/* Rows whose file is gone say nothing that could be released. */
static void drop_rows_without_file(struct quarantine_store *st)
{
	char lost[256][24];
	size_t n;

	do {
		n = 0;
		if (!sql_query(st->db, SQL_IDS, SQL_ARGS(me(st))))
			return;
		while (n < 256 && sql_next(st->db)) {
			copy_id(st->db, lost[n]);
			n += !quarantine_file_exists(&st->files, lost[n]);
		}
		for (size_t i = 0; i < n; i++)
			if (!sql_run(st->db, SQL_DELETE, SQL_ARGS(sql_text(lost[i]), me(st))))
				return;
	} while (n == 256);
}

/*
 * Whether the index is there.  When it was reached anew, files and rows are compared: a connection that broke leaves open
 * whether its last statement took effect.
 */
bool quarantine_store_ready(struct quarantine_store *st)
{
	const char *note = "its release was interrupted: it may have been delivered";

	if (!sql_ready(st->db))
		return false;
	if (st->n_recovered == sql_times_reached(st->db))
		return true;
	uint64_t n = sql_times_reached(st->db);
	if (!st->n_recovered && !sql_run(st->db, SQL_INTERRUPTED, SQL_ARGS(me(st), sql_text(note))))
		return false;
	quarantine_files_clean(&st->files, is_wanted, st);
	drop_rows_without_file(st);
	count(st);
	if (sql_failed(st->db))
		return false;
	st->n_recovered = n;
	return true;
}

const char *quarantine_store_why(const struct quarantine_store *st)
{
	return sql_why(st->db);
}

/* --- start and end ----------------------------------------------------------------------------- */

static bool open_index(struct quarantine_store *st, char why[256])
{
	char path[300];

	snprintf(path, sizeof(path), "%s/index", st->settings.folder);
	st->db = st->settings.server ? sql_open_server(st->settings.server, &program, why)
				     : sql_open_file(path, INDEX_MB_MAX, CACHE_KB, &program, why);
	return st->db && (quarantine_store_ready(st) || st->settings.server);
}

struct quarantine_store *quarantine_store_open(const struct quarantine_settings *s, char error[256])
{
	struct quarantine_store *st = calloc(1, sizeof(*st));
	char why[256] = "its index cannot be used";

	snprintf(error, 256, "no memory for the quarantine store");
	if (!st)
		return NULL;
	st->settings = *s;
	if (!quarantine_files_open(&st->files, s->folder))
		snprintf(error, 256, "%.120s cannot be opened or made; see quarantine.folder", s->folder);
	else if (!open_index(st, why))
		snprintf(error, 256, "%.200s; see %s", why, s->server ? "fleet.database" : "quarantine.folder");
	else
		return st;
	quarantine_store_close(st);
	return NULL;
}

void quarantine_store_close(struct quarantine_store *st)
{
	if (!st)
		return;
	sql_close(st->db);
	quarantine_files_close(&st->files);
	free(st);
}

/* --- messages ---------------------------------------------------------------------------------- */

static bool put_row(struct quarantine_store *st, const struct quarantine_item *item)
{
	return sql_run(
		st->db, SQL_PUT,
		SQL_ARGS(sql_text(item->id), me(st), sql_number(item->time_s), sql_number(item->size),
			 sql_octets(item->client), sql_octets(item->mail_from), sql_octets(item->from_domain),
			 sql_octets(item->rule), sql_octets(item->subject), sql_octets(item->rcpts),
			 sql_number(item->body_8bit),
			 sql_number((item->smtputf8 ? UTF8_ITSELF : 0U) | (item->requiretls ? UTF8_REQUIRETLS : 0U))));
}

enum quarantine_result quarantine_store_put(struct quarantine_store *st, const struct quarantine_item *item,
					    struct span (*read)(void *arg), void *arg)
{
	enum quarantine_result result;

	if (!quarantine_id_good(item->id) || !quarantine_store_ready(st))
		return QUARANTINE_FAILED;
	if (st->n >= st->settings.messages_max || st->octets + item->size > st->settings.octets_max)
		return QUARANTINE_FULL;
	result = quarantine_file_put(&st->files, item->id, item->size, read, arg);
	if (result != QUARANTINE_STORED)
		return result;
	if (!put_row(st, item)) {
		quarantine_file_remove(&st->files, item->id);
		return sql_is_full(st->db) ? QUARANTINE_FULL : QUARANTINE_FAILED;
	}
	st->n++;
	st->octets += item->size;
	return QUARANTINE_STORED;
}

bool quarantine_store_get(struct quarantine_store *st, const char *id, struct quarantine_item *out)
{
	return quarantine_store_ready(st) && get(st, id, out);
}

bool quarantine_store_is_here(const struct quarantine_store *st, const struct quarantine_item *item)
{
	return strcmp(item->gateway, st->settings.gateway) == 0;
}

char *quarantine_store_octets(struct quarantine_store *st, const char *id, size_t *len)
{
	return quarantine_id_good(id) ? quarantine_file_read(&st->files, id, len) : NULL;
}

bool quarantine_store_set(struct quarantine_store *st, const char *id, enum quarantine_state state, uint64_t released_s,
			  const char *note)
{
	bool good =
		sql_run(st->db, SQL_SET,
			SQL_ARGS(sql_text(id), me(st), sql_number(state), sql_number(released_s), sql_text(note))) &&
		sql_changes(st->db) == 1;

	if (good && state == QUARANTINE_RELEASED) {
		quarantine_file_remove(&st->files, id);
		count(st);
	}
	return good;
}

static bool delete_one(struct quarantine_store *st, const char *id)
{
	if (!quarantine_id_good(id) || !sql_run(st->db, SQL_DELETE, SQL_ARGS(sql_text(id), me(st))) ||
	    sql_changes(st->db) != 1)
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
	unsigned n = 0;

	if (old && sql_query(st->db, SQL_OLD, SQL_ARGS(me(st), sql_number(before_s))))
		while (n < 1000 && sql_next(st->db))
			copy_id(st->db, old[n++]);
	for (unsigned i = 0; i < n; i++)
		delete_one(st, old[i]);
	if (n)
		count(st);
	free(old);
	return n;
}

void quarantine_store_list(struct quarantine_store *st, unsigned max, const char *before,
			   void (*each)(void *arg, const struct quarantine_item *item), void *arg)
{
	struct quarantine_item item;

	if (!sql_query(st->db, SQL_LIST, SQL_ARGS(sql_number(max), sql_text(before))))
		return;
	while (sql_next(st->db)) {
		take_item(st->db, &item);
		each(arg, &item);
	}
}

void quarantine_store_totals(const struct quarantine_store *st, uint64_t *n, uint64_t *octets)
{
	*n = st->n;
	*octets = st->octets;
}
