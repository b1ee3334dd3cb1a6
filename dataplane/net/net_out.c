// SPDX-License-Identifier: MIT
/*
 * net_out.c - frames out: headers, next hops, and frames that wait for a neighbour
 *
 * A segment is written once, into the driver's buffer, with room in front of it for the largest headers; then the
 * headers are placed directly before it.  Only a segment whose neighbour is not known is copied: it waits here, as
 * the first SYN or SYN-ACK to a neighbour should not have to be sent again.
 */
#include "dataplane/net/ip4.h"
#include "dataplane/net/ip6.h"
#include "dataplane/net/net_state.h"

/* --- queues -------------------------------------------------------------------------------- */

static void queue_put(struct net_queue *q, struct net_packet *p)
{
	p->next = NULL;
	*q->end = p;
	q->end = &p->next;
}

static struct net_packet *queue_get(struct net_queue *q)
{
	struct net_packet *p = q->first;

	if (p) {
		q->first = p->next;
		if (!q->first)
			q->end = &q->first;
	}
	return p;
}

/* The oldest frame that waits for @neighbour, or for anybody when it is NULL. */
static void drop_oldest_waiting(struct net *n, const struct neighbour *neighbour)
{
	struct net_packet **at = &n->waiting.first, *p;

	while (*at && neighbour && (*at)->neighbour != neighbour)
		at = &(*at)->next;
	p = *at;
	if (!p)
		return;
	*at = p->next;
	if (!*at)
		n->waiting.end = at;
	p->neighbour->n_waiting--;
	n->n_waiting--;
	n->stats->net_tx_waited_out++;
	pool_give(&n->packets, p);
}

static struct net_packet *packet_take(struct net *n, unsigned ifindex)
{
	struct net_packet *p = pool_take(&n->packets);

	if (!p) {
		n->stats->net_tx_no_buffer++;
		return NULL;
	}
	*p = (struct net_packet){
		.frame = { .at = p->bytes + NET_HEADERS_MAX, .cap = n->mtu_most, .ifindex = (uint16_t)ifindex }
	};
	return p;
}

struct net_packet *net_packet_take(struct net *n, unsigned ifindex)
{
	return packet_take(n, ifindex);
}

void net_packet_ready(struct net *n, struct net_packet *p)
{
	queue_put(&n->ready, p);
}

/* --- headers ------------------------------------------------------------------------------- */

static void add_ethernet(const struct net *n, struct net_frame *f, const uint8_t mac[6])
{
	const struct net_if_settings *s = &n->ifs[f->ifindex].s;
	uint8_t *at = eth_write(f->at, mac, s->mac, s->vlan, f->family == IP_V6 ? ETH_TYPE_IP6 : ETH_TYPE_IP4);

	f->len += (size_t)(f->at - at);
	f->at = at;
	if (f->l3_len) /* the port finishes the checksum */
		f->l2_len = eth_header_len(s->vlan);
}

