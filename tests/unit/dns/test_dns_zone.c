// SPDX-License-Identifier: MIT
/*
 * test_dns_zone.c - records held in memory: what exists, what does not, what fails; and zone files
 */
#include <stdlib.h>

#include "dns/dns_zone.h"
#include "tests/tap.h"

static struct dns_zone *zone_of(const char *text)
{
	struct dns_zone *z = dns_zone_open();
	const char *what = "";
	unsigned line = dns_zone_load(z, span_str(text), &what);

	ok(line == 0, "the zone is good (%u: %s)", line, what);
	return z;
}

static const char *ask(struct dns_zone *z, const char *name, unsigned type)
{
	static char line[70000];
	struct dns_question q;
	struct text out;

	if (!dns_question_set(&q, (enum dns_type)type, span_str(name)))
		return "no question";
	text_init(&out, line, sizeof(line));
	dns_answer_text(dns_zone_answer(z, &q), type, &out);
	return line;
}

static const char zone[] = "; a zone\n"
			   "\n"
			   "example.org.\t3600 IN TXT \"v=spf1 \" \"-all\" ; the record\r\n"
			   "example.org TXT unquoted\\ with\\;escapes \"\\\"\\\\\\195\\188;\"\n"
			   "example.org IN MX 10 mx.example.org.\n"
			   "example.org 60 MX 0 .\n"
			   "a.b.c.example.org A 192.0.2.1\n"
			   "a.b.c.example.org AAAA 2001:db8::1\n"
			   "alias.example.org CNAME Alias2.example.org.\n"
			   "alias2.example.org CNAME a.b.c.example.org\n"
			   "loop.example.org CNAME loop.example.org\n"
			   "dangling.example.org CNAME nowhere.net\n"
			   "null.example.org CNAME .\n"
			   "1.2.0.192.in-addr.arpa PTR mx.example.org\n"
			   "slow.example.org TXT !TIMEOUT\n"
			   "bad.example.org * !SERVFAIL\n"
			   "bad.example.org A 192.0.2.7\n"
			   "gone.example.org TXT !NXDOMAIN\n"
			   "bare.example.org TXT !nodata\n"
			   "empty.example.org TXT \"\"\n"
			   "_spf.old.example.org SPF v=spf1";

static const struct {
	const char *sentence, *name;
	unsigned type;
	const char *answer;
} answers[] = {
	{ "strings are joined, escapes taken, several records kept", "example.org", DNS_TXT,
	  "\"v=spf1 -all\", \"unquoted with;escapes\\x22\\x5c\\xc3\\xbc;\"" },
	{ "an MX has a preference; the root is a name", "EXAMPLE.org.", DNS_MX, "10 mx.example.org, 0 ." },
	{ "a listed name without the type is NODATA", "example.org", DNS_A, "NODATA" },
	{ "a parent of a listed name exists", "b.c.example.org", DNS_A, "NODATA" },
	{ "so does its parent", "org", DNS_TXT, "NODATA" },
	{ "a name that is not listed does not", "x.example.org", DNS_A, "NXDOMAIN" },
	{ "nor one that ends alike", "xexample.org", DNS_TXT, "NXDOMAIN" },
	{ "addresses", "a.b.c.example.org", DNS_AAAA, "2001:db8::1" },
	{ "a chain of CNAMEs is followed", "alias.example.org", DNS_A, "192.0.2.1" },
	{ "a CNAME can be asked for itself", "alias.example.org", DNS_CNAME, "Alias2.example.org" },
	{ "a loop is a failure", "loop.example.org", DNS_A, "SERVFAIL" },
	{ "a CNAME to nowhere is NXDOMAIN", "dangling.example.org", DNS_A, "NXDOMAIN" },
	{ "a CNAME to the root has no data", "null.example.org", DNS_A, "NODATA" },
	{ "names of addresses", "1.2.0.192.in-addr.arpa", DNS_PTR, "mx.example.org" },
	{ "a type may fail", "slow.example.org", DNS_TXT, "TIMEOUT" },
	{ "and another not", "slow.example.org", DNS_A, "NODATA" },
	{ "all types not listed may fail", "bad.example.org", DNS_TXT, "SERVFAIL" },
	{ "and a listed one not", "bad.example.org", DNS_A, "192.0.2.7" },
	{ "a type may be told not to exist", "gone.example.org", DNS_TXT, "NXDOMAIN" },
	{ "or to have no data", "bare.example.org", DNS_TXT, "NODATA" },
	{ "a string may be empty", "empty.example.org", DNS_TXT, "\"\"" },
	{ "records of type SPF may be kept", "_spf.old.example.org", DNS_SPF, "\"v=spf1\"" },
};

