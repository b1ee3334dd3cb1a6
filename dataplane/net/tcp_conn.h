// SPDX-License-Identifier: MIT
/*
 * tcp_conn.h - what TCP remembers: connections, half-open records, TIME-WAIT records, and struct tcp around them
 *
 * Private to the tcp_*.c files and their tests.
 *
 *	      listening                                           tcp_connect()
 *	          | SYN in / SYN-ACK out (tcp_half_open)                | SYN out
 *	          v                                                     v
 *	   struct tcp_half <----- times out, RST: freed             SYN_SENT ----------- SYN in (without ACK) --+
 *	          | ACK of our SYN (tcp_half_input)                     | SYN-ACK in                            v
 *	          |                                                     | (syn_sent_input)                SYN_RECEIVED
 *	          +----------------------------> ESTABLISHED <----------+-- ACK of our SYN (tcp_ack_input) -----+
 *	                                          |       |
 *	                         tcp_close()      |       |    FIN in (peer_fin)
 *	                    +---------------------+       +---------------------+
 *	                    v                                                   v
 *	                FIN_WAIT_1 ---- FIN in ----> CLOSING                CLOSE_WAIT
 *	                    | ACK of FIN               | ACK of FIN             | tcp_close()
 *	                    v                          |                        v
 *	                FIN_WAIT_2                     |                     LAST_ACK
 *	                    | FIN in                   v                        | ACK of FIN
 *	                    +---------------> struct tcp_wait                   v
 *	                                       (TIME-WAIT) --- time ---------> nothing
 *
 * LISTEN, SYN-RECEIVED after a passive open, and TIME-WAIT have no struct tcp_conn.  Transitions and who does them:
 *
 *	half-open -> ESTABLISHED          tcp_half_input()    the ACK arrives; event ACCEPTED
 *	none -> ESTABLISHED               tcp_cookie_input()  likewise, when half-open records had run out
 *	half-open, none -> none           tcp_half_established()  RST out: its source has too many (tcp_source.h)
 *	none -> SYN_SENT                  tcp_connect()
 *	SYN_SENT -> ESTABLISHED           syn_sent_input()    event CONNECTED
 *	SYN_SENT -> SYN_RECEIVED          syn_sent_input()    simultaneous open
 *	SYN_RECEIVED -> ESTABLISHED       tcp_ack_input()     event CONNECTED; -> FIN_WAIT_1 if closed meanwhile
 *	ESTABLISHED -> FIN_WAIT_1         tcp_close()         the FIN goes out behind all data
 *	ESTABLISHED -> CLOSE_WAIT         peer_fin()          event PEER_CLOSED
 *	FIN_WAIT_1 -> FIN_WAIT_2          fin_acked()
 *	FIN_WAIT_1 -> CLOSING             peer_fin()          simultaneous close
 *	FIN_WAIT_2 -> TIME-WAIT           peer_fin()          event CLOSED; a struct tcp_wait takes over
 *	CLOSING -> TIME-WAIT              fin_acked()         event CLOSED; likewise
 *	CLOSE_WAIT -> LAST_ACK            tcp_close()
 *	LAST_ACK -> CLOSED                fin_acked()         event CLOSED
 *	any -> CLOSED                     tcp_conn_fail()     reset or timed out: event FAILED
 *	FIN_WAIT_2 -> CLOSED              idle_due()          the peer never closes: event CLOSED
 *	CLOSED -> FREE                    tcp_event()         one call after CLOSED or FAILED was told; CLOSED waits until
 *	                                                      the user has read all, for TCP_LINGER_US at most
 *	any -> FREE                       tcp_abort()         RST out
 *
 * Invariants, checked by tcp_check_conn():
 *	snd_una <= snd_nxt <= snd_max <= snd_end + FIN       (+ 1 for the SYN)
 *	a scoreboard is there  =>  it covers snd_una .. snd_max without gaps, its sums are right, and snd_nxt = snd_max
 *	something queued or sent is not acknowledged  <=>  rto_deadline_us is set
 *	a deadline is set  =>  the wheel's timer is armed for it or for an earlier time
 *	in a state from SYN_SENT to LAST_ACK  <=>  in the flow table
 *	send buffer holds exactly snd_una .. snd_end; receive buffer and borrowed octets make up rcv_queued
 */
