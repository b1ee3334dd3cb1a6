// SPDX-License-Identifier: MIT
/*
 * test_rate.c - limits by domain, with a clock of their own, and when there is no room
 */
#include "ctrlplane/policy/rate.h"
#include "tests/tap.h"

enum { MINUTE = 60000000 };

static _Alignas(64) uint8_t memory[4096];
static struct rates *r;
static uint64_t now_us;
static uint32_t record;

static void begin(uint64_t domains_max)
{
	static const struct siphash_key key = { 3, 5 };

	CHECK(rates_memory(domains_max) <= sizeof(memory));
	memset(memory, 0, sizeof(memory));
	r = rates_init(memory, domains_max, &key);
	now_us = UINT64_C(5) * MINUTE;
}

static enum rate_answer charged(const char *domain, uint32_t per_minute)
{
	return rates_charge(r, RATE_SENDER, span_str(domain), per_minute, &record, now_us);
}

static void a_minutes_worth(void)
{
	begin(16);
	ok(charged("a.example", 3) == RATE_GOOD && charged("A.example", 3) == RATE_GOOD &&
		   charged("a.example", 3) == RATE_GOOD,
	   "a minute's worth may come at once");
	ok(charged("a.example", 3) == RATE_SPENT && record == 0, "and then no more");
	ok(charged("b.example", 3) == RATE_GOOD, "another domain has its own");
	ok(rates_charge(r, RATE_RECIPIENT, SPAN("a.example"), 3, &record, now_us) == RATE_GOOD,
	   "so has the same one as that of recipients");
	now_us += MINUTE / 3 - 1000;
	ok(charged("a.example", 3) == RATE_SPENT, "a third of a minute is not over");
	now_us += 1000;
	ok(charged("a.example", 3) == RATE_GOOD && charged("a.example", 3) == RATE_SPENT, "then one more may");
	now_us += 10 * MINUTE;
	ok(charged("a.example", 3) == RATE_GOOD && charged("a.example", 3) == RATE_GOOD &&
		   charged("a.example", 3) == RATE_GOOD && charged("a.example", 3) == RATE_SPENT,
	   "after ten quiet minutes it is a minute's worth, not ten");
	begin(16);
	for (int i = 0; i < 60000; i++)
		CHECK(charged("a.example", RATE_PER_MINUTE_MAX) == RATE_GOOD);
	ok(charged("a.example", RATE_PER_MINUTE_MAX) == RATE_SPENT, "the highest rate");
	begin(16);
	for (int i = 0; i < 100000; i++)
		CHECK(charged("a.example", 0) == RATE_GOOD);
	ok(record != 0, "no rate is no limit, and the domain has a record");
}

static void at_once(void)
{
	uint32_t a;

	begin(16);
	charged("a.example", 0);
	a = record;
	ok(rates_open(r, a, 2) == RATE_GOOD && rates_open(r, a, 2) == RATE_GOOD, "two transactions at once");
	ok(rates_open(r, a, 2) == RATE_OPEN, "not three");
	charged("b.example", 0);
	ok(rates_open(r, record, 2) == RATE_GOOD, "of another domain");
	rates_close(r, a);
	ok(rates_open(r, a, 2) == RATE_GOOD, "when one has ended the next one may");
	ok(rates_open(r, 0, 2) == RATE_GOOD, "a domain without a record may");
	rates_close(r, 0);
	ok(rates_open(r, a, 0) == RATE_GOOD, "without a limit it is counted only");
}

static void no_room(void)
{
	static const char *const names[] = { "a.example", "b.example", "c.example", "d.example" };
	uint32_t records[4];

	begin(4);
	for (int i = 0; i < 4; i++) {
		charged(names[i], 3);
		records[i] = record;
		rates_open(r, record, 1);
	}
	ok(charged("new.example", 3) == RATE_FULL && record == 0, "no record is free: the domain is not limited");
	now_us += 2 * MINUTE;
	ok(charged("new.example", 3) == RATE_FULL, "a record with a transaction stays");
	ok(charged("a.example", 3) == RATE_GOOD && rates_open(r, record, 1) == RATE_OPEN, "as does what it counts");
	rates_close(r, records[1]);
	ok(charged("new.example", 3) == RATE_GOOD, "one without, whose bucket is full again, makes room");
	rates_close(r, records[2]);
	charged("c.example", 3);
	ok(charged("newer.example", 3) == RATE_FULL, "one that was charged within the minute does not");
}

int main(void)
{
	a_minutes_worth();
	at_once();
	no_room();
	return done();
}
