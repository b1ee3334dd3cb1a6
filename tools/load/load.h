// SPDX-License-Identifier: MIT
/*
 * load.h - many SMTP clients, over our own TCP or the kernel's: one worker's world
 *
 * Driven like a shard: frames in by load_rx(), a turn by load_tick(), frames out by load_tx(); over the kernel's sockets
 * by load_tick() alone.  Each client opens a
 * connection from an address of its own, does what the mode says, and is followed by the next one.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdatomic.h>

#include "dataplane/base/histogram.h"
#include "dataplane/net/net.h"
#include "tools/load/load_wire.h"

enum load_mode {
	LOAD_SEND,    /* EHLO, messages, QUIT */
	LOAD_CONNECT, /* 220, QUIT, 221 */
	LOAD_IDLE,    /* EHLO, then nothing: connections are held; LOAD_OPENING_MAX are on their way to that at once */
};

#define LOAD_OPENING_MAX 2048
#define LOAD_RECIPIENTS_MAX 100
#define LOAD_ENVELOPE_MAX (400 + 400 * LOAD_RECIPIENTS_MAX)
#define LOAD_DATA_LEN 6 /* of "DATA" and CRLF, an envelope's end */

struct load_message {
	struct span octets;   /* with its dots stuffed and CRLF.CRLF at the end */
	struct span envelope; /* MAIL, RCPT and DATA; empty: those of the settings */
	struct span chunk;    /* BDAT LAST and its octets; empty: it goes by DATA only */
};

struct load_settings {
	enum load_mode mode;
	struct ip_addr target;
	uint16_t port;
	struct net_if_addr clients; /* IPv4 */
	uint32_t connections;       /* at the same time */
	uint32_t idle;              /* more, opened first and held as by LOAD_IDLE while the others do their work */
	uint32_t messages;          /* of one connection */
	uint64_t sessions_max;      /* then no more are begun; 0: no end */
	uint64_t rate;          /* sessions begun a second, their time counts from then on; 0: as fast as they end */
	uint16_t sink;          /* port of a next hop that takes everything; 0: none */
	uint64_t flood;         /* SYN a second from addresses that do not exist, beside the sessions; 0: none */
	struct load_wire *wire; /* NULL: our own TCP; else `net` of load_init() is not looked at */
	const char *helo, *mail_from, *rcpt_to;
	uint32_t recipients;          /* of a message, load_envelope(); 0: 1 */
	struct load_tls_context *tls; /* of those connections, tls_share of a hundred, that say STARTTLS */
	unsigned tls_share;
	unsigned bdat_share; /* of a hundred messages that have a chunk */
	uint64_t drip_us;    /* between two octets of a client; 0: as fast as TCP takes them */
	const struct load_message *corpus;
	uint32_t n_corpus;
};

struct load_counts {
	uint64_t begun, ended, failed, refused; /* sessions; refused: no connection could be opened for now */
	uint64_t resets;                        /* sessions that ended before a greeting */
	uint64_t handshakes, handshakes_failed; /* of TLS */
	uint64_t messages[6];                   /* by first digit of the reply to the final dot */
	uint64_t odd_replies;                   /* replies of another class than the dialogue needs */
	uint64_t syns, octets;                  /* flood; octets of messages sent */
	uint64_t live;
	uint64_t held; /* of these, those that need nothing more */
	uint64_t rx_frames, tx_frames;
};

struct load;

size_t load_memory(const struct load_settings *settings, const struct net_settings *net);
struct load *load_init(void *memory, const struct load_settings *settings, const struct net_settings *net,
		       const uint8_t seed[16], uint64_t now_us);

void load_rx(void *load, unsigned ifindex, struct span frame, unsigned rx_flags, uint64_t now_us);
bool load_tick(void *load, uint64_t now_us, uint64_t unix_us, bool idle);
bool load_tx(void *load, struct net_frame *frame, uint64_t now_us);
uint64_t load_deadline_us(void *load);

/* For other threads: as it is at the moment.  Histograms are whole once the worker has stopped. */
const struct load_counts *load_counts(const struct load *l);
const struct histogram *load_message_us(const struct load *l); /* final dot to its reply */
const struct histogram *load_session_us(const struct load *l); /* SYN to the end */
uint64_t load_flood_answers(const struct load *l);             /* SYN-ACK that came for the flood's SYN */
uint64_t load_sunk(const struct load *l);                      /* messages that came to the sink */
const struct stats *load_stats(const struct load *l);

void load_count_times(struct load *l,
		      bool wanted);       /* in the histograms, from any thread; they are unless it is not wanted */
bool load_is_ready(const struct load *l); /* those that are to be held are */
void load_stop(struct load *l);           /* no new sessions, from any thread */
bool load_is_done(const struct load *l);  /* all sessions have ended and none will begin */

#endif
