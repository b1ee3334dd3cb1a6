// SPDX-License-Identifier: MIT
/*
 * tcp_source.c - limits by where connections come from
 */
#include "dataplane/net/tcp_conn.h"

enum level { HOST, NET };

static bool counts_conns(const struct tcp_source_settings *s)
{
	return s->records_max && (s->host_conns_max || s->net_conns_max || s->host_rate_per_min);
}

static size_t aligned(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

/* Twice as many counters as records, so that few nets share one. */
static size_t n_counters(const struct tcp_source_settings *s, uint32_t half_open_max)
{
	return s->net_half_open_max ? tcp_table_buckets(2 * (size_t)half_open_max) : 0;
}

static size_t n_records(const struct tcp_source_settings *s)
{
	return counts_conns(s) ? s->records_max : 0;
}

size_t tcp_sources_memory(const struct tcp_source_settings *settings, uint32_t half_open_max)
{
	return aligned(n_counters(settings, half_open_max) * sizeof(uint16_t)) +
	       aligned(tcp_table_buckets(n_records(settings)) * sizeof(uint32_t)) +
	       pool_memory(n_records(settings), sizeof(struct tcp_source));
}

void tcp_sources_init(struct tcp_sources *s, void *memory, const struct tcp_source_settings *settings,
		      uint32_t half_open_max, const struct siphash_key *secret)
{
	uint8_t *at = memory;
	size_t n_halves = n_counters(settings, half_open_max), n_buckets = tcp_table_buckets(n_records(settings));

	CHECK(settings->host_rate_per_min <= TCP_SOURCE_RATE_MAX);
	*s = (struct tcp_sources){ .secret = *secret, .mask = (uint32_t)(n_buckets - 1) };
	if (n_halves) {
		s->halves = (uint16_t *)(void *)at;
		s->halves_shift = 64 - (unsigned)__builtin_ctzll(n_halves);
		s->halves_factor = (secret->k0 ^ secret->k1) | 1;
	}
	at += aligned(n_halves * sizeof(uint16_t));
	s->buckets = (uint32_t *)(void *)at;
	at += aligned(n_buckets * sizeof(uint32_t));
	pool_init(&s->pool, at, n_records(settings), sizeof(struct tcp_source));
}

/* --- records ----------------------------------------------------------------------------------- */

static unsigned bits_of(const struct tcp_source_settings *s, const struct ip_addr *a, enum level level)
{
	if (level == HOST)
		return a->family == IP_V4 ? s->host4_bits : s->host6_bits;
	return a->family == IP_V4 ? s->net4_bits : s->net6_bits;
}

static uint64_t id_of(const struct tcp *t, const struct ip_addr *a, enum level level)
{
	unsigned bits = bits_of(&t->settings.sources, a, level);
	/* Level and family first, then as much of the address as there is prefix. */
	uint8_t in[24] = { (uint8_t)level, a->family, (uint8_t)bits };
	size_t len = (bits + 7) / 8;

	memcpy(in + 4, a->bytes, len);
	if (bits % 8)
		in[4 + len - 1] &= (uint8_t)(0xff00 >> bits % 8);
	return siphash(&t->sources.secret, span_of(in, a->family == IP_V4 ? 8 : 20));
}

static struct tcp_source *at(const struct tcp_sources *s, uint32_t number)
{
	return number ? pool_at(&s->pool, number - 1) : NULL;
}

static uint32_t number_of(const struct tcp_sources *s, const struct tcp_source *e)
{
	return (uint32_t)pool_index(&s->pool, e) + 1;
}

static struct tcp_source *find(const struct tcp_sources *s, uint64_t id)
{
	struct tcp_source *e = at(s, s->buckets[id & s->mask]);

	while (e && e->id != id)
		e = at(s, e->next);
	return e;
}

static void idle_add(struct tcp_sources *s, struct tcp_source *e)
{
	struct tcp_source *newest = at(s, s->idle_newest);

	e->older = s->idle_newest;
	e->newer = 0;
	s->idle_newest = number_of(s, e);
	*(newest ? &newest->newer : &s->idle_oldest) = s->idle_newest;
}

static void idle_remove(struct tcp_sources *s, struct tcp_source *e)
{
	struct tcp_source *older = at(s, e->older), *newer = at(s, e->newer);

	*(older ? &older->newer : &s->idle_oldest) = e->newer;
	*(newer ? &newer->older : &s->idle_newest) = e->older;
}

static void unlink_record(struct tcp_sources *s, struct tcp_source *e)
{
	uint32_t *link = &s->buckets[e->id & s->mask], number = number_of(s, e);

	while (*link != number) {
		struct tcp_source *before = at(s, *link);

		CHECK(before);
		link = &before->next;
	}
	*link = e->next;
}

static uint32_t full_bucket(const struct tcp *t)
{
	return t->settings.sources.host_rate_per_min * TCP_SOURCE_TOKEN;
}

static uint32_t tokens_now(const struct tcp *t, const struct tcp_source *e, uint32_t now_ms)
{
	uint32_t full = full_bucket(t), past_ms = now_ms - e->filled_ms, missing = full - e->tokens;

	/* A minute fills any bucket, so a longer pause must not be multiplied. */
	if (past_ms >= 60000 || past_ms * t->settings.sources.host_rate_per_min >= missing)
		return full;
	return e->tokens + past_ms * t->settings.sources.host_rate_per_min;
}

/* Room for a record: a free one, or that of whoever has been without a connection longest. */
static struct tcp_source *room(struct tcp *t, uint32_t now_ms)
{
	struct tcp_sources *s = &t->sources;
	struct tcp_source *e = pool_take(&s->pool);

	if (e || !s->idle_oldest)
		return e;
	e = at(s, s->idle_oldest);
	idle_remove(s, e);
	unlink_record(s, e);
	t->stats->tcp_sources_forgotten += tokens_now(t, e, now_ms) < full_bucket(t);
	return e;
}

static uint32_t limit_of(const struct tcp *t, enum level level)
{
	uint32_t n = level == HOST ? t->settings.sources.host_conns_max : t->settings.sources.net_conns_max;

	return n ? n : UINT32_MAX;
}

/* The record of @id, made if need be, with one connection more; NULL: no room. */
static struct tcp_source *count(struct tcp *t, uint64_t id, enum level level, uint32_t now_ms)
{
	struct tcp_sources *s = &t->sources;
	struct tcp_source *e = find(s, id);

	if (!e) {
		e = room(t, now_ms);
		if (!e)
			return NULL;
		*e = (struct tcp_source){
			.id = id, .next = s->buckets[id & s->mask], .tokens = full_bucket(t), .filled_ms = now_ms
		};
		s->buckets[id & s->mask] = number_of(s, e);
	} else if (!e->n_conns) {
		idle_remove(s, e);
	}
	e->n_conns++;
	s->n_at_limit += e->n_conns == limit_of(t, level);
	return e;
}

/* One connection less.  Beyond the last one only a host's bucket need be remembered. */
static void uncount(struct tcp *t, struct tcp_source *e, enum level level)
{
	struct tcp_sources *s = &t->sources;

	CHECK(e && e->n_conns);
	s->n_at_limit -= e->n_conns == limit_of(t, level);
	if (--e->n_conns)
		return;
	if (level == HOST && t->settings.sources.host_rate_per_min) {
		idle_add(s, e);
		return;
	}
	unlink_record(s, e);
	pool_give(&s->pool, e);
}

/* --- connections ------------------------------------------------------------------------------- */

static bool refused(uint64_t *counter)
{
	++*counter;
	return false;
}

bool tcp_source_admits(struct tcp *t, const struct ip_addr *remote, uint64_t now_us)
{
	const struct tcp_sources *s = &t->sources;
	const struct tcp_source *e;

	if (!s->n_at_limit && now_us >= s->spent_until_us)
		return true;
	e = find(s, id_of(t, remote, HOST));
	if (e && e->n_conns >= limit_of(t, HOST))
		return refused(&t->stats->tcp_source_host_full);
	if (e && full_bucket(t) && tokens_now(t, e, (uint32_t)(now_us / 1000)) < TCP_SOURCE_TOKEN)
		return refused(&t->stats->tcp_source_too_fast);
	if (e && e->n_conns)
		e = at(s, e->net);
	else
		e = find(s, id_of(t, remote, NET));
	if (e && e->n_conns >= limit_of(t, NET))
		return refused(&t->stats->tcp_source_net_full);
	return true;
}

static void spend(struct tcp *t, struct tcp_source *host, uint64_t now_us)
{
	uint32_t now_ms = (uint32_t)(now_us / 1000), rate = t->settings.sources.host_rate_per_min;

	if (!rate)
		return;
	host->tokens = tokens_now(t, host, now_ms);
	host->tokens -= host->tokens < TCP_SOURCE_TOKEN ? host->tokens : TCP_SOURCE_TOKEN;
	host->filled_ms = now_ms;
	/* A minute's worth is one at least: there is a token again before a minute and a millisecond are over. */
	if (host->tokens < TCP_SOURCE_TOKEN)
		t->sources.spent_until_us = now_us + 60001000;
}

/* One more connection of @remote; false: not counted. */
static bool join(struct tcp *t, const struct ip_addr *remote, uint64_t now_us)
{
	struct tcp_sources *s = &t->sources;
	uint32_t now_ms = (uint32_t)(now_us / 1000);
	struct tcp_source *host, *net = NULL;

	if (!s->pool.n_total)
		return false;
	host = count(t, id_of(t, remote, HOST), HOST, now_ms);
	if (host && host->n_conns > 1) {
		net = at(s, host->net);
		s->n_at_limit += ++net->n_conns == limit_of(t, NET);
	} else if (host) {
		net = count(t, id_of(t, remote, NET), NET, now_ms);
	}
	if (!net) {
		if (host)
			uncount(t, host, HOST);
		t->stats->tcp_sources_full++;
		return false;
	}
	host->net = number_of(s, net);
	spend(t, host, now_us);
	return true;
}

static void leave(struct tcp *t, const struct ip_addr *remote)
{
	struct tcp_source *host = find(&t->sources, id_of(t, remote, HOST));

	CHECK(host);
	uncount(t, at(&t->sources, host->net), NET);
	uncount(t, host, HOST);
}

void tcp_source_begin(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	if (join(t, &c->flow.key.remote, now_us))
		c->options |= CONN_COUNTED;
}

void tcp_source_end(struct tcp *t, struct tcp_conn *c)
{
	if (c->options & CONN_COUNTED)
		leave(t, &c->flow.key.remote);
	c->options &= (uint8_t)~CONN_COUNTED;
}

bool tcp_source_hand_on(struct tcp *t, struct tcp_conn *c, const struct ip_addr *to, uint64_t now_us)
{
	bool counted;

	tcp_source_end(t, c);
	counted = join(t, to, now_us);
	t->sources.n_handed_on += counted;
	return counted;
}

void tcp_source_give_back(struct tcp *t, const struct ip_addr *to)
{
	t->sources.n_handed_on--;
	leave(t, to);
}

/* --- half-open records ------------------------------------------------------------------------- */

static uint64_t word_of(const uint8_t octets[8])
{
	uint64_t word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | octets[i];
	return word;
}

/*
 * The counter of a net, by one multiplication, as each SYN needs it.  No more than a cookie depends on who shares it, so
 * it need not be as hard to foretell as the name of a record.
 */
static uint32_t counter_of(const struct tcp *t, const struct ip_addr *a)
{
	unsigned bits = bits_of(&t->settings.sources, a, NET);
	uint64_t prefix = word_of(a->bytes), rest = bits > 64 ? word_of(a->bytes + 8) : 0;

	if (bits < 64)
		prefix &= ~(UINT64_MAX >> bits);
	else if (bits < 128)
		rest &= ~(UINT64_MAX >> (bits - 64));
	prefix ^= prefix >> 32 ^ (rest ^ rest >> 32) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(prefix * t->sources.halves_factor >> t->sources.halves_shift);
}

bool tcp_source_half_begin(struct tcp *t, const struct ip_addr *remote, uint32_t *counter)
{
	struct tcp_sources *s = &t->sources;
	uint32_t i;

	*counter = 0;
	if (!s->halves)
		return true;
	i = counter_of(t, remote);
	if (s->halves[i] >= t->settings.sources.net_half_open_max)
		return refused(&t->stats->tcp_source_half_open_full);
	s->halves[i]++;
	*counter = i + 1;
	return true;
}

void tcp_source_half_end(struct tcp *t, uint32_t counter)
{
	if (!counter)
		return;
	CHECK(t->sources.halves[counter - 1]);
	t->sources.halves[counter - 1]--;
}

void tcp_source_check(const struct tcp *t)
{
	const struct tcp_sources *s = &t->sources;
	size_t n_records_used = 0, n_idle = 0, n_conns = 0, n_halves = 0, n_counted = 0;
	size_t n_counters_all = s->halves ? (size_t)1 << (64 - s->halves_shift) : 0;

	for (size_t b = 0; b <= s->mask; b++)
		for (const struct tcp_source *e = at(s, s->buckets[b]); e; e = at(s, e->next)) {
			CHECK((e->id & s->mask) == b);
			n_records_used++;
			n_conns += e->n_conns;
		}
	for (const struct tcp_source *e = at(s, s->idle_oldest); e; e = at(s, e->newer)) {
		CHECK(!e->n_conns);
		n_idle++;
	}
	CHECK(n_records_used == s->pool.n_used && n_idle <= n_records_used);
	for (size_t i = 0; i < t->conns.n_used_most; i++) {
		const struct tcp_conn *c = pool_at(&t->conns, i);

		n_counted += c->state != TCP_FREE && c->state != TCP_CLOSED && c->options & CONN_COUNTED;
	}
	CHECK(n_conns == 2 * (n_counted + s->n_handed_on));
	for (size_t i = 0; i < n_counters_all; i++)
		n_halves += s->halves[i];
	CHECK(!s->halves || n_halves == t->halves.n_used);
}
