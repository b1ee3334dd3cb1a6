// SPDX-License-Identifier: MIT
/*
 * settings_dnsbl.c - dnsbl.lists: zones that list addresses, what their answers mean, and what that is worth
 *
 *	{ zone = "bl.example"; weight = 5; answers = [ "127.0.0.2", "127.0.0.4-127.0.0.7", "127.0.1.0/24", "&0.0.0.8" ]; }
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/address.h"
#include "ctrlplane/settings_load_state.h"
#include "dns/dns_question.h"

#define WEIGHT_MAX 1000

struct place {
	struct settings_loading *l;
	struct settings_dnsbl *list;
	char name[80];
};

static bool parse_v4(struct span s, uint32_t *out)
{
	struct ip_addr a;

	if (!ip_addr_parse(s, &a) || a.family != IP_V4)
		return false;
	*out = (uint32_t)a.bytes[0] << 24 | (uint32_t)a.bytes[1] << 16 | (uint32_t)a.bytes[2] << 8 | a.bytes[3];
	return true;
}

/* An address, a range, a prefix, or bits of which one must be set. */
static bool parse_answer(struct span s, struct settings_dnsbl_answer *out)
{
	struct ip_addr prefix;
	uint8_t bits;

	*out = (struct settings_dnsbl_answer){ .high = UINT32_MAX };
	if (s.len && s.at[0] == '&')
		return parse_v4(span_skip(s, 1), &out->mask) && out->mask != 0;
	if (span_find(s, '-') != SPAN_NONE)
		return parse_v4(span_cut(&s, '-'), &out->low) && parse_v4(s, &out->high) && out->low <= out->high;
	if (!address_parse_prefix_or_host(s, &prefix, &bits) || prefix.family != IP_V4 || bits == 0)
		return false;
	out->low = ((uint32_t)prefix.bytes[0] << 24 | (uint32_t)prefix.bytes[1] << 16 | (uint32_t)prefix.bytes[2] << 8 |
		    prefix.bytes[3]) &
		   UINT32_MAX << (32 - bits);
	out->high = out->low | (bits == 32 ? 0 : UINT32_MAX >> bits);
	return true;
}

static void load_answers(struct place *p, const config_setting_t *v)
{
	bool many = config_setting_is_aggregate(v);
	int n = many ? settings_n_elements(p->l, v, p->name, SETTINGS_DNSBL_ANSWERS_MAX) : 1;
	char shown[80];

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = many ? config_setting_get_elem(v, (unsigned)i) : v;
		const char *s = settings_string(p->l, e, p->name);

		if (s && !parse_answer(span_str(s), &p->list->answers[p->list->n_answers]))
			settings_complain(p->l, e,
					  "%s must be addresses, ranges, prefixes or bits such as \"127.0.0.2\", "
					  "\"127.0.0.4-127.0.0.7\", \"127.0.1.0/24\" or \"&0.0.0.4\", is %s",
					  p->name, settings_shown(e, shown));
		else if (s)
			p->list->n_answers++;
	}
}

static void load_zone(struct place *p, const config_setting_t *v)
{
	const char *s = settings_string(p->l, v, p->name);
	struct dns_question q;
	char shown[80];

	/* An IPv6 client takes 64 octets of the name. */
	if (s && (strlen(s) > DNS_NAME_MAX - 64 || !dns_question_set(&q, DNS_A, span_str(s))))
		settings_complain(p->l, v, "%s must be a domain name of at most %d octets, is %s", p->name,
				  DNS_NAME_MAX - 64, settings_shown(v, shown));
	else if (s)
		snprintf(p->list->zone, sizeof(p->list->zone), "%s", s);
}

static void load_weight(struct place *p, const config_setting_t *v)
{
	long long n = config_setting_get_int64(v);
	char shown[80];

	if ((config_setting_type(v) != CONFIG_TYPE_INT && config_setting_type(v) != CONFIG_TYPE_INT64) || n == 0 ||
	    n < -WEIGHT_MAX || n > WEIGHT_MAX)
		settings_complain(p->l, v, "%s must be -%d to %d and not 0, is %s", p->name, WEIGHT_MAX, WEIGHT_MAX,
				  settings_shown(v, shown));
	else
		p->list->weight = (int16_t)n;
}

static void load_one(struct settings_loading *l, const config_setting_t *group, const char *list, int index)
{
	struct place p = { .l = l, .list = &l->s->dnsbls[l->s->n_dnsbls++] };

	p.list->weight = 1;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *v = config_setting_get_elem(group, (unsigned)i);
		struct span member = span_str(config_setting_name(v));

		snprintf(p.name, sizeof(p.name), "%s.[%d].%.40s", list, index, config_setting_name(v));
		if (span_eq(member, SPAN("zone")))
			load_zone(&p, v);
		else if (span_eq(member, SPAN("weight")))
			load_weight(&p, v);
		else if (span_eq(member, SPAN("answers")))
			load_answers(&p, v);
		else
			settings_complain(l, v, "there is no setting %s; sekisho.conf(5) lists them", p.name);
	}
	if (!config_setting_get_member(group, "zone"))
		settings_complain(l, group, "%s.[%d] must have a zone", list, index);
}

void settings_load_dnsbls(struct settings_loading *l, const config_setting_t *v, const char *name)
{
	int n = settings_n_elements(l, v, name, SETTINGS_DNSBLS_MAX);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);

		if (config_setting_is_group(e))
			load_one(l, e, name, i);
		else
			settings_complain(l, e, "%s.[%d] must be a group: { zone = \"bl.example\"; weight = 5; }", name,
					  i);
	}
}
