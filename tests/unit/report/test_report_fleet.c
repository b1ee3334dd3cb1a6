// SPDX-License-Identifier: MIT
/*
 * test_report_fleet.c - several gateways, one PostgreSQL: sums that add up, one that sends, a database that goes away
 */
#include "tests/unit/report/report_world.h"

/* A gateway: its file, and the database as it sees it. */
struct gateway {
	char name[8], path[128];
	struct report_store *file, *fleet;
};

static struct gateway one, two;

static struct report_store *opened(const struct report_store_settings *s)
{
	char error[256] = "";
	struct report_store *st = report_store_open(s, error);

	if (!st)
		printf("# %s\n", error);
	CHECK(st);
	return st;
}

static void start(struct gateway *g, const char *name)
{
	struct report_store_settings s = world_settings;

	snprintf(g->name, sizeof(g->name), "%s", name);
	snprintf(g->path, sizeof(g->path), "%s/%s", world_folder, name);
	s.path = g->path;
	s.owner = g->name;
	s.server = NULL;
	g->file = opened(&s);
	s.server = world_server;
	s.grace_s = 60;
	g->fleet = opened(&s);
}

static void stop(struct gateway *g)
{
	report_store_close(g->file);
	report_store_close(g->fleet);
}

/* What a gateway counted goes to the database; how many periods went. */
static size_t forward(struct gateway *g)
{
	report_store_commit(g->file);
	report_store_close_now(g->file, NULL, NOON_S);
	return report_store_forward(g->file, g->fleet, NOON_S);
}

static uint64_t n_rows, n_counted;

static void count(void *arg, struct span key, uint64_t n)
{
	(void)arg;
	(void)key;
	n_rows++;
	n_counted += n;
}

/* The newest period of a domain in the database, with its rows counted. */
static struct report_period found(const char *domain)
{
	struct report_period p = { 0 };

	n_rows = n_counted = 0;
	if (report_store_newest(one.fleet, domain, &p))
		report_store_rows(one.fleet, p.id, count, NULL);
	return p;
}

static void sums(void)
{
	for (unsigned i = 0; i < 30; i++) {
		tell(one.file, "good.example", POLICY, i % 3 ? "192.0.2.1" : "192.0.2.2", FACTS_PASS, NOON_S + i);
		tell(two.file, "good.example", POLICY, i % 3 ? "192.0.2.1" : "192.0.2.3", FACTS_PASS, NOON_S + i);
	}
	tell(two.file, "mild.example", POLICY, "192.0.2.1", FACTS_FAIL, NOON_S);
	ok(forward(&one) == 1 && forward(&two) == 2, "each gateway forwards what it counted");
	struct report_period p = found("good.example");
	ok(p.n_messages == 60 && p.n_rows == 3 && n_rows == 3 && n_counted == 60, "one period has the sum of both");
	ok(p.begin_s == NOON_S - DAY_S / 2 && p.end_s == p.begin_s + DAY_S, "and is the whole day");
	ok(forward(&one) == 0 && report_store_waiting(one.file) == 0, "nothing is left in the file");
	for (unsigned i = 0; i < 7; i++)
		tell(one.file, "good.example", POLICY, "192.0.2.1", FACTS_PASS, NOON_S + 100);
	ok(forward(&one) == 1 && found("good.example").n_messages == 67, "later ones are added to it");
}

/* Killed when the database had it and the file did not know yet. */
static void killed(void)
{
	char command[640];

	tell(two.file, "good.example", POLICY, "192.0.2.9", FACTS_PASS, NOON_S);
	report_store_commit(two.file);
	report_store_close_now(two.file, NULL, NOON_S);
	stop(&two);
	snprintf(command, sizeof(command), "cp %s %s.before", two.path, two.path);
	CHECK(system(command) == 0);
	start(&two, "two");
	ok(report_store_forward(two.file, two.fleet, NOON_S) == 1 && found("good.example").n_messages == 68,
	   "counted once");
	stop(&two);
	snprintf(command, sizeof(command), "mv %s.before %s && rm -f %s-wal %s-shm", two.path, two.path, two.path,
		 two.path);
	CHECK(system(command) == 0);
	start(&two, "two");
	ok(report_store_forward(two.file, two.fleet, NOON_S) == 1 && found("good.example").n_messages == 68 &&
		   report_store_waiting(two.file) == 0,
	   "forwarded again after a crash: not counted again");
}

