// SPDX-License-Identifier: MIT
/*
 * sim_world.h - two whole stacks and their users, joined by a network of tests/impair that harms what it carries
 *
 *	  [0] client --> there --> server [1]
 *	             <-- back  <--
 *
 * Each run moves octets both ways (their value says where they belong), closes both ways, and must end with both sides
 * told of an orderly end, no connection, block or frame left.  tcp_check() runs on both after every event, and a run is
 * the same to the bit whenever it is repeated.  A stall is an error as well: minutes without progress, though the
 * network lets frames through in both directions.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdlib.h>

#include "dataplane/net/net_state.h"
#include "dataplane/net/tcp_conn.h"
#include "tests/impair/impair_line.h"
#include "tests/tap.h"

#define MIB (1u << 20)
#define SIM_SECOND UINT64_C(1000000)

enum { SIM_FRAMES = 16384, SIM_FRAME = 2048, SIM_MSS = 1460, SIM_EVENTS_MAX = 40000000 };
/* A stall: so long without progress, and in the second half of it so many frames reached each side undamaged. */
enum { SIM_STALL_S = 120, SIM_STALL_FRAMES = 30 };

struct network {
	const char *name;
	struct impair_harm harm; /* both ways */
	uint32_t octets[2];      /* that each side sends */
	uint32_t receive_max, send_max, blocks;
	uint32_t reader_max; /* octets that a user takes at once; 0: all */
	uint16_t mss;        /* what a middlebox lowers the announced MSS to; SIM_MSS: nothing */
	bool simultaneous;   /* both open at the same time */
	unsigned check_every;
	enum tcp_congestion congestion;
	uint32_t portion;  /* a dialogue: each side sends so many octets, then the other; 0: both at once */
	uint32_t pause_us; /* a user waits up to so long before it sends again */
	bool hostile;      /* the network forges: any end will do, and the octets are not looked at */
};

struct side {
	struct net *n;
	struct tcp *t;
	void *memory;
	struct stats stats;
	struct tcp_conn *c;
	struct tcp_path path;
	uint32_t n_sent, n_read;
	uint64_t reads_us; /* when a slow reader reads next */
	uint64_t sends_us; /* when one that pauses sends next */
	bool peer_closed, closed, over, failed;
};

struct run {
	const struct network *net;
	uint64_t now_us;
	struct side sides[2];
	struct impair_line *line;
	uint64_t random, digest;
	uint64_t progress_us, silence_us; /* when something arrived last; the longest time between */
	unsigned n_arrived[2];            /* frames, undamaged, since half of a stall */
	unsigned n_events;
	bool trace;
	const char *wrong;
};

static uint32_t sim_draw(uint64_t *random, uint32_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)((*random * 0x2545f4914f6cdd1du) >> 33) % below;
}

static uint64_t sim_dice(uint64_t seed)
{
	return seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
}

/* Looks at everything: after every event, or for long runs after every so many. */
static void check(struct run *r, size_t i)
{
	if (r->net->check_every <= 1 || r->n_events++ % r->net->check_every == 0)
		tcp_check(r->sides[i].t);
}

static uint8_t octet(size_t side, uint32_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16 ^ side * 85);
}

static void trace(const struct run *r, const char *what, size_t side, struct span frame)
{
	struct impair_view v;
	struct tcp_segment s;

	if (!r->trace || !impair_look(frame, &v) || tcp_segment_parse(span_of(frame.at + v.tcp, v.end - v.tcp), &s))
		return;
	printf("# %10.3f ms %s [%zu] %c%c%c seq %" PRIu32 "+%zu ack %" PRIu32 " win %u\n", (double)r->now_us / 1000,
	       what, side, s.flags & TCP_SYN ? 'S' : '-', s.flags & TCP_FIN ? 'F' : '-', s.flags & TCP_RST ? 'R' : '-',
	       s.seq, s.data.len, s.ack, s.wnd);
}

static void progress(struct run *r)
{
	uint64_t silence_us = r->now_us - r->progress_us;

	r->silence_us = silence_us > r->silence_us ? silence_us : r->silence_us;
	r->progress_us = r->now_us;
	r->n_arrived[0] = r->n_arrived[1] = 0;
}

