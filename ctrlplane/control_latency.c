// SPDX-License-Identifier: MIT
/*
 * control_latency.c - how long messages took, of the records that are kept
 */
#include <stdlib.h>

#include "ctrlplane/control_state.h"

enum { TIMES = 3 };

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

json_t *control_show_latency(struct control *c)
{
	size_t most = c->env->records->n_max, n = 0;
	uint64_t *us = calloc(TIMES * most, sizeof(*us));
	const struct shard_record *r;

	if (!us)
		return NULL;
	for (; n < most && (r = record_ring_at(c->env->records, n)); n++) {
		us[n] = r->total_us;
		us[most + n] = r->dns_us;
		us[2 * most + n] = r->crypto_us;
	}
	json_t *o = json_pack("{s:I, s:o, s:o, s:o}", "messages", (json_int_t)n, "total", spread(us, n), "dns",
			      spread(us + most, n), "crypto", spread(us + 2 * most, n));
	free(us);
	return o;
}
