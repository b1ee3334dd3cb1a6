// SPDX-License-Identifier: MIT
/*
 * settings_live.c - which settings may change while the gateway runs
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/settings_live.h"

/* Through the fields, so that a name which is none does not compile. */
static const size_t live[] = {
#define LIVE(group, name) offsetof(struct settings, group##_##name),
#include "conf/settings_live.def"
#undef LIVE
};

/* The lists: where they lie, from their count to the end of their last element, and whether they are live. */
struct list {
	const char *name;
	size_t count, count_size, at, size;
	bool live;
	bool of_hops; /* live as long as the next hops have the same places */
};

#define FIELD(field) offsetof(struct settings, field), sizeof(((struct settings *)0)->field)
static const struct list lists[] = {
	{ "ports", FIELD(n_ports), FIELD(ports), false, false },
	{ "next_hops", FIELD(n_next_hops), FIELD(next_hops), false, true },
	{ "next_hops.domains", FIELD(n_routes), FIELD(routes), false, true },
	{ "dns.servers", FIELD(n_dns_servers), FIELD(dns_servers), false, false },
	{ "eal", FIELD(n_eal), FIELD(eal), false, false },
	{ "arc.trusted", FIELD(n_arc_trusted), FIELD(arc_trusted), true, false },
	{ "tls.certificates", FIELD(n_certificates), FIELD(certificates), true, false },
	{ "tls.tickets_except", FIELD(n_tickets_except), FIELD(tickets_except), true, false },
	{ "tls.required_from", FIELD(n_required_from), FIELD(required_from), true, false },
	{ "smtp.proxy_from", FIELD(n_proxy_from), FIELD(proxy_from), true, false },
	{ "smtp.xclient_from", FIELD(n_xclient_from), FIELD(xclient_from), true, false },
	{ "relay.domains", FIELD(n_domains), FIELD(domains), true, false },
	{ "dnsbl.lists", FIELD(n_dnsbls), FIELD(dnsbls), true, false },
	{ "policy.rules", FIELD(rules.n_rules), FIELD(rules), true, false },
};

bool setting_is_live(const struct setting *t)
{
	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
		if (live[i] == t->offset)
			return true;
	return false;
}

static size_t field_size(const struct setting *t)
{
	switch (t->kind) {
	case SETTING_INT:
		return sizeof(uint64_t);
	case SETTING_BOOL:
		return sizeof(bool);
	case SETTING_STR:
	case SETTING_WORD:
		return SETTINGS_STR_MAX;
	}
	return 0;
}

/* The workers have places for as many next hops as there were at the start; rules and reports know them by what these are. */
static bool same_places(const struct settings *a, const struct settings *b)
{
	if (a->n_next_hops != b->n_next_hops)
		return false;
	for (unsigned i = 0; i < a->n_next_hops; i++) {
		const struct settings_next_hop *one = &a->next_hops[i], *other = &b->next_hops[i];

		if (strcmp(one->name, other->name) != 0 || one->by_rule != other->by_rule ||
		    one->smarthost != other->smarthost)
			return false;
	}
	return true;
}

/* Structs are zeroed before they are filled, so octets compare as values do (settings_default()). */
static bool same(const struct settings *a, const struct settings *b, size_t at, size_t size)
{
	return memcmp((const char *)a + at, (const char *)b + at, size) == 0;
}

static void keep(struct settings *changed, const struct settings *started, size_t at, size_t size)
{
	memcpy((char *)changed + at, (const char *)started + at, size);
}

void settings_keep_started(struct settings *changed, const struct settings *started, settings_differ *differ, void *arg)
{
	char name[80];

	for (size_t i = 0; i < n_setting_table; i++) {
		const struct setting *t = &setting_table[i];

		if (same(changed, started, t->offset, field_size(t)))
			continue;
		snprintf(name, sizeof(name), "%s.%s", t->group, t->name);
		differ(arg, name, setting_is_live(t));
		if (!setting_is_live(t))
			keep(changed, started, t->offset, field_size(t));
	}
	bool hops_live = same_places(changed, started);

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct list *l = &lists[i];
		bool is_live = l->live || (l->of_hops && hops_live);

		if (same(changed, started, l->count, l->count_size) && same(changed, started, l->at, l->size))
			continue;
		differ(arg, l->name, is_live);
		if (is_live)
			continue;
		keep(changed, started, l->count, l->count_size);
		keep(changed, started, l->at, l->size);
	}
}
