// SPDX-License-Identifier: MIT
/*
 * test_msg_store.c - what came is what is there, however it was cut; and what happens when there is no more room
 */
#include <stdlib.h>

#include "dataplane/msg/msg_store.h"
#include "tests/tap.h"

static struct stats stats;
static void *memory;

static struct msg_store *begin(const struct msg_store_settings *settings)
{
	size_t n = msg_store_memory(settings);

	free(memory);
	memory = aligned_alloc(64, (n + 63) / 64 * 64);
	memset(memory, 0xa5, n);
	stats = (struct stats){ 0 };
	return msg_store_init(memory, settings, &stats);
}

/* The whole body, from the store. */
static struct span body_of(const struct msg *m)
{
	static uint8_t body[4 << 20];
	size_t n = 0;

	for (struct span run; (run = msg_body_at(m, n)).len; n += run.len)
		memcpy(body + n, run.at, run.len);
	return span_of(body, n);
}

/* Feeds @in in pieces that end at @cuts; checks that the bodies told add up. */
static enum err feed(struct msg_store *s, struct msg *m, struct span in, const size_t *cuts, size_t n_cuts)
{
	size_t at = 0, told = 0;

	for (size_t i = 0; i <= n_cuts; i++) {
		size_t to = i < n_cuts ? cuts[i] : in.len;
		struct span body;
		enum err e = msg_append(s, m, span_part(in, at, to), &body);

		if (e != OK)
			return e;
		told += body.len;
		if (body.len && body.at + body.len != in.at + to)
			return ERR_BAD_LENGTH;
		at = to;
	}
	return told == msg_body_len(m) ? OK : ERR_BAD_LENGTH;
}

static const struct {
	const char *sentence;
	const char *in, *header, *body;
	bool separator;
} cases[] = {
	/* clang-format off */
	{ "header and body", "A: b\r\nC: d\r\n\r\nbody\r\n", "A: b\r\nC: d\r\n", "body\r\n", true },
	{ "an empty body", "A: b\r\n\r\n", "A: b\r\n", "", true },
	{ "an empty header", "\r\nbody\r\n", "", "body\r\n", true },
	{ "an empty line alone", "\r\n", "", "", true },
	{ "a body that begins with an empty line", "A: b\r\n\r\n\r\nc\r\n", "A: b\r\n", "\r\nc\r\n", true },
	{ "no empty line: all is header", "A: b\r\nC: d\r\n", "A: b\r\nC: d\r\n", "", false },
	{ "nothing at all", "", "", "", false },
	{ "bare line ends end no header", "A: b\n\nC: d\r\r\n\n\r\n\r\nx", "A: b\n\nC: d\r\r\n\n\r\n", "x", true },
	{ "a line of white space is no empty line", "A: b\r\n \r\nC: d\r\n\r\nx", "A: b\r\n \r\nC: d\r\n", "x", true },
	/* clang-format on */
};

static void every_split(void)
{
	struct msg_store_settings settings = {
		.messages_max = 2, .header_max = 100, .fields_max = 10, .headers_large_max = 1, .blocks = 4
	};
	struct msg_store *s = begin(&settings);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_str(cases[i].in);
		bool good = true;

		for (size_t a = 0; a <= in.len; a++) {
			for (size_t b = a; b <= in.len; b++) {
				struct msg *m = msg_take(s);
				size_t cuts[] = { a, b };

				good &= feed(s, m, in, cuts, 2) == OK;
				good &= msg_header_complete(m) == cases[i].separator;
				good &= msg_len(m) == in.len;
				good &= msg_end(s, m) == OK && msg_header_complete(m);
				good &= msg_has_separator(m) == cases[i].separator;
				good &= msg_len(m) == in.len;
				good &= span_eq(msg_header_of(m)->bytes, span_str(cases[i].header));
				good &= span_eq(body_of(m), span_str(cases[i].body));
				msg_give(s, m);
			}
		}
		ok(good && msg_store_n_free_blocks(s) == 4, "cut anywhere: %s", cases[i].sentence);
	}
}

/* A header section of exactly @len octets and a body; in @out. */
static struct span message(uint8_t *out, size_t len, size_t body_len)
{
	memset(out, 'x', len + 2 + body_len);
	memcpy(out, "A: ", 3);
	memcpy(out + len - 2, "\r\n\r\n", 4);
	for (size_t i = 0; i < body_len; i++)
		out[len + 2 + i] = (uint8_t)(i * 7 + i / 251);
	return span_of(out, len + 2 + body_len);
}

