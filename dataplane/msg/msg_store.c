// SPDX-License-Identifier: MIT
/*
 * msg_store.c - messages while they are with us, in bounded memory
 *
 * A header section begins in the small buffer inside its message and moves, once, to a large one from a pool
 * when it outgrows that.  It must lie in one piece: verifiers work on spans of it.  The body is a list of blocks by
 * number; the first few numbers stand in the message, more in index blocks of the same pool, so that any offset is
 * found in two steps and a small message wastes nothing.
 */
#include "dataplane/msg/msg_received.h"
#include "dataplane/msg/msg_store.h"

#define EMPTY_LINE 2         /* CRLF after the section: a buffer must hold it for the end to be seen */
#define BLOCKS_IN_MESSAGE 12 /* 192 KiB */
#define BLOCKS_IN_INDEX (MSG_BLOCK / sizeof(uint32_t))
#define INDEXES_MAX 16 /* 4096 blocks each: 1 GiB in all */

struct msg {
	struct msg_store *store;
	struct msg_header header;
	uint8_t *bytes; /* the section as far as it came: small, or a large buffer */
	uint32_t bytes_len;
	uint32_t bytes_cap;
	enum err failed; /* sticky */
	bool complete;
	bool separator;
	uint64_t body_len;
	uint32_t n_blocks;
	uint32_t blocks[BLOCKS_IN_MESSAGE];
	uint32_t *indexes[INDEXES_MAX];
	/* then fields_max fields, then the small buffer */
};

struct msg_store {
	struct msg_store_settings settings;
	struct stats *stats;
	struct pool messages;
	struct pool large; /* header buffers */
	struct pool blocks;
	uint32_t n_large; /* messages of more than MSG_SMALL_BLOCKS */
};

/* memory */

struct msg_store_settings msg_store_settings_default(void)
{
	return (struct msg_store_settings){ .messages_max = 512,
					    .header_max = 262144,
					    .fields_max = MSG_FIELDS_MAX,
					    .headers_large_max = 64,
					    .blocks = 8192 };
}

static size_t small_cap(const struct msg_store_settings *s)
{
	return (s->header_max < MSG_HEADER_SMALL ? s->header_max : MSG_HEADER_SMALL) + EMPTY_LINE;
}

static size_t large_cap(const struct msg_store_settings *s)
{
	return (size_t)s->header_max + EMPTY_LINE;
}

static size_t message_size(const struct msg_store_settings *s)
{
	return sizeof(struct msg) + s->fields_max * sizeof(struct msg_field) + small_cap(s);
}

size_t msg_store_memory(const struct msg_store_settings *settings)
{
	return pool_memory(1, sizeof(struct msg_store)) + pool_memory(settings->messages_max, message_size(settings)) +
	       pool_memory(settings->headers_large_max, large_cap(settings)) + pool_memory(settings->blocks, MSG_BLOCK);
}

struct msg_store *msg_store_init(void *memory, const struct msg_store_settings *settings, struct stats *stats)
{
	struct msg_store *s = memory;
	uint8_t *at = (uint8_t *)memory + pool_memory(1, sizeof(*s));

	CHECK(settings->header_max <= UINT32_MAX - EMPTY_LINE);
	s->settings = *settings;
	s->stats = stats;
	s->n_large = 0;
	pool_init(&s->messages, at, settings->messages_max, message_size(settings));
	at += pool_memory(settings->messages_max, message_size(settings));
	pool_init(&s->large, at, settings->headers_large_max, large_cap(settings));
	at += pool_memory(settings->headers_large_max, large_cap(settings));
	pool_init(&s->blocks, at, settings->blocks, MSG_BLOCK);
	return s;
}

/* Where the small buffer of a message is. */
static uint8_t *small_buffer(struct msg *m)
{
	return (uint8_t *)(m + 1) + m->header.fields_max * sizeof(struct msg_field);
}

struct msg *msg_take(struct msg_store *s)
{
	struct msg *m = pool_take(&s->messages);

	if (!m) {
		s->stats->msg_none_free++;
		return NULL;
	}
	memset(m, 0, sizeof(*m));
	m->store = s;
	m->header.fields = (struct msg_field *)(void *)(m + 1);
	m->header.fields_max = s->settings.fields_max;
	m->bytes = small_buffer(m);
	m->bytes_cap = (uint32_t)small_cap(&s->settings);
	return m;
}

/* blocks */

static uint32_t block_number(const struct msg *m, uint64_t i)
{
	if (i < BLOCKS_IN_MESSAGE)
		return m->blocks[i];
	i -= BLOCKS_IN_MESSAGE;
	return m->indexes[i / BLOCKS_IN_INDEX][i % BLOCKS_IN_INDEX];
}

static uint8_t *block_at(const struct msg *m, uint64_t i)
{
	return pool_at(&m->store->blocks, block_number(m, i));
}

static enum err add_block(struct msg_store *s, struct msg *m)
{
	uint32_t i = m->n_blocks;
	uint32_t *number = &m->blocks[i % BLOCKS_IN_MESSAGE];

	if (i >= BLOCKS_IN_MESSAGE) {
		uint32_t j = i - BLOCKS_IN_MESSAGE;
		uint32_t **index = &m->indexes[j / BLOCKS_IN_INDEX % INDEXES_MAX];

		if (j >= INDEXES_MAX * BLOCKS_IN_INDEX)
			return ERR_TOO_LONG;
		if (!*index)
			*index = pool_take(&s->blocks);
		if (!*index)
			return ERR_NO_MEMORY;
		number = &(*index)[j % BLOCKS_IN_INDEX];
	}
	if (i >= MSG_SMALL_BLOCKS && s->n_large > (i > MSG_SMALL_BLOCKS) &&
	    s->blocks.n_total - s->blocks.n_used <= s->settings.blocks_reserved) {
		s->stats->msg_large_refused++;
		return ERR_NO_MEMORY;
	}
	void *block = pool_take(&s->blocks);

