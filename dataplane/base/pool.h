// SPDX-License-Identifier: MIT
/*
 * pool.h - objects of one size, all taken at start-up
 *
 * A pool hands out what it was given at pool_init() and nothing more.  When it is
 * empty pool_take() returns NULL: the caller has an answer for that (452, 421, drop)
 * and a counter.  One owner thread; no locks.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "dataplane/base/span.h"

struct pool {
	void *free; /* list threaded through the free objects */
	size_t n_total, n_used, n_used_most;
	uint64_t n_refused; /* takes from an empty pool */
	uint8_t *memory;
	size_t object_size;
};

/* What one object takes of the pool: half cache lines, so that an object never touches more lines than it must. */
static inline size_t pool_object_size(size_t object_size)
{
	return (object_size + 31) & ~(size_t)31;
}

/* Bytes that pool_init() needs for @n objects of @object_size, a multiple of 64. */
static inline size_t pool_memory(size_t n, size_t object_size)
{
	return (n * pool_object_size(object_size) + 63) & ~(size_t)63;
}

/* @memory: pool_memory() bytes, 64-byte aligned, kept by the pool for good. */
void pool_init(struct pool *p, void *memory, size_t n, size_t object_size);

/* One object, contents undefined, or NULL. */
void *pool_take(struct pool *p);

/* Gives @object back; it must have come from pool_take() of this pool. */
void pool_give(struct pool *p, void *object);

/* Number of an object within its pool, 0 .. n_total - 1: a small stable name for it. */
static inline size_t pool_index(const struct pool *p, const void *object)
{
	return (size_t)((const uint8_t *)object - p->memory) / p->object_size;
}

static inline void *pool_at(const struct pool *p, size_t index)
{
	DCHECK(index < p->n_total);
	return p->memory + index * p->object_size;
}

#endif
