// SPDX-License-Identifier: MIT
/*
 * tcp_buffer.c - octets to be acknowledged or read, in blocks from one pool
 */
#include "dataplane/net/tcp_buffer.h"
#include "dataplane/net/tcp_seq.h"

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t fill(struct tcp_block *k, struct span data)
{
	size_t end = (size_t)k->off + k->len, n = min_size(data.len, TCP_BLOCK_ROOM - end);

	if (n)
		memcpy(k->data + end, data.at, n);
	k->len = (uint16_t)(k->len + n);
	return n;
}

size_t tcp_buffer_append(struct tcp_buffer *b, struct tcp_blocks *blocks, uint32_t seq, struct span data, size_t n_max)
{
	size_t n = 0;

	DCHECK(!b->tail || b->tail->seq + b->tail->len == seq);
	if (b->tail)
		n = fill(b->tail, data);
	for (; n < data.len && n_max > 0; n_max--) {
		struct tcp_block *k = pool_take(&blocks->pool);

		if (!k)
			break;
		k->next = NULL;
		k->seq = seq + (uint32_t)n;
		k->off = k->len = 0;
		n += fill(k, span_skip(data, n));
		if (b->tail)
			b->tail->next = k;
		else
			b->head = k;
		b->tail = k;
	}
	return n;
}

static struct tcp_block *drop_head(struct tcp_buffer *b, struct tcp_blocks *blocks)
{
	struct tcp_block *next = b->head->next;

	pool_give(&blocks->pool, b->head);
	b->head = next;
	if (!next)
		b->tail = NULL;
	return next;
}

void tcp_buffer_drop(struct tcp_buffer *b, struct tcp_blocks *blocks, size_t n)
{
	while (n) {
		CHECK(b->head);
		size_t part = min_size(n, b->head->len);

		b->head->off = (uint16_t)(b->head->off + part);
		b->head->len = (uint16_t)(b->head->len - part);
		b->head->seq += (uint32_t)part;
		n -= part;
		if (b->head->len == 0)
			drop_head(b, blocks);
	}
}

void tcp_buffer_read(const struct tcp_buffer *b, struct tcp_block **hint, uint32_t seq, size_t len, uint8_t *out)
{
	struct tcp_block *k = *hint && seq_le((*hint)->seq, seq) ? *hint : b->head;

	while (len) {
		CHECK(k);
		uint32_t skip = seq - k->seq;

		if (skip >= k->len) {
			k = k->next;
			continue;
		}
		size_t n = min_size(len, k->len - skip);
		memcpy(out, k->data + k->off + skip, n);
		out += n;
		seq += (uint32_t)n;
		len -= n;
	}
	*hint = k;
}

void tcp_buffer_join(struct tcp_buffer *b, struct tcp_blocks *blocks, struct tcp_block *head)
{
	while (head) {
		struct tcp_block *next = head->next, *tail = b->tail;

		if (tail && (size_t)tail->off + tail->len + head->len <= TCP_BLOCK_ROOM) {
			fill(tail, span_of(head->data + head->off, head->len));
			pool_give(&blocks->pool, head);
		} else {
			if (tail)
				tail->next = head;
			else
				b->head = head;
			b->tail = head;
			head->next = NULL;
		}
		head = next;
	}
}

void tcp_buffer_clear(struct tcp_buffer *b, struct tcp_blocks *blocks)
{
	while (b->head)
		drop_head(b, blocks);
}
