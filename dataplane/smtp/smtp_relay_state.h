// SPDX-License-Identifier: MIT
/*
 * smtp_relay_state.h - struct smtp_relay, so that callers can place it; its fields are smtp_relay.c's own
 */
#ifndef SMTP_RELAY_STATE_H
#define SMTP_RELAY_STATE_H

#include "dataplane/smtp/smtp_line.h"
#include "dataplane/smtp/smtp_xclient.h"

/* What is awaited; transitions stand at the top of smtp_relay.c. */
enum smtp_relay_state {
	RELAY_AT_GREETING,
	RELAY_AT_EHLO,     /* by LMTP that to LHLO */
	RELAY_AT_HELO,     /* EHLO was refused */
	RELAY_AT_STARTTLS, /* 220 */
	RELAY_AT_SECURING, /* the handshake, which the caller makes */
	RELAY_AT_IDLE,     /* a message, from the caller */
	RELAY_AT_XCLIENT,  /* 220, a greeting for the message's client */
	RELAY_AT_ANEW,     /* the reply to the EHLO behind it */
	RELAY_AT_ENVELOPE, /* replies to MAIL and RCPT */
	RELAY_AT_DATA,     /* 354 */
	RELAY_AT_BODY,     /* octets, from the caller */
	RELAY_AT_FINAL,    /* the reply to the final dot, or to the chunk */
	RELAY_AT_RSET,     /* the reply to RSET, after a message that did not get as far as its data */
	RELAY_AT_QUIT,
	RELAY_AT_CLOSED,
	RELAY_N_STATES,
};

/* STARTTLS (RFC 3207). */
enum smtp_relay_tls {
	RELAY_TLS_NONE,    /* not asked for */
	RELAY_TLS_MAY,     /* where it is offered */
	RELAY_TLS_REQUIRE, /* or the connection is of no use */
	RELAY_TLS_ON,
};

/* A reply as it comes, line by line (smtp_relay_reply.c). */
struct smtp_relay_reply {
	struct smtp_line line;
	bool whole;    /* the last line was told: the next one begins another reply */
	uint16_t code; /* 0: no line yet */
	uint16_t n_lines;
	uint16_t enhanced[3]; /* of the first line that has one; class 0: none had */
	uint16_t text_len;
	char text[SMTP_REPLY_TEXT_MAX]; /* without codes, lines separated by '\n' */
	uint8_t buffer[512 - 2];        /* a line without CRLF (RFC 5321 4.5.3.1.5) */
};

struct smtp_relay {
	const struct smtp_relay_settings *settings;
	struct stats *stats;
	const struct smtp_envelope *envelope; /* of the message in hand, NULL: none */
	uint8_t state;                        /* enum smtp_relay_state */
	uint8_t due;                          /* what smtp_relay_next() has to tell: DUE_... of smtp_relay.c */
	bool pipelining, has_size, has_8bitmime, has_chunking, has_smtputf8, has_dsn; /* offered in the reply to EHLO */
	uint64_t size_max;                                                            /* of the next hop's SIZE */
	bool lmtp;                                                                    /* RFC 2033 */
	bool has_starttls, has_requiretls;
	bool verified;                  /* TLS, where there is any, is with who it should be */
	uint8_t tls;                    /* enum smtp_relay_tls */
	bool by_bdat;                   /* the message in hand is sent as one chunk */
	uint64_t body_left;             /* by BDAT: octets of the message that were not given yet */
	bool final_dot_out;             /* the final dot was told */
	uint32_t n_finals, n_took;      /* replies to the final dot; those of them that are 2yz */
	bool result_lost, result_mixed; /* of DUE_RESULT */
	bool result_final_dot_sent;     /* likewise */
	bool mail_refused;              /* `result` has the reply */
	uint8_t body_end[2];            /* the last two octets of the body, CRLF at its beginning */
	uint32_t n_sent, n_replied;     /* of the commands MAIL, RCPT, RCPT... */
	uint32_t n_accepted, n_refused; /* of the RCPTs */
	uint64_t since_us;              /* when the wait for a reply, or for the caller's octets, began */
	uint16_t out_sent, out_len;     /* in `out`: told, written */
	struct smtp_reply result;       /* of DUE_RESULT; before that the first refusal */
	struct smtp_relay_reply reply;
	char out[1024];
	uint8_t xclient;                    /* what is offered of enum smtp_xclient_attribute */
	uint16_t client_len;                /* of client */
	char client[SMTP_XCLIENT_LINE_MAX]; /* the last XCLIENT that was said: whose connection it is now */
};

#endif
