// SPDX-License-Identifier: MIT
/*
 * smtp_session_out.h - what a session says and how it ends; for smtp_session.c alone
 */
#ifndef SMTP_SESSION_OUT_H
#define SMTP_SESSION_OUT_H

#include "dataplane/smtp/smtp_session.h"

/* What smtp_session_next() has to tell, in this order, SEND after ABORT. */
#define DUE_ABORT 1U
#define DUE_BODY 2U
#define DUE_EVENT 4U
#define DUE_CLOSE 8U

/* A transaction that the caller was told of by MAIL, and neither by MESSAGE_END nor by ABORT that it is over. */
bool smtp_session_is_open(const struct smtp_session *s);

/* ABORT is due if a transaction is open.  The caller sets the state. */
void smtp_session_abort(struct smtp_session *s);

/* One reply more and a closing one fit. */
bool smtp_session_has_room(const struct smtp_session *s);

/* Writes a reply that is not ready to be told.  Returns where it begins in `out`. */
uint16_t smtp_session_put(struct smtp_session *s, const struct smtp_reply *reply);

void smtp_session_say(struct smtp_session *s, enum smtp_text which);
void smtp_session_say_reply(struct smtp_session *s, const struct smtp_reply *reply);

/* A reply that is the peer's fault: counted, from errors_soft on delayed, at errors_hard replaced by 421. */
void smtp_session_refuse(struct smtp_session *s, enum smtp_text which, uint64_t now_us);
void smtp_session_refuse_reply(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us);

/* What was said is told, then ABORT if due, then CLOSE; nothing else any more. */
void smtp_session_close(struct smtp_session *s);
void smtp_session_close_with(struct smtp_session *s, enum smtp_text which);

#endif
