// SPDX-License-Identifier: MIT
/*
 * test_dns_desk.c - who is told at once, who waits, what stands in for a failure, what is asked before anybody asks
 */
#include <stdlib.h>

#include "dns/dns_desk.h"
#include "tests/tap.h"

#define S UINT64_C(1000000)

static struct {
	struct dns_desk desk;
	void *cache, *flights;
	uint64_t now_us;
	union {
		struct dns_answer header;
		uint8_t octets[128];
	} answer;
} world;

static void begin(uint32_t stale_max_s, uint32_t refreshes_max)
{
	const struct dns_cache_settings cache = { .entries_max = 64,
						  .ttl_min_s = 60,
						  .ttl_max_s = 86400,
						  .ttl_negative_max_s = 900,
						  .ttl_servfail_s = 5,
						  .stale_max_s = stale_max_s };
	const struct dns_flight_settings flights = { .flights_max = 8, .askers_max = 16, .timeout_us = 6 * S };
	const struct dns_desk_settings desk = { .refreshes_max = refreshes_max };
	static const struct siphash_key key = { 3, 4 };

	world.cache = malloc(dns_cache_memory(&cache));
	world.flights = malloc(dns_flights_memory(&flights));
	world.now_us = 100 * S;
	dns_desk_init(&world.desk, dns_cache_init(world.cache, &cache, &key),
		      dns_flights_init(world.flights, &flights, &key), &desk);
}

static void end(void)
{
	free(world.cache);
	free(world.flights);
}

static struct dns_question question(const char *name)
{
	struct dns_question q;

	CHECK(dns_question_set(&q, DNS_TXT, span_str(name)));
	return q;
}

static const struct dns_answer *answer(enum dns_rcode rcode, uint32_t ttl_s)
{
	struct dns_answer *a = dns_answer_init(&world.answer, sizeof(world.answer), rcode, ttl_s);

	if (rcode == DNS_NOERROR)
		CHECK(dns_answer_add(a, sizeof(world.answer), SPAN("v=spf1 -all")));
	return a;
}

static enum dns_desk_ask ask(const char *name, uint64_t asker, uint64_t *flight)
{
	struct dns_question q = question(name);
	const struct dns_answer *known;

	return dns_desk_ask(&world.desk, &q, asker, world.now_us, &known, flight);
}

/* What the askers are told; -1: no such flight.  @n: how many there were. */
static int land(uint64_t flight, enum dns_rcode rcode, uint32_t ttl_s, unsigned *n)
{
	struct dns_question q;
	const struct dns_answer *told = dns_desk_land(&world.desk, flight, answer(rcode, ttl_s), &q, world.now_us);
	uint64_t asker;

	*n = 0;
	if (!told)
		return -1;
	int what = told->rcode;
	while (dns_desk_next_asker(&world.desk, &asker))
		++*n;
	return what;
}

static void asking(void)
{
	uint64_t flight, again;
	unsigned n;

	begin(0, 4);
	ok(ask("a.example", 1, &flight) == DESK_ASK, "what is not known is asked");
	ok(ask("a.example", 2, &again) == DESK_WAIT, "once, for however many ask");
	world.now_us += 30000;
	ok(land(flight, DNS_NOERROR, 300, &n) == DNS_NOERROR && n == 2, "both are told");
	ok(ask("a.example", 3, &flight) == DESK_KNOWN, "then it is known");
	ok(world.desk.counts.delay[5] == 1 && world.desk.counts.delay_us == 30000 &&
		   world.desk.counts.by_rcode[DNS_NOERROR] == 1,
	   "the answer is counted by the time it took");
	ok(land(flight, DNS_NOERROR, 300, &n) == -1 && world.desk.counts.late == 1, "an answer to nobody is late");
	for (unsigned i = 0; i < 8; i++) {
		char name[] = "n0.example";
		name[1] = (char)('0' + i);
		CHECK(ask(name, i, &flight) == DESK_ASK);
	}
	ok(ask("one-more.example", 9, &again) == DESK_FULL && world.desk.counts.full == 1,
	   "more than flights_max are refused and counted");
	world.now_us += 6 * S;
	unsigned overdue = 0;
	while (dns_desk_overdue(&world.desk, world.now_us, &flight)) {
		overdue++;
		land(flight, DNS_TIMEOUT, 0, &n);
	}
	ok(overdue == 8 && world.desk.counts.by_rcode[DNS_TIMEOUT] == 8 &&
		   world.desk.counts.delay[DNS_DELAY_N - 1] == 0,
	   "silence ends a flight, and is no delay of an answer");
	end();
}

