// SPDX-License-Identifier: MIT
/*
 * script.h - reading scenario files: words, escapes, times; for test_scenarios.c and its two players
 */
#ifndef SMTP_SCRIPT_H
#define SMTP_SCRIPT_H

#include <stdlib.h>

#include "dataplane/base/stats.h"
#include "tests/tap.h"

#define OCTETS_MAX (1U << 20)

struct octets {
	uint8_t *at; /* OCTETS_MAX of them */
	size_t len;
};

static void octets_add(struct octets *o, struct span s)
{
	CHECK(o->len + s.len <= OCTETS_MAX);
	if (s.len)
		memcpy(o->at + o->len, s.at, s.len);
	o->len += s.len;
}

static struct span octets_span(const struct octets *o)
{
	return span_of(o->at, o->len);
}

/* The next word of @line; what follows it, without the blanks between, stays. */
static struct span take_word(struct span *line)
{
	struct span word = *line;
	size_t n = 0;

	while (n < line->len && !byte_is_wsp(line->at[n]))
		n++;
	word.len = n;
	*line = span_skip(*line, n);
	while (line->len && byte_is_wsp(line->at[0]))
		*line = span_skip(*line, 1);
	return word;
}

static uint64_t take_number(struct span *line)
{
	struct span word = take_word(line);
	uint64_t value = 0;

	if (!span_decimal(word, UINT64_MAX, &value))
		ok(false, "'%.*s' is no number", (int)word.len, (const char *)word.at);
	return value;
}

static unsigned hex_value(uint8_t c)
{
	return byte_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(byte_lower(c) - 'a' + 10);
}

/* \r \n \t \0 \\ \xNN */
static struct span unescape(struct span s, struct octets *into)
{
	size_t start = into->len;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (c == '\\' && i + 1 < s.len) {
			c = s.at[++i];
			if (c == 'x' && i + 2 < s.len) {
				c = (uint8_t)(hex_value(s.at[i + 1]) << 4 | hex_value(s.at[i + 2]));
				i += 2;
			} else {
				c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
			}
		}
		octets_add(into, span_of(&c, 1));
	}
	return span_of(into->at + start, into->len - start);
}

/* "250 2.0.0 text" or "250 text" */
static struct smtp_reply take_reply(struct span line)
{
	struct smtp_reply r;
	uint64_t code = take_number(&line), e[3] = { 0, 0, 0 };
	struct span word, after = line;

	word = take_word(&after);
	if (word.len >= 5 && word.at[1] == '.') {
		for (unsigned i = 0; i < 3; i++) {
			struct span part = span_cut(&word, '.');

			if (!span_decimal(part, 999, &e[i]))
				ok(false, "bad enhanced code");
		}
		line = after;
	}
	smtp_reply_set(&r, (unsigned)code, (unsigned)e[0], (unsigned)e[1], (unsigned)e[2], line);
	return r;
}

static uint64_t stat_value(const struct stats *stats, struct span name)
{
#define STAT(field, sentence)                                                                                          \
	if (span_eq(name, span_str(#field)))                                                                           \
		return stats->field;
#include "dataplane/base/stats.def"
#undef STAT
	ok(false, "no counter is named %.*s", (int)name.len, (const char *)name.at);
	return 0;
}

/* Cuts what is said into lines: the next one without its CRLF, or false. */
static bool next_line(struct octets *said, size_t *read, struct span *line)
{
	struct span rest = span_skip(octets_span(said), *read);
	size_t lf = span_find(rest, '\n');

	if (lf == SPAN_NONE)
		return false;
	*line = span_head(rest, lf && rest.at[lf - 1] == '\r' ? lf - 1 : lf);
	*read += lf + 1;
	return true;
}

#endif
