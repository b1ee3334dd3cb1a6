// SPDX-License-Identifier: MIT
/*
 * burst.c - frames from the ports to a shard and back, a burst at a time
 *
 * A received packet buffer is returned at once: the shard has copied what it wants to keep.  To send, the shard
 * writes into a fresh one.  With several workers a frame may belong to another; it is handed on by pointer.
 */
#include <rte_prefetch.h>

#include "dataplane/dpdk/dpdk_state.h"
#include "dataplane/net/net_flow.h"

/* --- from one worker to another ------------------------------------------------------------ */

/* The lowest bit of a pointer on its way says that the frame is a copy (NET_RX_COPY). */
static void *tagged(struct rte_mbuf *m, bool is_copy)
{
	return (void *)((uintptr_t)m | is_copy);
}

/* @m: given to worker @to, or freed when its queue is full: TCP sends again. */
static void hand_to(struct dpdk_worker *w, unsigned to, struct rte_mbuf *m, bool is_copy)
{
	if (rte_ring_mp_enqueue(w->d->workers[to].hand, tagged(m, is_copy)) != 0) {
		w->stats->dpdk_hand_full++;
		rte_pktmbuf_free(m);
		return;
	}
	w->stats->dpdk_handed_on++;
}

static void hand_to_all(struct dpdk_worker *w, struct rte_mbuf *m)
{
	/* Nobody writes into the frame, so all may have the same buffer. */
	rte_mbuf_refcnt_update(m, (int16_t)(w->d->n_workers - 1));
	for (unsigned to = 0; to < w->d->n_workers; to++)
		if (to != w->index)
			hand_to(w, to, m, true);
}

/* True: @m stays with us. */
static bool is_mine(struct dpdk_worker *w, unsigned port, struct rte_mbuf *m, struct span frame)
{
	struct net_flow flow;
	enum net_kind kind = net_flow_of(frame, &flow);

	if (kind == NET_KIND_SHARED)
		hand_to_all(w, m);
	if (kind != NET_KIND_SEGMENT || w->d->ports[port].rss)
		return true;
	unsigned owner = spread_owner(w->d, port, &flow);

	if (owner == w->index)
		return true;
	hand_to(w, owner, m, false);
	return false;
}

/* --- frames in ----------------------------------------------------------------------------- */

static unsigned rx_flags_of(const struct dpdk_port *p, const struct rte_mbuf *m)
{
	uint64_t l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, l3 = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (!p->rx_checksum)
		return 0;
	if (l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD || l3 == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return NET_RX_CHECKSUM_BAD;
	/* NONE (a neighbour on this very machine left the checksum out) is not GOOD: TCP looks for itself. */
	return l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? NET_RX_CHECKSUM_GOOD : 0;
}

static struct net_in frame_of(const struct dpdk_worker *w, unsigned port, struct rte_mbuf *m, bool is_copy)
{
	return (struct net_in){ .ifindex = port,
				.rx_flags = rx_flags_of(&w->d->ports[port], m) | (is_copy ? NET_RX_COPY : 0u),
				.frame = span_of(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len) };
}

/* Takes all of @m. */
static void frames_in(struct dpdk_worker *w, struct rte_mbuf **m, const struct net_in *in, unsigned n, uint64_t now_us)
{
	_Static_assert(DPDK_BURST <= NET_BURST_MAX, "a burst is looked at as one");

	w->user->rx(w->arg, in, n, now_us);
	for (unsigned i = 0; i < n; i++)
		rte_pktmbuf_free(m[i]);
}

/* Those of @burst that stay with us move to its front; returns how many. */
static unsigned keep_ours(struct dpdk_worker *w, unsigned port, struct rte_mbuf **burst, struct net_in *in, uint16_t n)
{
	unsigned n_ours = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = burst[i];

		if (m->nb_segs != 1) { /* no buffer is smaller than an MTU: this frame is longer than ours */
			w->rx_too_long[port]++;
			rte_pktmbuf_free(m);
			continue;
		}
		in[n_ours] = frame_of(w, port, m, false);
		if (!w->hand || is_mine(w, port, m, in[n_ours].frame))
			burst[n_ours++] = m;
	}
	return n_ours;
}

