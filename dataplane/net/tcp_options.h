// SPDX-License-Identifier: MIT
/*
 * tcp_options.h - the options of a TCP header (RFC 9293 3.2, RFC 7323 2 and 3, RFC 2018)
 */
#ifndef NET_TCP_OPTIONS_H
#define NET_TCP_OPTIONS_H

#include "dataplane/base/err.h"
#include "dataplane/base/span.h"

#define TCP_OPTIONS_MAX 40        /* what a data offset of 15 leaves */
#define TCP_WSCALE_MAX 14         /* RFC 7323 2.3 */
#define TCP_WSCALE_NONE UINT8_MAX /* the option was not there */
#define TCP_STAMP_LEN 12          /* timestamps and the padding in front of them */
#define TCP_SACK_BLOCKS 4         /* that fit into a header; three beside timestamps */

/* Octets that arrived: from @start up to, not with, @end. */
struct tcp_sack_block {
	uint32_t start, end;
};

struct tcp_options {
	uint16_t mss;   /* 0: not there */
	uint8_t wscale; /* TCP_WSCALE_NONE or 0 .. TCP_WSCALE_MAX */
	bool sack_permitted;
	bool stamped; /* stamp and stamp_echo (TSval, TSecr) are there */
	uint8_t n_sack;
	uint32_t stamp, stamp_echo;
	struct tcp_sack_block sack[TCP_SACK_BLOCKS];
};

#define TCP_OPTIONS_NONE ((struct tcp_options){ .wscale = TCP_WSCALE_NONE })

/**
 * tcp_options_parse - read all options of a header
 * @in: what stands between the fixed header and the data
 *
 * Unknown kinds are passed over (MUST-6); a known kind of a wrong length as well.  Returns ERR_BAD_LENGTH, and
 * leaves @out alone, when a length is 0, 1 or leads out of @in (MUST-7).
 */
enum err MUST_USE tcp_options_parse(struct span in, struct tcp_options *out);

/* Writes what @o has into @out (TCP_OPTIONS_MAX octets) and returns the length, a multiple of four.  Of SACK blocks
 * those are written that fit behind the rest. */
size_t tcp_options_emit(uint8_t *out, const struct tcp_options *o);

#endif
