// SPDX-License-Identifier: MIT
/*
 * sim_link.h - one direction of a network that harms what it carries: loss, bursts of it, repetition, disorder, damage,
 * delay, a rate with a queue in front
 *
 * A packet's fate is drawn from the seed, in this order.  Packets in flight stand in one heap by time.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/base/check.h"

enum { SIM_PACKETS = 16384, SIM_FRAME = 2048 };

struct sim_harm {
	uint32_t loss, repeat, corrupt, hold; /* of 100 000 packets */
	uint32_t bad, good;                   /* Gilbert-Elliott: of 100 000 packets that begin, end a burst of loss */
	uint32_t delay_us, jitter_us, hold_us;
	uint32_t rate;      /* octets a second; 0: no bound */
	uint32_t queue_max; /* octets that wait for their turn; more are dropped */
};

struct sim_packet {
	uint64_t at_us;
	uint64_t order; /* among those of the same time */
	uint8_t to;
	uint16_t len;
	uint8_t wire[SIM_FRAME];
};

struct sim_link {
	const struct sim_harm *harm;
	uint64_t free_us; /* when the last octet accepted has gone out */
	bool in_burst;
};

struct sim_net {
	uint64_t random, order;
	struct sim_link links[2]; /* by the side that they lead to */
	struct sim_packet *heap[SIM_PACKETS];
	size_t n_packets;
	uint64_t n_carried, n_lost;
};

static struct sim_packet sim_store[SIM_PACKETS];
static struct sim_packet *sim_spare[SIM_PACKETS];
static size_t sim_n_spare;

static uint32_t sim_draw(struct sim_net *n, uint32_t below)
{
	n->random ^= n->random << 13;
	n->random ^= n->random >> 7;
	n->random ^= n->random << 17;
	return (uint32_t)((n->random * 0x2545f4914f6cdd1du) >> 33) % below;
}

static bool sim_chance(struct sim_net *n, uint32_t of_100000)
{
	return of_100000 && sim_draw(n, 100000) < of_100000;
}

static bool sim_before(const struct sim_packet *a, const struct sim_packet *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void sim_put(struct sim_net *n, struct sim_packet *p)
{
	size_t i = n->n_packets++;

	for (; i > 0 && sim_before(p, n->heap[(i - 1) / 2]); i = (i - 1) / 2)
		n->heap[i] = n->heap[(i - 1) / 2];
	n->heap[i] = p;
}

static struct sim_packet *sim_take(struct sim_net *n)
{
	struct sim_packet *first = n->heap[0], *last = n->heap[--n->n_packets];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n->n_packets) {
		child += child + 1 < n->n_packets && sim_before(n->heap[child + 1], n->heap[child]);
		if (!sim_before(n->heap[child], last))
			break;
		n->heap[i] = n->heap[child];
		i = child;
	}
	n->heap[i] = last;
	return first;
}

static void sim_give(struct sim_packet *p)
{
	sim_spare[sim_n_spare++] = p;
}

static void sim_start(struct sim_net *n, uint64_t seed, const struct sim_harm *to0, const struct sim_harm *to1)
{
	*n = (struct sim_net){ .random = seed * 0x9e3779b97f4a7c15u + 88172645463325252u,
			       .links = { { .harm = to0 }, { .harm = to1 } } };
	for (sim_n_spare = 0; sim_n_spare < SIM_PACKETS; sim_n_spare++)
		sim_spare[sim_n_spare] = &sim_store[sim_n_spare];
}

/* When the last octet has left a link with a rate; false: the queue is full. */
static bool sim_queued(struct sim_link *l, size_t len, uint64_t *at_us)
{
	const struct sim_harm *h = l->harm;
	uint64_t from_us = l->free_us > *at_us ? l->free_us : *at_us;

	if (h->rate == 0)
		return true;
	if ((from_us - *at_us) * h->rate / 1000000 > h->queue_max)
		return false;
	*at_us = l->free_us = from_us + len * UINT64_C(1000000) / h->rate;
	return true;
}

static void sim_carry_one(struct sim_net *n, uint8_t to, const uint8_t *wire, size_t len, uint64_t now_us)
{
	struct sim_link *l = &n->links[to];
	const struct sim_harm *h = l->harm;
	struct sim_packet *p;

	l->in_burst = l->in_burst ? !sim_chance(n, h->good) : sim_chance(n, h->bad);
	if (sim_chance(n, h->loss) || l->in_burst || !sim_n_spare || !sim_queued(l, len, &now_us)) {
		n->n_lost++;
		return;
	}
	p = sim_spare[--sim_n_spare];
	p->to = to;
	p->len = (uint16_t)len;
	p->order = n->order++;
	p->at_us = now_us + h->delay_us + (h->jitter_us ? sim_draw(n, h->jitter_us) : 0);
	if (sim_chance(n, h->hold))
		p->at_us += sim_draw(n, h->hold_us);
	memcpy(p->wire, wire, len);
	if (sim_chance(n, h->corrupt))
		p->wire[sim_draw(n, (uint32_t)len)] ^= (uint8_t)(1u << sim_draw(n, 8));
	n->n_carried++;
	sim_put(n, p);
}

static void sim_carry(struct sim_net *n, uint8_t to, const uint8_t *wire, size_t len, uint64_t now_us)
{
	CHECK(len <= SIM_FRAME);
	sim_carry_one(n, to, wire, len, now_us);
	if (sim_chance(n, n->links[to].harm->repeat))
		sim_carry_one(n, to, wire, len, now_us);
}

#endif
