// SPDX-License-Identifier: MIT
/*
 * authres.h - Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 9.1): ours written, forged ones found
 */
#ifndef AUTH_AUTHRES_H
#define AUTH_AUTHRES_H

#include "dataplane/auth/arc.h"
#include "dataplane/auth/dmarc.h"

/* What there is to report; all borrowed for the call. */
struct authres_in {
	const struct auth_settings *settings;
	const struct spf *spf_helo, *spf_mfrom; /* NULL: not checked */
	struct ip_addr ip;
	struct span helo, mail_from;
	const struct dkim *dkim; /* NULL, like the rest: there was no message */
	const struct arc *arc;
	const struct dmarc *dmarc;
	const struct from *from;
};

/* The whole field, folded, each line with its CRLF. */
void authres_write(const struct authres_in *in, struct text *out);
void authres_received_spf(const struct authres_in *in, struct text *out);

/* Whether a field claims to be an Authentication-Results field of ours, or might be read as one (RFC 8601 5). */
bool authres_is_ours(const struct auth_settings *settings, struct span name, struct span value);

#endif
