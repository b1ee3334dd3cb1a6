// SPDX-License-Identifier: MIT
/*
 * test_dns_flight.c - one question in flight, however many ask it
 */
#include <stdlib.h>

#include "dns/dns_flight.h"
#include "tests/tap.h"

static const struct siphash_key key = { 3, 4 };
static const struct dns_flight_settings settings = { .flights_max = 4, .askers_max = 8, .timeout_us = 1000 };

static struct dns_question question(unsigned i)
{
	struct dns_question q;
	char name[32];

	snprintf(name, sizeof(name), "n%u.example", i);
	CHECK(dns_question_set(&q, i % 2 ? DNS_A : DNS_TXT, span_str(name)));
	return q;
}

static void sharing(void *memory)
{
	struct dns_flights *f = dns_flights_init(memory, &settings, &key);
	struct dns_question a = question(0), b = question(1), q;
	uint64_t first, again, other, asker, started;

	ok(dns_flights_n(f) == 0 && dns_flight_deadline_us(f) == UINT64_MAX, "nothing flies at first");
	ok(dns_flight_ask(f, &a, 11, &first, 0) == FLIGHT_STARTED, "the first asker starts a flight");
	ok(dns_flight_ask(f, &a, 12, &again, 5) == FLIGHT_JOINED && again == first, "the second joins it");
	ok(dns_flight_ask(f, &b, 13, &other, 7) == FLIGHT_STARTED && other != first, "another question flies alone");
	ok(dns_flight_ask(f, &a, 11, &again, 9) == FLIGHT_JOINED, "the same asker may ask twice");
	ok(dns_flights_n(f) == 2, "two flights for four askers");
	ok(dns_flight_deadline_us(f) == 1000, "the oldest is due first");

	ok(dns_flight_land(f, first, &q, &started) && dns_question_eq(&q, &a) && started == 0,
	   "a flight lands with its question, and when that was asked");
	ok(dns_flight_next_asker(f, &asker) && asker == 11, "the first asker is told first");
	ok(dns_flight_ask(f, &a, 15, &again, 20) == FLIGHT_STARTED && again != first,
	   "who asks while the others are told starts a new flight");
	ok(dns_flight_next_asker(f, &asker) && asker == 12 && dns_flight_next_asker(f, &asker) && asker == 11 &&
		   !dns_flight_next_asker(f, &asker),
	   "then the others, once for each time they asked");
	ok(!dns_flight_land(f, first, &q, &started), "a flight lands once");
	ok(!dns_flight_land(f, 0, &q, &started) && !dns_flight_land(f, UINT64_MAX, &q, &started) &&
		   !dns_flight_land(f, 77, &q, &started),
	   "an unknown flight does not land");

	uint64_t late;
	ok(!dns_flight_overdue(f, 1006, &late), "nothing is overdue before its time");
	ok(dns_flight_overdue(f, 1007, &late) && late == other, "the oldest is overdue at its time");
	ok(dns_flight_land(f, late, &q, &started) && dns_question_eq(&q, &b) && dns_flight_next_asker(f, &asker) &&
		   asker == 13,
	   "and lands with a timeout");
	ok(!dns_flight_land(f, other, &q, &started), "so that its late answer is unknown");
	ok(dns_flight_deadline_us(f) == 1020, "the next is due later");
}

