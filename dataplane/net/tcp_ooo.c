// SPDX-License-Identifier: MIT
/*
 * tcp_ooo.c - octets that arrived before those in front of them
 */
#include "dataplane/net/tcp_ooo.h"
#include "dataplane/net/tcp_seq.h"

/* A gap was closed: @run now reaches to where @next starts. */
static void merge(struct tcp_ooo *o, struct tcp_blocks *blocks, struct tcp_block *run, struct tcp_block *next)
{
	struct tcp_buffer chain = { run, run->run_tail };
	struct tcp_block *after = next->next_run;

	tcp_buffer_join(&chain, blocks, next);
	run->run_tail = chain.tail;
	run->next_run = after;
	o->n_runs--;
}

/* Stores @data, which touches no octet that is there, between runs @prev and @next (each may be NULL). */
static size_t insert_piece(struct tcp_ooo *o, struct tcp_blocks *blocks, struct tcp_block *prev, struct tcp_block *next,
			   uint32_t seq, struct span data, size_t n_max)
{
	bool follows = prev && tcp_ooo_run_end(prev) == seq;
	struct tcp_buffer chain = { follows ? prev : NULL, follows ? prev->run_tail : NULL };

	if (!follows && o->n_runs == TCP_OOO_RUNS)
		return 0;
	size_t n = tcp_buffer_append(&chain, blocks, seq, data, n_max);
	if (n == 0)
		return 0;
	chain.head->run_tail = chain.tail;
	if (!follows) {
		chain.head->next_run = next;
		if (prev)
			prev->next_run = chain.head;
		else
			o->first = chain.head;
		o->n_runs++;
	}
	if (next && seq + (uint32_t)n == next->seq)
		merge(o, blocks, chain.head, next);
	return n;
}

bool tcp_ooo_insert(struct tcp_ooo *o, struct tcp_blocks *blocks, uint32_t seq, struct span data, size_t n_blocks_max)
{
	while (data.len) {
		struct tcp_block *prev = NULL, *next = o->first;

		while (next && seq_le(next->seq, seq)) {
			prev = next;
			next = next->next_run;
		}
		size_t known = prev ? seq_past(seq, tcp_ooo_run_end(prev)) : 0;
		if (known >= data.len)
			return true;
		data = span_skip(data, known);
		seq += (uint32_t)known;

		size_t piece = next && next->seq - seq < data.len ? next->seq - seq : data.len;
		size_t n_max = n_blocks_max > o->n_blocks ? n_blocks_max - o->n_blocks : 0;
		size_t n_free = tcp_blocks_free(blocks, blocks->keep_ooo), n_used = blocks->pool.n_used;
		size_t n = insert_piece(o, blocks, prev, next, seq, span_head(data, piece),
					n_max < n_free ? n_max : n_free);

		o->n_blocks = (uint16_t)(o->n_blocks + blocks->pool.n_used - n_used);
		if (n < piece)
			return false;
		data = span_skip(data, piece);
		seq += (uint32_t)piece;
	}
	return true;
}

static uint16_t chain_len(const struct tcp_block *k)
{
	uint16_t n = 0;

	for (; k; k = k->next)
		n++;
	return n;
}

uint32_t tcp_ooo_take(struct tcp_ooo *o, struct tcp_blocks *blocks, uint32_t rcv_nxt, struct tcp_buffer *to)
{
	uint32_t from = rcv_nxt;

	while (o->first && seq_le(o->first->seq, rcv_nxt)) {
		struct tcp_block *run = o->first;
		struct tcp_buffer chain = { run, run->run_tail };
		uint32_t end = tcp_ooo_run_end(run), old = seq_min(rcv_nxt, end) - run->seq;

		o->first = run->next_run;
		o->n_runs--;
		o->n_blocks = (uint16_t)(o->n_blocks - chain_len(run));
		tcp_buffer_drop(&chain, blocks, old);
		tcp_buffer_join(to, blocks, chain.head);
		rcv_nxt = seq_max(rcv_nxt, end);
	}
	return rcv_nxt - from;
}

void tcp_ooo_clear(struct tcp_ooo *o, struct tcp_blocks *blocks)
{
	while (o->first) {
		struct tcp_buffer chain = { o->first, o->first->run_tail };

		o->first = o->first->next_run;
		tcp_buffer_clear(&chain, blocks);
	}
	*o = (struct tcp_ooo){ 0 };
}
