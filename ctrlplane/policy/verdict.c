// SPDX-License-Identifier: MIT
/*
 * verdict.c - what is done with a message: results and settings in, action and reply out
 *
 * From first, for DMARC says nothing without an author; then DMARC, by the policy that the domain publishes and what
 * the settings make of it; a trusted ARC chain may take a DMARC failure back (RFC 8617 7.2.1).  What is not known
 * defers a message only when it could change what becomes of it.
 */
#include "ctrlplane/policy/verdict.h"

#define DOMAIN_SHOWN_MAX 120 /* so that the reply's text always has room for its sentence */

/* Settings' words are checked when they are loaded. */
static bool is_word(const char *setting, const char *word)
{
	return strcmp(setting, word) == 0;
}

static enum verdict_action action_of(const char *setting)
{
	if (is_word(setting, "accept"))
		return VERDICT_ACCEPT;
	return is_word(setting, "quarantine") ? VERDICT_QUARANTINE : VERDICT_REJECT;
}

/* Sets the reply of @action; its text is the caller's. */
void verdict_set(struct verdict *out, enum verdict_action action, const char *rule)
{
	bool refused = action == VERDICT_REJECT || action == VERDICT_DEFER;

	out->action = action;
	out->rule = rule;
	out->code = action == VERDICT_REJECT ? 550 : action == VERDICT_DEFER ? 451 : 250;
	out->enhanced[0] = (uint8_t)(out->code / 100);
	out->enhanced[1] = refused ? 7 : 0; /* X.7.1: delivery not authorized (RFC 3463 3.8) */
	out->enhanced[2] = refused ? 1 : 0;
}

static const char *from_rule(enum from_error error)
{
	switch (error) {
	case FROM_OK:
		break;
	case FROM_MISSING:
		return "from.missing";
	case FROM_REPEATED:
		return "from.repeated";
	case FROM_SYNTAX:
		return "from.syntax";
	case FROM_NO_ADDRESS:
		return "from.no_address";
	case FROM_MANY_DOMAINS:
		return "from.many_domains";
	case FROM_DOMAIN:
		return "from.domain";
	}
	return "default";
}

static void judge_from(struct verdict *out, const struct settings *settings, const struct from *from, struct text *text)
{
	verdict_set(out, action_of(settings->policy_bad_from), from_rule(from->error));
	if (out->action != VERDICT_REJECT)
		return;
	text_puts(text, "From: ");
	text_puts(text, from->reason);
	text_puts(text, " (RFC 5322 3.6.2)");
}

/* The end of a long name: that part says whose it is. */
static void put_domain(struct text *text, struct span domain)
{
	if (domain.len > DOMAIN_SHOWN_MAX) {
		text_puts(text, "...");
		domain = span_skip(domain, domain.len - DOMAIN_SHOWN_MAX);
	}
	text_put(text, domain);
}

/* An answer that the verdict needs did not come. */
static void judge_temperror(struct verdict *out, const struct settings *settings, const char *rule, struct span domain,
			    struct text *text)
{
	if (is_word(settings->policy_temperror, "accept")) {
		verdict_set(out, VERDICT_ACCEPT, rule);
		return;
	}
	verdict_set(out, VERDICT_DEFER, rule);
	text_puts(text, "DMARC: DNS did not answer for ");
	put_domain(text, domain);
	text_puts(text, " or the domains that signed for it; try later");
}

/* The chain is of a sealer who may override, if only it could be validated. */
bool verdict_arc_is_missed(const struct settings *settings, const struct arc *a)
{
	if (a->result != ARC_RESULT_TEMPERROR || !a->covers_from)
		return false;
	for (unsigned i = 0; i < settings->n_arc_trusted; i++)
		if (span_eq_nocase(span_str(settings->arc_trusted[i]), a->sealer))
			return true;
	return false;
}

bool verdict_arc_overrides(const struct arc *a)
{
	return a->result == ARC_RESULT_PASS && a->trusted && a->covers_from;
}

static void judge_dmarc_failure(struct verdict *out, const struct settings *settings, const struct verify *v,
				struct text *text)
{
	const struct dmarc *m = &v->dmarc;
	bool reject = m->disposition == DMARC_POLICY_REJECT;

