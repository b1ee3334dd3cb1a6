// SPDX-License-Identifier: MIT
/*
 * dkim_scan.h - the octets of text that "relaxed" keeps, found many at a time (RFC 6376 3.4.2, 3.4.4)
 *
 * White space goes when white space or a line end follows, else it becomes one space; all other octets stay.  So
 * the fate of an octet hangs on the two behind it and on nothing before it, and a text may be taken in parts
 * without any state.  What a line end is worth, and the ends of a text, are the caller's (dkim_canon.c).
 */
#ifndef AUTH_DKIM_SCAN_H
#define AUTH_DKIM_SCAN_H

#include "crypto/crypto_job.h"

#define DKIM_SCAN_SLACK 64 /* octets behind the canonical ones that may be written too */

/**
 * dkim_squeeze - canonical form of the first @n octets of @s
 * @simd: what the machine can do; all variants do the same
 * @s: behind its end is text, or nothing
 * @out: room for @n + DKIM_SCAN_SLACK octets
 *
 * Returns the number of canonical octets.
 */
size_t dkim_squeeze(enum simd simd, uint8_t *out, struct span s, size_t n);

/* The variants; those of dkim_scan_x86.c only where they run. */
size_t dkim_squeeze_portable(uint8_t *out, struct span s, size_t n);
size_t dkim_squeeze_avx2(uint8_t *out, struct span s, size_t n);
size_t dkim_squeeze_avx512(uint8_t *out, struct span s, size_t n);

#endif
