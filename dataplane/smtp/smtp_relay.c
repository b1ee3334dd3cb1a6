// SPDX-License-Identifier: MIT
/*
 * smtp_relay.c - the client's side of SMTP: its states (RFC 5321)
 *
 *	GREETING --220--> EHLO --2yz--> IDLE <--2yz-- HELO		EHLO --5yz--> HELO
 *
 *	IDLE --message()--> ENVELOPE --all 2yz--> DATA --354--> BODY --body_end()--> FINAL --any, RESULT--> IDLE
 *	                        |                   |
 *	                        `----- refused -----`--> RESULT, RSET --2yz--> IDLE
 *
 *	where CHUNKING is offered: ENVELOPE --all 2yz, BDAT n LAST--> BODY (RFC 3030)
 *
 *	by LMTP: GREETING --220--> LHLO, which has no HELO; FINAL --a reply for each recipient, RESULT--> IDLE (RFC 2033)
 *	EHLO --STARTTLS is offered and wanted--> STARTTLS --220--> SECURING --secured()--> EHLO (RFC 3207)
 *
 *	IDLE --message() of another client, where XCLIENT is offered--> XCLIENT --220--> ANEW --2yz--> ENVELOPE
 *
 *	421, no reply in time, connection lost, a reply that makes no sense: RESULT if a message is in hand, CLOSED
 *
 * MAIL and the RCPTs are one group if the next hop offers PIPELINING (RFC 2920); DATA waits for all their replies.
 * That costs one round trip and is exact: whether all recipients were accepted is known before a message is begun, so
 * there is none to be taken back after 354 (RFC 2920 3.1).  BDAT saves the wait for 354 and the search for dots; what
 * ends the message then is its last octet, which smtp_relay_body() keeps back for smtp_relay_body_end().
 *
 * A message is in hand (envelope is set) in XCLIENT, ANEW, ENVELOPE, DATA, BODY and FINAL.  Only a reply that comes after the final
 * dot went out can be its reply: a 2yz that lies ready before that is no promise, and ends the connection.
 */
#include "dataplane/smtp/smtp_relay_hello.h"
#include "dataplane/smtp/smtp_relay_message.h"
#include "dataplane/smtp/smtp_relay_out.h"
#include "dataplane/smtp/smtp_relay_reply.h"

#define DATA_TIMEOUT_US (120 * UINT64_C(1000000)) /* for 354: RFC 5321 4.5.3.2.4 */
#define QUIT_TIMEOUT_US (10 * UINT64_C(1000000))  /* nothing depends on the reply to QUIT */

struct smtp_relay_settings smtp_relay_settings_default(void)
{
	return (struct smtp_relay_settings){
		.hostname = "mx.example",
		.chunking = true,
		.greeting_timeout_us = 300 * UINT64_C(1000000),
		.command_timeout_us = 300 * UINT64_C(1000000),
		.data_timeout_us = 180 * UINT64_C(1000000),
		.final_timeout_us = 600 * UINT64_C(1000000),
	};
}

static void check(const struct smtp_relay *r)
{
	DCHECK(r->state < RELAY_N_STATES);
	DCHECK(r->out_sent <= r->out_len && r->out_len < sizeof(r->out));
	DCHECK((r->envelope != NULL) == (r->state >= RELAY_AT_XCLIENT && r->state <= RELAY_AT_FINAL));
	DCHECK(!(r->due & DUE_CLOSE) || r->state == RELAY_AT_CLOSED);
	DCHECK(!(r->due & DUE_READY) || r->state == RELAY_AT_IDLE);
	DCHECK(!(r->due & DUE_TLS) || r->state == RELAY_AT_SECURING);
	DCHECK(!(r->due & DUE_BODY) || r->state == RELAY_AT_BODY);
	(void)r;
}

/* --- results and ends ---------------------------------------------------------------------- */

/* The message in hand is over; `result` has its reply. */
void smtp_relay_give_result(struct smtp_relay *r)
{
	r->envelope = NULL;
	r->due |= DUE_RESULT;
	r->result_lost = r->result_mixed = r->result_final_dot_sent = false;
}

/* Nothing more is sent or told but what is known already. */
void smtp_relay_close(struct smtp_relay *r)
{
	r->due = (uint8_t)((r->due & DUE_RESULT) | DUE_CLOSE);
	r->out_sent = r->out_len = 0;
	r->state = RELAY_AT_CLOSED;
}

