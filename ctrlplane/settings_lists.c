// SPDX-License-Identifier: MIT
/*
 * settings_lists.c - the lists of a configuration: ports, next_hops, eal, dns.servers, arc.trusted, relay.domains, and
 * those of tls
 *
 * policy.rules has settings_rules.c of its own.
 *
 * Shapes only; whether an address makes sense where it stands is settings_check.c's question.
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/address.h"
#include "ctrlplane/settings_load_state.h"

int settings_n_elements(struct settings_loading *l, const config_setting_t *v, const char *name, int most)
{
	char shown[80];

	if (!config_setting_is_list(v) && !config_setting_is_array(v)) {
		settings_complain(l, v, "%s must be a list, is %s", name, settings_shown(v, shown));
		return -1;
	}
	int n = config_setting_length(v);
	if (n > most) {
		settings_complain(l, v, "%s must have at most %d elements, has %d", name, most, n);
		return -1;
	}
	return n;
}

static const char *element_name(char out[160], const char *list, int i, const char *member)
{
	snprintf(out, 160, "%s.[%d]%s%s", list, i, *member ? "." : "", member);
	return out;
}

static bool load_address(struct settings_loading *l, const config_setting_t *v, const char *name, struct ip_addr *out)
{
	const char *s = settings_string(l, v, name);
	char shown[80];

	if (s && !ip_addr_parse(span_str(s), out)) {
		settings_complain(l, v, "%s must be an IPv4 or IPv6 address, is %s", name, settings_shown(v, shown));
		return false;
	}
	return s != NULL;
}

static void load_port_addresses(struct settings_loading *l, const config_setting_t *v, int port,
				struct settings_port *p)
{
	char name[160], shown[80];
	int n = settings_n_elements(l, v, element_name(name, "ports", port, "addresses"), SETTINGS_ADDRS_MAX);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);
		const char *s = settings_string(l, e, element_name(name, "ports", port, "addresses"));

		if (!s)
			continue;
		if (address_parse_prefix(span_str(s), &p->addresses[p->n_addresses].addr,
					 &p->addresses[p->n_addresses].prefix_len))
			p->n_addresses++;
		else
			settings_complain(l, e,
					  "%s must be addresses with a prefix length, such as 192.0.2.25/24, is %s",
					  name, settings_shown(e, shown));
	}
}

/* 16: none. */
static unsigned digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

static bool parse_mac(struct span s, uint8_t mac[6])
{
	if (s.len != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		unsigned digit = digit_of(s.at[i]);

		if (i % 3 == 2 ? s.at[i] != ':' : digit > 15)
			return false;
		if (i % 3 < 2)
			mac[i / 3] = (uint8_t)((unsigned)mac[i / 3] << 4 | digit);
	}
	return !(mac[0] & 1); /* a group is no station */
}

static void load_port_neighbours(struct settings_loading *l, const config_setting_t *v, int port,
				 struct settings_port *p)
{
	char name[160], shown[80];
	int n = settings_n_elements(l, v, element_name(name, "ports", port, "neighbours"), SETTINGS_NEIGHBOURS_MAX);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);
		const char *s = settings_string(l, e, element_name(name, "ports", port, "neighbours"));
		struct span mac = s ? span_str(s) : span_of(NULL, 0), addr = span_cut(&mac, ' ');

		if (!s)
			continue;
		if (ip_addr_parse(addr, &p->neighbours[p->n_neighbours].addr) &&
		    parse_mac(mac, p->neighbours[p->n_neighbours].mac))
			p->n_neighbours++;
		else
			settings_complain(l, e,
					  "%s must be addresses with their MAC, such as "
					  "\"192.0.2.26 02:00:00:00:00:1a\", is %s",
					  name, settings_shown(e, shown));
	}
}

static void load_port(struct settings_loading *l, const config_setting_t *group, int index, struct settings_port *p)
{
	char name[160];
	const char *s;
	uint64_t n;

	p->mtu = 1500;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *v = config_setting_get_elem(group, (unsigned)i);
		struct span member = span_str(config_setting_name(v));

		element_name(name, "ports", index, config_setting_name(v));
		if (span_eq(member, SPAN("device"))) {
			if ((s = settings_string(l, v, name)))
				snprintf(p->device, sizeof(p->device), "%s", s);
		} else if (span_eq(member, SPAN("mtu"))) {
			if (settings_number(l, v, name, SETTINGS_MTU_MIN, SETTINGS_MTU_MAX, "octets", &n))
				p->mtu = (uint16_t)n;
		} else if (span_eq(member, SPAN("vlan"))) {
			if (settings_number(l, v, name, 0, 4094, "", &n))
				p->vlan = (uint16_t)n;
		} else if (span_eq(member, SPAN("addresses"))) {
			load_port_addresses(l, v, index, p);
		} else if (span_eq(member, SPAN("neighbours"))) {
			load_port_neighbours(l, v, index, p);
		} else if (span_eq(member, SPAN("gateway4"))) {
			load_address(l, v, name, &p->gateway4);
		} else if (span_eq(member, SPAN("gateway6"))) {
			load_address(l, v, name, &p->gateway6);
		} else {
			settings_complain(l, v, "there is no setting %s; sekisho.conf(5) lists them", name);
		}
	}
}

