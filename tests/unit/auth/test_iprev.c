// SPDX-License-Identifier: MIT
/*
 * test_iprev.c - whether a name of the client leads back to its address (RFC 8601 2.7.3, 3)
 */
#include "dataplane/auth/authres.h"
#include "dataplane/auth/spf_macro.h"
#include "tests/tap.h"
#include "tests/zone.h"

#define R1 "1.2.0.192.in-addr.arpa PTR "
#define V6_ARPA "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"

static struct stats stats;
static struct auth_settings settings;
static struct iprev iprev;
static char account[1 << 14];
static unsigned n_questions;
static char asked[4096];

static struct ip_addr address(const char *text)
{
	struct ip_addr a = { .family = IP_NONE };

	if (*text)
		CHECK(ip_addr_parse(span_str(text), &a));
	return a;
}

/* Every answer @us_an_answer after the one before. */
static void run_zone(struct dns_zone *z, const char *ip, uint64_t us_an_answer)
{
	struct explain explain;
	struct text log;
	uint64_t now_us = 1000000;

	text_init(&explain.text, account, sizeof(account));
	text_init(&log, asked, sizeof(asked));
	n_questions = 0;
	memset(&iprev, 0xa5, sizeof(iprev)); /* contents undefined before */
	iprev_begin(&iprev, &settings, address(ip), &explain, now_us);
	for (bool final = iprev_step(&iprev, NULL, now_us); !final;) {
		const struct dns_question *q = iprev_question(&iprev);
		struct dns_question again;

		CHECK(++n_questions <= 1 + IPREV_NAMES_MAX);
		CHECK(dns_question_set(&again, (enum dns_type)q->type, dns_question_name(q)));
		text_puts(&log, log.len ? " " : "");
		text_puts(&log, dns_type_text(q->type));
		text_putc(&log, ':');
		text_put(&log, dns_question_name(q));
		now_us += us_an_answer;
		final = iprev_step(&iprev, dns_zone_answer(z, q), now_us);
	}
}

static void run(const char *zone, const char *ip)
{
	struct dns_zone *z = zone_of(zone);

	run_zone(z, ip, 1000);
	dns_zone_close(z);
}

static const struct {
	const char *behaviour, *ip, *zone, *result, *name;
	unsigned n_questions;
} cases[] = {
	{ "a name that leads back", "192.0.2.1", R1 "host.example\nhost.example A 192.0.2.1\n", "pass", "host.example",
	  2 },
	{ "one of its addresses is enough", "192.0.2.1",
	  R1 "host.example\nhost.example A 192.0.2.7\nhost.example A 192.0.2.1\n", "pass", "host.example", 2 },
	{ "a name with another address", "192.0.2.1", R1 "host.example\nhost.example A 192.0.2.2\n", "fail", "", 2 },
	{ "a name that does not exist", "192.0.2.1", R1 "host.example\n", "fail", "", 2 },
	{ "a name without addresses", "192.0.2.1", R1 "host.example\nhost.example TXT x\n", "fail", "", 2 },
	{ "a name with an address of the other family alone", "192.0.2.1",
	  R1 "host.example\nhost.example AAAA 2001:db8::1\n", "fail", "", 2 },
	{ "no name", "192.0.2.1", "", "permerror", "", 1 },
	{ "an address with other records alone", "192.0.2.1", "1.2.0.192.in-addr.arpa TXT x\n", "permerror", "", 1 },
	{ "SERVFAIL for the names", "192.0.2.1", R1 "!SERVFAIL\n", "temperror", "", 1 },
	{ "no answer for the names", "192.0.2.1", R1 "!TIMEOUT\n", "temperror", "", 1 },
	{ "SERVFAIL for the address", "192.0.2.1", R1 "host.example\nhost.example A !SERVFAIL\n", "temperror", "", 2 },
	{ "no answer for the address", "192.0.2.1", R1 "host.example\nhost.example A !TIMEOUT\n", "temperror", "", 2 },
	{ "the second name leads back", "192.0.2.1", R1 "a.example\n" R1 "b.example\nb.example A 192.0.2.1\n", "pass",
	  "b.example", 3 },
	{ "the second name leads back, the first is not answered", "192.0.2.1",
	  R1 "a.example\n" R1 "b.example\na.example A !TIMEOUT\nb.example A 192.0.2.1\n", "pass", "b.example", 3 },
	{ "no name leads back, and one is not answered", "192.0.2.1",
	  R1 "a.example\n" R1 "b.example\na.example A !SERVFAIL\nb.example A 192.0.2.9\n", "temperror", "", 3 },
	{ "no name leads back", "192.0.2.1", R1 "a.example\n" R1 "b.example\nb.example A 192.0.2.9\n", "fail", "", 3 },
	{ "a CNAME on both ways (RFC 2317)", "192.0.2.1",
	  "1.2.0.192.in-addr.arpa CNAME 1.net.example\n1.net.example PTR h.example\nh.example CNAME g.example\n"
	  "g.example A 192.0.2.1\n",
	  "pass", "h.example", 2 },
	{ "IPv6, by nibbles", "2001:db8::1", V6_ARPA " PTR host.example\nhost.example AAAA 2001:db8::1\n", "pass",
	  "host.example", 2 },
	{ "IPv6 with another address", "2001:db8::1", V6_ARPA " PTR host.example\nhost.example AAAA 2001:db8::2\n",
	  "fail", "", 2 },
	{ "IPv4 as IPv6", "::ffff:192.0.2.1", R1 "host.example\nhost.example A 192.0.2.1\n", "pass", "host.example",
	  2 },
	{ "an address that is not known", "", R1 "host.example\n", "none", "", 0 },
	{ "10/8", "10.1.2.3", "", "none", "", 0 },
	{ "172.16/12, its end", "172.31.255.255", "", "none", "", 0 },
	{ "past the end of 172.16/12", "172.32.0.0", "", "permerror", "", 1 },
	{ "192.168/16", "192.168.1.1", "", "none", "", 0 },
	{ "100.64/10", "100.127.0.1", "", "none", "", 0 },
	{ "127/8", "127.0.0.1", "", "none", "", 0 },
	{ "169.254/16", "169.254.1.1", "", "none", "", 0 },
	{ "0/8", "0.0.0.0", "", "none", "", 0 },
	{ "private as IPv6", "::ffff:10.0.0.1", "", "none", "", 0 },
	{ "::1", "::1", "", "none", "", 0 },
	{ "::", "::", "", "none", "", 0 },
	{ "::2 is neither", "::2", "", "permerror", "", 1 },
	{ "fc00::/7", "fdff::1", "", "none", "", 0 },
	{ "fe80::/10", "febf::1", "", "none", "", 0 },
	{ "fec0:: is past it", "fec0::1", "", "permerror", "", 1 },
};

