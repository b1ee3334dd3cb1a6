// SPDX-License-Identifier: MIT
/*
 * test_report_store.c - rows in, counts out: nothing is lost, nothing counted twice; in a file and in PostgreSQL
 */
#include "ctrlplane/sql/sql.h"
#include "tests/unit/report/report_world.h"

static uint64_t n_rows, n_counted, n_told = 3000, n_capped = 100;

static void count(void *arg, struct span key, uint64_t n)
{
	(void)arg;
	(void)key;
	n_rows++;
	n_counted += n;
}

static void add_up(struct report_store *st, int64_t id)
{
	n_rows = n_counted = 0;
	report_store_rows(st, id, count, NULL);
}

static void counting(void)
{
	struct report_store *st = world_store();
	struct report_period p;

	for (unsigned i = 0; i < n_told; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "192.0.2.%u", i % 7);
		tell(st, "good.example", POLICY, ip, i % 2 ? FACTS_PASS : FACTS_FAIL, NOON_S + i);
	}
	ok(report_store_commit(st), "rows are committed");
	ok(report_store_newest(st, "good.example", &p), "they make a period");
	ok(p.begin_s == NOON_S - DAY_S / 2 && p.end_s == p.begin_s + DAY_S, "of a whole day");
	add_up(st, p.id);
	ok(n_rows == 14 && n_counted == n_told && p.n_rows == 14 && p.n_messages == n_told && p.n_over == 0,
	   "verdicts in 14 rows add up");

	tell(st, "good.example", "method=treewalk;p=none;adkim=r;aspf=r;t=n", "192.0.2.1", FACTS_PASS, NOON_S);
	tell(st, "good.example", POLICY, "192.0.2.1", FACTS_PASS, NOON_S + DAY_S);
	CHECK(report_store_newest(st, "good.example", &p));
	ok(p.n_messages == 1 && p.begin_s == NOON_S + DAY_S / 2, "the next day is another period");
	CHECK(report_store_period(st, p.id - 1, &p));
	ok(p.n_messages == 1 && p.begin_s == NOON_S - DAY_S / 2, "and another policy another one of the same day");
	report_store_close(st);

	st = world_store();
	add_up(st, 1);
	ok(n_rows == 14 && n_counted == n_told, "all is there after a restart");
	report_store_close(st);
}

static void row_cap(void)
{
	struct report_store *st;
	struct report_period p;

	world_settings.rows_max = 10;
	st = world_store();
	for (unsigned i = 0; i < n_capped; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "198.51.100.%u", i % 20);
		tell(st, "mild.example", POLICY, ip, FACTS_FAIL, NOON_S);
	}
	report_store_commit(st);
	CHECK(report_store_newest(st, "mild.example", &p));
	add_up(st, p.id);
	ok(n_rows == 10 && n_counted == n_capped / 2 && p.n_messages == n_capped / 2 && p.n_over == n_capped / 2,
	   "beyond the cap of rows messages are counted, and told as that");
	report_store_close(st);
	world_settings.rows_max = 1000;
}

static void full_file(void)
{
	struct report_store *st;
	struct report_period p;

	world_settings.rows_max = 1000000;
	world_settings.store_mb = 1;
	st = world_store();
	for (unsigned i = 0; i < 40000; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "10.0.%u.%u", i / 2 / 256, i / 2 % 256);
		tell(st, "full.example", POLICY, ip, FACTS_PASS, NOON_S);
	}
	tell(st, "late.example", POLICY, "192.0.2.1", FACTS_PASS, NOON_S);
	report_store_commit(st);
	CHECK(report_store_newest(st, "full.example", &p));
	add_up(st, p.id);
	ok(p.n_rows < 20000 && p.n_over > 0, "a full store takes no more rows");
	ok(n_counted == p.n_messages && n_rows == p.n_rows && p.n_messages + p.n_over == 40000,
	   "but counts every message of a period that it has");
	ok(report_store_n_lost(st) == 1 && !report_store_newest(st, "late.example", &p),
	   "one of a new period is lost, and counted as that");
	report_store_close(st);
	world_settings.store_mb = 64;
	world_settings.rows_max = 1000;
}

static void states(void)
{
	static const char addresses[2][REPORT_ADDRESS_MAX + 1] = { "a@good.example", "b@good.example" };
	struct report_store *st = world_store();
	struct report_delivery d;
	struct report_period p;

	report_store_close_now(st, NULL, NOON_S);
	while (report_store_due(st, NOON_S, &p)) /* those of the tests before */
		report_store_address(st, p.id, NULL, 0, "", NOON_S);
	tell(st, "good.example", POLICY, "192.0.2.1", FACTS_PASS, NOON_S + 1);
	report_store_close_due(st, NOON_S + 2);
	ok(!report_store_due(st, NOON_S + 2, &p), "a period that is open is not due");
	report_store_close_due(st, NOON_S + DAY_S);
	ok(report_store_due(st, NOON_S + DAY_S, &p) && p.state == REPORT_CLOSED && p.begin_s == NOON_S,
	   "it is at its end; it began where the one before had ended");
	ok(report_store_address(st, p.id, addresses, 2, "", NOON_S), "it gets its addresses");
	CHECK(report_store_delivery(st, p.id, NOON_S + DAY_S, &d) && report_store_sending(st, p.id, d.address, NOON_S));
	report_store_close(st); /* the process dies in the midst of it */

	st = world_store();
	ok(report_store_due(st, NOON_S + DAY_S, &p) && p.state == REPORT_ADDRESSED, "after a crash it is due again");
	unsigned n = 0;
	for (; report_store_delivery(st, p.id, NOON_S + DAY_S, &d); n++) {
		CHECK(report_store_sending(st, p.id, d.address, NOON_S));
		d.state = DELIVERY_SENT;
		CHECK(report_store_sent(st, p.id, &d));
	}
	ok(n == 2, "and both deliveries are made, once each");
	report_store_settle(st, p.id, NOON_S + DAY_S);
	CHECK(report_store_period(st, p.id, &p));
	ok(p.state == REPORT_DONE && !report_store_due(st, NOON_S + 9 * DAY_S, &p), "then it is done");
	report_store_purge(st, NOON_S + 9 * DAY_S);
	ok(!report_store_newest(st, "good.example", &p), "and a week later it is gone");
	report_store_close(st);
}

/* A file whose tables lack what our statements want. */
static void other_version(void)
{
	static const char *const none[] = { "SELECT 1" };
	const struct sql_program old = { "CREATE TABLE period (id @id, domain @octets)", none, 1 };
	char error[256] = "";
	struct sql *db;

	world_begin();
	db = sql_open_file(world_path, 16, 1024, &old, error);
	CHECK(db);
	sql_close(db);
	ok(!report_store_open(&world_settings, error), "a file of another version is not opened");
	ok(strstr(error, world_path) && strstr(error, "move it aside") && strstr(error, "see report.store"),
	   "and the error says what to do: %s", error);
	world_end();
}

int main(void)
{
	other_version();
	world_begin();
	counting();
	row_cap();
	full_file();
	states();
	world_end();

	printf("# the same in PostgreSQL\n");
	world_begin();
	world_postgres("start");
	world_settings.server = world_server;
	n_told = 28;
	n_capped = 40;
	counting();
	row_cap();
	states();
	world_postgres("kill");
	world_remove();
	return done();
}
