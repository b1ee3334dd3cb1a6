// SPDX-License-Identifier: MIT
/*
 * impair.h - one direction of a network that harms TCP: which frames are lost, repeated, held back or damaged, and when
 * the others come out
 *
 * A frame's fate is a function of the seed, the direction, the number of its connection, its sequence number counted
 * from the SYN, its length and flags, and of how often all that was seen before.  So it does not depend on when the
 * frame came or what was between, and a segment sent again has a draw of its own.  What is no TCP (ARP, neighbour
 * discovery) is only delayed: a lost question costs a second, whoever's TCP it is.
 *
 * Pure: a frame and the time in, its fate out.  No memory but the struct's own.
 */
#ifndef IMPAIR_H
#define IMPAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/base/span.h"

enum { IMPAIR_FLOWS = 64, IMPAIR_SEEN = 1 << 16, IMPAIR_OF = 100000, IMPAIR_COPIES = 2 };

/* Of one direction. */
struct impair_harm {
	uint32_t loss, repeat, hold, corrupt; /* of IMPAIR_OF frames */
	uint32_t delay_us, jitter_us;         /* a frame takes delay_us to delay_us + jitter_us */
	uint32_t hold_us;                     /* and one that is held back up to this much more */
	uint32_t rate;                        /* octets a second; 0: no bound */
	uint32_t queue_max;                   /* octets that wait for their turn; more are dropped */
};

struct impair_fate {
	unsigned n; /* copies that come out; 0: lost */
	uint64_t at_us[IMPAIR_COPIES];
	uint32_t bit[IMPAIR_COPIES]; /* of the frame, that is to be turned over; 0: none */
};

struct impair_flow {
	uint8_t key[36]; /* addresses and ports, the smaller end first */
	uint32_t ordinal;
	uint32_t isn[2]; /* by direction, once known */
	bool known[2];
};

struct impair {
	uint64_t seed;
	struct impair_harm harm[2]; /* by direction */
	uint64_t free_us[2];        /* when the last octet accepted has gone out */
	uint32_t n_flows;
	struct impair_flow flows[IMPAIR_FLOWS]; /* by ordinal, round */
	struct {
		uint32_t tag, times;
	} seen[IMPAIR_SEEN];
	uint64_t n_carried[2], n_lost[2], n_overflows[2];
};

/* What a verdict looks at. */
struct impair_view {
	uint8_t key[36];
	bool swapped; /* the sender is the larger end of the key */
	uint32_t seq, len;
	uint8_t flags;
};

static inline uint64_t impair_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static inline uint32_t impair_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Where TCP begins in @frame (no VLAN tag, no extension headers) and how long the packet is; false: no TCP. */
static inline bool impair_find_tcp(struct span frame, size_t *tcp, size_t *end)
{
	const uint8_t *p = frame.at + 14;

	if (frame.len >= 34 && frame.at[12] == 0x08 && frame.at[13] == 0x00 && p[0] >> 4 == 4) {
		*tcp = 14 + 4 * (size_t)(p[0] & 15);
		*end = 14 + ((size_t)p[2] << 8 | p[3]);
		return p[9] == 6 && *tcp >= 34 && *end <= frame.len && *tcp + 20 <= *end;
	}
	if (frame.len >= 54 && frame.at[12] == 0x86 && frame.at[13] == 0xdd) {
		*tcp = 54;
		*end = 54 + ((size_t)p[4] << 8 | p[5]);
		return p[6] == 6 && *end <= frame.len && *tcp + 20 <= *end;
	}
	return false;
}

static inline bool impair_look(struct span frame, struct impair_view *v)
{
	size_t tcp, end, addr, header;
	uint8_t ends[2][18] = { { 0 } };

	if (!impair_find_tcp(frame, &tcp, &end))
		return false;
	header = 4 * (size_t)(frame.at[tcp + 12] >> 4);
	if (header < 20 || tcp + header > end)
		return false;
	addr = frame.at[12] == 0x08 ? 4 : 16;
	for (size_t i = 0; i < 2; i++) {
		memcpy(ends[i], frame.at + (addr == 4 ? 26 : 22) + i * addr, addr);
		memcpy(ends[i] + 16, frame.at + tcp + 2 * i, 2);
	}
	v->swapped = memcmp(ends[0], ends[1], 18) > 0;
	memcpy(v->key, ends[v->swapped], 18);
	memcpy(v->key + 18, ends[!v->swapped], 18);
	v->seq = impair_be32(frame.at + tcp + 4);
	v->flags = frame.at[tcp + 13];
	v->len = (uint32_t)(end - tcp - header);
	return true;
}

