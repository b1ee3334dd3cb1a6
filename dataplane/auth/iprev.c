// SPDX-License-Identifier: MIT
/*
 * iprev.c - whether the client's address has a name that leads back to it (RFC 8601 2.7.3, 3), one question at a time
 *
 * The names of the address are looked up one after the other and the first that leads back ends the check, so
 * that a client which passes costs two look-ups.  Nothing is decided by the result; it is told to those behind us.
 */
#include "dataplane/auth/iprev.h"

const char *iprev_result_text(enum iprev_result r)
{
	switch (r) {
	case IPREV_RESULT_NONE:
		return "none";
	case IPREV_RESULT_PASS:
		return "pass";
	case IPREV_RESULT_FAIL:
		return "fail";
	case IPREV_RESULT_TEMPERROR:
		return "temperror";
	case IPREV_RESULT_PERMERROR:
		return "permerror";
	}
	return "temperror";
}

static void explain(const struct iprev *p, struct span subject, const char *what)
{
	if (!p->explain)
		return;
	struct text *out = &p->explain->text;
	text_puts(out, "iprev: ");
	text_escaped(out, subject);
	text_puts(out, " ");
	text_puts(out, what);
	text_puts(out, "\n");
}

static void count_result(struct stats *stats, enum iprev_result r)
{
	switch (r) {
	case IPREV_RESULT_NONE:
		return;
	case IPREV_RESULT_PASS:
		stats->iprev_pass++;
		return;
	case IPREV_RESULT_FAIL:
		stats->iprev_fail++;
		return;
	case IPREV_RESULT_TEMPERROR:
		stats->iprev_temperror++;
		return;
	case IPREV_RESULT_PERMERROR:
		stats->iprev_permerror++;
		return;
	}
}

static void finish(struct iprev *p, enum iprev_result result, const char *reason)
{
	p->done = true;
	p->result = result;
	p->reason = reason;
	count_result(p->settings->stats, result);
	explain(p, span_str(iprev_result_text(result)), reason);
}

