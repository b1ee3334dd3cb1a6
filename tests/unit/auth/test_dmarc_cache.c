// SPDX-License-Identifier: MIT
/*
 * test_dmarc_cache.c - the cache of tree walks: how long it knows a domain, and what it must not keep
 *
 * That it changes no result is seen over random zones in test_dmarc_twin.
 */
#include "tests/unit/auth/dmarc_cache_check.h"

static struct dmarc_cache *cache;
static const struct dmarc_input nothing = { 0 };

static const char *run(const char *zone, const char *author, uint64_t now_us)
{
	struct auth_settings settings = dmarc_settings(false);
	struct dns_zone *z = zone_of(zone);

	settings.dmarc_cache = cache;
	dmarc_now_us = now_us;
	dmarc_run(&settings, z, author, &nothing, ORDER_FIRST, UINT32_MAX);
	dns_zone_close(z);
	return dmarc_found();
}

static bool fails_under(const char *policy)
{
	return dmarc.result == DMARC_RESULT_FAIL && dmarc.policy != DMARC_POLICY_ABSENT &&
	       strcmp(dmarc_policy_text(dmarc.policy), policy) == 0;
}

/* 100 s for the top level's answer, 300 s for all others; of addresses 50 s. */
static uint32_t ttls(const struct dns_question *q)
{
	return q->type == DNS_A ? 50 : span_eq(dns_question_name(q), SPAN("_dmarc.example")) ? 100 : 300;
}

static void the_first_answer_to_expire_ends_it(void)
{
	static const char before[] = "_dmarc.b.example TXT \"v=DMARC1; p=reject\"\n";
	static const char after[] = "_dmarc.b.example TXT \"v=DMARC1; p=quarantine\"\n";

	dmarc_cache_flush(cache);
	dmarc_ttl_s = ttls;
	run(before, "b.example", 5 * US);
	ok(fails_under("reject") && dmarc_n_asked == 2, "a domain that is not known is walked");
	run(after, "b.example", 105 * US - 1);
	ok(fails_under("reject") && dmarc_n_asked == 0, "it is known as long as each of its answers lives");
	run(after, "b.example", 105 * US);
	ok(fails_under("quarantine") && dmarc_n_asked == 2, "when the first of them expires it is walked again");
	run(after, "a.b.example", 106 * US);
	ok(dmarc_n_asked == 3, "what is known of a domain says nothing of one below it: a walk of its own");
	dmarc_cache_flush(cache);
	run(before, "b.example", 107 * US);
	ok(fails_under("reject") && dmarc_n_asked == 2, "flushed, it is walked again");
}

static void existence_is_kept_with_its_own_time(void)
{
	static const char zone[] = "_dmarc.b.example TXT \"v=DMARC1; p=reject; sp=none; np=quarantine\"\n";

	dmarc_cache_flush(cache);
	run(zone, "no.b.example", 1000 * US);
	ok(fails_under("quarantine") && dmarc_n_asked == 4, "np: whether the domain exists is asked for");
	run(zone, "no.b.example", 1050 * US - 1);
	ok(fails_under("quarantine") && dmarc_n_asked == 0, "np: it is known afterwards");
	run("_dmarc.b.example TXT \"v=DMARC1; p=reject; sp=none; np=quarantine\"\nno.b.example A 192.0.2.1\n",
	    "no.b.example", 1050 * US);
	ok(fails_under("none") && dmarc_n_asked == 4, "np: and asked for again when that answer has expired");
}

static void errors_are_not_kept(void)
{
	dmarc_cache_flush(cache);
	run("_dmarc.b.example TXT !SERVFAIL\n", "a.b.example", 2000 * US);
	ok(dmarc.result == DMARC_RESULT_TEMPERROR, "an answer that failed: temperror");
	run("_dmarc.b.example TXT \"v=DMARC1; p=reject\"\n", "a.b.example", 2000 * US);
	ok(fails_under("reject") && dmarc_n_asked == 3, "nothing of it was kept");
	run("_dmarc.b.example TXT \"v=DMARC1; p=reject; np=none\"\nc.b.example A !TIMEOUT\n", "c.b.example", 2000 * US);
	run("_dmarc.b.example TXT \"v=DMARC1; p=reject; np=none\"\n", "c.b.example", 2000 * US);
	ok(fails_under("none") && dmarc_n_asked == 1, "nor whether the domain exists, but the walk was");
}

static void a_flush_stops_what_was_begun(void)
{
	static const char zone[] = "_dmarc.b.example TXT \"v=DMARC1; p=reject\"\n";
	struct auth_settings settings = dmarc_settings(false);
	struct dns_zone *z = zone_of(zone);
	static struct dmarc m;
	struct dns_question q;
	unsigned slot;

	settings.dmarc_cache = cache;
	dmarc_cache_flush(cache);
	dmarc_begin(&m, &settings, SPAN("b.example"), NULL, 3000 * US);
	for (bool flushed = false; dmarc_question(&m, &slot, &q); flushed = true) {
		if (flushed)
			dmarc_cache_flush(cache);
		dmarc_answer(&m, slot, dns_zone_answer(z, &q), 3000 * US);
	}
	dns_zone_close(z);
	run(zone, "b.example", 3000 * US);
	ok(dmarc_n_asked == 2, "a walk that a flush overtook is not kept");
}

static void it_is_bounded(void)
{
	enum { ENTRIES = 50, DOMAINS = 120 };
	static const char zone[] = "_dmarc.b.example TXT \"v=DMARC1; p=reject\"\n";
	static char label[100];
	char author[32], longest[256];
	unsigned n_known = 0;

	free(cache);
	cache = dmarc_cache_new(ENTRIES);
	dmarc_stats = (struct stats){ 0 };
	for (unsigned i = 0; i < DOMAINS; i++) {
		snprintf(author, sizeof(author), "d%u.example", i);
		run(zone, author, 4000 * US);
		run(zone, "often.example", 4000 * US);
		n_known += dmarc_n_asked == 0;
	}
	ok(n_known == DOMAINS - 1, "what is used often stays when room is made");
	ok(dmarc_stats.dmarc_cache_evicted == DOMAINS + 1 - ENTRIES && dmarc_stats.dmarc_cache_hits == DOMAINS - 1 &&
		   dmarc_stats.dmarc_cache_misses == DOMAINS + 1,
	   "hits, misses and what made room are counted");
	memset(label, 'x', 60);
	snprintf(longest, sizeof(longest), "%s.%s.example", label, label);
	run(zone, longest, 4000 * US);
	run(zone, longest, 4000 * US);
	ok(dmarc_n_asked == 3, "a domain too long for an entry is walked each time");
}

int main(void)
{
	cache = dmarc_cache_new(64);
	the_first_answer_to_expire_ends_it();
	existence_is_kept_with_its_own_time();
	errors_are_not_kept();
	a_flush_stops_what_was_begun();
	it_is_bounded();
	free(cache);
	return done();
}