#ifndef NET_TCP_CONN_H
#define NET_TCP_CONN_H

#include "dataplane/base/timer.h"
#include "dataplane/net/rate.h"
#include "dataplane/net/tcp.h"
#include "dataplane/net/tcp_cubic.h"
#include "dataplane/net/tcp_cookie.h"
#include "dataplane/net/tcp_list.h"
#include "dataplane/net/tcp_ooo.h"
#include "dataplane/net/tcp_segment.h"
#include "dataplane/net/tcp_seq.h"
#include "dataplane/net/tcp_table.h"

enum tcp_state {
	TCP_FREE,         /* in the pool */
	TCP_CLOSED,       /* over; the user is still to be told, or to read what is left */
	TCP_SYN_SENT,     /* our SYN is out */
	TCP_SYN_RECEIVED, /* simultaneous open: both SYNs are out, ours is not acknowledged */
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1, /* we closed; our FIN is queued or sent, not acknowledged */
	TCP_FIN_WAIT_2, /* and acknowledged; the peer may still send */
	TCP_CLOSE_WAIT, /* the peer closed; we may still send */
	TCP_CLOSING,    /* both closed; our FIN is not acknowledged */
	TCP_LAST_ACK,   /* the peer closed first, then we; our FIN is not acknowledged */
};

/* tcp_conn.flags */
enum {
	CONN_ACK_NOW = 1 << 0,      /* an ACK must go out, alone if need be */
	CONN_RESEND = 1 << 1,       /* the segment at snd_una must go out again (SYN, fast retransmit) */
	CONN_PROBE = 1 << 2,        /* one octet must go out although the window is closed */
	CONN_OVERRIDE = 1 << 3,     /* small segments may go out: the wait for a wider window was long enough */
	CONN_FIN_QUEUED = 1 << 4,   /* tcp_close() was called: a FIN stands at snd_end */
	CONN_FIN_KNOWN = 1 << 5,    /* the peer's FIN came out of order, with number rcv_fin */
	CONN_RTT_TIMING = 1 << 6,   /* the segment that ends at rtt_seq was sent once, at rtt_start_us */
	CONN_RECOVERY = 1 << 7,     /* fast recovery, until recover is acknowledged */
	CONN_PARTIAL = 1 << 8,      /* in it, a partial ACK was seen already */
	CONN_CWND_LIMITED = 1 << 9, /* when last asked, cwnd held data back */
	CONN_WANT_WRITE = 1 << 10,  /* tcp_send() was short */
	CONN_TAIL = 1 << 11,        /* one segment must go out to probe the tail (RFC 8985 7) */
	CONN_TAIL_SENT = 1 << 12,   /* it went out, tail_end is not acknowledged beyond yet */
	CONN_TAIL_AGAIN = 1 << 13,  /* and held nothing new */
	CONN_KEEP = 1 << 14,        /* a keep-alive must go out */
	CONN_KEEP_SENT = 1 << 15,   /* and nothing came since */
};

/* tcp_conn.options: what both sides have offered; what is known of the path (tcp_mtu.c); and more */
enum {
	CONN_SACK = 1,
	CONN_STAMPS = 2,
	CONN_NARROWED = 4,   /* sends smaller segments on suspicion */
	CONN_TIMED_FULL = 8, /* the segment that ends at rtt_seq is a full one */
	CONN_PASSES = 16,    /* a full one was acknowledged */
	CONN_COUNTED = 32,   /* its source has it among its connections (tcp_source.c) */
	CONN_ECHO_ONCE = 64, /* the next segment echoes echo_once (tcp_stamp.h) */
	CONN_GAPS = 128,     /* octets came out of order, or twice: segments and ACKs get lost */
};

