// SPDX-License-Identifier: MIT
/*
 * tcp_source.h - limits by where connections come from
 *
 * A source is a host (IPv4 /32, IPv6 /64: whoever has the one address of that network has them all) or the net around
 * it (IPv4 /24, IPv6 /48); the widths are settings.  What is counted:
 *
 *	connections of a host, and of a net	from the end of the handshake to the end of the connection
 *	new connections of a host		likewise: a token bucket that holds a minute's worth
 *	half-open records of a net		from the SYN on
 *
 * A SYN can be forged, so it must not count against a host: whoever sent enough of them in another's name would shut
 * him out.  A SYN is refused for what its source has proven to be, and once more when the handshake is complete.
 * Forged or not, half-open records take room, so a net with too many of them gets SYN cookies, not silence.
 *
 * All is O(1) and bounded: records of hosts and nets come from a pool, counters of half-open records are an array that
 * the net's hash points into.  Nets that share a counter share its limit, which costs them no more than a cookie.
 */
#ifndef NET_TCP_SOURCE_H
#define NET_TCP_SOURCE_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/base/pool.h"
#include "dataplane/base/siphash.h"

struct tcp;
struct tcp_conn;

struct tcp_source_settings {
	uint32_t records_max;    /* hosts and nets that are counted at once; 0: none, and no limit but the last one */
	uint32_t host_conns_max; /* 0: no limit; so for the others */
	uint32_t net_conns_max;
	uint32_t host_rate_per_min; /* TCP_SOURCE_RATE_MAX at most */
	uint16_t net_half_open_max;
	uint8_t host4_bits, host6_bits, net4_bits, net6_bits;
	bool silent; /* what a SYN over a limit is answered with: nothing, instead of RST */
};

#define TCP_SOURCE_RATE_MAX 60000

struct tcp_source {
	uint64_t id;   /* keyed hash of the prefix, which is its name: two share one in 2^64 */
	uint32_t next; /* in the chain of its bucket: index + 1; 0: none */
	uint32_t n_conns;
	union {
		uint32_t net;   /* of a host with connections: the record of its net, index + 1 */
		uint32_t older; /* of one without: its neighbours among those, index + 1; 0: none */
	};
	uint32_t newer;
	uint32_t tokens;    /* of a host: TCP_SOURCE_TOKEN for each connection that may begin */
	uint32_t filled_ms; /* when they were that many; low 32 bits */
};
_Static_assert(sizeof(struct tcp_source) == 32, "two in a cache line");

/* What one connection costs: with it, a bucket fills by host_rate_per_min each millisecond. */
#define TCP_SOURCE_TOKEN 60000u
_Static_assert(UINT64_C(1) * TCP_SOURCE_RATE_MAX * TCP_SOURCE_TOKEN <= UINT32_MAX, "a full bucket fits");

struct tcp_sources {
	struct pool pool;
	uint32_t *buckets, mask;
	struct siphash_key secret;
	uint32_t idle_oldest, idle_newest; /* index + 1 */
	/* Nobody need be looked up while no source is at a limit, which is nearly always. */
	uint32_t n_at_limit;     /* records that have as many connections as they may */
	uint32_t n_handed_on;    /* connections that count as another's: tcp_source_hand_on() */
	uint64_t spent_until_us; /* until then some host may have no token */
	uint16_t *halves;        /* counters; NULL: no limit */
	unsigned halves_shift;   /* of the product with the factor, to the number of a counter */
	uint64_t halves_factor;  /* random and odd */
};

size_t tcp_sources_memory(const struct tcp_source_settings *settings, uint32_t half_open_max);

/* @memory: tcp_sources_memory() octets, zeroed, 64-byte aligned, kept. */
void tcp_sources_init(struct tcp_sources *s, void *memory, const struct tcp_source_settings *settings,
		      uint32_t half_open_max, const struct siphash_key *secret);

/* Whether one more connection may begin; false is counted, by the limit that was in its way. */
bool tcp_source_admits(struct tcp *t, const struct ip_addr *remote, uint64_t now_us);

/* A passive open is complete: counts @c, unless all records are of sources with connections (tcp_sources_full).  And:
 * it is over. */
void tcp_source_begin(struct tcp *t, struct tcp_conn *c, uint64_t now_us);
void tcp_source_end(struct tcp *t, struct tcp_conn *c);

/*
 * A proxy said whose connection @c is: it counts as one of @to's from now on, and not as the proxy's.  True: it does, and
 * tcp_source_give_back() must follow at its end.  The proxy's own rate was spent all the same.
 */
bool MUST_USE tcp_source_hand_on(struct tcp *t, struct tcp_conn *c, const struct ip_addr *to, uint64_t now_us);
void tcp_source_give_back(struct tcp *t, const struct ip_addr *to);

/* One more half-open record of @remote's net.  Returns the name of its counter, for tcp_source_half_end(); 0: not
 * counted, as there is no limit.  False: the net has too many. */
bool tcp_source_half_begin(struct tcp *t, const struct ip_addr *remote, uint32_t *counter);
void tcp_source_half_end(struct tcp *t, uint32_t counter);

/* Stops the process if a sum is wrong; for tests. */
void tcp_source_check(const struct tcp *t);

#endif
