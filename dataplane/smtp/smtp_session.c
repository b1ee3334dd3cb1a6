// SPDX-License-Identifier: MIT
/*
 * smtp_session.c - the server's side of SMTP: states, limits, replies (RFC 5321)
 *
 *	CONNECTED --EHLO/HELO--> GREETED --MAIL--> MAIL_ASKED --2yz--> MAIL --RCPT--> RCPT_ASKED --2yz--> RCPT
 *	     ^ a refusal leads back to where the command came from                     (RCPT again from RCPT)
 *
 *	RCPT --DATA--> DATA_ASKED --354--> DATA --final dot--> END_ASKED --any answer--> GREETED
 *	                                    |                                               ^
 *	                   too large, or refuse_message()                                   |
 *	                                    `-----------> DRAIN --final dot, the refusal----'
 *
 *	RCPT --BDAT--> DATA_ASKED --354, not said--> CHUNK --its end--> CHUNKS --BDAT--> CHUNK	(RFC 3030)
 *	                                               |`-- end of LAST --> END_ASKED
 *	     refused, as BDAT out of place is, in any state -----> DRAIN --its end, the refusal--> GREETED
 *
 *	RSET, EHLO, HELO	MAIL, RCPT, CHUNKS -> GREETED, told as ABORT			do_rset(), do_helo()
 *	QUIT, 421, time-outs	all but *_ASKED -> CLOSED, told as ABORT and CLOSE	smtp_session_close_with()
 *	octets before 354, bare CR or LF			likewise			smtp_session_close_with()
 *	CONNECTED or GREETED --XCLIENT--> CONNECTED, with a HELO GREETED, told as XCLIENT	smtp_session_do_xclient()
 *	CONNECTED or GREETED --STARTTLS--> TLS_ASKED --220--> SECURING --secured()--> CONNECTED	(RFC 3207)
 *
 * In *_ASKED nothing is taken from the peer until smtp_session_answer().  A transaction is open (told by MAIL and not
 * yet by MESSAGE_END or ABORT) in MAIL, RCPT_ASKED, RCPT, DATA_ASKED, CHUNK, CHUNKS and DATA.
 *
 * Messages, from DATA and BDAT to their ends, are in smtp_session_data.c; what is said, and when, in smtp_session_out.c;
 * how long a client is waited for, in smtp_session_time.c;
 * STARTTLS in smtp_session_tls.c; XCLIENT in smtp_session_xclient.c; what a line says, in smtp_command.c.
 */
#include "dataplane/smtp/smtp_command.h"
#include "dataplane/smtp/smtp_session_data.h"
#include "dataplane/smtp/smtp_session_tls.h"
#include "dataplane/smtp/smtp_session_xclient.h"

_Static_assert(sizeof(struct smtp_session) <= 128, "an idle session is cheap");

struct smtp_session_settings smtp_session_settings_default(void)
{
	return (struct smtp_session_settings){
		.hostname = "mx.example",
		.message_max = 50U << 20,
		.recipients_max = 1000,
		.messages_max = 1000,
		.errors_soft = 10,
		.errors_hard = 20,
		.line_max = SMTP_SESSION_LINE_MAX,
		.error_delay_us = 1000000,
		.command_timeout_us = 300 * UINT64_C(1000000),
		.data_timeout_us = 180 * UINT64_C(1000000),
		.message_timeout_us = 1800 * UINT64_C(1000000),
		.offers = SMTP_OFFER_8BITMIME,
	};
}

static void check(const struct smtp_session *s)
{
	DCHECK(s->state < SESSION_N_STATES);
	DCHECK(s->out_sent <= s->out_ready && s->out_ready <= s->out_len && s->out_len < sizeof(s->room->out));
	DCHECK(!(s->due & DUE_CLOSE) || s->state == SESSION_CLOSED);
	DCHECK(!(s->due & DUE_BODY) || s->state == SESSION_DATA || s->state == SESSION_CHUNK ||
	       s->state == SESSION_END_ASKED);
	DCHECK(!(s->due & DUE_CHUNK) || (s->state == SESSION_CHUNK && s->chunk_left == 0));
	DCHECK(!(s->due & DUE_EVENT) || smtp_session_is_asked(s) || s->event == SMTP_HELO || s->event == SMTP_XCLIENT);
	DCHECK(s->state != SESSION_RCPT || s->n_rcpts > 0);
	(void)s;
}

