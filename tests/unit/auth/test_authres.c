// SPDX-License-Identifier: MIT
/*
 * test_authres.c - what our Authentication-Results say, and which incoming ones are taken for ours
 */
#include "crypto/crypto_openssl.h"
#include "dataplane/auth/authres.h"
#include "dns/domain_names.h"
#include "tests/tap.h"

static struct stats stats;
static struct spf helo, mfrom;
static struct dkim dkim;
static struct arc arc;
static struct dmarc dmarc;
static struct from from;
static struct auth_settings settings;
static struct msg_field fields[MSG_FIELDS_MAX];
static char room[16384];
static struct text out;

/* All passed for a message of example.org; tests change what they are about. */
static struct authres_in a_good_message(void)
{
	settings = auth_settings_default();
	settings.hash = &crypto_openssl_hash;
	settings.to_ascii = domain_to_ascii;
	settings.stats = &stats;
	helo = (struct spf){ .result = SPF_RESULT_PASS, .reason = "", .mechanism = SPAN("mx") };
	mfrom = (struct spf){ .result = SPF_RESULT_PASS, .reason = "", .mechanism = SPAN("ip4:192.0.2.0/24") };
	arc = (struct arc){ .result = ARC_RESULT_NONE, .reason = "" };
	dmarc = (struct dmarc){ .result = DMARC_RESULT_PASS,
				.reason = "",
				.policy_domain = SPAN("example.org"),
				.published = DMARC_POLICY_REJECT,
				.policy = DMARC_POLICY_REJECT };
	from = (struct from){ .reason = "", .domain_len = 11, .domain = "example.org" };
	text_init(&out, room, sizeof(room));
	return (struct authres_in){ .settings = &settings,
				    .spf_helo = &helo,
				    .spf_mfrom = &mfrom,
				    .ip = { .family = IP_V4, .bytes = { 192, 0, 2, 1 } },
				    .helo = SPAN("mail.example.org"),
				    .mail_from = SPAN("a@example.org"),
				    .dkim = &dkim,
				    .arc = &arc,
				    .dmarc = &dmarc,
				    .from = &from };
}

/* @header outlives the check.  What could be verified gets the result @r. */
static void signatures(struct span header, enum dkim_result r)
{
	static struct msg_header h;

	h = (struct msg_header){ .fields = fields, .fields_max = MSG_FIELDS_MAX };
	msg_header_parse(&h, header);
	dkim_begin(&dkim, &settings, &h, SPAN("example.org"), 1700000000, NULL);
	dkim_body_end(&dkim);
	dkim_give_up(&dkim);
	for (size_t i = 0; i < dkim.n_slots; i++) {
		dkim.slots[i].result = r;
		dkim.slots[i].reason = r == DKIM_RESULT_PASS ? "" : "it is a test";
	}
}

#define SIGNATURE(d, s, b)                                                                                             \
	"DKIM-Signature: v=1; a=rsa-sha256; d=" d "; s=" s "; h=from; "                                                \
	"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" b "\r\n"

