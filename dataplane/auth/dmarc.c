// SPDX-License-Identifier: MIT
/*
 * dmarc.c - policy discovery and alignment (RFC 9989; RFC 7489 by setting)
 *
 * Policy: the author domain's own record, else the organizational domain's, else that of the public suffix above it
 * (4.10.1).  Alignment: the same domain, or in relaxed mode the same organizational domain, each found by a walk of
 * its own (4.10.2); a walk is spared where the two cannot have one in common.
 */
#include "dataplane/auth/dmarc.h"

enum { SLOT_EXISTS = DMARC_WALKS_MAX * DMARC_WALK_STEPS_MAX };

static void tell(struct dmarc *m, const char *a, struct span b, const char *c)
{
	if (!m->explain)
		return;
	text_puts(&m->explain->text, "dmarc: ");
	text_puts(&m->explain->text, a);
	text_escaped(&m->explain->text, b);
	text_puts(&m->explain->text, c);
	text_puts(&m->explain->text, "\n");
}

/* Lower case, A-labels, no final dot.  False: no domain name, so that it aligns with nothing. */
static bool normal(const struct dmarc *m, struct span domain, struct text *out)
{
	bool eight_bit = false;

	if (domain.len && domain.at[domain.len - 1] == '.')
		domain.len--;
	for (size_t i = 0; i < domain.len; i++)
		eight_bit |= domain.at[i] >= 0x80;
	if (eight_bit)
		return m->settings->to_ascii(domain, out) && !out->full && out->len > 0;
	for (size_t i = 0; i < domain.len; i++)
		text_putc(out, byte_lower(domain.at[i]));
	return !out->full && out->len > 0;
}

static struct dmarc_walk *walk_find(const struct dmarc *m, struct span domain)
{
	for (unsigned i = 0; i < m->n_walks; i++)
		if (span_eq(dmarc_walk_domain(&m->walks[i]), domain))
			return (struct dmarc_walk *)&m->walks[i];
	return NULL;
}

static void walk_add(struct dmarc *m, struct span domain, bool to_ask)
{
	const struct auth_settings *settings = m->settings;
	struct dmarc_cache *cache = to_ask ? settings->dmarc_cache : NULL;
	struct span organizational = { NULL, 0 };

	if (m->n_walks == DMARC_WALKS_MAX)
		return;
	struct dmarc_walk *w = &m->walks[m->n_walks++];
	uint64_t expires_us = 0;
	const struct dmarc_outcome *known = cache ? dmarc_cache_get(cache, domain, m->now_us, &expires_us) : NULL;

	if (known) {
		dmarc_walk_known(w, domain, known);
		w->expires_us = expires_us;
		if (m->explain)
			dmarc_walk_retrace(w, settings->dmarc_rfc7489);
		return;
	}
	if (settings->organizational)
		organizational = settings->organizational(domain);
	dmarc_walk_begin(w, domain, settings->dmarc_rfc7489, organizational);
	if (cache)
		w->expires_us = dmarc_cache_expiry_us(cache, NULL, m->now_us);
}

/* An answer that @w was made from. */
static void walk_made_from(struct dmarc *m, struct dmarc_walk *w, const struct dns_answer *answer)
{
	if (!m->settings->dmarc_cache)
		return;
	uint64_t expires_us = dmarc_cache_expiry_us(m->settings->dmarc_cache, answer, m->now_us);

	if (expires_us < w->expires_us)
		w->expires_us = expires_us;
}

/* Nothing that is made from an error is kept, nor what was begun before a flush. */
static void walk_keep(struct dmarc *m, const struct dmarc_walk *w)
{
	struct dmarc_cache *cache = m->settings->dmarc_cache;

	if (cache && w->done && !w->error && m->epoch == dmarc_cache_epoch(cache))
		dmarc_cache_put(cache, dmarc_walk_domain(w), &w->outcome, w->expires_us, m->now_us);
}

