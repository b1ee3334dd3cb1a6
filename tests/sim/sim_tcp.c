// SPDX-License-Identifier: MIT
/*
 * sim_tcp.c - two TCPs joined by a network that loses, repeats, holds back and corrupts
 *
 *	  [0] client --> queue --> server [1]        a packet's fate and delay are drawn from the seed
 *	             <-- queue <--
 *
 * Each run moves octets both ways (their value says where they belong), closes both ways, and must end with both sides
 * told of an orderly end, no connection and no block left.  tcp_check() runs on both after every event, and a run is
 * the same to the bit whenever it is repeated.  The last lines are a table of throughput over loss.
 *
 *	sim_tcp [SEED]        one run of each network with that seed, with a trace of what happened
 */
#include <stdlib.h>

#include "dataplane/net/tcp_conn.h"
#include "tests/tap.h"

enum { PACKETS_MAX = 4096, FRAME_MAX = 2048 };

struct network {
	const char *name;
	uint32_t loss, repeat, corrupt, hold; /* of 10 000 packets */
	uint32_t delay_us, jitter_us, hold_us;
	uint32_t octets[2]; /* that each side sends */
	uint32_t receive_max, send_max, blocks;
	uint32_t reader_max; /* octets that a user takes at once; 0: all */
	uint16_t mss;
	bool simultaneous; /* both open at the same time */
};

struct packet {
	uint64_t at_us;
	uint64_t order; /* among those of the same time */
	uint8_t to;
	uint16_t len;
	uint8_t wire[FRAME_MAX];
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
	uint64_t random, now_us, order;
	struct side sides[2];
	struct packet *heap[PACKETS_MAX]; /* by time */
	size_t n_packets;
	uint64_t n_carried, n_lost, digest;
	bool trace;
	const char *wrong;
};

static struct packet store[PACKETS_MAX];
static struct packet *spare[PACKETS_MAX];
static size_t n_spare;

static uint32_t draw(struct run *r, uint32_t below)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (uint32_t)((r->random * 0x2545f4914f6cdd1du) >> 33) % below;
}

static uint8_t octet(size_t side, uint32_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16 ^ side * 85);
}

/* --- the network: a heap by time ----------------------------------------------------------- */

