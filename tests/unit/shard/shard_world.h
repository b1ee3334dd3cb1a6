// SPDX-License-Identifier: MIT
/*
 * shard_world.h - one real shard in memory, and a second network stack that plays the world around it
 *
 *     caller (192.0.2.10, .66) ──┐
 *                                ├── struct net "peer" ══ frames ══ shard (192.0.2.25:25)
 *     sinks (192.0.2.1, .2, .3) ─┘                          │ rings
 *                                                       zone (DNS), records
 *
 * A caller is a client from outside, moved by say() and read by what it got.  A sink is a next hop's side of one
 * connection: it speaks by itself and does what `world.hop` tells it to at one phase.  Time is world.now_us; it moves
 * in pass() only, from deadline to deadline.  Every frame lies in memory of exactly its size that is freed once the
 * shard has had it, so that the sanitizer sees what is kept too long.
 */
#ifndef SHARD_WORLD_H
#define SHARD_WORLD_H

#include "tests/unit/shard/shard_sink.h"

/* --- making and ending it ---------------------------------------------------------------------- */

/* Before world_open(): small limits, which a test may change. */
static void world_settings(void)
{
	struct settings *s = &world.settings;

	memset(&world, 0, sizeof(world));
	settings_default(s);
	s->limits_sessions_max = 16;
	s->limits_busy_max = 16;
	s->limits_transactions_max = 8;
	s->limits_body_blocks = 64;
	s->limits_tcp_blocks = 1024;
	s->limits_header_max = 16384;
	s->dns_worker_cache_entries = 100;
	s->relay_connections_max = 4;
	s->relay_probe_s = 0;
	s->stress_percent = 0; /* the pools are small */
	s->n_next_hops = 1;
	s->next_hops[0] = (struct settings_next_hop){ .addr = address("192.0.2.1"), .port = 25 };
}

static struct net_if_settings port_of(uint8_t last_of_mac, const char *addr, unsigned n_more)
{
	static const char *const more[] = { "192.0.2.10", "192.0.2.66", "192.0.2.2", "192.0.2.3" };
	struct net_if_settings p = { .mac = { 2, 0, 0, 0, 0, last_of_mac }, .mtu = 1500, .n_addrs = 1 };

	p.addrs[0] = (struct net_if_addr){ address(addr), 24 };
	for (unsigned i = 0; i < n_more; i++)
		p.addrs[p.n_addrs++] = (struct net_if_addr){ address(more[i]), 24 };
	return p;
}

/* By calloc(), which does not touch fresh pages: a world of 100 MiB uses few of them.  The slack is in front. */
static void *zeroed(size_t size, void **to_free)
{
	uint8_t *memory = calloc(1, size + 63);

	CHECK(memory);
	*to_free = memory;
	return memory + (-(uintptr_t)memory & 63);
}

/* SHA-256 that notes how deep the stack is. */
static void hash_begin(struct hash_state *h)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (!world.deepest || here < world.deepest)
		world.deepest = here;
	crypto_openssl_hash.sha256_init(h);
}

static void world_turn(void);

static void world_open(void)
{
	static const uint8_t seed[16] = { 7 };
	const char *what = "";
	struct ring *rings[] = { &world.link.up, &world.link.up_back, &world.link.down, &world.link.down_back };

	world.now_us = 1000 * SECOND;
	for (size_t i = 0; i < 4; i++)
		ring_init(rings[i], world.slots[i], RING_N);
	world.zone = dns_zone_open();
	CHECK(world.zone && dns_zone_load(world.zone, span_str(world_zone), &what) == 0);
	world.crypto = crypto_openssl_open(16);
	CHECK(world.crypto);
	world.shard_net = world.peer_net = net_settings_default();
	world.shard_net.n_ifs = world.peer_net.n_ifs = 1;
	world.shard_net.ifs[0] = port_of(1, "192.0.2.25", 0);
	world.peer_net.ifs[0] = port_of(2, "192.0.2.1", 4);
	world.shard_net.tcp.conns_max = 64;
	world.shard_net.tcp.buffer_blocks = (uint32_t)world.settings.limits_tcp_blocks;
	world.shard_net.tcp.receive_max = 65536;
	world.shard_net.tcp.send_max = 65536;
	world.peer_net.tcp.conns_max = 256;
	world.peer_net.tcp.buffer_blocks = 1024;
	world.peer_net.tcp.receive_max = 65536;
	world.peer = net_init(zeroed(net_memory(&world.peer_net), &world.peer_memory), &world.peer_net, seed,
			      &world.peer_stats);
	world.tcp = net_tcp(world.peer);
	world.hash = crypto_openssl_hash;
	world.hash.sha256_init = hash_begin;
	struct shard_env env = { .settings = &world.settings,
				 .net = &world.shard_net,
				 .hash = &world.hash,
				 .hash_pair = world.hash_pair = hash_pair_open(),
				 .crypto = world.crypto,
				 .tls = world.tls,
				 .to_ascii = domain_to_ascii,
				 .organizational = domain_organizational,
				 .greylist = world.greylist,
				 .ledger = world.ledger,
				 .link = &world.link,
				 .clock_us = world.clock_us,
				 .seed = { 1, 2, 3 } };

	world.shard =
		shard_init(zeroed(shard_memory(&env), &world.shard_memory), &env, world.now_us, UNIX_US + world.now_us);
	if (!world.hop.refuses)
		CHECK(tcp_listen(world.tcp, 25) == OK);
	world_turn();
}

