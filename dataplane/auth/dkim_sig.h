// SPDX-License-Identifier: MIT
/*
 * dkim_sig.h - one signature as it is written: its tags, checked (RFC 6376 3.5, 6.1.1; RFC 8617 4.1)
 *
 * A DKIM-Signature, an ARC-Message-Signature and an ARC-Seal are nearly the same thing; the kind says which tags
 * it must and may have.
 */
#ifndef AUTH_DKIM_SIG_H
#define AUTH_DKIM_SIG_H

#include "dataplane/auth/auth.h"
#include "dataplane/auth/dkim_canon.h"
#include "dataplane/msg/msg_header.h"

enum dkim_kind { DKIM_KIND_SIGNATURE, DKIM_KIND_ARC_MESSAGE, DKIM_KIND_ARC_SEAL };

enum dkim_cv { DKIM_CV_NONE, DKIM_CV_FAIL, DKIM_CV_PASS };

struct dkim_sig {
	struct span d, s, a, i; /* as written, at == NULL when absent; all spans are borrowed from the header */
	struct span b;          /* its value, which may hold folding white space; raw with the white space round it */
	struct span b_raw;
	struct span h;
	uint64_t l;                       /* UINT64_MAX when absent */
	uint32_t field;                   /* index of the field in the header */
	uint8_t alg;                      /* enum crypto_alg */
	uint8_t canon_header, canon_body; /* enum dkim_canon */
	uint8_t instance;                 /* of ARC: 1 to 50 */
	uint8_t cv;                       /* of a seal: enum dkim_cv */
	bool version_missing;             /* a DKIM-Signature without v= */
	bool i_below_d;                   /* the domain of i= is a subdomain of d=, not d= itself */
	bool signs_from;
	uint8_t bh[SHA256_LEN];
};

/**
 * dkim_sig_parse - read one field and check all that needs neither DNS nor body
 * @index: of the field in @header
 * @now_unix: for t= and x=
 *
 * Returns NULL, or a constant sentence that says what is wrong (permerror); d, s, a, i and b are then set as far as
 * the field could be read.
 */
const char *dkim_sig_parse(struct dkim_sig *sig, enum dkim_kind kind, const struct auth_settings *settings,
			   const struct msg_header *header, size_t index, uint64_t now_unix) MUST_USE;

struct dkim_tags;

/* i= of an ARC field: 1 to 50, 0 when it is absent or something else (RFC 8617 4.2.1). */
uint8_t dkim_sig_instance(const struct dkim_tags *tags);

/* Where the key lies: s= "._domainkey." d=, U-labels as A-labels (RFC 8616 4).  False: it makes no DNS name. */
bool MUST_USE dkim_sig_question(const struct dkim_sig *sig, const struct auth_settings *settings,
				struct dns_question *q);

/* Whether d= is @domain, or one of the two lies below the other. */
bool dkim_sig_is_aligned(const struct dkim_sig *sig, const struct auth_settings *settings, struct span domain);

/* The digest of the header fields that h= names and of the signature itself; returns its length. */
size_t dkim_sig_digest(const struct dkim_sig *sig, const struct auth_settings *settings,
		       const struct msg_header *header, uint8_t digest[SHA256_LEN]);

#endif
