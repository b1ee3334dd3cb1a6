// SPDX-License-Identifier: MIT
/*
 * report_xml.c - one aggregate report as XML, written by libxml2
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlwriter.h>

#include "conf/settings.h"
#include "ctrlplane/report/report_xml.h"
#include "dataplane/shard/shard_link.h"

#define XML_NAMESPACE "urn:ietf:params:xml:ns:dmarc-2.0"

struct writing {
	xmlTextWriterPtr w;
	bool rfc7489;
};

static void begin(const struct writing *x, const char *name)
{
	xmlTextWriterStartElement(x->w, (const xmlChar *)name);
}

static void end(const struct writing *x)
{
	xmlTextWriterEndElement(x->w);
}

/* An element with text; libxml2 escapes what markup needs. */
static void put(const struct writing *x, const char *name, struct span value)
{
	char text[SETTINGS_STR_MAX];
	size_t n = value.len < sizeof(text) ? value.len : sizeof(text) - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(value.at[i] >= ' ' && value.at[i] < 0x7f ? value.at[i] : '?');
	text[n] = '\0';
	xmlTextWriterWriteElement(x->w, (const xmlChar *)name, (const xmlChar *)text);
}

static void put_number(const struct writing *x, const char *name, uint64_t value)
{
	xmlTextWriterWriteFormatElement(x->w, (const xmlChar *)name, "%llu", (unsigned long long)value);
}

void report_id_text(const struct report_period *p, const char *hostname, struct text *out)
{
	text_dec(out, (uint64_t)p->id);
	text_putc(out, '.');
	text_dec(out, p->begin_s);
	text_putc(out, '@');
	text_puts(out, hostname);
}

static void metadata(const struct writing *x, const struct report_period *p, const struct report_author *a,
		     const char *report_id)
{
	begin(x, "report_metadata");
	put(x, "org_name", span_str(a->organization));
	put(x, "email", span_str(a->email));
	if (a->contact[0])
		put(x, "extra_contact_info", span_str(a->contact));
	put(x, "report_id", span_str(report_id));
	begin(x, "date_range");
	put_number(x, "begin", p->begin_s);
	put_number(x, "end", p->end_s);
	end(x);
	if (!x->rfc7489)
		put(x, "generator", span_str(a->generator));
	end(x);
}

/* The value of a tag in "p=none;sp=reject"; empty when it is not there. */
static struct span policy_tag(const struct report_period *p, const char *name)
{
	struct span rest = span_str(p->policy);

	while (rest.at) {
		struct span value = span_cut(&rest, ';');

		if (span_eq(span_cut(&value, '='), span_str(name)))
			return value.at ? value : SPAN("");
	}
	return SPAN("");
}

static void put_tag(const struct writing *x, const struct report_period *p, const char *element, const char *tag)
{
	struct span value = policy_tag(p, tag);

	if (value.len)
		put(x, element, value);
}

static void published(const struct writing *x, const struct report_period *p)
{
	begin(x, "policy_published");
	put(x, "domain", span_str(p->domain));
	if (!x->rfc7489)
		put_tag(x, p, "discovery_method", "method");
	put_tag(x, p, "adkim", "adkim");
	put_tag(x, p, "aspf", "aspf");
	put_tag(x, p, "p", "p");
	if (x->rfc7489) { /* there all are required: what is not published has its default */
		put_tag(x, p, "sp", policy_tag(p, "sp").len ? "sp" : "p");
		put_number(x, "pct", 100);
		put(x, "fo", SPAN("0"));
	} else {
		put_tag(x, p, "sp", "sp");
		put_tag(x, p, "np", "np");
		put_tag(x, p, "testing", "t");
	}
	end(x);
}

