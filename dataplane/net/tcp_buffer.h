// SPDX-License-Identifier: MIT
/*
 * tcp_buffer.h - octets to be acknowledged or read, in blocks from one pool
 *
 * A buffer is a chain of blocks in sequence order without gaps.  An idle connection holds none.
 */
#ifndef NET_TCP_BUFFER_H
#define NET_TCP_BUFFER_H

#include "dataplane/base/pool.h"
#include "dataplane/base/span.h"

#define TCP_BLOCK_HEADER 16

struct tcp_block {
	struct tcp_block *next;
	uint32_t seq; /* of the octet at data[off] */
	uint16_t off, len;
	uint8_t data[];
};
_Static_assert(sizeof(struct tcp_block) == TCP_BLOCK_HEADER, "TCP_BLOCK_ROOM counts on it");

#define TCP_BLOCK_ROOM (2048 - TCP_BLOCK_HEADER)

struct tcp_buffer {
	struct tcp_block *head, *tail;
};

/* All blocks of a shard, and who may have the last of them: octets in order come first, since taking them in is
 * what frees the peer and, through its acknowledgements, our own send buffers. */
struct tcp_blocks {
	struct pool pool;
	size_t n_promised;          /* to the segment that is borrowed now */
	size_t keep_send, keep_ooo; /* what sending and what out-of-order octets must leave in the pool */
};

/* Blocks that may be taken while @keep stay. */
static inline size_t tcp_blocks_free(const struct tcp_blocks *b, size_t keep)
{
	size_t used = b->pool.n_used + b->n_promised + keep;

	return used < b->pool.n_total ? b->pool.n_total - used : 0;
}

/**
 * tcp_buffer_append - copy octets to the end
 * @seq: of the first octet of @data; follows the last one of a buffer that is not empty
 * @n_max: how many new blocks may be taken (tcp_blocks_free())
 *
 * Returns how many octets were taken: fewer than there are when blocks ran out.
 */
size_t tcp_buffer_append(struct tcp_buffer *b, struct tcp_blocks *blocks, uint32_t seq, struct span data, size_t n_max);

/* Frees the first @n octets, of those that there are. */
void tcp_buffer_drop(struct tcp_buffer *b, struct tcp_blocks *blocks, size_t n);

/**
 * tcp_buffer_read - copy @len octets from sequence number @seq on, all of which must be there
 * @hint: a block of this buffer or NULL; set to the block that follows, so that reading on costs no search
 */
void tcp_buffer_read(const struct tcp_buffer *b, struct tcp_block **hint, uint32_t seq, size_t len, uint8_t *out);

/* Puts the chain @head .. @tail behind @b.  A block whose octets fit into the one before is copied into it, so that two
 * neighbours always hold more than one block could: peers cannot pin memory with crumbs. */
void tcp_buffer_join(struct tcp_buffer *b, struct tcp_blocks *blocks, struct tcp_block *head);

void tcp_buffer_clear(struct tcp_buffer *b, struct tcp_blocks *blocks);

#endif