static const struct {
	const char *text;
	unsigned line;
} bad_zones[] = {
	{ "a.org A 192.0.2.1\n\nb.org A 192.0.2", 3 },
	{ "a.org", 1 },
	{ "a..org A 192.0.2.1", 1 },
	{ "a.org 3600 IN", 1 },
	{ "a.org A", 1 },
	{ "a.org A 2001:db8::1", 1 },
	{ "a.org AAAA 192.0.2.1", 1 },
	{ "a.org A 192.0.2.1 192.0.2.2", 1 },
	{ "a.org WKS x", 1 },
	{ "a.org MX mx.org", 1 },
	{ "a.org MX 65536 mx.org", 1 },
	{ "a.org MX 10", 1 },
	{ "a.org CNAME a..b", 1 },
	{ "a.org TXT \"open", 1 },
	{ "a.org TXT \"\\2\"", 1 },
	{ "a.org TXT \\", 1 },
	{ "a.org TXT \"\\256\"", 1 },
	{ "a.org TXT !MAYBE", 1 },
	{ "a.org * \"x\"", 1 },
	{ "a.org TXT !TIMEOUT x", 1 },
};

static void check_many(void)
{
	struct dns_zone *z = dns_zone_open();
	unsigned n_bad = 0;
	char name[64];

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%u.example.org", i);
		n_bad += !dns_zone_add(z, span_str(name), DNS_A,
				       span_of((const uint8_t[]){ 192, 0, (uint8_t)(i >> 8), (uint8_t)i }, 4));
	}
	for (unsigned i = 0; i < 5000; i++) {
		char expected[32];

		snprintf(name, sizeof(name), "n%u.example.org", i);
		snprintf(expected, sizeof(expected), "192.0.%u.%u", i >> 8, i & 255);
		n_bad += strcmp(ask(z, name, DNS_A), expected) != 0;
	}
	ok(n_bad == 0, "five thousand names are found again");
	static uint8_t large[65536];
	memset(large, 'x', sizeof(large));
	ok(dns_zone_add(z, SPAN("large.org"), DNS_TXT, span_of(large, 65535)) &&
		   strlen(ask(z, "large.org", DNS_TXT)) == 65537,
	   "a record of 65535 octets is kept");
	ok(!dns_zone_add(z, SPAN("large.org"), DNS_TXT, span_of(large, 65536)), "a longer one is refused");
	ok(!dns_zone_add(z, SPAN("a..b"), DNS_TXT, SPAN("x")) && !dns_zone_fail(z, SPAN(""), 0, DNS_SERVFAIL),
	   "so is a name that nobody can ask for");
	dns_zone_close(z);
}

static void check_resolver(void)
{
	struct dns_resolver r = dns_zone_resolver(zone_of("a.org A 192.0.2.1\nb.org A 192.0.2.2"));
	struct dns_question a, b;
	const struct dns_answer *answer;
	uint64_t ticket;
	unsigned n = 0;

	ok(dns_question_set(&a, DNS_A, SPAN("a.org")) && dns_question_set(&b, DNS_A, SPAN("b.org")), "two questions");
	ok(!r.next(r.driver, &ticket, &answer) && r.fd(r.driver) == -1, "there is no answer without a question");
	ok(r.ask(r.driver, &a, 7) && r.ask(r.driver, &b, 8), "questions are taken");
	ok(r.next(r.driver, &ticket, &answer) && ticket == 7 && ((const uint8_t *)(answer + 1))[5] == 1,
	   "and answered in order");
	ok(r.next(r.driver, &ticket, &answer) && ticket == 8 && !r.next(r.driver, &ticket, &answer), "once each");
	while (n < 5000 && r.ask(r.driver, &a, n))
		n++;
	ok(n == 1024, "too many at once are refused");
	r.close(r.driver);
}

int main(void)
{
	struct dns_zone *z = zone_of(zone);

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const char *got = ask(z, answers[i].name, answers[i].type);
		is_span(span_str(got), span_str(answers[i].answer), "%s", answers[i].sentence);
	}
	dns_zone_close(z);
	for (size_t i = 0; i < sizeof(bad_zones) / sizeof(bad_zones[0]); i++) {
		const char *what = NULL;

		z = dns_zone_open();
		unsigned line = dns_zone_load(z, span_str(bad_zones[i].text), &what);
		ok(line == bad_zones[i].line && (what || !line), "bad zone %zu is refused at its line %u (%s)", i, line,
		   what ? what : "good");
		dns_zone_close(z);
	}
	check_many();
	check_resolver();
	return done();
}