static void table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(cases[i].zone, cases[i].ip);
		is_span(span_str(iprev_result_text(iprev.result)), span_str(cases[i].result), "%s: %s",
			cases[i].behaviour, cases[i].result);
		ok(span_eq(iprev.name, span_str(cases[i].name)) && n_questions == cases[i].n_questions,
		   "%s: the name, and %u questions", cases[i].behaviour, cases[i].n_questions);
		ok(*iprev.reason && strstr(account, iprev.reason), "%s: why is told", cases[i].behaviour);
	}
}

/* SPF's %{ir}.%{v}.arpa makes the same name another way. */
static void names_of_addresses(void)
{
	struct dns_zone *z = zone_of("");
	unsigned n_other = 0;
	uint32_t seed = 7;

	for (unsigned i = 0; i < 2000; i++) {
		struct spf_macro_values values = { .ip = { .family = i & 1 ? IP_V6 : IP_V4 } };
		uint8_t name[DNS_NAME_MAX];
		struct dns_question twin;

		for (size_t k = 0; k < ip_addr_len(&values.ip); k++)
			values.ip.bytes[k] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
		values.ip.bytes[0] = 0x2a; /* neither private nor mapped */
		iprev_begin(&iprev, &settings, values.ip, NULL, 0);
		size_t len = spf_macro_domain(&values, SPAN("%{ir}.%{v}.arpa"), name);

		CHECK(dns_question_set(&twin, DNS_PTR, span_of(name, len)));
		n_other += !dns_question_eq(iprev_question(&iprev), &twin);
	}
	ok(n_other == 0, "the name of an address is what SPF's macros make of it");
	dns_zone_close(z);
}

static void limits(void)
{
	struct dns_zone *z = zone_of("n10.example A 192.0.2.1\n");
	char name[32];

	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		CHECK(dns_zone_add(z, SPAN("1.2.0.192.in-addr.arpa"), DNS_PTR, span_str(name)));
	}
	stats.iprev_names_ignored = 0;
	run_zone(z, "192.0.2.1", 1000);
	ok(iprev.result == IPREV_RESULT_FAIL && n_questions == 11 && stats.iprev_names_ignored == 1,
	   "of twelve names ten are looked at, and the eleventh does not help");
	settings.iprev_names_max = 3;
	run_zone(z, "192.0.2.1", 1000);
	ok(iprev.result == IPREV_RESULT_FAIL && n_questions == 4, "the limit is a setting");
	settings.iprev_names_max = 255;
	run_zone(z, "192.0.2.1", 1000);
	ok(n_questions == 11, "which cannot exceed ten");
	settings.iprev_names_max = 10;
	run_zone(z, "192.0.2.1", 1000000);
	ok(iprev.result == IPREV_RESULT_TEMPERROR && n_questions == 5, "after five seconds it is temperror");
	ok(iprev_step(&iprev, NULL, UINT64_MAX) && iprev.result == IPREV_RESULT_TEMPERROR, "and stays so");
	settings.iprev = false;
	run_zone(z, "192.0.2.1", 1000);
	ok(iprev.result == IPREV_RESULT_NONE && n_questions == 0, "switched off, nothing is asked");
	settings.iprev = true;
	dns_zone_close(z);
}

