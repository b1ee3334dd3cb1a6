// SPDX-License-Identifier: MIT
/*
 * bench_path.c - whole messages through one shard: the load generator's clients and next hop on one side, no driver
 *
 * Both are driven by hand with frames in memory, on a clock that stands still while one of them works; only what is
 * spent in the shard counts, in processor time, so that a busy machine does not blur it.  The same run under callgrind
 * gives instructions (--toggle-collect=path_shard_turn).
 */
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/settings_table.h"
#include "crypto/crypto_open.h"
#include "crypto/crypto_openssl.h"
#include "crypto/hash_pair.h"
#include "dataplane/shard/shard.h"
#include "dns/dns_zone.h"
#include "dns/domain_names.h"
#include "tools/bench/bench_crypto.h"
#include "tools/bench/bench_figure.h"
#include "tools/bench/bench_path.h"
#include "tools/load/load.h"
#include "tools/load/load_corpus.h"

enum { ROUNDS = 9, RING_N = 8192, ROOM = 2048, TURN_US = 10, STEP = 20 };

struct path {
	struct settings settings;
	struct net_settings shard_net, load_net;
	struct load_settings load_settings;
	struct shard_link link;
	struct shard *shard;
	struct load *load;
	struct dns_zone *zone;
	void *slots[4][RING_N];
	uint8_t to_shard[NET_BURST_MAX][ROOM], to_load[NET_BURST_MAX][ROOM];
	struct net_in in[NET_BURST_MAX], out[NET_BURST_MAX];
	size_t n_in, n_out;
	uint64_t now_us, unix_us, n_frames; /* unix_us: when now_us is 0 */
	double shard_s;
};

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);

	CHECK(memory);
	return memset(memory, 0, size);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static struct net_if_settings port(uint8_t mac, const char *addr)
{
	struct net_if_settings p = { .mac = { 2, 0, 0, 0, 0, mac }, .mtu = 1500, .n_addrs = 1 };

	p.addrs[0].prefix_len = 24;
	CHECK(ip_addr_parse(span_str(addr), &p.addrs[0].addr));
	return p;
}

static void zone_read(struct path *p, const char *folder)
{
	static char text[1 << 20];
	char name[512];
	const char *what = "";

	snprintf(name, sizeof(name), "%s/zone", folder);
	FILE *f = fopen(name, "r");
	CHECK(f);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	p->zone = dns_zone_open();
	CHECK(p->zone && dns_zone_load(p->zone, span_of(text, n), &what) == 0);
}

static void load_open(struct path *p, const char *folder)
{
	const uint8_t seed[16] = { 7 };
	char name[512];
	struct load_settings *l = &p->load_settings;

	snprintf(name, sizeof(name), "%s/mail", folder);
	*l = (struct load_settings){ .mode = LOAD_SEND,
				     .target = p->shard_net.ifs[0].addrs[0].addr,
				     .port = 25,
				     .connections = (uint32_t)setting("PATH_CONNECTIONS", 50),
				     .messages = 10,
				     .sink = 2525,
				     .helo = "load.example",
				     .mail_from = "a@load.example",
				     .rcpt_to = "user@inside.example" };
	l->clients.prefix_len = 16;
	CHECK(ip_addr_parse(SPAN("10.0.0.0"), &l->clients.addr));
	l->corpus = load_corpus_read(name, false, &l->n_corpus);
	CHECK(l->corpus);
	p->load_net = net_settings_default();
	p->load_net.n_ifs = 1;
	p->load_net.ifs[0] = port(2, "192.0.2.2");
	p->load_net.ifs[0].clients = l->clients;
	p->load_net.tcp.conns_max = l->connections + 4096;
	p->load_net.tcp.sources = (struct tcp_source_settings){ 0 };
	p->load_net.tcp.time_wait_max = 65536;
	p->load_net.tcp.time_wait_us = 1000000;
	p->load_net.tcp.buffer_blocks = 64 * l->connections + 1024;
	p->load_net.tcp.receive_max = 65536;
	p->load_net.tcp.send_max = 1 << 20;
	p->load = load_init(zeroed(load_memory(l, &p->load_net)), l, &p->load_net, seed, p->now_us);
}

static void shard_open(struct path *p)
{
	struct settings *s = &p->settings;
	struct ring *rings[] = { &p->link.up, &p->link.up_back, &p->link.down, &p->link.down_back };
	const char *why = "";

	settings_default(s);
	s->n_next_hops = 1;
	s->next_hops[0].port = 2525;
	CHECK(ip_addr_parse(SPAN("192.0.2.2"), &s->next_hops[0].addr));
	s->relay_connections_max = 64;
	s->limits_sessions_max = 4096;
	s->explain_octets = setting("PATH_EXPLAIN", s->explain_octets);
	for (size_t i = 0; i < 4; i++)
		ring_init(rings[i], p->slots[i], RING_N);
	p->shard_net = net_settings_default();
	p->shard_net.n_ifs = 1;
	p->shard_net.ifs[0] = port(1, "192.0.2.1");
	CHECK(ip_addr_parse(SPAN("192.0.2.2"), &p->shard_net.ifs[0].gateway4));
	p->shard_net.tcp.conns_max = 8192;
	p->shard_net.tcp.buffer_blocks = (uint32_t)s->limits_tcp_blocks;
	p->shard_net.tcp.receive_max = (uint32_t)s->tcp_receive_max;
	p->shard_net.tcp.send_max = (uint32_t)s->tcp_send_max;
	struct shard_env env = { .settings = s,
				 .net = &p->shard_net,
				 .hash = &crypto_openssl_hash,
				 .hash_pair = hash_pair_open(),
				 .crypto = crypto_open("auto", 4096, &why),
				 .to_ascii = domain_to_ascii,
				 .organizational = domain_organizational,
				 .link = &p->link };
	CHECK(env.crypto);
	p->shard = shard_init(zeroed(shard_memory(&env)), &env, p->now_us, p->unix_us + p->now_us);
}