/* When the author's walk is done: does it matter whether the author domain exists? */
static void author_done(struct dmarc *m)
{
	struct dmarc_walk *w = &m->walks[0];

	if (m->author_done || !w->done)
		return;
	m->author_done = true;
	if (w->outcome.policy_at == 0 || w->outcome.policy_at == DMARC_NOWHERE || m->settings->dmarc_rfc7489)
		return;
	struct dmarc_record r = w->outcome.record;
	if (!dmarc_record_usable(&r) || r.np == DMARC_POLICY_ABSENT || r.np == (r.sp ? r.sp : r.p))
		return; /* the same either way */
	if (w->outcome.exists != DMARC_EXISTS_UNASKED)
		m->exists = w->outcome.exists;
	else /* No NXDOMAIN for a name below it: then it exists (RFC 8020). */
		m->exists = w->outcome.nxdomain ? DMARC_EXISTS_WANTED : DMARC_EXISTS_YES;
}

void dmarc_begin(struct dmarc *m, const struct auth_settings *settings, struct span author_domain,
		 struct explain *explain, uint64_t now_us)
{
	memset(m, 0, offsetof(struct dmarc, walks));
	m->now_us = now_us;
	m->epoch = settings->dmarc_cache ? dmarc_cache_epoch(settings->dmarc_cache) : 0;
	m->settings = settings;
	m->explain = explain;
	m->reason = "From names no author whose policy could be asked for";
	if (author_domain.len == 0)
		return;
	walk_add(m, author_domain, true);
	m->from_domain = m->org_domain = dmarc_walk_domain(&m->walks[0]);
	author_done(m);
}

/* The last label: domains that differ in it have no organizational domain in common. */
static struct span top(struct span domain)
{
	size_t dot = span_find_last(domain, '.');

	return dot == SPAN_NONE ? domain : span_skip(domain, dot + 1);
}

void dmarc_identifier(struct dmarc *m, struct span domain)
{
	char name[DNS_NAME_MAX + 1];
	struct text t;

	if (m->n_walks == 0 || span_eq_nocase(domain, m->from_domain))
		return;
	text_init(&t, name, sizeof(name));
	if (!normal(m, domain, &t) || !span_eq(top(text_span(&t)), top(m->from_domain)))
		return;
	if (walk_find(m, text_span(&t)))
		return;
	/* By the public suffix list the organizational domain is known without a question. */
	walk_add(m, text_span(&t), !m->settings->dmarc_rfc7489);
	if (m->settings->dmarc_rfc7489)
		m->walks[m->n_walks - 1].done = true;
}

bool dmarc_question(struct dmarc *m, unsigned *slot, struct dns_question *q)
{
	for (unsigned i = 0; i < m->n_walks; i++) {
		unsigned step;

		if (dmarc_walk_question(&m->walks[i], &step, q)) {
			*slot = i * DMARC_WALK_STEPS_MAX + step;
			return true;
		}
	}
	if (m->exists != DMARC_EXISTS_WANTED)
		return false;
	m->exists = DMARC_EXISTS_ASKED;
	*slot = SLOT_EXISTS;
	return dns_question_set(q, DNS_A, m->from_domain);
}

static void exists_answer(struct dmarc *m, const struct dns_answer *answer)
{
	struct dmarc_walk *w = &m->walks[0];

	if (m->exists != DMARC_EXISTS_ASKED)
		return; /* late, or never asked */
	if (dns_answer_failed(answer)) {
		m->exists = DMARC_EXISTS_UNKNOWN;
		return;
	}
	m->exists = w->outcome.exists = answer->rcode == DNS_NXDOMAIN ? DMARC_EXISTS_NO : DMARC_EXISTS_YES;
	walk_made_from(m, w, answer);
	walk_keep(m, w);
}

