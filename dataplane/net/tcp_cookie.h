// SPDX-License-Identifier: MIT
/*
 * tcp_cookie.h - SYN cookies: a handshake that we remember nothing of (RFC 4987 3.6)
 *
 * Only when half-open records have run out: as nobody repeats the SYN-ACK of a cookie, a client whose last ACK gets
 * lost waits in vain for the greeting of a server that speaks first.
 *
 * The cookie is our initial sequence number, and comes back as the ACK of our SYN:
 *
 *	24 bits   keyed hash of addresses, ports, the peer's number and the epoch
 *	 3 bits   index into a table of MSS        \
 *	 3 bits   index into a table of scales      } with bits of the same hash over them
 *	 1 bit    the peer may be sent SACK        /
 *	 1 bit    parity of the epoch: a cookie of this or the last one is good
 *
 * All is in the number, nothing in a timestamp: it does as well for a peer that offers none.  To guess 24 bits takes
 * 2^23 segments, so only so many wrong ones a second are looked at.
 */
#ifndef NET_TCP_COOKIE_H
#define NET_TCP_COOKIE_H

#include "dataplane/net/tcp_table.h"

#define TCP_COOKIE_EPOCH_US 32000000 /* a cookie is good for 32 to 64 s */
#define TCP_COOKIES_BAD_PER_S 1000   /* then none is believed until the second is over: hours for each forged one */

struct tcp_cookies {
	struct siphash_key key;
	uint64_t until_us; /* the last cookie sent is good till then at most; 0: none was sent */
	uint32_t bad_s, n_bad;
};

/* What a cookie remembers of the peer's SYN; made smaller where the tables have no room for it. */
struct tcp_cookie_said {
	uint16_t mss;
	uint8_t wscale; /* TCP_WSCALE_NONE: not offered */
	bool sack;
};

uint32_t tcp_cookie_make(const struct siphash_key *secret, const struct tcp_key *flow, uint32_t irs,
			 const struct tcp_cookie_said *said, uint64_t now_us);

/* False, @said untouched, when @cookie was not made with @secret for this flow, in this epoch or the last. */
bool tcp_cookie_read(const struct siphash_key *secret, const struct tcp_key *flow, uint32_t irs, uint32_t cookie,
		     struct tcp_cookie_said *said, uint64_t now_us);

#endif
