// SPDX-License-Identifier: MIT
/*
 * settings_check.c - what must hold beyond types and ranges
 *
 * Strings that become part of SMTP or of a header must be what the standards call them, whatever a message does to
 * them later; settings that only work together are compared; every address must make sense where it stands.
 */
#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

#include "ctrlplane/address.h"
#include "ctrlplane/settings_check.h"

struct checking {
	const struct settings *s;
	settings_problem *problem;
	void *arg;
};

__attribute__((format(printf, 3, 4))) static void found(struct checking *c, const char *setting, const char *format,
							...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	c->problem(c->arg, setting, message);
}

/* Letters, digits and inner hyphens, at least two labels (RFC 5321 2.3.5, RFC 1123 2.1). */
static bool is_host_name(struct span s)
{
	unsigned n_labels = 0;

	if (s.len > 253)
		return false;
	while (s.at) {
		struct span label = span_cut(&s, '.');
		if (label.len == 0 || label.len > 63 || label.at[0] == '-' || label.at[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!byte_is_alnum(label.at[i]) && label.at[i] != '-')
				return false;
		n_labels++;
	}
	return n_labels >= 2;
}

/* A token of RFC 2045 5.1, so that it needs no quotes as authserv-id (RFC 8601 2.2). */
static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?=", s.at[i]))
			return false;
	return s.len > 0;
}

bool settings_is_header_field(struct span s)
{
	size_t colon = span_find(s, ':');

	if (colon == SPAN_NONE || colon == 0 || span_trim(span_skip(s, colon + 1)).len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < ' ' || s.at[i] >= 0x7f || (i < colon && s.at[i] == ' '))
			return false;
	return colon + 1 < s.len && s.at[colon + 1] == ' ';
}

/* A plain address, as it stands in From and in MAIL without quotes. */
static bool is_address(struct span s)
{
	size_t at = span_find_last(s, '@');

	return at != SPAN_NONE && is_token(span_head(s, at)) && is_host_name(span_skip(s, at + 1));
}

static void check_report(struct checking *c)
{
	const struct settings *s = c->s;

	if (s->report_from[0] && !is_address(span_str(s->report_from)))
		found(c, "report.from", "must be an address such as dmarc-reports@mx.example, is \"%s\"",
		      s->report_from);
	if (s->report_key_file[0] && !is_token(span_str(s->report_selector)))
		found(c, "report.selector", "must name the key of report.key_file in DNS, is \"%s\"",
		      s->report_selector);
}

static void check_strings(struct checking *c)
{
	const struct settings *s = c->s;

	if (!is_host_name(span_str(s->server_hostname)))
		found(c, "server.hostname", "must be a full host name such as mx.example, is \"%s\"",
		      s->server_hostname);
	if (s->server_authserv_id[0] && !is_token(span_str(s->server_authserv_id)))
		found(c, "server.authserv_id", "must be a host name or another token without spaces, is \"%s\"",
		      s->server_authserv_id);
	if (!settings_is_header_field(span_str(s->policy_quarantine_header)))
		found(c, "policy.quarantine_header", "must be a header field such as \"X-Spam-Flag: YES\", is \"%s\"",
		      s->policy_quarantine_header);
	check_report(c);
	size_t len = strlen(s->server_control_socket), room = sizeof(((struct sockaddr_un *)0)->sun_path);
	if (len == 0 || len >= room)
		found(c, "server.control_socket", "must be a path of 1 to %zu octets, has %zu", room - 1, len);
}

static void check_order(struct checking *c, const char *setting, uint64_t small, const char *other, uint64_t large)
{
	if (small > large)
		found(c, setting, "must be at most %s, which is %llu, is %llu", other, (unsigned long long)large,
		      (unsigned long long)small);
}

