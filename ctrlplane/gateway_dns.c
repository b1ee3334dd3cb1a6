// SPDX-License-Identifier: MIT
/*
 * gateway_dns.c - DNS for all workers: one cache, and one question in flight for many askers
 *
 * An asker is a worker's ticket, the control socket's, the reports' or that of next hops' TLSA records.  Tickets have 64 bits of their own, so an asker in
 * dns_flight is a slot of the table below, which remembers who it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ctrlplane/gateway.h"

enum {
	ZONE_FILE_MAX = 16 << 20,
	ASKERS_MAX = 65536,
	FROM_CONTROL = 0xffff,
	FROM_REPORTS = 0xfffe,
	FROM_DNSBL = 0xfffd,
	FROM_DANE = 0xfffc
};

static struct asker {
	uint64_t ticket;
	uint32_t next_free;
	uint16_t worker; /* or FROM_... */
} askers[ASKERS_MAX];
static uint32_t free_asker; /* index + 1; 0: none */

static void askers_init(void)
{
	for (uint32_t i = 0; i < ASKERS_MAX; i++)
		askers[i].next_free = i + 1 < ASKERS_MAX ? i + 2 : 0;
	free_asker = 1;
}

static void hand_out(struct gateway *g, uint16_t worker, uint64_t ticket, const struct dns_question *q,
		     const struct dns_answer *answer)
{
	if (worker == FROM_CONTROL)
		control_dns_answer(g->control, ticket, answer);
	else if (worker == FROM_DNSBL)
		gateway_dnsbl_answer(g, ticket, answer);
	else if (worker == FROM_DANE)
		gateway_dane_answer(ticket, answer);
	else if (worker != FROM_REPORTS)
		gateway_answer_worker(g, worker, ticket, q, answer);
	else if (g->reports)
		report_dns_answer(g->reports, ticket, answer);
}

static void hand_to_all(struct gateway *g, const struct dns_question *q, const struct dns_answer *answer)
{
	uint64_t slot;

	while (dns_desk_next_asker(&g->dns, &slot)) {
		struct asker who = askers[slot];

		askers[slot].next_free = free_asker;
		free_asker = (uint32_t)slot + 1;
		hand_out(g, who.worker, who.ticket, q, answer);
	}
}

/* The resolver takes the flight's question, or all who wait are told that it failed. */
static void ask_resolver(struct gateway *g, const struct dns_question *q, uint64_t flight, uint64_t now_us)
{
	struct dns_answer failed;
	struct dns_question same;

	if (g->resolver.ask(g->resolver.driver, q, flight))
		return;
	dns_answer_init(&failed, sizeof(failed), DNS_SERVFAIL, 0);
	const struct dns_answer *told = dns_desk_refused(&g->dns, flight, &failed, &same, now_us);
	if (told)
		hand_to_all(g, &same, told);
}

static void ask(struct gateway *g, uint16_t worker, uint64_t ticket, const struct dns_question *q, uint64_t now_us)
{
	const struct dns_answer *known;
	struct dns_answer failed;
	uint64_t flight;

	dns_answer_init(&failed, sizeof(failed), DNS_SERVFAIL, 0);
	if (!free_asker) {
		known = dns_cache_get(g->cache, q, now_us);
		hand_out(g, worker, ticket, q, known ? known : &failed);
		return;
	}
	uint32_t slot = free_asker - 1;
	enum dns_desk_ask found = dns_desk_ask(&g->dns, q, slot, now_us, &known, &flight);

	if (found == DESK_KNOWN || found == DESK_FULL) {
		hand_out(g, worker, ticket, q, found == DESK_KNOWN ? known : &failed);
		return;
	}
	free_asker = askers[slot].next_free;
	askers[slot] = (struct asker){ .ticket = ticket, .worker = worker };
	if (found == DESK_ASK)
		ask_resolver(g, q, flight, now_us);
}

void gateway_dns_ask_worker(struct gateway *g, unsigned worker, uint64_t ticket, const struct dns_question *q,
			    uint64_t now_us)
{
	ask(g, (uint16_t)worker, ticket, q, now_us);
}

bool gateway_dns_lookup(void *arg, const struct dns_question *q, uint64_t tag)
{
	ask(arg, FROM_CONTROL, tag, q, gateway_now_us());
	return true;
}

void gateway_dns_ask_for_dnsbl(struct gateway *g, const struct dns_question *q, uint64_t tag)
{
	ask(g, FROM_DNSBL, tag, q, gateway_now_us());
}

void gateway_dns_ask_for_reports(struct gateway *g, const struct dns_question *q, uint64_t tag)
{
	ask(g, FROM_REPORTS, tag, q, gateway_now_us());
}

void gateway_dns_ask_for_dane(struct gateway *g, const struct dns_question *q, uint64_t tag)
{
	ask(g, FROM_DANE, tag, q, gateway_now_us());
}

static void land(struct gateway *g, uint64_t flight, const struct dns_answer *answer, uint64_t now_us)
{
	struct dns_question q;
	const struct dns_answer *told = dns_desk_land(&g->dns, flight, answer, &q, now_us);

	if (told) /* else its askers were told that it is late */
		hand_to_all(g, &q, told);
}

