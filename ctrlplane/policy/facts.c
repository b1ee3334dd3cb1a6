// SPDX-License-Identifier: MIT
/*
 * facts.c - what is known of a message, in the words that rules use
 */
#include "ctrlplane/policy/rules.h"

#define WORDS_MAX 9

static const char *const words[POLICY_N_FACTS][WORDS_MAX] = {
	[POLICY_SPF] = { "none", "neutral", "pass", "fail", "softfail", "temperror", "permerror" },
	[POLICY_DKIM] = { "none", "pass", "fail", "policy", "neutral", "temperror", "permerror" },
	[POLICY_ARC] = { "none", "pass", "fail", "temperror" },
	[POLICY_ARC_TRUSTED] = { "yes", "no", "temperror" },
	[POLICY_DMARC] = { "none", "pass", "fail", "temperror", "permerror" },
	[POLICY_DMARC_ASKS] = { "none", "quarantine", "reject", "temperror" },
	[POLICY_IPREV] = { "none", "pass", "fail", "temperror", "permerror" },
	[POLICY_FROM] = { "good", "bad" },
	[POLICY_TLS] = { "yes", "no" },
	[POLICY_LIST] = { "allow", "deny" },
	[POLICY_EARLY_TALK] = { "no", "yes" },
};

const char *const *policy_words(enum policy_fact fact)
{
	return words[fact];
}

const char *policy_fact_text(enum policy_fact fact)
{
	static const char *const texts[POLICY_N_FACTS] = {
		[POLICY_SPF] = "spf",
		[POLICY_DKIM] = "dkim",
		[POLICY_ARC] = "arc",
		[POLICY_ARC_TRUSTED] = "arc_trusted",
		[POLICY_DMARC] = "dmarc",
		[POLICY_DMARC_ASKS] = "dmarc_asks",
		[POLICY_IPREV] = "iprev",
		[POLICY_FROM] = "from_field",
		[POLICY_TLS] = "tls",
		[POLICY_LIST] = "list",
		[POLICY_EARLY_TALK] = "early_talk",
	};

	return texts[fact];
}

void policy_fact_set(struct policy_facts *f, enum policy_fact fact, const char *word)
{
	unsigned bit = 0;

	while (words[fact][bit] && strcmp(words[fact][bit], word) != 0)
		bit++;
	CHECK(words[fact][bit]); /* both lists of words are ours */
	f->is[fact] = (uint16_t)(1u << bit);
	if (span_eq(span_str(word), SPAN("temperror")))
		f->missing |= (uint16_t)(1u << fact);
	else
		f->missing &= (uint16_t) ~(1u << fact);
}

static const char *arc_trusted(const struct settings *settings, const struct arc *a)
{
	if (verdict_arc_overrides(a))
		return "yes";
	return verdict_arc_is_missed(settings, a) ? "temperror" : "no";
}

/* RFC 9989 5.4: where no answer could bring more than p=none, it does not matter that one is missing. */
static const char *dmarc_asks(const struct dmarc *m)
{
	if (m->result == DMARC_RESULT_TEMPERROR)
		return m->at_stake > DMARC_POLICY_NONE ? "temperror" : "none";
	if (m->result != DMARC_RESULT_FAIL || m->disposition <= DMARC_POLICY_NONE)
		return "none";
	return m->disposition == DMARC_POLICY_REJECT ? "reject" : "quarantine";
}

/* SPF's domain, or that of the first signature that passes. */
static struct span authenticated(const struct verify *v)
{
	if (verify_spf(v)->result == SPF_RESULT_PASS)
		return verify_spf(v)->domain;
	for (size_t i = 0; i < dkim_n_verified(&v->dkim); i++) {
		struct dkim_verified signature = dkim_verified(&v->dkim, i);

		if (signature.result == DKIM_RESULT_PASS)
			return signature.d;
	}
	return SPAN("");
}

void policy_facts_of(struct policy_facts *f, const struct settings *settings, const struct verify *v)
{
	policy_fact_set(f, POLICY_SPF, spf_result_text(verify_spf(v)->result));
	policy_fact_set(f, POLICY_DKIM, dkim_result_text(verify_dkim(v)));
	policy_fact_set(f, POLICY_ARC, arc_result_text(v->arc.result));
	policy_fact_set(f, POLICY_ARC_TRUSTED, arc_trusted(settings, &v->arc));
	policy_fact_set(f, POLICY_DMARC, dmarc_result_text(v->dmarc.result));
	policy_fact_set(f, POLICY_DMARC_ASKS, dmarc_asks(&v->dmarc));
	policy_fact_set(f, POLICY_IPREV, iprev_result_text(verify_iprev(v)->result));
	policy_fact_set(f, POLICY_FROM, v->from.error == FROM_OK ? "good" : "bad");
	f->from_domain = span_of(v->from.domain, v->from.domain_len);
	f->authenticated = authenticated(v);
}