/* Frames come through, and yet nothing happens.  (After a forged FIN two sides may disagree for ever: RFC 5961 keeps the
 * quarrel slow, and the retransmissions end it.) */
static bool stalls(const struct run *r)
{
	return r->now_us - r->progress_us > SIM_STALL_S * SIM_SECOND && r->n_arrived[0] > SIM_STALL_FRAMES &&
	       r->n_arrived[1] > SIM_STALL_FRAMES && !(r->sides[0].over && r->sides[1].over) && !r->net->hostile;
}

/* --- the users ----------------------------------------------------------------------------- */

/* How many octets it is this side's turn to send; in a dialogue the server speaks first. */
static uint32_t may_send(const struct run *r, size_t i)
{
	const struct side *s = &r->sides[i];
	uint32_t portion = r->net->portion, left = r->net->octets[i] - s->n_sent;

	if (!portion || s->n_read == r->net->octets[1 - i])
		return left;
	if (s->n_sent / portion >= s->n_read / portion + (i == 1))
		return 0;
	return portion - s->n_sent % portion < left ? portion - s->n_sent % portion : left;
}

static void user_send(struct run *r, size_t i)
{
	struct side *s = &r->sides[i];
	uint32_t total = r->net->octets[i], n;
	uint8_t data[5000];

	while (s->c && !s->over && !s->sends_us && (n = may_send(r, i))) {
		uint32_t most = 1 + sim_draw(&r->random, sizeof(data));

		n = n < most ? n : most;
		for (uint32_t k = 0; k < n; k++)
			data[k] = octet(i, s->n_sent + k);
		size_t took = tcp_send(s->t, s->c, span_of(data, n), r->now_us);
		s->n_sent += (uint32_t)took;
		if (r->net->pause_us && took)
			s->sends_us = r->now_us + 1 + sim_draw(&r->random, r->net->pause_us);
		if (took < n)
			return;
	}
	/* The client closes when it has sent all; the server when the client has, too. */
	if (s->c && !s->closed && s->n_sent == total && (i == 0 || s->peer_closed)) {
		s->closed = true;
		tcp_close(s->t, s->c, r->now_us);
	}
}

static void user_read(struct run *r, size_t i)
{
	struct side *s = &r->sides[i];
	uint32_t most = r->net->reader_max ? r->net->reader_max : UINT32_MAX;
	struct span got;

	while (most && s->c && (got = tcp_peek(s->t, s->c)).len) {
		if (got.len > most)
			got.len = most;
		for (size_t k = 0; k < got.len && !r->net->hostile; k++)
			if (got.at[k] != octet(1 - i, s->n_read + (uint32_t)k)) {
				r->wrong = "an octet is wrong";
				return;
			}
		tcp_consume(s->t, s->c, got.len);
		s->n_read += (uint32_t)got.len;
		most -= (uint32_t)got.len;
		progress(r);
	}
	s->reads_us = s->c && tcp_peek(s->t, s->c).len ? r->now_us + 2000 : 0;
}

static void user_events(struct run *r, size_t i)
{
	struct side *s = &r->sides[i];
	struct tcp_event e;

	while (tcp_event(s->t, &e)) {
		progress(r);
		switch (e.kind) {
		case TCP_EVENT_ACCEPTED:
		case TCP_EVENT_CONNECTED:
			s->c = e.conn;
			if (r->net->hostile)
				tcp_keepalive(s->t, s->c, 5, r->now_us);
			break;
		case TCP_EVENT_READABLE:
			if (!s->reads_us)
				user_read(r, i);
			break;
		case TCP_EVENT_PEER_CLOSED:
			s->peer_closed = true;
			break;
		case TCP_EVENT_WRITABLE:
			break;
		case TCP_EVENT_FAILED:
			s->failed = true;
			s->over = true;
			s->c = NULL;
			break;
		case TCP_EVENT_CLOSED:
			s->over = true;
			s->c = NULL;
			break;
		}
		user_send(r, i);
	}
}

/* --- a run --------------------------------------------------------------------------------- */

