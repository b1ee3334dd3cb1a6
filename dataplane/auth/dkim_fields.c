// SPDX-License-Identifier: MIT
/*
 * dkim_fields.c - which header fields the names of h= mean
 *
 * A sender may write 1000 names over 2000 fields, ten times.  So the names are sorted once, and then each field is
 * looked up among them, from the bottom of the header upwards: (names + fields) * log(names) steps, whatever the
 * names are.
 */
#include "dataplane/auth/dkim_fields.h"
#include "dataplane/auth/dkim_tag.h"

struct names {
	size_t n;
	struct span name[DKIM_H_NAMES_MAX]; /* as in h= */
	uint16_t sorted[DKIM_H_NAMES_MAX];  /* indexes into name[]; equal names in the order of h= */
	uint16_t spare[DKIM_H_NAMES_MAX];   /* for the sort */
	uint16_t n_taken[DKIM_H_NAMES_MAX]; /* at the place in sorted[] where a group of equal names begins */
};

/* Some total order in which names that differ in case alone are equal. */
static int compare(struct span a, struct span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	for (size_t i = 0; i < a.len; i++) {
		uint8_t x = byte_lower(a.at[i]), y = byte_lower(b.at[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

/* Merge sort, bottom up: stable, and never slow. */
static void sort(struct names *s)
{
	for (size_t width = 1; width < s->n; width *= 2) {
		for (size_t from = 0; from < s->n; from += 2 * width) {
			size_t a = from, b = from + width < s->n ? from + width : s->n;
			size_t a_end = b, b_end = b + width < s->n ? b + width : s->n;

			for (size_t to = from; to < b_end; to++) {
				bool take_a = a < a_end && (b == b_end ||
							    compare(s->name[s->sorted[a]], s->name[s->sorted[b]]) <= 0);
				s->spare[to] = s->sorted[take_a ? a++ : b++];
			}
		}
		memcpy(s->sorted, s->spare, s->n * sizeof(s->sorted[0]));
	}
}

/* First place in sorted[] whose name is not below @name. */
static size_t lower_bound(const struct names *s, struct span name)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(s->name[s->sorted[middle]], name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

void dkim_fields_choose(struct dkim_fields *f, const struct msg_header *header, struct span h, size_t self)
{
	struct names s;

	s.n = 0;
	for (struct span rest = h; rest.at;) {
		CHECK(s.n < DKIM_H_NAMES_MAX);
		f->field[s.n] = DKIM_FIELD_NONE;
		s.sorted[s.n] = (uint16_t)s.n;
		s.n_taken[s.n] = 0;
		s.name[s.n++] = dkim_list_next(&rest);
	}
	f->n = s.n;
	sort(&s);
	for (size_t i = header->n_fields; i > 0; i--) {
		struct span name = msg_field_name(header, &header->fields[i - 1]);
		size_t group = lower_bound(&s, name);

		if (i - 1 == self || name.len == 0 || group == s.n)
			continue;
		size_t next = group + s.n_taken[group];

		if (next == s.n || compare(s.name[s.sorted[next]], name) != 0)
			continue;
		f->field[s.sorted[next]] = (uint32_t)(i - 1);
		s.n_taken[group]++;
	}
}
