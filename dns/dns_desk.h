// SPDX-License-Identifier: MIT
/*
 * dns_desk.h - what is known is told at once; what is not is asked once, for however many wait
 *
 * The cache and the flights put together, with the rules that belong to neither: a failure never takes the place of an
 * answer that can still be used, names that come back are asked again before they expire, and every answer's delay
 * is counted.  Core: the caller carries questions to the resolver and answers back.
 *
 *	dns_desk_ask() -> DESK_ASK -> the resolver ... dns_desk_land() -> dns_desk_next_asker(), until there is none
 */
#ifndef DNS_DESK_H
#define DNS_DESK_H

#include "dns/dns_cache.h"
#include "dns/dns_flight.h"

struct dns_desk_settings {
	uint32_t refreshes_max; /* flights of our own accord at once; 0: none */
};

/* Answers of the resolver by the time they took; the last has no upper bound. */
#define DNS_DELAY_BOUNDS_US                                                                                            \
	{                                                                                                              \
		1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000               \
	}
#define DNS_DELAY_N 13

struct dns_desk_counts {
	uint64_t asked, joined, refreshed,
		full; /* flights begun for askers; askers who joined one; begun of our own accord; refused */
	uint64_t by_rcode[DNS_TIMEOUT + 1];    /* how flights ended */
	uint64_t stale;                        /* failures for which an answer past its time stood in */
	uint64_t late;                         /* answers after their flight's time */
	uint64_t delay[DNS_DELAY_N], delay_us; /* of all flights that an answer ended; and their sum */
};

struct dns_desk {
	struct dns_cache *cache;
	struct dns_flights *flights;
	struct dns_desk_settings settings;
	uint32_t n_refreshes; /* under way */
	struct dns_desk_counts counts;
};

/* Both borrowed for the desk's life. */
void dns_desk_init(struct dns_desk *d, struct dns_cache *cache, struct dns_flights *flights,
		   const struct dns_desk_settings *settings);

enum dns_desk_ask {
	DESK_KNOWN, /* *answer, borrowed until the next call */
	DESK_WAIT,  /* it is under way */
	DESK_ASK,   /* the resolver, with *flight as its ticket */
	DESK_FULL,  /* too much is under way; nobody waits */
};

/* @asker: any number but DNS_DESK_NOBODY; given back by dns_desk_next_asker() once after WAIT or ASK. */
#define DNS_DESK_NOBODY UINT64_MAX
enum dns_desk_ask dns_desk_ask(struct dns_desk *d, const struct dns_question *q, uint64_t asker, uint64_t now_us,
			       const struct dns_answer **answer, uint64_t *flight);

/* The next question to ask the resolver of our own accord, with *flight; false: none for now.  To be called steadily. */
bool dns_desk_refresh(struct dns_desk *d, uint64_t now_us, struct dns_question *q, uint64_t *flight);

/**
 * dns_desk_land - an answer came, or its time is over (then with DNS_TIMEOUT)
 *
 * Returns what the askers are to be told, which is another answer when this one is a failure and an older can still be
 * used; borrowed until the next call.  NULL: no such flight, its askers were told that it is late.
 */
const struct dns_answer *dns_desk_land(struct dns_desk *d, uint64_t flight, const struct dns_answer *answer,
				       struct dns_question *q, uint64_t now_us);

/* As dns_desk_land() for a question that the resolver did not take: @failure is told, but not kept. */
const struct dns_answer *dns_desk_refused(struct dns_desk *d, uint64_t flight, const struct dns_answer *failure,
					  struct dns_question *q, uint64_t now_us);

bool dns_desk_next_asker(struct dns_desk *d, uint64_t *asker); /* of the flight landed last */

/* The oldest flight when its time is over: to be landed with DNS_TIMEOUT. */
bool dns_desk_overdue(struct dns_desk *d, uint64_t now_us, uint64_t *flight);

#endif
