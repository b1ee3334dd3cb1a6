// SPDX-License-Identifier: MIT
/*
 * neighbour.c - which MAC address an on-link address has, and who may say so
 */
#include "dataplane/net/eth.h"
#include "dataplane/net/neighbour.h"

static uint32_t n_buckets(uint32_t n_max)
{
	uint32_t n = 16;

	while (n < n_max)
		n *= 2;
	return n;
}

size_t neighbour_memory(uint32_t n_max)
{
	return n_max * sizeof(struct neighbour) + n_buckets(n_max) * sizeof(struct neighbour *);
}

void neighbour_init(struct neighbours *t, void *memory, uint32_t n_max, const struct siphash_key *key,
		    struct stats *stats)
{
	CHECK(n_max >= 4 && n_max <= UINT32_C(1) << 24);
	*t = (struct neighbours){
		.entries = memory, .n_max = n_max, .bucket_mask = n_buckets(n_max) - 1, .key = *key, .stats = stats
	};
	rate_init(&t->asks, NEIGHBOUR_ASKS_PER_S);
	t->buckets = (struct neighbour **)(void *)(t->entries + n_max);
	memset(memory, 0, neighbour_memory(n_max));
	for (uint32_t i = n_max; i > 0; i--) {
		t->entries[i - 1].chain = t->free;
		t->free = &t->entries[i - 1];
	}
}

/* --- lists --------------------------------------------------------------------------------- */

static void list_remove(struct neighbours *t, struct neighbour *n)
{
	*(n->previous ? &n->previous->next : &t->lists[n->list].first) = n->next;
	*(n->next ? &n->next->previous : &t->lists[n->list].last) = n->previous;
	n->list = NEIGHBOUR_FREE;
}

/* All lists are in the order of entry; so that of questions is also the order of their deadlines. */
static void list_append(struct neighbours *t, struct neighbour *n, enum neighbour_list list)
{
	n->list = (uint8_t)list;
	n->next = NULL;
	n->previous = t->lists[list].last;
	*(n->previous ? &n->previous->next : &t->lists[list].first) = n;
	t->lists[list].last = n;
}

static void move_to(struct neighbours *t, struct neighbour *n, enum neighbour_list list)
{
	list_remove(t, n);
	list_append(t, n, list);
}

/* --- the table ----------------------------------------------------------------------------- */

static struct neighbour **bucket_of(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr)
{
	uint8_t name[19] = { (uint8_t)(ifindex >> 8), (uint8_t)ifindex, addr->family };

	memcpy(name + 3, addr->bytes, 16);
	return &t->buckets[siphash(&t->key, span_of(name, sizeof(name))) & t->bucket_mask];
}

struct neighbour *neighbour_find(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr)
{
	struct neighbour *n = t->last;

	if (n && n->ifindex == ifindex && ip_addr_eq(&n->addr, addr))
		return n;
	for (n = *bucket_of(t, ifindex, addr); n; n = n->chain)
		if (n->ifindex == ifindex && ip_addr_eq(&n->addr, addr))
			return t->last = n;
	return NULL;
}

static void drop(struct neighbours *t, struct neighbour *n)
{
	struct neighbour **at = bucket_of(t, n->ifindex, &n->addr);

	if (t->on_drop)
		t->on_drop(t->drop_arg, n);
	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	list_remove(t, n);
	t->n_used--;
	t->n_without_mac -= !n->has_mac;
	if (t->last == n)
		t->last = NULL;
	n->chain = t->free;
	t->free = n;
}

/* Makes room for one more: first by whoever leaves us waiting longest, then by whoever was silent longest. */
static bool make_room(struct neighbours *t, bool has_mac)
{
	bool too_many_unknown = !has_mac && t->n_without_mac >= t->n_max / 2;
	struct neighbour *victim;

	if (!too_many_unknown && t->free)
		return true;
	for (victim = t->lists[NEIGHBOUR_ASKED].first; victim && victim->keep; victim = victim->next)
		;
	if (!victim && !too_many_unknown)
		for (victim = t->lists[NEIGHBOUR_KNOWN].first; victim && victim->keep; victim = victim->next)
			;
	if (!victim)
		return false;
	t->stats->net_neighbours_evicted++;
	drop(t, victim);
	return true;
}

static struct neighbour *add(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr, const uint8_t *mac,
			     enum neighbour_list list)
{
	struct neighbour *n, **bucket = bucket_of(t, ifindex, addr);

	if (!make_room(t, mac != NULL)) {
		t->stats->net_neighbours_full++;
		return NULL;
	}
	n = t->free;
	t->free = n->chain;
	*n = (struct neighbour){ .addr = *addr, .ifindex = ifindex, .has_mac = mac != NULL, .chain = *bucket };
	*bucket = n;
	if (mac)
		memcpy(n->mac, mac, 6);
	t->n_used++;
	t->n_without_mac += mac == NULL;
	list_append(t, n, list);
	return n;
}

