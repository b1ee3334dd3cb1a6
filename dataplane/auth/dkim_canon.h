// SPDX-License-Identifier: MIT
/*
 * dkim_canon.h - canonicalisation, straight into a hash (RFC 6376 3.4, 3.7)
 */
#ifndef AUTH_DKIM_CANON_H
#define AUTH_DKIM_CANON_H

#include "crypto/crypto_job.h"

enum dkim_canon { DKIM_CANON_SIMPLE, DKIM_CANON_RELAXED };

#define DKIM_HASH_GATHER 128 /* short runs are gathered up to so many octets before they are hashed */

/* A running hash of canonical octets; may be copied by assignment. */
struct dkim_hash {
	struct hash_state state;
	const struct hash_ops *ops;
	struct hash_pair *pair; /* not NULL: hashed with company, and then no copy may be made */
	bool sha1;
	uint8_t simd; /* enum simd */
	uint8_t n_gathered;
	uint8_t gathered[DKIM_HASH_GATHER];
};

void dkim_hash_init(struct dkim_hash *h, const struct hash_ops *ops, bool sha1);
void dkim_hash_add(struct dkim_hash *h, struct span octets);
size_t dkim_hash_final(struct dkim_hash *h, uint8_t digest[SHA256_LEN]); /* returns the length of the digest */

/**
 * dkim_canon_field - hash one header field, its CRLF included
 * @field: from the name's first octet; it has a colon
 */
void dkim_canon_field(struct dkim_hash *h, enum dkim_canon canon, struct span field);

/**
 * dkim_canon_signature - hash the signature's own field: without the value of b= and without the CRLF (RFC 6376 3.7)
 * @b: that value within @field, with all white space round it (dkim_tag.raw)
 */
void dkim_canon_signature(struct dkim_hash *h, enum dkim_canon canon, struct span field, struct span b);

/* One body hash, fed in pieces cut anywhere. */
struct dkim_body {
	struct dkim_hash hash;
	uint64_t limit;    /* l=: octets hashed at most; UINT64_MAX: all */
	uint64_t n_octets; /* canonical octets so far; nothing is counted after the first one above the limit */
	uint64_t n_lines;  /* CRLFs held back: they count only when text follows */
	enum dkim_canon canon;
	bool cr;   /* a CR held back: part of a CRLF or not? */
	bool wsp;  /* relaxed: white space held back: at the end of a line or not? */
	bool text; /* something other than line ends was seen */
};

void dkim_body_init(struct dkim_body *b, const struct hash_ops *ops, bool sha1, enum dkim_canon canon, uint64_t limit);

/* Octets may wait in @pair from now on, until dkim_body_final() or dkim_body_drop(). */
void dkim_body_join(struct dkim_body *b, struct hash_pair *pair);
/* The digest is not wanted any more. */
void dkim_body_drop(struct dkim_body *b);
void dkim_body_add(struct dkim_body *b, struct span octets);

/* Returns the length of the digest; n_octets is then the whole length, or a length above the limit. */
size_t dkim_body_final(struct dkim_body *b, uint8_t digest[SHA256_LEN]);

#endif
