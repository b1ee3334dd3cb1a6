// SPDX-License-Identifier: MIT
/*
 * tcp_ooo.h - octets that arrived before those in front of them
 *
 * Runs of octets in sequence order with gaps between them, a bounded number of runs in a bounded number of blocks.  The
 * runs are named in a sorted table, which lies in a block of the same pool and is there only while octets are missing:
 * a run is found by halving, however small the peer cuts its segments (CVE-2018-5390).
 */
#ifndef NET_TCP_OOO_H
#define NET_TCP_OOO_H

#include "dataplane/net/tcp_buffer.h"
#include "dataplane/net/tcp_options.h"

#define TCP_OOO_RUNS 64
#define TCP_OOO_RUNS_SCARCE 8 /* when less than half of the blocks are free: a run pins one at least */

struct tcp_ooo_run {
	struct tcp_block *head, *tail;
	uint32_t seq, end;
};

struct tcp_ooo_table {
	uint32_t recent[TCP_SACK_BLOCKS]; /* numbers that arrived last, the newest first: these runs are reported */
	uint32_t n_recent;
	struct tcp_ooo_run runs[TCP_OOO_RUNS];
};
_Static_assert(sizeof(struct tcp_ooo_table) <= TCP_BLOCK_ROOM, "fits into a block");

struct tcp_ooo {
	struct tcp_block *table; /* its data is a struct tcp_ooo_table; NULL: nothing is out of order */
	uint16_t n_blocks;       /* the table included */
	uint8_t n_runs;
};

static inline struct tcp_ooo_table *tcp_ooo_table(const struct tcp_ooo *o)
{
	return (struct tcp_ooo_table *)(void *)o->table->data;
}

/**
 * tcp_ooo_insert - keep @data until the gap before it is filled
 * @seq: of its first octet
 * @n_blocks_max: for all runs together
 * @known: set to the first stretch of @data that was there already (RFC 2883 4); empty: none
 *
 * Of octets that are there already the old ones stay.  Returns false when some of it found no room: it was as if
 * that had been lost.
 */
bool tcp_ooo_insert(struct tcp_ooo *o, struct tcp_blocks *blocks, uint32_t seq, struct span data, size_t n_blocks_max,
		    struct tcp_sack_block *known);

/* Moves what follows @rcv_nxt without a gap to the end of @to; returns how many octets that were. */
uint32_t tcp_ooo_take(struct tcp_ooo *o, struct tcp_blocks *blocks, uint32_t rcv_nxt, struct tcp_buffer *to);

/* The run that holds @seq; NULL: none. */
const struct tcp_ooo_run *tcp_ooo_at(const struct tcp_ooo *o, uint32_t seq);

/* Adds the runs to report to the @n that @out has, up to @max, the one that grew last first (RFC 2018 4); returns how
 * many are there then. */
uint8_t tcp_ooo_report(const struct tcp_ooo *o, struct tcp_sack_block *out, uint8_t n, uint8_t max);

void tcp_ooo_clear(struct tcp_ooo *o, struct tcp_blocks *blocks);

#endif
