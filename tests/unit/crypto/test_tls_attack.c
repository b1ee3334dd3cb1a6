// SPDX-License-Identifier: MIT
/*
 * test_tls_attack.c - the TLS driver and peers that do it wrong on purpose
 */
#include "tests/unit/crypto/tls_world.h"

/* The first flight of the client. */
static struct span hello(void)
{
	begin(true, NULL);
	SSL_do_handshake(w.peer.ssl);
	return tls_peer_records(&w.peer);
}

static void is_attacked(void)
{
	static const char *const garbage[] = { "EHLO client.example\r\n", "GET / HTTP/1.1\r\n\r\n",
					       "\x16\x03\x01\xff\xff", "\x80\x05\x01\x00\x02\x00\x15",
					       "\x15\x03\x01\x00\x02\x02\x28" };
	uint8_t copy[8192];
	size_t n = 0, lens[] = { 11, 18, 5, 7, 7 };

	open_server();
	for (size_t i = 0; i < 5; i++) {
		begin(true, NULL);
		arrive(span_of((const uint8_t *)garbage[i], lens[i]));
		ok(w.driver->handshake(w.conn) == TLS_FAILED, "garbage %zu: %s", i, w.driver->why(w.driver));
		ok(w.driver->handshake(w.conn) == TLS_FAILED && w.driver->peek(w.conn, plain, 10, &n) == TLS_FAILED &&
			   w.driver->write(w.conn, SPAN("x"), &n) == TLS_FAILED,
		   "garbage %zu: nothing goes after it", i);
		end();
	}
	/* A ClientHello, each octet of it wrong once: no verdict is asked, the sanitizers look on. */
	struct span h = hello();
	unsigned n_failed = 0;

	CHECK(h.len <= sizeof(copy));
	memcpy(copy, h.at, h.len);
	h.at = copy;
	end();
	for (size_t i = 0; i < h.len; i++) {
		begin(true, NULL);
		copy[i] ^= 0x81;
		arrive(h);
		n_failed += w.driver->handshake(w.conn) == TLS_FAILED;
		copy[i] ^= 0x81;
		end();
	}
	ok(n_failed > 0 && n_failed < h.len, "each octet of a ClientHello wrong once");
	for (size_t i = 0; i < h.len; i++) {
		begin(true, NULL);
		arrive(span_head(h, i));
		if (w.driver->handshake(w.conn) != TLS_WANT)
			ok(false, "%zu octets of a ClientHello: the rest is waited for", i);
		end();
	}
	ok(true, "a ClientHello cut anywhere is waited for");
	close_server();
}

static void open_connection(int version)
{
	SSL_CTX_set_min_proto_version(w.peer.ctx, version);
	SSL_CTX_set_max_proto_version(w.peer.ctx, version);
	begin(true, NULL);
	CHECK(shake() == TLS_OK);
	exchange();
}

static void records_are_attacked(void)
{
	static const char big[16384 + 1000];
	uint8_t copy[256];
	size_t n = 0;

	open_server();
	open_connection(TLS1_3_VERSION);
	SSL_write(w.peer.ssl, "MAIL FROM:<>\r\n", 14);
	struct span r = tls_peer_records(&w.peer);

	CHECK(r.len < sizeof(copy));
	memcpy(copy, r.at, r.len);
	arrive(span_of(copy, r.len - 1));
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_WANT && n == 0,
	   "of a record that lacks an octet nothing is told");
	copy[r.len - 1] ^= 1;
	arrive(span_of(copy + r.len - 1, 1));
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_FAILED && n == 0, "nor of one that is damaged");
	exchange();
	ok(SSL_read(w.peer.ssl, copy, 1) <= 0 &&
		   ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC,
	   "which is told by an alert");
	ERR_clear_error();
	end();

	open_connection(TLS1_3_VERSION);
	arrive(SPAN("\x17\x03\x03\xff\xff"));
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_FAILED,
	   "a record longer than any is refused by its head");
	end();

	open_connection(TLS1_2_VERSION);
	CHECK(SSL_write(w.peer.ssl, big, sizeof(big)) == sizeof(big));
	exchange();
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_OK && n == TLS_RECORD_MAX, "the longest record");
	w.driver->take(w.conn, n);
	end();

	open_connection(TLS1_2_VERSION);
	SSL_renegotiate(w.peer.ssl);
	SSL_do_handshake(w.peer.ssl);
	exchange();
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) != TLS_OK && n == 0, "renegotiation is refused");
	exchange();
	SSL_do_handshake(w.peer.ssl);
	ok(!SSL_is_init_finished(w.peer.ssl), "and does not come about");
	ERR_clear_error();
	end();

	open_connection(TLS1_3_VERSION);
	for (int i = 0; i < 2000; i++) {
		SSL_key_update(w.peer.ssl, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(w.peer.ssl);
	}
	arrive(tls_peer_records(&w.peer));
	/* OpenSSL would take any number of them: what one call reads is bounded by who reads for it (shard_tls.c). */
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_WANT && n == 0 && w.in.from == w.in.to,
	   "2000 KeyUpdates are no octets");
	end();
	close_server();
}

int main(void)
{
	tls_world_begin();
	is_attacked();
	records_are_attacked();
	return done();
}
