// SPDX-License-Identifier: MIT
/*
 * shard_tls.c - connections under TLS: the octets of both sides, and handshakes
 *
 *	tls_take     the 220 to STARTTLS is to be said (or has come): an object and a connection of the driver
 *	tls_begin    it went out (or came): from here on octets are records
 *	tls_ready    asked whenever there may be something to do; until the handshake is done it waits for its turn
 *	tls_step     one turn of one handshake; client_handshaken() or relay_handshaken() at its end; or client_run(),
 *	             relay_run(), where more was at hand than one turn may read
 *	tls_give     at any time
 *
 * What one call of the driver may read is bounded: a peer that sends no data but ten thousand KeyUpdates goes on in the
 * next turn.
 *
 * A signature by RSA takes a millisecond, in which some thousand packets may come.  So handshakes do not go on where
 * their octets arrive, but one in each turn of the worker's loop, in the order in which they came.
 */
#include "dataplane/shard/shard_state.h"

#define READ_MAX 20480 /* octets that one call of the driver reads: a record of the longest kind, and some */

/* --- records, from and to TCP ------------------------------------------------------------------ */

static size_t record_read(void *arg, uint8_t *to, size_t n)
{
	struct shard_tls *t = arg;
	size_t taken = 0;

	n = n < t->budget ? n : t->budget;
	while (taken < n) {
		struct span run = tcp_peek(t->shard->tcp, t->conn);
		size_t part = run.len < n - taken ? run.len : n - taken;

		if (part == 0)
			break;
		memcpy(to + taken, run.at, part);
		tcp_consume(t->shard->tcp, t->conn, part);
		taken += part;
	}
	t->budget -= taken;
	return taken;
}

static size_t record_write(void *arg, const uint8_t *at, size_t n)
{
	struct shard_tls *t = arg;

	return tcp_send(t->shard->tcp, t->conn, span_of(at, n), t->now_us);
}

/* --- making and ending ------------------------------------------------------------------------- */

static void turn_wait(struct shard *s, struct shard_tls *t)
{
	if (t->waits)
		return;
	t->waits = true;
	t->next = NULL;
	t->prev = s->handshakes_last;
	if (t->prev)
		t->prev->next = t;
	else
		s->handshakes = t;
	s->handshakes_last = t;
}

static void turn_leave(struct shard *s, struct shard_tls *t)
{
	if (!t->waits)
		return;
	t->waits = false;
	if (t->prev)
		t->prev->next = t->next;
	else
		s->handshakes = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		s->handshakes_last = t->prev;
}

struct shard_tls *tls_take(struct shard *s, struct tcp_conn *conn, void *peer, int hop, bool tickets, uint64_t now_us)
{
	struct tls_driver *d = s->env.tls;
	struct shard_tls *t = NULL;

	if (d->octets(d) < s->config->settings->tls_memory_mb << 20)
		t = pool_take(&s->tls);
	if (!t) {
		s->stats.tls_full++;
		return NULL;
	}
	*t = (struct shard_tls){ .shard = s,
				 .conn = conn,
				 .peer = peer,
				 .until_us = now_us + s->config->settings->tls_handshake_timeout_s * 1000000 };
	struct tls_io io = { record_read, record_write, t };
	t->tls = hop < 0 ? d->accept(d, &io, tickets) : d->connect(d, &io, (unsigned)hop);
	if (!t->tls) {
		s->stats.tls_full++;
		pool_give(&s->tls, t);
		return NULL;
	}
	s->stats.tls_connections = s->tls.n_used;
	return t;
}

void tls_begin(struct shard_tls *t)
{
	t->begun = true;
}

void tls_give(struct shard *s, struct shard_tls *t)
{
	turn_leave(s, t);
	s->env.tls->free(t->tls);
	s->stats.tls_octets = s->env.tls->octets(s->env.tls);
	pool_give(&s->tls, t);
	s->stats.tls_connections = s->tls.n_used;
}

/* --- handshakes -------------------------------------------------------------------------------- */

bool tls_ready(struct shard *s, struct shard_tls *t, bool peer_closed)
{
	if (!t->until_us)
		return true;
	t->peer_closed = peer_closed;
	if (t->begun && !t->over)
		turn_wait(s, t);
	return false;
}

static bool names(struct span facts, struct span word)
{
	while (facts.len > word.len && !span_starts_nocase(facts, word))
		facts = span_skip(facts, 1);
	return span_starts_nocase(facts, word);
}

/* @facts has the version, and the name that IANA has for the cipher suite. */
static void count_cipher(struct stats *stats, struct span facts)
{
	stats->tls_handshakes_13 += span_starts_nocase(facts, SPAN("TLSv1.3"));
	stats->tls_aes_256 += names(facts, SPAN("AES_256"));
	stats->tls_chacha20 += names(facts, SPAN("CHACHA20"));
	stats->tls_cbc += names(facts, SPAN("_CBC_"));
}

