// SPDX-License-Identifier: MIT
/*
 * impair_line.c - the frames that are under way
 */
#include "dataplane/base/check.h"
#include "tests/impair/impair_box.h"
#include "tests/impair/impair_line.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { JOIN_MAX = IMPAIR_ETH + 1500 };

static size_t rounded(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

size_t impair_line_memory(size_t frames_max, size_t frame_max)
{
	return rounded(sizeof(struct impair_line)) + frames_max * (sizeof(struct impair_frame) + 2 * sizeof(void *)) +
	       (frames_max + 3) * rounded(frame_max);
}

struct impair_line *impair_line_init(void *memory, size_t frames_max, size_t frame_max)
{
	struct impair_line *l = memory;
	struct impair_frame *frames = (struct impair_frame *)((char *)memory + rounded(sizeof(*l)));
	uint8_t *bytes;

	memset(l, 0, sizeof(*l));
	l->frame_max = frame_max;
	l->frames_max = frames_max;
	l->heap = (struct impair_frame **)(frames + frames_max);
	l->spare = l->heap + frames_max;
	bytes = (uint8_t *)(l->spare + frames_max);
	for (size_t i = 0; i < 3; i++, bytes += rounded(frame_max))
		l->work[i] = bytes;
	for (size_t i = 0; i < frames_max; i++, bytes += rounded(frame_max)) {
		frames[i].frame = bytes;
		l->spare[frames_max - 1 - i] = &frames[i];
	}
	l->n_spare = frames_max;
	return l;
}

/* --- the heap ------------------------------------------------------------------------------ */

static bool before(const struct impair_frame *a, const struct impair_frame *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void heap_put(struct impair_line *l, struct impair_frame *f)
{
	size_t i = l->n_held++;

	for (; i > 0 && before(f, l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		l->heap[i] = l->heap[(i - 1) / 2];
	l->heap[i] = f;
}

static struct impair_frame *heap_take(struct impair_line *l)
{
	struct impair_frame *first = l->heap[0], *last = l->heap[--l->n_held];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < l->n_held) {
		child += child + 1 < l->n_held && before(l->heap[child + 1], l->heap[child]);
		if (!before(l->heap[child], last))
			break;
		l->heap[i] = l->heap[child];
		i = child;
	}
	l->heap[i] = last;
	return first;
}

uint64_t impair_line_due_us(const struct impair_line *l)
{
	return l->n_held ? l->heap[0]->at_us : UINT64_MAX;
}

struct impair_frame *impair_line_take(struct impair_line *l, uint64_t now_us)
{
	if (impair_line_due_us(l) > now_us)
		return NULL;
	struct impair_frame *f = heap_take(l);

	if (l->last[f->direction] == f)
		l->last[f->direction] = NULL;
	return f;
}

void impair_line_give(struct impair_line *l, struct impair_frame *f)
{
	CHECK(l->n_spare < l->frames_max);
	l->spare[l->n_spare++] = f;
}

/* --- frames come --------------------------------------------------------------------------- */

/* NULL, counted, when there is no room. */
static struct impair_frame *hold(struct impair_line *l, unsigned direction, struct span frame, uint32_t tag,
				 uint64_t at_us)
{
	if (!l->n_spare) {
		l->n_no_room++;
		return NULL;
	}
	struct impair_frame *f = l->spare[--l->n_spare];
	uint8_t *bytes = f->frame;

	*f = (struct impair_frame){ .at_us = at_us,
				    .order = l->n_order++,
				    .direction = direction,
				    .tag = tag,
				    .len = frame.len,
				    .frame = bytes };
	memcpy(bytes, frame.at, frame.len);
	heap_put(l, f);
	return f;
}

static void damage(struct impair_frame *f, const struct impair_copy *c, const struct impair_view *v)
{
	f->touched = c->bit || c->len < f->len;
	if (c->bit)
		f->frame[c->bit / 8] ^= (uint8_t)(1u << c->bit % 8);
	if (c->forged)
		impair_box_sum(f->frame, v);
	f->len = c->len;
}

/* Frames that nobody sent, behind one of the connection. */
static void inject(struct impair_line *l, unsigned direction, struct span frame, const struct impair_view *v,
		   uint64_t key, uint32_t tag, uint64_t at_us)
{
	const struct impair_harm *h = &l->impair.harm[direction];
	uint8_t out[IMPAIR_ETH + 60 + 20];
	uint32_t seq = v->seq + v->len + 2 + impair_draw(key, 20, 1000);
	const struct {
		uint32_t share;
		uint8_t flags;
	} kinds[] = { { h->inject_rst, RST | ACK }, { h->inject_syn, SYN } };

	for (unsigned i = 0; i < 2; i++) {
		if (!v->len || !impair_chance(key, 21 + i, kinds[i].share))
			continue;
		size_t len = impair_box_inject(frame, v, kinds[i].flags, seq, out);
		struct impair_frame *f = hold(l, direction, span_of(out, len), tag, at_us);

		if (f)
			f->touched = true;
	}
}

static bool is_bare(const struct impair_view *v)
{
	return v->len == 0 && (v->flags & (FIN | SYN | RST | ACK)) == ACK;
}

/* ACK thinning: @frame takes the place of the bare ACK in front of it. */
static bool takes_place(struct impair_frame *last, struct span frame, const struct impair_view *v)
{
	struct impair_view before;

	if (!is_bare(v) || !impair_look(span_of(last->frame, last->len), &before) || !is_bare(&before) ||
	    before.swapped != v->swapped || memcmp(before.key, v->key, sizeof(v->key)) != 0)
		return false;
	memcpy(last->frame, frame.at, frame.len);
	last->len = frame.len;
	return true;
}

/* One copy of a segment. */
static void carry(struct impair_line *l, unsigned direction, struct span frame, const struct impair_view *v,
		  const struct impair_copy *c, uint64_t key, uint32_t tag)
{
	const struct impair_harm *h = &l->impair.harm[direction];
	struct impair_frame **last = &l->last[direction], *f;
	bool whole = !c->bit && c->len == frame.len;

	if (whole && *last && !(*last)->touched &&
	    ((impair_chance(key, 23, h->merge) && impair_box_join((*last)->frame, &(*last)->len, JOIN_MAX, frame)) ||
	     (impair_chance(key, 26, h->thin) && takes_place(*last, frame, v))))
		return;
	if (whole && v->len > 1 && impair_chance(key, 24, h->split)) {
		size_t first, second;

		impair_box_split(frame, v, 1 + impair_draw(key, 25, v->len - 1), l->work[1], &first, l->work[2],
				 &second);
		hold(l, direction, span_of(l->work[1], first), tag, c->at_us);
		*last = hold(l, direction, span_of(l->work[2], second), tag, c->at_us);
		return;
	}
	f = hold(l, direction, frame, tag, c->at_us);
	if (f)
		damage(f, c, v);
	*last = f;
}

/* One copy of a segment: the middlebox stands first, and damage is done behind it. */
static void segment(struct impair_line *l, unsigned direction, struct span frame, const struct impair_view *v,
		    const struct impair_copy *c, uint64_t key, uint32_t tag)
{
	struct impair_view boxed;
	struct span out = span_of(l->work[0], frame.len);

	memcpy(l->work[0], frame.at, frame.len);
	impair_box(&l->impair, direction, l->work[0], v);
	if (!impair_look(out, &boxed))
		CHECK(!"a middlebox leaves a segment a segment");
	carry(l, direction, out, &boxed, c, key, tag);
	inject(l, direction, out, &boxed, key, tag, c->at_us);
}

void impair_line_put(struct impair_line *l, unsigned direction, struct span frame, uint32_t tag, uint64_t now_us)
{
	const struct impair_harm *h = &l->impair.harm[direction];
	struct impair_view v = { 0 };
	bool is_tcp = impair_look(frame, &v);
	uint8_t told[IMPAIR_TOO_BIG];

	if (frame.len > l->frame_max) {
		l->n_no_room++;
		return;
	}
	if (is_tcp && h->mtu && frame.len - IMPAIR_ETH > h->mtu) {
		l->impair.n_lost[direction]++;
		if (h->mtu_tell)
			hold(l, 1 - direction, span_of(told, impair_box_too_big(frame, h->mtu, told)), tag,
			     now_us + h->delay_us);
		return;
	}
	struct impair_fate fate = impair(&l->impair, direction, frame, now_us);

	for (unsigned i = 0; i < fate.n; i++)
		if (is_tcp)
			segment(l, direction, frame, &v, &fate.copies[i], impair_mix(fate.key, 2000 + i), tag);
		else
			hold(l, direction, frame, tag, fate.copies[i].at_us);
}
