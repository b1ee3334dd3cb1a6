// SPDX-License-Identifier: MIT
/*
 * ctl_top.c - the live screen: rates, verdicts, latency, crypto batches, DNS and limits, anew every second
 *
 * Rates are differences of counters over the time between two answers.  Everything comes from the commands that anyone
 * may ask: stats, status, show latency, show limits.
 */
#include <curses.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctrlplane/cli/ctl_top.h"

enum { HISTORY = 60, INTERVAL_MS = 1000, ANSWER_MS = 5000, BAR = 24 };

struct top {
	struct ctl_client *client;
	json_t *status, *stats, *latency, *limits; /* as answered last */
	json_t *before;                            /* stats before that */
	double seconds;                            /* between both */
	double history[HISTORY];                   /* messages a second, oldest first */
	unsigned n_history;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool ask(struct top *t, const char *command, json_t **answer)
{
	json_t *args = json_object(), *new = NULL;
	bool more;

	if (ctl_ask(t->client, command, args))
		new = ctl_answer(t->client, &more, ANSWER_MS);
	json_decref(args);
	if (!new)
		return false;
	json_decref(*answer);
	*answer = new;
	return true;
}

static bool refresh_all(struct top *t)
{
	json_decref(t->before);
	t->before = json_incref(t->stats);
	return ask(t, "stats", &t->stats) && ask(t, "status", &t->status) && ask(t, "show latency", &t->latency) &&
	       ask(t, "show limits", &t->limits);
}

static double counter(const json_t *stats, const char *name)
{
	return (double)json_integer_value(json_object_get(json_object_get(stats, "total"), name));
}

/* Since the answer before. */
static double delta(const struct top *t, const char *name)
{
	return t->before ? counter(t->stats, name) - counter(t->before, name) : 0;
}

static double rate(const struct top *t, const char *name)
{
	return t->seconds > 0 ? delta(t, name) / t->seconds : 0;
}

static void remember(struct top *t)
{
	if (!t->before)
		return;
	if (t->n_history == HISTORY)
		memmove(t->history, t->history + 1, (HISTORY - 1) * sizeof(t->history[0]));
	else
		t->n_history++;
	t->history[t->n_history - 1] = rate(t, "smtp_messages");
}

/* --- drawing ----------------------------------------------------------------------------------- */

static void draw_head(const struct top *t)
{
	const json_t *s = t->status;
	long up = (long)json_integer_value(json_object_get(s, "uptime_s"));

	attron(A_REVERSE);
	mvprintw(0, 0, " sekisho %s  %s  up %ld:%02ld:%02ld  settings %lld  workers %lld ",
		 json_string_value(json_object_get(s, "hostname")), json_string_value(json_object_get(s, "state")),
		 up / 3600, up / 60 % 60, up % 60, (long long)json_integer_value(json_object_get(s, "config_version")),
		 (long long)json_integer_value(json_object_get(s, "workers")));
	attroff(A_REVERSE);
}

/* The last minute, a column a second. */
static void draw_history(const struct top *t, int row)
{
	static const char *const blocks[] = { " ",      "\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	double most = 1;

	for (unsigned i = 0; i < t->n_history; i++)
		most = t->history[i] > most ? t->history[i] : most;
	mvprintw(row, 0, "messages/s %9.1f  ", t->n_history ? t->history[t->n_history - 1] : 0.0);
	for (unsigned i = 0; i < t->n_history; i++)
		addstr(blocks[(int)(t->history[i] / most * 8 + 0.5)]);
	printw("  at most %.1f", most);
}

static void draw_bar(double share)
{
	int n = (int)(share * BAR + 0.5);

	addch('[');
	for (int i = 0; i < BAR; i++)
		addch(i < n ? '#' : '.');
	addch(']');
}

static int draw_verdicts(const struct top *t, int row)
{
	static const char *const verdicts[][2] = {
		{ "accepted", "shard_accepted" },   { "quarantined", "shard_quarantined" },
		{ "rejected", "shard_rejected" },   { "deferred", "shard_deferred" },
		{ "discarded", "shard_discarded" },
	};
	const size_t n = sizeof(verdicts) / sizeof(verdicts[0]);
	double all = 0;

	for (size_t i = 0; i < n; i++)
		all += counter(t->stats, verdicts[i][1]);
	mvprintw(row++, 0, "VERDICTS        a second        in all");
	for (size_t i = 0; i < n; i++) {
		double one = counter(t->stats, verdicts[i][1]);

		mvprintw(row++, 0, "%-12s %11.1f %13.0f  ", verdicts[i][0], rate(t, verdicts[i][1]), one);
		draw_bar(all > 0 ? one / all : 0);
		printw(" %3.0f %%", all > 0 ? one / all * 100 : 0.0);
	}
	return row;
}

static int draw_latency(const struct top *t, int row)
{
	static const char *const parts[][2] = { { "whole", "total" }, { "DNS", "dns" }, { "crypto", "crypto" } };

	mvprintw(row++, 0, "LATENCY ms         median           99 %%       longest   of the last %lld messages",
		 (long long)json_integer_value(json_object_get(t->latency, "messages")));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *o = json_object_get(t->latency, parts[i][1]);

		mvprintw(row++, 0, "%-12s %12.2f %14.2f %13.2f", parts[i][0],
			 json_real_value(json_object_get(o, "p50_ms")), json_real_value(json_object_get(o, "p99_ms")),
			 json_real_value(json_object_get(o, "max_ms")));
	}
	return row;
}

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static int draw_rates(const struct top *t, int row)
{
	double batches = counter(t->stats, "crypto_batches"), hits = counter(t->stats, "shard_dns_hits"),
	       misses = counter(t->stats, "shard_dns_misses");

	mvprintw(row++, 0, "connections/s %9.1f   segments/s in %.0f, out %.0f", rate(t, "shard_client_accepted"),
		 rate(t, "tcp_segments_in"), rate(t, "tcp_segments_out"));
	mvprintw(row++, 0, "crypto jobs/s %9.1f   batches/s %.1f, %.2f jobs in a batch", rate(t, "crypto_batch_jobs"),
		 rate(t, "crypto_batches"), share(counter(t->stats, "crypto_batch_jobs"), batches));
	mvprintw(row++, 0, "DNS/s         %9.1f   known here ",
		 rate(t, "shard_dns_hits") + rate(t, "shard_dns_misses"));
	draw_bar(share(hits, hits + misses));
	printw(" %3.0f %%", share(hits, hits + misses) * 100);
	return row;
}

/* Those that are in use, the fullest first as far as the screen goes. */
static void draw_limits(const struct top *t, int row)
{
	const json_t *list = json_object_get(t->limits, "use"), *l;
	size_t i;

	mvprintw(row++, 0, "LIMITS                     in use     at worst           of   refused");
	json_array_foreach(list, i, l)
	{
		double used = (double)json_integer_value(json_object_get(l, "used"));
		double limit = (double)json_integer_value(json_object_get(l, "limit"));

		if (row >= LINES - 1)
			return;
		mvprintw(row++, 0, "%-22s %10.0f %12lld %12.0f %9lld  ", json_string_value(json_object_get(l, "name")),
			 used, (long long)json_integer_value(json_object_get(l, "most")), limit,
			 (long long)json_integer_value(json_object_get(l, "refused")));
		draw_bar(share(used, limit));
	}
}

static void draw(const struct top *t)
{
	int row;

	erase();
	draw_head(t);
	draw_history(t, 2);
	row = draw_rates(t, 3);
	row = draw_verdicts(t, row + 1);
	row = draw_latency(t, row + 1);
	draw_limits(t, row + 1);
	mvprintw(LINES - 1, 0, "q ends");
	refresh();
}

bool ctl_top(struct ctl_client *c)
{
	struct top t = { .client = c };
	double last = now_s();
	bool good = refresh_all(&t);

	if (good) {
		setlocale(LC_CTYPE, "");
		good = newterm(NULL, stdout, stdin) != NULL;
		if (!good)
			snprintf(c->error, sizeof(c->error), "the terminal is not known; set TERM");
	}
	if (good) {
		cbreak();
		noecho();
		curs_set(0);
		timeout(INTERVAL_MS);
		for (bool on = true; on && good;) {
			draw(&t);
			on = getch() != 'q';
			double now = now_s();
			t.seconds = now - last;
			if (t.seconds * 1000 < INTERVAL_MS / 2)
				continue; /* another key */
			last = now;
			good = !on || refresh_all(&t);
			remember(&t);
		}
		endwin();
	}
	json_decref(t.status);
	json_decref(t.stats);
	json_decref(t.latency);
	json_decref(t.limits);
	json_decref(t.before);
	return good;
}
