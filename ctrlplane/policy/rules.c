// SPDX-License-Identifier: MIT
/*
 * rules.c - the operator's rules over what is known of a message: first match decides
 *
 * A rule is the conjunction of its conditions, in three values.  False if one condition is; else unknown if one is; else
 * true.  An unknown rule is passed over at first: only if what the rules behind it decide is not what it would have
 * decided, the message is deferred.
 */
#include "ctrlplane/policy/rules.h"

enum truth { TRUTH_NO, TRUTH_UNKNOWN, TRUTH_YES };

const char *policy_action_text(enum policy_action action)
{
	static const char *const texts[] = {
		[POLICY_ACCEPT] = "accept",         [POLICY_TAG] = "tag",
		[POLICY_DEFER] = "defer",           [POLICY_REJECT] = "reject",
		[POLICY_QUARANTINE] = "quarantine", [POLICY_DISCARD] = "discard",
		[POLICY_DEFAULT] = "default",       [POLICY_ADD] = "add",
		[POLICY_REDIRECT] = "redirect",     [POLICY_GREYLIST] = "greylist",
	};

	return texts[action];
}

/* --- conditions -------------------------------------------------------------------------------- */

static bool is_domain(struct span domain, struct span name, enum policy_name_kind kind)
{
	if (span_eq_nocase(domain, name))
		return true;
	return kind == POLICY_NAME_BELOW && domain.len > name.len && domain.at[domain.len - name.len - 1] == '.' &&
	       span_ends_nocase(domain, name);
}

/* @path: a path without <>, or a domain alone. */
static bool is_name(const struct policy_rules *r, const struct policy_name *n, struct span path)
{
	size_t at = span_find_last(path, '@');
	struct span domain = at == SPAN_NONE ? path : span_skip(path, at + 1), name = policy_span(r, n->text);

	switch ((enum policy_name_kind)n->kind) {
	case POLICY_NAME_NULL:
		return path.len == 0;
	case POLICY_NAME_ADDRESS:
		return span_eq_nocase(path, name);
	case POLICY_NAME_DOMAIN:
	case POLICY_NAME_BELOW:
		return is_domain(domain, name, (enum policy_name_kind)n->kind);
	}
	return false;
}

static bool in_names(const struct policy_rules *r, struct policy_list list, struct span path)
{
	for (unsigned i = 0; i < list.n; i++)
		if (is_name(r, &r->names[list.at + i], path))
			return true;
	return list.n == 0;
}

static bool in_prefixes(const struct policy_rules *r, struct policy_list list, const struct ip_addr *client)
{
	for (unsigned i = 0; i < list.n; i++)
		if (ip_addr_in_prefix(client, &r->prefixes[list.at + i].addr, r->prefixes[list.at + i].len))
			return true;
	return list.n == 0;
}

uint64_t policy_rcpt(const struct policy_rules *r, struct span path)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < r->n_rules; i++)
		if (r->rules[i].rcpt.n && in_names(r, r->rules[i].rcpt, path))
			set |= UINT64_C(1) << i;
	return set;
}

static enum truth facts_match(const struct policy_rule *rule, const struct policy_facts *f)
{
	enum truth all = TRUTH_YES;

	for (unsigned fact = 0; fact < POLICY_N_FACTS; fact++) {
		if (!rule->wants[fact] || (rule->wants[fact] & f->is[fact]))
			continue;
		if (!(f->missing & (1u << fact)))
			return TRUTH_NO;
		all = TRUTH_UNKNOWN;
	}
	return all;
}

static enum truth rule_matches(const struct policy_rules *r, unsigned i, const struct policy_facts *f)
{
	const struct policy_rule *rule = &r->rules[i];
	enum truth facts = facts_match(rule, f);

	if (f->dnsbl < rule->dnsbl_min || f->dnsbl > rule->dnsbl_max)
		return TRUTH_NO;
	if (facts == TRUTH_NO || f->size < rule->size_min || f->size > rule->size_max || f->n_rcpts < rule->rcpts_min ||
	    (rule->rcpt.n && !(f->rcpt_rules >> i & 1)) || !in_prefixes(r, rule->client, &f->client) ||
	    !in_names(r, rule->helo, f->helo) || !in_names(r, rule->mail_from, f->mail_from) ||
	    !in_names(r, rule->from, f->from_domain))
		return TRUTH_NO;
	return facts;
}

/* --- verdicts ---------------------------------------------------------------------------------- */

