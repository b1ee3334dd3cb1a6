// SPDX-License-Identifier: MIT
/*
 * test_dns_question.c - names that can be asked for, answers as flat blocks, both as text
 */
#include "dns/dns_question.h"
#include "tests/tap.h"

#define LABEL63 "123456789012345678901234567890123456789012345678901234567890123"
#define LABEL61 "1234567890123456789012345678901234567890123456789012345678901"

static const struct {
	const char *name, *asked; /* NULL: cannot be asked for */
} names[] = {
	{ "example.org", "example.org" },
	{ "Example.ORG.", "example.org" },
	{ "org", "org" },
	{ "", NULL },
	{ ".", NULL },
	{ "..", NULL },
	{ ".org", NULL },
	{ "a..org", NULL },
	{ "org..", NULL },
	{ LABEL63 ".org", LABEL63 ".org" },
	{ "x" LABEL63 ".org", NULL },
	{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL61, LABEL63 "." LABEL63 "." LABEL63 "." LABEL61 },
	{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL61 ".", LABEL63 "." LABEL63 "." LABEL63 "." LABEL61 },
	{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL61 "x", NULL },
	{ "\xff\x01 .org", "\xff\x01 .org" },
};

static void check_names(void)
{
	struct dns_question a, b;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool good = dns_question_set(&a, DNS_TXT, span_str(names[i].name));

		ok(good == (names[i].asked != NULL), "name %zu %s be asked for", i, names[i].asked ? "can" : "cannot");
		if (good && names[i].asked)
			is_span(dns_question_name(&a), span_str(names[i].asked), "in lower case, without a final dot");
	}
	ok(dns_question_set(&a, DNS_TXT, SPAN("a.org")) && dns_question_set(&b, DNS_TXT, SPAN("A.org.")) &&
		   dns_question_eq(&a, &b),
	   "questions are compared without case");
	b.type = DNS_A;
	ok(!dns_question_eq(&a, &b), "and with their type");
}

static void check_answers(void)
{
	uint8_t octets[64];
	struct dns_answer *a = dns_answer_init(octets, sizeof(*a) + 4, DNS_NXDOMAIN, 300);
	uint32_t cursor = 0;
	struct span rdata;

	ok(a->size == sizeof(*a) && a->rcode == DNS_NXDOMAIN && a->ttl_s == 300 && !dns_answer_next(a, &cursor, &rdata),
	   "an answer begins without records");
	ok(dns_answer_add(a, sizeof(*a) + 4, SPAN("ab")) && a->rcode == DNS_NOERROR, "a record makes it NOERROR");
	ok(!dns_answer_add(a, sizeof(*a) + 4, SPAN("c")) && a->n_records == 1,
	   "what does not fit is refused and the answer stays");
	ok(dns_answer_add(a, sizeof(*a) + 6, SPAN("")) && dns_answer_add(a, 64, SPAN("xyz")), "records may be empty");
	cursor = 0;
	ok(dns_answer_next(a, &cursor, &rdata), "first record");
	is_span(rdata, SPAN("ab"), "is the first one added");
	ok(dns_answer_next(a, &cursor, &rdata) && rdata.len == 0, "the second is empty");
	ok(dns_answer_next(a, &cursor, &rdata), "third record");
	is_span(rdata, SPAN("xyz"), "is the last one added");
	ok(!dns_answer_next(a, &cursor, &rdata) && !dns_answer_next(a, &cursor, &rdata), "then there is none");
	a->size -= 2;
	cursor = 0;
	unsigned n = 0;
	while (dns_answer_next(a, &cursor, &rdata))
		n++;
	ok(n == 2, "a block that was cut short is never read past its end");
}

static const struct {
	unsigned type;
	struct span rdata;
	const char *text;
} texts[] = {
	{ DNS_A, { (const uint8_t *)"\xc0\x00\x02\x01", 4 }, "192.0.2.1" },
	{ DNS_TLSA, { (const uint8_t *)"\x03\x01\x01\xab\xcd", 5 }, "3 1 1 abcd" },
	{ DNS_AAAA, { (const uint8_t *)"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16 }, "2001:db8::1" },
	{ DNS_MX, { (const uint8_t *)"\x01\x00mx.org", 8 }, "256 mx.org" },
	{ DNS_MX, { (const uint8_t *)"\x00\x00", 2 }, "0 ." },
	{ DNS_PTR, { (const uint8_t *)"a\nb.org", 7 }, "a\\x0ab.org" },
	{ DNS_TXT, { (const uint8_t *)"v=\"x\"\xff", 6 }, "\"v=\\x22x\\x22\\xff\"" },
	{ DNS_A, { (const uint8_t *)"abc", 3 }, "\"abc\"" },
};

static void check_texts(void)
{
	uint8_t octets[256];
	char line[256];
	struct text out;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct dns_answer *a = dns_answer_init(octets, sizeof(octets), DNS_NODATA, 0);

		ok(dns_answer_add(a, sizeof(octets), texts[i].rdata), "a record of type %u", texts[i].type);
		text_init(&out, line, sizeof(line));
		dns_answer_text(a, texts[i].type, &out);
		is_span(text_span(&out), span_str(texts[i].text), "is shown as %s", texts[i].text);
	}
	struct dns_answer *a = dns_answer_init(octets, sizeof(octets), DNS_TIMEOUT, 0);
	text_init(&out, line, sizeof(line));
	dns_answer_text(a, DNS_A, &out);
	is_span(text_span(&out), SPAN("TIMEOUT"), "without records the rcode is shown");
	ok(dns_type_parse(SPAN("txt")) == DNS_TXT && dns_type_parse(SPAN("TXTX")) == 0 && !dns_type_text(7) &&
		   !strcmp(dns_type_text(DNS_AAAA), "AAAA"),
	   "types have names");
	ok(!strcmp(dns_rcode_text(99), "unknown"), "a code that is none has no name");
}

int main(void)
{
	check_names();
	check_answers();
	check_texts();
	return done();
}
