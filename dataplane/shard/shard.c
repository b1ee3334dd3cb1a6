// SPDX-License-Identifier: MIT
/*
 * shard.c - one core's whole world: start, and the order of things
 *
 * A turn is: frames in (net, TCP, SMTP, message, verifiers), rings, timers, crypto, next hops, frames out.
 * shard_settle() runs what one thing set off in another until nothing is left, each list popped in a loop, so that
 * no peer can nest us.
 */
#include "dataplane/shard/shard_state.h"

/* Where in the memory given to shard_init() each part lies; sizes are worked out the same way for both calls. */
struct layout {
	size_t net, store, crypto, dns, kept, walks, rcpts, rates, clients, rooms, txns, relays, questions, records,
		keeps, explains, sessions, tls, plaintext, tls_failed, end;
	struct msg_store_settings store_settings;
	struct crypto_batch_settings crypto_settings;
	struct dns_cache_settings dns_settings, kept_settings;
	struct dmarc_cache_settings walk_settings;
	size_t n_relays, n_tls;
};

static size_t place(size_t *at, size_t size)
{
	size_t here = *at;

	*at += (size + 63) & ~(size_t)63;
	return here;
}

static void layout_of(struct layout *l, const struct shard_env *env)
{
	const struct settings *c = env->settings;
	size_t at = (sizeof(struct shard) + 63) & ~(size_t)63;

	l->store_settings = msg_store_settings_default();
	l->store_settings.messages_max = (uint32_t)c->limits_transactions_max;
	l->store_settings.header_max = (uint32_t)c->limits_header_max;
	l->store_settings.fields_max = (uint32_t)c->limits_header_fields_max;
	l->store_settings.blocks = (uint32_t)c->limits_body_blocks;
	l->store_settings.blocks_reserved = (uint32_t)(c->limits_body_blocks * c->limits_body_reserve / 100);
	l->crypto_settings = (struct crypto_batch_settings){ .jobs_max = SHARD_JOBS_MAX,
							     .wait_max_us = (uint64_t)c->crypto_batch_wait_us };
	l->dns_settings = (struct dns_cache_settings){ .entries_max = (uint32_t)c->dns_worker_cache_entries,
						       .ttl_min_s = (uint32_t)c->dns_ttl_min_s,
						       .ttl_max_s = (uint32_t)c->dns_ttl_max_s,
						       .ttl_negative_max_s = (uint32_t)c->dns_ttl_negative_max_s,
						       .ttl_servfail_s = (uint32_t)c->dns_ttl_servfail_s };
	l->kept_settings = (struct dns_cache_settings){ .entries_max = (uint32_t)c->spf_programs_max,
							.ttl_max_s = (uint32_t)c->dns_ttl_max_s };
	l->walk_settings = (struct dmarc_cache_settings){ .entries_max = (uint32_t)c->dmarc_walk_cache_entries,
							  .ttl_min_s = 1, /* the answers' own minimum is behind us */
							  .ttl_max_s = (uint32_t)c->dns_ttl_max_s,
							  .ttl_negative_max_s = (uint32_t)c->dns_ttl_negative_max_s };
	l->n_relays = c->relay_connections_max * c->n_next_hops;
	l->net = place(&at, net_memory(env->net));
	l->store = place(&at, msg_store_memory(&l->store_settings));
	l->crypto = place(&at, crypto_batch_memory(&l->crypto_settings));
	l->dns = place(&at, dns_cache_memory(&l->dns_settings));
	l->kept = place(&at, dns_cache_memory(&l->kept_settings));
	l->walks = place(&at, dmarc_cache_memory(&l->walk_settings));
	l->rcpts = place(&at, rcpt_cache_memory(c->recipients_cache_entries));
	l->rates = place(&at, rates_memory(c->rates_domains_max));
	l->clients = place(&at, pool_memory(c->limits_sessions_max, sizeof(struct client)));
	l->rooms = place(&at, pool_memory(c->limits_busy_max, sizeof(struct client_room)));
	l->txns = place(&at, pool_memory(c->limits_transactions_max, sizeof(struct txn)));
	l->relays = place(&at, pool_memory(l->n_relays, sizeof(struct relay)));
	l->questions = place(&at, pool_memory(SHARD_QUESTIONS_MAX, sizeof(struct shard_question)));
	l->records = place(&at, pool_memory(SHARD_RECORDS_MAX, sizeof(struct shard_record) + c->explain_octets));
	l->keeps = place(&at, c->quarantine_folder[0] ? pool_memory(SHARD_KEEPS_MAX, sizeof(struct shard_keep)) : 0);
	l->explains = place(&at, c->limits_transactions_max * c->explain_octets);
	l->sessions = place(&at, sizeof(struct shard_sessions));
	l->n_tls = env->tls ? c->tls_sessions_max : 0;
	l->tls = place(&at, pool_memory(l->n_tls, sizeof(struct shard_tls)));
	l->plaintext = place(&at, env->tls ? TLS_RECORD_MAX : 0);
	l->tls_failed = place(&at, env->tls ? tls_failed_memory(c->tls_failed_max) : 0);
	l->end = at;
}

