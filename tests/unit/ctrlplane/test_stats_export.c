// SPDX-License-Identifier: MIT
/*
 * test_stats_export.c - counters of all workers: their sum, and each in the form that Prometheus reads
 */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include <stdlib.h>

#include "ctrlplane/stats_export.h"
#include "tests/tap.h"

enum { N_STATS = sizeof(struct stats) / sizeof(uint64_t) };

/* A sample's name, up to its labels or its value. */
static bool is_name(struct span s)
{
	size_t n = 0;

	while (n < s.len && (byte_is_alnum(s.at[n]) || s.at[n] == '_'))
		n++;
	return n > 0 && !byte_is_digit(s.at[0]) && n < s.len && (s.at[n] == ' ' || s.at[n] == '{');
}

int main(void)
{
	static struct stats a, b, sum;
	const struct stats *workers[] = { &a, &b };
	char *text = NULL;
	size_t len = 0;

	a.shard_ticks = 40;
	b.shard_ticks = 2;
	stats_sum(&sum, workers, 2);
	ok(sum.shard_ticks == 42, "a sum over the workers");
	json_t *o = stats_json(&sum), *help = stats_sentences_json();
	ok(json_object_size(o) == N_STATS && json_object_size(help) == N_STATS,
	   "every counter has its own name and a sentence");
	ok(json_integer_value(json_object_get(o, "shard_ticks")) == 42, "JSON has it by its name");
	json_decref(o);
	json_decref(help);

	FILE *f = open_memstream(&text, &len);
	stats_prometheus(f, workers, 2);
	stats_prometheus_value(f, "x", "gauge", "a\\b\nc", 7);
	fclose(f);
	ok(strstr(text, "# HELP sekisho_shard_ticks_total turns of the worker's loop\n"
			"# TYPE sekisho_shard_ticks_total counter\n"
			"sekisho_shard_ticks_total 42\n"
			"# HELP sekisho_worker_shard_ticks_total turns of the worker's loop\n"
			"# TYPE sekisho_worker_shard_ticks_total counter\n"
			"sekisho_worker_shard_ticks_total{worker=\"0\"} 40\n"
			"sekisho_worker_shard_ticks_total{worker=\"1\"} 2\n") != NULL,
	   "Prometheus: the sum as one family, the workers as another");
	ok(strstr(text, "# HELP sekisho_x a\\\\b\\nc\n# TYPE sekisho_x gauge\nsekisho_x 7\n") != NULL,
	   "Prometheus: help is escaped");

	unsigned n_samples = 0, n_bad = 0;
	struct span rest = span_str(text);
	while (rest.at) {
		struct span line = span_cut(&rest, '\n');

		if (line.len == 0 || line.at[0] == '#')
			continue;
		n_samples++;
		n_bad += !is_name(line);
	}
	ok(n_samples == 3 * N_STATS + 1 && n_bad == 0, "Prometheus: every counter, and names as it wants them");
	free(text);
	return done();
}
