// SPDX-License-Identifier: MIT
/*
 * report_sign.h - the DKIM-Signature field of a message of our own (RFC 6376 5), relaxed/relaxed
 */
#ifndef REPORT_SIGN_H
#define REPORT_SIGN_H

#include "crypto/crypto_sign.h"

#define REPORT_SIGNATURE_MAX 4096 /* octets of the field */

/**
 * report_sign - write the field that goes on top
 * @header: all fields, each of which is signed; @body: canonical already, with one CRLF at
 * its end, no tab, and no blank at the end of a line or beside another
 * @domain, @selector: where the key stands in DNS
 * Returns false when OpenSSL fails or it does not fit.
 */
bool MUST_USE report_sign(struct text *out, const struct crypto_signer *signer, const char *domain,
			  const char *selector, uint64_t now_s, struct span header, struct span body);

#endif
