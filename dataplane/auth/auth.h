// SPDX-License-Identifier: MIT
/*
 * auth.h - what all verifiers share: the environment they are given
 */
#ifndef AUTH_H
#define AUTH_H

#include "crypto/crypto_job.h"
#include "dataplane/base/ip_addr.h"
#include "dataplane/base/stats.h"
#include "dns/dns_question.h"

/*
 * What is kept from one message to the next, by whoever owns the verifiers.  Blocks lie under questions of types
 * that DNS does not have.  Pure but for their own memory; `arg` is the first argument of each.
 */
struct auth_memory {
	/* The answer when it is known without asking, or NULL; borrowed until the next call of any of these. */
	const struct dns_answer *(*known)(void *arg, const struct dns_question *q, uint64_t now_us);
	/* The block kept under @q, empty when there is none; borrowed likewise, not aligned. */
	struct span (*recall)(void *arg, const struct dns_question *q, uint64_t now_us);
	/* Keeps a copy of @block, which is not what recall() lent, for @ttl_s at most. */
	void (*keep)(void *arg, const struct dns_question *q, struct span block, uint32_t ttl_s, uint64_t now_us);
	void *arg;
};

enum { AUTH_KEPT_SPF4 = 0xff04, AUTH_KEPT_SPF6 = 0xff06 }; /* types of these questions (private use, RFC 6895 3.1) */

struct dmarc_cache;

/*
 * What becomes of a good signature whose l= leaves octets at the end of the body unsigned, so that anyone may have put
 * them there (RFC 6376 8.2): pass, but nothing that DMARC or ARC may build on; policy; or a pass like any other.
 */
enum dkim_partial { DKIM_PARTIAL_UNALIGNED, DKIM_PARTIAL_POLICY, DKIM_PARTIAL_ACCEPT };

/* Limits and switches; the defaults are auth_settings_default()'s. */
struct auth_settings {
	/* SPF, RFC 7208 4.6.4 */
	uint8_t spf_terms_max;   /* 10 */
	uint8_t spf_voids_max;   /* 2 */
	uint8_t spf_mx_max;      /* 10 names of an mx: more is permerror */
	uint8_t spf_ptr_max;     /* 10 names of a ptr: the rest is ignored */
	uint32_t spf_timeout_ms; /* 20 000 for one check; then temperror */
	/* iprev, RFC 8601 2.7.3 */
	bool iprev;                /* look at all, and report */
	uint8_t iprev_names_max;   /* 10 names of the client: the rest is ignored */
	uint32_t iprev_timeout_ms; /* 5 000; then temperror */
	/* DKIM, RFC 6376, 8301 */
	uint8_t dkim_signatures_max;         /* 10 verified, From-aligned first; the rest is policy */
	uint16_t dkim_h_names_max;           /* 1000 names in h= */
	uint16_t rsa_bits_min, rsa_bits_max; /* 1024, 8192 */
	uint32_t dkim_skew_s;                /* 300 */
	bool dkim_allow_sha1;                /* test switch, never in the gateway */
	uint8_t dkim_partial;                /* enum dkim_partial: l= smaller than the body; UNALIGNED */
	/* ARC, RFC 8617 */
	uint8_t arc_sets_max; /* 50 */
	const char *const
		*arc_trusted; /* d= of sealers that may override a DMARC failure; NULL-terminated, may be NULL */
	/* DMARC, RFC 9989 */
	bool dmarc_rfc7489; /* public suffix list instead of the tree walk */
	struct dmarc_cache
		*dmarc_cache;    /* of tree walks; NULL: each message walks anew.  The mode must stay the same */
	uint32_t dns_timeout_ms; /* 20 000: all DNS of DKIM, ARC and DMARC after the header's end */
	/* Authentication-Results, RFC 8601 */
	const char *authserv_id;
	bool received_spf; /* Received-SPF too */

	/* The shard's or the test's; never NULL */
	const struct hash_ops *hash;
	struct hash_pair *hash_pair;      /* the worker's; NULL: every body is hashed alone */
	const struct auth_memory *memory; /* but this one may be: then every check starts from nothing */
	/* U-labels to A-labels (IDNA 2008, UTS 46), lower case; false when it is no domain name.  Pure. */
	bool (*to_ascii)(struct span domain, struct text *out);
	/* RFC 7489 3.2: organizational domain by the public suffix list, a tail of @domain; empty when @domain is
	 * itself a public suffix.  Pure.  May be NULL when dmarc_rfc7489 is false: then the two modes are not compared. */
	struct span (*organizational)(struct span domain);
	struct stats *stats;
};

struct auth_settings auth_settings_default(void); /* without the pointers */

/* What is known of the client when the check starts. */
struct auth_client {
	struct ip_addr ip;     /* IPv4-mapped addresses are unmapped by the caller */
	struct span helo;      /* as given after EHLO or HELO */
	struct span mail_from; /* reverse-path without <>; empty is the null sender */
	bool has_mail_from;    /* false: only the HELO identity is known */
	uint64_t now_unix;
};

/*
 * A readable account of each step, for --explain.  NULL: none is wanted.  One line a step:
 * "spf: include:_spf.example.net did not match".  Octets of peers go in by text_escaped().
 */
struct explain {
	struct text text;
};

#endif
