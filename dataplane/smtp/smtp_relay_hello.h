// SPDX-License-Identifier: MIT
/*
 * smtp_relay_hello.h - how a connection to a next hop comes to take messages, and how it ends; for smtp_relay.c and
 * smtp_relay_hello.c
 */
#ifndef SMTP_RELAY_HELLO_H
#define SMTP_RELAY_HELLO_H

#include "dataplane/smtp/smtp_relay.h"

/* What smtp_relay_next() has to tell, in this order, SEND after RESULT. */
#define DUE_RESULT 1U
#define DUE_READY 2U
#define DUE_BODY 4U
#define DUE_CLOSE 8U
#define DUE_TLS 16U

static inline void smtp_relay_become(struct smtp_relay *r, enum smtp_relay_state state, uint64_t now_us)
{
	r->state = (uint8_t)state;
	r->since_us = now_us;
}

static inline void smtp_relay_become_ready(struct smtp_relay *r, uint64_t now_us)
{
	smtp_relay_become(r, RELAY_AT_IDLE, now_us);
	r->due |= DUE_READY;
}

/* A message with REQUIRETLS may go there (RFC 8689 4.2.1). */
static inline bool smtp_relay_keeps_tls(const struct smtp_relay *r)
{
	return r->has_requiretls && r->tls == RELAY_TLS_ON && r->verified;
}

/* --- smtp_relay.c ------------------------------------------------------------------------------ */

/* The message in hand is over; `result` has its reply. */
void smtp_relay_give_result(struct smtp_relay *r);
/* Nothing more is sent or told but what is known already. */
void smtp_relay_close(struct smtp_relay *r);
/* The connection is of no more use, and a message in hand fails for now. */
void smtp_relay_fail(struct smtp_relay *r, enum smtp_text which);
void smtp_relay_fail_unclear(struct smtp_relay *r);

/* --- smtp_relay_hello.c ------------------------------------------------------------------------ */

/* EHLO, or by LMTP LHLO, whose reply is awaited in @state; anew: what was offered before does not count any more. */
void smtp_relay_say_hello(struct smtp_relay *r, enum smtp_relay_state state, uint64_t now_us);
void smtp_relay_hello_anew(struct smtp_relay *r, enum smtp_relay_state state, uint64_t now_us);
/* A line of its reply. */
void smtp_relay_take_extension(struct smtp_relay *r, struct span line);
/* It was answered: on to TLS, to messages, or to nothing if TLS is required and not to be had. */
void smtp_relay_greeted(struct smtp_relay *r, uint64_t now_us);
/* XCLIENT, if the message in hand has another client than the connection.  False: it need not, or cannot be said. */
bool smtp_relay_say_client(struct smtp_relay *r, uint64_t now_us);
void smtp_relay_on_xclient(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us);
void smtp_relay_on_starttls(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us);

#endif
