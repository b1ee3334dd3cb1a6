// SPDX-License-Identifier: MIT
/*
 * port.c - one port: queues, offloads, spreading of connections over the workers
 *
 * What the device offers decides: checksums are left to it where it verifies and completes those of TCP; with several
 * workers it spreads connections by a key of ours (RSS), or the workers do so for it (spread.c).
 */
#include <stdio.h>

#include <rte_errno.h>

#include "dataplane/dpdk/dpdk_state.h"

/* net_tap (22.11) puts the descriptors of all its queues into a message that has room for eight, and looks not. */
#define TAP_QUEUES_MAX 4

#define DESCRIPTORS UINT64_C(1024)
#define RSS_TYPES (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define RETA_MAX 4096

__attribute__((format(printf, 3, 4))) static bool failed(const struct dpdk_port *p, struct text *error,
							 const char *format, ...)
{
	char line[256];
	__builtin_va_list list;

	__builtin_va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	__builtin_va_end(list);
	text_puts(error, "port ");
	text_puts(error, p->settings->device);
	text_puts(error, ": ");
	text_puts(error, line);
	return false;
}

/* The DPDK number of a device: vdevs go by the name before the comma, PCI devices by their full address. */
static bool find(struct dpdk_port *p)
{
	char name[SETTINGS_STR_MAX + 8];
	const char *device = p->settings->device;
	int len = (int)strcspn(device, ",");

	if (eal_is_pci(device) && len < 12)
		snprintf(name, sizeof(name), "0000:%s", device);
	else
		snprintf(name, sizeof(name), "%.*s", len, device);
	return rte_eth_dev_get_port_by_name(name, &p->id) == 0;
}

/* --- RSS ----------------------------------------------------------------------------------- */

static bool can_rss(const struct dpdk *d, const struct rte_eth_dev_info *info)
{
	return d->n_workers > 1 && info->max_rx_queues >= d->n_workers && info->reta_size > 0 &&
	       info->reta_size <= RETA_MAX && (info->reta_size & (info->reta_size - 1)) == 0 &&
	       info->hash_key_size >= 40 && info->hash_key_size <= DPDK_RSS_KEY_MAX &&
	       (info->flow_type_rss_offloads & RSS_TYPES) == RSS_TYPES;
}

/* Programs the table and reads the key back: a device that hashes by another key would lose our active opens. */
static bool set_up_rss(const struct dpdk *d, const struct dpdk_port *p, const struct rte_eth_dev_info *info)
{
	struct rte_eth_rss_reta_entry64 reta[RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];
	uint8_t key[DPDK_RSS_KEY_MAX];
	struct rte_eth_rss_conf conf = { .rss_key = key, .rss_key_len = info->hash_key_size };

	memset(reta, 0, sizeof(reta));
	for (unsigned i = 0; i < info->reta_size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(i % d->n_workers);
	}
	return rte_eth_dev_rss_reta_update(p->id, reta, info->reta_size) == 0 &&
	       rte_eth_dev_rss_hash_conf_get(p->id, &conf) == 0 && (conf.rss_hf & RSS_TYPES) == RSS_TYPES &&
	       memcmp(key, d->rss_key, info->hash_key_size) == 0;
}

/* --- set-up -------------------------------------------------------------------------------- */

static bool check_mtu(const struct dpdk_port *p, const struct rte_eth_dev_info *info, struct text *error)
{
	uint16_t mtu = p->settings->mtu;

	if (mtu < info->min_mtu || mtu > info->max_mtu)
		return failed(p, error, "mtu must be %u to %u, is %u", info->min_mtu, info->max_mtu, mtu);
	return true;
}

