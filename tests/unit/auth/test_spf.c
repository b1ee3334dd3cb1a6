// SPDX-License-Identifier: MIT
/*
 * test_spf.c - check_host() by tables: the pitfalls that others fell into, and the sections of RFC 7208
 */
#include "tests/unit/auth/spf_check.h"

#define NONE SPF_RESULT_NONE
#define NEUTRAL SPF_RESULT_NEUTRAL
#define PASS SPF_RESULT_PASS
#define FAIL SPF_RESULT_FAIL
#define SOFTFAIL SPF_RESULT_SOFTFAIL
#define TEMPERROR SPF_RESULT_TEMPERROR
#define PERMERROR SPF_RESULT_PERMERROR

#define V4 "192.0.2.1"
#define V6 "2001:db8::cb01"
#define LABEL63 "123456789012345678901234567890123456789012345678901234567890123"
#define LONG_HELO "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.long"

struct check {
	const char *sentence;
	const char *zone;
	const char *ip, *helo, *from; /* helo NULL: mail.example.org */
	enum spf_result result;
	int n_terms, n_voids, n_questions; /* -1: not looked at */
};

/* clang-format off */
/* The names S1 to S22 are those of the list of pitfalls in the project's feature table. */
static const struct check pitfalls[] = {
	{ "S1: two records are a permerror", "d.org TXT \"v=spf1 +all\"\nd.org TXT \"v=spf1 -all\"", V4, NULL, "u@d.org",
	  PERMERROR, 0, 0, 1 },
	{ "S1: a record beside other TXT is one", "d.org TXT \"x\"\nd.org TXT \"v=spf1 +all\"\nd.org TXT \"v=spf2\"", V4,
	  NULL, "u@d.org", PASS, 0, 0, 1 },
	{ "S2: the version is compared without case", "d.org TXT \"V=SPF1 -all\"", V4, NULL, "u@d.org", FAIL, 0, 0, 1 },
	{ "S2: v=spf10 is no record", "d.org TXT \"v=spf10 -all\"", V4, NULL, "u@d.org", NONE, 0, 0, 1 },
	{ "S2: a tab does not end the version", "d.org TXT \"v=spf1\\009-all\"", V4, NULL, "u@d.org", NONE, 0, 0, 1 },
	{ "S3: ten terms are allowed",
	  "d.org TXT \"v=spf1 a a a a a a a a a a -all\"\nd.org A 192.0.2.9", V4, NULL, "u@d.org", FAIL, 10, 0, 11 },
	{ "S3: the eleventh term is a permerror, not the fail after it",
	  "d.org TXT \"v=spf1 a a a a a a a a a a a -all\"\nd.org A 192.0.2.9", V4, NULL, "u@d.org", PERMERROR, 11, 0, 11 },
	{ "S3: terms inside an include count", "d.org TXT \"v=spf1 include:i.org a -all\"\nd.org A 192.0.2.9\n"
	  "i.org TXT \"v=spf1 a a a a a a a a a -all\"\ni.org A 192.0.2.9", V4, NULL, "u@d.org", PERMERROR, 11, 0, -1 },
	{ "S4: ten names of an mx are looked at",
	  "d.org TXT \"v=spf1 mx -all\"\nd.org MX 1 h1.org\nd.org MX 1 h2.org\nd.org MX 1 h3.org\nd.org MX 1 h4.org\n"
	  "d.org MX 1 h5.org\nd.org MX 1 h6.org\nd.org MX 1 h7.org\nd.org MX 1 h8.org\nd.org MX 1 h9.org\nd.org MX 1 h10.org\n"
	  "h1.org A 192.0.2.2\nh2.org A 192.0.2.2\nh3.org A 192.0.2.2\nh4.org A 192.0.2.2\nh5.org A 192.0.2.2\n"
	  "h6.org A 192.0.2.2\nh7.org A 192.0.2.2\nh8.org A 192.0.2.2\nh9.org A 192.0.2.2\nh10.org A 192.0.2.1",
	  V4, NULL, "u@d.org", PASS, 1, 0, 12 },
	{ "S4: eleven names of an mx are a permerror",
	  "d.org TXT \"v=spf1 mx -all\"\nd.org MX 1 h1.org\nd.org MX 1 h2.org\nd.org MX 1 h3.org\nd.org MX 1 h4.org\n"
	  "d.org MX 1 h5.org\nd.org MX 1 h6.org\nd.org MX 1 h7.org\nd.org MX 1 h8.org\nd.org MX 1 h9.org\nd.org MX 1 h10.org\n"
	  "d.org MX 1 h11.org", V4, NULL, "u@d.org", PERMERROR, 1, 0, 2 },
	{ "S4: the eleventh name of a ptr is ignored",
	  "d.org TXT \"v=spf1 ptr -all\"\n1.2.0.192.in-addr.arpa PTR a.x\n1.2.0.192.in-addr.arpa PTR b.x\n"
	  "1.2.0.192.in-addr.arpa PTR c.x\n1.2.0.192.in-addr.arpa PTR d.x\n1.2.0.192.in-addr.arpa PTR e.x\n"
	  "1.2.0.192.in-addr.arpa PTR f.x\n1.2.0.192.in-addr.arpa PTR g.x\n1.2.0.192.in-addr.arpa PTR h.x\n"
	  "1.2.0.192.in-addr.arpa PTR i.x\n1.2.0.192.in-addr.arpa PTR j.x\n1.2.0.192.in-addr.arpa PTR m.d.org\n"
	  "m.d.org A 192.0.2.1", V4, NULL, "u@d.org", FAIL, 1, 0, 2 },
	{ "S5: an exists after an include expands with the outer domain",
	  "d.org TXT \"v=spf1 include:i.org exists:%{d}.x.org -all\"\ni.org TXT \"v=spf1 ?all\"\nd.org.x.org A 127.0.0.2", V4,
	  NULL, "u@d.org", PASS, 2, 0, 3 },
	{ "S6: an exists that finds no name does not match", "d.org TXT \"v=spf1 exists:no.org ~all\"", V4, NULL, "u@d.org",
	  SOFTFAIL, 1, 1, 2 },
	{ "S6: an exists that finds no address does not match",
	  "d.org TXT \"v=spf1 exists:no.org ~all\"\nno.org TXT \"x\"", V4, NULL, "u@d.org", SOFTFAIL, 1, 1, 2 },
	{ "S7: an address literal as HELO is none and asks nothing", "", V4, "[192.0.2.1]", "", NONE, 0, 0, 0 },
	{ "S8: %{d} is the included domain, %{o} the sender's",
	  "d.org TXT \"v=spf1 include:i.org -all\"\ni.org TXT \"v=spf1 exists:%{d}.%{o}.x.org -all\"\n"
	  "i.org.d.org.x.org A 127.0.0.2", V4, NULL, "u@d.org", PASS, 2, 0, 3 },
	{ "S9: %{h} is the HELO name as it is", "d.org TXT \"v=spf1 exists:%{h}.x.org -all\"\nh.example.x.org A 127.0.0.2",
	  V4, "h.example", "u@d.org", PASS, 1, 0, 2 },
	{ "S9: %{p} works in a mechanism, its question counts",
	  "d.org TXT \"v=spf1 exists:%{p}.x.org -all\"\n1.2.0.192.in-addr.arpa PTR m.d.org\nm.d.org A 192.0.2.1\n"
	  "m.d.org.x.org A 127.0.0.2", V4, NULL, "u@d.org", PASS, 2, 0, 4 },
	{ "S9: %{c} in a mechanism is a permerror", "d.org TXT \"v=spf1 exists:%{c}.x.org -all\"", V4, NULL, "u@d.org",
	  PERMERROR, 0, 0, 1 },
	{ "S9: %{R} in a redirect is a permerror", "d.org TXT \"v=spf1 redirect=%{R}.x.org\"", V4, NULL, "u@d.org", PERMERROR,
	  0, 0, 1 },
	{ "S9: %{t} in an exp= is a permerror", "d.org TXT \"v=spf1 -all exp=%{t}.x.org\"", V4, NULL, "u@d.org", PERMERROR, 0,
	  0, 1 },
	{ "S10: an a without AAAA does not match an IPv6 client and is one void", "d.org TXT \"v=spf1 a -all\"\nd.org A 192.0.2.1",
	  V6, NULL, "u@d.org", FAIL, 1, 1, 2 },
	{ "S10: four IPv4-only mail servers do not break the limit for an IPv6 client",
	  "d.org TXT \"v=spf1 mx -all\"\nd.org MX 1 h1.org\nd.org MX 1 h2.org\nd.org MX 1 h3.org\nd.org MX 1 h4.org\n"
	  "h1.org A 192.0.2.2\nh2.org A 192.0.2.2\nh3.org A 192.0.2.2\nh4.org A 192.0.2.2", V6, NULL, "u@d.org", FAIL, 1, 2, 8 },
	{ "S10: a third host without any address does", "d.org TXT \"v=spf1 mx -all\"\nd.org MX 1 h1.org\nd.org MX 1 h2.org\n"
	  "d.org MX 1 h3.org\nh1.org TXT \"\"\nh2.org TXT \"\"\nh3.org TXT \"\"", V6, NULL, "u@d.org", PERMERROR, 1, 3, 6 },
	{ "S11: a redirect beside all is ignored", "d.org TXT \"v=spf1 redirect=no.org ?all\"", V4, NULL, "u@d.org", NEUTRAL, 0,
	  0, 1 },
	{ "S11: a redirect to a domain without a record is a permerror", "d.org TXT \"v=spf1 redirect=no.org\"", V4, NULL,
	  "u@d.org", PERMERROR, 1, 0, 2 },
	{ "S12: an include of a domain without a record is a permerror", "d.org TXT \"v=spf1 include:no.org -all\"", V4, NULL,
	  "u@d.org", PERMERROR, 1, 0, 2 },
	{ "S12: an include that gets no answer is a temperror", "d.org TXT \"v=spf1 include:i.org -all\"\ni.org TXT !TIMEOUT",
	  V4, NULL, "u@d.org", TEMPERROR, 1, 0, 2 },
	{ "S13: a client without a name is not validated", "d.org TXT \"v=spf1 ptr -all\"", V4, NULL, "u@d.org", FAIL, 1, 1, 2 },
	{ "S13: a name that leads elsewhere is not validated",
	  "d.org TXT \"v=spf1 ptr -all\"\n1.2.0.192.in-addr.arpa PTR m.d.org.\nm.d.org A 192.0.2.2", V4, NULL, "u@d.org", FAIL, 1,
	  0, 3 },
	{ "S13: a validated name below the domain matches",
	  "d.org TXT \"v=spf1 ptr -all\"\n1.2.0.192.in-addr.arpa PTR m.D.org.\nm.d.org A 192.0.2.1", V4, NULL, "u@d.org", PASS, 1,
	  0, 3 },
	{ "S13: notd.org is not below d.org",
	  "d.org TXT \"v=spf1 ptr -all\"\n1.2.0.192.in-addr.arpa PTR notd.org\nnotd.org A 192.0.2.1", V4, NULL, "u@d.org", FAIL,
	  1, 0, 2 },
	{ "S14: a CNAME before the record is followed", "d.org CNAME c.org\nc.org TXT \"v=spf1 +all\"", V4, NULL, "u@d.org",
	  PASS, 0, 0, 1 },
	{ "S15: an octet that is not ASCII is a permerror", "d.org TXT \"v=spf1 a:x\\226\\128\\139.org -all\"", V4, NULL,
	  "u@d.org", PERMERROR, 0, 0, 1 },
	{ "S15: a control character is a permerror", "d.org TXT \"v=spf1\" \" all\\013\"", V4, NULL, "u@d.org", PERMERROR, 0, 0,
	  1 },
	{ "S16: a label of 63 octets is asked for", LABEL63 ".org TXT \"v=spf1 +all\"", V4, NULL, "u@" LABEL63 ".org", PASS, 0,
	  0, 1 },
	{ "S16: a label of 64 octets is none and asks nothing", "", V4, NULL, "u@x" LABEL63 ".org", NONE, 0, 0, 0 },
	{ "S16: an expansion above 253 octets loses labels from the left",
	  "d.org TXT \"v=spf1 exists:" LABEL63 ".%{h}." LABEL63 "." LABEL63 ".x.org -all\"\n"
	  LONG_HELO "." LABEL63 "." LABEL63 ".x.org A 127.0.0.2", V4, LONG_HELO, "u@d.org", PASS, 1, 0, 2 },
	{ "S17: ip6 without a prefix length is one address", "d.org TXT \"v=spf1 ip6:2001:db8::cb01 -all\"", V6, NULL, "u@d.org",
	  PASS, 0, 0, 1 },
	{ "S17: ip4 with 33 bits is a permerror", "d.org TXT \"v=spf1 ip4:192.0.2.0/33 -all\"", V4, NULL, "u@d.org", PERMERROR, 0,
	  0, 1 },
	{ "S17: mechanisms are compared without case", "d.org TXT \"v=spf1 IP4:192.0.2.0/24 -ALL\"", V4, NULL, "u@d.org", PASS, 0,
	  0, 1 },
	{ "S18: %{ir} of an IPv6 client is nibbles",
	  "d.org TXT \"v=spf1 exists:%{ir}.%{v}._spf.d.org -all\"\n"
	  "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.d.org A 127.0.0.2", V6, NULL, "u@d.org",
	  PASS, 1, 0, 2 },
	{ "S19: = and quotes in a sender do no harm", "d.org TXT \"v=spf1 +all\"", V4, NULL, "\"a=b\"@d.org", PASS, 0, 0, 1 },
	{ "S20: the reverse-path is judged as it was given", "d.org TXT \"v=spf1 exists:%{l}.x.org -all\"\nA-b.x.org A 127.0.0.2",
	  V4, NULL, "A-b@D.ORG", PASS, 1, 0, 2 },
	{ "S21: strings are joined without anything between", "d.org TXT \"v=spf1 ip4:192.0\" \".2.1 -a\" \"ll\"", V4, NULL,
	  "u@d.org", PASS, 0, 0, 1 },
	{ "S22: the third void is a permerror before a later match",
	  "d.org TXT \"v=spf1 a:n1.org a:n2.org a:n3.org ip4:192.0.2.1 -all\"", V4, NULL, "u@d.org", PERMERROR, 3, 3, 4 },
	{ "S22: a match before the third void stands", "d.org TXT \"v=spf1 a:n1.org a:n2.org ip4:192.0.2.1 a:n3.org -all\"", V4,
	  NULL, "u@d.org", PASS, 2, 2, 3 },
};

