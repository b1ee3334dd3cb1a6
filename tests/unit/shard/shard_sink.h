// SPDX-License-Identifier: MIT
/*
 * shard_sink.h - the next hop: a server that speaks by itself and fails where `world.hop` tells it to
 *
 * What it stores lies in `world.stored`, as NUL-terminated text without the dots of the wire.
 */
#ifndef SHARD_SINK_H
#define SHARD_SINK_H

#include "tests/unit/shard/shard_world_state.h"

static void sink_reply(struct sink *k, const char *text)
{
	octets_add(&k->out, span_str(text));
}

static void sink_over(struct sink *k)
{
	if (k->tls)
		world.tls->free(k->tls);
	k->tls = NULL;
	k->conn = NULL;
	k->over = true;
}

/* Fails, if this is the phase to fail in.  True: nothing more is to be said here. */
static bool sink_fails(struct sink *k, enum phase phase)
{
	if (world.hop.phase != phase || k->n_messages < world.hop.from_message)
		return false;
	switch (world.hop.how) {
	case FAIL_CLOSE:
		tcp_close(world.tcp, k->conn, world.now_us);
		k->silent = true;
		break;
	case FAIL_RESET:
		tcp_abort(world.tcp, k->conn, world.now_us);
		sink_over(k);
		break;
	case FAIL_SILENT:
		k->silent = true;
		break;
	case FAIL_DEAF:
		k->deaf = k->silent = true;
		break;
	case FAIL_4YZ:
		sink_reply(k, phase == GREETING ? "421 4.2.0 Busy\r\n" : "450 4.2.0 Not now\r\n");
		break;
	case FAIL_5YZ:
		sink_reply(k, "550 5.2.0 Not ever\r\n");
		break;
	}
	return true;
}

static void sink_keep(const struct sink *k, const struct octets *m)
{
	CHECK(world.n_stored < STORED_MAX);
	world.stored_at[world.n_stored] = k->address;
	world.stored_len[world.n_stored] = m->len;
	world.stored[world.n_stored++] = m->at;
}

static void sink_store(const struct sink *k, struct span wire)
{
	struct octets m = { 0 };

	octets_add(&m, SPAN(""));
	for (size_t i = 0; i < wire.len; i++)
		if (wire.at[i] != '.' || (i && wire.at[i - 1] != '\n')) /* RFC 5321 4.5.2 */
			octets_add(&m, span_of(wire.at + i, 1));
		else if (i + 1 < wire.len)
			octets_add(&m, span_of(wire.at + ++i, 1));
	sink_keep(k, &m);
}

static void sink_stored(struct sink *k)
{
	char text[64];

	if (sink_fails(k, STORED))
		return;
	for (unsigned i = 0; k->lmtp && i < k->n_rcpts; i++)
		sink_reply(k, i < 4 && world.hop.finals[i] ? world.hop.finals[i] : "250 2.1.5 Delivered\r\n");
	if (k->lmtp)
		return;
	snprintf(text, sizeof(text), "250 2.0.0 Stored as %zu\r\n", world.n_stored);
	sink_reply(k, text);
}

/* The octets of a message, without its final dot; true when it is there. */
static bool sink_data(struct sink *k, struct span in, size_t *n)
{
	size_t i = 0;

	for (; i + 3 <= in.len; i++)
		if (memcmp(in.at + i, ".\r\n", 3) == 0 && (i == 0 || (i >= 2 && memcmp(in.at + i - 2, "\r\n", 2) == 0)))
			break;
	if (i + 3 > in.len) {
		if (in.len > 2000 && world.hop.phase == BODY)
			(void)sink_fails(k, BODY);
		return false;
	}
	*n = i + 3;
	k->in_data = false;
	if (!sink_fails(k, DOT)) {
		sink_store(k, span_head(in, i));
		sink_stored(k);
	}
	k->n_messages++;
	return true;
}

/* The one chunk of a message (RFC 3030); true when all of it is there. */
static bool sink_chunk(struct sink *k, struct span in, size_t *n)
{
	struct octets m = { 0 };

	if (in.len < k->chunk) {
		if (in.len > 2000 && world.hop.phase == BODY)
			(void)sink_fails(k, BODY);
		return false;
	}
	*n = k->chunk;
	k->chunk = 0;
	if (!k->chunk_refused && !sink_fails(k, DOT)) {
		octets_add(&m, span_head(in, *n));
		sink_keep(k, &m);
		sink_stored(k);
	}
	k->n_messages++;
	return true;
}