static void check_together(struct checking *c)
{
	const struct settings *s = c->s;

	check_order(c, "smtp.errors_soft", s->smtp_errors_soft, "smtp.errors_hard", s->smtp_errors_hard);
	check_order(c, "relay.breaker_s", s->relay_breaker_s, "relay.breaker_max_s", s->relay_breaker_max_s);
	check_order(c, "relay.warm_connections", s->relay_warm_connections, "relay.connections_max",
		    s->relay_connections_max);
	check_order(c, "sources.net4_bits", s->sources_net4_bits, "sources.host4_bits", s->sources_host4_bits);
	check_order(c, "sources.net6_bits", s->sources_net6_bits, "sources.host6_bits", s->sources_host6_bits);
	check_order(c, "dns.ttl_min_s", s->dns_ttl_min_s, "dns.ttl_max_s", s->dns_ttl_max_s);
	check_order(c, "dkim.rsa_bits_min", s->dkim_rsa_bits_min, "dkim.rsa_bits_max", s->dkim_rsa_bits_max);
	if (s->smtp_message_max > s->limits_body_blocks * 16384)
		found(c, "limits.body_blocks",
		      "must be at least %llu to hold one message of smtp.message_max octets, is %llu",
		      (unsigned long long)(s->smtp_message_max + 16383) / 16384,
		      (unsigned long long)s->limits_body_blocks);
	if (s->smtp_text_line_max && s->smtp_text_line_max < 998)
		found(c, "smtp.text_line_max", "must be 0, or 998 at least, as RFC 5321 4.5.3.1.6 has it, is %llu",
		      (unsigned long long)s->smtp_text_line_max);
	if (s->server_first_core + s->server_workers > 1024)
		found(c, "server.workers", "must end at core 1023, ends at %llu",
		      (unsigned long long)(s->server_first_core + s->server_workers - 1));
	/* The pieces carry no ports, so the worker that gets them is not that of their connection. */
	if (strcmp(s->net_fragments, "reassemble") == 0 && s->server_workers > 1)
		found(c, "net.fragments", "must be \"drop\" with more than one worker, is \"reassemble\"");
	if (strcmp(s->dns_mode, "forward") == 0 && s->n_dns_servers == 0)
		found(c, "dns.servers", "must name a resolver, since dns.mode is \"forward\"");
	if (strcmp(s->dns_mode, "zone") == 0 && !s->dns_zone_file[0])
		found(c, "dns.zone_file", "must name a file, since dns.mode is \"zone\"");
}

/* "must be ..., is ADDRESS" */
static void bad_address(struct checking *c, const char *setting, const char *must, const struct ip_addr *a)
{
	char shown[64];
	struct text t;

	text_init(&t, shown, sizeof(shown));
	ip_addr_text(a, &t);
	found(c, setting, "must %s, is %s", must, shown);
}