static bool receive_handed(struct dpdk_worker *w, uint64_t now_us)
{
	void *handed[DPDK_BURST];
	struct rte_mbuf *burst[DPDK_BURST];
	struct net_in in[DPDK_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->hand, handed, DPDK_BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		burst[i] = (struct rte_mbuf *)((uintptr_t)handed[i] & ~(uintptr_t)1);
		in[i] = frame_of(w, w->d->by_id[burst[i]->port], burst[i], (uintptr_t)handed[i] & 1);
	}
	if (n)
		frames_in(w, burst, in, n, now_us);
	return n > 0;
}

bool burst_receive(struct dpdk_worker *w, uint64_t now_us)
{
	struct rte_mbuf *burst[DPDK_BURST];
	struct net_in in[DPDK_BURST];
	bool any = w->hand && receive_handed(w, now_us);

	for (unsigned port = 0; port < w->d->n_ports; port++) {
		const struct dpdk_port *p = &w->d->ports[port];

		if (w->index >= p->n_rxq)
			continue;
		uint16_t n = rte_eth_rx_burst(p->id, w->index, burst, DPDK_BURST);

		for (uint16_t i = 0; i < n; i++)
			rte_prefetch0(rte_pktmbuf_mtod(burst[i], void *));
		unsigned n_ours = keep_ours(w, port, burst, in, n);

		if (n_ours)
			frames_in(w, burst, in, n_ours, now_us);
		any |= n > 0;
	}
	return any;
}

/* --- frames out ---------------------------------------------------------------------------- */

static bool may_try(const struct dpdk_worker *w, unsigned n_tries)
{
	return n_tries < DPDK_TX_TRIES ||
	       (w->user->is_patient && !atomic_load_explicit(&w->d->stop, memory_order_relaxed));
}

static void flush(struct dpdk_worker *w, unsigned port)
{
	struct dpdk_port *p = &w->d->ports[port];
	struct dpdk_tx *tx = &w->tx[port];
	uint16_t queue = (uint16_t)(w->index % p->n_txq), n_sent = 0;
	bool shared = p->n_txq < w->d->n_workers;

	if (shared)
		rte_spinlock_lock(&p->tx_locks[queue]);
	for (unsigned i = 0; may_try(w, i) && n_sent < tx->n; i++)
		n_sent = (uint16_t)(n_sent +
				    rte_eth_tx_burst(p->id, queue, tx->frames + n_sent, (uint16_t)(tx->n - n_sent)));
	if (shared)
		rte_spinlock_unlock(&p->tx_locks[queue]);
	for (uint16_t i = n_sent; i < tx->n; i++) {
		w->tx_dropped[port]++; /* TCP sends again */
		rte_pktmbuf_free(tx->frames[i]);
	}
	tx->n = 0;
}

static void describe(struct rte_mbuf *m, const struct net_frame *frame)
{
	m->data_off = (uint16_t)(frame->at - (const uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)frame->len;
	m->pkt_len = (uint32_t)frame->len;
	if (!frame->l4_len)
		return;
	m->tx_offload = rte_mbuf_tx_offload(frame->l2_len, frame->l3_len, frame->l4_len, 0, 0, 0, 0);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | (frame->family == IP_V6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
}

bool burst_send(struct dpdk_worker *w, uint64_t now_us)
{
	unsigned n = 0;

	for (; n < DPDK_TX_PER_TURN; n++) {
		struct net_frame frame;

		if (!w->spare && !(w->spare = rte_pktmbuf_alloc(w->pool))) {
			w->stats->dpdk_tx_no_buffer++;
			break;
		}
		frame.at = rte_pktmbuf_mtod(w->spare, uint8_t *);
		frame.cap = rte_pktmbuf_tailroom(w->spare);
		if (!w->user->tx(w->arg, &frame, now_us))
			break;
		struct dpdk_tx *tx = &w->tx[frame.ifindex];

		describe(w->spare, &frame);
		tx->frames[tx->n++] = w->spare;
		w->spare = NULL;
		if (tx->n == DPDK_BURST)
			flush(w, frame.ifindex);
	}
	for (unsigned port = 0; port < w->d->n_ports && n > 0; port++)
		if (w->tx[port].n)
			flush(w, port);
	return n > 0;
}

void burst_drain(struct dpdk_worker *w)
{
	void *handed;

	while (w->hand && rte_ring_sc_dequeue(w->hand, &handed) == 0)
		rte_pktmbuf_free((struct rte_mbuf *)((uintptr_t)handed & ~(uintptr_t)1));
	rte_pktmbuf_free(w->spare);
	w->spare = NULL;
}
