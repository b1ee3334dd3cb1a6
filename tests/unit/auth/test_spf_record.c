// SPDX-License-Identifier: MIT
/*
 * test_spf_record.c - SPF records: which is one, what its terms are, and what is an error anywhere in it
 */
#include "dataplane/auth/spf_record.h"
#include "tests/tap.h"

static struct spf_arena arena;

static const struct {
	const char *record;
	int n; /* mechanisms; -1: not a record */
} records[] = {
	{ "v=spf1", 0 },
	{ "v=spf1 ", 0 },
	{ "v=spf1   a    mx  ", 2 },
	{ "v=spf1 all", 1 },
	{ "v=spf1 +a -mx ~ptr ?all", 4 },
	{ "v=spf1 +-all", -1 },
	{ "v=spf1 -", -1 },
	{ "v=spf1 all:", -1 },
	{ "v=spf1 all/8", -1 },
	{ "v=spf1 all.", -1 },
	{ "v=spf1 foo", -1 },
	{ "v=spf1 \tall", -1 },
	{ "v=spf1 include", -1 },
	{ "v=spf1 include:", -1 },
	{ "v=spf1 include:a.org/24", -1 },
	{ "v=spf1 include:a.org", 1 },
	{ "v=spf1 a:", -1 },
	{ "v=spf1 a/", -1 },
	{ "v=spf1 a/24", 1 },
	{ "v=spf1 a//64", 1 },
	{ "v=spf1 a/24//64", 1 },
	{ "v=spf1 a/0//0", 1 },
	{ "v=spf1 a/24/64", -1 },
	{ "v=spf1 a//64/24", -1 },
	{ "v=spf1 a///64", -1 },
	{ "v=spf1 a/33", -1 },
	{ "v=spf1 a//129", -1 },
	{ "v=spf1 a/024", -1 },
	{ "v=spf1 a/00", -1 },
	{ "v=spf1 a//0128", -1 },
	{ "v=spf1 a/99999999999999999999", -1 },
	{ "v=spf1 a:/24", -1 },
	{ "v=spf1 a:x/y.org/24", 1 },
	{ "v=spf1 a:%{d}/24//64", 1 },
	{ "v=spf1 a:x.org:8080", -1 },
	{ "v=spf1 a:192.0.2.1", -1 },
	{ "v=spf1 a=b", 0 },
	{ "v=spf1 a.b", -1 },
	{ "v=spf1 mx:x.org//64", 1 },
	{ "v=spf1 ptr", 1 },
	{ "v=spf1 ptr:x.org", 1 },
	{ "v=spf1 ptr:", -1 },
	{ "v=spf1 ptr/24", -1 },
	{ "v=spf1 exists:%{i}.x.org", 1 },
	{ "v=spf1 exists:%{i}.x.org/24", -1 },
	{ "v=spf1 exists", -1 },
	{ "v=spf1 ip4", -1 },
	{ "v=spf1 ip4:", -1 },
	{ "v=spf1 ip4:192.0.2.1", 1 },
	{ "v=spf1 ip4:192.0.2.1/32", 1 },
	{ "v=spf1 ip4:192.0.2.1/", -1 },
	{ "v=spf1 ip4:192.0.2.1//32", -1 },
	{ "v=spf1 ip4:192.0.2", -1 },
	{ "v=spf1 ip4:192.0.2.256", -1 },
	{ "v=spf1 ip4:192.0.2.01", -1 },
	{ "v=spf1 ip4:192.0.2.1:25", -1 },
	{ "v=spf1 ip4:2001:db8::1", -1 },
	{ "v=spf1 ip4/24", -1 },
	{ "v=spf1 ip6:2001:db8::/32", 1 },
	{ "v=spf1 ip6:::ffff:192.0.2.1", 1 },
	{ "v=spf1 ip6:::/0", 1 },
	{ "v=spf1 ip6:2001:db8::/129", -1 },
	{ "v=spf1 ip6:2001:db8::/064", -1 },
	{ "v=spf1 ip6:192.0.2.1", -1 },
	{ "v=spf1 ip6:fe80::1%eth0", -1 },
	{ "v=spf1 redirect=x.org", 0 },
	{ "v=spf1 redirect=", -1 },
	{ "v=spf1 redirect:x.org", -1 },
	{ "v=spf1 -redirect=x.org", -1 },
	{ "v=spf1 redirect=x.org redirect=x.org", -1 },
	{ "v=spf1 redirect=x.org/24", -1 },
	{ "v=spf1 exp=x.org EXP=y.org", -1 },
	{ "v=spf1 exp=x.org redirect=y.org a", 1 },
	{ "v=spf1 exp=", -1 },
	{ "v=spf1 unknown=", 0 },
	{ "v=spf1 u-n_k.1=x:y/z", 0 },
	{ "v=spf1 1up=x", -1 },
	{ "v=spf1 =x", -1 },
	{ "v=spf1 unknown=%{q}", -1 },
	{ "v=spf1 unknown=%", -1 },
	{ "v=spf1 unknown=%{c}", 0 },
	{ "v=spf1 unknown=1 unknown=2", 0 },
	{ "v=spf1 ip4=192.0.2.1", 0 },
	{ "v=spf1 all a:\xc3\xbc.org", -1 },
	{ "v=spf1 all \x7f", -1 },
};

