// SPDX-License-Identifier: MIT
/*
 * epoll_sink.c - the least that takes mail over the kernel's TCP: SMTP by epoll, nothing verified, nothing kept
 *
 * usage: epoll_sink PORT     on 127.0.0.1
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, LINE_MAX_OCTETS = 512, REPLIES_MAX = 4096 };

struct peer {
	bool in_data;
	unsigned end; /* of CRLF.CRLF seen, in data */
	size_t len;
	char line[LINE_MAX_OCTETS];
};

static struct peer peers[CONNECTIONS_MAX]; /* by descriptor */
static char replies[REPLIES_MAX];
static size_t n_replies;

static void reply(const char *text)
{
	size_t len = strlen(text);

	if (n_replies + len > sizeof(replies))
		return;
	memcpy(replies + n_replies, text, len);
	n_replies += len;
}

/* False: the conversation is over. */
static bool command(struct peer *p)
{
	if (strncasecmp(p->line, "DATA", 4) == 0) {
		p->in_data = true;
		p->end = 2;
		reply("354 Go on\r\n");
	} else if (strncasecmp(p->line, "QUIT", 4) == 0) {
		reply("221 2.0.0 Bye\r\n");
		return false;
	} else if (strncasecmp(p->line, "EHLO", 4) == 0) {
		reply("250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
	} else {
		reply("250 2.0.0 Ok\r\n");
	}
	return true;
}

/* Takes octets of a message; returns how many. */
static size_t take_data(struct peer *p, const char *at, size_t n)
{
	static const char end[] = "\r\n.\r\n";

	for (size_t i = 0; i < n; i++) {
		if (p->end == 0) {
			const char *cr = memchr(at + i, '\r', n - i);

			if (!cr)
				return n;
			i = (size_t)(cr - at);
			p->end = 1;
			continue;
		}
		p->end = at[i] == end[p->end] ? p->end + 1 : at[i] == '\r' ? 1 : 0;
		if (p->end == 5) {
			p->in_data = false;
			reply("250 2.0.0 Taken\r\n");
			return i + 1;
		}
	}
	return n;
}

/* False: it is to be closed. */
static bool take(struct peer *p, const char *at, size_t n)
{
	while (n) {
		size_t taken;

		if (p->in_data) {
			taken = take_data(p, at, n);
		} else {
			const char *lf = memchr(at, '\n', n);

			taken = lf ? (size_t)(lf - at) + 1 : n;
			if (p->len + taken >= sizeof(p->line))
				return false;
			memcpy(p->line + p->len, at, taken);
			p->len += taken;
			p->line[p->len] = '\0';
			if (lf) {
				p->len = 0;
				if (!command(p))
					return false;
			}
		}
		at += taken;
		n -= taken;
	}
	return true;
}

static void serve(int listener, int ep)
{
	static char room[65536];
	struct epoll_event events[256];
	int n = epoll_wait(ep, events, 256, -1);

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;

		if (fd == listener) {
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

				if (fd >= CONNECTIONS_MAX || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) != 0) {
					close(fd);
					continue;
				}
				peers[fd] = (struct peer){ 0 };
				(void)!write(fd, "220 sink.example ESMTP\r\n", 24);
			}
			continue;
		}
		ssize_t len = read(fd, room, sizeof(room));

		n_replies = 0;
		bool open = len > 0 && take(&peers[fd], room, (size_t)len);

		if (n_replies)
			(void)!write(fd, replies, n_replies);
		if (!open)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int one = 1, ep = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (port < 1 || port > 65535) {
		fprintf(stderr, "usage: epoll_sink PORT\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)port);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = listener };

	if (ep < 0 || listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 4096) != 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e) != 0) {
		perror("epoll_sink");
		return 1;
	}
	for (;;)
		serve(listener, ep);
}
