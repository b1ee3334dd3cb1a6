// SPDX-License-Identifier: MIT
/*
 * spf_macro.c - macro-strings of SPF (RFC 7208 7): checked, then expanded
 *
 * A checked string is a row of tokens: one literal octet, or "%%", "%_", "%-", or "%{...}".  A name is expanded from
 * its last token on, because only its last 253 octets count (7.3): however many macros a hostile
 * record strings together, the work ends when the name is full.
 */
#include "dataplane/auth/spf_macro.h"

#define VALUE_MAX (SPF_LOCAL_MAX + 1 + DNS_NAME_MAX) /* the longest value: %{s} */
#define NAME_TOKENS_MAX 1024 /* tokens of a name that are looked at, for those that expand to nothing */

static const char hex_digit[] = "0123456789ABCDEF";

struct macro {
	uint8_t letter; /* lower case */
	bool escape;    /* it was upper case: URL-escape (7.3) */
	bool reverse;
	uint32_t n_parts;       /* 0: all */
	struct span delimiters; /* empty: the dot */
};

static bool is_delimiter(uint8_t c)
{
	return c == '.' || c == '-' || c == '+' || c == ',' || c == '/' || c == '_' || c == '=';
}

/* "%{" letter *DIGIT ["r"] *delimiter "}" at the start of @s; returns its length, 0 when it is none. */
static size_t parse_macro(struct span s, struct macro *m)
{
	size_t i = 3;
	bool limited = false;

	if (s.len < 4 || s.at[0] != '%' || s.at[1] != '{')
		return 0;
	*m = (struct macro){ .letter = byte_lower(s.at[2]), .escape = s.at[2] >= 'A' && s.at[2] <= 'Z' };
	if (span_find(SPAN("slodiphcrtv"), m->letter) == SPAN_NONE)
		return 0;
	for (; i < s.len && byte_is_digit(s.at[i]); i++) {
		limited = true;
		if (m->n_parts <= VALUE_MAX) /* more parts than a value can have are as good as all */
			m->n_parts = m->n_parts * 10 + (uint32_t)(s.at[i] - '0');
	}
	if (limited && m->n_parts == 0) /* RFC 7208 7.1: the number of parts MUST be nonzero */
		return 0;
	if (i < s.len && byte_lower(s.at[i]) == 'r') {
		m->reverse = true;
		i++;
	}
	size_t delimiters = i;
	while (i < s.len && is_delimiter(s.at[i]))
		i++;
	m->delimiters = span_part(s, delimiters, i);
	return i < s.len && s.at[i] == '}' ? i + 1 : 0;
}

/* Length of the token at the start of @s, which is not empty; 0 when it is none.  @letter: 0 unless it is a macro. */
static size_t first_token(struct span s, bool spaces, uint8_t *letter)
{
	uint8_t c = s.at[0];
	struct macro m;

	*letter = 0;
	if (c == ' ')
		return spaces ? 1 : 0;
	if (c != '%')
		return c > ' ' && c < 0x7f ? 1 : 0; /* macro-literal: %x21-24 / %x26-7E */
	if (s.len >= 2 && (s.at[1] == '%' || s.at[1] == '_' || s.at[1] == '-'))
		return 2;
	size_t len = parse_macro(s, &m);
	if (len)
		*letter = m.letter;
	return len;
}

bool spf_macro_check(struct span s, enum spf_macro_use use, uint32_t *letters)
{
	uint32_t seen = 0;

	while (s.len) {
		uint8_t letter;
		size_t len = first_token(s, use == SPF_MACRO_EXPLANATION, &letter);

		if (len == 0)
			return false;
		/* RFC 7208 7.2: "c", "r" and "t" are allowed only in "exp" text */
		if (use == SPF_MACRO_DOMAIN && (letter == 'c' || letter == 'r' || letter == 't'))
			return false;
		if (letter)
			seen |= (uint32_t)1 << (letter - 'a');
		s = span_skip(s, len);
	}
	if (letters)
		*letters = seen;
	return true;
}

