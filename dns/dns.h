// SPDX-License-Identifier: MIT
/*
 * dns.h - how a resolver is asked: a struct of functions
 *
 * Three drivers: dns_unbound.c (recursive or forwarding), dns_zone.c (records from a file or from a test).
 */
#ifndef DNS_H
#define DNS_H

#include "dns/dns_question.h"

struct dns_resolver {
	void *driver;
	/* Starts one question; @ticket comes back with the answer.  False: not taken (too many under way). */
	bool (*ask)(void *driver, const struct dns_question *q, uint64_t ticket);
	/* Takes one finished answer; false when there is none now.  @answer is borrowed until the next call. */
	bool (*next)(void *driver, uint64_t *ticket, const struct dns_answer **answer);
	/* Descriptor that becomes readable when next() has something; -1: there is none to wait for. */
	int (*fd)(void *driver);
	void (*close)(void *driver);
};

#endif