/* --- commands ------------------------------------------------------------------------------ */

/* The transaction, if one is open, ends without a message. */
static void forget_transaction(struct smtp_session *s)
{
	smtp_session_abort(s);
	s->chunk_failed = false;
	s->n_body = 0;
	if (s->state != SESSION_CONNECTED)
		s->state = SESSION_GREETED;
}

/* RFC 9422 4 */
static void say_limits(const struct smtp_session *s, struct text *t)
{
	text_puts(t, "\nLIMITS RCPTMAX=");
	text_dec(t, s->settings->recipients_max);
	text_puts(t, " MAILMAX=");
	text_dec(t, s->settings->messages_max);
}

/* A parameter of an extension that EHLO did not offer is as unknown as any other (RFC 5321 4.1.1.11). */
static bool is_offered(const struct smtp_session *s, const struct smtp_command *c)
{
	return (!c->smtputf8 || (s->offers & SMTP_OFFER_SMTPUTF8)) &&
	       (!c->requiretls || (s->offers & SMTP_OFFER_REQUIRETLS)) &&
	       ((!c->dsn[0].at && !c->dsn[1].at) || (s->offers & SMTP_OFFER_DSN));
}

/* RFC 5321 4.1.1.1: the reply to EHLO has our name, then one extension a line; that to HELO the name only. */
static void do_helo(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	char line[SMTP_REPLY_TEXT_MAX];
	struct smtp_reply reply;
	struct text t;

	(void)now_us;
	if (!smtp_session_may_idle(s))
		return;
	forget_transaction(s);
	s->state = SESSION_GREETED;
	s->esmtp = c->verb == SMTP_VERB_EHLO;
	s->offers = s->esmtp ? (uint8_t)s->settings->offers : 0;
	if (s->tls != SESSION_TLS_ON) /* RFC 8689 2: there is nothing to keep to when it came in the clear */
		s->offers &= (uint8_t)~SMTP_OFFER_REQUIRETLS;
	smtp_session_tell(s, SMTP_HELO, c->argument);
	text_init(&t, line, sizeof(line));
	text_puts(&t, s->settings->hostname);
	if (s->esmtp) {
		text_puts(&t, "\nPIPELINING\nSIZE ");
		text_dec(&t, s->settings->message_max);
		if (s->offers & SMTP_OFFER_8BITMIME)
			text_puts(&t, "\n8BITMIME");
		text_puts(&t, "\nENHANCEDSTATUSCODES");
		if (s->offers & SMTP_OFFER_CHUNKING)
			text_puts(&t, "\nCHUNKING");
		if (s->offers & SMTP_OFFER_SMTPUTF8)
			text_puts(&t, "\nSMTPUTF8");
		if (s->offers & SMTP_OFFER_DSN)
			text_puts(&t, "\nDSN");
		if (s->offers & SMTP_OFFER_REQUIRETLS)
			text_puts(&t, "\nREQUIRETLS");
		if (s->offers & SMTP_OFFER_LIMITS)
			say_limits(s, &t);
		if (smtp_session_tls_offered(s))
			text_puts(&t, "\nSTARTTLS");
		if (s->xclient)
			text_puts(&t, "\n" SMTP_XCLIENT_OFFER);
	}
	smtp_reply_set(&reply, 250, 0, 0, 0, text_span(&t));
	smtp_session_say_reply(s, &reply);
	smtp_session_back_to_idle(s);
}

