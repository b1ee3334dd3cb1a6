// SPDX-License-Identifier: MIT
/*
 * check_case.h - one case: an envelope, perhaps a message, perhaps a zone
 */
#ifndef CHECK_CASE_H
#define CHECK_CASE_H

#include <jansson.h>

#include "dataplane/base/ip_addr.h"
#include "dns/dns_zone.h"

struct check_case {
	struct ip_addr ip; /* IP_NONE: not known */
	struct span helo;  /* empty: not known */
	struct span mail_from;
	bool has_mail_from;
	bool has_now;
	uint64_t now_unix;
	const char *receiver; /* the checking host, %{r} of SPF; NULL: as the settings have it */
	bool has_message;
	struct span message;
	struct dns_zone *zone; /* NULL: none was given */

	/* What the spans point into. */
	json_t *json;
	uint8_t *message_octets;
};

/**
 * check_case_read - a case out of its JSON object
 * @json: taken, also when it fails
 * @c: set in any case; to be closed
 *
 * Returns NULL, or a constant sentence that says what is wrong.
 */
const char *check_case_read(struct check_case *c, json_t *json);

void check_case_close(struct check_case *c);

#endif