/* Whether an odd number of percent signs stands at the end: then the last one belongs to what follows. */
static bool ends_in_open_percent(struct span s)
{
	size_t n = 0;

	while (n < s.len && s.at[s.len - 1 - n] == '%')
		n++;
	return n % 2 == 1;
}

/* Length of the last token of a checked string, which is not empty. */
static size_t last_token(struct span s)
{
	size_t i = s.len - 1;

	if (s.at[i] == '%')
		return 2;
	if (s.at[i] == '_' || s.at[i] == '-')
		return ends_in_open_percent(span_head(s, i)) ? 2 : 1;
	if (s.at[i] != '}')
		return 1;
	while (i > 0 && s.at[i - 1] != '{' && s.at[i - 1] != '}' && s.at[i - 1] != '%')
		i--;
	if (i > 0 && s.at[i - 1] == '{' && ends_in_open_percent(span_head(s, i - 1)))
		return s.len - (i - 2);
	return 1;
}

/* toplabel: letters, digits and inner hyphens, not digits alone (RFC 7208 7.1). */
static bool is_top_label(struct span s)
{
	bool digits_only = true;

	if (s.len == 0 || s.at[0] == '-' || s.at[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!byte_is_alnum(s.at[i]) && s.at[i] != '-')
			return false;
		if (!byte_is_digit(s.at[i]))
			digits_only = false;
	}
	return !digits_only;
}

bool spf_domain_spec_check(struct span s, uint32_t *letters)
{
	if (s.len == 0 || !spf_macro_check(s, SPF_MACRO_DOMAIN, letters))
		return false;
	if (last_token(s) > 1)
		return true;
	if (s.at[s.len - 1] == '.')
		s.len--;
	size_t dot = span_find_last(s, '.');
	return dot != SPAN_NONE && is_top_label(span_skip(s, dot + 1));
}

/* RFC 7208 7.3: IPv4 as it is written; IPv6 as dotted nibbles, in upper case as explanations have always shown them. */
static void put_address(const struct ip_addr *ip, struct text *out)
{
	if (ip->family != IP_V6) {
		ip_addr_text(ip, out);
		return;
	}
	for (size_t i = 0; i < 32; i++) {
		uint8_t nibble = i % 2 ? ip->bytes[i / 2] & 15 : ip->bytes[i / 2] >> 4;

		if (i)
			text_putc(out, '.');
		text_putc(out, (uint8_t)hex_digit[nibble]);
	}
}

static void put_value(const struct spf_macro_values *v, uint8_t letter, struct text *out)
{
	switch (letter) {
	case 's':
		text_put(out, v->local);
		text_putc(out, '@');
		text_put(out, v->sender_domain);
		return;
	case 'l':
		text_put(out, v->local);
		return;
	case 'o':
		text_put(out, v->sender_domain);
		return;
	case 'd':
		text_put(out, v->domain);
		return;
	case 'i':
		put_address(&v->ip, out);
		return;
	case 'p':
		text_put(out, v->validated.len ? v->validated : SPAN("unknown"));
		return;
	case 'v':
		text_put(out, v->ip.family == IP_V6 ? SPAN("ip6") : SPAN("in-addr"));
		return;
	case 'h':
		text_put(out, v->helo.len && v->helo.len <= SPF_HELO_MAX ? v->helo : SPAN("unknown"));
		return;
	case 'c':
		ip_addr_text(&v->ip, out);
		return;
	case 'r':
		text_put(out, v->receiver.len && v->receiver.len <= DNS_NAME_MAX ? v->receiver : SPAN("unknown"));
		return;
	case 't':
		text_dec(out, v->now_unix);
		return;
	}
}

/* RFC 7208 7.3: "uppercase macros [...] are URL escaped", all but the unreserved octets of RFC 3986 2.3. */
static void put_part(struct span part, bool escape, struct text *out)
{
	if (!escape) {
		text_put(out, part);
		return;
	}
	for (size_t i = 0; i < part.len; i++) {
		uint8_t c = part.at[i];

		if (byte_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
			text_putc(out, c);
		} else {
			text_putc(out, '%');
			text_putc(out, (uint8_t)hex_digit[c >> 4]);
			text_putc(out, (uint8_t)hex_digit[c & 15]);
		}
	}
}

