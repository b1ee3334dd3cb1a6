// SPDX-License-Identifier: MIT
/*
 * shard_memory.c - what a worker keeps for the verifiers from one message to the next
 *
 * Answers are those of the worker's DNS cache.  Blocks lie in a cache of the same kind, as the only record of an
 * "answer": so they age, make room for each other and are bounded as answers are.
 */
#include "dataplane/auth/spf_compile.h"
#include "dataplane/shard/shard_state.h"

static const struct dns_answer *known(void *arg, const struct dns_question *q, uint64_t now_us)
{
	struct shard *s = arg;

	return dns_cache_get(s->dns, q, now_us);
}

static struct span recall(void *arg, const struct dns_question *q, uint64_t now_us)
{
	struct shard *s = arg;
	const struct dns_answer *a = dns_cache_get(s->kept, q, now_us);
	struct span block = SPAN("");
	uint32_t cursor = 0;

	if (a && !dns_answer_next(a, &cursor, &block))
		return SPAN("");
	return block;
}

static void keep(void *arg, const struct dns_question *q, struct span block, uint32_t ttl_s, uint64_t now_us)
{
	struct shard *s = arg;
	uint32_t room[(SPF_COMPILE_OCTETS_MAX + 64) / sizeof(uint32_t)];
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NODATA, ttl_s);

	if (dns_answer_add(a, sizeof(room), block))
		dns_cache_put(s->kept, q, a, now_us);
}

struct auth_memory shard_memory_for_auth(struct shard *s)
{
	return (struct auth_memory){ .known = known, .recall = recall, .keep = keep, .arg = s };
}
