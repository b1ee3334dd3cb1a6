// SPDX-License-Identifier: MIT
/*
 * verify.c - SPF, iprev, DKIM, ARC and DMARC of one message, joined
 *
 * A ticket is the verifier in its upper bits and the verifier's own slot below.  Every event ends in settle(), which
 * sees whether all is known and then judges DMARC, once.
 */
#include "dataplane/auth/verify.h"

enum core { CORE_SPF_HELO, CORE_SPF_MFROM, CORE_IPREV, CORE_DKIM, CORE_ARC, CORE_DMARC };

#define TICKET(core, slot) ((uint32_t)(core) << 16 | (uint32_t)(slot))

/* Of what is too long the end: a domain that was cut there would be another one. */
static void copy(char *to, size_t cap, struct span from, struct span *out)
{
	size_t n = from.len < cap ? from.len : cap;

	if (n)
		memcpy(to, from.at + (from.len - n), n);
	*out = span_of(to, n);
}

/* What DMARC takes of SPF: the reverse-path, HELO for the null one alone (RFC 7208 2.4); NULL when none was told. */
static const struct spf *spf_for_dmarc(const struct verify *v)
{
	return v->client.has_mail_from ? verify_spf(v) : NULL;
}

static void settle(struct verify *v)
{
	if (v->judged || (v->spf_helo.wanted && !v->spf_helo.final) || (v->spf_mfrom.wanted && !v->spf_mfrom.final) ||
	    !v->iprev.final)
		return;
	if (v->envelope_only) {
		v->judged = true;
		return;
	}
	if (!v->ended || !v->has_header || v->n_jobs_out || !dkim_done(&v->dkim) || !arc_done(&v->arc) ||
	    !dmarc_walks_done(&v->dmarc))
		return;
	v->judged = true;
	dmarc_judge(&v->dmarc, spf_for_dmarc(v), &v->dkim);
}

static void spf_run(struct verify_spf *c, const struct dns_answer *answer, uint64_t now_us)
{
	c->final = spf_step(&c->spf, answer, now_us);
	c->to_ask = !c->final;
}

static void spf_start(struct verify *v, struct verify_spf *c, enum spf_scope scope, uint64_t now_us)
{
	c->wanted = true;
	spf_begin(&c->spf, v->settings, scope, &v->client, v->explain, now_us);
	spf_run(c, NULL, now_us);
}

static void iprev_run(struct verify_iprev *c, const struct dns_answer *answer, uint64_t now_us)
{
	c->final = iprev_step(&c->iprev, answer, now_us);
	c->to_ask = !c->final;
}

void verify_begin(struct verify *v, const struct auth_settings *settings, const struct auth_client *client,
		  struct explain *explain, uint64_t now_us)
{
	memset(v, 0, offsetof(struct verify, helo));
	v->spf_helo.wanted = v->spf_helo.final = v->spf_helo.to_ask = false;
	v->spf_mfrom.wanted = v->spf_mfrom.final = v->spf_mfrom.to_ask = false;
	v->spf_helo.n_asked = v->spf_mfrom.n_asked = 0;
	v->settings = settings;
	v->explain = explain;
	v->client = *client;
	copy(v->helo, VERIFY_HELO_MAX, client->helo, &v->client.helo);
	copy(v->mail_from, VERIFY_MAIL_FROM_MAX, client->mail_from, &v->client.mail_from);
	v->has_spf_mfrom = client->has_mail_from && v->client.mail_from.len > 0;
	spf_start(v, &v->spf_helo, SPF_SCOPE_HELO, now_us);
	if (v->has_spf_mfrom)
		spf_start(v, &v->spf_mfrom, SPF_SCOPE_MFROM, now_us);
	v->iprev.n_asked = 0;
	iprev_begin(&v->iprev.iprev, settings, client->ip, explain, now_us);
	iprev_run(&v->iprev, NULL, now_us);
}

static void identifiers(struct verify *v)
{
	if (spf_for_dmarc(v))
		dmarc_identifier(&v->dmarc, spf_for_dmarc(v)->domain);
	for (size_t i = 0, n = dkim_n_verified(&v->dkim); i < n; i++) {
		struct dkim_verified s = dkim_verified(&v->dkim, i);

		if (s.result == DKIM_RESULT_NONE) /* not decided yet */
			dmarc_identifier(&v->dmarc, s.d);
	}
}