static void bounds(void *memory)
{
	struct dns_flights *f = dns_flights_init(memory, &settings, &key);
	struct dns_question q[5], landed;
	uint64_t flight[5], asker, started;
	bool good = true;

	for (unsigned i = 0; i < 5; i++)
		q[i] = question(i);
	for (unsigned i = 0; i < 4; i++)
		good &= dns_flight_ask(f, &q[i], i, &flight[i], 0) == FLIGHT_STARTED;
	ok(good, "flights_max flights start");
	ok(dns_flight_ask(f, &q[4], 4, &flight[4], 0) == FLIGHT_FULL, "one more does not");
	for (unsigned i = 0; i < 4; i++)
		good &= dns_flight_ask(f, &q[0], 10 + i, &flight[4], 0) == FLIGHT_JOINED;
	ok(good, "askers_max askers ask");
	ok(dns_flight_ask(f, &q[0], 20, &flight[4], 0) == FLIGHT_FULL, "one more does not");
	ok(dns_flight_land(f, flight[0], &landed, &started) &&
		   dns_flight_ask(f, &q[4], 4, &flight[4], 0) == FLIGHT_FULL,
	   "askers count until they are told");
	ok(dns_flight_land(f, flight[1], &landed, &started), "the next landing forgets who was not told");
	ok(dns_flight_next_asker(f, &asker) && asker == 1 && !dns_flight_next_asker(f, &asker), "and tells its own");
	ok(dns_flight_ask(f, &q[4], 4, &flight[4], 0) == FLIGHT_STARTED, "then there is room again");
}

/* Random life against a table that anyone can read. */
static void random_life(void *memory)
{
	struct dns_flights *f = dns_flights_init(memory, &settings, &key);
	struct {
		bool flying;
		uint64_t flight, since;
		unsigned n_askers;
		uint64_t askers[8];
	} twin[10] = { 0 };
	uint64_t now = 0, n_told = 0;
	unsigned n_flights = 0, n_askers = 0;
	bool good = true;

	srand(3);
	for (unsigned round = 0; round < 300000; round++) {
		unsigned i = (unsigned)rand() % 10;
		struct dns_question q = question(i), landed;
		uint64_t flight, asker, started;

		now += (uint64_t)rand() % 100;
		if (rand() % 2) {
			enum dns_flight_join join = dns_flight_ask(f, &q, round, &flight, now);
			enum dns_flight_join expected = n_askers == settings.askers_max     ? FLIGHT_FULL
							: twin[i].flying                    ? FLIGHT_JOINED
							: n_flights == settings.flights_max ? FLIGHT_FULL
											    : FLIGHT_STARTED;
			good &= join == expected;
			if (join == FLIGHT_FULL)
				continue;
			if (join == FLIGHT_STARTED) {
				twin[i].flying = true;
				twin[i].flight = flight;
				twin[i].since = now;
				twin[i].n_askers = 0;
				n_flights++;
			}
			good &= flight == twin[i].flight;
			twin[i].askers[twin[i].n_askers++] = round;
			n_askers++;
			continue;
		}
		if (dns_flight_overdue(f, now, &flight)) {
			for (i = 0; i < 10 && !(twin[i].flying && twin[i].flight == flight);)
				i++;
			good &= i < 10 && now - twin[i].since >= settings.timeout_us;
			for (unsigned j = 0; j < 10; j++)
				good &= !twin[j].flying || twin[j].since >= twin[i].since;
		} else {
			good &= dns_flight_deadline_us(f) > now;
			flight = twin[i].flight;
		}
		bool lands = dns_flight_land(f, flight, &landed, &started);
		good &= lands == twin[i].flying && (!lands || started == twin[i].since);
		if (!lands)
			continue;
		q = question(i);
		good &= dns_question_eq(&q, &landed);
		for (unsigned j = 0; j < twin[i].n_askers; j++)
			good &= dns_flight_next_asker(f, &asker) && asker == twin[i].askers[j];
		good &= !dns_flight_next_asker(f, &asker);
		n_told += twin[i].n_askers;
		n_askers -= twin[i].n_askers;
		n_flights--;
		twin[i].flying = false;
		good &= dns_flights_n(f) == n_flights;
	}
	ok(good && n_told > 50000, "every asker of a random life is told once, in order, within its time");
}

int main(void)
{
	void *memory = malloc(dns_flights_memory(&settings));

	sharing(memory);
	bounds(memory);
	random_life(memory);
	free(memory);
	return done();
}
