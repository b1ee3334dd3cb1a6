// SPDX-License-Identifier: MIT
/*
 * smtp_session_state.h - struct smtp_session, so that callers can place it; its fields are smtp_session.c's own
 */
#ifndef SMTP_SESSION_STATE_H
#define SMTP_SESSION_STATE_H

#include "dataplane/smtp/smtp_data.h"
#include "dataplane/smtp/smtp_line.h"
#include "dataplane/smtp/smtp_xclient.h"

#define SMTP_SESSION_LINE_MAX 512        /* RFC 5321 4.5.3.1.4 */
#define SMTP_SESSION_PARAMETERS_MAX 1024 /* more, for MAIL and RCPT */

/* Transitions stand at the top of smtp_session.c. */
enum smtp_session_state {
	SESSION_CONNECTED,  /* no EHLO or HELO yet */
	SESSION_GREETED,    /* no transaction */
	SESSION_MAIL_ASKED, /* MAIL waits for its answer */
	SESSION_MAIL,       /* transaction without a recipient */
	SESSION_RCPT_ASKED, /* RCPT waits for its answer */
	SESSION_RCPT,       /* transaction with a recipient */
	SESSION_DATA_ASKED, /* DATA waits for its answer */
	SESSION_CHUNK,      /* octets of a chunk (RFC 3030) */
	SESSION_CHUNKS,     /* a chunk was taken, and it was not the last */
	SESSION_DATA,       /* 354 was said: octets of the message */
	SESSION_DRAIN,      /* octets of a message that is refused; its reply is the unready end of `out` */
	SESSION_END_ASKED,  /* the message waits for its answer */
	SESSION_TLS_ASKED,  /* STARTTLS waits for its answer */
	SESSION_SECURING,   /* 220 was said to STARTTLS: what comes before the handshake is done is no command */
	SESSION_CLOSED,     /* nothing is taken any more */
	SESSION_N_STATES,
};

/* STARTTLS (RFC 3207). */
enum smtp_session_tls {
	SESSION_TLS_NONE, /* not offered to this client */
	SESSION_TLS_OFFERED,
	SESSION_TLS_REQUIRED, /* and no MAIL without */
	SESSION_TLS_ON,
};

/* What a session needs while it works, and not while it waits for a command. */
struct smtp_room {
	struct span body;            /* of DUE_BODY, in the caller's octets */
	struct span argument;        /* of DUE_EVENT, in `buffer` */
	struct span dsn[2];          /* of a MAIL or RCPT that is told, likewise */
	uint64_t size;               /* of the MAIL that is told */
	struct smtp_xclient xclient; /* that is told; its HELO is in `buffer` */
	char out[1152];              /* replies */
	uint8_t buffer[SMTP_SESSION_LINE_MAX + SMTP_SESSION_PARAMETERS_MAX - 2]; /* the line, without CRLF */
};

struct smtp_session {
	struct smtp_room *room; /* NULL while the session has none */
	/* read for every octet */
	const struct smtp_session_settings *settings;
	struct stats *stats;
	uint8_t state;          /* enum smtp_session_state */
	uint8_t due;            /* what smtp_session_next() has to tell: DUE_... of smtp_session.c */
	uint8_t event;          /* enum smtp_action_kind of DUE_EVENT */
	uint8_t offers;         /* SMTP_OFFER_... of the last EHLO; 0: HELO */
	uint8_t tls;            /* enum smtp_session_tls */
	bool esmtp : 1;         /* EHLO, not HELO */
	bool body_8bit : 1;     /* of the MAIL that is told */
	bool requiretls : 1;    /* likewise */
	bool smtputf8 : 1;      /* of the transaction */
	bool shutting_down : 1; /* smtp_session_shutdown() was called */
	bool greeting_out : 1;  /* the greeting was told */
	bool chunking : 1;      /* the message comes by BDAT */
	bool xclient : 1;       /* this client may say XCLIENT */
	bool chunk_last : 1;    /* the chunk at hand is the last one */
	bool talked_early : 1;  /* before the greeting */
	bool chunk_failed : 1;  /* a chunk was refused: what is in the pipeline behind it cannot stand either */
	uint8_t drained;        /* DRAIN: the state after it */
	struct smtp_data data;
	struct smtp_line line;
	uint16_t out_sent, out_ready, out_len; /* in room->out: told, may be told, written */
	uint64_t since_us;                     /* when the wait for a command began; in DATA: when octets came last */
	uint64_t data_since_us;                /* when MAIL was taken, then when 354 was said or the first BDAT came */
	uint64_t rate_since_us;                /* of a message: since when rate_octets are counted */
	uint64_t delay_until_us;               /* an error reply waits in room->out until then; 0: none does */
	uint64_t n_body;                       /* octets of the message so far, dots removed */
	uint64_t chunk_left;                   /* octets of the chunk that are still to come */
	uint32_t n_rcpts, n_messages, n_errors;
	uint32_t rate_octets;     /* octets on the wire in this window, as far as they matter */
	uint32_t n_idle_commands; /* commands since the last message that brought none nearer */
};

#endif