void dmarc_answer(struct dmarc *m, unsigned slot, const struct dns_answer *answer, uint64_t now_us)
{
	m->now_us = now_us;
	if (slot == SLOT_EXISTS) {
		exists_answer(m, answer);
		return;
	}
	unsigned i = slot / DMARC_WALK_STEPS_MAX;

	if (i >= m->n_walks || m->walks[i].done)
		return;
	struct dmarc_walk *w = &m->walks[i];

	walk_made_from(m, w, answer);
	dmarc_walk_answer(w, slot % DMARC_WALK_STEPS_MAX, answer, m->settings->dmarc_rfc7489);
	walk_keep(m, w);
	if (i == 0)
		author_done(m);
}

void dmarc_give_up(struct dmarc *m)
{
	for (unsigned i = 0; i < m->n_walks; i++)
		dmarc_walk_give_up(&m->walks[i], m->settings->dmarc_rfc7489);
	if (m->n_walks)
		author_done(m);
	if (m->exists == DMARC_EXISTS_WANTED || m->exists == DMARC_EXISTS_ASKED)
		m->exists = DMARC_EXISTS_UNKNOWN;
}

bool dmarc_walks_done(const struct dmarc *m)
{
	for (unsigned i = 0; i < m->n_walks; i++)
		if (!m->walks[i].done)
			return false;
	return m->exists != DMARC_EXISTS_WANTED && m->exists != DMARC_EXISTS_ASKED;
}

/* Whether @domain is @parent or below it. */
static bool is_within(struct span domain, struct span parent)
{
	if (domain.len <= parent.len)
		return span_eq(domain, parent);
	size_t dot = domain.len - parent.len - 1;
	return domain.at[dot] == '.' && span_eq(span_skip(domain, dot + 1), parent);
}

/* The walk of an identifier; NULL: it is no domain, or one of another top level, and aligns with nothing. */
static const struct dmarc_walk *walk_of(const struct dmarc *m, struct span domain)
{
	char name[DNS_NAME_MAX + 1];
	struct text t;

	for (unsigned i = 0; i < m->n_walks; i++) /* nearly always it is written as it was asked for */
		if (span_eq_nocase(domain, dmarc_walk_domain(&m->walks[i])))
			return &m->walks[i];
	text_init(&t, name, sizeof(name));
	return normal(m, domain, &t) ? walk_find(m, text_span(&t)) : NULL;
}

enum aligned { ALIGNED_NO, ALIGNED_YES, ALIGNED_UNKNOWN };

static enum aligned aligned(const struct dmarc *m, const struct dmarc_walk *w, bool strict)
{
	const struct dmarc_walk *author = &m->walks[0];

	if (!w)
		return ALIGNED_NO;
	if (w == author)
		return ALIGNED_YES;
	if (strict)
		return ALIGNED_NO;
	/* Its organizational domain is a tail of it: it cannot be the author's unless that is one too, whatever a walk
	 * that met a DNS error would have found.  Else a stranger's broken zone would turn a fail into a temperror. */
	if (!author->error && !is_within(dmarc_walk_domain(w), dmarc_walk_org(author)))
		return ALIGNED_NO;
	if (!m->settings->dmarc_rfc7489 && (w->error || author->error))
		return ALIGNED_UNKNOWN;
	return span_eq(dmarc_walk_org(w), dmarc_walk_org(author)) ? ALIGNED_YES : ALIGNED_NO;
}

/* RFC 7489 3.1, which needs no answers. */
static enum aligned aligned_rfc7489(const struct dmarc *m, const struct dmarc_walk *w, bool strict)
{
	if (!w || (strict && w != &m->walks[0]))
		return ALIGNED_NO;
	return span_eq(dmarc_walk_psl_org(w), dmarc_walk_psl_org(&m->walks[0])) ? ALIGNED_YES : ALIGNED_NO;
}

/* A domain that SPF or a signature speaks for, or might if an answer had come. */
struct identifier {
	const struct dmarc_walk *walk; /* NULL: it aligns with nothing */
	struct span domain;
	bool is_spf, pass, temperror;
	bool partial; /* a signature that passes, but of a part of the body: counts for nothing */
	const char *found;
};

#define IDENTIFIERS_MAX (1 + DKIM_SIGNATURES_MAX)

