// SPDX-License-Identifier: MIT
/*
 * spf_record.h - SPF records: chosen from a TXT answer, checked whole, kept as small terms
 *
 * RFC 7208 4.5, 4.6 and 12.  A record is compiled before its first term is evaluated, since an error anywhere
 * in it is permerror (4.6).  Text and terms go into an arena that is used as a stack: one record for
 * each include under way, the innermost on top.
 */
#ifndef AUTH_SPF_RECORD_H
#define AUTH_SPF_RECORD_H

#include "dns/dns_question.h"

#define SPF_OCTETS_MAX 16384 /* text of all records under way; RFC 7208 3.4 wishes for less than 450 each */
#define SPF_TERMS_MAX 1024   /* terms of all records under way */

enum spf_kind { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS, SPF_REDIRECT, SPF_EXP };

/* Offsets are into octets[] of the arena. */
struct spf_term {
	uint8_t kind;          /* enum spf_kind */
	char qualifier;        /* '+' '-' '~' '?' */
	uint8_t cidr4;         /* bits to compare: of a, mx and ip4 */
	uint8_t cidr6;         /* of a, mx and ip6 */
	uint16_t at, len;      /* the term as it was written */
	uint16_t arg, arg_len; /* domain-spec, empty when there is none; ip4: 4 octets, ip6: 16 */
	bool uses_p;           /* %{p} stands in the domain-spec */
	bool uses_local;       /* %{s} or %{l} does */
};

struct spf_arena {
	uint16_t n_octets, n_terms;
	uint8_t octets[SPF_OCTETS_MAX];
	struct spf_term terms[SPF_TERMS_MAX];
};

/* Mechanisms are terms[first] to terms[first + n - 1]; the two modifiers stand apart. */
struct spf_record {
	uint16_t first, n;
	bool has_redirect, has_exp;
	struct spf_term redirect, exp;
};

/**
 * spf_record_select - the SPF record among the TXT records of a domain (RFC 7208 4.5)
 * @record: the first one, borrowed from @answer
 *
 * Returns how many there are, counted up to two.
 */
unsigned spf_record_select(const struct dns_answer *answer, struct span *record);

/**
 * spf_record_compile - check the syntax of a whole record and push it on the arena
 * @record: from spf_record_select()
 *
 * Returns NULL, or a constant sentence that says what is wrong; the arena then holds what it held before.
 */
const char *MUST_USE spf_record_compile(struct spf_arena *arena, struct span record, struct spf_record *out);

static inline struct span spf_term_text(const struct spf_arena *arena, const struct spf_term *t)
{
	return span_of(arena->octets + t->at, t->len);
}

static inline struct span spf_term_arg(const struct spf_arena *arena, const struct spf_term *t)
{
	return span_of(arena->octets + t->arg, t->arg_len);
}

#endif
