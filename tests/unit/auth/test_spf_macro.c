// SPDX-License-Identifier: MIT
/*
 * test_spf_macro.c - macro-strings: the examples of RFC 7208 7.4, what is none, and a slow twin at random
 */
#include <stdlib.h>

#include "dataplane/auth/spf_macro.h"
#include "tests/tap.h"

static struct spf_macro_values values(const char *ip)
{
	struct spf_macro_values v = { .local = SPAN("strong-bad"),
				      .sender_domain = SPAN("email.example.com"),
				      .domain = SPAN("email.example.com"),
				      .helo = SPAN("mx.example.org"),
				      .receiver = SPAN("mx.test"),
				      .now_unix = 1700000000 };

	ok(ip_addr_parse(span_str(ip), &v.ip), "the client is %s", ip);
	return v;
}

static const struct {
	const char *string, *ip, *expanded;
} examples[] = {
	/* RFC 7208 7.4 */
	{ "%{s}", "192.0.2.3", "strong-bad@email.example.com" },
	{ "%{o}", "192.0.2.3", "email.example.com" },
	{ "%{d}", "192.0.2.3", "email.example.com" },
	{ "%{d4}", "192.0.2.3", "email.example.com" },
	{ "%{d3}", "192.0.2.3", "email.example.com" },
	{ "%{d2}", "192.0.2.3", "example.com" },
	{ "%{d1}", "192.0.2.3", "com" },
	{ "%{dr}", "192.0.2.3", "com.example.email" },
	{ "%{d2r}", "192.0.2.3", "example.email" },
	{ "%{l}", "192.0.2.3", "strong-bad" },
	{ "%{l-}", "192.0.2.3", "strong.bad" },
	{ "%{lr}", "192.0.2.3", "strong-bad" },
	{ "%{lr-}", "192.0.2.3", "bad.strong" },
	{ "%{l1r-}", "192.0.2.3", "strong" },
	{ "%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "3.2.0.192.in-addr._spf.example.com" },
	{ "%{lr-}.lp._spf.%{d2}", "192.0.2.3", "bad.strong.lp._spf.example.com" },
	{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "192.0.2.3", "3.2.0.192.in-addr.strong.lp._spf.example.com" },
	{ "%{d2}.trusted-domains.example.net", "192.0.2.3", "example.com.trusted-domains.example.net" },
	{ "%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01",
	  "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com" },
	/* and more */
	{ "%%%_%-", "192.0.2.3", "% %20" },
	{ "%%{d}%%%{d1}%%", "192.0.2.3", "%{d}%com%" },
	{ "a{b}c-_}", "192.0.2.3", "a{b}c-_}" },
	{ "%{L}%{S}", "192.0.2.3", "strong-badstrong-bad%40email.example.com" },
	{ "%{h}/%{c}/%{r}/%{t}/%{p}", "192.0.2.3", "mx.example.org/192.0.2.3/mx.test/1700000000/unknown" },
	{ "%{c}", "2001:DB8::CB01", "2001:db8::cb01" },
	{ "%{s999999999999999999999}", "192.0.2.3", "strong-bad@email.example.com" },
	{ "%{S1-@}", "192.0.2.3", NULL },
	{ "%{o1r.-+,/_=}", "192.0.2.3", "email" },
	{ "%{D01R}", "192.0.2.3", "email" },
	{ "two words", "192.0.2.3", "two words" },
};

static void check_examples(void)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct spf_macro_values v = values(examples[i].ip);
		struct span s = span_str(examples[i].string);
		char octets[1024];
		struct text out;

		bool good = spf_macro_check(s, SPF_MACRO_EXPLANATION, NULL);
		ok(good == (examples[i].expanded != NULL), "%s is %s", examples[i].string,
		   examples[i].expanded ? "a macro-string" : "none");
		if (!good)
			continue;
		text_init(&out, octets, sizeof(octets));
		spf_macro_text(&v, s, &out);
		is_span(text_span(&out), span_str(examples[i].expanded), "%s is expanded", examples[i].string);
	}
}