static void load_ports(struct settings_loading *l, const config_setting_t *v, const char *list)
{
	int n = settings_n_elements(l, v, list, SETTINGS_PORTS_MAX);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);

		if (config_setting_is_group(e))
			load_port(l, e, i, &l->s->ports[l->s->n_ports++]);
		else
			settings_complain(l, e,
					  "%s.[%d] must be a group: { device = \"...\"; addresses = [ \"...\" ]; }",
					  list, i);
	}
}

/* Adds a next hop to the route of each domain in the list; makes the route when it is the first. */
static void load_routes(struct settings_loading *l, const config_setting_t *v, int next_hop)
{
	struct settings *s = l->s;
	char list[48], name[160];

	snprintf(list, sizeof(list), "next_hops.[%d].domains", next_hop);
	int n = settings_n_elements(l, v, list, SETTINGS_ROUTES_MAX);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);
		const char *domain = settings_string(l, e, element_name(name, list, i, ""));
		unsigned r = 0;

		while (domain && r < s->n_routes && !span_eq_nocase(span_str(domain), span_str(s->routes[r].domain)))
			r++;
		if (!domain)
			continue;
		if (r == SETTINGS_ROUTES_MAX) {
			settings_complain(l, e, "%s is one more than the %d domains that all next hops may have", name,
					  SETTINGS_ROUTES_MAX);
			return;
		}
		if (r == s->n_routes)
			snprintf(s->routes[s->n_routes++].domain, SETTINGS_STR_MAX, "%s", domain);
		else if (s->routes[r].next_hops >> next_hop & 1)
			settings_complain(l, e, "%s must not be given twice, is \"%s\"", name, domain);
		s->routes[r].next_hops |= 1U << next_hop;
	}
}

static void load_protocol(struct settings_loading *l, const config_setting_t *v, const char *name,
			  struct settings_next_hop *h)
{
	const char *s = settings_string(l, v, name);
	char shown[80];

	if (s && strcmp(s, "smtp") != 0 && strcmp(s, "lmtp") != 0)
		settings_complain(l, v, "%s must be one of smtp|lmtp, is %s", name, settings_shown(v, shown));
	h->lmtp = s && strcmp(s, "lmtp") == 0;
}

static void load_identity(struct settings_loading *l, const config_setting_t *v, const char *name,
			  struct settings_next_hop *h)
{
	const char *s = settings_string(l, v, name);
	char shown[80];

	if (s && strcmp(s, "xclient") == 0)
		h->identity = SETTINGS_IDENTITY_XCLIENT;
	else if (s && strcmp(s, "proxy") == 0)
		h->identity = SETTINGS_IDENTITY_PROXY;
	else if (s && strcmp(s, "none") != 0)
		settings_complain(l, v, "%s must be one of none|xclient|proxy, is %s", name, settings_shown(v, shown));
}

static void load_flag(struct settings_loading *l, const config_setting_t *v, const char *name, bool *out)
{
	char shown[80];

	if (config_setting_type(v) != CONFIG_TYPE_BOOL)
		settings_complain(l, v, "%s must be true or false, is %s", name, settings_shown(v, shown));
	else
		*out = config_setting_get_bool(v) != 0;
}

static void load_hop_name(struct settings_loading *l, const config_setting_t *v, const char *name,
			  struct settings_next_hop *h)
{
	const char *s = settings_string(l, v, name);
	char shown[80];

	if (s && (!*s || strlen(s) >= sizeof(h->name)))
		settings_complain(l, v, "%s must have 1 to %zu characters, is %s", name, sizeof(h->name) - 1,
				  settings_shown(v, shown));
	else if (s)
		snprintf(h->name, sizeof(h->name), "%s", s);
}

static bool parse_pin(struct span s, uint8_t pin[32])
{
	if (s.len != 64)
		return false;
	for (size_t i = 0; i < 64; i++) {
		unsigned digit = digit_of(s.at[i]);

		if (digit > 15)
			return false;
		pin[i / 2] = (uint8_t)((unsigned)pin[i / 2] << 4 | digit);
	}
	return true;
}

