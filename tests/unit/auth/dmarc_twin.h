// SPDX-License-Identifier: MIT
/*
 * dmarc_twin.h - DMARC once more, slow and obvious: one name after the other, nothing remembered
 *
 * Domains are C strings, the zone a list of DMARC records; each rule is written as RFC 9989 (or 7489) words it.
 */
#ifndef TESTS_DMARC_TWIN_H
#define TESTS_DMARC_TWIN_H

#include "tests/unit/auth/dmarc_check.h"

#define TWIN_RECORDS_MAX 24

struct twin_record {
	char domain[256];
	bool fails;                                       /* SERVFAIL: no record then */
	bool is_nothing;                                  /* a name that exists, without a record */
	const char *p, *sp, *np, *psd, *t, *adkim, *aspf; /* NULL: absent */
	bool rua;
};

struct twin_zone {
	unsigned n;
	struct twin_record records[TWIN_RECORDS_MAX];
};

struct twin_result {
	enum dmarc_result result;
	const char *org, *record; /* "" : none */
	enum dmarc_policy published, policy, disposition;
	bool spf, dkim;
};

static inline bool twin_is(const char *value, const char *word)
{
	return value && strcmp(value, word) == 0;
}

static inline enum dmarc_policy twin_policy(const char *word)
{
	return twin_is(word, "none")         ? DMARC_POLICY_NONE
	       : twin_is(word, "quarantine") ? DMARC_POLICY_QUARANTINE
	       : twin_is(word, "reject")     ? DMARC_POLICY_REJECT
					     : DMARC_POLICY_ABSENT;
}

/* The only record at a name; NULL when there is none or several. */
static inline const struct twin_record *twin_at(const struct twin_zone *z, const char *domain, unsigned *n)
{
	const struct twin_record *found = NULL;

	*n = 0;
	for (unsigned i = 0; i < z->n; i++) {
		if (z->records[i].is_nothing || z->records[i].fails || strcmp(z->records[i].domain, domain))
			continue;
		found = &z->records[i];
		++*n;
	}
	return *n == 1 ? found : NULL;
}

static inline bool twin_exists(const struct twin_zone *z, const char *domain)
{
	size_t n = strlen(domain);

	for (unsigned i = 0; i < z->n; i++) {
		size_t len = strlen(z->records[i].domain);

		if (len >= n && strcmp(z->records[i].domain + len - n, domain) == 0 &&
		    (len == n || z->records[i].domain[len - n - 1] == '.'))
			return true;
	}
	return false;
}

static inline unsigned twin_labels(const char *domain)
{
	unsigned n = 1;

	for (; *domain; domain++)
		n += *domain == '.';
	return n;
}

static inline const char *twin_parent(const char *domain)
{
	const char *dot = strchr(domain, '.');

	return dot ? dot + 1 : NULL;
}

/* RFC 9989 4.10: the names of a walk, in its order, up to the one that stops it. */
static inline unsigned twin_walk(const struct twin_zone *z, const char *domain, const char **names)
{
	unsigned n = 0, at_name;

	for (const char *name = domain; name;) {
		names[n++] = name;
		const struct twin_record *r = twin_at(z, name, &at_name);

		if (r && (twin_is(r->psd, "y") || twin_is(r->psd, "n")))
			break;
		if (twin_labels(name) < 8) {
			name = twin_parent(name);
			continue;
		}
		while (twin_labels(name) > 7)
			name = twin_parent(name);
	}
	return n;
}

/* RFC 9989 4.10.2 */
static inline const char *twin_org(const struct twin_zone *z, const char *domain)
{
	const char *names[16], *fewest = domain;
	unsigned n = twin_walk(z, domain, names), at_name;

	for (unsigned i = 0; i < n; i++) {
		const struct twin_record *r = twin_at(z, names[i], &at_name);

		if (r && twin_is(r->psd, "n"))
			return names[i];
		if (r && i > 0 && twin_is(r->psd, "y")) {
			const char *below = domain;

			while (twin_parent(below) != names[i])
				below = twin_parent(below);
			return below;
		}
		if (r)
			fewest = names[i];
	}
	return fewest;
}

