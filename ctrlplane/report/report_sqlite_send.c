// SPDX-License-Identifier: MIT
/*
 * report_sqlite_send.c - the store of reports in SQLite: periods that are over, their deliveries, dead addresses
 *
 * Every change here is a transaction of its own, behind the rows that wait.
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/report/report_sqlite.h"

static void copy_column(sqlite3_stmt *q, int column, char *to, size_t cap)
{
	const char *text = (const char *)sqlite3_column_text(q, column);

	snprintf(to, cap, "%s", text ? text : "");
}

static void read_period(sqlite3_stmt *q, struct report_period *p)
{
	*p = (struct report_period){ .id = sqlite3_column_int64(q, 0),
				     .state = (enum report_state)sqlite3_column_int(q, 1),
				     .begin_s = (uint64_t)sqlite3_column_int64(q, 2),
				     .end_s = (uint64_t)sqlite3_column_int64(q, 3),
				     .next_s = (uint64_t)sqlite3_column_int64(q, 4),
				     .n_attempts = (uint64_t)sqlite3_column_int64(q, 5),
				     .n_rows = (uint64_t)sqlite3_column_int64(q, 6),
				     .n_messages = (uint64_t)sqlite3_column_int64(q, 7),
				     .n_over = (uint64_t)sqlite3_column_int64(q, 8) };
	copy_column(q, 9, p->domain, sizeof(p->domain));
	copy_column(q, 10, p->policy, sizeof(p->policy));
	copy_column(q, 11, p->note, sizeof(p->note));
}

static void read_delivery(sqlite3_stmt *q, struct report_delivery *d)
{
	*d = (struct report_delivery){ .state = (enum report_delivery_state)sqlite3_column_int(q, 1),
				       .next_s = (uint64_t)sqlite3_column_int64(q, 2),
				       .n_attempts = (uint64_t)sqlite3_column_int64(q, 3) };
	copy_column(q, 0, d->address, sizeof(d->address));
	copy_column(q, 4, d->reply, sizeof(d->reply));
}

static void read_suppressed(sqlite3_stmt *q, struct report_suppressed *s)
{
	*s = (struct report_suppressed){ .until_s = (uint64_t)sqlite3_column_int64(q, 1),
					 .n_failures = (uint64_t)sqlite3_column_int64(q, 2) };
	copy_column(q, 0, s->address, sizeof(s->address));
	copy_column(q, 3, s->reply, sizeof(s->reply));
}

static bool one_period(sqlite3_stmt *q, struct report_period *out)
{
	bool found = sqlite3_step(q) == SQLITE_ROW;

	if (found)
		read_period(q, out);
	sqlite3_reset(q);
	return found;
}

void report_store_close_due(struct report_store *st, uint64_t now_s)
{
	sqlite3_stmt *q = report_bind(st, SQL_CLOSE_DUE);

	sqlite3_bind_int64(q, 1, (sqlite3_int64)now_s);
	report_run(q);
	report_store_commit(st);
}

unsigned report_store_close_now(struct report_store *st, const char *domain, uint64_t now_s)
{
	static const enum report_sql each[] = { SQL_CLOSE_NOW, SQL_RETRY_NOW, SQL_RETRY_DELIVERIES };
	unsigned n = 0;

	report_begin(st);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		sqlite3_stmt *q = report_bind(st, each[i]);

		sqlite3_bind_int64(q, 1, (sqlite3_int64)now_s);
		if (domain)
			REPORT_BIND_TEXT(q, 2, domain);
		report_run(q);
		if (each[i] == SQL_RETRY_NOW) /* those just closed among them */
			n = (unsigned)sqlite3_changes(st->db);
	}
	return report_store_commit(st) ? n : 0;
}

bool report_store_due(struct report_store *st, uint64_t now_s, struct report_period *out)
{
	sqlite3_stmt *q = report_bind(st, SQL_DUE);

	sqlite3_bind_int64(q, 1, (sqlite3_int64)now_s);
	return one_period(q, out);
}

bool report_store_period(struct report_store *st, int64_t id, struct report_period *out)
{
	sqlite3_stmt *q = report_bind(st, SQL_PERIOD);

	sqlite3_bind_int64(q, 1, id);
	return one_period(q, out);
}

bool report_store_newest(struct report_store *st, const char *domain, struct report_period *out)
{
	sqlite3_stmt *q = report_bind(st, SQL_NEWEST);

	REPORT_BIND_TEXT(q, 1, domain);
	return one_period(q, out);
}

void report_store_rows(struct report_store *st, int64_t id, report_row *each, void *arg)
{
	sqlite3_stmt *q = report_bind(st, SQL_ROWS);

	sqlite3_bind_int64(q, 1, id);
	while (sqlite3_step(q) == SQLITE_ROW)
		each(arg, span_of(sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0)),
		     (uint64_t)sqlite3_column_int64(q, 1));
	sqlite3_reset(q);
}

static bool set_state(struct report_store *st, int64_t id, enum report_state state, uint64_t next_s, const char *note)
{
	sqlite3_stmt *q = report_bind(st, SQL_STATE);

	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int(q, 2, state);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)next_s);
	REPORT_BIND_TEXT(q, 4, note);
	return report_run(q);
}

