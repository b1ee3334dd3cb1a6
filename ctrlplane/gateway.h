// SPDX-License-Identifier: MIT
/*
 * gateway.h - the whole gateway while it runs: ports and workers, resolver, control socket, records
 *
 * For main.c and gateway_*.c.  All of it belongs to the control thread; workers are reached by their rings alone.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "conf/settings.h"
#include "ctrlplane/control.h"
#include "ctrlplane/log.h"
#include "ctrlplane/stats_export.h"
#include "dataplane/dpdk/dpdk.h"
#include "dataplane/shard/shard.h"
#include "dns/dns_cache.h"
#include "dns/dns_flight.h"
#include "dns/dns_unbound.h"
#include "dns/dns_zone.h"

#define GATEWAY_RING_N 8192 /* messages each way between a worker and us */

struct gateway_worker {
	struct shard_link link;
	struct shard *shard;
	void *slots[4][GATEWAY_RING_N];
	struct own *waiting, **waiting_end; /* messages that found the ring down full, oldest first */
	bool drained;
};

struct gateway {
	struct settings settings;
	const char *path; /* of the configuration */
	unsigned n_workers;
	struct gateway_worker *workers;
	struct dpdk *dpdk;
	struct crypto_backend *crypto[STATS_WORKERS_MAX];
	struct dns_resolver resolver;
	struct dns_zone *zone;
	struct dns_cache *cache;
	struct dns_flights *flights;
	struct control *control;
	struct control_env control_env;
	struct record_ring records;
	struct log_file log;
	uint64_t started_us, started_unix_us;
	uint64_t drain_until_us; /* 0: not draining towards an end */
	bool draining;
};

uint64_t gateway_now_us(void);           /* monotonic */
uint64_t gateway_unix_us(void);          /* wall clock */
void gateway_random(void *at, size_t n); /* from the kernel; ends the process when there is none */

/* gateway_dns.c */
bool gateway_dns_open(struct gateway *g, char *error, size_t cap);
void gateway_dns_close(struct gateway *g);
void gateway_dns_ask_worker(struct gateway *g, unsigned worker, uint64_t ticket, const struct dns_question *q,
			    uint64_t now_us);
bool gateway_dns_turn(struct gateway *g, uint64_t now_us); /* answers that came, flights that are overdue */
bool gateway_dns_lookup(void *arg, const struct dns_question *q, uint64_t tag);

/* gateway_link.c: the rings */
bool MUST_USE gateway_say(struct gateway *g, unsigned worker, enum shard_message_kind kind, uint64_t tag);
bool gateway_links_turn(struct gateway *g, uint64_t now_us); /* returns whether anything came */
void gateway_answer_worker(struct gateway *g, unsigned worker, uint64_t ticket, const struct dns_question *q,
			   const struct dns_answer *answer);

#endif
