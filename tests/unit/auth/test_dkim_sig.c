// SPDX-License-Identifier: MIT
/*
 * test_dkim_sig.c - the tags of a signature, its key's place in DNS, and the examples of the RFCs
 */
#include "dataplane/auth/dkim_sig.h"
#include "tests/unit/auth/dkim_check.h"

#define BH "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define SEAL "a=rsa-sha256; d=example.org; s=s1; b=AAAA; "
#define REST " h=from; b=AAAA; " BH

static struct auth_settings settings;
static struct msg_field fields[16];
static struct msg_header header = { .fields = fields, .fields_max = 16 };

/* Parses one field and gives back the reason, "" when it is good. */
static const char *parse(struct dkim_sig *sig, enum dkim_kind kind, const char *value)
{
	static char text[20000];

	snprintf(text, sizeof(text), "X: %s\r\n", value);
	msg_header_parse(&header, span_str(text));
	CHECK(header.n_fields == 1);
	const char *why = dkim_sig_parse(sig, kind, &settings, &header, 0, CHECK_NOW);

	return why ? why : "";
}

static void test_signatures(void)
{
	static const struct {
		const char *value, *part; /* of the reason; "": good */
	} rows[] = {
		{ "v=1; a=rsa-sha256; d=example.org; s=s1;" REST, "" },
		{ "v=1;a=rsa-sha256;d=example.org;s=s1;h=from;b=AAAA;" BH ";", "" },
		{ "v = 1 ;\r\n\ta = rsa-sha256 ; d\r\n = example.org; s=s1;" REST " ; ", "" },
		{ "", "no tags" },
		{ ";", "no =" },
		{ "v=1; ; a=rsa-sha256; d=example.org; s=s1;" REST, "no =" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1;" REST ";;", "no =" },
		{ "v; a=rsa-sha256; d=example.org; s=s1;" REST, "no =" },
		{ "=1; a=rsa-sha256; d=example.org; s=s1;" REST, "name" },
		{ "v=1; 1x=2; a=rsa-sha256; d=example.org; s=s1;" REST, "name" },
		{ "v=1; x-y=2; a=rsa-sha256; d=example.org; s=s1;" REST, "name" },
		{ "V=1; a=rsa-sha256; d=example.org; s=s1;" REST, "" }, /* v= is missing, which dkim.c tells */
		{ "v=2; a=rsa-sha256; d=example.org; s=s1;" REST, "v=" },
		{ "v=; a=rsa-sha256; d=example.org; s=s1;" REST, "v=" },
		{ "v=1.0; a=rsa-sha256; d=example.org; s=s1;" REST, "v=" },
		{ "v=1; d=example.org; s=s1;" REST, "a= is missing" },
		{ "v=1; a=rsa-sha256; s=s1;" REST, "d= is missing" },
		{ "v=1; a=rsa-sha256; d=example.org;" REST, "s= is missing" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; b=AAAA; " BH, "h= is missing" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=AAAA", "bh= is missing" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; " BH, "b= is missing" },
		{ "v=1; a=RSA-SHA256; d=example.org; s=s1;" REST, "a= is no known" },
		{ "v=1; a=rsa-sha512; d=example.org; s=s1;" REST, "a= is no known" },
		{ "v=1; a=rsa-sha1; d=example.org; s=s1;" REST, "rsa-sha1" },
		{ "v=1; a=rsa-sha256; d=; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=org; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=example.org.; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=.example.org; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=example..org; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=exam ple.org; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=example.org(.evil.example; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=example.org'a.evil.example; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=\"example.org\"; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=a@example.org; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=-a.example.org; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=ex\xe9mple.org; s=s1;" REST, "d=" },
		{ "v=1; a=rsa-sha256; d=EXAMPLE.org; s=s1;" REST, "" },
		{ "v=1; a=rsa-sha256; d=_x.example.org; s=s_1;" REST, "" },
		{ "v=1; a=rsa-sha256; d=example.org; s=;" REST, "s=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=a b;" REST, "s=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=a..b;" REST, "s=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=a.b;" REST, "" },
		{ "v=1; a=rsa-sha256; d=example.org; "
		  "s=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg;" REST,
		  "s=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; c=; " REST, "c=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; c=relaxed/; " REST, "c=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; c=/relaxed; " REST, "c=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; c=relaxed/simple/simple; " REST, "c=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; c=Relaxed; " REST, "c=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; c=nowsp; " REST, "c=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; q=dns/txt; " REST, "" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; q=http : dns/txt; " REST, "" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; q=dns; " REST, "q=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; q=dns/special; " REST, "q=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; q=; " REST, "q=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=; b=AAAA; " BH, "h=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=subject; b=AAAA; " BH, "From" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=fro m; b=AAAA; " BH, "h=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from:; b=AAAA; " BH, "h=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from::to; b=AAAA; " BH, "h=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=; " BH, "b=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=A; " BH, "b=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=AA=A; " BH, "b=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=AA!A; " BH, "b=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=AAAA; bh=; ", "bh=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=AAAA; bh=!; ", "bh=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=AAAA; bh=47DEQpj8HBSa+/TImW+5JCeuQeQ=", "bh=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; z=From:a@b|To:c;" REST, "" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; x=1\t2;" REST, "x=" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; n=\x01;" REST, "octet" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; n=\rx;" REST, "octet" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; n=\nx;" REST, "octet" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; n=\x7f;" REST, "octet" },
		{ "v=1; a=rsa-sha256; d=example.org; s=s1; n=\r\n \r\n x;" REST, "" },
		{ "v=1; a=rsa-sha256; d=b\xc3\xbc"
		  "cher.example; s=s1; i=x@b\xc3\xbc"
		  "cher.example;" REST,
		  "" },
		{ "v=1; a=rsa-sha256; d=b\xc3\xbc"
		  "cher.example; s=s1; i=x@sub.xn--bcher-kva.example;" REST,
		  "" },
	};
	struct dkim_sig sig;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = parse(&sig, DKIM_KIND_SIGNATURE, rows[i].value);
		bool good = rows[i].part[0] ? strstr(why, rows[i].part) != NULL : !why[0];

		if (!ok(good, "%zu: %s", i, rows[i].part[0] ? rows[i].part : "good"))
			printf("# %s\n# %s\n", rows[i].value, why);
	}
	parse(&sig, DKIM_KIND_SIGNATURE, "a=rsa-sha256; d=example.org; s=s1;" REST);
	ok(sig.version_missing, "a missing v= is noted");
	const char *why = parse(&sig, DKIM_KIND_SIGNATURE, "v=1; a=rsa-sha1; d= example.org ; s=s1; i=@x;" REST);

	ok(why[0], "what cannot be used is still read:");
	is_span(sig.d, SPAN("example.org"), "d=");
	is_span(sig.s, SPAN("s1"), "s=");
	is_span(sig.a, SPAN("rsa-sha1"), "a=");
	is_span(sig.i, SPAN("@x"), "i=");
}

static void test_nul(void)
{
	/* s=sel._domainkey.evil.example.\0.x, and a NUL in d=: no C string may hide the rest. */
	static const char text[] = "X: v=1; a=rsa-sha256; d=example.org; s=s1\0.x; h=from; b=AAAA; " BH "\r\n";
	struct dkim_sig sig;

	msg_header_parse(&header, span_of(text, sizeof(text) - 1));
	const char *why = dkim_sig_parse(&sig, DKIM_KIND_SIGNATURE, &settings, &header, 0, CHECK_NOW);

	ok(why && strstr(why, "octet"), "a NUL is no octet of a value");
}

static void test_arc_fields(void)
{
	static const struct {
		enum dkim_kind kind;
		const char *value, *part;
	} rows[] = {
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1; cv=none", "" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=50; cv=pass; t=12", "" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=51; cv=pass", "i=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=0; cv=pass", "i=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=001; cv=pass", "i=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=-1; cv=pass", "i=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=; cv=pass", "i=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "I=1; cv=pass", "i= is missing" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1", "cv= is missing" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1; cv=bogus", "cv=" }, /* C4 */
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1; cv=", "cv=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1; cv", "no =" }, /* C5 */
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1; cv=None", "cv=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1; cv=none; h=from", "h=" },
		{ DKIM_KIND_ARC_SEAL, SEAL "i=1; cv=none; t=", "t=" },
		{ DKIM_KIND_ARC_SEAL, "a=rsa-sha1; d=example.org; s=s1; b=AAAA; i=1; cv=none", "rsa-sha1" },
		{ DKIM_KIND_ARC_SEAL, "d=example.org; s=s1; b=AAAA; i=1; cv=none", "a= is missing" },
		{ DKIM_KIND_ARC_SEAL, "a=rsa-sha256; d=example.org; s=s1; i=1; cv=none", "b= is missing" },
		{ DKIM_KIND_ARC_MESSAGE, SEAL "i=1; h=from; " BH, "" },
		{ DKIM_KIND_ARC_MESSAGE, SEAL "i=1; h=subject; " BH, "" },
		{ DKIM_KIND_ARC_MESSAGE, SEAL "h=from; " BH, "i= is missing" },
		{ DKIM_KIND_ARC_MESSAGE, SEAL "i=1; h=from:ARC-SEAL; " BH, "ARC-Seal" },
		{ DKIM_KIND_ARC_MESSAGE, SEAL "i=1; " BH, "h= is missing" },
		{ DKIM_KIND_ARC_MESSAGE, SEAL "i=1; h=from", "bh= is missing" },
	};
	struct dkim_sig sig;

	settings.dkim_allow_sha1 = true; /* which means nothing for ARC */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = parse(&sig, rows[i].kind, rows[i].value);
		bool good = rows[i].part[0] ? strstr(why, rows[i].part) != NULL : !why[0];

		if (!ok(good, "ARC %zu: %s", i, rows[i].part[0] ? rows[i].part : "good"))
			printf("# %s\n# %s\n", rows[i].value, why);
	}
	settings.dkim_allow_sha1 = false;
	parse(&sig, DKIM_KIND_ARC_MESSAGE, SEAL "i=1; h=subject; " BH);
	ok(!sig.signs_from, "whether From is signed is noted");
}

