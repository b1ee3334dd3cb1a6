// SPDX-License-Identifier: MIT
/*
 * oracle_ours.c - a case played to our stack, from the frame on, with a clock of its own
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/net/net.h"
#include "tests/oracle/oracle.h"
#include "tests/unit/net/tcp_script_words.h"

struct ours {
	struct net *n;
	struct tcp *t;
	struct stats stats;
	struct oracle_peer peer;
	struct tcp_conn *conn;
	uint64_t now_us;
	uint32_t n_sent, n_read;
	bool had, eof, failed, bad, aborted;
	uint8_t frame[14 + ORACLE_PACKET]; /* borrowed until net_input_end() */
};

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 }, router_mac[6] = { 2, 0, 0, 0, 0, 2 };

static void events(struct ours *o)
{
	struct tcp_event e;

	while (tcp_event(o->t, &e)) {
		if (e.kind == TCP_EVENT_ACCEPTED || e.kind == TCP_EVENT_CONNECTED) {
			o->conn = e.conn;
			o->had = true;
		}
		if (e.kind == TCP_EVENT_PEER_CLOSED)
			o->eof = true;
		else if (e.kind == TCP_EVENT_FAILED)
			o->failed = true;
		if ((e.kind == TCP_EVENT_CLOSED || e.kind == TCP_EVENT_FAILED) && e.conn == o->conn)
			o->conn = NULL;
	}
	tcp_check(o->t);
}

static void drain(struct ours *o)
{
	uint8_t buffer[ORACLE_PACKET];
	struct net_frame f = { .at = buffer, .cap = sizeof(buffer) };

	net_input_end(o->n, o->now_us);
	while (net_next(o->n, &f, o->now_us)) {
		if (f.len > 14)
			oracle_take(&o->peer, span_of(f.at + 14, f.len - 14));
		f = (struct net_frame){ .at = buffer, .cap = sizeof(buffer) };
	}
}

static void wait_for(struct ours *o, uint64_t ms)
{
	uint64_t end_us = o->now_us + ms * 1000;

	events(o);
	drain(o);
	while (net_deadline_us(o->n) <= end_us) {
		if (net_deadline_us(o->n) > o->now_us)
			o->now_us = net_deadline_us(o->n);
		net_step(o->n, o->now_us);
		events(o);
		drain(o);
	}
	o->now_us = end_us;
}

static void put_in(struct ours *o, const char *line)
{
	size_t n = oracle_packet(&o->peer, line, o->frame + 14);

	memcpy(o->frame, our_mac, 6);
	memcpy(o->frame + 6, router_mac, 6);
	o->frame[12] = 0x08;
	o->frame[13] = 0x00;
	net_input(o->n, 0, span_of(o->frame, 14 + n), 0, o->now_us);
}

static void take_octets(struct ours *o)
{
	struct span s;

	while (o->conn && (s = tcp_peek(o->t, o->conn)).len) {
		for (size_t i = 0; i < s.len; i++)
			o->bad |= s.at[i] != oracle_octet(1 + o->n_read + (uint32_t)i);
		o->n_read += (uint32_t)s.len;
		tcp_consume(o->t, o->conn, s.len);
	}
}

static void send_octets(struct ours *o, uint32_t n)
{
	uint8_t *data = malloc(n ? n : 1);

	for (uint32_t i = 0; i < n; i++)
		data[i] = oracle_octet(1 + o->n_sent + i);
	if (o->conn)
		o->n_sent += (uint32_t)tcp_send(o->t, o->conn, span_of(data, n), o->now_us);
	free(data);
}

static void play(struct ours *o, const char *line)
{
	const char *rest = line;
	char verb[64];
	struct tcp_path path;
	uint64_t ms = ORACLE_TURN_MS;

	play_word(&rest, verb);
	if (!strcmp(verb, "in")) {
		put_in(o, line);
	} else if (!strcmp(verb, "open")) {
		o->peer.peer_port = 4000;
		if (net_route(o->n, &o->peer.peer, &path))
			o->conn = tcp_connect(o->t, &path, 4000, NULL, NULL, NULL, o->now_us);
		o->had = true;
	} else if (!strcmp(verb, "send")) {
		send_octets(o, play_number(&rest));
	} else if (!strcmp(verb, "read")) {
		take_octets(o);
	} else if (!strcmp(verb, "close") && o->conn) {
		tcp_close(o->t, o->conn, o->now_us);
	} else if (!strcmp(verb, "abort")) {
		if (o->conn)
			tcp_abort(o->t, o->conn, o->now_us);
		o->conn = NULL;
		o->aborted = true;
	} else if (!strcmp(verb, "watch")) {
		o->peer.watched = true;
	} else if (!strcmp(verb, "time")) {
		ms = play_number(&rest);
	}
	wait_for(o, ms);
}

static struct net_settings settings(const struct ours *o)
{
	struct net_settings s = net_settings_default();
	struct net_if_settings *f = &s.ifs[0];

	s.n_ifs = 1;
	s.quiet = true;
	s.tcp.conns_max = s.tcp.half_open_max = s.tcp.time_wait_max = 8;
	s.tcp.buffer_blocks = 2000;
	s.tcp.receive_max = 1 << 20;
	s.tcp.send_max = 1 << 20;
	s.tcp.rto_min_us = 5000000; /* as the kernel's: what is sent again was asked for */
	f->mtu = 1500;
	f->n_addrs = f->n_fixed = 1;
	memcpy(f->mac, our_mac, 6);
	f->addrs[0] = (struct net_if_addr){ o->peer.stack, 24 };
	f->gateway4 = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 254 });
	f->fixed[0].addr = f->gateway4;
	memcpy(f->fixed[0].mac, router_mac, 6);
	return s;
}

void oracle_ours(const struct oracle_case *c, unsigned index, struct oracle_record *record)
{
	static const uint8_t seed[16] = "an oracle";
	struct ours o = { .peer = oracle_peer(index), .now_us = 1000000 };
	struct net_settings s = settings(&o);
	void *memory = aligned_alloc(64, (net_memory(&s) + 63) & ~(size_t)63);

	o.n = net_init(memory, &s, seed, &o.stats);
	o.t = net_tcp(o.n);
	CHECK(tcp_listen(o.t, 25) == OK);
	for (unsigned i = 0; i < ORACLE_LINES && c->lines[i]; i++) {
		play(&o, c->lines[i]);
		oracle_text(&o.peer, record->answers[i]);
	}
	take_octets(&o);
	oracle_user(record,
		    o.aborted  ? "aborted"
		    : !o.had   ? "nothing"
		    : o.failed ? "an error"
		    : o.eof    ? "the end"
			       : "open",
		    o.n_read, o.bad);
	free(memory);
}
