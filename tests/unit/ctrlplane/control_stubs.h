// SPDX-License-Identifier: MIT
/*
 * control_stubs.h - members of a struct control_env that tell fixed things or do nothing, for tests that look elsewhere
 */
#ifndef CONTROL_STUBS_H
#define CONTROL_STUBS_H

#include "ctrlplane/control.h"
#include "dataplane/base/histogram.h"

static inline unsigned stub_limits(void *arg, unsigned worker, struct control_limit out[CONTROL_LIMITS_MAX])
{
	(void)arg;
	(void)worker;
	out[0] = (struct control_limit){ "limits.sessions_max", 5, 9, 100, 2 };
	return 1;
}

/* Nine of ten messages are quick. */
static inline const struct histogram *stub_latency(void *arg, unsigned worker)
{
	static struct histogram h;

	(void)arg, (void)worker;
	h = (struct histogram){ 0 };
	for (int i = 0; i < 10; i++)
		histogram_add(&h, i ? 100 : 4000);
	return &h;
}

static inline const struct policy_counts *stub_policy_counts(void *arg, unsigned worker)
{
	static const struct policy_counts counts = { .hits = { 21 }, .missing = { 3 } };

	(void)arg;
	(void)worker;
	return &counts;
}

static inline const char *stub_next_hop_tlsa(void *arg, unsigned index)
{
	(void)arg;
	return index == 0 ? "no answer" : "";
}

static inline void stub_next_hop(void *arg, unsigned worker, unsigned index, struct shard_hop *out)
{
	(void)arg;
	(void)index;
	*out = (struct shard_hop){
		.state = worker ? SHARD_HOP_DOWN : SHARD_HOP_UP, .n_connections = 2, .accepted = 3, .extensions = "DSN"
	};
	snprintf(out->tls_fault, sizeof(out->tls_fault), "certificate verify failed");
}

static inline void stub_dns_counts(void *arg, struct dns_cache_counts *cache, struct dns_desk_counts *desk)
{
	(void)arg;
	*cache = (struct dns_cache_counts){ .hits = 3 };
	*desk = (struct dns_desk_counts){ .asked = 5, .delay = { 1, 2 }, .delay_us = 3000 };
}

/* Three answers; the last is of another zone. */
static inline bool stub_dns_walk(void *arg, uint32_t *cursor, struct dns_cache_row *row)
{
	static const char *const names[] = { "example.org", "www.example.org", "notexample.org" };
	static const struct dns_answer answer = { .size = sizeof(answer), .rcode = DNS_NODATA };

	(void)arg;
	if (*cursor >= 3)
		return false;
	*row = (struct dns_cache_row){ .answer = &answer, .expires_us = 1 };
	return dns_question_set(&row->q, DNS_TXT, span_str(names[(*cursor)++]));
}

static inline json_t *stub_show(void *arg, enum control_shown what)
{
	(void)arg;
	return json_pack("{s:i, s:[{s:s, s:i, s:b, s:s}]}", "shown", (int)what, "lists", "zone", "bl.example", "weight",
			 -3, "suspended", 1, "state", "lists nothing");
}

static inline size_t stub_dns_flush(void *arg, struct span name)
{
	(void)arg;
	return name.len;
}

static inline void stub_drain(void *arg)
{
	(void)arg;
}

static inline bool stub_resume(void *arg)
{
	(void)arg;
	return true;
}

#endif
