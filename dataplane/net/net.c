// SPDX-License-Identifier: MIT
/*
 * net.c - set-up, addresses and routes, time
 */
#include "dataplane/net/ip4.h"
#include "dataplane/net/ip6.h"
#include "dataplane/net/net_state.h"

#define MTU_LEAST4 576
#define MTU_LEAST6 1280 /* RFC 8200 5 */

struct net_settings net_settings_default(void)
{
	return (struct net_settings){
		.neighbours_max = 1024,
		.neighbour_queue_max = 128,
		.icmp_per_s = 100,
		.tcp = tcp_settings_default(),
	};
}

/* --- set-up -------------------------------------------------------------------------------- */

static size_t rounded(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

static uint16_t mtu_of(const struct net_settings *s, bool most)
{
	uint16_t mtu = s->ifs[0].mtu;

	for (unsigned i = 1; i < s->n_ifs; i++)
		if (most ? s->ifs[i].mtu > mtu : s->ifs[i].mtu < mtu)
			mtu = s->ifs[i].mtu;
	return mtu;
}

/* A segment fits every port. */
static struct tcp_settings tcp_settings_of(const struct net_settings *s)
{
	struct tcp_settings t = s->tcp;
	uint16_t mtu = mtu_of(s, false);

	t.mss4 = (uint16_t)(mtu - IP4_HEADER - 20);
	t.mss6 = (uint16_t)(mtu - IP6_HEADER - 20);
	return t;
}

static size_t packet_size(const struct net_settings *s)
{
	return sizeof(struct net_packet) + NET_HEADERS_MAX + mtu_of(s, true);
}

static size_t packets_memory(const struct net_settings *s)
{
	return pool_memory(NET_REPLIES_MAX + (size_t)s->neighbour_queue_max, packet_size(s));
}

static size_t fragments_memory(const struct net_settings *s)
{
	return s->reassemble ? rounded(ip_frag_memory(mtu_of(s, true))) : 0;
}

size_t net_memory(const struct net_settings *s)
{
	struct tcp_settings tcp = tcp_settings_of(s);

	return rounded(sizeof(struct net)) + rounded(neighbour_memory(s->neighbours_max)) + packets_memory(s) +
	       fragments_memory(s) + tcp_memory(&tcp);
}

static void init_if(struct net_if *f, const struct net_if_settings *s)
{
	bool has6 = false;

	CHECK(s->n_addrs <= NET_ADDRS_MAX);
	*f = (struct net_if){ .s = *s, .n_addrs = s->n_addrs };
	for (unsigned i = 0; i < s->n_addrs; i++) {
		f->addrs[i] = s->addrs[i];
		has6 |= s->addrs[i].addr.family == IP_V6;
	}
	CHECK(s->mtu >= (has6 ? MTU_LEAST6 : MTU_LEAST4) && s->mtu + ETH_HEADER_MAX <= NET_FRAME_MAX);
	/* RFC 4291 2.8: a port with IPv6 has a link-local address; routers ask from theirs. */
	if (has6)
		f->addrs[f->n_addrs++] = (struct net_if_addr){ ip6_link_local(s->mac), 64 };
}

/* Waiting frames of a neighbour that is given up. */
static void on_neighbour_dropped(void *arg, struct neighbour *gone)
{
	struct net *n = arg;

	for (struct net_packet **at = &n->waiting.first; gone->n_waiting && *at;) {
		struct net_packet *p = *at;

		if (p->neighbour != gone) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		if (!*at)
			n->waiting.end = at;
		pool_give(&n->packets, p);
		gone->n_waiting--;
		n->n_waiting--;
		n->stats->net_tx_waited_out++;
	}
}

struct net *net_init(void *memory, const struct net_settings *s, const uint8_t seed[16], struct stats *stats)
{
	struct net *n = memory;
	uint8_t *rest = (uint8_t *)memory + rounded(sizeof(*n));
	struct tcp_settings tcp = tcp_settings_of(s);
	struct siphash_key key, fragment_key;

	CHECK(s->n_ifs > 0 && s->n_ifs <= NET_IFS_MAX && s->neighbour_queue_max > 0);
	*n = (struct net){ .n_ifs = s->n_ifs, .tx_checksum = true, .stats = stats, .mtu_most = mtu_of(s, true) };
	for (unsigned i = 0; i < s->n_ifs; i++) {
		init_if(&n->ifs[i], &s->ifs[i]);
		n->tx_checksum &= s->ifs[i].tx_checksum;
	}
	memcpy(&key, seed, sizeof(key));
	/* Neither key may tell of the other's secret: the table's is of its own, TCP gets the seed. */
	n->flow_key = siphash(&key, SPAN("flow label"));
	fragment_key = (struct siphash_key){ siphash(&key, SPAN("fragments 0")), siphash(&key, SPAN("fragments 1")) };
	key = (struct siphash_key){ siphash(&key, SPAN("neighbours 0")), siphash(&key, SPAN("neighbours 1")) };
	neighbour_init(&n->neighbours, rest, s->neighbours_max, &key, stats);
	for (unsigned i = 0; i < s->n_ifs; i++)
		for (unsigned j = 0; j < s->ifs[i].n_fixed; j++)
			neighbour_fix(&n->neighbours, (uint16_t)i, &s->ifs[i].fixed[j].addr, s->ifs[i].fixed[j].mac);
	n->neighbours.on_drop = on_neighbour_dropped;
	n->neighbours.drop_arg = n;
	rest += rounded(neighbour_memory(s->neighbours_max));
	pool_init(&n->packets, rest, NET_REPLIES_MAX + (size_t)s->neighbour_queue_max, packet_size(s));
	rest += packets_memory(s);
	n->reassemble = s->reassemble;
	if (n->reassemble)
		ip_frag_init(&n->fragments, rest, mtu_of(s, true), &fragment_key, stats);
	rest += fragments_memory(s);
	n->ready.end = &n->ready.first;
	n->waiting.end = &n->waiting.first;
	n->n_waiting_max = s->neighbour_queue_max;
	rate_init(&n->icmp, s->icmp_per_s);
	n->n_rounds = s->quiet ? 0 : NET_ANNOUNCE_ROUNDS;
	n->announce_at = UINT16_MAX;
	n->tcp = tcp_init(rest, &tcp, seed, stats);
	return n;
}

struct tcp *net_tcp(struct net *n)
{
	return n->tcp;
}

/* --- addresses ----------------------------------------------------------------------------- */

bool net_is_ours(const struct net *n, unsigned ifindex, const struct ip_addr *addr)
{
	const struct net_if *f = &n->ifs[ifindex];

	for (unsigned i = 0; i < f->n_addrs; i++)
		if (ip_addr_eq(&f->addrs[i].addr, addr))
			return true;
	return f->s.clients.prefix_len && ip_addr_in_prefix(addr, &f->s.clients.addr, f->s.clients.prefix_len);
}

bool net_is_on_link(const struct net *n, unsigned ifindex, const struct ip_addr *addr)
{
	const struct net_if *f = &n->ifs[ifindex];

	for (unsigned i = 0; i < f->n_addrs; i++)
		if (ip_addr_in_prefix(addr, &f->addrs[i].addr, f->addrs[i].prefix_len))
			return true;
	return false;
}

/*
 * A source that cannot send from there: not an address of a host at all, one of ours ("land"), a broadcast address,
 * or on-link at another port only (RFC 2827: else a stranger passes for a host of the inner network).
 */
bool net_is_martian(const struct net *n, unsigned ifindex, const struct ip_addr *source)
{
	const struct net_if *f = &n->ifs[ifindex];

	if (source->family == IP_V4 ? ip4_is_martian(source) : ip6_is_martian(source))
		return true;
	for (unsigned i = 0; i < f->n_addrs; i++) {
		const struct net_if_addr *a = &f->addrs[i];

		if (ip_addr_eq(&a->addr, source))
			return true;
		if (source->family == IP_V4 && ip4_is_broadcast(source, &a->addr, a->prefix_len))
			return true;
	}
	if (n->n_ifs == 1 || net_is_on_link(n, ifindex, source))
		return false;
	for (unsigned i = 0; i < n->n_ifs; i++)
		if (i != ifindex && net_is_on_link(n, i, source))
			return true;
	return false;
}

/**
 * net_route - where an active open to @remote starts
 *
 * A port on whose link @remote lies, else the first with a gateway of that family.  The local address is one of
 * that port on the next hop's prefix, else the port's first one of the family (link-local only to link-local).
 */
bool net_route(const struct net *n, const struct ip_addr *remote, struct tcp_path *path)
{
	const struct ip_addr *hop = NULL, *local = NULL;
	unsigned ifindex;

	for (ifindex = 0; ifindex < n->n_ifs && !hop; ifindex++)
		if (net_is_on_link(n, ifindex, remote))
			hop = remote;
	for (ifindex = hop ? ifindex : 0; ifindex < n->n_ifs && !hop; ifindex++) {
		const struct net_if_settings *s = &n->ifs[ifindex].s;
		const struct ip_addr *gateway = remote->family == IP_V4 ? &s->gateway4 : &s->gateway6;

		if (gateway->family == remote->family)
			hop = gateway;
	}
	if (!hop || remote->family == IP_NONE)
		return false;
	ifindex--;
	for (unsigned i = 0; i < n->ifs[ifindex].n_addrs; i++) {
		const struct net_if_addr *a = &n->ifs[ifindex].addrs[i];

		if (a->addr.family != remote->family ||
		    (remote->family == IP_V6 && ip6_is_link_local(&a->addr) != ip6_is_link_local(remote)))
			continue;
		if (!local || ip_addr_in_prefix(hop, &a->addr, a->prefix_len))
			local = &a->addr;
		if (ip_addr_in_prefix(hop, &a->addr, a->prefix_len))
			break;
	}
	if (!local)
		return false;
	*path = (struct tcp_path){ .local = *local, .remote = *remote, .ifindex = (uint16_t)ifindex };
	return true;
}

/* --- time ---------------------------------------------------------------------------------- */

void net_step(struct net *n, uint64_t now_us)
{
	tcp_step(n->tcp, now_us);
	if (n->n_rounds && now_us >= n->announce_us) {
		n->n_rounds--;
		n->announce_us = now_us + NET_ANNOUNCE_US;
		n->announce_at = 0;
	}
}

uint64_t net_deadline_us(const struct net *n)
{
	uint64_t deadline = tcp_deadline_us(n->tcp), neighbours = neighbour_deadline_us(&n->neighbours);

	if (neighbours < deadline)
		deadline = neighbours;
	if (n->n_rounds && n->announce_us < deadline)
		deadline = n->announce_us;
	return deadline;
}