static const struct {
	const char *spec;
	bool good;
} domain_specs[] = {
	{ "example.org", true }, { "example.org.", true }, { "example.org..", false },
	{ "org", false },        { "org.", false },        { ".org", true },
	{ "", false },           { ".", false },           { "%{d}", true },
	{ "x.%{d}", true },      { "%{d}x", false },       { "%{d}.x", true },
	{ "%{d}.", false },      { "%%", true },           { "%-", true },
	{ "a-", false },         { "x.a-", false },        { "x.-a", false },
	{ "x.a-b", true },       { "x.1", false },         { "x.1a", true },
	{ "x.1-1", true },       { "x.a_b", false },       { "x_y.ab", true },
	{ "%", false },          { "%{", false },          { "%{d", false },
	{ "%{}", false },        { "%{a}", false },        { "%{d0}", false },
	{ "%{d00}", false },     { "%{dr1}", false },      { "%{drr}", false },
	{ "%{d;}", false },      { "%{d }", false },       { "x y.org", false },
	{ "x\ty.org", false },   { "x\x80.org", false },   { "x\x7f.org", false },
	{ "%x.org", false },     { "a:b/c.org", true },    { "a.org:80", false },
	{ "%{c}", false },       { "%{T}", false },        { "%{p2}.x.org", true },
	{ "%{d.}com", false },   { "x.%{d-}com", false },  { "x.%%{d}", false },
	{ "%{l}\n.org", false },
};

static void check_domain_specs(void)
{
	for (size_t i = 0; i < sizeof(domain_specs) / sizeof(domain_specs[0]); i++)
		ok(spf_domain_spec_check(span_str(domain_specs[i].spec), NULL) == domain_specs[i].good,
		   "'%s' is %s domain-spec", domain_specs[i].spec, domain_specs[i].good ? "a" : "no");
}

static uint64_t seed = 88172645463325252u;

static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

/* The twin: expand all of it, then cut at the left, as RFC 7208 7.3 tells it. */
static size_t slow_domain(const struct spf_macro_values *v, struct span spec, uint8_t *name)
{
	static char octets[1 << 20];
	struct text out;

	text_init(&out, octets, sizeof(octets));
	spf_macro_text(v, spec, &out);
	struct span s = text_span(&out);
	if (s.len && s.at[s.len - 1] == '.')
		s.len--;
	while (s.len > DNS_NAME_MAX) {
		size_t dot = span_find(s, '.');
		s = dot == SPAN_NONE ? span_head(s, 0) : span_skip(s, dot + 1);
	}
	memcpy(name, s.at, s.len);
	return s.len;
}

/* Another twin: a macro, split into an array of strings. */
static void slow_macro(struct span value, unsigned n_parts, bool reverse, const char *delimiters, struct text *out)
{
	static char part[600][600];
	unsigned n = 0, len = 0;

	memset(part, 0, sizeof(part));
	for (size_t i = 0; i < value.len; i++) {
		if (strchr(*delimiters ? delimiters : ".", value.at[i])) {
			n++;
			len = 0;
		} else {
			part[n][len++] = (char)value.at[i];
		}
	}
	n++;
	for (unsigned i = 0; reverse && i < n / 2; i++) {
		char swap[600];
		memcpy(swap, part[i], 600);
		memcpy(part[i], part[n - 1 - i], 600);
		memcpy(part[n - 1 - i], swap, 600);
	}
	for (unsigned i = n_parts && n_parts < n ? n - n_parts : 0; i < n; i++) {
		text_puts(out, part[i]);
		if (i + 1 < n)
			text_putc(out, '.');
	}
}

static struct span random_value(char *octets, size_t least, size_t cap)
{
	size_t n = least + random_below((unsigned)(cap - least + 1));

	for (size_t i = 0; i < n; i++)
		octets[i] = "abc..-_=+,/xyz"[random_below(14)];
	return span_of(octets, n);
}

static void random_string(struct text *out, unsigned n_tokens)
{
	for (unsigned i = 0; i < n_tokens; i++) {
		switch (random_below(4)) {
		case 0:
			text_putc(out, (uint8_t) "ab.-_{}=rsd0"[random_below(12)]);
			break;
		case 1:
			text_puts(out, random_below(2) ? "%%" : random_below(2) ? "%_" : "%-");
			break;
		default:
			text_puts(out, "%{");
			text_putc(out, (uint8_t) "slodiphvSLODIPHV"[random_below(16)]);
			if (random_below(2))
				text_dec(out, 1 + random_below(random_below(2) ? 3 : 200));
			text_puts(out, random_below(2) ? "r" : "");
			for (unsigned d = random_below(3); d; d--)
				text_putc(out, (uint8_t) ".-+,/_="[random_below(7)]);
			text_puts(out, "}");
		}
	}
}

