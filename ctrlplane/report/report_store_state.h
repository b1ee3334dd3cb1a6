// SPDX-License-Identifier: MIT
/*
 * report_store_state.h - what the files of the store share; for no one else
 */
#ifndef REPORT_STORE_STATE_H
#define REPORT_STORE_STATE_H

#include "ctrlplane/report/report_store.h"
#include "ctrlplane/sql/sql.h"

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
	SQL_CLAIM,
	SQL_RESUME,
	SQL_HOLD,
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
	SQL_PURGE_BATCHES,
	SQL_LIST,
	SQL_DELIVERIES,
	SQL_SUPPRESSIONS,
	SQL_BATCH,
	SQL_WAITING,
	SQL_FROZEN,
	SQL_FORGET,
	SQL_PLACE,
	SQL_KEEP_PLACE,
	SQL_TAKEN,
	SQL_TAKEN_NEXT,
	SQL_TAKEN_TOLD,
	SQL_TAKEN_FORGET,
	N_REPORT_SQL
};

struct report_store {
	struct sql *db;
	struct report_store_settings settings;
	bool full;
	uint64_t n_pending, n_lost_pending; /* messages of this transaction */
	uint64_t n_lost;
};

bool report_begin(struct report_store *st); /* a transaction, if none is under way */

/* The period that takes a message of that time, made if need be. */
bool report_period_for(struct report_store *st, const struct report_message *m, int64_t *id, uint64_t *n_rows);
/* What a period's counts grow by. */
struct report_sums {
	uint64_t rows, messages, over;
};

/* Adds @n messages to a row of a period that has @n_rows; the period's own counts change by report_add_sums(). */
bool report_count(struct report_store *st, int64_t id, uint64_t n_rows, struct span key, uint64_t n,
		  struct report_sums *sums);
bool report_add_sums(struct report_store *st, int64_t id, const struct report_sums *sums);

/* One row of a statement about periods. */
bool report_take_period(struct report_store *st, struct report_period *out);

#endif