static void fields_are_as_the_rfc_has_them(void)
{
	struct authres_in in = a_good_message();

	signatures(SPAN(SIGNATURE("example.org", "s1", "AbCd\r\n EfGhIjKl")), DKIM_RESULT_PASS);
	authres_write(&in, &out);
	is_span(text_span(&out),
		SPAN("Authentication-Results: mx.example;\r\n"
		     "\tspf=pass smtp.helo=mail.example.org;\r\n"
		     "\tspf=pass smtp.mailfrom=a@example.org;\r\n"
		     "\tdkim=pass header.d=example.org header.s=s1 header.a=rsa-sha256\r\n"
		     "\theader.b=AbCdEfGh;\r\n"
		     "\tarc=none;\r\n"
		     "\tdmarc=pass header.from=example.org policy.published-domain-policy=reject\r\n"),
		"a message of which all passed");

	in = a_good_message();
	signatures(SPAN("Subject: s\r\n"), DKIM_RESULT_PASS);
	helo.result = SPF_RESULT_NONE;
	helo.reason = "no SPF record";
	mfrom.result = SPF_RESULT_FAIL;
	mfrom.reason = "the record says no";
	arc = (struct arc){
		.result = ARC_RESULT_FAIL, .reason = "a seal is wrong", .instance = 2, .sealer = SPAN("l.example")
	};
	dmarc.result = DMARC_RESULT_FAIL;
	dmarc.disposition = DMARC_POLICY_QUARANTINE;
	authres_write(&in, &out);
	is_span(text_span(&out),
		SPAN("Authentication-Results: mx.example;\r\n"
		     "\tspf=none (no SPF record) smtp.helo=mail.example.org;\r\n"
		     "\tspf=fail (the record says no) smtp.mailfrom=a@example.org;\r\n"
		     "\tdkim=none;\r\n"
		     "\tarc=fail (i=2 sealer=l.example) (a seal is wrong);\r\n"
		     "\tdmarc=fail (p=reject dis=quarantine) header.from=example.org\r\n"
		     "\tpolicy.published-domain-policy=reject\r\n"),
		"a message of which all failed");

	in = a_good_message();
	from = (struct from){ .error = FROM_REPEATED, .reason = "there is more than one From field" };
	dmarc = (struct dmarc){ .result = DMARC_RESULT_NONE, .reason = "" };
	in.dkim = NULL;
	in.spf_mfrom = NULL;
	authres_write(&in, &out);
	is_span(text_span(&out),
		SPAN("Authentication-Results: mx.example;\r\n\tspf=pass smtp.helo=mail.example.org;\r\n\tarc=none;\r\n"
		     "\tdmarc=none (there is more than one From field)\r\n"),
		"a message without an author");

	a_good_message();
	in = (struct authres_in){ .settings = &settings };
	authres_write(&in, &out);
	is_span(text_span(&out), SPAN("Authentication-Results: mx.example; none\r\n"), "no result at all");
}

