// SPDX-License-Identifier: MIT
/*
 * load.c - many SMTP clients, over our own TCP or the kernel's: one worker's world
 *
 * A client is a small struct: where it is in its dialogue, how much of the present text was taken by TCP, and how much
 * of a reply line was read.  Texts are the same for all and made at the start.
 */
#include "tools/load/load.h"

#include <string.h>

#include "dataplane/base/pool.h"
#include "tools/load/load_flood.h"
#include "tools/load/load_sink.h"

enum step {
	STEP_GREETING, /* 220 is awaited */
	STEP_EHLO,     /* 250 */
	STEP_ENVELOPE, /* 250, 250, 354: MAIL, RCPT and DATA went together (RFC 2920) */
	STEP_MESSAGE,  /* 250 to the final dot */
	STEP_QUIT,     /* 221 */
	STEP_HELD,     /* nothing */
};

struct client {
	uint8_t what; /* not LOAD_SINK */
	struct tcp_conn *conn;
	uint64_t begin_us, dot_us;
	struct span text; /* still to be given to TCP */
	uint32_t n_messages;
	uint32_t message;  /* of the corpus, from its envelope on */
	uint16_t code;     /* of the reply line under way */
	uint8_t step;      /* enum step */
	uint8_t n_replies; /* awaited in this step */
	uint8_t column;    /* of the reply line under way, 4 at most */
	bool more;         /* that line is not the last of its reply */
};

struct load {
	struct load_settings settings;
	struct net *net; /* NULL: the kernel's */
	struct load_wire_tcp own;
	struct load_wire *wire;
	struct stats stats;
	struct pool clients;
	struct load_counts counts;
	struct histogram message_us, session_us;
	uint64_t begin_us, random;
	uint32_t next_message;
	uint64_t next_client;
	_Atomic bool stop;
	struct text ehlo, envelope;
	char ehlo_text[320], envelope_text[1024];
	struct load_flood flood;
	unsigned n_flooded; /* in this turn */
	struct load_sink sink;
};

