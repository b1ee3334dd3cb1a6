// SPDX-License-Identifier: MIT
/*
 * lists_build.c - allow and deny from lines of text to what workers read
 *
 * Prefixes are sorted by their start, the wider first, and swept once with a stack of those that are open: each start and
 * each end is a border, and what holds from there on is the innermost open prefix.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctrlplane/lists_build.h"

#define SLOTS_MAX (1u << 22) /* 16 MiB */

struct prefix {
	uint64_t high, low;
	uint8_t len, bits;
};

/* A border that is not in a tree yet. */
struct border {
	uint64_t high, low;
	uint16_t value;
};

struct vector {
	void *at;
	size_t n, cap, size; /* elements, room, octets of one */
};

struct lists_builder {
	struct vector v4, v6;      /* struct prefix */
	struct vector names, text; /* struct lists_name, char */
};

/* Room for @n more; NULL: no memory. */
static void *vector_more(struct vector *v, size_t n)
{
	if (v->cap - v->n < n) {
		size_t cap = v->cap * 2 > v->n + n ? v->cap * 2 : v->n + n + 64;
		void *at = realloc(v->at, cap * v->size);

		if (!at)
			return NULL;
		v->at = at;
		v->cap = cap;
	}
	v->n += n;
	return (char *)v->at + (v->n - n) * v->size;
}

struct lists_builder *lists_builder_open(void)
{
	struct lists_builder *b = calloc(1, sizeof(*b));

	if (b) {
		b->v4.size = b->v6.size = sizeof(struct prefix);
		b->names.size = sizeof(struct lists_name);
		b->text.size = 1;
	}
	return b;
}

static void builder_free(struct lists_builder *b)
{
	free(b->v4.at);
	free(b->v6.at);
	free(b->names.at);
	free(b->text.at);
	free(b);
}

static uint64_t first_64(const uint8_t *at)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | at[i];
	return v;
}

static bool add_name(struct lists_builder *b, const struct lists_entry *e)
{
	struct lists_name *n = vector_more(&b->names, 1);
	char *text = n ? vector_more(&b->text, e->name.len) : NULL;

	if (!text)
		return false;
	*n = (struct lists_name){ .at = (uint32_t)(b->text.n - e->name.len),
				  .len = (uint8_t)e->name.len,
				  .kind = e->kind,
				  .same = e->below ? 0 : e->bits,
				  .below = e->below ? e->bits : 0 };
	for (size_t i = 0; i < e->name.len; i++)
		text[i] = (char)byte_lower(e->name.at[i]);
	return true;
}

bool lists_builder_add(struct lists_builder *b, const struct lists_entry *e)
{
	if (e->kind != LISTS_PREFIX)
		return add_name(b, e);
	struct prefix *p = vector_more(e->addr.family == IP_V4 ? &b->v4 : &b->v6, 1);
	if (p)
		*p = (struct prefix){ first_64(e->addr.bytes), first_64(e->addr.bytes + 8), e->len, e->bits };
	return p != NULL;
}

/* --- prefixes ---------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return (x->len > y->len) - (x->len < y->len);
}

static uint64_t mask_of(unsigned len)
{
	return len == 0 ? 0 : UINT64_MAX << (64 - len);
}

/* The last address of a prefix. */
static struct border last_of(const struct prefix *p)
{
	if (p->len <= 64)
		return (struct border){ p->high | ~mask_of(p->len), UINT64_MAX, 0 };
	return (struct border){ p->high, p->low | ~mask_of(p->len - 64u), 0 };
}

static bool is_before(const struct border *a, uint64_t high, uint64_t low)
{
	return a->high < high || (a->high == high && a->low < low);
}

static bool put_border(struct vector *out, uint64_t high, uint64_t low, uint16_t value)
{
	struct border *last = out->n ? (struct border *)out->at + (out->n - 1) : NULL;

	if (last && last->high == high && last->low == low) {
		last->value = value; /* the inner one of two that start alike, or what follows an end at once */
		return true;
	}
	last = vector_more(out, 1);
	if (last)
		*last = (struct border){ high, low, value };
	return last != NULL;
}

/* Open prefixes: at most one of each length. */
struct sweep {
	struct border last[130]; /* the last address of each, and its value */
	unsigned n;
	struct vector borders;
};

static bool close_before(struct sweep *s, uint64_t high, uint64_t low, bool all)
{
	while (s->n && (all || is_before(&s->last[s->n - 1], high, low))) {
		struct border end = s->last[--s->n];
		uint16_t below = s->n ? s->last[s->n - 1].value : 0;

		if (end.low == UINT64_MAX && end.high == UINT64_MAX)
			continue;
		end.low++;
		end.high += end.low == 0;
		if (!put_border(&s->borders, end.high, end.low, below))
			return false;
	}
	return true;
}

/* The borders of all prefixes, in order; false: no memory. */
static bool sweep(struct sweep *s, struct vector *prefixes)
{
	struct prefix *p = prefixes->at;

	*s = (struct sweep){ .borders = { .size = sizeof(struct border) } };
	if (prefixes->n)
		qsort(p, prefixes->n, sizeof(*p), by_start);
	for (size_t i = 0; i < prefixes->n; i++) {
		uint8_t bits = p[i].bits;

		while (i + 1 < prefixes->n && by_start(&p[i], &p[i + 1]) == 0)
			bits |= p[++i].bits;
		if (!close_before(s, p[i].high, p[i].low, false))
			return false;
		uint16_t value = (uint16_t)(p[i].len << 2 | bits);
		s->last[s->n] = last_of(&p[i]);
		s->last[s->n++].value = value;
		if (!put_border(&s->borders, p[i].high, p[i].low, value))
			return false;
	}
	return close_before(s, 0, 0, true);
}