static bool before(const struct packet *a, const struct packet *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void heap_put(struct run *r, struct packet *p)
{
	size_t i = r->n_packets++;

	for (; i > 0 && before(p, r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = p;
}

static struct packet *heap_take(struct run *r)
{
	struct packet *first = r->heap[0], *last = r->heap[--r->n_packets];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < r->n_packets) {
		child += child + 1 < r->n_packets && before(r->heap[child + 1], r->heap[child]);
		if (!before(r->heap[child], last))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = last;
	return first;
}

static void carry(struct run *r, uint8_t to, const uint8_t *wire, size_t len)
{
	const struct network *n = r->net;
	struct packet *p;

	if (draw(r, 10000) < n->loss || !n_spare) {
		r->n_lost++;
		return;
	}
	p = spare[--n_spare];
	p->to = to;
	p->len = (uint16_t)len;
	p->order = r->order++;
	p->at_us = r->now_us + n->delay_us + (n->jitter_us ? draw(r, n->jitter_us) : 0);
	if (draw(r, 10000) < n->hold)
		p->at_us += draw(r, n->hold_us);
	memcpy(p->wire, wire, len);
	if (draw(r, 10000) < n->corrupt)
		p->wire[draw(r, (uint32_t)len)] ^= (uint8_t)(1u << draw(r, 8));
	r->n_carried++;
	heap_put(r, p);
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
		uint32_t n = 1 + draw(r, sizeof(data));

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
	uint8_t wire[FRAME_MAX];
	struct tcp_path path;
	size_t n;

	while ((n = tcp_next(r->sides[i].t, wire, sizeof(wire), false, &path, r->now_us))) {
		trace(r, "sends", i, wire, n);
		for (size_t k = 0; k < n; k++)
			r->digest = (r->digest ^ wire[k]) * 0x100000001b3u;
		carry(r, (uint8_t)(1 - i), wire, n);
		if (draw(r, 10000) < r->net->repeat)
			carry(r, (uint8_t)(1 - i), wire, n);
		tcp_check(r->sides[i].t);
	}
}

static void settle(struct run *r, size_t i)
{
	tcp_check(r->sides[i].t);
	user_events(r, i);
	tcp_check(r->sides[i].t);
	tcp_input_end(r->sides[i].t, r->now_us);
	tcp_check(r->sides[i].t);
	flush(r, i);
}

static uint64_t next_time(const struct run *r)
{
	uint64_t next_us = r->n_packets ? r->heap[0]->at_us : TIMER_NEVER;

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
	struct packet *p = heap_take(r);
	struct side *s = &r->sides[p->to];

	trace(r, "gets ", p->to, p->wire, p->len);
	tcp_input(s->t, &s->path, span_of(p->wire, p->len), r->now_us);
	settle(r, p->to);
	spare[n_spare++] = p;
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
	r->random = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
	r->now_us = 1000000;
	for (size_t i = 0; i < PACKETS_MAX; i++)
		spare[i] = &store[i];
	n_spare = PACKETS_MAX;
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
	for (size_t n = 0; !r->wrong && n < 4000000; n++) {
		uint64_t next_us = next_time(r);

		if (next_us == TIMER_NEVER)
			break;
		if (next_us > r->now_us)
			r->now_us = next_us;
		if (r->n_packets && r->heap[0]->at_us <= r->now_us)
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

#define MIB (1u << 20)

/* clang-format off */
static const struct network networks[] = {
	/* name, loss, repeat, corrupt, hold, delay, jitter, hold_us, octets, receive, send, blocks, reader, mss, simultaneous */
	{ "a good network",            0,    0,    0,    0, 10000,    0,      0, { MIB, MIB }, 262144, 262144, 1024,    0, 1460, false },
	{ "1 % loss",                100,    0,    0,    0, 10000,    0,      0, { MIB, MIB }, 262144, 262144, 1024,    0, 1460, false },
	{ "3 % loss, jitter",        300,    0,    0,    0, 10000, 2000,      0, { MIB, MIB }, 262144, 262144, 1024,    0, 1460, false },
	{ "10 % loss, 2 % repeated, 5 % held back, 2 % corrupt",
	                            1000,  200,  200,  500,  5000, 1000,  20000, { MIB / 8, MIB / 8 }, 65535, 65535, 512, 0, 1460, false },
	{ "30 % held back",            0,  500,    0, 3000,  2000,    0,  10000, { MIB / 4, MIB / 4 }, 65535, 65535, 512, 0, 1460, false },
	{ "slow readers, small windows", 200, 100,  50, 200,  2000, 500,  5000, { MIB / 16, MIB / 16 }, 8000, 20000, 512, 700, 1460, false },
	{ "a window below the MSS",  300,    0,    0,    0,  1000,    0,      0, { MIB / 64, MIB / 64 }, 1000, 4000, 512, 100, 1460, false },
	{ "hardly any memory",       200,  100,    0,  300,  2000,    0,   8000, { MIB / 16, MIB / 16 }, 65535, 65535, 12, 900, 1460, false },
	{ "small segments",          300,  100,   50,  500,  3000, 1000,  10000, { MIB / 16, MIB / 16 }, 65535, 65535, 512, 0, 216, false },
	{ "both open at once",       800,  300,  100,  500,  5000, 3000,  20000, { MIB / 32, MIB / 32 }, 65535, 65535, 512, 0, 1460, true },
	{ "half of everything lost", 5000,   0,    0,    0,  1000,    0,      0, { 20000, 20000 }, 65535, 65535, 512, 0, 1460, false },
	{ "nothing to say",          3000, 1000, 500, 1000,  1000,  500,  10000, { 0, 0 }, 65535, 65535, 512, 0, 1460, false },
	{ "only the server speaks",  1000, 200,  100,  500,  1000,  500,  10000, { 0, MIB / 16 }, 65535, 65535, 512, 0, 1460, false },
};
/* clang-format on */

static const unsigned seeds[] = { 4, 12, 12, 60, 30, 260, 100, 60, 40, 100, 100, 100, 60 };

int main(int argc, char **argv)
{
	static struct run run;
	const size_t n_networks = sizeof(networks) / sizeof(networks[0]);
	double seconds;

	_Static_assert(sizeof(seeds) / sizeof(seeds[0]) == sizeof(networks) / sizeof(networks[0]),
		       "seeds for each network");
	if (argc > 1) {
		for (size_t i = 0; i < n_networks; i++) {
			const char *wrong = simulate(&run, &networks[i], strtoull(argv[1], NULL, 10),
						     argc > 2 && i == strtoull(argv[2], NULL, 10), &seconds);

			ok(!wrong, "%s: %s (%.3f s)", networks[i].name, wrong ? wrong : "good", seconds);
		}
		return done();
	}
	for (size_t i = 0; i < n_networks; i++) {
		unsigned n_good = 0;
		double sum = 0, most = 0;

		for (uint64_t seed = 1; seed <= seeds[i]; seed++) {
			const char *wrong = simulate(&run, &networks[i], seed, false, &seconds);

			if (wrong)
				ok(false, "%s, seed %" PRIu64 ": %s", networks[i].name, seed, wrong);
			n_good += !wrong;
			sum += seconds;
			most = seconds > most ? seconds : most;
		}
		ok(n_good == seeds[i], "%s: %u runs of %u end well", networks[i].name, n_good, seeds[i]);
		printf("# mean %.3f s, most %.3f s\n", sum / seeds[i], most);
	}
	simulate(&run, &networks[3], 7, false, &seconds);
	uint64_t digest = run.digest;
	simulate(&run, &networks[3], 7, false, &seconds);
	ok(digest == run.digest, "the same seed makes the same run, to the bit");
	return done();
}