static size_t rounded(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

size_t load_memory(const struct load_settings *s, const struct net_settings *net)
{
	return rounded(sizeof(struct load)) + rounded(pool_memory(s->connections, sizeof(struct client))) +
	       rounded(load_sink_memory()) + (s->wire ? 0 : net_memory(net));
}

static void make_texts(struct load *l)
{
	const struct load_settings *s = &l->settings;

	text_init(&l->ehlo, l->ehlo_text, sizeof(l->ehlo_text));
	text_puts(&l->ehlo, "EHLO ");
	text_puts(&l->ehlo, s->helo);
	text_puts(&l->ehlo, "\r\n");
	text_init(&l->envelope, l->envelope_text, sizeof(l->envelope_text));
	text_puts(&l->envelope, "MAIL FROM:<");
	text_puts(&l->envelope, s->mail_from);
	text_puts(&l->envelope, ">\r\nRCPT TO:<");
	text_puts(&l->envelope, s->rcpt_to);
	text_puts(&l->envelope, ">\r\nDATA\r\n");
}

struct load *load_init(void *memory, const struct load_settings *s, const struct net_settings *net,
		       const uint8_t seed[16], uint64_t now_us)
{
	struct load *l = memory;
	uint8_t *at = (uint8_t *)memory + rounded(sizeof(*l));

	l->settings = *s;
	l->begin_us = now_us;
	memcpy(&l->random, seed, sizeof(l->random));
	l->random |= 1;
	pool_init(&l->clients, at, s->connections, sizeof(struct client));
	at += rounded(pool_memory(s->connections, sizeof(struct client)));
	void *sink = at;

	at += rounded(load_sink_memory());
	l->wire = s->wire;
	if (!l->wire) {
		l->net = net_init(at, net, seed, &l->stats);
		load_wire_tcp_init(&l->own, net_tcp(l->net));
		l->wire = &l->own.wire;
		if (s->sink && tcp_listen(l->own.tcp, s->sink) != OK)
			CHECK(!"the only port that is listened to");
	}
	load_sink_init(&l->sink, sink, l->wire);
	make_texts(l);
	if (s->flood)
		load_flood_init(&l->flood, &net->ifs[0], &s->target, s->port, l->random);
	return l;
}

/* --- one client ---------------------------------------------------------------------------- */

static void push_text(struct load *l, struct client *c, uint64_t now_us)
{
	size_t n = c->text.len ? l->wire->send(l->wire, c->conn, c->text, now_us) : 0;

	c->text = span_skip(c->text, n);
	if (c->step == STEP_MESSAGE) {
		l->counts.octets += n;
		if (n && c->text.len == 0)
			c->dot_us = now_us;
	}
}

static void say(struct load *l, struct client *c, enum step step, unsigned n_replies, struct span text, uint64_t now_us)
{
	c->step = (uint8_t)step;
	c->n_replies = (uint8_t)n_replies;
	c->text = text;
	push_text(l, c, now_us);
}

static void next_message(struct load *l, struct client *c, uint64_t now_us)
{
	if (c->n_messages >= l->settings.messages) {
		say(l, c, STEP_QUIT, 1, SPAN("QUIT\r\n"), now_us);
		return;
	}
	c->message = l->next_message;
	if (++l->next_message == l->settings.n_corpus)
		l->next_message = 0;
	struct span own = l->settings.corpus[c->message].envelope;
	say(l, c, STEP_ENVELOPE, 3, own.len ? own : text_span(&l->envelope), now_us);
}

static void send_message(struct load *l, struct client *c, uint64_t now_us)
{
	c->n_messages++;
	say(l, c, STEP_MESSAGE, 1, l->settings.corpus[c->message].octets, now_us);
}

/* A reply other than what the dialogue needs: goodbye. */
static void odd(struct load *l, struct client *c, uint64_t now_us)
{
	l->counts.odd_replies++;
	if (c->step != STEP_QUIT)
		say(l, c, STEP_QUIT, 1, SPAN("QUIT\r\n"), now_us);
}

static void hold(struct load *l, struct client *c)
{
	c->step = STEP_HELD;
	l->counts.held++;
}

static void replied(struct load *l, struct client *c, uint64_t now_us)
{
	unsigned class = c->code / 100;

	if (c->n_replies == 0)
		return; /* nobody asked: a 421 before the end */
	c->n_replies--;
	switch ((enum step)c->step) {
	case STEP_GREETING:
		if (class != 2)
			odd(l, c, now_us);
		else if (l->settings.mode == LOAD_CONNECT)
			say(l, c, STEP_QUIT, 1, SPAN("QUIT\r\n"), now_us);
		else
			say(l, c, STEP_EHLO, 1, text_span(&l->ehlo), now_us);
		return;
	case STEP_EHLO:
		if (class != 2)
			odd(l, c, now_us);
		else if (l->settings.mode == LOAD_IDLE)
			hold(l, c);
		else
			next_message(l, c, now_us);
		return;
	case STEP_ENVELOPE:
		if (class != (c->n_replies ? 2 : 3))
			odd(l, c, now_us);
		else if (c->n_replies == 0)
			send_message(l, c, now_us);
		return;
	case STEP_MESSAGE:
		l->counts.messages[class <= 5 ? class : 0]++;
		histogram_add(&l->message_us, now_us - c->dot_us);
		next_message(l, c, now_us);
		return;
	case STEP_QUIT:
	case STEP_HELD:
		return;
	}
}

/* Reply lines: code, "-" or what else follows, text to the end of the line (RFC 5321 4.2). */
static void read_octets(struct load *l, struct client *c, struct span s, uint64_t now_us)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t octet = s.at[i];

		if (c->column < 3) {
			c->code = (uint16_t)(c->code * 10 + (byte_is_digit(octet) ? octet - '0' : 0));
			c->column++;
			continue;
		}
		if (c->column == 3) {
			c->more = octet == '-';
			c->column = 4;
		}
		/* The rest of the line says nothing to us. */
		size_t end = span_find(span_skip(s, i), '\n');

		if (end == SPAN_NONE)
			return;
		i += end;
		if (!c->more)
			replied(l, c, now_us);
		c->column = 0;
		c->code = 0;
	}
}

static void client_end(struct load *l, struct client *c, bool good, uint64_t now_us)
{
	if (good) {
		l->counts.ended++;
		histogram_add(&l->session_us, now_us - c->begin_us);
	} else {
		l->counts.failed++;
	}
	l->counts.live--;
	l->counts.held -= c->step == STEP_HELD;
	pool_give(&l->clients, c);
}

static void told(struct load *l, const struct tcp_event *e, uint64_t now_us)
{
	struct client *c = e->user;
	struct span s;

	switch (e->kind) {
	case TCP_EVENT_ACCEPTED:
	case TCP_EVENT_CONNECTED:
		return;
	case TCP_EVENT_READABLE:
		while ((s = l->wire->peek(l->wire, e->conn)).len) {
			read_octets(l, c, s, now_us);
			l->wire->consume(l->wire, e->conn, s.len);
		}
		return;
	case TCP_EVENT_WRITABLE:
		push_text(l, c, now_us);
		return;
	case TCP_EVENT_PEER_CLOSED:
		l->wire->close(l->wire, e->conn, now_us);
		return;
	case TCP_EVENT_CLOSED:
		client_end(l, c, c->step == STEP_QUIT && c->n_replies == 0, now_us);
		return;
	case TCP_EVENT_FAILED:
		client_end(l, c, false, now_us);
		return;
	}
}

static bool settle(struct load *l, uint64_t now_us)
{
	struct tcp_event e;
	bool any = false;

	while (l->wire->event(l->wire, &e)) {
		any = true;
		if (!e.user)
			load_sink_accept(&l->sink, e.conn, now_us);
		else if (*(const uint8_t *)e.user == LOAD_SINK)
			load_sink_event(&l->sink, &e, now_us);
		else
			told(l, &e, now_us);
	}
	return any;
}

