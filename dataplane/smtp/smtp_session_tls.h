// SPDX-License-Identifier: MIT
/*
 * smtp_session_tls.h - STARTTLS (RFC 3207); for smtp_session.c alone
 */
#ifndef SMTP_SESSION_TLS_H
#define SMTP_SESSION_TLS_H

#include "dataplane/smtp/smtp_command.h"
#include "dataplane/smtp/smtp_session_out.h"

static inline bool smtp_session_tls_offered(const struct smtp_session *s)
{
	return s->tls == SESSION_TLS_OFFERED || s->tls == SESSION_TLS_REQUIRED;
}

void smtp_session_do_starttls(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us);

/* Octets in SECURING: all are taken, none is read. */
size_t smtp_session_drop_plaintext(struct smtp_session *s, struct span in);

#endif
