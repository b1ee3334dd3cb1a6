// SPDX-License-Identifier: MIT
/*
 * smtp_relay_hello.c - how a connection to a next hop comes to take messages: EHLO, what it offers, STARTTLS, XCLIENT
 *
 * By XCLIENT (Postfix's XCLIENT_README) a connection becomes another client's, and all begins anew with a greeting and
 * EHLO.  It is said in front of a message whose client is not the one of the message before.  Where it is offered once
 * more, all clients share connections, at two round trips for each change; a Postfix offers it once only.
 */
#include "dataplane/smtp/smtp_relay_hello.h"
#include "dataplane/smtp/smtp_relay_out.h"

/* One line of the reply to EHLO: keyword and parameters (RFC 5321 4.1.1.1); the first has the name. */
void smtp_relay_take_extension(struct smtp_relay *r, struct span line)
{
	struct span keyword = span_cut(&line, ' ');

	if (r->reply.n_lines == 1 || r->reply.code / 100 != 2)
		return;
	r->pipelining |= span_eq_nocase(keyword, SPAN("PIPELINING"));
	r->has_size |= span_eq_nocase(keyword, SPAN("SIZE"));
	r->has_8bitmime |= span_eq_nocase(keyword, SPAN("8BITMIME"));
	r->has_chunking |= span_eq_nocase(keyword, SPAN("CHUNKING"));
	r->has_smtputf8 |= span_eq_nocase(keyword, SPAN("SMTPUTF8"));
	r->has_starttls |= span_eq_nocase(keyword, SPAN("STARTTLS"));
	r->has_dsn |= span_eq_nocase(keyword, SPAN("DSN"));
	r->has_requiretls |= span_eq_nocase(keyword, SPAN("REQUIRETLS"));
	if (span_eq_nocase(keyword, SPAN("XCLIENT")))
		r->xclient = (uint8_t)smtp_xclient_offered(line);
	if (span_eq_nocase(keyword, SPAN("SIZE")) && !span_decimal(line, UINT64_MAX, &r->size_max))
		r->size_max = 0;
}

void smtp_relay_say_hello(struct smtp_relay *r, enum smtp_relay_state state, uint64_t now_us)
{
	struct span name = span_str(r->settings->hostname);
	char line[SMTP_XCLIENT_LINE_MAX];
	struct text t;

	/* Whose connection it is now says EHLO: Postfix takes the name from there, whatever XCLIENT's HELO was. */
	if (state == RELAY_AT_ANEW && r->envelope->client->helo.len)
		name = r->envelope->client->helo;
	text_init(&t, line, sizeof(line));
	text_puts(&t, r->lmtp ? "LHLO " : "EHLO ");
	text_put(&t, name);
	text_puts(&t, "\r\n");
	smtp_relay_become(r, state, now_us);
	smtp_relay_send_text(r, text_span(&t));
}

void smtp_relay_hello_anew(struct smtp_relay *r, enum smtp_relay_state state, uint64_t now_us)
{
	r->pipelining = r->has_size = r->has_8bitmime = r->has_chunking = r->has_smtputf8 = r->has_dsn = false;
	r->has_starttls = r->has_requiretls = false;
	r->xclient = 0;
	r->size_max = 0;
	smtp_relay_say_hello(r, state, now_us);
}

/* EHLO or HELO was answered: on to TLS, to messages, or to nothing if TLS is required and not to be had. */
void smtp_relay_greeted(struct smtp_relay *r, uint64_t now_us)
{
	if (r->tls != RELAY_TLS_NONE && r->tls != RELAY_TLS_ON && r->has_starttls) {
		smtp_relay_become(r, RELAY_AT_STARTTLS, now_us);
		smtp_relay_send(r, "STARTTLS", "");
	} else if (r->tls == RELAY_TLS_REQUIRE) {
		r->stats->relay_tls_missing++;
		smtp_relay_close(r);
	} else {
		smtp_relay_become_ready(r, now_us);
	}
}

void smtp_relay_on_starttls(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us)
{
	if (reply->code == 220) {
		smtp_relay_become(r, RELAY_AT_SECURING, now_us);
		r->due |= DUE_TLS;
	} else if (r->tls == RELAY_TLS_MAY && reply->code >= 400) {
		smtp_relay_become_ready(r, now_us);
	} else {
		r->stats->relay_tls_missing++;
		smtp_relay_close(r);
	}
}

bool smtp_relay_say_client(struct smtp_relay *r, uint64_t now_us)
{
	const struct smtp_identity *who = r->envelope->client;
	char line[SMTP_XCLIENT_LINE_MAX];
	struct text t;

	if (!who || !r->xclient) {
		r->stats->relay_xclient_missing += who && !smtp_relay_is_bound(r);
		return false;
	}
	text_init(&t, line, sizeof(line));
	smtp_xclient_write(who, r->xclient, &t);
	CHECK(!t.full);
	if (t.len == r->client_len && memcmp(line, r->client, t.len) == 0)
		return false;
	memcpy(r->client, line, t.len);
	r->client_len = (uint16_t)t.len;
	r->stats->relay_xclient++;
	smtp_relay_become(r, RELAY_AT_XCLIENT, now_us);
	smtp_relay_send_text(r, text_span(&t));
	return true;
}

void smtp_relay_on_xclient(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us)
{
	if (smtp_reply_positive(reply)) {
		smtp_relay_hello_anew(r, RELAY_AT_ANEW, now_us);
		return;
	}
	/* 50z: the command itself is not to its taste, which is no fault of the message's. */
	if (reply->code < 400 || reply->code / 10 == 50) {
		smtp_relay_fail_unclear(r);
		return;
	}
	r->result = *reply; /* the next hop does not want that client */
	r->mail_refused = true;
	r->stats->relay_refused++;
	smtp_relay_give_result(r);
	smtp_relay_close(r);
}
