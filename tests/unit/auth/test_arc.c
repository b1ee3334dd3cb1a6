// SPDX-License-Identifier: MIT
/*
 * test_arc.c - chains that hold and chains that do not (RFC 8617 5.2; pitfalls C1 to C7)
 */
#include "dataplane/auth/arc.h"
#include "tests/unit/auth/dkim_check.h"

#define HEAD "From: A <a@example.org>\r\nSubject: hello\r\n"

static struct mail mail;
static struct arc arc;
static struct dkim dkim;
static bool beside_dkim; /* which verifies the same message, and may have the same body hash */

static const char *message_d; /* d= of the message signature when it is not the seal's */

/* One set: @more adds to the seal's tags; @h are the names of the message signature, and may go on with other tags. */
static void seal_with(unsigned i, const char *cv, const char *d, const char *h, const char *more, enum signer key)
{
	static char template[1024], field[4096], b64[1024];
	static struct twin text;

	snprintf(field, sizeof(field),
		 "ARC-Authentication-Results: i=%u; list%u.example;\r\n spf=pass smtp.mfrom=example.org\r\n", i, i);
	mail_prepend(&mail, field);
	snprintf(template, sizeof(template),
		 "i=%u; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=s1; h=%s; bh=@BH@;\r\n b=@BF@", i,
		 message_d ? message_d : d, h);
	sign_as(&mail, "ARC-Message-Signature", template, key);
	snprintf(field, sizeof(field), "ARC-Seal: i=%u; a=rsa-sha256; %s%s%s d=%s; s=s1;%s b=\r\n @BF@ ", i,
		 cv[0] ? "cv=" : "", cv, cv[0] ? ";" : "", d, more);
	text.len = 0;
	for (unsigned j = 1; j <= i; j++) {
		static const char *const names[] = { "ARC-Authentication-Results", "ARC-Message-Signature",
						     "ARC-Seal" };

		for (size_t n = 0; n < (j < i ? 3 : 2); n++) {
			struct span f = nth_from_bottom(&mail, span_str(names[n]), j - 1);

			if (!f.at)
				continue; /* a chain with a gap */
			twin_field(&text, true, f);
			twin_put(&text, SPAN("\r\n"));
		}
	}
	put_without_b(&text, true, field);
	signer_sign(key, false, span_of(text.at, text.len), b64, sizeof(b64));
	finish_field(&mail, field, sizeof(field), b64);
}

static void seal(unsigned i, const char *cv)
{
	seal_with(i, cv, "list.example", "from:subject", "", RSA_1024);
}

/* A mail with a chain of @n sets. */
static void fresh(unsigned n)
{
	check_reset();
	dns_txt("s1._domainkey.list.example", signer_record(RSA_1024));
	mail_set(&mail, HEAD, "hello\r\n");
	for (unsigned i = 1; i <= n; i++)
		seal(i, i == 1 ? "none" : "pass");
}

static unsigned n_questions, n_jobs, n_jobs_early;

static void ask_all(bool answer)
{
	struct dns_question q;
	unsigned slot;

	while (arc_question(&arc, &slot, &q)) {
		n_questions++;
		if (answer)
			arc_answer(&arc, slot, dns_ask(&q));
	}
}

static void run(void)
{
	struct crypto_job *job;

	text_init(&check.explain.text, check.told, sizeof(check.told));
	check.header = (struct msg_header){ .fields = check.fields, .fields_max = 4096 };
	msg_header_parse(&check.header, span_of(mail.header, mail.header_len));
	memset(&arc, 0xaa, sizeof(arc));
	n_questions = n_jobs = n_jobs_early = 0;
	if (beside_dkim)
		dkim_begin(&dkim, &check.settings, &check.header, SPAN("example.org"), check.now, &check.explain);
	arc_begin(&arc, &check.settings, &check.header, beside_dkim ? &dkim : NULL, check.now, &check.explain);
	ask_all(!check.no_answers);
	n_jobs_early += arc_job(&arc) != NULL;
	if (beside_dkim)
		dkim_give_up(&dkim); /* all its signatures are done with, before the body is */
	for (size_t i = 0; i < mail.body_len; i++) {
		if (beside_dkim)
			dkim_body(&dkim, span_of(mail.body + i, 1));
		arc_body(&arc, span_of(mail.body + i, 1));
	}
	if (beside_dkim)
		dkim_body_end(&dkim);
	arc_body_end(&arc);
	while ((job = arc_job(&arc))) {
		n_jobs++;
		check_compute(job);
		arc_job_done(&arc, job);
		ask_all(!check.no_answers);
	}
	if (check.no_answers)
		arc_give_up(&arc);
	CHECK(arc_done(&arc));
}