/* tcp_conn.events: bit e stands for enum tcp_event_kind e */
#define EVENT_BIT(kind) (1u << (kind))

enum tcp_timer_kind {
	TCP_TIMER_RTO, /* and persist */
	TCP_TIMER_TAIL,
	TCP_TIMER_REORDER,
};

struct tcp_conn {
	/* line 0: read for every segment; names as in RFC 9293 3.3.1.  Windows are in octets, already scaled. */
	uint32_t snd_una, snd_nxt; /* after a timeout snd_nxt goes back */
	uint32_t snd_max;          /* one past the highest sequence number ever sent */
	uint32_t snd_end;          /* one past the last octet queued, without the FIN */
	uint32_t snd_wnd, cwnd;
	uint32_t rcv_nxt;
	uint32_t rcv_adv;    /* right edge of the window as announced; never moves back */
	uint32_t rcv_queued; /* octets in order that the user did not consume yet */
	uint16_t flags;      /* CONN_... */
	uint8_t state;       /* enum tcp_state */
	uint8_t dupacks;
	uint16_t mss; /* octets of data in a segment that we send */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t ack_segments; /* segments with data since our last ACK */
	uint8_t backoff,
		retries; /* doublings of the RTO; timeouts, or keep-alive probes, without an answer since the last */
	uint8_t options; /* CONN_SACK... */
	uint64_t rto_deadline_us; /* retransmission and persist timer; 0: off */
	uint64_t ack_deadline_us; /* delayed ACK; 0: off */

	/* line 1: who it is, windows, RTO */
	struct tcp_flow flow; /* spare: how many ACKs are owed besides the one of CONN_ACK_NOW */
	uint32_t snd_wl1, snd_wl2;
	uint32_t snd_wnd_max; /* MAX.SND.WND */
	uint32_t rto_us;
	uint32_t ssthresh;

	/* line 2: octets, and the list of those with something to send */
	struct tcp_buffer snd, rcv;
	struct tcp_block *snd_hint; /* where snd_nxt is, or NULL */
	void *user;
	struct tcp_link ready;

	/* line 3 */
	struct timer timer; /* one node for all deadlines; may fire early, see tcp_timer.c */
	struct tcp_link event;
	struct tcp_ooo ooo;

	/* line 4: loss recovery, close, accounting */
	uint32_t rtt_seq;
	uint32_t srtt_us, rttvar_us; /* srtt_us 0: no sample yet */
	uint32_t recover;            /* RFC 6582; one past, as snd_max */
	uint32_t cwnd_acked;         /* octets acknowledged since cwnd last grew in congestion avoidance */
	union {
		uint32_t rcv_fin;   /* while CONN_FIN_KNOWN */
		uint32_t echo_once; /* while CONN_ECHO_ONCE */
	};
	uint64_t
		idle_deadline_us; /* FIN_WAIT_2, CLOSED: when to stop waiting for the peer, the reader; before: keep-alive; 0: off */
	struct tcp_link starved; /* those that got a short tcp_send() because blocks ran out */
	uint32_t rtt_start_us;   /* low 32 bits */
	uint32_t sent_ms;        /* when data last went out, for the restart window; low 32 bits */
	uint16_t challenge_s;    /* the second in which n_challenges were sent; low 16 bits */
	uint16_t keep_s;         /* silence before a keep-alive; 0: never */
	uint16_t ifindex;
	uint8_t err; /* enum err for FAILED; while opening, what ICMP said: told when nobody answers */
	uint8_t n_challenges;