static void received_spf_has_a_field_for_each_identity(void)
{
	struct authres_in in = a_good_message();

	mfrom.result = SPF_RESULT_SOFTFAIL;
	mfrom.reason = "~all matched";
	mfrom.mechanism = SPAN("~all");
	in.ip = (struct ip_addr){ .family = IP_V6, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	authres_received_spf(&in, &out);
	is_span(text_span(&out),
		SPAN("Received-SPF: softfail (~all matched) client-ip=\"2001:db8::1\";\r\n"
		     "\tenvelope-from=\"a@example.org\"; helo=mail.example.org; receiver=mx.example;\r\n"
		     "\tmechanism=\"~all\"; identity=mailfrom\r\n"
		     "Received-SPF: pass client-ip=\"2001:db8::1\"; envelope-from=\"a@example.org\";\r\n"
		     "\thelo=mail.example.org; receiver=mx.example; mechanism=mx; identity=helo\r\n"),
		"Received-SPF (RFC 7208 9.1)");
}

/* The value as the field shows it after "smtp.mailfrom=" or "smtp.helo=". */
static struct span shown(struct span mail_from, struct span helo_name)
{
	struct authres_in in = a_good_message();
	struct span field;

	in.dkim = NULL;
	in.arc = NULL;
	in.dmarc = NULL;
	in.mail_from = mail_from;
	in.helo = helo_name;
	if (helo_name.len)
		in.spf_mfrom = NULL;
	else
		in.spf_helo = NULL;
	authres_write(&in, &out);
	CHECK(!out.full);
	field = text_span(&out);
	field = span_skip(field, span_find(field, '\t'));
	field = span_skip(field, sizeof("\tspf=pass") - 1);
	return span_head(span_skip(field, span_find(field, 's')), field.len - 2 - span_find(field, 's'));
}

static void values_of_peers_are_quoted(void)
{
	static const struct {
		const char *sentence, *mail_from, *shown;
	} mailboxes[] = {
		{ "dot-atom and domain", "a.b+c=d@x_y.example.org", "a.b+c=d@x_y.example.org" },
		{ "a quoted local part", "\"a b\"@x.org", "\"\\\"a b\\\"@x.org\"" },
		{ "a backslash", "a\\@x.org", "\"a\\\\@x.org\"" },
		{ "a comment", "(any@legit.example", "\"(any@legit.example\"" },
		{ "another result", "a@x.org; dkim=pass header.d=bank.example",
		  "\"a@x.org; dkim=pass header.d=bank.example\"" },
		{ "CR LF and NUL-free controls", "a\r\n b\x7f@x.org", "\"a?? b?@x.org\"" },
		{ "8-bit octets", "\xc3\xa9@x.org", "\"??@x.org\"" },
		{ "a source route", "@a.org,@b.org:c@d.org", "\"@a.org,@b.org:c@d.org\"" },
		{ "an address literal", "a@[192.0.2.1]", "\"a@[192.0.2.1]\"" },
		{ "an apostrophe in the domain", "a@legit.example'a.attack.example",
		  "\"a@legit.example'a.attack.example\"" },
		{ "two dots", "a..b@x.org", "\"a..b@x.org\"" },
		{ "no domain", "postmaster", "postmaster" },
	};
	char expected[300], long_name[400];

	for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
		snprintf(expected, sizeof(expected), "smtp.mailfrom=%s", mailboxes[i].shown);
		is_span(shown(span_str(mailboxes[i].mail_from), SPAN("")), span_str(expected), "MAIL FROM with %s",
			mailboxes[i].sentence);
	}
	is_span(shown(SPAN("a\0b@x.org"), SPAN("")), SPAN("smtp.mailfrom=\"a?b@x.org\""), "MAIL FROM with a NUL");
	is_span(shown(SPAN(""), SPAN("[IPv6:2001:db8::1]")), SPAN("smtp.helo=\"[IPv6:2001:db8::1]\""),
		"HELO with a literal");
	is_span(shown(SPAN(""), SPAN("x\";")), SPAN("smtp.helo=\"x\\\";\""), "HELO with a quote");

	memset(long_name, 'a', sizeof(long_name));
	struct span s = shown(SPAN(""), span_of(long_name, AUTHRES_VALUE_MAX));
	ok(s.len == sizeof("smtp.helo=") - 1 + AUTHRES_VALUE_MAX, "256 octets are shown");
	s = shown(SPAN(""), span_of(long_name, AUTHRES_VALUE_MAX + 1));
	ok(s.len == sizeof("smtp.helo=\"\"") - 1 + AUTHRES_VALUE_MAX && span_ends_nocase(s, SPAN("aaa...\"")),
	   "257 octets are cut");
}

/* How often @what stands in what was written. */
static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *at = room; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void signatures_are_bounded(void)
{
	static char header[1 << 18];
	struct authres_in in = a_good_message();
	struct text t;

	signatures(SPAN("DKIM-Signature: v=1; a=rsa-sha256; d=legit.example'a.attack.example; s=a;b=x;\r\n"),
		   DKIM_RESULT_PASS);
	authres_write(&in, &out);
	ok(strstr(room, "header.d=\"legit.example'a.attack.example\"") != NULL, "a strange d= is one quoted string");

	in = a_good_message();
	text_init(&t, header, sizeof(header));
	for (int i = 0; i < 20; i++)
		text_puts(&t, "DKIM-Signature: junk\r\n");
	text_puts(&t, SIGNATURE("example.org", "s1", "Zm9v/mFy"));
	signatures(text_span(&t), DKIM_RESULT_PASS);
	authres_write(&in, &out);
	ok(count("dkim=") == AUTHRES_SIGNATURES_MAX, "sixteen signatures are shown");
	ok(count("dkim=pass") == 1 && strstr(room, ";\r\n\tdkim=pass") == strstr(room, ";\r\n\tdkim="),
	   "the one that passed comes first");
	ok(count("header.b=\"Zm9v/mFy\"") == 1, "header.b is quoted where base64 is no token");
	ok(count("(5 more signatures are not shown)") == 1, "of the others the number is told");

	in = a_good_message();
	text_init(&t, header, sizeof(header));
	for (int i = 0; i < 100; i++) {
		text_puts(&t, "DKIM-Signature: v=1; a=rsa-sha256; b=x; d=");
		for (int n = 0; n < 400; n++)
			text_putc(&t, '\\');
		text_puts(&t, "\r\n");
	}
	signatures(text_span(&t), DKIM_RESULT_PASS);
	authres_write(&in, &out);
	ok(!out.full && out.len < AUTHRES_DKIM_OCTETS_MAX + 1024, "a hundred long ones stay within bounds: %zu octets",
	   out.len);
	ok(count("more signatures are not shown)") == 1 && span_ends_nocase(text_span(&out), SPAN("=reject\r\n")),
	   "and the field is whole");
}

