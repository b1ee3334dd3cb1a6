// SPDX-License-Identifier: MIT
/*
 * spf_compile.c - an SPF record evaluated for all client addresses at once
 *
 * The evaluation is that of spf.c and spf_term.c, with a set of addresses in the place of one.  The set is a list
 * of ranges without gaps; a prefix splits those that reach over its ends.  Each range is either decided or alive in
 * one frame: `depth` says in which.  A term acts on the ranges that are alive in the innermost frame.  Those for which
 * an include does not match become alive again in the frame below, and wait there until the include's frame ends.
 *
 * Everything that is not plain is left open rather than imitated: an error is for spf.c to find.
 */
#include "dataplane/auth/spf_compile.h"

#include "dataplane/auth/spf_macro.h"
#include "dataplane/auth/spf_program.h"
#include "dataplane/auth/spf_term.h"

#define DEPTH_MAX 16
enum { OUTCOMES_MAX = 250, ALIVE = 255 };

struct range {
	spf_address from;
	uint16_t n_terms, n_voids;
	uint8_t depth;
	uint8_t outcome; /* or ALIVE */
};

struct frame {
	struct spf_record record;
	uint16_t pc, n_octets, n_terms;
	struct span domain; /* in the arena */
};

struct maker {
	const struct auth_settings *settings;
	struct spf_arena *arena;
	uint64_t now_us;
	uint32_t ttl_s;
	unsigned family, n_frames, n_records, n_work;
	bool redirected;
	bool over; /* a bound was met: no program */
	uint16_t n_ranges, n_text;
	uint8_t n_outcomes;
	struct frame frames[DEPTH_MAX];
	struct range ranges[SPF_COMPILE_RANGES_MAX];
	struct spf_kept outcomes[OUTCOMES_MAX];
	uint8_t text[SPF_COMPILE_TEXT_MAX];
};

/* ranges */

static spf_address last_address(const struct maker *m)
{
	return m->family == IP_V4 ? UINT32_MAX : ~(spf_address)0;
}

/* Index of the range that begins at @at, made if need be. */
static size_t split(struct maker *m, spf_address at)
{
	size_t low = 0;

	for (size_t n = m->n_ranges; n > 1;) {
		size_t half = n / 2;

		if (m->ranges[low + half].from <= at)
			low += half;
		n -= half;
	}
	if (m->ranges[low].from == at)
		return low;
	if (m->n_ranges == SPF_COMPILE_RANGES_MAX) {
		m->over = true;
		return low;
	}
	low++;
	memmove(&m->ranges[low + 1], &m->ranges[low], (m->n_ranges - low) * sizeof(m->ranges[0]));
	m->ranges[low] = m->ranges[low - 1];
	m->ranges[low].from = at;
	m->n_ranges++;
	return low;
}

static bool is_alive(const struct maker *m, const struct range *r)
{
	return r->outcome == ALIVE && r->depth + 1u == m->n_frames;
}

static bool any_alive(const struct maker *m)
{
	for (size_t i = 0; i < m->n_ranges; i++)
		if (is_alive(m, &m->ranges[i]))
			return true;
	return false;
}

/* Ranges that are alive in the innermost frame get that outcome. */
static void end_alive(struct maker *m, uint8_t outcome)
{
	for (size_t i = 0; i < m->n_ranges; i++)
		if (is_alive(m, &m->ranges[i]))
			m->ranges[i].outcome = outcome;
}