/* The first or the last address of an IPv4 network, which are no station's (RFC 1122 3.2.1.3; not for /31, RFC 3021). */
static bool is_network_or_broadcast(const struct ip_addr *a, unsigned prefix_len)
{
	uint32_t v =
		(uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 | a->bytes[3];

	if (a->family != IP_V4 || prefix_len == 0 || prefix_len > 30)
		return false;
	uint32_t host = UINT32_MAX >> prefix_len;
	return (v & host) == 0 || (v & host) == host;
}

static bool is_ours(const struct settings *s, const struct ip_addr *a, size_t n_ports, size_t n_addresses)
{
	for (size_t i = 0; i <= n_ports && i < s->n_ports; i++)
		for (size_t j = 0; j < (i < n_ports ? s->ports[i].n_addresses : n_addresses); j++)
			if (ip_addr_eq(a, &s->ports[i].addresses[j].addr))
				return true;
	return false;
}

static bool is_on_link(const struct settings_port *p, const struct ip_addr *a)
{
	for (size_t i = 0; i < p->n_addresses; i++)
		if (ip_addr_in_prefix(a, &p->addresses[i].addr, p->addresses[i].prefix_len))
			return true;
	return false;
}

static void check_gateway(struct checking *c, const struct settings_port *p, size_t index, const char *member,
			  const struct ip_addr *gateway, uint8_t family)
{
	static const struct ip_addr link_local = { .family = IP_V6, .bytes = { 0xfe, 0x80 } };
	char name[64];

	snprintf(name, sizeof(name), "ports.[%zu].%s", index, member);
	if (gateway->family == IP_NONE)
		return;
	if (gateway->family != family)
		bad_address(c, name, family == IP_V4 ? "be an IPv4 address" : "be an IPv6 address", gateway);
	else if (!is_on_link(p, gateway) && !ip_addr_in_prefix(gateway, &link_local, 10))
		bad_address(c, name, "be in the prefix of one of the port's addresses", gateway);
	else if (!address_is_host(gateway) || is_ours(c->s, gateway, c->s->n_ports, 0))
		bad_address(c, name, "be the address of another station", gateway);
}

static void check_ports(struct checking *c)
{
	const struct settings *s = c->s;
	char name[64];

	if (s->n_ports == 0)
		found(c, "ports",
		      "must name at least one port: ports = ( { device = \"...\"; addresses = [ \"...\" ]; } );");
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct settings_port *p = &s->ports[i];

		snprintf(name, sizeof(name), "ports.[%zu].device", i);
		if (!p->device[0] || strchr(p->device, ' '))
			found(c, name, "must be a PCI address or a DPDK device such as net_tap0,iface=sk0, is \"%s\"",
			      p->device);
		for (size_t j = 0; j < i; j++)
			if (strcmp(p->device, s->ports[j].device) == 0 && p->device[0])
				found(c, name, "must be another than that of ports.[%zu], is \"%s\" as well", j,
				      p->device);
		snprintf(name, sizeof(name), "ports.[%zu].addresses", i);
		if (p->n_addresses == 0)
			found(c, name, "must hold at least one address with its prefix length");
		for (size_t j = 0; j < p->n_addresses; j++) {
			const struct ip_addr *a = &p->addresses[j].addr;

			snprintf(name, sizeof(name), "ports.[%zu].addresses.[%zu]", i, j);
			if (!address_is_host(a) || is_network_or_broadcast(a, p->addresses[j].prefix_len))
				bad_address(c, name, "be an address that a station can have", a);
			if (is_ours(s, a, i, j))
				bad_address(c, name, "not be given twice", a);
		}
		check_gateway(c, p, i, "gateway4", &p->gateway4, IP_V4);
		check_gateway(c, p, i, "gateway6", &p->gateway6, IP_V6);
		snprintf(name, sizeof(name), "ports.[%zu].neighbours", i);
		for (size_t j = 0; j < p->n_neighbours; j++) {
			const struct ip_addr *a = &p->neighbours[j].addr;

			if (!address_is_host(a) || is_ours(s, a, s->n_ports, 0) || !is_on_link(p, a))
				bad_address(c, name, "be stations in the prefix of one of the port's addresses", a);
			for (size_t k = 0; k < j; k++)
				if (ip_addr_eq(a, &p->neighbours[k].addr))
					bad_address(c, name, "not be given twice", a);
		}
	}
}

static bool is_reachable(const struct settings *s, const struct ip_addr *a)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct settings_port *p = &s->ports[i];

		if (is_on_link(p, a) || (a->family == IP_V4 ? p->gateway4 : p->gateway6).family == a->family)
			return true;
	}
	return false;
}

/* A smarthost takes what is ours alone: it has no domains, and is not the only next hop. */
static void check_smarthost(struct checking *c, size_t i)
{
	const struct settings *s = c->s;
	char name[64];

	snprintf(name, sizeof(name), "next_hops.[%zu].smarthost", i);
	if (s->next_hops[i].lmtp)
		found(c, name, "must not be true by LMTP: it takes mail to any domain");
	for (size_t r = 0; r < s->n_routes; r++)
		if (s->routes[r].next_hops >> i & 1) {
			found(c, name, "must not be true with domains: no client's mail goes there");
			break;
		}
}