static void do_mail(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	if (s->state == SESSION_CONNECTED) {
		smtp_session_refuse(s, SMTP_TEXT_HELO_FIRST, now_us);
	} else if (s->state != SESSION_GREETED) {
		smtp_session_refuse(s, SMTP_TEXT_MAIL_NESTED, now_us);
	} else if (s->tls == SESSION_TLS_REQUIRED) {
		smtp_session_refuse(s, SMTP_TEXT_TLS_FIRST, now_us);
	} else if (!is_offered(s, c)) {
		smtp_session_refuse(s, SMTP_TEXT_PARAMETER_UNKNOWN, now_us);
	} else if (s->n_messages >= s->settings->messages_max) {
		s->stats->smtp_messages_max++;
		smtp_session_close_with(s, SMTP_TEXT_MESSAGES);
	} else if (c->size > s->settings->message_max) {
		/* RFC 1870 6.1 (2) */
		s->stats->smtp_too_big++;
		smtp_session_say(s, SMTP_TEXT_TOO_BIG);
	} else {
		s->state = SESSION_MAIL_ASKED;
		s->n_rcpts = 0;
		s->n_body = 0;
		s->chunk_failed = false;
		s->room->size = c->size;
		s->body_8bit = c->body_8bit;
		s->smtputf8 = c->smtputf8;
		s->requiretls = c->requiretls;
		s->stats->smtp_requiretls += c->requiretls;
		memcpy(s->room->dsn, c->dsn, sizeof(c->dsn));
		smtp_session_tell(s, SMTP_MAIL, c->argument);
	}
}

static void do_rcpt(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	if (s->state != SESSION_MAIL && s->state != SESSION_RCPT) {
		smtp_session_refuse(s,
				    s->state == SESSION_CONNECTED ? SMTP_TEXT_HELO_FIRST
				    : s->state == SESSION_CHUNKS  ? SMTP_TEXT_CHUNKS_OPEN
								  : SMTP_TEXT_MAIL_FIRST,
				    now_us);
	} else if (c->eight_bit && !s->smtputf8) {
		smtp_session_refuse(s, SMTP_TEXT_ADDRESS_8BIT, now_us);
	} else if (!is_offered(s, c)) {
		smtp_session_refuse(s, SMTP_TEXT_PARAMETER_UNKNOWN, now_us);
	} else if (s->n_rcpts >= s->settings->recipients_max) {
		/* RFC 5321 4.5.3.1.10: temporary, so that the client sends the rest in another transaction */
		s->stats->smtp_recipients_max++;
		smtp_session_say(s, SMTP_TEXT_RECIPIENTS);
	} else {
		s->state = SESSION_RCPT_ASKED;
		memcpy(s->room->dsn, c->dsn, sizeof(c->dsn));
		smtp_session_tell(s, SMTP_RCPT, c->argument);
	}
}

static void do_rset(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	(void)c, (void)now_us;
	if (!smtp_session_may_idle(s))
		return;
	forget_transaction(s);
	smtp_session_say(s, SMTP_TEXT_OK);
	smtp_session_back_to_idle(s);
}

static void do_nothing(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	(void)now_us;
	if (smtp_session_may_idle(s))
		smtp_session_say(s, c->verb == SMTP_VERB_VRFY   ? SMTP_TEXT_VRFY
				    : c->verb == SMTP_VERB_HELP ? SMTP_TEXT_HELP
								: SMTP_TEXT_OK);
}

static void do_quit(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	(void)c, (void)now_us;
	smtp_session_close_with(s, SMTP_TEXT_BYE);
}

/* What a well-formed command does.  The verbs that are missing never get past smtp_command_parse(). */
static void (*const proceed[SMTP_N_VERBS])(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us) = {
	[SMTP_VERB_EHLO] = do_helo,
	[SMTP_VERB_HELO] = do_helo,
	[SMTP_VERB_MAIL] = do_mail,
	[SMTP_VERB_RCPT] = do_rcpt,
	[SMTP_VERB_DATA] = smtp_session_do_data,
	[SMTP_VERB_RSET] = do_rset,
	[SMTP_VERB_BDAT] = smtp_session_do_bdat,
	[SMTP_VERB_STARTTLS] = smtp_session_do_starttls,
	[SMTP_VERB_XCLIENT] = smtp_session_do_xclient,
	[SMTP_VERB_NOOP] = do_nothing,
	[SMTP_VERB_VRFY] = do_nothing,
	[SMTP_VERB_HELP] = do_nothing,
	[SMTP_VERB_QUIT] = do_quit,
};

