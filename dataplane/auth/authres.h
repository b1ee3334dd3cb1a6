// SPDX-License-Identifier: MIT
/*
 * authres.h - Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 9.1): ours written, forged ones found
 */
#ifndef AUTH_AUTHRES_H
#define AUTH_AUTHRES_H

#include "dataplane/auth/arc.h"
#include "dataplane/auth/dmarc.h"
#include "dataplane/auth/iprev.h"

#define AUTHRES_VALUE_MAX 256        /* octets of a peer's value that are shown */
#define AUTHRES_SIGNATURES_MAX 16    /* DKIM signatures that are shown... */
#define AUTHRES_DKIM_OCTETS_MAX 2048 /* ...in so many octets; of more, the number is told */

/* What there is to report; all borrowed for the call. */
struct authres_in {
	const struct auth_settings *settings;
	const struct spf *spf_helo, *spf_mfrom; /* NULL: not checked */
	const struct iprev *iprev;              /* NULL: not checked */
	struct ip_addr ip;
	struct span helo, mail_from;
	const struct dkim *dkim; /* NULL, like the rest: there was no message */
	const struct arc *arc;
	const struct dmarc *dmarc;
	const struct from *from;
};

/**
 * authres_write - the whole Authentication-Results field, folded, each line with its CRLF (RFC 8601 2.2)
 *
 * What a peer wrote comes out as a token, as local-part@domain or as a quoted-string of printable ASCII ('?' for any
 * other octet), AUTHRES_VALUE_MAX octets at most: it cannot add a result, a comment or a line.
 */
void authres_write(const struct authres_in *in, struct text *out);

/* One Received-SPF field for each identity that was checked, the reverse-path first; values as above. */
void authres_received_spf(const struct authres_in *in, struct text *out);

/**
 * authres_is_ours - whether a field must be removed because it speaks, or might be read as speaking, for us
 * @name: of the field
 * @value: what follows the colon, folding included
 *
 * True for an Authentication-Results field whose authserv-id is ours in any spelling (RFC 8601 5), or that has none,
 * or in which it cannot be found with certainty.  Fields of other servers stay.
 */
bool authres_is_ours(const struct auth_settings *settings, struct span name, struct span value);

#endif
