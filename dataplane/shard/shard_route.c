// SPDX-License-Identifier: MIT
/*
 * shard_route.c - which next hops a recipient's mail may go to
 *
 * A domain is looked for in the routes first; what no route names goes to the next hops without one, as far as
 * relay.domains lets it in: a gateway that its next hop trusts must not be an open relay.
 */
#include "dataplane/shard/shard_state.h"

static bool has_eight_bit(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 0x80)
			return true;
	return false;
}

struct span route_domain(const struct shard *s, struct span domain, struct text *room)
{
	if (!has_eight_bit(domain) || !s->env.to_ascii || !s->env.to_ascii(domain, room) || room->full)
		return domain;
	return text_span(room);
}

static bool is_accepted(const struct settings *c, struct span domain)
{
	for (unsigned i = 0; i < c->n_domains; i++)
		if (span_eq_nocase(domain, span_str(c->domains[i])))
			return true;
	return c->n_domains == 0;
}

void route_init(struct shard *s)
{
	const struct settings *c = s->env.settings;

	s->hops_all = s->hops_ours = 0;
	for (unsigned i = 0; i < c->n_next_hops; i++)
		*(c->next_hops[i].smarthost ? &s->hops_ours : &s->hops_all) |= 1U << i;
}

/* Any but those that get mail by rules alone. */
static uint32_t route_of_any(const struct shard *s, const struct settings *c)
{
	uint32_t hops = s->hops_all;

	for (unsigned i = 0; i < c->n_next_hops; i++)
		hops &= ~((uint32_t)c->next_hops[i].by_rule << i);
	return hops;
}

uint32_t route_unrouted(const struct shard *s, const struct settings *c)
{
	uint32_t hops = route_of_any(s, c);

	for (unsigned i = 0; i < c->n_routes; i++)
		hops &= ~c->routes[i].next_hops;
	return hops;
}

uint32_t route_named(const struct shard *s, const char *name)
{
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++)
		if (strcmp(s->env.settings->next_hops[i].name, name) == 0)
			return UINT32_C(1) << i;
	return 0;
}

uint32_t route_recipients_max(const struct shard *s, uint32_t hops)
{
	uint32_t most = UINT32_MAX;

	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		uint32_t max = s->config->settings->next_hops[i].recipients_max;

		if ((hops >> i & 1) && max && max < most)
			most = max;
	}
	return most;
}

uint32_t route_of(const struct shard *s, const struct shard_config *config, struct span forward_path)
{
	const struct settings *c = config->settings;
	size_t at = span_find_last(forward_path, '@');
	char ascii[256];
	struct text room;

	text_init(&room, ascii, sizeof(ascii));
	if (at == SPAN_NONE) /* only postmaster passes the grammar; every server has one (RFC 5321 4.5.1) */
		return config->unrouted ? config->unrouted : route_of_any(s, c); /* all have domains */
	struct span domain = route_domain(s, span_skip(forward_path, at + 1), &room);
	for (unsigned i = 0; i < c->n_routes; i++)
		if (span_eq_nocase(domain, span_str(c->routes[i].domain)))
			return c->routes[i].next_hops;
	return is_accepted(c, domain) ? config->unrouted : 0;
}