bool report_store_address(struct report_store *st, int64_t id, const char (*addresses)[REPORT_ADDRESS_MAX + 1],
			  size_t n, const char *note, uint64_t now_s)
{
	bool good = report_begin(st);

	for (size_t i = 0; good && i < n; i++) {
		sqlite3_stmt *q = report_bind(st, SQL_ADDRESS);

		sqlite3_bind_int64(q, 1, id);
		REPORT_BIND_TEXT(q, 2, addresses[i]);
		sqlite3_bind_int64(q, 3, (sqlite3_int64)now_s);
		good = report_run(q);
	}
	good = good && set_state(st, id, n ? REPORT_ADDRESSED : REPORT_DONE, now_s, note);
	return report_store_commit(st) && good;
}

void report_store_later(struct report_store *st, int64_t id, uint64_t next_s, const char *note)
{
	sqlite3_stmt *q = report_bind(st, SQL_LATER);

	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)next_s);
	REPORT_BIND_TEXT(q, 3, note);
	report_run(q);
	report_store_commit(st);
}

bool report_store_delivery(struct report_store *st, int64_t id, uint64_t now_s, struct report_delivery *out)
{
	sqlite3_stmt *q = report_bind(st, SQL_DELIVERY);
	bool found;

	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)now_s);
	found = sqlite3_step(q) == SQLITE_ROW;
	if (found)
		read_delivery(q, out);
	sqlite3_reset(q);
	return found;
}

bool report_store_sending(struct report_store *st, int64_t id, const char *address)
{
	sqlite3_stmt *q = report_bind(st, SQL_SENDING);

	sqlite3_bind_int64(q, 1, id);
	REPORT_BIND_TEXT(q, 2, address);
	return report_run(q) && report_store_commit(st);
}

bool report_store_sent(struct report_store *st, int64_t id, const struct report_delivery *d)
{
	sqlite3_stmt *q = report_bind(st, SQL_SENT);

	sqlite3_bind_int64(q, 1, id);
	REPORT_BIND_TEXT(q, 2, d->address);
	sqlite3_bind_int(q, 3, d->state);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)d->next_s);
	REPORT_BIND_TEXT(q, 5, d->reply);
	return report_run(q) && report_store_commit(st);
}

void report_store_settle(struct report_store *st, int64_t id, uint64_t now_s)
{
	sqlite3_stmt *q = report_bind(st, SQL_OPEN_DELIVERIES);
	uint64_t n_open = 0, next_s = 0;

	sqlite3_bind_int64(q, 1, id);
	if (sqlite3_step(q) == SQLITE_ROW) {
		n_open = (uint64_t)sqlite3_column_int64(q, 0);
		next_s = (uint64_t)sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
	set_state(st, id, n_open ? REPORT_ADDRESSED : REPORT_DONE, n_open ? next_s : now_s, "");
	report_store_commit(st);
}

bool report_store_suppressed(struct report_store *st, const char *address, struct report_suppressed *out)
{
	sqlite3_stmt *q = report_bind(st, SQL_SUPPRESSED);
	bool found;

	REPORT_BIND_TEXT(q, 1, address);
	found = sqlite3_step(q) == SQLITE_ROW;
	if (found)
		read_suppressed(q, out);
	sqlite3_reset(q);
	return found;
}

void report_store_suppress(struct report_store *st, const struct report_suppressed *s)
{
	sqlite3_stmt *q = report_bind(st, SQL_SUPPRESS);

	REPORT_BIND_TEXT(q, 1, s->address);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)s->until_s);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)s->n_failures);
	REPORT_BIND_TEXT(q, 4, s->reply);
	report_run(q);
	report_store_commit(st);
}

bool report_store_unsuppress(struct report_store *st, const char *address)
{
	sqlite3_stmt *q = report_bind(st, SQL_UNSUPPRESS);
	bool any;

	REPORT_BIND_TEXT(q, 1, address);
	any = report_run(q) && sqlite3_changes(st->db) > 0;
	report_store_commit(st);
	return any;
}

void report_store_purge(struct report_store *st, uint64_t now_s)
{
	sqlite3_stmt *q = report_bind(st, SQL_PURGE);

	if (now_s < st->settings.keep_s)
		return;
	sqlite3_bind_int64(q, 1, (sqlite3_int64)(now_s - st->settings.keep_s));
	report_run(q);
	report_store_commit(st);
}

void report_store_list(struct report_store *st, unsigned max, void (*each)(void *arg, const struct report_period *p),
		       void *arg)
{
	sqlite3_stmt *q = report_bind(st, SQL_LIST);
	struct report_period p;

	sqlite3_bind_int64(q, 1, max);
	while (sqlite3_step(q) == SQLITE_ROW) {
		read_period(q, &p);
		each(arg, &p);
	}
	sqlite3_reset(q);
}

void report_store_deliveries(struct report_store *st, int64_t id,
			     void (*each)(void *arg, const struct report_delivery *d), void *arg)
{
	sqlite3_stmt *q = report_bind(st, SQL_DELIVERIES);
	struct report_delivery d;

	sqlite3_bind_int64(q, 1, id);
	while (sqlite3_step(q) == SQLITE_ROW) {
		read_delivery(q, &d);
		each(arg, &d);
	}
	sqlite3_reset(q);
}

void report_store_suppressions(struct report_store *st, unsigned max,
			       void (*each)(void *arg, const struct report_suppressed *s), void *arg)
{
	sqlite3_stmt *q = report_bind(st, SQL_SUPPRESSIONS);
	struct report_suppressed s;

	sqlite3_bind_int64(q, 1, max);
	while (sqlite3_step(q) == SQLITE_ROW) {
		read_suppressed(q, &s);
		each(arg, &s);
	}
	sqlite3_reset(q);
}
