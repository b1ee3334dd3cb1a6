// SPDX-License-Identifier: MIT
/*
 * tcp_options.c - the options of a TCP header (RFC 9293 3.2, RFC 7323 2 and 3, RFC 2018)
 */
#include "dataplane/net/tcp_options.h"

enum {
	KIND_END = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_PERMITTED = 4,
	KIND_SACK = 5,
	KIND_STAMP = 8,
};

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

static void parse_one(uint8_t kind, struct span value, struct tcp_options *out)
{
	switch (kind) {
	case KIND_MSS:
		if (value.len == 2)
			out->mss = (uint16_t)(value.at[0] << 8 | value.at[1]);
		break;
	case KIND_WSCALE:
		/* RFC 7323 2.3: more than 14 is taken as 14. */
		if (value.len == 1)
			out->wscale = value.at[0] > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : value.at[0];
		break;
	case KIND_SACK_PERMITTED:
		out->sack_permitted = out->sack_permitted || value.len == 0;
		break;
	case KIND_SACK:
		if (value.len % 8 || value.len > 8 * TCP_SACK_BLOCKS)
			break;
		out->n_sack = (uint8_t)(value.len / 8);
		for (size_t i = 0; i < out->n_sack; i++)
			out->sack[i] = (struct tcp_sack_block){ get32(value.at + 8 * i), get32(value.at + 8 * i + 4) };
		break;
	case KIND_STAMP:
		if (value.len != 8)
			break;
		out->stamped = true;
		out->stamp = get32(value.at);
		out->stamp_echo = get32(value.at + 4);
		break;
	default:
		break;
	}
}

enum err tcp_options_parse(struct span in, struct tcp_options *out)
{
	struct tcp_options o = TCP_OPTIONS_NONE;

	while (in.len && in.at[0] != KIND_END) {
		size_t len = 1;

		if (in.at[0] != KIND_NOP) {
			if (in.len < 2)
				return ERR_BAD_LENGTH;
			len = in.at[1];
			if (len < 2 || len > in.len) /* RFC 9293 MUST-7: 0 and 1 would never advance */
				return ERR_BAD_LENGTH;
			parse_one(in.at[0], span_part(in, 2, len), &o);
		}
		in = span_skip(in, len);
	}
	*out = o;
	return OK;
}

/* Each option begins or ends at a multiple of four, so the padding is known beforehand. */
size_t tcp_options_emit(uint8_t *out, const struct tcp_options *o)
{
	size_t n = 0;

	if (o->mss) {
		const uint8_t mss[4] = { KIND_MSS, 4, (uint8_t)(o->mss >> 8), (uint8_t)o->mss };

		memcpy(out + n, mss, sizeof(mss));
		n += sizeof(mss);
	}
	if (o->wscale != TCP_WSCALE_NONE) {
		const uint8_t wscale[4] = { KIND_NOP, KIND_WSCALE, 3, o->wscale };

		memcpy(out + n, wscale, sizeof(wscale));
		n += sizeof(wscale);
	}
	if (o->sack_permitted) {
		const uint8_t permitted[4] = { KIND_NOP, KIND_NOP, KIND_SACK_PERMITTED, 2 };

		memcpy(out + n, permitted, sizeof(permitted));
		n += sizeof(permitted);
	}
	if (o->stamped) {
		const uint8_t stamp[4] = { KIND_NOP, KIND_NOP, KIND_STAMP, 10 };

		memcpy(out + n, stamp, sizeof(stamp));
		put32(out + n + 4, o->stamp);
		put32(out + n + 8, o->stamp_echo);
		n += TCP_STAMP_LEN;
	}
	if (o->n_sack && n + 12 <= TCP_OPTIONS_MAX) {
		size_t room = (TCP_OPTIONS_MAX - n - 4) / 8, n_blocks = o->n_sack < room ? o->n_sack : room;
		const uint8_t sack[4] = { KIND_NOP, KIND_NOP, KIND_SACK, (uint8_t)(2 + 8 * n_blocks) };

		memcpy(out + n, sack, sizeof(sack));
		n += sizeof(sack);
		for (size_t i = 0; i < n_blocks; i++, n += 8) {
			put32(out + n, o->sack[i].start);
			put32(out + n + 4, o->sack[i].end);
		}
	}
	return n;
}