/* Where a rule sends mail a client's message may go, with as many recipients as any. */
static void check_redirects(struct checking *c)
{
	const struct settings *s = c->s;
	char setting[64];

	for (unsigned i = 0; i < s->rules.n_rules; i++) {
		struct span name = policy_span(&s->rules, s->rules.rules[i].next_hop);
		const struct settings_next_hop *h = NULL;

		if (s->rules.rules[i].action != POLICY_REDIRECT || name.len == 0)
			continue;
		for (size_t n = 0; n < s->n_next_hops; n++)
			if (span_eq(span_str(s->next_hops[n].name), name))
				h = &s->next_hops[n];
		snprintf(setting, sizeof(setting), "policy.rules.[%u].next_hop", i);
		if (!h || h->smarthost)
			found(c, setting, "must be the name of one of next_hops that takes clients' mail, is \"%.*s\"",
			      (int)name.len, (const char *)name.at);
		else if (h->recipients_max && h->recipients_max < s->smtp_recipients_max)
			found(c, setting,
			      "must name a next hop that takes smtp.recipients_max recipients of one message: give it "
			      "a "
			      "recipients_max of as many");
	}
}

static bool has_ordinary_next_hop(const struct settings *s)
{
	for (size_t i = 0; i < s->n_next_hops; i++)
		if (!s->next_hops[i].smarthost && !s->next_hops[i].by_rule)
			return true;
	return false;
}

static void check_next_hops(struct checking *c)
{
	const struct settings *s = c->s;
	char name[64];

	if (!has_ordinary_next_hop(s))
		found(c, "next_hops",
		      "must name at least one mail server: next_hops = ( { address = \"192.0.2.26\"; } );");
	for (size_t i = 0; i < s->n_next_hops; i++) {
		const struct settings_next_hop *h = &s->next_hops[i];

		if (h->smarthost)
			check_smarthost(c, i);
		snprintf(name, sizeof(name), "next_hops.[%zu].address", i);
		if (h->addr.family == IP_NONE)
			found(c, name, "must be given");
		else if (!address_is_host(&h->addr))
			bad_address(c, name, "be the address of a station", &h->addr);
		else if (is_ours(s, &h->addr, s->n_ports, 0))
			bad_address(c, name, "not be one of the ports' own: mail would come back to us", &h->addr);
		else if (s->n_ports && !is_reachable(s, &h->addr))
			bad_address(c, name, "be in the prefix of a port, or a port must have a gateway for it",
				    &h->addr);
		if (h->lmtp && h->port == 25) { /* RFC 2033 5 */
			snprintf(name, sizeof(name), "next_hops.[%zu].port", i);
			found(c, name, "must be another than 25 for LMTP (RFC 2033 5)");
		}
		for (size_t j = 0; j < i; j++)
			if (ip_addr_eq(&h->addr, &s->next_hops[j].addr) && h->port == s->next_hops[j].port)
				bad_address(c, name, "not be given twice with the same port", &h->addr);
	}
}

static void check_domains(struct checking *c, const char *list, const char (*domains)[SETTINGS_STR_MAX], size_t n)
{
	char name[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s.[%zu]", list, i);
		if (!is_host_name(span_str(domains[i])))
			found(c, name, "must be a domain name in ASCII (A-labels), is \"%s\"", domains[i]);
		for (size_t j = 0; j < i; j++)
			if (span_eq_nocase(span_str(domains[i]), span_str(domains[j])))
				found(c, name, "must not be given twice, is \"%s\"", domains[i]);
	}
}

static bool is_among(const char *domain, const char (*domains)[SETTINGS_STR_MAX], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(span_str(domain), span_str(domains[i])))
			return true;
	return false;
}

/* Every domain whose recipients are accepted has a next hop, and a route is for such a domain. */
static void check_routes(struct checking *c)
{
	const struct settings *s = c->s;
	uint32_t routed = 0;
	char name[64];

	for (size_t i = 0; i < s->n_next_hops; i++)
		routed |= (uint32_t)(s->next_hops[i].smarthost || s->next_hops[i].by_rule) << i;
	for (size_t i = 0; i < s->n_routes; i++) {
		const struct settings_route *r = &s->routes[i];
		int first = __builtin_ctz(r->next_hops);

		routed |= r->next_hops;
		snprintf(name, sizeof(name), "next_hops.[%d].domains", first);
		if (!is_host_name(span_str(r->domain)))
			found(c, name, "must be domain names in ASCII (A-labels), \"%s\" is none", r->domain);
		else if (s->n_domains && !is_among(r->domain, s->domains, s->n_domains))
			found(c, name, "must be in relay.domains as well, \"%s\" is not", r->domain);
	}
	if (routed != (1U << s->n_next_hops) - 1)
		return; /* the others take whatever no route names */
	for (size_t i = 0; i < s->n_domains; i++) {
		bool has_route = false;

		for (size_t r = 0; r < s->n_routes && !has_route; r++)
			has_route = span_eq_nocase(span_str(s->domains[i]), span_str(s->routes[r].domain));
		snprintf(name, sizeof(name), "relay.domains.[%zu]", i);
		if (!has_route)
			found(c, name, "must be in the domains of a next hop, since all have some; \"%s\" is not",
			      s->domains[i]);
	}
}

