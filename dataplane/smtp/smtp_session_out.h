// SPDX-License-Identifier: MIT
/*
 * smtp_session_out.h - what a session says and how it ends; for the session's own files
 */
#ifndef SMTP_SESSION_OUT_H
#define SMTP_SESSION_OUT_H

#include "dataplane/smtp/smtp_session.h"

/* What smtp_session_next() has to tell, in this order, SEND after ABORT. */
#define DUE_ABORT 1U
#define DUE_BODY 2U
#define DUE_EVENT 4U
#define DUE_CLOSE 8U
#define DUE_CRLF 16U  /* after BODY: the CRLF that the last chunk did not end with */
#define DUE_CHUNK 32U /* after BODY: the reply to the chunk */

/* Something waits for smtp_session_answer(). */
static inline bool smtp_session_is_asked(const struct smtp_session *s)
{
	return s->state == SESSION_MAIL_ASKED || s->state == SESSION_RCPT_ASKED || s->state == SESSION_DATA_ASKED ||
	       s->state == SESSION_END_ASKED || s->state == SESSION_TLS_ASKED;
}

/* The greeting waits, and in no room: smtp_session_greet() writes it when its time has come. */
static inline bool smtp_session_greeting_is_held(const struct smtp_session *s)
{
	return s->delay_until_us && !s->greeting_out && s->out_len == 0;
}

/* Little room is left for all: less is granted to each. */
static inline bool smtp_session_stressed(const struct smtp_session *s)
{
	return s->settings->stressed && *s->settings->stressed;
}

/* A transaction that the caller was told of by MAIL, and neither by MESSAGE_END nor by ABORT that it is over. */
bool smtp_session_is_open(const struct smtp_session *s);

/* ABORT is due if a transaction is open.  The caller sets the state. */
void smtp_session_abort(struct smtp_session *s);

/* To be told by smtp_session_next(); @argument stays in `buffer` until the answer, as nothing is taken before it. */
void smtp_session_tell(struct smtp_session *s, enum smtp_action_kind event, struct span argument);

/* Commands that bring no message nearer are free, but not without end.  False: the session was closed. */
bool smtp_session_may_idle(struct smtp_session *s);

/* No transaction is open any more: a shutdown that waited for its end comes now. */
void smtp_session_back_to_idle(struct smtp_session *s);

/* One reply more and a closing one fit. */
bool smtp_session_has_room(const struct smtp_session *s);

/* Writes a reply that is not ready to be told.  Returns where it begins in `out`. */
uint16_t smtp_session_put(struct smtp_session *s, const struct smtp_reply *reply);

/* 220: at the beginning, and when the client is another one. */
void smtp_session_greet(struct smtp_session *s);

void smtp_session_say(struct smtp_session *s, enum smtp_text which);
void smtp_session_say_reply(struct smtp_session *s, const struct smtp_reply *reply);

/* A reply that is the peer's fault: counted, from errors_soft on delayed, at errors_hard replaced by 421. */
void smtp_session_refuse(struct smtp_session *s, enum smtp_text which, uint64_t now_us);
void smtp_session_refuse_reply(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us);

/* What was said is told, then ABORT if due, then CLOSE; nothing else any more. */
void smtp_session_close(struct smtp_session *s);
void smtp_session_close_with(struct smtp_session *s, enum smtp_text which);

#endif
