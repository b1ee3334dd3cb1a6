// SPDX-License-Identifier: MIT
/*
 * dpdk_state.h - what is inside struct dpdk; for the files of this room
 */
#ifndef DPDK_STATE_H
#define DPDK_STATE_H

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_spinlock.h>

#include "dataplane/dpdk/dpdk.h"

#define DPDK_BURST 32
#define DPDK_WORKERS_MAX 128
#define DPDK_HAND_MAX 1024   /* frames on their way from one worker to another */
#define DPDK_TX_PER_TURN 256 /* then frames are received again */
#define DPDK_TX_TRIES 16     /* of a burst that the port does not take; then the rest is dropped */
#define DPDK_IDLE_TURNS 1000 /* empty turns before a worker sleeps, if the settings let it */
#define DPDK_RSS_KEY_MAX 52
#define DPDK_SOFT_RETA 128 /* entries of the table that stands in for a port's */

struct net_flow;

struct dpdk_port {
	uint16_t id; /* DPDK's */
	const struct settings_port *settings;
	char driver[32];
	uint8_t mac[6];
	uint16_t n_rxq, n_txq;
	bool rss;           /* the port spreads by our key; otherwise the workers do */
	uint16_t reta_size; /* power of two */
	bool rx_checksum, tx_checksum;
	rte_spinlock_t tx_locks[DPDK_WORKERS_MAX]; /* used where workers share a send queue */
};

/* Frames of one worker for one port that are not sent yet. */
struct dpdk_tx {
	struct rte_mbuf *frames[DPDK_BURST];
	uint16_t n;
};

enum dpdk_worker_state { DPDK_WORKER_NEW, DPDK_WORKER_STARTING, DPDK_WORKER_RUNNING, DPDK_WORKER_FAILED };

struct dpdk_worker {
	alignas(64) struct dpdk *d;
	const struct dpdk_user *user;
	void *arg; /* the user's own */
	uint16_t index;
	uint16_t core;
	struct rte_mempool *pool;
	struct rte_ring *hand;  /* frames from other workers; NULL with one worker.  See spread.c */
	struct rte_mbuf *spare; /* allocated to send in, not yet used */
	struct dpdk_tx tx[SETTINGS_PORTS_MAX];
	struct stats *stats; /* the user's, or @own_stats */
	struct stats own_stats;
	uint64_t rx_too_long[SETTINGS_PORTS_MAX], tx_dropped[SETTINGS_PORTS_MAX];
	pthread_t thread;
	_Atomic int state;
};

struct dpdk {
	uint16_t n_ports, n_workers;
	uint32_t idle_sleep_us;
	bool hugepages;
	_Atomic bool stop;
	struct dpdk_port ports[SETTINGS_PORTS_MAX];
	struct settings_port port_settings[SETTINGS_PORTS_MAX];
	struct dpdk_worker workers[DPDK_WORKERS_MAX];
	uint8_t by_id[RTE_MAX_ETHPORTS]; /* our number of a DPDK port */
	alignas(4) uint8_t rss_key[DPDK_RSS_KEY_MAX];
	cpu_set_t cores; /* that this process may run on */
	uint64_t tsc_start, tsc_hz;
	struct text notes;
	char notes_text[2048];
};

/* eal.c */
bool eal_start(struct dpdk *d, const struct settings *s, struct text *error);
bool eal_is_pci(const char *device);

/* port.c */
bool port_open(struct dpdk *d, unsigned i, const struct settings *s, struct text *error);
void port_close(struct dpdk *d, unsigned i);

/* lcore.c */
bool worker_init(struct dpdk *d, unsigned index, const struct settings *s, struct text *error);
void worker_close(struct dpdk_worker *w);

/* spread.c */
unsigned spread_owner(const struct dpdk *d, unsigned port, const struct net_flow *flow);

/* burst.c */
bool burst_receive(struct dpdk_worker *w, uint64_t now_us); /* true when a frame came */
bool burst_send(struct dpdk_worker *w, uint64_t now_us);    /* true when a frame went */
void burst_drain(struct dpdk_worker *w);                    /* frees what was not sent or not taken */

/* microseconds since the start; lcore.c */
uint64_t clock_us(const struct dpdk *d);

#endif
