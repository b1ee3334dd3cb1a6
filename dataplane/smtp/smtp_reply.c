// SPDX-License-Identifier: MIT
/*
 * smtp_reply.c - replies: the table of fixed texts, and how a reply is written (RFC 5321 4.2, RFC 2034)
 */
#include "dataplane/smtp/smtp_reply.h"

/* A line of 512 octets with its CRLF (RFC 5321 4.5.3.1.5). */
#define LINE_TEXT_MAX (512 - 2 - SMTP_REPLY_PREFIX_MAX)

/* One line more than the text has: a first line that is longer than LINE_TEXT_MAX is written as two. */
_Static_assert(SMTP_REPLY_TEXT_MAX <= 2 * LINE_TEXT_MAX, "a text of one line is at most two on the wire");

#define SMTP_GO_AHEAD "End data with <CR><LF>.<CR><LF>" /* in both tables below */

static const struct {
	uint16_t code;
	uint8_t enhanced[3];
	const char *text;
} fixed[] = {
#define REPLY(name, code, e1, e2, e3, text) [SMTP_TEXT_##name] = { code, { e1, e2, e3 }, text },
#include "dataplane/smtp/smtp_reply.def"
#undef REPLY
};

const struct smtp_reply smtp_reply_go_ahead = {
	.code = 354,
	.text_len = sizeof(SMTP_GO_AHEAD) - 1,
	.text = SMTP_GO_AHEAD,
};

void smtp_reply_fixed(struct smtp_reply *r, enum smtp_text which)
{
	CHECK(which < SMTP_N_TEXTS);
	smtp_reply_set(r, fixed[which].code, fixed[which].enhanced[0], fixed[which].enhanced[1],
		       fixed[which].enhanced[2], span_str(fixed[which].text));
}

void smtp_reply_set(struct smtp_reply *r, unsigned code, unsigned e1, unsigned e2, unsigned e3, struct span text)
{
	size_t n = text.len < SMTP_REPLY_TEXT_MAX ? text.len : SMTP_REPLY_TEXT_MAX;
	unsigned n_lines = 1;

	CHECK(code >= 200 && code <= 599 && e1 <= 5 && e2 <= UINT8_MAX && e3 <= UINT16_MAX);
	r->code = (uint16_t)code;
	r->enhanced[0] = (uint8_t)e1;
	r->enhanced[1] = (uint8_t)e2;
	r->enhanced[2] = (uint8_t)(e3 <= UINT8_MAX ? e3 : 0);
	r->detail = (uint16_t)(e3 <= UINT8_MAX ? 0 : e3);
	r->text_len = (uint16_t)n;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = text.at[i];

		if (c == '\n')
			c = n_lines++ < SMTP_REPLY_LINES_MAX - 1 ? '\n' : ' ';
		else if (c < ' ' || c > '~')
			c = '?';
		r->text[i] = (char)c;
	}
}

static void write_prefix(const struct smtp_reply *r, uint8_t separator, struct text *out)
{
	text_dec(out, r->code);
	text_putc(out, separator);
	if (r->enhanced[0] == 0)
		return;
	text_dec(out, r->enhanced[0]);
	text_putc(out, '.');
	text_dec(out, r->enhanced[1]);
	text_putc(out, '.');
	text_dec(out, r->detail ? r->detail : r->enhanced[2]);
	text_putc(out, ' ');
}

/* The next line of @rest that fits on the wire; rest->at is NULL after the last one. */
static struct span cut_line(struct span *rest)
{
	struct span whole = *rest, line = span_cut(rest, '\n');

	if (line.len <= LINE_TEXT_MAX)
		return line;
	*rest = span_skip(whole, LINE_TEXT_MAX);
	return span_head(line, LINE_TEXT_MAX);
}

void smtp_reply_write(const struct smtp_reply *r, struct text *out)
{
	struct span rest = span_of(r->text, r->text_len);

	CHECK(r->text_len <= SMTP_REPLY_TEXT_MAX);
	for (unsigned n = 1; rest.at; n++) {
		struct span line = cut_line(&rest);

		if (n == SMTP_REPLY_LINES_MAX) /* smtp_reply_set() makes no such text */
			rest.at = NULL;
		write_prefix(r, rest.at ? '-' : ' ', out);
		text_put(out, line);
		text_put(out, SPAN("\r\n"));
	}
}

void smtp_reply_line(const struct smtp_reply *r, struct text *out)
{
	write_prefix(r, ' ', out);
	for (size_t i = 0; i < r->text_len; i++)
		text_putc(out, r->text[i] == '\n' ? ' ' : (uint8_t)r->text[i]);
}