static const struct check sections[] = {
	{ "4.3: a single label is none", "", V4, NULL, "u@localhost", NONE, 0, 0, 0 },
	{ "4.3: an empty label is none", "", V4, NULL, "u@a..org", NONE, 0, 0, 0 },
	{ "4.3: a domain with parentheses is none", "", V4, NULL, "any@legit.org(a.d.org", NONE, 0, 0, 0 },
	{ "4.3: a final dot is dropped", "d.org TXT \"v=spf1 +all\"", V4, NULL, "u@d.org.", PASS, 0, 0, 1 },
	{ "4.3: without a local-part it is postmaster", "d.org TXT \"v=spf1 exists:%{l}.x.org -all\"\npostmaster.x.org A 127.0.0.2",
	  V4, NULL, "@d.org", PASS, 1, 0, 2 },
	{ "4.3: the null sender is postmaster at HELO", "h.org TXT \"v=spf1 exists:%{l}.%{o}.x.org -all\"\n"
	  "postmaster.h.org.x.org A 127.0.0.2", V4, "h.org", "", PASS, 1, 0, 2 },
	{ "4.4: no answer is a temperror", "d.org TXT !SERVFAIL", V4, NULL, "u@d.org", TEMPERROR, 0, 0, 1 },
	{ "4.4: no such domain is none", "", V4, NULL, "u@d.org", NONE, 0, 0, 1 },
	{ "4.5: records of type SPF are not asked for", "d.org SPF \"v=spf1 +all\"", V4, NULL, "u@d.org", NONE, 0, 0, 1 },
	{ "4.6: an error after all is a permerror", "d.org TXT \"v=spf1 +all foo:bar\"", V4, NULL, "u@d.org", PERMERROR, 0, 0, 1 },
	{ "4.7: without a match it is neutral", "d.org TXT \"v=spf1 ip4:192.0.2.2\"", V4, NULL, "u@d.org", NEUTRAL, 0, 0, 1 },
	{ "5: a mapped IPv4 address is IPv4", "d.org TXT \"v=spf1 ip4:192.0.2.1 -all\"", "::ffff:192.0.2.1", NULL, "u@d.org",
	  PASS, 0, 0, 1 },
	{ "5: ip4 does not match IPv6", "d.org TXT \"v=spf1 ip4:0.0.0.0/0 ~all\"", V6, NULL, "u@d.org", SOFTFAIL, 0, 0, 1 },
	{ "5.2: fail of an include goes on", "d.org TXT \"v=spf1 include:i.org ?all\"\ni.org TXT \"v=spf1 -all\"", V4, NULL,
	  "u@d.org", NEUTRAL, 1, 0, 2 },
	{ "5.2: pass of an include takes its qualifier", "d.org TXT \"v=spf1 ~include:i.org -all\"\ni.org TXT \"v=spf1 +all\"", V4,
	  NULL, "u@d.org", SOFTFAIL, 1, 0, 2 },
	{ "5.2: permerror of an include is one", "d.org TXT \"v=spf1 include:i.org -all\"\ni.org TXT \"v=spf1 x\"", V4, NULL,
	  "u@d.org", PERMERROR, 1, 0, 2 },
	{ "5.2: an include loop ends", "d.org TXT \"v=spf1 include:d.org -all\"", V4, NULL, "u@d.org", PERMERROR, 11, 0, 11 },
	{ "5.3: both prefix lengths of an a", "d.org TXT \"v=spf1 a:h.org/24//32 -all\"\nh.org AAAA 2001:db8:1::", V6, NULL,
	  "u@d.org", PASS, 1, 0, 2 },
	{ "5.4: a null MX matches nothing", "d.org TXT \"v=spf1 mx -all\"\nd.org MX 0 .", V4, NULL, "u@d.org", FAIL, 1, 0, 2 },
	{ "5.4: an mx does not fall back to the address", "d.org TXT \"v=spf1 mx -all\"\nd.org A 192.0.2.1", V4, NULL, "u@d.org",
	  FAIL, 1, 1, 2 },
	{ "5.4: no answer for a host is a temperror", "d.org TXT \"v=spf1 mx -all\"\nd.org MX 1 h.org\nh.org A !TIMEOUT", V4, NULL,
	  "u@d.org", TEMPERROR, 1, 0, 3 },
	{ "5.5: no answer for the names is no match", "d.org TXT \"v=spf1 ptr ~all\"\n1.2.0.192.in-addr.arpa PTR !SERVFAIL", V4,
	  NULL, "u@d.org", SOFTFAIL, 1, 0, 2 },
	{ "5.5: a name without an answer is skipped",
	  "d.org TXT \"v=spf1 ptr -all\"\n1.2.0.192.in-addr.arpa PTR a.d.org\n1.2.0.192.in-addr.arpa PTR b.d.org\n"
	  "a.d.org A !SERVFAIL\nb.d.org A 192.0.2.1", V4, NULL, "u@d.org", PASS, 1, 0, 4 },
	{ "5.7: exists asks for A also for IPv6", "d.org TXT \"v=spf1 exists:x.org -all\"\nx.org A 127.0.0.2", V6, NULL, "u@d.org",
	  PASS, 1, 0, 2 },
	{ "5.7: an AAAA is not enough", "d.org TXT \"v=spf1 exists:x.org -all\"\nx.org AAAA ::1", V6, NULL, "u@d.org", FAIL, 1, 1, 2 },
	{ "6.1: a redirect takes the result", "d.org TXT \"v=spf1 redirect=r.org\"\nr.org TXT \"v=spf1 -all\"", V4, NULL,
	  "u@d.org", FAIL, 1, 0, 2 },
	{ "6.1: %{d} in its target is the target", "d.org TXT \"v=spf1 redirect=r.org\"\nr.org TXT \"v=spf1 a -all\"\nr.org A 192.0.2.1",
	  V4, NULL, "u@d.org", PASS, 2, 0, 3 },
	{ "6.1: a redirect inside an include", "d.org TXT \"v=spf1 include:i.org -all\"\ni.org TXT \"v=spf1 redirect=r.org\"\n"
	  "r.org TXT \"v=spf1 +all\"", V4, NULL, "u@d.org", PASS, 2, 0, 3 },
	{ "6.1: a redirect loop ends", "d.org TXT \"v=spf1 redirect=d.org\"", V4, NULL, "u@d.org", PERMERROR, 11, 0, 11 },
	{ "RFC 8616: %{l} that is not ASCII never matches", "d.org TXT \"v=spf1 exists:%{l}.x.org include:%{L}.x.org ~all\"", V4,
	  NULL, "\xc3\xbc@d.org", SOFTFAIL, 2, 0, 1 },
	{ "a malformed target does not match", "d.org TXT \"v=spf1 a:%{h}..x.org ~all\"", V4, NULL, "u@d.org", SOFTFAIL, 1, 0, 1 },
	{ "an include of a malformed target is a permerror", "d.org TXT \"v=spf1 include:%{h}..x.org ~all\"", V4, NULL, "u@d.org",
	  PERMERROR, 1, 0, 1 },
	{ "an include of a single label is a permerror", "d.org TXT \"v=spf1 include:%{h} ~all\"", V4, "h", "u@d.org", PERMERROR, 1,
	  0, 1 },
	{ "without an address it is none", "", "", NULL, "u@d.org", NONE, 0, 0, 0 },
};