void neighbour_fix(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr, const uint8_t mac[6])
{
	struct neighbour *n = add(t, ifindex, addr, mac, NEIGHBOUR_KNOWN);

	CHECK(n);
	n->keep = n->is_static = true;
	n->fresh_until_us = UINT64_MAX;
}

static void ask_again(struct neighbours *t, struct neighbour *n)
{
	n->n_asked = 0;
	move_to(t, n, NEIGHBOUR_DUE);
}

struct neighbour *neighbour_want(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr, bool keep,
				 uint64_t now_us)
{
	struct neighbour *n = neighbour_find(t, ifindex, addr);

	if (!n)
		n = add(t, ifindex, addr, NULL, NEIGHBOUR_DUE);
	else if (n->list == NEIGHBOUR_KNOWN && now_us >= n->fresh_until_us)
		ask_again(t, n);
	if (n && keep)
		n->keep = true;
	return n;
}

/* --- who may say so ------------------------------------------------------------------------ */

static void take_mac(struct neighbours *t, struct neighbour *n, const uint8_t mac[6])
{
	memcpy(n->mac, mac, 6);
	t->n_without_mac -= !n->has_mac;
	n->has_mac = true;
}

/* Somebody says that a known neighbour has another MAC: ask the known one, unless it has answered just now. */
static void contradicted(struct neighbours *t, struct neighbour *n, uint64_t now_us)
{
	t->stats->net_neighbours_contradicted++;
	if (n->is_static)
		return;
	if (n->list == NEIGHBOUR_KNOWN && now_us + NEIGHBOUR_REACHABLE_US >= n->fresh_until_us + NEIGHBOUR_ASK_US)
		ask_again(t, n);
}

struct neighbour *neighbour_answer(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr,
				   const uint8_t mac[6], uint64_t now_us)
{
	struct neighbour *n = neighbour_find(t, ifindex, addr);
	bool had_mac = n && n->has_mac;

	if (!n)
		return NULL;
	if (had_mac && !eth_is(n->mac, mac)) {
		contradicted(t, n, now_us);
		return NULL;
	}
	/* Not asked, or asked before another frame of the same burst: no answer to a question of ours. */
	if (n->n_asked == 0)
		return NULL;
	take_mac(t, n, mac);
	n->n_asked = 0;
	n->fresh_until_us = now_us + NEIGHBOUR_REACHABLE_US;
	move_to(t, n, NEIGHBOUR_KNOWN);
	return had_mac ? NULL : n;
}

struct neighbour *neighbour_hint(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr,
				 const uint8_t mac[6], bool asked_us, uint64_t now_us)
{
	struct neighbour *n = neighbour_find(t, ifindex, addr);

	if (n && n->has_mac) {
		if (!eth_is(n->mac, mac))
			contradicted(t, n, now_us);
		return NULL;
	}
	if (!asked_us)
		return NULL;
	if (!n) {
		/* Never confirmed, so not fresh: it is asked as soon as a frame goes to it. */
		(void)add(t, ifindex, addr, mac, NEIGHBOUR_KNOWN);
		return NULL;
	}
	take_mac(t, n, mac);
	ask_again(t, n);
	return n;
}

/* --- questions ----------------------------------------------------------------------------- */

/* Three questions were not answered: the known MAC is given up, or the neighbour. */
static void unanswered(struct neighbours *t, struct neighbour *n)
{
	if (!n->has_mac) {
		t->stats->net_neighbours_unreachable++;
		drop(t, n);
		return;
	}
	n->has_mac = false;
	t->n_without_mac++;
	ask_again(t, n);
}

static void collect_due(struct neighbours *t, enum neighbour_list list, uint64_t now_us)
{
	struct neighbour *n;

	while ((n = t->lists[list].first) && n->ask_us <= now_us) {
		if (n->n_asked >= NEIGHBOUR_ASKS_MAX)
			unanswered(t, n);
		else
			move_to(t, n, NEIGHBOUR_DUE);
	}
}

struct neighbour *neighbour_ask(struct neighbours *t, uint64_t now_us)
{
	struct neighbour *n;

	collect_due(t, NEIGHBOUR_ASKED, now_us);
	collect_due(t, NEIGHBOUR_PROBED, now_us);
	n = t->lists[NEIGHBOUR_DUE].first;
	if (!n || !rate_take(&t->asks, now_us))
		return NULL;
	n->n_asked++;
	n->ask_us = now_us + NEIGHBOUR_ASK_US;
	move_to(t, n, n->has_mac ? NEIGHBOUR_PROBED : NEIGHBOUR_ASKED);
	return n;
}

uint64_t neighbour_deadline_us(const struct neighbours *t)
{
	const struct neighbour *asked = t->lists[NEIGHBOUR_ASKED].first, *probed = t->lists[NEIGHBOUR_PROBED].first;
	uint64_t deadline = UINT64_MAX;

	if (t->lists[NEIGHBOUR_DUE].first) /* held back by the rate */
		return t->asks.last_us + 1000000 / NEIGHBOUR_ASKS_PER_S;
	if (asked)
		deadline = asked->ask_us;
	if (probed && probed->ask_us < deadline)
		deadline = probed->ask_us;
	return deadline;
}
