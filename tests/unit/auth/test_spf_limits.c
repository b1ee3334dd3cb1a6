// SPDX-License-Identifier: MIT
/*
 * test_spf_limits.c - what SPF may cost (RFC 7208 4.6.4), explanations (6.2), and hostile answers at random
 */
#include "tests/unit/auth/spf_check.h"

#define V4 "192.0.2.1"

static void check_settings(void)
{
	struct auth_settings s = spf_settings();
	const char *chain = "d.org TXT \"v=spf1 a:n1.org a:n2.org a:n3.org +all\"";

	s.spf_voids_max = 0;
	ok(spf_check(&s, "d.org TXT \"v=spf1 a:n1.org +all\"", V4, "h.org", "u@d.org") == SPF_RESULT_PERMERROR,
	   "no void look-up is allowed when the setting is 0");
	s.spf_voids_max = 3;
	ok(spf_check(&s, chain, V4, "h.org", "u@d.org") == SPF_RESULT_PASS && spf.n_voids == 3,
	   "three are when the setting is 3");
	s = spf_settings();
	s.spf_terms_max = 2;
	ok(spf_check(&s, "d.org TXT \"v=spf1 a a a +all\"\nd.org A 192.0.2.9", V4, "h.org", "u@d.org") ==
		   SPF_RESULT_PERMERROR,
	   "the number of terms is a setting");
	s.spf_terms_max = 255;
	ok(spf_check(&s, "d.org TXT \"v=spf1 include:d.org\"", V4, "h.org", "u@d.org") == SPF_RESULT_PERMERROR &&
		   spf.n_terms == SPF_ASKS_MAX + 1,
	   "but never above what there are frames for");
	s = spf_settings();
	s.spf_mx_max = 1;
	ok(spf_check(&s, "d.org TXT \"v=spf1 mx +all\"\nd.org MX 1 a.org\nd.org MX 1 b.org", V4, "h.org", "u@d.org") ==
		   SPF_RESULT_PERMERROR,
	   "the number of names of an mx is a setting");
}

static void check_time(void)
{
	struct auth_settings s = spf_settings();
	struct auth_client client = { .helo = SPAN("h.org"), .mail_from = SPAN("u@d.org"), .has_mail_from = true };
	struct dns_zone *z = zone_of("d.org TXT \"v=spf1 a a a a a a +all\"\nd.org A 192.0.2.9");

	ok(ip_addr_parse(SPAN(V4), &client.ip), "the client has an address");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 2800000);
	ok(spf.result == SPF_RESULT_PASS, "seven answers in 19.6 seconds are a pass");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 2900000);
	ok(spf.result == SPF_RESULT_TEMPERROR && n_questions == 7, "the answer after 20 seconds makes it a temperror");
	dns_zone_close(z);

	spf_begin(&spf, &s, SPF_SCOPE_MFROM, &client, NULL, 5);
	ok(!spf_step(&spf, NULL, 5) && !spf_step(&spf, NULL, 20000004), "without an answer it waits");
	ok(spf_step(&spf, NULL, 20000005) && spf.result == SPF_RESULT_TEMPERROR, "until the time is over");
	ok(spf_step(&spf, NULL, 30000000), "a result stays");

	z = zone_of("d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"why\"");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 15000000);
	ok(spf.result == SPF_RESULT_FAIL && spf.explanation.len == 0, "a late explanation is left out; fail stays");
	dns_zone_close(z);
}

/* A record of @n octets at i.org that matches nothing, in a zone with whatever @more says. */
static struct dns_zone *large_zone(size_t n, const char *more)
{
	static uint8_t octets[SPF_OCTETS_MAX + 1024];
	struct dns_zone *z = zone_of(more);

	memset(octets, 'x', sizeof(octets));
	memcpy(octets, "v=spf1 x=", 9);
	ok(dns_zone_add(z, SPAN("i.org"), DNS_TXT, span_of(octets, n)), "a record of %zu octets", n);
	return z;
}

static void check_room(void)
{
	struct auth_settings s = spf_settings();
	struct auth_client client = { .helo = SPAN("h.org"), .mail_from = SPAN("u@d.org"), .has_mail_from = true };
	struct dns_zone *z = large_zone(15000, "d.org TXT \"v=spf1 include:i.org include:i.org include:i.org +all\"");

	ok(ip_addr_parse(SPAN(V4), &client.ip), "the client has an address");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 1);
	ok(spf.result == SPF_RESULT_PASS, "a large include gives its memory back");
	dns_zone_close(z);
	z = large_zone(SPF_OCTETS_MAX, "d.org TXT \"v=spf1 include:i.org +all\"");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 1);
	ok(spf.result == SPF_RESULT_PERMERROR && strstr(spf.reason, "too large"),
	   "one that does not fit is a permerror");
	dns_zone_close(z);
}