static void run_line(struct smtp_session *s, struct span line, bool more_follows, uint64_t now_us)
{
	struct smtp_command c;
	enum smtp_text refusal = smtp_command_parse(line, s->settings->line_max, &c);

	/*
	 * RFC 2920 3.1: DATA is the last of a group.  What came with it was sent without a look at our reply: if we
	 * refused DATA, a message would be read as commands.  So there is no way on, whatever the state is.
	 */
	if (c.verb == SMTP_VERB_DATA && more_follows) {
		s->stats->smtp_early_data++;
		smtp_session_close_with(s, SMTP_TEXT_EARLY_DATA);
	} else if (c.verb == SMTP_VERB_FOREIGN) {
		s->stats->smtp_foreign++;
		smtp_session_close_with(s, SMTP_TEXT_FOREIGN_PROTOCOL);
	} else if (c.verb == SMTP_VERB_BDAT && !(s->settings->offers & SMTP_OFFER_CHUNKING)) {
		smtp_session_refuse(s, SMTP_TEXT_NOT_OFFERED, now_us);
	} else if (c.verb == SMTP_VERB_BDAT && refusal != SMTP_TEXT_OK) {
		/* How many octets follow is not known: they would be read as commands. */
		s->stats->smtp_chunk_unclear++;
		smtp_session_close_with(s, SMTP_TEXT_BAD_CHUNK);
	} else if (refusal != SMTP_TEXT_OK) {
		smtp_session_refuse(s, refusal, now_us);
	} else {
		proceed[c.verb](s, &c, now_us);
	}
}

static size_t take_line(struct smtp_session *s, struct span in, uint64_t now_us)
{
	enum smtp_line_end end;
	size_t n = smtp_line_feed(&s->line, s->room->buffer, sizeof(s->room->buffer), in, &end);
	struct span line = span_of(s->room->buffer, s->line.len);

	if (end == SMTP_LINE_MORE) /* the time for a command goes on: octets one by one do not stretch it */
		return n;
	s->since_us = now_us;
	smtp_line_reset(&s->line);
	if (end == SMTP_LINE_WHOLE) {
		run_line(s, line, n < in.len, now_us);
	} else if (end == SMTP_LINE_TOO_LONG) {
		s->stats->smtp_line_too_long++;
		smtp_session_refuse(s, SMTP_TEXT_LINE_TOO_LONG, now_us);
	} else {
		s->stats->smtp_bare_command++;
		s->stats->smtp_errors++;
		smtp_session_close_with(s, SMTP_TEXT_BARE_COMMAND);
	}
	return n;
}

/* --- the verbs ----------------------------------------------------------------------------- */

void smtp_session_init(struct smtp_session *s, const struct smtp_session_settings *settings, struct stats *stats,
		       struct smtp_room *room, uint64_t now_us)
{
	CHECK(settings->line_max <= SMTP_SESSION_LINE_MAX);
	memset(s, 0, sizeof(*s));
	s->room = room;
	s->settings = settings;
	s->stats = stats;
	s->since_us = now_us;
	smtp_session_greet(s);
}

void smtp_session_hold_greeting(struct smtp_session *s, uint64_t until_us)
{
	CHECK(!s->greeting_out);
	s->out_ready = s->out_len = 0;
	s->delay_until_us = until_us;
}

bool smtp_session_talked_early(const struct smtp_session *s)
{
	return s->talked_early;
}

void smtp_session_lend(struct smtp_session *s, struct smtp_room *room)
{
	CHECK(!s->room);
	s->room = room;
}

struct smtp_room *smtp_session_give_room(struct smtp_session *s)
{
	struct smtp_room *room = s->room;

	if (!room || s->due || (s->delay_until_us && !smtp_session_greeting_is_held(s)) || smtp_session_is_asked(s) ||
	    s->out_sent < s->out_len || s->line.len || s->line.after_cr || s->line.too_long)
		return NULL;
	s->room = NULL;
	s->out_sent = s->out_ready = s->out_len = 0;
	return room;
}

