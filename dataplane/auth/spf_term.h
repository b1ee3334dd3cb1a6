// SPDX-License-Identifier: MIT
/*
 * spf_term.h - one mechanism at a time; between spf.c and spf_term.c
 *
 * spf.c walks over records and keeps the stack of includes; spf_term.c decides whether a mechanism matches.
 */
#ifndef AUTH_SPF_TERM_H
#define AUTH_SPF_TERM_H

#include "dataplane/auth/spf.h"

enum spf_move {
	SPF_MOVE_ASK,      /* s->question waits for its answer */
	SPF_MOVE_MATCH,    /* the mechanism matched */
	SPF_MOVE_NO_MATCH, /* it did not */
	SPF_MOVE_INCLUDE,  /* the record of s->target decides */
	SPF_MOVE_AGAIN,    /* %{p} is known now: begin what needed it once more */
	SPF_MOVE_OVER,     /* an error: s->result is final */
};

/* Begins the mechanism at the innermost frame's pc. */
enum spf_move spf_term_begin(struct spf *s);

/* Goes on with the answer to s->question; s->awaited says what it is for (not RECORD or EXP). */
enum spf_move spf_term_answer(struct spf *s, const struct dns_answer *answer);

/* Counts one of the terms that cause DNS queries, once (RFC 7208 4.6.4); false: too many, it is over. */
bool spf_term_count(struct spf *s);

/* Finds a validated name of the client for %{p}; @counted: its PTR question is one of the ten (4.6.4). */
enum spf_move spf_term_resolve_p(struct spf *s, bool counted);

/* Expands the domain-spec of @t, or takes the innermost domain, into s->target; false: the name is malformed. */
bool spf_term_target(struct spf *s, const struct spf_term *t);

/* Makes s->question; false: @name is malformed. */
bool spf_ask(struct spf *s, enum dns_type type, struct span name, enum spf_wait wait);

/* Ends the check. */
void spf_finish(struct spf *s, enum spf_result result, const char *reason);

/* One line for --explain: the innermost domain, @subject, what became of it. */
void spf_explain(struct spf *s, struct span subject, const char *what);

static inline struct spf_frame *spf_innermost(struct spf *s)
{
	CHECK(s->n_frames > 0);
	return &s->frames[s->n_frames - 1];
}

static inline const struct spf_term *spf_current_term(struct spf *s)
{
	struct spf_frame *f = spf_innermost(s);

	CHECK(f->pc < f->record.n);
	return &s->arena.terms[f->record.first + f->pc];
}

static inline struct span spf_target(const struct spf *s)
{
	return span_of(s->target, s->target_len);
}

static inline enum spf_result spf_qualifier_result(char qualifier)
{
	return qualifier == '-'   ? SPF_RESULT_FAIL
	       : qualifier == '~' ? SPF_RESULT_SOFTFAIL
	       : qualifier == '?' ? SPF_RESULT_NEUTRAL
				  : SPF_RESULT_PASS;
}

#endif
