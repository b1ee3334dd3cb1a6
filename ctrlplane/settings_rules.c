// SPDX-License-Identifier: MIT
/*
 * settings_rules.c - policy.rules, from the file to what a worker reads (conf/policy_rules.h)
 *
 *	{ name = "spf-fail"; when : { spf = "fail"; from = [ ".example.org" ]; }; action = "reject"; text = "..."; }
 *
 * A condition is a word, or a list of words of which one must match; all conditions must.  A rule without conditions
 * matches every message.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/address.h"
#include "ctrlplane/policy/rules.h"
#include "ctrlplane/settings_check.h"
#include "ctrlplane/settings_load_state.h"

#define WORDS_SHOWN_MAX 160
#define NAME_SIZE_MAX 160
#define SCORE_MAX 16000 /* 16 lists of the greatest weight */

/* --- pieces ------------------------------------------------------------------------------------ */

/* Where a rule's setting stands, for messages: "policy.rules.[3].when.spf". */
struct place {
	struct settings_loading *l;
	struct policy_rules *rules;
	struct policy_rule *rule;
	char name[NAME_SIZE_MAX];
};

static void full(struct place *p, const config_setting_t *v, const char *what, unsigned most)
{
	settings_complain(p->l, v, "%s: the rules have more than %u %s in all; leave some out", p->name, most, what);
}

/* A NUL follows each text, so that a name can be shown as it lies. */
static bool keep_text(struct place *p, const config_setting_t *v, struct span s, struct policy_text *out)
{
	struct policy_rules *r = p->rules;

	if (s.len + 1 > POLICY_OCTETS_MAX - r->text_len) {
		full(p, v, "octets of text", POLICY_OCTETS_MAX);
		return false;
	}
	*out = (struct policy_text){ .at = r->text_len, .len = (uint16_t)s.len };
	memcpy(r->text + r->text_len, s.at, s.len);
	r->text_len += (uint32_t)s.len + 1;
	return true;
}

/* One word or a list of them: the i-th setting, or NULL behind the last. */
static const config_setting_t *word_at(const config_setting_t *v, int i)
{
	if (config_setting_is_aggregate(v))
		return config_setting_get_elem(v, (unsigned)i);
	return i == 0 ? v : NULL;
}

/* "one, two, three" */
static const char *list_words(const char *const *words, char out[WORDS_SHOWN_MAX])
{
	struct text t;

	text_init(&t, out, WORDS_SHOWN_MAX);
	for (size_t i = 0; words[i]; i++) {
		text_puts(&t, i ? ", " : "");
		text_puts(&t, words[i]);
	}
	return out;
}

/* --- conditions -------------------------------------------------------------------------------- */

static void load_words(struct place *p, const config_setting_t *v, enum policy_fact fact)
{
	const char *const *words = policy_words(fact);
	const config_setting_t *one;
	char all[WORDS_SHOWN_MAX], shown[80];

	for (int i = 0; (one = word_at(v, i)); i++) {
		const char *s = config_setting_type(one) != CONFIG_TYPE_BOOL ? settings_string(p->l, one, p->name)
				: config_setting_get_bool(one)               ? "yes"
									     : "no";
		unsigned bit = 0;

		if (!s)
			continue;
		while (words[bit] && strcmp(words[bit], s) != 0)
			bit++;
		if (words[bit])
			p->rule->wants[fact] |= (uint16_t)(1u << bit);
		else
			settings_complain(p->l, one, "%s must be of %s, is %s", p->name, list_words(words, all),
					  settings_shown(one, shown));
	}
	if (!word_at(v, 0))
		settings_complain(p->l, v, "%s is empty; name what shall match or leave it out", p->name);
}

static enum policy_name_kind kind_of(struct span *s)
{
	if (s->len == 0)
		return POLICY_NAME_NULL;
	if (span_find(*s, '@') != SPAN_NONE)
		return POLICY_NAME_ADDRESS;
	if (s->at[0] != '.')
		return POLICY_NAME_DOMAIN;
	*s = span_skip(*s, 1);
	return POLICY_NAME_BELOW;
}

