// SPDX-License-Identifier: MIT
/*
 * zone.h - a zone of master-file text, for the tests
 */
#ifndef TESTS_ZONE_H
#define TESTS_ZONE_H

#include <stdio.h>
#include <stdlib.h>

#include "dns/dns_zone.h"

/* Ends the program when @text is no zone; dns_zone_close() it. */
static inline struct dns_zone *zone_of(const char *text)
{
	struct dns_zone *z = dns_zone_open();
	const char *what = "";
	unsigned line = dns_zone_load(z, span_str(text), &what);

	if (line) {
		printf("# zone line %u: %s\n%s\n", line, what, text);
		exit(1);
	}
	return z;
}

#endif