static uint8_t outcome_of(struct maker *m, const struct range *r, enum spf_result result, struct span mechanism)
{
	if (mechanism.len > DNS_NAME_MAX)
		return SPF_OUTCOME_OPEN;
	for (uint8_t i = SPF_OUTCOMES_KNOWN; i < m->n_outcomes; i++) {
		const struct spf_kept *k = &m->outcomes[i];

		if (k->result == result && k->n_terms == r->n_terms && k->n_voids == r->n_voids &&
		    span_eq(span_of(m->text + k->mechanism_at, k->mechanism_len), mechanism))
			return i;
	}
	if (m->n_outcomes == OUTCOMES_MAX || (size_t)(SPF_COMPILE_TEXT_MAX - m->n_text) < mechanism.len) {
		m->over = true;
		return SPF_OUTCOME_OPEN;
	}
	m->outcomes[m->n_outcomes] = (struct spf_kept){ .result = (uint8_t)result,
							.mechanism_len = (uint8_t)mechanism.len,
							.n_terms = r->n_terms,
							.n_voids = r->n_voids,
							.mechanism_at = m->n_text };
	memcpy(m->text + m->n_text, mechanism.at, mechanism.len);
	m->n_text = (uint16_t)(m->n_text + mechanism.len);
	return m->n_outcomes++;
}

/* The innermost record has decided for that range (RFC 7208 5.2 for the includes round it). */
static void decide(struct maker *m, struct range *r, enum spf_result result, struct span mechanism)
{
	for (unsigned depth = m->n_frames - 1; depth > 0; depth--) {
		const struct frame *below = &m->frames[depth - 1];
		const struct spf_term *include = &m->arena->terms[below->record.first + below->pc];

		if (result != SPF_RESULT_PASS) {
			r->depth = (uint8_t)(depth - 1);
			return;
		}
		result = spf_qualifier_result(include->qualifier);
		mechanism = spf_term_text(m->arena, include);
	}
	if (result == SPF_RESULT_FAIL && m->frames[0].record.has_exp)
		r->outcome = SPF_OUTCOME_OPEN; /* its explanation is looked up and expanded for each client */
	else
		r->outcome = outcome_of(m, r, result, mechanism);
}

static void decide_between(struct maker *m, size_t from, size_t end, enum spf_result result, struct span mechanism)
{
	for (size_t i = from; i < end; i++)
		if (is_alive(m, &m->ranges[i]))
			decide(m, &m->ranges[i], result, mechanism);
}

static bool work(struct maker *m)
{
	m->over |= ++m->n_work > SPF_COMPILE_WORK_MAX;
	return !m->over;
}

/* Addresses whose first @bits bits are those of @octets match @t. */
static void match_prefix(struct maker *m, const struct spf_term *t, const uint8_t *octets, unsigned bits)
{
	spf_address last = last_address(m),
		    host = bits < 128 ? last >> bits : 0; /* a shift by all bits is not defined */
	spf_address low = spf_address_of(octets, m->family) & ~host, high = low | host;

	if (!work(m))
		return;
	size_t from = split(m, low), end = high == last ? m->n_ranges : split(m, high + 1);
	if (!m->over)
		decide_between(m, from, end, spf_qualifier_result(t->qualifier), spf_term_text(m->arena, t));
}

/* counts and answers */

/* One more of the terms that ask DNS (RFC 7208 4.6.4). */
static void count_term(struct maker *m)
{
	unsigned max = m->settings->spf_terms_max < SPF_ASKS_MAX ? m->settings->spf_terms_max : SPF_ASKS_MAX;

	for (size_t i = 0; i < m->n_ranges; i++) {
		struct range *r = &m->ranges[i];

		if (!is_alive(m, r))
			continue;
		if (r->n_terms < max)
			r->n_terms++;
		else
			r->outcome = SPF_OUTCOME_OPEN;
	}
}

static void count_void(struct maker *m)
{
	for (size_t i = 0; i < m->n_ranges; i++) {
		struct range *r = &m->ranges[i];

		if (!is_alive(m, r))
			continue;
		if (r->n_voids < m->settings->spf_voids_max)
			r->n_voids++;
		else
			r->outcome = SPF_OUTCOME_OPEN;
	}
}

