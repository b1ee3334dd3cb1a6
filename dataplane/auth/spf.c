// SPDX-License-Identifier: MIT
/*
 * spf.c - check_host() (RFC 7208 4), one question at a time
 *
 * The innermost record is evaluated term by term.  An include pushes a frame and a redirect replaces the
 * innermost one; both are terms that are counted, so the stack has an end.  An error anywhere ends the whole
 * check (RFC 7208 4.6, 5.2), any other result of a frame is handed to the include below it:
 *
 *	frame's result            the include
 *	pass                      matches
 *	fail, softfail, neutral   does not match
 *	none                      permerror
 */
#include "dataplane/auth/spf.h"

#include "dataplane/auth/explain.h"
#include "dataplane/auth/spf_compile.h"
#include "dataplane/auth/spf_program.h"
#include "dataplane/auth/spf_term.h"

static const char no_record[] = "the domain has no SPF record";

const char *spf_result_text(enum spf_result r)
{
	switch (r) {
	case SPF_RESULT_NONE:
		return "none";
	case SPF_RESULT_NEUTRAL:
		return "neutral";
	case SPF_RESULT_PASS:
		return "pass";
	case SPF_RESULT_FAIL:
		return "fail";
	case SPF_RESULT_SOFTFAIL:
		return "softfail";
	case SPF_RESULT_TEMPERROR:
		return "temperror";
	case SPF_RESULT_PERMERROR:
		return "permerror";
	}
	return "permerror";
}

void spf_explain(struct spf *s, struct span subject, const char *what)
{
	if (!s->explain)
		return;
	struct text *out = &s->explain->text;
	text_puts(out, s->scope == SPF_SCOPE_HELO ? "spf helo: " : "spf: ");
	text_escaped(out, s->n_frames ? s->values.domain : s->domain);
	text_puts(out, ": ");
	text_escaped(out, subject);
	if (subject.len)
		text_puts(out, " ");
	text_puts(out, what);
	text_puts(out, "\n");
}

static void count_result(struct stats *stats, enum spf_result r)
{
	switch (r) {
	case SPF_RESULT_NONE:
		stats->spf_none++;
		return;
	case SPF_RESULT_NEUTRAL:
		stats->spf_neutral++;
		return;
	case SPF_RESULT_PASS:
		stats->spf_pass++;
		return;
	case SPF_RESULT_FAIL:
		stats->spf_fail++;
		return;
	case SPF_RESULT_SOFTFAIL:
		stats->spf_softfail++;
		return;
	case SPF_RESULT_TEMPERROR:
		stats->spf_temperror++;
		return;
	case SPF_RESULT_PERMERROR:
		stats->spf_permerror++;
		return;
	}
}

/* RFC 7208 4.6.4: how near to its limits the record came. */
static void tell_counts(struct spf *s)
{
	char octets[96];
	struct text t;

	if (!s->explain || (s->n_terms == 0 && s->n_voids == 0))
		return;
	text_init(&t, octets, sizeof(octets));
	text_puts(&t, "asked DNS for ");
	text_dec(&t, s->n_terms);
	text_puts(&t, " terms of ");
	text_dec(&t, s->settings->spf_terms_max);
	text_puts(&t, ", found nothing ");
	text_dec(&t, s->n_voids);
	text_puts(&t, " times of ");
	text_dec(&t, s->settings->spf_voids_max);
	spf_explain(s, SPAN(""), octets);
}

void spf_finish(struct spf *s, enum spf_result result, const char *reason)
{
	s->result = result;
	s->reason = reason;
	s->wait = SPF_WAIT_DONE;
	count_result(s->settings->stats, result);
	spf_explain(s, span_str(spf_result_text(result)), reason);
	tell_counts(s);
}

static const char *result_reason(enum spf_result r)
{
	switch (r) {
	case SPF_RESULT_PASS:
		return "the domain lets the client send for it";
	case SPF_RESULT_FAIL:
		return "the domain does not let the client send for it";
	case SPF_RESULT_SOFTFAIL:
		return "the domain says that the client is probably not allowed to send for it";
	case SPF_RESULT_NEUTRAL:
	case SPF_RESULT_NONE:
	case SPF_RESULT_TEMPERROR:
	case SPF_RESULT_PERMERROR:
		break;
	}
	return "the domain makes no statement about the client";
}