/* Large arrays lie in large pages, where the system has some: a look-up anywhere is then one miss, not two. */
static void *large(size_t size)
{
	const size_t page = 2 << 20;
	void *at;

	if (size < page)
		return malloc(size ? size : 1);
	size = (size + page - 1) & ~(page - 1);
	at = aligned_alloc(page, size);
	if (at && madvise(at, size, MADV_HUGEPAGE) != 0)
		errno = 0; /* small ones do as well */
	return at;
}

/* Two slots for each border, as far as there are bits to tell them apart. */
static void choose_slots(struct lists_ranges *r, uint64_t first, uint64_t last, bool wide)
{
	uint32_t most = 16;

	while (most < SLOTS_MAX && most < r->n_borders * 2)
		most *= 2;
	r->shift = wide ? 0 : 32; /* below lies the value */
	while ((last >> r->shift) - (first >> r->shift) >= most)
		r->shift++;
	r->base = first >> r->shift;
	r->n_slots = (uint32_t)((last >> r->shift) - r->base) + 1;
}

static bool make_ranges(struct lists_ranges *r, const struct border *from, size_t n, bool wide)
{
	if (n == 0)
		return true;
	r->n_borders = (uint32_t)n;
	choose_slots(r, from[0].high, from[n - 1].high, wide);
	uint64_t *high = large(n * sizeof(*high)), *low = wide ? large(n * sizeof(*low)) : NULL;
	uint16_t *values = wide ? large(n * sizeof(*values)) : NULL;
	uint32_t *slots = large((r->n_slots + (size_t)1) * sizeof(*slots)), border = 0;

	r->high = high;
	r->low = low;
	r->values = values;
	r->slots = slots;
	if (!high || !slots || (wide && (!low || !values)))
		return false;
	for (size_t i = 0; i < n; i++) {
		high[i] = from[i].high | (wide ? 0 : from[i].value);
		if (wide) {
			low[i] = from[i].low;
			values[i] = from[i].value;
		}
	}
	for (uint32_t slot = 0; slot <= r->n_slots; slot++) {
		while (border < n && (high[border] >> r->shift) - r->base < slot)
			border++;
		slots[slot] = border;
	}
	return true;
}

static bool make_prefixes(struct lists *l, struct lists_builder *b)
{
	struct vector *both[] = { &b->v4, &b->v6 };
	struct lists_ranges *ranges[] = { &l->v4, &l->v6 };
	bool good = true;

	for (unsigned i = 0; good && i < 2; i++) {
		struct sweep s;

		good = sweep(&s, both[i]) && make_ranges(ranges[i], s.borders.at, s.borders.n, i == 1);
		free(s.borders.at);
		l->n_prefixes += both[i]->n;
	}
	return good;
}

/* --- names ------------------------------------------------------------------------------------- */

static bool make_names(struct lists *l, struct lists_builder *b)
{
	size_t n_slots = 4;
	struct lists_name *names = b->names.at;

	if (b->names.n == 0)
		return true;
	while (n_slots < b->names.n * 2)
		n_slots *= 2;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));
	l->slots = slots;
	l->names = names;
	l->text = b->text.at;
	b->names.at = b->text.at = NULL; /* they are the result's now */
	if (!slots)
		return false;
	l->slots_mask = (uint32_t)(n_slots - 1);
	for (size_t i = 0; i < b->names.n; i++) {
		struct span name = span_of(l->text + names[i].at, names[i].len);
		uint32_t at = lists_slot(l, (enum lists_kind)names[i].kind, name);
		struct lists_name *other = NULL;

		for (; slots[at]; at = (at + 1) & l->slots_mask) {
			other = &names[slots[at] - 1];
			if (other->kind == names[i].kind && span_eq(span_of(l->text + other->at, other->len), name))
				break;
		}
		if (slots[at]) {
			other->same |= names[i].same;
			other->below |= names[i].below;
			continue;
		}
		slots[at] = (uint32_t)i + 1;
		l->n_names++;
	}
	return true;
}

struct lists *lists_builder_close(struct lists_builder *b)
{
	struct lists *l = calloc(1, sizeof(*l));
	bool good = l && make_prefixes(l, b) && make_names(l, b);

	builder_free(b);
	if (good)
		return l;
	lists_free(l);
	return NULL;
}

/* What is const for its readers is ours to free. */
static void free_const(const void *at)
{
	free((void *)(uintptr_t)at);
}

void lists_free(struct lists *l)
{
	if (!l)
		return;
	const struct lists_ranges *ranges[] = { &l->v4, &l->v6 };

	for (unsigned i = 0; i < 2; i++) {
		free_const(ranges[i]->high);
		free_const(ranges[i]->low);
		free_const(ranges[i]->values);
		free_const(ranges[i]->slots);
	}
	free_const(l->slots);
	free_const(l->names);
	free_const(l->text);
	free(l);
}
