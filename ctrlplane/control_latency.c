// SPDX-License-Identifier: MIT
/*
 * control_latency.c - how long messages took: of the records that are kept, and of all since the start
 */
#include <stdlib.h>

#include "ctrlplane/control_state.h"
#include "ctrlplane/stats_export.h"
#include "dataplane/base/histogram.h"

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Median, 99 of 100 and the longest, in milliseconds; zeros when there is none. */
static json_t *spread(uint64_t *us, size_t n)
{
	if (n == 0)
		return json_pack("{s:f, s:f, s:f}", "p50_ms", 0.0, "p99_ms", 0.0, "max_ms", 0.0);
	qsort(us, n, sizeof(*us), by_time);
	return json_pack("{s:f, s:f, s:f}", "p50_ms", (double)us[n / 2] / 1000, "p99_ms",
			 (double)us[n * 99 / 100] / 1000, "max_ms", (double)us[n - 1] / 1000);
}

static void sum_latency(const struct control *c, struct histogram *sum)
{
	*sum = (struct histogram){ 0 };
	for (unsigned w = 0; w < c->env->n_workers; w++)
		histogram_sum(sum, c->env->latency(c->env->arg, w));
}

static json_t *to_next_hop(const struct control *c)
{
	static struct histogram h;

	sum_latency(c, &h);
	return json_pack("{s:I, s:f, s:f, s:f, s:f}", "messages", (json_int_t)h.n, "p50_ms",
			 (double)histogram_quantile(&h, 0.5) / 1000, "p99_ms",
			 (double)histogram_quantile(&h, 0.99) / 1000, "p99_9_ms",
			 (double)histogram_quantile(&h, 0.999) / 1000, "max_ms", (double)h.most / 1000);
}

/* In powers of two from 32 us: bounds of the histogram's own. */
static void to_next_hop_prometheus(const struct control *c, FILE *f)
{
	enum { FIRST = 5, BUCKETS = 21 };
	static struct histogram h;
	uint64_t bounds[BUCKETS - 1], counts[BUCKETS] = { 0 }, sum_us = 0;

	sum_latency(c, &h);
	for (unsigned i = 0; i < BUCKETS - 1; i++)
		bounds[i] = (UINT64_C(1) << (FIRST + i)) - 1;
	for (unsigned slot = 0, i = 0; slot < HISTOGRAM_POWERS * HISTOGRAM_STEPS; slot++) {
		while (i < BUCKETS - 1 && histogram_value(slot) > bounds[i])
			i++;
		counts[i] += h.counts[slot];
		sum_us += h.counts[slot] * histogram_value(slot);
	}
	stats_prometheus_histogram(f, "to_next_hop_seconds",
				   "from the end of a message to MAIL at its next hop; the sum to 3 %", bounds, counts,
				   BUCKETS, sum_us);
}

json_t *control_show_latency(struct control *c)
{
	size_t most = c->env->records->n_max, n = 0;
	uint64_t *us = calloc(CONTROL_TIMES * most, sizeof(*us));
	const struct shard_record *r;

	if (!us)
		return NULL;
	for (; n < most && (r = record_ring_at(c->env->records, n)); n++) {
		us[n] = r->total_us;
		us[most + n] = r->dns_us;
		us[2 * most + n] = r->crypto_us;
	}
	json_t *o = json_pack("{s:I, s:o, s:o, s:o, s:o}", "messages", (json_int_t)n, "total", spread(us, n), "dns",
			      spread(us + most, n), "crypto", spread(us + 2 * most, n), "to_next_hop", to_next_hop(c));
	free(us);
	return o;
}

static const uint64_t bounds_us[CONTROL_TIME_SLOTS - 1] = { 100,     250,     500,     1000,     2500,    5000,
							    10000,   25000,   50000,   100000,   250000,  500000,
							    1000000, 2500000, 5000000, 10000000, 30000000 };

static void add(struct control_times *t, unsigned which, uint64_t us)
{
	unsigned slot = 0;

	while (slot < CONTROL_TIME_SLOTS - 1 && us > bounds_us[slot])
		slot++;
	t->counts[which][slot]++;
	t->sum_us[which] += us;
}

void control_latency_add(struct control *c, const struct shard_record *r)
{
	add(&c->times, 0, r->total_us);
	add(&c->times, 1, r->dns_us);
	add(&c->times, 2, r->crypto_us);
}

void control_latency_prometheus(const struct control *c, FILE *f)
{
	static const struct {
		const char *name, *help;
	} stages[CONTROL_TIMES] = {
		{ "message_seconds", "from DATA to the reply" },
		{ "message_dns_seconds", "that a message waited for DNS behind its final dot" },
		{ "message_crypto_seconds", "that signatures of a message were in the batch" },
	};

	for (unsigned i = 0; i < CONTROL_TIMES; i++)
		stats_prometheus_histogram(f, stages[i].name, stages[i].help, bounds_us, c->times.counts[i],
					   CONTROL_TIME_SLOTS, c->times.sum_us[i]);
	to_next_hop_prometheus(c, f);
}