/* What belongs to the innermost frame alone. */
static void enter_frame(struct spf *s)
{
	const struct spf_frame *f = spf_innermost(s);

	s->values.domain = span_of(s->arena.octets + f->domain, f->domain_len);
	s->values.validated = span_of(s->validated, 0);
	s->p_known = false;
}

static void pop_frame(struct spf *s)
{
	const struct spf_frame *f = spf_innermost(s);

	s->arena.n_octets = f->domain;
	s->arena.n_terms = f->n_terms;
	s->n_frames--;
}

/* Begins the record of @name: asks for its TXT.  @name may lie in s->target. */
static void push_frame(struct spf *s, struct span name)
{
	struct spf_frame *f = &s->frames[s->n_frames];

	/* RFC 7208 4.3: no domain that is malformed or has a single label; its check_host() is none */
	if (span_find(name, '.') == SPAN_NONE || !spf_ask(s, DNS_TXT, name, SPF_WAIT_RECORD)) {
		spf_finish(s, SPF_RESULT_PERMERROR, "an include or a redirect leads to a name that has no SPF record");
		return;
	}
	if ((size_t)(SPF_OCTETS_MAX - s->arena.n_octets) < name.len) {
		s->settings->stats->spf_too_large++;
		spf_finish(s, SPF_RESULT_PERMERROR, "the SPF records under way are too large");
		return;
	}
	*f = (struct spf_frame){ .domain = s->arena.n_octets,
				 .domain_len = (uint16_t)name.len,
				 .n_terms = s->arena.n_terms };
	memcpy(s->arena.octets + s->arena.n_octets, name.at, name.len);
	s->arena.n_octets = (uint16_t)(s->arena.n_octets + name.len);
	s->n_frames++;
	enter_frame(s);
}

/* The TXT records of the innermost domain came (RFC 7208 4.4, 4.5, 4.6). */
static void record_answer(struct spf *s, const struct dns_answer *a)
{
	bool referred = s->n_frames > 1 || s->redirected;
	struct span record = SPAN("");

	if (dns_answer_failed(a)) {
		spf_finish(s, SPF_RESULT_TEMPERROR, "DNS gave no answer to the question for the SPF record");
		return;
	}
	unsigned n = spf_record_select(a, &record);
	if (n == 0 && referred) {
		spf_finish(s, SPF_RESULT_PERMERROR, "an include or a redirect leads to a name that has no SPF record");
	} else if (n == 0) {
		spf_finish(s, SPF_RESULT_NONE, no_record);
	} else if (n > 1) {
		spf_finish(s, SPF_RESULT_PERMERROR, "the domain has more than one SPF record");
	} else {
		spf_explain(s, record, "is the record");
		const char *wrong = spf_record_compile(&s->arena, record, &spf_innermost(s)->record);
		if (wrong)
			spf_finish(s, SPF_RESULT_PERMERROR, wrong);
	}
}

static void next_term(struct spf *s)
{
	spf_innermost(s)->pc++;
	s->counted = false;
}

/* The outermost record has decided. */
static void conclude(struct spf *s, enum spf_result r, struct span mechanism)
{
	s->mechanism = mechanism;
	if (r != SPF_RESULT_FAIL || !spf_innermost(s)->record.has_exp) {
		spf_finish(s, r, result_reason(r));
		return;
	}
	s->result = r; /* final, whatever becomes of the explanation */
	s->stage = SPF_STAGE_EXP_NAME;
}

/* The innermost record has decided by @mechanism (RFC 7208 5.2 for includes). */
static void frame_result(struct spf *s, enum spf_result r, struct span mechanism)
{
	while (s->n_frames > 1) {
		pop_frame(s);
		enter_frame(s);
		const struct spf_term *include = spf_current_term(s);
		mechanism = spf_term_text(&s->arena, include);
		if (r != SPF_RESULT_PASS) {
			spf_explain(s, mechanism, "did not match");
			next_term(s);
			return;
		}
		spf_explain(s, mechanism, "matched");
		r = spf_qualifier_result(include->qualifier);
	}
	conclude(s, r, mechanism);
}