static void world_close(void)
{
	struct shard_answer *a;

	while ((a = ring_get(&world.link.down)) || (a = ring_get(&world.link.down_back)))
		free(a);
	for (size_t i = 1; i < SHARD_CONFIGS_MAX; i++)
		free(world.shard->configs[i].message);
	for (size_t i = 0; i < world.n_callers; i++) {
		free(world.callers[i].to_say.at);
		free(world.callers[i].got.at);
	}
	for (size_t i = 0; i < world.n_sinks; i++) {
		if (world.sinks[i]->tls)
			world.tls->free(world.sinks[i]->tls);
		free(world.sinks[i]->raw.at);
		free(world.sinks[i]->late.at);
		free(world.sinks[i]->in.at);
		free(world.sinks[i]->out.at);
		free(world.sinks[i]);
	}
	for (size_t i = 0; i < world.n_stored; i++)
		free(world.stored[i]);
	dns_zone_close(world.zone);
	crypto_openssl_close(world.crypto);
	hash_pair_close(world.hash_pair);
	free(world.kept.at);
	free(world.shard_memory);
	free(world.peer_memory);
}

/* --- callers ----------------------------------------------------------------------------------- */

static void caller_flush(struct caller *c)
{
	if (c->conn && c->connected && c->said < c->to_say.len)
		c->said += tcp_send(world.tcp, c->conn, span_of(c->to_say.at + c->said, c->to_say.len - c->said),
				    world.now_us);
	if (c->conn && c->closing && c->said == c->to_say.len)
		tcp_close(world.tcp, c->conn, world.now_us);
}

static void caller_event(struct caller *c, const struct tcp_event *e)
{
	struct span s;

	switch (e->kind) {
	case TCP_EVENT_CONNECTED:
		c->connected = true;
		break;
	case TCP_EVENT_PEER_CLOSED:
		c->peer_closed = true;
		break;
	case TCP_EVENT_FAILED:
		c->failed = true;
		c->gone = true;
		c->conn = NULL;
		return;
	case TCP_EVENT_CLOSED:
		c->gone = true;
		c->conn = NULL;
		return;
	case TCP_EVENT_READABLE:
	case TCP_EVENT_WRITABLE:
	case TCP_EVENT_ACCEPTED:
		break;
	}
	while (!c->deaf && (s = tcp_peek(world.tcp, c->conn)).len) {
		octets_add(&c->got, s);
		tcp_consume(world.tcp, c->conn, s.len);
	}
	if (c->peer_closed)
		c->closing = true;
	caller_flush(c);
}

static void peer_events(void)
{
	struct tcp_event e;

	while (tcp_event(world.tcp, &e)) {
		if (e.kind == TCP_EVENT_ACCEPTED)
			sink_begin(e.conn);
		else if (e.user && *(enum side *)e.user == SIDE_CALLER)
			caller_event(e.user, &e);
		else if (e.user)
			sink_event(e.user, &e);
	}
}

/* --- rings ------------------------------------------------------------------------------------- */

static void answer(const struct shard_question *q, const struct dns_answer *known)
{
	struct shard_answer *a = calloc(1, sizeof(*a) + known->size);

	CHECK(a);
	a->m.kind = SHARD_DOWN_ANSWER;
	a->ticket = q->ticket;
	a->q = q->q;
	memcpy(a->answer, known, known->size);
	CHECK(ring_put(&world.link.down, a));
}

static void answer_from_zone(const struct shard_question *q)
{
	answer(q, dns_zone_answer(world.zone, &q->q));
}

/* All questions that were withheld get their answers now. */
__attribute__((unused)) static void answer_held(void)
{
	for (size_t i = 0; i < world.n_held && i < HELD_MAX; i++)
		answer_from_zone(&world.held[i]);
	world.n_held = 0;
}

__attribute__((unused)) static void tell_shard(enum shard_message_kind kind)
{
	struct shard_message *m = calloc(1, sizeof(struct shard_answer));

	CHECK(m);
	m->kind = kind;
	CHECK(ring_put(&world.link.down, m));
}

