// SPDX-License-Identifier: MIT
/*
 * record.h - one message's record as JSON, and the last of them kept
 *
 * The keys are those that operators' tools rely on: time id session client_ip client_port helo tls mail_from rcpt
 * size spf dkim arc dmarc action rule reply nexthop nexthop_reply dns_ms crypto_us total_ms, and iprev, from_domain
 * and authentication_results.
 */
#ifndef CTRLPLANE_RECORD_H
#define CTRLPLANE_RECORD_H

#include <jansson.h>

#include "dataplane/shard/shard_link.h"

#define RECORD_RING_N 1000 /* records kept for explain and for the start of trace */

/**
 * record_json - the record as an object
 *
 * Peers' octets: what is UTF-8 stays, any other octet stands for the code point of its number (ISO 8859-1), so that
 * the result is always valid and nothing is lost.  NULL when there is no memory; the caller owns the reference.
 */
json_t *record_json(const struct shard_record *r);

/* The same with what explain tells on top: rcpt_total, duplicate_possible, fields, steps (null: not kept). */
json_t *record_json_whole(const struct shard_record *r);

/* Any object compact, one line without its end, printable ASCII only (all else as \uXXXX).  malloc()ed; NULL: no memory. */
char *record_dump(const json_t *o);

#define RECORD_LINE_MAX (128u << 10) /* octets of the longest line, each octet of a peer as \uXXXX */

/**
 * record_line - record_dump(record_json()) without the object between
 *
 * Every message has its line, so this costs a tenth.  @out: RECORD_LINE_MAX octets of room, and the line never leaves it full.
 */
void record_line(const struct shard_record *r, struct text *out);

/* A field of a record: it ends at its NUL, or where the array does. */
#define RECORD_FIELD(array) span_of((array), strnlen((array), sizeof(array)))
/* One with a length of its own. */
#define RECORD_LIST(array, n) span_of((array), (n) < sizeof(array) ? (n) : sizeof(array))

/* Octets of the UTF-8 sequence at the start of @s, which is not empty (RFC 3629 4: shortest form, no surrogates); 0: it is none. */
size_t record_utf8_len(struct span s);

/* The value of the first Authentication-Results field on top, unfolded to one line; nothing when there is none. */
void record_authentication_results(const struct shard_record *r, struct text *out);

/* A string of a peer as a JSON string; see record_json(). */
json_t *record_string(struct span s);

/* "2026-11-24T06:10:37.123Z" (RFC 3339, UTC) */
void record_time_text(uint64_t unix_us, struct text *out);

struct record_filter {
	struct ip_addr prefix; /* IP_NONE: any client */
	uint8_t prefix_len;
	char domain[256]; /* of From or MAIL FROM, or one above it; "": any */
};

bool record_matches(const struct record_filter *f, const struct shard_record *r);

/* The last records; the oldest makes room. */
struct record_ring {
	struct shard_record *slots;
	size_t n_max, n, newest; /* newest: index of the slot filled last */
	uint64_t n_added;
	size_t steps_max, steps_octets; /* of all accounts; the oldest go first */
	uint64_t steps_from;            /* records added before this one have none any more */
};

/* @n_max: at least 1.  @steps_max: octets of all accounts kept.  False: no memory. */
bool MUST_USE record_ring_open(struct record_ring *ring, size_t n_max, size_t steps_max);
void record_ring_close(struct record_ring *ring);

/* Copies @r and its account; that is left out when there is no memory. */
void record_ring_add(struct record_ring *ring, const struct shard_record *r);

/* @age: 0 is the newest; NULL past the oldest.  Borrowed until the next add. */
const struct shard_record *record_ring_at(const struct record_ring *ring, size_t age);

/* By message id, else the newest of that session id; NULL when it is not kept (any more). */
const struct shard_record *record_ring_find(const struct record_ring *ring, struct span id);

#endif
