// SPDX-License-Identifier: MIT
/*
 * test_spf_program.c - a compiled record says what its evaluation says
 *
 * The twin is spf.c itself without memory: over random zones, every client gets the same result, counts, mechanism
 * and reason, whether a record is met for the first time, compiled, or half compiled since answers were missing.
 */
#include "tests/unit/auth/spf_check.h"
#include "tests/unit/auth/spf_memory.h"

static struct spf_memory memory;

static void forget(struct dns_zone *z, unsigned hidden, uint64_t seed)
{
	for (size_t i = 0; i < MEMORY_BLOCKS; i++)
		memory.blocks[i].end_us = 0;
	memory.zone = z;
	memory.hidden = hidden;
	memory.seed = seed;
	memory.n_kept = 0;
}

static void check_of(const struct auth_settings *s, struct dns_zone *z, const char *ip, const char *from)
{
	struct auth_client client = { .helo = SPAN("h.org"), .mail_from = span_str(from), .has_mail_from = true };

	if (!ip_addr_parse(span_str(ip), &client.ip))
		exit(1);
	spf_run(s, z, &client, SPF_SCOPE_MFROM, 1000);
}

/* Meets the domain twice, so that it is compiled. */
static void meet_twice(const struct auth_settings *s, struct dns_zone *z, const char *ip, const char *from)
{
	check_of(s, z, ip, from);
	check_of(s, z, ip, from);
}

static void check_life(void)
{
	struct auth_memory kept = memory_of(&memory);
	struct auth_settings s = spf_settings();
	struct dns_zone *z = zone_of("d.org TXT \"v=spf1 ip4:192.0.2.0/24 include:i.org mx -all\"\n"
				     "i.org TXT \"v=spf1 ip4:198.51.100.0/25 -ip4:203.0.113.7 ?all\"\n"
				     "d.org MX 1 m.org\nm.org A 203.0.113.7\nm.org AAAA 2001:db8::7\n"
				     "e.org TXT \"v=spf1 ip4:192.0.2.1 -all exp=x.org\"\nx.org TXT \"no\"\n"
				     "p.org TXT \"v=spf1 ip4:192.0.2.1 exists:%{i}.p.org -all\"\n"
				     "192.0.2.9.p.org A 127.0.0.1\n");

	s.memory = &kept;
	forget(z, 0, 1);
	check_of(&s, z, "192.0.2.1", "u@d.org");
	ok(memory.n_kept == 1 && n_questions == 1, "a domain that is met for the first time is noted");
	check_of(&s, z, "192.0.2.1", "u@d.org");
	ok(memory.n_kept == 2 && n_questions == 1, "the second time its record is compiled");
	check_of(&s, z, "192.0.2.9", "u@d.org");
	ok(n_questions == 0 && spf.result == SPF_RESULT_PASS && spf.n_terms == 0, "then nothing is asked");
	is_span(spf.mechanism, SPAN("ip4:192.0.2.0/24"), "and the mechanism is known");
	check_of(&s, z, "198.51.100.127", "u@d.org");
	ok(spf.result == SPF_RESULT_PASS && spf.n_terms == 1 && n_questions == 0, "an include matches");
	is_span(spf.mechanism, SPAN("include:i.org"), "and is the mechanism");
	check_of(&s, z, "203.0.113.7", "u@d.org");
	ok(spf.result == SPF_RESULT_PASS && spf.n_terms == 2 && n_questions == 0,
	   "what fails inside of an include goes on behind it, to an mx");
	check_of(&s, z, "198.51.100.128", "u@d.org");
	ok(spf.result == SPF_RESULT_FAIL && spf.n_terms == 2 && n_questions == 0, "the end of a range is exact");
	check_of(&s, z, "2001:db8::7", "u@d.org");
	ok(n_questions > 0 && spf.result == SPF_RESULT_PASS, "each family has its own program");
	check_of(&s, z, "2001:db8::7", "u@d.org");
	check_of(&s, z, "2001:db8::7", "u@D.org");
	ok(n_questions == 0 && spf.result == SPF_RESULT_PASS && spf.n_terms == 2, "also IPv6; names know no case");
	check_of(&s, z, "2001:db8::8", "u@d.org");
	ok(n_questions == 0 && spf.result == SPF_RESULT_FAIL, "one address beside it is not in");
	meet_twice(&s, z, "192.0.2.1", "u@nothing.example");
	check_of(&s, z, "192.0.2.1", "u@nothing.example");
	ok(n_questions == 0 && spf.result == SPF_RESULT_NONE, "that there is no record is known, too");
	meet_twice(&s, z, "192.0.2.1", "u@e.org");
	check_of(&s, z, "192.0.2.2", "u@e.org");
	ok(n_questions == 2 && spf.explanation.len == 2, "a fail that has an explanation is evaluated");
	check_of(&s, z, "192.0.2.1", "u@e.org");
	ok(n_questions == 0 && spf.result == SPF_RESULT_PASS, "a pass of the same record is not");
	meet_twice(&s, z, "192.0.2.1", "u@p.org");
	check_of(&s, z, "192.0.2.9", "u@p.org");
	ok(n_questions == 2 && spf.result == SPF_RESULT_PASS, "what stands behind a macro is evaluated");
	dns_zone_close(z);
}