/* Whether octets may be taken, or something must be told, said or waited for first. */
static bool takes_input(const struct smtp_session *s)
{
	if (s->due || s->delay_until_us || smtp_session_is_asked(s))
		return false;
	return smtp_session_in_message(s) || smtp_session_has_room(s);
}

size_t smtp_session_feed(struct smtp_session *s, struct span in, uint64_t now_us)
{
	size_t n = 0;

	CHECK(s->room);
	if (in.len && !s->greeting_out && s->settings->refuse_early_talk && s->state == SESSION_CONNECTED) {
		s->stats->smtp_early_talk++;
		s->out_len = s->out_ready = 0; /* the refusal is the greeting (RFC 5321 3.1) */
		smtp_session_close_with(s, SMTP_TEXT_EARLY_TALK);
	} else if (in.len && smtp_session_greeting_is_held(s) && !s->talked_early) {
		s->stats->smtp_early_talk++;
		s->talked_early = true;
	}
	if (in.len && s->state == SESSION_DATA_ASKED && !s->chunking) {
		s->stats->smtp_early_data++;
		smtp_session_close_with(s, SMTP_TEXT_EARLY_DATA);
	}
	if (in.len && s->state == SESSION_SECURING)
		return smtp_session_drop_plaintext(s, in);
	while (n < in.len && takes_input(s)) {
		struct span rest = span_skip(in, n);

		if (s->state == SESSION_CLOSED)
			break;
		n += smtp_session_in_message(s) ? smtp_session_take_message(s, rest, now_us)
						: take_line(s, rest, now_us);
		check(s);
	}
	/* What comes after the end is read, so that TCP can close in order, and dropped. */
	return s->state == SESSION_CLOSED ? in.len : n;
}

bool smtp_session_next(struct smtp_session *s, struct smtp_action *action)
{
	*action = (struct smtp_action){ .kind = SMTP_SEND };
	if ((s->due & (DUE_BODY | DUE_CHUNK)) == DUE_CHUNK)
		smtp_session_chunk_taken(s);
	if (s->due & DUE_ABORT) {
		s->due &= (uint8_t)~DUE_ABORT;
		action->kind = SMTP_ABORT;
	} else if (s->out_sent < s->out_ready) {
		action->bytes = span_of(s->room->out + s->out_sent, (size_t)(s->out_ready - s->out_sent));
		s->out_sent = s->out_ready;
		s->greeting_out = true;
	} else if (s->due & DUE_BODY) {
		s->due &= (uint8_t)~DUE_BODY;
		action->kind = SMTP_BODY;
		action->bytes = s->room->body;
	} else if (s->due & DUE_CRLF) {
		s->due &= (uint8_t)~DUE_CRLF;
		action->kind = SMTP_BODY;
		action->bytes = SPAN("\r\n");
	} else if (s->due & DUE_EVENT) {
		s->due &= (uint8_t)~DUE_EVENT;
		action->kind = (enum smtp_action_kind)s->event;
		action->bytes = s->room->argument;
		action->size = s->event == SMTP_MAIL ? s->room->size : 0;
		action->esmtp = s->esmtp;
		action->body_8bit = s->event == SMTP_MAIL && s->body_8bit;
		action->xclient = s->event == SMTP_XCLIENT ? &s->room->xclient : NULL;
		action->smtputf8 = s->event == SMTP_MAIL && s->smtputf8;
		action->requiretls = s->event == SMTP_MAIL && s->requiretls;
		if (s->event == SMTP_MAIL || s->event == SMTP_RCPT)
			memcpy(action->dsn, s->room->dsn, sizeof(action->dsn));
	} else if (s->due & DUE_CLOSE) {
		s->due &= (uint8_t)~DUE_CLOSE;
		action->kind = SMTP_CLOSE;
	} else {
		return false;
	}
	check(s);
	return true;
}

bool smtp_session_waits(const struct smtp_session *s)
{
	return smtp_session_is_asked(s) && !(s->due & DUE_EVENT);
}

