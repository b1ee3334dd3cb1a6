// SPDX-License-Identifier: MIT
/*
 * tcp_ooo.h - octets that arrived before those in front of them
 *
 * Runs of octets in sequence order with gaps between them, a bounded number of runs in a bounded number of blocks:
 * inserting looks at TCP_OOO_RUNS runs at most, however small the peer cuts its segments (CVE-2018-5390).
 */
#ifndef NET_TCP_OOO_H
#define NET_TCP_OOO_H

#include "dataplane/net/tcp_buffer.h"

#define TCP_OOO_RUNS 16

struct tcp_ooo {
	struct tcp_block *first; /* runs are linked by next_run; run_tail is a run's last block */
	uint16_t n_blocks;
	uint8_t n_runs;
};

/**
 * tcp_ooo_insert - keep @data until the gap before it is filled
 * @seq: of its first octet
 * @n_blocks_max: for all runs together
 *
 * Of octets that are there already the old ones stay.  Returns false when some of it found no room: it was as if
 * that had been lost.
 */
bool tcp_ooo_insert(struct tcp_ooo *o, struct tcp_blocks *blocks, uint32_t seq, struct span data, size_t n_blocks_max);

/* Moves what follows @rcv_nxt without a gap to the end of @to; returns how many octets that were. */
uint32_t tcp_ooo_take(struct tcp_ooo *o, struct tcp_blocks *blocks, uint32_t rcv_nxt, struct tcp_buffer *to);

void tcp_ooo_clear(struct tcp_ooo *o, struct tcp_blocks *blocks);

static inline uint32_t tcp_ooo_run_end(const struct tcp_block *run)
{
	return run->run_tail->seq + run->run_tail->len;
}

#endif
