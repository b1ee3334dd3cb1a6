// SPDX-License-Identifier: MIT
/*
 * spf_macro.h - macro-strings of SPF (RFC 7208 7): checked, then expanded
 */
#ifndef AUTH_SPF_MACRO_H
#define AUTH_SPF_MACRO_H

#include "dataplane/base/ip_addr.h"
#include "dns/dns_question.h"

#define SPF_LOCAL_MAX 256 /* octets of a local-part */
#define SPF_HELO_MAX 255  /* octets of %{h}; a longer one expands to "unknown" */
/* Octets of the longest expansion of one macro: %{S}, each octet as %XX. */
#define SPF_MACRO_MAX (3 * (SPF_LOCAL_MAX + 1 + DNS_NAME_MAX))

/* What the letters stand for (RFC 7208 7.2). */
struct spf_macro_values {
	struct ip_addr ip;         /* i, c, v */
	struct span local;         /* l, and s before the @; at most SPF_LOCAL_MAX */
	struct span sender_domain; /* o, and s after the @ */
	struct span domain;        /* d: the domain whose record is evaluated */
	struct span helo;          /* h */
	struct span validated;     /* p; empty: none, "unknown" */
	struct span receiver;      /* r */
	uint64_t now_unix;         /* t */
};

/* What a macro-string is for: domain-spec must not have c, r and t (7.2), an explanation may have spaces (6.2). */
enum spf_macro_use { SPF_MACRO_DOMAIN, SPF_MACRO_MODIFIER, SPF_MACRO_EXPLANATION };

/**
 * spf_macro_check - whether @s is a macro-string (RFC 7208 7.1)
 * @letters: set to the lower-case macro letters that stand in it, bit 0 is 'a'; may be NULL
 */
bool spf_macro_check(struct span s, enum spf_macro_use use, uint32_t *letters);

/* The same for a domain-spec: a macro-string that ends in a macro or in a top label. */
bool spf_domain_spec_check(struct span s, uint32_t *letters);

static inline bool spf_macro_has(uint32_t letters, char letter)
{
	return letters >> (letter - 'a') & 1;
}

/**
 * spf_macro_domain - expand a checked domain-spec to the name it means
 * @name: room for DNS_NAME_MAX octets
 *
 * Labels are dropped from the left until 253 octets are not exceeded (RFC 7208 7.3); one final dot goes.
 * Returns the length; the name may still be malformed (empty label, label above 63 octets).
 */
size_t spf_macro_domain(const struct spf_macro_values *v, struct span spec, uint8_t name[DNS_NAME_MAX]);

/* Expands a checked explain-string; @out->full when it does not fit. */
void spf_macro_text(const struct spf_macro_values *v, struct span string, struct text *out);

#endif