	/* line 5: timestamps, SACK, congestion avoidance */
	uint32_t stamp_offset;       /* of our clock in this connection */
	uint32_t stamp_recent;       /* TS.Recent of RFC 7323 4.3: what we echo */
	struct tcp_sack_block dsack; /* came twice: to be told with the next ACK (RFC 2883); empty: none */
	struct tcp_block *score;     /* tcp_score.h; NULL: none */
	struct tcp_cubic cubic;
	uint32_t rcv_limit;             /* the largest window offered so far, see tcp_window.h */
	uint32_t rcv_mark, rcv_mark_us; /* what the user had read, and when, as the round trip began */
	uint32_t min_rtt_us;            /* least ever; 0: none */
	uint32_t tail_end;              /* one past the tail that was probed, while CONN_TAIL_SENT */
	uint8_t events;                 /* to be told, see EVENT_BIT */
	uint8_t timer_kind;             /* enum tcp_timer_kind: what rto_deadline_us stands for */
	uint8_t reo_mult;               /* RACK.reo_wnd_mult; 0: this path was not seen to reorder */
	uint8_t reo_persist;            /* recoveries before it shrinks again */
};
_Static_assert(offsetof(struct tcp_conn, flow) == 64, "hot fields fill one cache line");
_Static_assert(offsetof(struct tcp_conn, snd) == 128, "addresses, windows and RTO fill the second");
_Static_assert(offsetof(struct tcp_conn, timer) == 192, "buffers and ready link fill the third");
_Static_assert(offsetof(struct tcp_conn, rtt_seq) == 256, "what is below is cold");
_Static_assert(sizeof(struct tcp_conn) <= 384, "TCB, flow entry and timer together: six cache lines");

/* A SYN that was answered: SMTP servers speak first, so the SYN-ACK must be repeated until it is acknowledged, or a
 * client whose ACK was lost would wait for ever. */
struct tcp_half {
	struct tcp_flow flow;
	uint32_t iss, irs;
	uint16_t mss; /* of the peer, already bounded */
	uint16_t ifindex;
	uint16_t snd_wnd;
	uint8_t wscale; /* of the peer; TCP_WSCALE_NONE */
	uint8_t retries;
	uint8_t n_challenges;
	uint8_t options;         /* CONN_SACK, CONN_STAMPS */
	uint8_t list;            /* in t->half_lists: ready, or waiting for the retry of that number */
	uint32_t before, behind; /* in it: index + 1 in the pool; 0: none */
	uint32_t source;         /* counter of its net, see tcp_source_half_begin() */
	uint32_t stamp;          /* TS.Recent */
	uint32_t due_ms;         /* when to send again, or give up; low 32 bits */
	uint32_t sent_us;        /* when the SYN-ACK went out, for the first RTT sample; low 32 bits; 0: not known */
};
_Static_assert(sizeof(struct tcp_half) <= 96, "ten million in a GiB");

#define TCP_SYN_RETRIES_MAX 15

/* Those of one list wait equally long, so the first one is due first, and no timer is needed. */
enum { TCP_HALF_READY, TCP_HALF_WAITING, TCP_HALF_LISTS = TCP_HALF_WAITING + TCP_SYN_RETRIES_MAX + 1 };

/* TIME-WAIT (RFC 9293 3.3.2).  All wait equally long, so a queue by age needs no timer. */
struct tcp_wait {
	struct tcp_flow flow;  /* spare: when it ends, in units of TCP_WAIT_TICK_US; low 16 bits */
	uint32_t older, newer; /* index + 1 in the pool; 0: none */
	uint32_t snd_nxt, rcv_nxt;
	uint32_t stamp; /* TS.Recent; 0: there were no timestamps, and a TS.Recent of 0 stands here as 1 */
};
_Static_assert(sizeof(struct tcp_wait) == 64, "one cache line");

/* A segment without data that belongs to no connection: RST, or ACK from TIME-WAIT and half-open records. */
struct tcp_reply {
	struct tcp_key key;
	uint16_t ifindex;
	uint16_t wnd;
	uint32_t seq, ack;
	uint8_t flags;
	uint8_t wscale; /* with TCP_SYN: of the peer; TCP_WSCALE_NONE */
	bool sack;      /* with TCP_SYN: the peer permits it */
	bool stamped;   /* with timestamps, @stamp_echo the peer's (RFC 7323 3.2: all segments but RST) */
	uint32_t stamp_echo;
};