static void results_of_ours_are_ours(void)
{
	struct authres_in in = a_good_message();
	struct span value;

	signatures(SPAN(SIGNATURE("example.org", "s1", "AbCdEfGh")), DKIM_RESULT_PASS);
	authres_write(&in, &out);
	value = span_skip(text_span(&out), sizeof("Authentication-Results:") - 1);
	ok(authres_is_ours(&settings, SPAN("Authentication-Results"), value), "what we write is ours");
	arc = (struct arc){ .result = ARC_RESULT_PASS, .instance = 1, .sealer = SPAN("a) dkim=pass"), .reason = "" };
	text_reset(&out);
	authres_write(&in, &out);
	ok(count("arc=pass (i=1);") == 1, "a strange sealer is not shown");
}

struct claim {
	const char *sentence, *value;
	bool ours;
};

/* authserv_id is mx.example */
static const struct claim claims[] = {
	{ "as we write it", " mx.example; spf=pass\r\n", true },
	{ "without white space", "mx.example;none", true },
	{ "in another case", " MX.Example; spf=pass\r\n", true },
	{ "with a version", " mx.example 1; spf=pass\r\n", true },
	{ "with a version after a slash", " mx.example/1; spf=pass\r\n", true },
	{ "with a comment before it", " (a (b) \\) c) mx.example; spf=pass\r\n", true },
	{ "with a comment after it", " mx.example(c); spf=pass\r\n", true },
	{ "folded", "\r\n\tmx.example\r\n ;\r\n spf=pass\r\n", true },
	{ "in quotes", " \"mx.example\"; spf=pass\r\n", true },
	{ "in quotes, with quoted pairs", " \"m\\x\\.exa\\mple\" 1; spf=pass\r\n", true },
	{ "in quotes, with white space", " \" mx.example\r\n \"; spf=pass\r\n", true },
	{ "with comments round its dot", " mx(a) . (b)\r\n example; spf=pass\r\n", true },
	{ "with a final dot", " mx.example.; spf=pass\r\n", true },
	{ "before a comment and more labels", " mx.example (a) .org; spf=pass\r\n", true },
	{ "before a dot, white space and more labels", " mx.example. org; spf=pass\r\n", true },
	{ "with a comment within a label", " m(x)x.exam(c)ple; spf=pass\r\n", true },
	{ "with white space within a label", " m x.exam\r\n ple; spf=pass\r\n", true },
	{ "before words", " mx.example from=x.org; spf=pass\r\n", true },
	{ "alone", " mx.example\r\n", true },
	{ "in full-width letters", " \xef\xbd\x8d\xef\xbd\x98.example; spf=pass\r\n", true },
	{ "with an ideographic full stop",
	  " mx\xe3\x80\x82"
	  "example; spf=pass\r\n",
	  true },
	{ "with a soft hyphen", " mx\xc2\xad.example; spf=pass\r\n", true },
	{ "with a no-break space", " mx.example\xc2\xa0; spf=pass\r\n", true },
	{ "and a bare LF", "\n mx.example; spf=pass\r\n", true },
	{ "none: a result at once", " spf=pass smtp.mailfrom=x.org; dkim=none\r\n", true },
	{ "none: a result with white space", " spf = pass; dkim=none\r\n", true },
	{ "none: a result with a version", " spf/1 (c) =pass; dkim=none\r\n", true },
	{ "none: empty", "\r\n", true },
	{ "none: a semicolon at once", " ; spf=pass\r\n", true },
	{ "an empty one in quotes", " \"\"; spf=pass\r\n", true },
	{ "an encoded word", " =?utf-8?q?mx.example?=; spf=pass\r\n", true },
	{ "an open comment", " (x mx.other; spf=pass\r\n", true },
	{ "an open quote", " \"mx.other; spf=pass\r\n", true },
	{ "a control octet", " mx.other\x01; spf=pass\r\n", true },
	{ "a leading dot", " .mx.other; spf=pass\r\n", true },
	{ "two dots", " mx..other; spf=pass\r\n", true },
	{ "an at-sign", " a@mx.example; spf=pass\r\n", true },
	{ "quotes with a semicolon in them", " \"mx.example; spf=pass\"\r\n", true },
	{ "quotes that touch", " mx.other\"mx.example\"; spf=pass\r\n", true },
	{ "quotes that touch an atom", " \"mx.other\"mx.example; spf=pass\r\n", true },
	{ "another's", " mx.other; spf=pass\r\n", false },
	{ "another's with a version", " mx.other 1; spf=pass\r\n", false },
	{ "another's with a version after a slash", " mx.other/1; spf=pass\r\n", false },
	{ "another's in quotes", " \"mx.other\"; spf=pass\r\n", false },
	{ "another's without results", " mx.other\r\n", false },
	{ "another's, of the oldest kind", " mta1.mail.other  from=x.org; domainkeys=neutral (no sig)\r\n", false },
	{ "another's that ends like ours", " a.mx.example; spf=pass\r\n", false },
	{ "another's that begins like ours", " mx.example.org; spf=pass\r\n", false },
	{ "another's that names ours later", " mx.other; spf=pass smtp.helo=mx.example\r\n", false },
	{ "another's with ours in a comment", " (mx.example) mx.other; spf=pass\r\n", false },
	{ "another's U-label",
	  " b\xc3\xbc"
	  "cher.example; spf=pass\r\n",
	  false },
};

