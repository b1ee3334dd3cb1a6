// SPDX-License-Identifier: MIT
/*
 * test_verify.c - SPF, iprev, DKIM and DMARC of one message, joined: every order of events comes to the same
 */
#include "tests/unit/auth/verify_check.h"

#define ORDERS 40 /* random ones for each case */
#define HEAD "From: A <a@example.org>\r\nTo: b@example.net\r\nSubject: hello\r\n"
#define BODY "Hello,\r\n\r\nthis is a message.\r\n  \r\n\r\n"
#define SIG "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1; h=from:to:subject; bh=@BH@; b=@B@"
#define SPF_PASS "example.org TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
#define SPF_FAIL "example.org TXT \"v=spf1 -all\"\n"
#define HELO_PASS "mail.example.org TXT \"v=spf1 a -all\"\nmail.example.org A 192.0.2.1\n"
#define DMARC "_dmarc.example.org TXT \"v=DMARC1; p=reject; sp=quarantine\"\n"

static struct play play;

/* The first play in words, then both extremes and random orders, with and without liars: all must find the same. */
static void everywhere(const char *found, const char *behaviour)
{
	unsigned n_other = 0;

	play_run(&play);
	is_span(span_str(play_found(&play)), span_str(found), "%s", behaviour);
	enum iprev_result iprev = verify_iprev(&play.v)->result;
	for (unsigned i = 0; i < ORDERS; i++) {
		play.order = i < 2 ? PLAY_MESSAGE_FIRST : PLAY_RANDOM;
		play.noise = i & 1;
		play_run(&play);
		bool same = strcmp(play_found(&play), found) == 0 && verify_iprev(&play.v)->result == iprev;

		if (!same && n_other++ == 0)
			printf("# order %u: %s iprev=%s\n", i, play_found(&play),
			       iprev_result_text(verify_iprev(&play.v)->result));
	}
	ok(n_other == 0, "%s: in any order", behaviour);
}

/* A message signed for example.org, in a world of @zone and its key. */
static void signed_message(const char *zone, const char *header, const char *template)
{
	play_reset(&play, zone);
	play_key(&play, "s1._domainkey.example.org", RSA_1024);
	mail_set(&play.mail, header, BODY);
	if (template)
		sign(&play.mail, template, RSA_1024);
}

static void messages(void)
{
	signed_message(SPF_PASS DMARC, HEAD, SIG);
	everywhere("spf=pass dkim=pass dmarc=pass by-spf by-dkim", "a good message");
	ok(play.n_expired == 0 && play.n_jobs == 1, "it needs one job, and no deadline");

	signed_message(SPF_FAIL DMARC, HEAD, SIG);
	mail_append(&play.mail, "X-Later: field\r\n");
	everywhere("spf=fail dkim=pass dmarc=pass by-dkim", "DKIM alone is enough");
	signed_message(SPF_FAIL DMARC, HEAD, SIG);
	play.mail.body[0] = 'J';
	everywhere("spf=fail dkim=fail dmarc=fail reject", "a changed body and a strange client");
	signed_message(SPF_FAIL DMARC, HEAD, NULL);
	everywhere("spf=fail dmarc=fail reject", "no signature");
	signed_message(SPF_FAIL, HEAD, SIG);
	everywhere("spf=fail dkim=pass dmarc=none", "no policy");
	signed_message(SPF_PASS DMARC, HEAD,
		       "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=s1; h=from; "
		       "bh=@BH@; b=@B@");
	play_key(&play, "s1._domainkey.example.net", RSA_1024);
	sign(&play.mail, SIG, RSA_1024);
	everywhere("spf=pass dkim=pass,pass dmarc=pass by-spf by-dkim",
		   "a mailing list's signature beside the author's");
	signed_message(SPF_FAIL DMARC, HEAD, SIG);
	for (int i = 0; i < 30; i++)
		mail_prepend(&play.mail, "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; b=AAAA;\r\n"
					 " bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n");
	play_run(&play);
	ok(play.v.dmarc.result == DMARC_RESULT_PASS && play.n_questions < 30,
	   "thirty strangers' signatures above it neither hide it nor cost a question each");
	play.settings.dmarc_rfc7489 = true;
	play_run(&play);
	ok(play.v.dmarc.result == DMARC_RESULT_PASS, "by RFC 7489 too");
	mail_set(&play.mail, HEAD, "");
	sign(&play.mail, SIG, RSA_1024);
	everywhere("spf=fail dkim=pass dmarc=pass by-dkim", "an empty body");
}