size_t shard_memory(const struct shard_env *env)
{
	struct layout l;

	layout_of(&l, env);
	return l.end;
}

struct shard *shard_init(void *memory, const struct shard_env *env, uint64_t now_us, uint64_t now_unix_us)
{
	struct shard *s = memory;
	uint8_t *at = memory;
	struct siphash_key key;
	struct layout l;

	layout_of(&l, env);
	s->env = *env;
	s->unix_offset_us = now_unix_us - now_us;
	s->ready_end = &s->ready;
	timer_wheel_init(&s->timers, now_us);
	memcpy(&key, env->seed, sizeof(key));
	/* A start within a second of the last one must not give its ids again. */
	s->id_counter = (uint32_t)siphash(&key, SPAN("id"));
	s->net = net_init(at + l.net, env->net, env->seed + 16, &s->stats);
	s->tcp = net_tcp(s->net);
	s->store = msg_store_init(at + l.store, &l.store_settings, &s->stats);
	s->crypto = crypto_batch_init(at + l.crypto, &l.crypto_settings, env->crypto, &s->stats);
	s->dns = dns_cache_init(at + l.dns, &l.dns_settings, &key);
	s->kept = dns_cache_init(at + l.kept, &l.kept_settings, &key);
	s->memory = shard_memory_for_auth(s);
	pool_init(&s->clients, at + l.clients, env->settings->limits_sessions_max, sizeof(struct client));
	pool_init(&s->rooms, at + l.rooms, env->settings->limits_busy_max, sizeof(struct client_room));
	pool_init(&s->txns, at + l.txns, env->settings->limits_transactions_max, sizeof(struct txn));
	pool_init(&s->relays, at + l.relays, l.n_relays, sizeof(struct relay));
	pool_init(&s->questions, at + l.questions, SHARD_QUESTIONS_MAX, sizeof(struct shard_question));
	pool_init(&s->records, at + l.records, SHARD_RECORDS_MAX,
		  sizeof(struct shard_record) + env->settings->explain_octets);
	if (keep_wanted(s))
		pool_init(&s->keeps, at + l.keeps, SHARD_KEEPS_MAX, sizeof(struct shard_keep));
	pool_init(&s->tls, at + l.tls, l.n_tls, sizeof(struct shard_tls));
	s->plaintext = at + l.plaintext;
	if (env->tls)
		tls_failed_init(&s->tls_failed, at + l.tls_failed, env->settings->tls_failed_max, &key);
	s->explains = (char *)at + l.explains;
	s->explain_octets = env->settings->explain_octets;
	s->sessions_reply = (struct shard_sessions *)(void *)(at + l.sessions);
	s->walks = dmarc_cache_init(at + l.walks, &l.walk_settings, &key, &s->stats);
	s->rcpts = rcpt_cache_init(at + l.rcpts, env->settings->recipients_cache_entries, &key);
	s->rates = rates_init(at + l.rates, env->settings->rates_domains_max, &key);
	route_init(s);
	config_begin(s);
	hop_init(s, now_us);
	if (tcp_listen(s->tcp, (uint16_t)env->settings->smtp_port) != OK)
		s->stats.shard_listen_failed++;
	return s;
}