#define is_arc(expected, part, ...) tap_is_arc((expected), (part), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static void tap_is_arc(const char *expected, const char *part, const char *file,
							     int line, const char *format, ...)
{
	char sentence[512];
	__builtin_va_list args;

	run();
	__builtin_va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	__builtin_va_end(args);
	if (!tap_ok(strcmp(arc_result_text(arc.result), expected) == 0 && strstr(arc.reason, part), file, line, "%s",
		    sentence))
		printf("# %s (%s), not %s (%s)\n%s\n", arc_result_text(arc.result), arc.reason, expected, part,
		       check.told);
}

static void test_chains(void)
{
	static const unsigned lengths[] = { 1, 2, 7, 8, 9, 50 };

	fresh(0);
	is_arc("none", "", "no ARC fields");
	ok(arc.instance == 0 && arc.sealer.len == 0 && n_questions == 0, "no instance, no sealer, no questions");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fresh(lengths[i]);
		is_arc("pass", "", "a chain of %u sets", lengths[i]);
		ok(arc.instance == lengths[i] && n_questions == lengths[i] + 1 && n_jobs == lengths[i] + 1,
		   "one message signature and each seal were verified");
		is_span(arc.sealer, SPAN("list.example"), "the sealer is known");
	}
	ok(n_jobs_early == 0, "nothing is computed before the body is known to be good");
	fresh(0);
	is_arc("none", "", "C6: the next message has nothing of the one before");

	fresh(2);
	mail.body[0] = 'j';
	is_arc("fail", "body hash", "another body");
	ok(n_jobs == 0, "which costs no verification");
	fresh(2);
	mail_replace(&mail, "From: A", "From: B");
	is_arc("fail", "does not match the header", "another From");
	fresh(3);
	mail_replace(&mail, "i=3; list3.example", "i=3; list4.example");
	is_arc("fail", "Seal does not match", "results changed");
	fresh(3);
	mail_replace(&mail, "i=1; list1.example", "i=1; list4.example");
	is_arc("fail", "Seal does not match", "results of the oldest set changed");
	fresh(3);
	mail_replace(&mail, "From: A", "From:  A\t");
	is_arc("pass", "", "white space of the header changed, relaxed");

	/* A list that changes the message breaks the message signatures before its own, and may. */
	fresh(1);
	mail_replace(&mail, "Subject: hello", "Subject: [list] hello");
	seal(2, "pass");
	is_arc("pass", "", "only the newest message signature counts");
}

/* Moves the first line-folded field of the header to its end. */
static void rotate(void)
{
	static char field[8192];
	char *end = mail.header;

	do
		end = strstr(end, "\r\n") + 2;
	while (*end == ' ' || *end == '\t');
	size_t n = (size_t)(end - mail.header);

	memcpy(field, mail.header, n);
	field[n] = '\0';
	memmove(mail.header, end, strlen(end) + 1);
	mail.header_len -= n;
	mail_append(&mail, field);
}

static void remove_field(const char *begin)
{
	char *at = strstr(mail.header, begin), *end = at;

	CHECK(at);
	do
		end = strstr(end, "\r\n") + 2;
	while (*end == ' ' || *end == '\t');
	memmove(at, end, strlen(end) + 1);
	mail.header_len = strlen(mail.header);
}