/* RFC 6376 8.2: what is appended behind l= is not the author's. */
static void partial_bodies(void)
{
	static const char sig[] =
		"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1; l=4; h=from; bh=@BH@; b=@B@";
	static char out[1 << 16];
	struct text t;

	signed_message(SPF_FAIL DMARC, HEAD, sig);
	everywhere("spf=fail dkim=pass dmarc=fail reject",
		   "D26: a signature of a part passes, but DMARC does not use it");
	text_init(&t, out, sizeof(out));
	verify_fields(&play.v, &t);
	ok(strstr(out, "dkim=pass (l= leaves octets at the end of the body"), "D26: and that is told");
	sign(&play.mail, SIG, RSA_1024);
	everywhere("spf=fail dkim=pass,pass dmarc=pass by-dkim", "D26: one of the whole body beside it is used");
	signed_message(SPF_FAIL DMARC, HEAD, sig);
	play.settings.dkim_partial = DKIM_PARTIAL_POLICY;
	everywhere("spf=fail dkim=policy dmarc=fail reject", "D26: policy by setting");
	play.settings.dkim_partial = DKIM_PARTIAL_ACCEPT;
	everywhere("spf=fail dkim=pass dmarc=pass by-dkim", "D26: like any other by setting");
}

static void authors(void)
{
	signed_message(SPF_PASS DMARC, "To: b@example.net\r\n", NULL);
	everywhere("spf=pass dmarc=none", "no From");
	ok(play.v.from.error == FROM_MISSING && play.v.dmarc.from_domain.len == 0, "and that is told");
	signed_message(SPF_PASS DMARC, HEAD "From: x@evil.example\r\n", SIG);
	everywhere("spf=pass dkim=pass dmarc=none", "M15: two From fields pass on neither");
	ok(play.v.from.error == FROM_REPEATED, "M15: and that is told");
	signed_message(SPF_PASS DMARC, "From: a@example.org, b@example.net\r\n", NULL);
	everywhere("spf=pass dmarc=none", "M16: authors of two domains");
	signed_message(SPF_PASS DMARC, "From: a@example.org, b@example.org\r\n", NULL);
	everywhere("spf=pass dmarc=pass by-spf", "M16: two authors of one domain");
	signed_message(SPF_PASS DMARC, "From: undisclosed:;\r\n", NULL);
	everywhere("spf=pass dmarc=none", "M17: a group of nobody");
	signed_message(SPF_PASS DMARC, "From: \"ceo@example.org\" <x@evil.example>\r\n", SIG);
	everywhere("spf=pass dkim=pass dmarc=none", "M21: the display name is not the author");
	signed_message(SPF_PASS DMARC "_dmarc.evil.example TXT \"v=DMARC1; p=quarantine\"\n",
		       "Resent-From: a@example.org\r\nSender: a@example.org\r\nFrom: x@evil.example\r\n", NULL);
	everywhere("spf=pass dmarc=fail quarantine", "M22: neither Resent-From nor Sender is the author");
	signed_message(SPF_PASS DMARC "_dmarc.list.example TXT \"v=DMARC1; p=reject\"\n",
		       "X-Original-From: a@example.org\r\nFrom: \"A via L\" <l@list.example>\r\n", NULL);
	everywhere("spf=pass dmarc=fail reject", "M24: the author is who stands in From on the wire");

	signed_message("_dmarc.xn--bcher-kva.example TXT \"v=DMARC1; p=reject\"\n",
		       "From: a@b\xc3\xbc"
		       "cher.example\r\n",
		       "v=1; a=rsa-sha256; d=xn--bcher-kva.example; s=s1; h=from; bh=@BH@; b=@B@");
	play_key(&play, "s1._domainkey.xn--bcher-kva.example", RSA_1024);
	everywhere("spf=none dkim=pass dmarc=pass by-dkim", "M28: a U-label in From, its A-label in d=");
	is_span(play.v.dmarc.from_domain, SPAN("xn--bcher-kva.example"), "M28: compared as A-label");
}

