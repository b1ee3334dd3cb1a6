// SPDX-License-Identifier: MIT
/*
 * policy_rules.h - the rules of policy.rules, compiled: what a worker reads for each message
 *
 * Flat: names lie in one array of octets, lists are runs in one array of names or prefixes, so that a set of rules is one
 * piece of memory without pointers.  Made by ctrlplane/settings_rules.c, read by ctrlplane/policy/rules.c.
 */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "dataplane/base/ip_addr.h"

#define POLICY_RULES_MAX 64     /* rules are bits of a 64-bit set */
#define POLICY_NAMES_MAX 1024   /* of all rules together */
#define POLICY_PREFIXES_MAX 512 /* likewise */
#define POLICY_OCTETS_MAX 32768 /* octets of all names, texts and fields */
#define POLICY_REPLY_MAX 200    /* octets of a rule's reply */

/* In the order of the words that settings_rules.c takes. */
enum policy_action {
	POLICY_ACCEPT,
	POLICY_TAG,        /* accepted, with the rule's field on top */
	POLICY_DEFER,      /* 451 */
	POLICY_REJECT,     /* 550 */
	POLICY_QUARANTINE, /* accepted, with policy.quarantine_header */
	POLICY_DISCARD,    /* 250, and nobody gets it; the record tells */
	POLICY_DEFAULT,    /* no further rule: as without rules */
	POLICY_ADD,        /* the rule's field goes on top, and the next rule is looked at */
	POLICY_REDIRECT,   /* accepted, by another next hop than the recipients' */
	POLICY_GREYLIST,   /* 451 to who has not come again yet (greylist.h); else the next rule is looked at */
};

enum { POLICY_N_ACTIONS = POLICY_GREYLIST + 1 };

/* What a rule does that hangs on an answer which did not come. */
enum policy_missing { POLICY_MISSING_UNSAID /* as policy.missing has it */, POLICY_MISSING_DEFER, POLICY_MISSING_SKIP };

/* What is known of a message as one of a few words, each a bit; policy_words() has them. */
enum policy_fact {
	POLICY_SPF,
	POLICY_DKIM, /* of all signatures: pass before temperror before the first */
	POLICY_ARC,
	POLICY_ARC_TRUSTED, /* yes: passes, covers From, and arc.trusted has the sealer */
	POLICY_DMARC,
	POLICY_DMARC_ASKS, /* what the domain wants done with this message: none unless DMARC fails */
	POLICY_IPREV,
	POLICY_FROM, /* the From field: good, or broken as policy.bad_from means it */
	POLICY_TLS,
	POLICY_LIST, /* of sekishoctl allow and deny */
	POLICY_EARLY_TALK,
	POLICY_N_FACTS
};

struct policy_text {
	uint32_t at;
	uint16_t len;
};

enum policy_name_kind {
	POLICY_NAME_DOMAIN,  /* example.org */
	POLICY_NAME_BELOW,   /* .example.org: it and all below */
	POLICY_NAME_ADDRESS, /* a@example.org */
	POLICY_NAME_NULL,    /* "": the null reverse-path */
};

struct policy_name {
	struct policy_text text; /* without the first dot */
	uint8_t kind;
};

struct policy_prefix {
	struct ip_addr addr;
	uint8_t len;
};

/* A run of names or prefixes; n is 0: no condition. */
struct policy_list {
	uint16_t at, n;
};

struct policy_rule {
	struct policy_text name;
	struct policy_text reply;       /* DEFER, REJECT, GREYLIST; empty: one of ours */
	struct policy_text field;       /* TAG, ADD: "Name: value" */
	struct policy_text next_hop;    /* REDIRECT: its name */
	uint8_t action;                 /* enum policy_action */
	bool monitor;                   /* counts, and does nothing */
	uint8_t missing;                /* enum policy_missing */
	uint16_t wants[POLICY_N_FACTS]; /* bits that match; 0: no condition */
	struct policy_list client, helo, mail_from, rcpt, from;
	uint64_t size_min, size_max;  /* octets; 0 and UINT64_MAX: no condition */
	uint32_t rcpts_min;           /* recipients; 0: no condition */
	int32_t dnsbl_min, dnsbl_max; /* the client's score; INT32_MIN and INT32_MAX: no condition */
};

struct policy_rules {
	uint16_t n_rules, n_names, n_prefixes;
	uint32_t text_len;
	struct policy_rule rules[POLICY_RULES_MAX];
	struct policy_name names[POLICY_NAMES_MAX];
	struct policy_prefix prefixes[POLICY_PREFIXES_MAX];
	char text[POLICY_OCTETS_MAX];
};

static inline struct span policy_span(const struct policy_rules *r, struct policy_text t)
{
	return span_of(r->text + t.at, t.len);
}

#endif
