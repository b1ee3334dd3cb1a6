// SPDX-License-Identifier: MIT
/*
 * report_store_send.c - the store of reports: periods that are over, their deliveries, dead addresses
 *
 * Every change here is a transaction of its own, behind the rows that wait.
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/report/report_store_state.h"

static void copy_column(struct report_store *st, unsigned column, char *to, size_t cap)
{
	struct span s = sql_column_octets(st->db, column);

	snprintf(to, cap, "%.*s", (int)s.len, (const char *)s.at);
}

bool report_take_period(struct report_store *st, struct report_period *out)
{
	if (!sql_next(st->db))
		return false;
	*out = (struct report_period){ .id = (int64_t)sql_column(st->db, 0),
				       .state = (enum report_state)sql_column(st->db, 1),
				       .begin_s = sql_column(st->db, 2),
				       .end_s = sql_column(st->db, 3),
				       .next_s = sql_column(st->db, 4),
				       .n_attempts = sql_column(st->db, 5),
				       .n_rows = sql_column(st->db, 6),
				       .n_messages = sql_column(st->db, 7),
				       .n_over = sql_column(st->db, 8) };
	copy_column(st, 9, out->domain, sizeof(out->domain));
	copy_column(st, 10, out->policy, sizeof(out->policy));
	copy_column(st, 11, out->note, sizeof(out->note));
	return true;
}

static bool take_delivery(struct report_store *st, struct report_delivery *d)
{
	if (!sql_next(st->db))
		return false;
	*d = (struct report_delivery){ .state = (enum report_delivery_state)sql_column(st->db, 1),
				       .next_s = sql_column(st->db, 2),
				       .n_attempts = sql_column(st->db, 3) };
	copy_column(st, 0, d->address, sizeof(d->address));
	copy_column(st, 4, d->reply, sizeof(d->reply));
	return true;
}

static bool take_suppressed(struct report_store *st, struct report_suppressed *s)
{
	if (!sql_next(st->db))
		return false;
	*s = (struct report_suppressed){ .until_s = sql_column(st->db, 1), .n_failures = sql_column(st->db, 2) };
	copy_column(st, 0, s->address, sizeof(s->address));
	copy_column(st, 3, s->reply, sizeof(s->reply));
	return true;
}

/* The owner that the store's changes are made by. */
static struct sql_value me(const struct report_store *st)
{
	return sql_text(st->settings.owner);
}

static struct sql_value number_of(int64_t id)
{
	return sql_number((uint64_t)id);
}

void report_store_close_due(struct report_store *st, uint64_t now_s)
{
	uint64_t grace_s = st->settings.grace_s;

	sql_run(st->db, SQL_CLOSE_DUE, SQL_ARGS(sql_number(now_s), sql_number(now_s > grace_s ? now_s - grace_s : 0)));
	report_store_commit(st);
}

unsigned report_store_close_now(struct report_store *st, const char *domain, uint64_t now_s)
{
	static const enum report_sql each[] = { SQL_CLOSE_NOW, SQL_RETRY_NOW, SQL_RETRY_DELIVERIES };
	uint64_t n = 0;

	report_begin(st);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		sql_run(st->db, each[i], SQL_ARGS(sql_number(now_s), sql_text(domain)));
		if (each[i] == SQL_RETRY_NOW) /* those just closed among them */
			n = sql_changes(st->db);
	}
	return report_store_commit(st) ? (unsigned)n : 0;
}

bool report_store_due(struct report_store *st, uint64_t now_s, struct report_period *out)
{
	bool found = sql_query(st->db, SQL_CLAIM,
			       SQL_ARGS(me(st), sql_number(now_s), sql_number(now_s + st->settings.lease_s))) &&
		     report_take_period(st, out);

	/* One that is being sent was so by a process that is no more. */
	return found && sql_run(st->db, SQL_RESUME, SQL_ARGS(number_of(out->id)));
}

bool report_store_period(struct report_store *st, int64_t id, struct report_period *out)
{
	return sql_query(st->db, SQL_PERIOD, SQL_ARGS(number_of(id))) && report_take_period(st, out);
}

bool report_store_newest(struct report_store *st, const char *domain, struct report_period *out)
{
	return sql_query(st->db, SQL_NEWEST, SQL_ARGS(sql_text(domain))) && report_take_period(st, out);
}

bool report_store_rows(struct report_store *st, int64_t id, report_row *each, void *arg)
{
	if (!sql_query(st->db, SQL_ROWS, SQL_ARGS(number_of(id))))
		return false;
	while (sql_next(st->db))
		each(arg, sql_column_octets(st->db, 0), sql_column(st->db, 1));
	return !sql_failed(st->db);
}

static bool set_state(struct report_store *st, int64_t id, enum report_state state, uint64_t next_s, const char *note)
{
	return sql_run(st->db, SQL_STATE,
		       SQL_ARGS(number_of(id), sql_number(state), sql_number(next_s), sql_text(note), me(st)));
}

bool report_store_address(struct report_store *st, int64_t id, const char (*addresses)[REPORT_ADDRESS_MAX + 1],
			  size_t n, const char *note, uint64_t now_s)
{
	bool good = report_begin(st);

	for (size_t i = 0; good && i < n; i++)
		good = sql_run(st->db, SQL_ADDRESS, SQL_ARGS(number_of(id), sql_text(addresses[i]), sql_number(now_s)));
	good = good && set_state(st, id, n ? REPORT_ADDRESSED : REPORT_DONE, now_s, note);
	return report_store_commit(st) && good;
}

