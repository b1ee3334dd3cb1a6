// SPDX-License-Identifier: MIT
/*
 * test_smtp_address.c - paths by the grammar of RFC 5321 4.1.2
 */
#include "dataplane/smtp/smtp_address.h"
#include "tests/tap.h"

#define L10 "abcdefghij"
#define L60 L10 L10 L10 L10 L10 L10
#define L63 L60 "abc"
/* 255 octets: 63 + 1 + 63 + 1 + 63 + 1 + 63 */
#define D255 L63 "." L63 "." L63 "." L63

/* clang-format off */
static const struct {
	const char *name, *in;
	const char *mailbox; /* NULL: refused */
	const char *rest;
} cases[] = {
	{ "a plain mailbox",                           "<a@b.example>",                    "a@b.example",     "" },
	{ "what follows is left",                      "<a@b.example> SIZE=1",             "a@b.example",     " SIZE=1" },
	{ "what follows at once is left too",          "<a@b>SIZE=1",                      "a@b",             "SIZE=1" },
	{ "the null path",                             "<>",                               "",                "" },
	{ "postmaster needs no domain",                "<Postmaster>",                     "Postmaster",      "" },
	{ "no other mailbox goes without",             "<root>",                           NULL,              NULL },
	{ "a single label is a domain",                "<a@b>",                            "a@b",             "" },
	{ "every octet of atext",                      "<!#$%&'*+-/=?^_`{|}~09azAZ@b.c>",  "!#$%&'*+-/=?^_`{|}~09azAZ@b.c", "" },
	{ "dots in the local part",                    "<a.b.c@d>",                        "a.b.c@d",         "" },
	{ "not at its start",                          "<.a@d>",                           NULL,              NULL },
	{ "nor its end",                               "<a.@d>",                           NULL,              NULL },
	{ "nor two in a row",                          "<a..b@d>",                         NULL,              NULL },
	{ "T3: a quoted @ is text",                    "<\"a@b\"@c.example>",              "\"a@b\"@c.example", "" },
	{ "T3: a quoted > is text",                    "<\"a>b\"@c.example>",              "\"a>b\"@c.example", "" },
	{ "a quoted blank, comma and bracket",         "<\"a b,c<d\"@e>",                  "\"a b,c<d\"@e",   "" },
	{ "a quoted pair",                             "<\"a\\\"b\\\\\"@c>",               "\"a\\\"b\\\\\"@c", "" },
	{ "a quoted string may be empty",              "<\"\"@c>",                         "\"\"@c",          "" },
	{ "a quote that does not end",                 "<\"a@c>",                          NULL,              NULL },
	{ "a backslash at the end",                    "<\"a\\",                           NULL,              NULL },
	{ "a quoted string is the whole local part",   "<\"a\"b@c>",                       NULL,              NULL },
	{ "an atom before a quoted string",            "<a\"b\"@c>",                       NULL,              NULL },
	{ "a tab in a quoted string",                  "<\"a\tb\"@c>",                     NULL,              NULL },
	{ "8-bit octets",                              "<\xc3\xa9@c>",                     NULL,              NULL },
	{ "T3: a source route is stripped",            "<@a.example:b@c.example>",         "b@c.example",     "" },
	{ "so is one of several hosts",                "<@a,@b.example,@c:d@e>",           "d@e",             "" },
	{ "a route without a colon",                   "<@a b@c>",                         NULL,              NULL },
	{ "a route that ends in a comma",              "<@a,:b@c>",                        NULL,              NULL },
	{ "a route to nobody",                         "<@a:>",                            NULL,              NULL },
	{ "a route to postmaster",                     "<@a:postmaster>",                  NULL,              NULL },
	{ "a route with a literal",                    "<@[192.0.2.1]:b@c>",               NULL,              NULL },
	{ "an IPv4 literal",                           "<a@[192.0.2.1]>",                  "a@[192.0.2.1]",   "" },
	{ "octets of it up to 255",                    "<a@[192.0.2.256]>",                NULL,              NULL },
	{ "an IPv6 literal",                           "<a@[IPv6:2001:db8::1]>",           "a@[IPv6:2001:db8::1]", "" },
	{ "its tag in any case",                       "<a@[ipv6:::ffff:192.0.2.1]>",      "a@[ipv6:::ffff:192.0.2.1]", "" },
	{ "IPv6 without the tag",                      "<a@[2001:db8::1]>",                NULL,              NULL },
	{ "IPv4 with it",                              "<a@[IPv6:192.0.2.1]>",             NULL,              NULL },
	{ "an unregistered tag",                       "<a@[x400:abc]>",                   NULL,              NULL },
	{ "a literal that does not end",               "<a@[192.0.2.1>",                   NULL,              NULL },
	{ "a literal and more",                        "<a@[192.0.2.1].b>",                NULL,              NULL },
	{ "a trailing dot",                            "<a@b.>",                           NULL,              NULL },
	{ "a leading dot",                             "<a@.b>",                           NULL,              NULL },
	{ "two dots",                                  "<a@b..c>",                         NULL,              NULL },
	{ "a hyphen within",                           "<a@b-c.d>",                        "a@b-c.d",         "" },
	{ "two hyphens, as in A-labels",               "<a@xn--bcher-kva.example>",        "a@xn--bcher-kva.example", "" },
	{ "a hyphen in front",                         "<a@-b>",                           NULL,              NULL },
	{ "a hyphen behind",                           "<a@b-.c>",                         NULL,              NULL },
	{ "an underscore in a domain",                 "<a@b_c>",                          NULL,              NULL },
	{ "two @",                                     "<a@b@c>",                          NULL,              NULL },
	{ "no local part",                             "<@b>",                             NULL,              NULL },
	{ "no domain",                                 "<a@>",                             NULL,              NULL },
	{ "no >",                                      "<a@b",                             NULL,              NULL },
	{ "no <",                                      "a@b>",                             NULL,              NULL },
	{ "a blank in front",                          "< a@b>",                           NULL,              NULL },
	{ "a blank behind",                            "<a@b >",                           NULL,              NULL },
	{ "nothing",                                   "",                                 NULL,              NULL },
	{ "two <",                                     "<<a@b>>",                          NULL,              NULL },
	{ "a comment before the address",              "<(any@legit.example>",             NULL,              NULL },
	{ "a comment in the domain",                   "<any@legit.example(a.attack>",     NULL,              NULL },
	{ "an apostrophe is atext",                    "<any'x@any.attack>",               "any'x@any.attack", "" },
	{ "a second @ behind an apostrophe",           "<any@legit'@any.attack>",          NULL,              NULL },
	{ "a route that hides a legitimate domain",    "<@legit.example,@any:'any@attack.example>", "'any@attack.example", "" },
	{ "percent escapes are text",                  "<a%00b@c>",                        "a%00b@c",         "" },
	{ "64 octets of local part",                   "<" L60 "abcd@b>",                  L60 "abcd@b",      "" },
	{ "65 are too many",                           "<" L60 "abcde@b>",                 NULL,              NULL },
	{ "64 with the quotes",                        "<\"" L60 "ab\"@b>",                "\"" L60 "ab\"@b", "" },
	{ "65 with the quotes",                        "<\"" L60 "abc\"@b>",               NULL,              NULL },
	{ "63 octets of label",                        "<a@" L63 ".b>",                    "a@" L63 ".b",     "" },
	{ "64 are too many",                           "<a@" L63 "d.b>",                   NULL,              NULL },
	{ "255 octets of domain",                      "<a@" D255 ">",                     "a@" D255,         "" },
	{ "256 are too many",                          "<a@" L60 "ab.c." L63 "." L63 "." L63 ">", NULL,       NULL },
	{ "a route's domains have the limit too",      "<@" D255 ".b:a@b>",                NULL,              NULL },
};
/* clang-format on */

