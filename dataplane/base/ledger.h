// SPDX-License-Identifier: MIT
/*
 * ledger.h - a ring of entries in memory that outlives the process: one writer, one reader
 *
 * The memory is a file that both map, so what was written is there after a kill -9, and the next process reads on.  The
 * reader keeps where it is with what it makes of the entries, in one transaction (ledger_at()): so none is lost, none is
 * taken twice.  The place that the memory itself has is only what may be written over.
 *
 *	head               read and kept for good: room
 *	head .. at         read, not kept yet: read again after a kill
 *	at .. tail         to be read
 *
 * Places are octets since the ledger was made and never wrap.  An entry's sum goes over its octets and its place, so that
 * what a broken disk or a stale page gives is known as that.
 */
#ifndef BASE_LEDGER_H
#define BASE_LEDGER_H

#include <stdalign.h>
#include <stdatomic.h>

#include "dataplane/base/span.h"

#define LEDGER_ENTRY_MAX 8192 /* octets of an entry */
#define LEDGER_OCTETS_MIN (UINT64_C(1) << 15)
#define LEDGER_OCTETS_MAX (UINT64_C(1) << 30)

/* In the memory, in front of the octets. */
struct ledger_head {
	uint64_t magic, octets, name;      /* name: of this ledger alone, among all that were ever at its place */
	alignas(64) _Atomic uint64_t head; /* the reader's */
	alignas(64) _Atomic uint64_t tail; /* the writer's, as is n_refused */
	_Atomic uint64_t n_refused;        /* entries for which there was no room */
};

struct ledger {
	struct ledger_head *shared;
	uint8_t *octets;
	uint64_t mask;
	uint64_t at; /* the reader's place */
};

/* What memory a ledger of @octets takes; a power of two between the limits above. */
static inline size_t ledger_memory(uint64_t octets)
{
	return sizeof(struct ledger_head) + (size_t)octets;
}

/* A new one, empty; @memory: zeroed, aligned as a page is, kept for good. */
void ledger_make(struct ledger *l, void *memory, uint64_t octets, uint64_t name);
/* One that is there; false: it is none, or not one of this program's.  It is read from its head on, or see ledger_seek(). */
bool MUST_USE ledger_join(struct ledger *l, void *memory, size_t size);

/* Writer: one entry of @n parts.  False: no room, and counted as refused. */
bool ledger_put(struct ledger *l, const struct span *parts, size_t n);

enum ledger_read { LEDGER_EMPTY, LEDGER_ENTRY, LEDGER_DAMAGED };

/**
 * ledger_next - Reader: the next entry into @room, of LEDGER_ENTRY_MAX octets
 * DAMAGED: from here on nothing can be read; the place is at the tail, for what comes from now on.
 */
enum ledger_read ledger_next(struct ledger *l, uint8_t *room, size_t *len);
/* Reader: on from @at, as it was kept.  False: the memory is older than that, and what is in it has been taken. */
bool ledger_seek(struct ledger *l, uint64_t at);
/* Reader: what is before @at is kept for good. */
void ledger_release(struct ledger *l, uint64_t at);

static inline uint64_t ledger_at(const struct ledger *l)
{
	return l->at;
}

/* Whether the reader has had all that is there now. */
static inline bool ledger_is_read(const struct ledger *l)
{
	return l->at == atomic_load_explicit(&l->shared->tail, memory_order_acquire);
}

#endif
