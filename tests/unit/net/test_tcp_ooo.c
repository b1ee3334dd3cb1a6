// SPDX-License-Identifier: MIT
/*
 * test_tcp_ooo.c - reassembly beside a twin that keeps one flag for each octet; buffers; the flow table
 */
#include <stdlib.h>

#include "dataplane/net/tcp_ooo.h"
#include "dataplane/net/tcp_seq.h"
#include "dataplane/net/tcp_table.h"
#include "tests/tap.h"

enum { SPAN_MAX = 20000, BLOCKS = 64 };

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

static uint8_t octet(uint32_t i)
{
	return (uint8_t)(i * 31 + i / 256);
}

static struct tcp_blocks blocks;
static uint8_t *memory;

/* Random stretches arrive in random order; in the end every octet must have come out once and right. */
static const char *history(uint64_t seed)
{
	static uint8_t all[SPAN_MAX];
	static bool stored[SPAN_MAX];
	struct tcp_ooo ooo = { 0 };
	struct tcp_buffer in_order = { 0 };
	uint32_t base = (uint32_t)seed * 0x40000000u - 3000, nxt = 0;

	random_state = seed;
	for (uint32_t i = 0; i < SPAN_MAX; i++)
		all[i] = octet(i);
	memset(stored, 0, sizeof(stored));
	while (nxt < SPAN_MAX) {
		uint32_t reach = SPAN_MAX - nxt < 6000 ? SPAN_MAX - nxt : 6000,
			 from = nxt + (draw(8) ? draw(reach) : 0);
		uint32_t len = 1 + draw(draw(4) ? 1460 : 20);
		struct tcp_sack_block known;

		len = len < SPAN_MAX - from ? len : SPAN_MAX - from;
		if (from > nxt) {
			if (tcp_ooo_insert(&ooo, &blocks, base + from, span_of(all + from, len), 32, &known))
				memset(stored + from, 1, len);
		} else {
			uint32_t seq = base + nxt;

			if (tcp_buffer_append(&in_order, &blocks, seq, span_of(all + from, len), BLOCKS) != len)
				return "no blocks";
			nxt += len;
			uint32_t more = tcp_ooo_take(&ooo, &blocks, base + nxt, &in_order);
			for (uint32_t i = nxt; i < nxt + more; i++)
				if (stored[i] != true)
					stored[i] = true; /* a part of a stretch that was not kept whole */
			nxt += more;
			if (nxt < SPAN_MAX && stored[nxt] && ooo.n_runs < TCP_OOO_RUNS)
				return "octets stored were not taken";
		}
		if (ooo.n_runs > TCP_OOO_RUNS || ooo.n_blocks > 32)
			return "the bounds were passed";
		while (in_order.head && draw(3)) {
			struct tcp_block *k = in_order.head;
			uint32_t at = k->seq - base, n = 1 + draw(k->len);

			for (uint32_t i = 0; i < n; i++)
				if (k->data[k->off + i] != octet(at + i))
					return "an octet is wrong";
			tcp_buffer_drop(&in_order, &blocks, n);
		}
	}
	tcp_buffer_clear(&in_order, &blocks);
	tcp_ooo_clear(&ooo, &blocks);
	return blocks.pool.n_used ? "blocks leaked" : NULL;
}

static void buffer(void)
{
	static uint8_t data[10000], out[10000];
	struct tcp_buffer b = { 0 };
	struct tcp_block *hint = NULL;
	bool good = true;

	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = octet(i);
	ok(tcp_buffer_append(&b, &blocks, 0xfffffff0, span_of(data, 10000), 3) == 3 * TCP_BLOCK_ROOM,
	   "no more is taken than the blocks allowed hold");
	uint32_t n = 3 * TCP_BLOCK_ROOM;
	ok(tcp_buffer_append(&b, &blocks, 0xfffffff0 + n, span_of(data + n, 10000 - n), 9) == 10000 - n,
	   "the rest is taken later");
	for (uint32_t at = 0; at < 10000; at += 700) {
		uint32_t len = 10000 - at < 700 ? 10000 - at : 700;

		tcp_buffer_read(&b, &hint, 0xfffffff0 + at, len, out);
		good = good && memcmp(out, data + at, len) == 0;
	}
	tcp_buffer_read(&b, &hint, 0xfffffff0 + 5, 9000, out);
	ok(good && memcmp(out, data + 5, 9000) == 0, "reading on, and going back, across blocks and the wrap");
	tcp_buffer_drop(&b, &blocks, 2 * TCP_BLOCK_ROOM + 1);
	hint = NULL;
	tcp_buffer_read(&b, &hint, 0xfffffff0 + 2 * TCP_BLOCK_ROOM + 1, 100, out);
	ok(memcmp(out, data + 2 * TCP_BLOCK_ROOM + 1, 100) == 0, "what is dropped is gone, the rest keeps its numbers");
	tcp_buffer_clear(&b, &blocks);
	ok(blocks.pool.n_used == 0, "all blocks come back");
}