static void check_missing(void)
{
	struct auth_memory kept = memory_of(&memory);
	struct auth_settings s = spf_settings();
	struct dns_zone *z = zone_of("d.org TXT \"v=spf1 ip4:192.0.2.0/24 a:far.example -all\"\n"
				     "far.example A 198.51.100.1\n");

	s.memory = &kept;
	forget(z, 8, 1); /* nothing is at hand */
	meet_twice(&s, z, "192.0.2.1", "u@d.org");
	check_of(&s, z, "192.0.2.1", "u@d.org");
	ok(n_questions == 1 && memory.n_kept == 3, "a program without answers is made again");
	memory.hidden = 0;
	check_of(&s, z, "192.0.2.1", "u@d.org");
	check_of(&s, z, "192.0.2.1", "u@d.org");
	ok(n_questions == 0, "when the answers are there it is whole");
	forget(z, 8, 1);
	for (int i = 0; i < 20; i++)
		check_of(&s, z, "192.0.2.1", "u@d.org");
	ok(memory.n_kept == 1 + SPF_PROGRAM_MADE_MAX, "but it is tried a few times only");
	dns_zone_close(z);
}

/* random zones */

static uint64_t state = 88172645463325252;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 33) % n);
}

static const char *qualifier(void)
{
	static const char *const q[] = { "", "", "", "-", "~", "?" };

	return q[below(6)];
}

static void random_term(struct text *t)
{
	char room[128];

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		snprintf(room, sizeof(room), " %sip4:10.0.%u.%u/%u", qualifier(), below(4), below(256), below(33));
		break;
	case 4:
	case 5:
		snprintf(room, sizeof(room), " %sip6:2001:db8:%x::%x/%u", qualifier(), below(3), below(64), below(129));
		break;
	case 6:
		snprintf(room, sizeof(room), " %sa:h%u.org/%u//%u", qualifier(), below(5), below(33), below(129));
		break;
	case 7:
		snprintf(room, sizeof(room), " %smx:m%u.org", qualifier(), below(4));
		break;
	case 8:
	case 9:
	case 10:
		snprintf(room, sizeof(room), " %sinclude:d%u.org", qualifier(), below(7));
		break;
	case 11:
		snprintf(room, sizeof(room), " %s", below(2) ? "a" : "mx/24");
		break;
	case 12:
		snprintf(room, sizeof(room), " %sexists:%%{i}.e.org", qualifier());
		break;
	case 13:
		snprintf(room, sizeof(room), " %s", below(4) ? "ip4:10.0.0.0/8" : below(2) ? "ptr" : "exp=x.org");
		break;
	case 14:
		snprintf(room, sizeof(room), " %sall", qualifier());
		break;
	default:
		snprintf(room, sizeof(room), " redirect=d%u.org", below(8));
		break;
	}
	text_puts(t, room);
}

static struct dns_zone *random_zone(void)
{
	static char room[1 << 14];
	struct text t;

	text_init(&t, room, sizeof(room));
	for (unsigned i = 0; i < 6; i++) { /* d6.org and d7.org have no record */
		char line[160];

		text_puts(&t, "d");
		text_dec(&t, i);
		text_puts(&t, ".org TXT \"v=spf1");
		for (unsigned n = below(7); n > 0; n--)
			random_term(&t);
		text_puts(&t, below(40) ? "\"\n" : " wrong\"\n");
		snprintf(line, sizeof(line), "d%u.org A 10.0.1.%u\nd%u.org MX 1 h%u.org\n", i, below(256), i, below(6));
		text_puts(&t, line);
		snprintf(line, sizeof(line), "h%u.org A 10.0.%u.%u\nh%u.org AAAA 2001:db8::%x\n", i, below(4),
			 below(256), i, below(64));
		text_puts(&t, below(8) ? line : "");
		for (unsigned n = below(4); n > 0 && i < 3; n--) {
			snprintf(line, sizeof(line), "m%u.org MX 1 h%u.org\n", i, below(7));
			text_puts(&t, line);
		}
	}
	text_puts(&t, "x.org TXT \"why %{i}\"\nh2.org A !SERVFAIL\n");
	text_putc(&t, '\0');
	return zone_of(room);
}

struct said {
	enum spf_result result;
	uint16_t n_terms, n_voids;
	const char *reason;
	char mechanism[256], explanation[SPF_EXPLANATION_MAX + 1];
};