/* clang-format on */

static void run_checks(const struct check *checks, size_t n)
{
	struct auth_settings settings = spf_settings();

	for (size_t i = 0; i < n; i++) {
		const struct check *c = &checks[i];

		spf_check(&settings, c->zone, c->ip, c->helo ? c->helo : "mail.example.org", c->from);
		ok(spf.result == c->result && (c->n_terms < 0 || spf.n_terms == c->n_terms) &&
			   (c->n_voids < 0 || spf.n_voids == c->n_voids) &&
			   (c->n_questions < 0 || n_questions == (unsigned)c->n_questions),
		   "%s", c->sentence);
		if (tap_n_failed)
			printf("# got %s (%s), %u terms, %u voids, %u questions\n%s", spf_result_text(spf.result),
			       spf.reason, spf.n_terms, spf.n_voids, n_questions, account);
	}
}

static void results(void)
{
	struct auth_settings settings = spf_settings();

	spf_check(&settings, "d.org TXT \"v=spf1 ip4:192.0.2.1 -all\"", V4, "h.org", "u@D.org");
	is_span(spf.domain, SPAN("d.org"), "the domain checked is in lower case");
	is_span(spf.mechanism, SPAN("ip4:192.0.2.1"), "the directive that matched is told");
	ok(spf.scope == SPF_SCOPE_MFROM, "the scope is mfrom");
	spf_check(&settings, "h.org TXT \"v=spf1 ?all\"", V4, "h.org", "");
	ok(spf.scope == SPF_SCOPE_HELO, "the scope of the null sender is helo");
	spf_check(&settings, "h.org TXT \"v=spf1\"", V4, "h.org", NULL);
	is_span(spf.mechanism, SPAN("default"), "without a match the mechanism is default");
	spf_check(&settings, "d.org TXT \"v=spf1 include:i.org -all\"\ni.org TXT \"v=spf1 ip4:192.0.2.1\"", V4, "h.org",
		  "u@d.org");
	is_span(spf.mechanism, SPAN("include:i.org"), "of nested directives the outermost is told");
	ok(strstr(account, "spf: i.org: ip4:192.0.2.1 matched\n") &&
		   strstr(account, "spf: d.org: include:i.org matched\n"),
	   "the account has a line for each term");
	ok(spf_check(&settings, "d.org TXT \"v=spf1 exists:%{ir}.%{d} -all\"\n1.2.0.192.d.org A 127.0.0.1", "192.0.2.1",
		     "h.org", "u@d.org") == SPF_RESULT_PASS &&
		   strstr(account, "spf: d.org: 1.2.0.192.d.org is what the macros make of it\n"),
	   "and says what macros stand for");
}

int main(void)
{
	run_checks(pitfalls, sizeof(pitfalls) / sizeof(pitfalls[0]));
	run_checks(sections, sizeof(sections) / sizeof(sections[0]));
	results();
	return done();
}
