// SPDX-License-Identifier: MIT
/*
 * verify_check.h - plays the whole life of a struct verify: the shard's part and the resolver's, with a clock
 *
 * What happens next - a piece of the message, an answer, a job that comes back - is chosen by a seed, so that one
 * message can be seen in as many orders as one likes; all must come to the same.
 */
#ifndef TESTS_VERIFY_CHECK_H
#define TESTS_VERIFY_CHECK_H

#include "dataplane/auth/verify.h"
#include "tests/unit/auth/dkim_signer.h"
#include "tests/unit/auth/dmarc_check.h"

#define PLAY_OPEN_MAX 512
#define PLAY_QUESTIONS_MAX 600 /* SPF twice with all its terms, ten keys, twelve walks, a chain of ARC */

enum play_order { PLAY_ANSWERS_FIRST, PLAY_MESSAGE_FIRST, PLAY_RANDOM };

struct play {
	/* Set by the test */
	struct auth_settings settings;
	struct auth_client client;
	struct mail mail;
	struct dns_zone *zone;
	enum play_order order;
	bool noise;         /* each answer twice, the second one of a liar; answers to what was never asked */
	const char *silent; /* questions with this in their name are never answered */
	bool envelope_only;

	/* The play */
	struct verify v;
	struct msg_header header;
	struct msg_field fields[MSG_FIELDS_MAX];
	struct dns_question q[PLAY_OPEN_MAX];
	uint32_t tickets[PLAY_OPEN_MAX];
	struct crypto_job *jobs[DKIM_SIGNATURES_MAX + ARC_SLOTS];
	unsigned n_open, n_out, n_questions, n_jobs, n_expired;
	uint64_t now_us;
	size_t body_at;
	enum { PLAY_HEADER, PLAY_BODY, PLAY_DONE } stage;
	char account[1 << 17];
	struct explain explain;
};

static inline struct crypto_backend *play_backend(void)
{
	static struct crypto_backend *backend;

	if (!backend)
		backend = crypto_openssl_open(64);
	CHECK(backend);
	return backend;
}

/* A message from example.org, by a client that may send for it. */
static inline void play_reset(struct play *p, const char *zone)
{
	if (p->zone)
		dns_zone_close(p->zone);
	p->zone = zone_of(zone);
	p->settings = dmarc_settings(false);
	p->settings.authserv_id = "mx.test";
	p->client = (struct auth_client){ .ip = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
					  .helo = SPAN("mail.example.org"),
					  .mail_from = SPAN("bounce@example.org"),
					  .has_mail_from = true,
					  .now_unix = 1700000000 };
	p->order = PLAY_ANSWERS_FIRST;
	p->noise = p->envelope_only = false;
	p->silent = NULL;
}

static inline void play_key(struct play *p, const char *name, enum signer which)
{
	CHECK(dns_zone_add(p->zone, span_str(name), DNS_TXT, span_str(signer_record(which))));
}

static inline void play_message(struct play *p)
{
	struct span body = mail_body(&p->mail);

	if (p->stage == PLAY_HEADER) {
		p->header = (struct msg_header){ .fields = p->fields, .fields_max = MSG_FIELDS_MAX };
		msg_header_parse(&p->header, span_of(p->mail.header, p->mail.header_len));
		verify_header(&p->v, &p->header, p->now_us);
		p->stage = PLAY_BODY;
		return;
	}
	if (p->body_at == body.len) {
		verify_end(&p->v, p->now_us);
		p->stage = PLAY_DONE;
		return;
	}
	size_t n = 1 + dmarc_random(40), left = body.len - p->body_at;

	n = n < left ? n : left;
	verify_body(&p->v, span_part(body, p->body_at, p->body_at + n));
	p->body_at += n;
}

