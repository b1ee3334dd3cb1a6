// SPDX-License-Identifier: MIT
/*
 * spf_term.c - whether a mechanism matches (RFC 7208 5)
 *
 * Names of an mx or a ptr are kept above the arena's top while their addresses are asked for, one by one.
 *
 * Void look-ups (RFC 7208 4.6.4) are counted by question.  A host that has addresses of the other family alone is
 * void in the RFC's words, too, but three IPv4-only mail servers are no attack; so before such an answer
 * breaks the limit, the other family is asked for, and the look-up is void only if both are.
 */
#include "dataplane/auth/spf_term.h"

static enum spf_move over(struct spf *s, enum spf_result result, const char *reason)
{
	spf_finish(s, result, reason);
	return SPF_MOVE_OVER;
}

static enum spf_move no_answer(struct spf *s)
{
	return over(s, SPF_RESULT_TEMPERROR, "DNS gave no answer to a question of the SPF record");
}

bool spf_term_count(struct spf *s)
{
	unsigned max = s->settings->spf_terms_max < SPF_ASKS_MAX ? s->settings->spf_terms_max : SPF_ASKS_MAX;

	if (s->counted)
		return true;
	s->counted = true;
	if (++s->n_terms <= max)
		return true;
	s->settings->stats->spf_over_terms++;
	spf_finish(s, SPF_RESULT_PERMERROR, "the SPF record asks for more DNS look-ups than are allowed");
	return false;
}

static enum spf_move too_many_voids(struct spf *s)
{
	s->n_voids++;
	s->settings->stats->spf_over_voids++;
	return over(s, SPF_RESULT_PERMERROR, "the SPF record asks for too many names that do not exist");
}

/* The answer is void: no match, or one void too many. */
static enum spf_move count_void(struct spf *s, const struct dns_answer *a)
{
	if (s->n_voids < s->settings->spf_voids_max) {
		s->n_voids++;
		return SPF_MOVE_NO_MATCH;
	}
	if (a->rcode == DNS_NODATA && (s->awaited == SPF_WAIT_A || s->awaited == SPF_WAIT_MX_HOST)) {
		s->other = s->awaited;
		s->wait = SPF_WAIT_OTHER;
		s->question.type = s->question.type == DNS_A ? DNS_AAAA : DNS_A;
		return SPF_MOVE_ASK;
	}
	return too_many_voids(s);
}

bool spf_ask(struct spf *s, enum dns_type type, struct span name, enum spf_wait wait)
{
	if (!dns_question_set(&s->question, type, name))
		return false;
	s->wait = (uint8_t)wait;
	return true;
}

/* RFC 7208 5: A records for an IPv4 client, AAAA for an IPv6 one. */
static bool ask_addresses(struct spf *s, struct span name, enum spf_wait wait)
{
	return spf_ask(s, s->values.ip.family == IP_V6 ? DNS_AAAA : DNS_A, name, wait);
}

static bool ask_names_of_client(struct spf *s, enum spf_wait wait)
{
	uint8_t name[DNS_NAME_MAX];
	size_t len = spf_macro_domain(&s->values, SPAN("%{ir}.%{v}.arpa"), name);

	return spf_ask(s, DNS_PTR, span_of(name, len), wait);
}

static bool has_client(const struct spf *s, const struct dns_answer *a, unsigned cidr4, unsigned cidr6)
{
	uint32_t cursor = 0;
	struct span rdata;

	while (dns_answer_next(a, &cursor, &rdata)) {
		struct ip_addr addr;

		if (rdata.len != ip_addr_len(&s->values.ip))
			continue;
		addr = rdata.len == 4 ? ip_addr_of4(rdata.at) : ip_addr_of6(rdata.at);
		if (ip_addr_in_prefix(&s->values.ip, &addr, rdata.len == 4 ? cidr4 : cidr6))
			return true;
	}
	return false;
}

/*
 * Keeps the names of an answer, @skip octets into each record, at most @max.  Those that cannot be a DNS
 * name, the root included, are left out.  False: no room.
 */
static bool keep_names(struct spf *s, const struct dns_answer *a, size_t skip, unsigned max)
{
	size_t at = s->arena.n_octets;
	uint32_t cursor = 0;
	struct span name;

	s->names = s->name = s->names_end = s->arena.n_octets;
	for (unsigned n = 0; n < max && dns_answer_next(a, &cursor, &name); n++) {
		if (name.len <= skip || name.len - skip > DNS_NAME_MAX)
			continue;
		name = span_skip(name, skip);
		if (SPF_OCTETS_MAX - at < name.len + 1)
			return false;
		s->arena.octets[at++] = (uint8_t)name.len;
		memcpy(s->arena.octets + at, name.at, name.len);
		at += name.len;
	}
	s->names_end = (uint16_t)at;
	return true;
}

