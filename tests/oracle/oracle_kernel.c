// SPDX-License-Identifier: MIT
/*
 * oracle_kernel.c - the cases played to the kernel's stack, through a TUN device in a network namespace of this process
 *
 * All cases run at the same time, each with a peer address of its own, so they take as long as the longest.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/oracle/oracle.h"
#include "tests/unit/net/tcp_script_words.h"

struct play {
	const struct oracle_case *c;
	struct oracle_record *record;
	struct oracle_peer peer;
	unsigned line; /* under way */
	uint64_t until_us;
	int fd; /* -1: none yet, or over */
	uint32_t n_sent, n_read;
	bool had, eof, failed, bad, aborted, over;
};

static int tun = -1, listener = -1;

static uint64_t clock_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- set-up -------------------------------------------------------------------------------- */

static bool open_tun(void)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "oracle");
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return tun >= 0 && ioctl(tun, TUNSETIFF, &r) == 0;
}

/* As the kernel is by default, but what depends on time, on chance, or on other cases. */
static bool configure(void)
{
	/* Not every kernel has all of these. */
	static const struct {
		const char *name, *value;
	} values[] = {
		{ "conf/all/rp_filter", "0" },
		{ "conf/oracle/rp_filter", "0" },
		{ "tcp_invalid_ratelimit", "0" },
		{ "tcp_early_retrans", "0" },
		{ "tcp_challenge_ack_limit", "1000000" },
		{ "tcp_autocorking", "0" },
		{ "tcp_syncookies", "0" },
		{ "tcp_congestion_control", "cubic" },
		{ "tcp_ecn", "0" },
		{ "tcp_no_metrics_save", "1" },
		{ "tcp_max_syn_backlog", "4096" },
	};
	char path[128];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", values[i].name);
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		if (fd >= 0 && write(fd, values[i].value, strlen(values[i].value)) < 0)
			printf("# %s stays as it is\n", values[i].name);
		if (fd >= 0)
			close(fd);
	}
	return system("ip link set lo up && ip link set oracle up mtu 1500 txqueuelen 20000 && "
		      "ip addr add 192.0.2.1/24 dev oracle && ip route add default dev oracle rto_min 5s") == 0;
}

static bool listen_to_25(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(25) };
	int one = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	       bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 4096) == 0;
}

static bool set_up(const char **reason)
{
	struct rlimit files = { 65536, 65536 };

	*reason = geteuid() != 0               ? "it needs root"
		  : unshare(CLONE_NEWNET) != 0 ? "no network namespace can be made"
		  : !open_tun()                ? "there is no TUN device"
		  : !configure()               ? "the namespace cannot be configured"
		  : !listen_to_25()            ? "port 25 cannot be listened to"
					       : NULL;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	return !*reason;
}

/* --- the user ------------------------------------------------------------------------------ */

static void quick(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void accept_all(struct play *plays, size_t n)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int fd;

	while ((fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		quick(fd);
		for (size_t i = 0; i < n; i++)
			if (memcmp(&from.sin_addr, plays[i].peer.peer.bytes, 4) == 0 && plays[i].fd < 0) {
				plays[i].fd = fd;
				plays[i].had = true;
				fd = -1;
				break;
			}
		if (fd >= 0)
			close(fd);
	}
}

static void call(struct play *p)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(4000) };

	memcpy(&to.sin_addr, p->peer.peer.bytes, 4);
	p->peer.peer_port = 4000;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	quick(p->fd);
	p->had = connect(p->fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS;
}

static void take_octets(struct play *p)
{
	uint8_t data[4096];
	ssize_t n;

	if (p->fd < 0 || p->eof || p->failed)
		return;
	while ((n = recv(p->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			p->bad |= data[i] != oracle_octet(1 + p->n_read + (uint32_t)i);
		p->n_read += (uint32_t)n;
	}
	p->eof = n == 0;
	p->failed = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
}

static void send_octets(struct play *p, uint32_t n)
{
	uint8_t *data = malloc(n ? n : 1);

	for (uint32_t i = 0; i < n; i++)
		data[i] = oracle_octet(1 + p->n_sent + i);
	ssize_t took = p->fd < 0 ? -1 : send(p->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (took > 0)
		p->n_sent += (uint32_t)took;
	free(data);
}

static void abort_now(struct play *p)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (p->fd < 0)
		return;
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p->fd);
	p->fd = -1;
}

/* --- the lines ----------------------------------------------------------------------------- */

static void begin_line(struct play *p, uint64_t now_us)
{
	const char *line = p->c->lines[p->line], *rest = line;
	uint8_t packet[ORACLE_PACKET];
	uint64_t ms = ORACLE_TURN_MS;
	char verb[64];

	play_word(&rest, verb);
	if (!strcmp(verb, "in")) {
		size_t n = oracle_packet(&p->peer, line, packet);

		if (write(tun, packet, n) != (ssize_t)n)
			p->bad = true;
	} else if (!strcmp(verb, "open")) {
		call(p);
	} else if (!strcmp(verb, "send")) {
		send_octets(p, play_number(&rest));
	} else if (!strcmp(verb, "read")) {
		take_octets(p);
	} else if (!strcmp(verb, "close") && p->fd >= 0) {
		shutdown(p->fd, SHUT_WR);
	} else if (!strcmp(verb, "abort")) {
		p->aborted = true;
		abort_now(p);
	} else if (!strcmp(verb, "watch")) {
		p->peer.watched = true;
	} else if (!strcmp(verb, "time")) {
		ms = play_number(&rest);
	}
	p->until_us = now_us + ms * 1000;
}

static void finish(struct play *p)
{
	take_octets(p);
	oracle_user(p->record,
		    p->aborted  ? "aborted"
		    : !p->had   ? "nothing"
		    : p->failed ? "an error"
		    : p->eof    ? "the end"
				: "open",
		    p->n_read, p->bad);
	abort_now(p);
	p->over = true;
}

static void turn(struct play *p, uint64_t now_us)
{
	if (p->over || now_us < p->until_us)
		return;
	if (p->until_us) {
		oracle_text(&p->peer, p->record->answers[p->line]);
		p->line++;
	}
	if (p->line == ORACLE_LINES || !p->c->lines[p->line])
		finish(p);
	else
		begin_line(p, now_us);
}

static void receive(struct play *plays, size_t n)
{
	uint8_t packet[ORACLE_PACKET];
	ssize_t len;

	while ((len = read(tun, packet, sizeof(packet))) > 0)
		for (size_t i = 0; i < n; i++)
			if (!plays[i].over && oracle_take(&plays[i].peer, span_of(packet, (size_t)len)))
				break;
}

bool oracle_kernel(const struct oracle_case *cases, unsigned first, size_t n, struct oracle_record *records,
		   const char **reason)
{
	struct play *plays = calloc(n, sizeof(*plays));
	size_t n_over = 0;

	if (!plays || (listener < 0 && !set_up(reason))) {
		free(plays);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		plays[i] = (struct play){
			.c = &cases[i], .record = &records[i], .peer = oracle_peer(first + (unsigned)i), .fd = -1
		};
	}
	while (n_over < n) {
		struct pollfd fd = { .fd = tun, .events = POLLIN };

		poll(&fd, 1, 1);
		receive(plays, n);
		accept_all(plays, n);
		n_over = 0;
		for (size_t i = 0; i < n; i++) {
			turn(&plays[i], clock_now_us());
			n_over += plays[i].over;
		}
	}
	free(plays);
	return true;
}