/* The state after an answer, and what else it means. */
static void answered(struct smtp_session *s, bool good, uint64_t now_us)
{
	switch ((enum smtp_session_state)s->state) {
	case SESSION_MAIL_ASKED:
		s->state = good ? SESSION_MAIL : SESSION_GREETED;
		s->stats->smtp_transactions += good;
		s->data_since_us = now_us;
		break;
	case SESSION_RCPT_ASKED:
		s->n_rcpts += good;
		s->state = s->n_rcpts ? SESSION_RCPT : SESSION_MAIL;
		break;
	case SESSION_DATA_ASKED:
		s->state = good ? SESSION_DATA : SESSION_RCPT;
		s->data = (struct smtp_data){ .state = SMTP_DATA_BOL };
		s->data_since_us = s->rate_since_us = now_us;
		s->rate_octets = 0;
		s->n_body = 0;
		break;
	case SESSION_END_ASKED:
		s->state = SESSION_GREETED;
		break;
	case SESSION_TLS_ASKED:
		s->stats->smtp_starttls += good;
		s->state = good ? SESSION_SECURING : SESSION_GREETED;
		break;
	case SESSION_SECURING:
	case SESSION_CONNECTED:
	case SESSION_GREETED:
	case SESSION_MAIL:
	case SESSION_RCPT:
	case SESSION_CHUNK:
	case SESSION_CHUNKS:
	case SESSION_DATA:
	case SESSION_DRAIN:
	case SESSION_CLOSED:
	case SESSION_N_STATES:
		break; /* smtp_session_answer() has seen to it */
	}
}

void smtp_session_answer(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us)
{
	bool envelope = s->state == SESSION_MAIL_ASKED || s->state == SESSION_RCPT_ASKED;

	if (s->state == SESSION_CLOSED) /* closed while the question was under way */
		return;
	CHECK(smtp_session_waits(s));
	CHECK(reply->code >= 400 || (reply->code == 354) == (s->state == SESSION_DATA_ASKED));
	s->since_us = now_us;
	if (s->state == SESSION_DATA_ASKED && s->chunking) {
		smtp_session_chunks_answered(s, reply, now_us);
		check(s);
		return;
	}
	answered(s, reply->code < 400, now_us);
	if (reply->code == 421) {
		smtp_session_say_reply(s, reply);
		smtp_session_close(s);
	} else if (envelope && smtp_reply_permanent(reply)) {
		smtp_session_refuse_reply(s, reply, now_us); /* guessing addresses is an error too */
	} else {
		smtp_session_say_reply(s, reply);
	}
	if (s->state == SESSION_GREETED && s->delay_until_us == 0)
		smtp_session_back_to_idle(s);
	check(s);
}

void smtp_session_shutdown(struct smtp_session *s, uint64_t now_us)
{
	(void)now_us;
	s->shutting_down = true;
	if (s->state == SESSION_CONNECTED || s->state == SESSION_GREETED)
		smtp_session_back_to_idle(s);
}

const char *smtp_session_state_text(const struct smtp_session *s)
{
	static const char *const names[SESSION_N_STATES] = {
		[SESSION_CONNECTED] = "CONNECTED",   [SESSION_GREETED] = "GREETED",
		[SESSION_MAIL_ASKED] = "MAIL-ASKED", [SESSION_MAIL] = "MAIL",
		[SESSION_RCPT_ASKED] = "RCPT-ASKED", [SESSION_RCPT] = "RCPT",
		[SESSION_DATA_ASKED] = "DATA-ASKED", [SESSION_CHUNK] = "CHUNK",
		[SESSION_CHUNKS] = "CHUNKS",         [SESSION_DATA] = "DATA",
		[SESSION_DRAIN] = "DRAIN",           [SESSION_END_ASKED] = "VERDICT",
		[SESSION_TLS_ASKED] = "TLS-ASKED",   [SESSION_SECURING] = "SECURING",
		[SESSION_CLOSED] = "CLOSED",
	};

	return names[s->state];
}