static bool next_name(struct spf *s, struct span *name)
{
	if (s->name >= s->names_end)
		return false;
	*name = span_of(s->arena.octets + s->name + 1, s->arena.octets[s->name]);
	s->name = (uint16_t)(s->name + 1 + name->len);
	return true;
}

/* Whether @name is @domain or below it. */
static bool is_within(struct span name, struct span domain)
{
	if (name.len == domain.len)
		return span_eq_nocase(name, domain);
	return name.len > domain.len && name.at[name.len - domain.len - 1] == '.' && span_ends_nocase(name, domain);
}

static enum spf_move next_mx_host(struct spf *s)
{
	struct span name;

	while (next_name(s, &name))
		if (ask_addresses(s, name, SPF_WAIT_MX_HOST))
			return SPF_MOVE_ASK;
	return SPF_MOVE_NO_MATCH;
}

static enum spf_move mx_answer(struct spf *s, const struct dns_answer *a)
{
	if (dns_answer_failed(a))
		return no_answer(s);
	if (a->n_records == 0)
		return count_void(s, a);
	/* RFC 7208 4.6.4: more than 10 address look-ups of one mx: permerror */
	if (a->n_records > s->settings->spf_mx_max) {
		s->settings->stats->spf_over_mx++;
		return over(s, SPF_RESULT_PERMERROR, "an mx of the SPF record has too many names");
	}
	if (!keep_names(s, a, 2, s->settings->spf_mx_max)) {
		s->settings->stats->spf_too_large++;
		return over(s, SPF_RESULT_PERMERROR, "the SPF records under way are too large");
	}
	return next_mx_host(s);
}

static enum spf_move host_answer(struct spf *s, const struct dns_answer *a)
{
	const struct spf_term *t = spf_current_term(s);

	if (dns_answer_failed(a))
		return no_answer(s);
	if (has_client(s, a, t->cidr4, t->cidr6))
		return SPF_MOVE_MATCH;
	enum spf_move move = a->n_records ? SPF_MOVE_NO_MATCH : count_void(s, a);
	return s->awaited == SPF_WAIT_MX_HOST && move == SPF_MOVE_NO_MATCH ? next_mx_host(s) : move;
}

/* The name had no address of the client's family; does it have one of the other? */
static enum spf_move other_answer(struct spf *s, const struct dns_answer *a)
{
	if (a->n_records == 0 && !dns_answer_failed(a))
		return too_many_voids(s);
	return s->other == SPF_WAIT_MX_HOST ? next_mx_host(s) : SPF_MOVE_NO_MATCH;
}

/* RFC 7208 5.5: names outside of the target cannot match and are not looked up. */
static enum spf_move next_ptr_host(struct spf *s)
{
	struct span name;

	while (next_name(s, &name))
		if (is_within(name, spf_target(s)) && ask_addresses(s, name, SPF_WAIT_PTR_HOST))
			return SPF_MOVE_ASK;
	return SPF_MOVE_NO_MATCH;
}

/* RFC 7208 4.6.4: "all records other than the first 10 MUST be ignored" */
static void keep_ptr_names(struct spf *s, const struct dns_answer *a)
{
	unsigned max = s->settings->spf_ptr_max;

	if (a->n_records > max)
		s->settings->stats->spf_ptr_ignored++;
	if (!keep_names(s, a, 0, max))
		s->names_end = s->names;
}

static enum spf_move ptr_answer(struct spf *s, const struct dns_answer *a)
{
	if (dns_answer_failed(a)) /* RFC 7208 5.5: the mechanism fails to match */
		return SPF_MOVE_NO_MATCH;
	if (a->n_records == 0)
		return count_void(s, a);
	keep_ptr_names(s, a);
	return next_ptr_host(s);
}

/* %{p} wants the domain itself, else a name below it, else any (RFC 7208 7.3). */
static unsigned p_rank(const struct spf *s, struct span name)
{
	if (span_eq_nocase(name, s->values.domain))
		return 0;
	return is_within(name, s->values.domain) ? 1 : 2;
}

static enum spf_move next_p_host(struct spf *s)
{
	struct span name;

	for (; s->p_rank <= 2; s->p_rank++, s->name = s->names)
		while (next_name(s, &name))
			if (p_rank(s, name) == s->p_rank && ask_addresses(s, name, SPF_WAIT_P_HOST))
				return SPF_MOVE_ASK;
	s->p_known = true;
	return SPF_MOVE_AGAIN;
}

enum spf_move spf_term_resolve_p(struct spf *s, bool counted)
{
	s->values.validated = span_of(s->validated, 0);
	if (counted) {
		s->counted = false;
		if (!spf_term_count(s))
			return SPF_MOVE_OVER;
	}
	if (ask_names_of_client(s, SPF_WAIT_P))
		return SPF_MOVE_ASK;
	s->p_known = true;
	return SPF_MOVE_AGAIN;
}

