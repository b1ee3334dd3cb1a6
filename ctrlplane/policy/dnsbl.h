// SPDX-License-Identifier: MIT
/*
 * dnsbl.h - lists of addresses in DNS (RFC 5782), with weights: what they say of a client, and whether they work
 *
 * All lists are asked at once, when a transaction begins.  Those that have the client add their weight to its score;
 * lists of the good have a negative one.  A list that does not answer in time, and one that is suspended, adds nothing:
 * nobody's mail waits for a list or is refused for one that is broken.
 *
 * Whether a list works is tested by the control thread, by the two names of RFC 5782 5: 127.0.0.2 is on every list,
 * 127.0.0.1 on none.
 */
#ifndef POLICY_DNSBL_H
#define POLICY_DNSBL_H

#include <stdatomic.h>

#include "conf/settings.h"
#include "dataplane/base/text.h"
#include "dns/dns_question.h"

/* The name to ask for: octets backwards in decimal, or nibbles in hexadecimal (RFC 5782 2.1, 2.4). */
bool MUST_USE dnsbl_question_of(struct dns_question *q, const struct settings_dnsbl *list,
				const struct ip_addr *client);

enum dnsbl_said {
	DNSBL_NOT_LISTED,
	DNSBL_LISTED,
	DNSBL_NO_ANSWER,
	DNSBL_REFUSED, /* 127.255.255.0/24: it does not want to be asked by us; as good as no answer */
};

/* Whether one of the addresses is among those that @list->answers name; all of 127.0.0.0/8 when none are. */
enum dnsbl_said dnsbl_read(const struct settings_dnsbl *list, const struct dns_answer *answer);

/* --- health ------------------------------------------------------------------------------------ */

enum dnsbl_state {
	DNSBL_UNTESTED,
	DNSBL_WORKS,
	DNSBL_LISTS_ALL,     /* 127.0.0.1 is on it */
	DNSBL_LISTS_NOTHING, /* 127.0.0.2 is not */
	DNSBL_SILENT,        /* it did not answer twice in a row */
	DNSBL_N_STATES
};

/* Of one zone; the control thread's. */
struct dnsbl_health {
	enum dnsbl_state state;
	enum dnsbl_said said[2]; /* of this test: to 127.0.0.1, to 127.0.0.2 */
	unsigned n_awaited;      /* answers of this test */
	unsigned n_silent;       /* tests in a row without both answers */
};

/* @point: 0 for 127.0.0.1, 1 for 127.0.0.2. */
bool MUST_USE dnsbl_test_question(struct dns_question *q, const char *zone, unsigned point);

/* A test begins; the answer to one of its two questions; true: it was the last, and h->state is what follows. */
void dnsbl_test_begin(struct dnsbl_health *h);
bool dnsbl_test_answer(struct dnsbl_health *h, unsigned point, const struct dns_answer *answer);

static inline bool dnsbl_is_suspended(enum dnsbl_state state)
{
	return state > DNSBL_WORKS;
}

const char *dnsbl_state_text(enum dnsbl_state state); /* "works", "lists everything"... */

/* What the control thread tells all workers.  Zones are only ever added. */
#define DNSBL_ZONES_MAX 64
struct dnsbl_zones {
	_Atomic uint32_t n;
	struct {
		char name[SETTINGS_STR_MAX];
		_Atomic bool suspended;
	} zones[DNSBL_ZONES_MAX];
};

/* The settings->dnsbls that are suspended, as bits.  @zones may be NULL: none is. */
uint32_t dnsbl_suspended(const struct dnsbl_zones *zones, const struct settings *settings);

/* --- one client -------------------------------------------------------------------------------- */

struct dnsbl {
	const struct settings *settings;
	uint32_t to_ask, awaited, listed; /* bits of settings->dnsbls */
	struct ip_addr client;
};

/* @suspended: bits of settings->dnsbls that are left out. */
void dnsbl_begin(struct dnsbl *d, const struct settings *settings, const struct ip_addr *client, uint32_t suspended);

/* The next question that may be asked now; @list names it for dnsbl_answer().  False: there is none. */
bool dnsbl_question(struct dnsbl *d, uint32_t *list, struct dns_question *q);
void dnsbl_answer(struct dnsbl *d, uint32_t list, const struct dns_answer *answer);
void dnsbl_give_up(struct dnsbl *d); /* what is awaited counts for nothing */

static inline bool dnsbl_done(const struct dnsbl *d)
{
	return !(d->to_ask | d->awaited);
}

/* The sum of the weights of the lists that have the client. */
int32_t dnsbl_score(const struct dnsbl *d);

/* "bl.example, zen.example": the zones whose weight has the sign of @sign. */
void dnsbl_zones(const struct settings *settings, uint32_t listed, int sign, struct text *out);

#endif
