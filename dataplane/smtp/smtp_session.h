// SPDX-License-Identifier: MIT
/*
 * smtp_session.h - the server's side of SMTP (RFC 5321), octets in, actions out
 *
 * smtp_session_feed() takes octets and stops whenever there is something to do; smtp_session_next() tells
 * what.  MAIL, RCPT, DATA_BEGIN, MESSAGE_END and STARTTLS wait for smtp_session_answer(): until then no further octet
 * is taken (TCP's window holds the peer back).
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "dataplane/base/stats.h"
#include "dataplane/smtp/smtp_offer.h"
#include "dataplane/smtp/smtp_reply.h"

struct smtp_session_settings {
	const char *hostname;    /* in the greeting and EHLO */
	uint64_t message_max;    /* SIZE; octets */
	uint32_t recipients_max; /* 1000: then 452 4.5.3 */
	uint32_t messages_max;   /* 1000 a connection: then 421 4.7.0 */
	uint32_t errors_soft;    /* 10: from then on each error reply is delayed by error_delay_us */
	uint32_t errors_hard;    /* 20: 421 4.7.0 and close */
	uint32_t text_line_max;  /* octets of a line of a message, without CRLF: then 554 5.6.0; 0: any */
	uint32_t line_max; /* 512 octets of a command with CRLF; MAIL and RCPT may be 1024 longer for parameters */
	uint64_t error_delay_us;
	uint64_t command_timeout_us; /* 300 s */
	uint64_t data_timeout_us;    /* 180 s between octets of DATA */
	uint64_t message_timeout_us; /* 1800 s for a whole envelope, and for a whole DATA phase */
	uint32_t data_rate_min;      /* octets a second of a message, looked at each SMTP_RATE_WINDOW_US; 0: none */
	unsigned offers;             /* SMTP_OFFER_...: extensions told in EHLO */
	/* Under stress, where they are less than those above; whether it is: NULL: never. */
	const bool *stressed;
	uint64_t stress_command_timeout_us, stress_data_timeout_us;
	uint32_t stress_errors_hard;
	bool refuse_early_talk; /* octets before the greeting went out: 554 5.5.1 and close */
};

#define SMTP_RATE_WINDOW_US                                                                                            \
	UINT64_C(300000000) /* longer than the 3 minutes that RFC 5321 4.5.3.2.5 grants to silence */

struct smtp_session_settings smtp_session_settings_default(void);

enum smtp_action_kind {
	SMTP_SEND,       /* octets for the peer: bytes */
	SMTP_HELO,       /* greeted: bytes is the name given, esmtp says which command; no answer wanted */
	SMTP_MAIL,       /* bytes is the reverse-path without <> (source route stripped), empty: null; size, body8bit */
	SMTP_RCPT,       /* bytes is the forward-path without <> */
	SMTP_DATA_BEGIN, /* DATA or the first BDAT: answer 354 (smtp_reply_go_ahead) or a refusal */
	SMTP_BODY,       /* octets of the message, dots removed, CRLF line ends, one at the end: bytes */
	SMTP_MESSAGE_END, /* final dot or last chunk seen; answer is the reply to the message */
	SMTP_STARTTLS, /* answer 220, or a refusal; after 220 was told TLS begins and smtp_session_secured() follows */
	SMTP_XCLIENT,  /* the peer says who its client is: xclient; what it leaves out stays; no answer wanted */
	SMTP_ABORT,    /* the transaction begun with MAIL is over without MESSAGE_END: forget it; no answer wanted */
	SMTP_CLOSE,    /* close the connection after what was sent; nothing follows */
};

struct smtp_action {
	enum smtp_action_kind kind;
	struct span bytes; /* borrowed until the next call on this session */
	uint64_t size;     /* MAIL: SIZE= or 0 */
	bool esmtp;
	bool body_8bit;
	bool smtputf8;   /* MAIL */
	bool requiretls; /* MAIL: it may go on by verified TLS alone (RFC 8689) */
	const struct smtp_xclient *xclient;
	struct span dsn[2]; /* MAIL: RET, ENVID; RCPT: NOTIFY, ORCPT; checked values, at is NULL: not given */
};