static bool configure(struct dpdk *d, struct dpdk_port *p, const struct rte_eth_dev_info *info, struct text *error)
{
	const uint64_t rx_wanted = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	struct rte_eth_conf conf = { .rxmode.mtu = p->settings->mtu };
	int rc;

	p->rx_checksum = (info->rx_offload_capa & rx_wanted) == rx_wanted;
	p->tx_checksum = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	if (p->rx_checksum)
		conf.rxmode.offloads |= rx_wanted;
	if (p->tx_checksum)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	p->rss = can_rss(d, info);
	if (p->rss) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf =
			(struct rte_eth_rss_conf){ .rss_key = d->rss_key,
						   .rss_key_len = info->hash_key_size,
						   .rss_hf = info->flow_type_rss_offloads & RSS_TYPES };
	}
	p->n_rxq = (uint16_t)RTE_MIN(d->n_workers, info->max_rx_queues);
	p->n_txq = (uint16_t)RTE_MIN(d->n_workers, info->max_tx_queues);
	rc = rte_eth_dev_configure(p->id, p->n_rxq, p->n_txq, &conf);
	if (rc < 0)
		return failed(p, error, "cannot be configured with %u receive and %u send queues (%s)", p->n_rxq,
			      p->n_txq, rte_strerror(-rc));
	return true;
}

static bool set_up_queues(struct dpdk *d, struct dpdk_port *p, const struct settings *s, struct text *error)
{
	/* What lies in the queues of a port is not there to send in: a quarter of the buffers at most. */
	uint16_t n_rxd = (uint16_t)RTE_MIN(s->limits_mbufs / 4, DESCRIPTORS), n_txd = n_rxd;
	int socket = rte_eth_dev_socket_id(p->id), rc;

	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &n_rxd, &n_txd);
	for (uint16_t q = 0; q < p->n_rxq && rc >= 0; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, n_rxd, (unsigned)socket, NULL, d->workers[q].pool);
	for (uint16_t q = 0; q < p->n_txq && rc >= 0; q++) {
		rte_spinlock_init(&p->tx_locks[q]);
		rc = rte_eth_tx_queue_setup(p->id, q, n_txd, (unsigned)socket, NULL);
	}
	if (rc < 0)
		return failed(p, error, "queues of %u descriptors cannot be set up (%s); limits.mbufs may be too small",
			      n_rxd, rte_strerror(-rc));
	return true;
}

static void note(struct dpdk *d, const struct dpdk_port *p, const char *sentence)
{
	text_puts(&d->notes, "port ");
	text_puts(&d->notes, p->settings->device);
	text_puts(&d->notes, sentence);
	text_puts(&d->notes, "\n");
}

static bool has_ip6(const struct settings_port *s)
{
	for (unsigned i = 0; i < s->n_addresses; i++)
		if (s->addresses[i].addr.family == IP_V6)
			return true;
	return false;
}

static void choose_mac(const struct dpdk *d, struct dpdk_port *p)
{
	struct rte_ether_addr mac;

	if (rte_eth_macaddr_get(p->id, &mac) < 0 || !rte_is_valid_assigned_ether_addr(&mac)) {
		/* net_ring and its like have none: a random one, locally administered, from octets of the key that
		 * no hash reaches. */
		memcpy(mac.addr_bytes, d->rss_key + 44, 6);
		mac.addr_bytes[0] = 0x02;
		mac.addr_bytes[5] = (uint8_t)p->id;
	}
	memcpy(p->mac, mac.addr_bytes, 6);
	/* The kernel's end of a tap device has the same MAC; neighbours need two, and tap filters by none. */
	if (strcmp(p->driver, "net_tap") == 0)
		p->mac[5] ^= 1;
}

static bool start(struct dpdk *d, struct dpdk_port *p, const struct rte_eth_dev_info *info, struct text *error)
{
	int rc = rte_eth_dev_start(p->id);

	if (rc < 0)
		return failed(p, error, "cannot be started (%s)", rte_strerror(-rc));
	choose_mac(d, p);
	/* Neighbour solicitations come by multicast.  A device without the filter needs no telling. */
	if (has_ip6(p->settings) && rte_eth_allmulticast_enable(p->id) < 0 && rte_eth_promiscuous_enable(p->id) < 0)
		note(d, p, ": multicast cannot be enabled: if IPv6 does not work, that is why");
	if (p->rss && !set_up_rss(d, p, info)) {
		p->rss = false;
		note(d, p, ": RSS does not take our key and table");
	}
	p->reta_size = p->rss ? info->reta_size : DPDK_SOFT_RETA;
	if (d->n_workers > 1 && !p->rss)
		note(d, p, ": no RSS; the workers spread its connections themselves, which costs them time");
	if (p->n_txq < d->n_workers)
		note(d, p, ": fewer send queues than workers, which have to share");
	return true;
}

