// SPDX-License-Identifier: MIT
/*
 * tcp_ooo.c - octets that arrived before those in front of them
 */
#include "dataplane/net/tcp_ooo.h"
#include "dataplane/net/tcp_seq.h"

/* How many runs start at @seq or before it. */
static size_t n_until(const struct tcp_ooo *o, uint32_t seq)
{
	const struct tcp_ooo_run *runs = o->n_runs ? tcp_ooo_table(o)->runs : NULL;
	size_t low = 0, high = o->n_runs;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (seq_le(runs[middle].seq, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void open_at(struct tcp_ooo *o, size_t i)
{
	struct tcp_ooo_run *runs = tcp_ooo_table(o)->runs;

	memmove(runs + i + 1, runs + i, (o->n_runs - i) * sizeof(*runs));
	o->n_runs++;
}

static void close_at(struct tcp_ooo *o, size_t i)
{
	struct tcp_ooo_run *runs = tcp_ooo_table(o)->runs;

	o->n_runs--;
	memmove(runs + i, runs + i + 1, (o->n_runs - i) * sizeof(*runs));
}

/* Stores @data, which touches no octet that is there, in front of run number @i. */
static size_t insert_piece(struct tcp_ooo *o, struct tcp_blocks *blocks, size_t i, uint32_t seq, struct span data,
			   size_t n_max)
{
	struct tcp_ooo_run *runs = tcp_ooo_table(o)->runs;
	bool follows = i > 0 && runs[i - 1].end == seq, scarce = blocks->pool.n_used > blocks->pool.n_total / 2;
	struct tcp_buffer chain = { 0 };

	if (follows)
		chain = (struct tcp_buffer){ runs[i - 1].head, runs[i - 1].tail };
	else if (o->n_runs >= (scarce ? TCP_OOO_RUNS_SCARCE : TCP_OOO_RUNS))
		return 0;
	size_t n = tcp_buffer_append(&chain, blocks, seq, data, n_max);
	if (n == 0)
		return 0;
	if (follows) {
		i--;
		runs[i].tail = chain.tail;
		runs[i].end = seq + (uint32_t)n;
	} else {
		open_at(o, i);
		runs[i] = (struct tcp_ooo_run){ chain.head, chain.tail, seq, seq + (uint32_t)n };
	}
	if (i + 1u < o->n_runs && runs[i].end == runs[i + 1].seq) { /* the gap is closed */
		tcp_buffer_join(&chain, blocks, runs[i + 1].head);
		runs[i].tail = chain.tail;
		runs[i].end = runs[i + 1].end;
		close_at(o, i + 1);
	}
	return n;
}

static bool take_table(struct tcp_ooo *o, struct tcp_blocks *blocks, size_t n_blocks_max)
{
	if (o->table)
		return true;
	if (n_blocks_max < 2 || tcp_blocks_free(blocks, blocks->keep_ooo) < 2)
		return false; /* the table alone is of no use */
	o->table = pool_take(&blocks->pool);
	CHECK(o->table);
	tcp_ooo_table(o)->n_recent = 0;
	o->n_blocks = 1;
	return true;
}

static void give_table(struct tcp_ooo *o, struct tcp_blocks *blocks)
{
	CHECK(o->n_runs == 0);
	if (o->table)
		pool_give(&blocks->pool, o->table);
	*o = (struct tcp_ooo){ 0 };
}

/* @seq moves to the front. */
static void note_recent(struct tcp_ooo_table *table, uint32_t seq)
{
	if (table->n_recent < TCP_SACK_BLOCKS)
		table->n_recent++;
	memmove(table->recent + 1, table->recent, (table->n_recent - 1) * sizeof(table->recent[0]));
	table->recent[0] = seq;
}

bool tcp_ooo_insert(struct tcp_ooo *o, struct tcp_blocks *blocks, uint32_t seq, struct span data, size_t n_blocks_max,
		    struct tcp_sack_block *known)
{
	bool all = true;

	*known = (struct tcp_sack_block){ seq, seq };
	if (data.len == 0)
		return true;
	if (!take_table(o, blocks, n_blocks_max))
		return false;
	uint32_t first = seq;
	while (data.len) {
		struct tcp_ooo_run *runs = tcp_ooo_table(o)->runs;
		size_t i = n_until(o, seq);
		size_t old = i ? seq_past(seq, runs[i - 1].end) : 0;

		old = old < data.len ? old : data.len;
		if (old && known->start == known->end)
			*known = (struct tcp_sack_block){ seq, seq + (uint32_t)old };
		data = span_skip(data, old);
		seq += (uint32_t)old;
		if (!data.len)
			break;
		size_t piece = i < o->n_runs && runs[i].seq - seq < data.len ? runs[i].seq - seq : data.len;
		size_t n_max = n_blocks_max > o->n_blocks ? n_blocks_max - o->n_blocks : 0;
		size_t n_free = tcp_blocks_free(blocks, blocks->keep_ooo), n_used = blocks->pool.n_used;
		size_t n = insert_piece(o, blocks, i, seq, span_head(data, piece), n_max < n_free ? n_max : n_free);

		o->n_blocks = (uint16_t)(o->n_blocks + blocks->pool.n_used - n_used);
		if (n < piece) {
			all = false;
			break;
		}
		data = span_skip(data, piece);
		seq += (uint32_t)piece;
	}
	if (o->n_runs == 0)
		give_table(o, blocks);
	else if (tcp_ooo_at(o, first))
		note_recent(tcp_ooo_table(o), first);
	return all;
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

	while (o->n_runs && seq_le(tcp_ooo_table(o)->runs[0].seq, rcv_nxt)) {
		struct tcp_ooo_run run = tcp_ooo_table(o)->runs[0];
		struct tcp_buffer chain = { run.head, run.tail };

		close_at(o, 0);
		o->n_blocks = (uint16_t)(o->n_blocks - chain_len(run.head));
		tcp_buffer_drop(&chain, blocks, seq_min(rcv_nxt, run.end) - run.seq);
		tcp_buffer_join(to, blocks, chain.head);
		rcv_nxt = seq_max(rcv_nxt, run.end);
	}
	if (o->table && o->n_runs == 0)
		give_table(o, blocks);
	return rcv_nxt - from;
}

const struct tcp_ooo_run *tcp_ooo_at(const struct tcp_ooo *o, uint32_t seq)
{
	size_t i = n_until(o, seq);
	const struct tcp_ooo_run *run = i ? &tcp_ooo_table(o)->runs[i - 1] : NULL;

	return run && seq_lt(seq, run->end) ? run : NULL;
}

static bool is_reported(const struct tcp_sack_block *out, uint8_t n, uint32_t start)
{
	for (uint8_t i = 0; i < n; i++)
		if (out[i].start == start)
			return true;
	return false;
}

uint8_t tcp_ooo_report(const struct tcp_ooo *o, struct tcp_sack_block *out, uint8_t n, uint8_t max)
{
	for (size_t i = 0; o->table && i < tcp_ooo_table(o)->n_recent && n < max; i++) {
		const struct tcp_ooo_run *run = tcp_ooo_at(o, tcp_ooo_table(o)->recent[i]);

		if (run && !is_reported(out, n, run->seq))
			out[n++] = (struct tcp_sack_block){ run->seq, run->end };
	}
	/* Others say nothing new, but the ACK that did may have been lost (RFC 2018 4). */
	for (size_t i = 0; i < o->n_runs && n < max; i++) {
		const struct tcp_ooo_run *run = &tcp_ooo_table(o)->runs[i];

		if (!is_reported(out, n, run->seq))
			out[n++] = (struct tcp_sack_block){ run->seq, run->end };
	}
	return n;
}

void tcp_ooo_clear(struct tcp_ooo *o, struct tcp_blocks *blocks)
{
	for (size_t i = 0; i < o->n_runs; i++) {
		struct tcp_buffer chain = { tcp_ooo_table(o)->runs[i].head, tcp_ooo_table(o)->runs[i].tail };

		tcp_buffer_clear(&chain, blocks);
	}
	o->n_runs = 0;
	give_table(o, blocks);
}
