// SPDX-License-Identifier: MIT
/*
 * ip_frag.c - fragments put together again, within narrow bounds (RFC 791, RFC 8200 4.5, RFC 5722)
 */
#include "dataplane/net/ip_frag.h"

#define UNIT 8 /* offsets count in these */
#define WORDS (IP_FRAG_OCTETS_MAX / UNIT / 64)

struct ip_frag {
	struct ip_addr source, destination;
	uint32_t id;
	uint64_t until_us; /* free from then on */
	uint16_t len;      /* of the whole; 0: the last piece is not here yet */
	uint16_t n_units;  /* that are here */
	uint8_t n_pieces;
	bool spoilt; /* whatever else comes of it is dropped, until its time is over */
	uint64_t have[WORDS];
	uint8_t octets[];
};

static size_t entry_size(size_t cap)
{
	return (sizeof(struct ip_frag) + cap + 7) & ~(size_t)7;
}

size_t ip_frag_memory(size_t cap)
{
	return IP_FRAG_SETS * IP_FRAG_WAYS * entry_size(cap);
}

static struct ip_frag *entry_at(const struct ip_frags *f, size_t i)
{
	return (struct ip_frag *)(void *)(f->memory + i * entry_size(f->cap));
}

void ip_frag_init(struct ip_frags *f, void *memory, size_t cap, const struct siphash_key *key, struct stats *stats)
{
	CHECK(cap >= IP_FRAG_FIRST_LEAST && cap <= IP_FRAG_OCTETS_MAX);
	*f = (struct ip_frags){ .key = *key, .memory = memory, .cap = cap, .stats = stats };
	for (size_t i = 0; i < IP_FRAG_SETS * IP_FRAG_WAYS; i++)
		*entry_at(f, i) = (struct ip_frag){ 0 };
}

/* The packet that @p is a piece of; a new one in place of the oldest of its set if there is none. */
static struct ip_frag *entry_of(struct ip_frags *f, const struct ip_packet *p, uint64_t now_us)
{
	size_t first = siphash(&f->key, span_of(&p->source, sizeof(p->source))) % IP_FRAG_SETS * IP_FRAG_WAYS;
	struct ip_frag *oldest = entry_at(f, first);

	for (size_t i = first; i < first + IP_FRAG_WAYS; i++) {
		struct ip_frag *e = entry_at(f, i);

		if (e->until_us > now_us && e->id == p->fragment_id && ip_addr_eq(&e->source, &p->source) &&
		    ip_addr_eq(&e->destination, &p->destination))
			return e;
		if (e->until_us < oldest->until_us)
			oldest = e;
	}
	f->stats->net_fragments_evicted += oldest->until_us > now_us;
	*oldest = (struct ip_frag){ .source = p->source,
				    .destination = p->destination,
				    .id = p->fragment_id,
				    .until_us = now_us + IP_FRAG_US };
	return oldest;
}

static bool has(const struct ip_frag *e, size_t unit)
{
	return e->have[unit / 64] >> unit % 64 & 1;
}

static size_t n_known(const struct ip_frag *e, size_t unit, size_t end)
{
	size_t n = 0;

	for (; unit < end; unit++)
		n += has(e, unit);
	return n;
}

/* What one piece says of the whole must not contradict what others said. */
static bool contradicts(struct ip_frag *e, const struct ip_packet *p, size_t cap)
{
	size_t end = p->fragment_at + p->payload.len;

	if (end > cap || (p->more_fragments ? e->len && end >= e->len : e->len && end != e->len))
		return true;
	/* The last one: nothing is known beyond it. */
	return !p->more_fragments && n_known(e, (end + UNIT - 1) / UNIT, cap / UNIT) > 0;
}

static bool is_well_formed(const struct ip_packet *p)
{
	if (p->payload.len == 0 || (p->more_fragments && p->payload.len % UNIT))
		return false;
	return p->fragment_at != 0 || p->payload.len >= IP_FRAG_FIRST_LEAST;
}

static void spoil(struct ip_frags *f, struct ip_frag *e)
{
	e->spoilt = true;
	f->stats->net_fragments_spoilt++;
}

/* Returns false when the piece changes nothing: it is spoilt, or was there already. */
static bool add(struct ip_frags *f, struct ip_frag *e, const struct ip_packet *p)
{
	size_t unit = p->fragment_at / UNIT, n_units = (p->payload.len + UNIT - 1) / UNIT, known;

	if (++e->n_pieces > IP_FRAG_PIECES_MAX || contradicts(e, p, f->cap)) {
		spoil(f, e);
		return false;
	}
	known = n_known(e, unit, unit + n_units);
	if (known) {
		bool same = known == n_units && (p->more_fragments || e->len) &&
			    memcmp(e->octets + p->fragment_at, p->payload.at, p->payload.len) == 0;

		if (!same)
			spoil(f, e);
		return false;
	}
	memcpy(e->octets + p->fragment_at, p->payload.at, p->payload.len);
	for (size_t i = unit; i < unit + n_units; i++)
		e->have[i / 64] |= UINT64_C(1) << i % 64;
	e->n_units = (uint16_t)(e->n_units + n_units);
	if (!p->more_fragments)
		e->len = (uint16_t)(p->fragment_at + p->payload.len);
	return true;
}

struct span ip_frag_input(struct ip_frags *f, const struct ip_packet *p, uint64_t now_us)
{
	const struct span none = { NULL, 0 };
	struct ip_frag *e;

	if (p->protocol != IP_PROTO_TCP || !is_well_formed(p)) {
		f->stats->net_rx_fragments++;
		return none;
	}
	e = entry_of(f, p, now_us);
	if (e->spoilt || !add(f, e, p)) {
		f->stats->net_rx_fragments++;
		return none;
	}
	f->stats->net_fragments_kept++;
	if (e->len == 0 || e->n_units != (e->len + UNIT - 1) / UNIT)
		return none;
	e->until_us = 0;
	f->stats->net_reassembled++;
	return span_of(e->octets, e->len);
}