static void flush(struct run *r, size_t i)
{
	uint8_t buffer[SIM_FRAME];
	struct net_frame frame = { .at = buffer, .cap = sizeof(buffer) };

	while (net_next(r->sides[i].n, &frame, r->now_us)) {
		struct span out = span_of(frame.at, frame.len);

		trace(r, "sends", i, out);
		for (size_t k = 0; k < out.len; k++)
			r->digest = (r->digest ^ out.at[k]) * 0x100000001b3u;
		impair_line_put(r->line, (unsigned)i, out, 0, r->now_us);
		check(r, i);
		frame = (struct net_frame){ .at = buffer, .cap = sizeof(buffer) };
	}
}

static void settle(struct run *r, size_t i)
{
	check(r, i);
	user_events(r, i);
	check(r, i);
	net_input_end(r->sides[i].n, r->now_us);
	check(r, i);
	flush(r, i);
}

static uint64_t next_time(const struct run *r)
{
	uint64_t next_us = impair_line_due_us(r->line);

	for (size_t i = 0; i < 2; i++) {
		const struct side *s = &r->sides[i];
		uint64_t times[] = { net_deadline_us(s->n), s->reads_us, s->sends_us };

		for (size_t k = 0; k < 3; k++)
			if (times[k] && times[k] < next_us)
				next_us = times[k];
	}
	return next_us;
}

static void deliver(struct run *r, struct impair_frame *f)
{
	unsigned to = 1 - f->direction;

	trace(r, "gets ", to, span_of(f->frame, f->len));
	r->n_arrived[to] += !f->touched && r->now_us - r->progress_us > SIM_STALL_S / 2 * SIM_SECOND;
	net_input(r->sides[to].n, 0, span_of(f->frame, f->len), 0, r->now_us);
	settle(r, to);
	impair_line_give(r->line, f);
}

/* What is due at one side. */
static void turn(struct run *r, size_t i)
{
	struct side *s = &r->sides[i];

	if (s->reads_us && s->reads_us <= r->now_us) {
		user_read(r, i);
		user_send(r, i);
		settle(r, i);
	}
	if (s->sends_us && s->sends_us <= r->now_us) {
		s->sends_us = 0;
		user_send(r, i);
		settle(r, i);
	}
	if (net_deadline_us(s->n) <= r->now_us) {
		net_step(s->n, r->now_us);
		settle(r, i);
	}
}

static bool port_4000(void *arg, uint16_t port)
{
	(void)arg;
	return port == 4000;
}

static bool port_4025(void *arg, uint16_t port)
{
	(void)arg;
	return port == 4025;
}

/* In a simultaneous open each side must come from the port that the other one calls; TCP tries some ports a call. */
static struct tcp_conn *open_from(struct side *s, bool (*port)(void *arg, uint16_t port), uint16_t remote_port,
				  uint64_t now_us)
{
	struct tcp_conn *c = NULL;

	for (unsigned i = 0; i < 10000 && !c; i++)
		c = tcp_connect(s->t, &s->path, remote_port, port, NULL, NULL, now_us);
	return c;
}

static struct net_settings settings_of(const struct network *net)
{
	struct net_settings s = net_settings_default();

	s.n_ifs = 1;
	s.quiet = true;
	s.neighbours_max = 4;
	s.neighbour_queue_max = 4;
	s.tcp.conns_max = s.tcp.half_open_max = s.tcp.time_wait_max = 4;
	s.tcp.sources.records_max = 8;
	s.tcp.receive_max = net->receive_max;
	s.tcp.send_max = net->send_max;
	s.tcp.buffer_blocks = net->blocks;
	s.tcp.data_retries = net->hostile ? 10 : 60;
	s.tcp.syn_retries = 15;
	s.tcp.rto_max_us = 2000000; /* else half a lossy minute passes without a word, and FIN-WAIT-2 ends */
	s.tcp.congestion = net->congestion;
	return s;
}

