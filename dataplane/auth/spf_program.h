// SPDX-License-Identifier: MIT
/*
 * spf_program.h - what an SPF record says to every client address, worked out once
 *
 * A block of octets that spf_compile() made for one domain and one family: a list of ranges in the order of
 * addresses; a check is a search in it.  Each range carries what spf.c would have said: result, counts, mechanism.
 * A range whose answer hangs on more than the address (macros, exists, ptr, an explanation, an error) is left open:
 * there the check is evaluated as ever.
 */
#ifndef AUTH_SPF_PROGRAM_H
#define AUTH_SPF_PROGRAM_H

#include "dataplane/auth/auth.h"

#define SPF_PROGRAM_MADE_MAX 4 /* times that one is made again because an answer had been missing */

enum spf_program_says {
	SPF_PROGRAM_NONE,    /* no program: the domain was met once */
	SPF_PROGRAM_DECIDED, /* the outcome is that of the check */
	SPF_PROGRAM_OPEN,    /* the check must be evaluated */
	SPF_PROGRAM_MISSING, /* likewise; an answer was missing: worth to be made again */
};

struct spf_outcome {
	uint8_t result; /* enum spf_result */
	uint16_t n_terms, n_voids;
	struct span mechanism; /* in the block; at most DNS_NAME_MAX octets */
};

/**
 * spf_program_find - what a program says about a client
 * @block: from spf_compile(), of the family of @ip
 * @out: set when DECIDED
 */
enum spf_program_says spf_program_find(struct span block, const struct ip_addr *ip, struct spf_outcome *out);

/* layout, for spf_program.c and spf_compile.c */

__extension__ typedef unsigned __int128 spf_address; /* IPv4: the lowest 32 bits */

/* The block: this, the first address of each range (4 or 16 octets, host order), its outcome (1), outcomes, text. */
struct spf_program_head {
	uint16_t n_ranges;
	uint8_t n_outcomes;
	uint8_t n_made;
};

struct spf_kept {
	uint8_t result, mechanism_len;
	uint16_t n_terms, n_voids, mechanism_at;
};

enum { SPF_OUTCOME_OPEN, SPF_OUTCOME_MISSING, SPF_OUTCOMES_KNOWN };

static inline size_t spf_program_width(unsigned family)
{
	return family == IP_V4 ? 4 : 16;
}

static inline spf_address spf_address_of(const uint8_t *octets, unsigned family)
{
	spf_address a = 0;

	for (size_t i = 0; i < spf_program_width(family); i++)
		a = a << 8 | octets[i];
	return a;
}

#endif