static void handshake_done(struct shard *s, struct shard_tls *t)
{
	t->until_us = 0;
	s->env.tls->facts(t->tls, t->facts);
	s->stats.tls_handshakes++;
	count_cipher(&s->stats, span_str(t->facts));
	s->stats.tls_resumed += s->env.tls->resumed(t->tls);
	const struct tls_device_use use = s->env.tls->device(s->env.tls);

	s->stats.tls_engine_signatures = use.signatures;
	s->stats.tls_engine_faults = use.faults;
	s->stats.tls_engine_abandoned = use.abandoned;
}

static void peer_run(struct shard *s, struct shard_tls *t, uint64_t now_us)
{
	switch (*(const enum shard_peer *)t->peer) {
	case PEER_CLIENT:
		client_run(s, t->peer, now_us);
		break;
	case PEER_RELAY:
		relay_run(s, t->peer, now_us);
		break;
	case PEER_REFUSED:
		break;
	}
}

/* Whether there is no use in waiting for the rest of a handshake. */
static bool is_given_up(struct shard *s, const struct shard_tls *t, uint64_t now_us)
{
	if (now_us >= t->until_us) {
		s->stats.tls_handshake_timeouts++;
		return true;
	}
	return t->peer_closed && tcp_peek(s->tcp, t->conn).len == 0;
}

bool tls_step(struct shard *s, uint64_t now_us)
{
	struct shard_tls *t = s->handshakes;

	if (!t)
		return false;
	turn_leave(s, t);
	if (!t->until_us) {
		peer_run(s, t, now_us);
		return true;
	}
	t->now_us = now_us;
	t->budget = READ_MAX;
	enum tls_result result = s->env.tls->handshake(t->tls);

	s->stats.tls_octets = s->env.tls->octets(s->env.tls);
	if (result == TLS_OK)
		handshake_done(s, t);
	if ((result == TLS_WANT || result == TLS_DEVICE) && !is_given_up(s, t, now_us)) {
		if (t->budget == 0 || result == TLS_DEVICE)
			turn_wait(s, t);
		return true;
	}
	if (result != TLS_OK) {
		t->over = t->failed = true;
		t->given_up = result == TLS_WANT;
		s->stats.tls_handshakes_failed++;
	}
	switch (*(const enum shard_peer *)t->peer) {
	case PEER_CLIENT:
		client_handshaken(s, t->peer, now_us);
		break;
	case PEER_RELAY:
		relay_handshaken(s, t->peer, now_us);
		break;
	case PEER_REFUSED:
		break;
	}
	return true;
}

/* --- plaintext --------------------------------------------------------------------------------- */

struct span wire_peek(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, uint64_t now_us)
{
	size_t n = 0;

	if (!tls || !tls->begun)
		return tcp_peek(s->tcp, conn);
	if (tls->over)
		return SPAN("");
	tls->now_us = now_us;
	tls->budget = READ_MAX;
	switch (s->env.tls->peek(tls->tls, s->plaintext, TLS_RECORD_MAX, &n)) {
	case TLS_OK:
		break;
	case TLS_WANT:
	case TLS_DEVICE:
		if (tls->budget == 0)
			turn_wait(s, tls);
		break;
	case TLS_CLOSED:
		tls->over = true;
		break;
	case TLS_FAILED:
		tls->over = tls->failed = true;
		s->stats.tls_broken++;
		break;
	}
	return span_of(s->plaintext, n);
}

void wire_consume(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, size_t n, uint64_t now_us)
{
	if (!tls || !tls->begun) {
		tcp_consume(s->tcp, conn, n);
		return;
	}
	tls->now_us = now_us;
	s->env.tls->take(tls->tls, n);
}

size_t wire_send(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, struct span bytes, uint64_t now_us)
{
	size_t sent = 0;

	if (!tls || !tls->begun)
		return tcp_send(s->tcp, conn, bytes, now_us);
	tls->now_us = now_us;
	while (sent < bytes.len) {
		size_t n = 0;
		enum tls_result result = s->env.tls->write(tls->tls, span_skip(bytes, sent), &n);

		if (result == TLS_FAILED && !tls->failed) {
			tls->over = tls->failed = true;
			s->stats.tls_broken++;
		}
		if (tls->failed)
			return bytes.len;
		if (result != TLS_OK)
			break;
		sent += n;
	}
	return sent;
}

void wire_close(struct shard_tls *tls, uint64_t now_us)
{
	if (!tls || !tls->begun || tls->failed)
		return;
	tls->now_us = now_us;
	tls->shard->env.tls->close(tls->tls);
}
