// SPDX-License-Identifier: MIT
/*
 * test_text.c - escaped text, against a twin that goes octet by octet
 */
#include "dataplane/base/text.h"
#include "tests/tap.h"

static void twin(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char four[8];

		if (s.at[i] >= ' ' && s.at[i] < 0x7f && s.at[i] != '\\' && s.at[i] != '"')
			snprintf(four, sizeof(four), "%c", s.at[i]);
		else
			snprintf(four, sizeof(four), "\\x%02x", s.at[i]);
		text_puts(t, four);
	}
}

static unsigned dice(unsigned below)
{
	static uint32_t seed = 1;

	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

int main(void)
{
	static const uint8_t special[] = {
		0, 1, 0x1f, ' ', '!', '"', '#', '[', '\\', ']', '~', 0x7f, 0x80, 0x81, 0xff
	};
	char a[256], b[256];
	struct text ta, tb;
	unsigned n_other = 0;

	for (unsigned n = 0; n < 200000; n++) {
		uint8_t in[40];
		size_t len = dice(sizeof(in) + 1);

		for (size_t i = 0; i < len; i++)
			in[i] = dice(4) ? (uint8_t)('a' + dice(26)) : special[dice(sizeof(special))];
		text_init(&ta, a, sizeof(a));
		text_init(&tb, b, sizeof(b));
		text_escaped(&ta, span_of(in, len));
		twin(&tb, span_of(in, len));
		n_other += !span_eq(text_span(&ta), text_span(&tb)) || ta.full;
	}
	ok(n_other == 0, "any octets are escaped as the slow twin does it");
	for (unsigned octet = 0; octet < 256; octet++) {
		for (unsigned at = 0; at < 24; at++) {
			uint8_t in[24];

			memset(in, 'a', sizeof(in));
			in[at] = (uint8_t)octet;
			text_init(&ta, a, sizeof(a));
			text_init(&tb, b, sizeof(b));
			text_escaped(&ta, span_of(in, sizeof(in)));
			twin(&tb, span_of(in, sizeof(in)));
			n_other += !span_eq(text_span(&ta), text_span(&tb));
		}
	}
	ok(n_other == 0, "each octet at each place of a word");
	text_init(&ta, a, 8);
	text_escaped(&ta, SPAN("0123456\n"));
	ok(ta.full && ta.len == 7, "what does not fit is missing as a whole run, and that is told");
	return done();
}
