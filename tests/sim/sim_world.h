// SPDX-License-Identifier: MIT
/*
 * sim_world.h - two TCPs and their users, joined by two links of sim_link.h
 *
 *	  [0] client --> link --> server [1]
 *	             <-- link <--
 *
 * Each run moves octets both ways (their value says where they belong), closes both ways, and must end with both sides
 * told of an orderly end, no connection and no block left.  tcp_check() runs on both after every event, and a run is
 * the same to the bit whenever it is repeated.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdlib.h>

#include "dataplane/net/tcp_conn.h"
#include "tests/sim/sim_link.h"
#include "tests/tap.h"

#define MIB (1u << 20)

struct network {
	const char *name;
	struct sim_harm harm; /* both ways */
	uint32_t octets[2];   /* that each side sends */
	uint32_t receive_max, send_max, blocks;
	uint32_t reader_max; /* octets that a user takes at once; 0: all */
	uint16_t mss;
	bool simultaneous; /* both open at the same time */
	unsigned check_every;
	enum tcp_congestion congestion;
};

struct side {
	struct tcp *t;
	void *memory;
	struct stats stats;
	struct tcp_conn *c;
	struct tcp_path path;
	uint32_t n_sent, n_read;
	uint64_t reads_us; /* when a slow reader reads next */
	bool peer_closed, closed, over, failed;
};

struct run {
	const struct network *net;
	uint64_t now_us;
	struct side sides[2];
	struct sim_net wire;
	uint64_t digest;
	unsigned n_events;
	bool trace;
	const char *wrong;
};

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

static void trace(const struct run *r, const char *what, size_t side, const uint8_t *wire, size_t len)
{
	struct tcp_segment s;

	if (!r->trace || tcp_segment_parse(span_of(wire, len), &s))
		return;
	printf("# %10.3f ms %s [%zu] %c%c%c seq %" PRIu32 "+%zu ack %" PRIu32 " win %u\n", (double)r->now_us / 1000,
	       what, side, s.flags & TCP_SYN ? 'S' : '-', s.flags & TCP_FIN ? 'F' : '-', s.flags & TCP_RST ? 'R' : '-',
	       s.seq, s.data.len, s.ack, s.wnd);
}

/* --- the users ----------------------------------------------------------------------------- */

static void user_send(struct run *r, size_t i)
{
	struct side *s = &r->sides[i];
	uint32_t total = r->net->octets[i];
	uint8_t data[5000];

	while (s->c && s->n_sent < total && !s->over) {
		uint32_t n = 1 + sim_draw(&r->wire, sizeof(data));

		n = n < total - s->n_sent ? n : total - s->n_sent;
		for (uint32_t k = 0; k < n; k++)
			data[k] = octet(i, s->n_sent + k);
		size_t took = tcp_send(s->t, s->c, span_of(data, n), r->now_us);
		s->n_sent += (uint32_t)took;
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
		for (size_t k = 0; k < got.len; k++)
			if (got.at[k] != octet(1 - i, s->n_read + (uint32_t)k)) {
				r->wrong = "an octet is wrong";
				return;
			}
		tcp_consume(s->t, s->c, got.len);
		s->n_read += (uint32_t)got.len;
		most -= (uint32_t)got.len;
	}
	s->reads_us = s->c && tcp_peek(s->t, s->c).len ? r->now_us + 2000 : 0;
}