#include "dataplane/smtp/smtp_session_state.h" /* struct smtp_session, for placement */

/* @settings: borrowed for the life of the session.  @room: lent, contents undefined.  The greeting is the first action. */
void smtp_session_init(struct smtp_session *s, const struct smtp_session_settings *settings, struct stats *stats,
		       struct smtp_room *room, uint64_t now_us);

/* STARTTLS (RFC 3207) is offered to this client, or MAIL without it is 530 5.7.0; before the first octet. */
void smtp_session_offer_tls(struct smtp_session *s, bool required);

/* This client may say XCLIENT, and EHLO tells it; before the first octet. */
void smtp_session_offer_xclient(struct smtp_session *s);

/* The greeting waits until then; what comes meanwhile is early talk.  Before the first octet. */
void smtp_session_hold_greeting(struct smtp_session *s, uint64_t until_us);

/* Whether the peer talked before the greeting, where that is not refused. */
bool smtp_session_talked_early(const struct smtp_session *s);

/*
 * The TLS handshake that the 220 to STARTTLS announced is done: all that was said before is forgotten (RFC 3207 4.2).
 * Octets that are fed between 220 and here were sent in the clear: they are dropped and counted, never taken as commands.
 */
void smtp_session_secured(struct smtp_session *s, uint64_t now_us);

/*
 * Between two commands a session needs no room.  smtp_session_give_room() gives it back, or NULL while it is needed;
 * after that only deadline_us(), waits() and state_text() may be called, until smtp_session_lend() brings another.
 */
struct smtp_room *smtp_session_give_room(struct smtp_session *s);
void smtp_session_lend(struct smtp_session *s, struct smtp_room *room);

/**
 * smtp_session_feed - take octets from the peer
 * @in: all that lie together in the receive buffer: what comes with DATA is told from what comes after its 354 by that
 *
 * Returns how many were taken; call smtp_session_next() until it is false, then feed the rest.  After the end all are
 * taken and dropped.  Octets that come while DATA waits for its answer end the session (554 5.5.1), so feed them then.
 */
size_t MUST_USE smtp_session_feed(struct smtp_session *s, struct span in, uint64_t now_us);

bool smtp_session_next(struct smtp_session *s, struct smtp_action *action);

/* True between an action that wants an answer and smtp_session_answer(). */
bool smtp_session_waits(const struct smtp_session *s);

/**
 * smtp_session_answer - the reply to the MAIL, RCPT, DATA_BEGIN, MESSAGE_END or STARTTLS reported last
 * @reply: copied; a code of 4yz or 5yz refuses; 421 closes the session after it
 */
void smtp_session_answer(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us);

/**
 * smtp_session_refuse_message - give up a message while its octets come (no room, a verdict that is already clear)
 * @reply: 4yz or 5yz, copied; 421 is sent at once and closes the session
 *
 * Only between the answer to DATA_BEGIN and MESSAGE_END, whose answer can say the same.  SMTP_ABORT comes next, no
 * SMTP_BODY and no SMTP_MESSAGE_END any more; the rest is read and dropped, and the final dot gets @reply, or the
 * end of the chunk at hand.
 */
void smtp_session_refuse_message(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us);

/* Draining or overload: 421 4.3.2 once the transaction in hand, if any, is over; at once when idle. */
void smtp_session_shutdown(struct smtp_session *s, uint64_t now_us);

uint64_t smtp_session_deadline_us(const struct smtp_session *s);
void smtp_session_expire(struct smtp_session *s,
			 uint64_t now_us); /* 421 4.4.2 and close, or the end of an error delay */

const char *smtp_session_state_text(const struct smtp_session *s); /* "GREETED" "MAIL" "DATA"... for `show sessions` */

#endif
