// SPDX-License-Identifier: MIT
/*
 * ledger.c - a ring of entries in memory that outlives the process
 *
 * An entry is its length, its sum, its octets, and what fills eight; it may lie across the end of the memory.  The tail
 * moves last, so half an entry is none.
 */
#include "dataplane/base/ledger.h"

#define MAGIC UINT64_C(0x314c49484b4553) /* "SEKHIL1": of another layout, another number */

struct entry_head {
	uint32_t len, sum;
};

static uint64_t filled(uint64_t n)
{
	return (n + 7) & ~UINT64_C(7);
}

static void set(struct ledger *l, void *memory)
{
	l->shared = memory;
	l->octets = (uint8_t *)memory + sizeof(struct ledger_head);
	l->mask = l->shared->octets - 1;
	l->at = atomic_load(&l->shared->head);
}

static bool is_size(uint64_t octets)
{
	return octets >= LEDGER_OCTETS_MIN && octets <= LEDGER_OCTETS_MAX && (octets & (octets - 1)) == 0;
}

void ledger_make(struct ledger *l, void *memory, uint64_t octets, uint64_t name)
{
	struct ledger_head *h = memory;

	CHECK(is_size(octets));
	h->octets = octets;
	h->name = name;
	atomic_init(&h->head, 0);
	atomic_init(&h->tail, 0);
	atomic_init(&h->n_refused, 0);
	h->magic = MAGIC;
	set(l, memory);
}

bool ledger_join(struct ledger *l, void *memory, size_t size)
{
	struct ledger_head *h = memory;

	if (size < sizeof(*h) || h->magic != MAGIC || !is_size(h->octets) || size < ledger_memory(h->octets))
		return false;
	uint64_t head = atomic_load(&h->head), tail = atomic_load(&h->tail);
	if (head > tail || tail - head > h->octets || tail % 8 || head % 8)
		return false;
	set(l, memory);
	return true;
}

/* Across the end of the memory. */
static void put_octets(struct ledger *l, uint64_t at, struct span s)
{
	size_t offset = (size_t)(at & l->mask), to_end = (size_t)l->mask + 1 - offset;
	size_t n = s.len < to_end ? s.len : to_end;

	if (n)
		memcpy(l->octets + offset, s.at, n);
	if (s.len > n)
		memcpy(l->octets, s.at + n, s.len - n);
}

static void get_octets(const struct ledger *l, uint64_t at, uint8_t *to, size_t len)
{
	size_t offset = (size_t)(at & l->mask), to_end = (size_t)l->mask + 1 - offset;
	size_t n = len < to_end ? len : to_end;

	memcpy(to, l->octets + offset, n);
	memcpy(to + n, l->octets, len - n);
}

/* Against accidents: nobody outside can choose what is in the memory, so that no keyed hash is needed. */
static uint32_t sum_of(const struct ledger *l, uint64_t at, struct span entry)
{
	uint64_t sum = (l->shared->name ^ at) + entry.len;

	while (entry.len) {
		uint64_t word = 0;
		size_t n = entry.len < sizeof(word) ? entry.len : sizeof(word);

		memcpy(&word, entry.at, n);
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 32;
		entry = span_skip(entry, n);
	}
	return (uint32_t)sum;
}

bool ledger_put(struct ledger *l, const struct span *parts, size_t n)
{
	struct ledger_head *h = l->shared;
	uint64_t tail = atomic_load_explicit(&h->tail, memory_order_relaxed);
	uint8_t entry[LEDGER_ENTRY_MAX];
	size_t len = 0;

	for (size_t i = 0; i < n; len += parts[i++].len) {
		CHECK(parts[i].len <= sizeof(entry) - len);
		if (parts[i].len)
			memcpy(entry + len, parts[i].at, parts[i].len);
	}
	uint64_t size = sizeof(struct entry_head) + filled(len);
	if (size > l->mask + 1 - (tail - atomic_load_explicit(&h->head, memory_order_acquire))) {
		atomic_store_explicit(&h->n_refused, atomic_load_explicit(&h->n_refused, memory_order_relaxed) + 1,
				      memory_order_relaxed);
		return false;
	}
	struct entry_head head = { (uint32_t)len, sum_of(l, tail, span_of(entry, len)) };
	put_octets(l, tail, span_of(&head, sizeof(head)));
	put_octets(l, tail + sizeof(head), span_of(entry, len));
	atomic_store_explicit(&h->tail, tail + size, memory_order_release);
	return true;
}

enum ledger_read ledger_next(struct ledger *l, uint8_t *room, size_t *len)
{
	uint64_t tail = atomic_load_explicit(&l->shared->tail, memory_order_acquire), left = tail - l->at;
	struct entry_head head = { 0 };

	if (left == 0)
		return LEDGER_EMPTY;
	if (left >= sizeof(head))
		get_octets(l, l->at, (uint8_t *)&head, sizeof(head));
	if (left >= sizeof(head) && head.len <= LEDGER_ENTRY_MAX && filled(head.len) <= left - sizeof(head)) {
		get_octets(l, l->at + sizeof(head), room, head.len);
		if (sum_of(l, l->at, span_of(room, head.len)) == head.sum) {
			l->at += sizeof(head) + filled(head.len);
			*len = head.len;
			return LEDGER_ENTRY;
		}
	}
	l->at = tail;
	return LEDGER_DAMAGED;
}

bool ledger_seek(struct ledger *l, uint64_t at)
{
	uint64_t head = atomic_load(&l->shared->head), tail = atomic_load(&l->shared->tail);

	if (at > tail || at % 8)
		return false;
	l->at = at > head ? at : head;
	return true;
}

void ledger_release(struct ledger *l, uint64_t at)
{
	atomic_store_explicit(&l->shared->head, at, memory_order_release);
}
