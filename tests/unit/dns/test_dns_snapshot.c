// SPDX-License-Identifier: MIT
/*
 * test_dns_snapshot.c - what the cache holds, written, and read by another run
 */
#include <stdlib.h>

#include "dns/dns_snapshot.h"
#include "tests/tap.h"

#define S UINT64_C(1000000)
#define UNIX_S UINT64_C(1700000000)

static const struct siphash_key key = { 1, 2 }, other_key = { 5, 6 };
static const struct dns_cache_settings usual = {
	.entries_max = 100, .ttl_min_s = 60, .ttl_max_s = 86400, .ttl_negative_max_s = 900, .ttl_servfail_s = 5
};

static uint8_t file[200000];
static size_t len;

static struct dns_question question(const char *name, enum dns_type type)
{
	struct dns_question q;

	CHECK(dns_question_set(&q, type, span_str(name)));
	return q;
}

static void put(struct dns_cache *c, const char *name, enum dns_type type, enum dns_rcode rcode, uint32_t ttl_s,
		struct span rdata)
{
	static _Alignas(16) uint8_t room[66000];
	struct dns_question q = question(name, type);
	struct dns_answer *a = dns_answer_init(room, sizeof(room), rcode, ttl_s);

	if (rcode == DNS_NOERROR)
		CHECK(dns_answer_add(a, sizeof(room), rdata));
	a->secure = type == DNS_TXT;
	dns_cache_put(c, &q, a, 7 * S);
}

static uint64_t write_all(const struct dns_cache *c, uint64_t now_us, uint64_t unix_s)
{
	struct dns_cache_row row;
	uint32_t cursor = 0;
	uint64_t n = 0;

	len = sizeof(DNS_SNAPSHOT_HEAD) - 1;
	memcpy(file, DNS_SNAPSHOT_HEAD, len);
	while (dns_cache_walk(c, &cursor, &row)) {
		size_t one = dns_snapshot_record(&row, now_us, unix_s, file + len);

		len += one;
		n += one > 0;
	}
	dns_snapshot_end(n, file + len);
	len += DNS_SNAPSHOT_END_LEN;
	return n;
}

static void there_and_back(void)
{
	void *memory = malloc(dns_cache_memory(&usual)), *again = malloc(dns_cache_memory(&usual));
	struct dns_cache *c = dns_cache_init(memory, &usual, &key), *d = dns_cache_init(again, &usual, &other_key);
	struct dns_question txt = question("example.org", DNS_TXT), none = question("no.example", DNS_MX),
			    failed = question("broken.example", DNS_TXT), brief = question("brief.example", DNS_TXT);
	const struct dns_answer *a;
	uint32_t cursor = 0;
	struct span rdata;
	uint64_t n;

	put(c, "example.org", DNS_TXT, DNS_NOERROR, 3600, SPAN("v=spf1 -all"));
	put(c, "no.example", DNS_MX, DNS_NXDOMAIN, 900, SPAN(""));
	put(c, "broken.example", DNS_TXT, DNS_SERVFAIL, 0, SPAN(""));
	put(c, "brief.example", DNS_TXT, DNS_NOERROR, 60, SPAN("x"));
	ok(write_all(c, 8 * S, UNIX_S) == 3, "answers are written, failures are not");
	/* The next run begins 100 s later, and its clock at another time. */
	ok(!dns_snapshot_read(span_of(file, len), d, 500 * S, UNIX_S + 100, &n) && n == 2,
	   "what has expired meanwhile is not taken");
	a = dns_cache_get(d, &txt, 500 * S);
	ok(a && a->ttl_s == 3600 - 1 - 100 && a->secure && dns_answer_next(a, &cursor, &rdata) &&
		   span_eq(rdata, SPAN("v=spf1 -all")),
	   "the others are as they were, with what is left of their time");
	ok(dns_cache_get(d, &none, 500 * S) && dns_cache_get(d, &none, 500 * S)->rcode == DNS_NXDOMAIN,
	   "also that there is none");
	ok(!dns_cache_get(d, &failed, 500 * S) && !dns_cache_get(d, &brief, 500 * S), "and no more than those");

	d = dns_cache_init(again, &usual, &key);
	ok(!dns_snapshot_read(span_of(file, len), d, 0, UNIX_S + 3590, &n) && n == 1 &&
		   dns_cache_get(d, &txt, 9 * S - 1) && !dns_cache_get(d, &txt, 9 * S),
	   "a time that is nearly over is not made longer");
	d = dns_cache_init(again, &usual, &key);
	ok(!dns_snapshot_read(span_of(file, len), d, 0, 0, &n) && n == 3 && dns_cache_get(d, &txt, 86400 * S - 1) &&
		   !dns_cache_get(d, &txt, 86400 * S) && !dns_cache_get(d, &none, 900 * S),
	   "with a clock that was set back none is kept for longer than an answer of today");
	free(memory);
	free(again);
}

static void damage(void)
{
	void *memory = malloc(dns_cache_memory(&usual));
	struct dns_cache *c = dns_cache_init(memory, &usual, &key);
	struct dns_cache_counts counts;
	size_t n_taken = 0;
	uint64_t n;

	put(c, "a.example", DNS_A, DNS_NOERROR, 3600, span_of("\300\0\2\1", 4));
	put(c, "example.org", DNS_TXT, DNS_NOERROR, 3600, SPAN("v=spf1 -all"));
	write_all(c, 7 * S, UNIX_S);
	c = dns_cache_init(memory, &usual, &key);
	for (size_t cut = 0; cut < len; cut++)
		n_taken += !dns_snapshot_read(span_of(file, cut), c, 7 * S, UNIX_S, &n);
	ok(n_taken == 0, "a file that ends early is refused, wherever it ends");
	for (size_t i = 0; i < len * 8; i++) {
		file[i / 8] ^= (uint8_t)(1 << i % 8);
		n_taken += !dns_snapshot_read(span_of(file, len), c, 7 * S, UNIX_S, &n);
		file[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ok(n_taken == 0, "so is one with any bit changed");
	dns_cache_counts(c, &counts);
	ok(counts.stored == 0, "and nothing of those was kept");
	file[len] = 0;
	ok(dns_snapshot_read(span_of(file, len + 1), c, 7 * S, UNIX_S, &n) != NULL, "nothing may follow the end");
	ok(!dns_snapshot_read(span_of(file, len), c, 7 * S, UNIX_S, &n) && n == 2, "the file itself is good");
	free(memory);
}

int main(void)
{
	there_and_back();
	damage();
	return done();
}
