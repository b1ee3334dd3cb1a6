// SPDX-License-Identifier: MIT
/*
 * impair.c - the verdict over a frame
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/impair/impair.h"

uint64_t impair_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

uint32_t impair_draw(uint64_t key, unsigned which, uint32_t below)
{
	return below ? (uint32_t)((impair_mix(key, which) >> 32) * below >> 32) : 0;
}

bool impair_chance(uint64_t key, unsigned which, uint32_t share)
{
	return share && impair_draw(key, which, IMPAIR_OF) < share;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- what is in a frame -------------------------------------------------------------------- */

static bool find_tcp(struct span frame, size_t *tcp, size_t *end)
{
	const uint8_t *p = frame.at + IMPAIR_ETH;

	if (frame.len >= 34 && frame.at[12] == 0x08 && frame.at[13] == 0x00 && p[0] >> 4 == 4) {
		*tcp = IMPAIR_ETH + 4 * (size_t)(p[0] & 15);
		*end = IMPAIR_ETH + ((size_t)p[2] << 8 | p[3]);
		return p[9] == 6 && *tcp >= 34 && *end <= frame.len && *tcp + 20 <= *end;
	}
	if (frame.len >= 54 && frame.at[12] == 0x86 && frame.at[13] == 0xdd) {
		*tcp = 54;
		*end = 54 + ((size_t)p[4] << 8 | p[5]);
		return p[6] == 6 && *end <= frame.len && *tcp + 20 <= *end;
	}
	return false;
}

bool impair_look(struct span frame, struct impair_view *v)
{
	size_t addr;
	uint8_t ends[2][18] = { { 0 } };

	if (!find_tcp(frame, &v->tcp, &v->end))
		return false;
	v->data = v->tcp + 4 * (size_t)(frame.at[v->tcp + 12] >> 4);
	if (v->data < v->tcp + 20 || v->data > v->end)
		return false;
	addr = frame.at[12] == 0x08 ? 4 : 16;
	for (size_t i = 0; i < 2; i++) {
		memcpy(ends[i], frame.at + (addr == 4 ? 26 : 22) + i * addr, addr);
		memcpy(ends[i] + 16, frame.at + v->tcp + 2 * i, 2);
	}
	v->swapped = memcmp(ends[0], ends[1], 18) > 0;
	memcpy(v->key, ends[v->swapped], 18);
	memcpy(v->key + 18, ends[!v->swapped], 18);
	v->seq = be32(frame.at + v->tcp + 4);
	v->flags = frame.at[v->tcp + 13];
	v->len = (uint32_t)(v->end - v->data);
	return true;
}

struct impair_flow *impair_flow_of(struct impair *m, const struct impair_view *v)
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

static uint64_t key_of(struct impair *m, unsigned direction, const struct impair_view *v)
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

	/* Two that share a slot go on with each other's count: if they began anew, both could have their first draw for
	 * ever, and be lost for ever. */
	return impair_mix(h, ++m->seen[h % IMPAIR_SEEN]);
}

/* --- the verdict --------------------------------------------------------------------------- */

/* When the last octet has left a direction with a rate; false: the queue is full. */
static bool queued(struct impair *m, unsigned direction, size_t len, uint64_t *at_us)
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

static bool in_burst(struct impair *m, unsigned direction, uint64_t now_us)
{
	const struct impair_harm *h = &m->harm[direction];
	uint64_t k = impair_mix(impair_mix(m->seed, 77 + direction), m->n_frames[direction]++);
	bool *in = &m->in_burst[direction];

	if (*in && h->burst_us && now_us - m->burst_since_us[direction] > h->burst_us)
		*in = false;
	else if (*in)
		*in = !impair_chance(k, 0, h->good);
	else if ((*in = impair_chance(k, 0, h->bad)))
		m->burst_since_us[direction] = now_us;
	return *in;
}

/* A bit of the @octets from @from on. */
static uint32_t bit_of(uint64_t k, unsigned which, size_t from, size_t octets)
{
	return (uint32_t)from * 8 + impair_draw(k, which, (uint32_t)octets * 8);
}

