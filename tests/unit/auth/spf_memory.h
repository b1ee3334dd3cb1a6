// SPDX-License-Identifier: MIT
/*
 * spf_memory.h - what a worker keeps for the verifiers, small and slow, for the tests
 */
#ifndef SPF_MEMORY_H
#define SPF_MEMORY_H

#include "dataplane/auth/spf_compile.h"
#include "dataplane/auth/spf_program.h"
#include "tests/zone.h"

#define MEMORY_BLOCKS 64

struct memory_block {
	struct dns_question q;
	uint64_t end_us; /* 0: free */
	size_t len;
	uint8_t octets[SPF_COMPILE_OCTETS_MAX];
};

struct spf_memory {
	struct dns_zone *zone;
	unsigned hidden; /* of eight answers so many are not at hand */
	uint64_t seed;
	unsigned n_kept;
	uint32_t ttl_s; /* of the last block */
	struct memory_block blocks[MEMORY_BLOCKS];
};

static inline const struct dns_answer *memory_known(void *arg, const struct dns_question *q, uint64_t now_us)
{
	struct spf_memory *m = arg;
	uint64_t h = m->seed * 31 + q->type;

	(void)now_us;
	for (size_t i = 0; i < q->len; i++)
		h = (h ^ q->name[i]) * UINT64_C(0x100000001b3);
	return (h >> 20) % 8 < m->hidden ? NULL : dns_zone_answer(m->zone, q);
}

static inline struct memory_block *memory_find(struct spf_memory *m, const struct dns_question *q)
{
	for (size_t i = 0; i < MEMORY_BLOCKS; i++)
		if (m->blocks[i].end_us && dns_question_eq(&m->blocks[i].q, q))
			return &m->blocks[i];
	return NULL;
}

static inline struct span memory_recall(void *arg, const struct dns_question *q, uint64_t now_us)
{
	struct memory_block *b = memory_find(arg, q);

	return b && now_us < b->end_us ? span_of(b->octets, b->len) : SPAN("");
}

static inline void memory_keep(void *arg, const struct dns_question *q, struct span block, uint32_t ttl_s,
			       uint64_t now_us)
{
	struct spf_memory *m = arg;
	struct memory_block *b = memory_find(m, q);

	for (size_t i = 0; !b && i < MEMORY_BLOCKS; i++)
		if (!m->blocks[i].end_us)
			b = &m->blocks[i];
	if (!b || block.len > sizeof(b->octets))
		exit(1);
	m->n_kept++;
	m->ttl_s = ttl_s;
	b->q = *q;
	b->end_us = now_us + ttl_s * UINT64_C(1000000);
	b->len = block.len;
	memcpy(b->octets, block.at, block.len);
}

static inline struct auth_memory memory_of(struct spf_memory *m)
{
	return (struct auth_memory){ memory_known, memory_recall, memory_keep, m };
}

#endif
