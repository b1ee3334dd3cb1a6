// SPDX-License-Identifier: MIT
/*
 * lists.c - look-ups in allow and deny
 */
#include "ctrlplane/policy/lists.h"

/* Big-endian, in one load and one swap. */
static uint64_t first_64(const uint8_t *at)
{
	return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 | (uint64_t)at[3] << 32 |
	       (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 | (uint64_t)at[6] << 8 | at[7];
}

/* Between which borders to look: sets the first that may be above @high, and how many follow that may be. */
static uint32_t slot_of(const struct lists_ranges *r, uint64_t high, uint32_t *n)
{
	uint64_t slot = (high >> r->shift) - r->base;

	if (slot >= r->n_slots) { /* below the first border, or above the last */
		*n = 0;
		return (high >> r->shift) < r->base ? 0 : r->n_borders;
	}
	*n = r->slots[slot + 1] - r->slots[slot];
	return r->slots[slot];
}

/* @key: the address, with all bits of the value set. */
static unsigned value_of_4(const struct lists_ranges *r, uint64_t key)
{
	uint32_t n, from = slot_of(r, key, &n);

	while (n > 4) {
		uint32_t half = n / 2;
		bool below = r->high[from + half] <= key;

		from += below ? half + 1 : 0;
		n = below ? n - half - 1 : half;
	}
	for (uint32_t i = from; n; n--, i++)
		from += r->high[i] <= key;
	return from ? r->high[from - 1] & UINT16_MAX : 0;
}

static unsigned value_of_6(const struct lists_ranges *r, uint64_t high, uint64_t low)
{
	uint32_t n, from = slot_of(r, high, &n);

	while (n) {
		uint32_t half = n / 2, at = from + half;
		bool below = r->high[at] < high || (r->high[at] == high && r->low[at] <= low);

		from += below ? half + 1 : 0;
		n = below ? n - half - 1 : half;
	}
	return from ? r->values[from - 1] : 0;
}

unsigned lists_prefix(const struct lists *l, const struct ip_addr *a)
{
	if (a->family == IP_V4)
		return value_of_4(&l->v4, first_64(a->bytes) | UINT32_MAX);
	return a->family == IP_V6 ? value_of_6(&l->v6, first_64(a->bytes), first_64(a->bytes + 8)) : 0;
}

uint32_t lists_slot(const struct lists *l, enum lists_kind kind, struct span name)
{
	uint8_t lower[256];
	struct siphash_key key = { .k0 = (uint64_t)kind,
				   .k1 = 0 }; /* the names are the operator's: nobody fills one slot */
	size_t n = name.len < sizeof(lower) ? name.len : sizeof(lower);

	for (size_t i = 0; i < n; i++)
		lower[i] = byte_lower(name.at[i]);
	return (uint32_t)siphash(&key, span_of(lower, n)) & l->slots_mask;
}

static const struct lists_name *find_name(const struct lists *l, enum lists_kind kind, struct span name)
{
	for (uint32_t i = lists_slot(l, kind, name); l->slots[i]; i = (i + 1) & l->slots_mask) {
		const struct lists_name *n = &l->names[l->slots[i] - 1];

		if (n->kind == kind && span_eq_nocase(span_of(l->text + n->at, n->len), name))
			return n;
	}
	return NULL;
}

bool lists_has(const struct lists *l, enum lists_kind kind, struct span name)
{
	return l->slots_mask && name.len && name.len <= LISTS_NAME_MAX && find_name(l, kind, name);
}

unsigned lists_name(const struct lists *l, enum lists_kind kind, struct span name)
{
	const struct lists_name *n;
	size_t dot;

	if (!l->slots_mask || name.len == 0 || name.len > 255)
		return 0;
	n = find_name(l, kind, name);
	if (n && (n->same | n->below))
		return (unsigned)name.len << 2 | (n->same ? n->same : n->below);
	while ((dot = span_find(name, '.')) != SPAN_NONE) {
		name = span_skip(name, dot + 1);
		n = find_name(l, kind, name);
		if (n && n->below)
			return (unsigned)name.len << 2 | n->below;
	}
	return 0;
}

/* Bits of the longer one; of both when they are as long. */
static unsigned longer_of(unsigned a, unsigned b)
{
	if (a >> 2 == b >> 2)
		return (a | b) & 3;
	return (a > b ? a : b) & 3;
}

unsigned lists_bits(const struct lists *a, const struct lists *b, const struct ip_addr *client, struct span helo,
		    struct span mail_from)
{
	size_t at = span_find_last(mail_from, '@');
	struct span domain = at == SPAN_NONE ? span_head(mail_from, 0) : span_skip(mail_from, at + 1);
	const struct lists *both[] = { a, b };
	unsigned found[2][LISTS_N_KINDS] = { { 0 } };

	for (unsigned i = 0; i < 2; i++) {
		if (!both[i])
			continue;
		found[i][LISTS_PREFIX] = lists_prefix(both[i], client);
		found[i][LISTS_DOMAIN] = lists_name(both[i], LISTS_DOMAIN, domain);
		found[i][LISTS_HELO] = lists_name(both[i], LISTS_HELO, helo);
	}
	return longer_of(found[0][LISTS_PREFIX], found[1][LISTS_PREFIX]) |
	       longer_of(found[0][LISTS_DOMAIN], found[1][LISTS_DOMAIN]) |
	       longer_of(found[0][LISTS_HELO], found[1][LISTS_HELO]);
}
