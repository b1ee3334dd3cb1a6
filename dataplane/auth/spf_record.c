// SPDX-License-Identifier: MIT
/*
 * spf_record.c - SPF records: chosen from a TXT answer, checked whole, kept as small terms
 *
 * The grammar is RFC 7208 12.  Mechanisms and modifiers are told apart by what follows the name: "=" makes a
 * modifier.  Names are compared without case, as ABNF has it.
 */
#include "dataplane/auth/spf_record.h"

#include "dataplane/auth/spf_macro.h"

/* What may follow the name of a mechanism. */
enum spf_argument { ARG_NONE, ARG_DOMAIN, ARG_DOMAIN_MAYBE, ARG_DOMAIN_CIDR, ARG_NETWORK };

static const struct {
	const char *name;
	uint8_t kind;
	uint8_t argument;
} mechanisms[] = {
	{ "all", SPF_ALL, ARG_NONE },      { "include", SPF_INCLUDE, ARG_DOMAIN }, { "a", SPF_A, ARG_DOMAIN_CIDR },
	{ "mx", SPF_MX, ARG_DOMAIN_CIDR }, { "ptr", SPF_PTR, ARG_DOMAIN_MAYBE },   { "ip4", SPF_IP4, ARG_NETWORK },
	{ "ip6", SPF_IP6, ARG_NETWORK },   { "exists", SPF_EXISTS, ARG_DOMAIN },
};
#define N_MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static const char too_large[] = "the SPF records under way are too large";
static const char bad_domain[] = "the SPF record has a domain-spec that is none";
static const char bad_cidr[] = "the SPF record has a bad prefix length";

unsigned spf_record_select(const struct dns_answer *answer, struct span *record)
{
	uint32_t cursor = 0;
	struct span txt;
	unsigned n = 0;

	while (n < 2 && dns_answer_next(answer, &cursor, &txt)) {
		/* RFC 7208 4.5: the version section ends with a SP or with the record */
		if (!span_starts_nocase(txt, SPAN("v=spf1")) || (txt.len > 6 && txt.at[6] != ' '))
			continue;
		if (n++ == 0)
			*record = txt;
	}
	return n;
}

/* Octets of a name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) at the start of @s. */
static size_t name_len(struct span s)
{
	size_t n = 0;

	if (s.len == 0 || !byte_is_alpha(s.at[0]))
		return 0;
	while (n < s.len && (byte_is_alnum(s.at[n]) || s.at[n] == '-' || s.at[n] == '_' || s.at[n] == '.'))
		n++;
	return n;
}

/* "0" or digits that do not begin with it, at most @max (RFC 7208 12). */
static bool parse_cidr(struct span digits, unsigned max, uint8_t *bits)
{
	uint64_t v;

	if ((digits.len > 1 && digits.at[0] == '0') || !span_decimal(digits, max, &v))
		return false;
	*bits = (uint8_t)v;
	return true;
}

/* Takes @slashes and the digits after them from the end of @s; @digits is empty when they do not stand there. */
static void take_digits(struct span *s, struct span slashes, struct span *digits)
{
	size_t i = s->len;

	*digits = span_head(*s, 0);
	while (i > 0 && byte_is_digit(s->at[i - 1]))
		i--;
	if (i == s->len || i < slashes.len || !span_eq(span_part(*s, i - slashes.len, i), slashes))
		return;
	*digits = span_skip(*s, i);
	s->len = i - slashes.len;
}

/* dual-cidr-length: [ "/" bits ] [ "//" bits ], taken from the end of @s. */
static bool take_dual_cidr(struct span *s, struct spf_term *t)
{
	struct span digits4, digits6;

	take_digits(s, SPAN("//"), &digits6);
	take_digits(s, SPAN("/"), &digits4);
	t->cidr4 = 32;
	t->cidr6 = 128;
	return (digits6.len == 0 || parse_cidr(digits6, 128, &t->cidr6)) &&
	       (digits4.len == 0 || parse_cidr(digits4, 32, &t->cidr4));
}

static const char *set_domain(struct spf_arena *arena, struct spf_term *t, struct span spec)
{
	uint32_t letters;

	if (!spf_domain_spec_check(spec, &letters))
		return bad_domain;
	t->arg = (uint16_t)(spec.at - arena->octets);
	t->arg_len = (uint16_t)spec.len;
	t->uses_p = spf_macro_has(letters, 'p');
	t->uses_local = spf_macro_has(letters, 's') || spf_macro_has(letters, 'l');
	return NULL;
}

