// SPDX-License-Identifier: MIT
/*
 * net_bench.h - one struct net on a bench: frames are written as hexadecimal text, TCP is a fake that records
 *
 * The bench has two ports.  Port 0: 02:00:00:00:00:01, 192.0.2.25/24 by gateway 192.0.2.1, 2001:db8::25/64 by
 * fe80::1.  Port 1: 02:00:00:00:00:02, VLAN 7, 10.0.0.25/24, no gateway.
 */
#ifndef NET_BENCH_H
#define NET_BENCH_H

#include <stdlib.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/net.h"
#include "tests/tap.h"

/* --- the fake TCP -------------------------------------------------------------------------- */

static struct {
	unsigned n_segments, n_too_big, n_unreachable, n_hard, n_steps;
	struct tcp_path path; /* of the last segment or too-big */
	uint8_t segment[9000];
	size_t segment_len;
	uint32_t mtu;
	struct tcp_settings settings;
	/* what tcp_next() gives: @n_to_send times these octets */
	unsigned n_to_send;
	struct tcp_path send_path;
	struct span to_send;
	bool offload;
} fake;

struct tcp {
	int dummy;
};

struct tcp_settings tcp_settings_default(void)
{
	return (struct tcp_settings){ .mss4 = 1460, .mss6 = 1440 };
}

size_t tcp_memory(const struct tcp_settings *settings)
{
	(void)settings;
	return sizeof(struct tcp);
}

struct tcp *tcp_init(void *memory, const struct tcp_settings *settings, const uint8_t seed[16], struct stats *stats)
{
	(void)seed;
	(void)stats;
	fake.settings = *settings;
	return memory;
}

static void fake_record(const struct tcp_path *path, struct span octets)
{
	CHECK(octets.len <= sizeof(fake.segment));
	fake.path = *path;
	fake.segment_len = octets.len;
	if (octets.len)
		memcpy(fake.segment, octets.at, octets.len);
}

void tcp_input(struct tcp *t, const struct tcp_path *path, struct span segment, uint64_t now_us)
{
	(void)t;
	(void)now_us;
	fake.n_segments++;
	fake_record(path, segment);
}

bool tcp_ahead_pays(const struct tcp *t)
{
	(void)t;
	return true;
}

bool tcp_ahead_bucket(const struct tcp *t, const struct tcp_path *path, struct span segment, struct tcp_ahead *a)
{
	(void)t;
	(void)path;
	*a = (struct tcp_ahead){ .hash = (uint32_t)segment.len };
	return segment.len >= 20;
}

void tcp_ahead_key(const struct tcp *t, const struct tcp_ahead *a)
{
	(void)t;
	(void)a;
}

void tcp_ahead_record(const struct tcp *t, const struct tcp_ahead *a)
{
	(void)t;
	(void)a;
}

void tcp_input_ahead(struct tcp *t, const struct tcp_path *path, struct span segment, const struct tcp_ahead *a,
		     uint64_t now_us)
{
	CHECK(a->hash == segment.len);
	tcp_input(t, path, segment, now_us);
}

void tcp_input_end(struct tcp *t, uint64_t now_us)
{
	(void)t;
	(void)now_us;
}

void tcp_too_big(struct tcp *t, const struct tcp_path *path, struct span quoted, uint32_t mtu, uint64_t now_us)
{
	(void)t;
	(void)now_us;
	fake.n_too_big++;
	fake.mtu = mtu;
	fake_record(path, quoted);
}

void tcp_unreachable(struct tcp *t, const struct tcp_path *path, struct span quoted, bool hard, uint64_t now_us)
{
	(void)t;
	(void)now_us;
	fake.n_unreachable++;
	fake.n_hard += hard;
	fake_record(path, quoted);
}

size_t tcp_next(struct tcp *t, uint8_t *segment, size_t cap, bool offload, struct tcp_path *path, uint64_t now_us)
{
	(void)t;
	(void)now_us;
	if (fake.n_to_send == 0)
		return 0;
	fake.n_to_send--;
	fake.offload = offload;
	CHECK(fake.to_send.len <= cap);
	memcpy(segment, fake.to_send.at, fake.to_send.len);
	*path = fake.send_path;
	return fake.to_send.len;
}

void tcp_step(struct tcp *t, uint64_t now_us)
{
	(void)t;
	(void)now_us;
	fake.n_steps++;
}

uint64_t tcp_deadline_us(const struct tcp *t)
{
	(void)t;
	return UINT64_MAX;
}

/* --- the bench ----------------------------------------------------------------------------- */

#define MAC0 "020000000001"
#define MAC1 "020000000002"
#define GATEWAY "02000000aaaa" /* 192.0.2.1, fe80::1 */
#define NEIGHBOUR "02000000bbbb"
#define ALL "ffffffffffff"

static struct stats bench_stats;
static uint8_t bench_buffer[NET_FRAME_MAX + 64];
static void *bench_memory;
static struct net_frame bench_out;

__attribute__((unused)) static struct ip_addr address(const char *text)
{
	struct ip_addr a = { 0 };

	if (!ip_addr_parse(span_str(text), &a))
		ok(false, "%s is no address", text);
	return a;
}