static void check_records(void)
{
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct spf_record r;
		const char *wrong;

		arena.n_octets = 17; /* as if another record lay below */
		arena.n_terms = 3;
		wrong = spf_record_compile(&arena, span_str(records[i].record), &r);
		if (records[i].n < 0)
			ok(wrong && arena.n_octets == 17 && arena.n_terms == 3, "'%s' is an error, and leaves nothing",
			   records[i].record);
		else
			ok(!wrong && r.first == 3 && r.n == records[i].n, "'%s' has %d mechanisms (%s)",
			   records[i].record, records[i].n, wrong ? wrong : "good");
	}
}

static void check_terms(void)
{
	static const uint8_t network[] = { 192, 0, 2, 0 };
	struct spf_record r;

	arena.n_octets = arena.n_terms = 0;
	ok(!spf_record_compile(&arena,
			       SPAN("v=spf1 ~A:x.%{p}.org/24//64 -ip4:192.0.2.0/24 exp=%{S}.org redirect=y.org"), &r),
	   "a record of everything is good");
	const struct spf_term *t = &arena.terms[0];
	is_span(spf_term_text(&arena, t), SPAN("~A:x.%{p}.org/24//64"), "a term keeps its text");
	is_span(spf_term_arg(&arena, t), SPAN("x.%{p}.org"), "and its domain-spec without the prefix lengths");
	ok(t->kind == SPF_A && t->qualifier == '~' && t->cidr4 == 24 && t->cidr6 == 64 && t->uses_p && !t->uses_local,
	   "and what else it says");
	t = &arena.terms[1];
	ok(t->kind == SPF_IP4 && t->qualifier == '-' && t->cidr4 == 24, "ip4 keeps its prefix length");
	is_span(spf_term_arg(&arena, t), span_of(network, 4), "and its address in network order");
	ok(r.has_exp && r.exp.uses_local && r.has_redirect && !r.redirect.uses_local, "modifiers stand apart");
}

static void check_room(void)
{
	static char text[SPF_OCTETS_MAX + 8];
	struct spf_record r;
	struct text s;

	text_init(&s, text, sizeof(text));
	text_puts(&s, "v=spf1");
	for (int i = 0; i < SPF_TERMS_MAX; i++)
		text_puts(&s, " a");
	arena.n_octets = arena.n_terms = 0;
	ok(!spf_record_compile(&arena, text_span(&s), &r) && r.n == SPF_TERMS_MAX,
	   "as many terms as there is room for");
	arena.n_octets = arena.n_terms = 0;
	text_puts(&s, " a");
	ok(spf_record_compile(&arena, text_span(&s), &r) && arena.n_terms == 0, "one more is refused as too large");
	text_reset(&s);
	text_puts(&s, "v=spf1 x=");
	while (s.len < SPF_OCTETS_MAX)
		text_putc(&s, 'x');
	ok(!spf_record_compile(&arena, text_span(&s), &r), "a record that fills the arena is good");
	arena.n_octets = 0;
	text_putc(&s, 'x');
	ok(spf_record_compile(&arena, text_span(&s), &r) && arena.n_octets == 0, "one octet more is refused");
	text_reset(&s);
	text_puts(&s, "v=spf1 ip4:192.0.2.1 x=");
	while (s.len < SPF_OCTETS_MAX - 3)
		text_putc(&s, 'x');
	ok(spf_record_compile(&arena, text_span(&s), &r) && arena.n_octets == 0, "an address needs room, too");
}

static unsigned select_of(const char *const *txt, struct span *record)
{
	static uint8_t octets[4096];
	struct dns_answer *a = dns_answer_init(octets, sizeof(octets), DNS_NODATA, 60);

	for (; *txt; txt++)
		if (!dns_answer_add(a, sizeof(octets), span_str(*txt)))
			return 99;
	return spf_record_select(a, record);
}

static void check_select(void)
{
	struct span record = SPAN("");

	ok(select_of((const char *[]){ "v=spf", "v=spf1a", "v=spf10", " v=spf1", "", "v=spf1\tall", NULL }, &record) ==
		   0,
	   "what only looks like a record is none");
	ok(select_of((const char *[]){ "x", "V=Spf1", NULL }, &record) == 1,
	   "the bare version is a record, in any case");
	is_span(record, SPAN("V=Spf1"), "and it is the one found");
	ok(select_of((const char *[]){ "v=spf1 a", "v=spf1", "v=spf1 b", NULL }, &record) == 2, "several are several");
}

int main(void)
{
	check_records();
	check_terms();
	check_room();
	check_select();
	return done();
}
