// SPDX-License-Identifier: MIT
/*
 * test_dnsbl.c - lists of addresses in DNS: names, answers, scores, and lists that do not work
 */
#include "ctrlplane/policy/dnsbl.h"
#include "ctrlplane/settings_load.h"
#include "tests/tap.h"

static struct settings settings;

static void hear(void *arg, const char *message)
{
	(void)arg;
	ok(false, "%s", message);
}

static void with(const char *lists)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "ports = ({ device = \"net_tap0\"; addresses = [ \"192.0.2.25/24\" ]; });\n"
		 "next_hops = ({ address = \"192.0.2.26\"; });\ndnsbl : { lists = ( %s ); };\n",
		 lists);
	memset(&settings, 0, sizeof(settings));
	CHECK(settings_load_text(span_str(text), "f", &settings, hear, NULL));
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a;

	CHECK(ip_addr_parse(span_str(text), &a));
	return a;
}

/* "127.0.0.2 127.0.0.4", or the word of an rcode. */
static const struct dns_answer *answer(const char *what)
{
	static _Alignas(8) uint8_t at[512];
	struct dns_answer *a = dns_answer_init(at, sizeof(at), DNS_NXDOMAIN, 60);
	struct span rest = span_str(what);

	for (unsigned rcode = DNS_NODATA; rcode <= DNS_TIMEOUT; rcode++)
		if (strcmp(dns_rcode_text(rcode), what) == 0)
			return dns_answer_init(at, sizeof(at), (enum dns_rcode)rcode, 60);
	while (rest.len) {
		struct ip_addr one;

		CHECK(ip_addr_parse(span_cut(&rest, ' '), &one));
		CHECK(dns_answer_add(a, sizeof(at), span_of(one.bytes, 4)));
	}
	return a;
}

static void names(void)
{
	struct dns_question q;
	struct ip_addr v4 = address("192.0.2.99"), v6 = address("2001:db8:1:2:3:4:567:89ab");

	with("{ zone = \"bad.example.com\"; weight = 1; }");
	ok(dnsbl_question_of(&q, &settings.dnsbls[0], &v4), "an IPv4 client has a name");
	is_span(dns_question_name(&q), SPAN("99.2.0.192.bad.example.com"), "octets backwards (RFC 5782 2.1)");
	ok(dnsbl_question_of(&q, &settings.dnsbls[0], &v6), "so has an IPv6 client");
	is_span(dns_question_name(&q),
		SPAN("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bad.example.com"),
		"nibbles backwards (RFC 5782 2.4)");
}

static const struct {
	const char *sentence, *answers, *answer;
	enum dnsbl_said said;
} answers[] = {
	{ "no such name", "", "NXDOMAIN", DNSBL_NOT_LISTED },
	{ "no address", "", "NODATA", DNSBL_NOT_LISTED },
	{ "a failure", "", "SERVFAIL", DNSBL_NO_ANSWER },
	{ "a time-out", "", "TIMEOUT", DNSBL_NO_ANSWER },
	{ "any answer", "", "127.0.0.2", DNSBL_LISTED },
	{ "an address that is no entry", "", "203.0.113.7", DNSBL_NOT_LISTED },
	{ "a list that refuses", "", "127.255.255.254", DNSBL_REFUSED },
	{ "one that refuses among others", "", "127.0.0.2 127.255.255.252", DNSBL_REFUSED },
	{ "the address that is wanted", "answers = \"127.0.0.3\";", "127.0.0.2 127.0.0.3", DNSBL_LISTED },
	{ "another address", "answers = \"127.0.0.3\";", "127.0.0.2", DNSBL_NOT_LISTED },
	{ "the end of a range", "answers = \"127.0.0.4-127.0.0.7\";", "127.0.0.7", DNSBL_LISTED },
	{ "behind it", "answers = \"127.0.0.4-127.0.0.7\";", "127.0.0.8", DNSBL_NOT_LISTED },
	{ "one of several", "answers = [ \"127.0.0.4-127.0.0.7\", \"127.0.0.10\" ];", "127.0.0.10", DNSBL_LISTED },
	{ "a prefix", "answers = \"127.0.2.0/24\";", "127.0.2.255", DNSBL_LISTED },
	{ "a bit", "answers = \"&0.0.0.4\";", "127.0.0.6", DNSBL_LISTED },
	{ "another bit", "answers = \"&0.0.0.4\";", "127.0.0.10", DNSBL_NOT_LISTED },
};