void report_store_later(struct report_store *st, int64_t id, uint64_t next_s, const char *note)
{
	sql_run(st->db, SQL_LATER, SQL_ARGS(number_of(id), sql_number(next_s), sql_text(note), me(st)));
	report_store_commit(st);
}

bool report_store_delivery(struct report_store *st, int64_t id, uint64_t now_s, struct report_delivery *out)
{
	return sql_query(st->db, SQL_DELIVERY, SQL_ARGS(number_of(id), sql_number(now_s))) && take_delivery(st, out);
}

bool report_store_sending(struct report_store *st, int64_t id, const char *address, uint64_t now_s)
{
	bool good =
		report_begin(st) &&
		sql_run(st->db, SQL_HOLD, SQL_ARGS(number_of(id), me(st), sql_number(now_s + st->settings.lease_s))) &&
		sql_changes(st->db) == 1 && sql_run(st->db, SQL_SENDING, SQL_ARGS(number_of(id), sql_text(address)));

	return report_store_commit(st) && good;
}

bool report_store_sent(struct report_store *st, int64_t id, const struct report_delivery *d)
{
	bool good = sql_run(st->db, SQL_SENT,
			    SQL_ARGS(number_of(id), sql_text(d->address), sql_number(d->state), sql_number(d->next_s),
				     sql_text(d->reply), me(st)));

	return report_store_commit(st) && good;
}

bool report_store_taken(struct report_store *file, int64_t id, struct span address)
{
	return report_begin(file) && sql_run(file->db, SQL_TAKEN, SQL_ARGS(number_of(id), sql_octets(address)));
}

bool report_store_tell_taken(struct report_store *file, struct report_store *store)
{
	char address[REPORT_ADDRESS_MAX + 1];

	while (sql_query(file->db, SQL_TAKEN_NEXT, NULL, 0) && sql_next(file->db)) {
		int64_t id = (int64_t)sql_column(file->db, 0);

		copy_column(file, 1, address, sizeof(address));
		/* Whoever has claimed it since: it is sent. */
		if (!sql_run(store->db, SQL_TAKEN_TOLD,
			     SQL_ARGS(number_of(id), sql_text(address), sql_text("2yz, before sekishod ended"))) ||
		    !sql_run(file->db, SQL_TAKEN_FORGET, SQL_ARGS(number_of(id), sql_text(address))))
			return false;
	}
	return !sql_failed(file->db);
}

void report_store_settle(struct report_store *st, int64_t id, uint64_t now_s)
{
	if (!sql_query(st->db, SQL_OPEN_DELIVERIES, SQL_ARGS(number_of(id))) || !sql_next(st->db))
		return;
	uint64_t n_open = sql_column(st->db, 0), next_s = sql_column(st->db, 1);
	set_state(st, id, n_open ? REPORT_ADDRESSED : REPORT_DONE, n_open ? next_s : now_s, "");
	report_store_commit(st);
}

bool report_store_suppressed(struct report_store *st, const char *address, struct report_suppressed *out)
{
	return sql_query(st->db, SQL_SUPPRESSED, SQL_ARGS(sql_text(address))) && take_suppressed(st, out);
}

void report_store_suppress(struct report_store *st, const struct report_suppressed *s)
{
	sql_run(st->db, SQL_SUPPRESS,
		SQL_ARGS(sql_text(s->address), sql_number(s->until_s), sql_number(s->n_failures), sql_text(s->reply)));
	report_store_commit(st);
}

bool report_store_unsuppress(struct report_store *st, const char *address)
{
	bool any = sql_run(st->db, SQL_UNSUPPRESS, SQL_ARGS(sql_text(address))) && sql_changes(st->db) > 0;

	report_store_commit(st);
	return any;
}

void report_store_purge(struct report_store *st, uint64_t now_s)
{
	/* A batch that could still come again is younger than what waits in the gateways' files. */
	const uint64_t batches_s = 90 * UINT64_C(86400);

	if (now_s >= st->settings.keep_s)
		sql_run(st->db, SQL_PURGE, SQL_ARGS(sql_number(now_s - st->settings.keep_s)));
	if (now_s >= batches_s)
		sql_run(st->db, SQL_PURGE_BATCHES, SQL_ARGS(sql_number(now_s - batches_s)));
	report_store_commit(st);
}

void report_store_list(struct report_store *st, unsigned max, void (*each)(void *arg, const struct report_period *p),
		       void *arg)
{
	struct report_period p;

	if (!sql_query(st->db, SQL_LIST, SQL_ARGS(sql_number(max))))
		return;
	while (report_take_period(st, &p))
		each(arg, &p);
}

void report_store_deliveries(struct report_store *st, int64_t id,
			     void (*each)(void *arg, const struct report_delivery *d), void *arg)
{
	struct report_delivery d;

	if (!sql_query(st->db, SQL_DELIVERIES, SQL_ARGS(number_of(id))))
		return;
	while (take_delivery(st, &d))
		each(arg, &d);
}

void report_store_suppressions(struct report_store *st, unsigned max,
			       void (*each)(void *arg, const struct report_suppressed *s), void *arg)
{
	struct report_suppressed s;

	if (!sql_query(st->db, SQL_SUPPRESSIONS, SQL_ARGS(sql_number(max))))
		return;
	while (take_suppressed(st, &s))
		each(arg, &s);
}