static const struct {
	const char *sentence, *zone, *helo, *from, *explanation;
} explanations[] = {
	{ "an explanation is expanded", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"%{i} is not one of %{d}'s\"",
	  "h.org", "u@d.org", "192.0.2.1 is not one of d.org's" },
	{ "c, r and t are allowed", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"%{c} %{r} %{t}\"", "h.org",
	  "u@d.org", "192.0.2.1 mx.test 1700000000" },
	{ "its name is expanded", "d.org TXT \"v=spf1 -all exp=%{l}.%{d}\"\nu.d.org TXT \"yes\"", "h.org", "u@d.org",
	  "yes" },
	{ "several strings are joined", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"a \" \"b\"", "h.org",
	  "u@d.org", "a b" },
	{ "two records give none", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT a\nx.org TXT b", "h.org", "u@d.org",
	  "" },
	{ "no record gives none", "d.org TXT \"v=spf1 -all exp=x.org\"", "h.org", "u@d.org", "" },
	{ "no answer gives none", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT !TIMEOUT", "h.org", "u@d.org", "" },
	{ "bad syntax gives none", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"100% sure\"", "h.org", "u@d.org",
	  "" },
	{ "CR and LF give none", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"a\\013\\010250 ok\"", "h.org",
	  "u@d.org", "" },
	{ "octets that are not ASCII give none", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"\\195\\188\"",
	  "h.org", "u@d.org", "" },
	{ "a HELO name that is not printable gives none", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"%{h}\"",
	  "h\r\n.org", "u@d.org", "" },
	{ "but an escaped one may be shown", "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"%{H}\"", "h\r\n.org",
	  "u@d.org", "h%0D%0A.org" },
	{ "a malformed name gives none", "d.org TXT \"v=spf1 -all exp=%{h}..org\"", "h.org", "u@d.org", "" },
	{ "softfail has none", "d.org TXT \"v=spf1 ~all exp=x.org\"\nx.org TXT \"no\"", "h.org", "u@d.org", "" },
	{ "an include's is not used",
	  "d.org TXT \"v=spf1 include:i.org -all\"\ni.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT no", "h.org",
	  "u@d.org", "" },
	{ "a redirect's is used",
	  "d.org TXT \"v=spf1 redirect=r.org exp=y.org\"\nr.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT yes", "h.org",
	  "u@d.org", "yes" },
	{ "and the redirecting record's is not",
	  "d.org TXT \"v=spf1 redirect=r.org exp=y.org\"\nr.org TXT \"v=spf1 -all\"\ny.org TXT no", "h.org", "u@d.org",
	  "" },
	{ "%{p} is looked up for it, beyond the limits",
	  "d.org TXT \"v=spf1 a:n.org a:n.org a:n.org a:n.org a:n.org a:n.org a:n.org a:n.org a:n.org a:n.org -all "
	  "exp=x.org\"\n"
	  "n.org A 192.0.2.9\nx.org TXT \"you are %{p}\"\n1.2.0.192.in-addr.arpa PTR b.net\n1.2.0.192.in-addr.arpa PTR "
	  "a.d.org\n"
	  "a.d.org A 192.0.2.1\nb.net A 192.0.2.1",
	  "h.org", "u@d.org", "you are a.d.org" },
};

static void check_explanations(void)
{
	struct auth_settings s = spf_settings();

	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
		spf_check(&s, explanations[i].zone, V4, explanations[i].helo, explanations[i].from);
		is_span(spf.explanation, span_str(explanations[i].explanation), "%s", explanations[i].sentence);
	}
	for (int more = 0; more < 2; more++) {
		char filling[SPF_EXPLANATION_MAX + 2] = "", zone[1024];

		memset(filling, 'x', (size_t)(SPF_EXPLANATION_MAX + more));
		snprintf(zone, sizeof(zone), "d.org TXT \"v=spf1 -all exp=x.org\"\nx.org TXT \"%s\"", filling);
		spf_check(&s, zone, V4, "h.org", "u@d.org");
		ok(spf.explanation.len == (more ? 0 : SPF_EXPLANATION_MAX) && spf.result == SPF_RESULT_FAIL,
		   more ? "a longer one is not" : "the longest explanation is shown");
	}
}