/* RFC 6531 3.3 */
static void utf8(void)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{ "<\xc3\xa9@example.org>", true },
		{ "<a.\xe4\xbd\xa0@\xe4\xbe\x8b.example>", true },
		{ "<\"\xc3\xa9 x\"@example.org>", true },
		{ "<a@\xf0\x9f\x98\x80.example>", true },
		{ "<\xc3@example.org>", false },             /* cut short */
		{ "<\xc0\xaf@example.org>", false },         /* overlong */
		{ "<\xed\xa0\x80@example.org>", false },     /* a surrogate */
		{ "<\xf4\x90\x80\x80@example.org>", false }, /* beyond U+10FFFF */
		{ "<\xc2\x85@example.org>", false },         /* NEL, a control */
		{ "<a@\xe9xample.org>", false },             /* Latin-1 */
		{ "<\"\\\xc3\"@example.org>", false },
		{ "<a@\xc3\xa9-.example>", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span rest = span_str(rows[i].path), mailbox, again = rest;

		ok(smtp_address_path_utf8(&rest, &mailbox) == rows[i].good, "UTF-8 path %zu is %s", i,
		   rows[i].good ? "taken" : "refused");
		ok(!smtp_address_path(&again, &mailbox), "and is no path of RFC 5321");
	}
}

int main(void)
{
	utf8();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span rest = span_str(cases[i].in), mailbox = SPAN("untouched");
		bool good = smtp_address_path(&rest, &mailbox);

		if (cases[i].mailbox)
			ok(good && span_eq(mailbox, span_str(cases[i].mailbox)) &&
				   span_eq(rest, span_str(cases[i].rest)),
			   "accepted: %s", cases[i].name);
		else
			ok(!good && span_eq(mailbox, SPAN("untouched")) && span_eq(rest, span_str(cases[i].in)),
			   "refused: %s", cases[i].name);
	}
	ok(smtp_address_is_postmaster(SPAN("POSTMASTER")), "postmaster in any case");
	ok(!smtp_address_is_postmaster(SPAN("postmaster@a")), "with a domain it is like any other");
	return done();
}