/* No mechanism matched: redirect, or neutral (RFC 7208 4.7, 6.1). */
static void end_of_record(struct spf *s)
{
	struct spf_frame *f = spf_innermost(s);
	const struct spf_term *t = &f->record.redirect;

	if (!f->record.has_redirect) {
		spf_explain(s, SPAN(""), "no mechanism matched");
		frame_result(s, SPF_RESULT_NEUTRAL, SPAN("default"));
		return;
	}
	if (!spf_term_count(s))
		return;
	if (t->uses_p && !s->p_known && spf_term_resolve_p(s, true) != SPF_MOVE_AGAIN)
		return;
	spf_explain(s, spf_term_text(&s->arena, t), "takes over");
	/* A malformed target is refused by push_frame() as one without a record. */
	if (!spf_term_target(s, t) || (t->uses_local && s->local_8bit))
		s->target_len = 0;
	pop_frame(s);
	s->redirected = true;
	s->counted = false;
	push_frame(s, spf_target(s));
}

static void mechanism_moved(struct spf *s, enum spf_move move)
{
	struct span text;

	switch (move) {
	case SPF_MOVE_MATCH:
		text = spf_term_text(&s->arena, spf_current_term(s));
		spf_explain(s, text, "matched");
		frame_result(s, spf_qualifier_result(spf_current_term(s)->qualifier), text);
		return;
	case SPF_MOVE_NO_MATCH:
		spf_explain(s, spf_term_text(&s->arena, spf_current_term(s)), "did not match");
		next_term(s);
		return;
	case SPF_MOVE_INCLUDE:
		s->counted = false;
		push_frame(s, spf_target(s));
		return;
	case SPF_MOVE_ASK:
	case SPF_MOVE_AGAIN:
	case SPF_MOVE_OVER:
		return;
	}
}

/* Ends a fail whose explanation may be missing: it never changes the result (RFC 7208 6.2). */
static void end_of_explanation(struct spf *s)
{
	spf_finish(s, SPF_RESULT_FAIL, result_reason(SPF_RESULT_FAIL));
}

static void ask_explanation(struct spf *s)
{
	const struct spf_term *t = &spf_innermost(s)->record.exp;

	if (t->uses_p && !s->p_known && spf_term_resolve_p(s, false) != SPF_MOVE_AGAIN)
		return;
	if ((t->uses_local && s->local_8bit) || !spf_term_target(s, t) ||
	    !spf_ask(s, DNS_TXT, spf_target(s), SPF_WAIT_EXP))
		end_of_explanation(s);
}

/* RFC 7208 6.2: an error, no record, several, or bad syntax: "proceed as if no exp modifier was given" */
static void explanation_answer(struct spf *s, const struct dns_answer *a)
{
	uint32_t cursor = 0;
	struct span txt;

	if (a->n_records != 1 || !dns_answer_next(a, &cursor, &txt) ||
	    txt.len > (size_t)(SPF_OCTETS_MAX - s->arena.n_octets) ||
	    !spf_macro_check(txt, SPF_MACRO_EXPLANATION, &s->exp_letters)) {
		spf_explain(s, SPAN("exp="), "gives no explanation");
		end_of_explanation(s);
		return;
	}
	memcpy(s->arena.octets + s->arena.n_octets, txt.at, txt.len);
	s->exp_text = span_of(s->arena.octets + s->arena.n_octets, txt.len);
	s->arena.n_octets = (uint16_t)(s->arena.n_octets + txt.len);
	s->stage = SPF_STAGE_EXP_TEXT;
}

static void expand_explanation(struct spf *s)
{
	struct text out;

	if (spf_macro_has(s->exp_letters, 'p') && !s->p_known && spf_term_resolve_p(s, false) != SPF_MOVE_AGAIN)
		return;
	text_init(&out, s->explanation_text, sizeof(s->explanation_text));
	spf_macro_text(&s->values, s->exp_text, &out);
	/* What a macro brought in goes into SMTP replies: one octet that is not printable ASCII spoils it all. */
	bool printable = true;
	for (size_t i = 0; i < out.len; i++)
		printable &= out.at[i] >= ' ' && out.at[i] < 0x7f;
	if (!out.full && printable)
		s->explanation = text_span(&out);
	end_of_explanation(s);
}