static size_t identifiers_list(const struct dmarc *m, const struct spf *spf, const struct dkim *dkim,
			       struct identifier list[IDENTIFIERS_MAX])
{
	size_t n = 0;

	if (spf)
		list[n++] = (struct identifier){ .walk = walk_of(m, spf->domain),
						 .domain = spf->domain,
						 .is_spf = true,
						 .pass = spf->result == SPF_RESULT_PASS,
						 .temperror = spf->result == SPF_RESULT_TEMPERROR,
						 .found = spf_result_text(spf->result) };
	/* Surplus signatures, which are not verified, align with nothing. */
	for (size_t i = 0, n_dkim = dkim ? dkim_n_verified(dkim) : 0; i < n_dkim; i++) {
		struct dkim_verified s = dkim_verified(dkim, i);

		if (s.result == DKIM_RESULT_PASS || s.result == DKIM_RESULT_TEMPERROR)
			list[n++] = (struct identifier){ .walk = walk_of(m, s.d),
							 .domain = s.d,
							 .partial = s.result == DKIM_RESULT_PASS && !s.counts,
							 .pass = s.counts,
							 .temperror = s.result == DKIM_RESULT_TEMPERROR,
							 .found = dkim_result_text(s.result) };
	}
	return n;
}

/* "dmarc: SPF domain example.org, pass: aligned with example.org; organizational domain example.org" */
static void tell_identifier(struct dmarc *m, const struct identifier *id, enum aligned a)
{
	static const char *const words[] = { [ALIGNED_NO] = ": not aligned with ",
					     [ALIGNED_YES] = ": aligned with ",
					     [ALIGNED_UNKNOWN] = ": without an answer perhaps aligned with " };
	struct text *out;

	if (!m->explain)
		return;
	out = &m->explain->text;
	text_puts(out, id->is_spf ? "dmarc: SPF domain " : "dmarc: DKIM domain ");
	text_escaped(out, id->domain);
	text_puts(out, ", ");
	text_puts(out, id->found);
	text_puts(out, words[a]);
	text_escaped(out, m->from_domain);
	if (id->walk && !id->walk->error) {
		text_puts(out, "; organizational domain ");
		text_escaped(out, dmarc_walk_org(id->walk));
	}
	text_puts(out, "\n");
}

/* What the identifiers say together. */
struct evidence {
	bool pass;    /* one is authenticated and aligned */
	bool unknown; /* one might be, if an answer had come */
};

static bool weigh(struct evidence *e, enum aligned a, const struct identifier *id)
{
	if (a == ALIGNED_YES && id->pass)
		return e->pass = true;
	if (a != ALIGNED_NO && (id->pass || id->temperror))
		e->unknown = true;
	return false;
}

static struct evidence gather(struct dmarc *m, const struct identifier *list, size_t n)
{
	struct evidence e = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct identifier *id = &list[i];

		if (id->partial) {
			tell(m, "DKIM domain ", id->domain, ": l= leaves octets unsigned, so that it does not count");
			continue;
		}
		enum aligned a = aligned(m, id->walk, id->is_spf ? m->record.aspf_strict : m->record.adkim_strict);

		tell_identifier(m, id, a);
		*(id->is_spf ? &m->spf_aligned : &m->dkim_aligned) |= weigh(&e, a, id);
	}
	return e;
}

static struct evidence gather_rfc7489(const struct dmarc *m, const struct dmarc_record *r,
				      const struct identifier *list, size_t n)
{
	struct evidence e = { 0 };

	for (size_t i = 0; i < n; i++)
		weigh(&e, aligned_rfc7489(m, list[i].walk, list[i].is_spf ? r->aspf_strict : r->adkim_strict),
		      &list[i]);
	return e;
}

/* What is left of a policy under t=y: reject, quarantine, none, one step down. */
static enum dmarc_policy tested(const struct dmarc *m, uint8_t policy)
{
	return (enum dmarc_policy)(m->testing && policy > DMARC_POLICY_NONE ? policy - 1 : policy);
}