	if (verdict_arc_overrides(&v->arc)) {
		verdict_set(out, VERDICT_ACCEPT, "dmarc.override.arc");
		return;
	}
	if (verdict_arc_is_missed(settings, &v->arc)) {
		judge_temperror(out, settings, "arc.temperror", span_of(v->from.domain, v->from.domain_len), text);
		return;
	}
	verdict_set(out, action_of(reject ? settings->policy_dmarc_reject : settings->policy_dmarc_quarantine),
		    reject ? "dmarc.reject" : "dmarc.quarantine");
	if (out->action == VERDICT_QUARANTINE)
		out->dmarc_disposition = "quarantine";
	if (out->action != VERDICT_REJECT)
		return;
	out->dmarc_disposition = "reject";
	text_puts(text, "DMARC: ");
	put_domain(text, m->policy_domain.len ? m->policy_domain : m->from_domain);
	text_puts(text, reject ? " asks to reject what it did not authenticate (p=reject); see RFC 9989"
			       : " asks to quarantine what it did not authenticate (p=quarantine); see RFC 9989");
}

static void judge_dmarc(struct verdict *out, const struct settings *settings, const struct verify *v, struct text *text)
{
	switch (v->dmarc.result) {
	case DMARC_RESULT_FAIL:
		if (v->dmarc.disposition == DMARC_POLICY_REJECT || v->dmarc.disposition == DMARC_POLICY_QUARANTINE)
			judge_dmarc_failure(out, settings, v, text);
		return;
	case DMARC_RESULT_TEMPERROR:
		/* RFC 9989 5.4: a policy of none must not change how a message is handled. */
		if (v->dmarc.at_stake > DMARC_POLICY_NONE && !verdict_arc_overrides(&v->arc))
			judge_temperror(out, settings, "dmarc.temperror", span_of(v->from.domain, v->from.domain_len),
					text);
		return;
	case DMARC_RESULT_NONE:
	case DMARC_RESULT_PASS:
	case DMARC_RESULT_PERMERROR:
		return;
	}
}

bool verdict_is_verified(const struct verify *v)
{
	return verify_done(v) && v->has_header;
}

/**
 * verdict_of - the verdict on a message whose verification is done
 * @out: wholly set; its text is empty when the message is accepted or quarantined
 *
 * A message that is not verified yet is deferred: nothing passes for want of a result.
 */
void verdict_of(struct verdict *out, const struct settings *settings, const struct verify *v)
{
	struct text text;

	memset(out, 0, sizeof(*out));
	out->dmarc_disposition = "none";
	text_init(&text, out->text, sizeof(out->text));
	if (!verdict_is_verified(v)) {
		verdict_set(out, VERDICT_DEFER, "unverified");
		text_puts(&text, "The message is not verified; try later");
		return;
	}
	verdict_set(out, VERDICT_ACCEPT, "default");
	if (v->from.error != FROM_OK)
		judge_from(out, settings, &v->from, &text);
	else
		judge_dmarc(out, settings, v, &text);
}

const char *verdict_action_text(enum verdict_action a)
{
	static const char *const texts[] = {
		[VERDICT_ACCEPT] = "accept", [VERDICT_QUARANTINE] = "quarantine", [VERDICT_REJECT] = "reject",
		[VERDICT_DEFER] = "defer",   [VERDICT_DISCARD] = "discard",
	};

	return texts[a];
}

void verdict_quarantine_fields(const struct settings *settings, const struct verdict *verdict, struct text *out)
{
	if (verdict->action != VERDICT_QUARANTINE || !settings->policy_quarantine_header[0])
		return;
	text_puts(out, settings->policy_quarantine_header);
	text_puts(out, "\r\n");
}

bool verdict_field_is_ours(const struct settings *settings, struct span name)
{
	struct span field = span_str(settings->policy_quarantine_header);

	if (field.len && span_eq_nocase(name, span_cut(&field, ':')))
		return true;
	for (unsigned i = 0; i < settings->rules.n_rules; i++) {
		field = policy_span(&settings->rules, settings->rules.rules[i].field);
		if (field.len && span_eq_nocase(name, span_cut(&field, ':')))
			return true;
	}
	return false;
}
