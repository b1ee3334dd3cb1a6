// SPDX-License-Identifier: MIT
/*
 * test_tls_engine.c - handshakes whose RSA signature an engine makes, with every manner of misbehaviour that it can be told
 *
 * The engine is tests/engine/test_engine.c, loaded by OpenSSL.  Time is real; nothing here asks how long anything took.
 */
#include "crypto/crypto_engine.h"
#include "tests/unit/crypto/tls_world.h"

static struct crypto_device *device;

static void engine_says(const char *mode)
{
	CHECK(crypto_engine_command("MODE", mode));
}

static void open_with_engine(bool engine)
{
	usual_settings();
	w.settings.n_certificates = 1;
	w.settings.engine = engine;
	w.driver = tls_openssl_open(context());
	CHECK(w.driver);
	tls_peer_open(&w.peer, NULL, NULL);
}

static void only_version(int version)
{
	SSL_CTX_set_min_proto_version(w.peer.ctx, version);
	SSL_CTX_set_max_proto_version(w.peer.ctx, version);
}

static void says_a_line(void)
{
	size_t n = 0;

	SSL_write(w.peer.ssl, "EHLO a\r\n", 8);
	exchange();
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_OK && n == 8, "and octets come through");
}

static void with_each_mode(void)
{
	static const struct {
		const char *mode;
		bool by_engine;
	} rows[] = { { "ok", true },   { "delay", true },  { "reorder", true }, { "full", true },
		     { "late", true }, { "error", false }, { "flip", false } };

	open_with_engine(true);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const char *mode = rows[i / 2].mode, *version = i % 2 ? "TLS 1.3" : "TLS 1.2";
		struct tls_device_use before = w.driver->device(w.driver);

		engine_says(mode);
		only_version(i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
		begin(true, NULL);
		ok(shake() == TLS_OK, "%s, engine %s: the handshake is done", version, mode);
		says_a_line();
		struct tls_device_use after = w.driver->device(w.driver);
		ok(after.signatures - before.signatures == rows[i / 2].by_engine &&
			   after.faults - before.faults == !rows[i / 2].by_engine,
		   "%s",
		   rows[i / 2].by_engine ? "the engine signed" : "what the engine gave is not sent: the CPU signed");
		end();
	}
	engine_says("ok");
	close_server();
}

/* Until the engine has it. */
static void shake_until_device(void)
{
	enum tls_result ours = TLS_WANT;

	for (int i = 0; i < 100 && ours != TLS_DEVICE; i++) {
		SSL_do_handshake(w.peer.ssl);
		exchange();
		ours = w.driver->handshake(w.conn);
		exchange();
	}
	CHECK(ours == TLS_DEVICE);
}

static void when_it_is_silent(void)
{
	open_with_engine(true);
	engine_says("never");
	begin(true, NULL);
	shake_until_device();
	ok(w.driver->handshake(w.conn) == TLS_DEVICE, "an engine that does not answer is waited for");
	end();
	ok(w.driver->device(w.driver).abandoned == 1, "a connection may end before it answers, which is counted");
	begin(true, NULL);
	ok(shake() == TLS_OK, "the next handshakes go to the CPU");
	end();
	engine_says("ok");
	for (int i = 0; i < 300; i++) {
		begin(true, NULL);
		CHECK(shake() == TLS_OK);
		end();
	}
	ok(w.driver->device(w.driver).signatures > 0, "later ones try it again");
	close_server();
}

static void without(void)
{
	struct tls_device_use before, after;

	open_with_engine(false);
	before = w.driver->device(w.driver);
	begin(true, NULL);
	CHECK(shake() == TLS_OK);
	after = w.driver->device(w.driver);
	ok(after.signatures == before.signatures, "keys that were not given to the engine stay with the CPU");
	end();
	close_server();
}

/* At the end of a process the engine may still have one. */
static void closed_while_it_is_silent(void)
{
	open_with_engine(true);
	engine_says("never");
	begin(true, NULL);
	shake_until_device();
	end();
	close_server();
	ok(true, "a driver may be closed while the engine has a signature of it");
}

int main(int argc, char **argv)
{
	static char library[4096];
	const struct crypto_async_settings jobs = { .ops_max = 64, .keys_max = 64, .bits_min = 1024, .bits_max = 4096 };
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL, *why = "";

	snprintf(library, sizeof(library), "%.*s/../../engine/test_engine.so", slash ? (int)(slash - argv[0]) : 1,
		 slash ? argv[0] : ".");
	tls_world_begin();
	device = crypto_engine_open(library, &jobs, &why);
	if (!ok(device != NULL, "the engine is opened"))
		return done();
	with_each_mode();
	when_it_is_silent();
	without();
	closed_while_it_is_silent();
	device->close(device);
	return done();
}
