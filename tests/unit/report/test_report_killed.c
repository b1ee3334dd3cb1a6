// SPDX-License-Identifier: MIT
/*
 * test_report_killed.c - kill -9 at any moment: what workers wrote down is in the store, each message once
 *
 * The process that is killed has what sekishod has: the side thread with its store, and threads in place of workers, which
 * write down numbered messages.  How many each has is in memory that the test keeps.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "ctrlplane/report/report.h"
#include "ctrlplane/report/report_ledgers.h"
#include "dns/domain_names.h"
#include "tests/unit/report/report_world.h"

enum { WORKERS = 3, KILLS = 20 };

/* Shared with the process that is killed: messages of each worker that are in its ledger for certain. */
static _Atomic uint64_t *n_written;
static struct settings settings;

static bool write_down(struct ledger *l, unsigned worker, uint64_t number)
{
	char facts[64];
	int n = snprintf(facts, sizeof(facts), "w%u.n%" PRIu64, worker, number);

	return world_tells(l, span_of(facts, (size_t)n));
}

struct worker {
	struct ledger *ledger;
	unsigned index;
	bool *stop;
};

/* The count goes up when the message is in the ledger, as a reply goes out then. */
static void *work(void *arg)
{
	const struct worker *w = arg;

	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED)) {
		/* One that was in the ledger, but not counted yet when the last process was killed: its number is left out. */
		uint64_t n = n_written[w->index];

		if (write_down(w->ledger, w->index, n))
			n_written[w->index] = n + 1;
		for (int i = 0; i < 20; i++)
			sched_yield();
	}
	return NULL;
}

static void run(unsigned n_workers, uint64_t for_ms)
{
	char error[512] = "";
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	bool stop = false;
	struct reports *r = report_open(&settings, n_workers, domain_organizational, error);

	if (!r)
		printf("# %s\n", error);
	CHECK(r);
	for (unsigned i = 0; i < n_workers; i++) {
		n_written[i]++; /* of the number before nobody can know */
		workers[i] = (struct worker){ report_ledger(r, i), i, &stop };
		CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
	}
	const struct timespec wait = { .tv_sec = (time_t)(for_ms / 1000), .tv_nsec = (long)(for_ms % 1000) * 1000000 };
	nanosleep(&wait, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < n_workers; i++)
		pthread_join(threads[i], NULL);
	report_close(r);
}

static void killed_after(unsigned ms, unsigned n_workers)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		run(n_workers, 60000);
		_exit(0);
	}
	const struct timespec wait = { .tv_nsec = (long)ms * 1000000 };
	nanosleep(&wait, NULL);
	CHECK(kill(child, SIGKILL) == 0);
	CHECK(waitpid(child, NULL, 0) == child);
}

static uint8_t *times[WORKERS]; /* that each number is in the store */
static uint64_t total, n_told;

static void count(void *arg, struct span key, uint64_t n)
{
	char text[64];
	unsigned worker;
	uint64_t number;

	(void)arg;
	span_cut(&key, '\0');
	snprintf(text, sizeof(text), "%.*s", (int)key.len, (const char *)key.at);
	CHECK(sscanf(text, "w%u.n%" SCNu64, &worker, &number) == 2 && worker < WORKERS && number < n_written[worker]);
	times[worker][number] = (uint8_t)(times[worker][number] + n);
	total += n;
}

static int64_t ids[8];
static size_t n_ids;

static void note_period(void *arg, const struct report_period *p)
{
	(void)arg;
	CHECK(n_ids < sizeof(ids) / sizeof(ids[0]));
	ids[n_ids++] = p->id;
	n_told += p->n_messages + p->n_over;
}

/* Two periods when the day ended meanwhile. */
static void read_store(void)
{
	struct report_store *st = world_store();

	report_store_list(st, 8, note_period, NULL);
	for (size_t i = 0; i < n_ids; i++)
		CHECK(report_store_rows(st, ids[i], count, NULL));
	report_store_close(st);
}

