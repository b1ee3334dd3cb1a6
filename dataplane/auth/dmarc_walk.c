// SPDX-License-Identifier: MIT
/*
 * dmarc_walk.c - the DNS tree walk of one domain (RFC 9989 4.10)
 */
#include "dataplane/auth/dmarc.h"

static void step_add(struct dmarc_walk *w, size_t at)
{
	if (w->n_steps < DMARC_WALK_STEPS_MAX)
		w->at[w->n_steps++] = (uint8_t)at;
}

static unsigned n_labels(struct span name)
{
	unsigned n = name.len > 0;

	for (size_t i = 0; i < name.len; i++)
		n += name.at[i] == '.';
	return n;
}

/* Offset of the name one label shorter than that at @at; the length when there is none. */
static size_t parent(struct span domain, size_t at)
{
	size_t dot = span_find(span_skip(domain, at), '.');

	return dot == SPAN_NONE ? domain.len : at + dot + 1;
}

/* RFC 9989 4.10.2, from the longest name to the shortest; step @last is where the walk stopped. */
static void choose_org(struct dmarc_walk *w, unsigned last)
{
	w->outcome.org_at = 0;
	for (unsigned i = 0; i <= last; i++) {
		if (!(w->found & 1u << i))
			continue;
		if (w->records[i].psd == DMARC_PSD_NO) {
			w->outcome.org_at = w->at[i];
			return;
		}
		if (w->records[i].psd == DMARC_PSD_YES && i > 0) {
			/* One label below: the last dot before it, or the start. */
			size_t dot = span_find_last(span_head(dmarc_walk_domain(w), (size_t)w->at[i] - 1u), '.');
			w->outcome.org_at = dot == SPAN_NONE ? 0 : (uint8_t)(dot + 1);
			return;
		}
		w->outcome.org_at = w->at[i]; /* the fewest labels so far */
	}
}

/* RFC 9989 4.10.1: the author domain's record, else the organizational domain's, else the public suffix's; or -1. */
static int policy_step(const struct dmarc_walk *w)
{
	int org = -1, psd = -1;

	for (unsigned i = 0; i < w->n_steps; i++) {
		if (!(w->found & 1u << i))
			continue;
		if (i == 0)
			return 0;
		if (w->at[i] == w->outcome.org_at)
			org = (int)i;
		else if (w->records[i].psd == DMARC_PSD_YES)
			psd = (int)i;
	}
	return org >= 0 ? org : psd;
}

/* What RFC 7489 6.6.3 finds, when the steps up to @last tell: the record of the domain itself, else that of the
 * organizational domain by the public suffix list; several at a name are none, and end the search. */
static void note_rfc7489(struct dmarc_walk *w, unsigned last)
{
	struct dmarc_outcome *o = &w->outcome;
	unsigned i = 0;

	if (!((w->found | w->several) & 1u) && o->psl_org_at > 0)
		while (i <= last && w->at[i] != o->psl_org_at)
			i++;
	if (i > last || !(w->answered & 1u) || !(w->answered & 1u << i) || ((w->failed & (1u | 1u << i))))
		return;
	o->rfc7489 = w->found & 1u << i ? DMARC_RFC7489_RECORD : DMARC_RFC7489_NONE;
	o->rfc7489_at = w->at[i];
	o->rfc7489_record = w->records[i];
}

/* What the answers to the steps up to @last come to. */
static void conclude(struct dmarc_walk *w, unsigned last, bool psl)
{
	w->done = true;
	if (!psl) {
		choose_org(w, last);
		note_rfc7489(w, last);
	}
	int step = policy_step(w);

	w->outcome.n_steps = w->n_steps;
	w->outcome.found = w->found;
	w->outcome.nxdomain = w->nxdomain & 1u;
	if (step < 0)
		return;
	w->outcome.policy_at = w->at[step];
	w->outcome.record = w->records[step];
}

/* Done when all steps up to the one that stops the walk are answered. */
static void settle(struct dmarc_walk *w, bool psl)
{
	for (unsigned i = 0; i < w->n_steps; i++) {
		unsigned bit = 1u << i;
		bool stops = i + 1u == w->n_steps;

		if (!(w->answered & bit))
			return;
		if (w->failed & bit)
			w->error = stops = true; /* what is above cannot be judged without it */
		if (w->found & bit)
			stops |= psl || w->records[i].psd != DMARC_PSD_UNSAID;
		if (!stops)
			continue;
		w->found &= (uint8_t)((bit << 1) - 1); /* what came from beyond does not count */
		conclude(w, i, psl);
		return;
	}
}