static void check_p(void)
{
	struct auth_settings s = spf_settings();
	const char *names = "1.2.0.192.in-addr.arpa PTR z.net\n1.2.0.192.in-addr.arpa PTR m.d.org\n"
			    "1.2.0.192.in-addr.arpa PTR d.org\nz.net A 192.0.2.1\nm.d.org A 192.0.2.1\n";
	char zone[2048];

	snprintf(zone, sizeof(zone),
		 "d.org TXT \"v=spf1 exists:%%{p}.x.org exists:%%{p}.y.org -all\"\n%sd.org A 192.0.2.1", names);
	spf_check(&s, zone, V4, "h.org", "u@d.org");
	ok(!strcmp(last_question, "A d.org.y.org") && n_questions == 5,
	   "%%{p} prefers the domain itself, and is found once");
	snprintf(zone, sizeof(zone), "d.org TXT \"v=spf1 exists:%%{p}.x.org -all\"\n%sd.org A 192.0.2.2", names);
	spf_check(&s, zone, V4, "h.org", "u@d.org");
	ok(!strcmp(last_question, "A m.d.org.x.org"), "then a name below it");
	snprintf(zone, sizeof(zone), "e.org TXT \"v=spf1 exists:%%{p}.x.org -all\"\n%s", names);
	spf_check(&s, zone, V4, "h.org", "u@e.org");
	ok(!strcmp(last_question, "A z.net.x.org"), "then any");
	spf_check(&s, "d.org TXT \"v=spf1 exists:%{p}.x.org -all\"\n1.2.0.192.in-addr.arpa PTR !SERVFAIL", V4, "h.org",
		  "u@d.org");
	ok(!strcmp(last_question, "A unknown.x.org") && spf.result == SPF_RESULT_FAIL,
	   "without an answer it is unknown");
}

static uint64_t seed = 7046029254386353131u;

static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static const char *const pieces[] = { " a",
				      " mx",
				      " ptr",
				      " include:d.org",
				      " redirect=d.org",
				      " exp=d.org",
				      " exists:%{p}.%{ir}.d.org",
				      " a:%{l}.d.org/24",
				      " -all",
				      " ip4:192.0.2.0/31",
				      " include:%{h}",
				      " ?mx:m.%{d2}//64",
				      " ptr:%{o}",
				      " ip6:::/0",
				      " x=%{p}",
				      " foo" };

/* Any answer that has the shape of one. */
static const struct dns_answer *random_answer(unsigned type)
{
	static uint8_t octets[65536];
	struct dns_answer *a = dns_answer_init(octets, sizeof(octets), (enum dns_rcode)(1 + random_below(4)), 60);
	char record[1024];
	struct text t;

	for (unsigned n = random_below(4) ? 1 + random_below(2) * random_below(14) : 0; n; n--) {
		text_init(&t, record, sizeof(record));
		if (type == DNS_TXT) {
			text_puts(&t, random_below(20) ? "v=spf1" : "why %{i}");
			for (unsigned i = random_below(random_below(9) ? 6 : 40); i; i--)
				text_puts(&t, pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))]);
			n = random_below(8) ? 1 : n;
		} else if (type == DNS_A || type == DNS_AAAA) {
			text_put(&t, span_of("\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", type == DNS_A ? 4 : 16));
			record[3] = (char)(1 + random_below(3));
			t.len -= random_below(30) == 0;
		} else {
			text_puts(&t, type == DNS_MX ? "xx" : "");
			text_puts(&t, ((const char *[]){ "d.org", "m.d.org", "", "a..b", "x.net" })[random_below(5)]);
		}
		if (!dns_answer_add(a, sizeof(octets), text_span(&t)))
			break;
	}
	return a;
}