/* What begins with tls; false: there is no such setting. */
static bool load_next_hop_tls(struct settings_loading *l, const config_setting_t *v, const char *name,
			      struct span member, struct settings_next_hop *h)
{
	static const char *const words[] = { [SETTINGS_TLS_NONE] = "none",
					     [SETTINGS_TLS_MAY] = "may",
					     [SETTINGS_TLS_REQUIRE] = "require",
					     [SETTINGS_TLS_IMMEDIATE] = "immediate" };
	bool is_tls = span_eq(member, SPAN("tls")), is_pin = span_eq(member, SPAN("tls_pin"));
	bool is_ca = span_eq(member, SPAN("tls_ca_file")), is_name = span_eq(member, SPAN("tls_name"));
	char shown[80];

	if (span_eq(member, SPAN("tls_dane"))) {
		h->tls_dane = config_setting_type(v) == CONFIG_TYPE_BOOL && config_setting_get_bool(v);
		if (config_setting_type(v) != CONFIG_TYPE_BOOL)
			settings_complain(l, v, "%s must be true or false, is %s", name, settings_shown(v, shown));
		return true;
	}
	if (!is_tls && !is_pin && !is_ca && !is_name)
		return false;
	const char *s = settings_string(l, v, name);
	unsigned i = 0;

	if (!s)
		return true;
	while (is_tls && i < 4 && strcmp(s, words[i]) != 0)
		i++;
	if (i == 4)
		settings_complain(l, v, "%s must be one of none|may|require|immediate, is %s", name,
				  settings_shown(v, shown));
	else if (is_tls)
		h->tls = (uint8_t)i;
	else if (is_pin && !(h->tls_pinned = parse_pin(span_str(s), h->tls_pin)))
		settings_complain(l, v, "%s must be 64 hexadecimal digits, is %s", name, settings_shown(v, shown));
	else if (is_ca)
		snprintf(h->tls_ca_file, sizeof(h->tls_ca_file), "%s", s);
	else if (is_name)
		snprintf(h->tls_name, sizeof(h->tls_name), "%s", s);
	return true;
}

static void load_next_hop(struct settings_loading *l, const config_setting_t *group, int index,
			  struct settings_next_hop *h)
{
	char name[160];
	uint64_t n;

	*h = (struct settings_next_hop){ .port = 25, .priority = 10, .weight = 1 };
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *v = config_setting_get_elem(group, (unsigned)i);
		struct span member = span_str(config_setting_name(v));

		element_name(name, "next_hops", index, config_setting_name(v));
		if (span_eq(member, SPAN("address")))
			load_address(l, v, name, &h->addr);
		else if (span_eq(member, SPAN("port"))) {
			if (settings_number(l, v, name, 1, 65535, "", &n))
				h->port = (uint16_t)n;
		} else if (span_eq(member, SPAN("priority"))) {
			if (settings_number(l, v, name, 0, 65535, "", &n))
				h->priority = (uint16_t)n;
		} else if (span_eq(member, SPAN("weight"))) {
			if (settings_number(l, v, name, 1, 1000, "", &n))
				h->weight = (uint16_t)n;
		} else if (span_eq(member, SPAN("recipients_max"))) {
			if (settings_number(l, v, name, 1, 100000, "", &n))
				h->recipients_max = (uint32_t)n;
		} else if (span_eq(member, SPAN("protocol")))
			load_protocol(l, v, name, h);
		else if (span_eq(member, SPAN("identity")))
			load_identity(l, v, name, h);
		else if (span_eq(member, SPAN("smarthost")))
			load_flag(l, v, name, &h->smarthost);
		else if (span_eq(member, SPAN("by_rule")))
			load_flag(l, v, name, &h->by_rule);
		else if (span_eq(member, SPAN("name")))
			load_hop_name(l, v, name, h);
		else if (span_eq(member, SPAN("domains")))
			load_routes(l, v, index);
		else if (!load_next_hop_tls(l, v, name, member, h))
			settings_complain(l, v, "there is no setting %s; sekisho.conf(5) lists them", name);
	}
	if (h->lmtp && h->recipients_max == 0)
		h->recipients_max = 1;
}

static void load_next_hops(struct settings_loading *l, const config_setting_t *v, const char *list)
{
	int n = settings_n_elements(l, v, list, SETTINGS_NEXT_HOPS_MAX);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);

		if (config_setting_is_group(e))
			load_next_hop(l, e, i, &l->s->next_hops[l->s->n_next_hops++]);
		else
			settings_complain(l, e, "%s.[%d] must be a group: { address = \"192.0.2.26\"; port = 25; }",
					  list, i);
	}
}

static void load_servers(struct settings_loading *l, const config_setting_t *v, const char *list)
{
	int n = settings_n_elements(l, v, list, SETTINGS_SERVERS_MAX);
	char name[160], shown[80];

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);
		const char *s = settings_string(l, e, element_name(name, list, i, ""));
		struct settings_server *server = &l->s->dns_servers[l->s->n_dns_servers];

		server->port = 53;
		if (s && address_parse_port(span_str(s), &server->addr, &server->port))
			l->s->n_dns_servers++;
		else if (s)
			settings_complain(l, e,
					  "%s must be an address, or an address and port such as 192.0.2.53:5353 or "
					  "[2001:db8::53]:5353, is %s",
					  name, settings_shown(e, shown));
	}
}

