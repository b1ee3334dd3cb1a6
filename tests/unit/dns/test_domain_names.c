// SPDX-License-Identifier: MIT
/*
 * test_domain_names.c - U-labels become A-labels, and what is no domain name becomes nothing
 */
#include "dns/domain_names.h"
#include "tests/tap.h"

/* A NULL result: it is no domain name. */
static const struct {
	const char *sentence, *in, *out;
} names[] = {
	/* clang-format off */
	{ "a plain name stays", "example.org", "example.org" },
	{ "letters become lower case", "Mail.EXAMPLE.org", "mail.example.org" },
	{ "an A-label stays", "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
	{ "a U-label becomes an A-label", "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
	{ "an upper-case U-label becomes the same", "B\xc3\x9c" "CHER.Example", "xn--bcher-kva.example" },
	{ "a decomposed one too (NFC)", "bu\xcc\x88" "cher.example", "xn--bcher-kva.example" },
	{ "sharp s is kept (non-transitional)", "stra\xc3\x9f" "e.example", "xn--strae-oqa.example" },
	{ "an ideographic full stop is a dot", "example\xe3\x80\x82org", "example.org" },
	{ "full-width letters are letters", "\xef\xbd\x85xample.org", "example.org" },
	{ "Chinese", "\xe4\xb8\xad\xe6\x96\x87.\xe4\xb8\xad\xe5\x9b\xbd", "xn--fiq228c.xn--fiqs8s" },
	{ "underscores are in use", "_dmarc.mail_1.example.org", "_dmarc.mail_1.example.org" },
	{ "so are hyphens in third and fourth place", "r3---sn-abc.example", "r3---sn-abc.example" },
	{ "one label is a name", "localhost", "localhost" },
	{ "digits are a label", "1.2.3.example", "1.2.3.example" },
	{ "nothing is no name", "", NULL },
	{ "a lone dot is no name", ".", NULL },
	{ "a final dot is refused", "example.org.", NULL },
	{ "a leading dot is refused", ".example.org", NULL },
	{ "an empty label is refused", "example..org", NULL },
	{ "a blank is refused", "exam ple.org", NULL },
	{ "a quote is refused", "example.org\"", NULL },
	{ "a parenthesis is refused", "example.org(.example", NULL },
	{ "a semicolon is refused", "example.org;d", NULL },
	{ "a slash is refused", "example.org/x", NULL },
	{ "an at sign is refused", "a@example.org", NULL },
	{ "CR LF is refused", "example.org\r\n", NULL },
	{ "a literal is refused", "[192.0.2.1]", NULL },
	{ "a sign that maps to a slash is refused", "example\xe2\x84\x80.org", NULL },
	{ "a sign that maps to parentheses is refused", "\xe2\x91\xb4.example", NULL },
	{ "broken UTF-8 is refused", "b\xc3.example", NULL },
	{ "an overlong encoding is refused", "example\xc0\xae" "org", NULL },
	{ "a surrogate is refused", "\xed\xa0\x80.example", NULL },
	{ "an unassigned code point is refused", "\xf3\xa0\x90\x80.example", NULL },
	{ "a lone combining mark is refused", "\xcc\x88.example", NULL },
	{ "a label of 64 octets is refused",
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", NULL },
	{ "a U-label whose A-label is too long is refused",
	  "\xc3\xbc" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", NULL },
	/* clang-format on */
};

static const struct {
	const char *in, *out;
} organizational[] = {
	{ "example.org", "example.org" },
	{ "mail.example.org", "example.org" },
	{ "a.b.c.example.co.uk", "example.co.uk" },
	{ "co.uk", "" },
	{ "org", "" },
	{ "A.Example.Org", "Example.Org" },
	{ "www.city.kawasaki.jp", "city.kawasaki.jp" }, /* an exception rule */
	{ "a.b.kawasaki.jp", "a.b.kawasaki.jp" },       /* a wildcard rule */
	{ "b.kawasaki.jp", "" },
	{ "mail.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn" },
	{ "xn--55qx5d.cn", "" },
	{ "mail.example.unlisted", "example.unlisted" }, /* the prevailing rule is * */
	{ "unlisted", "" },
	{ "", "" },
	{ ".org", "" },
	{ "a..org", "" },
};

int main(void)
{
	char room[256];
	struct text out;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		text_init(&out, room, sizeof(room));
		bool good = domain_to_ascii(span_str(names[i].in), &out);
		if (names[i].out)
			is_span(good ? text_span(&out) : SPAN("(refused)"), span_str(names[i].out), "%s",
				names[i].sentence);
		else
			ok(!good && out.len == 0, "%s", names[i].sentence);
	}
	text_init(&out, room, sizeof(room));
	ok(!domain_to_ascii(SPAN("example.org\0.attack.example"), &out), "a NUL is refused");
	ok(!domain_to_ascii(SPAN("b\xc3\xbc\0.example"), &out), "a NUL among U-labels is refused");

	char long_name[255];
	memset(long_name, 'a', sizeof(long_name));
	for (size_t i = 50; i < 254; i += 51)
		long_name[i] = '.';
	text_init(&out, room, sizeof(room));
	ok(domain_to_ascii(span_of(long_name, 253), &out) && out.len == 253, "253 octets are a name");
	text_init(&out, room, sizeof(room));
	ok(!domain_to_ascii(span_of(long_name, 254), &out), "254 octets are none");
	text_init(&out, room, 8);
	ok(!domain_to_ascii(SPAN("example.org"), &out), "a result that does not fit is none");

	for (size_t i = 0; i < sizeof(organizational) / sizeof(organizational[0]); i++)
		is_span(domain_organizational(span_str(organizational[i].in)), span_str(organizational[i].out),
			"organizational domain of '%s' is '%s'", organizational[i].in, organizational[i].out);
	return done();
}