/* RFC 9989 4.10.1: the author domain's, the organizational domain's, the public suffix's. */
static inline const struct twin_record *twin_policy_record(const struct twin_zone *z, const char *author)
{
	const char *names[16], *org = twin_org(z, author);
	unsigned n = twin_walk(z, author, names), at_name;
	const struct twin_record *r = twin_at(z, author, &at_name);

	if (r)
		return r;
	for (unsigned i = 0; i < n; i++)
		if (strcmp(names[i], org) == 0 && (r = twin_at(z, names[i], &at_name)))
			return r;
	r = twin_at(z, names[n - 1], &at_name);
	return r && twin_is(r->psd, "y") ? r : NULL;
}

/* RFC 7489 6.6.3 */
static inline const char *twin_old_org(const char *domain)
{
	struct span org = dmarc_organizational(span_str(domain));

	return domain + (org.len ? strlen(domain) - org.len : 0);
}

static inline const struct twin_record *twin_old_record(const struct twin_zone *z, const char *author)
{
	unsigned at_name;
	const struct twin_record *r = twin_at(z, author, &at_name);

	if (at_name)
		return r;
	return twin_at(z, twin_old_org(author), &at_name);
}

static inline bool twin_aligned(const struct twin_zone *z, bool old, const char *author, const char *domain,
				const char *mode)
{
	if (strcmp(author, domain) == 0)
		return true;
	if (twin_is(mode, "s"))
		return false;
	if (old)
		return strcmp(twin_old_org(author), twin_old_org(domain)) == 0;
	return strcmp(twin_org(z, author), twin_org(z, domain)) == 0;
}

static inline enum dmarc_policy twin_choose(const struct twin_zone *z, bool old, const char *author,
					    const struct twin_record *r)
{
	bool bad = (r->p && !twin_policy(r->p)) || (r->sp && !twin_policy(r->sp)) || (r->np && !twin_policy(r->np));

	if (!r->p || bad)
		return DMARC_POLICY_NONE;
	if (strcmp(r->domain, author) == 0)
		return twin_policy(r->p);
	if (!old && r->np && !twin_exists(z, author))
		return twin_policy(r->np);
	return twin_policy(r->sp ? r->sp : r->p);
}

/* For zones without failures, and identifiers that pass or fail. */
static inline struct twin_result twin_judge(const struct twin_zone *z, bool old, const char *author,
					    const struct dmarc_input *in)
{
	const struct twin_record *r = old ? twin_old_record(z, author) : twin_policy_record(z, author);
	struct twin_result x = { .result = DMARC_RESULT_NONE, .record = "" };

	x.org = old ? twin_old_org(author) : twin_org(z, author);
	if (!r)
		return x;
	bool bad = (r->p && !twin_policy(r->p)) || (r->sp && !twin_policy(r->sp)) || (r->np && !twin_policy(r->np));

	if ((!r->p || bad) && !r->rua)
		return x;
	x.record = r->domain;
	x.published = x.policy = twin_choose(z, old, author, r);
	if (!old && twin_is(r->t, "y"))
		x.policy = x.published == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
	x.spf = in->spf_domain && in->spf == SPF_RESULT_PASS && twin_aligned(z, old, author, in->spf_domain, r->aspf);
	for (unsigned i = 0; i < in->n_dkim; i++)
		x.dkim |= in->dkim[i] == DKIM_RESULT_PASS && twin_aligned(z, old, author, in->d[i], r->adkim);
	x.result = x.spf || x.dkim ? DMARC_RESULT_PASS : DMARC_RESULT_FAIL;
	x.disposition = x.result == DMARC_RESULT_FAIL ? x.policy : DMARC_POLICY_NONE;
	return x;
}

#endif
