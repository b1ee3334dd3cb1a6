// SPDX-License-Identifier: MIT
/*
 * test_stats_export.c - counters of all workers: their sum, and each in the form that Prometheus reads
 */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include <stdlib.h>

#include "ctrlplane/stats_export.h"
#include "tests/tap.h"

enum { N_STATS = sizeof(struct stats) / sizeof(uint64_t) };

static bool is_name(const char *s)
{
	if (!byte_is_alpha((uint8_t)*s) && *s != '_')
		return false;
	for (; *s; s++)
		if (!byte_is_alnum((uint8_t)*s) && *s != '_')
			return false;
	return true;
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
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[0] == '#')
			continue;
		line[strcspn(line, " {")] = '\0';
		n_samples++;
		n_bad += !is_name(line);
	}
	ok(n_samples == 3 * N_STATS + 1 && n_bad == 0, "Prometheus: every counter, and names as it wants them");
	free(text);
	return done();
}