/* --- all clients --------------------------------------------------------------------------- */

/* The next address of the clients' prefix, neither its first nor its last. */
static struct ip_addr client_addr(struct load *l)
{
	const struct net_if_addr *p = &l->settings.clients;
	uint32_t base = 0, n = (uint32_t)((UINT64_C(1) << (32 - p->prefix_len)) - 2);
	uint32_t host = (uint32_t)(l->next_client++ % n) + 1;
	uint8_t octets[4];

	for (int i = 0; i < 4; i++)
		base = base << 8 | p->addr.bytes[i];
	base |= host;
	for (int i = 0; i < 4; i++)
		octets[i] = (uint8_t)(base >> (24 - 8 * i));
	return ip_addr_of4(octets);
}

static bool begin(struct load *l, uint64_t now_us)
{
	struct tcp_path path = { .remote = l->settings.target };
	struct client *c = pool_take(&l->clients);

	if (!c)
		return false;
	*c = (struct client){ .begin_us = now_us, .n_replies = 1 };
	path.local = client_addr(l);
	c->conn = l->wire->connect(l->wire, &path, l->settings.port, c, now_us);
	if (!c->conn) {
		l->counts.refused++;
		pool_give(&l->clients, c);
		return false;
	}
	l->counts.begun++;
	l->counts.live++;
	return true;
}

/* How many may be begun by now. */
static uint64_t due(const struct load *l, uint64_t now_us)
{
	const struct load_settings *s = &l->settings;
	uint64_t n = s->rate ? (now_us - l->begin_us) * s->rate / 1000000 : UINT64_MAX;

	if (s->sessions_max && n > s->sessions_max)
		n = s->sessions_max;
	return atomic_load_explicit(&l->stop, memory_order_relaxed) ? 0 : n;
}

/* Those that are to be held are opened no faster than they get there, however fast that is. */
static bool may_begin(const struct load *l, uint64_t now_us)
{
	const struct load_counts *n = &l->counts;

	return n->begun < due(l, now_us) && (l->settings.mode != LOAD_IDLE || n->live - n->held < LOAD_OPENING_MAX);
}

bool load_tick(void *load, uint64_t now_us, uint64_t unix_us, bool idle)
{
	struct load *l = load;
	bool any = false;

	l->n_flooded = 0;
	(void)unix_us;
	(void)idle;
	if (l->net)
		net_step(l->net, now_us);
	any |= settle(l, now_us);
	/* A bound on each turn: frames wait meanwhile. */
	for (int i = 0; i < 32 && may_begin(l, now_us) && begin(l, now_us); i++)
		any = true;
	return any;
}

void load_rx(void *load, unsigned ifindex, struct span frame, unsigned rx_flags, uint64_t now_us)
{
	struct load *l = load;

	l->counts.rx_frames++;
	if (l->settings.flood && load_flood_takes(&l->flood, frame))
		return;
	net_input(l->net, ifindex, frame, rx_flags, now_us);
	settle(l, now_us);
	net_input_end(l->net, now_us);
}

static uint64_t flood_due(const struct load *l, uint64_t now_us)
{
	return (uint64_t)((double)(now_us - l->begin_us) * (double)l->settings.flood / 1e6);
}

bool load_tx(void *load, struct net_frame *frame, uint64_t now_us)
{
	struct load *l = load;

	if (net_next(l->net, frame, now_us)) {
		l->counts.tx_frames++;
		return true;
	}
	/* No more than a burst a turn: what comes back must be read as fast. */
	if (!l->settings.flood || l->n_flooded == FLOOD_BURST || l->counts.syns >= flood_due(l, now_us) ||
	    atomic_load_explicit(&l->stop, memory_order_relaxed) || !load_flood_next(&l->flood, frame))
		return false;
	l->n_flooded++;
	l->counts.syns++;
	l->counts.tx_frames++;
	return true;
}

uint64_t load_deadline_us(void *load)
{
	struct load *l = load;

	return l->settings.rate || l->settings.flood ? 0 : net_deadline_us(l->net);
}

const struct load_counts *load_counts(const struct load *l)
{
	return &l->counts;
}

const struct histogram *load_message_us(const struct load *l)
{
	return &l->message_us;
}

const struct histogram *load_session_us(const struct load *l)
{
	return &l->session_us;
}

uint64_t load_flood_answers(const struct load *l)
{
	return l->flood.n_answers;
}

uint64_t load_sunk(const struct load *l)
{
	return l->sink.n_messages;
}

const struct stats *load_stats(const struct load *l)
{
	return &l->stats;
}

void load_stop(struct load *l)
{
	atomic_store(&l->stop, true);
}

bool load_is_done(const struct load *l)
{
	return l->counts.live == 0 &&
	       (atomic_load(&l->stop) || (l->settings.sessions_max && l->counts.begun >= l->settings.sessions_max));
}