static enum verdict_action verdict_by(enum policy_action action)
{
	switch (action) {
	case POLICY_ACCEPT:
	case POLICY_TAG:
	case POLICY_ADD:
	case POLICY_DEFAULT:
	case POLICY_REDIRECT:
		break;
	case POLICY_DEFER:
	case POLICY_GREYLIST:
		return VERDICT_DEFER;
	case POLICY_REJECT:
		return VERDICT_REJECT;
	case POLICY_QUARANTINE:
		return VERDICT_QUARANTINE;
	case POLICY_DISCARD:
		return VERDICT_DISCARD;
	}
	return VERDICT_ACCEPT;
}

static const char *name_of(const struct policy_rules *r, const struct policy_rule *rule)
{
	return r->text + rule->name.at; /* a NUL follows (settings_rules.c) */
}

/* What a rule without a text of its own says. */
static void reply_of(struct text *text, const struct settings *settings, const struct policy_facts *f,
		     const struct policy_rule *rule)
{
	if (rule->action == POLICY_GREYLIST) {
		text_puts(text, "Mail of yours was not seen here before: greylisted, try again in a few minutes");
	} else if (rule->dnsbl_min > 0) {
		text_puts(text, "Your address ");
		ip_addr_text(&f->client, text);
		text_puts(text, " is listed by ");
		dnsbl_zones(settings, f->dnsbl_listed, 1, text);
	} else {
		text_puts(text, "The message is not accepted by local policy: ");
		text_put(text, policy_span(&settings->rules, rule->name));
	}
}

static void decide(struct verdict *out, const struct settings *settings, const struct policy_facts *f,
		   const struct policy_rule *rule)
{
	const struct policy_rules *r = &settings->rules;
	const char *disposition = verdict_action_text(verdict_by((enum policy_action)rule->action));
	struct span reply = policy_span(r, rule->reply);
	struct text text;

	/* For DMARC's reports: what was done is what DMARC asked for, or nothing was. */
	if (strcmp(out->dmarc_disposition, disposition) != 0)
		out->dmarc_disposition = "none";
	verdict_set(out, verdict_by((enum policy_action)rule->action), name_of(r, rule));
	if (rule->action == POLICY_REDIRECT)
		out->next_hop = r->text + rule->next_hop.at; /* a NUL follows (settings_rules.c) */
	text_init(&text, out->text, sizeof(out->text));
	if (out->action == VERDICT_DISCARD)
		text_puts(&text, "Message accepted");
	if (out->code == 250)
		return;
	if (reply.len)
		text_put(&text, reply);
	else
		reply_of(&text, settings, f, rule);
}

static void defer(struct verdict *out, const struct policy_rules *r, const struct policy_rule *rule)
{
	struct text text;

	out->dmarc_disposition = "none";
	verdict_set(out, VERDICT_DEFER, name_of(r, rule));
	text_init(&text, out->text, sizeof(out->text));
	text_puts(&text, "What local policy needs to know is not known now (");
	text_put(&text, policy_span(r, rule->name));
	text_puts(&text, "); try later");
}

static void tell(struct explain *e, const struct policy_rules *r, const struct policy_rule *rule, const char *what)
{
	if (!e)
		return;
	text_puts(&e->text, "policy: rule ");
	text_put(&e->text, policy_span(r, rule->name));
	text_puts(&e->text, what);
	text_puts(&e->text, policy_action_text((enum policy_action)rule->action));
	text_puts(&e->text, "\n");
}

/* Whether it makes no difference that @rule, at which the fields @added were on the message, is not known to match. */
static bool same_anyway(const struct verdict *v, const struct policy_rule *rule, uint64_t added)
{
	enum policy_action action = (enum policy_action)rule->action;

	if (v->action == VERDICT_DEFER)
		return true; /* and it will be judged again */
	if (action == POLICY_TAG || action == POLICY_ADD || action == POLICY_DEFAULT || action == POLICY_REDIRECT ||
	    verdict_by(action) != v->action)
		return false;
	return v->code != 250 || v->action == VERDICT_DISCARD || (v->added == added && !v->next_hop);
}

/* What the walk over the rules found. */
struct walk {
	uint64_t unknown;                        /* rules that hang on what is not known */
	uint64_t added_before[POLICY_RULES_MAX]; /* of each such rule: the fields added before it */
	const struct policy_rule *decides;       /* NULL: none did */
};