/* The connection is of no more use, and a message in hand fails for now. */
void smtp_relay_fail(struct smtp_relay *r, enum smtp_text which)
{
	if (r->envelope) {
		/* A 421 to the final dot is an answer: the message was not taken. */
		bool dot = r->state == RELAY_AT_FINAL && r->final_dot_out && which != SMTP_TEXT_NEXT_HOP_CLOSES;

		dot |= r->n_took > 0;
		smtp_reply_fixed(&r->result, which);
		smtp_relay_give_result(r);
		r->result_lost = true;
		r->result_final_dot_sent = dot;
		r->stats->relay_failed++;
		r->stats->relay_duplicates_possible += dot;
	}
	smtp_relay_close(r);
}

void smtp_relay_fail_unclear(struct smtp_relay *r)
{
	r->stats->relay_bad_replies++;
	smtp_relay_fail(r, SMTP_TEXT_NEXT_HOP_UNCLEAR);
}

/* --- replies ------------------------------------------------------------------------------- */

static void on_reply(struct smtp_relay *r, const struct smtp_reply *reply, uint64_t now_us)
{
	bool good = smtp_reply_positive(reply);

	if (reply->code == 421) { /* RFC 5321 3.8: at any time, in place of any reply */
		r->mail_refused |= r->state >= RELAY_AT_XCLIENT && r->state <= RELAY_AT_ENVELOPE && r->n_replied == 0;
		smtp_relay_fail(r, SMTP_TEXT_NEXT_HOP_CLOSES);
		return;
	}
	switch ((enum smtp_relay_state)r->state) {
	case RELAY_AT_GREETING:
		if (!good) {
			smtp_relay_close(r);
			return;
		}
		smtp_relay_say_hello(r, RELAY_AT_EHLO, now_us);
		return;
	case RELAY_AT_EHLO:
		if (good) {
			smtp_relay_greeted(r, now_us);
		} else if (smtp_reply_permanent(reply) && !r->lmtp) { /* 4.1.4: one who does not know EHLO */
			smtp_relay_become(r, RELAY_AT_HELO, now_us);
			smtp_relay_send(r, "HELO ", r->settings->hostname);
		} else {
			smtp_relay_close(r);
		}
		return;
	case RELAY_AT_STARTTLS:
		smtp_relay_on_starttls(r, reply, now_us);
		return;
	case RELAY_AT_HELO:
		if (good)
			smtp_relay_greeted(r, now_us);
		else
			smtp_relay_close(r);
		return;
	case RELAY_AT_RSET:
		if (good)
			smtp_relay_become_ready(r, now_us);
		else
			smtp_relay_close(r);
		return;
	case RELAY_AT_XCLIENT:
		smtp_relay_on_xclient(r, reply, now_us);
		return;
	case RELAY_AT_ANEW:
		if (good)
			smtp_relay_begin_envelope(r, now_us);
		else
			smtp_relay_fail_unclear(r);
		return;
	case RELAY_AT_ENVELOPE:
		smtp_relay_on_envelope(r, reply, now_us);
		return;
	case RELAY_AT_DATA:
		smtp_relay_on_data(r, reply, now_us);
		return;
	case RELAY_AT_FINAL:
		smtp_relay_on_final(r, reply, now_us);
		return;
	case RELAY_AT_BODY:
		smtp_relay_on_body(r, reply);
		return;
	case RELAY_AT_SECURING: /* said in the clear, as if it were through TLS (CVE-2021-38371) */
	case RELAY_AT_IDLE:
		smtp_relay_fail_unclear(r);
		return;
	case RELAY_AT_QUIT:
		smtp_relay_close(r);
		return;
	case RELAY_AT_CLOSED:
	case RELAY_N_STATES:
		return;
	}
}

/* Octets follow a reply, and no other is due: nobody asked for them, and they must not pass for a later reply. */
static void on_unasked(struct smtp_relay *r)
{
	if (r->state == RELAY_AT_CLOSED || (r->state == RELAY_AT_ENVELOPE && r->n_replied < r->n_sent) ||
	    (r->state == RELAY_AT_FINAL && r->final_dot_out && r->n_finals > 0))
		return;
	if (r->state == RELAY_AT_IDLE) /* often a 421 after the last message: its RESULT stands */
		smtp_relay_close(r);
	else
		smtp_relay_fail_unclear(r);
}

/* --- the verbs ----------------------------------------------------------------------------- */

void smtp_relay_init(struct smtp_relay *r, const struct smtp_relay_settings *settings, struct stats *stats,
		     uint64_t now_us)
{
	memset(r, 0, sizeof(*r));
	r->settings = settings;
	r->stats = stats;
	smtp_relay_become(r, RELAY_AT_GREETING, now_us);
}

