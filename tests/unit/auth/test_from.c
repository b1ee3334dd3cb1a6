// SPDX-License-Identifier: MIT
/*
 * test_from.c - the author domain out of From: the forms of RFC 5322, and those by which one mail shows two authors
 */
#include "dataplane/auth/from.h"
#include "dataplane/auth/from_scan.h"
#include "dns/domain_names.h"
#include "tests/tap.h"

static struct stats stats;
static struct msg_field fields[MSG_FIELDS_MAX];

static void parse(struct from *f, struct span header, uint32_t fields_max)
{
	struct auth_settings settings = auth_settings_default();
	struct msg_header h = { .fields = fields, .fields_max = fields_max };

	settings.to_ascii = domain_to_ascii;
	settings.stats = &stats;
	msg_header_parse(&h, header);
	memset(f, 0xa5, sizeof(*f));
	from_parse(f, &settings, &h);
}

struct header_case {
	const char *sentence;
	const char *header;
	size_t header_len; /* it may hold a NUL */
	enum from_error error;
	const char *domain;
	bool address_in_display_name;
};

#define H(text) text, sizeof(text) - 1

/* clang-format off */
static const struct header_case headers[] = {
	{ "M15: two From fields", H("From: a@x.org\r\nSubject: s\r\nFrom: a@x.org\r\n"), FROM_REPEATED, "", false },
	{ "two From fields that differ in case", H("FROM: a@x.org\r\nfrom: b@y.org\r\n"), FROM_REPEATED, "", false },
	{ "From and From with white space before the colon", H("From: a@x.org\r\nFrom : b@y.org\r\n"), FROM_REPEATED, "", false },
	{ "no From, but Sender and Resent-From", H("Sender: a@x.org\r\nResent-From: a@x.org\r\n"), FROM_MISSING, "", false },
	{ "no header", H(""), FROM_MISSING, "", false },
	{ "From with white space before the colon alone", H("From \t: a@x.org\r\n"), FROM_OK, "x.org", false },
	{ "a first line that begins with a blank", H(" From: b@y.org\r\nFrom: a@x.org\r\n"), FROM_SYNTAX, "", false },
	{ "From folded before its colon", H("From: a@x.org\r\nFrom\r\n : b@y.org\r\n"), FROM_SYNTAX, "", false },
	{ "From with a NUL in its name", H("From: a@x.org\r\nFrom\0: b@y.org\r\n"), FROM_SYNTAX, "", false },
	{ "From after a byte order mark", H("\xef\xbb\xbf" "From: b@y.org\r\nSubject: s\r\n"), FROM_SYNTAX, "", false },
	{ "a bare LF before another From, in a field", H("From: a@x.org\nFrom: b@y.org\r\n"), FROM_SYNTAX, "", false },
	{ "a line that is no field and no From", H("From a@y.org Mon Jan  1\r\nFrom: a@x.org\r\n"), FROM_OK, "x.org", false },
};

#define OK(sentence, value, domain) { sentence, H("From: " value "\r\n"), FROM_OK, domain, false }
#define FLAG(sentence, value, domain) { sentence, H("From: " value "\r\n"), FROM_OK, domain, true }
#define BAD(sentence, value, error) { sentence, H("From: " value "\r\n"), error, "", false }