static bool is_skipped(const struct settings *settings, const struct policy_rule *rule)
{
	if (rule->missing == POLICY_MISSING_UNSAID)
		return strcmp(settings->policy_missing, "skip") == 0;
	return rule->missing == POLICY_MISSING_SKIP;
}

/* Whether all of the recipients may have it.  Each is asked for, so that each is known when the message comes again. */
static enum greylist_answer ask_greylist(const struct settings *settings, const struct policy_facts *f)
{
	struct greylist_triplet t = { .client = f->client, .mail_from = f->mail_from };
	enum greylist_answer all = GREYLIST_NET;
	uint32_t wait_s;

	if (f->authenticated.len && strcmp(settings->greylist_authenticated, "allow") == 0)
		return GREYLIST_NET;
	if (!f->greylist)
		return GREYLIST_WAITS;
	if (strcmp(settings->greylist_authenticated, "domain") == 0)
		t.domain = f->authenticated;
	for (uint32_t i = 0; i < f->n_rcpts; i++) {
		t.rcpt = f->rcpts[i];
		enum greylist_answer one = greylist_ask(f->greylist, settings, &t, f->now_s, &wait_s);
		if (all != GREYLIST_WAITS && one != GREYLIST_NET)
			all = one;
	}
	return all;
}

static void walk_rules(struct walk *w, const struct settings *settings, const struct policy_facts *f,
		       struct verdict *out, struct policy_counts *counts, struct explain *e)
{
	const struct policy_rules *r = &settings->rules;

	for (unsigned i = 0; i < r->n_rules; i++) {
		const struct policy_rule *rule = &r->rules[i];

		switch (rule_matches(r, i, f)) {
		case TRUTH_NO:
			continue;
		case TRUTH_UNKNOWN:
			counts->missing[i]++;
			tell(e, r, rule, " hangs on an answer that did not come: ");
			if (rule->monitor || is_skipped(settings, rule))
				continue;
			w->unknown |= UINT64_C(1) << i;
			w->added_before[i] = out->added;
			continue;
		case TRUTH_YES:
			break;
		}
		counts->hits[i]++;
		tell(e, r, rule, rule->monitor ? " matches, only monitored: " : " matches: ");
		if (rule->monitor)
			continue;
		if (rule->action == POLICY_GREYLIST && (out->greylist = ask_greylist(settings, f)) != GREYLIST_WAITS)
			continue;
		if (rule->action == POLICY_ADD || rule->action == POLICY_TAG)
			out->added |= UINT64_C(1) << i;
		if (rule->action == POLICY_ADD)
			continue;
		w->decides = rule;
		return;
	}
}

void policy_judge(struct verdict *out, const struct settings *settings, const struct policy_facts *f,
		  const struct verify *v, struct policy_counts *counts, struct explain *explain)
{
	const struct policy_rules *r = &settings->rules;
	struct walk w = { .decides = NULL };

	verdict_of(out, settings, v);
	if (!verdict_is_verified(v))
		return;
	walk_rules(&w, settings, f, out, counts, explain);
	if (w.decides && w.decides->action != POLICY_DEFAULT)
		decide(out, settings, f, w.decides);
	for (unsigned i = 0; i < r->n_rules; i++) {
		if (!(w.unknown >> i & 1) || same_anyway(out, &r->rules[i], w.added_before[i]))
			continue;
		defer(out, r, &r->rules[i]);
		return;
	}
}

void policy_fields(const struct settings *settings, const struct verdict *verdict, struct text *out)
{
	const struct policy_rules *r = &settings->rules;

	for (unsigned i = 0; i < r->n_rules; i++) {
		if (!(verdict->added >> i & 1))
			continue;
		text_put(out, policy_span(r, r->rules[i].field));
		text_puts(out, "\r\n");
	}
}

void policy_counts_carry(struct policy_counts *to, const struct policy_rules *to_rules,
			 const struct policy_counts *from, const struct policy_rules *from_rules)
{
	memset(to, 0, sizeof(*to));
	for (unsigned i = 0; i < to_rules->n_rules; i++) {
		for (unsigned j = 0; j < from_rules->n_rules; j++) {
			if (!span_eq(policy_span(to_rules, to_rules->rules[i].name),
				     policy_span(from_rules, from_rules->rules[j].name)))
				continue;
			to->hits[i] = from->hits[j];
			to->missing[i] = from->missing[j];
		}
	}
}