/* The answer, or NULL when it is not at hand: then nothing is alive any more. */
static const struct dns_answer *known(struct maker *m, const struct dns_question *q)
{
	const struct auth_memory *memory = m->settings->memory;
	const struct dns_answer *a = memory->known(memory->arg, q, m->now_us);

	if (!a || dns_answer_failed(a)) {
		end_alive(m, SPF_OUTCOME_MISSING);
		return NULL;
	}
	if (a->ttl_s < m->ttl_s)
		m->ttl_s = a->ttl_s;
	return a;
}

/* The name that @t is about, when it is the same for all clients; false: all is left open, or nothing can match. */
static bool target(struct maker *m, const struct spf_term *t, enum dns_type type, struct dns_question *q)
{
	uint8_t name[DNS_NAME_MAX];
	struct span spec = spf_term_arg(m->arena, t);
	struct span domain = m->frames[m->n_frames - 1].domain;

	if (spec.len == 0)
		return dns_question_set(q, type, domain);
	if (span_find(spec, '%') != SPAN_NONE) {
		end_alive(m, SPF_OUTCOME_OPEN);
		return false;
	}
	size_t len = spf_macro_domain(&(struct spf_macro_values){ .domain = domain }, spec, name);
	return dns_question_set(q, type, span_of(name, len));
}

/* terms */

static void match_hosts(struct maker *m, const struct spf_term *t, struct span name)
{
	uint32_t cursor = 0;
	struct dns_question q;
	struct span rdata;

	if (!work(m) || !dns_question_set(&q, m->family == IP_V4 ? DNS_A : DNS_AAAA, name))
		return;
	const struct dns_answer *a = known(m, &q);
	if (!a)
		return;
	while (!m->over && dns_answer_next(a, &cursor, &rdata))
		if (rdata.len == spf_program_width(m->family))
			match_prefix(m, t, rdata.at, m->family == IP_V4 ? t->cidr4 : t->cidr6);
	if (a->n_records == 0)
		count_void(m);
}

static void match_mx(struct maker *m, const struct spf_term *t, const struct dns_question *q)
{
	const struct dns_answer *a = known(m, q);
	uint32_t cursor = 0;
	struct span mx;

	if (!a)
		return;
	if (a->n_records == 0) {
		count_void(m);
		return;
	}
	if (a->n_records > m->settings->spf_mx_max) {
		end_alive(m, SPF_OUTCOME_OPEN);
		return;
	}
	/* The names are copied behind the arena's top: the next answer may take the place of this one. */
	uint8_t *names = m->arena->octets + m->arena->n_octets;
	size_t room = SPF_OCTETS_MAX - (size_t)m->arena->n_octets, len = 0;

	while (dns_answer_next(a, &cursor, &mx)) {
		if (mx.len <= 2 || mx.len - 2 > DNS_NAME_MAX)
			continue;
		if (room - len < mx.len - 1) {
			m->over = true;
			return;
		}
		names[len++] = (uint8_t)(mx.len - 2);
		memcpy(names + len, mx.at + 2, mx.len - 2);
		len += mx.len - 2;
	}
	for (size_t i = 0; i < len && !m->over && any_alive(m); i += names[i] + 1u)
		match_hosts(m, t, span_of(names + i + 1, names[i]));
}

static void pop(struct maker *m)
{
	const struct frame *f = &m->frames[--m->n_frames];

	m->arena->n_octets = f->n_octets;
	m->arena->n_terms = f->n_terms;
}