/* What stands in Authentication-Results of a name that leads back. */
static const char *field(struct span name)
{
	static _Alignas(8) uint8_t octets[2][600];
	static char out[2048];
	struct text t;
	struct dns_answer *ptr = dns_answer_init(octets[0], sizeof(octets[0]), DNS_NODATA, 60);
	struct dns_answer *a = dns_answer_init(octets[1], sizeof(octets[1]), DNS_NODATA, 60);

	CHECK(dns_answer_add(ptr, sizeof(octets[0]), name));
	CHECK(dns_answer_add(a, sizeof(octets[1]), span_of((const uint8_t[]){ 192, 0, 2, 1 }, 4)));
	iprev_begin(&iprev, &settings, address("192.0.2.1"), NULL, 0);
	if (!iprev_step(&iprev, ptr, 1))
		iprev_step(&iprev, a, 2);
	struct authres_in in = { .settings = &settings, .iprev = &iprev, .ip = address("192.0.2.1") };
	text_init(&t, out, sizeof(out));
	authres_write(&in, &t);
	CHECK(!t.full);
	return out;
}

static void hostile_names(void)
{
	const struct {
		const char *behaviour;
		struct span name;
		const char *shown;
	} hostile[] = {
		{ "a plain one is told as it is", SPAN("host_1-a.example"), "(host_1-a.example)" },
		{ "in lower case", SPAN("HOST.example"), "(host.example)" },
		{ "no line of its own", SPAN("a\r\nX-Spam: no\r\n\r\n.example"), "(a??x-spam??no????.example)" },
		{ "no result of its own", SPAN("a);dkim=pass(.example"), "(a??dkim?pass?.example)" },
		{ "no comment in a comment, no escape", SPAN("((\\.\\)\".example"), "(???.???.example)" },
		{ "no control or 8-bit octet", SPAN("\x01\x7f\xff.example"), "(???.example)" },
	};
	static char folded[256];

	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char expected[300];

		/* A long comment goes on a line of its own. */
		snprintf(expected, sizeof(expected), "iprev=pass policy.iprev=192.0.2.1 %s\r\n", hostile[i].shown);
		if (!ok(strstr(field(hostile[i].name), expected), "of a hostile name %s", hostile[i].behaviour))
			printf("# %s\n", field(hostile[i].name));
	}
	memset(folded, 'a', 253);
	folded[63] = folded[127] = folded[191] = '.';
	ok(strstr(field(span_of(folded, 253)), "iprev=pass policy.iprev=192.0.2.1\r\n\t(aaa"),
	   "the longest name is told whole, on a line of its own");
	ok(strstr(field(span_of(folded, 254)), "iprev=fail"), "one that is too long is none");
	ok(strstr(field(SPAN("")), "iprev=fail"), "nor is the root");
	ok(strstr(field(SPAN("a..example")), "iprev=fail"), "nor is one with an empty label");
}

static void the_field(void)
{
	static char out[1024];
	struct authres_in in = { .settings = &settings, .iprev = &iprev };
	struct text t;

	run("", "192.0.2.1");
	in.ip = address("192.0.2.1");
	text_init(&t, out, sizeof(out));
	authres_write(&in, &t);
	is_span(text_span(&t),
		SPAN("Authentication-Results: mx.example;\r\n"
		     "\tiprev=permerror (the client has no name in DNS) policy.iprev=192.0.2.1\r\n"),
		"what is not a pass says why");
	run("", "2001:db8::1");
	in.ip = address("2001:db8::1");
	text_reset(&t);
	authres_write(&in, &t);
	ok(strstr(out, "policy.iprev=\"2001:db8::1\"\r\n"), "an IPv6 address is no token: it is quoted");
	run("", "10.0.0.1");
	text_reset(&t);
	authres_write(&in, &t);
	ok(!strstr(out, "iprev"), "of a private address nothing is told");
}

static void counters(void)
{
	stats = (struct stats){ 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run(cases[i].zone, cases[i].ip);
	unsigned n[IPREV_RESULT_PERMERROR + 1] = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (enum iprev_result r = IPREV_RESULT_NONE; r <= IPREV_RESULT_PERMERROR; r++)
			n[r] += strcmp(iprev_result_text(r), cases[i].result) == 0;
	ok(stats.iprev_pass == n[IPREV_RESULT_PASS] && stats.iprev_fail == n[IPREV_RESULT_FAIL] &&
		   stats.iprev_temperror == n[IPREV_RESULT_TEMPERROR] &&
		   stats.iprev_permerror == n[IPREV_RESULT_PERMERROR],
	   "every result is counted, once");
}

int main(void)
{
	settings = auth_settings_default();
	settings.stats = &stats;
	table();
	names_of_addresses();
	limits();
	hostile_names();
	the_field();
	counters();
	return done();
}