static const struct header_case values[] = {
	OK("an address", "user@example.org", "example.org"),
	OK("an address in angle brackets", "<user@example.org>", "example.org"),
	OK("a display name", "John Q. Public <user@example.org>", "example.org"),
	OK("the domain in lower case", "u@EXAMPLE.Org", "example.org"),
	OK("a folded value", "\"A\r\n B\"\r\n\t<u@\r\n x.org>", "x.org"),
	OK("comments round an address and its at-sign", "(a)u(b@y.org)@(c\\))x.org(d(e))", "x.org"),
	BAD("a comment within a domain", "u@x.org(c).evil.example", FROM_SYNTAX),
	BAD("white space within a domain", "u@bank.example .evil.example", FROM_SYNTAX),
	OK("an underscore in the domain", "u@_a.x.org", "_a.x.org"),
	OK("UTF-8 in a display name", "Andr\xc3\xa9 <u@x.org>", "x.org"),
	OK("raw Latin-1 in a display name", "Andr\xe9 <u@x.org>", "x.org"),
	OK("a quoted at-sign", "\"a@b\"@x.org", "x.org"),
	OK("M16: two authors of one domain", "a@x.org, B <b@X.ORG>", "x.org"),
	BAD("M16: two authors of two domains", "a@x.org, b@y.org", FROM_MANY_DOMAINS),
	BAD("two authors, the second broken", "a@x.org, b@", FROM_SYNTAX),
	BAD("M17: empty From", "", FROM_NO_ADDRESS),
	BAD("M17: nothing but a comment", "(nobody)", FROM_NO_ADDRESS),
	BAD("M17: an empty group", "undisclosed:;", FROM_NO_ADDRESS),
	BAD("M17: no domain", "user@", FROM_SYNTAX),
	BAD("M17: no at-sign", "user", FROM_SYNTAX),
	BAD("M17: no local part", "@x.org", FROM_SYNTAX),
	BAD("M17: the null address", "<>", FROM_SYNTAX),
	OK("M18: escaped quotes in a display name", "\"\\\"Acme, Inc.\\\"\" <u@ansmtp.example>", "ansmtp.example"),
	OK("M18: a comma in a quoted display name", "\"'X, Y' via Z\" <u@d.example>", "d.example"),
	BAD("M19: a closing angle bracket alone", "user@example.net>", FROM_SYNTAX),
	BAD("M19: an opening angle bracket alone", "<user@example.net", FROM_SYNTAX),
	OK("M20: an address in a quoted local part", "\"Someone <someone@junk.example>\"@mydomain.example", "mydomain.example"),
	FLAG("M21: an address in the display name", "\"ceo@bank.example\" <x@evil.example>", "evil.example"),
	BAD("a bare address as display name", "ceo@bank.example <x@evil.example>", FROM_SYNTAX),
	OK("M28: U-labels become A-labels", "u@b\xc3\xbc" "cher.example", "xn--bcher-kva.example"),
	OK("M28: one author in U-labels, one in A-labels", "a@b\xc3\xbc" "cher.example, b@XN--bcher-kva.example",
	   "xn--bcher-kva.example"),
	OK("M28: an ideographic full stop is a dot", "u@b\xc3\xbc" "cher\xe3\x80\x82" "example", "xn--bcher-kva.example"),
	BAD("a domain that is not UTF-8", "u@b\xfc" "cher.example", FROM_DOMAIN),
	BAD("an address literal", "u@[192.0.2.1]", FROM_DOMAIN),
	BAD("a quote in the domain", "u@legit.example'a.attack.example", FROM_DOMAIN),
	BAD("a label of 64 octets", "u@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org", FROM_DOMAIN),
	BAD("an empty label", "u@x..org", FROM_SYNTAX),
	BAD("a final dot", "u@x.org.", FROM_SYNTAX),
	BAD("two final dots", "u@x.org..", FROM_SYNTAX),
	BAD("a leading dot", "u@.x.org", FROM_SYNTAX),
	BAD("an encoded word for an address", "=?utf-8?Q?a=40x.org?=", FROM_SYNTAX),
	OK("an encoded word as display name", "=?utf-8?Q?a=40x.org?= <u@y.org>", "y.org"),
	BAD("a source route", "<@a.example,@b.example:c@d.example>", FROM_SYNTAX),
	FLAG("a quoted name before an address without brackets", "\"ceo@bank.example\" x@evil.example", "evil.example"),
	BAD("an encoded word in an address", "=?utf-8?Q?a?=@x.org", FROM_SYNTAX),
	BAD("a backslash and a comma", "a\\,b@x.org", FROM_SYNTAX),
	BAD("text after an address", "<a@x.org>b@y.org", FROM_SYNTAX),
	BAD("two addresses without a comma", "<a@x.org> <b@y.org>", FROM_SYNTAX),
	BAD("two at-signs", "a@x.org@y.org", FROM_SYNTAX),
	OK("a group of one", "g: a@x.org;", "x.org"),
	OK("a group and an address", "g: a@x.org;, b@x.org", "x.org"),
	BAD("a group and an address of another domain", "g: a@x.org;, b@y.org", FROM_MANY_DOMAINS),
	BAD("a group without end", "g: a@x.org", FROM_SYNTAX),
	BAD("a group in a group", "g: h: a@x.org;;", FROM_SYNTAX),
	OK("empty list elements", ",, a@x.org ,,", "x.org"),
	OK("a tab", "\tu@x.org\t", "x.org"),
	BAD("a NUL", "u\0@x.org", FROM_SYNTAX),
	BAD("a NUL after the address", "u@x.org\0@y.org", FROM_SYNTAX),
	BAD("a quoted NUL", "\"\\\0\"@x.org", FROM_SYNTAX),
	BAD("a bare CR", "u@x.org\rb@y.org", FROM_SYNTAX),
	BAD("a bare LF", "u@x.org\n", FROM_SYNTAX),
	BAD("a bare CR in quotes", "\"a\rb\" <u@x.org>", FROM_SYNTAX),
	BAD("a quoted CR", "\"a\\\r\n b\" <u@x.org>", FROM_SYNTAX),
	BAD("a bare LF in a comment", "(a\nb) <u@x.org>", FROM_SYNTAX),
	BAD("an open comment", "(a u@x.org", FROM_SYNTAX),
	BAD("an open quote", "\"a u@x.org", FROM_SYNTAX),
	BAD("a backslash at the end of an open quote", "\"a\\", FROM_SYNTAX),
	BAD("a closing parenthesis alone", "a) <u@x.org>", FROM_SYNTAX),
};
/* clang-format on */