/* Reads the record of @name into a new frame, in which ranges are alive already; false: they are settled. */
static bool push(struct maker *m, struct span name)
{
	bool first = m->n_frames == 0 && !m->redirected;
	struct spf_arena *arena = m->arena;
	struct frame *f = &m->frames[m->n_frames];
	struct dns_question q;
	struct span record;

	if (m->n_frames == DEPTH_MAX || ++m->n_records > SPF_COMPILE_RECORDS_MAX) {
		m->over = true;
		return false;
	}
	*f = (struct frame){ .n_octets = arena->n_octets, .n_terms = arena->n_terms };
	m->n_frames++;
	const struct dns_answer *a = NULL;
	uint8_t wrong = SPF_OUTCOME_OPEN;

	if (span_find(name, '.') != SPAN_NONE && dns_question_set(&q, DNS_TXT, name) &&
	    (size_t)(SPF_OCTETS_MAX - arena->n_octets) > name.len && (a = known(m, &q))) {
		unsigned n = spf_record_select(a, &record);

		memcpy(arena->octets + arena->n_octets, name.at, name.len);
		f->domain = span_of(arena->octets + arena->n_octets, name.len);
		arena->n_octets = (uint16_t)(arena->n_octets + name.len);
		if (n == 1 && !spf_record_compile(arena, record, &f->record))
			return true;
		if (n == 0 && first)
			wrong = outcome_of(m, &(struct range){ 0 }, SPF_RESULT_NONE, SPAN(""));
	}
	end_alive(m, wrong);
	return false;
}

/* The frame has no term left, or nothing is alive in it: the include below goes on. */
static void leave(struct maker *m)
{
	pop(m);
	if (m->n_frames)
		m->frames[m->n_frames - 1].pc++;
}

static void include(struct maker *m, const struct spf_term *t)
{
	struct dns_question q;

	if (!target(m, t, DNS_TXT, &q)) {
		end_alive(m, SPF_OUTCOME_OPEN); /* malformed: an error */
		m->frames[m->n_frames - 1].pc++;
		return;
	}
	for (size_t i = 0; i < m->n_ranges; i++)
		if (is_alive(m, &m->ranges[i]))
			m->ranges[i].depth = (uint8_t)m->n_frames;
	if (!push(m, dns_question_name(&q)))
		leave(m);
}

static void step(struct maker *m)
{
	struct frame *f = &m->frames[m->n_frames - 1];
	const struct spf_term *t = &m->arena->terms[f->record.first + f->pc];
	enum spf_kind kind = (enum spf_kind)t->kind;
	struct dns_question q;

	if (kind == SPF_ALL) {
		decide_between(m, 0, m->n_ranges, spf_qualifier_result(t->qualifier), spf_term_text(m->arena, t));
	} else if (kind == SPF_IP4 || kind == SPF_IP6) {
		if (m->family == (kind == SPF_IP4 ? IP_V4 : IP_V6))
			match_prefix(m, t, m->arena->octets + t->arg, kind == SPF_IP4 ? t->cidr4 : t->cidr6);
	} else {
		count_term(m);
		if (kind == SPF_INCLUDE && any_alive(m)) {
			include(m, t);
			return;
		}
		if (kind == SPF_A && target(m, t, DNS_A, &q))
			match_hosts(m, t, dns_question_name(&q));
		else if (kind == SPF_MX && target(m, t, DNS_MX, &q))
			match_mx(m, t, &q);
		else if (kind == SPF_PTR || kind == SPF_EXISTS)
			end_alive(m, SPF_OUTCOME_OPEN);
	}
	f->pc++;
}

/* RFC 7208 4.7, 6.1 */
static void end_of_record(struct maker *m)
{
	struct frame *f = &m->frames[m->n_frames - 1];
	struct dns_question q;

	if (!f->record.has_redirect) {
		decide_between(m, 0, m->n_ranges, SPF_RESULT_NEUTRAL, SPAN("default"));
		return;
	}
	count_term(m);
	if (!target(m, &f->record.redirect, DNS_TXT, &q)) {
		end_alive(m, SPF_OUTCOME_OPEN);
		return;
	}
	pop(m); /* the record of the target takes the frame's place */
	m->redirected = true;
	if (!push(m, dns_question_name(&q)))
		leave(m);
}

/* the block */

/* No range: only that the domain was met. */
static size_t met_block(uint8_t *block)
{
	struct spf_program_head head = { 0 };

	memcpy(block, &head, sizeof(head));
	return sizeof(head);
}

