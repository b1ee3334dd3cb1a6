// SPDX-License-Identifier: MIT
/*
 * fuzz_tls_edge.c - a client before, in and after STARTTLS, octets and steps from the input
 *
 * The input is a list of steps: what, how many octets, those octets.  Some go over the line as they are, some through
 * OpenSSL as a client, whose records may be cut, damaged or left out.  Held: behind the 220 to STARTTLS nothing but
 * records goes out; what was said in the clear gets no answer through TLS; afterwards nothing is kept,
 * by OpenSSL neither.
 */
#include "crypto/tls_memory.h"
#include "crypto/tls_openssl.h"
#include "tests/unit/crypto/tls_certificate.h"
#include "tests/unit/crypto/tls_peer.h"
#include "tests/unit/shard/shard_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEPT_MAX 4096 /* octets that OpenSSL may keep, once it has seen each kind of step */

enum step {
	SAY,      /* octets as they are */
	STARTTLS, /* ... right behind the command, in one segment with it */
	SHAKE,    /* handshake; first octet: bit 0 TLS 1.2 at most, else how records are cut */
	TELL,     /* octets through TLS */
	DAMAGE,   /* of the records to come: how many octets on, and what is changed there */
	REKEY,    /* KeyUpdate or, by TLS 1.2, renegotiation */
	WAIT,     /* first octet: seconds */
	END,      /* first octet: close_notify, FIN or RST */
	N_STEPS
};

static struct {
	struct tls_peer peer;
	struct caller *caller;
	size_t n_given; /* octets of caller->got that the peer has */
	size_t cut;     /* octets of records in one segment; 0: all */
	size_t damage_at;
	uint8_t damage;
	bool begun, told;
} f;

/* Where records begin in what came from the server: behind its reply to STARTTLS.  0: nowhere. */
static size_t records_from(void)
{
	const char *reply = f.caller->got.at ? strstr(f.caller->got.at, "\r\n220 2.0.0 ") : NULL;
	const char *end = reply ? strstr(reply + 2, "\r\n") : NULL;

	return end ? (size_t)(end + 2 - f.caller->got.at) : 0;
}

/* RFC 8446 5.1; a connection may end within a record. */
static void check_records(void)
{
	struct span s = span_of(f.caller->got.at, f.caller->got.len);
	size_t from = records_from();

	if (!from)
		return;
	s = span_skip(s, from);
	while (s.len >= 5) {
		size_t len = (size_t)s.at[3] << 8 | s.at[4];

		CHECK(s.at[0] >= 20 && s.at[0] <= 23 && s.at[1] == 3 && len <= TLS_RECORD_MAX + 256);
		if (s.len - 5 < len)
			break;
		s = span_skip(s, 5 + len);
	}
}

/* Records to the server, as the input wants them. */
static void flight(void)
{
	static uint8_t copy[1 << 18];
	struct span s = tls_peer_records(&f.peer);

	memcpy(copy, s.at, s.len);
	if (f.damage && f.damage_at < s.len) {
		copy[f.damage_at] ^= f.damage;
		f.damage = 0;
	}
	for (size_t i = 0, n; i < s.len; i += n) {
		n = f.cut && f.cut < s.len - i ? f.cut : s.len - i;
		mutter(f.caller, span_of(copy + i, n));
		if (f.cut)
			pass(0);
	}
	pass(1000);
}

/* Octets that come through TLS. */
static void listen_to_it(void)
{
	static char plain[TLS_RECORD_MAX];

	for (int r = 1; r > 0;) {
		r = SSL_read(f.peer.ssl, plain, sizeof(plain));
		CHECK(r <= 0 || f.told || f.caller->peer_closed || strncmp(plain, "421", 3) == 0);
	}
	ERR_clear_error();
}

static void carry(void)
{
	for (int i = 0; i < 100; i++) {
		size_t before = f.n_given;

		flight();
		if (f.caller->got.len > f.n_given)
			tls_peer_give(&f.peer, span_of(f.caller->got.at + f.n_given, f.caller->got.len - f.n_given));
		f.n_given = f.caller->got.len;
		if (!SSL_is_init_finished(f.peer.ssl))
			SSL_do_handshake(f.peer.ssl);
		listen_to_it();
		if (f.n_given == before && BIO_pending(f.peer.out) == 0)
			break;
	}
}

