// SPDX-License-Identifier: MIT
/*
 * msg_store.h - messages while they are with us, in bounded memory
 *
 * The header section lies in one piece, the body in blocks, so that nothing is copied twice and
 * nothing is allocated.  When a pool is empty the message gets 452 4.3.1.  Some blocks are kept for small messages, so that
 * a few large ones, which may take half an hour to come, do not stop all mail.
 */
#ifndef MSG_STORE_H
#define MSG_STORE_H

#include "dataplane/base/err.h"
#include "dataplane/base/pool.h"
#include "dataplane/base/stats.h"
#include "dataplane/msg/msg_header.h"

struct msg_store_settings {
	uint32_t messages_max;      /* at once, per shard */
	uint32_t header_max;        /* 256 KiB: then 552 5.6.0 */
	uint32_t fields_max;        /* 2000 */
	uint32_t headers_large_max; /* messages at once whose header is longer than MSG_HEADER_SMALL */
	uint32_t blocks;            /* body blocks of MSG_BLOCK octets */
	uint32_t blocks_reserved;   /* of these: for bodies of MSG_SMALL_BLOCKS at most, or a single longer one */
};

#define MSG_BLOCK 16384
#define MSG_SMALL_BLOCKS 64   /* 1 MiB: longer bodies do not get the last blocks */
#define MSG_HEADER_SMALL 8192 /* header that needs no large buffer */

struct msg_store;
struct msg;

struct msg_store_settings msg_store_settings_default(void);
size_t msg_store_memory(const struct msg_store_settings *settings);
struct msg_store *msg_store_init(void *memory, const struct msg_store_settings *settings, struct stats *stats);

struct msg *msg_take(struct msg_store *s); /* NULL: none free */
void msg_give(struct msg_store *s, struct msg *m);

/**
 * msg_append - octets of the message in order, cut anywhere
 * @body: set to the part of @in that is body; may be empty
 *
 * ERR_TOO_LONG: the header section is over the limits; ERR_NO_MEMORY: a pool is empty.
 */
enum err MUST_USE msg_append(struct msg_store *s, struct msg *m, struct span in, struct span *body);

/* The message is complete: a message without an empty line is all header. */
enum err MUST_USE msg_end(struct msg_store *s, struct msg *m);

bool msg_header_complete(const struct msg *m);               /* true from the empty line (or msg_end()) on */
const struct msg_header *msg_header_of(const struct msg *m); /* valid when complete, until msg_give() */
bool msg_has_separator(const struct msg *m);                 /* an empty line followed the header section */
uint64_t msg_body_len(const struct msg *m);
uint64_t msg_len(const struct msg *m); /* octets as received */

/* Reads body octets from offset @at on: the longest run in one piece, empty at the end. */
struct span msg_body_at(const struct msg *m, uint64_t at);

/* Number of Received fields (RFC 5321 6.3). */
unsigned msg_hops(const struct msg *m);

size_t msg_store_n_free_blocks(const struct msg_store *s);

/* Of body blocks, for how full it is. */
struct pool;
const struct pool *msg_store_blocks(const struct msg_store *s);

#endif
