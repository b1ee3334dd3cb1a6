// SPDX-License-Identifier: MIT
/*
 * gateway_dnsbl.c - whether the lists of dnsbl.lists work: tested by turns, and told to the workers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/gateway.h"

struct gateway_dnsbls {
	struct dnsbl_zones shared; /* read by the workers */
	struct dnsbl_health health[DNSBL_ZONES_MAX];
	uint64_t test_us; /* when the next test begins */
};

bool gateway_dnsbl_begin(struct gateway *g)
{
	g->dnsbls = calloc(1, sizeof(*g->dnsbls));
	return g->dnsbls != NULL;
}

void gateway_dnsbl_end(struct gateway *g)
{
	free(g->dnsbls);
	g->dnsbls = NULL;
}

const struct dnsbl_zones *gateway_dnsbl_zones(const struct gateway *g)
{
	return &g->dnsbls->shared;
}

/* Its number; DNSBL_ZONES_MAX: there is no room for one more, and it is never tested. */
static uint32_t zone_of(struct gateway_dnsbls *d, const char *name, bool add)
{
	struct dnsbl_zones *z = &d->shared;
	uint32_t n = z->n;

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(z->zones[i].name, name) == 0)
			return i;
	if (!add || n == DNSBL_ZONES_MAX)
		return DNSBL_ZONES_MAX;
	snprintf(z->zones[n].name, sizeof(z->zones[n].name), "%s", name);
	atomic_store_explicit(&z->n, n + 1, memory_order_release);
	return n;
}

/* Lists may name a zone twice. */
static bool is_second(const struct settings *s, unsigned list)
{
	for (unsigned i = 0; i < list; i++)
		if (strcmp(s->dnsbls[i].zone, s->dnsbls[list].zone) == 0)
			return true;
	return false;
}

static void test(struct gateway *g, const char *name)
{
	struct gateway_dnsbls *d = g->dnsbls;
	uint32_t zone = zone_of(d, name, true);
	struct dns_question q;

	if (zone == DNSBL_ZONES_MAX || d->health[zone].n_awaited)
		return;
	dnsbl_test_begin(&d->health[zone]);
	for (unsigned point = 0; point < 2; point++)
		if (dnsbl_test_question(&q, name, point))
			gateway_dns_ask_for_dnsbl(g, &q, (uint64_t)zone << 1 | point);
}

void gateway_dnsbl_turn(struct gateway *g, uint64_t now_us)
{
	const struct settings *s = g->settings;

	if (s->dnsbl_test_s == 0 || now_us < g->dnsbls->test_us)
		return;
	for (unsigned i = 0; i < s->n_dnsbls; i++)
		if (!is_second(s, i))
			test(g, s->dnsbls[i].zone);
	g->dnsbls->test_us = now_us + s->dnsbl_test_s * 1000000;
}

void gateway_dnsbl_answer(struct gateway *g, uint64_t tag, const struct dns_answer *answer)
{
	struct dnsbl_health *h = &g->dnsbls->health[tag >> 1];
	enum dnsbl_state before = h->state;
	const char *name = g->dnsbls->shared.zones[tag >> 1].name;

	if (!dnsbl_test_answer(h, tag & 1, answer) || h->state == before)
		return;
	atomic_store_explicit(&g->dnsbls->shared.zones[tag >> 1].suspended, dnsbl_is_suspended(h->state),
			      memory_order_relaxed);
	if (dnsbl_is_suspended(h->state))
		log_warning("dnsbl: %s %s: it is not asked until it works again; if it is gone, take it out of "
			    "dnsbl.lists",
			    name, dnsbl_state_text(h->state));
	else if (before != DNSBL_UNTESTED)
		log_info("dnsbl: %s works again", name);
}

json_t *gateway_dnsbl_show(struct gateway *g)
{
	const struct settings *s = g->settings;
	json_t *lists = json_array();

	for (unsigned i = 0; i < s->n_dnsbls; i++) {
		uint32_t zone = zone_of(g->dnsbls, s->dnsbls[i].zone, false);
		enum dnsbl_state state = zone < DNSBL_ZONES_MAX ? g->dnsbls->health[zone].state : DNSBL_UNTESTED;

		json_array_append_new(lists, json_pack("{s:s, s:i, s:s, s:b}", "zone", s->dnsbls[i].zone, "weight",
						       (int)s->dnsbls[i].weight, "state", dnsbl_state_text(state),
						       "suspended", (int)dnsbl_is_suspended(state)));
	}
	return json_pack("{s:o}", "lists", lists);
}
