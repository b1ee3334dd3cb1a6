// SPDX-License-Identifier: MIT
/*
 * spf_eval.h - struct spf: one check_host() under way
 *
 * Included by spf.h.  No pointer leads out of the struct but those to what the caller lent; spans of the results
 * lead into it, so it must not be copied.
 */
#ifndef AUTH_SPF_EVAL_H
#define AUTH_SPF_EVAL_H

#include "dataplane/auth/spf_macro.h"
#include "dataplane/auth/spf_record.h"

#define SPF_ASKS_MAX 100 /* the most that spf_terms_max may allow */
#define SPF_FRAMES_MAX (SPF_ASKS_MAX + 1)

/* What the next answer is for. */
enum spf_wait {
	SPF_WAIT_NOTHING,  /* evaluation goes on */
	SPF_WAIT_RECORD,   /* TXT of a domain: the first, an include's, a redirect's */
	SPF_WAIT_A,        /* addresses of an a */
	SPF_WAIT_MX,       /* names of an mx */
	SPF_WAIT_MX_HOST,  /* addresses of one of them */
	SPF_WAIT_OTHER,    /* the other family's addresses: is the name void? */
	SPF_WAIT_EXISTS,   /* A of an exists */
	SPF_WAIT_PTR,      /* names of the client, for a ptr */
	SPF_WAIT_PTR_HOST, /* addresses of one of them */
	SPF_WAIT_P,        /* names of the client, for %{p} */
	SPF_WAIT_P_HOST,   /* addresses of one of them */
	SPF_WAIT_EXP,      /* TXT of an exp= */
	SPF_WAIT_DONE,     /* the result is final */
};

/* What goes on when no answer is awaited. */
enum spf_stage {
	SPF_STAGE_TERMS,    /* term after term of the innermost record */
	SPF_STAGE_EXP_NAME, /* fail: where its explanation is to be fetched */
	SPF_STAGE_EXP_TEXT, /* what the explanation says */
};

/* A record under evaluation: the first, or that of an include. */
struct spf_frame {
	uint16_t domain;     /* offset in the arena of its domain... */
	uint16_t domain_len; /* ...at most DNS_NAME_MAX octets */
	uint16_t n_terms;    /* terms in the arena before this frame */
	uint16_t pc;         /* term under evaluation, counted within the record */
	struct spf_record record;
};

struct spf {
	/* Results, final when spf_step() has returned true. */
	enum spf_result result;
	enum spf_scope scope;    /* HELO also for the null sender */
	const char *reason;      /* constant sentence for a postmaster */
	struct span domain;      /* the domain checked, lower case; may be empty */
	struct span explanation; /* expanded exp=, printable ASCII; empty: none */
	struct span mechanism; /* the directive that matched, "default" when none did; empty: no record was evaluated */
	uint16_t n_terms;      /* terms that ask DNS; may exceed the limit by the one that broke it */
	uint16_t n_voids;      /* look-ups that found nothing; likewise */

	/* Private */
	const struct auth_settings *settings;
	struct explain *explain;
	uint64_t begin_us;
	struct spf_macro_values values;
	uint8_t wait;    /* enum spf_wait */
	uint8_t awaited; /* what the answer in hand was for */
	uint8_t stage;   /* enum spf_stage */
	uint8_t other;   /* enum spf_wait that SPF_WAIT_OTHER interrupted */
	bool counted;    /* the term under evaluation is in n_terms */
	bool p_known;    /* values.validated is true for the innermost frame */
	bool redirected; /* the record of the outermost frame is that of a redirect */
	bool learn;      /* what is learned by this check may be worth to be kept */
	bool local_8bit; /* the local-part is not ASCII: terms with %{s} or %{l} never match (RFC 8616 4) */
	uint8_t p_rank;  /* which names are tried for %{p} now: see spf_term.c */
	uint16_t n_frames;
	/* MX or PTR names, and the next one to look at: in the arena above its top, each after an octet of length */
	uint16_t names, name, names_end;
	struct span exp_text; /* explain-string, in the arena */
	uint32_t exp_letters; /* its macro letters */
	uint8_t target_len;
	/* Not cleared at the start: nothing from here on is read before it was written. */
	struct dns_question question;
	uint8_t target[DNS_NAME_MAX]; /* <target-name> of the term under evaluation (RFC 7208 4.8) */
	uint8_t validated[DNS_NAME_MAX];
	uint8_t checked[DNS_NAME_MAX]; /* domain */
	char explanation_text[SPF_EXPLANATION_MAX + 1];
	struct spf_frame frames[SPF_FRAMES_MAX];
	struct spf_arena arena;
};

#endif
