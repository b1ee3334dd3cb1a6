// SPDX-License-Identifier: MIT
/*
 * impair.h - a network that harms TCP: which frames are lost, repeated, held back, damaged or cut, what middleboxes do to
 * them, and when they come out
 *
 * One object for all layers: the simulator (tests/sim), the wire between two interfaces (tests/wire), and the daemon of
 * the test build (impair_user.c).
 *
 * A frame's fate is a function of the seed, the direction, the number of its connection, its sequence number counted
 * from the SYN, its length and flags, and of how often all that was seen before.  So it does not depend on when the
 * frame came or what was between, and a segment sent again has a draw of its own.  Bursts of loss are the exception:
 * their state moves on with each frame.  What is no TCP (ARP, neighbour discovery) is only delayed: a lost question
 * costs a second, whoever's TCP it is.
 *
 * Pure: a frame and the time in, its fate out.  No memory but the struct's own, no clock, no other randomness.
 */
#ifndef IMPAIR_H
#define IMPAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/base/span.h"

enum {
	IMPAIR_FLOWS = 64,
	IMPAIR_SEEN = 1 << 14,
	IMPAIR_OF = 100000,
	IMPAIR_COPIES = 2,
	IMPAIR_ETH = 14 /* what stands before the IP header; no tags */
};

/* Of one direction.  Shares are of IMPAIR_OF frames; `bare` is a segment that holds an ACK and nothing else. */
struct impair_harm {
	uint32_t loss, repeat, hold;
	uint32_t bad, good; /* Gilbert-Elliott: those with which a burst of loss begins, ends */
	uint32_t
		burst_us; /* and it ends after so long; 0: whoever sends once in two seconds waits for its end a minute */
	uint32_t thin; /* bare ones that take the place of the bare one in front of them, if that is still under way */
	uint32_t corrupt;                      /* a bit is turned over, anywhere behind the Ethernet header */
	uint32_t corrupt_header, corrupt_data; /* likewise, there */
	uint32_t forge;    /* a bit of the TCP header is turned over, and the checksum put right: nobody can tell */
	uint32_t truncate; /* the end is cut off */
	uint32_t delay_us, jitter_us; /* a frame takes delay_us to delay_us + jitter_us */
	uint32_t hold_us;             /* and one that is held back up to this much more */
	uint32_t rate;                /* octets a second; 0: no bound */
	uint32_t queue_max;           /* octets that wait for their turn; more are dropped */
	/* Middleboxes, see impair_box.h */
	uint32_t mtu, mtu_tell; /* longer packets are dropped; 1: and their sender told by ICMP */
	uint32_t strip;         /* IMPAIR_STRIP_...: options that are blanked in a SYN */
	uint32_t clamp_mss;     /* a larger MSS becomes that; 0: none */
	uint32_t shift;         /* 1: sequence numbers are moved, by another number for each connection and direction */
	uint32_t shift_keeps_sack; /* 1: but SACK blocks are forgotten in that, as some firewalls do */
	uint32_t clear_urg;        /* 1: URG and its pointer */
	uint32_t bleach;           /* 1: ECN bits of both headers */
	uint32_t split, merge;     /* segments that are cut in two, that are joined with the next */
	uint32_t inject_rst; /* segments behind which a RST comes whose number is in the window, but not the next */
	uint32_t inject_syn; /* likewise a SYN */
};

enum { IMPAIR_STRIP_SACK = 1, IMPAIR_STRIP_STAMPS = 2, IMPAIR_STRIP_WSCALE = 4, IMPAIR_STRIP_MSS = 8 };

struct impair_fate {
	unsigned n;   /* copies that come out; 0: lost */
	uint64_t key; /* for further draws */
	struct impair_copy {
		uint64_t at_us;
		uint32_t bit; /* of the frame, that is to be turned over; 0: none */
		uint32_t len; /* what is left of it */
		bool forged;  /* the bit is of the TCP header, whose checksum is to be put right */
	} copies[IMPAIR_COPIES];
};

struct impair_flow {
	uint8_t key[36]; /* addresses and ports, the smaller end first */
	uint32_t ordinal;
	uint32_t isn[2]; /* by direction, once known */
	bool known[2];
};

struct impair {
	uint64_t seed;
	struct impair_harm harm[2]; /* by direction */
	uint64_t free_us[2];        /* when the last octet accepted has gone out */
	uint64_t n_frames[2];
	bool in_burst[2];
	uint64_t burst_since_us[2];
	uint32_t n_flows;
	struct impair_flow flows[IMPAIR_FLOWS]; /* by ordinal, round */
	uint32_t seen[IMPAIR_SEEN];             /* how often, by hash */
	uint64_t n_carried[2], n_lost[2], n_overflows[2];
};

/* A segment in a frame. */
struct impair_view {
	uint8_t key[36];
	bool swapped;          /* the sender is the larger end of the key */
	size_t tcp, data, end; /* where in the frame the TCP header begins, its data, what is behind them */
	uint32_t seq, len;
	uint8_t flags;
};

/* False: no TCP over IPv4 or IPv6 without extension headers and tags. */
bool impair_look(struct span frame, struct impair_view *v);

/* Its connection; counted by the SYN, or when it shows if that was never seen. */
struct impair_flow *impair_flow_of(struct impair *m, const struct impair_view *v);

/* The @which-th draw of a key, from 0 to @below - 1 (0 if @below is). */
uint32_t impair_draw(uint64_t key, unsigned which, uint32_t below);
bool impair_chance(uint64_t key, unsigned which, uint32_t share);
uint64_t impair_mix(uint64_t h, uint64_t v);

/* What becomes of @frame, which came at @now_us to go in @direction (0 or 1). */
struct impair_fate impair(struct impair *m, unsigned direction, struct span frame, uint64_t now_us);

/**
 * impair_set - one setting as text
 * @from, @to: the directions that values are for; begin with 0 and 1
 * @word: `NAME=VALUE` with the name of a field of struct impair_harm, or `seed=VALUE`; or `both:`, `there:`, `back:`,
 *	which say whom the next ones are for
 *
 * Returns false when there is no such setting.
 */
bool impair_set(struct impair *m, unsigned *from, unsigned *to, const char *word);

/* The settings of a direction that are not 0, as such words with a blank between; cut to @cap, which is not 0. */
void impair_text(const struct impair_harm *h, char *out, size_t cap);

#endif