static void test_structure(void)
{
	fresh(3);
	for (size_t i = 0; i < 11; i++) {
		rotate();
		is_arc("pass", "", "C1: sets in another order (%zu)", i);
	}
	fresh(1);
	seal(1, "none");
	is_arc("fail", "twice", "C1: two sets i=1");
	fresh(1);
	seal(3, "pass");
	is_arc("fail", "not whole", "C1: a gap: 1, 3");
	check_reset();
	mail_set(&mail, HEAD, "hello\r\n");
	seal(2, "pass");
	is_arc("fail", "not whole", "the first set is missing");

	static const char *const parts[] = {
		"ARC-Seal: i=2", "ARC-Message-Signature: i=2", "ARC-Authentication-Results: i=2",
		"ARC-Seal: i=1", "ARC-Message-Signature: i=1", "ARC-Authentication-Results: i=1"
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		fresh(2);
		remove_field(parts[i]);
		is_arc("fail", "not whole", "C2: without %s", parts[i]);
		ok(n_questions == 0, "C2: which costs no DNS");
	}
	fresh(3);
	remove_field("ARC-Seal: i=2");
	remove_field("ARC-Message-Signature: i=2");
	remove_field("ARC-Authentication-Results: i=2");
	is_arc("fail", "not whole", "the second of three sets is missing");
	fresh(1);
	mail_replace(&mail, "ARC-Seal: i=1; ", "ARC-Seal:\r\n\ti=1;\r\n \t ");
	is_arc("pass", "", "a seal folded in another way");
	fresh(0);
	seal_with(1, "none", "list.example", "from:arc-authentication-results", "", RSA_1024);
	is_arc("pass", "", "a message signature that signs the results");

	static char large[65000];

	memset(large, 'x', sizeof(large) - 1);
	fresh(1);
	mail_replace(&mail, "list1.example", large);
	is_arc("fail", "", "results of 64 kB that nobody sealed");
	fresh(50);
	mail_prepend(&mail, "ARC-Seal: i=51; a=rsa-sha256; cv=pass; d=list.example; s=s1; b=AAAA\r\n");
	is_arc("fail", "i=", "C3: i=51");
	fresh(4);
	check.settings.arc_sets_max = 3;
	is_arc("fail", "more ARC sets", "the limit is a setting");

	static const struct {
		const char *what, *field;
	} bad[] = {
		{ "empty ARC-Seal", "ARC-Seal:\r\n" },
		{ "ARC-Seal: x", "ARC-Seal: x\r\n" },
		{ "C5: cv without value", "ARC-Seal: i=1; cv\r\n" },
		{ "results without i=", "ARC-Authentication-Results: list.example; none\r\n" },
		{ "results with i=0", "ARC-Authentication-Results: i=0; list.example; none\r\n" },
		{ "results with i=51", "ARC-Authentication-Results: i=51; list.example; none\r\n" },
		{ "results with i=002", "ARC-Authentication-Results: i=002; list.example; none\r\n" },
		{ "results without a semicolon", "ARC-Authentication-Results: i=2 list.example; none\r\n" },
		{ "results in an open comment", "arc-authentication-results: (i=2; list.example; none\r\n" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fresh(1);
		mail_prepend(&mail, bad[i].field);
		is_arc("fail", "", "beside a good set: %s", bad[i].what);
	}
	fresh(1);
	mail_replace(&mail, "ARC-Authentication-Results: i=1; list1",
		     "ARC-Authentication-Results: (a (b) \\) ) i = 1 (c) ; list1");
	is_arc("fail", "Seal does not match", "comments round i= are understood");
}

static void test_cv(void)
{
	static const struct {
		const char *first, *second, *part;
	} rows[] = { { "pass", "pass", "first ARC-Seal" }, { "none", "none", "after the first" },
		     { "fail", "pass", "cv=fail" },        { "none", "fail", "newest ARC-Seal says cv=fail" },
		     { "bogus", "pass", "cv=" },           { "none", "bogus", "cv=" },
		     { "none", "", "cv= is missing" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fresh(0);
		seal(1, rows[i].first);
		seal(2, rows[i].second);
		is_arc("fail", rows[i].part, "C4: cv=%s, then cv=%s", rows[i].first, rows[i].second);
		ok(arc.instance == 2, "C4: the chain has two sets all the same");
	}
	fresh(0);
	seal_with(1, "none", "list.example", "from", " h=from;", RSA_1024);
	is_arc("fail", "h=", "an ARC-Seal with h=");
	fresh(0);
	seal_with(1, "none", "list.example", "from:arc-seal", "", RSA_1024);
	is_arc("fail", "ARC-Seal", "a message signature that signs ARC-Seal");
	fresh(0);
	seal_with(1, "none", "list.example", "from", " t=1800000000;", RSA_1024);
	is_arc("fail", "future", "a seal of the future");
	fresh(0);
	seal_with(1, "none", "list.example", "from", "", RSA_512);
	dns_clear();
	dns_txt("s1._domainkey.list.example", signer_record(RSA_512));
	is_arc("fail", "shorter", "a key of 512 bits");
	fresh(0);
	seal_with(1, "none", "list.example", "from", "", RSA_2048);
	dns_clear();
	dns_txt("s1._domainkey.list.example", signer_record(RSA_2048));
	is_arc("pass", "", "a key of 2048 bits");
	fresh(0);
	seal_with(1, "none", "list.example", "from", "", RSA_3072);
	dns_clear();
	dns_txt("s1._domainkey.list.example", signer_record(RSA_3072));
	is_arc("pass", "", "a key of 3072 bits");

	char field[2000];

	fresh(1);
	remove_field("ARC-Seal");
	snprintf(field, sizeof(field), "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=list.example; s=s1; b=%.*s\r\n", 1400,
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	for (size_t i = 0; i < 4; i++)
		replace(field, sizeof(field), "b=AAAA",
			"b="
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			"AA"
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			"AAAAAA"
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			"AAAAAA"
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			"AAAAAA");
	mail_prepend(&mail, field);
	is_arc("fail", "b=", "C5: b= of more than 1024 octets");
}

/*
 * l= of the newest message signature (RFC 6376 8.2).  A chain that vouches for a message must cover all of it: what was
 * appended on the way is not what the sealer saw, so that the setting which lets DKIM pass does not let the chain pass.
 */
static void test_partial(void)
{
	static const struct {
		const char *what, *h, *result, *part;
		uint8_t setting;
	} rows[] = {
		{ "unaligned, l=2", "from; l=2", "fail", "unsigned", DKIM_PARTIAL_UNALIGNED },
		{ "unaligned, l=0", "from; l=0", "fail", "unsigned", DKIM_PARTIAL_UNALIGNED },
		{ "unaligned, l= of the body", "from; l=7", "pass", "", DKIM_PARTIAL_UNALIGNED },
		{ "policy, l=2", "from; l=2", "fail", "unsigned", DKIM_PARTIAL_POLICY },
		{ "policy, l= of the body", "from; l=7", "pass", "", DKIM_PARTIAL_POLICY },
		{ "accept, l=2", "from; l=2", "pass", "", DKIM_PARTIAL_ACCEPT },
		{ "accept, l=0", "from; l=0", "pass", "", DKIM_PARTIAL_ACCEPT },
		{ "accept, l= beyond the body", "from; l=8", "fail", "larger", DKIM_PARTIAL_ACCEPT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fresh(0);
		check.settings.dkim_partial = rows[i].setting;
		seal_with(1, "none", "list.example", rows[i].h, "", RSA_1024);
		is_arc(rows[i].result, rows[i].part, "D26: dkim.partial_body = %s", rows[i].what);
	}
	/* An older message signature is not verified, and its l= says nothing. */
	fresh(0);
	seal_with(1, "none", "list.example", "from; l=2", "", RSA_1024);
	seal(2, "pass");
	is_arc("pass", "", "D26: l= of an older set");
}

static void test_domains(void)
{
	fresh(0);
	message_d = "other.example";
	seal(1, "none");
	dns_txt("s1._domainkey.other.example", signer_record(RSA_1024));
	is_arc("pass", "", "another d= in the message signature than in the seal");
	is_span(arc.sealer, SPAN("list.example"), "the seal's counts");
	message_d = NULL;
}

static void test_dns(void)
{
	static const struct {
		enum dns_rcode rcode;
		const char *result;
	} rows[] = { { DNS_SERVFAIL, "temperror" },
		     { DNS_TIMEOUT, "temperror" },
		     { DNS_NXDOMAIN, "fail" },
		     { DNS_NODATA, "fail" } };

	for (size_t i = 0; i < 4; i++) {
		fresh(1);
		seal_with(2, "pass", "other.example", "from", "", RSA_OTHER);
		dns_rcode("s1._domainkey.other.example", rows[i].rcode);
		is_arc(rows[i].result, "", "the newest key: %s", dns_rcode_text(rows[i].rcode));
	}
	fresh(20);
	check.no_answers = true;
	is_arc("temperror", "", "no answers in time, most not even asked for");
	mail.body[0] = 'j';
	is_arc("fail", "body hash", "but another body is fail");
	fresh(1);
	seal_with(2, "pass", "other.example", "from", "", RSA_OTHER);
	dns_rcode("s1._domainkey.list.example", DNS_SERVFAIL);
	dns_txt("s1._domainkey.other.example", signer_record(RSA_1024));
	is_arc("fail", "", "one key is missing and one signature wrong");
}

static void test_trust(void)
{
	static const char *const listed[] = { "one.example", "List.Example", NULL };
	static const char *const others[] = { "example", "xlist.example", "sub.list.example", NULL };

	fresh(2);
	is_arc("pass", "", "C7: nobody is trusted by default");
	ok(!arc.trusted && arc.covers_from, "C7: so it overrides nothing");
	check.settings.arc_trusted = others;
	run();
	ok(!arc.trusted, "C7: only the very name is listed");
	check.settings.arc_trusted = listed;
	run();
	ok(arc.trusted, "the newest sealer is listed, in any case of letters");
	fresh(1);
	check.settings.arc_trusted = listed;
	seal_with(2, "pass", "other.example", "from", "", RSA_1024);
	dns_txt("s1._domainkey.other.example", signer_record(RSA_1024));
	is_arc("pass", "", "a listed sealer, then another");
	ok(!arc.trusted, "the newest one counts");
	fresh(0);
	check.settings.arc_trusted = listed;
	seal_with(1, "none", "list.example", "subject", "", RSA_1024);
	is_arc("pass", "", "a message signature without From");
	ok(!arc.covers_from && !arc.trusted, "vouches for no author");
	fresh(1);
	check.settings.arc_trusted = listed;
	mail.body[0] = 'j';
	run();
	ok(!arc.trusted, "a chain that fails is trusted by nobody");
	ok(strstr(check.told, "arc: i=1 seal d=list.example s=s1: key found\n") &&
		   strstr(check.told, "arc: fail: the body hash"),
	   "each step is told");
}

/* A DKIM-Signature beside the chain: whether they share the body hash, and what follows. */
static void beside(const char *c_and_l, bool shares, bool other_body)
{
	static char template[256];

	fresh(1);
	snprintf(template, sizeof(template), "v=1; a=rsa-sha256; %s; d=example.org; s=s1; h=from; bh=@BH@; b=@B@",
		 c_and_l);
	sign_as(&mail, "DKIM-Signature", template, RSA_1024);
	if (other_body)
		mail.body[0] = 'j';
	is_arc(other_body ? "fail" : "pass", other_body ? "body hash" : "", "beside a DKIM-Signature of %s", c_and_l);
	ok((arc.shared != NULL) == shares, "the body is hashed %s", shares ? "once" : "for each");
}

static void test_shared_body(void)
{
	beside_dkim = true;
	beside("c=relaxed/relaxed", true, false);
	beside("c=relaxed/relaxed", true, true);
	beside("c=simple/relaxed", true, false);
	beside("c=relaxed/simple", false, false);
	beside("c=relaxed/relaxed; l=7", false, false);
	beside_dkim = false;
}

int main(void)
{
	test_chains();
	test_shared_body();
	test_structure();
	test_cv();
	test_partial();
	test_domains();
	test_dns();
	test_trust();
	return done();
}
