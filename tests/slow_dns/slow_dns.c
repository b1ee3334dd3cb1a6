// SPDX-License-Identifier: MIT
/*
 * slow_dns.c - a DNS server for the bench: slow, lossy or failing, and it counts what it is asked
 *
 * usage: slow_dns PORT DELAY_MS LOSS_PERCENT SERVFAIL_PERCENT
 *
 * By UDP on 127.0.0.1.  Each dN.load.example publishes an SPF record that names 10.0.0.0/8 and a DMARC policy; all else does
 * not exist.  At SIGTERM it prints one line of JSON: questions, how many of them distinct, and what became of them.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 12, PACKET_MAX = 512, QUESTION_MAX = 300, WAITING = 1 << 16, SEEN = 1 << 22 };
enum { TYPE_SOA = 6, TYPE_TXT = 16, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3 };

static struct waiting {
	uint64_t due_us;
	struct sockaddr_in to;
	uint16_t len;
	uint8_t packet[PACKET_MAX];
} waiting[WAITING];
static uint64_t seen[SEEN]; /* hashes of questions; 0: free */
static uint64_t n_questions, n_distinct, n_lost, n_failed, n_answered;
static volatile sig_atomic_t over;

static void stop(int sig)
{
	(void)sig;
	over = 1;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned dice(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 33) % 100;
}

/* By FNV-1a of name and type, letters in lower case.  The bench has far fewer questions than places. */
static void count(const uint8_t *question, size_t len)
{
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (question[i] | (question[i] >= 'A' && question[i] <= 'Z' ? 0x20u : 0u))) * 1099511628211u;
	h += !h;
	n_questions++;
	for (size_t i = h % SEEN; n_distinct < SEEN / 2; i = (i + 1) % SEEN) {
		if (seen[i] == h)
			return;
		if (!seen[i]) {
			seen[i] = h;
			n_distinct++;
			return;
		}
	}
}

static uint8_t *put_record(uint8_t *at, size_t name_at, unsigned type, const void *rdata, size_t len)
{
	const uint8_t head[] = { (uint8_t)(0xc0 | name_at >> 8),
				 (uint8_t)name_at,
				 0,
				 (uint8_t)type,
				 0,
				 1,
				 0,
				 0,
				 0x0e,
				 0x10,
				 (uint8_t)(len >> 8),
				 (uint8_t)len };

	memcpy(at, head, sizeof(head));
	memcpy(at + sizeof(head), rdata, len);
	return at + sizeof(head) + len;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
	uint8_t rdata[64];
	size_t len = strlen(text);

	rdata[0] = (uint8_t)len;
	memcpy(rdata + 1, text, len);
	return put_record(at, HEADER, TYPE_TXT, rdata, len + 1);
}

/* Where the labels of the name begin; returns how many, and in *end where the name ends.  -1: no name. */
static int labels(const uint8_t *p, size_t len, size_t label[64], size_t *end)
{
	size_t at = HEADER;
	int n = 0;

	while (at < len && p[at]) {
		if (p[at] > 63 || n == 64)
			return -1;
		label[n++] = at;
		at += 1u + p[at];
	}
	*end = at + 1;
	return at + 5 <= len && at + 5 <= QUESTION_MAX ? n : -1;
}

/* Turns the query in @p into its answer; returns the length, 0 for what is no query. */
static size_t answer(uint8_t p[PACKET_MAX], size_t len, bool fails)
{
	static const uint8_t soa[22] = { [21] = 60 }; /* both names the root; negative answers live for a minute */
	size_t label[64], name_end;
	int n = len < HEADER + 5 || (p[2] & 0x80) || p[5] != 1 ? -1 : labels(p, len, label, &name_end);

	if (n < 0)
		return 0;
	unsigned type = (unsigned)p[name_end] << 8 | p[name_end + 1];
	uint8_t *begin = p + name_end + 4, *end = begin;

	count(p + HEADER, (size_t)(begin - p) - HEADER);
	p[2] = (uint8_t)(0x84 | (p[2] & 1)); /* an answer, authoritative */
	p[3] = 0x80;
	memset(p + 6, 0, 6);
	if (fails) {
		p[3] |= RCODE_SERVFAIL;
		n_failed++;
		return (size_t)(end - p);
	}
	bool domain = n >= 3 && memcmp(p + label[n - 2], "\4load\7example", 13) == 0 && p[label[n - 3] + 1] == 'd';
	bool policy = domain && n == 4 && memcmp(p + label[0], "\6_dmarc", 7) == 0;

	if (domain && n == 3 && type == TYPE_TXT)
		end = put_text(end, "v=spf1 ip4:10.0.0.0/8 -all");
	else if (policy && type == TYPE_TXT)
		end = put_text(end, "v=DMARC1; p=reject");
	if (end > begin) {
		p[7] = 1;
	} else {
		p[3] |= domain && (n == 3 || policy) ? 0 : RCODE_NXDOMAIN;
		p[9] = 1;
		end = put_record(end, n >= 2 ? label[n - 2] : HEADER, TYPE_SOA, soa, sizeof(soa));
	}
	return (size_t)(end - p);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: slow_dns PORT DELAY_MS LOSS_PERCENT SERVFAIL_PERCENT\n");
		return 2;
	}
	struct sockaddr_in own = { .sin_family = AF_INET,
				   .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint64_t delay_us = strtoul(argv[2], NULL, 10) * 1000;
	unsigned loss = (unsigned)strtoul(argv[3], NULL, 10), servfail = (unsigned)strtoul(argv[4], NULL, 10);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;
	size_t head = 0, tail = 0; /* new ones at the head; all wait as long, so the oldest is due first */

	(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0) {
		perror("slow_dns");
		return 1;
	}
	signal(SIGTERM, stop);
	while (!over) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		(void)!poll(&ready, 1, head == tail ? 100 : 1);
		for (unsigned i = 0; i < 256 && head - tail < WAITING; i++) {
			struct waiting *w = &waiting[head % WAITING];
			socklen_t size = sizeof(w->to);
			ssize_t n = recvfrom(fd, w->packet, sizeof(w->packet), MSG_DONTWAIT, (struct sockaddr *)&w->to,
					     &size);

			if (n < 0)
				break;
			w->len = (uint16_t)answer(w->packet, (size_t)n, dice() < servfail);
			w->due_us = now_us() + delay_us;
			if (dice() < loss)
				n_lost++;
			else
				head += w->len > 0;
		}
		for (uint64_t now = now_us(); tail != head && waiting[tail % WAITING].due_us <= now; tail++) {
			const struct waiting *w = &waiting[tail % WAITING];

			(void)!sendto(fd, w->packet, w->len, 0, (const struct sockaddr *)&w->to, sizeof(w->to));
			n_answered++;
		}
	}
	printf("{\"questions\": %" PRIu64 ", \"distinct\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"servfail\": %" PRIu64
	       ", \"answered\": %" PRIu64 "}\n",
	       n_questions, n_distinct, n_lost, n_failed, n_answered);
	close(fd);
	return 0;
}