/* --- TLS: the driver under test again, as a server ------------------------------------------------ */

static size_t sink_tls_read(void *arg, uint8_t *to, size_t n)
{
	struct sink *k = arg;

	if (n > k->raw.len - k->raw_at)
		n = k->raw.len - k->raw_at;
	if (n)
		memcpy(to, k->raw.at + k->raw_at, n);
	k->raw_at += n;
	return n;
}

static size_t sink_tls_write(void *arg, const uint8_t *at, size_t n)
{
	struct sink *k = arg;

	return k->conn ? tcp_send(world.tcp, k->conn, span_of(at, n), world.now_us) : 0;
}

static void sink_tls_begin(struct sink *k)
{
	struct tls_io io = { sink_tls_read, sink_tls_write, k };

	k->tls = world.tls->accept(world.tls, &io, false);
	CHECK(k->tls);
}

/* Records that came become octets of k->in. */
static void sink_tls_turn(struct sink *k)
{
	uint8_t plain[TLS_RECORD_MAX];
	size_t n;

	if (!k->shaken)
		k->shaken = world.tls->handshake(k->tls) == TLS_OK;
	while (k->shaken && world.tls->peek(k->tls, plain, sizeof(plain), &n) == TLS_OK) {
		octets_add(&k->in, span_of(plain, n));
		world.tls->take(k->tls, n);
	}
}

static void sink_starttls(struct sink *k)
{
	if (world.hop.starttls || world.hop.tls == TLS_REFUSED) {
		sink_reply(k, world.hop.starttls ? world.hop.starttls : "454 4.7.0 Not now\r\n");
		return;
	}
	sink_reply(k, "220 2.0.0 Go\r\n");
	if (world.hop.tls == TLS_BROKEN)
		octets_add(&k->late, span_of("\x15\x03\x03\x00\x02\x02\x28", 7)); /* fatal, handshake_failure */
	else
		k->tls_due = true;
}

static void sink_command(struct sink *k, struct span line)
{
	if (span_eq_nocase(span_head(line, 4), SPAN("EHLO")) || span_eq_nocase(span_head(line, 4), SPAN("LHLO"))) {
		k->lmtp = line.at[0] == 'L';
		if (k->told && world.hop.xclient_once)
			sink_reply(k, "250 sink\r\n");
		else if (!sink_fails(k, EHLO))
			sink_reply(k, world.hop.ehlo ? world.hop.ehlo : "250-sink\r\n250-PIPELINING\r\n250 SIZE\r\n");
	} else if (span_eq_nocase(span_head(line, 4), SPAN("MAIL"))) {
		k->n_rcpts = 0;
		world.hop.mail_in_clear |= !k->tls;
		snprintf(world.hop.mail, sizeof(world.hop.mail), "%.*s", (int)line.len, (const char *)line.at);
		if (!sink_fails(k, MAIL))
			sink_reply(k, "250 2.1.0 Ok\r\n");
	} else if (span_eq_nocase(span_head(line, 4), SPAN("RCPT"))) {
		k->n_rcpts++;
		snprintf(world.hop.rcpt, sizeof(world.hop.rcpt), "%.*s", (int)line.len, (const char *)line.at);
		if (!sink_fails(k, RCPT))
			sink_reply(k, "250 2.1.5 Ok\r\n");
	} else if (span_eq_nocase(line, SPAN("STARTTLS"))) {
		sink_starttls(k);
	} else if (span_eq_nocase(line, SPAN("DATA"))) {
		if (sink_fails(k, DATA))
			return;
		sink_reply(k, "354 Go\r\n");
		k->in_data = true;
	} else if (span_eq_nocase(span_head(line, 4), SPAN("BDAT"))) {
		uint64_t size = 0;

		CHECK(world.hop.ehlo && strstr(world.hop.ehlo, "CHUNKING") && span_ends_nocase(line, SPAN(" LAST")));
		CHECK(span_decimal(span_part(line, 5, line.len - 5), 1 << 30, &size));
		k->chunk = size;
		k->chunk_refused = sink_fails(k, DATA);
	} else if (span_eq_nocase(span_head(line, 4), SPAN("XCLI"))) {
		snprintf(world.hop.xclient, sizeof(world.hop.xclient), "%.*s", (int)line.len, (const char *)line.at);
		sink_reply(k, k->told && world.hop.xclient_once ? "550 5.7.0 Once\r\n" : "220 sink ESMTP\r\n");
		k->told = true;
	} else if (span_eq_nocase(line, SPAN("QUIT"))) {
		sink_reply(k, "221 Bye\r\n");
	} else {
		sink_reply(k, "250 2.0.0 Ok\r\n");
	}
}

