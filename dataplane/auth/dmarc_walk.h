// SPDX-License-Identifier: MIT
/*
 * dmarc_walk.h - the DNS tree walk of one domain (RFC 9989 4.10), and struct dmarc
 *
 * All names of a walk are asked for at once and looked at in their order: a walk nearly always goes on to the top
 * level, so that nothing is asked in vain, and it takes one round trip instead of eight.  A walk depends on its
 * domain alone: what it came to can be kept (dmarc_cache.h) and stand in its place.
 *
 * Sizes: a walk 384 octets, of which a hit in the cache writes 48 and its domain; struct dmarc 6.9 KiB, for 18 of them.
 */
#ifndef AUTH_DMARC_WALK_H
#define AUTH_DMARC_WALK_H

#include "dataplane/auth/dkim.h"
#include "dataplane/auth/dmarc_cache.h"
#include "dns/dns_question.h"

#define DMARC_WALK_STEPS_MAX 8   /* RFC 9989 4.10: more labels than that are skipped */
#define DMARC_WALK_LABELS_TAIL 7 /* of a long name, the second query has so many */

struct dmarc_walk {
	uint8_t domain_len;
	uint8_t n_steps;
	uint8_t asked, answered, failed, found, several, nxdomain; /* bit i: step i */
	bool done;
	bool error;                       /* done, but an answer that counted did not come */
	struct dmarc_outcome outcome;     /* once done */
	uint64_t expires_us;              /* of a walk that may be kept: when the first of its answers does */
	uint8_t at[DMARC_WALK_STEPS_MAX]; /* offset in domain[] of each step's name */
	struct dmarc_record records[DMARC_WALK_STEPS_MAX];
	uint8_t domain[DNS_NAME_MAX]; /* lower case */
};

/* @organizational: by the public suffix list, a tail of @domain; may be empty.
 * @psl: RFC 7489 3.2 and 6.6.3 instead of a walk: the domain itself, then @organizational. */
void dmarc_walk_begin(struct dmarc_walk *w, struct span domain, bool psl, struct span organizational);

/* In place of a walk: what an earlier one of the same domain came to. */
void dmarc_walk_known(struct dmarc_walk *w, struct span domain, const struct dmarc_outcome *outcome);
/* Its steps again, to be told. */
void dmarc_walk_retrace(struct dmarc_walk *w, bool psl);

/* The next question of this walk; @step names it.  False: all were asked. */
bool dmarc_walk_question(struct dmarc_walk *w, unsigned *step, struct dns_question *q);
void dmarc_walk_answer(struct dmarc_walk *w, unsigned step, const struct dns_answer *answer, bool psl);
void dmarc_walk_give_up(struct dmarc_walk *w, bool psl);

static inline struct span dmarc_walk_domain(const struct dmarc_walk *w)
{
	return span_of(w->domain, w->domain_len);
}

static inline struct span dmarc_walk_org(const struct dmarc_walk *w)
{
	return span_skip(dmarc_walk_domain(w), w->outcome.org_at);
}

static inline struct span dmarc_walk_psl_org(const struct dmarc_walk *w)
{
	return span_skip(dmarc_walk_domain(w), w->outcome.psl_org_at);
}

static inline struct span dmarc_walk_step(const struct dmarc_walk *w, unsigned step)
{
	return span_skip(dmarc_walk_domain(w), w->at[step]);
}

#define DMARC_WALKS_MAX (2 + DKIM_SIGNATURES_MAX) /* author, SPF, each signature */

enum dmarc_result {
	DMARC_RESULT_NONE,
	DMARC_RESULT_PASS,
	DMARC_RESULT_FAIL,
	DMARC_RESULT_TEMPERROR,
	DMARC_RESULT_PERMERROR
};

struct dmarc {
	enum dmarc_result result;
	const char *reason;
	struct span from_domain, org_domain, policy_domain;
	enum dmarc_policy policy;      /* for this message: p, sp or np, after t */
	enum dmarc_policy published;   /* the same before t */
	enum dmarc_policy disposition; /* what the policy asks for now: NONE unless the result is fail */
	enum dmarc_policy at_stake; /* of a temperror: the strictest disposition that the missing answers could bring */
	bool testing, spf_aligned, dkim_aligned;
	bool modes_compared;              /* it is known what RFC 7489 would say, and this was judged by RFC 9989 */
	enum dmarc_result rfc7489_result; /* then: what it would say */
	enum dmarc_policy rfc7489_disposition; /* and ask for */
	struct dmarc_record record;            /* the policy record; of use when policy_domain is not empty */

	/* Private */
	const struct auth_settings *settings;
	struct explain *explain;
	uint8_t n_walks; /* 0: nothing to judge */
	uint8_t exists;  /* enum dmarc_exists: the author domain */
	bool author_done;
	uint32_t epoch;                           /* of the cache, at the begin */
	uint64_t now_us;                          /* as it was told last */
	struct dmarc_walk walks[DMARC_WALKS_MAX]; /* [0]: the author's */
};

#endif
