// SPDX-License-Identifier: MIT
/*
 * stats_export.c - the workers' counters as JSON and as Prometheus text
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "ctrlplane/stats_export.h"

static const struct counter {
	const char *name, *sentence;
	size_t offset;
	bool gauge;
} counters[] = {
#define STAT(name, sentence) { #name, sentence, offsetof(struct stats, name), false },
#define GAUGE(name, sentence) { #name, sentence, offsetof(struct stats, name), true },
#include "dataplane/base/stats.def"
#undef STAT
};
#define N_COUNTERS (sizeof(counters) / sizeof(counters[0]))

/* The workers write while we read: volatile, so that each value is loaded once and whole. */
static uint64_t value_of(const struct stats *s, const struct counter *c)
{
	return *(const volatile uint64_t *)((const char *)s + c->offset);
}

static uint64_t sum_of(const struct stats *const *workers, unsigned n_workers, const struct counter *c)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < n_workers; w++)
		sum += value_of(workers[w], c);
	return sum;
}

void stats_sum(struct stats *sum, const struct stats *const *workers, unsigned n_workers)
{
	for (size_t i = 0; i < N_COUNTERS; i++) {
		uint64_t value = sum_of(workers, n_workers, &counters[i]);
		memcpy((char *)sum + counters[i].offset, &value, sizeof(value));
	}
}

json_t *stats_json(const struct stats *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < N_COUNTERS; i++)
		json_object_set_new(o, counters[i].name, json_integer((json_int_t)value_of(s, &counters[i])));
	return o;
}

json_t *stats_sentences_json(void)
{
	json_t *o = json_object();

	for (size_t i = 0; i < N_COUNTERS; i++)
		json_object_set_new(o, counters[i].name, json_string(counters[i].sentence));
	return o;
}

/* HELP text: a backslash and a line end are escaped (exposition format, "Comments, help text, and type information"). */
static void put_head(FILE *f, const char *prefix, const char *name, const char *suffix, const char *type,
		     const char *help)
{
	fprintf(f, "# HELP %s%s%s ", prefix, name, suffix);
	for (; *help; help++) {
		if (*help == '\\')
			fputs("\\\\", f);
		else if (*help == '\n')
			fputs("\\n", f);
		else
			fputc(*help, f);
	}
	fprintf(f, "\n# TYPE %s%s%s %s\n", prefix, name, suffix, type);
}

void stats_prometheus(FILE *f, const struct stats *const *workers, unsigned n_workers)
{
	for (size_t i = 0; i < N_COUNTERS; i++) {
		const struct counter *c = &counters[i];

		const char *type = c->gauge ? "gauge" : "counter", *suffix = c->gauge ? "" : "_total";

		put_head(f, "sekisho_", c->name, suffix, type, c->sentence);
		fprintf(f, "sekisho_%s%s %" PRIu64 "\n", c->name, suffix, sum_of(workers, n_workers, c));
		put_head(f, "sekisho_worker_", c->name, suffix, type, c->sentence);
		for (unsigned w = 0; w < n_workers; w++)
			fprintf(f, "sekisho_worker_%s%s{worker=\"%u\"} %" PRIu64 "\n", c->name, suffix, w,
				value_of(workers[w], c));
	}
}

void stats_prometheus_head(FILE *f, const char *name, const char *type, const char *help)
{
	put_head(f, "sekisho_", name, "", type, help);
}

void stats_prometheus_histogram(FILE *f, const char *name, const char *help, const uint64_t *bounds_us,
				const uint64_t *counts, size_t n, uint64_t sum_us)
{
	uint64_t so_far = 0;

	stats_prometheus_head(f, name, "histogram", help);
	for (size_t i = 0; i < n; i++) {
		so_far += counts[i];
		if (i + 1 < n)
			fprintf(f, "sekisho_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bounds_us[i] / 1e6,
				so_far);
	}
	fprintf(f, "sekisho_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, so_far);
	fprintf(f, "sekisho_%s_sum %.6f\n", name, (double)sum_us / 1e6);
	fprintf(f, "sekisho_%s_count %" PRIu64 "\n", name, so_far);
}

void stats_prometheus_value(FILE *f, const char *name, const char *type, const char *help, uint64_t value)
{
	stats_prometheus_head(f, name, type, help);
	fprintf(f, "sekisho_%s %" PRIu64 "\n", name, value);
}
