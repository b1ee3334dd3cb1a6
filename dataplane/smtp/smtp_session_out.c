// SPDX-License-Identifier: MIT
/*
 * smtp_session_out.c - what a session says and how it ends
 *
 * Replies are written to `out` and told as far as `out_ready`, so replies to a group of commands go out together
 * (RFC 2920 3.2).  What lies beyond waits: an error reply for the end of its delay, the reply to a refused message for
 * its final dot.  A command is taken only when there is room for its reply and a closing 421.
 */
#include "dataplane/smtp/smtp_session_out.h"

#define IDLE_COMMANDS_MAX 100 /* NOOP and the like since the last message; then 421 4.7.0 */
#define CLOSING_MAX 128       /* octets of a fixed reply */

_Static_assert(sizeof(((struct smtp_room *)0)->out) > SMTP_REPLY_WIRE_MAX + CLOSING_MAX, "a reply and a 421 fit");

bool smtp_session_is_open(const struct smtp_session *s)
{
	return (s->state >= SESSION_MAIL && s->state <= SESSION_DATA) ||
	       (s->state == SESSION_END_ASKED && (s->due & DUE_EVENT));
}

void smtp_session_abort(struct smtp_session *s)
{
	if (smtp_session_is_open(s)) {
		s->due |= DUE_ABORT;
		s->stats->smtp_aborts++;
	}
}

void smtp_session_tell(struct smtp_session *s, enum smtp_action_kind event, struct span argument)
{
	s->due |= DUE_EVENT;
	s->event = (uint8_t)event;
	s->room->argument = argument;
}

bool smtp_session_may_idle(struct smtp_session *s)
{
	if (++s->n_idle_commands <= IDLE_COMMANDS_MAX)
		return true;
	s->stats->smtp_idle_commands++;
	smtp_session_close_with(s, SMTP_TEXT_IDLE_COMMANDS);
	return false;
}

void smtp_session_back_to_idle(struct smtp_session *s)
{
	if (s->shutting_down)
		smtp_session_close_with(s, SMTP_TEXT_SHUTDOWN);
}

bool smtp_session_has_room(const struct smtp_session *s)
{
	return s->out_sent == s->out_len || s->out_len < sizeof(s->room->out) - SMTP_REPLY_WIRE_MAX - CLOSING_MAX;
}

uint16_t smtp_session_put(struct smtp_session *s, const struct smtp_reply *reply)
{
	uint16_t mark;
	struct text t;

	if (s->out_sent == s->out_len)
		s->out_sent = s->out_ready = s->out_len = 0;
	mark = s->out_len;
	text_init(&t, s->room->out + mark, sizeof(s->room->out) - mark);
	smtp_reply_write(reply, &t);
	CHECK(!t.full);
	s->out_len = (uint16_t)(mark + t.len);
	return mark;
}

void smtp_session_say_reply(struct smtp_session *s, const struct smtp_reply *reply)
{
	(void)smtp_session_put(s, reply);
	s->out_ready = s->out_len;
}

void smtp_session_say(struct smtp_session *s, enum smtp_text which)
{
	struct smtp_reply reply;

	smtp_reply_fixed(&reply, which);
	smtp_session_say_reply(s, &reply);
}

void smtp_session_greet(struct smtp_session *s)
{
	char line[SMTP_REPLY_TEXT_MAX];
	struct smtp_reply reply;
	struct text t;

	text_init(&t, line, sizeof(line));
	text_puts(&t, s->settings->hostname);
	text_puts(&t, " ESMTP"); /* no product, no version: features for the peer come with EHLO */
	smtp_reply_set(&reply, 220, 0, 0, 0, text_span(&t));
	smtp_session_say_reply(s, &reply);
}

void smtp_session_refuse_reply(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us)
{
	const struct smtp_session_settings *settings = s->settings;
	uint16_t mark = smtp_session_put(s, reply);
	uint32_t hard = settings->errors_hard;

	if (smtp_session_stressed(s) && settings->stress_errors_hard < hard)
		hard = settings->stress_errors_hard;

	s->n_errors++;
	s->stats->smtp_errors++;
	if (s->n_errors >= hard) {
		s->stats->smtp_errors_hard++;
		s->out_len = mark;
		smtp_session_close_with(s, SMTP_TEXT_ERRORS);
	} else if (s->n_errors >= settings->errors_soft && settings->error_delay_us) {
		s->stats->smtp_errors_delayed++;
		s->delay_until_us = now_us + settings->error_delay_us;
	} else {
		s->out_ready = s->out_len;
	}
}

void smtp_session_refuse(struct smtp_session *s, enum smtp_text which, uint64_t now_us)
{
	struct smtp_reply reply;

	smtp_reply_fixed(&reply, which);
	smtp_session_refuse_reply(s, &reply, now_us);
}

void smtp_session_close(struct smtp_session *s)
{
	smtp_session_abort(s);
	s->due = (uint8_t)((s->due & DUE_ABORT) | DUE_CLOSE);
	s->delay_until_us = 0;
	s->out_ready = s->out_len;
	s->state = SESSION_CLOSED;
}

void smtp_session_close_with(struct smtp_session *s, enum smtp_text which)
{
	if (s->state == SESSION_DRAIN) /* its reply waits for the final dot, which will not come */
		s->out_len = s->out_ready;
	smtp_session_say(s, which);
	smtp_session_close(s);
}