static void sink_flush(struct sink *k)
{
	struct span out = span_of(k->out.at + k->out_at, k->out.len - k->out_at);
	size_t n = 0;

	if (!k->conn || out.len == 0)
		return;
	if (k->tls && k->shaken)
		(void)world.tls->write(k->tls, out, &n);
	else if (!k->tls)
		n = tcp_send(world.tcp, k->conn, out, world.now_us);
	k->out_at += n;
	if (k->tls_due && k->out_at == k->out.len) {
		k->tls_due = false;
		sink_tls_begin(k);
	}
}

/* True once the header is there; the greeting follows it. */
static bool sink_header(struct sink *k)
{
	enum smtp_proxy_end end = smtp_proxy_parse(span_of(k->in.at, k->in.len), &k->header);

	if (end == SMTP_PROXY_MORE)
		return false;
	CHECK(end == SMTP_PROXY_WHOLE);
	k->headed = true;
	memmove(k->in.at, k->in.at + k->header.len, k->in.len - k->header.len);
	k->in.len -= k->header.len;
	sink_reply(k, "220 sink ESMTP\r\n");
	return true;
}

static void sink_read(struct sink *k)
{
	struct span s;

	while (k->conn && !k->deaf && (s = tcp_peek(world.tcp, k->conn)).len) {
		octets_add(k->tls ? &k->raw : &k->in, s);
		tcp_consume(world.tcp, k->conn, s.len);
		if (k->late.len) { /* instead of a ServerHello */
			(void)tcp_send(world.tcp, k->conn, span_of(k->late.at, k->late.len), world.now_us);
			k->late.len = k->in.len = 0;
			k->silent = true;
		}
	}
	if (k->conn && k->tls)
		sink_tls_turn(k);
	if (world.hop.proxied && !k->headed && !sink_header(k))
		return;
	for (bool more = true; more && k->conn && !k->silent && k->in.len;) {
		struct span in = span_of(k->in.at, k->in.len);
		size_t n = 0, end = span_find(in, '\n');

		if (k->in_data || k->chunk) {
			more = k->chunk ? sink_chunk(k, in, &n) : sink_data(k, in, &n);
		} else {
			more = end != SPAN_NONE;
			n = more ? end + 1 : 0;
			if (more)
				sink_command(k, span_head(in, end ? end - 1 : 0));
		}
		memmove(k->in.at, k->in.at + n, k->in.len - n);
		k->in.len -= n;
	}
	sink_flush(k);
}

static void sink_begin(struct tcp_conn *conn)
{
	struct sink *k = calloc(1, sizeof(*k));

	CHECK(k && world.n_sinks < SINKS_MAX);
	world.sinks[world.n_sinks++] = k;
	k->side = SIDE_SINK;
	k->conn = conn;
	k->address = tcp_local(conn)->bytes[3];
	tcp_set_user(conn, k);
	if (world.hop.down >> k->address & 1) {
		tcp_abort(world.tcp, conn, world.now_us);
		sink_over(k);
		return;
	}
	octets_add(&k->in, SPAN(""));
	octets_add(&k->raw, SPAN(""));
	octets_add(&k->out, SPAN(""));
	if (world.hop.tls == TLS_AT_ONCE)
		sink_tls_begin(k);
	if (!world.hop.proxied && !sink_fails(k, GREETING))
		sink_reply(k, "220 sink ESMTP\r\n");
	sink_read(k);
}

static void sink_event(struct sink *k, const struct tcp_event *e)
{
	if (e->kind == TCP_EVENT_CLOSED || e->kind == TCP_EVENT_FAILED)
		sink_over(k);
	else
		sink_read(k);
	if (e->kind == TCP_EVENT_PEER_CLOSED && k->conn)
		tcp_close(world.tcp, k->conn, world.now_us);
}

#endif