/* RFC 6437 3: the same for a flow, evenly spread, not to be guessed. */
static uint32_t flow_label(const struct net *n, const struct tcp_path *path, const uint8_t ports[4])
{
	uint64_t h = n->flow_key, word = 0;

	memcpy(&word, ports, 4);
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	for (unsigned i = 0; i < 16; i += 8) {
		memcpy(&word, path->local.bytes + i, 8);
		h = (h ^ word ^ h >> 29) * UINT64_C(0x9e3779b97f4a7c15);
		memcpy(&word, path->remote.bytes + i, 8);
		h = (h ^ word ^ h >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	}
	return (uint32_t)(h >> 44);
}

static void add_ip(const struct net *n, struct net_frame *f, const struct tcp_path *path, uint8_t protocol)
{
	uint8_t *at;

	if (path->local.family == IP_V4)
		at = ip4_write(f->at, f->len, &path->local, &path->remote, protocol);
	else
		at = ip6_write(f->at, f->len, &path->local, &path->remote, protocol, NET_HOP_LIMIT,
			       flow_label(n, path, f->at));
	f->len += (size_t)(f->at - at);
	f->at = at;
	f->family = path->local.family;
}

/* --- next hops ----------------------------------------------------------------------------- */

static const struct ip_addr *next_hop(const struct net *n, const struct tcp_path *path, bool *is_gateway)
{
	const struct net_if_settings *s = &n->ifs[path->ifindex].s;
	const struct ip_addr *gateway = path->remote.family == IP_V4 ? &s->gateway4 : &s->gateway6;

	*is_gateway = !net_is_on_link(n, path->ifindex, &path->remote);
	if (!*is_gateway)
		return &path->remote;
	return gateway->family == path->remote.family ? gateway : NULL;
}

/* Keeps a copy of @f, which begins with its IP header, until @neighbour has a MAC. */
static void wait_for(struct net *n, const struct net_frame *f, struct neighbour *neighbour)
{
	struct net_packet *p;

	/* Who floods from forged addresses on our link must not push out what waits for others (RFC 4861 7.2.2). */
	if (neighbour->n_waiting >= NET_WAITING_EACH_MAX && !neighbour->keep)
		drop_oldest_waiting(n, neighbour);
	else if (n->n_waiting >= n->n_waiting_max)
		drop_oldest_waiting(n, NULL);
	p = packet_take(n, f->ifindex);
	if (!p)
		return;
	p->frame = *f;
	p->frame.at = p->bytes + ETH_HEADER_MAX;
	memcpy(p->frame.at, f->at, f->len);
	p->neighbour = neighbour;
	neighbour->n_waiting++;
	n->n_waiting++;
	n->stats->net_tx_waited++;
	queue_put(&n->waiting, p);
}

void net_resolved(struct net *n, struct neighbour *known)
{
	struct net_queue all = n->waiting;

	if (!known || !known->n_waiting)
		return;
	n->waiting = (struct net_queue){ .end = &n->waiting.first };
	for (struct net_packet *p = all.first, *next; p; p = next) {
		next = p->next;
		if (p->neighbour != known) {
			queue_put(&n->waiting, p);
			continue;
		}
		p->neighbour = NULL;
		add_ethernet(n, &p->frame, known->mac);
		queue_put(&n->ready, p);
		n->n_waiting--;
	}
	known->n_waiting = 0;
}

/* @f holds a segment or an ICMP message.  True: it is a frame now.  False: it waits, or had nowhere to go. */
static bool address(struct net *n, struct net_frame *f, const struct tcp_path *path, uint8_t protocol, uint64_t now_us)
{
	const struct ip_addr *hop;
	struct neighbour *neighbour;
	bool is_gateway;

	hop = next_hop(n, path, &is_gateway);
	if (!hop) {
		n->stats->net_tx_no_route++;
		return false;
	}
	add_ip(n, f, path, protocol);
	neighbour = neighbour_want(&n->neighbours, path->ifindex, hop, is_gateway, now_us);
	if (!neighbour)
		return false;
	if (!neighbour->has_mac) {
		wait_for(n, f, neighbour);
		return false;
	}
	add_ethernet(n, f, neighbour->mac);
	return true;
}

void net_packet_send(struct net *n, struct net_packet *p, const struct tcp_path *path, uint8_t protocol,
		     uint64_t now_us)
{
	if (address(n, &p->frame, path, protocol, now_us))
		net_packet_ready(n, p);
	else
		pool_give(&n->packets, p);
}

/* --- what to send next --------------------------------------------------------------------- */

static bool next_ready(struct net *n, struct net_frame *frame)
{
	struct net_packet *p = queue_get(&n->ready);
	uint8_t *at = frame->at;
	size_t cap = frame->cap;

	if (!p)
		return false;
	*frame = p->frame;
	frame->at = at;
	frame->cap = cap;
	memcpy(at, p->frame.at, p->frame.len);
	pool_give(&n->packets, p);
	return true;
}

static bool next_question(struct net *n, struct net_frame *frame, uint64_t now_us)
{
	const struct neighbour *about = neighbour_ask(&n->neighbours, now_us);

	if (!about)
		return false;
	frame->ifindex = about->ifindex;
	if (about->addr.family == IP_V4)
		arp_ask(n, frame, about);
	else
		nd6_ask(n, frame, about);
	n->stats->net_neighbour_asked++;
	return true;
}

static bool next_segment(struct net *n, struct net_frame *frame, uint64_t now_us)
{
	uint8_t *segment = frame->at + NET_HEADERS_MAX;
	size_t cap = frame->cap;

	for (unsigned i = 0; i < NET_UNSENT_MAX; i++) {
		struct tcp_path path;
		size_t len = tcp_next(n->tcp, segment, n->mtu_most - (size_t)IP4_HEADER, n->tx_checksum, &path, now_us);

		if (len == 0)
			break;
		CHECK(path.ifindex < n->n_ifs && len >= 20);
		*frame = (struct net_frame){ .at = segment, .cap = cap, .len = len, .ifindex = path.ifindex };
		if (n->tx_checksum) {
			frame->l3_len = path.local.family == IP_V4 ? IP4_HEADER : IP6_HEADER;
			frame->l4_len = (uint8_t)(segment[12] >> 4 << 2);
		}
		if (address(n, frame, &path, IP_PROTO_TCP, now_us))
			return true;
	}
	return false;
}

bool net_next(struct net *n, struct net_frame *frame, uint64_t now_us)
{
	struct net_frame f = { .at = frame->at, .cap = frame->cap };

	CHECK(f.cap >= (size_t)n->mtu_most + NET_FRAME_ROOM);
	/* A segment that has to wait leaves a question behind, which goes out in its place. */
	if (!next_ready(n, &f) && !next_question(n, &f, now_us) && !net_announce(n, &f) &&
	    !next_segment(n, &f, now_us)) {
		f = (struct net_frame){ .at = frame->at, .cap = frame->cap };
		if (!next_question(n, &f, now_us))
			return false;
	}
	f.cap = frame->cap;
	*frame = f;
	n->stats->net_tx_frames++;
	return true;
}
