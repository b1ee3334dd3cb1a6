// SPDX-License-Identifier: MIT
/*
 * load_sign.h - DKIM signatures of made messages (RFC 6376, 8463), and the keys that their domains publish
 */
#ifndef LOAD_SIGN_H
#define LOAD_SIGN_H

#include <stdint.h>
#include <stdio.h>

#include "dataplane/base/span.h"

enum { LOAD_SIGN_MAX = 8, LOAD_SIGN_FIELD_MAX = 1400 };

struct load_sign; /* one algorithm and its key */

/* @name: rsa1024, rsa2048, rsa4096, ed25519.  NULL: not one of these, or no memory. */
struct load_sign *load_sign_open(const char *name);

/* The key is that of @folder/NAME.pem, where it is put if there is none: for another run.  False: it cannot be read or written. */
bool load_sign_keep(struct load_sign *s, const char *folder);

/*
 * The DKIM-Signature field of @domain for a message with @head, fields without the empty line, each one once, and @body, which ends
 * in one CRLF; both canonicalised as simple.  Its octets, 0 when the library refused; @to has LOAD_SIGN_FIELD_MAX of them.
 */
size_t load_sign_field(struct load_sign *s, const char *domain, struct span head, struct span body, char *to);

/* The record of the key, `name TYPE rdata`. */
void load_sign_record(const struct load_sign *s, const char *domain, FILE *to);

#endif
