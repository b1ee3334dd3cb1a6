// SPDX-License-Identifier: MIT
/*
 * dns_flight.c - one question in flight, however many ask it
 *
 * Flights and askers come from two arrays.  Every flight has the same time limit, so the list of flights in the
 * order of their start is also the order of their deadlines.  A flight's name is its index with a generation
 * above it: the late answer of one that landed never meets the one that has its place now.
 */
#include "dns/dns_flight.h"

#define NONE UINT32_MAX

struct flight {
	struct dns_question q;
	uint64_t deadline_us;
	uint32_t generation;
	uint32_t bucket;
	uint32_t next;           /* in the bucket, or of the free flights */
	uint32_t older, younger; /* in order of start */
	uint32_t asker_first, asker_last;
	bool flying;
};

struct asker {
	uint64_t ticket;
	uint32_t next; /* of the same flight, or of the free askers */
};

struct dns_flights {
	struct dns_flight_settings settings;
	struct siphash_key key;
	uint32_t n;
	uint32_t oldest, youngest;
	uint32_t free_flight, free_asker;
	uint32_t landed; /* askers of the flight landed last, not yet fetched */
	uint32_t bucket_mask;
	struct flight *flights;
	struct asker *askers;
	uint32_t *buckets;
};

static size_t round_up(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static uint32_t n_buckets(const struct dns_flight_settings *settings)
{
	uint32_t n = 16;

	while (n < settings->flights_max && n < UINT32_C(1) << 31)
		n *= 2;
	return n;
}

size_t dns_flights_memory(const struct dns_flight_settings *settings)
{
	return round_up(sizeof(struct dns_flights)) + round_up(settings->flights_max * sizeof(struct flight)) +
	       round_up(settings->askers_max * sizeof(struct asker)) + n_buckets(settings) * sizeof(uint32_t);
}

struct dns_flights *dns_flights_init(void *memory, const struct dns_flight_settings *settings,
				     const struct siphash_key *key)
{
	struct dns_flights *f = memory;
	uint8_t *at = (uint8_t *)memory + round_up(sizeof(*f));

	CHECK(((uintptr_t)memory & 15) == 0);
	CHECK(settings->flights_max > 0 && settings->flights_max < NONE);
	CHECK(settings->askers_max > 0 && settings->askers_max < NONE);
	*f = (struct dns_flights){
		.settings = *settings, .key = *key, .landed = NONE, .oldest = NONE, .youngest = NONE
	};
	f->flights = (struct flight *)(void *)at;
	at += round_up(settings->flights_max * sizeof(struct flight));
	f->askers = (struct asker *)(void *)at;
	at += round_up(settings->askers_max * sizeof(struct asker));
	f->buckets = (uint32_t *)(void *)at;
	f->bucket_mask = n_buckets(settings) - 1;
	for (uint32_t i = 0; i <= f->bucket_mask; i++)
		f->buckets[i] = NONE;
	for (uint32_t i = 0; i < settings->flights_max; i++)
		f->flights[i] = (struct flight){ .next = i + 1 < settings->flights_max ? i + 1 : NONE };
	for (uint32_t i = 0; i < settings->askers_max; i++)
		f->askers[i] = (struct asker){ .next = i + 1 < settings->askers_max ? i + 1 : NONE };
	return f;
}

static uint64_t name_of(const struct dns_flights *f, uint32_t i)
{
	return (uint64_t)f->flights[i].generation << 32 | i;
}

static uint32_t bucket_of(const struct dns_flights *f, const struct dns_question *q)
{
	/* type, length and name follow each other in the struct */
	size_t len = offsetof(struct dns_question, name) + q->len;

	return (uint32_t)siphash(&f->key, span_of(q, len)) & f->bucket_mask;
}

static void add_asker(struct dns_flights *f, struct flight *flight, uint64_t ticket)
{
	uint32_t i = f->free_asker;

	f->free_asker = f->askers[i].next;
	f->askers[i] = (struct asker){ .ticket = ticket, .next = NONE };
	if (flight->asker_first == NONE)
		flight->asker_first = i;
	else
		f->askers[flight->asker_last].next = i;
	flight->asker_last = i;
}

static uint32_t start(struct dns_flights *f, const struct dns_question *q, uint32_t bucket, uint64_t now_us)
{
	uint32_t i = f->free_flight;
	struct flight *flight = &f->flights[i];

	f->free_flight = flight->next;
	*flight = (struct flight){ .q = *q,
				   .deadline_us = now_us + f->settings.timeout_us,
				   .generation = flight->generation + 1,
				   .bucket = bucket,
				   .next = f->buckets[bucket],
				   .older = f->youngest,
				   .younger = NONE,
				   .asker_first = NONE,
				   .asker_last = NONE,
				   .flying = true };
	f->buckets[bucket] = i;
	if (f->youngest == NONE)
		f->oldest = i;
	else
		f->flights[f->youngest].younger = i;
	f->youngest = i;
	f->n++;
	return i;
}

enum dns_flight_join dns_flight_ask(struct dns_flights *f, const struct dns_question *q, uint64_t asker,
				    uint64_t *flight, uint64_t now_us)
{
	uint32_t bucket = bucket_of(f, q);
	uint32_t i = f->buckets[bucket];
	enum dns_flight_join join = FLIGHT_JOINED;

	if (f->free_asker == NONE)
		return FLIGHT_FULL;
	while (i != NONE && !dns_question_eq(&f->flights[i].q, q))
		i = f->flights[i].next;
	if (i == NONE) {
		if (f->free_flight == NONE)
			return FLIGHT_FULL;
		i = start(f, q, bucket, now_us);
		join = FLIGHT_STARTED;
	}
	add_asker(f, &f->flights[i], asker);
	*flight = name_of(f, i);
	return join;
}

/* Takes a flight out of its bucket and out of the order, and frees it. */
static void finish(struct dns_flights *f, uint32_t i)
{
	struct flight *flight = &f->flights[i];
	uint32_t *link = &f->buckets[flight->bucket];

	while (*link != i)
		link = &f->flights[*link].next;
	*link = flight->next;
	if (flight->older == NONE)
		f->oldest = flight->younger;
	else
		f->flights[flight->older].younger = flight->younger;
	if (flight->younger == NONE)
		f->youngest = flight->older;
	else
		f->flights[flight->younger].older = flight->older;
	flight->flying = false;
	flight->next = f->free_flight;
	f->free_flight = i;
	f->n--;
}

bool dns_flight_land(struct dns_flights *f, uint64_t flight, struct dns_question *q, uint64_t *started_us)
{
	uint32_t i = (uint32_t)flight;
	uint64_t unfetched;

	/* The resolver hands our own ticket back, but a late one may be of a flight long gone. */
	if (i >= f->settings.flights_max || !f->flights[i].flying || name_of(f, i) != flight)
		return false;
	while (dns_flight_next_asker(f, &unfetched))
		;
	*q = f->flights[i].q;
	*started_us = f->flights[i].deadline_us - f->settings.timeout_us;
	f->landed = f->flights[i].asker_first;
	finish(f, i);
	return true;
}

bool dns_flight_next_asker(struct dns_flights *f, uint64_t *asker)
{
	uint32_t i = f->landed;

	if (i == NONE)
		return false;
	*asker = f->askers[i].ticket;
	f->landed = f->askers[i].next;
	f->askers[i].next = f->free_asker;
	f->free_asker = i;
	return true;
}

bool dns_flight_overdue(struct dns_flights *f, uint64_t now_us, uint64_t *flight)
{
	if (f->oldest == NONE || now_us < f->flights[f->oldest].deadline_us)
		return false;
	*flight = name_of(f, f->oldest);
	return true;
}

uint64_t dns_flight_deadline_us(const struct dns_flights *f)
{
	return f->oldest == NONE ? UINT64_MAX : f->flights[f->oldest].deadline_us;
}

uint32_t dns_flights_n(const struct dns_flights *f)
{
	return f->n;
}
