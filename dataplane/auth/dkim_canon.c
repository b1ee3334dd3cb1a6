// SPDX-License-Identifier: MIT
/*
 * dkim_canon.c - canonicalisation, straight into a hash
 *
 * RFC 6376 3.4.  Every octet of every message comes through here, so the aim is to hash what arrives where it
 * lies, in runs as long as possible.  Even "relaxed" leaves nearly all of a message as it is: single spaces, and
 * line ends between two lines of text, belong to a run; only tabs, several spaces in a row, white space before a
 * line end and empty lines break one.  plain_run() looks for the next of these 32 octets at a time.
 *
 * Only CRLF ends a line, and the end of the body.  A bare CR or LF is text.
 */
#include "dataplane/auth/dkim_canon.h"

/* the hash */

void dkim_hash_init(struct dkim_hash *h, const struct hash_ops *ops, bool sha1)
{
	h->ops = ops;
	h->sha1 = sha1;
	h->n_gathered = 0;
	if (sha1)
		ops->sha1_init(&h->state);
	else
		ops->sha256_init(&h->state);
}

static void update(struct dkim_hash *h, struct span s)
{
	if (h->sha1)
		h->ops->sha1_update(&h->state, s);
	else
		h->ops->sha256_update(&h->state, s);
}

static void flush(struct dkim_hash *h)
{
	if (h->n_gathered)
		update(h, span_of(h->gathered, h->n_gathered));
	h->n_gathered = 0;
}

void dkim_hash_add(struct dkim_hash *h, struct span s)
{
	if (s.len > (size_t)(DKIM_HASH_GATHER - h->n_gathered))
		flush(h);
	if (s.len > DKIM_HASH_GATHER) {
		update(h, s);
	} else if (s.len) {
		memcpy(h->gathered + h->n_gathered, s.at, s.len);
		h->n_gathered = (uint8_t)(h->n_gathered + s.len);
	}
}

size_t dkim_hash_final(struct dkim_hash *h, uint8_t digest[SHA256_LEN])
{
	flush(h);
	if (h->sha1) {
		h->ops->sha1_final(&h->state, digest);
		return SHA1_LEN;
	}
	h->ops->sha256_final(&h->state, digest);
	return SHA256_LEN;
}

/* the search for what "relaxed" changes */

#define LANES 32

/* GCC's and Clang's own vectors: an operation is one AVX2 instruction, or two of SSE2. */
typedef uint8_t octet_lanes __attribute__((vector_size(LANES)));
typedef uint64_t word_lanes __attribute__((vector_size(LANES)));

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first octet is the lowest of a word");

/* Index of the first of 32 octets at @at for which is_break(), 32 when there is none; 33 are read. */
static size_t find_break(const uint8_t *at)
{
	octet_lanes c, next;

	memcpy(&c, at, LANES);
	memcpy(&next, at + 1, LANES);
	octet_lanes before = (octet_lanes)(next == ' ') | (octet_lanes)(next == '\t') | (octet_lanes)(next == '\r');
	word_lanes found = (word_lanes)((octet_lanes)(c == '\t') | ((octet_lanes)(c == ' ') & before) |
					((octet_lanes)(c == '\r') & (octet_lanes)(next != '\n')) |
					((octet_lanes)(c == '\n') & (octet_lanes)(next == '\r')));

	if ((found[0] | found[1] | found[2] | found[3]) == 0)
		return LANES;
	for (size_t i = 0;; i++)
		if (found[i])
			return 8 * i + (size_t)__builtin_ctzll(found[i]) / 8;
}

/* Whether a run may not go on with @c, seen together with the octet that follows it. */
static bool is_break(uint8_t c, uint8_t next)
{
	switch (c) {
	case '\t':
		return true;
	case ' ':
		return byte_is_wsp(next) || next == '\r';
	case '\r':
		return next != '\n';
	case '\n':
		return next == '\r';
	}
	return false;
}

/*
 * Number of octets from @from on (itself included, whatever it is) that "relaxed" leaves as they are, so far as
 * their next octet shows.  The last octet of @s has none, and breaks when it is white space or part of a line end.
 */
