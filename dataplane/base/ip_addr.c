// SPDX-License-Identifier: MIT
/*
 * ip_addr.c - an IPv4 or IPv6 address, its text and its prefixes
 */
#include "dataplane/base/ip_addr.h"

bool ip_addr_in_prefix(const struct ip_addr *a, const struct ip_addr *prefix, unsigned bits)
{
	if (a->family != prefix->family || bits > 8 * ip_addr_len(a))
		return false;
	size_t whole = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a->bytes, prefix->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ prefix->bytes[whole]) >> (8 - rest)) == 0;
}

static bool parse4(struct span s, uint8_t out[4])
{
	struct span rest = s;

	for (int i = 0; i < 4; i++) {
		uint64_t v;

		if (!rest.at)
			return false;
		struct span part = span_cut(&rest, '.');
		if (part.len > 3 || (part.len > 1 && part.at[0] == '0') || !span_decimal(part, 255, &v))
			return false;
		out[i] = (uint8_t)v;
	}
	return !rest.at;
}

static int hex_value(uint8_t c)
{
	if (byte_is_digit(c))
		return c - '0';
	c = byte_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Groups up to the end or a "::"; returns how many octets, or -1. */
static int parse_groups(struct span s, uint8_t out[16], size_t room, bool last)
{
	size_t n = 0;
	struct span rest = s;

	if (s.len == 0)
		return 0;
	while (rest.at) {
		bool final = span_find(rest, ':') == SPAN_NONE;
		struct span part = span_cut(&rest, ':');
		unsigned v = 0;

		if (final && last && span_find(part, '.') != SPAN_NONE) {
			if (n + 4 > room || !parse4(part, out + n))
				return -1;
			return (int)(n + 4);
		}
		if (part.len == 0 || part.len > 4 || n + 2 > room)
			return -1;
		for (size_t i = 0; i < part.len; i++) {
			int h = hex_value(part.at[i]);
			if (h < 0)
				return -1;
			v = v * 16 + (unsigned)h;
		}
		out[n++] = (uint8_t)(v >> 8);
		out[n++] = (uint8_t)v;
	}
	return (int)n;
}

static bool parse6(struct span s, uint8_t out[16])
{
	uint8_t head[16] = { 0 }, tail[16] = { 0 };
	size_t gap = SPAN_NONE;

	for (size_t i = 0; i + 1 < s.len; i++)
		if (s.at[i] == ':' && s.at[i + 1] == ':') {
			gap = i;
			break;
		}
	if (gap == SPAN_NONE) {
		if (parse_groups(s, head, 16, true) != 16)
			return false;
		memcpy(out, head, 16);
		return true;
	}
	int n_head = parse_groups(span_head(s, gap), head, 14, false);
	int n_tail = parse_groups(span_skip(s, gap + 2), tail, 14, true);

	if (n_head < 0 || n_tail < 0 || n_head + n_tail > 14)
		return false;
	memset(out, 0, 16);
	memcpy(out, head, (size_t)n_head);
	memcpy(out + 16 - n_tail, tail, (size_t)n_tail);
	return true;
}

bool ip_addr_parse(struct span s, struct ip_addr *out)
{
	uint8_t bytes[16];

	if (s.len > 45)
		return false;
	if (span_find(s, ':') != SPAN_NONE) {
		if (!parse6(s, bytes))
			return false;
		*out = ip_addr_of6(bytes);
		return true;
	}
	if (!parse4(s, bytes))
		return false;
	*out = ip_addr_of4(bytes);
	return true;
}

static void text_group(struct text *out, unsigned group)
{
	static const char digit[] = "0123456789abcdef";
	bool started = false;

	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned d = (group >> shift) & 15;
		if (d || started || shift == 0) {
			text_putc(out, (uint8_t)digit[d]);
			started = true;
		}
	}
}

/* RFC 5952 4.2: the longest run of two or more zero groups is shortened, the first one of equals. */
static void text6(const uint8_t *b, struct text *out)
{
	int best = -1, best_len = 1;

	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && b[2 * (i + n)] == 0 && b[2 * (i + n) + 1] == 0)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			text_puts(out, "::");
			i += best_len - 1;
			continue;
		}
		if (i > 0 && !(best >= 0 && i == best + best_len))
			text_putc(out, ':');
		text_group(out, (unsigned)b[2 * i] << 8 | b[2 * i + 1]);
	}
}

void ip_addr_text(const struct ip_addr *a, struct text *out)
{
	if (a->family == IP_V6) {
		text6(a->bytes, out);
		return;
	}
	for (int i = 0; i < 4; i++) {
		if (i)
			text_putc(out, '.');
		text_dec(out, a->bytes[i]);
	}
}

struct ip_addr ip_addr_unmap(struct ip_addr a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (a.family == IP_V6 && memcmp(a.bytes, mapped, 12) == 0)
		return ip_addr_of4(a.bytes + 12);
	return a;
}
