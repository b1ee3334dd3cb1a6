// SPDX-License-Identifier: MIT
/*
 * report_sqlite.h - what the two files of the SQLite store share; for no one else
 */
#ifndef REPORT_SQLITE_H
#define REPORT_SQLITE_H

#include <sqlite3.h>

#include "ctrlplane/report/report_store.h"

#define REPORT_PERIOD_COLUMNS                                                                                          \
	"id, state, begin_s, end_s, next_s, attempts, n_rows, n_messages, n_over, domain, policy, note"

enum report_sql {
	SQL_PERIOD_FIND,
	SQL_PERIOD_LAST,
	SQL_PERIOD_NEW,
	SQL_ROW_COUNT,
	SQL_ROW_NEW,
	SQL_PERIOD_COUNT,
	SQL_CLOSE_DUE,
	SQL_CLOSE_NOW,
	SQL_RETRY_NOW,
	SQL_RETRY_DELIVERIES,
	SQL_DUE,
	SQL_PERIOD,
	SQL_NEWEST,
	SQL_ROWS,
	SQL_ADDRESS,
	SQL_STATE,
	SQL_LATER,
	SQL_DELIVERY,
	SQL_SENDING,
	SQL_SENT,
	SQL_OPEN_DELIVERIES,
	SQL_SUPPRESSED,
	SQL_SUPPRESS,
	SQL_UNSUPPRESS,
	SQL_PURGE,
	SQL_LIST,
	SQL_DELIVERIES,
	SQL_SUPPRESSIONS,
	SQL_PAGES,
	N_REPORT_SQL
};

struct report_store {
	sqlite3 *db;
	struct report_store_settings settings;
	bool in_transaction, full;
	uint64_t n_pending; /* messages of this transaction */
	uint64_t n_lost;
	sqlite3_stmt *sql[N_REPORT_SQL];
};

/* A statement ready to be bound; and one run to its end. */
sqlite3_stmt *report_bind(struct report_store *st, enum report_sql which);
bool report_run(sqlite3_stmt *q);
bool report_begin(struct report_store *st); /* a transaction, if none is under way */

#define REPORT_BIND_SPAN(q, i, s) sqlite3_bind_text((q), (i), (const char *)(s).at, (int)(s).len, SQLITE_STATIC)
#define REPORT_BIND_TEXT(q, i, s) sqlite3_bind_text((q), (i), (s), -1, SQLITE_STATIC)

#endif