void shard_discard(struct shard *s, struct tcp_conn *conn)
{
	for (struct span rest = tcp_peek(s->tcp, conn); rest.len; rest = tcp_peek(s->tcp, conn))
		tcp_consume(s->tcp, conn, rest.len);
}

void shard_id(struct shard *s, char id[TXN_ID_LEN + 1], uint64_t now_us)
{
	uint32_t second = (uint32_t)(shard_unix_us(s, now_us) / 1000000), n = s->id_counter++;
	uint8_t bytes[TXN_ID_LEN / 2] = { (uint8_t)s->env.index,   (uint8_t)(second >> 24),
					  (uint8_t)(second >> 16), (uint8_t)(second >> 8),
					  (uint8_t)second,         (uint8_t)(n >> 16),
					  (uint8_t)(n >> 8),       (uint8_t)n };
	struct text text;

	text_init(&text, id, TXN_ID_LEN + 1);
	text_hex(&text, span_of(bytes, sizeof(bytes)));
}

static void tcp_told(struct shard *s, const struct tcp_event *e, uint64_t now_us)
{
	const enum shard_peer *peer = e->user;

	if (!peer) {
		if (e->kind == TCP_EVENT_ACCEPTED)
			client_accept(s, e->conn, now_us);
		return;
	}
	switch (*peer) {
	case PEER_CLIENT:
		client_event(s, e->user, e, now_us);
		break;
	case PEER_RELAY:
		relay_event(s, e->user, e, now_us);
		break;
	case PEER_REFUSED:
		refused_event(s, e);
		break;
	}
}

/* Runs what is set off until nothing is left.  Returns whether there was anything. */
static bool shard_settle(struct shard *s, uint64_t now_us)
{
	struct crypto_job *job;
	struct tcp_event e;
	bool any = false;

	for (bool more = true; more;) {
		more = false;
		while (tcp_event(s->tcp, &e)) {
			more = true;
			tcp_told(s, &e, now_us);
		}
		while ((job = crypto_batch_done(s->crypto))) {
			more = true;
			txn_job_done(s, job, now_us);
		}
		while (client_run_ready(s, now_us))
			more = true;
		if (s->dispatch) {
			more = true;
			hop_dispatch(s, now_us);
		}
		any |= more;
	}
	return any;
}

void shard_rx(struct shard *s, unsigned ifindex, struct span frame, unsigned rx_flags, uint64_t now_us)
{
	net_input(s->net, ifindex, frame, rx_flags, now_us);
	shard_settle(s, now_us);
	net_input_end(s->net, now_us);
}

void shard_rx_burst(struct shard *s, const struct net_in *in, size_t n, uint64_t now_us)
{
	net_burst(s->net, in, n, now_us);
	for (size_t i = 0; i < n; i++) {
		net_burst_process(s->net, i);
		shard_settle(s, now_us);
		net_input_end(s->net, now_us);
	}
}

#define OF_TIMER(type, t) ((type *)(void *)((uint8_t *)(t)-offsetof(type, timer)))

static bool timers_step(struct shard *s, uint64_t now_us)
{
	uint64_t until_us = shard_share_ends_us(s, now_us);
	struct timer *t;
	unsigned n = 0;

	while (n < SHARD_TURN_MAX && (!n || shard_clock_us(s, now_us) < until_us) &&
	       (t = timer_due(&s->timers, now_us))) {
		n++;
		switch ((enum shard_timer)t->tag) {
		case SHARD_TIMER_CLIENT:
			client_timer(s, OF_TIMER(struct client, t), now_us);
			break;
		case SHARD_TIMER_TXN:
			txn_timer(s, OF_TIMER(struct txn, t), now_us);
			break;
		case SHARD_TIMER_RELAY:
			relay_timer(s, OF_TIMER(struct relay, t), now_us);
			break;
		case SHARD_TIMER_HOP:
			hop_timer(s, OF_TIMER(struct hop, t), now_us);
			break;
		}
		shard_settle(s, now_us);
	}
	return n > 0;
}