void verify_header(struct verify *v, const struct msg_header *header, uint64_t now_us)
{
	CHECK(!v->has_header);
	v->has_header = true;
	v->header = header;
	v->header_us = now_us;
	from_parse(&v->from, v->settings, header);
	if (v->from.error != FROM_OK)
		v->settings->stats->from_refused++;
	struct span author = span_of(v->from.domain, v->from.domain_len);

	dkim_begin(&v->dkim, v->settings, header, author, v->client.now_unix, v->explain);
	arc_begin(&v->arc, v->settings, header, &v->dkim, v->client.now_unix, v->explain);
	dmarc_begin(&v->dmarc, v->settings, author, v->explain, now_us);
	if (author.len)
		identifiers(v);
	settle(v);
}

void verify_body(struct verify *v, struct span bytes)
{
	DCHECK(v->has_header && !v->ended);
	dkim_body(&v->dkim, bytes);
	arc_body(&v->arc, bytes);
}

void verify_end(struct verify *v, uint64_t now_us)
{
	(void)now_us;
	CHECK(v->has_header);
	if (v->ended)
		return;
	v->ended = true;
	dkim_body_end(&v->dkim);
	arc_body_end(&v->arc);
	settle(v);
}

void verify_leave(struct verify *v)
{
	if (!v->has_header)
		return;
	dkim_leave(&v->dkim);
	arc_leave(&v->arc);
}

void verify_envelope_only(struct verify *v)
{
	v->envelope_only = true;
	settle(v);
}

static bool spf_ask(struct verify_spf *c, enum core core, uint32_t *ticket, struct dns_question *q)
{
	if (!c->to_ask)
		return false;
	c->to_ask = false;
	*q = *spf_question(&c->spf);
	*ticket = TICKET(core, ++c->n_asked);
	return true;
}

static bool iprev_ask(struct verify_iprev *c, uint32_t *ticket, struct dns_question *q)
{
	if (!c->to_ask)
		return false;
	c->to_ask = false;
	*q = *iprev_question(&c->iprev);
	*ticket = TICKET(CORE_IPREV, ++c->n_asked);
	return true;
}

bool verify_question(struct verify *v, uint32_t *ticket, struct dns_question *q)
{
	unsigned slot;

	if (spf_ask(&v->spf_mfrom, CORE_SPF_MFROM, ticket, q) || spf_ask(&v->spf_helo, CORE_SPF_HELO, ticket, q) ||
	    iprev_ask(&v->iprev, ticket, q))
		return true;
	if (!v->has_header)
		return false;
	if (dkim_question(&v->dkim, &slot, q))
		*ticket = TICKET(CORE_DKIM, slot);
	else if (arc_question(&v->arc, &slot, q))
		*ticket = TICKET(CORE_ARC, slot);
	else if (dmarc_question(&v->dmarc, &slot, q))
		*ticket = TICKET(CORE_DMARC, slot);
	else
		return false;
	return true;
}

static void spf_answer(struct verify_spf *c, uint32_t slot, const struct dns_answer *answer, uint64_t now_us)
{
	if (c->wanted && !c->final && !c->to_ask && slot == c->n_asked)
		spf_run(c, answer, now_us);
}

void verify_answer(struct verify *v, uint32_t ticket, const struct dns_answer *answer, uint64_t now_us)
{
	uint32_t core = ticket >> 16, slot = ticket & 0xffff;

	if (v->judged || (core >= CORE_DKIM && !v->has_header))
		return;
	switch (core) {
	case CORE_SPF_HELO:
		spf_answer(&v->spf_helo, slot, answer, now_us);
		break;
	case CORE_SPF_MFROM:
		spf_answer(&v->spf_mfrom, slot, answer, now_us);
		break;
	case CORE_IPREV:
		if (!v->iprev.final && !v->iprev.to_ask && slot == v->iprev.n_asked)
			iprev_run(&v->iprev, answer, now_us);
		break;
	case CORE_DKIM:
		dkim_answer(&v->dkim, slot, answer);
		break;
	case CORE_ARC:
		arc_answer(&v->arc, slot, answer);
		break;
	case CORE_DMARC:
		dmarc_answer(&v->dmarc, slot, answer, now_us);
		break;
	}
	settle(v);
}

struct crypto_job *verify_job(struct verify *v)
{
	struct crypto_job *job = NULL;

	if (v->has_header)
		job = dkim_job(&v->dkim);
	if (v->has_header && !job)
		job = arc_job(&v->arc);
	if (job)
		v->n_jobs_out++;
	return job;
}

void verify_job_done(struct verify *v, struct crypto_job *job, uint64_t now_us)
{
	const uint8_t *at = (const uint8_t *)job, *dkim = (const uint8_t *)&v->dkim;

	(void)now_us;
	CHECK(v->n_jobs_out > 0);
	v->n_jobs_out--;
	if (at >= dkim && at < dkim + sizeof(v->dkim))
		dkim_job_done(&v->dkim, job);
	else
		arc_job_done(&v->arc, job);
	settle(v);
}

