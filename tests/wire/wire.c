// SPDX-License-Identifier: MIT
/*
 * wire.c - a process that joins two network interfaces by a line that loses, repeats, delays and damages frames
 *
 *	wire INTERFACE INTERFACE [both: | there: | back: | NAME=VALUE]...
 *	wire w0 w1 seed=7 delay_us=10000 loss=1000 back: loss=0
 *
 * NAME is a field of struct impair_harm (shares are of 100 000), seed, for_ms (ends by itself then), or trace (1: a line
 * on standard error for each segment that comes in or goes out); values count for both directions until `there:`
 * (first interface to second) or `back:` says otherwise.  Prints "ready" when it carries, and what it carried when
 * SIGTERM ends it.  Checksum and segmentation offload of the interfaces must be off.
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

#include "dataplane/net/tcp_segment.h"
#include "tests/impair/impair_line.h"

enum { FRAMES_MAX = 8192, FRAME_MAX = 9216, PER_TURN = 64 };

static struct impair_line *line;
static uint64_t n_unsent;
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

/* What came, and what goes out (after so many milliseconds under way). */
static void trace(const char *what, unsigned direction, struct span frame, uint64_t now)
{
	struct impair_view v;

	if (!tracing || !impair_look(frame, &v))
		return;
	const struct impair_flow *f = impair_flow_of(&line->impair, &v);
	struct tcp_segment s;

	fprintf(stderr, "%10.3f %s %s flow %u %c%c%c%c seq %u+%u", (double)(now % 1000000000) / 1000,
		direction ? "back " : "there", what, f->ordinal, v.flags & 2 ? 'S' : '-', v.flags & 1 ? 'F' : '-',
		v.flags & 4 ? 'R' : '-', v.flags & 16 ? '.' : '-', v.seq - f->isn[v.swapped], v.len);
	if (!tcp_segment_parse(span_of(frame.at + v.tcp, v.end - v.tcp), &s)) {
		fprintf(stderr, " ack %u", s.ack - f->isn[!v.swapped]);
		if (s.options.stamped)
			fprintf(stderr, " ts %u ecr %u", s.options.stamp, s.options.stamp_echo);
		for (unsigned i = 0; i < s.options.n_sack; i++)
			fprintf(stderr, "%s%u-%u", i ? "," : " sack ", s.options.sack[i].start - f->isn[!v.swapped],
				s.options.sack[i].end - f->isn[!v.swapped]);
	}
	fputc('\n', stderr);
}

static void take_in(unsigned direction, struct span frame, uint64_t now)
{
	uint64_t n_lost = line->impair.n_lost[direction];

	impair_line_put(line, direction, frame, 0, now);
	trace(line->impair.n_lost[direction] == n_lost ? "in  " : "lost", direction, frame, now);
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
	struct impair_frame *f;

	while ((f = impair_line_take(line, now))) {
		trace(f->touched ? "harm" : "out ", f->direction, span_of(f->frame, f->len), now);
		if (send(sockets[1 - f->direction], f->frame, f->len, MSG_DONTWAIT) < 0)
			n_unsent++;
		impair_line_give(line, f);
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
		if (impair_line_due_us(line) < next_us)
			next_us = impair_line_due_us(line);
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

/* Returns how long to run. */
static uint64_t read_arguments(int n, char **arguments)
{
	unsigned from = 0, to = 1;
	uint64_t for_us = UINT64_C(3600) * 1000000;

	for (int i = 0; i < n; i++) {
		unsigned long long value;

		if (sscanf(arguments[i], "trace=%llu", &value) == 1) {
			tracing = value;
		} else if (sscanf(arguments[i], "for_ms=%llu", &value) == 1) {
			for_us = value * 1000;
		} else if (!impair_set(&line->impair, &from, &to, arguments[i])) {
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
	void *memory;

	if (argc < 3) {
		fprintf(stderr, "usage: wire INTERFACE INTERFACE [both: | there: | back: | NAME=VALUE]...\n");
		return 2;
	}
	memory = calloc(1, impair_line_memory(FRAMES_MAX, FRAME_MAX));
	if (!memory)
		die("no memory", "the line");
	line = impair_line_init(memory, FRAMES_MAX, FRAME_MAX);
	for_us = read_arguments(argc - 3, argv + 3);
	for (unsigned i = 0; i < 2; i++)
		sockets[i] = open_interface(argv[1 + i]);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	printf("ready\n");
	fflush(stdout);
	carry(now_us() + for_us);
	const struct impair *m = &line->impair;

	for (unsigned d = 0; d < 2; d++)
		printf("%s carried %llu lost %llu\n", d ? "back" : "there", (unsigned long long)m->n_carried[d],
		       (unsigned long long)m->n_lost[d]);
	printf("overflows %llu no_room %llu unsent %llu\n", (unsigned long long)(m->n_overflows[0] + m->n_overflows[1]),
	       (unsigned long long)line->n_no_room, (unsigned long long)n_unsent);
	return 0;
}
