// SPDX-License-Identifier: MIT
/*
 * tcp_table.h - from addresses and ports to whatever TCP remembers of them
 *
 * One table for the three kinds of record, so that a segment costs one look-up.  The hash is keyed: a peer chooses
 * addresses and ports, but not the bucket.  Chains are linked by 32-bit names (kind and index within the pool of that
 * kind), which keeps a TIME-WAIT record in one cache line.
 */
#ifndef NET_TCP_TABLE_H
#define NET_TCP_TABLE_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/base/pool.h"
#include "dataplane/base/siphash.h"

struct tcp_key {
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
};
_Static_assert(sizeof(struct tcp_key) == 38, "no padding: keys are hashed and compared as octets");

enum tcp_kind { TCP_KIND_NONE, TCP_KIND_CONN, TCP_KIND_HALF, TCP_KIND_WAIT, TCP_KINDS };

/* Lies inside each record. */
struct tcp_flow {
	struct tcp_key key;
	uint16_t spare; /* the record's own: it would be padding */
	uint32_t next;  /* name of the next one in the chain; 0: none */
};

struct tcp_table {
	uint32_t *buckets;
	uint32_t mask;
	struct siphash_key secret;
	struct {
		const struct pool *pool;
		size_t flow_at; /* offset of the struct tcp_flow within a record */
	} kinds[TCP_KINDS];
};

/* A keyed hash of a key, for whoever needs a secret function of a flow. */
uint32_t tcp_key_hash(const struct siphash_key *secret, const struct tcp_key *key);

/* Buckets for @n records: a power of two. */
size_t tcp_table_buckets(size_t n);

/* @buckets: tcp_table_buckets() zeroed words, kept. */
void tcp_table_init(struct tcp_table *t, uint32_t *buckets, size_t n_buckets, const struct siphash_key *secret);

/* Records of @kind come from @pool and have their struct tcp_flow at @flow_at. */
void tcp_table_kind(struct tcp_table *t, enum tcp_kind kind, const struct pool *pool, size_t flow_at);

/* For whoever looks ahead, in this order: the hash of a key; its bucket, the key of the first record there, and the
 * record with @key are brought into the cache. */
uint32_t tcp_table_hash(const struct tcp_table *t, const struct tcp_key *key);
void tcp_table_fetch_bucket(const struct tcp_table *t, uint32_t hash);
void tcp_table_fetch_key(const struct tcp_table *t, uint32_t hash);
void tcp_table_fetch_record(const struct tcp_table *t, const struct tcp_key *key, uint32_t hash);
void *tcp_table_find_hashed(const struct tcp_table *t, const struct tcp_key *key, uint32_t hash, enum tcp_kind *kind);

/* The record with @key and its kind; NULL and TCP_KIND_NONE when there is none. */
void *tcp_table_find(const struct tcp_table *t, const struct tcp_key *key, enum tcp_kind *kind);

/* @record: of @kind, its flow's key set, which must not be in the table yet. */
void tcp_table_add(struct tcp_table *t, enum tcp_kind kind, void *record);
void tcp_table_add_hashed(struct tcp_table *t, enum tcp_kind kind, void *record, uint32_t hash);
void tcp_table_remove(struct tcp_table *t, enum tcp_kind kind, void *record);

#endif