__attribute__((unused)) static struct net_settings bench_settings(void)
{
	struct net_settings s = net_settings_default();

	s.n_ifs = 2;
	s.quiet = true;
	s.neighbours_max = 8;
	s.neighbour_queue_max = 4;
	s.ifs[0] =
		(struct net_if_settings){ .mac = { 2, 0, 0, 0, 0, 1 },
					  .mtu = 1500,
					  .n_addrs = 2,
					  .addrs = { { address("192.0.2.25"), 24 }, { address("2001:db8::25"), 64 } },
					  .gateway4 = address("192.0.2.1"),
					  .gateway6 = address("fe80::1") };
	s.ifs[1] = (struct net_if_settings){ .mac = { 2, 0, 0, 0, 0, 2 },
					     .mtu = 1400,
					     .vlan = 7,
					     .n_addrs = 1,
					     .addrs = { { address("10.0.0.25"), 24 } } };
	return s;
}

__attribute__((unused)) static struct net *bench_net(const struct net_settings *s)
{
	static const uint8_t seed[16] = { 1, 2, 3 };
	size_t size = (net_memory(s) + 63) & ~(size_t)63;

	free(bench_memory);
	bench_memory = aligned_alloc(64, size);
	CHECK(bench_memory);
	memset(bench_memory, 0xa5, size);
	memset(&fake, 0, sizeof(fake));
	memset(&bench_stats, 0, sizeof(bench_stats));
	return net_init(bench_memory, s, seed, &bench_stats);
}

/* Hexadecimal text with blanks anywhere.  Returns the number of octets. */
__attribute__((unused)) static size_t unhex(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;
	unsigned value = 0, n_digits = 0;

	for (; *text; text++) {
		char c = *text;
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
							: 16;

		if (digit == 16)
			continue;
		value = value << 4 | digit;
		if (++n_digits % 2 == 0) {
			CHECK(n < cap);
			out[n++] = (uint8_t)value;
			value = 0;
		}
	}
	return n;
}

/* Where the IPv4 or IPv6 packet of a frame is, past a VLAN tag. */
static uint8_t *packet_of(uint8_t *frame)
{
	return frame + (frame[12] == 0x81 ? 18 : 14);
}

static void put_sum(uint8_t *field, uint64_t sum)
{
	uint16_t folded = (uint16_t)~checksum_fold(sum);

	memcpy(field, &folded, 2);
}

/* Fills in the checksums of IPv4 and of ICMP in either family, where their fields are zero. */
__attribute__((unused)) static void fill_checksums(uint8_t *frame, size_t len)
{
	uint8_t *ip = packet_of(frame);
	size_t ip_len = len - (size_t)(ip - frame);

	if (ip[0] >> 4 == 4) {
		size_t header = (ip[0] & 15) * 4u, total = (size_t)ip[2] << 8 | ip[3];

		if (header < 20 || header > ip_len || total < header || total > ip_len)
			return;
		if (!ip[10] && !ip[11])
			put_sum(ip + 10, checksum_add(0, span_of(ip, header)));
		if (ip[9] == 1 && total >= header + 8 && !ip[header + 2] && !ip[header + 3])
			put_sum(ip + header + 2, checksum_add(0, span_of(ip + header, total - header)));
	} else if (ip[0] >> 4 == 6 && ip_len >= 48 && ip[6] == 58 && !ip[42] && !ip[43]) {
		struct ip_addr from = ip_addr_of6(ip + 8), to = ip_addr_of6(ip + 24);
		size_t n = (size_t)ip[4] << 8 | ip[5];

		if (n <= ip_len - 40)
			put_sum(ip + 42, checksum_add(checksum_pseudo(&from, &to, 58, n), span_of(ip + 40, n)));
	}
}

/* One frame in, from exactly as much memory as it has, so that the sanitizer sees the first octet past its end. */
__attribute__((unused)) static void in(struct net *n, unsigned ifindex, unsigned flags, uint64_t now_us,
				       const char *text)
{
	uint8_t frame[2048];
	size_t len = unhex(text, frame, sizeof(frame));
	uint8_t *exact = malloc(len ? len : 1);

	if (len >= 34)
		fill_checksums(frame, len);
	memcpy(exact, frame, len);
	net_input(n, ifindex, span_of(exact, len), flags, now_us);
	net_input_end(n, now_us);
	free(exact);
}

/* The next frame out as hexadecimal text without blanks; "" when there is none. */
__attribute__((unused)) static const char *out(struct net *n, uint64_t now_us)
{
	static char text[2 * sizeof(bench_buffer) + 1];

	bench_out = (struct net_frame){ .at = bench_buffer, .cap = NET_FRAME_MAX };
	text[0] = '\0';
	if (!net_next(n, &bench_out, now_us))
		return text;
	CHECK(bench_out.at >= bench_buffer && bench_out.at + bench_out.len <= bench_buffer + NET_FRAME_MAX);
	for (size_t i = 0; i < bench_out.len; i++)
		snprintf(text + 2 * i, 3, "%02x", bench_out.at[i]);
	return text;
}

/* Compares with @expected, in which "??" stands for any octet and blanks do not count. */
__attribute__((format(printf, 3, 4))) __attribute__((unused)) static void is_frame(const char *got,
										   const char *expected,
										   const char *format, ...)
{
	char sentence[256];
	const char *g = got, *e = expected;
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	__builtin_va_end(args);
	for (;; g++, e++) {
		while (*e == ' ')
			e++;
		if (!*g || !*e || (*e != '?' && *g != *e))
			break;
	}
	if (!ok(!*g && !*e, "%s", sentence))
		printf("#      got: %s\n# expected: %s\n", got, expected);
}

#endif