static void count_long_turn(struct stats *stats, uint64_t took_us)
{
	stats->shard_turns_20us++;
	stats->shard_turns_30us += took_us >= 30;
	stats->shard_turns_50us += took_us >= 50;
	stats->shard_turns_70us += took_us >= 70;
	stats->shard_turns_100us += took_us >= 100;
	stats->shard_turns_150us += took_us >= 150;
	stats->shard_turns_200us += took_us >= 200;
	stats->shard_turns_300us += took_us >= 300;
	stats->shard_turns_500us += took_us >= 500;
	stats->shard_turns_1ms += took_us >= 1000;
}

/* The turn before this one is over: how long it took, if it did anything.  Whole microseconds, but the sum is exact. */
static void count_turn(struct shard *s, uint64_t now_us)
{
	uint64_t took_us = now_us - s->turn_us;

	s->turn_us = now_us;
	s->stats.shard_ticks++;
	if (!s->turn_busy)
		return;
	s->stats.shard_busy_us += took_us;
	s->stats.shard_turns++;
	if (took_us >= 20)
		count_long_turn(&s->stats, took_us);
}

/* What a step of it takes is what packets wait for. */
static void crypto_step(struct shard *s, uint64_t now_us, bool idle)
{
	struct stats *n = &s->stats;
	bool any = crypto_batch_under_way(s->crypto) > 0;
	uint64_t begun_us = any ? shard_clock_us(s, now_us) : 0;

	crypto_batch_step(s->crypto, now_us, idle);
	if (!any)
		return;
	uint64_t us = shard_clock_us(s, now_us) - begun_us;
	++*(us < 25    ? &n->crypto_steps_25us
	    : us < 50  ? &n->crypto_steps_50us
	    : us < 100 ? &n->crypto_steps_100us
	    : us < 200 ? &n->crypto_steps_200us
		       : &n->crypto_steps_more);
}

bool shard_tick(struct shard *s, uint64_t now_us, uint64_t now_unix_us, bool idle)
{
	count_turn(s, now_us);
	s->unix_offset_us = now_unix_us - now_us;
	net_step(s->net, now_us);
	config_step(s);
	bool any = control_step(s, now_us);
	stress_step(s, now_us);
	any |= timers_step(s, now_us);
	crypto_step(s, now_us, idle);
	any |= tls_step(s, now_us);
	any |= shard_settle(s, now_us);
	s->turn_busy = any || !idle;
	return any;
}

bool shard_tx(struct shard *s, struct net_frame *frame, uint64_t now_us)
{
	return net_next(s->net, frame, now_us);
}

uint64_t shard_deadline_us(const struct shard *s)
{
	uint64_t deadline_us = net_deadline_us(s->net), other_us = timer_deadline_us(&s->timers);

	if (other_us < deadline_us)
		deadline_us = other_us;
	if (s->handshakes)
		return 0;
	other_us = crypto_batch_deadline_us(s->crypto);
	return other_us < deadline_us ? other_us : deadline_us;
}

void shard_end(struct shard *s)
{
	crypto_batch_drain(s->crypto);
}

const struct stats *shard_stats(const struct shard *s)
{
	return &s->stats;
}

struct stats *shard_own_stats(struct shard *s)
{
	return &s->stats;
}

const struct histogram *shard_latency(const struct shard *s)
{
	return &s->latency_us;
}

const struct policy_counts *shard_policy_counts(const struct shard *s)
{
	return &s->config->policy_counts;
}
