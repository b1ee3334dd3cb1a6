// SPDX-License-Identifier: MIT
/*
 * smtp_relay_out.c - what a relay sends: commands, gathered in `out`, and a message's octets in the form of the wire
 */
#include "dataplane/smtp/smtp_relay_out.h"

static void begin(struct smtp_relay *r, struct text *t)
{
	if (r->out_sent == r->out_len)
		r->out_sent = r->out_len = 0;
	text_init(t, r->out + r->out_len, sizeof(r->out) - r->out_len);
}

static void end(struct smtp_relay *r, const struct text *t)
{
	CHECK(!t->full);
	r->out_len = (uint16_t)(r->out_len + t->len);
}

void smtp_relay_send(struct smtp_relay *r, const char *what, const char *argument)
{
	struct text t;

	begin(r, &t);
	text_puts(&t, what);
	text_puts(&t, argument);
	text_puts(&t, "\r\n");
	end(r, &t);
}

void smtp_relay_send_text(struct smtp_relay *r, struct span line)
{
	struct text t;

	begin(r, &t);
	text_put(&t, line);
	end(r, &t);
}

static void write_mail(const struct smtp_relay *r, struct text *t)
{
	text_puts(t, "MAIL FROM:<");
	text_put(t, r->envelope->mail_from);
	text_putc(t, '>');
	if (r->has_size && r->envelope->size) {
		text_puts(t, " SIZE=");
		text_dec(t, r->envelope->size);
	}
	if (r->has_8bitmime && r->envelope->body_8bit)
		text_puts(t, " BODY=8BITMIME");
	if (r->envelope->smtputf8)
		text_puts(t, " SMTPUTF8");
	if (r->envelope->requiretls)
		text_puts(t, " REQUIRETLS");
	if (r->has_dsn)
		text_put(t, r->envelope->dsn);
	text_puts(t, "\r\n");
}

static void write_rcpt(const struct smtp_relay *r, uint32_t i, struct text *t)
{
	struct span rcpt = r->envelope->rcpts[i];

	text_puts(t, "RCPT TO:<");
	text_put(t, rcpt);
	text_putc(t, '>');
	if (r->has_dsn && r->envelope->rcpts_dsn)
		text_put(t, span_of(rcpt.at + rcpt.len, r->envelope->rcpts_dsn[i]));
	text_puts(t, "\r\n");
}

/* The message will not be sent to all: no use in asking for more recipients. */
static bool is_given_up(const struct smtp_relay *r)
{
	return r->mail_refused || (r->n_refused && r->n_accepted);
}

bool smtp_relay_has_commands(const struct smtp_relay *r)
{
	return r->state == RELAY_AT_ENVELOPE && !is_given_up(r) && r->n_sent <= r->envelope->n_rcpts &&
	       (r->pipelining || r->n_sent == r->n_replied);
}

void smtp_relay_write_envelope(struct smtp_relay *r)
{
	while (smtp_relay_has_commands(r)) {
		struct text t;

		begin(r, &t);
		if (r->n_sent == 0)
			write_mail(r, &t);
		else
			write_rcpt(r, r->n_sent - 1, &t);
		if (t.full) {
			CHECK(r->out_len > 0); /* one command fits: smtp_relay_message() has seen to it */
			return;
		}
		end(r, &t);
		r->n_sent++;
	}
}

void smtp_relay_send_bdat(struct smtp_relay *r)
{
	struct text t;

	begin(r, &t);
	text_puts(&t, "BDAT ");
	text_dec(&t, r->envelope->size);
	text_puts(&t, " LAST\r\n");
	end(r, &t);
}

void smtp_relay_send_octet(struct smtp_relay *r, uint8_t octet)
{
	struct text t;

	begin(r, &t);
	text_putc(&t, octet);
	end(r, &t);
}

/* By BDAT octets go as they are, all but the last one of the message. */
static size_t chunk_octets(struct smtp_relay *r, struct span in, uint8_t *out, size_t cap, size_t *n_out)
{
	size_t n = in.len < cap ? in.len : cap;
	bool ends = n == r->body_left;

	CHECK(n <= r->body_left);
	memcpy(out, in.at, n - ends);
	r->body_end[1] = in.at[n - 1];
	r->body_left -= n;
	*n_out = n - ends;
	return n;
}

/*
 * Dots at the beginning of a line are doubled (RFC 5321 4.5.2).  Few octets are dots and few of those begin a line, so
 * runs up to the next such dot are copied whole.  A dot after a bare LF is doubled as well: no body has one, and if one
 * had, a next hop that takes LF for a line end must not see the end of the message there.
 */
size_t smtp_relay_body(struct smtp_relay *r, struct span in, uint8_t *out, size_t cap, size_t *n_out, uint64_t now_us)
{
	size_t i = 0, o = 0; /* octets of @in taken, of @out written */

	*n_out = 0;
	if (r->state == RELAY_AT_CLOSED) /* the connection broke meanwhile; the RESULT is told already */
		return in.len;
	CHECK(r->state == RELAY_AT_BODY);
	r->since_us = now_us;
	if (r->by_bdat)
		return in.len && cap ? chunk_octets(r, in, out, cap, n_out) : 0;
	while (i < in.len && o < cap) {
		size_t n = in.len - i < cap - o ? in.len - i : cap - o, from = 0, dot;
		uint8_t before = i ? in.at[i - 1] : r->body_end[1];

		if (in.at[i] == '.' && before == '\n') {
			if (cap - o < 2)
				break;
			out[o++] = '.';
			out[o++] = '.';
			i++;
			continue;
		}
		do { /* a dot at `from` itself is in the middle of a line */
			dot = span_find(span_part(in, i + from + 1, i + n), '.');
			from = dot == SPAN_NONE ? n : from + 1 + dot;
		} while (from < n && in.at[i + from - 1] != '\n');
		memcpy(out + o, in.at + i, from);
		i += from;
		o += from;
	}
	if (i >= 2)
		memcpy(r->body_end, in.at + i - 2, 2);
	else if (i == 1) {
		r->body_end[0] = r->body_end[1];
		r->body_end[1] = in.at[0];
	}
	*n_out = o;
	return i;
}