static void load_names(struct place *p, const config_setting_t *v, struct policy_list *list)
{
	struct policy_rules *r = p->rules;
	const config_setting_t *one;

	list->at = r->n_names;
	for (int i = 0; (one = word_at(v, i)); i++) {
		const char *string = settings_string(p->l, one, p->name);
		struct span s = string ? span_str(string) : SPAN("");
		struct policy_name *n = &r->names[r->n_names];

		if (!string)
			continue;
		if (r->n_names == POLICY_NAMES_MAX) {
			full(p, one, "names", POLICY_NAMES_MAX);
			return;
		}
		n->kind = (uint8_t)kind_of(&s);
		if (!keep_text(p, one, s, &n->text))
			return;
		r->n_names++;
		list->n++;
	}
	if (!word_at(v, 0))
		settings_complain(p->l, v, "%s is empty; name what shall match or leave it out", p->name);
}

static void load_prefixes(struct place *p, const config_setting_t *v)
{
	struct policy_rules *r = p->rules;
	const config_setting_t *one;
	char shown[80];

	p->rule->client.at = r->n_prefixes;
	for (int i = 0; (one = word_at(v, i)); i++) {
		const char *s = settings_string(p->l, one, p->name);
		struct policy_prefix *prefix = &r->prefixes[r->n_prefixes];

		if (!s)
			continue;
		if (r->n_prefixes == POLICY_PREFIXES_MAX) {
			full(p, one, "prefixes", POLICY_PREFIXES_MAX);
			return;
		}
		if (!address_parse_prefix_or_host(span_str(s), &prefix->addr, &prefix->len)) {
			settings_complain(p->l, one, "%s must be addresses or prefixes such as 192.0.2.0/24, is %s",
					  p->name, settings_shown(one, shown));
			continue;
		}
		r->n_prefixes++;
		p->rule->client.n++;
	}
	if (!word_at(v, 0))
		settings_complain(p->l, v, "%s is empty; name what shall match or leave it out", p->name);
}

static void load_score(struct place *p, const config_setting_t *v, int32_t *out)
{
	bool whole = config_setting_type(v) == CONFIG_TYPE_INT || config_setting_type(v) == CONFIG_TYPE_INT64;
	long long n = whole ? config_setting_get_int64(v) : 0;
	char shown[80];

	if (!whole || n < -SCORE_MAX || n > SCORE_MAX)
		settings_complain(p->l, v, "%s must be -%d to %d, is %s", p->name, SCORE_MAX, SCORE_MAX,
				  settings_shown(v, shown));
	else
		*out = (int32_t)n;
}

static void load_condition(struct place *p, const config_setting_t *v, const char *name)
{
	struct policy_rule *rule = p->rule;
	struct span is = span_str(name);
	uint64_t n;

	for (unsigned fact = 0; fact < POLICY_N_FACTS; fact++) {
		if (strcmp(policy_fact_text((enum policy_fact)fact), name) != 0)
			continue;
		load_words(p, v, (enum policy_fact)fact);
		return;
	}
	if (span_eq(is, SPAN("client")))
		load_prefixes(p, v);
	else if (span_eq(is, SPAN("helo")))
		load_names(p, v, &rule->helo);
	else if (span_eq(is, SPAN("mail_from")))
		load_names(p, v, &rule->mail_from);
	else if (span_eq(is, SPAN("rcpt")))
		load_names(p, v, &rule->rcpt);
	else if (span_eq(is, SPAN("from")))
		load_names(p, v, &rule->from);
	else if (span_eq(is, SPAN("size_min")))
		settings_number(p->l, v, p->name, 1, UINT32_MAX, "octets", &rule->size_min);
	else if (span_eq(is, SPAN("size_max")))
		settings_number(p->l, v, p->name, 1, UINT32_MAX, "octets", &rule->size_max);
	else if (span_eq(is, SPAN("dnsbl_min")))
		load_score(p, v, &rule->dnsbl_min);
	else if (span_eq(is, SPAN("dnsbl_max")))
		load_score(p, v, &rule->dnsbl_max);
	else if (span_eq(is, SPAN("rcpts_min")) && settings_number(p->l, v, p->name, 1, 100000, "", &n))
		rule->rcpts_min = (uint32_t)n;
	else if (!span_eq(is, SPAN("rcpts_min")))
		settings_complain(p->l, v, "there is no condition %s; sekisho.conf(5) lists them", p->name);
}

