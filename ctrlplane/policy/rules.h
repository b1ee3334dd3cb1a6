// SPDX-License-Identifier: MIT
/*
 * rules.h - the operator's rules over what is known of a message: first match decides
 *
 * Pure.  A condition on something that is not known (a DNS answer that did not come) is neither true nor false: a rule
 * that hangs on it defers the message, unless the rule set says that it is skipped, or unless it makes no difference.
 */
#ifndef POLICY_RULES_EVAL_H
#define POLICY_RULES_EVAL_H

#include "ctrlplane/policy/dnsbl.h"
#include "ctrlplane/policy/verdict.h"

/* Words of a fact, NULL behind the last: bit i is the i-th.  "temperror" is the one that means not known. */
const char *const *policy_words(enum policy_fact fact);
const char *policy_fact_text(enum policy_fact fact);       /* as a condition is called: "dmarc_asks" */
const char *policy_action_text(enum policy_action action); /* "accept" "tag"... */

/* What rules look at; spans are borrowed. */
struct policy_facts {
	uint16_t is[POLICY_N_FACTS]; /* a bit of policy_words(); LIST: several or none */
	uint16_t missing;            /* facts that are not known, as bits of enum policy_fact */
	struct ip_addr client;
	struct span helo, mail_from, from_domain;
	uint64_t rcpt_rules; /* of policy_rcpt(): the same for all recipients */
	uint32_t n_rcpts;
	uint64_t size;
	int32_t dnsbl;         /* the client's score */
	uint32_t dnsbl_listed; /* by which of settings->dnsbls, as bits */
	/* For the action greylist. */
	struct greylist *greylist; /* NULL: whoever it is asked for has not been here before */
	const struct span *rcpts;  /* n_rcpts of them */
	struct span authenticated; /* a domain for which SPF or DKIM passes; empty: none */
	uint32_t now_s;            /* wall clock */
};

/* Sets what comes of verification; the rest is the caller's. */
void policy_facts_of(struct policy_facts *f, const struct settings *settings, const struct verify *v);
void policy_fact_set(struct policy_facts *f, enum policy_fact fact, const char *word);

/* Hits of each rule; missing: it hung on something that was not known. */
struct policy_counts {
	uint64_t hits[POLICY_RULES_MAX], missing[POLICY_RULES_MAX];
};

/*
 * The rules whose condition on the recipient is true for @path, as bits; rules without one are left out.  Recipients
 * for whom these differ cannot be of one message: the later one gets 452 and comes in another.
 */
uint64_t policy_rcpt(const struct policy_rules *r, struct span path);

/**
 * policy_judge - the verdict by the rules, and as verdict_of() has it where none matches
 * @counts: added to
 * @explain: NULL or where each match is told
 */
void policy_judge(struct verdict *out, const struct settings *settings, const struct policy_facts *f,
		  const struct verify *v, struct policy_counts *counts, struct explain *explain);

/* The fields that rules put on top of the message, whole, each with its CRLF. */
void policy_fields(const struct settings *settings, const struct verdict *verdict, struct text *out);

/* Counts of @from go on in @to under the rules of the same name; the others begin with 0. */
void policy_counts_carry(struct policy_counts *to, const struct policy_rules *to_rules,
			 const struct policy_counts *from, const struct policy_rules *from_rules);

#endif