#define TCP_WAIT_TICK_US 8000   /* half of 2^16 of them are longer than the longest TIME-WAIT, 240 s */
#define TCP_REPLIES 256         /* a power of two; what does not fit is not sent */
#define TCP_REPLIES_SPARE 64    /* of these, not for RSTs to strangers: handshakes and closes go first */
#define TCP_PRESSED_MSS 4       /* while blocks are scarce no window is wider than so many segments */
#define TCP_AHEAD_LEAST 4000    /* records; with fewer a look ahead costs more than it spares (make bench) */
#define TCP_SEND_LEAST 65536    /* octets that tcp_send() takes ahead of the peer's ACKs, however small cwnd is */
#define TCP_SEND_SHARE 4        /* beyond that, of the blocks that are left no more than a part so large */
#define TCP_PORTS_MAX 16        /* listened to */
#define TCP_MSS_MIN 88          /* least that mss_min may be: two thirds of such a packet */
#define TCP_CHALLENGES_PER_S 10 /* for one connection (RFC 5961 10) */
#define TCP_RSTS_PER_S 10000    /* for segments that belong to nothing */
#define TCP_RTO_INITIAL_US 1000000u
#define TCP_ACK_DELAY_US 40000
#define TCP_FIN_WAIT_2_US 60000000
#define TCP_KEEPS_MAX 3 /* keep-alive probes without an answer before the connection is given up */
#define TCP_KEEP_AGAIN_US 5000000
#define TCP_LINGER_US 60000000   /* octets that were not read when the connection ended wait so long */
#define TCP_EPHEMERAL_FIRST 1024 /* RFC 6056 3.2 */
#define TCP_PORT_STEP 1024       /* a source port lies so far behind the one before at most (RFC 6056 3.3.5: N) */
#define TCP_PORT_LOOKUPS 128     /* for one open; if 19 of 20 ports are taken 1 open in 700 is refused */
#define TCP_PORT_TRIES 4096      /* for one open, those counted that the filter refuses: it may pass 1 port in 128 */

/* The MTU of the path to a destination. */
struct tcp_mtu {
	uint64_t until_us;
	struct ip_addr remote;
	uint16_t mtu;
};

#define TCP_MTU_SETS 256
#define TCP_MTU_WAYS 4
#define TCP_MTU_US 600000000 /* then it is forgotten (RFC 1191 6.3, RFC 8201 5.2) */
/* After so many in a row a black hole is suspected (RFC 2923 2.1); where full segments passed before, after so many. */
#define TCP_BLACK_HOLE_RTOS 2
#define TCP_BLACK_HOLE_RTOS_PASSED 6

struct tcp_mtus {
	struct siphash_key key;
	uint64_t until_us; /* of all, the latest */
	struct tcp_mtu sets[TCP_MTU_SETS][TCP_MTU_WAYS];
};

struct tcp {
	struct tcp_settings settings;
	struct stats *stats;
	struct tcp_table table;
	struct tcp_blocks blocks;
	struct pool conns, halves, waits;
	struct tcp_sources sources;
	uint32_t wait_oldest, wait_newest; /* index + 1 */
	uint8_t rcv_wscale;                /* what we announce */
	uint8_t n_ports;
	uint16_t ports[TCP_PORTS_MAX];

	struct tcp_link ready;  /* what has something to send */
	struct tcp_link events; /* connections with something to tell */
	struct tcp_link starved;
	struct {
		uint32_t first, last; /* index + 1 */
	} half_lists[TCP_HALF_LISTS];
	struct tcp_conn *told; /* CLOSED or FAILED was told; freed by the next tcp_event() */