static void check_table(const struct header_case *c, size_t n)
{
	for (; n; n--, c++) {
		struct from f;

		parse(&f, span_of(c->header, c->header_len), MSG_FIELDS_MAX);
		ok(f.error == c->error, "%s: %s, is %s", c->sentence, from_error_text(c->error),
		   from_error_text(f.error));
		is_span(span_of(f.domain, f.domain_len), span_str(c->domain), "%s: the domain", c->sentence);
		ok(f.domain[f.domain_len] == '\0' && (f.reason[0] == '\0') == (f.error == FROM_OK) &&
			   (f.error != FROM_OK || f.address_in_display_name == c->address_in_display_name),
		   "%s: reason and flag", c->sentence);
	}
}

static void comments_may_nest_to_a_limit(void)
{
	static const int depths[] = { FROM_COMMENT_DEPTH_MAX, FROM_COMMENT_DEPTH_MAX + 1, 1000 };

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		static char room[4096];
		struct text t;
		struct from f;

		text_init(&t, room, sizeof(room));
		text_puts(&t, "From: ");
		for (int n = 0; n < depths[i]; n++)
			text_puts(&t, "(");
		for (int n = 0; n < depths[i]; n++)
			text_puts(&t, ")");
		text_puts(&t, "u@x.org\r\n");
		parse(&f, text_span(&t), MSG_FIELDS_MAX);
		ok(f.error == (i == 0 ? FROM_OK : FROM_SYNTAX), "comments %d deep", depths[i]);
	}
}

/* A domain of @len octets in labels of 49. */
static struct from long_domain(size_t len)
{
	static char room[2048];
	struct text t;
	struct from f;

	text_init(&t, room, sizeof(room));
	text_puts(&t, "From: u@");
	for (size_t i = 0; i < len; i++)
		text_putc(&t, i % 50 == 49 ? '.' : 'a');
	text_puts(&t, "\r\n");
	parse(&f, text_span(&t), MSG_FIELDS_MAX);
	return f;
}

static void a_domain_has_a_longest_length(void)
{
	struct from f = long_domain(DNS_NAME_MAX);

	ok(f.error == FROM_OK && f.domain_len == DNS_NAME_MAX, "a domain of 253 octets");
	ok(long_domain(DNS_NAME_MAX + 1).error == FROM_DOMAIN, "a domain of 254 octets is none");
	ok(long_domain(1001).error == FROM_DOMAIN, "a domain of 1001 octets is none");

	static char room[512];
	struct text t;

	text_init(&t, room, sizeof(room));
	text_puts(&t, "From: u@");
	for (int i = 0; i < 127; i++)
		text_puts(&t, i < 126 ? "a." : "b\r\n");
	parse(&f, text_span(&t), MSG_FIELDS_MAX);
	ok(f.error == FROM_OK && f.domain_len == DNS_NAME_MAX, "a domain of 127 labels");
}

int main(void)
{
	struct from f;

	check_table(headers, sizeof(headers) / sizeof(headers[0]));
	check_table(values, sizeof(values) / sizeof(values[0]));
	comments_may_nest_to_a_limit();
	a_domain_has_a_longest_length();
	parse(&f, SPAN("From: a@x.org\r\nSubject: s\r\nFrom: b@y.org\r\n"), 2);
	ok(f.error == FROM_SYNTAX, "a From beyond the fields that were indexed is not overlooked");
	return done();
}
