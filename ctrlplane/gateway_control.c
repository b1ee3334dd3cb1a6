// SPDX-License-Identifier: MIT
/*
 * gateway_control.c - what the control socket asks of the gateway
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/gateway.h"
#include "conf/version.h"

static const struct settings *env_settings(void *arg)
{
	return ((struct gateway *)arg)->settings;
}

static const struct stats *env_stats(void *arg, unsigned worker)
{
	return shard_stats(((struct gateway *)arg)->workers[worker].shard);
}

static unsigned env_limits(void *arg, unsigned worker, struct control_limit out[CONTROL_LIMITS_MAX])
{
	_Static_assert(SHARD_LIMITS_MAX == CONTROL_LIMITS_MAX, "one list, seen from both sides");
	struct shard_limit limits[SHARD_LIMITS_MAX];
	unsigned n = shard_limits(((struct gateway *)arg)->workers[worker].shard, limits);

	for (unsigned i = 0; i < n; i++)
		out[i] = (struct control_limit){ limits[i].name, limits[i].used, limits[i].most, limits[i].limit,
						 limits[i].refused };
	return n;
}

static const struct histogram *env_latency(void *arg, unsigned worker)
{
	return shard_latency(((struct gateway *)arg)->workers[worker].shard);
}

static const struct policy_counts *env_policy_counts(void *arg, unsigned worker)
{
	return shard_policy_counts(((struct gateway *)arg)->workers[worker].shard);
}

bool gateway_drained(const struct gateway *g)
{
	for (unsigned i = 0; i < g->n_workers; i++)
		if (!g->workers[i].drained)
			return false;
	return true;
}

static void env_status(void *arg, struct control_status *out)
{
	const struct gateway *g = arg;

	*out = (struct control_status){ .version = SEKISHO_VERSION,
					.config = g->path,
					.started_unix_us = g->started_unix_us,
					.uptime_s = (gateway_now_us() - g->started_us) / 1000000,
					.draining = g->draining,
					.drained = g->draining && gateway_drained(g),
					.dns_flights = dns_flights_n(g->flights),
					.records_written = g->log.n_written,
					.records_dropped = g->log.n_dropped,
					.crypto_backend = g->crypto[0] ? g->crypto[0]->name : NULL,
					.bodies_paired = g->hash_pairs[0] != NULL };
	_Static_assert(CONTROL_CLASSES == N_CRYPTO_CLASS, "one list, seen from both sides");
	memcpy(out->crypto_cost, g->crypto_cost, sizeof(out->crypto_cost));
	if (g->crypto[0])
		memcpy(out->crypto_by_class, g->crypto[0]->by_class, sizeof(out->crypto_by_class));
}

static bool env_port(void *arg, unsigned index, struct control_port *out)
{
	struct dpdk_port_counts c;
	struct gateway *g = arg;

	if (index >= dpdk_n_ports(g->dpdk))
		return false;
	dpdk_port_counts(g->dpdk, index, &c);
	*out = (struct control_port){ .link_up = c.link_up,
				      .speed_mbps = c.link_mbps,
				      .rx_packets = c.rx_frames,
				      .rx_octets = c.rx_octets,
				      .rx_missed = c.rx_missed,
				      .rx_errors = c.rx_errors + c.rx_too_long,
				      .rx_no_buffer = c.rx_no_buffer,
				      .tx_packets = c.tx_frames,
				      .tx_octets = c.tx_octets,
				      .tx_errors = c.tx_dropped };
	snprintf(out->mac, sizeof(out->mac), "%02x:%02x:%02x:%02x:%02x:%02x", c.mac[0], c.mac[1], c.mac[2], c.mac[3],
		 c.mac[4], c.mac[5]);
	memcpy(out->driver, c.driver, sizeof(out->driver));
	return true;
}

static const char *env_next_hop_tlsa(void *arg, unsigned index)
{
	const struct gateway *g = arg;

	return gateway_dane_word(&g->settings->next_hops[index]);
}

static void env_next_hop(void *arg, unsigned worker, unsigned index, struct shard_hop *out)
{
	const struct gateway *g = arg;
	uint64_t now_us, unix_us;

	dpdk_now(g->dpdk, &now_us, &unix_us);
	shard_hop(g->workers[worker].shard, index, now_us, out);
}

static void env_dns_counts(void *arg, struct dns_cache_counts *cache, struct dns_desk_counts *desk)
{
	const struct gateway *g = arg;

	dns_cache_counts(g->cache, cache);
	*desk = g->dns.counts;
}

static bool env_dns_walk(void *arg, uint32_t *cursor, struct dns_cache_row *row)
{
	return dns_cache_walk(((struct gateway *)arg)->cache, cursor, row);
}

static void say_all(struct gateway *g, enum shard_message_kind kind)
{
	for (unsigned i = 0; i < g->n_workers; i++)
		if (!gateway_say(g, i, kind, 0))
			log_error("no memory for a message to worker %u; free some and try again", i);
}

static size_t env_dns_flush(void *arg, struct span name)
{
	struct gateway *g = arg;

	say_all(g, SHARD_DOWN_FLUSH);
	return dns_cache_flush(g->cache, name);
}

static json_t *env_show(void *arg, enum control_shown what)
{
	switch (what) {
	case CONTROL_GREYLIST:
		return gateway_greylist_show(arg);
	case CONTROL_DNSBL:
		return gateway_dnsbl_show(arg);
	}
	return NULL;
}

static bool env_sessions(void *arg, unsigned worker, uint64_t tag)
{
	return gateway_say(arg, worker, SHARD_DOWN_SESSIONS, tag);
}

static void env_drain(void *arg)
{
	struct gateway *g = arg;

	g->draining = true;
	say_all(g, SHARD_DOWN_DRAIN);
}

static bool env_resume(void *arg)
{
	struct gateway *g = arg;

	if (g->drain_until_us)
		return false;
	g->draining = false;
	for (unsigned i = 0; i < g->n_workers; i++)
		g->workers[i].drained = false;
	say_all(g, SHARD_DOWN_RESUME);
	return true;
}

/* --- start ------------------------------------------------------------------------------------- */

/*
 * Before the ports, as it is also what keeps a second sekishod away: one that opened the same TAP device would take
 * it from the first.  Nobody is answered before the loop.
 */
bool gateway_control_open(struct gateway *g, char *error)
{
	char why[256];

	g->control_env = (struct control_env){ .arg = g,
					       .records = &g->records,
					       .settings = env_settings,
					       .stats = env_stats,
					       .limits = env_limits,
					       .latency = env_latency,
					       .policy_counts = env_policy_counts,
					       .status = env_status,
					       .port = env_port,
					       .next_hop = env_next_hop,
					       .next_hop_tlsa = env_next_hop_tlsa,
					       .dns_counts = env_dns_counts,
					       .dns_walk = env_dns_walk,
					       .dns_flush = env_dns_flush,
					       .dns_lookup = gateway_dns_lookup,
					       .sessions = env_sessions,
					       .drain = env_drain,
					       .resume = env_resume,
					       .report = gateway_report_request,
					       .quarantine = gateway_quarantine_request,
					       .reload = gateway_reload,
					       .rollback = gateway_rollback,
					       .lists_reading = gateway_lists_reading,
					       .settings_awaited = gateway_settings_awaited,
					       .list_change = gateway_list_change,
					       .list_show = gateway_list_show,
					       .show = env_show,
					       .lists_awaited = gateway_lists_awaited };
	g->control = control_open(g->settings->server_control_socket, &g->control_env, why);
	if (!g->control)
		snprintf(error, 512, "%s", why);
	return g->control != NULL;
}