static void check_at_random(void)
{
	unsigned n_bad = 0, n_long = 0;
	char local[SPF_LOCAL_MAX], helo[SPF_HELO_MAX], domain[DNS_NAME_MAX], spec[8192];

	for (unsigned i = 0; i < 30000; i++) {
		struct spf_macro_values v = { .ip = { .family = IP_V4, .bytes = { 192, 0, 2, 1 } } };
		uint8_t fast[DNS_NAME_MAX], slow[DNS_NAME_MAX];
		struct text s;

		if (random_below(2))
			v.ip.family = IP_V6;
		v.local = random_value(local, 1, random_below(2) ? 10 : SPF_LOCAL_MAX);
		v.helo = random_value(helo, 0, random_below(2) ? 10 : SPF_HELO_MAX);
		v.domain = v.sender_domain = random_value(domain, 1, random_below(2) ? 10 : DNS_NAME_MAX);
		text_init(&s, spec, sizeof(spec));
		random_string(&s, random_below(random_below(2) ? 8 : 60));
		n_bad += !spf_macro_check(text_span(&s), SPF_MACRO_DOMAIN, NULL);
		size_t n_fast = spf_macro_domain(&v, text_span(&s), fast);
		size_t n_slow = slow_domain(&v, text_span(&s), slow);
		n_long += n_slow > 200;
		if (!span_eq(span_of(fast, n_fast), span_of(slow, n_slow)) && n_bad++ < 3)
			printf("# %s\n# fast %.*s\n# slow %.*s\n", spec, (int)n_fast, (char *)fast, (int)n_slow,
			       (char *)slow);
	}
	ok(n_bad == 0 && n_long > 1000, "a name is expanded from its end as from its beginning, 30000 at random");
}

static void check_macros_at_random(void)
{
	unsigned n_bad = 0;
	char local[SPF_LOCAL_MAX], spec[64], a[1024], b[1024];

	for (unsigned i = 0; i < 20000; i++) {
		struct spf_macro_values v = { .ip = { .family = IP_V4 } };
		unsigned n_parts = random_below(2) ? 1 + random_below(5) : 0;
		bool reverse = random_below(2);
		const char *delimiters = ((const char *[]){ "", ".", "-", "+,", "=_/", ".-" })[random_below(6)];
		struct text fast, slow;

		v.local = random_value(local, 1, 60);
		snprintf(spec, sizeof(spec), n_parts ? "%%{l%u%s%s}" : "%%{l%.0u%s%s}", n_parts, reverse ? "r" : "",
			 delimiters);
		text_init(&fast, a, sizeof(a));
		text_init(&slow, b, sizeof(b));
		spf_macro_text(&v, span_str(spec), &fast);
		if (n_parts || reverse || *delimiters)
			slow_macro(v.local, n_parts, reverse, delimiters, &slow);
		else
			text_put(&slow, v.local);
		if (!span_eq(text_span(&fast), text_span(&slow)) && n_bad++ < 3)
			printf("# %s of %.*s: fast %s, slow %s\n", spec, (int)v.local.len, local, a, b);
	}
	ok(n_bad == 0, "transformers and delimiters agree with a slow twin, 20000 at random");
}

static void check_bombs(void)
{
	static char spec[16384];
	struct spf_macro_values v = values("192.0.2.3");
	uint8_t name[DNS_NAME_MAX];
	struct text s;

	text_init(&s, spec, sizeof(spec));
	for (int i = 0; i < 1000; i++)
		text_puts(&s, "%{d}.");
	text_puts(&s, "org");
	size_t n = spf_macro_domain(&v, text_span(&s), name);
	ok(n <= DNS_NAME_MAX && n > 200 && span_ends_nocase(span_of(name, n), SPAN("email.example.com.org")),
	   "a thousand macros fill one name");
	v.helo = SPAN("x");
	text_reset(&s);
	for (int i = 0; i < 300; i++)
		text_puts(&s, "%{h}");
	ok(spf_macro_domain(&v, text_span(&s), name) == 0, "nothing is left of a label above 253 octets");
	v.local = SPAN("\x80\xff~+");
	text_reset(&s);
	spf_macro_text(&v, SPAN("%{L}"), &s);
	is_span(text_span(&s), SPAN("%80%FF~%2B"), "an octet above 0x7f is escaped by two digits");
}

int main(void)
{
	check_examples();
	check_domain_specs();
	check_at_random();
	check_macros_at_random();
	check_bombs();
	return done();
}
