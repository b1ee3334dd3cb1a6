// SPDX-License-Identifier: MIT
/*
 * smtp_relay_message.c - a message at a next hop, from MAIL to the reply to its end: what replies mean, and the one RESULT
 */
#include "dataplane/smtp/smtp_relay_hello.h"
#include "dataplane/smtp/smtp_relay_message.h"
#include "dataplane/smtp/smtp_relay_out.h"

/* `result` has the refusal of a message that did not get as far as its data. */
static void refuse_message(struct smtp_relay *r, uint64_t now_us)
{
	smtp_relay_give_result(r);
	smtp_relay_become(r, RELAY_AT_RSET, now_us);
	smtp_relay_send(r, "RSET", "");
}

static void end_envelope(struct smtp_relay *r, uint64_t now_us)
{
	if (r->envelope->only_asks) {
		refuse_message(r, now_us);
		return;
	}
	r->by_bdat = r->has_chunking && r->settings->chunking && r->envelope->size;
	if (!r->mail_refused && r->n_refused == 0 && r->by_bdat) {
		smtp_relay_become(r, RELAY_AT_BODY, now_us);
		r->body_left = r->envelope->size;
		r->due |= DUE_BODY;
		smtp_relay_send_bdat(r);
		return;
	}
	if (!r->mail_refused && r->n_refused == 0) {
		smtp_relay_become(r, RELAY_AT_DATA, now_us);
		smtp_relay_send(r, "DATA", "");
		return;
	}
	if (!r->mail_refused && r->n_accepted) {
		smtp_reply_fixed(&r->result, SMTP_TEXT_NEXT_HOP_RECIPIENT);
		r->stats->relay_failed++;
	} else {
		r->stats->relay_refused++;
	}
	refuse_message(r, now_us);
}

void smtp_relay_on_envelope(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us)
{
	bool is_mail = r->n_replied == 0, good = smtp_reply_positive(reply);

	if (r->n_replied == r->n_sent || reply->code / 100 == 3) {
		smtp_relay_fail_unclear(r);
		return;
	}
	r->since_us = now_us;
	r->n_replied++;
	if (!r->mail_refused && (r->envelope->only_asks || (!good && r->n_refused == 0)))
		r->result = *reply;
	if (is_mail) {
		r->mail_refused = !good;
	} else {
		r->n_accepted += good;
		r->n_refused += !good;
	}
	if (r->n_replied == r->n_sent && !smtp_relay_has_commands(r))
		end_envelope(r, now_us);
}

void smtp_relay_on_data(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us)
{
	if (reply->code == 354) {
		smtp_relay_become(r, RELAY_AT_BODY, now_us);
		r->body_end[0] = '\r';
		r->body_end[1] = '\n';
		r->due |= DUE_BODY;
	} else if (reply->code >= 400) {
		r->result = *reply;
		r->stats->relay_refused++;
		refuse_message(r, now_us);
	} else {
		smtp_relay_fail_unclear(r);
	}
}

/* A reply in the midst of a message: to BDAT a refusal is one, though the rest of the chunk is lost with the connection. */
void smtp_relay_on_body(struct smtp_relay *r, const struct smtp_reply *reply)
{
	if (!r->by_bdat || reply->code < 400) {
		smtp_relay_fail_unclear(r);
		return;
	}
	r->result = *reply;
	r->stats->relay_refused++;
	smtp_relay_give_result(r);
	smtp_relay_close(r);
}

/* Which of two replies is the message's: one that lets the client try again counts most, then any refusal. */
static bool outweighs(const struct smtp_reply *reply, const struct smtp_reply *other)
{
	bool temporary = reply->code / 100 == 4, permanent = smtp_reply_permanent(reply);

	return (temporary && other->code / 100 != 4) || (permanent && smtp_reply_positive(other));
}

/* How many replies the end of a message gets. */
static uint32_t n_finals(const struct smtp_relay *r)
{
	return r->lmtp ? r->n_accepted : 1;
}

void smtp_relay_on_final(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us)
{
	if (reply->code / 100 == 3) {
		smtp_relay_fail_unclear(r);
		return;
	}
	if (r->n_finals == 0 || outweighs(reply, &r->result))
		r->result = *reply;
	r->n_took += smtp_reply_positive(reply);
	r->since_us = now_us;
	if (++r->n_finals < n_finals(r))
		return;
	if (r->n_took == r->n_finals)
		r->stats->relay_accepted++;
	else
		r->stats->relay_refused++;
	smtp_relay_give_result(r);
	r->result_mixed = r->n_took && r->n_took < r->n_finals;
	r->stats->relay_mixed += r->result_mixed;
	smtp_relay_become_ready(r, now_us);
}

/* XCLIENT, if any, is done with: MAIL is next. */
void smtp_relay_begin_envelope(struct smtp_relay *r, uint64_t now_us)
{
	bool ascii = r->envelope->smtputf8 && !r->has_smtputf8;

	if (ascii || (r->envelope->requiretls && !smtp_relay_keeps_tls(r))) {
		smtp_reply_fixed(&r->result, ascii ? SMTP_TEXT_NEXT_HOP_ASCII : SMTP_TEXT_NEXT_HOP_NO_TLS);
		r->mail_refused = true;
		r->stats->relay_refused++;
		smtp_relay_give_result(r);
		smtp_relay_become_ready(r, now_us);
		return;
	}
	smtp_relay_become(r, RELAY_AT_ENVELOPE, now_us);
}
