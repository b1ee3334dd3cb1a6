// SPDX-License-Identifier: MIT
/*
 * dpdk.h - ports and workers, as ctrlplane/main.c sees them
 *
 * The life of it, all from the control thread:
 *
 *	d = dpdk_open(settings, ...);	        EAL and ports; the environment decides on hugepages
 *	dpdk_if(d, i, &net.ifs[i]);	        for each port: what net.h wants to know
 *	memory = dpdk_memory(d, shard_memory(env), true);
 *	shard = shard_init(memory, env, now, unix);	with dpdk_now(), dpdk_port_is_ours(), dpdk_worker_arg()
 *	dpdk_run(d, worker, user, shard, ...);	from now on the shard belongs to that worker's thread
 *	dpdk_port_counts(): at any time
 *	dpdk_stop(d);			        joins the workers: the shards are the caller's again
 *	dpdk_close(d);
 *
 * There is one EAL in a process, hence one struct dpdk.  It cannot be opened again after dpdk_close().
 */
#ifndef DPDK_H
#define DPDK_H

#include "conf/settings.h"
#include "dataplane/net/net.h"

struct dpdk;

/* What a worker's thread drives: a shard, or the generator's world.  @arg is the worker's own (dpdk_run()). */
struct dpdk_user {
	/* Called first in the worker's thread; false: it must not run.  NULL: nothing to do. */
	bool (*begin)(void *arg);
	/* @n frames, NET_BURST_MAX at most; borrowed for the call. */
	void (*rx)(void *arg, const struct net_in *in, size_t n, uint64_t now_us);
	/* One turn of everything else; @idle: no frame came.  Returns whether anything was done. */
	bool (*tick)(void *arg, uint64_t now_us, uint64_t unix_us, bool idle);
	/* The next frame to send; false when there is none now. */
	bool (*tx)(void *arg, struct net_frame *frame, uint64_t now_us);
	uint64_t (*deadline_us)(void *arg); /* when tick must be called next at the latest */
	void (*end)(void *arg);             /* the worker's thread ends; NULL: nothing to do */
	struct stats *(*stats)(void *arg);  /* where the worker counts; NULL: for itself */
	bool is_patient; /* waits for a port that takes no frames, instead of dropping them: a load generator */
};

/**
 * dpdk_open - start the EAL, open and start all ports of the settings
 * @settings: read here only
 * @error: set to one line without a newline: what is wrong and what to do
 *
 * Returns NULL with @error set.  The affinity of the calling thread stays as it was; real-time signals are blocked
 * in it from now on, as net_tap raises one for each frame, so call this before other threads are started.
 */
struct dpdk *dpdk_open(const struct settings *settings, char *error, size_t error_cap);

/* What the operator should know of the start, one sentence a line (no hugepages, no RSS...); "" if nothing. */
const char *dpdk_notes(const struct dpdk *d);

bool dpdk_polls(const struct dpdk *d); /* whether all ports are NICs, which are driven without system calls */
unsigned dpdk_n_ports(const struct dpdk *d);
unsigned dpdk_n_workers(const struct dpdk *d);

/* MAC, MTU and checksum offloads of port @i from the device; VLAN, addresses and gateways from the settings. */
void dpdk_if(const struct dpdk *d, unsigned i, struct net_if_settings *out);

/**
 * dpdk_memory - memory for a shard: zeroed, 64-byte aligned, from hugepages if they are in use
 * @now: all of it is taken from the system at once; otherwise a page at a time, as each is first written to
 *
 * Stays allocated until the process ends.  NULL when there is none.
 */
void *dpdk_memory(struct dpdk *d, size_t size, bool now);

/* The workers' clock: monotonic and wall clock, both in microseconds. */
void dpdk_now(const struct dpdk *d, uint64_t *now_us, uint64_t *unix_us);
uint64_t dpdk_clock_us(void *arg); /* the former, for shard_env.clock_us; @arg is the struct dpdk */

/**
 * dpdk_port_is_ours - whether answers to @local_port come back to the worker that @arg names
 *
 * For shard_env.port_is_ours, with dpdk_worker_arg() as its argument.
 */
bool dpdk_port_is_ours(void *arg, const struct tcp_path *path, uint16_t remote_port, uint16_t local_port);
void *dpdk_worker_arg(struct dpdk *d, unsigned worker);

/**
 * dpdk_run - start the thread of @worker, pinned to its core, over what @user and @arg are
 *
 * Returns once it runs; false with @error set when it cannot.
 */
bool dpdk_run(struct dpdk *d, unsigned worker, const struct dpdk_user *user, void *arg, char *error, size_t error_cap);

void dpdk_stop(struct dpdk *d);
void dpdk_close(struct dpdk *d);

struct dpdk_port_counts {
	char device[SETTINGS_STR_MAX]; /* as in the settings */
	char driver[32];
	uint8_t mac[6];
	uint16_t mtu;
	bool link_up;
	uint32_t link_mbps;
	uint16_t n_rx_queues, n_tx_queues;
	bool rss; /* the port itself brings each connection to its worker */
	uint64_t rx_frames, rx_octets, tx_frames, tx_octets;
	uint64_t rx_missed;    /* dropped by the port: queue full */
	uint64_t rx_no_buffer; /* dropped by the port: no packet buffer */
	uint64_t rx_errors;
	uint64_t rx_too_long; /* dropped by us: a frame in several buffers */
	uint64_t tx_dropped;  /* dropped by us: send queue stayed full */
};

void dpdk_port_counts(const struct dpdk *d, unsigned i, struct dpdk_port_counts *out);

#endif
