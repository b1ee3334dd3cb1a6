// SPDX-License-Identifier: MIT
/*
 * from.h - the author domain out of the From field (RFC 5322 3.4, 3.6.2, RFC 6532, RFC 9989)
 *
 * Strict on purpose: a From that two parsers may read differently is no author.
 */
#ifndef AUTH_FROM_H
#define AUTH_FROM_H

#include "dataplane/auth/auth.h"
#include "dataplane/msg/msg_header.h"

enum from_error {
	FROM_OK,
	FROM_MISSING,      /* no From field */
	FROM_REPEATED,     /* more than one From field */
	FROM_SYNTAX,       /* not an RFC 5322 mailbox-list */
	FROM_NO_ADDRESS,   /* only empty groups */
	FROM_MANY_DOMAINS, /* several authors of different domains */
	FROM_DOMAIN,       /* the domain is none: literal, single empty label, no IDNA mapping... */
};

struct from {
	enum from_error error;
	const char *reason; /* constant sentence */
	uint8_t domain_len;
	char domain[254];             /* A-labels, lower case, no final dot; "" unless error is FROM_OK */
	bool address_in_display_name; /* an @ stands in a display name (for policy) */
};

void from_parse(struct from *f, const struct auth_settings *settings, const struct msg_header *header);

const char *from_error_text(enum from_error e); /* "missing" "repeated" "syntax" ... */

#endif
