// SPDX-License-Identifier: MIT
/*
 * dns_zone.h - records held in memory: a zone file or a test case
 *
 * A name that is neither listed nor a parent of a listed one is NXDOMAIN; listed (or a parent) without the type: NODATA.
 * CNAMEs are followed (at most 12).  A name or type may be made to fail with an rcode.
 */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H

#include "dns/dns.h"

struct dns_zone;

struct dns_zone *dns_zone_open(void); /* empty; NULL: no memory */
void dns_zone_close(struct dns_zone *z);

/* @rdata as in dns_question.h.  @type 0: every type not listed with data (only for dns_zone_fail()). */
bool MUST_USE dns_zone_add(struct dns_zone *z, struct span name, unsigned type, struct span rdata);
bool MUST_USE dns_zone_fail(struct dns_zone *z, struct span name, unsigned type, enum dns_rcode rcode);

/**
 * dns_zone_load - master-file presentation, one record a line: `name TYPE rdata`
 * TTL and class between name and TYPE are accepted and ignored.  `name TYPE !SERVFAIL | !TIMEOUT | !NXDOMAIN | !NODATA`.
 * Strings may be quoted, several, with \" \\ and \DDD; `;` starts a comment outside of quotes; empty lines are skipped.
 * Returns 0, or the number of the first bad line, with @what saying what is wrong.
 */
unsigned dns_zone_load(struct dns_zone *z, struct span text, const char **what);

/* The answer now; borrowed until the next call. */
const struct dns_answer *dns_zone_answer(struct dns_zone *z, const struct dns_question *q);

/* The same as a resolver, for the control thread. */
struct dns_resolver dns_zone_resolver(struct dns_zone *z);

#endif
