// SPDX-License-Identifier: MIT
/*
 * smtp_relay.h - the client's side of SMTP: one connection to a next hop, message after message
 *
 * Same verbs as the server.  MAIL and RCPT are pipelined when the next hop offers it (RFC 2920); DATA follows when all
 * were accepted, or BDAT when the next hop offers CHUNKING (RFC 3030) and the size is known.
 * The body is written by smtp_relay_body() once BODY_WANTED was told.  The result of a message is one
 * reply, the next hop's own where it gave one.
 *
 * By LMTP (RFC 2033) the next hop replies for each recipient, and one RESULT is made of these: all 2yz is 2yz; else a
 * 4yz if there is one, since the client keeps the message then; else the first 5yz.  When some took it and some did not,
 * those who did get it again when the client tries again: mixed, counted.  Messages of one recipient avoid that.
 */
#ifndef SMTP_RELAY_H
#define SMTP_RELAY_H

#include "dataplane/base/stats.h"
#include "dataplane/smtp/smtp_offer.h"
#include "dataplane/smtp/smtp_reply.h"

struct smtp_relay_settings {
	const char *hostname;         /* for EHLO */
	bool chunking;                /* BDAT where it is offered */
	uint64_t greeting_timeout_us; /* 300 s (RFC 5321 4.5.3.2.1) */
	uint64_t command_timeout_us;  /* 300 s for MAIL, RCPT; 120 s for DATA */
	uint64_t data_timeout_us;     /* 180 s */
	uint64_t final_timeout_us;    /* 600 s after the final dot (4.5.3.2.6) */
};

struct smtp_relay_settings smtp_relay_settings_default(void);

enum smtp_relay_kind {
	RELAY_SEND,        /* octets for the next hop: bytes */
	RELAY_READY,       /* greeted and EHLO done, or the last message is over: smtp_relay_message() may be called */
	RELAY_BODY_WANTED, /* 354 came, or BDAT went out: smtp_relay_body() until the end */
	RELAY_RESULT,      /* the message's result: reply.  A 2yz is the next hop's own reply to the final dot */
	RELAY_STARTTLS,    /* 220 came to STARTTLS: begin TLS as a client, then call smtp_relay_secured() */
	RELAY_CLOSE,       /* this connection is of no more use: close it.  A message in hand had its RESULT before */
};

struct smtp_relay_action {
	enum smtp_relay_kind kind;
	struct span bytes;
	const struct smtp_reply *reply; /* RESULT; borrowed until the next call */
	bool lost;                      /* RESULT: made by ourselves, as the next hop was lost, late, or unclear */
	bool mail_refused;              /* RESULT is the reply to MAIL, or there was no use in saying it */
	bool mixed;                     /* RESULT by LMTP: some recipients have the message, although it is no 2yz */
	bool final_dot_sent; /* RESULT of 4yz made by ourselves because the connection broke or timed out: whether the
				final dot, or last octet, was on its way, so that a duplicate is possible (counted, logged) */
};

/* Envelope of a message; borrowed until its RESULT. */
struct smtp_envelope {
	struct span mail_from;    /* without <>; empty: null */
	const struct span *rcpts; /* without <> */
	uint32_t n_rcpts;
	uint64_t size;   /* octets to come, exactly, for SIZE= and BDAT; 0: not known */
	bool body_8bit;  /* BODY=8BITMIME when offered; an 8-bit body is sent as it is in any case */
	bool smtputf8;   /* when it is not offered, the RESULT is 550 5.6.7 (RFC 6531 3.5) */
	bool requiretls; /* REQUIRETLS; without verified TLS that has it, the RESULT is 550 5.7.30 (RFC 8689 4.2.1) */
	const struct smtp_identity *client; /* said by XCLIENT where it is offered; NULL: nobody's */
	bool only_asks;  /* of one recipient: RSET follows, and the RESULT is the reply to RCPT, or a refusal of MAIL */
	struct span dsn; /* parameters of MAIL (RFC 3461), a blank in front of each; left out when DSN is not offered */
	const uint16_t
		*rcpts_dsn; /* likewise of each RCPT: so many octets that follow its path in memory; NULL: none */
};

#include "dataplane/smtp/smtp_relay_state.h" /* struct smtp_relay, for placement */

void smtp_relay_init(struct smtp_relay *r, const struct smtp_relay_settings *settings, struct stats *stats,
		     uint64_t now_us); /* the TCP connection is established, the greeting awaited */
/* Before anything is fed: the next hop speaks LMTP. */
void smtp_relay_use_lmtp(struct smtp_relay *r);
/* Before the first octet: whether STARTTLS is asked for; ON when TLS was there before the greeting (RFC 8314 3).
 * @verified: who has TLS with us is who it should be, or there is none. */
void smtp_relay_use_tls(struct smtp_relay *r, enum smtp_relay_tls tls, bool verified);
/* The handshake that RELAY_STARTTLS asked for is done: EHLO again, all that was offered before is forgotten. */
void smtp_relay_secured(struct smtp_relay *r, uint64_t now_us);
size_t MUST_USE smtp_relay_feed(struct smtp_relay *r, struct span in, uint64_t now_us);
bool smtp_relay_next(struct smtp_relay *r, struct smtp_relay_action *action);

/* Starts a transaction; only after READY.  Refused RCPTs: all refused: RESULT is the first refusal; some refused:
 * the transaction is given up before data (RSET) with 451 4.3.0, or with the refusal itself if it is the only recipient. */
void smtp_relay_message(struct smtp_relay *r, const struct smtp_envelope *envelope, uint64_t now_us);

/**
 * smtp_relay_body - write message octets for the wire (dots doubled, RFC 5321 4.5.2; by BDAT as they are)
 * @in: message octets; @out, @cap: room for the wire form; @n_out: octets written
 * Returns octets taken from @in: short when @out was full.
 */
size_t MUST_USE smtp_relay_body(struct smtp_relay *r, struct span in, uint8_t *out, size_t cap, size_t *n_out,
				uint64_t now_us);
/* All octets were given: the final CRLF.CRLF is the next SEND (with a CRLF first if the body did not end with one); by
 * BDAT the message's last octet, which was kept back until now. */
void smtp_relay_body_end(struct smtp_relay *r, uint64_t now_us);

/* The connection was closed or failed: a message in hand gets a 451 4.4.2 RESULT, then CLOSE. */
void smtp_relay_lost(struct smtp_relay *r, uint64_t now_us);
/* QUIT, when idle; CLOSE once it was answered, or after 10 s. */
void smtp_relay_quit(struct smtp_relay *r, uint64_t now_us);

uint64_t smtp_relay_deadline_us(const struct smtp_relay *r);
void smtp_relay_expire(struct smtp_relay *r, uint64_t now_us);

/* What the reply to EHLO offered of enum smtp_offer; 0 before it came. */
unsigned smtp_relay_offers(const struct smtp_relay *r);
/* The next hop's limit by SIZE (RFC 1870 4); 0: it has none, or does not say. */
uint64_t smtp_relay_size_max(const struct smtp_relay *r);

bool smtp_relay_idle(const struct smtp_relay *r);
/* XCLIENT was said, and is offered no more: all that follows is the same client's. */
bool smtp_relay_is_bound(const struct smtp_relay *r);
bool smtp_relay_resetting(const struct smtp_relay *r); /* READY comes with the reply to RSET */
const char *smtp_relay_state_text(const struct smtp_relay *r);

#endif