/* Addresses that mean something else in every network: whatever DNS says of them, it is not about this client. */
static bool is_private(const struct ip_addr *ip)
{
	static const struct {
		struct ip_addr prefix;
		uint8_t bits;
	} of[] = {
		{ { .family = IP_V4, .bytes = { 0 } }, 8 },           /* RFC 791 3.2: this network */
		{ { .family = IP_V4, .bytes = { 10 } }, 8 },          /* RFC 1918 3 */
		{ { .family = IP_V4, .bytes = { 100, 64 } }, 10 },    /* RFC 6598 7: shared by a carrier's clients */
		{ { .family = IP_V4, .bytes = { 127 } }, 8 },         /* RFC 1122 3.2.1.3: this host */
		{ { .family = IP_V4, .bytes = { 169, 254 } }, 16 },   /* RFC 3927: this link */
		{ { .family = IP_V4, .bytes = { 172, 16 } }, 12 },    /* RFC 1918 3 */
		{ { .family = IP_V4, .bytes = { 192, 168 } }, 16 },   /* RFC 1918 3 */
		{ { .family = IP_V6, .bytes = { 0 } }, 127 },         /* RFC 4291 2.5.2, 2.5.3: none, this host */
		{ { .family = IP_V6, .bytes = { 0xfc } }, 7 },        /* RFC 4193 3.1: unique local */
		{ { .family = IP_V6, .bytes = { 0xfe, 0x80 } }, 10 }, /* RFC 4291 2.5.6: this link */
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (ip_addr_in_prefix(ip, &of[i].prefix, of[i].bits))
			return true;
	return false;
}

/* The name whose PTR records are those of the address: RFC 1035 3.5, RFC 3596 2.5. */
static void ask_names(struct iprev *p)
{
	static const char digits[] = "0123456789abcdef";
	char name[96];
	struct text t;

	text_init(&t, name, sizeof(name));
	for (size_t i = ip_addr_len(&p->ip); i-- > 0;) {
		uint8_t octet = p->ip.bytes[i];

		if (p->ip.family == IP_V4) {
			text_dec(&t, octet);
		} else {
			text_putc(&t, (uint8_t)digits[octet & 0xf]);
			text_putc(&t, '.');
			text_putc(&t, (uint8_t)digits[octet >> 4]);
		}
		text_putc(&t, '.');
	}
	text_puts(&t, p->ip.family == IP_V4 ? "in-addr.arpa" : "ip6.arpa");
	bool good = dns_question_set(&p->asks[0], DNS_PTR, text_span(&t));
	CHECK(good);
}

void iprev_begin(struct iprev *p, const struct auth_settings *settings, struct ip_addr ip, struct explain *explain_to,
		 uint64_t now_us)
{
	memset(p, 0, offsetof(struct iprev, asks));
	p->settings = settings;
	p->explain = explain_to;
	p->begin_us = now_us;
	p->reason = settings->iprev ? "the address is private or not known" : "it is switched off";
	p->ip = ip_addr_unmap(ip);
	p->done = !settings->iprev || p->ip.family == IP_NONE || is_private(&p->ip);
	if (!p->done)
		ask_names(p);
	else
		explain(p, span_str(iprev_result_text(p->result)), p->reason);
}

static bool has_client(const struct iprev *p, const struct dns_answer *a)
{
	uint32_t cursor = 0;
	struct span rdata;

	while (dns_answer_next(a, &cursor, &rdata))
		if (rdata.len == ip_addr_len(&p->ip) && memcmp(rdata.at, p->ip.bytes, rdata.len) == 0)
			return true;
	return false;
}

/* The next name is asked for; after the last one none of them has led back. */
static void next_host(struct iprev *p)
{
	if (p->host < p->n_hosts)
		p->host++;
	else if (p->unanswered)
		finish(p, IPREV_RESULT_TEMPERROR, "DNS gave no answer for a name of the client");
	else
		finish(p, IPREV_RESULT_FAIL, "no name of the client has its address");
}

/* The names of the address: as for SPF (RFC 7208 4.6.4) the first of them, and the rest is ignored. */
static void names_answer(struct iprev *p, const struct dns_answer *a)
{
	unsigned max = p->settings->iprev_names_max < IPREV_NAMES_MAX ? p->settings->iprev_names_max : IPREV_NAMES_MAX;
	enum dns_type type = p->ip.family == IP_V6 ? DNS_AAAA : DNS_A;
	uint32_t cursor = 0;
	struct span name;

	if (dns_answer_failed(a)) {
		finish(p, IPREV_RESULT_TEMPERROR, "DNS gave no answer for the names of the client");
		return;
	}
	if (a->n_records == 0) {
		finish(p, IPREV_RESULT_PERMERROR, "the client has no name in DNS");
		return;
	}
	if (a->n_records > max)
		p->settings->stats->iprev_names_ignored++;
	for (unsigned n = 0; n < max && dns_answer_next(a, &cursor, &name); n++) {
		/* One that cannot be asked for, the root among them, leads nowhere. */
		if (dns_question_set(&p->asks[p->n_hosts + 1], type, name))
			p->n_hosts++;
		else
			explain(p, name, "is a name of the client, but none that DNS can have");
	}
	next_host(p);
}

static void host_answer(struct iprev *p, const struct dns_answer *a)
{
	struct span name = dns_question_name(&p->asks[p->host]);

	if (dns_answer_failed(a)) {
		p->unanswered = true;
		explain(p, name, "is a name of the client, but DNS does not answer for it");
	} else if (has_client(p, a)) {
		p->name = name;
		explain(p, name, "is a name of the client and has its address");
		finish(p, IPREV_RESULT_PASS, "a name of the client leads back to it");
		return;
	} else {
		explain(p, name, "is a name of the client, but does not have its address");
	}
	next_host(p);
}

bool iprev_step(struct iprev *p, const struct dns_answer *answer, uint64_t now_us)
{
	if (p->done)
		return true;
	if (now_us - p->begin_us >= (uint64_t)p->settings->iprev_timeout_ms * 1000)
		finish(p, IPREV_RESULT_TEMPERROR, "DNS took too long for the names of the client");
	else if (answer && p->host == 0)
		names_answer(p, answer);
	else if (answer)
		host_answer(p, answer);
	return p->done;
}

const struct dns_question *iprev_question(const struct iprev *p)
{
	return &p->asks[p->host];
}