unsigned verify_n_jobs_out(const struct verify *v)
{
	return v->n_jobs_out;
}

static uint64_t spf_deadline_us(const struct verify *v, const struct verify_spf *c)
{
	if (!c->wanted || c->final)
		return UINT64_MAX;
	return c->spf.begin_us + (uint64_t)v->settings->spf_timeout_ms * 1000;
}

static uint64_t iprev_deadline_us(const struct verify *v)
{
	if (v->iprev.final)
		return UINT64_MAX;
	return v->iprev.iprev.begin_us + (uint64_t)v->settings->iprev_timeout_ms * 1000;
}

uint64_t verify_deadline_us(const struct verify *v)
{
	uint64_t deadline_us = spf_deadline_us(v, &v->spf_helo), other_us = spf_deadline_us(v, &v->spf_mfrom);

	if (other_us < deadline_us)
		deadline_us = other_us;
	other_us = iprev_deadline_us(v);
	if (other_us < deadline_us)
		deadline_us = other_us;
	if (v->has_header && !v->gave_up && !v->judged) {
		other_us = v->header_us + (uint64_t)v->settings->dns_timeout_ms * 1000;
		if (other_us < deadline_us)
			deadline_us = other_us;
	}
	return deadline_us;
}

static void spf_expire(const struct verify *v, struct verify_spf *c, uint64_t now_us)
{
	struct dns_answer late;

	/* A timeout of the question in hand ends a check; the loop is for one that is spared by a step. */
	for (int i = 0; i < 2 && now_us >= spf_deadline_us(v, c); i++) {
		dns_answer_init(&late, sizeof(late), DNS_TIMEOUT, 0);
		spf_run(c, &late, now_us);
	}
}

void verify_expire(struct verify *v, uint64_t now_us)
{
	spf_expire(v, &v->spf_helo, now_us);
	spf_expire(v, &v->spf_mfrom, now_us);
	if (now_us >= iprev_deadline_us(v))
		iprev_run(&v->iprev, NULL, now_us);
	if (v->has_header && !v->gave_up && now_us >= v->header_us + (uint64_t)v->settings->dns_timeout_ms * 1000) {
		v->gave_up = true;
		dkim_give_up(&v->dkim);
		arc_give_up(&v->arc);
		dmarc_give_up(&v->dmarc);
	}
	settle(v);
}

bool verify_done(const struct verify *v)
{
	return v->judged;
}

const struct spf *verify_spf(const struct verify *v)
{
	return v->has_spf_mfrom ? &v->spf_mfrom.spf : &v->spf_helo.spf;
}

const struct spf *verify_spf_helo(const struct verify *v)
{
	return &v->spf_helo.spf;
}

const struct spf *verify_spf_mfrom(const struct verify *v)
{
	return v->has_spf_mfrom ? &v->spf_mfrom.spf : NULL;
}

const struct iprev *verify_iprev(const struct verify *v)
{
	return &v->iprev.iprev;
}

void verify_fields(const struct verify *v, struct text *out)
{
	struct authres_in in = { .settings = v->settings,
				 .spf_helo = verify_spf_helo(v),
				 .spf_mfrom = verify_spf_mfrom(v),
				 .iprev = verify_iprev(v),
				 .ip = v->client.ip,
				 .helo = v->client.helo,
				 .mail_from = v->client.mail_from };

	if (v->has_header) {
		in.dkim = &v->dkim;
		in.arc = &v->arc;
		in.dmarc = &v->dmarc;
		in.from = &v->from;
	}
	authres_write(&in, out);
	if (v->settings->received_spf)
		authres_received_spf(&in, out);
}

enum dkim_result verify_dkim(const struct verify *v)
{
	enum dkim_result best = DKIM_RESULT_NONE;
	struct dkim_report report;

	for (size_t i = 0; i < dkim_n_verified(&v->dkim); i++) {
		enum dkim_result one = dkim_verified(&v->dkim, i).result;

		if (one == DKIM_RESULT_PASS)
			return one;
		if (best == DKIM_RESULT_NONE || one == DKIM_RESULT_TEMPERROR)
			best = one;
	}
	if (best == DKIM_RESULT_NONE && dkim_n_reports(&v->dkim)) { /* none could be verified */
		dkim_report(&v->dkim, 0, &report);
		best = report.result;
	}
	return best;
}

bool verify_field_is_forged(const struct auth_settings *settings, struct span name, struct span value)
{
	return authres_is_ours(settings, name, value);
}