static void test_questions(void)
{
	struct dkim_sig sig;
	struct dns_question q;
	char value[600], d[300] = "";

	parse(&sig, DKIM_KIND_SIGNATURE, "v=1; a=rsa-sha256; d=Example.ORG; s=S1.x;" REST);
	ok(dkim_sig_question(&sig, &settings, &q) && q.type == DNS_TXT, "a TXT record");
	is_span(dns_question_name(&q), SPAN("s1.x._domainkey.example.org"), "at s=._domainkey.d=");
	parse(&sig, DKIM_KIND_SIGNATURE,
	      "v=1; a=rsa-sha256; d=b\xc3\xbc"
	      "cher.example; s=b\xc3\xbc"
	      "cher;" REST);
	ok(dkim_sig_question(&sig, &settings, &q), "U-labels can be asked for");
	is_span(dns_question_name(&q), SPAN("xn--bcher-kva._domainkey.xn--bcher-kva.example"),
		"as A-labels (RFC 8616)");
	ok(dkim_sig_is_aligned(&sig, &settings, SPAN("xn--bcher-kva.example")), "and are aligned as such");

	/* s1._domainkey. takes 14 octets; the whole may have 253. */
	for (size_t i = 0; i < 29; i++)
		strcat(d, "abcdefg.");
	strcat(d, "abcdefg");
	snprintf(value, sizeof(value), "v=1; a=rsa-sha256; d=%s; s=s1;" REST, d);
	ok(!parse(&sig, DKIM_KIND_SIGNATURE, value)[0] && dkim_sig_question(&sig, &settings, &q) && q.len == 253,
	   "a name of 253 octets");
	snprintf(value, sizeof(value), "v=1; a=rsa-sha256; d=%s; s=s11;" REST, d);
	ok(strstr(parse(&sig, DKIM_KIND_SIGNATURE, value), "too long") != NULL, "a name of 254 octets");

	static const struct {
		const char *d, *author;
		bool aligned;
	} rows[] = { { "example.org", "example.org", true },
		     { "EXAMPLE.org", "example.org", true },
		     { "a.example.org", "example.org", true },
		     { "example.org", "b.a.example.org", true },
		     { "xexample.org", "example.org", false },
		     { "example.net", "example.org", false },
		     { "example.org", "", false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(value, sizeof(value), "v=1; a=rsa-sha256; d=%s; s=s1;" REST, rows[i].d);
		parse(&sig, DKIM_KIND_SIGNATURE, value);
		ok(dkim_sig_is_aligned(&sig, &settings, span_str(rows[i].author)) == rows[i].aligned, "%s and '%s'",
		   rows[i].d, rows[i].author);
	}
}

#define JOE_FIELDS                                                                                                     \
	"From: Joe SixPack <joe@football.example.com>\r\n"                                                             \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"                                                                 \
	"Subject: Is dinner ready?\r\n"                                                                                \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                                                              \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"

static void test_rfc_examples(void)
{
	static struct mail m;

	check_reset();
	check.author = "football.example.com";
	/* RFC 6376 A.2 and C */
	dns_txt("brisbane._domainkey.example.com",
		"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
		"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
		"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB");
	mail_set(&m,
		 "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
		 "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
		 "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
		 "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
		 "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
		 "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
		 "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
		 "      4bmp/YzhwvcubU4=;\r\n"
		 "Received: from client1.football.example.com  [192.0.2.1]\r\n"
		 "      by submitserver.example.com with SUBMISSION;\r\n"
		 "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n" JOE_FIELDS,
		 "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n");
	check_mail(&m);
	is_result("pass", "", "the example of RFC 6376, appendix A");
	/* RFC 8463 A */
	dns_txt("brisbane._domainkey.football.example.com",
		"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	mail_set(&m,
		 "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
		 " d=football.example.com; i=@football.example.com;\r\n"
		 " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
		 " subject : date : message-id : from : subject : date;\r\n"
		 " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
		 " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
		 " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n" JOE_FIELDS,
		 "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n");
	check_mail(&m);
	is_result("pass", "", "the example of RFC 8463, appendix A");
}

static void test_version_and_account(void)
{
	static struct mail m;

	check_reset();
	dns_txt("s1._domainkey.example.org", signer_record(RSA_1024));
	mail_set(&m, "From: a@example.org\r\n", "x\r\n");
	sign(&m, "a=rsa-sha256; d=example.org; s=s1; h=from; bh=@BH@; b=@B@", RSA_1024);
	check_mail(&m);
	is_result("permerror", "v= is missing", "without v= a good signature is permerror");
	m.body[0] = 'y';
	check_mail(&m);
	is_result("fail", "body hash", "and a wrong one fail");
	m.body[0] = 'x';
	sign(&m, "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=@BH@; b=@B@", RSA_1024);
	check_mail(&m);
	ok(strstr(check.told, "dkim: d=example.org s=s1: key found\n") != NULL &&
		   strstr(check.told, "dkim: d=example.org s=s1: pass\n") != NULL &&
		   strstr(check.told, "permerror: v= is missing\n") != NULL,
	   "each step is told");
	ok(check_stats.dkim_pass > 0 && check_stats.dkim_permerror > 0 && check_stats.dkim_signatures > 0,
	   "and counted");
}

int main(void)
{
	settings = check_settings();
	test_signatures();
	test_nul();
	test_arc_fields();
	test_questions();
	test_rfc_examples();
	test_version_and_account();
	return done();
}