/* p, sp or np, then t.  False: np would count if it were known whether the author domain exists. */
static bool apply(struct dmarc *m, bool inherited)
{
	const struct dmarc_record *r = &m->record;
	bool known = !inherited || m->exists != DMARC_EXISTS_UNKNOWN;
	uint8_t policy = inherited && r->sp ? r->sp : r->p;

	if (inherited && r->np && m->exists == DMARC_EXISTS_NO)
		policy = r->np;
	m->testing = r->testing && !m->settings->dmarc_rfc7489;
	m->published = (enum dmarc_policy)policy;
	m->policy = m->at_stake = tested(m, policy);
	if (!known && tested(m, r->np) > m->at_stake)
		m->at_stake = tested(m, r->np);
	return known;
}

static void count(struct stats *stats, enum dmarc_result r)
{
	switch (r) {
	case DMARC_RESULT_NONE:
	case DMARC_RESULT_PERMERROR: /* never given: a broken record is none (RFC 9989 4.10.1) */
		stats->dmarc_none++;
		return;
	case DMARC_RESULT_PASS:
		stats->dmarc_pass++;
		return;
	case DMARC_RESULT_FAIL:
		stats->dmarc_fail++;
		return;
	case DMARC_RESULT_TEMPERROR:
		stats->dmarc_temperror++;
		return;
	}
}

static void result(struct dmarc *m, enum dmarc_result r, const char *reason)
{
	count(m->settings->stats, r);
	m->result = r;
	m->reason = reason;
	m->disposition = r == DMARC_RESULT_FAIL ? m->policy : DMARC_POLICY_NONE;
	if (r != DMARC_RESULT_TEMPERROR)
		m->at_stake = DMARC_POLICY_NONE;
	tell(m, "", m->from_domain, r == DMARC_RESULT_NONE ? ": no policy applies" : ": judged");
	tell(m, dmarc_result_text(r), span_str(*reason ? ": " : ""), reason);
}

/* Each name of the author's walk, from the domain itself up, and whether a record stands there. */
static void tell_walk(struct dmarc *m)
{
	const struct dmarc_walk *w = &m->walks[0];

	for (unsigned i = 0; m->explain && i < w->n_steps; i++)
		tell(m, "walk: ", dmarc_walk_step(w, i), w->found & 1u << i ? ": has a record" : ": no record");
	tell(m, "organizational domain of the author: ", dmarc_walk_org(w), w->error ? ", with an answer missing" : "");
}

/* "dmarc: policy reject, published reject" */
static void tell_policy(struct dmarc *m)
{
	tell(m, "policy that applies: ", span_str(dmarc_policy_text(m->policy)),
	     m->testing ? ", one step below what is published, for t=y" : "");
	if (m->record.adkim_strict || m->record.aspf_strict)
		tell(m, "", SPAN("strict alignment of "),
		     !m->record.adkim_strict  ? "SPF"
		     : !m->record.aspf_strict ? "DKIM"
					      : "SPF and DKIM");
}

static void judge(struct dmarc *m, const struct identifier *list, size_t n)
{
	const struct dmarc_walk *w = &m->walks[0];
	uint8_t at = w->outcome.policy_at;
	m->org_domain = dmarc_walk_org(w);
	tell_walk(m);
	if (at != 0 && w->error) {
		/* An identifier that is the author domain itself passes whatever the record says; it may say strict. */
		m->record.adkim_strict = m->record.aspf_strict = true;
		m->at_stake = gather(m, list, n).pass ? DMARC_POLICY_NONE : DMARC_POLICY_REJECT;
		m->spf_aligned = m->dkim_aligned = false;
		result(m, DMARC_RESULT_TEMPERROR, "the policy could not be looked up");
		return;
	}
	if (at == DMARC_NOWHERE) {
		result(m, DMARC_RESULT_NONE, "no DMARC record is published");
		return;
	}
	m->record = w->outcome.record;
	if (!dmarc_record_usable(&m->record)) {
		result(m, DMARC_RESULT_NONE, "the DMARC record has no valid policy");
		return;
	}
	m->policy_domain = span_skip(m->from_domain, at);
	tell(m, "policy record of ", m->policy_domain, "");
	bool policy_known = apply(m, at > 0);
	tell_policy(m);
	struct evidence e = gather(m, list, n);

	if (e.pass)
		result(m, DMARC_RESULT_PASS, "");
	else if (e.unknown)
		result(m, DMARC_RESULT_TEMPERROR, "an identifier that may be aligned could not be checked");
	else if (!policy_known)
		result(m, DMARC_RESULT_TEMPERROR, "whether the author domain exists could not be looked up");
	else
		result(m, DMARC_RESULT_FAIL, "no authenticated identifier is aligned with the author domain");
}

