// SPDX-License-Identifier: MIT
/*
 * report_gzip.h - GZIP (RFC 1952) by zlib; the only file that knows it
 */
#ifndef REPORT_GZIP_H
#define REPORT_GZIP_H

#include "dataplane/base/span.h"

/* malloc()ed; the same octets for the same input.  NULL: no memory. */
uint8_t *report_gzip(struct span in, size_t *len);

#endif
