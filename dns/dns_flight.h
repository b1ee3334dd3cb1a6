// SPDX-License-Identifier: MIT
/*
 * dns_flight.h - one question in flight, however many ask it
 *
 * Core.  An asker is a 64-bit ticket.  The first asker of a question starts a flight; later ones join it;
 * the answer is handed to all.  A flight that is too old lands with DNS_TIMEOUT.
 */
#ifndef DNS_FLIGHT_H
#define DNS_FLIGHT_H

#include "dataplane/base/siphash.h"
#include "dns/dns_question.h"

struct dns_flight_settings {
	uint32_t flights_max;
	uint32_t askers_max; /* of all flights together */
	uint64_t timeout_us;
};

struct dns_flights;

enum dns_flight_join { FLIGHT_STARTED, /* ask the resolver with *flight as ticket */ FLIGHT_JOINED, FLIGHT_FULL };

size_t dns_flights_memory(const struct dns_flight_settings *settings);
struct dns_flights *dns_flights_init(void *memory, const struct dns_flight_settings *settings,
				     const struct siphash_key *key);
enum dns_flight_join dns_flight_ask(struct dns_flights *f, const struct dns_question *q, uint64_t asker,
				    uint64_t *flight, uint64_t now_us);

/*
 * A flight's answer came: its question, when it was first asked, and its askers one by one by dns_flight_next_asker().
 * False: no such flight (late).
 */
bool dns_flight_land(struct dns_flights *f, uint64_t flight, struct dns_question *q, uint64_t *started_us);
bool dns_flight_next_asker(struct dns_flights *f, uint64_t *asker); /* of the flight landed last; until false */

/* The oldest flight when it is past its time: land it with a timeout.  Its late answer will then be unknown. */
bool dns_flight_overdue(struct dns_flights *f, uint64_t now_us, uint64_t *flight);
uint64_t dns_flight_deadline_us(const struct dns_flights *f);
uint32_t dns_flights_n(const struct dns_flights *f);

#endif