	struct tcp_conn *borrower; /* whose octets in order the segment in hand holds; NULL: none */
	struct span borrowed;
	uint32_t borrowed_seq;

	struct siphash_key isn_key, random_key, stamp_key;
	uint64_t n_random;
	uint32_t next_port; /* of the last active open, counted from TCP_EPHEMERAL_FIRST */
	struct rate rsts;
	struct tcp_cookies cookies;
	struct tcp_mtus mtus;
	uint32_t reply_head, reply_tail; /* free running */
	struct tcp_reply replies[TCP_REPLIES];
	struct timer_wheel wheel;
};

/* --- tcp_conn.c: from birth to death -------------------------------------------------------- */

/* A connection in no state yet, in the flow table under @key; NULL when there are conns_max already. */
struct tcp_conn *tcp_conn_new(struct tcp *t, const struct tcp_key *key, uint16_t ifindex);

/* Notes what the options of the peer's SYN, and our own, agree upon; lowers the MSS, which must be set, by the octets
 * that timestamps take of each segment (RFC 6691 3). */
void tcp_conn_options(struct tcp *t, struct tcp_conn *c, const struct tcp_options *peer);

/* Our SYN is acknowledged by @s: first RTT sample, windows, and on to ESTABLISHED (FIN_WAIT_1 when closed already). */
void tcp_conn_established(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, enum tcp_event_kind kind,
			  uint64_t now_us);

void tcp_conn_event(struct tcp *t, struct tcp_conn *c, enum tcp_event_kind kind);

/* The three ends.  All take the connection out of the flow table and off all timers; what it was to send is dropped.
 * Whoever was not told of it yet is never told: then it is freed at once. */
void tcp_conn_fail(struct tcp *t, struct tcp_conn *c, enum err err);      /* event FAILED; octets unread are dropped */
void tcp_conn_closed(struct tcp *t, struct tcp_conn *c, uint64_t now_us); /* event CLOSED, once all is read */
void tcp_conn_time_wait(struct tcp *t, struct tcp_conn *c, uint64_t now_us); /* event CLOSED */

void tcp_conn_free(struct tcp *t, struct tcp_conn *c); /* no event */

/* tcp_next() is to look at it. */
static inline void tcp_conn_ready(struct tcp *t, struct tcp_conn *c)
{
	tcp_list_add(&t->ready, &c->ready);
}

static inline bool tcp_conn_fin_queued(const struct tcp_conn *c)
{
	return (c->flags & CONN_FIN_QUEUED) != 0;
}

/* One past everything that is to be sent, SYN and FIN counted. */
static inline uint32_t tcp_conn_end(const struct tcp_conn *c)
{
	return c->snd_end + tcp_conn_fin_queued(c);
}

static inline bool tcp_conn_opening(const struct tcp_conn *c)
{
	return c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;
}

/* For a segment without data: the highest number sent, but none that the peer's window keeps out (an octet of a probe,
 * or what it took back), since it would not look at the segment. */
static inline uint32_t tcp_conn_seq(const struct tcp_conn *c)
{
	return tcp_conn_opening(c) ? c->snd_max : seq_min(c->snd_max, c->snd_una + c->snd_wnd);
}

/* All in flight is to be sent once more, whatever the scoreboard says. */
void tcp_conn_go_back(struct tcp *t, struct tcp_conn *c);

/* Sequence number of the first octet in the send buffer. */
static inline uint32_t tcp_conn_data_una(const struct tcp_conn *c)
{
	return tcp_conn_opening(c) ? c->snd_una + 1 : seq_min(c->snd_una, c->snd_end);
}

/* The borrowed octets of @c, empty when the segment in hand is not its own. */
static inline struct span tcp_conn_borrowed(const struct tcp *t, const struct tcp_conn *c)
{
	return t->borrower == c ? t->borrowed : (struct span){ NULL, 0 };
}

