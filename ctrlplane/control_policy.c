// SPDX-License-Identifier: MIT
/*
 * control_policy.c - the rules in force and how often each matched
 */
#include <stdio.h>

#include "ctrlplane/control_state.h"
#include "ctrlplane/stats_export.h"

/* Of all workers, whose counts are read as they are. */
static void sum_counts(struct control *c, struct policy_counts *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; w < c->env->n_workers; w++) {
		const volatile struct policy_counts *one = c->env->policy_counts(c->env->arg, w);

		for (unsigned i = 0; i < POLICY_RULES_MAX; i++) {
			sum->hits[i] += one->hits[i];
			sum->missing[i] += one->missing[i];
		}
	}
}

json_t *control_show_policy(struct control *c)
{
	const struct settings *s = c->env->settings(c->env->arg);
	const struct policy_rules *r = &s->rules;
	json_t *rules = json_array();
	struct policy_counts sum;

	sum_counts(c, &sum);
	for (unsigned i = 0; i < r->n_rules; i++) {
		const struct policy_rule *rule = &r->rules[i];

		json_array_append_new(rules, json_pack("{s:o, s:s, s:b, s:I, s:I}", "rule",
						       record_string(policy_span(r, rule->name)), "action",
						       policy_action_text((enum policy_action)rule->action), "monitor",
						       (int)rule->monitor, "hits", (json_int_t)sum.hits[i], "missing",
						       (json_int_t)sum.missing[i]));
	}
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "version", (json_int_t)s->version, "file",
			 s->policy_file, "missing", s->policy_missing, "dmarc_reject", s->policy_dmarc_reject,
			 "dmarc_quarantine", s->policy_dmarc_quarantine, "temperror", s->policy_temperror, "bad_from",
			 s->policy_bad_from, "rules", rules);
}

/* Names of rules need no escapes (settings_rules.c). */
static void put_family(FILE *f, const struct policy_rules *r, const char *name, const char *help,
		       const uint64_t *counts)
{
	stats_prometheus_head(f, name, "counter", help);
	for (unsigned i = 0; i < r->n_rules; i++)
		fprintf(f, "sekisho_%s{rule=\"%s\"} %llu\n", name, r->text + r->rules[i].name.at,
			(unsigned long long)counts[i]);
}

void control_policy_prometheus(struct control *c, FILE *f)
{
	const struct policy_rules *r = &c->env->settings(c->env->arg)->rules;
	struct policy_counts sum;

	if (r->n_rules == 0)
		return;
	sum_counts(c, &sum);
	put_family(f, r, "policy_rule_hits_total", "messages that a rule of policy matched", sum.hits);
	put_family(f, r, "policy_rule_missing_total", "messages for which a rule hung on an answer that did not come",
		   sum.missing);
}