static void user_events(struct run *r, size_t i)
{
	struct side *s = &r->sides[i];
	struct tcp_event e;

	while (tcp_event(s->t, &e)) {
		switch (e.kind) {
		case TCP_EVENT_ACCEPTED:
		case TCP_EVENT_CONNECTED:
			s->c = e.conn;
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
	uint8_t wire[SIM_FRAME];
	struct tcp_path path;
	size_t n;

	while ((n = tcp_next(r->sides[i].t, wire, sizeof(wire), false, &path, r->now_us))) {
		trace(r, "sends", i, wire, n);
		for (size_t k = 0; k < n; k++)
			r->digest = (r->digest ^ wire[k]) * 0x100000001b3u;
		sim_carry(&r->wire, (uint8_t)(1 - i), wire, n, r->now_us);
		check(r, i);
	}
}

static void settle(struct run *r, size_t i)
{
	check(r, i);
	user_events(r, i);
	check(r, i);
	tcp_input_end(r->sides[i].t, r->now_us);
	check(r, i);
	flush(r, i);
}

static uint64_t next_time(const struct run *r)
{
	uint64_t next_us = r->wire.n_packets ? r->wire.heap[0]->at_us : TIMER_NEVER;

	for (size_t i = 0; i < 2; i++) {
		uint64_t deadline_us = tcp_deadline_us(r->sides[i].t);

		next_us = deadline_us < next_us ? deadline_us : next_us;
		if (r->sides[i].reads_us && r->sides[i].reads_us < next_us)
			next_us = r->sides[i].reads_us;
	}
	return next_us;
}

static void deliver(struct run *r)
{
	struct sim_packet *p = sim_take(&r->wire);
	struct side *s = &r->sides[p->to];

	trace(r, "gets ", p->to, p->wire, p->len);
	tcp_input(s->t, &s->path, span_of(p->wire, p->len), r->now_us);
	settle(r, p->to);
	sim_give(p);
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

static void start(struct run *r, uint64_t seed)
{
	struct tcp_settings settings = tcp_settings_default();
	struct ip_addr addrs[2] = { ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				    ip_addr_of4((const uint8_t[]){ 192, 0, 2, 2 }) };

	if (seed % 2)
		for (uint8_t i = 0; i < 2; i++)
			addrs[i] = ip_addr_of6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = i });
	settings.conns_max = settings.half_open_max = settings.time_wait_max = 4;
	settings.receive_max = r->net->receive_max;
	settings.send_max = r->net->send_max;
	settings.buffer_blocks = r->net->blocks;
	settings.mss4 = settings.mss6 = r->net->mss;
	settings.data_retries = 60;
	settings.syn_retries = 15;
	settings.rto_max_us = 2000000; /* else half a lossy minute passes without a word, and FIN-WAIT-2 ends */
	settings.congestion = r->net->congestion;
	sim_start(&r->wire, seed, &r->net->harm, &r->net->harm);
	r->now_us = 1000000;
	for (size_t i = 0; i < 2; i++) {
		struct side *s = &r->sides[i];
		uint8_t key[16] = { (uint8_t)i };

		memcpy(key + 8, &seed, 8);
		s->memory = aligned_alloc(64, (tcp_memory(&settings) + 63) & ~(size_t)63);
		s->t = tcp_init(s->memory, &settings, key, &s->stats);
		s->path = (struct tcp_path){ .local = addrs[i], .remote = addrs[1 - i] };
	}
	if (r->net->simultaneous)
		r->sides[1].c = open_from(&r->sides[1], port_4025, 4000, r->now_us);
	else if (tcp_listen(r->sides[1].t, 4025) != OK)
		r->wrong = "cannot listen";
	r->sides[0].c = open_from(&r->sides[0], r->net->simultaneous ? port_4000 : NULL, 4025, r->now_us);
	flush(r, 0);
	flush(r, 1);
}

/* Returns what went wrong, or NULL. */
static const char *verdict(struct run *r)
{
	for (size_t i = 0; i < 2; i++) {
		struct side *s = &r->sides[i];

		if (r->wrong)
			return r->wrong;
		if (s->failed)
			return "a connection failed";
		if (!s->over)
			return "no end";
		if (s->n_read != r->net->octets[1 - i])
			return "octets are missing";
		if (s->t->conns.n_used || s->t->halves.n_used || s->t->waits.n_used || s->t->blocks.pool.n_used)
			return "something was left behind";
	}
	return NULL;
}

static const char *simulate(struct run *r, const struct network *net, uint64_t seed, bool tracing, double *seconds)
{
	const char *wrong;
	uint64_t begin_us, end_us = 0;

	*r = (struct run){ .net = net, .trace = tracing };
	start(r, seed);
	begin_us = r->now_us;
	for (size_t n = 0; !r->wrong && n < 40000000; n++) {
		uint64_t next_us = next_time(r);

		if (next_us == TIMER_NEVER)
			break;
		if (next_us > r->now_us)
			r->now_us = next_us;
		if (r->wire.n_packets && r->wire.heap[0]->at_us <= r->now_us)
			deliver(r);
		for (size_t i = 0; i < 2; i++) {
			struct side *s = &r->sides[i];

			if (s->reads_us && s->reads_us <= r->now_us) {
				user_read(r, i);
				settle(r, i);
			}
			if (tcp_deadline_us(s->t) <= r->now_us) {
				tcp_step(s->t, r->now_us);
				settle(r, i);
			}
		}
		if (!end_us && r->sides[0].n_read == net->octets[1] && r->sides[1].n_read == net->octets[0])
			end_us = r->now_us;
	}
	*seconds = end_us ? (double)(end_us - begin_us) / 1e6 : 0;
	wrong = verdict(r);
	free(r->sides[0].memory);
	free(r->sides[1].memory);
	return wrong;
}

#endif