struct record {
	uint64_t other;
	struct tcp_flow flow;
};

static void table(void)
{
	enum { N = 1000 };
	const struct siphash_key secret = { 1, 2 };
	struct pool pools[2];
	struct tcp_table t;
	size_t n_buckets = tcp_table_buckets(N / 4), size = pool_memory(N, sizeof(struct record));
	uint32_t *buckets = calloc(n_buckets, sizeof(*buckets));
	uint8_t *at = aligned_alloc(64, 2 * size);
	struct record *records[N];
	enum tcp_kind kind;
	bool good = true;

	tcp_table_init(&t, buckets, n_buckets, &secret);
	for (size_t i = 0; i < 2; i++) {
		pool_init(&pools[i], at + i * size, N, sizeof(struct record));
		tcp_table_kind(&t, i ? TCP_KIND_WAIT : TCP_KIND_CONN, &pools[i], offsetof(struct record, flow));
	}
	for (uint16_t i = 0; i < N; i++) {
		records[i] = pool_take(&pools[i % 2]);
		records[i]->flow = (struct tcp_flow){ .key = { .local_port = 25, .remote_port = i } };
		tcp_table_add(&t, i % 2 ? TCP_KIND_WAIT : TCP_KIND_CONN, records[i]);
	}
	for (uint16_t i = 0; i < N; i++)
		if (i % 3 == 0)
			tcp_table_remove(&t, i % 2 ? TCP_KIND_WAIT : TCP_KIND_CONN, records[i]);
	for (uint16_t i = 0; i < N; i++) {
		const struct tcp_key key = { .local_port = 25, .remote_port = i };
		void *found = tcp_table_find(&t, &key, &kind);

		if (i % 3 == 0)
			good = good && !found && kind == TCP_KIND_NONE;
		else
			good = good && found == records[i] && kind == (i % 2 ? TCP_KIND_WAIT : TCP_KIND_CONN);
	}
	ok(good, "the table finds what is in it, with its kind, and nothing else");
	free(buckets);
	free(at);
}

/* Gaps that nobody fills: a bounded number of them, fewer when memory is scarce. */
static void bounds(void)
{
	struct tcp_ooo ooo = { 0 };
	struct tcp_sack_block known, told[TCP_SACK_BLOCKS];
	const uint8_t one = 1;
	uint32_t n = 0;

	while (tcp_ooo_insert(&ooo, &blocks, 10 * n + 10, span_of(&one, 1), 2000, &known))
		n++;
	ok(n == (BLOCKS - 1 > TCP_OOO_RUNS ? TCP_OOO_RUNS : BLOCKS / 2) && ooo.n_runs == n,
	   "runs are no more than fit, and few when half of all blocks are in use");
	ok(tcp_ooo_report(&ooo, told, 0, 3) == 3 && told[0].start == 10 * n && told[1].start == 10 * n - 10 &&
		   told[2].start == 10 * n - 20,
	   "those that came last are told first (RFC 2018 4)");
	tcp_ooo_insert(&ooo, &blocks, 50, span_of(&one, 1), 2000, &known);
	ok(known.start == 50 && known.end == 51, "an octet that comes again is told of (RFC 2883)");
	ok(tcp_ooo_report(&ooo, told, 0, 3) == 3 && told[0].start == 50 && told[0].end == 51 && told[1].start == 10 * n,
	   "and its run comes to the front");
	ok(!tcp_ooo_at(&ooo, 49) && tcp_ooo_at(&ooo, 50) && !tcp_ooo_at(&ooo, 51), "a run is found by its octets");
	tcp_ooo_clear(&ooo, &blocks);
	ok(blocks.pool.n_used == 0 && !ooo.table, "cleared, it holds nothing");
}

int main(void)
{
	memory = aligned_alloc(64, pool_memory(BLOCKS, 2048));
	pool_init(&blocks.pool, memory, BLOCKS, 2048);
	buffer();
	for (uint64_t seed = 1; seed <= 40; seed++) {
		const char *wrong = history(seed);

		ok(!wrong, "seed %" PRIu64 ": stretches in any order come out as they were%s%s", seed,
		   wrong ? ": " : "", wrong ? wrong : "");
	}
	bounds();
	table();
	free(memory);
	return done();
}
