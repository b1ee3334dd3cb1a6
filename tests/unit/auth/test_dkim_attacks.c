// SPDX-License-Identifier: MIT
/*
 * test_dkim_attacks.c - signatures and keys made to confuse or to cost: what each comes to, and what is not asked for it
 */
#include "tests/unit/auth/dkim_check.h"

#define HEAD "From: A <a@example.org>\r\nTo: b@example.net\r\nSubject: hello\r\nContent-Type: text/plain\r\n"
#define SIG "v=1; a=rsa-sha256; d=example.org; s=s1; "
#define REST " h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
#define LABEL63 "123456789012345678901234567890123456789012345678901234567890123"

static struct mail mail;

static void fresh(const char *template)
{
	check_reset();
	dns_txt("s1._domainkey.example.org", signer_record(RSA_1024));
	mail_set(&mail, HEAD, "x\r\n");
	sign(&mail, template, RSA_1024);
}

/* A second field of a name on top: the signed one is the lower. */
static void test_prepended(void)
{
	static const struct {
		const char *what, *field;
	} rows[] = { { "Subject", "Subject: buy\r\n" },
		     { "To", "To: c@example.net\r\n" },
		     { "Content-Type", "Content-Type: text/html; boundary=x\r\n" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fresh(SIG "h=from:to:subject:content-type; bh=@BH@; b=@B@");
		mail_prepend(&mail, rows[i].field);
		check_mail(&mail);
		is_result("pass", "", "%s added on top of the signed one", rows[i].what);
		fresh(SIG "h=from:from:to:to:subject:subject:content-type:content-type; bh=@BH@; b=@B@");
		mail_prepend(&mail, rows[i].field);
		check_mail(&mail);
		is_result("fail", "does not match the header", "%s oversigned", rows[i].what);
	}
	fresh(SIG "h=from:from:from:from; bh=@BH@; b=@B@");
	check_mail(&mail);
	is_result("pass", "", "h= that names a field more often than it stands there");
	fresh(SIG "h=from:dkim-signature; bh=@BH@; b=@B@");
	check_mail(&mail);
	is_result("pass", "", "h= that names the signature's own field");
}

/* Names that are to be read in two ways: refused before DNS is asked. */
static void test_names(void)
{
	static const struct {
		const char *what, *tags, *part;
	} rows[] = {
		{ "d= in quotes", "d=\"example.org\"; s=s1;", "d=" },
		{ "d= with a parenthesis", "d=example.org(.evil.example; s=s1;", "d=" },
		{ "d= with an apostrophe", "d=example.org'a.evil.example; s=s1;", "d=" },
		{ "d= with a blank", "d=example.org evil.example; s=s1;", "d=" },
		{ "d= with a final dot", "d=example.org.; s=s1;", "d=" },
		{ "d= with an empty label", "d=example..org; s=s1;", "d=" },
		{ "d= of a top-level domain", "d=org; s=s1;", "d=" },
		{ "d= with a label of 64", "d=x" LABEL63 ".org; s=s1;", "d=" },
		{ "d= of 255 octets", "d=" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 "; s=s1;", "d=" },
		{ "s= and d= above 253 octets", "d=" LABEL63 "." LABEL63 ".org; s=" LABEL63 "." LABEL63 ";", "" },
		{ "s= in quotes", "d=example.org; s=\"s1\";", "s=" },
		{ "s= with a parenthesis", "d=example.org; s=s1(;", "s=" },
		{ "s= with a blank", "d=example.org; s=s1 x;", "s=" },
		{ "s= with an empty label", "d=example.org; s=a..b;", "s=" },
		{ "s= with a final dot", "d=example.org; s=s1.;", "s=" },
		{ "i= of another domain", "d=example.org; s=s1; i=@evil.example;", "i=" },
		{ "d= without a value", "d=; s=s1;", "d=" },
		{ "a= twice", "d=example.org; s=s1; a=rsa-sha256;", "twice" },
		{ "q= of another kind", "d=example.org; s=s1; q=http;", "q=" },
	};
	char field[2000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_reset();
		mail_set(&mail, HEAD, "");
		snprintf(field, sizeof(field), "DKIM-Signature: v=1; a=rsa-sha256; %s" REST, rows[i].tags);
		mail_prepend(&mail, field);
		check_mail(&mail);
		is_result("permerror", rows[i].part, "%s", rows[i].what);
		ok(check.n_questions == 0 && check.n_jobs == 0, "%s: nothing is asked", rows[i].what);
	}
}

/* Unusual, and to be taken as it is meant. */
static void test_forms(void)
{
	static const struct {
		const char *what, *template, *result, *part;
	} rows[] = {
		{ "d= in upper case", "v=1; a=rsa-sha256; d=EXAMPLE.ORG; s=S1; h=from; bh=@BH@; b=@B@", "pass", "" },
		{ "b= first", "b=@B@; v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=@BH@", "pass", "" },
		{ "b= in the middle", "v=1; a=rsa-sha256; b=@B@; d=example.org; s=s1; h=from; bh=@BH@", "pass", "" },
		{ "white space round each =",
		  "v\t=\r\n 1; a= rsa-sha256 ; d\t= example.org ; s = s1\t; h=\tfrom ; bh = @BH@ ; b = @B@", "pass",
		  "" },
		{ "h= with a blank in a name", SIG "h=fr om; bh=@BH@; b=@B@", "permerror", "h=" },
		{ "h= without From", SIG "h=to:subject; bh=@BH@; b=@B@", "permerror", "From" },
		{ "no h=", SIG "bh=@BH@; b=@B@", "permerror", "h= is missing" },
		{ "empty h=", SIG "h=; bh=@BH@; b=@B@", "permerror", "h=" },
		{ "an underscore in s=", "v=1; a=rsa-sha256; d=example.org; s=s_1; h=from; bh=@BH@; b=@B@", "pass",
		  "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fresh(rows[i].template);
		dns_txt("s_1._domainkey.example.org", signer_record(RSA_1024));
		check_mail(&mail);
		is_result(rows[i].result, rows[i].part, "%s", rows[i].what);
	}
}

/* What is only long. */
static void test_long(void)
{
	static char field[MAIL_MAX / 2];
	struct text t;

	check_reset();
	mail_set(&mail, HEAD, "");
	text_init(&t, field, sizeof(field));
	text_puts(&t, "DKIM-Signature: " SIG "bh=AAAA; b=AAAA; h=from");
	while (t.len < 100000)
		text_puts(&t, ":subject");
	text_puts(&t, "\r\n");
	text_putc(&t, '\0');
	mail_prepend(&mail, field);
	check_mail(&mail);
	is_result("permerror", "", "h= of 100 kB");
	ok(check.n_questions == 0, "h= of 100 kB: nothing is asked");

	text_reset(&t);
	text_puts(&t, "DKIM-Signature: " SIG "h=from; z=From:a");
	while (t.len < 60000)
		text_puts(&t, "|X:bbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	text_puts(&t, "; bh=AAAA; b=AAAA\r\n");
	text_putc(&t, '\0');
	mail_set(&mail, HEAD, "");
	mail_prepend(&mail, field);
	check_mail(&mail);
	is_result("permerror", "bh=", "z= of 60 kB is passed over, and what follows it is read");
}

/* More signatures than anyone has: few are looked up, however they look. */
static void test_thousand(void)
{
	check_reset();
	mail_set(&mail, HEAD, "");
	for (int i = 0; i < 500; i++) {
		mail_prepend(&mail, "DKIM-Signature: " SIG REST);
		mail_prepend(&mail, "DKIM-Signature: junk\r\n");
	}
	check_mail(&mail);
	ok(dkim_n_reports(&check.dkim) == 1000, "1000 signatures: each is reported");
	ok(check.n_questions <= 10 && check.n_jobs <= 10, "1000 signatures: ten at most are asked for");
}

static void key_is(const char *record, const char *result, const char *part, const char *what)
{
	fresh(SIG "h=from; bh=@BH@; b=@B@");
	dns_clear();
	dns_txt("s1._domainkey.example.org", record);
	check_mail(&mail);
	is_result(result, part, "key: %s", what);
}

/* RSAPublicKey of @n octets of ones with the exponent @e, in base64 as a record. */
static const char *rsa_record(size_t n, struct span e)
{
	static char record[8000];
	static uint8_t der[5000];
	size_t inner = n + 5 + 2 + e.len, at = 0;
	struct text t;

	der[at++] = 0x30, der[at++] = 0x82, der[at++] = (uint8_t)(inner >> 8), der[at++] = (uint8_t)inner;
	der[at++] = 2, der[at++] = 0x82, der[at++] = (uint8_t)((n + 1) >> 8), der[at++] = (uint8_t)(n + 1);
	der[at++] = 0;
	memset(der + at, 0xff, n);
	at += n;
	der[at++] = 2, der[at++] = (uint8_t)e.len;
	memcpy(der + at, e.at, e.len);
	at += e.len;
	text_init(&t, record, sizeof(record));
	text_puts(&t, "v=DKIM1; p=");
	base64_encode(&t, span_of(der, at));
	text_putc(&t, '\0');
	CHECK(!t.full);
	return record;
}

static void test_keys(void)
{
	static char large[16600];
	static const struct {
		const char *what;
		struct span e;
	} exponents[] = { { "exponent 1", { (const uint8_t *)"\x01", 1 } },
			  { "exponent 2", { (const uint8_t *)"\x02", 1 } },
			  { "an even exponent", { (const uint8_t *)"\x01\x00\x02", 3 } },
			  { "an exponent of 100 octets",
			    { (const uint8_t *)"\x01" LABEL63 "123456789012345678901234567890123457", 100 } } };

	for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++)
		key_is(rsa_record(256, exponents[i].e), "permerror", "", exponents[i].what);
	key_is(rsa_record(4096, SPAN("\x01\x00\x01")), "permerror", "too long", "RSA of 32768 bits");
	ok(check.n_jobs == 0, "key: RSA of 32768 bits costs no maths");
	key_is("v=DKIM1; p=AAAA", "permerror", "", "base64 that is no key");
	key_is("v=DKIM1; p=====", "permerror", "", "base64 of padding alone");
	key_is("v=DKIM1; p", "permerror", "", "p without =");
	key_is("v=DKIM1; p=; p=", "permerror", "", "p= twice");
	key_is("v=DKIM2; p=AAAA", "permerror", "", "another version");
	key_is("p=AAAA; v=DKIM1", "permerror", "", "v= not first");
	key_is("", "permerror", "", "an empty text");
	memset(large, 'x', sizeof(large) - 1);
	memcpy(large, "v=DKIM1; n=", 11);
	key_is(large, "permerror", "", "a text larger than is looked at");
}

int main(void)
{
	test_prepended();
	test_names();
	test_forms();
	test_long();
	test_thousand();
	test_keys();
	return done();
}