/* The invariants above, by CHECK(): in tests after every step, in debug builds after every segment. */
void tcp_check_conn(const struct tcp *t, const struct tcp_conn *c);

static inline void tcp_dcheck_conn(const struct tcp *t, const struct tcp_conn *c)
{
#ifdef NDEBUG
	(void)t, (void)c;
#else
	tcp_check_conn(t, c);
#endif
}

/* --- tcp.c ----------------------------------------------------------------------------------- */

/* Initial sequence number (RFC 6528 3): a clock of 4 us, plus a secret function of who talks with whom. */
uint32_t tcp_isn(const struct tcp *t, const struct tcp_key *key, uint64_t now_us);

bool tcp_listening(const struct tcp *t, uint16_t port);

/* --- tcp_in.c, tcp_ack.c --------------------------------------------------------------------- */

void tcp_conn_input(struct tcp *t, struct tcp_conn *c, struct tcp_segment *s, uint64_t now_us);

/* An ACK is owed that a peer may have made us owe: at most TCP_CHALLENGES_PER_S (RFC 5961 7). */
void tcp_challenge(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

/* The ACK field of an acceptable segment.  Returns false when the segment must not be looked at further; the
 * connection may be gone then. */
bool tcp_ack_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us);

/* --- tcp_half.c, tcp_wait.c ------------------------------------------------------ */

/* A SYN of the flow @a for a port that is listened to.  @iss_min: 0, or the ISS must be after it (RFC 1122 4.2.2.13). */
void tcp_half_open(struct tcp *t, const struct tcp_ahead *a, uint16_t ifindex, const struct tcp_segment *s,
		   const uint32_t *iss_min, uint64_t now_us);

/* Returns the connection that @h has become, to go on with the same segment; else NULL. */
struct tcp_conn *tcp_half_input(struct tcp *t, struct tcp_half *h, const struct tcp_segment *s, uint64_t now_us);
bool tcp_half_unreachable(struct tcp *t, struct tcp_half *h, uint32_t seq); /* false: @seq is not our SYN-ACK's */

/* The connection that the handshake @h has become; @s acknowledges our SYN.  NULL, counted, when there is none free or
 * the source has too many. */
struct tcp_conn *tcp_half_established(struct tcp *t, const struct tcp_half *h, const struct tcp_segment *s,
				      uint64_t now_us);

/* The record whose SYN-ACK is to be sent now, or NULL; and the SYN-ACK, after which it waits for the answer. */
struct tcp_half *tcp_half_next(struct tcp *t);
struct tcp_segment tcp_half_answer(struct tcp *t, struct tcp_half *h, uint64_t now_us);

void tcp_half_expire(struct tcp *t, uint64_t now_us);
uint64_t tcp_half_deadline_us(const struct tcp *t);

/* @stamp: TS.Recent of the connection; NULL: it had no timestamps. */
void tcp_wait_new(struct tcp *t, const struct tcp_key *key, uint32_t snd_nxt, uint32_t rcv_nxt, const uint32_t *stamp,
		  uint64_t now_us);

/* Returns true when @s is a new SYN (RFC 6191): @w is gone, and the new ISS must be after *@iss_min. */
bool tcp_wait_input(struct tcp *t, struct tcp_wait *w, uint16_t ifindex, const struct tcp_segment *s, uint32_t *iss_min,
		    uint64_t now_us);
void tcp_wait_expire(struct tcp *t, uint64_t now_us);
uint64_t tcp_wait_deadline_us(const struct tcp *t);

/* --- tcp_cookie.c ----------------------------------------------------------------------------- */

/* A SYN for which there is no half-open record: answered, and forgotten. */
void tcp_cookie_answer(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, const struct tcp_segment *s,
		       const uint32_t *iss_min, uint64_t now_us);

/* An ACK that belongs to nothing, for a port that is listened to: the connection that it completes, or NULL. */
struct tcp_conn *tcp_cookie_input(struct tcp *t, const struct tcp_key *key, uint16_t ifindex,
				  const struct tcp_segment *s, uint64_t now_us);