/* --- a rule ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static void at_place(struct place *p, int index, const char *format, ...)
{
	char member[100] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(member, sizeof(member), format, args);
	va_end(args);
	snprintf(p->name, sizeof(p->name), "policy.rules.[%d]%s", index, member);
}

static void load_action(struct place *p, const config_setting_t *v)
{
	const char *words[POLICY_N_ACTIONS + 1] = { NULL }, *s = settings_string(p->l, v, p->name);
	char all[WORDS_SHOWN_MAX], shown[80];

	for (unsigned i = 0; i < POLICY_N_ACTIONS; i++) {
		words[i] = policy_action_text((enum policy_action)i);
		if (s && strcmp(words[i], s) == 0) {
			p->rule->action = (uint8_t)i;
			return;
		}
	}
	if (s)
		settings_complain(p->l, v, "%s must be one of %s, is %s", p->name, list_words(words, all),
				  settings_shown(v, shown));
}

static bool is_rule_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-._");

	return n > 0 && n <= 40 && s[n] == '\0';
}

/* What stands in SMTP replies is printable ASCII (RFC 5321 4.2). */
static bool is_reply(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] < 0x7f)
		n++;
	return n > 0 && n <= POLICY_REPLY_MAX && s[n] == '\0';
}

static void load_rule_name(struct place *p, const config_setting_t *v)
{
	const char *s = settings_string(p->l, v, p->name);
	char shown[80];

	if (!s)
		return;
	if (!is_rule_name(s)) {
		settings_complain(p->l, v, "%s must be 1 to 40 of a-z 0-9 - . _, is %s", p->name,
				  settings_shown(v, shown));
		return;
	}
	for (unsigned i = 0; i < p->rules->n_rules; i++)
		if (span_eq(policy_span(p->rules, p->rules->rules[i].name), span_str(s)))
			settings_complain(p->l, v, "%s must not be that of an earlier rule, is \"%s\"", p->name, s);
	keep_text(p, v, span_str(s), &p->rule->name);
}

static void load_texts(struct place *p, const config_setting_t *v, struct policy_text *out,
		       bool (*is_good)(const char *), const char *must)
{
	const char *s = settings_string(p->l, v, p->name);
	char shown[80];

	if (s && !is_good(s))
		settings_complain(p->l, v, "%s must be %s, is %s", p->name, must, settings_shown(v, shown));
	else if (s)
		keep_text(p, v, span_str(s), out);
}

static bool is_field(const char *s)
{
	return settings_is_header_field(span_str(s));
}

static bool is_hop_name(const char *s)
{
	return *s && strlen(s) < SETTINGS_HOP_NAME_MAX;
}

static bool load_flag(struct place *p, const config_setting_t *v)
{
	char shown[80];

	if (config_setting_type(v) == CONFIG_TYPE_BOOL)
		return config_setting_get_bool(v) != 0;
	settings_complain(p->l, v, "%s must be true or false, is %s", p->name, settings_shown(v, shown));
	return false;
}

static void load_missing(struct place *p, const config_setting_t *v)
{
	const char *s = settings_string(p->l, v, p->name);
	char shown[80];

	if (s && strcmp(s, "defer") != 0 && strcmp(s, "skip") != 0)
		settings_complain(p->l, v, "%s must be one of defer, skip, is %s", p->name, settings_shown(v, shown));
	else if (s)
		p->rule->missing = *s == 's' ? POLICY_MISSING_SKIP : POLICY_MISSING_DEFER;
}