/* Plays the thread that stores: reads all, and sends it home. */
__attribute__((unused)) static void keep_now(void)
{
	struct shard_keep *k = world.lent;

	world.lent = NULL;
	world.kept.len = 0;
	for (struct span run = k->read(k); run.len; run = k->read(k))
		octets_add(&world.kept, run);
	CHECK(world.kept.len == k->size);
	k->code = world.keep_code;
	CHECK(ring_put(&world.link.up_back, k));
}

static bool rings_turn(void)
{
	struct shard_message *m;
	bool any = false;

	while ((m = ring_get(&world.link.down_back))) {
		any = true;
		world.n_settings_home += m->kind == SHARD_DOWN_SETTINGS;
		if (m->kind == SHARD_DOWN_SEND)
			world.sent = *(const struct shard_send *)m;
		free(m);
	}
	while ((m = ring_get(&world.link.up))) {
		any = true;
		if (m->kind == SHARD_UP_KEEP) {
			CHECK(!world.lent);
			world.lent = (struct shard_keep *)m;
			if (!world.lend)
				keep_now();
			continue;
		}
		if (m->kind == SHARD_UP_QUESTION) {
			world.n_asked++;
			if (!world.dns_withheld) {
				answer_from_zone((struct shard_question *)m);
			} else { /* the oldest are lost */
				world.held[world.n_held++ % HELD_MAX] = *(struct shard_question *)m;
			}
		} else if (m->kind == SHARD_UP_RECORD) {
			CHECK(world.n_records < RECORDS_MAX);
			const struct shard_record *r = (const struct shard_record *)m;

			world.records[world.n_records++] = *r;
			CHECK(r->steps_len < sizeof(world.steps));
			world.steps_len = r->steps_len;
			if (r->steps_len)
				memcpy(world.steps, r->steps, r->steps_len);
			world.steps[r->steps_len] = '\0';
		} else if (m->kind == SHARD_UP_DRAINED) {
			world.drained = true;
		} else if (m->kind == SHARD_UP_SETTINGS) {
			world.settings_version = m->tag;
		}
		CHECK(ring_put(&world.link.up_back, m));
	}
	return any;
}

/* --- frames and time --------------------------------------------------------------------------- */

static bool frames_from_shard(void)
{
	static uint8_t buffer[NET_FRAME_MAX];
	bool any = false;

	for (;;) {
		struct net_frame f = { .at = buffer, .cap = sizeof(buffer) };

		if (!shard_tx(world.shard, &f, world.now_us))
			return any;
		any = true;
		if (world.hop.unplugged || (world.lose && world.lose()))
			continue;
		net_input(world.peer, 0, span_of(f.at, f.len), 0, world.now_us);
		peer_events();
		net_input_end(world.peer, world.now_us);
	}
}

struct frame {
	struct frame *next;
	size_t len;
	uint8_t at[];
};

/* The frames that the peer has to send now, in memory of exactly their size. */
static struct frame *frames_of_peer(void)
{
	static uint8_t buffer[NET_FRAME_MAX];
	struct frame *first = NULL, **end = &first;

	for (;;) {
		struct net_frame f = { .at = buffer, .cap = sizeof(buffer) };

		if (!net_next(world.peer, &f, world.now_us))
			return first;
		*end = malloc(sizeof(struct frame) + f.len);
		CHECK(*end);
		**end = (struct frame){ .len = f.len };
		memcpy((*end)->at, f.at, f.len);
		end = &(*end)->next;
	}
}

static bool frames_to_shard(struct frame *f)
{
	bool any = f != NULL;

	while (f) {
		struct frame *next = f->next;

		if (!world.lose || !world.lose())
			shard_rx(world.shard, 0, span_of(f->at, f->len), 0, world.now_us);
		free(f);
		f = next;
	}
	return any;
}

/* Runs both sides until nothing is left to do at this time. */
static void world_turn(void)
{
	bool more = true;

	for (int i = 0; more && i < 5000; i++) {
		more = shard_tick(world.shard, world.now_us, UNIX_US + world.now_us, true);
		more |= frames_from_shard();
		net_step(world.peer, world.now_us);
		peer_events();
		more |= frames_to_shard(frames_of_peer());
		more |= rings_turn();
	}
	CHECK(!more);
}

/* Time goes on by @us. */
static void pass(uint64_t us)
{
	uint64_t end_us = world.now_us + us;

	world_turn();
	while (world.now_us < end_us) {
		uint64_t next_us = shard_deadline_us(world.shard), other_us = net_deadline_us(world.peer);

		if (other_us < next_us)
			next_us = other_us;
		if (next_us <= world.now_us)
			next_us = world.now_us + 1024;
		world.now_us = next_us < end_us ? next_us : end_us;
		world_turn();
	}
}

