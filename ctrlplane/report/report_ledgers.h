// SPDX-License-Identifier: MIT
/*
 * report_ledgers.h - what the workers wrote down for reports, in files that outlive the process (dataplane/base/ledger.h)
 *
 * A file for each worker, which both map.  The worker writes; the side thread reads, and keeps its places in the store in
 * the transaction that has the rows.  Files of workers that are no more are read to their end, then removed.
 */
#ifndef REPORT_LEDGERS_H
#define REPORT_LEDGERS_H

#include "ctrlplane/report/report_store.h"
#include "dataplane/base/ledger.h"
#include "dataplane/shard/shard_link.h"

#define REPORT_LEDGERS_MAX 128 /* workers */

struct report_ledger {
	struct ledger ledger;
	void *memory; /* NULL: there is none */
	size_t size;
	uint64_t kept, seen; /* places: in the store; read before, even if that was undone */
};

struct report_ledgers {
	struct report_ledger each[REPORT_LEDGERS_MAX];
	unsigned n_workers, n; /* n: of each, the first that may have one */
	unsigned turn;         /* whose entry is next */
	char base[192];
	uint64_t n_damaged; /* times that entries were left out, since the start */
};

/* One entry; all borrowed until the next call. */
struct report_told {
	enum shard_told_kind kind;
	bool rua, ruf;
	bool again; /* it was read before, and then undone */
	struct report_message message;
	int64_t number;
	struct span address;
};

/**
 * report_ledgers_open - those of @n_workers, and those that are left of more
 * @base: path; a dot and the number follow
 * @octets: of each, a power of two; one in which something waits keeps the size that it has
 * @file: has the places
 * @note: of 256 octets, set to what the operator should know, or ""
 * False with @error, of 512 octets.
 */
bool MUST_USE report_ledgers_open(struct report_ledgers *ls, const char *base, unsigned n_workers, uint64_t octets,
				  struct report_store *file, char note[256], char error[512]);
/* What is read to its end goes, file and all; the workers have ended. */
void report_ledgers_close(struct report_ledgers *ls);

struct ledger *report_ledgers_of(struct report_ledgers *ls, unsigned worker);

/* The next entry of any; false: there is none now.  @room: LEDGER_ENTRY_MAX octets. */
bool MUST_USE report_ledgers_next(struct report_ledgers *ls, struct report_told *out, uint8_t *room);
/* Commits, with the places; false: all since the last time is undone, and comes again. */
bool MUST_USE report_ledgers_keep(struct report_ledgers *ls, struct report_store *file);
void report_ledgers_undo(struct report_ledgers *ls, struct report_store *file);

uint64_t report_ledgers_n_refused(const struct report_ledgers *ls); /* entries for which there was no room */

#endif