	if (!block)
		return ERR_NO_MEMORY;
	*number = (uint32_t)pool_index(&s->blocks, block);
	s->n_large += ++m->n_blocks == MSG_SMALL_BLOCKS + 1;
	return OK;
}

void msg_give(struct msg_store *s, struct msg *m)
{
	s->n_large -= m->n_blocks > MSG_SMALL_BLOCKS;
	for (uint32_t i = 0; i < m->n_blocks; i++)
		pool_give(&s->blocks, block_at(m, i));
	for (size_t i = 0; i < INDEXES_MAX && m->indexes[i]; i++)
		pool_give(&s->blocks, m->indexes[i]);
	if (m->bytes != small_buffer(m))
		pool_give(&s->large, m->bytes);
	pool_give(&s->messages, m);
}

static enum err append_body(struct msg_store *s, struct msg *m, struct span in)
{
	while (in.len) {
		size_t used = m->body_len % MSG_BLOCK;
		size_t n = MSG_BLOCK - used < in.len ? MSG_BLOCK - used : in.len;

		if (used == 0) {
			enum err e = add_block(s, m);

			if (e != OK)
				return e;
		}
		memcpy(block_at(m, m->body_len / MSG_BLOCK) + used, in.at, n);
		m->body_len += n;
		in = span_skip(in, n);
	}
	return OK;
}

/* header section */

static enum err grow(struct msg_store *s, struct msg *m)
{
	if (m->bytes_cap == large_cap(&s->settings))
		return ERR_TOO_LONG;
	uint8_t *large = pool_take(&s->large);

	if (!large)
		return ERR_NO_MEMORY;
	memcpy(large, m->bytes, m->bytes_len);
	m->bytes = large;
	m->bytes_cap = (uint32_t)large_cap(&s->settings);
	return OK;
}

static enum err complete(struct msg_store *s, struct msg *m, size_t section_len, bool separator)
{
	if (section_len > s->settings.header_max)
		return ERR_TOO_LONG;
	msg_header_parse(&m->header, span_of(m->bytes, section_len));
	if (m->header.too_many)
		return ERR_TOO_LONG;
	m->complete = true;
	m->separator = separator;
	return OK;
}

/* @taken: octets of @in up to and with the empty line; all of them when it has not come yet. */
static enum err append_header(struct msg_store *s, struct msg *m, struct span in, size_t *taken)
{
	for (*taken = 0; *taken < in.len;) {
		enum err e = m->bytes_len == m->bytes_cap ? grow(s, m) : OK;

		if (e != OK)
			return e;
		size_t room = m->bytes_cap - m->bytes_len;
		size_t n = in.len - *taken < room ? in.len - *taken : room;
		size_t section_len, end;

		memcpy(m->bytes + m->bytes_len, in.at + *taken, n);
		end = msg_header_end(span_of(m->bytes, m->bytes_len + n), m->bytes_len, &section_len);
		if (end != SPAN_NONE) {
			*taken += end - m->bytes_len;
			return complete(s, m, section_len, true);
		}
		m->bytes_len += (uint32_t)n;
		*taken += n;
	}
	return OK;
}

/* What went wrong stays wrong: the message can only be given back. */
static enum err fail(struct msg_store *s, struct msg *m, enum err e)
{
	m->failed = e;
	if (e == ERR_TOO_LONG)
		s->stats->msg_header_too_long++;
	else
		s->stats->msg_no_memory++;
	return e;
}

enum err msg_append(struct msg_store *s, struct msg *m, struct span in, struct span *body)
{
	size_t taken = 0;
	enum err e = m->failed;

	*body = span_of(in.at, 0);
	if (e != OK)
		return e;
	if (!m->complete)
		e = append_header(s, m, in, &taken);
	in = span_skip(in, taken);
	if (e == OK)
		e = append_body(s, m, in);
	if (e != OK)
		return fail(s, m, e);
	*body = in;
	return OK;
}

enum err msg_end(struct msg_store *s, struct msg *m)
{
	if (m->failed != OK || m->complete)
		return m->failed;
	enum err e = complete(s, m, m->bytes_len, false);

	return e == OK ? OK : fail(s, m, e);
}

/* what is there */

bool msg_header_complete(const struct msg *m)
{
	return m->complete;
}

const struct msg_header *msg_header_of(const struct msg *m)
{
	return &m->header;
}

bool msg_has_separator(const struct msg *m)
{
	return m->separator;
}

uint64_t msg_body_len(const struct msg *m)
{
	return m->body_len;
}

uint64_t msg_len(const struct msg *m)
{
	if (!m->complete)
		return m->bytes_len;
	return m->header.bytes.len + (m->separator ? EMPTY_LINE : 0) + m->body_len;
}

struct span msg_body_at(const struct msg *m, uint64_t at)
{
	if (at >= m->body_len)
		return span_of(NULL, 0);
	size_t used = at % MSG_BLOCK;
	uint64_t rest = m->body_len - at;
	size_t n = rest < MSG_BLOCK - used ? (size_t)rest : MSG_BLOCK - used;

	return span_of(block_at(m, at / MSG_BLOCK) + used, n);
}

unsigned msg_hops(const struct msg *m)
{
	return msg_received_hops(&m->header);
}

size_t msg_store_n_free_blocks(const struct msg_store *s)
{
	return s->blocks.n_total - s->blocks.n_used;
}

const struct pool *msg_store_blocks(const struct msg_store *s)
{
	return &s->blocks;
}