static void header_limits(void)
{
	struct msg_store_settings settings = {
		.messages_max = 3, .header_max = 20000, .fields_max = 10, .headers_large_max = 1, .blocks = 4
	};
	struct msg_store *s = begin(&settings);
	static uint8_t bytes[40000];
	static const size_t lens[] = { 5, 8191, 8192, 8193, 8194, 8195, 19999, 20000 };
	struct span body;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct span in = message(bytes, lens[i], 100);
		static const size_t steps[] = { 1, 2, 3, 7, 1000, 8192, 40000 };
		bool good = true;

		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			struct msg *m = msg_take(s);

			for (size_t at = 0; at < in.len; at += steps[j]) {
				size_t to = at + steps[j] < in.len ? at + steps[j] : in.len;
				good &= msg_append(s, m, span_part(in, at, to), &body) == OK;
			}
			good &= span_eq(msg_header_of(m)->bytes, span_head(in, lens[i]));
			good &= span_eq(body_of(m), span_skip(in, lens[i] + 2));
			msg_give(s, m);
		}
		ok(good, "a header of %zu octets is kept, in any pieces", lens[i]);
	}

	struct span in = message(bytes, 20001, 0);
	bool good = true;
	for (size_t step = 1; step <= in.len; step = step * 3) {
		struct msg *m = msg_take(s);
		enum err e = OK;

		for (size_t at = 0; at < in.len && e == OK; at += step)
			e = msg_append(s, m, span_part(in, at, at + step < in.len ? at + step : in.len), &body);
		good &= e == ERR_TOO_LONG && !msg_header_complete(m);
		good &= msg_append(s, m, SPAN("x"), &body) == ERR_TOO_LONG && msg_end(s, m) == ERR_TOO_LONG;
		msg_give(s, m);
	}
	ok(good && stats.msg_header_too_long > 0, "20 001 octets are too long, in any pieces, and stay so");

	struct msg *m = msg_take(s);
	ok(msg_append(s, m, span_head(in, 20001), &body) == OK && msg_end(s, m) == ERR_TOO_LONG,
	   "20 001 octets without an empty line are too long at the end");
	msg_give(s, m);
	m = msg_take(s);
	in = message(bytes, 20000, 0);
	ok(msg_append(s, m, span_head(in, 20000), &body) == OK && msg_end(s, m) == OK, "20 000 are not");
	msg_give(s, m);

	m = msg_take(s);
	ok(msg_append(s, m, SPAN("1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n9:\r\n0:\r\n\r\n"), &body) == OK,
	   "ten fields are taken");
	msg_give(s, m);
	m = msg_take(s);
	ok(msg_append(s, m, SPAN("1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n9:\r\n0:\r\n1:\r\n\r\n"), &body) ==
		   ERR_TOO_LONG,
	   "eleven are too many");
	msg_give(s, m);
}

static void exhaustion(void)
{
	struct msg_store_settings settings = {
		.messages_max = 3, .header_max = 20000, .fields_max = 10, .headers_large_max = 1, .blocks = 4
	};
	struct msg_store *s = begin(&settings);
	static uint8_t bytes[5 * MSG_BLOCK];
	struct span body, in;
	struct msg *m[3];

	for (size_t i = 0; i < 3; i++)
		m[i] = msg_take(s);
	ok(m[2] && !msg_take(s) && stats.msg_none_free == 1, "three messages, and no fourth");

	in = message(bytes, 9000, 0);
	ok(msg_append(s, m[0], in, &body) == OK, "one large header");
	ok(msg_append(s, m[1], in, &body) == ERR_NO_MEMORY && stats.msg_no_memory == 1, "and no second");
	msg_give(s, m[0]);
	msg_give(s, m[1]);
	m[0] = msg_take(s);
	m[1] = msg_take(s);
	ok(msg_append(s, m[1], in, &body) == OK, "until the first is given back");

	in = message(bytes, 10, 3 * MSG_BLOCK);
	ok(msg_append(s, m[0], in, &body) == OK && body.len == 3 * MSG_BLOCK, "a body of three blocks");
	ok(msg_store_n_free_blocks(s) == 1, "leaves one of four");
	ok(msg_append(s, m[1], span_of(bytes, MSG_BLOCK), &body) == OK, "which another message fills");
	ok(msg_append(s, m[1], SPAN("x"), &body) == ERR_NO_MEMORY && body.len == 0, "and then there is none");
	ok(msg_append(s, m[1], SPAN("x"), &body) == ERR_NO_MEMORY && stats.msg_no_memory == 2, "which is counted once");
	ok(msg_append(s, m[0], SPAN(""), &body) == OK, "nothing needs no block");
	ok(span_eq(body_of(m[0]), span_part(in, 12, 12 + 3 * MSG_BLOCK)), "the first body is whole");
	for (size_t i = 0; i < 3; i++)
		msg_give(s, m[i]);
	ok(msg_store_n_free_blocks(s) == 4, "all blocks come home");
}