static void evaluated(const struct writing *x, const struct span *fact)
{
	bool pass = span_eq(fact[FACT_DISPOSITION], SPAN("pass"));
	bool test_mode = span_eq(fact[FACT_REASON], SPAN("policy_test_mode"));

	begin(x, "policy_evaluated");
	/* RFC 7489 knows neither the disposition pass nor the reason policy_test_mode. */
	put(x, "disposition", pass && x->rfc7489 ? SPAN("none") : fact[FACT_DISPOSITION]);
	put(x, "dkim", fact[FACT_DKIM]);
	put(x, "spf", fact[FACT_SPF]);
	if (fact[FACT_REASON].len) {
		begin(x, "reason");
		put(x, "type", test_mode && x->rfc7489 ? SPAN("other") : fact[FACT_REASON]);
		put(x, "comment", fact[FACT_COMMENT]);
		end(x);
	}
	end(x);
}

static void identifiers(const struct writing *x, const struct span *fact)
{
	begin(x, "identifiers");
	if (fact[FACT_ENVELOPE_FROM].len || x->rfc7489)
		put(x, "envelope_from", fact[FACT_ENVELOPE_FROM]);
	put(x, "header_from", fact[FACT_HEADER_FROM]);
	end(x);
}

static void auth_results(const struct writing *x, const struct span *fact, struct span signatures)
{
	begin(x, "auth_results");
	for (unsigned i = 0; signatures.at && signatures.len && i < REPORT_DKIM_MAX; i++) {
		begin(x, "dkim");
		put(x, "domain", span_cut(&signatures, '\0'));
		put(x, "selector", span_cut(&signatures, '\0'));
		put(x, "result", span_cut(&signatures, '\0'));
		end(x);
	}
	begin(x, "spf");
	put(x, "domain", fact[FACT_SPF_DOMAIN]);
	/* RFC 9990 has this scope alone: the identity of HELO stands in for a null reverse-path. */
	put(x, "scope", x->rfc7489 && fact[FACT_ENVELOPE_FROM].len == 0 ? SPAN("helo") : SPAN("mfrom"));
	put(x, "result", fact[FACT_SPF_RESULT]);
	end(x);
	end(x);
}

static void row(void *arg, struct span key, uint64_t count)
{
	const struct writing *x = arg;
	struct span fact[N_FACTS], address = span_cut(&key, '\0');

	for (unsigned i = 0; i < N_FACTS; i++) {
		fact[i] = span_cut(&key, '\0');
		if (!fact[i].at)
			fact[i] = SPAN("");
	}
	begin(x, "record");
	begin(x, "row");
	put(x, "source_ip", address);
	put_number(x, "count", count);
	evaluated(x, fact);
	end(x);
	identifiers(x, fact);
	auth_results(x, fact, key);
	end(x);
}

static bool document(struct writing *x, struct report_store *st, const struct report_period *p,
		     const struct report_author *author, const char *report_id)
{
	xmlTextWriterSetIndent(x->w, 1);
	xmlTextWriterStartDocument(x->w, NULL, "UTF-8", NULL);
	if (x->rfc7489)
		begin(x, "feedback");
	else
		xmlTextWriterStartElementNS(x->w, NULL, (const xmlChar *)"feedback", (const xmlChar *)XML_NAMESPACE);
	put(x, "version", SPAN("1.0"));
	metadata(x, p, author, report_id);
	published(x, p);
	bool whole = report_store_rows(st, p->id, row, x);
	end(x);
	return whole;
}

char *report_xml(struct report_store *st, const struct report_period *p, const struct report_author *author,
		 const char *report_id, size_t *len)
{
	xmlBufferPtr buffer = xmlBufferCreate();
	struct writing x = { .w = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL, .rfc7489 = author->rfc7489 };
	char *text = NULL;

	if (x.w) {
		bool whole = document(&x, st, p, author, report_id);
		/* After the first failed write all later ones fail too. */
		bool good = whole && xmlTextWriterEndDocument(x.w) >= 0 && xmlTextWriterFlush(x.w) >= 0;
		*len = (size_t)xmlBufferLength(buffer);
		text = good ? malloc(*len + 1) : NULL;
		if (text)
			memcpy(text, xmlBufferContent(buffer), *len + 1);
		xmlFreeTextWriter(x.w);
	}
	xmlBufferFree(buffer);
	return text;
}