/* The address goes into the arena in network order, so that it is read once. */
static const char *set_network(struct spf_arena *arena, struct spf_term *t, struct span network)
{
	size_t slash = span_find(network, '/');
	unsigned family = t->kind == SPF_IP4 ? IP_V4 : IP_V6;
	uint8_t *bits = t->kind == SPF_IP4 ? &t->cidr4 : &t->cidr6;
	struct ip_addr addr;

	*bits = family == IP_V4 ? 32 : 128;
	if (slash != SPAN_NONE) {
		if (!parse_cidr(span_skip(network, slash + 1), *bits, bits))
			return bad_cidr;
		network = span_head(network, slash);
	}
	if (!ip_addr_parse(network, &addr) || addr.family != family)
		return "the SPF record has an ip4 or ip6 without an address of that kind";
	size_t len = ip_addr_len(&addr);
	if ((size_t)(SPF_OCTETS_MAX - arena->n_octets) < len)
		return too_large;
	memcpy(arena->octets + arena->n_octets, addr.bytes, len);
	t->arg = arena->n_octets;
	t->arg_len = (uint16_t)len;
	arena->n_octets = (uint16_t)(arena->n_octets + len);
	return NULL;
}

/* @rest: what follows the mechanism's name */
static const char *set_argument(struct spf_arena *arena, struct spf_term *t, uint8_t argument, struct span rest)
{
	bool colon;

	if (argument == ARG_DOMAIN_CIDR && !take_dual_cidr(&rest, t))
		return bad_cidr;
	colon = rest.len && rest.at[0] == ':';
	if (rest.len && (!colon || argument == ARG_NONE))
		return "the SPF record has a mechanism with something after it that does not belong to it";
	if (!colon)
		return argument == ARG_DOMAIN || argument == ARG_NETWORK
			       ? "the SPF record has a mechanism without its argument"
			       : NULL;
	rest = span_skip(rest, 1);
	return argument == ARG_NETWORK ? set_network(arena, t, rest) : set_domain(arena, t, rest);
}

static const char *compile_directive(struct spf_arena *arena, struct spf_record *out, struct spf_term t, struct span s)
{
	t.qualifier = '+';
	if (s.at[0] == '+' || s.at[0] == '-' || s.at[0] == '?' || s.at[0] == '~') {
		t.qualifier = (char)s.at[0];
		s = span_skip(s, 1);
	}
	struct span name = span_head(s, name_len(s));
	for (size_t i = 0; i < N_MECHANISMS; i++) {
		if (!span_eq_nocase(name, span_str(mechanisms[i].name)))
			continue;
		t.kind = mechanisms[i].kind;
		const char *wrong = set_argument(arena, &t, mechanisms[i].argument, span_skip(s, name.len));
		if (wrong)
			return wrong;
		if (arena->n_terms == SPF_TERMS_MAX)
			return too_large;
		arena->terms[arena->n_terms++] = t;
		out->n++;
		return NULL;
	}
	return "the SPF record has an unknown mechanism";
}

static const char *compile_modifier(struct spf_arena *arena, struct spf_record *out, struct spf_term t,
				    struct span name, struct span value)
{
	bool redirect = span_eq_nocase(name, SPAN("redirect"));

	if (!redirect && !span_eq_nocase(name, SPAN("exp"))) /* unknown modifiers are ignored, but for their syntax */
		return spf_macro_check(value, SPF_MACRO_MODIFIER, NULL)
			       ? NULL
			       : "the SPF record has a modifier whose value is no macro-string";
	bool *has = redirect ? &out->has_redirect : &out->has_exp;
	if (*has) /* RFC 7208 6: they MUST NOT appear more than once */
		return "the SPF record has redirect= or exp= twice";
	t.kind = redirect ? SPF_REDIRECT : SPF_EXP;
	const char *wrong = set_domain(arena, &t, value);
	if (wrong)
		return wrong;
	*has = true;
	*(redirect ? &out->redirect : &out->exp) = t;
	return NULL;
}

static const char *compile_term(struct spf_arena *arena, struct spf_record *out, struct span s)
{
	struct spf_term t = { .at = (uint16_t)(s.at - arena->octets), .len = (uint16_t)s.len };
	size_t n = name_len(s);

	if (n && n < s.len && s.at[n] == '=')
		return compile_modifier(arena, out, t, span_head(s, n), span_skip(s, n + 1));
	return compile_directive(arena, out, t, s);
}

const char *spf_record_compile(struct spf_arena *arena, struct span record, struct spf_record *out)
{
	uint16_t n_octets = arena->n_octets, n_terms = arena->n_terms;
	const char *wrong = NULL;

	*out = (struct spf_record){ .first = n_terms };
	if (record.len > (size_t)(SPF_OCTETS_MAX - n_octets))
		return too_large;
	memcpy(arena->octets + n_octets, record.at, record.len);
	struct span rest = span_skip(span_of(arena->octets + n_octets, record.len), sizeof("v=spf1") - 1);
	arena->n_octets = (uint16_t)(n_octets + record.len);
	while (rest.at && !wrong) {
		struct span term = span_cut(&rest, ' ');

		if (term.len)
			wrong = compile_term(arena, out, term);
	}
	if (wrong) {
		arena->n_octets = n_octets;
		arena->n_terms = n_terms;
	}
	return wrong;
}
