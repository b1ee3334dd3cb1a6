// SPDX-License-Identifier: MIT
/*
 * smtp_address.h - the path in MAIL and RCPT (RFC 5321 4.1.2)
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include "dataplane/base/span.h"

#define SMTP_LOCAL_PART_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define SMTP_DOMAIN_MAX 255    /* 4.5.3.1.2 */

/**
 * smtp_address_path - read "<...>" at the start of @rest
 * @rest: in: begins with the path; out: what follows its '>'
 * @mailbox: without the brackets and the source route, which RFC 5321 says to ignore (appendix C); empty for "<>";
 *	     points into @rest; a quoted local part keeps its quotes
 *
 * Returns false and leaves both alone when the grammar or a limit is broken.  "<postmaster>", the one mailbox without
 * a domain (4.1.1.3), is accepted here; whether it or "<>" may stand is for the command to say.
 */
bool MUST_USE smtp_address_path(struct span *rest, struct span *mailbox);

/* The same with the grammar of RFC 6531 3.3: valid UTF-8 in the local part and in labels.  Limits are in octets, but that
 * of 63 for a label, which is one of its ASCII form. */
bool MUST_USE smtp_address_path_utf8(struct span *rest, struct span *mailbox);

/* The mailbox of a RCPT that has no domain. */
bool smtp_address_is_postmaster(struct span mailbox);

#endif