static void envelopes(void)
{
	signed_message(HELO_PASS DMARC, HEAD, NULL);
	play.client.mail_from = SPAN("");
	everywhere("spf=pass dmarc=pass by-spf", "M23: with the null sender the HELO name is SPF's");
	ok(verify_spf_mfrom(&play.v) == NULL && verify_spf(&play.v) == verify_spf_helo(&play.v),
	   "M23: there is no check of a reverse-path then");
	signed_message(HELO_PASS SPF_FAIL DMARC, HEAD, NULL);
	everywhere("spf=fail dmarc=fail reject", "M30: a HELO that passes does not count beside a reverse-path");
	ok(verify_spf_helo(&play.v)->result == SPF_RESULT_PASS && verify_spf_mfrom(&play.v) == verify_spf(&play.v),
	   "M30: though it is told");
	signed_message(HELO_PASS SPF_FAIL DMARC, HEAD, NULL);
	play.client.has_mail_from = false;
	everywhere("spf=pass dmarc=fail reject", "no reverse-path is known: the HELO name does not count for DMARC");

	static char from[500];

	signed_message(SPF_FAIL DMARC, HEAD, NULL);
	memset(from, 'x', 400);
	strcpy(from + 400, "@a-rather-long-name-of-a-host.a-rather-long-name-of-a-department.example.org");
	play.client.mail_from = span_str(from);
	play_run(&play);
	is_span(verify_spf(&play.v)->domain, span_str(from + 401),
		"a reverse-path longer than is kept keeps its domain");
	memset(from, 'x', 480);
	memcpy(from + 300, "@example.org.", 13);
	from[480] = '\0';
	play.client.mail_from = span_str(from);
	play_run(&play);
	ok(verify_spf(&play.v)->result == SPF_RESULT_NONE, "a domain that is too long is not cut to another one");
	play.client.helo = span_of(from, 480);
	play.client.mail_from = SPAN("");
	play_run(&play);
	ok(verify_spf(&play.v)->result == SPF_RESULT_NONE, "nor is a HELO name");

	play_reset(&play, HELO_PASS SPF_FAIL);
	play.envelope_only = true;
	everywhere("spf=fail", "the envelope alone");
	play.client.mail_from = SPAN("");
	everywhere("spf=pass", "the envelope alone, null sender");
	play_begin(&play);
	while (play_step(&play))
		play_fetch(&play);
	verify_envelope_only(&play.v);
	ok(verify_done(&play.v), "that no message comes can be told last");
}

static void deadlines(void)
{
	signed_message("example.org TXT \"v=spf1 include:slow.example -all\"\n" DMARC, HEAD, NULL);
	play.silent = "slow.example";
	everywhere("spf=temperror dmarc=temperror", "SPF is not answered");
	signed_message("example.org TXT \"v=spf1 include:slow.example -all\"\n" DMARC, HEAD, SIG);
	play.silent = "slow.example";
	everywhere("spf=temperror dkim=pass dmarc=pass by-dkim", "SPF is not answered, DKIM passes");
	signed_message(SPF_FAIL DMARC, HEAD, SIG);
	play.silent = "_domainkey";
	everywhere("spf=fail dkim=temperror dmarc=temperror", "the key is not answered");
	play.mail.body[0] = 'J';
	everywhere("spf=fail dkim=fail dmarc=fail reject", "the key is not answered, but the body is another one");
	signed_message(SPF_PASS DMARC, HEAD, SIG);
	play.silent = "_dmarc.example.org";
	everywhere("spf=pass dkim=pass dmarc=temperror", "the policy is not answered");
	signed_message(SPF_PASS DMARC, HEAD, SIG);
	play.silent = "_dmarc.org";
	everywhere("spf=pass dkim=pass dmarc=pass by-spf by-dkim",
		   "the name above it is not answered: it does not matter");
	signed_message(SPF_PASS DMARC, HEAD, SIG);
	play.silent = "";
	everywhere("spf=temperror dkim=temperror dmarc=temperror", "nothing is answered");
	ok(play.n_expired <= 3, "each deadline passes once");
	signed_message("_dmarc.example.org TXT \"v=DMARC1; p=none; sp=reject; np=quarantine\"\n",
		       "From: a@gone.example.org\r\n", NULL);
	everywhere("spf=none dmarc=fail quarantine", "an author domain that does not exist");
	signed_message("_dmarc.example.org TXT \"v=DMARC1; p=none; sp=reject; np=quarantine\"\n"
		       "gone.example.org A !TIMEOUT\n_dmarc.gone.example.org TXT !NXDOMAIN\n",
		       "From: a@gone.example.org\r\n", NULL);
	everywhere("spf=none dmarc=temperror", "whether it exists is not answered");
}

