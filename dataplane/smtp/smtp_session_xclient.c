// SPDX-License-Identifier: MIT
/*
 * smtp_session_xclient.c - XCLIENT: a trusted peer says who its client is, and a session begins anew
 *
 * As Postfix does it (XCLIENT_README): the reply is another greeting, and EHLO counts that is said after it; the HELO of
 * the command counts until then.  Errors were the former client's; how many commands and messages the connection
 * may have goes on.
 */
#include "dataplane/smtp/smtp_session_xclient.h"

void smtp_session_offer_xclient(struct smtp_session *s)
{
	CHECK(s->state == SESSION_CONNECTED);
	s->xclient = true;
}

/* The peer may speak in another client's name; the settings say who may. */
static void begin_anew(struct smtp_session *s)
{
	const struct smtp_xclient *x = &s->room->xclient;

	if (x->has_esmtp)
		s->esmtp = x->esmtp;
	s->state = x->helo.at ? SESSION_GREETED : SESSION_CONNECTED;
	s->offers = x->helo.at && s->esmtp ? (uint8_t)s->settings->offers : 0;
	s->n_errors = 0;
	s->stats->smtp_xclient++;
	smtp_session_tell(s, SMTP_XCLIENT, x->helo);
	smtp_session_greet(s);
	smtp_session_back_to_idle(s);
}

void smtp_session_do_xclient(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	enum smtp_text refusal;

	if (!s->xclient) {
		smtp_session_refuse(s, SMTP_TEXT_NOT_OFFERED, now_us);
	} else if (s->state != SESSION_CONNECTED && s->state != SESSION_GREETED) {
		smtp_session_refuse(s, SMTP_TEXT_MAIL_NESTED, now_us);
	} else if (smtp_session_may_idle(s)) {
		refusal = smtp_xclient_parse(c->argument, s->room->buffer, &s->room->xclient);
		if (refusal == SMTP_TEXT_OK)
			begin_anew(s);
		else
			smtp_session_refuse(s, refusal, now_us);
	}
}