static void away(void)
{
	world_postgres("kill");
	for (unsigned i = 0; i < 5; i++)
		tell(one.file, "good.example", POLICY, "192.0.2.1", FACTS_PASS, NOON_S);
	ok(forward(&one) == 0 && report_store_waiting(one.file) == 5, "the database is away: rows wait in the file");
	ok(!report_store_ready(one.fleet) && report_store_why(one.fleet)[0], "and it is told why");
	tell(one.file, "good.example", POLICY, "192.0.2.1", FACTS_PASS, NOON_S);
	world_postgres("start");
	struct report_period p;
	for (unsigned i = 0; i < 100 && !(report_store_newest(one.fleet, "good.example", &p) &&
					  report_store_newest(two.fleet, "good.example", &p));
	     i++)
		usleep(50000);
	ok(report_store_forward(one.file, one.fleet, NOON_S) == 1 && forward(&one) == 1 &&
		   found("good.example").n_messages == 74,
	   "it is back: all of them are there");
}

static void claims(void)
{
	static const char address[1][REPORT_ADDRESS_MAX + 1] = { "a@good.example" };
	uint64_t end_s = NOON_S + DAY_S / 2;
	struct report_period p, q, r;
	struct report_delivery d;

	report_store_close_due(one.fleet, end_s + 59);
	ok(!report_store_due(one.fleet, end_s + 59, &p), "a period waits a while for rows of others");
	report_store_close_due(one.fleet, end_s + 60);
	ok(report_store_due(one.fleet, end_s + 60, &p) && report_store_due(two.fleet, end_s + 60, &q) && p.id != q.id,
	   "two periods, two gateways: each has one");
	ok(!report_store_due(two.fleet, end_s + 60, &r) || r.id == q.id, "neither has the other's");
	CHECK(report_store_address(one.fleet, p.id, address, 1, "", end_s + 60));
	CHECK(report_store_delivery(one.fleet, p.id, end_s + 60, &d));
	ok(!report_store_sending(two.fleet, p.id, d.address, end_s + 61), "and none may send the other's");
	ok(report_store_sending(one.fleet, p.id, d.address, end_s + 61), "but its own");

	CHECK(report_store_address(two.fleet, q.id, NULL, 0, "", end_s + 60));
	ok(!report_store_due(two.fleet, end_s + 3660, &r), "until its lease is over it is left alone");
	ok(report_store_due(two.fleet, end_s + 3661, &r) && r.id == p.id &&
		   report_store_delivery(two.fleet, r.id, end_s + 3661, &d),
	   "then the other takes over, with the delivery that was under way");
	d.state = DELIVERY_SENT;
	CHECK(report_store_sent(one.fleet, p.id, &d));
	CHECK(report_store_sending(two.fleet, p.id, d.address, end_s + 3662));
	ok(report_store_sent(two.fleet, p.id, &d), "what the first says now has no effect");
	report_store_settle(two.fleet, p.id, end_s + 3663);
	CHECK(report_store_period(one.fleet, p.id, &p));
	ok(p.state == REPORT_DONE, "the report is done");
}

int main(void)
{
	world_begin();
	world_postgres("start");
	start(&one, "one");
	start(&two, "two");
	CHECK(report_store_ready(one.fleet) && report_store_ready(two.fleet));
	sums();
	killed();
	away();
	claims();
	stop(&one);
	stop(&two);
	world_postgres("kill");
	world_remove();
	return done();
}
