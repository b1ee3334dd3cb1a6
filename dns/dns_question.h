// SPDX-License-Identifier: MIT
/*
 * dns_question.h - what the cores ask and what they are told
 *
 * A name is kept as dotted text in lower case, without the final dot; the root is
 * empty.  Octets above 0x7f and any octet but a dot may stand in a label, so that
 * hostile selectors can be asked for (or refused) exactly as they were written.
 *
 * An answer is one flat block without pointers: it can be copied, cached and passed
 * between threads as it is.  CNAMEs have been followed by whoever made it.
 */
#ifndef DNS_QUESTION_H
#define DNS_QUESTION_H

#include "dataplane/base/span.h"
#include "dataplane/base/text.h"

#define DNS_NAME_MAX 253
#define DNS_LABEL_MAX 63

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52,
	DNS_SPF = 99, /* never asked for; test zones hold some */
};

enum dns_rcode {
	DNS_NOERROR,  /* at least one record of the type asked for */
	DNS_NODATA,   /* the name exists (or is an empty non-terminal), the type does not */
	DNS_NXDOMAIN, /* the name does not exist, nor anything below it (RFC 8020) */
	DNS_SERVFAIL, /* also refused, bogus, malformed */
	DNS_TIMEOUT,
};

struct dns_question {
	uint16_t type; /* enum dns_type */
	uint8_t len;
	uint8_t name[DNS_NAME_MAX];
};

struct dns_answer {
	uint32_t size; /* octets of the whole block, this header included */
	uint32_t ttl_s;
	uint16_t n_records;
	uint8_t rcode;  /* enum dns_rcode */
	uint8_t secure; /* DNSSEC validated (AD) */
			/* n_records times: uint16_t length in host order, then so many octets of rdata (not aligned) */
};

/*
 * Rdata as the cores see it: A 4 octets; AAAA 16; PTR, CNAME, NS a name as dotted text;
 * MX two octets of preference (network order), then the exchange as dotted text, empty for ".";
 * TXT the character-strings joined without anything between them; TLSA as on the wire, three octets and what follows.
 */

static inline struct span dns_question_name(const struct dns_question *q)
{
	return span_of(q->name, q->len);
}

/**
 * dns_question_set - make a question, in lower case, one final dot dropped
 *
 * Returns false when @name cannot be asked for: longer than 253 octets, an empty label,
 * a label above 63 octets, or empty as a whole; @q is then undefined.
 */
bool MUST_USE dns_question_set(struct dns_question *q, enum dns_type type, struct span name);

bool dns_question_eq(const struct dns_question *a, const struct dns_question *b);

/* Neither records nor the word that there are none: a temperror to those who verify (RFC 7208 2.6.6). */
static inline bool dns_answer_failed(const struct dns_answer *a)
{
	return a->rcode == DNS_SERVFAIL || a->rcode == DNS_TIMEOUT;
}

/* An answer without records at @at; @cap is the room that dns_answer_add() may fill. */
struct dns_answer *dns_answer_init(void *at, size_t cap, enum dns_rcode rcode, uint32_t ttl_s);

/* Adds one record and sets the rcode to DNS_NOERROR; false when it does not fit in @cap (the answer stays). */
bool MUST_USE dns_answer_add(struct dns_answer *a, size_t cap, struct span rdata);

/**
 * dns_answer_next - walk over the records
 * @cursor: 0 at first
 * Returns false after the last.  @rdata is borrowed from @a.
 */
bool dns_answer_next(const struct dns_answer *a, uint32_t *cursor, struct span *rdata);

/* "A", "TXT"...; NULL when unknown.  And back: 0 when unknown. */
const char *dns_type_text(unsigned type);
unsigned dns_type_parse(struct span text);

/* "NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL", "TIMEOUT" */
const char *dns_rcode_text(unsigned rcode);

/* One line for a human: the rcode, or the records in presentation form, peer octets escaped. */
void dns_answer_text(const struct dns_answer *a, unsigned type, struct text *out);

#endif
