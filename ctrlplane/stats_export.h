// SPDX-License-Identifier: MIT
/*
 * stats_export.h - the workers' counters as JSON and as Prometheus text
 */
#ifndef CTRLPLANE_STATS_EXPORT_H
#define CTRLPLANE_STATS_EXPORT_H

#include <jansson.h>
#include <stdio.h>

#include "dataplane/base/stats.h"

#define STATS_WORKERS_MAX 128

/* The sum over the workers. */
void stats_sum(struct stats *sum, const struct stats *const *workers, unsigned n_workers);

/* By name, as stats.def orders them.  NULL: no memory. */
json_t *stats_json(const struct stats *s);

/* The sentence of each counter, by name. */
json_t *stats_sentences_json(void);

/**
 * stats_prometheus - text exposition format 0.0.4
 *
 * Each counter twice: sekisho_NAME_total is the sum, sekisho_worker_NAME_total{worker="0"} a worker's share; two
 * families, so that a sum over labels does not count twice.
 */
void stats_prometheus(FILE *f, const struct stats *const *workers, unsigned n_workers);

/* The head of a family, without its values. */
void stats_prometheus_head(FILE *f, const char *name, const char *type, const char *help);

/* @counts: @n of them, each with an upper bound in @bounds_us but the last, which has none; not yet summed up. */
void stats_prometheus_histogram(FILE *f, const char *name, const char *help, const uint64_t *bounds_us,
				const uint64_t *counts, size_t n, uint64_t sum_us);

/* One value more in the same form; @type: "gauge" or "counter". */
void stats_prometheus_value(FILE *f, const char *name, const char *type, const char *help, uint64_t value);

#endif
