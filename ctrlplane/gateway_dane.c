// SPDX-License-Identifier: MIT
/*
 * gateway_dane.c - TLSA records of the next hops that are known by them (RFC 7672): asked for, kept fresh, handed to workers
 *
 * A record counts only when DNSSEC vouches for it.  A next hop without one gets no mail: tls_dane says that it must be
 * known, so there is no falling back to whoever answers (RFC 7672 2.2 has that for the records of strangers).  Records are
 * asked for again before their TTL ends; an answer that does not come lets those of before serve until then.
 */
#include <string.h>

#include "ctrlplane/gateway.h"

enum { ASK_MIN_S = 30, ASK_MAX_S = 3600 };

enum state { NEW, GOOD, NONE, INSECURE, UNANSWERED };

static const char *const sentences[] = {
	[GOOD] = "it is known by its TLSA records",
	[NONE] = "it has no TLSA record that can be used, and gets no mail: publish one, or take tls_dane away",
	[INSECURE] =
		"DNSSEC does not vouch for its TLSA records, and it gets no mail: sign the zone, or take tls_dane away",
	[UNANSWERED] = "the question for its TLSA records is not answered",
};

static const char *const words[] = {
	[NEW] = "not asked for yet",      [GOOD] = "good",
	[NONE] = "none that can be used", [INSECURE] = "not vouched for by DNSSEC",
	[UNANSWERED] = "no answer",
};

/* Of the next hop at the same place in the settings. */
static struct entry {
	char name[SETTINGS_STR_MAX]; /* tls_name; "": not in use */
	uint16_t port;
	bool asked;
	uint32_t generation; /* so that an answer to an earlier name is told from one to this */
	enum state state;
	uint64_t ask_us, until_us;
	struct tls_tlsa records[TLS_TLSA_MAX];
	size_t n_records;
} entries[SETTINGS_NEXT_HOPS_MAX];

static bool changed; /* workers do not have what is in `entries` */

size_t gateway_dane_records(const struct settings_next_hop *h, const struct tls_tlsa **records)
{
	for (size_t i = 0; i < SETTINGS_NEXT_HOPS_MAX; i++)
		if (entries[i].port == h->port && strcmp(entries[i].name, h->tls_name) == 0) {
			*records = entries[i].records;
			return entries[i].n_records;
		}
	return 0;
}

const char *gateway_dane_word(const struct settings_next_hop *h)
{
	for (size_t i = 0; h->tls_dane && i < SETTINGS_NEXT_HOPS_MAX; i++)
		if (entries[i].port == h->port && strcmp(entries[i].name, h->tls_name) == 0)
			return words[entries[i].state];
	return h->tls_dane ? words[NEW] : "";
}

static void become(struct entry *e, enum state state)
{
	if (e->state == state)
		return;
	e->state = state;
	if (state == GOOD)
		log_info("next hop %s, port %u: %s", e->name, e->port, sentences[state]);
	else
		log_warning("next hop %s, port %u: %s", e->name, e->port, sentences[state]);
}

static void take(struct entry *e, const struct tls_tlsa *records, size_t n)
{
	if (n == e->n_records && (n == 0 || memcmp(records, e->records, n * sizeof(*records)) == 0))
		return;
	if (n)
		memcpy(e->records, records, n * sizeof(*records));
	e->n_records = n;
	changed = true;
}

/* RFC 6698 2.1; those that are too long are left out. */
static size_t read_records(const struct dns_answer *a, struct tls_tlsa records[TLS_TLSA_MAX])
{
	uint32_t cursor = 0;
	struct span rdata;
	size_t n = 0;

	memset(records, 0, TLS_TLSA_MAX * sizeof(*records));
	while (n < TLS_TLSA_MAX && dns_answer_next(a, &cursor, &rdata)) {
		struct tls_tlsa *r = &records[n];

		if (rdata.len <= 3 || rdata.len - 3 > sizeof(r->data))
			continue;
		r->usage = rdata.at[0];
		r->selector = rdata.at[1];
		r->matching = rdata.at[2];
		r->len = (uint16_t)(rdata.len - 3);
		memcpy(r->data, rdata.at + 3, r->len);
		n++;
	}
	return n;
}

void gateway_dane_answer(uint64_t tag, const struct dns_answer *a)
{
	static struct tls_tlsa records[TLS_TLSA_MAX];
	struct entry *e = &entries[tag % SETTINGS_NEXT_HOPS_MAX];
	uint64_t now_us = gateway_now_us(), ttl_s = a->ttl_s;

	if (tag / SETTINGS_NEXT_HOPS_MAX != e->generation)
		return;
	e->asked = false;
	ttl_s = ttl_s < ASK_MIN_S ? ASK_MIN_S : ttl_s > ASK_MAX_S ? ASK_MAX_S : ttl_s;
	if (dns_answer_failed(a)) {
		e->ask_us = now_us + ASK_MIN_S * UINT64_C(1000000);
		if (e->state != GOOD)
			become(e, UNANSWERED);
		return;
	}
	/* A little early, so that there is time for the answer; half a minute at least. */
	e->ask_us = now_us + ttl_s * 900000;
	e->until_us = now_us + ttl_s * 1000000 + ASK_MIN_S * UINT64_C(1000000);
	size_t n = a->rcode == DNS_NOERROR && a->secure ? read_records(a, records) : 0;

	take(e, records, n);
	become(e, n ? GOOD : a->rcode == DNS_NOERROR && !a->secure ? INSECURE : NONE);
}

static void ask(struct gateway *g, struct entry *e)
{
	char name[DNS_NAME_MAX + 2];
	struct text t;
	struct dns_question q;

	text_init(&t, name, sizeof(name));
	text_puts(&t, "_");
	text_dec(&t, e->port);
	text_puts(&t, "._tcp.");
	text_puts(&t, e->name);
	if (!dns_question_set(&q, DNS_TLSA, text_span(&t)))
		return; /* longer than a name may be: it stays unknown */
	e->asked = true;
	gateway_dns_ask_for_dane(g, &q, (uint64_t)(e - entries) + e->generation * (uint64_t)SETTINGS_NEXT_HOPS_MAX);
}

static void entry_turn(struct gateway *g, struct entry *e, const struct settings_next_hop *h, uint64_t now_us)
{
	const char *name = h && h->tls_dane ? h->tls_name : "";

	if (strcmp(e->name, name) != 0 || (h && e->port != h->port)) {
		uint32_t generation = e->generation + 1;

		memset(e, 0, sizeof(*e));
		e->generation = generation;
		snprintf(e->name, sizeof(e->name), "%s", name);
		e->port = h ? h->port : 0;
	}
	if (!e->name[0])
		return;
	if (e->n_records && now_us >= e->until_us) {
		take(e, NULL, 0);
		become(e, UNANSWERED);
	}
	if (!e->asked && now_us >= e->ask_us)
		ask(g, e);
}

void gateway_dane_turn(struct gateway *g, uint64_t now_us)
{
	const struct settings *s = g->settings;
	char why[512];

	for (unsigned i = 0; i < SETTINGS_NEXT_HOPS_MAX; i++)
		entry_turn(g, &entries[i], i < s->n_next_hops ? &s->next_hops[i] : NULL, now_us);
	if (!changed)
		return;
	changed = false;
	if (gateway_tls_make(g, s, why, sizeof(why)))
		gateway_tls_hand_over(g);
	else
		log_error("TLSA records are not handed to the workers, those before stay in use: %s", why);
}