static void load_when(struct place *p, const config_setting_t *v, int index)
{
	if (!config_setting_is_group(v)) {
		settings_complain(p->l, v, "%s must be a group: when : { spf = \"fail\"; };", p->name);
		return;
	}
	for (int i = 0; i < config_setting_length(v); i++) {
		const config_setting_t *c = config_setting_get_elem(v, (unsigned)i);

		at_place(p, index, ".when.%.60s", config_setting_name(c));
		load_condition(p, c, config_setting_name(c));
	}
	if (p->rule->size_min > p->rule->size_max)
		settings_complain(p->l, v, "policy.rules.[%d].when.size_min must be at most size_max", index);
}

static void load_member(struct place *p, const config_setting_t *v, int index)
{
	struct span is = span_str(config_setting_name(v));

	at_place(p, index, ".%.60s", config_setting_name(v));
	if (span_eq(is, SPAN("name")))
		load_rule_name(p, v);
	else if (span_eq(is, SPAN("when")))
		load_when(p, v, index);
	else if (span_eq(is, SPAN("action")))
		load_action(p, v);
	else if (span_eq(is, SPAN("text")))
		load_texts(p, v, &p->rule->reply, is_reply, "1 to 200 printable ASCII characters");
	else if (span_eq(is, SPAN("field")))
		load_texts(p, v, &p->rule->field, is_field, "a header field such as \"X-Spam-Flag: YES\"");
	else if (span_eq(is, SPAN("next_hop")))
		load_texts(p, v, &p->rule->next_hop, is_hop_name, "the name of one of next_hops");
	else if (span_eq(is, SPAN("monitor")))
		p->rule->monitor = load_flag(p, v);
	else if (span_eq(is, SPAN("missing")))
		load_missing(p, v);
	else
		settings_complain(p->l, v, "there is no setting %s; sekisho.conf(5) lists them", p->name);
}

static void load_rule(struct place *p, const config_setting_t *group, int index)
{
	struct policy_rule *rule = p->rule;
	bool has_field = config_setting_get_member(group, "field") != NULL;
	bool has_text = config_setting_get_member(group, "text") != NULL;

	rule->size_max = UINT64_MAX;
	rule->dnsbl_min = INT32_MIN;
	rule->dnsbl_max = INT32_MAX;
	for (int i = 0; i < config_setting_length(group); i++)
		load_member(p, config_setting_get_elem(group, (unsigned)i), index);
	at_place(p, index, "%s", "");
	if (!config_setting_get_member(group, "name") || !config_setting_get_member(group, "action")) {
		settings_complain(p->l, group, "%s must have a name and an action", p->name);
		return;
	}
	if (has_field != (rule->action == POLICY_TAG || rule->action == POLICY_ADD))
		settings_complain(p->l, group, "%s.field belongs to the actions tag and add, and they need it",
				  p->name);
	if ((config_setting_get_member(group, "next_hop") != NULL) != (rule->action == POLICY_REDIRECT))
		settings_complain(p->l, group, "%s.next_hop belongs to the action redirect, and that needs it",
				  p->name);
	if (has_text && rule->action != POLICY_REJECT && rule->action != POLICY_DEFER &&
	    rule->action != POLICY_GREYLIST)
		settings_complain(p->l, group,
				  "%s.text belongs to the actions reject, defer and greylist; leave it out", p->name);
}

void settings_load_rules(struct settings_loading *l, const config_setting_t *v, const char *name)
{
	int n = settings_n_elements(l, v, name, POLICY_RULES_MAX);
	struct policy_rules *r = &l->s->rules;

	memset(r, 0, sizeof(*r)); /* those of policy.file go before */
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);
		struct place p = { .l = l, .rules = r, .rule = &r->rules[r->n_rules] };

		if (!config_setting_is_group(e)) {
			settings_complain(
				l, e, "%s.[%d] must be a group: { name = \"...\"; when : { ... }; action = \"...\"; }",
				name, i);
			continue;
		}
		load_rule(&p, e, i);
		r->n_rules++;
	}
}