bool gateway_dns_turn(struct gateway *g, uint64_t now_us)
{
	const struct dns_answer *answer;
	struct dns_question q;
	uint64_t flight;
	bool any = false;

	while (g->resolver.next(g->resolver.driver, &flight, &answer)) {
		any = true;
		land(g, flight, answer, now_us);
	}
	while (dns_desk_overdue(&g->dns, now_us, &flight)) {
		struct dns_answer late;

		any = true;
		dns_answer_init(&late, sizeof(late), DNS_TIMEOUT, 0);
		land(g, flight, &late, now_us);
	}
	if (dns_desk_refresh(&g->dns, now_us, &q, &flight)) {
		any = true;
		ask_resolver(g, &q, flight, now_us);
	}
	return any;
}

/* All of a file of at most ZONE_FILE_MAX octets; NULL with @error set.  The caller frees it. */
static char *read_zone(const char *path, size_t *n, char *error, size_t cap)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(ZONE_FILE_MAX + 1);
	const char *why = NULL;

	if (!f || !text)
		why = strerror(errno);
	else if ((*n = fread(text, 1, ZONE_FILE_MAX + 1, f)) > ZONE_FILE_MAX)
		why = "it is larger than 16 MiB";
	else if (ferror(f))
		why = strerror(errno);
	if (f)
		fclose(f);
	if (!why)
		return text;
	snprintf(error, cap, "%s: cannot be read: %s; see dns.zone_file", path, why);
	free(text);
	return NULL;
}

static bool open_zone(struct gateway *g, char *error, size_t cap)
{
	const char *path = g->settings->dns_zone_file, *what = "no memory";
	size_t n = 0;
	char *text = read_zone(path, &n, error, cap);

	if (!text)
		return false;
	g->zone = dns_zone_open();
	unsigned line = g->zone ? dns_zone_load(g->zone, span_of(text, n), &what) : 1;
	free(text);
	if (line != 0)
		snprintf(error, cap, "%s:%u: %s; write name TYPE rdata", path, line, what);
	else
		g->resolver = dns_zone_resolver(g->zone);
	return line == 0;
}

/* The resolver has a socket a question: as many descriptors as the system lets us have. */
static void raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &files); /* else with fewer, which dns_unbound.c sees */
}

static bool open_unbound(struct gateway *g, char *error, size_t cap)
{
	static char texts[SETTINGS_SERVERS_MAX][64];
	const char *forwarders[SETTINGS_SERVERS_MAX + 1] = { NULL }, *why = NULL;
	struct dns_unbound_settings s = { .forwarders = forwarders,
					  .trust_anchor_file = g->settings->dns_trust_anchor_file,
					  .under_way_max = (uint32_t)g->settings->dns_flights_max };

	raise_descriptors();
	if (strcmp(g->settings->dns_mode, "forward") == 0)
		for (unsigned i = 0; i < g->settings->n_dns_servers; i++) {
			struct text t;

			text_init(&t, texts[i], sizeof(texts[i]));
			ip_addr_text(&g->settings->dns_servers[i].addr, &t);
			text_putc(&t, '@');
			text_dec(&t, g->settings->dns_servers[i].port);
			forwarders[i] = texts[i];
		}
	if (dns_unbound_open(&g->resolver, &s, &why))
		return true;
	snprintf(error, cap, "the resolver cannot start: %s; see the dns section of %s", why ? why : "?", g->path);
	return false;
}

bool gateway_dns_open(struct gateway *g, char *error, size_t cap)
{
	const struct settings *s = g->settings;
	struct dns_cache_settings cache = { .entries_max = (uint32_t)s->dns_cache_entries,
					    .ttl_min_s = (uint32_t)s->dns_ttl_min_s,
					    .ttl_max_s = (uint32_t)s->dns_ttl_max_s,
					    .ttl_negative_max_s = (uint32_t)s->dns_ttl_negative_max_s,
					    .ttl_servfail_s = (uint32_t)s->dns_ttl_servfail_s,
					    .stale_max_s = (uint32_t)s->dns_stale_max_s };
	struct dns_flight_settings flights = { .flights_max = (uint32_t)s->dns_flights_max,
					       .askers_max = ASKERS_MAX,
					       .timeout_us = s->dns_timeout_ms * 1000 };
	struct dns_desk_settings desk = { .refreshes_max = s->dns_prefetch ? (uint32_t)(s->dns_flights_max / 4) : 0 };
	void *cache_memory = aligned_alloc(64, (dns_cache_memory(&cache) + 63) & ~(size_t)63);
	void *flights_memory = aligned_alloc(64, (dns_flights_memory(&flights) + 63) & ~(size_t)63);
	struct siphash_key key;

	askers_init();
	gateway_random(&key, sizeof(key));
	if (!cache_memory || !flights_memory) {
		snprintf(error, cap, "no memory for the DNS cache; lower dns.cache_entries");
		free(cache_memory);
		free(flights_memory);
		return false;
	}
	g->cache = dns_cache_init(cache_memory, &cache, &key);
	g->flights = dns_flights_init(flights_memory, &flights, &key);
	dns_desk_init(&g->dns, g->cache, g->flights, &desk);
	return strcmp(s->dns_mode, "zone") == 0 ? open_zone(g, error, cap) : open_unbound(g, error, cap);
}

void gateway_dns_close(struct gateway *g)
{
	if (g->resolver.close)
		g->resolver.close(g->resolver.driver);
	if (g->zone && !g->resolver.close)
		dns_zone_close(g->zone);
	free(g->cache);
	free(g->flights);
}
