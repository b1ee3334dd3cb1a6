// SPDX-License-Identifier: MIT
/*
 * smtp_relay_reply.h - a next hop's reply, from octets; for smtp_relay.c alone
 */
#ifndef SMTP_RELAY_REPLY_H
#define SMTP_RELAY_REPLY_H

#include "dataplane/smtp/smtp_relay.h"

enum smtp_relay_reply_end {
	RELAY_REPLY_MORE,
	RELAY_REPLY_LINE,  /* a line of a reply is whole, others follow */
	RELAY_REPLY_WHOLE, /* its last line is */
	RELAY_REPLY_BAD,   /* no reply by any reading of RFC 5321 4.2, or longer than a limit */
};

/**
 * smtp_relay_reply_feed - take octets up to the end of one line
 * @r: zeroed before the first reply; begins anew by itself after WHOLE
 * @text: of LINE and WHOLE: what follows the code in that line; borrowed until the next call
 *
 * Returns the octets taken.
 */
size_t MUST_USE smtp_relay_reply_feed(struct smtp_relay_reply *r, struct span in, enum smtp_relay_reply_end *end,
				      struct span *text);

/* The reply that is WHOLE, fit to be passed on: sanitised, with the enhanced code x.0.0 if it had none. */
void smtp_relay_reply_get(const struct smtp_relay_reply *r, struct smtp_reply *out);

#endif
