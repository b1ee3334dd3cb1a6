// SPDX-License-Identifier: MIT
/*
 * load_sink.c - a next hop that takes everything and keeps nothing
 */
#include "tools/load/load_sink.h"

static const char end_of_data[] = "\r\n.\r\n";
enum { END = sizeof(end_of_data) - 1 };

size_t load_sink_memory(void)
{
	return pool_memory(LOAD_SINK_MAX, sizeof(struct load_sink_peer));
}

void load_sink_init(struct load_sink *s, void *memory, struct load_wire *wire)
{
	s->wire = wire;
	s->n_messages = s->n_octets = s->n_connections = 0;
	pool_init(&s->peers, memory, LOAD_SINK_MAX, sizeof(struct load_sink_peer));
}

static void say(struct load_sink *s, struct tcp_conn *c, struct span text, uint64_t now_us)
{
	/* Replies are short and the gateway reads them: a send that is cut means that it went wrong. */
	if (s->wire->send(s->wire, c, text, now_us) != text.len)
		s->wire->close(s->wire, c, now_us);
}

void load_sink_accept(struct load_sink *s, struct tcp_conn *conn, uint64_t now_us)
{
	struct load_sink_peer *p = pool_take(&s->peers);

	if (!p) {
		s->wire->abort(s->wire, conn, now_us);
		return;
	}
	*p = (struct load_sink_peer){ .what = LOAD_SINK };
	s->wire->set_user(s->wire, conn, p);
	s->n_connections++;
	say(s, conn, SPAN("220 sink.example ESMTP\r\n"), now_us);
}

static void stored(struct load_sink *s, struct tcp_conn *c, uint64_t now_us)
{
	s->n_messages++;
	say(s, c, SPAN("250 2.0.0 Taken\r\n"), now_us);
}

static void command(struct load_sink *s, struct tcp_conn *c, struct load_sink_peer *p, uint64_t now_us)
{
	struct span line = span_of(p->line, p->column), rest = line;
	struct span reply = SPAN("250 2.0.0 Ok\r\n");

	if (span_starts_nocase(line, SPAN("EHLO"))) {
		reply = SPAN("250-sink.example\r\n250-PIPELINING\r\n250-SIZE 0\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
			     "250-CHUNKING\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n");
	} else if (span_starts_nocase(line, SPAN("DATA"))) {
		p->in_data = true;
		p->end = 2; /* a dot at once ends an empty message */
		reply = SPAN("354 Go on\r\n");
	} else if (span_starts_nocase(line, SPAN("BDAT "))) {
		rest = span_skip(line, 5);
		p->chunk = 0;
		while (rest.len && byte_is_digit(rest.at[0])) {
			p->chunk = p->chunk * 10 + (uint64_t)(rest.at[0] - '0');
			rest = span_skip(rest, 1);
		}
		p->last = span_starts_nocase(rest, SPAN(" LAST"));
		if (p->chunk)
			return; /* the reply comes after the octets */
		if (p->last)
			s->n_messages++;
	} else if (span_starts_nocase(line, SPAN("QUIT"))) {
		reply = SPAN("221 2.0.0 Bye\r\n");
	}
	say(s, c, reply, now_us);
	if (span_starts_nocase(line, SPAN("QUIT")))
		s->wire->close(s->wire, c, now_us);
}

/* Octets of a message up to its end; returns how many. */
static size_t take_data(struct load_sink *s, struct tcp_conn *c, struct load_sink_peer *p, struct span in,
			uint64_t now_us)
{
	for (size_t i = 0; i < in.len; i++) {
		uint8_t octet = in.at[i];

		if (p->end == 0) {
			/* The rest of the line is of no interest. */
			size_t cr = span_find(span_skip(in, i), '\r');

			if (cr == SPAN_NONE)
				return in.len;
			i += cr;
			p->end = 1;
			continue;
		}
		p->end = octet == (uint8_t)end_of_data[p->end] ? p->end + 1 : octet == '\r' ? 1 : 0;
		if (p->end == END) {
			p->in_data = false;
			p->column = 0;
			stored(s, c, now_us);
			return i + 1;
		}
	}
	return in.len;
}

static size_t take_chunk(struct load_sink *s, struct tcp_conn *c, struct load_sink_peer *p, struct span in,
			 uint64_t now_us)
{
	size_t n = in.len < p->chunk ? in.len : (size_t)p->chunk;

	p->chunk -= n;
	if (p->chunk)
		return n;
	if (p->last)
		stored(s, c, now_us);
	else
		say(s, c, SPAN("250 2.0.0 Ok\r\n"), now_us);
	return n;
}

static size_t take_line(struct load_sink *s, struct tcp_conn *c, struct load_sink_peer *p, struct span in,
			uint64_t now_us)
{
	size_t end = span_find(in, '\n'), n = end == SPAN_NONE ? in.len : end + 1;

	for (size_t i = 0; i < n && p->column < sizeof(p->line); i++)
		p->line[p->column++] = in.at[i];
	if (end == SPAN_NONE)
		return n;
	command(s, c, p, now_us);
	p->column = 0;
	return n;
}

static void read_octets(struct load_sink *s, struct tcp_conn *c, struct load_sink_peer *p, uint64_t now_us)
{
	struct span in;

	while ((in = s->wire->peek(s->wire, c)).len) {
		size_t len = in.len;

		s->n_octets += len;
		while (in.len) {
			size_t n = p->in_data ? take_data(s, c, p, in, now_us)
				   : p->chunk ? take_chunk(s, c, p, in, now_us)
					      : take_line(s, c, p, in, now_us);

			in = span_skip(in, n);
		}
		s->wire->consume(s->wire, c, len);
	}
}

void load_sink_event(struct load_sink *s, const struct tcp_event *e, uint64_t now_us)
{
	struct load_sink_peer *p = e->user;

	switch (e->kind) {
	case TCP_EVENT_READABLE:
		read_octets(s, e->conn, p, now_us);
		break;
	case TCP_EVENT_PEER_CLOSED:
		s->wire->close(s->wire, e->conn, now_us);
		break;
	case TCP_EVENT_CLOSED:
	case TCP_EVENT_FAILED:
		pool_give(&s->peers, p);
		break;
	case TCP_EVENT_ACCEPTED:
	case TCP_EVENT_CONNECTED:
	case TCP_EVENT_WRITABLE:
		break;
	}
}
