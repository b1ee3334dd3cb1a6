// SPDX-License-Identifier: MIT
/*
 * smtp_session_data.c - messages, from DATA and BDAT to their ends (RFC 5321 4.1.1.4, RFC 3030)
 *
 * DATA ends at its final dot, a chunk after the octets that BDAT promised.  Whatever is wrong with a BDAT or with its
 * octets, exactly so many are read before the refusal is said: what follows them is the next command.  A refused chunk
 * ends the transaction, so that no message can be put together from what is left (RFC 3030 2: the state is unclear, and
 * RSET is due); the chunks that were in the pipeline behind it are refused as well.
 */
#include "dataplane/smtp/smtp_session_data.h"

/* One was read to its end, refused or not. */
static void count_message(struct smtp_session *s)
{
	s->stats->smtp_long_lines += s->data.longest > SMTP_DATA_LINE_MAX;
	s->n_messages++;
	s->n_idle_commands = 0;
	s->stats->smtp_messages++;
}

static void message_done(struct smtp_session *s)
{
	count_message(s);
	s->state = SESSION_END_ASKED;
	smtp_session_tell(s, SMTP_MESSAGE_END, span_of(s->room->buffer, 0));
}

/* --- messages that are refused ------------------------------------------------------------- */

/* The end of DRAIN: its reply is said. */
static void drained(struct smtp_session *s)
{
	s->out_ready = s->out_len;
	s->state = s->drained;
	smtp_session_back_to_idle(s);
}

/* From here on the message, or the chunk at hand, is only read to its end, where @reply is said. */
static void drain(struct smtp_session *s, const struct smtp_reply *reply)
{
	smtp_session_abort(s);
	s->due &= DUE_ABORT;
	(void)smtp_session_put(s, reply);
	s->drained = s->state == SESSION_CONNECTED ? SESSION_CONNECTED : SESSION_GREETED;
	s->state = SESSION_DRAIN;
	s->chunk_failed = s->chunking;
	if (s->chunking)
		s->n_messages++;
	if (s->chunking && s->chunk_left == 0)
		drained(s);
}

static void drain_with(struct smtp_session *s, enum smtp_text which)
{
	struct smtp_reply reply;

	s->stats->smtp_too_big += which == SMTP_TEXT_TOO_BIG;
	s->stats->smtp_text_line_max += which == SMTP_TEXT_TEXT_LINE;
	smtp_reply_fixed(&reply, which);
	drain(s, &reply);
}

static void drained_too_long(struct smtp_session *s)
{
	s->stats->smtp_drain_max++;
	smtp_session_close_with(s, SMTP_TEXT_DRAIN_TOO_LONG);
}

void smtp_session_refuse_message(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us)
{
	bool end_seen = s->state == SESSION_END_ASKED;

	CHECK(reply->code >= 400);
	if (s->state == SESSION_CLOSED || s->state == SESSION_DRAIN)
		return;
	CHECK(s->state == SESSION_DATA || s->state == SESSION_CHUNK || (end_seen && (s->due & DUE_EVENT)));
	s->since_us = now_us;
	drain(s, reply);
	if (reply->code == 421)
		smtp_session_close(s);
	else if (end_seen && s->state == SESSION_DRAIN)
		drained(s);
}

static bool has_too_long_line(const struct smtp_session *s)
{
	return s->settings->text_line_max && s->data.longest > s->settings->text_line_max;
}

/* --- DATA ---------------------------------------------------------------------------------- */

static size_t take_data(struct smtp_session *s, struct span in)
{
	struct span run;
	size_t n = smtp_data_feed(&s->data, in, &run);

	s->n_body += run.len;
	if (s->data.state == SMTP_DATA_BAD) {
		s->stats->smtp_bare_data++;
		smtp_session_close_with(s, SMTP_TEXT_BARE_DATA);
		return n;
	}
	if (s->state == SESSION_DATA && s->n_body > s->settings->message_max)
		drain_with(s, SMTP_TEXT_TOO_BIG);
	else if (s->state == SESSION_DATA && has_too_long_line(s))
		drain_with(s, SMTP_TEXT_TEXT_LINE);
	if (s->state == SESSION_DATA && run.len) {
		s->due |= DUE_BODY;
		s->room->body = run;
	} else if (s->state == SESSION_DRAIN && s->n_body / 2 > s->settings->message_max) {
		/* As much again as is allowed, so that a sender who did not heed SIZE learns of 552. */
		drained_too_long(s);
		return n;
	}
	if (s->data.state == SMTP_DATA_DONE && s->state == SESSION_DATA) {
		message_done(s);
	} else if (s->data.state == SMTP_DATA_DONE) {
		count_message(s);
		drained(s);
	}
	return n;
}

static enum smtp_text out_of_place(const struct smtp_session *s)
{
	return s->state == SESSION_CONNECTED ? SMTP_TEXT_HELO_FIRST
	       : s->state == SESSION_MAIL    ? SMTP_TEXT_NO_RECIPIENTS
	       : s->chunk_failed             ? SMTP_TEXT_CHUNKS_FAILED
					     : SMTP_TEXT_MAIL_FIRST;
}