/* --- tcp_reply.c ------------------------------------------------------------------------------ */

void tcp_reply(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, uint8_t flags, uint32_t seq, uint32_t ack,
	       uint16_t wnd);

/* An ACK in the name of a record that keeps no more than that; @stamp: TSval of the peer to echo, NULL: none. */
void tcp_reply_ack(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, uint32_t seq, uint32_t ack, uint16_t wnd,
		   const uint32_t *stamp);

/* A SYN-ACK of which nothing is remembered, in answer to a SYN with the options @peer. */
void tcp_reply_syn_ack(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, uint32_t seq, uint32_t ack,
		       const struct tcp_options *peer);

/* What an unwanted segment is answered with (RFC 9293 3.5.2); nothing if it is a RST itself. */
void tcp_reply_reset(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, const struct tcp_segment *s,
		     uint64_t now_us);

/* --- tcp_mtu.c -------------------------------------------------------------------------------- */

/* What is taken when the peer says nothing (RFC 9293 3.7.1). */
enum { MSS_UNSAID_4 = 536, MSS_UNSAID_6 = 1220 };

/* The MSS to send with: what the peer announced (0: nothing) and what our path takes, but not below mss_min. */
uint16_t tcp_mss_bounded(struct tcp *t, const struct ip_addr *remote, uint16_t peer_mss, uint64_t now_us);

/* The path MTU known of @remote, UINT32_MAX: none; and one learned. */
uint32_t tcp_mtu_known(struct tcp *t, const struct ip_addr *remote, uint64_t now_us);
void tcp_mtu_note(struct tcp *t, const struct ip_addr *remote, uint32_t mtu, uint64_t now_us);

/* TCP_BLACK_HOLE_RTOS in a row passed: if it is full segments that do not arrive, smaller ones are tried.  And: octets
 * were acknowledged since, so that was it. */
void tcp_mtu_black_hole(struct tcp *t, struct tcp_conn *c);
void tcp_mtu_proven(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

/* The path takes packets of @mtu octets at most.  False when we send none that are larger. */
bool tcp_mtu_lower(struct tcp *t, struct tcp_conn *c, uint32_t mtu, uint64_t now_us);

/* --- tcp_user.c ------------------------------------------------------------------------------- */

/* Octets that tcp_send() takes before some of them are acknowledged: it grows with cwnd, up to send_max. */
size_t tcp_send_limit(const struct tcp *t, const struct tcp_conn *c);

/* --- tcp_out.c -------------------------------------------------------------------------------- */

/* The window that a SYN or SYN-ACK announces; never scaled (RFC 7323 2.2). */
static inline uint16_t tcp_window_syn(const struct tcp *t)
{
	return t->settings.receive_max < UINT16_MAX ? (uint16_t)t->settings.receive_max : UINT16_MAX;
}

/* --- tcp_keep.c ------------------------------------------------------------------------------- */

/* The keep-alive timer is due.  Returns false when the connection has failed. */
bool tcp_keep_due(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

/* --- tcp_timer.c ------------------------------------------------------------------------------ */

/* Makes the wheel call no later than @at_us. */
void tcp_timer_want(struct tcp *t, struct tcp_conn *c, uint64_t at_us);

/* (Re)starts the retransmission timer; off when nothing is queued or unacknowledged. */
void tcp_rto_restart(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

/* Octets behind others went out: the probe of the tail comes in two RTTs from now (RFC 8985 7.2), if not the
 * retransmission timer is earlier. */
void tcp_tail_want(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

/* The reordering timer of RFC 8985 6.3, if the retransmission timer is not earlier. */
void tcp_reorder_want(struct tcp *t, struct tcp_conn *c, uint64_t at_us);
void tcp_rtt_sample(const struct tcp *t, struct tcp_conn *c, uint64_t rtt_us);
void tcp_conn_due(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

#endif