static void shake(uint8_t how)
{
	if (f.begun || !records_from())
		return;
	f.begun = true;
	f.n_given = records_from();
	tls_peer_begin(&f.peer, NULL);
	if (how & 1)
		SSL_set_max_proto_version(f.peer.ssl, TLS1_2_VERSION);
	f.cut = how >> 1;
	SSL_do_handshake(f.peer.ssl);
	carry();
}

static void through_tls(enum step step, struct span s)
{
	if (!f.begun || !SSL_is_init_finished(f.peer.ssl))
		return;
	if (step == TELL && s.len && SSL_write(f.peer.ssl, s.at, (int)s.len) > 0)
		f.told = true;
	if (step == REKEY && SSL_version(f.peer.ssl) == TLS1_3_VERSION)
		SSL_key_update(f.peer.ssl, s.len % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
	else if (step == REKEY)
		SSL_renegotiate(f.peer.ssl);
	SSL_do_handshake(f.peer.ssl);
	if (step == END)
		SSL_shutdown(f.peer.ssl);
	carry();
}

static void take_step(enum step step, struct span s)
{
	static char line[300];

	switch (step) {
	case SAY:
		mutter(f.caller, s);
		pass(1000);
		break;
	case STARTTLS:
		memcpy(line, "STARTTLS\r\n", 10);
		memcpy(line + 10, s.at, s.len);
		mutter(f.caller, span_of((const uint8_t *)line, 10 + s.len));
		pass(1000);
		break;
	case SHAKE:
		shake(s.len ? s.at[0] : 0);
		break;
	case DAMAGE:
		f.damage_at = s.len ? s.at[0] : 0;
		f.damage = s.len > 1 ? s.at[1] : 0x80;
		break;
	case WAIT:
		pass((s.len ? s.at[0] : 1) * SECOND);
		break;
	case TELL:
	case REKEY:
		through_tls(step, s);
		break;
	case END:
		if (s.len == 0 || s.at[0] % 3 == 0)
			through_tls(step, s);
		else if (s.at[0] % 3 == 1)
			hang_up(f.caller);
		else
			reset(f.caller);
		break;
	case N_STEPS:
		break;
	}
}

static void open_world(void)
{
	struct tls_settings t = { .hostname = "mx.example",
				  .n_certificates = 1,
				  .ciphers = "ECDHE+AESGCM",
				  .groups = "X25519",
				  .certificates = { { tls_file("mx.pem"), tls_file("mx.key") } } };
	char why[256];

	world_settings();
	world.settings.n_certificates = 1;
	world.settings.tls_sessions_max = 4;
	struct tls_context *c = tls_context_open(&t, why, sizeof(why));

	CHECK(c);
	world.tls = tls_openssl_open(c);
	CHECK(world.tls);
	world_open();
}

/* Returns how many octets OpenSSL keeps after it. */
static size_t play(struct span in)
{
	open_world();
	struct tls_driver *d = world.tls;
	struct tls_peer peer = f.peer;

	memset(&f, 0, sizeof(f));
	f.peer = peer;
	f.caller = greeted();
	while (in.len >= 2) {
		struct span s = span_skip(in, 2);

		s.len = in.at[1] < s.len ? in.at[1] : s.len;
		take_step(in.at[0] % N_STEPS, s);
		in = span_skip(in, 2 + s.len);
	}
	check_records();
	CHECK(nothing_is_kept());
	size_t kept = d->octets(d);

	world_close();
	tls_openssl_close(d);
	return kept;
}

static void begin_once(void)
{
	static const uint8_t good[] = {
		STARTTLS, 0, SHAKE, 0, TELL, 6, 'N', 'O', 'O', 'P', '\r', '\n', REKEY, 0, END, 0
	};
	static const uint8_t older[] = { STARTTLS, 0, SHAKE, 1, 1, REKEY, 0, SAY, 1, 'x' };
	static const uint8_t bad[] = { STARTTLS, 0, DAMAGE, 2, 40, 1, SHAKE, 0 };
	static bool begun;

	if (begun)
		return;
	begun = true;
	CHECK(tls_memory_count());
	CHECK(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1);
	tls_certificate("mx", "DNS:mx.example", 0);
	tls_peer_open(&f.peer, NULL, NULL);
	/* What it fetches and keeps for good. */
	play(span_of(good, sizeof(good)));
	play(span_of(older, sizeof(older)));
	play(span_of(bad, sizeof(bad)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin_once();
	CHECK(play(span_of(data, size < 4096 ? size : 4096)) <= KEPT_MAX);
	return 0;
}
