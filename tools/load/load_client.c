// SPDX-License-Identifier: MIT
/*
 * load_client.c - one client's dialogue
 *
 * Where it is in its dialogue, how much of the present text was taken by TCP, and how much of a reply line was read.
 */
#include "tools/load/load_state.h"

/* True when nothing of TLS waits for room any more. */
static bool flush(struct load *l, struct client *c, uint64_t now_us)
{
	struct span out;

	while (c->tls && (out = load_tls_out(c->tls)).len) {
		size_t n = l->wire->send(l->wire, c->conn, out, now_us);

		load_tls_sent(c->tls, n);
		if (n < out.len)
			return false;
	}
	return true;
}

/* How much of @text is on its way. */
static size_t give(struct load *l, struct client *c, struct span text, uint64_t now_us)
{
	size_t n, total = 0;

	if (!c->tls)
		return text.len ? l->wire->send(l->wire, c->conn, text, now_us) : 0;
	while (flush(l, c, now_us) && total < text.len) {
		struct span rest = span_skip(text, total);

		n = load_tls_write(c->tls, span_head(rest, rest.len < LOAD_TLS_RECORD ? rest.len : LOAD_TLS_RECORD));
		if (n == 0)
			break;
		total += n;
	}
	return total;
}

static void push_text(struct load *l, struct client *c, uint64_t now_us)
{
	struct span text = c->text;

	if (c->waits)
		return;
	if (l->settings.drip_us && text.len) {
		text = span_head(text, 1);
		c->waits = true;
		timer_arm(&l->timers, &c->timer, now_us + l->settings.drip_us);
	}
	size_t n = give(l, c, text, now_us);

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
	c->n_replies = (uint16_t)n_replies;
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
	const struct load_message *m = &l->settings.corpus[c->message];
	struct span envelope = m->envelope.len ? m->envelope : text_span(&l->envelope);

	c->bdat = m->chunk.len && load_has_share(l->n_messages, l->settings.bdat_share);
	l->n_messages++;
	if (c->bdat)
		envelope = span_head(envelope, envelope.len - LOAD_DATA_LEN);
	say(l, c, STEP_ENVELOPE, l->settings.recipients + (c->bdat ? 1 : 2), envelope, now_us);
}

static void send_message(struct load *l, struct client *c, uint64_t now_us)
{
	c->n_messages++;
	const struct load_message *m = &l->settings.corpus[c->message];

	say(l, c, STEP_MESSAGE, 1, c->bdat ? m->chunk : m->octets, now_us);
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

static void measured(struct load *l, struct histogram *h, uint64_t us)
{
	if (!atomic_load_explicit(&l->uncounted, memory_order_relaxed))
		histogram_add(h, us);
}

static void shake(struct load *l, struct client *c, uint64_t now_us)
{
	int result = load_tls_handshake(c->tls);

	flush(l, c, now_us);
	if (result > 0) {
		l->counts.handshakes++;
		say(l, c, STEP_EHLO, 1, text_span(&l->ehlo), now_us);
	} else if (result < 0) {
		l->counts.handshakes_failed++;
		l->wire->close(l->wire, c->conn, now_us);
	}
}

static void begin_tls(struct load *l, struct client *c, uint64_t now_us)
{
	c->wants_tls = false;
	c->step = STEP_SHAKE;
	c->tls = load_tls_new(l->settings.tls);
	if (c->tls)
		shake(l, c, now_us);
	else
		l->wire->close(l->wire, c->conn, now_us);
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
		else if (c->wants_tls)
			say(l, c, STEP_STARTTLS, 1, SPAN("STARTTLS\r\n"), now_us);
		else if (c->idle)
			hold(l, c);
		else
			next_message(l, c, now_us);
		return;
	case STEP_STARTTLS:
		if (class != 2)
			odd(l, c, now_us);
		else
			begin_tls(l, c, now_us);
		return;
	case STEP_ENVELOPE:
		if (class != (c->n_replies || c->bdat ? 2 : 3))
			odd(l, c, now_us);
		else if (c->n_replies == 0)
			send_message(l, c, now_us);
		return;
	case STEP_MESSAGE:
		l->counts.messages[class <= 5 ? class : 0]++;
		measured(l, &l->message_us, now_us - c->dot_us);
		next_message(l, c, now_us);
		return;
	case STEP_SHAKE:
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

/* Records in, plaintext out: replies. */
static void read_records(struct load *l, struct client *c, struct span records, uint64_t now_us)
{
	size_t n;

	load_tls_take(c->tls, records);
	if (c->step == STEP_SHAKE)
		shake(l, c, now_us);
	while (c->step != STEP_SHAKE && (n = load_tls_read(c->tls, l->plaintext, sizeof(l->plaintext))))
		read_octets(l, c, span_of(l->plaintext, n), now_us);
	flush(l, c, now_us);
}

static void client_end(struct load *l, struct client *c, bool good, uint64_t now_us)
{
	if (good) {
		l->counts.ended++;
		measured(l, &l->session_us, now_us - c->begin_us);
	} else if (c->connected && c->step == STEP_GREETING) {
		l->counts.resets++;
	} else {
		l->counts.failed++;
	}
	l->counts.live--;
	l->counts.held -= c->step == STEP_HELD;
	l->n_idle_lost += c->idle;
	timer_cancel(&l->timers, &c->timer);
	load_tls_free(c->tls);
	pool_give(&l->clients, c);
}

void load_client_event(struct load *l, const struct tcp_event *e, uint64_t now_us)
{
	struct client *c = e->user;
	struct span s;

	switch (e->kind) {
	case TCP_EVENT_ACCEPTED:
		return;
	case TCP_EVENT_CONNECTED:
		c->connected = true;
		return;
	case TCP_EVENT_READABLE:
		while ((s = l->wire->peek(l->wire, e->conn)).len) {
			if (c->tls)
				read_records(l, c, s, now_us);
			else
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

void load_client_timer(struct load *l, struct client *c, uint64_t now_us)
{
	c->waits = false;
	push_text(l, c, now_us);
}
