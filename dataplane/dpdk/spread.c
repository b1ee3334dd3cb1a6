// SPDX-License-Identifier: MIT
/*
 * spread.c - which worker a connection belongs to
 *
 * The Toeplitz hash of the four-tuple as it arrives, by a key drawn at the start (so that nobody outside can aim at
 * one worker), picks an entry of a table; entry i names worker i mod n.  A port with RSS does just this in hardware.
 * For one without, the worker that received a segment does it and hands the frame to its owner.  Either way an active
 * open can tell which source ports bring the answers back to its own worker.
 */
#include <rte_thash.h>

#include "dataplane/dpdk/dpdk_state.h"
#include "dataplane/net/net_flow.h"

static uint32_t word_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

unsigned spread_owner(const struct dpdk *d, unsigned port, const struct net_flow *flow)
{
	uint32_t tuple[9]; /* source, destination, ports: the key is longer than this by 32 bits, as it must be */
	uint32_t n = 0;
	size_t len = ip_addr_len(&flow->remote);

	for (size_t i = 0; i < len; i += 4)
		tuple[n++] = word_at(flow->remote.bytes + i);
	for (size_t i = 0; i < len; i += 4)
		tuple[n++] = word_at(flow->local.bytes + i);
	tuple[n++] = (uint32_t)flow->remote_port << 16 | flow->local_port;
	return (rte_softrss(tuple, n, d->rss_key) & (d->ports[port].reta_size - 1u)) % d->n_workers;
}

bool dpdk_port_is_ours(void *arg, const struct tcp_path *path, uint16_t remote_port, uint16_t local_port)
{
	const struct dpdk_worker *w = arg;
	const struct net_flow flow = {
		.remote = path->remote,
		.local = path->local,
		.remote_port = remote_port,
		.local_port = local_port,
	};

	if (w->d->n_workers == 1)
		return true;
	CHECK(path->ifindex < w->d->n_ports);
	return spread_owner(w->d, path->ifindex, &flow) == w->index;
}

void *dpdk_worker_arg(struct dpdk *d, unsigned worker)
{
	CHECK(worker < d->n_workers);
	return &d->workers[worker];
}
