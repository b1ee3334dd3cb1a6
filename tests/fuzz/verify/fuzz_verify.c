// SPDX-License-Identifier: MIT
/*
 * fuzz_verify.c - whatever a message and DNS say, and in whatever order, a verification ends within its limits
 *
 * First line: octets that choose, used in turn and again from the first: what happens next, what a signature job
 * comes to.  Second line: HELO, a space, MAIL FROM.  Then one answer a line, up to a line that is ".", likewise
 * used in turn: "t", "s", "n" or "d" for TIMEOUT, SERVFAIL, NXDOMAIN or NODATA, "-" for none at all, or "=" and records,
 * each up to a "|".  The rest is the message.
 */
#include "crypto/crypto_openssl.h"
#include "dataplane/auth/verify.h"
#include "dns/domain_names.h"
#include "tests/fuzz_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPEN_MAX 512
#define QUESTIONS_MAX                                                                                                  \
	1000 /* SPF twice 300, 11 for the client's names, 16 keys, 18 walks of 8, 51 of ARC: more is no end */
#define JOBS_MAX (DKIM_SIGNATURES_MAX + ARC_SLOTS)

static struct {
	struct verify v;
	struct msg_header header;
	struct msg_field fields[MSG_FIELDS_MAX];
	struct span choices, answers, answers_left, head, body;
	size_t choice, body_at;
	enum { STAGE_HEADER, STAGE_BODY, STAGE_DONE } stage;
	struct {
		uint32_t ticket;
		uint16_t type;
	} open[OPEN_MAX];
	struct crypto_job *jobs[JOBS_MAX];
	unsigned n_open, n_out, n_questions;
} s;

static unsigned choose(unsigned below)
{
	if (s.choices.len == 0)
		return 0;
	return s.choices.at[s.choice++ % s.choices.len] % below;
}

/* NULL: none comes. */
static const struct dns_answer *answer_of(struct span line, unsigned type)
{
	return line.len && line.at[0] == '-' ? NULL : fuzz_answer(line, type);
}

