// SPDX-License-Identifier: MIT
/*
 * dns_desk.c - what is known is told at once; what is not is asked once, for however many wait
 */
#include "dns/dns_desk.h"

/* Entries looked at for one refresh: a million entries are passed in a second of 1 000 turns. */
#define LOOKS 1000

void dns_desk_init(struct dns_desk *d, struct dns_cache *cache, struct dns_flights *flights,
		   const struct dns_desk_settings *settings)
{
	*d = (struct dns_desk){ .cache = cache, .flights = flights, .settings = *settings };
}

enum dns_desk_ask dns_desk_ask(struct dns_desk *d, const struct dns_question *q, uint64_t asker, uint64_t now_us,
			       const struct dns_answer **answer, uint64_t *flight)
{
	DCHECK(asker != DNS_DESK_NOBODY);
	*answer = dns_cache_get(d->cache, q, now_us);
	if (*answer)
		return DESK_KNOWN;
	switch (dns_flight_ask(d->flights, q, asker, flight, now_us)) {
	case FLIGHT_STARTED:
		d->counts.asked++;
		return DESK_ASK;
	case FLIGHT_JOINED:
		d->counts.joined++;
		return DESK_WAIT;
	case FLIGHT_FULL:
		break;
	}
	d->counts.full++;
	return DESK_FULL;
}

bool dns_desk_refresh(struct dns_desk *d, uint64_t now_us, struct dns_question *q, uint64_t *flight)
{
	if (d->n_refreshes >= d->settings.refreshes_max || !dns_cache_due(d->cache, LOOKS, now_us, q))
		return false;
	enum dns_flight_join join = dns_flight_ask(d->flights, q, DNS_DESK_NOBODY, flight, now_us);

	d->n_refreshes += join != FLIGHT_FULL;
	d->counts.refreshed += join == FLIGHT_STARTED;
	return join == FLIGHT_STARTED; /* joined: somebody's flight brings it anyway */
}

static void count_delay(struct dns_desk *d, uint64_t us)
{
	static const uint64_t bounds[DNS_DELAY_N - 1] = DNS_DELAY_BOUNDS_US;
	unsigned i = 0;

	while (i < DNS_DELAY_N - 1 && us > bounds[i])
		i++;
	d->counts.delay[i]++;
	d->counts.delay_us += us;
}

/* A failure, or an older answer that can still be used. */
static const struct dns_answer *or_older(struct dns_desk *d, const struct dns_question *q,
					 const struct dns_answer *failure, uint64_t now_us)
{
	const struct dns_answer *older = dns_cache_stale(d->cache, q, now_us);

	d->counts.stale += older != NULL;
	return older ? older : failure;
}

const struct dns_answer *dns_desk_land(struct dns_desk *d, uint64_t flight, const struct dns_answer *answer,
				       struct dns_question *q, uint64_t now_us)
{
	uint64_t started_us;

	if (!dns_flight_land(d->flights, flight, q, &started_us)) {
		d->counts.late++;
		return NULL;
	}
	d->counts.by_rcode[answer->rcode]++;
	if (answer->rcode != DNS_TIMEOUT)
		count_delay(d, now_us - started_us);
	const struct dns_answer *told = dns_answer_failed(answer) ? or_older(d, q, answer, now_us) : answer;

	if (told == answer)
		dns_cache_put(d->cache, q, answer, now_us);
	return told;
}

const struct dns_answer *dns_desk_refused(struct dns_desk *d, uint64_t flight, const struct dns_answer *failure,
					  struct dns_question *q, uint64_t now_us)
{
	uint64_t started_us;

	if (!dns_flight_land(d->flights, flight, q, &started_us))
		return NULL;
	d->counts.full++;
	return or_older(d, q, failure, now_us);
}

bool dns_desk_next_asker(struct dns_desk *d, uint64_t *asker)
{
	while (dns_flight_next_asker(d->flights, asker)) {
		if (*asker != DNS_DESK_NOBODY)
			return true;
		d->n_refreshes--;
	}
	return false;
}

bool dns_desk_overdue(struct dns_desk *d, uint64_t now_us, uint64_t *flight)
{
	return dns_flight_overdue(d->flights, now_us, flight);
}