bool port_open(struct dpdk *d, unsigned i, const struct settings *s, struct text *error)
{
	struct dpdk_port *p = &d->ports[i];
	struct rte_eth_dev_info info;
	int rc;

	d->port_settings[i] = s->ports[i];
	p->settings = &d->port_settings[i];
	if (!find(p))
		return failed(p, error,
			      eal_is_pci(p->settings->device)
				      ? "no such device, or it is not bound to vfio-pci (dpdk-devbind.py --status)"
				      : "no such device; the messages of DPDK above say why");
	d->by_id[p->id] = (uint8_t)i;
	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc < 0)
		return failed(p, error, "tells nothing about itself (%s)", rte_strerror(-rc));
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	if (strcmp(p->driver, "net_tap") == 0) {
		info.max_rx_queues = (uint16_t)RTE_MIN(info.max_rx_queues, TAP_QUEUES_MAX);
		info.max_tx_queues = (uint16_t)RTE_MIN(info.max_tx_queues, TAP_QUEUES_MAX);
	}
	return check_mtu(p, &info, error) && configure(d, p, &info, error) && set_up_queues(d, p, s, error) &&
	       start(d, p, &info, error);
}

void port_close(struct dpdk *d, unsigned i)
{
	rte_eth_dev_stop(d->ports[i].id);
	rte_eth_dev_close(d->ports[i].id);
}

/* --- what the control thread asks ---------------------------------------------------------- */

void dpdk_if(const struct dpdk *d, unsigned i, struct net_if_settings *out)
{
	const struct dpdk_port *p = &d->ports[i];
	const struct settings_port *s = p->settings;

	_Static_assert(SETTINGS_ADDRS_MAX <= NET_ADDRS_MAX && SETTINGS_PORTS_MAX <= NET_IFS_MAX, "settings fit");
	*out = (struct net_if_settings){
		.mtu = s->mtu,
		.vlan = s->vlan,
		.n_addrs = s->n_addresses,
		.gateway4 = s->gateway4,
		.gateway6 = s->gateway6,
		.rx_checksum = p->rx_checksum,
		.tx_checksum = p->tx_checksum,
	};
	memcpy(out->mac, p->mac, 6);
	_Static_assert(SETTINGS_NEIGHBOURS_MAX <= NET_FIXED_MAX, "settings fit");
	out->n_fixed = s->n_neighbours;
	for (unsigned a = 0; a < s->n_neighbours; a++) {
		out->fixed[a].addr = s->neighbours[a].addr;
		memcpy(out->fixed[a].mac, s->neighbours[a].mac, 6);
	}
	for (unsigned a = 0; a < s->n_addresses; a++)
		out->addrs[a] = (struct net_if_addr){ s->addresses[a].addr, s->addresses[a].prefix_len };
}

void dpdk_port_counts(const struct dpdk *d, unsigned i, struct dpdk_port_counts *out)
{
	const struct dpdk_port *p = &d->ports[i];
	struct rte_eth_stats stats = { 0 };
	struct rte_eth_link link = { 0 };

	(void)rte_eth_stats_get(p->id, &stats);
	(void)rte_eth_link_get_nowait(p->id, &link);
	*out = (struct dpdk_port_counts){
		.mtu = p->settings->mtu,
		.link_up = link.link_status == RTE_ETH_LINK_UP,
		.link_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed,
		.n_rx_queues = p->n_rxq,
		.n_tx_queues = p->n_txq,
		.rss = p->rss,
		.rx_frames = stats.ipackets,
		.rx_octets = stats.ibytes,
		.tx_frames = stats.opackets,
		.tx_octets = stats.obytes,
		.rx_missed = stats.imissed,
		.rx_no_buffer = stats.rx_nombuf,
		.rx_errors = stats.ierrors,
	};
	memcpy(out->mac, p->mac, 6);
	snprintf(out->device, sizeof(out->device), "%s", p->settings->device);
	snprintf(out->driver, sizeof(out->driver), "%s", p->driver);
	for (unsigned w = 0; w < d->n_workers; w++) {
		out->rx_too_long += d->workers[w].rx_too_long[i];
		out->tx_dropped += d->workers[w].tx_dropped[i];
	}
}