/* Numbers that were skipped at a start may be there once or not at all; all others once. */
static void count_all(const uint64_t *skipped, size_t n_skipped)
{
	uint64_t n_missing = 0, n_twice = 0, n_sure = 0;

	for (unsigned w = 0; w < WORKERS; w++)
		CHECK((times[w] = calloc(n_written[w] + 1, 1)));
	read_store();
	for (unsigned w = 0; w < WORKERS; w++) {
		for (uint64_t n = 0; n < n_written[w]; n++) {
			bool sure = true;

			for (size_t i = w; i < n_skipped; i += WORKERS)
				sure &= skipped[i] != n;
			n_sure += sure;
			n_missing += sure && times[w][n] == 0;
			n_twice += times[w][n] > 1;
		}
		free(times[w]);
	}
	printf("# %" PRIu64 " messages, %" PRIu64 " in the store\n", n_sure, total);
	ok(n_missing == 0,
	   "killed %d times: every message that a worker wrote down is in the store (%" PRIu64 " are not)", KILLS,
	   n_missing);
	ok(n_twice == 0, "and no message twice (%" PRIu64 " are)", n_twice);
	ok(n_told == total, "and the periods' own counts are their sum");
}

/* Killed between the commit and the word to the ledger that there is room: a moment that a kill at random seldom meets. */
static void committed_not_released(void)
{
	static struct report_ledgers before, after;
	static uint8_t room[LEDGER_ENTRY_MAX];
	char base[160], note[256], error[512];
	struct report_told told;
	unsigned n = 0;

	world_begin();
	snprintf(base, sizeof(base), "%s/ledger", world_folder);
	struct report_store *st = world_store();
	CHECK(report_ledgers_open(&before, base, 1, LEDGER_OCTETS_MIN, st, note, error));
	for (uint64_t i = 0; i < 10; i++)
		CHECK(write_down(report_ledgers_of(&before, 0), 0, i));
	for (; n < 6 && report_ledgers_next(&before, &told, room); n++)
		CHECK(report_store_add(st, &told.message));
	CHECK(report_ledgers_keep(&before, st));
	ledger_release(&before.each[0].ledger, 0);
	CHECK(report_ledgers_open(&after, base, 1, LEDGER_OCTETS_MIN, st, note, error));
	for (n = 0; report_ledgers_next(&after, &told, room); n++)
		CHECK(report_store_add(st, &told.message));
	ok(n == 4, "killed behind a commit: what it has is not read again, the rest is (%u of 10)", n);
	CHECK(report_ledgers_keep(&after, st));
	ok(report_ledgers_open(&before, base, 0, LEDGER_OCTETS_MIN, st, note, error) &&
		   !report_ledgers_next(&before, &told, room),
	   "nor when the worker is no more");
	report_ledgers_close(&after);
	report_store_close(st);
	world_end();
}

int main(void)
{
	static uint64_t skipped[(KILLS + 1) * WORKERS];
	size_t n = 0;
	char socket[160];

	n_written = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(n_written != MAP_FAILED);
	committed_not_released();
	world_begin();
	world_settings.rows_max = 1000000;
	world_settings.store_mb = 256;
	settings.report_interval_s = DAY_S;
	settings.report_rows_max = 1000000;
	settings.report_store_mb = 256;
	settings.report_ledger_mb = 1;
	settings.report_attempts_max = settings.report_addresses_max = 1;
	settings.report_keep_days = 365;
	snprintf(settings.report_store, sizeof(settings.report_store), "%s", world_path);
	snprintf(settings.server_control_socket, sizeof(settings.server_control_socket), "%s/socket", world_folder);
	snprintf(settings.server_hostname, sizeof(settings.server_hostname), "mx.inside.example");
	srandom(9);
	for (unsigned i = 0; i < KILLS; i++) {
		for (unsigned w = 0; w < WORKERS; w++)
			skipped[n++] = n_written[w];
		/* Two workers at times: what the third wrote down is read all the same. */
		killed_after(20 + (unsigned)random() % 140, i % 5 == 4 ? WORKERS - 1 : WORKERS);
	}
	for (unsigned w = 0; w < WORKERS; w++)
		skipped[n++] = n_written[w];
	run(1, 10);
	count_all(skipped, n);
	snprintf(socket, sizeof(socket), "%s/socket.reports.0", world_folder);
	ok(access(socket, F_OK) != 0, "after an end in peace no ledger is left");
	world_end();
	return done();
}