static void tell_rfc7489(struct dmarc *m)
{
	if (!m->explain)
		return;
	struct text *out = &m->explain->text;
	text_puts(out, "dmarc: RFC 7489 would say ");
	text_puts(out, dmarc_result_text(m->rfc7489_result));
	if (m->rfc7489_result == DMARC_RESULT_FAIL) {
		text_puts(out, ", disposition ");
		text_puts(out, dmarc_policy_text(m->rfc7489_disposition));
	}
	text_puts(out, "\n");
}

/* Whether RFC 7489 would have come to something else, where that is known: its records stand at steps of the walk,
 * and nothing that either needs failed. */
static void compare_modes(struct dmarc *m, const struct identifier *list, size_t n)
{
	const struct dmarc_outcome *o = &m->walks[0].outcome;
	struct dmarc_record r = o->rfc7489_record;

	if (m->settings->dmarc_rfc7489 || !m->settings->organizational || o->rfc7489 == DMARC_RFC7489_UNTOLD ||
	    m->result == DMARC_RESULT_TEMPERROR)
		return;
	m->rfc7489_result = DMARC_RESULT_NONE;
	m->rfc7489_disposition = DMARC_POLICY_NONE;
	if (o->rfc7489 == DMARC_RFC7489_RECORD && dmarc_record_usable(&r)) {
		struct evidence e = gather_rfc7489(m, &r, list, n);

		if (e.unknown && !e.pass)
			return;
		m->rfc7489_result = e.pass ? DMARC_RESULT_PASS : DMARC_RESULT_FAIL;
		if (!e.pass)
			m->rfc7489_disposition = (enum dmarc_policy)(o->rfc7489_at > 0 && r.sp ? r.sp : r.p);
	}
	m->modes_compared = true;
	if (m->rfc7489_result == m->result && m->rfc7489_disposition == m->disposition)
		return;
	m->settings->stats->dmarc_modes_differ++;
	tell_rfc7489(m);
}

void dmarc_judge(struct dmarc *m, const struct spf *spf, const struct dkim *dkim)
{
	struct identifier list[IDENTIFIERS_MAX];

	if (m->n_walks == 0) {
		result(m, DMARC_RESULT_NONE, m->reason);
		return;
	}
	size_t n = identifiers_list(m, spf, dkim, list);
	judge(m, list, n);
	compare_modes(m, list, n);
}

const char *dmarc_result_text(enum dmarc_result r)
{
	static const char *const texts[] = { [DMARC_RESULT_NONE] = "none",
					     [DMARC_RESULT_PASS] = "pass",
					     [DMARC_RESULT_FAIL] = "fail",
					     [DMARC_RESULT_TEMPERROR] = "temperror",
					     [DMARC_RESULT_PERMERROR] = "permerror" };

	return texts[r];
}

const char *dmarc_policy_text(enum dmarc_policy p)
{
	static const char *const texts[] = { [DMARC_POLICY_ABSENT] = "",
					     [DMARC_POLICY_NONE] = "none",
					     [DMARC_POLICY_QUARANTINE] = "quarantine",
					     [DMARC_POLICY_REJECT] = "reject" };

	return texts[p];
}
