// SPDX-License-Identifier: MIT
/*
 * tcp_segment.h - a TCP segment on the wire and as fields (RFC 9293 3.1)
 */
#ifndef NET_TCP_SEGMENT_H
#define NET_TCP_SEGMENT_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/net/tcp_options.h"

#define TCP_HEADER 20
#define TCP_HEADER_MAX (TCP_HEADER + TCP_OPTIONS_MAX)

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct tcp_segment {
	uint16_t source, destination; /* ports */
	uint32_t seq, ack;
	uint16_t wnd; /* as on the wire: not scaled */
	uint8_t flags;
	struct tcp_options options;
	struct span data;
};

/* SEG.LEN: SYN and FIN count as an octet each. */
static inline uint32_t tcp_segment_len(const struct tcp_segment *s)
{
	return (uint32_t)s->data.len + ((s->flags & TCP_SYN) != 0) + ((s->flags & TCP_FIN) != 0);
}

/**
 * tcp_segment_parse - take a segment apart
 * @wire: header and data; s->data will point into it
 *
 * ERR_BAD_LENGTH, @s untouched: shorter than its header, a data offset below 5 or behind the end, or bad options.
 * The checksum is not looked at.
 */
enum err MUST_USE tcp_segment_parse(struct span wire, struct tcp_segment *s);

/* Writes the header alone, with a zero checksum, to @out (TCP_HEADER_MAX octets); returns its length. */
size_t tcp_segment_emit(uint8_t *out, const struct tcp_segment *s);

/* Whether the checksum of @wire is right for a packet between these addresses. */
bool tcp_segment_sum_good(const struct ip_addr *source, const struct ip_addr *destination, struct span wire);

/* Fills the checksum field of the segment of @len octets at @wire, which holds zero: whole, or with @offload the sum of
 * the pseudo-header alone, for the NIC to finish. */
void tcp_segment_sum_fill(const struct ip_addr *source, const struct ip_addr *destination, uint8_t *wire, size_t len,
			  bool offload);

#endif