void smtp_relay_use_lmtp(struct smtp_relay *r)
{
	r->lmtp = true;
}

void smtp_relay_use_tls(struct smtp_relay *r, enum smtp_relay_tls tls, bool verified)
{
	CHECK(r->state == RELAY_AT_GREETING);
	r->tls = (uint8_t)tls;
	r->verified = verified;
}

void smtp_relay_secured(struct smtp_relay *r, uint64_t now_us)
{
	CHECK(r->state == RELAY_AT_SECURING && !r->due);
	r->tls = RELAY_TLS_ON;
	smtp_relay_hello_anew(r, RELAY_AT_EHLO, now_us);
}

size_t smtp_relay_feed(struct smtp_relay *r, struct span in, uint64_t now_us)
{
	size_t n = 0;

	while (n < in.len && r->due == 0 && r->out_sent == r->out_len && r->state != RELAY_AT_CLOSED) {
		enum smtp_relay_reply_end end;
		struct smtp_reply reply;
		struct span text;

		n += smtp_relay_reply_feed(&r->reply, span_skip(in, n), &end, &text);
		if ((r->state == RELAY_AT_EHLO || r->state == RELAY_AT_ANEW) &&
		    (end == RELAY_REPLY_LINE || end == RELAY_REPLY_WHOLE))
			smtp_relay_take_extension(r, text);
		if (end == RELAY_REPLY_WHOLE) {
			smtp_relay_reply_get(&r->reply, &reply);
			on_reply(r, &reply, now_us);
			if (n < in.len)
				on_unasked(r);
		} else if (end == RELAY_REPLY_BAD) {
			smtp_relay_fail_unclear(r);
		}
		check(r);
	}
	return r->state == RELAY_AT_CLOSED ? in.len : n;
}

bool smtp_relay_next(struct smtp_relay *r, struct smtp_relay_action *action)
{
	*action = (struct smtp_relay_action){ .kind = RELAY_SEND };
	if (r->out_sent == r->out_len)
		smtp_relay_write_envelope(r);
	if (r->due & DUE_RESULT) {
		r->due &= (uint8_t)~DUE_RESULT;
		action->kind = RELAY_RESULT;
		action->reply = &r->result;
		action->lost = r->result_lost;
		action->mail_refused = r->mail_refused;
		action->mixed = r->result_mixed;
		action->final_dot_sent = r->result_final_dot_sent;
	} else if (r->out_sent < r->out_len) {
		action->bytes = span_of(r->out + r->out_sent, (size_t)(r->out_len - r->out_sent));
		r->out_sent = r->out_len;
		r->final_dot_out = r->state == RELAY_AT_FINAL;
	} else if (r->due & DUE_READY) {
		r->due &= (uint8_t)~DUE_READY;
		action->kind = RELAY_READY;
	} else if (r->due & DUE_TLS) {
		r->due &= (uint8_t)~DUE_TLS;
		action->kind = RELAY_STARTTLS;
	} else if (r->due & DUE_BODY) {
		r->due &= (uint8_t)~DUE_BODY;
		action->kind = RELAY_BODY_WANTED;
	} else if (r->due & DUE_CLOSE) {
		r->due &= (uint8_t)~DUE_CLOSE;
		action->kind = RELAY_CLOSE;
	} else {
		return false;
	}
	check(r);
	return true;
}

void smtp_relay_message(struct smtp_relay *r, const struct smtp_envelope *envelope, uint64_t now_us)
{
	CHECK(smtp_relay_idle(r));
	CHECK(envelope->n_rcpts > 0);
	r->envelope = envelope;
	r->mail_refused = r->final_dot_out = false;
	r->n_sent = r->n_replied = r->n_accepted = r->n_refused = r->n_finals = r->n_took = 0;
	if (!smtp_relay_say_client(r, now_us))
		smtp_relay_begin_envelope(r, now_us);
	check(r);
}

void smtp_relay_body_end(struct smtp_relay *r, uint64_t now_us)
{
	if (r->state == RELAY_AT_CLOSED)
		return;
	CHECK(r->state == RELAY_AT_BODY);
	smtp_relay_become(r, RELAY_AT_FINAL, now_us);
	if (r->by_bdat) {
		CHECK(r->body_left == 0);
		smtp_relay_send_octet(r, r->body_end[1]);
		check(r);
		return;
	}
	smtp_relay_send(r, memcmp(r->body_end, "\r\n", 2) == 0 ? "." : "\r\n.", "");
	check(r);
}