static void check_at_random(void)
{
	struct auth_settings s = spf_settings();
	unsigned n_of[SPF_RESULT_PERMERROR + 1] = { 0 }, n_bad = 0, most = 0;

	for (unsigned i = 0; i < 40000; i++) {
		struct auth_client client = { .helo = SPAN("h.d.org"),
					      .mail_from = SPAN("u.v@d.org"),
					      .has_mail_from = true };
		unsigned n = 0;

		client.ip = random_below(4) ? ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 })
					    : ip_addr_of6((const uint8_t[16]){ 0x20, 1 });
		spf_begin(&spf, &s, SPF_SCOPE_MFROM, &client, NULL, 0);
		while (!spf_step(&spf, n ? random_answer(spf_question(&spf)->type) : NULL, 0) && n < 1000)
			n++;
		most = n > most ? n : most;
		n_of[spf.result]++;
		/* Each term asks once, or ten hosts more; an explanation asks a few times. */
		n_bad += n >= 1000 || spf.n_terms > 11 || spf.n_voids > 3 || !spf.reason;
	}
	printf("# none %u neutral %u pass %u fail %u softfail %u temperror %u permerror %u, at most %u questions\n",
	       n_of[0], n_of[1], n_of[2], n_of[3], n_of[4], n_of[5], n_of[6], most);
	ok(n_bad == 0 && most <= 150, "whatever DNS says, it ends within the limits, 40000 at random");
	ok(n_of[SPF_RESULT_NONE] && n_of[SPF_RESULT_NEUTRAL] && n_of[SPF_RESULT_PASS] && n_of[SPF_RESULT_FAIL] &&
		   n_of[SPF_RESULT_TEMPERROR] && n_of[SPF_RESULT_PERMERROR],
	   "and each result comes up");
}

/* Zones made to cost, or to reach our reply. */
static void check_attacks(void)
{
	struct auth_settings s = spf_settings();
	static char zone[1 << 18];
	struct text t;

	text_init(&t, zone, sizeof(zone));
	text_puts(&t, "d.org TXT \"v=spf1 a -all\"\n");
	for (unsigned i = 0; i < 5000; i++) {
		char line[64];

		snprintf(line, sizeof(line), "d.org A 10.0.%u.%u\n", i / 256, i % 256);
		text_puts(&t, line);
	}
	text_puts(&t, "d.org A 192.0.2.1\n");
	text_putc(&t, '\0');
	ok(spf_check(&s, zone, V4, "h.org", "u@d.org") == SPF_RESULT_PASS && n_questions == 2,
	   "the last of 5001 addresses is found");

	text_reset(&t);
	text_puts(&t, "d.org TXT \"v=spf1 exists:%{p}.x.org -all\"\n");
	for (unsigned i = 0; i < 1000; i++) {
		char line[96];

		snprintf(line, sizeof(line), "1.2.0.192.in-addr.arpa PTR h%u.net\n", i);
		text_puts(&t, line);
	}
	text_putc(&t, '\0');
	spf_check(&s, zone, V4, "h.org", "u@d.org");
	ok(spf.result == SPF_RESULT_FAIL && n_questions <= 13, "of 1000 names for %%{p} ten are looked at");

	spf_check(&s, "d.org TXT \"v=spf1 mx -all\"\nd.org MX 1 h.org\nh.org CNAME i.org\ni.org CNAME h.org", V4,
		  "h.org", "u@d.org");
	ok(spf.result == SPF_RESULT_TEMPERROR, "an mx whose name is a loop of CNAMEs is a temperror");

	static uint8_t why[65000];
	struct auth_client client = { .helo = SPAN("h.org"), .mail_from = SPAN("u@d.org"), .has_mail_from = true };
	struct dns_zone *z = zone_of("d.org TXT \"v=spf1 -all exp=x.org\"");

	CHECK(ip_addr_parse(SPAN(V4), &client.ip));
	memset(why, 'w', sizeof(why));
	CHECK(dns_zone_add(z, SPAN("x.org"), DNS_TXT, span_of(why, sizeof(why))));
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 1);
	ok(spf.result == SPF_RESULT_FAIL && spf.explanation.len == 0, "an explanation of 64 kB is none");
	dns_zone_close(z);
	z = zone_of("d.org TXT \"v=spf1 exists:%{l}.x.org -all exp=x.org\"\nx.org TXT \"%{l} %{L}\"");
	client.mail_from = SPAN("a\0b@d.org");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 1);
	ok(spf.result == SPF_RESULT_FAIL && spf.explanation.len == 0, "a NUL in the local part reaches no explanation");
	client.mail_from = SPAN("\"a.b%{d}%%\"@d.org");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 1);
	is_span(spf.explanation, SPAN("\"a.b%{d}%%\" %22a.b%25%7Bd%7D%25%25%22"),
		"macros in the local part are not expanded again");
	client.mail_from = SPAN("1234567890123456789012345678901234567890123456789012345678901234@d.org");
	spf_run(&s, z, &client, SPF_SCOPE_MFROM, 1);
	ok(spf.result == SPF_RESULT_FAIL, "a local part of 64 octets is no label, and matches nothing");
	dns_zone_close(z);
}

int main(void)
{
	check_attacks();
	check_settings();
	check_time();
	check_room();
	check_explanations();
	check_p();
	check_at_random();
	return done();
}
