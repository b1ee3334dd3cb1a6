// SPDX-License-Identifier: MIT
/*
 * test_smtp_data.c - end of message, dots, line ends: a table at every split point, and a twin over all short strings
 */
#include "dataplane/smtp/smtp_data.h"
#include "tests/tap.h"

#define IN(literal) literal, sizeof(literal) - 1

/* clang-format off */
static const struct {
	const char *name;
	const char *in;
	size_t len;
	const char *body, *rest; /* rest: NULL when nothing may be left */
	enum smtp_data_state state;
} cases[] = {
	{ "an empty message ends at once",       IN(".\r\n"),                   "",                NULL,       SMTP_DATA_DONE },
	{ "one line",                            IN("a\r\n.\r\n"),              "a\r\n",           NULL,       SMTP_DATA_DONE },
	{ "a stuffed dot is removed",            IN("..a\r\n.\r\n"),            ".a\r\n",          NULL,       SMTP_DATA_DONE },
	{ "only the first of many dots is",      IN("....\r\n.\r\n"),           "...\r\n",         NULL,       SMTP_DATA_DONE },
	{ "a dot before other text is removed",  IN(".a\r\n.\r\n"),             "a\r\n",           NULL,       SMTP_DATA_DONE },
	{ "a dot within a line stays",           IN("a.b\r\n.\r\n"),            "a.b\r\n",         NULL,       SMTP_DATA_DONE },
	{ "a dot at the end of a line stays",    IN("a.\r\n.\r\n"),             "a.\r\n",          NULL,       SMTP_DATA_DONE },
	{ "CRLF..CRLF is a line with a dot",     IN("a\r\n..\r\n.\r\n"),        "a\r\n.\r\n",      NULL,       SMTP_DATA_DONE },
	{ "empty lines",                         IN("\r\n\r\n.\r\n"),           "\r\n\r\n",        NULL,       SMTP_DATA_DONE },
	{ "a pipelined command stays",           IN("a\r\n.\r\nQUIT\r\n"),      "a\r\n",           "QUIT\r\n", SMTP_DATA_DONE },
	{ "dot and blank is no end",             IN("a\r\n. \r\nb"),            "a\r\n \r\nb",     NULL,       SMTP_DATA_TEXT },
	{ "dot and tab is no end",               IN("a\r\n.\t\r\nb"),           "a\r\n\t\r\nb",    NULL,       SMTP_DATA_TEXT },
	{ "VT, dot, CRLF is no end",             IN("a\v.\r\nb"),               "a\v.\r\nb",       NULL,       SMTP_DATA_TEXT },
	{ "NEL, dot, CRLF is no end",            IN("a\xc2\x85.\r\nb"),         "a\xc2\x85.\r\nb", NULL,       SMTP_DATA_TEXT },
	{ "U+2028, dot, CRLF is no end",         IN("a\xe2\x80\xa8.\r\n"),      "a\xe2\x80\xa8.\r\n", NULL,    SMTP_DATA_BOL },
	{ "8-bit octets and controls are text",  IN("\xff\x01\x7f\t\r\n.\r\n"), "\xff\x01\x7f\t\r\n", NULL,    SMTP_DATA_DONE },
	/* attacks on the end of data: each is final where the rule breaks, and nothing after it is looked at */
	{ "T1: LF.LF is no end",                 IN("a\n.\nMAIL"),              "a",               "\x01",     SMTP_DATA_BAD },
	{ "T1: LF.CRLF is no end",               IN("a\n.\r\nMAIL"),            "a",               "\x01",     SMTP_DATA_BAD },
	{ "T1: LF.CR is no end",                 IN("a\n.\rMAIL"),              "a",               "\x01",     SMTP_DATA_BAD },
	{ "T1: CR.CR is no end",                 IN("a\r.\rMAIL"),              "a\r",             "\x01",     SMTP_DATA_BAD },
	{ "T1: CR.LF is no end",                 IN("a\r.\nMAIL"),              "a\r",             "\x01",     SMTP_DATA_BAD },
	{ "T1: CR.CRLF is no end",               IN("a\r.\r\nMAIL"),            "a\r",             "\x01",     SMTP_DATA_BAD },
	{ "T1: CRLF.LF is no end",               IN("a\r\n.\nMAIL"),            "a\r\n",           "\x01",     SMTP_DATA_BAD },
	{ "T1: CRLF.CR is no end",               IN("a\r\n.\rMAIL"),            "a\r\n",           "\x01",     SMTP_DATA_BAD },
	{ "T1: CRLF.CRCRLF is no end",           IN("a\r\n.\r\r\nMAIL"),        "a\r\n",           "\x01",     SMTP_DATA_BAD },
	{ "CRCRLF.CRCRLF is no end",             IN("a\r\r\n.\r\r\nMAIL"),      "a\r",             "\x01",     SMTP_DATA_BAD },
	{ "CRLF NUL.CRLF is no end",             IN("a\r\n\0.\r\nMAIL"),        "a\r\n",           "\x01",     SMTP_DATA_BAD },
	{ "CRLF.NUL CRLF is no end",             IN("a\r\n.\0\r\nMAIL"),        "a\r\n",           "\x01",     SMTP_DATA_BAD },
	{ "a NUL in text is refused",            IN("abcdefghij\0klm\r\n"),     "abcdefghij",      "\x01",     SMTP_DATA_BAD },
	{ "a bare LF at the very start",         IN("\n.\r\n"),                 "",                "\x01",     SMTP_DATA_BAD },
	{ "a bare LF after an empty line",       IN("\r\n\nabc"),               "\r\n",            "\x01",     SMTP_DATA_BAD },
};
/* clang-format on */

