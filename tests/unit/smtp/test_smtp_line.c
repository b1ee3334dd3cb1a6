// SPDX-License-Identifier: MIT
/*
 * test_smtp_line.c - CRLF lines of bounded length, at every split point
 */
#include "dataplane/smtp/smtp_line.h"
#include "tests/tap.h"

#define CAP 10

/* clang-format off */
static const struct {
	const char *name, *in;
	enum smtp_line_end end;
	const char *line; /* what is in the buffer */
	size_t n_taken;   /* at the end of the line; of no interest for BARE */
} cases[] = {
	{ "a line",                        "NOOP\r\nQ",        SMTP_LINE_WHOLE,    "NOOP",       6 },
	{ "an empty line",                 "\r\nQ",            SMTP_LINE_WHOLE,    "",           2 },
	{ "no end yet",                    "NOOP",             SMTP_LINE_MORE,     "NOOP",       4 },
	{ "a CR at the end of what came",  "NOOP\r",           SMTP_LINE_MORE,     "NOOP",       5 },
	{ "a line that just fits",         "0123456789\r\n",   SMTP_LINE_WHOLE,    "0123456789", 12 },
	{ "one octet too long",            "0123456789a\r\nQ", SMTP_LINE_TOO_LONG, "0123456789", 13 },
	{ "many octets too long",          "0123456789abcdefghijklm\r\nQ", SMTP_LINE_TOO_LONG, "0123456789", 25 },
	{ "a long line without an end",    "0123456789abcd",   SMTP_LINE_MORE,     "0123456789", 14 },
	{ "a bare LF",                     "NOOP\nQ",          SMTP_LINE_BARE,     NULL,         0 },
	{ "a bare LF alone",               "\n",               SMTP_LINE_BARE,     NULL,         0 },
	{ "a bare CR",                     "NO\rOP\r\n",       SMTP_LINE_BARE,     NULL,         0 },
	{ "CR CR LF",                      "NOOP\r\r\n",       SMTP_LINE_BARE,     NULL,         0 },
	{ "a bare CR in a long line",      "0123456789abc\rd\r\n", SMTP_LINE_BARE, NULL,         0 },
	{ "a bare LF after a long line",   "0123456789abcd\n", SMTP_LINE_BARE,     NULL,         0 },
};
/* clang-format on */

static bool run(struct span in, size_t split, size_t i)
{
	uint8_t buffer[CAP];
	struct smtp_line l = { .len = 0 };
	enum smtp_line_end end = SMTP_LINE_MORE;
	size_t taken = 0;

	while (taken < in.len && end == SMTP_LINE_MORE) {
		size_t to = taken < split ? split : in.len;
		size_t n = smtp_line_feed(&l, buffer, CAP, span_part(in, taken, to), &end);

		if (end == SMTP_LINE_MORE && n != to - taken)
			return false;
		taken += n;
	}
	if (end != cases[i].end)
		return false;
	return end == SMTP_LINE_BARE ||
	       (taken == cases[i].n_taken && span_eq(span_of(buffer, l.len), span_str(cases[i].line)));
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_str(cases[i].in);
		bool good = true;

		for (size_t split = 1; split <= in.len; split++)
			good &= run(in, split, i);
		ok(good, "%s, at every split point", cases[i].name);
	}
	return done();
}
