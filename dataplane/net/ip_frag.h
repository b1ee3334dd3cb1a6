// SPDX-License-Identifier: MIT
/*
 * ip_frag.h - fragments put together again, within narrow bounds (RFC 791, RFC 8200 4.5, RFC 5722)
 *
 * For paths that cut segments behind our back; nobody needs it for mail on a sound path, so it is off by default.  Only
 * TCP is put together: errors and neighbour discovery in fragments are attacks (RFC 6980).
 *
 * Packets lie in sets of four, chosen by a keyed hash of the source alone: one source fills one set and no more.
 */
#ifndef NET_IP_FRAG_H
#define NET_IP_FRAG_H

#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dataplane/net/ip.h"

#define IP_FRAG_SETS 16
#define IP_FRAG_WAYS 4
#define IP_FRAG_OCTETS_MAX 9216 /* of one packet, without its header */
#define IP_FRAG_PIECES_MAX 16   /* of one packet */
#define IP_FRAG_US 3000000      /* from the first piece on; a TCP that waits for more has sent again long since */
#define IP_FRAG_FIRST_LEAST 20  /* octets of the first piece: the TCP header is whole (RFC 1858 3, RFC 7112) */

struct ip_frag;

struct ip_frags {
	struct siphash_key key;
	uint8_t *memory;
	size_t cap; /* octets of one packet: no more than our MTU has room for, since TCP announces no larger MSS */
	struct stats *stats;
};

size_t ip_frag_memory(size_t cap);

/* @memory: ip_frag_memory(@cap) octets, aligned to 8; kept.  @cap: IP_FRAG_OCTETS_MAX at most. */
void ip_frag_init(struct ip_frags *f, void *memory, size_t cap, const struct siphash_key *key, struct stats *stats);

/**
 * ip_frag_input - one fragment of a packet
 * @p: with its fragment fields set; source and destination were found good
 *
 * Returns the octets of the whole packet when this was the last one missing, valid until the next call; else an empty
 * span: the piece is kept, or dropped and counted.  Pieces that overlap spoil the whole packet (RFC 5722 3), unless
 * they say the same, as a network may repeat a frame.
 */
struct span ip_frag_input(struct ip_frags *f, const struct ip_packet *p, uint64_t now_us);

#endif
