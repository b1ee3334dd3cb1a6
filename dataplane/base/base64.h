// SPDX-License-Identifier: MIT
/*
 * base64.h - base64 as DKIM writes it (RFC 4648 4, RFC 6376 2.10)
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "dataplane/base/err.h"
#include "dataplane/base/text.h"

/**
 * base64_decode - the octets that @in stands for
 * @in: the alphabet, folding white space anywhere, padding at the end
 * @out: room for @cap octets; contents undefined unless OK
 * @len: set to the number of octets decoded
 *
 * Padding may be left out as a whole, as the grammar of RFC 6376 allows; half of it may not.  Bits that no octet
 * takes are not looked at (RFC 4648 3.5).  ERR_BAD_SYNTAX: any other octet, one left-over character, or anything
 * after the padding.  ERR_TOO_LONG: more than @cap octets.
 */
enum err MUST_USE base64_decode(struct span in, uint8_t *out, size_t cap, size_t *len);

/* Appends @in, padded, without line breaks. */
void base64_encode(struct text *out, struct span in);

#endif
