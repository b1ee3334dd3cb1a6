// SPDX-License-Identifier: MIT
/*
 * kernel_pair.c - what the kernel's TCP does for greet and quit: a server and a client, one core each
 *
 * usage: kernel_pair CONNECTIONS SECONDS     over loopback; prints sessions a second
 *
 * The yardstick for `sekisho-load --mode connect`: 220, QUIT, 221, close, so many connections at once, epoll on both
 * sides.  The server closes first, as SMTP has it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char greeting[] = "220 mx.example ESMTP\r\n", quit[] = "QUIT\r\n", bye[] = "221 2.0.0 Bye\r\n";

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "kernel_pair: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void watch(int ep, int fd, unsigned events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	need(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void serve(int listener)
{
	struct epoll_event events[256];
	int ep = epoll_create1(0);
	char room[256];

	watch(ep, listener, EPOLLIN);
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd != listener) {
				if (read(fd, room, sizeof(room)) > 0)
					(void)!write(fd, bye, sizeof(bye) - 1);
				close(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				(void)!write(fd, greeting, sizeof(greeting) - 1);
				watch(ep, fd, EPOLLIN);
			}
		}
	}
}

/* Each from an address of its own in 127/8, or the ports of one would run out. */
static void begin(int ep, const struct sockaddr_in *to, unsigned n)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	need(fd >= 0, "socket");
	from.sin_addr.s_addr = htonl(0x7f010000u + n % 60000 + 1);
	setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof(one));
	need(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0, "bind");
	need(connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 || errno == EINPROGRESS, "connect");
	watch(ep, fd, EPOLLIN);
}

static unsigned long use(const struct sockaddr_in *to, unsigned connections, double seconds)
{
	struct epoll_event events[256];
	int ep = epoll_create1(0);
	unsigned long n_done = 0;
	unsigned n_begun = 0;
	char room[256];
	double end_s = now_s() + seconds;

	while (n_begun < connections)
		begin(ep, to, n_begun++);
	while (now_s() < end_s) {
		int n = epoll_wait(ep, events, 256, 100);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t len = read(fd, room, sizeof(room));

			if (len > 0) {
				if (room[1] == '2' && room[2] == '0')
					(void)!write(fd, quit, sizeof(quit) - 1);
				continue;
			}
			n_done += len == 0;
			close(fd);
			begin(ep, to, n_begun++);
		}
	}
	return n_done;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	unsigned long connections = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long seconds = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (connections < 1 || connections > 60000 || seconds < 1 || seconds > 3600) {
		fprintf(stderr, "usage: kernel_pair CONNECTIONS SECONDS\n");
		return 2;
	}
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	need(listener >= 0 && bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 4096) == 0,
	     "listen");
	need(getsockname(listener, (struct sockaddr *)&at, &len) == 0, "getsockname");
	pid_t server = fork();

	need(server >= 0, "fork");
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(1);
		serve(listener);
	}
	pin(0);
	double start = now_s();
	unsigned long n = use(&at, (unsigned)connections, (double)seconds);

	printf("kernel_pair.per_s %.0f sessions_a_second\n", (double)n / (now_s() - start));
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
