// SPDX-License-Identifier: MIT
/*
 * dkim_check.h - runs the DKIM verifier over a mail of dkim_signer.h: the shard's part, played by the test
 */
#ifndef TESTS_DKIM_CHECK_H
#define TESTS_DKIM_CHECK_H

#include "crypto/crypto_openssl.h"
#include "dataplane/auth/dkim.h"
#include "tests/unit/auth/dkim_signer.h"

#define CHECK_NOW 1700000000

/* DNS as the test has it: names with a text, or with an rcode; all else is NXDOMAIN. */
struct check_record {
	char name[256];
	char text[16600];
	enum dns_rcode rcode;
};

static struct check_record check_zone[24];
static size_t check_n_records;

static inline void dns_clear(void)
{
	check_n_records = 0;
}

static inline struct check_record *dns_new(const char *name)
{
	CHECK(check_n_records < sizeof(check_zone) / sizeof(check_zone[0]));
	struct check_record *r = &check_zone[check_n_records++];

	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

static inline void dns_txt(const char *name, const char *text)
{
	struct check_record *r = dns_new(name);

	snprintf(r->text, sizeof(r->text), "%s", text);
	r->rcode = DNS_NOERROR;
}

static inline void dns_rcode(const char *name, enum dns_rcode rcode)
{
	dns_new(name)->rcode = rcode;
}

static inline const struct dns_answer *dns_ask(const struct dns_question *q)
{
	static _Alignas(8) uint8_t room[70000];
	enum dns_rcode rcode = DNS_NXDOMAIN;
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NXDOMAIN, 60);

	for (size_t i = 0; i < check_n_records; i++) {
		if (!span_eq_nocase(dns_question_name(q), span_str(check_zone[i].name)))
			continue;
		rcode = check_zone[i].rcode;
		if (rcode == DNS_NOERROR)
			CHECK(dns_answer_add(a, sizeof(room), span_str(check_zone[i].text)));
	}
	a->rcode = (uint8_t)rcode;
	return a;
}

/* "bücher" to its A-label and nothing else: enough to see who asks for it. */
static inline bool check_to_ascii(struct span domain, struct text *out)
{
	static const char u[] = "b\xc3\xbc"
				"cher";

	for (struct span rest = domain; rest.at;) {
		struct span label = span_cut(&rest, '.');

		if (span_eq(label, span_str(u)))
			text_puts(out, "xn--bcher-kva");
		else
			text_put(out, label);
		if (rest.at)
			text_puts(out, ".");
	}
	for (size_t i = 0; i < out->len; i++)
		if ((uint8_t)out->at[i] >= 0x80)
			return false;
	return !out->full;
}

static struct stats check_stats;

static inline struct auth_settings check_settings(void)
{
	struct auth_settings s = auth_settings_default();

	s.hash = &crypto_openssl_hash;
	s.to_ascii = check_to_ascii;
	s.stats = &check_stats;
	return s;
}

static inline struct crypto_backend *check_backend(void)
{
	static struct crypto_backend *backend;

	if (!backend)
		backend = crypto_openssl_open(64);
	CHECK(backend);
	return backend;
}

static inline void check_compute(struct crypto_job *job)
{
	crypto_verify(check_backend(), &job, 1);
}

/* One check and what is needed for it; use again with check_mail(). */
struct check {
	struct auth_settings settings;
	uint64_t now;
	const char *author;
	size_t step;                  /* octets of body at once; 0: all */
	bool body_first;              /* the answers come after the body */
	bool no_answers;              /* none comes: dkim_give_up() */
	unsigned n_questions, n_jobs; /* out */
	struct explain explain;
	char told[1 << 16];
	struct msg_header header;
	struct msg_field fields[4096];
	struct dkim dkim;
};

static struct check check;

static inline void check_reset(void)
{
	check.settings = check_settings();
	check.now = CHECK_NOW;
	check.author = "example.org";
	check.step = 0;
	check.body_first = check.no_answers = false;
	dns_clear();
}

static inline void check_answers(void)
{
	struct dns_question q;
	unsigned slot;

	while (dkim_question(&check.dkim, &slot, &q)) {
		check.n_questions++;
		if (!check.no_answers)
			dkim_answer(&check.dkim, slot, dns_ask(&q));
	}
	if (check.no_answers)
		dkim_give_up(&check.dkim);
}

static inline void check_body(struct span body)
{
	size_t step = check.step ? check.step : body.len;

	for (size_t i = 0; i < body.len; i += step)
		dkim_body(&check.dkim, span_part(body, i, i + step < body.len ? i + step : body.len));
	dkim_body_end(&check.dkim);
}

static inline void check_mail(const struct mail *m)
{
	struct crypto_job *job;

	text_init(&check.explain.text, check.told, sizeof(check.told));
	check.n_questions = check.n_jobs = 0;
	check.header = (struct msg_header){ .fields = check.fields, .fields_max = 4096 };
	msg_header_parse(&check.header, span_of(m->header, m->header_len));
	/* What was there before must not matter. */
	memset(&check.dkim, 0xaa, sizeof(check.dkim));
	dkim_begin(&check.dkim, &check.settings, &check.header, span_str(check.author), check.now, &check.explain);
	if (check.body_first)
		check_body(mail_body(m));
	check_answers();
	if (!check.body_first)
		check_body(mail_body(m));
	while ((job = dkim_job(&check.dkim))) {
		check.n_jobs++;
		check_compute(job);
		dkim_job_done(&check.dkim, job);
	}
	CHECK(dkim_done(&check.dkim));
}

static inline struct dkim_report check_report(size_t i)
{
	struct dkim_report r;

	dkim_report(&check.dkim, i, &r);
	return r;
}

/* The result of the signature on top and a part of its reason. */
#define is_result(expected, part, ...) tap_is_result((expected), (part), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static inline void tap_is_result(const char *expected, const char *part,
								       const char *file, int line, const char *format,
								       ...)
{
	char sentence[512];
	__builtin_va_list args;
	struct dkim_report r = { 0 };

	if (dkim_n_reports(&check.dkim))
		r = check_report(0);
	__builtin_va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	__builtin_va_end(args);
	bool good = strcmp(dkim_result_text(r.result), expected) == 0 && strstr(r.reason ? r.reason : "", part);

	if (!tap_ok(good, file, line, "%s", sentence))
		printf("# %s (%s), not %s (%s)\n%s\n", dkim_result_text(r.result), r.reason, expected, part,
		       check.told);
}

#endif
