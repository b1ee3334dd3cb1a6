// SPDX-License-Identifier: MIT
/*
 * dkim_canon.c - canonicalisation, straight into a hash
 *
 * RFC 6376 3.4.  Every octet of every message comes through here, so nothing may cost much beside the hash.
 * "simple" is hashed where it lies.  "relaxed" is written down first, a piece at a time, by loops that take the
 * octets by dozens (dkim_scan.h), and hashed from there: a hash of many short runs would cost more than the copy.
 *
 * Only CRLF ends a line, and the end of the body.  A bare CR or LF is text.
 */
#include "dataplane/auth/dkim_canon.h"
#include "dataplane/auth/dkim_scan.h"

#define PIECE 2048 /* octets of "relaxed" text that are hashed at once */

/* the hash */

void dkim_hash_init(struct dkim_hash *h, const struct hash_ops *ops, bool sha1)
{
	h->ops = ops;
	h->pair = NULL;
	h->sha1 = sha1;
	h->n_gathered = 0;
	h->simd = (uint8_t)(ops->simd ? ops->simd() : SIMD_PORTABLE);
	if (sha1)
		ops->sha1_init(&h->state);
	else
		ops->sha256_init(&h->state);
}

static void update(struct dkim_hash *h, struct span s)
{
	if (h->sha1)
		h->ops->sha1_update(&h->state, s);
	else if (h->pair)
		h->ops->pair_update(h->pair, &h->state, s);
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
	if (h->pair)
		h->ops->pair_settle(h->pair, &h->state);
	h->ops->sha256_final(&h->state, digest);
	return SHA256_LEN;
}

/* header fields */

/* Relaxed text of one field: @gap: white space waits to become one space; @begun: something was written. */
struct relaxed {
	bool gap, begun;
};

/* One line of it, without line end.  White space becomes one space, and none at the beginning and the end. */
static void relaxed_line(struct dkim_hash *h, struct relaxed *r, struct span s)
{
	uint8_t out[PIECE + DKIM_SCAN_SLACK];

	while (s.len && byte_is_wsp(s.at[0])) {
		s = span_skip(s, 1);
		r->gap = true;
	}
	if (s.len == 0)
		return;
	size_t end = s.len;

	while (byte_is_wsp(s.at[end - 1]))
		end--;
	if (r->gap && r->begun)
		dkim_hash_add(h, SPAN(" "));
	r->begun = true;
	r->gap = end < s.len;
	for (s = span_head(s, end); s.len;) {
		size_t n = s.len < PIECE ? s.len : PIECE;

		dkim_hash_add(h, span_of(out, dkim_squeeze((enum simd)h->simd, out, s, n)));
		s = span_skip(s, n);
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

static bool is_crlf(struct span s, size_t i)
{
	return i + 1 < s.len && s.at[i] == '\r' && s.at[i + 1] == '\n';
}

void dkim_body_init(struct dkim_body *b, const struct hash_ops *ops, bool sha1, enum dkim_canon canon, uint64_t limit)
{
	dkim_hash_init(&b->hash, ops, sha1);
	b->limit = limit;
	b->canon = canon;
	b->n_octets = b->n_lines = 0;
	b->cr = b->wsp = b->text = false;
}

void dkim_body_join(struct dkim_body *b, struct hash_pair *pair)
{
	DCHECK(b->n_octets == 0);
	b->hash.pair = b->hash.sha1 ? NULL : pair;
}

void dkim_body_drop(struct dkim_body *b)
{
	if (b->hash.pair)
		b->hash.ops->pair_drop(b->hash.pair, &b->hash.state);
	b->hash.pair = NULL;
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
	while (end >= 2 && is_crlf(s, end - 2)) {
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

/*
 * White space and line ends, which say nothing until text follows; returns how many octets of @s they are.  A CR at
 * the end is held back with them.
 */
static size_t add_blanks(struct dkim_body *b, struct span s)
{
	size_t i = 0;

	while (i < s.len) {
		if (byte_is_wsp(s.at[i])) {
			b->wsp = true;
			i++;
		} else if (is_crlf(s, i)) {
			b->wsp = false;
			b->n_lines++;
			i += 2;
		} else if (s.at[i] == '\r' && i + 1 == s.len) {
			b->cr = true;
			i++;
		} else {
			break;
		}
	}
	return i;
}

/* The length of @s without what add_blanks() would take off its end. */
static size_t text_end(struct span s)
{
	size_t end = s.len;

	if (end && s.at[end - 1] == '\r')
		end--;
	for (;;) {
		if (end && byte_is_wsp(s.at[end - 1]))
			end--;
		else if (end >= 2 && is_crlf(s, end - 2))
			end -= 2;
		else
			return end;
	}
}

/*
 * RFC 6376 3.4.4: no white space at the ends of lines, else one space for each run of it, no empty lines at the end.
 *
 * What stands between the first and the last octet of text shows all by itself what becomes of it; only the blanks
 * before and after that are held back in @b.
 */
static void add_relaxed(struct dkim_body *b, struct span s)
{
	uint8_t out[PIECE + DKIM_SCAN_SLACK];

	if (b->cr && s.at[0] == '\n') {
		b->cr = b->wsp = false;
		b->n_lines++;
		s = span_skip(s, 1);
	} else if (b->cr) {
		release(b); /* it was bare: text */
	}
	s = span_skip(s, add_blanks(b, s));
	if (s.len == 0)
		return;
	release(b);
	struct span text = span_head(s, text_end(s)), blanks = span_skip(s, text.len);

	while (text.len) {
		size_t n = text.len < PIECE ? text.len : PIECE;

		emit(b, span_of(out, dkim_squeeze((enum simd)b->hash.simd, out, text, n)));
		text = span_skip(text, n);
	}
	add_blanks(b, blanks);
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
