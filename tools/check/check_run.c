// SPDX-License-Identifier: MIT
/*
 * check_run.c - verify one case as the gateway would
 *
 * A zone answers at once and its time stands still; a resolver with a descriptor is waited for, up to the
 * deadline that the verifiers name.
 */
#include "tools/check/check_run.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto_openssl.h"
#include "ctrlplane/policy/rules.h"
#include "ctrlplane/settings_load.h"
#include "dataplane/auth/explain.h"
#include "dataplane/msg/msg_received.h"
#include "dns/domain_names.h"

#define EXPLAIN_MAX (1 << 20) /* octets of an account; what comes after is left out */
#define ASKED_MAX 256         /* questions under way at once */
#define KEYS_MAX 64

struct check_asked {
	bool under_way;
	uint32_t ticket; /* of the verifiers; the resolver's is the index */
	struct dns_question question;
};

static const struct crypto_batch_settings batch_settings = { .jobs_max = 64, .wait_max_us = 0 };

static void set_auth(struct check_run *r, const struct check_settings *settings)
{
	r->auth = auth_settings_default();
	r->authserv_id = settings->authserv_id ? settings->authserv_id : r->settings->server_hostname;
	r->auth.dmarc_rfc7489 = settings->rfc7489;
	r->auth.dkim_allow_sha1 = settings->allow_sha1;
	if (settings->rsa_bits_min)
		r->auth.rsa_bits_min = (uint16_t)settings->rsa_bits_min;
	r->auth.hash = &crypto_openssl_hash;
	r->auth.to_ascii = domain_to_ascii;
	r->auth.organizational = domain_organizational;
	r->auth.stats = &r->stats;
}

static void say_fault(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "sekisho-check: %s\n", message);
}

bool check_run_open(struct check_run *r, const struct check_settings *settings)
{
	memset(r, 0, sizeof(*r));
	r->settings = calloc(1, sizeof(*r->settings));
	r->verify = aligned_alloc(64, (sizeof(*r->verify) + 63) / 64 * 64);
	r->header.fields = calloc(MSG_FIELDS_MAX, sizeof(*r->header.fields));
	r->asked = calloc(ASKED_MAX, sizeof(*r->asked));
	r->explain_text = malloc(EXPLAIN_MAX);
	r->batch_memory = aligned_alloc(64, (crypto_batch_memory(&batch_settings) + 63) / 64 * 64);
	r->backend = crypto_openssl_open(KEYS_MAX);
	if (!r->settings || !r->verify || !r->header.fields || !r->asked || !r->explain_text || !r->batch_memory ||
	    !r->backend) {
		check_run_close(r);
		return false;
	}
	settings_default(r->settings);
	if (settings->config && !settings_load(settings->config, r->settings, say_fault, NULL)) {
		check_run_close(r);
		return false;
	}
	set_auth(r, settings);
	r->batch = crypto_batch_init(r->batch_memory, &batch_settings, r->backend, &r->stats);
	return true;
}

void check_run_close(struct check_run *r)
{
	if (r->backend)
		crypto_openssl_close(r->backend);
	free(r->settings);
	free(r->verify);
	free(r->header.fields);
	free(r->asked);
	free(r->explain_text);
	free(r->batch_memory);
	memset(r, 0, sizeof(*r));
}

