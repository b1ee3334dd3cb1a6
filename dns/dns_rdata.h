// SPDX-License-Identifier: MIT
/*
 * dns_rdata.h - rdata of the wire to rdata as the cores see it (dns_question.h)
 */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include "dns/dns_question.h"

/**
 * dns_rdata_read - one record
 * @type: enum dns_type
 * @wire: its rdata, names in it not compressed
 * @out: as many octets as @wire has are enough
 *
 * Returns false for what no core may see: a wrong length, a name that is cut short or compressed, a
 * label that holds a dot (it would read as two), a type that no core asks for.  @len is then undefined.
 */
bool MUST_USE dns_rdata_read(unsigned type, struct span wire, uint8_t *out, size_t *len);

/* Whether @rdata is what dns_rdata_read() may give for @type. */
bool dns_rdata_good(unsigned type, struct span rdata);

#endif