static enum spf_move p_answer(struct spf *s, const struct dns_answer *a)
{
	keep_ptr_names(s, a); /* none when DNS failed: "unknown" */
	s->p_rank = 0;
	return next_p_host(s);
}

static enum spf_move p_host_answer(struct spf *s, const struct dns_answer *a)
{
	if (!has_client(s, a, 32, 128))
		return next_p_host(s);
	memcpy(s->validated, s->question.name, s->question.len);
	s->values.validated = span_of(s->validated, s->question.len);
	s->p_known = true;
	return SPF_MOVE_AGAIN;
}

bool spf_term_target(struct spf *s, const struct spf_term *t)
{
	struct dns_question probe;

	if (t->arg_len == 0) {
		memcpy(s->target, s->values.domain.at, s->values.domain.len);
		s->target_len = (uint8_t)s->values.domain.len;
	} else {
		s->target_len = (uint8_t)spf_macro_domain(&s->values, spf_term_arg(&s->arena, t), s->target);
		if (s->explain && span_find(spf_term_arg(&s->arena, t), '%') != SPAN_NONE)
			spf_explain(s, spf_target(s), "is what the macros make of it");
	}
	return dns_question_set(&probe, DNS_TXT, spf_target(s));
}

static bool in_network(const struct spf *s, const struct spf_term *t)
{
	const uint8_t *octets = s->arena.octets + t->arg;
	struct ip_addr network = t->kind == SPF_IP4 ? ip_addr_of4(octets) : ip_addr_of6(octets);

	return ip_addr_in_prefix(&s->values.ip, &network, t->kind == SPF_IP4 ? t->cidr4 : t->cidr6);
}

/* The first question of a mechanism, now that its target is known. */
static enum spf_move ask_first(struct spf *s, unsigned kind)
{
	bool asked = false;

	if (kind == SPF_INCLUDE)
		return SPF_MOVE_INCLUDE;
	if (kind == SPF_A)
		asked = ask_addresses(s, spf_target(s), SPF_WAIT_A);
	else if (kind == SPF_MX)
		asked = spf_ask(s, DNS_MX, spf_target(s), SPF_WAIT_MX);
	else if (kind == SPF_PTR)
		asked = ask_names_of_client(s, SPF_WAIT_PTR);
	else if (kind == SPF_EXISTS) /* RFC 7208 5.7: A, "even when the connection type is IPv6" */
		asked = spf_ask(s, DNS_A, spf_target(s), SPF_WAIT_EXISTS);
	return asked ? SPF_MOVE_ASK : SPF_MOVE_NO_MATCH;
}

enum spf_move spf_term_begin(struct spf *s)
{
	const struct spf_term *t = spf_current_term(s);

	if (t->kind == SPF_ALL)
		return SPF_MOVE_MATCH;
	if (t->kind == SPF_IP4 || t->kind == SPF_IP6)
		return in_network(s, t) ? SPF_MOVE_MATCH : SPF_MOVE_NO_MATCH;
	if (!spf_term_count(s))
		return SPF_MOVE_OVER;
	if (t->uses_local && s->local_8bit) /* RFC 8616 4 */
		return SPF_MOVE_NO_MATCH;
	if (t->uses_p && !s->p_known)
		return spf_term_resolve_p(s, true);
	/* RFC 7208 4.8 leaves a malformed name open: it is looked up as little as a record that does not exist. */
	if (!spf_term_target(s, t) && t->kind != SPF_INCLUDE)
		return SPF_MOVE_NO_MATCH;
	return ask_first(s, t->kind);
}

enum spf_move spf_term_answer(struct spf *s, const struct dns_answer *a)
{
	switch ((enum spf_wait)s->awaited) {
	case SPF_WAIT_A:
	case SPF_WAIT_MX_HOST:
		return host_answer(s, a);
	case SPF_WAIT_MX:
		return mx_answer(s, a);
	case SPF_WAIT_OTHER:
		return other_answer(s, a);
	case SPF_WAIT_EXISTS:
		if (dns_answer_failed(a))
			return no_answer(s);
		return a->n_records ? SPF_MOVE_MATCH : count_void(s, a);
	case SPF_WAIT_PTR:
		return ptr_answer(s, a);
	case SPF_WAIT_PTR_HOST:
		return has_client(s, a, 32, 128) ? SPF_MOVE_MATCH : next_ptr_host(s);
	case SPF_WAIT_P:
		return p_answer(s, a);
	case SPF_WAIT_P_HOST:
		return p_host_answer(s, a);
	case SPF_WAIT_NOTHING:
	case SPF_WAIT_RECORD:
	case SPF_WAIT_EXP:
	case SPF_WAIT_DONE:
		break;
	}
	CHECK(false);
	return SPF_MOVE_OVER;
}