/* One range, open for ever: not worth to be tried again as long as the answers are the same. */
static size_t open_block(uint8_t *block, unsigned family)
{
	struct spf_program_head head = { .n_ranges = 1, .n_outcomes = 0, .n_made = SPF_PROGRAM_MADE_MAX };
	size_t width = spf_program_width(family);

	memcpy(block, &head, sizeof(head));
	memset(block + sizeof(head), 0, width);
	block[sizeof(head) + width] = SPF_OUTCOME_OPEN;
	return sizeof(head) + width + 1;
}

static void put(uint8_t **at, const void *what, size_t len)
{
	memcpy(*at, what, len);
	*at += len;
}

static size_t write_block(struct maker *m, uint8_t n_made, uint8_t *block)
{
	uint8_t *at = block;
	uint16_t n = 0;

	for (size_t i = 0; i < m->n_ranges; i++) {
		if (n && m->ranges[n - 1].outcome == m->ranges[i].outcome)
			continue;
		m->ranges[n++] = m->ranges[i];
	}
	struct spf_program_head head = { .n_ranges = n, .n_outcomes = m->n_outcomes, .n_made = n_made };
	size_t width = spf_program_width(m->family);
	_Static_assert(sizeof(struct spf_program_head) + SPF_COMPILE_RANGES_MAX * 17 +
				       OUTCOMES_MAX * sizeof(struct spf_kept) + SPF_COMPILE_TEXT_MAX <=
			       SPF_COMPILE_OCTETS_MAX,
		       "the largest program fits");

	put(&at, &head, sizeof(head));
	for (size_t i = 0; i < n; i++)
		put(&at, &m->ranges[i].from, width); /* little-endian: the lowest octets come first */
	for (size_t i = 0; i < n; i++)
		put(&at, &m->ranges[i].outcome, 1);
	put(&at, m->outcomes, m->n_outcomes * sizeof(m->outcomes[0]));
	put(&at, m->text, m->n_text);
	return (size_t)(at - block);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "write_block() and find() rely on it");

size_t spf_compile(const struct auth_settings *settings, struct spf_arena *arena, struct span domain, unsigned family,
		   struct span before, uint64_t now_us, uint8_t *block, uint32_t *ttl_s)
{
	struct maker m;
	struct spf_program_head head = { 0 };
	uint16_t n_octets = arena->n_octets, n_terms = arena->n_terms;

	if (before.len < sizeof(head)) {
		*ttl_s = SPF_COMPILE_MET_S;
		return met_block(block);
	}
	memcpy(&head, before.at, sizeof(head));
	memset(&m, 0, offsetof(struct maker, frames));
	memset(m.outcomes, 0, SPF_OUTCOMES_KNOWN * sizeof(m.outcomes[0]));
	m.settings = settings;
	m.arena = arena;
	m.now_us = now_us;
	m.ttl_s = UINT32_MAX;
	m.family = family;
	m.n_outcomes = SPF_OUTCOMES_KNOWN;
	m.n_ranges = 1;
	m.ranges[0] = (struct range){ .outcome = ALIVE };
	if (!push(&m, domain))
		pop(&m);
	while (m.n_frames && !m.over) {
		if (!any_alive(&m))
			leave(&m);
		else if (m.frames[m.n_frames - 1].pc < m.frames[m.n_frames - 1].record.n)
			step(&m);
		else
			end_of_record(&m);
	}
	arena->n_octets = n_octets;
	arena->n_terms = n_terms;
	*ttl_s = m.ttl_s == UINT32_MAX ? SPF_COMPILE_MET_S : m.ttl_s;
	if (m.over) {
		settings->stats->spf_programs_refused++;
		return open_block(block, family);
	}
	settings->stats->spf_programs_made++;
	return write_block(&m, (uint8_t)(head.n_made + 1), block);
}