static void check_names(struct checking *c)
{
	const struct settings *s = c->s;
	char name[64];

	for (size_t i = 0; i < s->n_dns_servers; i++) {
		snprintf(name, sizeof(name), "dns.servers.[%zu]", i);
		for (size_t j = 0; j < i; j++)
			if (ip_addr_eq(&s->dns_servers[i].addr, &s->dns_servers[j].addr) &&
			    s->dns_servers[i].port == s->dns_servers[j].port)
				bad_address(c, name, "not be given twice", &s->dns_servers[i].addr);
	}
	check_domains(c, "arc.trusted", s->arc_trusted, s->n_arc_trusted);
	check_domains(c, "relay.domains", s->domains, s->n_domains);
	check_routes(c);
}

/* DNSSEC must be able to vouch for the records, and the records stand for the authorities. */
static void check_dane(struct checking *c)
{
	const struct settings *s = c->s;
	char name[64];

	for (size_t i = 0; i < s->n_next_hops; i++) {
		const struct settings_next_hop *h = &s->next_hops[i];

		if (!h->tls_dane)
			continue;
		snprintf(name, sizeof(name), "next_hops.[%zu].tls_dane", i);
		if (!h->tls_name[0])
			found(c, name, "needs tls_name, the name whose TLSA records are asked for");
		if (h->tls_ca_file[0])
			found(c, name, "and tls_ca_file exclude each other");
		if (!s->dns_trust_anchor_file[0] || strcmp(s->dns_mode, "zone") == 0)
			found(c, name,
			      "needs dns.trust_anchor_file, and a dns.mode that resolves: no record counts without "
			      "DNSSEC");
	}
}

/* The files themselves are read when all else is good: tls_context_open(). */
static void check_tls(struct checking *c)
{
	const struct settings *s = c->s;
	char name[64];

	for (size_t i = 0; i < s->n_certificates; i++) {
		snprintf(name, sizeof(name), "tls.certificates.[%zu]", i);
		if (!s->certificates[i].certificate[0] || !s->certificates[i].key[0])
			found(c, name, "must name two files, certificate and key");
	}
	for (size_t i = 0; i < s->n_next_hops; i++) {
		const struct settings_next_hop *h = &s->next_hops[i];
		bool verified = h->tls_ca_file[0] || h->tls_pinned || h->tls_dane;

		snprintf(name, sizeof(name), "next_hops.[%zu].tls", i);
		if (h->tls < SETTINGS_TLS_REQUIRE && (verified || h->tls_name[0]))
			found(c, name,
			      "must be \"require\" or \"immediate\", since what tls_ca_file, tls_dane, tls_name or "
			      "tls_pin "
			      "demand is demanded only then");
		if (h->tls_name[0] && !is_host_name(span_str(h->tls_name)))
			found(c, name, "_name must be a full host name, is \"%s\"", h->tls_name);
	}
	check_dane(c);
	if (s->n_required_from && !s->n_certificates)
		found(c, "tls.required_from", "needs tls.certificates: TLS cannot be required where it is not offered");
}

void settings_check_strings(const struct settings *s, settings_problem *problem, void *arg)
{
	struct checking c = { s, problem, arg };

	check_strings(&c);
}

void settings_check_whole(const struct settings *s, settings_problem *problem, void *arg)
{
	struct checking c = { s, problem, arg };

	check_together(&c);
	check_ports(&c);
	check_next_hops(&c);
	check_names(&c);
	check_tls(&c);
	check_redirects(&c);
}