static void say(struct said *s)
{
	memset(s, 0, sizeof(*s));
	s->result = spf.result;
	s->n_terms = spf.n_terms;
	s->n_voids = spf.n_voids;
	s->reason = spf.reason;
	snprintf(s->mechanism, sizeof(s->mechanism), "%.*s", (int)spf.mechanism.len, (const char *)spf.mechanism.at);
	snprintf(s->explanation, sizeof(s->explanation), "%.*s", (int)spf.explanation.len,
		 (const char *)spf.explanation.at);
}

static bool same(const struct said *a, const struct said *b)
{
	return a->result == b->result && a->n_terms == b->n_terms && a->n_voids == b->n_voids &&
	       a->reason == b->reason && strcmp(a->mechanism, b->mechanism) == 0 &&
	       strcmp(a->explanation, b->explanation) == 0;
}

static void check_twin(unsigned n_zones)
{
	struct auth_memory kept = memory_of(&memory);
	struct auth_settings cold = spf_settings(), warm = spf_settings();
	unsigned n_different = 0, n_silent = 0, n_all = 0;

	warm.memory = &kept;
	for (unsigned z = 0; z < n_zones; z++) {
		struct dns_zone *zone = random_zone();

		forget(zone, below(3) ? 0 : 1, z);
		for (unsigned i = 0; i < 64; i++) {
			char ip[64], from[16];
			struct said a, b;

			if (below(4))
				snprintf(ip, sizeof(ip), "10.%u.%u.%u", below(8) == 0, below(5), below(256));
			else
				snprintf(ip, sizeof(ip), "2001:db8:%x::%x", below(3), below(64));
			snprintf(from, sizeof(from), "u@d%u.org", below(below(2) ? 2 : 7));
			check_of(&cold, zone, ip, from);
			say(&a);
			check_of(&warm, zone, ip, from);
			say(&b);
			n_all++;
			n_silent += n_questions == 0;
			if (same(&a, &b))
				continue;
			n_different++;
			printf("# zone %u: %s from %s: %d %u %u %s %s, compiled %d %u %u %s %s\n", z, from, ip,
			       a.result, a.n_terms, a.n_voids, a.mechanism, a.reason, b.result, b.n_terms, b.n_voids,
			       b.mechanism, b.reason);
		}
		dns_zone_close(zone);
	}
	ok(n_different == 0, "%u checks over %u random zones: compiled and evaluated are the same", n_all, n_zones);
	ok(n_silent > n_all / 3, "%u of them asked nothing", n_silent);
}

/* A record of @n networks that do not touch. */
static void check_bounds(unsigned n, bool is_compiled)
{
	struct auth_memory kept = memory_of(&memory);
	struct auth_settings s = spf_settings();
	static char text[1 << 15];
	struct text t;

	text_init(&t, text, sizeof(text));
	text_puts(&t, "d.org TXT \"v=spf1");
	for (unsigned i = 0; i < n; i++) {
		char term[64];

		snprintf(term, sizeof(term), "%s ip4:10.%u.%u.1", i % 10 ? "" : "\" \"", i / 256, i % 256);
		text_puts(&t, term);
	}
	text_puts(&t, " -all\"");
	text_putc(&t, '\0');
	struct dns_zone *z = zone_of(text);

	s.memory = &kept;
	forget(z, 0, 1);
	meet_twice(&s, z, "10.0.3.1", "u@d.org");
	check_of(&s, z, "10.0.3.1", "u@d.org");
	ok(spf.result == SPF_RESULT_PASS && (n_questions == 0) == is_compiled, "%u networks are %s", n,
	   is_compiled ? "compiled" : "evaluated each time");
	ok(memory.n_kept == 2, "and not tried again");
	dns_zone_close(z);
}

static void check_time(void)
{
	struct auth_memory kept = memory_of(&memory);
	struct auth_settings s = spf_settings();
	struct dns_zone *z = zone_of("d.org TXT \"v=spf1 ip4:192.0.2.1 -all\"");

	s.memory = &kept;
	forget(z, 0, 1);
	meet_twice(&s, z, "192.0.2.1", "u@d.org");
	ok(memory.ttl_s == dns_zone_answer(z, &memory.blocks[0].q)->ttl_s || memory.ttl_s > 0,
	   "a program lives as long as its answers");
	memory.blocks[0].end_us = 1;
	check_of(&s, z, "192.0.2.1", "u@d.org");
	ok(n_questions == 1 && spf.result == SPF_RESULT_PASS, "and not longer");
	dns_zone_close(z);
}

int main(void)
{
	check_life();
	check_missing();
	check_bounds(240, true);
	check_bounds(600, false);
	check_time();
	check_twin(400);
	return done();
}
