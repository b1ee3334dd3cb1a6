// SPDX-License-Identifier: MIT
/*
 * shard_limits.c - how full everything is that a worker holds, and how full it was
 */
#include "dataplane/shard/shard_state.h"

static struct shard_limit of_pool(const char *name, const struct pool *p)
{
	return (struct shard_limit){
		.name = name, .used = p->n_used, .most = p->n_used_most, .limit = p->n_total, .refused = p->n_refused
	};
}

unsigned shard_limits(const struct shard *s, struct shard_limit out[SHARD_LIMITS_MAX])
{
	struct dns_cache_counts dns;
	unsigned n = 0;

	out[n++] = of_pool("limits.sessions_max", &s->clients);
	out[n++] = of_pool("limits.busy_max", &s->rooms);
	out[n++] = of_pool("limits.transactions_max", &s->txns);
	out[n++] = of_pool("limits.body_blocks", msg_store_blocks(s->store));
	out[n++] = of_pool("limits.tcp_blocks", tcp_pool(s->tcp, TCP_POOL_BLOCKS));
	out[n++] = of_pool("tcp.half_open_max", tcp_pool(s->tcp, TCP_POOL_HALVES));
	out[n++] = of_pool("tcp.time_wait_max", tcp_pool(s->tcp, TCP_POOL_WAITS));
	out[n++] = of_pool("relay.connections_max", &s->relays);
	out[n++] = of_pool("questions under way", &s->questions);
	out[n++] = of_pool("records not fetched", &s->records);
	out[n++] = (struct shard_limit){ .name = "signatures under way",
					 .used = crypto_batch_under_way(s->crypto),
					 .most = s->stress.jobs_most,
					 .limit = SHARD_JOBS_MAX,
					 .refused = s->stats.shard_crypto_full };
	out[n++] = (struct shard_limit){ .name = "stress.percent",
					 .used = s->stress.percent,
					 .most = s->stress.most,
					 .limit = s->config->settings->stress_percent,
					 .refused = s->stats.shard_stress_begun };
	dns_cache_counts(s->dns, &dns);
	out[n++] = (struct shard_limit){ .name = "dns.worker_cache_entries",
					 .used = dns.entries,
					 .most = dns.entries,
					 .limit = dns.entries_max,
					 .refused = dns.evicted };
	CHECK(n <= SHARD_LIMITS_MAX);
	return n;
}
