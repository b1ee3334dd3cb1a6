// SPDX-License-Identifier: MIT
/*
 * msg_received.h - Received fields: how many there are, and our own
 */
#ifndef MSG_RECEIVED_H
#define MSG_RECEIVED_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/msg/msg_header.h"

/* Number of Received fields (RFC 5321 6.3). */
unsigned msg_received_hops(const struct msg_header *header);

/* What our own field says; spans are borrowed for the call. */
struct msg_received {
	struct span helo; /* as the client gave it: octets of a stranger */
	struct ip_addr client;
	struct span host; /* our own name */
	bool esmtp;       /* EHLO rather than HELO */
	struct span tls;  /* version and cipher suite, "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: none */
	bool smtputf8;    /* RFC 6531 4.3 */
	struct span id;   /* our own */
	struct span rcpt; /* the forward-path without <>, when there is one recipient; empty: none is named */
	uint64_t unix_s;
};

/**
 * msg_received_write - our Received field, folded, each line with its CRLF (RFC 5321 4.4)
 *
 * What is no part of a domain or of an address literal becomes "?" in the client's name, so that no octet of it can
 * end the field, open a comment or begin another clause.  A recipient with any octet that would have to be
 * quoted is not named.  MSG_RECEIVED_MAX octets are always enough.
 */
void msg_received_write(const struct msg_received *r, struct text *out);

#define MSG_RECEIVED_MAX 1536
#define MSG_RECEIVED_HELO_MAX 255 /* octets of the client's name that are written */

/* "Mon, 24 Nov 2025 06:10:00 +0000" (RFC 5322 3.3) */
void msg_date_write(uint64_t unix_s, struct text *out);

#endif