static void load_strings(struct settings_loading *l, const config_setting_t *v, const char *list, int most,
			 char (*to)[SETTINGS_STR_MAX], uint8_t *n_to)
{
	int n = settings_n_elements(l, v, list, most);
	char name[160];

	for (int i = 0; i < n; i++) {
		const char *s =
			settings_string(l, config_setting_get_elem(v, (unsigned)i), element_name(name, list, i, ""));

		if (s)
			snprintf(to[(*n_to)++], SETTINGS_STR_MAX, "%s", s);
	}
}

static void load_prefixes(struct settings_loading *l, const config_setting_t *v, const char *list,
			  struct settings_prefix *to, uint8_t *n_to)
{
	int n = settings_n_elements(l, v, list, SETTINGS_PREFIXES_MAX);
	char name[160], shown[80];

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);
		const char *s = settings_string(l, e, element_name(name, list, i, ""));

		if (s && address_parse_prefix(span_str(s), &to[*n_to].addr, &to[*n_to].len))
			(*n_to)++;
		else if (s)
			settings_complain(l, e,
					  "%s must be an address with a prefix length, such as 192.0.2.0/24, is %s",
					  name, settings_shown(e, shown));
	}
}

static void load_certificate(struct settings_loading *l, const config_setting_t *group, const char *list, int index,
			     struct settings_certificate *c)
{
	char name[160];

	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *v = config_setting_get_elem(group, (unsigned)i);
		struct span member = span_str(config_setting_name(v));
		const char *s;

		element_name(name, list, index, config_setting_name(v));
		if (span_eq(member, SPAN("certificate"))) {
			if ((s = settings_string(l, v, name)))
				snprintf(c->certificate, sizeof(c->certificate), "%s", s);
		} else if (span_eq(member, SPAN("key"))) {
			if ((s = settings_string(l, v, name)))
				snprintf(c->key, sizeof(c->key), "%s", s);
		} else {
			settings_complain(l, v, "there is no setting %s; sekisho.conf(5) lists them", name);
		}
	}
}

static void load_certificates(struct settings_loading *l, const config_setting_t *v, const char *list)
{
	int n = settings_n_elements(l, v, list, SETTINGS_CERTIFICATES_MAX);

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(v, (unsigned)i);

		if (config_setting_is_group(e))
			load_certificate(l, e, list, i, &l->s->certificates[l->s->n_certificates++]);
		else
			settings_complain(l, e, "%s.[%d] must be a group: { certificate = \"...\"; key = \"...\"; }",
					  list, i);
	}
}

bool settings_load_list(struct settings_loading *l, const config_setting_t *v, const char *name)
{
	struct settings *s = l->s;
	struct span is = span_str(name);

	if (span_eq(is, SPAN("ports")))
		load_ports(l, v, name);
	else if (span_eq(is, SPAN("next_hops")))
		load_next_hops(l, v, name);
	else if (span_eq(is, SPAN("eal")))
		load_strings(l, v, name, SETTINGS_EAL_MAX, s->eal, &s->n_eal);
	else if (span_eq(is, SPAN("dns.servers")))
		load_servers(l, v, name);
	else if (span_eq(is, SPAN("arc.trusted")))
		load_strings(l, v, name, SETTINGS_ARC_TRUSTED_MAX, s->arc_trusted, &s->n_arc_trusted);
	else if (span_eq(is, SPAN("relay.domains")))
		load_strings(l, v, name, SETTINGS_DOMAINS_MAX, s->domains, &s->n_domains);
	else if (span_eq(is, SPAN("policy.rules")))
		settings_load_rules(l, v, name);
	else if (span_eq(is, SPAN("dnsbl.lists")))
		settings_load_dnsbls(l, v, name);
	else if (span_eq(is, SPAN("tls.certificates")))
		load_certificates(l, v, name);
	else if (span_eq(is, SPAN("tls.tickets_except")))
		load_prefixes(l, v, name, s->tickets_except, &s->n_tickets_except);
	else if (span_eq(is, SPAN("tls.required_from")))
		load_prefixes(l, v, name, s->required_from, &s->n_required_from);
	else if (span_eq(is, SPAN("smtp.xclient_from")))
		load_prefixes(l, v, name, s->xclient_from, &s->n_xclient_from);
	else if (span_eq(is, SPAN("smtp.proxy_from")))
		load_prefixes(l, v, name, s->proxy_from, &s->n_proxy_from);
	else
		return false;
	return true;
}