/* The clock alone, by hand. */
static void clock_and_jobs(void)
{
	signed_message(SPF_PASS DMARC, HEAD, SIG);
	play.settings.iprev = false; /* the names of the client have a deadline of their own, below */
	play_begin(&play);
	ok(verify_deadline_us(&play.v) == 5000000 + 20000000, "SPF is due 20 seconds after the beginning");
	verify_expire(&play.v, 5000000 + 19999999);
	ok(!play.v.spf_mfrom.final, "a deadline does nothing before it has come");
	uint32_t late = play.tickets[0];
	struct dns_question late_question = play.q[0];

	verify_expire(&play.v, 25000000);
	ok(verify_spf(&play.v)->result == SPF_RESULT_TEMPERROR && verify_deadline_us(&play.v) == UINT64_MAX,
	   "then SPF is temperror, and nothing more is due");
	verify_answer(&play.v, late, dns_zone_answer(play.zone, &late_question), 25000001);
	ok(verify_spf(&play.v)->result == SPF_RESULT_TEMPERROR, "an answer after that is ignored");

	play_begin(&play);
	while (play.n_open)
		play_answer(&play, 0), play_fetch(&play);
	play.now_us = 9000000;
	play_message(&play);
	play_fetch(&play);
	ok(verify_deadline_us(&play.v) == 9000000 + 20000000,
	   "the header's questions are due 20 seconds after its end");
	while (play.n_open)
		play_answer(&play, 0), play_fetch(&play);
	verify_expire(&play.v, 60000000);
	ok(!verify_done(&play.v) && verify_deadline_us(&play.v) == UINT64_MAX,
	   "with all answers there a slow body has no deadline here");
	while (play.stage != PLAY_DONE)
		play_message(&play);
	play_fetch(&play);
	ok(!verify_done(&play.v) && verify_n_jobs_out(&play.v) == 1, "the last body octet makes the job");
	verify_expire(&play.v, 90000000);
	ok(!verify_done(&play.v) && verify_n_jobs_out(&play.v) == 1,
	   "a job that is out must come back, deadline or not");
	play_job_done(&play, 0);
	ok(verify_done(&play.v) && play.v.dmarc.result == DMARC_RESULT_PASS, "then all is known");
	verify_end(&play.v, 90000001);
	verify_expire(&play.v, 99000000);
	ok(verify_done(&play.v) && play.v.dmarc.result == DMARC_RESULT_PASS, "and stays so");

	play_begin(&play);
	for (uint32_t core = 2; core < 10; core++)
		play_noise(&play, core << 16);
	play_message(&play);
	ok(!verify_done(&play.v), "answers for what begins with the header do nothing before it");
	while (play.n_open || play.stage != PLAY_DONE || play.n_out)
		play_step(&play), play_fetch(&play);
	is_span(span_str(play_found(&play)), SPAN("spf=pass dkim=pass dmarc=pass by-spf by-dkim"), "nor after it");
}

#define NAMES "1.2.0.192.in-addr.arpa PTR other.example\n1.2.0.192.in-addr.arpa PTR host.example\n"

static void names_of_the_client(void)
{
	static char out[1 << 14];
	struct text t;

	signed_message(SPF_PASS DMARC NAMES "host.example A 192.0.2.1\n", HEAD, SIG);
	everywhere("spf=pass dkim=pass dmarc=pass by-spf by-dkim", "a client whose second name leads back");
	text_init(&t, out, sizeof(out));
	verify_fields(&play.v, &t);
	ok(strstr(out, ";\r\n\tiprev=pass policy.iprev=192.0.2.1 (host.example);\r\n\tdkim="),
	   "its result stands between SPF's and DKIM's");
	signed_message(SPF_PASS DMARC NAMES "host.example A 192.0.2.1\n", HEAD, SIG);
	play.silent = "other.example";
	everywhere("spf=pass dkim=pass dmarc=pass by-spf by-dkim", "one of its names is not answered");
	ok(verify_iprev(&play.v)->result == IPREV_RESULT_TEMPERROR && play.n_expired == 1,
	   "that is temperror, and DMARC does not depend on it");

	play_begin(&play);
	ok(verify_deadline_us(&play.v) == 5000000 + 5000000, "it is due 5 seconds after the beginning");
	verify_expire(&play.v, 9999999);
	ok(!play.v.iprev.final, "a deadline does nothing before it has come");
	verify_expire(&play.v, 10000000);
	ok(play.v.iprev.final && !play.v.spf_mfrom.final && verify_deadline_us(&play.v) == 25000000,
	   "then it is over, and SPF goes on");

	play_reset(&play, SPF_PASS NAMES "host.example A 192.0.2.1\n");
	play.envelope_only = true;
	everywhere("spf=pass", "the envelope alone, and the client's names");
	ok(verify_iprev(&play.v)->result == IPREV_RESULT_PASS, "they are looked up then, too");
}

