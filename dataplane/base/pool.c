// SPDX-License-Identifier: MIT
/*
 * pool.c - objects of one size, all taken at start-up
 */
#include "dataplane/base/pool.h"

void pool_init(struct pool *p, void *memory, size_t n, size_t object_size)
{
	*p = (struct pool){ .memory = memory, .n_total = n, .object_size = pool_object_size(object_size) };
	CHECK(((uintptr_t)memory & 63) == 0);
	/* Threaded backwards, so that the first objects are handed out first and the rest stay untouched. */
	for (size_t i = n; i > 0; i--) {
		void *object = pool_at(p, i - 1);
		memcpy(object, &p->free, sizeof(p->free));
		p->free = object;
	}
}

void *pool_take(struct pool *p)
{
	void *object = p->free;

	if (!object) {
		p->n_refused++;
		return NULL;
	}
	memcpy(&p->free, object, sizeof(p->free));
	if (++p->n_used > p->n_used_most)
		p->n_used_most = p->n_used;
	return object;
}

void pool_give(struct pool *p, void *object)
{
	CHECK(p->n_used > 0);
	DCHECK(pool_index(p, object) < p->n_total);
	memcpy(object, &p->free, sizeof(p->free));
	p->free = object;
	p->n_used--;
}