void smtp_relay_lost(struct smtp_relay *r, uint64_t now_us)
{
	(void)now_us;
	if (r->state != RELAY_AT_CLOSED)
		smtp_relay_fail(r, SMTP_TEXT_NEXT_HOP_LOST);
	check(r);
}

/* RFC 5321 4.1.1.10: QUIT, then the connection is closed once the reply came; it is not waited for long. */
void smtp_relay_quit(struct smtp_relay *r, uint64_t now_us)
{
	if (r->state == RELAY_AT_CLOSED)
		return;
	CHECK(r->state == RELAY_AT_IDLE);
	r->due &= DUE_RESULT;
	smtp_relay_become(r, RELAY_AT_QUIT, now_us);
	smtp_relay_send(r, "QUIT", "");
}

uint64_t smtp_relay_deadline_us(const struct smtp_relay *r)
{
	const struct smtp_relay_settings *s = r->settings;
	uint64_t command_us = s->command_timeout_us;

	switch ((enum smtp_relay_state)r->state) {
	case RELAY_AT_GREETING:
		return r->since_us + s->greeting_timeout_us;
	case RELAY_AT_EHLO:
	case RELAY_AT_HELO:
	case RELAY_AT_STARTTLS:
	case RELAY_AT_SECURING:
	case RELAY_AT_XCLIENT:
	case RELAY_AT_ANEW:
	case RELAY_AT_ENVELOPE:
	case RELAY_AT_RSET:
		return r->since_us + command_us;
	case RELAY_AT_DATA:
		return r->since_us + (command_us < DATA_TIMEOUT_US ? command_us : DATA_TIMEOUT_US);
	case RELAY_AT_BODY:
		return r->since_us + s->data_timeout_us;
	case RELAY_AT_FINAL:
		return r->since_us + s->final_timeout_us;
	case RELAY_AT_QUIT:
		return r->since_us + QUIT_TIMEOUT_US;
	case RELAY_AT_IDLE:
	case RELAY_AT_CLOSED:
	case RELAY_N_STATES:
		break;
	}
	return UINT64_MAX;
}

void smtp_relay_expire(struct smtp_relay *r, uint64_t now_us)
{
	if (now_us < smtp_relay_deadline_us(r))
		return;
	if (r->state != RELAY_AT_QUIT)
		r->stats->relay_timeouts++;
	smtp_relay_fail(r, SMTP_TEXT_NEXT_HOP_TIMEOUT);
	check(r);
}

unsigned smtp_relay_offers(const struct smtp_relay *r)
{
	return (r->has_8bitmime ? SMTP_OFFER_8BITMIME : 0U) | (r->has_chunking ? SMTP_OFFER_CHUNKING : 0U) |
	       (r->has_smtputf8 ? SMTP_OFFER_SMTPUTF8 : 0U) | (r->has_dsn ? SMTP_OFFER_DSN : 0U) |
	       (smtp_relay_keeps_tls(r) ? SMTP_OFFER_REQUIRETLS : 0U);
}

uint64_t smtp_relay_size_max(const struct smtp_relay *r)
{
	return r->size_max;
}

bool smtp_relay_idle(const struct smtp_relay *r)
{
	return r->state == RELAY_AT_IDLE && !(r->due & (DUE_READY | DUE_RESULT));
}

bool smtp_relay_is_bound(const struct smtp_relay *r)
{
	return r->client_len && !r->xclient;
}

bool smtp_relay_resetting(const struct smtp_relay *r)
{
	return r->state == RELAY_AT_RSET;
}

const char *smtp_relay_state_text(const struct smtp_relay *r)
{
	static const char *const names[RELAY_N_STATES] = {
		[RELAY_AT_GREETING] = "GREETING", [RELAY_AT_EHLO] = "EHLO",         [RELAY_AT_HELO] = "HELO",
		[RELAY_AT_IDLE] = "IDLE",         [RELAY_AT_ENVELOPE] = "ENVELOPE", [RELAY_AT_DATA] = "DATA",
		[RELAY_AT_BODY] = "BODY",         [RELAY_AT_FINAL] = "FINAL",       [RELAY_AT_RSET] = "RSET",
		[RELAY_AT_STARTTLS] = "STARTTLS", [RELAY_AT_SECURING] = "SECURING", [RELAY_AT_QUIT] = "QUIT",
		[RELAY_AT_CLOSED] = "CLOSED",     [RELAY_AT_XCLIENT] = "XCLIENT",   [RELAY_AT_ANEW] = "ANEW",
	};

	return names[r->state];
}
