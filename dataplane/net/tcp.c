// SPDX-License-Identifier: MIT
/*
 * tcp.c - start-up, ports, and opening connections (state diagram: tcp_conn.h)
 */
#include "dataplane/net/tcp_conn.h"

struct tcp_settings tcp_settings_default(void)
{
	return (struct tcp_settings){
		.conns_max = 8192,
		.half_open_max = 8192,
		.time_wait_max = 65536,
		.buffer_blocks = 16384,
		.receive_max = 4194304,
		.send_max = 4194304,
		.rto_min_us = 200000,
		.rto_max_us = 60000000,
		.syn_retries = 5,
		.data_retries = 10,
		.time_wait_us = 60000000,
		.syn_cookies = true,
		.mss4 = 1460,
		.mss6 = 1440,
		.mss_min = 216,
		.sources = { .records_max = 16384,
			     .host_conns_max = 256,
			     .net_conns_max = 1024,
			     .net_half_open_max = 1024,
			     .host4_bits = 32,
			     .host6_bits = 64,
			     .net4_bits = 24,
			     .net6_bits = 48 },
	};
}

/* Where things lie in the memory of one struct tcp. */
struct layout {
	size_t buckets, sources, conns, halves, waits, blocks, end;
	size_t n_buckets;
};

static size_t aligned(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static struct layout layout_of(const struct tcp_settings *s)
{
	struct layout l;

	l.n_buckets = tcp_table_buckets((size_t)s->conns_max + s->half_open_max + s->time_wait_max);
	l.buckets = aligned(sizeof(struct tcp));
	l.sources = l.buckets + aligned(l.n_buckets * sizeof(uint32_t));
	l.conns = l.sources + tcp_sources_memory(&s->sources, s->half_open_max);
	l.halves = l.conns + pool_memory(s->conns_max, sizeof(struct tcp_conn));
	l.waits = l.halves + pool_memory(s->half_open_max, sizeof(struct tcp_half));
	l.blocks = l.waits + pool_memory(s->time_wait_max, sizeof(struct tcp_wait));
	l.end = l.blocks + pool_memory(s->buffer_blocks, TCP_BLOCK);
	return l;
}

size_t tcp_memory(const struct tcp_settings *settings)
{
	return layout_of(settings).end;
}

static struct siphash_key derive(const uint8_t seed[16], uint8_t purpose)
{
	struct siphash_key from, key;
	const uint8_t first[2] = { purpose, 0 }, second[2] = { purpose, 1 };

	memcpy(&from, seed, sizeof(from));
	key.k0 = siphash(&from, span_of(first, sizeof(first)));
	key.k1 = siphash(&from, span_of(second, sizeof(second)));
	return key;
}

static uint32_t draw(struct tcp *t)
{
	t->n_random++;
	return (uint32_t)siphash(&t->random_key, span_of(&t->n_random, sizeof(t->n_random)));
}

static uint8_t wscale_for(uint32_t receive_max)
{
	uint8_t scale = 0;

	while (scale < TCP_WSCALE_MAX && receive_max >> scale > UINT16_MAX)
		scale++;
	return scale;
}

struct tcp *tcp_init(void *memory, const struct tcp_settings *settings, const uint8_t seed[16], struct stats *stats)
{
	const struct layout l = layout_of(settings);
	const struct siphash_key table_key = derive(seed, 't'), source_key = derive(seed, 'o');
	struct tcp *t = memory;
	uint8_t *at = memory;

	CHECK(settings->mss_min >= TCP_MSS_MIN);
	CHECK(settings->mss4 >= settings->mss_min && settings->mss6 >= settings->mss_min);
	CHECK(settings->receive_max && settings->receive_max <= 1u << 30 && settings->send_max <= 1u << 30);
	CHECK(settings->rto_min_us && settings->rto_min_us <= settings->rto_max_us);
	CHECK(settings->syn_retries <= TCP_SYN_RETRIES_MAX && settings->data_retries < UINT8_MAX);

	memset(t, 0, sizeof(*t));
	memset(at + l.buckets, 0, l.conns - l.buckets);
	t->settings = *settings;
	t->stats = stats;
	pool_init(&t->conns, at + l.conns, settings->conns_max, sizeof(struct tcp_conn));
	pool_init(&t->halves, at + l.halves, settings->half_open_max, sizeof(struct tcp_half));
	pool_init(&t->waits, at + l.waits, settings->time_wait_max, sizeof(struct tcp_wait));
	pool_init(&t->blocks.pool, at + l.blocks, settings->buffer_blocks, TCP_BLOCK);
	t->blocks.keep_send = settings->buffer_blocks / 8;
	t->blocks.keep_ooo = settings->buffer_blocks / 4;
	tcp_sources_init(&t->sources, at + l.sources, &settings->sources, settings->half_open_max, &source_key);
	tcp_table_init(&t->table, (uint32_t *)(void *)(at + l.buckets), l.n_buckets, &table_key);
	tcp_table_kind(&t->table, TCP_KIND_CONN, &t->conns, offsetof(struct tcp_conn, flow));
	tcp_table_kind(&t->table, TCP_KIND_HALF, &t->halves, offsetof(struct tcp_half, flow));
	tcp_table_kind(&t->table, TCP_KIND_WAIT, &t->waits, offsetof(struct tcp_wait, flow));
	t->isn_key = derive(seed, 'i');
	t->random_key = derive(seed, 'r');
	t->cookies.key = derive(seed, 'c');
	t->mtus.key = derive(seed, 'm');
	t->next_port = draw(t);
	t->stamp_key = derive(seed, 's');
	t->rcv_wscale = wscale_for(settings->receive_max);
	tcp_list_init(&t->ready);
	tcp_list_init(&t->events);
	tcp_list_init(&t->starved);
	rate_init(&t->rsts, TCP_RSTS_PER_S);
	timer_wheel_init(&t->wheel, 0);
	return t;
}

uint32_t tcp_isn(const struct tcp *t, const struct tcp_key *key, uint64_t now_us)
{
	return (uint32_t)(now_us / 4) + tcp_key_hash(&t->isn_key, key);
}

/* --- listening ----------------------------------------------------------------------------- */

bool tcp_listening(const struct tcp *t, uint16_t port)
{
	for (size_t i = 0; i < t->n_ports; i++)
		if (t->ports[i] == port)
			return true;
	return false;
}

enum err tcp_listen(struct tcp *t, uint16_t port)
{
	if (tcp_listening(t, port))
		return OK;
	if (t->n_ports == TCP_PORTS_MAX)
		return ERR_FULL;
	t->ports[t->n_ports++] = port;
	return OK;
}

void tcp_unlisten(struct tcp *t, uint16_t port)
{
	for (size_t i = 0; i < t->n_ports; i++)
		if (t->ports[i] == port)
			t->ports[i--] = t->ports[--t->n_ports];
}

/* --- active open --------------------------------------------------------------------------- */

/*
 * A free source port: on by a random step from the one before (RFC 6056 3.3.5), so that it cannot be guessed and a port
 * comes round again late, when its TIME-WAIT is over.  Where nearly all are taken a full search would cost 64512
 * look-ups for each open: it gives up after a bounded number.  Returns false then.
 */
static bool choose_port(struct tcp *t, struct tcp_key *key, bool (*filter)(void *arg, uint16_t port), void *filter_arg)
{
	const uint32_t n = UINT16_MAX + 1u - TCP_EPHEMERAL_FIRST;
	enum tcp_kind kind;

	for (unsigned i = 0, n_taken = 0; i < TCP_PORT_TRIES && n_taken < TCP_PORT_LOOKUPS; i++) {
		t->next_port = (t->next_port + 1 + draw(t) % TCP_PORT_STEP) % n;
		key->local_port = (uint16_t)(TCP_EPHEMERAL_FIRST + t->next_port);
		if ((filter && !filter(filter_arg, key->local_port)) || tcp_listening(t, key->local_port))
			continue;
		if (!tcp_table_find(&t->table, key, &kind))
			return true;
		n_taken++;
		t->stats->tcp_ports_taken++;
	}
	return false;
}

struct tcp_conn *tcp_connect(struct tcp *t, const struct tcp_path *path, uint16_t remote_port,
			     bool (*port_filter)(void *arg, uint16_t local_port), void *filter_arg, void *user,
			     uint64_t now_us)
{
	struct tcp_key key = { .local = path->local, .remote = path->remote, .remote_port = remote_port };
	struct tcp_conn *c;

	if (!choose_port(t, &key, port_filter, filter_arg)) {
		t->stats->tcp_no_port++;
		return NULL;
	}
	c = tcp_conn_new(t, &key, path->ifindex);
	if (!c)
		return NULL;
	c->state = TCP_SYN_SENT;
	c->user = user;
	c->snd_una = c->snd_nxt = c->snd_max = tcp_isn(t, &key, now_us);
	c->snd_end = c->snd_una + 1; /* the SYN takes a number */
	c->mss = tcp_mss_bounded(t, &key.remote, 0, now_us);
	tcp_rto_restart(t, c, now_us);
	tcp_conn_ready(t, c);
	return c;
}