static void forged_fields_are_found(void)
{
	static char long_id[2000];

	a_good_message();
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		ok(authres_is_ours(&settings, SPAN("Authentication-Results"), span_str(claims[i].value)) ==
			   claims[i].ours,
		   "authserv-id %s: %s", claims[i].sentence, claims[i].ours ? "ours" : "not ours");
	ok(authres_is_ours(&settings, SPAN("AUTHENTICATION-results"), SPAN(" mx.example; none")),
	   "the name in another case");
	ok(!authres_is_ours(&settings, SPAN("ARC-Authentication-Results"), SPAN(" i=1; mx.example; none")),
	   "ARC's stays");
	ok(!authres_is_ours(&settings, SPAN("Subject"), SPAN(" mx.example; none")), "another field stays");
	ok(authres_is_ours(&settings, SPAN("Authentication-Results"), SPAN(" mx.other\0; none")), "a NUL");
	memset(long_id, 'a', sizeof(long_id));
	ok(authres_is_ours(&settings, SPAN("Authentication-Results"), span_of(long_id, sizeof(long_id))),
	   "an authserv-id longer than any name");

	settings.authserv_id = "xn--bcher-kva.example";
	ok(authres_is_ours(&settings, SPAN("Authentication-Results"),
			   SPAN(" B\xc3\x9c"
				"CHER.example; none")),
	   "our name in U-labels");
	ok(authres_is_ours(&settings, SPAN("Authentication-Results"),
			   SPAN(" \"b\xc3\xbc"
				"cher.example\"; none")),
	   "our name in U-labels and quotes");
	ok(authres_is_ours(&settings, SPAN("Authentication-Results"), SPAN(" XN--bcher-kva.example; none")),
	   "our name in A-labels");
	ok(authres_is_ours(&settings, SPAN("Authentication-Results"),
			   SPAN(" b\xfc"
				"cher.example; none")),
	   "8-bit text that is no name");
}

int main(void)
{
	fields_are_as_the_rfc_has_them();
	received_spf_has_a_field_for_each_identity();
	values_of_peers_are_quoted();
	signatures_are_bounded();
	results_of_ours_are_ours();
	forged_fields_are_found();
	return done();
}
