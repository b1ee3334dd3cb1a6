// SPDX-License-Identifier: MIT
/*
 * smtp_offer.h - extensions that both sides of SMTP name by a bit
 */
#ifndef SMTP_OFFER_H
#define SMTP_OFFER_H

/* Extensions that EHLO offers only when the caller says so; PIPELINING, SIZE and ENHANCEDSTATUSCODES always. */
enum smtp_offer {
	SMTP_OFFER_8BITMIME = 1,    /* RFC 6152 */
	SMTP_OFFER_CHUNKING = 2,    /* RFC 3030, without BINARYMIME */
	SMTP_OFFER_SMTPUTF8 = 4,    /* RFC 6531 */
	SMTP_OFFER_DSN = 8,         /* RFC 3461 */
	SMTP_OFFER_LIMITS = 16,     /* RFC 9422: RCPTMAX and MAILMAX */
	SMTP_OFFER_REQUIRETLS = 32, /* RFC 8689; under TLS only */
};

#endif
