// SPDX-License-Identifier: MIT
/*
 * tcp_score.h - the scoreboard: what became of each octet between snd_una and snd_max (RFC 6675)
 *
 * A sorted table of ranges, each of which shares one fate and was sent at about one time.  It lies in a block of the
 * buffers' pool, and only connections with more than one segment in flight, to a peer that has SACK, hold one: a server
 * that answers with a line needs none.  Without it (no SACK, no memory) tcp_cc.c does as NewReno does.
 *
 * All that a peer can do is bounded by TCP_SENT_MAX: a SACK block is found by halving and splits two ranges; what finds
 * no room in the table counts as not said.
 */
#ifndef NET_TCP_SCORE_H
#define NET_TCP_SCORE_H

#include "dataplane/net/tcp_conn.h"

enum {
	SENT_SACKED = 1, /* arrived, said the peer; it may still drop it (RFC 2018 8), so the octets stay here */
	SENT_LOST = 2,   /* to be sent again */
	SENT_AGAIN = 4,  /* was sent more than once */
};

/* F-RTO (RFC 5682 3.1): was the timeout for nothing? */
enum tcp_frto {
	TCP_FRTO_OFF,
	TCP_FRTO_HEAD, /* the first octets went out again (step 1): what does their ACK say? */
	TCP_FRTO_NEW,  /* it said that they arrived, no more: two new segments go out, nothing again (step 2b) */
};

/* Reaches up to where the next range begins, the last one up to snd_max. */
struct tcp_sent {
	uint32_t seq;
	uint32_t sent_us; /* the last time; low 32 bits */
	uint8_t flags;
};

#define TCP_SENT_MAX 150
#define TCP_SENT_SPARE 4 /* of these, not for splits: new data and the ends of ranges always find room */

struct tcp_score {
	uint32_t n_sacked, n_lost;                   /* octets in ranges of that kind */
	uint32_t prr_delivered, prr_out, prr_flight; /* RFC 9937: the last is RecoverFS */
	uint32_t high_sacked;                        /* one past the highest octet that arrived: RACK.fack */
	uint32_t high_before;                        /* what that was before the ACK in hand */
	uint32_t now_us;                             /* when the ACK in hand arrived; low 32 bits */
	uint32_t rack_us, rack_end, rack_rtt_us;     /* what was sent last of all that arrived; RTT 0: nothing yet */
	uint32_t dsack_round;                        /* one past what was sent when a DSACK last counted */
	uint32_t used, used_now, used_round;         /* most in flight at once, see tcp_used() */
	uint32_t undo_cwnd, undo_ssthresh;           /* before the loss; undo_cwnd 0: there is no way back */
	uint32_t undo_w_max, undo_stamp;             /* stamps before this one are of segments sent before it */
	uint32_t undo_from, n_undo; /* snd_una then; segments sent again since and not told to be needless */
	uint8_t frto;               /* enum tcp_frto */
	bool late;                  /* the ACK in hand is of octets thought lost, and sent but once */
	struct tcp_block *hint;     /* where in the send buffer the last repeated octets stand */
	uint16_t first, n;          /* the ranges in use */
	struct tcp_sent sent[TCP_SENT_MAX];
};
_Static_assert(sizeof(struct tcp_score) <= TCP_BLOCK_ROOM, "fits into a block");

static inline struct tcp_score *tcp_score(const struct tcp_conn *c)
{
	return (struct tcp_score *)(void *)c->score->data;
}

/* Octets that are thought to be on their way (pipe of RFC 6675 4). */
static inline uint32_t tcp_in_flight(const struct tcp_conn *c)
{
	if (!c->score)
		return c->snd_nxt - c->snd_una;
	return c->snd_max - c->snd_una - tcp_score(c)->n_sacked - tcp_score(c)->n_lost;
}

/* What of the window was in use: the most that was in flight at once, in this round trip or the one before.  What is in
 * flight as an ACK is looked at may be far less: ACKs come in bursts, and the user had no time to write. */
static inline uint32_t tcp_used(const struct tcp_conn *c)
{
	const struct tcp_score *b = tcp_score(c);

	return b->used > b->used_now ? b->used : b->used_now;
}

/* Ranges sent within so short a time may be one: it only makes the earlier of them look a little younger. */
static inline uint32_t tcp_score_grain_us(const struct tcp_conn *c)
{
	uint32_t us = c->srtt_us / 64;

	return c->min_rtt_us && c->min_rtt_us / 16 < us ? c->min_rtt_us / 16 : us;
}

/* More than one segment is about to be in flight.  Without memory there is simply none. */
void tcp_score_open(struct tcp *t, struct tcp_conn *c, uint64_t now_us);
void tcp_score_close(struct tcp *t, struct tcp_conn *c);

/* Octets @seq .. @end went out, for the first time (then @seq is snd_max, which follows) or again. */
void tcp_score_sent(struct tcp *t, struct tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now_us);

/* snd_una is about to become @ack.  Returns how many octets that were not known to have arrived. */
uint32_t tcp_score_acked(struct tcp_conn *c, uint32_t ack);

/* Octets @start .. @end, within snd_una .. snd_max, have arrived.  Returns how many that were not known. */
uint32_t tcp_score_sacked(struct tcp_conn *c, uint32_t start, uint32_t end);

/* IsLost() of RFC 6675 4: three runs, or more than two segments, arrived behind them.  Returns octets found lost. */
uint32_t tcp_score_mark_lost(struct tcp_conn *c);

/* After a timeout all is lost that did not arrive; and that did, when nothing came of it, or the peer has taken it back
 * (RFC 2018 8). */
void tcp_score_all_lost(struct tcp_conn *c, bool forget);

/* Range number @i is lost. */
void tcp_score_lost_at(struct tcp_conn *c, size_t i);

/* Nothing is lost after all: it was only late. */
void tcp_score_none_lost(struct tcp_conn *c);

/* The first octets to be sent again; false: none. */
bool tcp_score_next_lost(const struct tcp_conn *c, uint32_t *seq, uint32_t *len);

void tcp_score_check(const struct tcp_conn *c);

#endif