/* How many blocks @m gets before it is refused. */
static unsigned fill(struct msg_store *s, struct msg *m, unsigned most)
{
	static uint8_t text[MSG_BLOCK];
	struct span body;
	unsigned n = 0;

	memset(text, 'x', sizeof(text));
	CHECK(msg_append(s, m, SPAN("A: b\r\n\r\n"), &body) == OK);
	while (n < most && msg_append(s, m, span_of(text, sizeof(text)), &body) == OK)
		n++;
	return n;
}

/* The last blocks are for small messages: of two large ones the second stops where they begin. */
static void reserve(void)
{
	struct msg_store_settings settings = { .messages_max = 3,
					       .header_max = 20000,
					       .fields_max = 10,
					       .headers_large_max = 1,
					       .blocks = 200,
					       .blocks_reserved = 20 };
	struct msg_store *s = begin(&settings);
	struct msg *one = msg_take(s), *large = msg_take(s), *small = msg_take(s);

	ok(fill(s, one, 80) == 80, "a large message");
	ok(fill(s, large, 200) >= MSG_SMALL_BLOCKS && stats.msg_large_refused == 1,
	   "another grows until few blocks are left");
	ok(msg_store_n_free_blocks(s) == 20, "which are those that are kept");
	ok(fill(s, small, 19) == 19 && msg_store_n_free_blocks(s) == 0, "for a small one, and its index");
	msg_give(s, one);
	msg_give(s, large);
	msg_give(s, small);
	one = msg_take(s);
	ok(fill(s, one, 198) == 198 && stats.msg_large_refused == 1, "a single large one may have all");
	msg_give(s, one);
	ok(msg_store_n_free_blocks(s) == 200, "all blocks come home");
}

/* More blocks than stand in the message: index blocks. */
static void long_bodies(void)
{
	struct msg_store_settings settings = msg_store_settings_default();
	static uint8_t bytes[100 + 3000000];
	struct span in = message(bytes, 50, 3000000), body;

	settings.messages_max = 2;
	settings.blocks = 200;
	struct msg_store *s = begin(&settings);
	struct msg *m = msg_take(s);
	bool good = true;

	srand(5);
	for (size_t at = 0; at < in.len;) {
		size_t n = (size_t)rand() % 40000;

		n = n < in.len - at ? n : in.len - at;
		good &= msg_append(s, m, span_part(in, at, at + n), &body) == OK;
		at += n;
	}
	ok(good && span_eq(body_of(m), span_skip(in, 52)), "three megabytes are there as they came");
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t at = (uint64_t)rand() % 3000000;
		struct span run = msg_body_at(m, at);

		good &= run.len && span_eq(run, span_part(in, 52 + at, 52 + at + run.len));
	}
	ok(good && msg_body_at(m, 3000000).len == 0 && msg_body_at(m, UINT64_MAX).len == 0, "at every offset");
	ok(msg_store_n_free_blocks(s) == 200 - 184 - 1, "in 184 blocks and one index");

	struct msg *other = msg_take(s);
	enum err e = msg_append(s, other, in, &body);
	ok(e == ERR_NO_MEMORY && msg_store_n_free_blocks(s) == 0, "a second one does not fit");
	msg_give(s, other);
	msg_give(s, m);
	ok(msg_store_n_free_blocks(s) == 200, "all blocks come home");
}

static void headers(void)
{
	struct msg_store_settings settings = msg_store_settings_default();

	settings.messages_max = 1;
	settings.headers_large_max = 1;
	settings.blocks = 1;
	struct msg_store *s = begin(&settings);
	struct msg *m = msg_take(s);
	struct span body;

	ok(msg_append(s, m, SPAN("Received: a\r\nFrom: b\r\nReceived: c\r\n\td\r\n\r\nReceived: body\r\n"), &body) ==
			   OK &&
		   msg_hops(m) == 2,
	   "Received fields of the header are counted");
	ok(msg_header_of(m)->n_fields == 3 && !msg_header_of(m)->malformed, "and its fields found");
	is_span(body, SPAN("Received: body\r\n"), "the body part of a piece is told");
	msg_give(s, m);
}

int main(void)
{
	every_split();
	header_limits();
	exhaustion();
	long_bodies();
	headers();
	reserve();
	free(memory);
	return done();
}
