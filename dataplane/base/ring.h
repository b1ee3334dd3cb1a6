// SPDX-License-Identifier: MIT
/*
 * ring.h - one producer, one consumer, pointers pass in order
 *
 * The only thing that two threads share.  Ownership of what a pointer names moves
 * with it.  A full ring is the producer's to answer: it keeps the object.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdalign.h>
#include <stdatomic.h>

#include "dataplane/base/span.h"

struct ring {
	void **slots;
	size_t mask;
	alignas(64) _Atomic size_t head; /* written by the consumer */
	alignas(64) _Atomic size_t tail; /* written by the producer */
};

/* @slots: an array of @n pointers, @n a power of two; kept by the ring for good. */
static inline void ring_init(struct ring *r, void **slots, size_t n)
{
	CHECK(n && (n & (n - 1)) == 0);
	r->slots = slots;
	r->mask = n - 1;
	atomic_init(&r->head, 0);
	atomic_init(&r->tail, 0);
}

/* Producer only.  False when full: @object is still the caller's. */
static inline bool MUST_USE ring_put(struct ring *r, void *object)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail - atomic_load_explicit(&r->head, memory_order_acquire) > r->mask)
		return false;
	r->slots[tail & r->mask] = object;
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

/* Producer only: whether ring_put() would take one more. */
static inline bool ring_has_room(struct ring *r)
{
	return atomic_load_explicit(&r->tail, memory_order_relaxed) -
		       atomic_load_explicit(&r->head, memory_order_acquire) <=
	       r->mask;
}

/* Consumer only.  NULL when empty. */
static inline void *ring_get(struct ring *r)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&r->tail, memory_order_acquire))
		return NULL;
	void *object = r->slots[head & r->mask];
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return object;
}

#endif