/* --- what tests say ---------------------------------------------------------------------------- */

/* A connection from @from that is not there yet; pass(0) makes it. */
static struct caller *caller_begin(const char *from)
{
	CHECK(world.n_callers < CALLERS_MAX);
	struct caller *c = &world.callers[world.n_callers++];
	struct tcp_path path = { .local = address(from), .remote = address("192.0.2.25") };

	c->side = SIDE_CALLER;
	octets_add(&c->got, SPAN(""));
	c->conn = tcp_connect(world.tcp, &path, 25, NULL, NULL, c, world.now_us);
	CHECK(c->conn);
	return c;
}

__attribute__((unused)) static struct caller *caller_open(const char *from)
{
	struct caller *c = caller_begin(from);

	pass(0);
	return c;
}

/* Octets without waiting for what comes of them. */
__attribute__((unused)) static void mutter(struct caller *c, struct span s)
{
	octets_add(&c->to_say, s);
	caller_flush(c);
}

/* ... and all that comes of them at once. */
__attribute__((unused)) static void say(struct caller *c, const char *text)
{
	mutter(c, span_str(text));
	pass(1000);
}

__attribute__((unused)) static void hang_up(struct caller *c)
{
	c->closing = true;
	caller_flush(c);
	pass(1000);
}

__attribute__((unused)) static void reset(struct caller *c)
{
	if (c->conn)
		tcp_abort(world.tcp, c->conn, world.now_us);
	c->conn = NULL;
	c->gone = true;
	pass(1000);
}

/* The last line that @c got, without CRLF. */
__attribute__((unused)) static struct span last_line(const struct caller *c)
{
	struct span s = span_of(c->got.at, c->got.len);

	if (s.len >= 2)
		s.len -= 2;
	for (size_t i = s.len; i > 0; i--)
		if (s.at[i - 1] == '\n')
			return span_skip(s, i);
	return s;
}

/* Whether the last line that @c got begins with @prefix. */
__attribute__((format(printf, 3, 4))) __attribute__((unused)) static void is_last(const struct caller *c,
										  const char *prefix,
										  const char *format, ...)
{
	char sentence[512];
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	__builtin_va_end(args);
	is_span(span_head(last_line(c), strlen(prefix)), span_str(prefix), "%s", sentence);
}

#define ENVELOPE "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n"
#define HEADER "From: <a@good.example>\r\nSubject: hello\r\n"
#define MESSAGE HEADER "\r\nA line.\r\n..dots\r\n.\r\n"

__attribute__((unused)) static struct caller *greeted(void)
{
	struct caller *c = caller_open("192.0.2.10");

	say(c, "EHLO mail.good.example\r\n");
	return c;
}

__attribute__((unused)) static struct caller *sends(const char *message)
{
	struct caller *c = greeted();

	say(c, ENVELOPE);
	say(c, message);
	return c;
}

/* Whatever happened: after some minutes of silence every pool has all its objects again. */
static bool nothing_is_kept(void)
{
	struct shard *s = world.shard;
	size_t cursor = 0;

	world.hop.unplugged = false;
	world.lose = NULL;
	for (size_t i = 0; i < world.n_callers; i++)
		if (world.callers[i].conn)
			reset(&world.callers[i]);
	world.dns_withheld = false;
	answer_held();
	pass(1200 * SECOND);
	tcp_check(s->tcp);
	return !s->clients.n_used && !s->txns.n_used && !s->relays.n_used && !s->questions.n_used &&
	       !s->records.n_used && !s->rooms.n_used && !s->tls.n_used && !s->handshakes && !s->n_live &&
	       !s->n_waiting && !s->hops[0].waiting && !s->hops[0].n_busy && !s->ready && !s->live &&
	       !s->hops[0].n_relays && !s->hops[0].n_connecting &&
	       msg_store_n_free_blocks(s->store) == world.settings.limits_body_blocks && !tcp_walk(s->tcp, &cursor);
}

__attribute__((unused)) static void all_is_given_back(const char *when)
{
	const struct shard *s = world.shard;

	if (!ok(nothing_is_kept(), "%s: nothing is kept", when))
		printf("# clients %zu txns %zu relays %zu questions %zu records %zu live %u waiting %u hop %u/%u "
		       "blocks %zu\n",
		       s->clients.n_used, s->txns.n_used, s->relays.n_used, s->questions.n_used, s->records.n_used,
		       s->n_live, s->n_waiting, s->hops[0].n_relays, s->hops[0].n_connecting,
		       msg_store_n_free_blocks(s->store));
	world_close();
}

#endif
