// SPDX-License-Identifier: MIT
/*
 * report_store.c - the store of reports: the tables, and rows on their way in
 *
 * Rows go in by transactions of many, so that a message costs two look-ups in pages that are in memory.  The size of a
 * file is bounded: before a transaction it is looked whether it is full, then no row is added.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/report/report_store_state.h"

enum {
	CACHE_KB = 16384,
	SLACK_MB = 64 /* of the file beyond store_mb, which a transaction that began below it may take */
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS period (id @id, domain @octets NOT NULL, policy @octets NOT NULL,"
	" begin_s BIGINT NOT NULL, end_s BIGINT NOT NULL, state BIGINT NOT NULL DEFAULT 0,"
	" next_s BIGINT NOT NULL DEFAULT 0, attempts BIGINT NOT NULL DEFAULT 0, n_rows BIGINT NOT NULL DEFAULT 0,"
	" n_messages BIGINT NOT NULL DEFAULT 0, n_over BIGINT NOT NULL DEFAULT 0, note @octets,"
	" owner @octets, until_s BIGINT NOT NULL DEFAULT 0);"
	/* Two gateways that begin the same period at the same moment make one. */
	"CREATE UNIQUE INDEX IF NOT EXISTS period_open ON period (domain, policy, end_s) WHERE state = 0;"
	"CREATE INDEX IF NOT EXISTS period_due ON period (state, next_s);"
	"CREATE TABLE IF NOT EXISTS record (period BIGINT NOT NULL REFERENCES period ON DELETE CASCADE,"
	" key @octets NOT NULL, count BIGINT NOT NULL, PRIMARY KEY (period, key)) @keyed;"
	"CREATE TABLE IF NOT EXISTS delivery (period BIGINT NOT NULL REFERENCES period ON DELETE CASCADE,"
	" address @octets NOT NULL, state BIGINT NOT NULL DEFAULT 0, attempts BIGINT NOT NULL DEFAULT 0,"
	" next_s BIGINT NOT NULL, reply @octets, PRIMARY KEY (period, address)) @keyed;"
	"CREATE TABLE IF NOT EXISTS suppressed (address @octets NOT NULL PRIMARY KEY, until_s BIGINT NOT NULL,"
	" failures BIGINT NOT NULL, reply @octets) @keyed;"
	"CREATE TABLE IF NOT EXISTS batch (id @octets NOT NULL PRIMARY KEY, time_s BIGINT NOT NULL) @keyed;"
	"CREATE TABLE IF NOT EXISTS ledger (worker BIGINT NOT NULL PRIMARY KEY, name BIGINT NOT NULL,"
	" place BIGINT NOT NULL) @keyed;"
	"CREATE TABLE IF NOT EXISTS taken (period BIGINT NOT NULL, address @octets NOT NULL,"
	" PRIMARY KEY (period, address)) @keyed";

static const char *const texts[N_REPORT_SQL] = {
	[SQL_PERIOD_FIND] =
		"SELECT id, n_rows FROM period WHERE domain = ?1 AND policy = ?2 AND state = 0 AND end_s > ?3"
		" ORDER BY end_s LIMIT 1",
	[SQL_PERIOD_LAST] = "SELECT max(end_s) FROM period WHERE domain = ?1 AND policy = ?2 AND end_s <= ?3",
	[SQL_PERIOD_NEW] = "INSERT INTO period (domain, policy, begin_s, end_s) VALUES (?1, ?2, ?3, ?4)"
			   " ON CONFLICT (domain, policy, end_s) WHERE state = 0 DO NOTHING",
	[SQL_ROW_COUNT] = "UPDATE record SET count = count + ?3 WHERE period = ?1 AND key = ?2",
	[SQL_ROW_NEW] = "INSERT INTO record (period, key, count) VALUES (?1, ?2, ?3)",
	[SQL_PERIOD_COUNT] = "UPDATE period SET n_rows = n_rows + ?2, n_messages = n_messages + ?3, n_over = n_over + "
			     "?4 WHERE id = ?1",
	[SQL_CLOSE_DUE] = "UPDATE period SET state = 1, next_s = ?1 WHERE state = 0 AND end_s <= ?2",
	[SQL_CLOSE_NOW] =
		"UPDATE period SET state = 1, end_s = ?1, next_s = ?1 WHERE state = 0 AND n_messages + n_over > 0"
		" AND (?2 IS NULL OR domain = ?2)",
	[SQL_RETRY_NOW] = "UPDATE period SET next_s = ?1 WHERE state IN (1, 2) AND (?2 IS NULL OR domain = ?2)",
	[SQL_RETRY_DELIVERIES] = "UPDATE delivery SET next_s = ?1 WHERE state = 0 AND (?2 IS NULL OR period IN"
				 " (SELECT id FROM period WHERE domain = ?2))",
	/* The condition on the owner stands twice: the second holds when another claimed it in the meantime. */
	[SQL_CLAIM] =
		"UPDATE period SET owner = ?1, until_s = ?3 WHERE id = (SELECT id FROM period WHERE state IN (1, 2)"
		" AND next_s <= ?2 AND (owner IS NULL OR owner = ?1 OR until_s <= ?2) ORDER BY next_s, id LIMIT 1)"
		" AND state IN (1, 2) AND (owner IS NULL OR owner = ?1 OR until_s <= ?2)"
		" RETURNING " REPORT_PERIOD_COLUMNS,
	[SQL_RESUME] = "UPDATE delivery SET state = 0 WHERE period = ?1 AND state = 1",
	[SQL_HOLD] = "UPDATE period SET until_s = ?3 WHERE id = ?1 AND owner = ?2",
	[SQL_PERIOD] = "SELECT " REPORT_PERIOD_COLUMNS " FROM period WHERE id = ?1",
	[SQL_NEWEST] = "SELECT " REPORT_PERIOD_COLUMNS " FROM period WHERE domain = ?1 ORDER BY id DESC LIMIT 1",
	[SQL_ROWS] = "SELECT key, count FROM record WHERE period = ?1 ORDER BY key",
	[SQL_ADDRESS] = "INSERT INTO delivery (period, address, next_s) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
	[SQL_STATE] = "UPDATE period SET state = ?2, next_s = ?3, note = ?4 WHERE id = ?1 AND owner = ?5",
	[SQL_LATER] = "UPDATE period SET next_s = ?2, note = ?3, attempts = attempts + 1 WHERE id = ?1 AND owner = ?4",
	[SQL_DELIVERY] = "SELECT address, state, next_s, attempts, reply FROM delivery WHERE period = ?1 AND state = 0"
			 " AND next_s <= ?2 ORDER BY next_s, address LIMIT 1",
	[SQL_SENDING] = "UPDATE delivery SET state = 1, attempts = attempts + 1 WHERE period = ?1 AND address = ?2",
	[SQL_SENT] = "UPDATE delivery SET state = ?3, next_s = ?4, reply = ?5 WHERE period = ?1 AND address = ?2"
		     " AND EXISTS (SELECT 1 FROM period WHERE id = ?1 AND owner = ?6)",
	[SQL_OPEN_DELIVERIES] = "SELECT count(*), min(next_s) FROM delivery WHERE period = ?1 AND state IN (0, 1)",
	[SQL_SUPPRESSED] = "SELECT address, until_s, failures, reply FROM suppressed WHERE address = ?1",
	[SQL_SUPPRESS] = "INSERT INTO suppressed (address, until_s, failures, reply) VALUES (?1, ?2, ?3, ?4)"
			 " ON CONFLICT (address) DO UPDATE SET until_s = excluded.until_s,"
			 " failures = excluded.failures, reply = excluded.reply",
	[SQL_UNSUPPRESS] = "DELETE FROM suppressed WHERE address = ?1",
	[SQL_PURGE] = "DELETE FROM period WHERE state = 3 AND next_s <= ?1",
	[SQL_PURGE_BATCHES] = "DELETE FROM batch WHERE time_s <= ?1",
	[SQL_LIST] = "SELECT " REPORT_PERIOD_COLUMNS " FROM period ORDER BY id DESC LIMIT ?1",
	[SQL_DELIVERIES] =
		"SELECT address, state, next_s, attempts, reply FROM delivery WHERE period = ?1 ORDER BY address",
	[SQL_SUPPRESSIONS] = "SELECT address, until_s, failures, reply FROM suppressed ORDER BY until_s DESC LIMIT ?1",
	[SQL_BATCH] = "INSERT INTO batch (id, time_s) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
	[SQL_WAITING] = "SELECT CAST(coalesce(sum(n_messages + n_over), 0) AS BIGINT) FROM period",
	[SQL_FROZEN] =
		"SELECT " REPORT_PERIOD_COLUMNS " FROM period WHERE state = 1 ORDER BY domain, policy, id LIMIT ?1",
	[SQL_FORGET] = "DELETE FROM period WHERE id = ?1",
	[SQL_PLACE] = "SELECT place FROM ledger WHERE worker = ?1 AND name = ?2",
	[SQL_KEEP_PLACE] = "INSERT INTO ledger (worker, name, place) VALUES (?1, ?2, ?3)"
			   " ON CONFLICT (worker) DO UPDATE SET name = excluded.name, place = excluded.place",
	[SQL_TAKEN] = "INSERT INTO taken (period, address) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
	[SQL_TAKEN_NEXT] = "SELECT period, address FROM taken LIMIT 1",
	[SQL_TAKEN_TOLD] =
		"UPDATE delivery SET state = 2, reply = ?3 WHERE period = ?1 AND address = ?2 AND state <> 2",
	[SQL_TAKEN_FORGET] = "DELETE FROM taken WHERE period = ?1 AND address = ?2",
};

static const struct sql_program program = { schema, texts, N_REPORT_SQL };

bool report_begin(struct report_store *st)
{
	if (sql_in_transaction(st->db))
		return true;
	st->full = sql_octets_used(st->db) >= st->settings.store_mb << 20;
	return sql_begin(st->db);
}

void report_store_undo(struct report_store *st)
{
	sql_rollback(st->db);
	st->n_pending = st->n_lost_pending = 0;
}

bool report_store_commit(struct report_store *st)
{
	if (!sql_in_transaction(st->db))
		return true;
	if (!sql_commit(st->db)) {
		report_store_undo(st);
		return false;
	}
	st->n_lost += st->n_lost_pending;
	st->n_pending = st->n_lost_pending = 0;
	return true;
}

uint64_t report_store_n_lost(const struct report_store *st)
{
	return st->n_lost;
}

bool report_store_ready(struct report_store *st)
{
	return sql_ready(st->db);
}

const char *report_store_why(const struct report_store *st)
{
	return sql_why(st->db);
}

struct report_store *report_store_open(const struct report_store_settings *s, char error[256])
{
	struct report_store *st = calloc(1, sizeof(*st));
	char why[256] = "no memory for the report store";

	if (st) {
		st->settings = *s;
		st->db = s->server ? sql_open_server(s->server, &program, why)
				   : sql_open_file(s->path, s->store_mb + SLACK_MB, CACHE_KB, &program, why);
		if (st->db)
			return st;
		free(st);
	}
	snprintf(error, 256, "%.230s; see %s", why, s->server ? "fleet.database" : "report.store");
	return NULL;
}

void report_store_close(struct report_store *st)
{
	if (!st)
		return;
	report_store_commit(st);
	sql_close(st->db);
	free(st);
}

static bool find_period(struct report_store *st, const struct report_message *m, int64_t *id, uint64_t *n_rows)
{
	if (!sql_query(st->db, SQL_PERIOD_FIND,
		       SQL_ARGS(sql_octets(m->domain), sql_octets(m->policy), sql_number(m->unix_s))) ||
	    !sql_next(st->db))
		return false;
	*id = (int64_t)sql_column(st->db, 0);
	*n_rows = sql_column(st->db, 1);
	return true;
}

/* The end of the period before; a new one does not begin earlier (RFC 9990: periods do not overlap). */
static uint64_t last_end_s(struct report_store *st, const struct report_message *m)
{
	bool found = sql_query(st->db, SQL_PERIOD_LAST,
			       SQL_ARGS(sql_octets(m->domain), sql_octets(m->policy), sql_number(m->unix_s))) &&
		     sql_next(st->db);

	return found ? sql_column(st->db, 0) : 0;
}

static bool new_period(struct report_store *st, const struct report_message *m)
{
	uint64_t begin_s = m->unix_s - m->unix_s % st->settings.interval_s, end_s = begin_s + st->settings.interval_s;
	uint64_t before_s = last_end_s(st, m);

	return sql_run(st->db, SQL_PERIOD_NEW,
		       SQL_ARGS(sql_octets(m->domain), sql_octets(m->policy),
				sql_number(before_s > begin_s ? before_s : begin_s), sql_number(end_s)));
}

bool report_period_for(struct report_store *st, const struct report_message *m, int64_t *id, uint64_t *n_rows)
{
	return find_period(st, m, id, n_rows) ||
	       (!sql_failed(st->db) && !st->full && new_period(st, m) && find_period(st, m, id, n_rows));
}

bool report_count(struct report_store *st, int64_t id, uint64_t n_rows, struct span key, uint64_t n,
		  struct report_sums *sums)
{
	const struct sql_value args[] = { sql_number((uint64_t)id), sql_octets(key), sql_number(n) };
	bool is_new;

	if (!sql_run(st->db, SQL_ROW_COUNT, args, 3))
		return false;
	is_new = sql_changes(st->db) == 0;
	if (is_new && (n_rows >= st->settings.rows_max || st->full)) {
		sums->over += n;
		return true;
	}
	sums->messages += n;
	sums->rows += is_new;
	return !is_new || sql_run(st->db, SQL_ROW_NEW, args, 3);
}

bool report_add_sums(struct report_store *st, int64_t id, const struct report_sums *sums)
{
	return sql_run(st->db, SQL_PERIOD_COUNT,
		       SQL_ARGS(sql_number((uint64_t)id), sql_number(sums->rows), sql_number(sums->messages),
				sql_number(sums->over)));
}

static bool add(struct report_store *st, const struct report_message *m, struct span key)
{
	struct report_sums sums = { 0 };
	uint64_t n_rows = 0;
	int64_t id;

	return report_period_for(st, m, &id, &n_rows) && report_count(st, id, n_rows, key, 1, &sums) &&
	       report_add_sums(st, id, &sums);
}

/*
 * All of a message or nothing: a fault in the midst of it must not unbalance the counts.  When it is no fault but want of
 * room the message is lost, and that is counted.
 */
static bool add_whole(struct report_store *st, const struct report_message *m, struct span key)
{
	bool counted;

	if (!report_begin(st) || !sql_mark(st->db))
		return false;
	counted = add(st, m, key);
	if (!sql_in_transaction(st->db) || (!counted && sql_failed(st->db)))
		return false; /* a disk that is full or broken, where SQLite may have rolled all back by itself */
	sql_mark_end(st->db, counted);
	*(counted ? &st->n_pending : &st->n_lost_pending) += 1;
	return true;
}

bool report_store_add(struct report_store *st, const struct report_message *m)
{
	char key[64 + 4096];
	struct text t;

	text_init(&t, key, sizeof(key));
	ip_addr_text(&m->client, &t);
	text_putc(&t, '\0');
	text_put(&t, m->facts);
	if (t.full) {
		st->n_lost_pending++;
		return true;
	}
	if (!add_whole(st, m, text_span(&t))) {
		report_store_undo(st);
		return false;
	}
	return st->n_pending < REPORT_STORE_TOGETHER || report_store_commit(st);
}

bool report_store_place(struct report_store *st, unsigned worker, uint64_t name, uint64_t *place)
{
	if (!sql_query(st->db, SQL_PLACE, SQL_ARGS(sql_number(worker), sql_number(name))) || !sql_next(st->db))
		return false;
	*place = sql_column(st->db, 0);
	return true;
}

bool report_store_keep_place(struct report_store *st, unsigned worker, uint64_t name, uint64_t place)
{
	return report_begin(st) &&
	       sql_run(st->db, SQL_KEEP_PLACE, SQL_ARGS(sql_number(worker), sql_number(name), sql_number(place)));
}
