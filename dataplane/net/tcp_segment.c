// SPDX-License-Identifier: MIT
/*
 * tcp_segment.c - a TCP segment on the wire and as fields (RFC 9293 3.1)
 */
#include "dataplane/net/checksum.h"
#include "dataplane/net/tcp_segment.h"

enum { PROTOCOL = 6, CHECKSUM_AT = 16 };

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, (uint16_t)(v >> 16));
	put16(at + 2, (uint16_t)v);
}

enum err tcp_segment_parse(struct span wire, struct tcp_segment *s)
{
	struct tcp_options options = TCP_OPTIONS_NONE;

	if (wire.len < TCP_HEADER)
		return ERR_BAD_LENGTH;
	size_t header = (size_t)(wire.at[12] >> 4) * 4;
	if (header < TCP_HEADER || header > wire.len)
		return ERR_BAD_LENGTH;
	if (header > TCP_HEADER) {
		enum err e = tcp_options_parse(span_part(wire, TCP_HEADER, header), &options);
		if (e)
			return e;
	}
	*s = (struct tcp_segment){
		.source = get16(wire.at),
		.destination = get16(wire.at + 2),
		.seq = get32(wire.at + 4),
		.ack = get32(wire.at + 8),
		.flags = wire.at[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG),
		.wnd = get16(wire.at + 14),
		.options = options,
		.data = span_skip(wire, header),
	};
	return OK;
}

size_t tcp_segment_emit(uint8_t *out, const struct tcp_segment *s)
{
	size_t header = TCP_HEADER + tcp_options_emit(out + TCP_HEADER, &s->options);

	put16(out, s->source);
	put16(out + 2, s->destination);
	put32(out + 4, s->seq);
	put32(out + 8, s->ack);
	out[12] = (uint8_t)(header / 4 << 4);
	out[13] = s->flags;
	put16(out + 14, s->wnd);
	put32(out + CHECKSUM_AT, 0); /* and no urgent pointer (RFC 6093) */
	return header;
}

bool tcp_segment_sum_good(const struct ip_addr *source, const struct ip_addr *destination, struct span wire)
{
	return checksum_fold(checksum_add(checksum_pseudo(source, destination, PROTOCOL, wire.len), wire)) == 0xffff;
}

void tcp_segment_sum_fill(const struct ip_addr *source, const struct ip_addr *destination, uint8_t *wire, size_t len,
			  bool offload)
{
	uint64_t sum = checksum_pseudo(source, destination, PROTOCOL, len);
	uint16_t field = checksum_fold(sum);

	if (!offload)
		field = (uint16_t)~checksum_fold(checksum_add(sum, span_of(wire, len)));
	memcpy(wire + CHECKSUM_AT, &field, sizeof(field));
}