void smtp_session_do_data(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	(void)c;
	if (s->state == SESSION_RCPT) {
		s->state = SESSION_DATA_ASKED;
		s->chunking = false;
		smtp_session_tell(s, SMTP_DATA_BEGIN, span_of(s->room->buffer, 0));
	} else if (s->state == SESSION_CHUNKS) {
		/* RFC 3030 2: 503, and what was sent so far is void. */
		smtp_session_abort(s);
		s->state = SESSION_GREETED;
		s->chunk_failed = true;
		smtp_session_refuse(s, SMTP_TEXT_CHUNKS_OPEN, now_us);
	} else {
		smtp_session_refuse(s, out_of_place(s), now_us);
	}
}

/* --- BDAT ---------------------------------------------------------------------------------- */

static void refuse_bare(struct smtp_session *s)
{
	s->stats->smtp_bare_data++;
	drain_with(s, SMTP_TEXT_BARE_CHUNK);
}

/* All octets of the chunk were taken. */
static void end_chunk(struct smtp_session *s)
{
	s->stats->smtp_chunks++;
	if (!s->chunk_last) {
		s->due |= DUE_CHUNK;
	} else if (s->data.state == SMTP_DATA_CR) {
		refuse_bare(s);
	} else {
		if (s->n_body && s->data.state != SMTP_DATA_BOL)
			s->due |= DUE_CRLF;
		message_done(s);
	}
}

static void begin_chunk(struct smtp_session *s)
{
	s->state = SESSION_CHUNK;
	if (s->chunk_left == 0)
		end_chunk(s);
}

static size_t take_chunk(struct smtp_session *s, struct span in)
{
	struct span piece = span_head(in, in.len < s->chunk_left ? in.len : (size_t)s->chunk_left);

	s->chunk_left -= piece.len;
	s->n_body += piece.len;
	if (s->state == SESSION_DRAIN) {
		if (s->chunk_left == 0)
			drained(s);
		return piece.len;
	}
	if (smtp_data_chunk(&s->data, piece) < piece.len) {
		refuse_bare(s);
		return piece.len;
	}
	if (has_too_long_line(s)) {
		drain_with(s, SMTP_TEXT_TEXT_LINE);
		return piece.len;
	}
	s->due |= DUE_BODY;
	s->room->body = piece;
	if (s->chunk_left == 0)
		end_chunk(s);
	return piece.len;
}

/* A BDAT that may not come now: an error, unless it was in the pipeline behind one that was refused. */
static void refuse_chunk(struct smtp_session *s)
{
	enum smtp_text which = out_of_place(s);

	if (which != SMTP_TEXT_CHUNKS_FAILED) {
		s->n_errors++;
		s->stats->smtp_errors++;
	}
	if (s->n_errors >= s->settings->errors_hard) {
		s->stats->smtp_errors_hard++;
		smtp_session_close_with(s, SMTP_TEXT_ERRORS);
	} else {
		drain_with(s, which);
	}
}

void smtp_session_do_bdat(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us)
{
	uint64_t most = s->settings->message_max;

	s->chunking = true;
	s->chunk_left = c->size;
	s->chunk_last = c->last;
	if (s->state != SESSION_CHUNKS) {
		s->data_since_us = s->rate_since_us = now_us;
		s->rate_octets = 0;
	}
	if (c->size > 2 * most || s->n_body > 2 * most - c->size) {
		drained_too_long(s);
	} else if (s->state != SESSION_RCPT && s->state != SESSION_CHUNKS) {
		refuse_chunk(s);
	} else if (s->n_body + c->size > most) {
		drain_with(s, SMTP_TEXT_TOO_BIG);
	} else if (c->size == 0 && !c->last && !smtp_session_may_idle(s)) {
		return;
	} else if (s->state == SESSION_CHUNKS) {
		begin_chunk(s);
	} else {
		s->state = SESSION_DATA_ASKED;
		smtp_session_tell(s, SMTP_DATA_BEGIN, span_of(s->room->buffer, 0));
	}
}

void smtp_session_chunks_answered(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us)
{
	(void)now_us;
	if (reply->code == 421) {
		smtp_session_say_reply(s, reply);
		smtp_session_close(s);
	} else if (reply->code >= 400) {
		drain(s, reply);
	} else {
		s->data = (struct smtp_data){ .state = SMTP_DATA_BOL };
		begin_chunk(s);
	}
}

void smtp_session_chunk_taken(struct smtp_session *s)
{
	s->due &= (uint8_t)~DUE_CHUNK;
	s->state = SESSION_CHUNKS;
	smtp_session_say(s, SMTP_TEXT_CHUNK_OK);
}

size_t smtp_session_take_message(struct smtp_session *s, struct span in, uint64_t now_us)
{
	size_t n = s->chunking ? take_chunk(s, in) : take_data(s, in);

	s->since_us = now_us;
	s->rate_octets = n < UINT32_MAX - s->rate_octets ? s->rate_octets + (uint32_t)n : UINT32_MAX;
	return n;
}