static void start_side(struct run *r, size_t i, uint64_t seed)
{
	struct side *s = &r->sides[i];
	struct net_settings settings = settings_of(r->net);
	struct net_if_settings *f = &settings.ifs[0];
	uint8_t key[16] = { (uint8_t)i };
	struct ip_addr addrs[2] = { ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				    ip_addr_of4((const uint8_t[]){ 192, 0, 2, 2 }) };

	if (seed % 2)
		for (uint8_t k = 0; k < 2; k++)
			addrs[k] = ip_addr_of6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(1 + k) });
	*f = (struct net_if_settings){ .mac = { 2, 0, 0, 0, 0, (uint8_t)i }, .mtu = 1500, .n_addrs = 1, .n_fixed = 1 };
	f->addrs[0] = (struct net_if_addr){ addrs[i], seed % 2 ? 64 : 24 };
	f->fixed[0] = (struct net_fixed){ addrs[1 - i], { 2, 0, 0, 0, 0, (uint8_t)(1 - i) } };
	memcpy(key + 8, &seed, 8);
	s->memory = aligned_alloc(64, (net_memory(&settings) + 63) & ~(size_t)63);
	s->n = net_init(s->memory, &settings, key, &s->stats);
	s->t = net_tcp(s->n);
	if (!net_route(s->n, &addrs[1 - i], &s->path))
		r->wrong = "no route";
}

static struct impair_line *start_line(const struct network *net, uint64_t seed)
{
	static void *memory;
	struct impair_line *l;

	if (!memory)
		memory = aligned_alloc(64, (impair_line_memory(SIM_FRAMES, SIM_FRAME) + 63) & ~(size_t)63);
	l = impair_line_init(memory, SIM_FRAMES, SIM_FRAME);
	l->impair.seed = seed;
	for (size_t i = 0; i < 2; i++) {
		l->impair.harm[i] = net->harm;
		if (net->mss < SIM_MSS)
			l->impair.harm[i].clamp_mss = net->mss;
	}
	return l;
}

static void start(struct run *r, uint64_t seed)
{
	r->line = start_line(r->net, seed);
	r->random = sim_dice(seed);
	r->now_us = r->progress_us = SIM_SECOND;
	for (size_t i = 0; i < 2; i++)
		start_side(r, i, seed);
	if (r->net->simultaneous)
		r->sides[1].c = open_from(&r->sides[1], port_4025, 4000, r->now_us);
	else if (tcp_listen(r->sides[1].t, 4025) != OK)
		r->wrong = "cannot listen";
	r->sides[0].c = open_from(&r->sides[0], r->net->simultaneous ? port_4000 : NULL, 4025, r->now_us);
	flush(r, 0);
	flush(r, 1);
}

/* Returns what went wrong, or NULL. */
static const char *verdict(const struct run *r)
{
	for (size_t i = 0; i < 2; i++) {
		const struct side *s = &r->sides[i];

		if (r->wrong)
			return r->wrong;
		if (s->failed && !r->net->hostile)
			return "a connection failed";
		if (!s->over && !r->net->hostile)
			return "no end";
		if (s->n_read != r->net->octets[1 - i] && !r->net->hostile)
			return "octets are missing";
		if (s->t->conns.n_used || s->t->halves.n_used || s->t->waits.n_used || s->t->blocks.pool.n_used ||
		    s->n->packets.n_used)
			return "something was left behind";
	}
	return NULL;
}

static const char *simulate(struct run *r, const struct network *net, uint64_t seed, bool tracing, double *seconds)
{
	struct impair_frame *f;
	uint64_t begin_us, end_us = 0;

	*r = (struct run){ .net = net, .trace = tracing };
	start(r, seed);
	begin_us = r->now_us;
	for (size_t n = 0; !r->wrong && n < SIM_EVENTS_MAX; n++) {
		uint64_t next_us = next_time(r);

		if (next_us == UINT64_MAX)
			break;
		if (next_us > r->now_us)
			r->now_us = next_us;
		if ((f = impair_line_take(r->line, r->now_us)))
			deliver(r, f);
		for (size_t i = 0; i < 2; i++)
			turn(r, i);
		if (stalls(r))
			r->wrong = "a stall";
		if (!end_us && r->sides[0].n_read == net->octets[1] && r->sides[1].n_read == net->octets[0])
			end_us = r->now_us;
	}
	*seconds = end_us ? (double)(end_us - begin_us) / 1e6 : 0;
	const char *wrong = verdict(r);

	for (size_t i = 0; i < 2; i++)
		free(r->sides[i].memory);
	return wrong;
}

#endif
