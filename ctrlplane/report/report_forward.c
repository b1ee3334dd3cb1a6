// SPDX-License-Identifier: MIT
/*
 * report_forward.c - rows from a gateway's own file to the database of the fleet
 *
 *	OPEN in the file      takes the rows of this gateway             -> CLOSED every forward_s, or when the day ends
 *	CLOSED in the file    frozen: its rows are no more changed       -> one transaction of the database, with its name
 *	named there           it is counted                              -> removed from the file
 *
 * Killed after the second arrow it is forwarded again, and the name says that it has been counted.  While the database is
 * away nothing is frozen: rows are counted in the file as without a fleet, up to its bounds.
 */
#include <stdio.h>

#include "ctrlplane/report/report_store_state.h"

enum { TOGETHER = 64 /* frozen periods in one transaction */ };

struct merge {
	struct report_store *to;
	int64_t id;
	uint64_t n_rows; /* that the period had before */
	struct report_sums sums;
	bool good;
};

static void merge_row(void *arg, struct span key, uint64_t count)
{
	struct merge *m = arg;

	m->good = m->good && report_count(m->to, m->id, m->n_rows + m->sums.rows, key, count, &m->sums);
}

/* Unique for ever: a file that was made anew counts its periods from 1, but at another time. */
static void name_of(const struct report_store *st, const struct report_period *p, char name[160])
{
	snprintf(name, 160, "%.100s %lld %llu", st->settings.owner, (long long)p->id, (unsigned long long)p->end_s);
}

static bool merge(struct report_store *from, struct report_store *to, const struct report_period *p, uint64_t now_s)
{
	const struct report_message m = { .unix_s = p->begin_s,
					  .domain = span_str(p->domain),
					  .policy = span_str(p->policy) };
	struct merge into = { .to = to, .good = true };
	char name[160];

	name_of(from, p, name);
	if (!sql_run(to->db, SQL_BATCH, SQL_ARGS(sql_text(name), sql_number(now_s))))
		return false;
	if (sql_changes(to->db) == 0)
		return true; /* counted, and then we were killed */
	if (!report_period_for(to, &m, &into.id, &into.n_rows))
		return false;
	into.sums.over = p->n_over;
	return report_store_rows(from, p->id, merge_row, &into) && into.good &&
	       report_add_sums(to, into.id, &into.sums);
}

/* In the order of their domains, so that two gateways wait for each other and never both. */
static size_t frozen(struct report_store *from, struct report_period *periods)
{
	size_t n = 0;

	if (sql_query(from->db, SQL_FROZEN, SQL_ARGS(sql_number(TOGETHER))))
		while (n < TOGETHER && report_take_period(from, &periods[n]))
			n++;
	return n;
}

size_t report_store_forward(struct report_store *from, struct report_store *to, uint64_t now_s)
{
	struct report_period periods[TOGETHER];
	size_t n = frozen(from, periods);
	bool good = n > 0 && report_store_commit(from) && sql_begin(to->db);

	for (size_t i = 0; good && i < n; i++)
		good = merge(from, to, &periods[i], now_s);
	if (!good) {
		sql_rollback(to->db);
		return 0;
	}
	if (!sql_commit(to->db) || !report_begin(from))
		return 0;
	for (size_t i = 0; i < n; i++)
		sql_run(from->db, SQL_FORGET, SQL_ARGS(sql_number((uint64_t)periods[i].id)));
	return report_store_commit(from) ? n : 0;
}

bool report_store_has_frozen(struct report_store *from)
{
	return sql_query(from->db, SQL_FROZEN, SQL_ARGS(sql_number(1))) && sql_next(from->db);
}

uint64_t report_store_waiting(struct report_store *from)
{
	return sql_query(from->db, SQL_WAITING, NULL, 0) && sql_next(from->db) ? sql_column(from->db, 0) : 0;
}
