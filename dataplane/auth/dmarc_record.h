// SPDX-License-Identifier: MIT
/*
 * dmarc_record.h - one DMARC policy record (RFC 9989 4.7)
 */
#ifndef AUTH_DMARC_RECORD_H
#define AUTH_DMARC_RECORD_H

#include "dataplane/base/span.h"

enum dmarc_policy { DMARC_POLICY_ABSENT, DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
enum dmarc_psd { DMARC_PSD_UNSAID, DMARC_PSD_YES, DMARC_PSD_NO };

#define DMARC_RUA_MAX 64 /* reporting addresses looked at; more are ignored */

struct dmarc_record {
	uint8_t p, sp, np; /* enum dmarc_policy; ABSENT also when the value is none of the words */
	uint8_t psd;       /* enum dmarc_psd; an unknown value is UNSAID, the tag's default */
	bool bad_policy;   /* p, sp or np bears an unknown value */
	bool adkim_strict, aspf_strict;
	bool testing;  /* t=y */
	uint8_t n_rua; /* syntactically valid URIs of rua=, DMARC_RUA_MAX at most */
	uint8_t n_ruf; /* likewise of ruf= */
};

/**
 * dmarc_record_parse - whether a TXT record is a DMARC record, and what it says
 *
 * It is one when "v=DMARC1" comes first; the value's case matters, white space round "=" does not.  Unknown tags, and
 * what is no tag at all, are ignored; of a tag that stands twice the first counts.  pct, rf and ri are history.
 */
bool dmarc_record_parse(struct dmarc_record *r, struct span txt);

/**
 * dmarc_record_usable - what becomes of a record without a valid p (RFC 9989 4.7, last paragraphs)
 *
 * Without a valid p, or with an sp or np that is none of the words: when rua names an address, as if it were p=none
 * (the record is changed to that); otherwise false: no DMARC for this domain.
 */
bool dmarc_record_usable(struct dmarc_record *r);

#endif