/* What happens to the octets of a copy. */
static void spoil(const struct impair_harm *h, uint64_t k, const struct impair_view *v, struct impair_copy *c)
{
	if (impair_chance(k, 5, h->corrupt))
		c->bit = bit_of(k, 6, IMPAIR_ETH, c->len - IMPAIR_ETH);
	else if (impair_chance(k, 7, h->corrupt_header))
		c->bit = bit_of(k, 8, IMPAIR_ETH, v->data - IMPAIR_ETH);
	else if (v->len && impair_chance(k, 9, h->corrupt_data))
		c->bit = bit_of(k, 10, v->data, v->len);
	else if (impair_chance(k, 11, h->forge)) {
		/* Not the ports: that would be a segment of somebody else. */
		c->bit = bit_of(k, 12, v->tcp + 4, v->data - v->tcp - 4);
		c->forged = true;
	}
	if (impair_chance(k, 13, h->truncate))
		c->len = IMPAIR_ETH + impair_draw(k, 14, c->len - IMPAIR_ETH);
}

struct impair_fate impair(struct impair *m, unsigned direction, struct span frame, uint64_t now_us)
{
	const struct impair_harm *h = &m->harm[direction];
	struct impair_fate fate = { 0 };
	struct impair_view view = { 0 };
	bool harmed = impair_look(frame, &view);

	fate.key = harmed ? key_of(m, direction, &view) : 0;
	unsigned wanted = harmed && impair_chance(fate.key, 0, h->repeat) ? 2 : 1;

	for (unsigned i = 0; i < wanted; i++) {
		uint64_t at_us = now_us, k = impair_mix(fate.key, i + 1000);
		bool lost = harmed && (in_burst(m, direction, now_us) || impair_chance(k, 1, h->loss));

		if (lost || !queued(m, direction, frame.len, &at_us)) {
			m->n_lost[direction]++;
			continue;
		}
		struct impair_copy *c = &fate.copies[fate.n++];

		at_us += h->delay_us;
		*c = (struct impair_copy){ .len = (uint32_t)frame.len };
		if (harmed) {
			at_us += impair_draw(k, 2, h->jitter_us);
			if (impair_chance(k, 3, h->hold))
				at_us += impair_draw(k, 4, h->hold_us);
			spoil(h, k, &view, c);
		}
		c->at_us = at_us;
		m->n_carried[direction]++;
	}
	return fate;
}

/* --- settings as text ---------------------------------------------------------------------- */

#define FIELD(name)                                                                                                    \
	{                                                                                                              \
#name, offsetof(struct impair_harm, name)                                                              \
	}
static const struct {
	const char *name;
	size_t at;
} fields[] = {
	FIELD(loss),
	FIELD(repeat),
	FIELD(hold),
	FIELD(bad),
	FIELD(good),
	FIELD(burst_us),
	FIELD(thin),
	FIELD(corrupt),
	FIELD(forge),
	FIELD(truncate),
	FIELD(corrupt_header),
	FIELD(corrupt_data),
	FIELD(delay_us),
	FIELD(jitter_us),
	FIELD(hold_us),
	FIELD(rate),
	FIELD(queue_max),
	FIELD(mtu),
	FIELD(mtu_tell),
	FIELD(strip),
	FIELD(clamp_mss),
	FIELD(shift),
	FIELD(clear_urg),
	FIELD(bleach),
	FIELD(split),
	FIELD(merge),
	FIELD(inject_rst),
	FIELD(inject_syn),
	FIELD(shift_keeps_sack),
};
#undef FIELD

bool impair_set(struct impair *m, unsigned *from, unsigned *to, const char *word)
{
	char name[32];
	unsigned long long value;

	if (strcmp(word, "both:") == 0 || strcmp(word, "there:") == 0 || strcmp(word, "back:") == 0) {
		*from = word[1] == 'a';
		*to = word[1] != 'h';
		return true;
	}
	if (sscanf(word, "%31[a-z_]=%llu", name, &value) != 2)
		return false;
	if (strcmp(name, "seed") == 0) {
		m->seed = value;
		return true;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i].name, name) != 0)
			continue;
		for (unsigned d = *from; d <= *to; d++)
			memcpy((char *)&m->harm[d] + fields[i].at, &(uint32_t){ (uint32_t)value }, sizeof(uint32_t));
		return true;
	}
	return false;
}

void impair_text(const struct impair_harm *h, char *out, size_t cap)
{
	uint32_t value;
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && n < cap; i++) {
		memcpy(&value, (const char *)h + fields[i].at, sizeof(value));
		if (value)
			n += (size_t)snprintf(out + n, cap - n, "%s%s=%" PRIu32, n ? " " : "", fields[i].name, value);
	}
}
