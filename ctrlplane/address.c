// SPDX-License-Identifier: MIT
/*
 * address.c - addresses as an operator writes them: with a prefix length, with a port
 */
#include "ctrlplane/address.h"

bool address_parse_prefix(struct span s, struct ip_addr *addr, uint8_t *prefix_len)
{
	size_t slash = span_find(s, '/');
	struct ip_addr a;
	uint64_t len;

	if (slash == SPAN_NONE || !ip_addr_parse(span_head(s, slash), &a) ||
	    !span_decimal(span_skip(s, slash + 1), 8 * ip_addr_len(&a), &len))
		return false;
	*addr = a;
	*prefix_len = (uint8_t)len;
	return true;
}

bool address_parse_prefix_or_host(struct span s, struct ip_addr *addr, uint8_t *prefix_len)
{
	if (!ip_addr_parse(s, addr))
		return address_parse_prefix(s, addr, prefix_len);
	*prefix_len = (uint8_t)(8 * ip_addr_len(addr));
	return true;
}

bool address_parse_port(struct span s, struct ip_addr *addr, uint16_t *port)
{
	struct span host = s, rest = span_of(NULL, 0);
	struct ip_addr a;
	uint64_t p = 0;
	bool bracketed = s.len > 0 && s.at[0] == '[';

	if (bracketed) {
		size_t end = span_find(s, ']');
		if (end == SPAN_NONE)
			return false;
		host = span_part(s, 1, end);
		rest = span_skip(s, end + 1);
	} else {
		size_t colon = span_find(s, ':');
		if (colon != SPAN_NONE && colon == span_find_last(s, ':')) {
			host = span_head(s, colon);
			rest = span_skip(s, colon);
		}
	}
	if (!ip_addr_parse(host, &a) || (bracketed && a.family != IP_V6))
		return false;
	if (rest.len) {
		if (rest.at[0] != ':' || !span_decimal(span_skip(rest, 1), 65535, &p) || p == 0)
			return false;
		*port = (uint16_t)p;
	}
	*addr = a;
	return true;
}

void address_port_text(const struct ip_addr *addr, uint16_t port, struct text *out)
{
	if (addr->family == IP_V6)
		text_putc(out, '[');
	ip_addr_text(addr, out);
	if (addr->family == IP_V6)
		text_putc(out, ']');
	text_putc(out, ':');
	text_dec(out, port);
}

bool address_is_host(const struct ip_addr *addr)
{
	static const struct {
		const char *prefix;
		uint8_t len;
	} not_host[] = {
		{ "0.0.0.0", 8 },          { "127.0.0.0", 8 }, { "224.0.0.0", 4 },
		{ "255.255.255.255", 32 }, { "::", 127 }, /* unspecified and loopback */
		{ "::ffff:0:0", 96 },      { "ff00::", 8 },
	};

	for (size_t i = 0; i < sizeof(not_host) / sizeof(not_host[0]); i++) {
		struct ip_addr prefix;
		CHECK(ip_addr_parse(span_str(not_host[i].prefix), &prefix));
		if (ip_addr_in_prefix(addr, &prefix, not_host[i].len))
			return false;
	}
	return addr->family != IP_NONE;
}