/* Goes on until there is a question or a result. */
static void run(struct spf *s)
{
	while (s->wait == SPF_WAIT_NOTHING) {
		switch ((enum spf_stage)s->stage) {
		case SPF_STAGE_TERMS:
			if (spf_innermost(s)->pc == spf_innermost(s)->record.n)
				end_of_record(s);
			else
				mechanism_moved(s, spf_term_begin(s));
			break;
		case SPF_STAGE_EXP_NAME:
			ask_explanation(s);
			break;
		case SPF_STAGE_EXP_TEXT:
			expand_explanation(s);
			break;
		}
	}
}

/* Letters, digits, hyphens and underscores in at least two labels: what may be the domain of a sender (RFC 7208 4.3). */
static bool is_sender_domain(struct spf *s, struct span name)
{
	bool dot = false;

	for (size_t i = 0; i < name.len; i++) {
		dot |= name.at[i] == '.';
		if (!byte_is_alnum(name.at[i]) && name.at[i] != '-' && name.at[i] != '_' && name.at[i] != '.')
			return false;
	}
	return dot && dns_question_set(&s->question, DNS_TXT, name);
}

/* Sets s->domain, in lower case, as A-labels (RFC 8616 4), without the final dot; false: it is none. */
static bool set_domain(struct spf *s, struct span name)
{
	struct text ascii;
	char octets[DNS_NAME_MAX + 2];
	bool eight_bit = false;

	for (size_t i = 0; i < name.len; i++)
		eight_bit |= name.at[i] >= 0x80;
	if (eight_bit) {
		text_init(&ascii, octets, sizeof(octets));
		if (!s->settings->to_ascii || !s->settings->to_ascii(name, &ascii) || ascii.full)
			return false;
		name = text_span(&ascii);
	}
	if (name.len && name.at[name.len - 1] == '.')
		name.len--;
	if (name.len > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		s->checked[i] = byte_lower(name.at[i]);
	s->domain = span_of(s->checked, name.len);
	return is_sender_domain(s, s->domain);
}

/* The identity (RFC 7208 2.3, 2.4): local-part and domain; false: there is no domain to check. */
static bool set_identity(struct spf *s, const struct auth_client *client)
{
	struct span sender = client->mail_from;
	struct span local = SPAN("");

	if (s->scope == SPF_SCOPE_HELO) {
		sender = client->helo;
	} else {
		size_t at = span_find_last(sender, '@');

		if (at != SPAN_NONE) {
			local = span_head(sender, at);
			sender = span_skip(sender, at + 1);
		}
	}
	/* RFC 7208 4.3: without a local-part it is postmaster */
	if (local.len == 0)
		local = SPAN("postmaster");
	if (local.len > SPF_LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.len; i++)
		s->local_8bit |= local.at[i] >= 0x80;
	s->values.local = local;
	bool good = set_domain(s, sender);
	s->values.sender_domain = s->values.domain = s->domain;
	return good;
}

/* Of a question for s->domain: the type under which its program for the client's family is kept. */
static uint16_t program_type(const struct spf *s)
{
	return s->values.ip.family == IP_V4 ? AUTH_KEPT_SPF4 : AUTH_KEPT_SPF6;
}

/* Whether the program decides, if there is one. */
static bool by_program(struct spf *s, uint64_t now_us)
{
	const struct auth_memory *memory = s->settings->memory;
	struct spf_outcome outcome;

	if (!memory)
		return false;
	s->question.type = program_type(s); /* its name is the domain: set_domain() */
	struct span block = memory->recall(memory->arg, &s->question, now_us);
	enum spf_program_says says = spf_program_find(block, &s->values.ip, &outcome);

	s->learn = says == SPF_PROGRAM_NONE || says == SPF_PROGRAM_MISSING;
	if (says != SPF_PROGRAM_DECIDED)
		return false;
	s->settings->stats->spf_program_hits++;
	s->n_terms = outcome.n_terms;
	s->n_voids = outcome.n_voids;
	memcpy(s->target, outcome.mechanism.at, outcome.mechanism.len);
	s->mechanism = span_of(s->target, outcome.mechanism.len);
	explain_kept(s->explain, s->scope == SPF_SCOPE_HELO ? "spf helo" : "spf", s->domain, "compiled record");
	if (s->mechanism.len)
		spf_explain(s, s->mechanism, "matched");
	spf_finish(s, (enum spf_result)outcome.result,
		   outcome.result == SPF_RESULT_NONE ? no_record : result_reason((enum spf_result)outcome.result));
	return true;
}

/* After a check that asked: compiles the record from what was answered. */
static void learn(struct spf *s, uint64_t now_us)
{
	const struct auth_memory *memory = s->settings->memory;
	uint8_t block[SPF_COMPILE_OCTETS_MAX];
	struct dns_question q;
	uint32_t ttl_s;

	s->learn = false;
	if (!dns_question_set(&q, (enum dns_type)program_type(s), s->domain))
		return;
	size_t len = spf_compile(s->settings, &s->arena, s->domain, s->values.ip.family,
				 memory->recall(memory->arg, &q, now_us), now_us, block, &ttl_s);
	memory->keep(memory->arg, &q, span_of(block, len), ttl_s, now_us);
}

static void clear(struct spf *s)
{
	memset(s, 0, offsetof(struct spf, question));
	s->arena.n_octets = 0;
	s->arena.n_terms = 0;
	s->domain = s->explanation = s->mechanism = SPAN("");
}

void spf_begin(struct spf *s, const struct auth_settings *settings, enum spf_scope scope,
	       const struct auth_client *client, struct explain *explain, uint64_t now_us)
{
	clear(s);
	s->settings = settings;
	s->explain = explain;
	s->begin_us = now_us;
	s->scope = scope == SPF_SCOPE_MFROM && client->mail_from.len ? SPF_SCOPE_MFROM : SPF_SCOPE_HELO;
	s->values.ip = ip_addr_unmap(client->ip);
	s->values.helo = client->helo;
	s->values.now_unix = client->now_unix;
	s->values.receiver = settings->authserv_id ? span_str(settings->authserv_id) : SPAN("");
	bool good = set_identity(s, client);
	if (client->ip.family == IP_NONE)
		spf_finish(s, SPF_RESULT_NONE, "the client's address is not known");
	else if (!good)
		spf_finish(s, SPF_RESULT_NONE, "the sender has no domain that could have an SPF record");
	else if (!by_program(s, now_us))
		push_frame(s, s->domain);
}

static void take_answer(struct spf *s, const struct dns_answer *answer)
{
	s->awaited = s->wait;
	s->wait = SPF_WAIT_NOTHING;
	if (s->awaited == SPF_WAIT_RECORD)
		record_answer(s, answer);
	else if (s->awaited == SPF_WAIT_EXP)
		explanation_answer(s, answer);
	else /* for %{p} of a redirect or an exp= it moves by ASK, AGAIN and OVER only */
		mechanism_moved(s, spf_term_answer(s, answer));
}

bool spf_step(struct spf *s, const struct dns_answer *answer, uint64_t now_us)
{
	if (s->wait == SPF_WAIT_DONE)
		return true;
	/* RFC 7208 4.6.4: "If such a limit is exceeded, the result of authorization SHOULD be temperror" */
	if (now_us - s->begin_us >= (uint64_t)s->settings->spf_timeout_ms * 1000) {
		s->settings->stats->spf_timeouts++;
		if (s->result == SPF_RESULT_FAIL)
			end_of_explanation(s);
		else
			spf_finish(s, SPF_RESULT_TEMPERROR, "DNS took too long for the SPF record");
		return true;
	}
	if (answer) {
		take_answer(s, answer);
		run(s);
		if (s->wait == SPF_WAIT_DONE && s->learn)
			learn(s, now_us);
	}
	return s->wait == SPF_WAIT_DONE;
}

const struct dns_question *spf_question(const struct spf *s)
{
	return &s->question;
}
