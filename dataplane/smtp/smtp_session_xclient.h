// SPDX-License-Identifier: MIT
/*
 * smtp_session_xclient.h - XCLIENT; for smtp_session.c alone
 */
#ifndef SMTP_SESSION_XCLIENT_H
#define SMTP_SESSION_XCLIENT_H

#include "dataplane/smtp/smtp_command.h"
#include "dataplane/smtp/smtp_session_out.h"

void smtp_session_do_xclient(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us);

#endif
