// SPDX-License-Identifier: MIT
/*
 * wire.c - a process that joins two network interfaces by a line that loses, repeats, delays and damages frames
 *
 *	wire INTERFACE INTERFACE [both: | there: | back: | NAME=VALUE]...
 *	wire w0 w1 seed=7 delay_us=10000 loss=1000 back: loss=0
 *
 * NAME is a field of struct impair_harm (shares are of 100 000), seed, for_ms (ends by itself then), or trace (1: a line
 * on standard error for each segment: when it came, what it is, after how many ms it goes out); values count for both
 * directions until `there:` (first interface to second) or `back:` says otherwise.  Prints "ready" when it carries,
 * and what it carried when SIGTERM ends it.  Checksum and segmentation offload of the interfaces must be off.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "tests/wire/impair.h"

enum { FRAMES_MAX = 8192, FRAME_MAX = 9216, PER_TURN = 64 };

struct held {
	uint64_t at_us, order;
	unsigned direction;
	size_t len;
	uint8_t frame[FRAME_MAX];
};

static struct held store[FRAMES_MAX];
static struct held *spare[FRAMES_MAX], *heap[FRAMES_MAX]; /* heap: by time */
static size_t n_spare, n_held;
static uint64_t n_order, n_no_room, n_unsent;
static struct impair line;
static bool tracing;
static int sockets[2];
static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void die(const char *what, const char *which)
{
	fprintf(stderr, "wire: %s: %s (%s)\n", which, what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- frames under way ---------------------------------------------------------------------- */

static bool before(const struct held *a, const struct held *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void heap_put(struct held *p)
{
	size_t i = n_held++;

	for (; i > 0 && before(p, heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = p;
}

static struct held *heap_take(void)
{
	struct held *first = heap[0], *last = heap[--n_held];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n_held) {
		child += child + 1 < n_held && before(heap[child + 1], heap[child]);
		if (!before(heap[child], last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return first;
}

static void trace(unsigned direction, struct span frame, const struct impair_fate *fate, uint64_t now)
{
	struct impair_view v;

	if (!impair_look(frame, &v))
		return;
	const struct impair_flow *f = impair_flow_of(&line, &v);

	fprintf(stderr, "%10.3f %s flow %u %c%c%c%c seq %u+%u %s", (double)(now % 1000000000) / 1000,
		direction ? "back " : "there", f->ordinal, v.flags & 2 ? 'S' : '-', v.flags & 1 ? 'F' : '-',
		v.flags & 4 ? 'R' : '-', v.flags & 16 ? '.' : '-', v.seq - f->isn[v.swapped], v.len,
		fate->n ? "" : "lost");
	for (unsigned i = 0; i < fate->n; i++)
		fprintf(stderr, " %.3f%s", (double)(fate->at_us[i] - now) / 1000, fate->bit[i] ? " damaged" : "");
	fprintf(stderr, "\n");
}

static void take_in(unsigned direction, struct span frame, uint64_t now)
{
	struct impair_fate fate = impair(&line, direction, frame, now);

	if (tracing)
		trace(direction, frame, &fate, now);
	for (unsigned i = 0; i < fate.n; i++) {
		if (!n_spare) {
			n_no_room++;
			return;
		}
		struct held *p = spare[--n_spare];

		p->at_us = fate.at_us[i];
		p->order = n_order++;
		p->direction = direction;
		p->len = frame.len;
		memcpy(p->frame, frame.at, frame.len);
		if (fate.bit[i])
			p->frame[fate.bit[i] / 8] ^= (uint8_t)(1u << fate.bit[i] % 8);
		heap_put(p);
	}
}

static bool receive(unsigned direction)
{
	static uint8_t frame[FRAME_MAX];

	for (unsigned i = 0; i < PER_TURN; i++) {
		ssize_t n = recv(sockets[direction], frame, sizeof(frame), MSG_DONTWAIT);

		if (n <= 0)
			return i > 0;
		take_in(direction, span_of(frame, (size_t)n), now_us());
	}
	return true;
}

static void let_out(uint64_t now)
{
	while (n_held && heap[0]->at_us <= now) {
		struct held *p = heap_take();

		if (send(sockets[1 - p->direction], p->frame, p->len, MSG_DONTWAIT) < 0)
			n_unsent++;
		spare[n_spare++] = p;
	}
}

static void carry(uint64_t end_us)
{
	while (!stop) {
		struct pollfd fds[2] = { { .fd = sockets[0], .events = POLLIN },
					 { .fd = sockets[1], .events = POLLIN } };
		bool more = receive(0);
		more |= receive(1);
		uint64_t now = now_us(), next_us = end_us;

		if (now >= end_us)
			return;
		let_out(now);
		if (more)
			continue;
		if (n_held && heap[0]->at_us < next_us)
			next_us = heap[0]->at_us;
		uint64_t wait_us = next_us > now ? next_us - now : 0;
		struct timespec wait = { .tv_sec = (time_t)(wait_us / 1000000),
					 .tv_nsec = (long)(wait_us % 1000000) * 1000 };

		ppoll(fds, 2, &wait, NULL);
	}
}

/* --- set-up -------------------------------------------------------------------------------- */

static int open_interface(const char *name)
{
	int one = 1, room = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };

	at.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || at.sll_ifindex == 0) /* 0 would be all interfaces there are */
		die("cannot be opened", name);
	promiscuous.mr_ifindex = at.sll_ifindex;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) != 0)
		die("cannot be set up", name);
	/* Beyond the usual bound, if we may. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		die("cannot be bound", name);
	return fd;
}

static bool set(struct impair_harm *h, const char *name, uint32_t value)
{
	const struct {
		const char *name;
		uint32_t *at;
	} fields[] = {
		{ "loss", &h->loss },       { "repeat", &h->repeat },     { "hold", &h->hold },
		{ "corrupt", &h->corrupt }, { "delay_us", &h->delay_us }, { "jitter_us", &h->jitter_us },
		{ "hold_us", &h->hold_us }, { "rate", &h->rate },         { "queue_max", &h->queue_max },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0) {
			*fields[i].at = value;
			return true;
		}
	return false;
}

/* Returns how long to run. */
static uint64_t read_arguments(int n, char **arguments)
{
	unsigned from = 0, to = 1;
	uint64_t for_us = UINT64_C(3600) * 1000000;

	for (int i = 0; i < n; i++) {
		char name[32];
		unsigned long long value;
		bool good = true;

		if (strcmp(arguments[i], "both:") == 0 || strcmp(arguments[i], "there:") == 0 ||
		    strcmp(arguments[i], "back:") == 0) {
			from = arguments[i][1] == 'a';
			to = arguments[i][1] != 'h';
		} else if (sscanf(arguments[i], "%31[a-z_]=%llu", name, &value) != 2) {
			good = false;
		} else if (strcmp(name, "seed") == 0) {
			line.seed = value;
		} else if (strcmp(name, "trace") == 0) {
			tracing = value;
		} else if (strcmp(name, "for_ms") == 0) {
			for_us = value * 1000;
		} else {
			for (unsigned d = from; d <= to; d++)
				good &= set(&line.harm[d], name, (uint32_t)value);
		}
		if (!good) {
			fprintf(stderr, "wire: %s: no such setting\n", arguments[i]);
			exit(2);
		}
	}
	return for_us;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_signal };
	uint64_t for_us;

	if (argc < 3) {
		fprintf(stderr, "usage: wire INTERFACE INTERFACE [both: | there: | back: | NAME=VALUE]...\n");
		return 2;
	}
	for_us = read_arguments(argc - 3, argv + 3);
	for (unsigned i = 0; i < 2; i++)
		sockets[i] = open_interface(argv[1 + i]);
	for (; n_spare < FRAMES_MAX; n_spare++)
		spare[n_spare] = &store[n_spare];
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	printf("ready\n");
	fflush(stdout);
	carry(now_us() + for_us);
	for (unsigned d = 0; d < 2; d++)
		printf("%s carried %llu lost %llu\n", d ? "back" : "there", (unsigned long long)line.n_carried[d],
		       (unsigned long long)line.n_lost[d]);
	printf("overflows %llu no_room %llu unsent %llu\n",
	       (unsigned long long)(line.n_overflows[0] + line.n_overflows[1]), (unsigned long long)n_no_room,
	       (unsigned long long)n_unsent);
	return 0;
}