/* Each of the lines stands in the account, below the one before it. */
static void account(void)
{
	static const char *const lines[] = {
		"\nspf: example.org: include:_spf.example.net matched\n",
		"\nspf: example.org: pass the domain lets the client send for it\n",
		"\nspf: example.org: asked DNS for 1 terms of 10, found nothing 0 times of 2\n",
		"\ndkim: d=example.org s=s1: key found\n",
		"\ndkim: d=example.org s=s1: the body hash matches bh=: c=relaxed/relaxed\n",
		"\ndkim: d=example.org s=s1: pass\n",
		"\ndmarc: walk: news.example.org: no record\n",
		"\ndmarc: walk: example.org: has a record\n",
		"\ndmarc: organizational domain of the author: example.org\n",
		"\ndmarc: policy record of example.org\n",
		"\ndmarc: policy that applies: quarantine\n",
		"\ndmarc: SPF domain example.org, pass: aligned with news.example.org; organizational domain "
		"example.org\n",
		"\ndmarc: DKIM domain example.org, pass: aligned with news.example.org; organizational domain "
		"example.org\n",
		"\ndmarc: pass\n",
	};
	const char *at = play.account;

	signed_message("example.org TXT \"v=spf1 include:_spf.example.net -all\"\n"
		       "_spf.example.net TXT \"v=spf1 ip4:192.0.2.1 -all\"\n" DMARC,
		       "From: A <a@news.example.org>\r\nTo: b@example.net\r\nSubject: hello\r\n", SIG);
	play_run(&play);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *found = strstr(at, lines[i]);

		ok(found, "the account says: %.*s", (int)strlen(lines[i]) - 2, lines[i] + 1);
		at = found ? found : at;
	}
	ok(!play.explain.text.full, "and has room for all of it");
}

static void fields(void)
{
	static char out[1 << 16];
	struct text t;

	signed_message(SPF_PASS DMARC, HEAD, SIG);
	play.settings.received_spf = true;
	play_run(&play);
	text_init(&t, out, sizeof(out));
	verify_fields(&play.v, &t);
	ok(span_starts_nocase(text_span(&t), SPAN("Authentication-Results: mx.test;")) && strstr(out, "dmarc=pass") &&
		   strstr(out, "\r\nReceived-SPF: ") && span_ends_nocase(text_span(&t), SPAN("\r\n")) && !t.full,
	   "the fields: Authentication-Results first, then Received-SPF");
	play.settings.received_spf = false;
	play.envelope_only = true;
	play_run(&play);
	text_reset(&t);
	verify_fields(&play.v, &t);
	ok(strstr(out, "spf=pass") && !strstr(out, "dmarc=") && !strstr(out, "Received-SPF"),
	   "of the envelope alone SPF is told, and no Received-SPF by default");
	ok(verify_field_is_forged(&play.settings, SPAN("authentication-results"), SPAN(" MX.test; spf=pass")) &&
		   !verify_field_is_forged(&play.settings, SPAN("Subject"), SPAN(" mx.test; spf=pass")) &&
		   !verify_field_is_forged(&play.settings, SPAN("Authentication-Results"),
					   SPAN(" other.test; spf=pass")),
	   "a field of our name from outside is forged, others are not");
}

int main(void)
{
	messages();
	partial_bodies();
	authors();
	envelopes();
	deadlines();
	clock_and_jobs();
	names_of_the_client();
	account();
	fields();
	dns_zone_close(play.zone);
	return done();
}