/* Split at the delimiters, reverse, keep the right-hand parts, join with dots (RFC 7208 7.3). */
static void put_macro(const struct spf_macro_values *v, const struct macro *m, struct text *out)
{
	struct span delimiters = m->delimiters.len ? m->delimiters : SPAN(".");
	char octets[VALUE_MAX + 1];
	uint16_t starts[VALUE_MAX + 2]; /* starts[i + 1] - 1 is where part i ends */
	size_t n = 0;
	struct text value;

	text_init(&value, octets, sizeof(octets));
	put_value(v, m->letter, &value);
	struct span whole = text_span(&value);
	if (!m->reverse && m->n_parts == 0 && m->delimiters.len == 0) {
		put_part(whole, m->escape, out);
		return;
	}
	starts[n++] = 0;
	for (size_t i = 0; i < whole.len; i++)
		if (span_find(delimiters, whole.at[i]) != SPAN_NONE)
			starts[n++] = (uint16_t)(i + 1);
	starts[n] = (uint16_t)(whole.len + 1);
	size_t keep = m->n_parts && m->n_parts < n ? m->n_parts : n;
	for (size_t k = 0; k < keep; k++) {
		size_t i = m->reverse ? keep - 1 - k : n - keep + k;

		if (k)
			text_putc(out, '.');
		put_part(span_part(whole, starts[i], (size_t)starts[i + 1] - 1), m->escape, out);
	}
}

static void put_token(const struct spf_macro_values *v, struct span token, struct text *out)
{
	struct macro m;

	if (token.len == 1)
		text_put(out, token);
	else if (token.at[1] == '%')
		text_puts(out, "%");
	else if (token.at[1] == '_')
		text_puts(out, " ");
	else if (token.at[1] == '-')
		text_puts(out, "%20");
	else if (parse_macro(token, &m))
		put_macro(v, &m, out);
}

/* Drops labels of a name of more than DNS_NAME_MAX octets; nothing is left of a label that is longer. */
static struct span drop_labels(struct span name)
{
	while (name.len > DNS_NAME_MAX) {
		size_t dot = span_find(name, '.');

		if (dot == SPAN_NONE)
			return span_head(name, 0);
		name = span_skip(name, dot + 1);
	}
	return name;
}

size_t spf_macro_domain(const struct spf_macro_values *v, struct span spec, uint8_t name[DNS_NAME_MAX])
{
	/* The last octets of the expansion: a name, its final dot, and the octet before, to see whether a label begins. */
	uint8_t tail[DNS_NAME_MAX + 2];
	size_t at = sizeof(tail);
	char piece_octets[SPF_MACRO_MAX + 1];
	struct text piece;

	for (unsigned i = 0; spec.len && at > 0 && i < NAME_TOKENS_MAX; i++) {
		size_t len = last_token(spec);

		text_init(&piece, piece_octets, sizeof(piece_octets));
		put_token(v, span_skip(spec, spec.len - len), &piece);
		spec.len -= len;
		struct span p = text_span(&piece);
		if (p.len > at)
			p = span_skip(p, p.len - at);
		at -= p.len;
		memcpy(tail + at, p.at, p.len);
	}
	struct span whole = span_of(tail + at, sizeof(tail) - at);
	if (whole.len && whole.at[whole.len - 1] == '.')
		whole.len--;
	whole = drop_labels(whole);
	memcpy(name, whole.at, whole.len);
	return whole.len;
}

void spf_macro_text(const struct spf_macro_values *v, struct span string, struct text *out)
{
	while (string.len && !out->full) {
		uint8_t letter;
		size_t len = first_token(string, true, &letter);

		if (len == 0)
			return;
		put_token(v, span_head(string, len), out);
		string = span_skip(string, len);
	}
}