static uint64_t clock_us(const struct dns_resolver *resolver)
{
	struct timespec t;

	if (resolver->fd(resolver->driver) < 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void answer_failed(struct check_run *r, uint32_t ticket, uint64_t now_us)
{
	struct dns_answer a;

	verify_answer(r->verify, ticket, dns_answer_init(&a, sizeof(a), DNS_SERVFAIL, 0), now_us);
}

/* Takes every question that waits to the resolver. */
static bool carry_questions(struct check_run *r, const struct dns_resolver *resolver, uint64_t now_us)
{
	struct dns_question q;
	uint32_t ticket;
	bool any = false;

	while (verify_question(r->verify, &ticket, &q)) {
		size_t i = 0;

		any = true;
		while (i < ASKED_MAX && r->asked[i].under_way)
			i++;
		if (i == ASKED_MAX || !resolver->ask(resolver->driver, &q, i)) {
			answer_failed(r, ticket, now_us);
			continue;
		}
		r->asked[i] = (struct check_asked){ .under_way = true, .ticket = ticket, .question = q };
	}
	return any;
}

static bool carry_answers(struct check_run *r, const struct dns_resolver *resolver, struct explain *e, uint64_t now_us)
{
	const struct dns_answer *a;
	uint64_t i;
	bool any = false;

	while (resolver->next(resolver->driver, &i, &a)) {
		any = true;
		if (i >= ASKED_MAX || !r->asked[i].under_way)
			continue;
		r->asked[i].under_way = false;
		explain_answer(e, &r->asked[i].question, a);
		verify_answer(r->verify, r->asked[i].ticket, a, now_us);
	}
	return any;
}

/* A finished job makes room for one that was refused. */
static bool carry_jobs(struct check_run *r, uint64_t now_us)
{
	struct crypto_job *job, *done;
	bool any = false;

	while ((job = verify_job(r->verify))) {
		bool taken = crypto_batch_submit(r->batch, job, now_us);

		crypto_batch_step(r->batch, now_us, true);
		while ((done = crypto_batch_done(r->batch)))
			verify_job_done(r->verify, done, now_us);
		if (!taken) {
			job->verdict = CRYPTO_ERROR;
			verify_job_done(r->verify, job, now_us);
		}
		any = true;
	}
	return any;
}

/* Nothing moves by itself: waits for the resolver, or lets the deadline pass.  False: that did not help either. */
static bool wait_for_answers(struct check_run *r, const struct dns_resolver *resolver, uint64_t now_us)
{
	struct pollfd fd = { .fd = resolver->fd(resolver->driver), .events = POLLIN };
	uint64_t deadline_us = verify_deadline_us(r->verify);

	if (deadline_us == UINT64_MAX)
		return false;
	if (fd.fd < 0 || now_us >= deadline_us) {
		verify_expire(r->verify, now_us > deadline_us ? now_us : deadline_us + 1);
		return true;
	}
	uint64_t wait_ms = (deadline_us - now_us) / 1000 + 1;
	poll(&fd, 1, wait_ms > 1000 ? 1000 : (int)wait_ms);
	return true;
}

/* Carries questions and jobs until the results are final. */
static const char *drive(struct check_run *r, const struct dns_resolver *resolver, struct explain *e)
{
	unsigned idle = 0;

	while (!verify_done(r->verify)) {
		uint64_t now_us = clock_us(resolver);
		bool any = carry_questions(r, resolver, now_us);

		any |= carry_answers(r, resolver, e, now_us);
		any |= carry_jobs(r, now_us);
		idle = any ? 0 : idle + 1;
		if (!any && !verify_done(r->verify) && (!wait_for_answers(r, resolver, now_us) || idle > 1000))
			return "the verifiers came to no end";
	}
	return NULL;
}

/* Gives the message to the verifiers as it lies there; the header section is all of it when no empty line ends it. */
static void give_message(struct check_run *r, struct span message, uint64_t now_us)
{
	size_t header_len, body = msg_header_end(message, 0, &header_len);

	if (body == SPAN_NONE)
		body = header_len = message.len;
	r->header.fields_max = MSG_FIELDS_MAX;
	msg_header_parse(&r->header, span_head(message, header_len));
	verify_header(r->verify, &r->header, now_us);
	verify_body(r->verify, span_skip(message, body));
	verify_end(r->verify, now_us);
}

static void refuse(struct verdict *v, const char *rule, uint16_t code, const uint8_t enhanced[3], const char *why)
{
	struct text text;

	v->action = VERDICT_REJECT;
	v->rule = rule;
	v->code = code;
	memcpy(v->enhanced, enhanced, 3);
	text_init(&text, v->text, sizeof(v->text));
	text_puts(&text, why);
}

/* What the gateway would have refused before any verdict, by its default limits. */
static void judge(struct check_run *r, const struct check_case *c, struct explain *e)
{
	struct policy_facts f = { .client = ip_addr_unmap(c->ip),
				  .helo = c->helo,
				  .mail_from = c->mail_from,
				  .n_rcpts = 1,
				  .size = c->message.len };
	struct policy_counts counts = { .hits = { 0 } };
	struct span message = c->message;

	policy_facts_of(&f, r->settings, r->verify);
	policy_fact_set(&f, POLICY_TLS, "no");
	policy_fact_set(&f, POLICY_EARLY_TALK, "no");
	policy_judge(&r->verdict, r->settings, &f, r->verify, &counts, e);
	if (message.len > r->settings->smtp_message_max)
		refuse(&r->verdict, "smtp.message_max", 552, (const uint8_t[]){ 5, 3, 4 }, "message too large");
	else if (r->header.too_many || r->header.bytes.len > r->settings->limits_header_max)
		refuse(&r->verdict, "limits.header", 552, (const uint8_t[]){ 5, 6, 0 }, "header section too large");
	else if (msg_received_hops(&r->header) > r->settings->smtp_hops_max)
		refuse(&r->verdict, "smtp.hops_max", 554, (const uint8_t[]){ 5, 4, 6 }, "too many hops");
}

const char *check_run(struct check_run *r, const struct check_case *c, const struct dns_resolver *resolver,
		      bool explain)
{
	struct auth_client client = {
		.ip = ip_addr_unmap(c->ip),
		.helo = c->helo,
		.mail_from = c->mail_from,
		.has_mail_from = c->has_mail_from,
		.now_unix = c->has_now ? c->now_unix : (uint64_t)time(NULL),
	};
	struct explain *e = explain ? &r->explain : NULL;
	uint64_t now_us = clock_us(resolver);

	text_init(&r->explain.text, r->explain_text, EXPLAIN_MAX);
	memset(r->asked, 0, ASKED_MAX * sizeof(*r->asked));
	r->auth.authserv_id = c->receiver ? c->receiver : r->authserv_id;
	verify_begin(r->verify, &r->auth, &client, e, now_us);
	if (c->has_message)
		give_message(r, c->message, now_us);
	else
		verify_envelope_only(r->verify);
	const char *wrong = drive(r, resolver, e);
	if (!wrong && c->has_message)
		judge(r, c, e);
	return wrong;
}