static size_t plain_run(struct span s, size_t from)
{
	size_t i = from + 1;

	while (s.len - i > LANES) {
		size_t n = find_break(s.at + i);

		i += n;
		if (n < LANES)
			return i - from;
	}
	for (; i + 1 < s.len; i++)
		if (is_break(s.at[i], s.at[i + 1]))
			return i - from;
	if (i < s.len && !byte_is_fws(s.at[i]))
		i++;
	return i - from;
}

/* header fields */

/* Relaxed text of one field: @gap: white space waits to become one space; @begun: something was written. */
struct relaxed {
	bool gap, begun;
};

/* One line of it, without line end.  White space becomes one space, and none at the beginning and the end. */
static void relaxed_line(struct dkim_hash *h, struct relaxed *r, struct span s)
{
	for (size_t i = 0; i < s.len;) {
		if (byte_is_wsp(s.at[i])) {
			r->gap = true;
			i++;
			continue;
		}
		size_t n = plain_run(s, i);

		if (r->gap && r->begun)
			dkim_hash_add(h, SPAN(" "));
		dkim_hash_add(h, span_part(s, i, i + n));
		r->gap = false;
		r->begun = true;
		i += n;
	}
}

/* RFC 6376 3.4.2: unfold.  All line ends inside of a field are folds. */
static void relaxed_text(struct dkim_hash *h, struct relaxed *r, struct span s)
{
	size_t begin = 0, i = 0;

	while (i < s.len) {
		size_t cr = span_find(span_skip(s, i), '\r');

		if (cr == SPAN_NONE)
			break;
		i += cr + 1;
		if (i < s.len && s.at[i] == '\n') {
			relaxed_line(h, r, span_part(s, begin, i - 1));
			begin = ++i;
		}
	}
	relaxed_line(h, r, span_skip(s, begin));
}

/* Name in lower case, colon, no white space on either side; returns what follows the colon. */
static struct span relaxed_name(struct dkim_hash *h, struct span field)
{
	size_t colon = span_find(field, ':');

	CHECK(colon != SPAN_NONE);
	struct span name = span_trim(span_head(field, colon));

	while (name.len) {
		uint8_t lower[64];
		size_t n = name.len < sizeof(lower) ? name.len : sizeof(lower);

		for (size_t i = 0; i < n; i++)
			lower[i] = byte_lower(name.at[i]);
		dkim_hash_add(h, span_of(lower, n));
		name = span_skip(name, n);
	}
	dkim_hash_add(h, SPAN(":"));
	return span_skip(field, colon + 1);
}

static struct span without_crlf(struct span s)
{
	return s.len >= 2 && s.at[s.len - 2] == '\r' && s.at[s.len - 1] == '\n' ? span_head(s, s.len - 2) : s;
}

void dkim_canon_field(struct dkim_hash *h, enum dkim_canon canon, struct span field)
{
	struct span s = without_crlf(field);

	if (canon == DKIM_CANON_RELAXED)
		relaxed_text(h, &(struct relaxed){ 0 }, relaxed_name(h, s));
	else
		dkim_hash_add(h, s);
	dkim_hash_add(h, SPAN("\r\n"));
}

void dkim_canon_signature(struct dkim_hash *h, enum dkim_canon canon, struct span field, struct span b)
{
	struct span s = without_crlf(field);
	struct relaxed r = { 0 };

	CHECK(b.at >= s.at && b.at + b.len <= s.at + s.len + 2);
	if (canon == DKIM_CANON_RELAXED)
		s = relaxed_name(h, s);

	/* When b= is the last tag, its value reaches over the CRLF of the field. */
	size_t from = (size_t)(b.at - s.at), to = from + b.len < s.len ? from + b.len : s.len;

	if (canon == DKIM_CANON_RELAXED) {
		relaxed_text(h, &r, span_head(s, from));
		relaxed_text(h, &r, span_skip(s, to));
	} else {
		dkim_hash_add(h, span_head(s, from));
		dkim_hash_add(h, span_skip(s, to));
	}
}

/* bodies */

