// SPDX-License-Identifier: MIT
/*
 * impair_user.c - the daemon of the test build: a network that harms, between the ports and the shard
 *
 *	SEKISHO_IMPAIR="seed=7 loss=1000 there: hold=5000 hold_us=3000" build/release/tests/impair/sekishod -c ...
 *
 * The words are those of impair_set(); `there:` is what comes in, `back:` what goes out.  Without the variable nothing
 * is harmed.  The program is made of the very objects of sekishod; the linker puts the functions below in the place of
 * dpdk_run() and dpdk_stop() (--wrap), and nobody can have that by a setting.
 *
 * A line for each worker stands in front of what dpdk.h calls a user: frames are copied in and let out when they are
 * due.  On standard error stands at the end what was carried and lost.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/dpdk/dpdk.h"
#include "tests/impair/impair_box.h"
#include "tests/impair/impair_line.h"

enum { IN, OUT, FRAMES_MAX = 8192, WORKERS_MAX = 16, TAG_PORT = 0xff, TAG_FLAGS = 8 };

struct impaired {
	const struct dpdk_user *user;
	void *arg;
	struct impair_line *line;
	struct impair_frame *out[FRAMES_MAX]; /* due, round */
	size_t n_out_first, n_out;
	uint8_t buffer[NET_FRAME_MAX + 128];
};

static struct impaired *workers[WORKERS_MAX];

bool __real_dpdk_run(struct dpdk *d, unsigned worker, const struct dpdk_user *user, void *arg, char *error,
		     size_t error_cap);
bool __wrap_dpdk_run(struct dpdk *d, unsigned worker, const struct dpdk_user *user, void *arg, char *error,
		     size_t error_cap);
void __real_dpdk_stop(struct dpdk *d);
void __wrap_dpdk_stop(struct dpdk *d);

/* Frames that came in and are due, in bursts; those that go out wait for tx(). */
static void pump(struct impaired *w, uint64_t now_us)
{
	struct impair_frame *burst[NET_BURST_MAX], *f;
	struct net_in in[NET_BURST_MAX];
	size_t n;

	do {
		for (n = 0; n < NET_BURST_MAX && (f = impair_line_take(w->line, now_us));) {
			if (f->direction == OUT) {
				w->out[(w->n_out_first + w->n_out++) % FRAMES_MAX] = f;
				continue;
			}
			/* What was damaged on the way no port has verified. */
			unsigned flags = f->tag >> TAG_FLAGS & (f->touched ? NET_RX_COPY : UINT32_MAX);

			in[n] = (struct net_in){ f->tag & TAG_PORT, flags, span_of(f->frame, f->len) };
			burst[n++] = f;
		}
		if (n)
			w->user->rx(w->arg, in, n, now_us);
		for (size_t i = 0; i < n; i++)
			impair_line_give(w->line, burst[i]);
	} while (n);
}

static void rx(void *arg, const struct net_in *in, size_t n, uint64_t now_us)
{
	struct impaired *w = arg;

	for (size_t i = 0; i < n; i++)
		impair_line_put(w->line, IN, in[i].frame, in[i].ifindex | in[i].rx_flags << TAG_FLAGS, now_us);
	pump(w, now_us);
}

static bool tick(void *arg, uint64_t now_us, uint64_t unix_us, bool idle)
{
	struct impaired *w = arg;

	pump(w, now_us);
	return w->user->tick(w->arg, now_us, unix_us, idle);
}

/* The next frame of the user goes on its way. */
static bool take_in(struct impaired *w, uint64_t now_us)
{
	struct net_frame f = { .at = w->buffer, .cap = sizeof(w->buffer) };
	struct impair_view v;

	if (!w->user->tx(w->arg, &f, now_us))
		return false;
	/* A port that completes the checksum would complete it over the damage as well. */
	if (f.l4_len && impair_look(span_of(f.at, f.len), &v))
		impair_box_sum(f.at, &v);
	impair_line_put(w->line, OUT, span_of(f.at, f.len), f.ifindex, now_us);
	return true;
}