/* Connections are counted by their SYN; one whose SYN was never seen is counted when it shows. */
static inline struct impair_flow *impair_flow_of(struct impair *m, const struct impair_view *v)
{
	bool opens = (v->flags & 0x12) == 0x02;
	uint32_t n = m->n_flows < IMPAIR_FLOWS ? m->n_flows : IMPAIR_FLOWS;

	for (uint32_t i = 1; i <= n; i++) {
		struct impair_flow *f = &m->flows[(m->n_flows - i) % IMPAIR_FLOWS];

		if (memcmp(f->key, v->key, sizeof(f->key)) != 0)
			continue;
		if (!opens || !f->known[v->swapped] || f->isn[v->swapped] == v->seq)
			return f;
		break; /* the same ports, used again */
	}
	struct impair_flow *f = &m->flows[m->n_flows % IMPAIR_FLOWS];

	*f = (struct impair_flow){ .ordinal = m->n_flows++ };
	memcpy(f->key, v->key, sizeof(f->key));
	return f;
}

static inline uint64_t impair_key(struct impair *m, unsigned direction, const struct impair_view *v)
{
	struct impair_flow *f = impair_flow_of(m, v);
	uint64_t h = impair_mix(m->seed, direction);

	if (!f->known[v->swapped]) {
		f->known[v->swapped] = true;
		f->isn[v->swapped] = v->seq;
	}
	h = impair_mix(h, f->ordinal);
	h = impair_mix(h, (uint64_t)(v->seq - f->isn[v->swapped]) << 32 | v->len);
	h = impair_mix(h, v->flags);

	/* Two that share a slot forget each other's count: that costs nothing but a draw that was had before. */
	uint32_t slot = h % IMPAIR_SEEN, tag = (uint32_t)(h >> 32);

	if (m->seen[slot].tag != tag) {
		m->seen[slot].tag = tag;
		m->seen[slot].times = 0;
	}
	return impair_mix(h, ++m->seen[slot].times);
}

/* The @which-th draw of a frame, from 0 to @below - 1. */
static inline uint32_t impair_draw(uint64_t key, unsigned which, uint32_t below)
{
	return below ? (uint32_t)((impair_mix(key, which) >> 32) * below >> 32) : 0;
}

/* When the last octet has left a direction with a rate; false: the queue is full. */
static inline bool impair_queued(struct impair *m, unsigned direction, size_t len, uint64_t *at_us)
{
	const struct impair_harm *h = &m->harm[direction];
	uint64_t from_us = m->free_us[direction] > *at_us ? m->free_us[direction] : *at_us;

	if (h->rate == 0)
		return true;
	if ((from_us - *at_us) * h->rate / 1000000 > h->queue_max) {
		m->n_overflows[direction]++;
		return false;
	}
	*at_us = m->free_us[direction] = from_us + len * UINT64_C(1000000) / h->rate;
	return true;
}

/* What becomes of @frame, which came at @now_us to go in @direction (0 or 1). */
static inline struct impair_fate impair(struct impair *m, unsigned direction, struct span frame, uint64_t now_us)
{
	const struct impair_harm *h = &m->harm[direction];
	struct impair_fate fate = { 0 };
	struct impair_view view;
	bool harmed = impair_look(frame, &view);
	uint64_t key = harmed ? impair_key(m, direction, &view) : 0;
	unsigned wanted = harmed && impair_draw(key, 0, IMPAIR_OF) < h->repeat ? 2 : 1;

	for (unsigned i = 0; i < wanted; i++) {
		uint64_t at_us = now_us, k = impair_mix(key, i + 1000);

		if ((harmed && impair_draw(k, 1, IMPAIR_OF) < h->loss) ||
		    !impair_queued(m, direction, frame.len, &at_us)) {
			m->n_lost[direction]++;
			continue;
		}
		at_us += h->delay_us;
		if (harmed)
			at_us += impair_draw(k, 2, h->jitter_us);
		if (harmed && impair_draw(k, 3, IMPAIR_OF) < h->hold)
			at_us += impair_draw(k, 4, h->hold_us);
		if (harmed && impair_draw(k, 5, IMPAIR_OF) < h->corrupt) /* anywhere behind the Ethernet header */
			fate.bit[fate.n] = 112 + impair_draw(k, 6, (uint32_t)(frame.len - 14) * 8);
		fate.at_us[fate.n++] = at_us;
		m->n_carried[direction]++;
	}
	return fate;
}

#endif