static void answer(struct path *p, const struct shard_question *q)
{
	const struct dns_answer *known = dns_zone_answer(p->zone, &q->q);
	struct shard_answer *a = calloc(1, sizeof(*a) + known->size);

	CHECK(a);
	a->m.kind = SHARD_DOWN_ANSWER;
	a->ticket = q->ticket;
	a->q = q->q;
	memcpy(a->answer, known, known->size);
	CHECK(ring_put(&p->link.down, a));
}

static void rings_turn(struct path *p)
{
	struct shard_message *m;

	while ((m = ring_get(&p->link.down_back)))
		free(m);
	while ((m = ring_get(&p->link.up))) {
		if (m->kind == SHARD_UP_QUESTION)
			answer(p, (struct shard_question *)m);
		CHECK(ring_put(&p->link.up_back, m));
	}
}

static size_t frames_of(bool (*next)(void *, struct net_frame *, uint64_t), void *from, uint8_t (*room)[ROOM],
			struct net_in *frames, uint64_t now_us)
{
	size_t n = 0;

	for (; n < NET_BURST_MAX; n++) {
		struct net_frame f = { .at = room[n], .cap = ROOM };

		if (!next(from, &f, now_us))
			break;
		frames[n] = (struct net_in){ .frame = span_of(f.at, f.len) };
	}
	return n;
}

static bool shard_next(void *shard, struct net_frame *frame, uint64_t now_us)
{
	return shard_tx(shard, frame, now_us);
}

/* What a worker does in a turn. */
__attribute__((noinline)) void path_shard_turn(struct path *p);
void path_shard_turn(struct path *p)
{
	if (p->n_in)
		shard_rx_burst(p->shard, p->in, p->n_in, p->now_us);
	p->n_out = frames_of(shard_next, p->shard, p->to_load, p->out, p->now_us);
	shard_tick(p->shard, p->now_us, p->unix_us + p->now_us, p->n_in == 0 && p->n_out == 0);
}

static void turn(struct path *p)
{
	double before_s = now_s();

	path_shard_turn(p);
	p->shard_s += now_s() - before_s;
	p->n_frames += p->n_in + p->n_out;
	rings_turn(p);
	for (size_t i = 0; i < p->n_out; i++)
		load_rx(p->load, 0, p->out[i].frame, 0, p->now_us);
	p->n_in = frames_of(load_tx, p->load, p->to_shard, p->in, p->now_us);
	load_tick(p->load, p->now_us, p->unix_us + p->now_us, false);
	p->now_us += TURN_US;
}

/* Until @n messages more have their replies. */
static void messages_run(struct path *p, uint64_t n)
{
	const struct load_counts *c = load_counts(p->load);
	uint64_t end = c->messages[2] + n;

	while (c->messages[2] < end) {
		for (int i = 0; i < STEP; i++)
			turn(p);
		CHECK(c->failed == 0 && c->odd_replies == 0 && shard_stats(p->shard)->dkim_fail == 0);
	}
}

void bench_path(void)
{
	const char *folder = getenv("PATH_CORPUS");
	uint64_t n = setting("PATH_MESSAGES", 2000);
	double s[ROUNDS], ratio[ROUNDS], frames = 0;

	if (!folder)
		return;
	struct path *p = zeroed(sizeof(*p));

	p->now_us = 1000000000;
	p->unix_us = (uint64_t)time(NULL) * 1000000; /* the corpus was signed before */
	shard_open(p);
	zone_read(p, folder);
	load_open(p, folder);
	messages_run(p, n);
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t before = load_counts(p->load)->messages[2];

		p->shard_s = 0;
		p->n_frames = 0;
		messages_run(p, n);
		double done = (double)(load_counts(p->load)->messages[2] - before);
		s[r] = p->shard_s / done;
		ratio[r] = s[r] / bench_rsa2048_s();
		frames = (double)p->n_frames / done;
	}
	CHECK(shard_stats(p->shard)->dkim_pass >= ROUNDS * n);
	say("path.message.us", median(s, ROUNDS) * 1e6, "us");
	say("path.message.least_us", s[0] * 1e6, "us");
	say("path.message.ratio", median(ratio, ROUNDS), "of_rsa2048_verify");
	say("path.message.frames", frames, "frames");
}