static bool tx(void *arg, struct net_frame *frame, uint64_t now_us)
{
	struct impaired *w = arg;

	while (take_in(w, now_us))
		;
	pump(w, now_us);
	while (w->n_out) {
		struct impair_frame *f = w->out[w->n_out_first];
		bool fits = f->len <= frame->cap;

		w->n_out_first = (w->n_out_first + 1) % FRAMES_MAX;
		w->n_out--;
		if (fits) {
			memcpy(frame->at, f->frame, f->len);
			*frame = (struct net_frame){ .at = frame->at,
						     .cap = frame->cap,
						     .len = f->len,
						     .ifindex = (uint16_t)(f->tag & TAG_PORT) };
		}
		impair_line_give(w->line, f);
		if (fits)
			return true;
	}
	return false;
}

static uint64_t deadline_us(void *arg)
{
	struct impaired *w = arg;
	uint64_t theirs_us = w->user->deadline_us(w->arg), ours_us = impair_line_due_us(w->line);

	return w->n_out ? 0 : theirs_us < ours_us ? theirs_us : ours_us;
}

static bool begin(void *arg)
{
	struct impaired *w = arg;

	return !w->user->begin || w->user->begin(w->arg);
}

static struct stats *stats(void *arg)
{
	struct impaired *w = arg;

	return w->user->stats(w->arg);
}

static const struct dpdk_user impaired_user = {
	.begin = begin, .rx = rx, .tick = tick, .tx = tx, .deadline_us = deadline_us, .stats = stats
};

static struct impaired *make(const char *words, const struct dpdk_user *user, void *arg, unsigned worker)
{
	struct impaired *w = calloc(1, sizeof(*w));
	void *memory = calloc(1, impair_line_memory(FRAMES_MAX, NET_FRAME_MAX));
	unsigned from = IN, to = OUT;
	char word[64];

	if (!w || !memory)
		return NULL;
	w->user = user;
	w->arg = arg;
	w->line = impair_line_init(memory, FRAMES_MAX, NET_FRAME_MAX);
	for (int n; sscanf(words, "%63s%n", word, &n) == 1; words += n)
		if (!impair_set(&w->line->impair, &from, &to, word)) {
			fprintf(stderr, "SEKISHO_IMPAIR: %s: no such setting\n", word);
			return NULL;
		}
	w->line->impair.seed += worker;
	return w;
}

bool __wrap_dpdk_run(struct dpdk *d, unsigned worker, const struct dpdk_user *user, void *arg, char *error,
		     size_t error_cap)
{
	const char *words = getenv("SEKISHO_IMPAIR");

	if (!words || !words[0])
		return __real_dpdk_run(d, worker, user, arg, error, error_cap);
	if (worker >= WORKERS_MAX || !(workers[worker] = make(words, user, arg, worker))) {
		snprintf(error, error_cap, "the network of SEKISHO_IMPAIR cannot be made");
		return false;
	}
	fprintf(stderr, "this is a test build: worker %u harms what it carries: %s\n", worker, words);
	return __real_dpdk_run(d, worker, &impaired_user, workers[worker], error, error_cap);
}

void __wrap_dpdk_stop(struct dpdk *d)
{
	__real_dpdk_stop(d);
	for (unsigned i = 0; i < WORKERS_MAX && workers[i]; i++) {
		const struct impair *m = &workers[i]->line->impair;

		for (unsigned k = IN; k <= OUT; k++)
			fprintf(stderr, "impaired: worker %u %s carried %llu lost %llu\n", i, k == IN ? "in" : "out",
				(unsigned long long)m->n_carried[k], (unsigned long long)m->n_lost[k]);
		workers[i] = NULL; /* dpdk_close() stops once more */
	}
}