void dkim_body_init(struct dkim_body *b, const struct hash_ops *ops, bool sha1, enum dkim_canon canon, uint64_t limit)
{
	dkim_hash_init(&b->hash, ops, sha1);
	b->limit = limit;
	b->canon = canon;
	b->n_octets = b->n_lines = 0;
	b->cr = b->wsp = b->text = false;
}

/* Canonical octets: hashed up to the limit, counted past it. */
static void emit(struct dkim_body *b, struct span s)
{
	uint64_t room = b->n_octets < b->limit ? b->limit - b->n_octets : 0;

	dkim_hash_add(&b->hash, s.len > room ? span_head(s, (size_t)room) : s);
	b->n_octets += s.len;
}

/* Text follows: what was held back before it counts, in the order in which it came. */
static void release(struct dkim_body *b)
{
	static const uint8_t crlfs[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	const uint64_t most = (sizeof(crlfs) - 1) / 2;

	while (b->n_lines) {
		uint64_t n = b->n_lines < most ? b->n_lines : most;

		emit(b, span_of(crlfs, 2 * (size_t)n));
		b->n_lines -= n;
	}
	if (b->wsp)
		emit(b, SPAN(" "));
	if (b->cr)
		emit(b, SPAN("\r"));
	b->wsp = b->cr = false;
	b->text = true;
}

/* RFC 6376 3.4.3: all as it is, but of the line ends at the end only one. */
static void add_simple(struct dkim_body *b, struct span s)
{
	if (b->cr && s.at[0] == '\n') {
		b->cr = false;
		b->n_lines++;
		s = span_skip(s, 1);
	}
	if (s.len == 0)
		return;
	size_t end = s.len;
	uint64_t n_lines = 0;
	bool cr = s.at[end - 1] == '\r';

	if (cr)
		end--;
	while (end >= 2 && s.at[end - 2] == '\r' && s.at[end - 1] == '\n') {
		end -= 2;
		n_lines++;
	}
	/* A CR held back is bare: no LF came. */
	if (end || b->cr) {
		release(b);
		emit(b, span_head(s, end));
	}
	b->n_lines += n_lines;
	b->cr = cr;
}

/* White space and line ends, which say nothing until text follows; returns how many octets of @s from @i on they are. */
static size_t add_blanks(struct dkim_body *b, struct span s, size_t i)
{
	size_t from = i;

	for (; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (c == '\n' && b->cr) {
			b->cr = b->wsp = false;
			b->n_lines++;
		} else if (byte_is_wsp(c) || c == '\r') {
			if (b->cr)
				release(b);
			if (c == '\r')
				b->cr = true;
			else
				b->wsp = true;
		} else {
			break;
		}
	}
	return i - from;
}

/*
 * RFC 6376 3.4.4: no white space at the ends of lines, else one space for each run of it, no empty lines at the end.
 *
 * A run of plain octets may have taken along a line end that belongs to the blanks after it: that is given back.
 */
static void add_relaxed(struct dkim_body *b, struct span s)
{
	for (size_t i = 0;;) {
		i += add_blanks(b, s, i);
		if (i == s.len)
			return;
		size_t end = i + plain_run(s, i);

		if (end - i > 1 && s.at[end - 1] == '\r')
			end--;
		if (end - i > 2 && s.at[end - 2] == '\r' && s.at[end - 1] == '\n')
			end -= 2;
		release(b);
		emit(b, span_part(s, i, end));
		i = end;
	}
}

void dkim_body_add(struct dkim_body *b, struct span s)
{
	if (s.len == 0 || b->n_octets > b->limit)
		return;
	if (b->canon == DKIM_CANON_RELAXED)
		add_relaxed(b, s);
	else
		add_simple(b, s);
}

size_t dkim_body_final(struct dkim_body *b, uint8_t digest[SHA256_LEN])
{
	if (b->cr)
		release(b);
	/* A missing last CRLF is added.  An empty body is CRLF in "simple" and nothing in "relaxed". */
	if (b->text || b->canon == DKIM_CANON_SIMPLE)
		emit(b, SPAN("\r\n"));
	return dkim_hash_final(&b->hash, digest);
}
