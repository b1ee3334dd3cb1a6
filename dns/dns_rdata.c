// SPDX-License-Identifier: MIT
/*
 * dns_rdata.c - rdata of the wire to rdata as the cores see it
 *
 * Pure.  The octets come from a stranger's zone: a resolver checks the packet around them, not them.
 */
#include "dns/dns_rdata.h"

#define WIRE_NAME_MAX 255 /* RFC 1035 3.1, with length octets and root */

/* Labels to dotted text in lower case, the whole of @wire; the root is empty. */
static bool read_name(struct span wire, uint8_t *out, size_t *len)
{
	size_t n = 0;

	if (wire.len > WIRE_NAME_MAX)
		return false;
	for (;;) {
		if (wire.len == 0)
			return false;
		size_t label = wire.at[0];

		wire = span_skip(wire, 1);
		if (label == 0)
			break;
		if (label > DNS_LABEL_MAX || label > wire.len) /* 64 and more: a pointer, or nothing known */
			return false;
		if (span_find(span_head(wire, label), '.') != SPAN_NONE)
			return false;
		if (n > 0)
			out[n++] = '.';
		for (size_t i = 0; i < label; i++)
			out[n++] = byte_lower(wire.at[i]);
		wire = span_skip(wire, label);
	}
	*len = n;
	return wire.len == 0;
}

/* Character-strings joined (RFC 7208 3.3, RFC 6376 3.6.2.2); at least one must be there (RFC 1035 3.3.14). */
static bool read_strings(struct span wire, uint8_t *out, size_t *len)
{
	size_t n = 0;

	if (wire.len == 0)
		return false;
	while (wire.len) {
		size_t string = wire.at[0];

		wire = span_skip(wire, 1);
		if (string > wire.len)
			return false;
		memcpy(out + n, wire.at, string);
		n += string;
		wire = span_skip(wire, string);
	}
	*len = n;
	return true;
}

static bool read_octets(struct span wire, size_t expected, uint8_t *out, size_t *len)
{
	if (wire.len != expected)
		return false;
	memcpy(out, wire.at, expected);
	*len = expected;
	return true;
}

bool dns_rdata_read(unsigned type, struct span wire, uint8_t *out, size_t *len)
{
	switch (type) {
	case DNS_A:
		return read_octets(wire, 4, out, len);
	case DNS_AAAA:
		return read_octets(wire, 16, out, len);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return read_name(wire, out, len);
	case DNS_MX:
		if (wire.len < 2 || !read_name(span_skip(wire, 2), out + 2, len))
			return false;
		memcpy(out, wire.at, 2);
		*len += 2;
		return true;
	case DNS_TXT:
	case DNS_SPF:
		return read_strings(wire, out, len);
	case DNS_TLSA: /* RFC 6698 2.1: usage, selector, matching type, and something to match */
		return wire.len > 3 && read_octets(wire, wire.len, out, len);
	default:
		return false;
	}
}

/* Dotted text that can be asked for, in lower case, or the root. */
static bool good_name(struct span name)
{
	struct dns_question q;

	return name.len == 0 || (dns_question_set(&q, DNS_A, name) && span_eq(dns_question_name(&q), name));
}

bool dns_rdata_good(unsigned type, struct span rdata)
{
	switch (type) {
	case DNS_A:
		return rdata.len == 4;
	case DNS_AAAA:
		return rdata.len == 16;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return good_name(rdata);
	case DNS_MX:
		return rdata.len >= 2 && good_name(span_skip(rdata, 2));
	case DNS_TXT:
	case DNS_SPF:
		return true;
	case DNS_TLSA:
		return rdata.len > 3;
	default:
		return false;
	}
}