static void failures(void)
{
	struct dns_question q;
	struct dns_answer failed;
	uint64_t flight;
	unsigned n;

	begin(3600, 0);
	CHECK(ask("a.example", 1, &flight) == DESK_ASK);
	land(flight, DNS_NOERROR, 60, &n);
	world.now_us += 61 * S;
	ok(ask("a.example", 1, &flight) == DESK_ASK, "an answer past its time is asked for again");
	ok(land(flight, DNS_SERVFAIL, 0, &n) == DNS_NOERROR && n == 1 && world.desk.counts.stale == 1,
	   "the servers fail: the old answer stands in");
	ok(ask("a.example", 1, &flight) == DESK_ASK, "but the next asker has them asked again");
	ok(land(flight, DNS_NXDOMAIN, 60, &n) == DNS_NXDOMAIN && ask("a.example", 1, &flight) == DESK_KNOWN,
	   "and what they say then replaces it");
	CHECK(ask("b.example", 1, &flight) == DESK_ASK);
	ok(land(flight, DNS_SERVFAIL, 0, &n) == DNS_SERVFAIL && ask("b.example", 1, &flight) == DESK_KNOWN,
	   "without an old answer a failure is told, and kept for a moment");
	CHECK(ask("c.example", 1, &flight) == DESK_ASK);
	dns_answer_init(&failed, sizeof(failed), DNS_SERVFAIL, 0);
	const struct dns_answer *told = dns_desk_refused(&world.desk, flight, &failed, &q, world.now_us);
	ok(told && told->rcode == DNS_SERVFAIL && dns_desk_next_asker(&world.desk, &flight), "no resolver: a failure");
	ok(ask("c.example", 1, &flight) == DESK_ASK, "which is not kept");
	end();
}

static void refreshing(void)
{
	struct dns_question q, a = question("a.example");
	uint64_t flight, again;
	unsigned n;

	begin(0, 1);
	CHECK(ask("a.example", 1, &flight) == DESK_ASK);
	land(flight, DNS_NOERROR, 1000, &n);
	CHECK(ask("a.example", 2, &flight) == DESK_KNOWN);
	ok(!dns_desk_refresh(&world.desk, world.now_us + 800 * S, &q, &flight), "nothing is asked too early");
	world.now_us += 950 * S;
	ok(dns_desk_refresh(&world.desk, world.now_us, &q, &flight) && dns_question_eq(&q, &a),
	   "a name in use is asked before its answer expires");
	ok(ask("a.example", 3, &again) == DESK_KNOWN, "nobody waits for that");
	ok(land(flight, DNS_SERVFAIL, 0, &n) == DNS_NOERROR && n == 0 && ask("a.example", 3, &again) == DESK_KNOWN,
	   "when it fails, the answer that there is stays");
	world.now_us += 1;
	ok(dns_desk_refresh(&world.desk, world.now_us, &q, &flight), "and it is tried again");
	ok(!dns_desk_refresh(&world.desk, world.now_us, &q, &again), "no more than refreshes_max at once");
	land(flight, DNS_NOERROR, 1000, &n);
	world.now_us += 100 * S;
	ok(ask("a.example", 4, &again) == DESK_KNOWN, "the new answer lives from then on");
	ok(world.desk.n_refreshes == 0 && world.desk.counts.refreshed == 2, "all of it is counted");
	end();
}

int main(void)
{
	asking();
	failures();
	refreshing();
	return done();
}
