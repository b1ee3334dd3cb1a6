// SPDX-License-Identifier: MIT
/*
 * test_dkim_pitfalls.c - what other verifiers got wrong, by the numbers of the list (D1 to D28)
 *
 * Each case is a message signed here, with another canonicaliser than the one under test.
 */
#include "tests/unit/auth/dkim_check.h"

#define SIG "v=1; a=rsa-sha256; d=example.org; s=s1; "
#define HEAD "From: A <a@example.org>\r\nTo: b@example.net\r\nSubject: hello  there\r\n"

static struct mail mail;

/* A fresh mail, signed by @template with the 1024-bit key, and that key in DNS. */
static void fresh(const char *header, const char *body, const char *template)
{
	check_reset();
	dns_txt("s1._domainkey.example.org", signer_record(RSA_1024));
	mail_set(&mail, header, body);
	sign(&mail, template, RSA_1024);
}

static void verify(void)
{
	check_mail(&mail);
}

#define verified(...) (verify(), is_result(__VA_ARGS__))

static void test_bodies(void)
{
	fresh(HEAD, "a\r\n \t\r\nb\r\n  \r\n\r\n", SIG "c=relaxed/relaxed; h=from:to; bh=@BH@; b=@B@");
	verified("pass", "", "D1: lines of white space alone, relaxed");
	mail_set(&mail, HEAD, "");
	sign(&mail, SIG "c=relaxed/relaxed; h=from; bh=@BH@; b=@B@", RSA_1024);
	verified("pass", "", "D2: empty body, relaxed: the hash of nothing");
	is_span(template_tag(mail.header, "bh"), SPAN("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
		"D2: which is this one");
	mail_set(&mail, HEAD, "");
	sign(&mail, SIG "h=from; bh=@BH@; b=@B@", RSA_1024);
	verified("pass", "", "D2: empty body, simple: the hash of CRLF");
	is_span(template_tag(mail.header, "bh"), SPAN("frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),
		"D2: which is this one");

	static const char body[] = "  one \t two\r\n\r\n \r\nthree\t\r\n\r\n\r\n";
	size_t n_bad = 0;

	for (int relaxed = 0; relaxed < 2; relaxed++) {
		fresh(HEAD, body,
		      relaxed ? SIG "c=simple/relaxed; h=from; bh=@BH@; b=@B@" : SIG "h=from; bh=@BH@; b=@B@");
		for (check.step = 1; check.step <= sizeof(body); check.step++) {
			verify();
			n_bad += check_report(0).result != DKIM_RESULT_PASS;
		}
	}
	ok(n_bad == 0, "D3: the body in pieces of any length");
}

static void test_several(void)
{
	fresh(HEAD, "0123456789\r\nmore\r\n", SIG "c=simple/simple; l=5; h=from; bh=@BH@; b=@B@");
	sign(&mail, SIG "c=simple/simple; l=10; h=from; bh=@BH@; b=@B@", RSA_1024);
	sign(&mail, SIG "c=simple/simple; h=from; bh=@BH@; b=@B@", RSA_1024);
	check.settings.dkim_partial = DKIM_PARTIAL_ACCEPT;
	verify();
	ok(check_report(0).result == DKIM_RESULT_PASS && check_report(1).result == DKIM_RESULT_PASS &&
		   check_report(2).result == DKIM_RESULT_PASS,
	   "D4: different l= over one body, each its own hash");
	ok(check_report(1).partial && !check_report(0).partial, "D4: and each knows whether it covers all");

	fresh(HEAD, "x\r\n", SIG "h=from:to; bh=@BH@; b=@B@");
	sign(&mail, SIG "h=subject:from; bh=@BH@; b=@B@", RSA_1024);
	sign(&mail, SIG "h=to:from:dkim-signature; bh=@BH@; b=@B@", RSA_1024);
	verify();
	ok(check_report(0).result == DKIM_RESULT_PASS && check_report(1).result == DKIM_RESULT_PASS &&
		   check_report(2).result == DKIM_RESULT_PASS,
	   "D5: several simple/simple signatures share nothing of the header, one signs another");

	static const char *const pairs[] = { "simple/simple",   "simple/relaxed", "relaxed/simple",
					     "relaxed/relaxed", "simple",         "relaxed" };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char template[256];

		snprintf(template, sizeof(template), SIG "c=%s; h=subject:from; bh=@BH@; b=@B@", pairs[i]);
		fresh(HEAD, "a  b \r\n\r\n\r\n", template);
		verify();
		is_result("pass", "", "D6: c=%s", pairs[i]);
		bool relaxed_header = pairs[i][0] == 'r', relaxed_body = strstr(pairs[i], "/r") != NULL;

		mail_replace(&mail, "hello  there", "hello there ");
		verify();
		is_result(relaxed_header ? "pass" : "fail", "", "D6: c=%s, white space of the header changed",
			  pairs[i]);
		fresh(HEAD, "a  b \r\n\r\n\r\n", template);
		replace(mail.body, MAIL_MAX, "a  b", "a b ");
		verify();
		is_result(relaxed_body ? "pass" : "fail", "", "D6: c=%s, white space of the body changed", pairs[i]);
	}
}

static void test_headers(void)
{
	fresh("Subject:\r\n x\r\nFrom:\r\n\t a@example.org\r\n", "x\r\n",
	      SIG "c=relaxed/simple; h=subject:from; bh=@BH@; b=@B@");
	verified("pass", "", "D7: fields folded right after the colon");
	mail_replace(&mail, "Subject:\r\n x", "Subject:x");
	verified("pass", "", "D7: and unfolded on the way");

	fresh("Received: one\r\nReceived: two\r\nReceived: three\r\n" HEAD, "x\r\n",
	      SIG "h=FROM:\r\n\treceived : Received :x-none: RECEIVED:received:from; bh=@BH@; b=@B@");
	verified("pass", "", "D8: FWS round colons, mixed case, repeated and missing names");
	mail_prepend(&mail, "X-Other: 1\r\n");
	verified("pass", "", "D8: an unnamed field may be added");
	mail_prepend(&mail, "X-None: 1\r\n");
	verified("fail", "does not match the header", "D8: a field that was signed as missing may not");
	fresh("Received: one\r\nReceived: two\r\n" HEAD, "x\r\n", SIG "h=from:received; bh=@BH@; b=@B@");
	mail_prepend(&mail, "Received: three\r\n");
	verified("pass", "", "D8: names count from the bottom: a Received on top changes nothing");

	static const char *const places[] = {
		SIG "h=from; bh=@BH@; b=@B@",
		SIG "h=from; bh=@BH@; b=@B@;",
		SIG "h=from; bh=@BH@; b=@BF@",
		SIG "h=from; bh=@BH@; b= \t@BF@ \r\n ",
		SIG "h=from; b=\r\n\t@BF@\r\n\t ; bh=@BH@",
		"b=@BF@; " SIG "h=from; bh=@BH@",
		SIG "h=from; bh=@BH@; b \r\n = \r\n @BF@ ; z=From:x",
		SIG "c=relaxed/simple; h=from; b=\r\n\t@BF@\r\n\t ; bh=@BH@",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		fresh(HEAD, "x\r\n", places[i]);
		verify();
		is_result("pass", "", "D9: the value of b= and the white space round it are removed (%zu)", i);
	}
}

static void test_identifiers(void)
{
	static const struct {
		const char *i, *result, *part;
	} rows[] = {
		{ "@fexample.net", "permerror", "i=" }, /* d=example.org */
		{ "@fexample.org", "permerror", "neither d= nor below" },
		{ "@example.org", "pass", "" },
		{ "a@sub.Example.ORG", "pass", "" },
		{ "@org", "permerror", "i=" },
		{ "example.org", "permerror", "no domain" },
		{ "a=40b@example.org", "pass", "" },
		{ "jlong=40example=2Eorg", "pass", "" },
		{ "jlong=4zexample.org", "permerror", "quoted-printable" },
		{ "jlong=4", "permerror", "quoted-printable" },
		{ "\"x@evil.example\"@example.org", "pass", "" },
		{ "@example.org.", "permerror", "i=" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char template[256];

		snprintf(template, sizeof(template), SIG "i=%s; h=from; bh=@BH@; b=@B@", rows[i].i);
		fresh(HEAD, "x\r\n", template);
		verify();
		is_result(rows[i].result, rows[i].part, "D10: i=%s", rows[i].i);
	}
	fresh(HEAD, "x\r\n", SIG "yy=1; x_1=a b; h=from; bh=@BH@; b=@B@");
	verified("pass", "", "D11: unknown tags are ignored");
	fresh(HEAD, "x\r\n", SIG "yy=1; yy=1; h=from; bh=@BH@; b=@B@");
	verified("permerror", "twice", "D11: a tag that stands twice, even an unknown one");
	ok(check.n_questions == 0, "D11: and DNS is not asked");
}

static void test_key_records(void)
{
	char record[3000];
	struct text t;

	fresh(HEAD, "x\r\n", SIG "h=from; bh=@BH@; b=@B@");
	dns_clear();
	text_init(&t, record, sizeof(record));
	text_puts(&t, "k=rsa ;  p=");
	for (const char *p = signer_p(RSA_1024, false); *p; p++) {
		text_putc(&t, (uint8_t)*p);
		if (p[1] && (p - record) % 7 == 0)
			text_puts(&t, " ");
	}
	dns_txt("s1._domainkey.example.org", record);
	verified("pass", "", "D12: spaces in the base64 of p=");
	snprintf(record, sizeof(record), "v=DKIM1; p=%.20s!%s", signer_p(RSA_1024, false),
		 signer_p(RSA_1024, false) + 20);
	dns_clear();
	dns_txt("s1._domainkey.example.org", record);
	verified("permerror", "base64", "D12: bad base64");
	snprintf(record, sizeof(record), "v=DKIM1; p=%s", signer_p(RSA_1024, true));
	dns_clear();
	dns_txt("s1._domainkey.example.org", record);
	verified("pass", "", "both forms of an RSA key: the bare RSAPublicKey");

	dns_txt("s1._domainkey.example.org", signer_record(RSA_OTHER));
	verified("permerror", "several", "D13: two keys");
	dns_clear();
	dns_txt("s1._domainkey.example.org", "v=spf1 -all");
	dns_txt("s1._domainkey.example.org", signer_record(ED25519));
	dns_txt("s1._domainkey.example.org", signer_record(RSA_1024));
	dns_txt("s1._domainkey.example.org", signer_record(RSA_1024));
	verified("pass", "", "D13: other texts, a key of another type, the same key twice: one key");
	check.body_first = true;
	verified("pass", "", "D13: whichever comes first, the answer or the body");

	dns_clear();
	dns_txt("s1._domainkey.example.org", "v=DKIM1; k=rsa; p=");
	verified("permerror", "revoked", "D14: p= empty");
	dns_clear();
	dns_txt("s1._domainkey.example.org", "v=DKIM1; k=rsa; n=none");
	verified("permerror", "no p=", "D14: p= missing");
	ok(check.n_jobs == 0, "D14: nothing is computed");

	dns_clear();
	dns_txt("s1._domainkey.example.org", signer_record(ED25519));
	verified("permerror", "k=", "D15: an Ed25519 key for a=rsa-sha256");
	mail_set(&mail, HEAD, "x\r\n");
	sign(&mail, "v=1; a=ed25519-sha256; d=example.org; s=s1; h=from; bh=@BH@; b=@B@", ED25519);
	verified("pass", "", "Ed25519 (RFC 8463)");
	ok(check_report(0).key_bits == 256, "which has 256 bits");
	dns_clear();
	dns_txt("s1._domainkey.example.org", signer_record(RSA_1024));
	verified("permerror", "k=", "D15: an RSA key for a=ed25519-sha256");
	dns_clear();
	dns_txt("s1._domainkey.example.org", signer_record(ED25519_OTHER));
	verified("fail", "does not match", "another Ed25519 key");
}

static void test_lengths(void)
{
	char record[3000];

	check_reset();
	mail_set(&mail, HEAD, "x\r\n");
	sign(&mail,
	     "v=1; a=ed25519-sha256; d=example.org; s=s1; h=from; "
	     "bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; b=@B@",
	     ED25519);
	verified("permerror", "bh=", "D16: bh= longer than a hash");
	mail_set(&mail, HEAD, "x\r\n");
	sign(&mail, "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=AAAA; b=@B@", RSA_1024);
	verified("permerror", "bh=", "D16: bh= shorter than a hash");
	mail_set(&mail, HEAD, "x\r\n");
	sign(&mail, "v=1; a=ed25519-sha256; d=example.org; s=s1; h=from; bh=@BH@; b=@B@", ED25519);
	*strstr(mail.header, "; b=") = '\0';
	strcat(mail.header, "; b=AAAA\r\n" HEAD);
	mail.header_len = strlen(mail.header);
	dns_txt("s1._domainkey.example.org", signer_record(ED25519));
	verified("fail", "", "D16: b= shorter than a signature");
	for (int i = 0; i < 2; i++) {
		dns_clear();
		snprintf(record, sizeof(record), "v=DKIM1; k=ed25519; p=%.*s", i ? 44 : 40,
			 i ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			   : "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
		dns_txt("s1._domainkey.example.org", record);
		verify();
		is_result("permerror", "no key of that type", "Ed25519 keys of %d octets", i ? 33 : 30);
	}

	static const struct {
		enum signer key;
		const char *result, *part;
	} rows[] = { { RSA_512, "policy", "shorter" },
		     { RSA_768, "policy", "shorter" },
		     { RSA_1024, "pass", "" },
		     { RSA_2048, "pass", "" } };
	static const unsigned bits[] = { 512, 768, 1024, 2048 };

	for (size_t i = 0; i < 4; i++) {
		check_reset();
		mail_set(&mail, HEAD, "x\r\n");
		sign(&mail, SIG "h=from; bh=@BH@; b=@B@", rows[i].key);
		dns_txt("s1._domainkey.example.org", signer_record(rows[i].key));
		verify();
		is_result(rows[i].result, rows[i].part, "D17: RSA of %u bits (RFC 8301 3.2)", bits[i]);
		ok(check_report(0).key_bits == bits[i], "D17: whose length is reported");
		mail_replace(&mail, "A <a@", "B <a@");
		verify();
		is_result("fail", "does not match", "D17: and a signature of it that is wrong is fail");
	}
	/* A key of @bits with a modulus of ones: SubjectPublicKeyInfo is not needed to be refused by length. */
	static const struct {
		size_t octets;
		const char *result, *part;
		unsigned jobs;
	} longer[] = { { 1024, "fail", "does not match", 1 },
		       { 1032, "permerror", "longer", 1 },
		       { 2048, "permerror", "longer", 0 } };

	for (size_t i = 0; i < 3; i++) {
		uint8_t der[2200] = { 0x30, 0x82, 0, 0, 0x02, 0x82, 0, 0, 0x00 };
		size_t n = longer[i].octets;
		char b64[2900];
		struct text t;

		der[2] = (uint8_t)((n + 10) >> 8), der[3] = (uint8_t)(n + 10);
		der[6] = (uint8_t)((n + 1) >> 8), der[7] = (uint8_t)(n + 1);
		memset(der + 9, 0xff, n);
		memcpy(der + 9 + n, "\x02\x03\x01\x00\x01", 5);
		text_init(&t, b64, sizeof(b64));
		base64_encode(&t, span_of(der, n + 14));
		snprintf(record, sizeof(record), "p=%s", b64);
		check_reset();
		mail_set(&mail, HEAD, "x\r\n");
		sign(&mail, SIG "h=from; bh=@BH@; b=@B@", RSA_1024);
		dns_txt("s1._domainkey.example.org", record);
		verify();
		is_result(longer[i].result, longer[i].part, "D17: RSA of %zu bits", 8 * n);
		ok(check.n_jobs == longer[i].jobs, "D17: %s",
		   longer[i].jobs ? "the backend decides" : "no maths at all");
	}
}

/* h= of @n names, the first of them From. */
static const char *many_names(size_t n)
{
	static char template[16384];
	struct text t;

	text_init(&t, template, sizeof(template));
	text_puts(&t, SIG "bh=@BH@; b=@B@; h=from");
	for (size_t i = 1; i < n; i++) {
		text_puts(&t, ":x-");
		text_dec(&t, i % 400);
	}
	return template;
}

static void test_many(void)
{
	fresh(HEAD "X-7: a\r\nX-7: b\r\nX-399: c\r\n", "x\r\n", many_names(1000));
	verified("pass", "", "D18: h= with 1000 names");
	fresh(HEAD, "x\r\n", many_names(1001));
	verified("permerror", "too many", "D18: h= with 1001 names");
	fresh(HEAD, "x\r\n", many_names(900));
	check.settings.dkim_h_names_max = 899;
	verified("permerror", "too many", "D18: the limit is a setting");

	fresh(HEAD, "x\r\n", SIG "h=from; bh=@BH@; b=@B@");
	for (size_t i = 0; i < 100; i++)
		mail_prepend(&mail, "DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=s1; h=from; b=AAAA; "
				    "bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n");
	for (size_t i = 0; i < 100; i++)
		mail_prepend(&mail, "DKIM-Signature: nothing of worth\r\n");
	verify();
	ok(dkim_n_reports(&check.dkim) == 201, "D19: each of 201 fields is reported");
	ok(check.n_questions == 10, "D19: ten are asked for");
	size_t n_permerror = 0, n_policy = 0, n_pass = 0;

	for (size_t i = 0; i < 201; i++) {
		struct dkim_report r = check_report(i);

		n_permerror += i < 100 && r.result == DKIM_RESULT_PERMERROR && strstr(r.reason, "no =");
		n_policy += i >= 109 && i < 200 && r.result == DKIM_RESULT_POLICY &&
			    strstr(r.reason, "more signatures") && span_eq(r.d, SPAN("other.example"));
		n_pass += i == 200 && r.result == DKIM_RESULT_PASS;
	}
	ok(n_permerror == 100, "D19: unreadable ones are permerror and take no one's place");
	ok(n_policy == 91, "D19: those above the cap are policy");
	ok(n_pass == 1, "D19: the aligned one at the bottom is verified before the others");
	check.author = "";
	verify();
	ok(check_report(200).result == DKIM_RESULT_POLICY, "D19: without an author domain it is top-down");
}

static void test_dns(void)
{
	fresh(HEAD, "x\r\n", SIG "h=from; bh=@BH@; b=@B@");
	static const struct {
		enum dns_rcode rcode;
		const char *result;
	} rows[] = { { DNS_SERVFAIL, "temperror" },
		     { DNS_TIMEOUT, "temperror" },
		     { DNS_NXDOMAIN, "permerror" },
		     { DNS_NODATA, "permerror" } };

	for (size_t i = 0; i < 4; i++) {
		dns_clear();
		dns_rcode("s1._domainkey.example.org", rows[i].rcode);
		verify();
		is_result(rows[i].result, "key record", "D20: %s", dns_rcode_text(rows[i].rcode));
	}
	check.no_answers = true;
	verified("temperror", "did not answer", "D20: no answer in time");
	mail.body[0] = 'y';
	verified("fail", "body hash", "no answer, but the body is another: the client need not come again");
	check.no_answers = false;
	check.body_first = true;
	dns_clear();
	dns_rcode("s1._domainkey.example.org", DNS_SERVFAIL);
	verified("fail", "body hash", "the same when the answer comes last");
}

static void test_separator(void)
{
	/* D22: what stands between header and body is decided in msg_header; the verifier sees its two sides. */
	fresh(HEAD, "\r\nx\r\n", SIG "h=from; bh=@BH@; b=@B@");
	verified("pass", "", "D22: an empty line at the beginning of the body is body");
	mail_append(&mail, " \r\n");
	verified("pass", "", "D22: a line of white space continues the last field, which is not signed");
	fresh("Subject: x\r\nFrom: a@example.org\r\n", "x\r\n", SIG "h=from; bh=@BH@; b=@B@");
	mail_append(&mail, " \r\n");
	verified("fail", "", "D22: or is, and then it counts");
}

static void test_times(void)
{
	static const struct {
		const char *what, *tags, *result, *part;
	} rows[] = {
		{ "x= one second ago", "x=1699999999; ", "pass", "" },
		{ "x= 300 s ago", "x=1699999700; ", "pass", "" },
		{ "x= 400 s ago", "x=1699999600; ", "permerror", "expired" },
		{ "x= to come", "t=1699999999; x=1700000001; ", "pass", "" },
		{ "t= in 100 s", "t=1700000100; ", "pass", "" },
		{ "t= in 300 s", "t=1700000300; ", "pass", "" },
		{ "t= in two days", "t=1700172800; ", "permerror", "future" },
		{ "x= before t=", "t=1700000000; x=1699999999; ", "permerror", "later" },
		{ "x= equal to t=", "t=1700000000; x=1700000000; ", "permerror", "later" },
		{ "t= of 77 digits",
		  "t=11111111111111111111111111111111111111111111111111111111111111111111111111111; ", "permerror",
		  "future" },
		{ "x= of 30 digits never comes", "x=111111111111111111111111111111; ", "pass", "" },
		{ "t= that is no number", "t=12a; ", "permerror", "t=" },
		{ "t= with a sign", "t=+12; ", "permerror", "t=" },
		{ "t= empty", "t=; ", "permerror", "t=" },
		{ "x= negative", "x=-1; ", "permerror", "x=" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char template[512];

		snprintf(template, sizeof(template), SIG "%sh=from; bh=@BH@; b=@B@", rows[i].tags);
		fresh(HEAD, "x\r\n", template);
		verify();
		is_result(rows[i].result, rows[i].part, "D24: %s", rows[i].what);
	}
}

static void test_sha1(void)
{
	fresh(HEAD, "x\r\n", "v=1; a=rsa-sha1; d=example.org; s=s1; h=from; bh=@BH@; b=@B@");
	verified("permerror", "rsa-sha1", "D25: rsa-sha1 never passes (RFC 8301 3.1)");
	ok(check.n_questions == 0, "D25: and costs no DNS");
	check.settings.dkim_allow_sha1 = true;
	verified("pass", "", "D25: but for the test switch");
}

static void test_l(void)
{
	fresh(HEAD, "good\r\n", SIG "l=0; h=from; bh=@BH@; b=@B@");
	verified("pass", "l=", "D26: l=0 signs no body, and passes with a reason");
	ok(check_report(0).partial && !check_report(0).counts, "D26: which is reported, and counts for nothing");
	fresh(HEAD, "good\r\n", SIG "l=6; h=from; bh=@BH@; b=@B@");
	verified("pass", "", "l= of the whole body");
	ok(check_report(0).counts, "and counts");
	strcat(mail.body, "bad\r\n");
	mail.body_len = strlen(mail.body);
	verified("pass", "l=", "D26: text appended after l=");
	ok(!check_report(0).counts, "D26: does not count");
	check.settings.dkim_partial = DKIM_PARTIAL_POLICY;
	verified("policy", "l=", "D26: is not accepted, by setting");
	check.settings.dkim_partial = DKIM_PARTIAL_ACCEPT;
	verified("pass", "", "D26: or passes like any other, by setting");
	ok(check_report(0).partial && check_report(0).counts, "D26: and counts then");
	mail.body[0] = 'G';
	verified("fail", "body hash", "D26: what l= covers is still hashed");
	fresh(HEAD, "good\r\n", SIG "l=6; h=from; bh=@BH@; b=@B@");
	strcat(mail.body, "\r\n\r\n");
	mail.body_len = strlen(mail.body);
	verified("pass", "", "empty lines after l= are no body");
	fresh(HEAD, "good\r\n", SIG "l=7; h=from; bh=@BH@; b=@B@");
	verified("permerror", "larger", "l= larger than the body");
	fresh(HEAD, "good\r\n", SIG "l=99999999999999999999999999999999; h=from; bh=@BH@; b=@B@");
	verified("permerror", "larger", "l= of 32 digits");
	fresh(HEAD, "good\r\n", SIG "l=-1; h=from; bh=@BH@; b=@B@");
	verified("permerror", "l=", "l= negative");
	fresh(HEAD, "good\r\n",
	      SIG "l=11111111111111111111111111111111111111111111111111111111111111111111111111111; h=from; bh=@BH@; "
		  "b=@B@");
	verified("permerror", "l=", "l= of 77 digits");
}

static void test_oversigning(void)
{
	fresh(HEAD, "x\r\n", SIG "h=from; bh=@BH@; b=@B@");
	mail_prepend(&mail, "From: evil@evil.example\r\n");
	verify();
	/* The field on top is not the one that is signed: from.c refuses such a message as a whole. */
	ok(check_report(0).result == DKIM_RESULT_PASS,
	   "D27: From signed once, another added on top: the lower one is signed");
	fresh(HEAD, "x\r\n", SIG "h=from; bh=@BH@; b=@B@");
	mail_append(&mail, "From: evil@evil.example\r\n");
	verified("fail", "", "D27: another added below");
	fresh(HEAD, "x\r\n", SIG "h=from:from; bh=@BH@; b=@B@");
	verified("pass", "", "D27: From oversigned");
	mail_prepend(&mail, "From: evil@evil.example\r\n");
	verified("fail", "", "D27: then none may be added on top");
}

static void test_key_flags(void)
{
	static const struct {
		const char *what, *tags, *i, *result, *part;
		bool testing;
	} rows[] = {
		{ "s=other", "s=other; ", "", "permerror", "s=", false },
		{ "s=email", "s=email; ", "", "pass", "", false },
		{ "s=* among others", "s=other : *; ", "", "pass", "", false },
		{ "t=s and i= below d=", "t=s; ", "i=@sub.example.org; ", "permerror", "t=s", false },
		{ "t=s and i= equal to d=", "t=s; ", "i=@EXAMPLE.org; ", "pass", "", false },
		{ "t=y:s and no i=", "t=y:s; ", "", "pass", "", true },
		{ "t=y", "t=y; ", "i=@sub.example.org; ", "pass", "", true },
		{ "h=sha1", "h=sha1; ", "", "permerror", "h=", false },
		{ "h=sha1:sha256", "h=sha1:sha256; ", "", "pass", "", false },
		{ "g= of RFC 4871 and notes", "g=other; n=a=20b; ", "", "pass", "", false },
		{ "k= unknown", "k=dsa; ", "", "permerror", "k=", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char template[256], record[3000];

		snprintf(template, sizeof(template), SIG "%sh=from; bh=@BH@; b=@B@", rows[i].i);
		fresh(HEAD, "x\r\n", template);
		snprintf(record, sizeof(record), "v=DKIM1; %sp=%s", rows[i].tags, signer_p(RSA_1024, false));
		dns_clear();
		dns_txt("s1._domainkey.example.org", record);
		verify();
		is_result(rows[i].result, rows[i].part, "D28: key record with %s", rows[i].what);
		ok(check_report(0).testing == rows[i].testing, "D28: t=y is reported when it is there");
	}
}

int main(void)
{
	test_bodies();
	test_several();
	test_headers();
	test_identifiers();
	test_key_records();
	test_lengths();
	test_many();
	test_dns();
	test_separator();
	test_times();
	test_sha1();
	test_l();
	test_oversigning();
	test_key_flags();
	return done();
}
