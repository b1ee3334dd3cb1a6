// SPDX-License-Identifier: MIT
/*
 * smtp_relay_message.h - a message at a next hop; for smtp_relay.c alone
 */
#ifndef SMTP_RELAY_MESSAGE_H
#define SMTP_RELAY_MESSAGE_H

#include "dataplane/smtp/smtp_relay.h"

/* XCLIENT, if any, is done with: MAIL is next. */
void smtp_relay_begin_envelope(struct smtp_relay *r, uint64_t now_us);

/* A reply, but 421, in the state ENVELOPE, DATA, BODY or FINAL. */
void smtp_relay_on_envelope(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us);
void smtp_relay_on_data(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us);
void smtp_relay_on_body(struct smtp_relay *r, const struct smtp_reply *reply);
void smtp_relay_on_final(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us);

#endif
