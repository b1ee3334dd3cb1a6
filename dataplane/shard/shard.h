// SPDX-License-Identifier: MIT
/*
 * shard.h - one core's whole world: network, sessions, verifiers, relay; shares nothing
 *
 * Driven by whoever owns the core (dataplane/dpdk/, or a test): frames in by shard_rx(), a turn of everything
 * else by shard_tick(), frames out by shard_tx().  Talks to the control thread by the four rings of shard_link.
 */
#ifndef SHARD_H
#define SHARD_H

#include "conf/settings.h"
#include "crypto/crypto_batch.h"
#include "crypto/tls.h"
#include "dataplane/net/net.h"
#include "dataplane/shard/shard_link.h"

struct shard;
struct greylist;
struct ledger;
struct dnsbl_zones;

/* What a shard is given; all borrowed for its life. */
struct shard_env {
	const struct settings *settings;
	const struct net_settings *net;
	const struct hash_ops *hash;
	struct hash_pair *hash_pair; /* NULL: bodies are hashed alone */
	struct crypto_backend *crypto;
	struct tls_driver *tls; /* NULL: no STARTTLS, neither with clients nor with next hops */
	bool (*to_ascii)(struct span domain, struct text *out);
	struct span (*organizational)(struct span domain);
	/* Whether an answer to @local_port comes back to this shard's queue; NULL: any port will do. */
	bool (*port_is_ours)(void *arg, const struct tcp_path *path, uint16_t remote_port, uint16_t local_port);
	void *port_arg;
	/* The clock within a turn, microseconds, for how long crypto takes; NULL: the turn's own time serves. */
	uint64_t (*clock_us)(void *arg);
	void *clock_arg;
	struct greylist
		*greylist; /* of all shards; NULL: none, and whoever a rule greylists has not been here before */
	const struct dnsbl_zones *dnsbl_zones; /* which are suspended; NULL: none */
	struct shard_link *link;
	struct ledger *ledger; /* what reports are made of is written there; NULL: none are made */
	uint16_t index;        /* of this shard, 0 .. workers - 1 */
	uint8_t seed[32];      /* random */
};

/* Connections that may be left to end, beside those of limits.sessions_max: TCP has room for as many more. */
#define SHARD_REFUSED_MAX 64

size_t shard_memory(const struct shard_env *env); /* octets for shard_init(), zeroed, 64-byte aligned */
struct shard *shard_init(void *memory, const struct shard_env *env, uint64_t now_us, uint64_t now_unix_us);

/* One frame of port @ifindex; borrowed for the call.  @rx_flags: NET_RX_... */
void shard_rx(struct shard *s, unsigned ifindex, struct span frame, unsigned rx_flags, uint64_t now_us);

/* The same for @n frames, NET_BURST_MAX at most, whose connections are looked up ahead. */
void shard_rx_burst(struct shard *s, const struct net_in *in, size_t n, uint64_t now_us);

/* One turn: ring messages, timers, crypto, relay.  @now_unix_us: wall clock.  Returns whether anything was done. */
bool shard_tick(struct shard *s, uint64_t now_us, uint64_t now_unix_us, bool idle);

/* The next frame to send; false when there is none now. */
bool shard_tx(struct shard *s, struct net_frame *frame, uint64_t now_us);

/* When shard_tick() must be called next at the latest. */
uint64_t shard_deadline_us(const struct shard *s);

/* The shard's thread ends: what a crypto device still has is waited for, for a bounded time. */
void shard_end(struct shard *s);

const struct stats *shard_stats(const struct shard *s);

/* For what the driver of the shard's frames counts, in the shard's own thread. */
struct stats *shard_own_stats(struct shard *s);

/* Of settings.next_hops[@index].  Like shard_stats() it may be called from the control thread: each number is one that
 * was so a moment ago. */
void shard_hop(const struct shard *s, unsigned index, uint64_t now_us, struct shard_hop *out);

#define SHARD_LIMITS_MAX 13

/* A limit of this worker and how near it was. */
struct shard_limit {
	const char *name;           /* of its setting, or what it bounds when it has none */
	uint64_t used, most, limit; /* now, at worst since the start, at most */
	uint64_t refused;           /* times that it was reached */
};

/* Fills in @out and returns how many.  From another thread as stats are. */
unsigned shard_limits(const struct shard *s, struct shard_limit out[SHARD_LIMITS_MAX]);

struct histogram;
/*
 * Of messages that went to a next hop: microseconds from the turn that found their end to when MAIL was said, the wait for a
 * connection included.  From another thread as stats are.
 */
const struct histogram *shard_latency(const struct shard *s);

struct policy_counts;
/* Of the rules in force.  From another thread as stats are: read as it is. */
const struct policy_counts *shard_policy_counts(const struct shard *s);

#endif
