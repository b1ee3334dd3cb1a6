// SPDX-License-Identifier: MIT
/*
 * smtp_relay_reply.c - a next hop's reply, from octets (RFC 5321 4.2, RFC 2034)
 */
#include "dataplane/smtp/smtp_relay_reply.h"

#define LINES_MAX 100 /* of one reply; an EHLO with every extension there is has some 30 */

/* "250" at the start of a line (RFC 5321 4.2): 0 when it is none.  1yz has no meaning in SMTP. */
static unsigned code_of(struct span line)
{
	if (line.len < 3 || line.at[0] < '2' || line.at[0] > '5' || line.at[1] < '0' || line.at[1] > '5' ||
	    !byte_is_digit(line.at[2]))
		return 0;
	return (unsigned)(line.at[0] - '0') * 100 + (unsigned)(line.at[1] - '0') * 10 + (unsigned)(line.at[2] - '0');
}

/* "." 1*3DIGIT */
static bool take_part(struct span *text, uint16_t *part)
{
	uint64_t value = 0;
	size_t n = 1;

	while (n < text->len && n < 4 && byte_is_digit(text->at[n]))
		n++;
	if (text->len == 0 || text->at[0] != '.' || !span_decimal(span_part(*text, 1, n), 999, &value))
		return false;
	*part = (uint16_t)value;
	*text = span_skip(*text, n);
	return true;
}

/* The enhanced code at the start of @text, if it fits the reply's class (RFC 2034 4), is taken off. */
static void take_enhanced(struct smtp_relay_reply *r, struct span *text)
{
	struct span rest = *text;
	uint16_t subject, detail;

	if (rest.len == 0 || r->code / 100 == 3 || rest.at[0] != '0' + r->code / 100)
		return;
	rest = span_skip(rest, 1);
	if (!take_part(&rest, &subject) || !take_part(&rest, &detail) || subject > UINT8_MAX)
		return;
	if (rest.len && rest.at[0] != ' ')
		return;
	*text = rest.len ? span_skip(rest, 1) : rest;
	if (r->enhanced[0])
		return;
	r->enhanced[0] = r->code / 100;
	r->enhanced[1] = subject;
	r->enhanced[2] = detail;
}

static void keep_text(struct smtp_relay_reply *r, struct span text)
{
	size_t room;

	if (r->n_lines > 1 && r->text_len < sizeof(r->text))
		r->text[r->text_len++] = '\n';
	room = sizeof(r->text) - r->text_len;
	if (text.len > room)
		text.len = room;
	if (text.len)
		memcpy(r->text + r->text_len, text.at, text.len);
	r->text_len = (uint16_t)(r->text_len + text.len);
}

static enum smtp_relay_reply_end take_line(struct smtp_relay_reply *r, struct span line, struct span *text)
{
	unsigned code = code_of(line);
	bool last = line.len == 3 || (line.len > 3 && line.at[3] == ' ');

	if (code == 0 || (!last && line.at[3] != '-'))
		return RELAY_REPLY_BAD;
	if (r->code && r->code != code) /* 4.2.1: the same code on every line */
		return RELAY_REPLY_BAD;
	if (r->n_lines == LINES_MAX)
		return RELAY_REPLY_BAD;
	r->code = (uint16_t)code;
	r->n_lines++;
	*text = span_skip(line, line.len == 3 ? 3 : 4);
	take_enhanced(r, text);
	keep_text(r, *text);
	return last ? RELAY_REPLY_WHOLE : RELAY_REPLY_LINE;
}

/* The line before was the last one of a reply. */
static void begin(struct smtp_relay_reply *r)
{
	r->code = r->n_lines = r->text_len = 0;
	r->enhanced[0] = r->enhanced[1] = r->enhanced[2] = 0;
	r->whole = false;
}

size_t smtp_relay_reply_feed(struct smtp_relay_reply *r, struct span in, enum smtp_relay_reply_end *end,
			     struct span *text)
{
	enum smtp_line_end line_end;
	struct span line;
	size_t n;

	if (r->whole)
		begin(r);
	n = smtp_line_feed(&r->line, r->buffer, sizeof(r->buffer), in, &line_end);
	line = span_of(r->buffer, r->line.len);
	*text = span_head(line, 0);
	*end = RELAY_REPLY_MORE;
	if (line_end == SMTP_LINE_MORE && !r->line.too_long)
		return n;
	*end = line_end == SMTP_LINE_WHOLE ? take_line(r, line, text) : RELAY_REPLY_BAD;
	r->whole = *end == RELAY_REPLY_WHOLE;
	smtp_line_reset(&r->line);
	return n;
}

void smtp_relay_reply_get(const struct smtp_relay_reply *r, struct smtp_reply *out)
{
	unsigned class = r->code / 100 == 3 ? 0 : r->code / 100U;

	smtp_reply_set(out, r->code, class, r->enhanced[1], r->enhanced[2], span_of(r->text, r->text_len));
}
