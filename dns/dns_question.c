// SPDX-License-Identifier: MIT
/*
 * dns_question.c - what the cores ask and what they are told
 */
#include "dataplane/base/ip_addr.h"
#include "dns/dns_question.h"

bool dns_question_set(struct dns_question *q, enum dns_type type, struct span name)
{
	size_t label = 0; /* octets of the label so far */

	if (name.len && name.at[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (++label > DNS_LABEL_MAX) {
			return false;
		}
		q->name[i] = byte_lower(name.at[i]);
	}
	if (label == 0)
		return false;
	q->type = (uint16_t)type;
	q->len = (uint8_t)name.len;
	return true;
}

bool dns_question_eq(const struct dns_question *a, const struct dns_question *b)
{
	return a->type == b->type && span_eq(dns_question_name(a), dns_question_name(b));
}

struct dns_answer *dns_answer_init(void *at, size_t cap, enum dns_rcode rcode, uint32_t ttl_s)
{
	struct dns_answer *a = at;

	CHECK(cap >= sizeof(*a));
	memset(a, 0, sizeof(*a));
	a->size = sizeof(*a);
	a->ttl_s = ttl_s;
	a->rcode = (uint8_t)rcode;
	return a;
}

bool dns_answer_add(struct dns_answer *a, size_t cap, struct span rdata)
{
	uint16_t len = (uint16_t)rdata.len;
	uint8_t *at = (uint8_t *)a + a->size;

	if (rdata.len > UINT16_MAX || a->n_records == UINT16_MAX || cap < a->size ||
	    cap - a->size < sizeof(len) + rdata.len)
		return false;
	memcpy(at, &len, sizeof(len));
	if (rdata.len)
		memcpy(at + sizeof(len), rdata.at, rdata.len);
	a->size += (uint32_t)(sizeof(len) + rdata.len);
	a->n_records++;
	a->rcode = DNS_NOERROR;
	return true;
}

bool dns_answer_next(const struct dns_answer *a, uint32_t *cursor, struct span *rdata)
{
	uint32_t at = *cursor ? *cursor : (uint32_t)sizeof(*a);
	uint16_t len;

	if (at >= a->size || a->size - at < sizeof(len))
		return false;
	memcpy(&len, (const uint8_t *)a + at, sizeof(len));
	at += (uint32_t)sizeof(len);
	if (len > a->size - at)
		return false;
	*rdata = span_of((const uint8_t *)a + at, len);
	*cursor = at + len;
	return true;
}

static const struct {
	uint16_t type;
	const char *text;
} types[] = {
	{ DNS_A, "A" },   { DNS_NS, "NS" },   { DNS_CNAME, "CNAME" }, { DNS_SOA, "SOA" }, { DNS_PTR, "PTR" },
	{ DNS_MX, "MX" }, { DNS_TXT, "TXT" }, { DNS_AAAA, "AAAA" },   { DNS_SPF, "SPF" }, { DNS_TLSA, "TLSA" },
};

const char *dns_type_text(unsigned type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].text;
	return NULL;
}

unsigned dns_type_parse(struct span text)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_eq_nocase(text, span_str(types[i].text)))
			return types[i].type;
	return 0;
}

const char *dns_rcode_text(unsigned rcode)
{
	static const char *const text[] = {
		[DNS_NOERROR] = "NOERROR",   [DNS_NODATA] = "NODATA",   [DNS_NXDOMAIN] = "NXDOMAIN",
		[DNS_SERVFAIL] = "SERVFAIL", [DNS_TIMEOUT] = "TIMEOUT",
	};

	return rcode < sizeof(text) / sizeof(text[0]) ? text[rcode] : "unknown";
}

static void name_text(struct span name, struct text *out)
{
	if (name.len)
		text_escaped(out, name);
	else
		text_puts(out, ".");
}

static void rdata_text(unsigned type, struct span rdata, struct text *out)
{
	struct ip_addr addr = { .family = IP_NONE };

	if (type == DNS_A && rdata.len == 4)
		addr = ip_addr_of4(rdata.at);
	else if (type == DNS_AAAA && rdata.len == 16)
		addr = ip_addr_of6(rdata.at);
	if (addr.family != IP_NONE) {
		ip_addr_text(&addr, out);
	} else if (type == DNS_MX && rdata.len >= 2) {
		text_dec(out, (uint64_t)rdata.at[0] << 8 | rdata.at[1]);
		text_puts(out, " ");
		name_text(span_skip(rdata, 2), out);
	} else if (type == DNS_PTR || type == DNS_CNAME || type == DNS_NS) {
		name_text(rdata, out);
	} else if (type == DNS_TLSA && rdata.len > 3) {
		for (size_t i = 0; i < 3; i++) {
			text_dec(out, rdata.at[i]);
			text_putc(out, ' ');
		}
		text_hex(out, span_skip(rdata, 3));
	} else {
		text_puts(out, "\"");
		text_escaped(out, rdata);
		text_puts(out, "\"");
	}
}

void dns_answer_text(const struct dns_answer *a, unsigned type, struct text *out)
{
	uint32_t cursor = 0;
	struct span rdata;

	if (a->rcode != DNS_NOERROR) {
		text_puts(out, dns_rcode_text(a->rcode));
		return;
	}
	for (bool more = false; dns_answer_next(a, &cursor, &rdata); more = true) {
		if (more)
			text_puts(out, ", ");
		rdata_text(type, rdata, out);
	}
}