static void fetch(void)
{
	struct dns_question q, again;
	struct crypto_job *job;

	while (verify_question(&s.v, &s.open[s.n_open].ticket, &q)) {
		CHECK(dns_question_set(&again, (enum dns_type)q.type, dns_question_name(&q)) &&
		      dns_question_eq(&q, &again));
		s.open[s.n_open++].type = q.type;
		CHECK(s.n_open < OPEN_MAX && ++s.n_questions < QUESTIONS_MAX);
	}
	while ((job = verify_job(&s.v))) {
		CHECK(s.n_out < JOBS_MAX && job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
		s.jobs[s.n_out++] = job;
	}
}

static void message(void)
{
	if (s.stage == STAGE_HEADER) {
		s.header = (struct msg_header){ .fields = s.fields, .fields_max = MSG_FIELDS_MAX };
		msg_header_parse(&s.header, s.head);
		verify_header(&s.v, &s.header, 0);
		s.stage = STAGE_BODY;
	} else if (s.body_at < s.body.len) {
		size_t n = 1 + choose(64), left = s.body.len - s.body_at;

		n = n < left ? n : left;
		verify_body(&s.v, span_part(s.body, s.body_at, s.body_at + n));
		s.body_at += n;
	} else {
		verify_end(&s.v, 0);
		s.stage = STAGE_DONE;
	}
}

static void answer(unsigned which)
{
	uint32_t ticket = s.open[which].ticket;

	if (!s.answers_left.at)
		s.answers_left = s.answers;
	const struct dns_answer *a = answer_of(span_cut(&s.answers_left, '\n'), s.open[which].type);

	s.open[which] = s.open[--s.n_open];
	if (!a)
		return;
	verify_answer(&s.v, ticket, a, 0);
	if (choose(2)) {
		verify_answer(&s.v, ticket, a, 0);
		verify_answer(&s.v, choose(256) << 16 | choose(256), a, 0);
	}
}

static void job_done(unsigned which)
{
	struct crypto_job *job = s.jobs[which];

	s.jobs[which] = s.jobs[--s.n_out];
	job->verdict = (uint8_t)(CRYPTO_PASS + choose(CRYPTO_ERROR));
	job->key_bits = job->alg == CRYPTO_ED25519_SHA256 ? 256 : 2048;
	verify_job_done(&s.v, job, 0);
}

/* One thing of those that can happen; false: nothing but time can. */
static bool step(void)
{
	unsigned n_message = s.stage != STAGE_DONE, n = n_message + s.n_open + s.n_out;

	if (n == 0)
		return false;
	unsigned which = choose(n);

	if (which < n_message)
		message();
	else if (which - n_message < s.n_out)
		job_done(which - n_message);
	else
		answer(which - n_message - s.n_out);
	return true;
}

/* One field, folded: nothing that a peer wrote has made a line, a control character or an octet above ASCII of its own. */
static void fields_are_ours(void)
{
	static char out[1 << 16];
	struct text t;

	text_init(&t, out, sizeof(out));
	verify_fields(&s.v, &t);
	CHECK(!t.full && t.len > 2 && span_starts_nocase(text_span(&t), SPAN("Authentication-Results: mx.test")));
	for (size_t i = 0; i < t.len; i++) {
		uint8_t c = (uint8_t)out[i];

		if (c != '\r') {
			CHECK((c >= ' ' && c < 0x7f) || c == '\t');
			continue;
		}
		CHECK(i + 1 < t.len && out[i + 1] == '\n');
		CHECK(i + 2 == t.len || byte_is_wsp((uint8_t)out[i + 2]));
		i++;
	}
}

static void results_fit(void)
{
	const struct dmarc *m = &s.v.dmarc;

	CHECK((m->result == DMARC_RESULT_PASS) <= (m->spf_aligned || m->dkim_aligned));
	CHECK(m->result == DMARC_RESULT_FAIL || m->disposition == DMARC_POLICY_NONE);
	CHECK(m->result == DMARC_RESULT_TEMPERROR || m->at_stake <= DMARC_POLICY_NONE);
	CHECK(s.v.from.error == FROM_OK || m->result == DMARC_RESULT_NONE);
	CHECK(!m->spf_aligned || verify_spf(&s.v)->result == SPF_RESULT_PASS);
	CHECK((verify_iprev(&s.v)->result == IPREV_RESULT_PASS) == (verify_iprev(&s.v)->name.len > 0));
	fields_are_ours();
}

static void split(struct span message_text)
{
	size_t head_len, body = msg_header_end(message_text, 0, &head_len);

	s.head = span_head(message_text, body == SPAN_NONE ? message_text.len : head_len);
	s.body = span_skip(message_text, body == SPAN_NONE ? message_text.len : body);
}

/* The lines before the one that is ".". */
static struct span answers_of(struct span *rest)
{
	const uint8_t *start = rest->at;

	while (rest->at) {
		struct span line = span_cut(rest, '\n');

		if (span_eq(line, SPAN(".")))
			return span_of(start, (size_t)(line.at - start));
	}
	return SPAN("");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stats stats;
	struct auth_settings settings = auth_settings_default();
	struct span rest = span_of(data, size);

	settings.hash = &crypto_openssl_hash;
	settings.to_ascii = domain_to_ascii;
	settings.organizational = domain_organizational;
	settings.authserv_id = "mx.test";
	settings.stats = &stats;
	memset(&s, 0x5a, sizeof(s)); /* what was there before must not matter */
	s.n_open = s.n_out = s.n_questions = 0;
	s.stage = STAGE_HEADER;
	s.choice = s.body_at = 0;
	s.choices = span_cut(&rest, '\n');
	if (!rest.at)
		return 0;
	struct span envelope = span_cut(&rest, '\n');
	struct auth_client client = { .ip = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }), .now_unix = 1700000000 };

	if (!rest.at)
		return 0;
	client.helo = span_cut(&envelope, ' ');
	client.has_mail_from = envelope.at;
	client.mail_from = envelope;
	settings.dmarc_rfc7489 = choose(4) == 3;
	s.answers = s.answers_left = answers_of(&rest);
	split(rest.at ? rest : SPAN(""));

	verify_begin(&s.v, &settings, &client, NULL, 0);
	for (fetch(); step(); fetch())
		;
	/* Now time is all that is left: SPF's, and that of the header's questions. */
	for (unsigned n = 0; !verify_done(&s.v); n++) {
		CHECK(n < 3 && verify_deadline_us(&s.v) != UINT64_MAX);
		verify_expire(&s.v, verify_deadline_us(&s.v));
		for (fetch(); s.n_out; fetch())
			job_done(0);
	}
	CHECK(verify_n_jobs_out(&s.v) == 0 && verify_deadline_us(&s.v) == UINT64_MAX);
	results_fit();
	return 0;
}
