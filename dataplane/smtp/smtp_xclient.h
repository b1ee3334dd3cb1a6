// SPDX-License-Identifier: MIT
/*
 * smtp_xclient.h - XCLIENT: who the client of a trusted peer is (Postfix's XCLIENT_README)
 */
#ifndef SMTP_XCLIENT_H
#define SMTP_XCLIENT_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/smtp/smtp_reply.h"

/* What follows the verb in EHLO: all attributes there are. */
#define SMTP_XCLIENT_OFFER "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

struct smtp_xclient {
	bool has_addr, has_port, has_esmtp;
	struct ip_addr addr; /* of no family: the peer does not know it */
	uint16_t port;       /* likewise 0 */
	bool esmtp;
	struct span helo; /* at is NULL: not given, or not known */
};

/* Attributes that a next hop may offer, and that are said to it; the others are left out. */
enum smtp_xclient_attribute {
	SMTP_XCLIENT_NAME = 1,
	SMTP_XCLIENT_ADDR = 2,
	SMTP_XCLIENT_PORT = 4,
	SMTP_XCLIENT_PROTO = 8,
	SMTP_XCLIENT_HELO = 16,
};

/* Who a client is, for a next hop. */
struct smtp_identity {
	struct ip_addr addr; /* of no family: there is none, the message is our own */
	uint16_t port;
	bool esmtp;
	struct span helo; /* one printable word of 255 octets at most; empty: none */
	struct span
		name; /* of the address in DNS, when it leads back to it; empty: it has none, or its DNS did not answer: */
	bool name_late;
};

#define SMTP_XCLIENT_LINE_MAX 512 /* with CRLF */

/* The keywords behind XCLIENT in a reply to EHLO: a set of enum smtp_xclient_attribute. */
unsigned smtp_xclient_offered(struct span keywords);

/* "XCLIENT ADDR=... \r\n", SMTP_XCLIENT_LINE_MAX octets at most: a name that does not fit is "not known". */
void smtp_xclient_write(const struct smtp_identity *who, unsigned offered, struct text *out);

/**
 * smtp_xclient_parse - the attributes of the command
 * @args: what follows the verb, without controls
 * @room: at least as long as @args, and may be at or before it: out->helo is written there
 *
 * Returns SMTP_TEXT_OK or the reply that refuses the line.
 */
enum smtp_text MUST_USE smtp_xclient_parse(struct span args, uint8_t *room, struct smtp_xclient *out);

#endif
