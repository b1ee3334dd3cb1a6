// SPDX-License-Identifier: MIT
/*
 * test_load_kernel.c - the generator over the kernel's sockets, its clients against its own sink, over loopback
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/tap.h"
#include "tools/load/load.h"
#include "tools/load/load_corpus.h"
#include "tools/load/load_kernel.h"
#include "tools/load/load_sink.h"

static struct load_kernel *kernel;
static struct load *load;
static void *memory;

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A port that nobody has. */
static uint16_t open_kernel(uint32_t connections)
{
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);

	for (int i = 0; i < 100 && !kernel; i++)
		kernel = load_kernel_open(connections + LOAD_SINK_MAX, ++port);
	CHECK(kernel);
	return port;
}

static void run(struct load_settings *s, bool sink)
{
	static const uint8_t seed[16] = { 1 };

	s->sink = open_kernel(s->connections);
	s->port = sink ? s->sink : 9; /* where nobody listens */
	s->helo = "client.example";
	s->mail_from = s->rcpt_to = "a@example.org";
	s->wire = load_kernel_wire(kernel);
	CHECK(ip_addr_parse(SPAN("127.0.0.1"), &s->target) && ip_addr_parse(SPAN("127.1.0.0"), &s->clients.addr));
	s->clients.prefix_len = 16;
	const struct load_plan plan = { .sizes = { { .weight = 1, .octets = 100000 } },
					.n_sizes = 1,
					.mail_from = "sender@example.org",
					.rcpt_to = "reader@example.net",
					.recipients = 1 };

	s->corpus = load_corpus_make(&plan, &s->n_corpus);
	memory = aligned_alloc(64, load_memory(s, NULL));
	CHECK(memory && s->corpus);
	memset(memory, 0, load_memory(s, NULL));
	load = load_init(memory, s, NULL, seed, clock_us());
	for (uint64_t end_us = clock_us() + 30000000; !load_is_done(load) && clock_us() < end_us;) {
		load_kernel_wait(kernel, 1);
		load_tick(load, clock_us(), 0, false);
	}
}

static void over(struct load_settings *s)
{
	load_kernel_close(kernel);
	kernel = NULL;
	free((void *)(uintptr_t)s->corpus[0].octets.at);
	free((void *)(uintptr_t)s->corpus);
	free(memory);
}

int main(void)
{
	struct load_settings s = { .mode = LOAD_SEND, .connections = 7, .messages = 5, .sessions_max = 40 };

	run(&s, true);
	const struct load_counts *n = load_counts(load);

	ok(load_is_done(load) && n->ended == 40 && n->failed == 0 && n->odd_replies == 0,
	   "40 sessions end in good order");
	ok(n->messages[2] == 200 && load_sunk(load) == 200, "200 messages of 100 000 octets, as many in the sink");
	ok(n->octets == 200 * s.corpus[0].octets.len, "and all of their octets");
	over(&s);

	s = (struct load_settings){ .mode = LOAD_CONNECT, .connections = 30, .sessions_max = 300 };
	run(&s, true);
	n = load_counts(load);
	ok(n->ended == 300 && n->failed == 0, "220, QUIT, 221, 300 times");
	over(&s);

	s = (struct load_settings){ .mode = LOAD_CONNECT, .connections = 3, .sessions_max = 3 };
	run(&s, false);
	n = load_counts(load);
	ok(load_is_done(load) && n->failed == 3, "refused connections have failed");
	over(&s);
	return done();
}