/* The name that step @i asks for; false: none can be registered, it is too long or has a label that is no label. */
static bool question_of(const struct dmarc_walk *w, unsigned i, struct dns_question *q)
{
	uint8_t name[DNS_NAME_MAX + 8] = "_dmarc.";
	struct span own = dmarc_walk_step(w, i);

	memcpy(name + 7, own.at, own.len);
	return dns_question_set(q, DNS_TXT, span_of(name, 7 + own.len));
}

/* RFC 9989 4.10: the name itself, then its ancestors, of a long name from seven labels on.  RFC 7489: the
 * organizational domain is known before the walk. */
static void steps_add(struct dmarc_walk *w, bool psl)
{
	struct span own = dmarc_walk_domain(w);
	unsigned labels = n_labels(own);
	size_t at = 0;

	step_add(w, 0);
	if (psl) {
		if (w->outcome.org_at > 0)
			step_add(w, w->outcome.org_at);
		return;
	}
	if (labels > DMARC_WALK_LABELS_TAIL) {
		for (; labels > DMARC_WALK_LABELS_TAIL; labels--)
			at = parent(own, at);
		step_add(w, at);
	}
	for (at = parent(own, at); at < own.len; at = parent(own, at))
		step_add(w, at);
}

/* A name that cannot be asked for does not exist: answered before it was asked. */
static void skip_impossible(struct dmarc_walk *w)
{
	struct dns_question q;

	for (unsigned i = 0; i < w->n_steps; i++) {
		uint8_t bit = (uint8_t)(1u << i);

		if (question_of(w, i, &q))
			continue;
		w->asked |= bit;
		w->answered |= bit;
		w->nxdomain |= bit;
	}
}

static void start(struct dmarc_walk *w, struct span domain)
{
	memset(w, 0, offsetof(struct dmarc_walk, at));
	DCHECK(domain.len <= sizeof(w->domain));
	w->domain_len = (uint8_t)domain.len;
	memcpy(w->domain, domain.at, domain.len);
}

void dmarc_walk_known(struct dmarc_walk *w, struct span domain, const struct dmarc_outcome *outcome)
{
	start(w, domain);
	w->outcome = *outcome;
	w->done = true;
}

void dmarc_walk_retrace(struct dmarc_walk *w, bool psl)
{
	w->n_steps = 0;
	steps_add(w, psl);
	w->n_steps = w->outcome.n_steps;
	w->found = w->outcome.found;
}

void dmarc_walk_begin(struct dmarc_walk *w, struct span domain, bool psl, struct span organizational)
{
	start(w, domain);
	w->outcome.policy_at = DMARC_NOWHERE;
	if (organizational.len)
		w->outcome.psl_org_at = (uint8_t)(domain.len - organizational.len);
	if (psl)
		w->outcome.org_at = w->outcome.psl_org_at;
	steps_add(w, psl);
	skip_impossible(w);
	settle(w, psl);
}

bool dmarc_walk_question(struct dmarc_walk *w, unsigned *step, struct dns_question *q)
{
	for (unsigned i = 0; i < w->n_steps && !w->done; i++) {
		if (w->asked & 1u << i)
			continue;
		w->asked |= (uint8_t)(1u << i);
		*step = i;
		return question_of(w, i, q);
	}
	return false;
}

void dmarc_walk_answer(struct dmarc_walk *w, unsigned step, const struct dns_answer *answer, bool psl)
{
	struct dmarc_record record;
	struct span txt;
	uint32_t cursor = 0;
	unsigned bit = 1u << step, n = 0;

	if (w->done || step >= w->n_steps || !(w->asked & bit) || (w->answered & bit))
		return;
	w->answered |= (uint8_t)bit;
	if (dns_answer_failed(answer))
		w->failed |= (uint8_t)bit;
	if (answer->rcode == DNS_NXDOMAIN)
		w->nxdomain |= (uint8_t)bit;
	while (dns_answer_next(answer, &cursor, &txt))
		if (dmarc_record_parse(&record, txt) && ++n == 1)
			w->records[step] = record;
	if (n == 1)
		w->found |= (uint8_t)bit;
	else if (n > 1)
		w->several |= (uint8_t)bit;
	if (n > 1 && psl)
		w->n_steps = (uint8_t)(step + 1); /* RFC 7489 6.6.3: several records end the search */
	/* RFC 9989 4.10: several records at one name are all discarded, and the walk goes on. */
	settle(w, psl);
}

void dmarc_walk_give_up(struct dmarc_walk *w, bool psl)
{
	if (w->done)
		return;
	w->error = true;
	unsigned last = 0;
	while (last + 1u < w->n_steps && (w->answered & 1u << last) && !(w->failed & 1u << last))
		last++;
	conclude(w, last, psl);
}
