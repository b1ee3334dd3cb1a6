// SPDX-License-Identifier: MIT
/*
 * smtp_relay_out.h - what a relay sends; for smtp_relay.c alone
 */
#ifndef SMTP_RELAY_OUT_H
#define SMTP_RELAY_OUT_H

#include "dataplane/smtp/smtp_relay.h"

/* One line: @what and @argument. */
void smtp_relay_send(struct smtp_relay *r, const char *what, const char *argument);

void smtp_relay_send_text(struct smtp_relay *r, struct span line); /* with its CRLF */

/* The message in hand as one chunk, its last one (RFC 3030). */
void smtp_relay_send_bdat(struct smtp_relay *r);
void smtp_relay_send_octet(struct smtp_relay *r, uint8_t octet);

/* Whether a command of the envelope may be sent now; and as many as may be, and fit. */
bool smtp_relay_has_commands(const struct smtp_relay *r);
void smtp_relay_write_envelope(struct smtp_relay *r);

#endif
