// SPDX-License-Identifier: MIT
/*
 * iprev.h - whether the client's address has a name that leads back to it (RFC 8601 2.7.3, 3), one question at a time
 */
#ifndef AUTH_IPREV_H
#define AUTH_IPREV_H

#include "dataplane/auth/auth.h"

enum iprev_result {
	IPREV_RESULT_NONE,      /* not looked at: switched off, or an address without names of its own; not reported */
	IPREV_RESULT_PASS,      /* a name of the address has that address */
	IPREV_RESULT_FAIL,      /* there are names, and none of them has it */
	IPREV_RESULT_TEMPERROR, /* DNS did not answer, and no other name passed */
	IPREV_RESULT_PERMERROR  /* the address has no name */
};

#define IPREV_NAMES_MAX 10 /* the most that iprev_names_max may allow */

struct iprev {
	/* Results, final when iprev_step() has returned true. */
	enum iprev_result result;
	const char *reason; /* constant sentence for a postmaster, never NULL */
	struct span name;   /* pass: the name that leads back, any octets; else empty */

	/* Private */
	bool done;
	bool unanswered;       /* for one of the names DNS gave no answer */
	uint8_t n_hosts, host; /* names to look at, and the one that is asked for; host 0 is the PTR question */
	const struct auth_settings *settings;
	struct explain *explain;
	uint64_t begin_us;
	struct ip_addr ip;
	struct dns_question asks[1 + IPREV_NAMES_MAX]; /* PTR, then the addresses of each name */
};

/**
 * iprev_begin - start one check
 * @p: all its memory is inside, nothing to free; contents undefined before; must not be copied once it has begun
 * @ip: the client; an IPv4-mapped address counts as IPv4
 *
 * It is final at once (IPREV_RESULT_NONE) when settings->iprev is off, or the address is not known or private.
 */
void iprev_begin(struct iprev *p, const struct auth_settings *settings, struct ip_addr ip, struct explain *explain,
		 uint64_t now_us);

/**
 * iprev_step - carry the check a DNS answer further
 * @answer: reply to iprev_question(), NULL at first; borrowed for the call
 *
 * Returns true when p->result is final.  After iprev_timeout_ms it is temperror.
 */
bool iprev_step(struct iprev *p, const struct dns_answer *answer, uint64_t now_us);

/* The question to be answered next; only while iprev_step() returns false. */
const struct dns_question *iprev_question(const struct iprev *p);

const char *iprev_result_text(enum iprev_result r); /* "none" "pass" ... (RFC 8601 2.7.3) */

#endif