struct result {
	uint8_t body[600];
	size_t n_body, n_taken;
	enum smtp_data_state state;
};

/* Feeds @in in two pieces, or whole when @split is past its end. */
static struct result run(struct span in, size_t split)
{
	struct result r = { .n_body = 0 };
	struct smtp_data d = { .state = SMTP_DATA_BOL };

	while (r.n_taken < in.len && d.state < SMTP_DATA_DONE) {
		size_t end = r.n_taken < split && split < in.len ? split : in.len;
		struct span body;
		size_t n = smtp_data_feed(&d, span_part(in, r.n_taken, end), &body);

		if (n == 0 || body.len > n)
			break;
		memcpy(r.body + r.n_body, body.at, body.len);
		r.n_body += body.len;
		r.n_taken += n;
	}
	r.state = (enum smtp_data_state)d.state;
	return r;
}

static void table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_of(cases[i].in, cases[i].len);
		bool good = true;

		for (size_t split = 1; split <= in.len; split++) {
			struct result r = run(in, split);
			bool rest =
				cases[i].rest && cases[i].rest[0] == '\x01' ? r.n_taken <= in.len
									    : /* of no interest after BAD */
					span_eq(span_skip(in, r.n_taken), span_str(cases[i].rest ? cases[i].rest : ""));

			good &= r.state == cases[i].state && rest &&
				span_eq(span_of(r.body, r.n_body), span_str(cases[i].body));
		}
		ok(good, "%s, at every split point", cases[i].name);
	}
}

/* --- the twin: the machine as a table, an octet at a time ---------------------------------- */

enum { OTHER, CR, LF, DOT, NUL, N_CLASS };
#define SKIP 0x80 /* the octet belongs to the protocol, not to the message */

/* clang-format off */
static const uint8_t twin_next[SMTP_DATA_DONE][N_CLASS] = {
	/*                      other           CR                       LF                     dot                   NUL */
	[SMTP_DATA_BOL]    = { SMTP_DATA_TEXT, SMTP_DATA_CR,            SMTP_DATA_BAD,         SMTP_DATA_DOT | SKIP, SMTP_DATA_BAD },
	[SMTP_DATA_TEXT]   = { SMTP_DATA_TEXT, SMTP_DATA_CR,            SMTP_DATA_BAD,         SMTP_DATA_TEXT,       SMTP_DATA_BAD },
	[SMTP_DATA_CR]     = { SMTP_DATA_BAD,  SMTP_DATA_BAD,           SMTP_DATA_BOL,         SMTP_DATA_BAD,        SMTP_DATA_BAD },
	[SMTP_DATA_DOT]    = { SMTP_DATA_TEXT, SMTP_DATA_DOT_CR | SKIP, SMTP_DATA_BAD,         SMTP_DATA_TEXT,       SMTP_DATA_BAD },
	[SMTP_DATA_DOT_CR] = { SMTP_DATA_BAD,  SMTP_DATA_BAD,           SMTP_DATA_DONE | SKIP, SMTP_DATA_BAD,        SMTP_DATA_BAD },
};
/* clang-format on */

static struct result twin(struct span in)
{
	struct result r = { .state = SMTP_DATA_BOL };

	while (r.n_taken < in.len && r.state < SMTP_DATA_DONE) {
		uint8_t c = in.at[r.n_taken++];
		unsigned class = c == '\r' ? CR : c == '\n' ? LF : c == '.' ? DOT : c == '\0' ? NUL : OTHER;
		uint8_t to = twin_next[r.state][class];

		r.state = (enum smtp_data_state)(to & ~SKIP);
		if (r.state != SMTP_DATA_BAD && !(to & SKIP))
			r.body[r.n_body++] = c;
	}
	return r;
}

static bool same(const struct result *a, const struct result *b)
{
	return a->state == b->state && a->n_taken == b->n_taken &&
	       span_eq(span_of(a->body, a->n_body), span_of(b->body, b->n_body));
}