static inline bool play_is_silent(const struct play *p, const struct dns_question *q)
{
	char name[DNS_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%.*s", (int)q->len, (const char *)q->name);
	return p->silent && strstr(name, p->silent);
}

/* What a liar would like to be believed: for every protocol something. */
static inline void play_noise(struct play *p, uint32_t ticket)
{
	static _Alignas(8) uint8_t room[512];
	static const char *const lies[] = { "v=spf1 +all", "v=DMARC1; p=none; sp=none; psd=n",
					    "v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NXDOMAIN, 60);

	if (dmarc_random(4))
		CHECK(dns_answer_add(a, sizeof(room), span_str(lies[dmarc_random(3)])));
	verify_answer(&p->v, ticket, a, p->now_us);
}

static inline void play_answer(struct play *p, unsigned which)
{
	struct dns_question q = p->q[which];
	uint32_t ticket = p->tickets[which];

	p->n_open--;
	p->q[which] = p->q[p->n_open];
	p->tickets[which] = p->tickets[p->n_open];
	if (play_is_silent(p, &q))
		return;
	verify_answer(&p->v, ticket, dns_zone_answer(p->zone, &q), p->now_us);
	if (!p->noise)
		return;
	play_noise(p, ticket);
	for (unsigned i = 0; i < 4; i++)
		play_noise(p, (dmarc_random(8) << 16) + 200 + dmarc_random(60000));
}

static inline void play_job_done(struct play *p, unsigned which)
{
	struct crypto_job *job = p->jobs[which];

	p->jobs[which] = p->jobs[--p->n_out];
	crypto_verify(play_backend(), &job, 1);
	verify_job_done(&p->v, job, p->now_us);
	CHECK(verify_n_jobs_out(&p->v) == p->n_out);
}

static inline void play_fetch(struct play *p)
{
	struct crypto_job *job;

	while (verify_question(&p->v, &p->tickets[p->n_open], &p->q[p->n_open])) {
		p->n_open++;
		p->n_questions++;
		CHECK(p->n_open < PLAY_OPEN_MAX && p->n_questions < PLAY_QUESTIONS_MAX);
	}
	while ((job = verify_job(&p->v))) {
		p->jobs[p->n_out++] = job;
		p->n_jobs++;
		CHECK(verify_n_jobs_out(&p->v) == p->n_out);
	}
}

/* One thing of those that can happen; false: nothing but time can. */
static inline bool play_step(struct play *p)
{
	bool message = p->stage != PLAY_DONE && !p->envelope_only;
	unsigned choices = (message ? 1 : 0) + p->n_open + p->n_out;

	if (choices == 0)
		return false;
	unsigned choice = p->order == PLAY_ANSWERS_FIRST   ? choices - 1
			  : p->order == PLAY_MESSAGE_FIRST ? 0
							   : dmarc_random(choices);

	p->now_us += 100;
	if (message && choice-- == 0)
		play_message(p);
	else if (choice < p->n_out)
		play_job_done(p, choice);
	else
		play_answer(p, choice - p->n_out);
	return true;
}

static inline void play_begin(struct play *p)
{
	text_init(&p->explain.text, p->account, sizeof(p->account));
	p->n_open = p->n_out = p->n_questions = p->n_jobs = p->n_expired = 0;
	p->stage = PLAY_HEADER;
	p->body_at = 0;
	p->now_us = 5000000;
	memset(&p->v, 0xa5, sizeof(p->v)); /* contents undefined before */
	verify_begin(&p->v, &p->settings, &p->client, &p->explain, p->now_us);
	if (p->envelope_only)
		verify_envelope_only(&p->v);
	play_fetch(p);
}

/* From the first octet to the results. */
static inline void play_run(struct play *p)
{
	play_begin(p);
	while (!verify_done(&p->v)) {
		if (!play_step(p)) {
			CHECK(verify_deadline_us(&p->v) != UINT64_MAX && ++p->n_expired <= 8);
			if (verify_deadline_us(&p->v) > p->now_us)
				p->now_us = verify_deadline_us(&p->v);
			verify_expire(&p->v, p->now_us);
		}
		play_fetch(p);
	}
	CHECK(p->n_out == 0 && verify_n_jobs_out(&p->v) == 0 && verify_deadline_us(&p->v) == UINT64_MAX);
}

/* "spf=pass dkim=pass,fail arc=none dmarc=pass reject spf dkim": results, disposition, what was aligned. */
static inline const char *play_found(const struct play *p)
{
	static char out[1024];
	struct text t;

	text_init(&t, out, sizeof(out));
	text_puts(&t, "spf=");
	text_puts(&t, spf_result_text(verify_spf(&p->v)->result));
	if (p->envelope_only)
		return out;
	for (size_t i = 0; i < dkim_n_reports(&p->v.dkim); i++) {
		struct dkim_report r;

		dkim_report(&p->v.dkim, i, &r);
		text_puts(&t, i ? "," : " dkim=");
		text_puts(&t, dkim_result_text(r.result));
	}
	text_puts(&t, " dmarc=");
	text_puts(&t, dmarc_result_text(p->v.dmarc.result));
	if (p->v.dmarc.disposition > DMARC_POLICY_NONE) {
		text_puts(&t, " ");
		text_puts(&t, dmarc_policy_text(p->v.dmarc.disposition));
	}
	if (p->v.dmarc.spf_aligned)
		text_puts(&t, " by-spf");
	if (p->v.dmarc.dkim_aligned)
		text_puts(&t, " by-dkim");
	return out;
}

#endif
