// SPDX-License-Identifier: MIT
/*
 * fuzz_msg_store.c - header, empty line and body put together are what came, whatever the pieces
 *
 * The first two octets choose how the rest is cut.
 */
#include <stdlib.h>

#include "dataplane/msg/msg_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct msg_store_settings settings = {
	.messages_max = 1, .header_max = 9000, .fields_max = 50, .headers_large_max = 1, .blocks = 3
};

/* The length of the header section by the plainest search. */
static size_t section_of(struct span in, size_t *body_at)
{
	if (in.len >= 2 && memcmp(in.at, "\r\n", 2) == 0) {
		*body_at = 2;
		return 0;
	}
	for (size_t i = 0; i + 4 <= in.len; i++) {
		if (memcmp(in.at + i, "\r\n\r\n", 4) == 0) {
			*body_at = i + 4;
			return i + 2;
		}
	}
	*body_at = in.len;
	return in.len;
}

static void compare(const struct msg *m, struct span in)
{
	size_t body_at, section_len = section_of(in, &body_at), at = 0;

	CHECK(span_eq(msg_header_of(m)->bytes, span_head(in, section_len)));
	CHECK(msg_has_separator(m) == (body_at == section_len + 2));
	CHECK(msg_len(m) == in.len);
	for (struct span run; (run = msg_body_at(m, at)).len; at += run.len)
		CHECK(span_eq(run, span_part(in, body_at + at, body_at + at + run.len)));
	CHECK(body_at + at == in.len && at == msg_body_len(m));
	CHECK(msg_hops(m) <= msg_header_of(m)->n_fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stats stats;
	static struct msg_store *store;
	static void *memory;

	if (!memory) {
		memory = aligned_alloc(64, msg_store_memory(&settings));
		store = msg_store_init(memory, &settings, &stats);
	}
	if (size < 2)
		return 0;
	size_t step = data[0] + 1u, grow = data[1];
	struct span in = span_of(data + 2, size - 2), body;
	struct msg *m = msg_take(store);
	size_t told = 0;
	enum err e = OK;

	for (size_t at = 0; at < in.len && e == OK; at += step, step += grow) {
		e = msg_append(store, m, span_part(in, at, at + step < in.len ? at + step : in.len), &body);
		told += body.len;
	}
	CHECK(told == msg_body_len(m) || e != OK);
	if (e == OK)
		e = msg_end(store, m);
	if (e == OK) {
		compare(m, in);
	} else {
		size_t body_at, section_len = section_of(in, &body_at);

		CHECK(section_len > 8192 || in.len - body_at > 3 * MSG_BLOCK || msg_header_of(m)->too_many);
	}
	msg_give(store, m);
	CHECK(msg_store_n_free_blocks(store) == 3);
	return 0;
}