static void what_is_listed(void)
{
	char list[256];

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		snprintf(list, sizeof(list), "{ zone = \"bl.example\"; weight = 1; %s }", answers[i].answers);
		with(list);
		ok(dnsbl_read(&settings.dnsbls[0], answer(answers[i].answer)) == answers[i].said, "%s",
		   answers[i].sentence);
	}
}

static void scores(void)
{
	struct ip_addr client = address("192.0.2.99");
	struct dns_question q;
	struct text zones;
	char room[100];
	struct dnsbl d;
	uint32_t list;
	unsigned n = 0;

	with("{ zone = \"a.example\"; weight = 3; }, { zone = \"b.example\"; weight = 4; },"
	     "{ zone = \"good.example\"; weight = -2; }, { zone = \"off.example\"; weight = 100; }");
	dnsbl_begin(&d, &settings, &client, 1u << 3);
	while (dnsbl_question(&d, &list, &q))
		n += list + 1;
	ok(n == 1 + 2 + 3 && !dnsbl_done(&d), "all lists are asked at once, but not a suspended one");
	dnsbl_answer(&d, 0, answer("127.0.0.2"));
	dnsbl_answer(&d, 2, answer("127.0.0.2"));
	ok(dnsbl_score(&d) == 1 && !dnsbl_done(&d), "weights are summed, negative ones too");
	dnsbl_answer(&d, 1, answer("127.0.0.2"));
	dnsbl_answer(&d, 1, answer("127.0.0.2"));
	ok(dnsbl_score(&d) == 5 && dnsbl_done(&d), "each list once");
	text_init(&zones, room, sizeof(room));
	dnsbl_zones(&settings, d.listed, 1, &zones);
	is_span(text_span(&zones), SPAN("a.example, b.example"), "those that have the client can be told");
	dnsbl_begin(&d, &settings, &client, 0);
	while (dnsbl_question(&d, &list, &q))
		continue;
	dnsbl_answer(&d, 0, answer("127.0.0.2"));
	dnsbl_give_up(&d);
	dnsbl_answer(&d, 1, answer("127.0.0.2"));
	ok(dnsbl_done(&d) && dnsbl_score(&d) == 3, "a list that is late counts for nothing");
}

static void tested(struct dnsbl_health *h, const char *one, const char *two, enum dnsbl_state state,
		   const char *sentence)
{
	dnsbl_test_begin(h);
	ok(!dnsbl_test_answer(h, 1, answer(two)) && dnsbl_test_answer(h, 0, answer(one)) && h->state == state, "%s",
	   sentence);
}

static void health(void)
{
	struct dnsbl_health h = { .state = DNSBL_UNTESTED };
	struct dns_question q;

	ok(dnsbl_test_question(&q, "bl.example", 0), "the test for what is on no list");
	is_span(dns_question_name(&q), SPAN("1.0.0.127.bl.example"), "is 127.0.0.1 (RFC 5782 5)");
	ok(dnsbl_test_question(&q, "bl.example", 1), "and for what is on every list");
	is_span(dns_question_name(&q), SPAN("2.0.0.127.bl.example"), "127.0.0.2");
	ok(!dnsbl_is_suspended(h.state), "a list that was not tested yet is asked");
	tested(&h, "NXDOMAIN", "127.0.0.2", DNSBL_WORKS, "a list that works");
	tested(&h, "127.0.0.2", "127.0.0.2", DNSBL_LISTS_ALL, "one that lists everything is suspended");
	ok(dnsbl_is_suspended(h.state), "so it is");
	tested(&h, "NXDOMAIN", "127.0.0.2", DNSBL_WORKS, "until it works again");
	tested(&h, "NXDOMAIN", "NXDOMAIN", DNSBL_LISTS_NOTHING, "one that lists nothing is suspended");
	tested(&h, "NXDOMAIN", "127.0.0.2", DNSBL_WORKS, "and back");
	tested(&h, "TIMEOUT", "127.0.0.2", DNSBL_WORKS, "one silent test is forgiven");
	tested(&h, "SERVFAIL", "SERVFAIL", DNSBL_SILENT, "a second one is not");
	tested(&h, "NXDOMAIN", "127.0.0.2", DNSBL_WORKS, "and back once more");
	tested(&h, "127.255.255.254", "127.255.255.254", DNSBL_WORKS, "a list that refuses is as one that is silent");
	tested(&h, "127.255.255.254", "127.255.255.254", DNSBL_SILENT, "at the second time");
	ok(!dnsbl_test_answer(&h, 0, answer("NXDOMAIN")), "an answer that nobody waits for changes nothing");
}

int main(void)
{
	names();
	what_is_listed();
	scores();
	health();
	return done();
}
