// SPDX-License-Identifier: MIT
/*
 * test_smtp_reply.c - replies as they are written
 */
#include "dataplane/smtp/smtp_reply.h"
#include "tests/tap.h"

static char buffer[4096];

static struct span written(const struct smtp_reply *r)
{
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	smtp_reply_write(r, &t);
	return text_span(&t);
}

static struct span in_one_line(const struct smtp_reply *r)
{
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	smtp_reply_line(r, &t);
	return text_span(&t);
}

static void forms(void)
{
	struct smtp_reply r;

	smtp_reply_set(&r, 250, 2, 1, 5, SPAN("Fine"));
	is_span(written(&r), SPAN("250 2.1.5 Fine\r\n"), "one line with its enhanced code");
	smtp_reply_set(&r, 220, 0, 0, 0, SPAN("mx.example ESMTP"));
	is_span(written(&r), SPAN("220 mx.example ESMTP\r\n"), "one without");
	smtp_reply_set(&r, 550, 5, 7, 1, SPAN("No\nReally\nnot"));
	is_span(written(&r), SPAN("550-5.7.1 No\r\n550-5.7.1 Really\r\n550 5.7.1 not\r\n"),
		"several lines, each with its enhanced code");
	is_span(in_one_line(&r), SPAN("550 5.7.1 No Really not"), "the same in one line, for records");
	smtp_reply_set(&r, 550, 5, 7, 512, SPAN("x"));
	is_span(written(&r), SPAN("550 5.7.512 x\r\n"), "a detail above 255");
	smtp_reply_set(&r, 250, 2, 0, 0, SPAN(""));
	is_span(written(&r), SPAN("250 2.0.0 \r\n"), "no text");
	smtp_reply_set(&r, 550, 5, 7, 1,
		       SPAN("a\r\0"
			    "b\x80\t\x7f c"));
	is_span(written(&r), SPAN("550 5.7.1 a??b??? c\r\n"), "octets outside printable ASCII become question marks");
}

static void limits(void)
{
	static char text[2000];
	struct smtp_reply r;
	struct span wire;
	size_t longest = 0, n_lines = 0;

	memset(text, 'x', sizeof(text));
	smtp_reply_set(&r, 550, 5, 255, 65535, span_of(text, sizeof(text)));
	ok(r.text_len == SMTP_REPLY_TEXT_MAX, "a long text is cut");
	wire = written(&r);
	ok(wire.len <= SMTP_REPLY_WIRE_MAX, "it fits the wire's limit");
	for (struct span rest = wire; rest.at;) {
		struct span line = span_cut(&rest, '\n');

		longest = line.len + 1 > longest ? line.len + 1 : longest;
	}
	ok(longest <= 512, "no line is longer than 512 octets with CRLF (RFC 5321 4.5.3.1.5)");
	is_span(span_head(wire, 4), SPAN("550-"), "the first of its lines says that another follows");

	memset(text, '\n', sizeof(text));
	smtp_reply_set(&r, 550, 5, 255, 65535, span_of(text, sizeof(text)));
	wire = written(&r);
	for (size_t i = 0; i < wire.len; i++)
		n_lines += wire.at[i] == '\n';
	ok(n_lines <= SMTP_REPLY_LINES_MAX && wire.len <= SMTP_REPLY_WIRE_MAX,
	   "a text of line ends is bounded as well");
}

static void table(void)
{
	struct smtp_reply r;
	unsigned n_bad = 0;

	for (unsigned i = 0; i < SMTP_N_TEXTS; i++) {
		smtp_reply_fixed(&r, (enum smtp_text)i);
		n_bad += r.enhanced[0] != (r.code / 100 == 3 ? 0 : r.code / 100);
		n_bad += r.text_len == 0 || span_find(span_of(r.text, r.text_len), '?') != SPAN_NONE;
		n_bad += written(&r).len >= 128;
	}
	ok(n_bad == 0, "all fixed texts are short, printable, and of the class that their code says");
	smtp_reply_fixed(&r, SMTP_TEXT_GO_AHEAD);
	is_span(written(&r), SPAN("354 End data with <CR><LF>.<CR><LF>\r\n"), "354 has no enhanced code");
	is_span(written(&smtp_reply_go_ahead), SPAN("354 End data with <CR><LF>.<CR><LF>\r\n"), "nor has its constant");
}

int main(void)
{
	forms();
	limits();
	table();
	return done();
}
