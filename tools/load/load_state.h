// SPDX-License-Identifier: MIT
/*
 * load_state.h - a client, and a worker's world
 */
#ifndef LOAD_STATE_H
#define LOAD_STATE_H

#include "dataplane/base/pool.h"
#include "dataplane/base/text.h"
#include "dataplane/base/timer.h"
#include "tools/load/load.h"
#include "tools/load/load_flood.h"
#include "tools/load/load_sink.h"
#include "tools/load/load_tls.h"

enum step {
	STEP_GREETING, /* 220 is awaited */
	STEP_EHLO,     /* 250 */
	STEP_STARTTLS, /* 220 */
	STEP_SHAKE,    /* the handshake's end */
	STEP_ENVELOPE, /* 250, 250, 354: MAIL, RCPT and DATA went together (RFC 2920); with BDAT no 354 */
	STEP_MESSAGE,  /* 250 to the final dot, or to the last chunk */
	STEP_QUIT,     /* 221 */
	STEP_HELD,     /* nothing */
};

struct client {
	uint8_t what; /* not LOAD_SINK */
	struct tcp_conn *conn;
	struct load_tls *tls; /* NULL: in the clear */
	struct timer timer;   /* of the next octet, when they drip */
	uint64_t begin_us, dot_us;
	struct span text; /* still to be given to TCP */
	uint32_t n_messages;
	uint32_t message;   /* of the corpus, from its envelope on */
	uint16_t code;      /* of the reply line under way */
	uint16_t n_replies; /* awaited in this step */
	uint8_t step;       /* enum step */
	uint8_t column;     /* of the reply line under way, 4 at most */
	bool more;          /* that line is not the last of its reply */
	bool idle;          /* to be held after EHLO */
	bool wants_tls;     /* not yet begun */
	bool bdat;          /* this message */
	bool connected;
	bool waits; /* for its timer: the text goes on then */
};

struct load {
	struct load_settings settings;
	struct net *net; /* NULL: the kernel's */
	struct load_wire_tcp own;
	struct load_wire *wire;
	struct stats stats;
	struct pool clients;
	struct timer_wheel timers;
	struct load_counts counts;
	struct histogram message_us, session_us;
	uint64_t begin_us; /* of the sessions that are not held */
	uint64_t random;
	uint32_t next_message;
	uint64_t n_messages; /* begun */
	uint64_t next_client;
	uint64_t n_idle, n_idle_lost; /* begun to be held; of these, those that are gone */
	uint64_t n_active;            /* others begun */
	_Atomic bool stop, uncounted;
	struct text ehlo, envelope;
	char ehlo_text[320], envelope_text[LOAD_ENVELOPE_MAX];
	struct load_flood flood;
	unsigned n_flooded; /* in this turn */
	struct load_sink sink;
	uint8_t plaintext[LOAD_TLS_RECORD];
};

/* Something happened to a client's connection; it may be gone then. */
void load_client_event(struct load *l, const struct tcp_event *e, uint64_t now_us);

/* The time of the next octet has come. */
void load_client_timer(struct load *l, struct client *c, uint64_t now_us);

/* @share of a hundred, spread evenly over a count: whether the @n-th has it. */
static inline bool load_has_share(uint64_t n, unsigned share)
{
	return (n + 1) * share / 100 > n * share / 100;
}

#endif
