// SPDX-License-Identifier: MIT
/*
 * tcp_options.c - the options of a TCP header (RFC 9293 3.2, RFC 7323 2)
 */
#include "dataplane/net/tcp_options.h"

enum { KIND_END = 0, KIND_NOP = 1, KIND_MSS = 2, KIND_WSCALE = 3 };

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
	return n;
}
