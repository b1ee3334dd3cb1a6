// SPDX-License-Identifier: MIT
/*
 * smtp_session_tls.c - STARTTLS: when it may be said, and what is forgotten after it (RFC 3207)
 *
 * Whoever can write into the clear part of a connection must not be able to put a command into the protected one
 * (CVE-2011-0411, "NO STARTTLS").  So whatever comes behind the command is dropped unread until the handshake is done,
 * and what was said before it does not count after it: not EHLO, not half a line.  What limits a client goes on.
 */
#include "dataplane/smtp/smtp_session_tls.h"

void smtp_session_offer_tls(struct smtp_session *s, bool required)
{
	CHECK(s->state == SESSION_CONNECTED && s->tls != SESSION_TLS_ON);
	s->tls = required ? SESSION_TLS_REQUIRED : SESSION_TLS_OFFERED;
}

void smtp_session_do_starttls(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	if (s->tls == SESSION_TLS_NONE) {
		smtp_session_refuse(s, SMTP_TEXT_NOT_OFFERED, now_us);
	} else if (s->tls == SESSION_TLS_ON) {
		smtp_session_refuse(s, SMTP_TEXT_TLS_TWICE, now_us);
	} else if (s->state == SESSION_CONNECTED) {
		smtp_session_refuse(s, SMTP_TEXT_HELO_FIRST, now_us);
	} else if (s->state != SESSION_GREETED) {
		smtp_session_refuse(s, SMTP_TEXT_MAIL_NESTED, now_us);
	} else if (smtp_session_may_idle(s)) {
		s->state = SESSION_TLS_ASKED;
		smtp_session_tell(s, SMTP_STARTTLS, c->argument);
	}
}

size_t smtp_session_drop_plaintext(struct smtp_session *s, struct span in)
{
	s->stats->smtp_starttls_injected++;
	return in.len;
}

void smtp_session_secured(struct smtp_session *s, uint64_t now_us)
{
	CHECK(s->state == SESSION_SECURING && s->out_sent == s->out_len);
	s->state = SESSION_CONNECTED;
	s->tls = SESSION_TLS_ON;
	s->esmtp = false;
	s->offers = 0;
	s->since_us = now_us;
	smtp_session_back_to_idle(s);
}
