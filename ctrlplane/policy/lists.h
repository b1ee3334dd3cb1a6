// SPDX-License-Identifier: MIT
/*
 * lists.h - allow and deny: by prefix, by domain, by name in HELO; what a worker reads for each message
 *
 * A set of LISTS_RECIPIENT alone is the table of recipients: addresses, and "@domain" for all of a domain.
 *
 * Immutable once built (ctrlplane/lists_build.c), swapped whole.  The most specific entry decides: the longest prefix,
 * the longest name.  The same entry on both lists is on both, and the order of the rules decides.
 *
 * Prefixes lie as the borders of disjoint ranges, sorted, each with what holds from there on.  An index over the upper
 * bits, two slots for each border, says between which borders to look: a look-up reads one slot and, as a rule, one line
 * of borders.  Compared on a million prefixes: a search tree of cache lines (nine children a node) took four times as
 * long, as it reads seven lines one after the other.  DPDK's rte_lpm has 256 tables for what is longer than /24 by
 * default and answers for IPv4 alone; rte_fib6 goes byte by byte.  Both would bring the EAL into the control thread.
 */
#ifndef POLICY_LISTS_H
#define POLICY_LISTS_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/base/siphash.h"

enum { LISTS_ALLOW = 1, LISTS_DENY = 2 }; /* bits, as policy_words() has POLICY_LIST */

struct lists_ranges {
	uint32_t n_borders;
	/* Of each border the first 64 bits.  IPv4: address << 32 | value, and nothing else is needed. */
	const uint64_t *high;
	const uint64_t *low;    /* IPv6: the other 64; NULL: IPv4 */
	const uint16_t *values; /* IPv6 */
	const uint32_t *slots;  /* n_slots + 1: number of the first border whose high >> shift is that slot or later */
	uint64_t base;          /* in slots: of the first border */
	uint32_t n_slots;
	uint8_t shift;
};

enum lists_kind { LISTS_PREFIX, LISTS_DOMAIN, LISTS_HELO, LISTS_N_KINDS, LISTS_RECIPIENT = LISTS_N_KINDS };

#define LISTS_NAME_MAX 255

/* A name, lower case, without the dot in front; on which lists it is, itself (same) or with all below (below). */
struct lists_name {
	uint32_t at; /* in text */
	uint8_t len, kind;
	uint8_t same, below;
};

struct lists {
	struct lists_ranges v4, v6; /* a value is the length of the prefix << 2 | bits; 0: no entry */
	const uint32_t *slots;      /* number of a name + 1, by hash; 0: free */
	uint32_t slots_mask;        /* a power of two less 1; 0: no names */
	const struct lists_name *names;
	const char *text;
	uint32_t n_names;
	uint64_t n_prefixes;
};

/* Length << 2 | bits of the longest prefix around @a; 0: none. */
unsigned lists_prefix(const struct lists *l, const struct ip_addr *a);

/* Likewise for the longest entry that @name is or lies below. */
unsigned lists_name(const struct lists *l, enum lists_kind kind, struct span name);

/* Whether that very name has an entry, ASCII in any case; never when it is longer than LISTS_NAME_MAX. */
bool lists_has(const struct lists *l, enum lists_kind kind, struct span name);

/* For the builder: where the name is looked for first. */
uint32_t lists_slot(const struct lists *l, enum lists_kind kind, struct span name);

/* LISTS_... bits of a message by two sets, either of which may be NULL: of each kind the more specific entry. */
unsigned lists_bits(const struct lists *a, const struct lists *b, const struct ip_addr *client, struct span helo,
		    struct span mail_from);

#endif