/* All strings of one to nine octets of an alphabet of four; shorter ones also at every split point. */
static void all_short(const char alphabet[4], const char *name)
{
	uint32_t n = 0, n_bad = 0;

	for (size_t len = 1; len <= 9; len++) {
		for (uint32_t code = 0; code < 1U << (2 * len); code++) {
			uint8_t octets[9];
			struct span in = span_of(octets, len);
			struct result expected;

			for (size_t i = 0; i < len; i++)
				octets[i] = (uint8_t)alphabet[code >> (2 * i) & 3];
			expected = twin(in);
			for (size_t split = len <= 6 ? 1 : len; split <= len; split++) {
				struct result r = run(in, split);

				n_bad += !same(&r, &expected);
			}
			n++;
		}
	}
	ok(n == 349524 && n_bad == 0, "agrees with its twin on all %" PRIu32 " strings of up to nine of %s", n, name);
}

/* Long runs of text, where eight octets are looked at together: one special octet at each place. */
static void long_runs(void)
{
	static const uint8_t special[] = { '\r', '\n', '\0', '.', '\t', 0x0b, 0x0e, 0x80, 0xff, 0x8d, 0x8a };
	uint8_t octets[80];
	unsigned n_bad = 0;

	for (size_t at = 0; at < sizeof(octets); at++) {
		for (size_t k = 0; k < sizeof(special); k++) {
			for (size_t start = 0; start < 9 && start < at; start++) {
				struct span in = span_of(octets + start, sizeof(octets) - start);
				struct result a, b;

				memset(octets, 'x', sizeof(octets));
				octets[at] = special[k];
				if (at + 1 < sizeof(octets))
					octets[at + 1] = '\n';
				a = run(in, in.len);
				b = twin(in);
				n_bad += !same(&a, &b);
			}
		}
	}
	ok(n_bad == 0, "agrees with its twin on one special octet at each place of a long line");
}

/* Seeded mixtures of long lines, dots and the odd bare CR or LF, at a random split. */
static void random_mixtures(void)
{
	static const char *const pieces[] = {
		"aaaaaaaaaaaaaaaaaaaaaaaaa", "\r\n", ".", "\r\n.", "\r\n..", "\t", "b", "\r\n.\r\n", "\n", "\r"
	};
	uint32_t seed = 1, n_bad = 0;

	for (unsigned round = 0; round < 200000; round++) {
		uint8_t octets[512];
		size_t len = 0;
		struct result a, b;

		for (unsigned k = 0; k < 12; k++) {
			const char *piece;

			seed = seed * 1664525 + 1013904223;
			/* Bare CR and LF seldom, or no line would get far. */
			piece = pieces[(seed >> 16) % ((seed >> 24) % 8 ? 7 : 10)];
			memcpy(octets + len, piece, strlen(piece));
			len += strlen(piece);
		}
		a = run(span_of(octets, len), seed % len + 1);
		b = twin(span_of(octets, len));
		n_bad += !same(&a, &b);
	}
	ok(n_bad == 0, "agrees with its twin on 200000 random mixtures, cut in two");
}

/* Octets of @in that may stand in chunks, and the state after them, one at a time. */
static size_t chunk_twin(struct span in, enum smtp_data_state *state)
{
	*state = SMTP_DATA_BOL;
	for (size_t i = 0; i < in.len; i++) {
		bool after_cr = i && in.at[i - 1] == '\r';

		if (in.at[i] == '\0' || (in.at[i] == '\n') != after_cr) {
			*state = SMTP_DATA_BAD;
			return i;
		}
		*state = in.at[i] == '\r' ? SMTP_DATA_CR : in.at[i] == '\n' ? SMTP_DATA_BOL : SMTP_DATA_TEXT;
	}
	return in.len;
}

static void chunks(const char alphabet[4], const char *name)
{
	uint32_t n = 0, n_bad = 0;

	for (size_t len = 1; len <= 8; len++) {
		for (uint32_t code = 0; code < 1U << (2 * len); code++, n++) {
			uint8_t octets[8];
			enum smtp_data_state expected;
			size_t n_expected;

			for (size_t i = 0; i < len; i++)
				octets[i] = (uint8_t)alphabet[code >> (2 * i) & 3];
			n_expected = chunk_twin(span_of(octets, len), &expected);
			for (size_t split = 0; split <= len; split++) {
				struct smtp_data d = { .state = SMTP_DATA_BOL };
				size_t good = smtp_data_chunk(&d, span_of(octets, split));

				if (d.state != SMTP_DATA_BAD)
					good += smtp_data_chunk(&d, span_of(octets + split, len - split));
				n_bad += good != n_expected || d.state != expected;
			}
		}
	}
	ok(n_bad == 0, "chunks agree with their twin on all %" PRIu32 " strings of up to eight of %s, cut anywhere", n,
	   name);
}

int main(void)
{
	chunks("a.\r\n", "a . CR LF");
	chunks("\0.\r\n", "NUL . CR LF");
	table();
	all_short("a.\r\n", "a . CR LF");
	all_short("\0.\r\n", "NUL . CR LF");
	long_runs();
	random_mixtures();
	return done();
}
