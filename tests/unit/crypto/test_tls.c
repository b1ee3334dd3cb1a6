// SPDX-License-Identifier: MIT
/*
 * test_tls.c - the TLS driver against OpenSSL by itself, in memory: handshakes, names, octets, tickets, renewal, memory
 */
#include "tests/unit/crypto/tls_world.h"

/* --- handshakes -------------------------------------------------------------------------------- */

static const struct {
	const char *sentence;
	int version; /* the client's only one */
	const char *ciphers, *signatures, *facts;
	bool good;
} handshakes[] = {
	{ "TLS 1.3", TLS1_3_VERSION, "DEFAULT", NULL, "TLSv1.3 TLS_AES_256_GCM_SHA384", true },
	{ "TLS 1.2 with the ECDSA certificate", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL,
	  "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", true },
	{ "TLS 1.2 with the RSA certificate", TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", NULL,
	  "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", true },
	{ "TLS 1.3 for one who knows RSA alone", TLS1_3_VERSION, "DEFAULT", "rsa_pss_rsae_sha256",
	  "TLSv1.3 TLS_AES_256_GCM_SHA384", true },
	{ "TLS 1.1 is refused", TLS1_1_VERSION, "DEFAULT:@SECLEVEL=0", NULL, "", false },
	{ "key exchange by RSA is refused", TLS1_2_VERSION, "AES128-GCM-SHA256", NULL, "", false },
};

static void shakes_hands(void)
{
	char facts[TLS_FACTS_MAX];

	open_server();
	for (size_t i = 0; i < sizeof(handshakes) / sizeof(handshakes[0]); i++) {
		SSL_CTX_set_min_proto_version(w.peer.ctx, handshakes[i].version);
		SSL_CTX_set_max_proto_version(w.peer.ctx, handshakes[i].version);
		CHECK(SSL_CTX_set_cipher_list(w.peer.ctx, handshakes[i].ciphers) == 1);
		begin(true, NULL);
		if (handshakes[i].signatures)
			CHECK(SSL_set1_sigalgs_list(w.peer.ssl, handshakes[i].signatures) == 1);
		ok((shake() == TLS_OK) == handshakes[i].good, "%s", handshakes[i].sentence);
		if (handshakes[i].good) {
			w.driver->facts(w.conn, facts);
			is_span(span_str(facts), span_str(handshakes[i].facts), "%s: its facts",
				handshakes[i].sentence);
		} else {
			ok(w.driver->why(w.driver)[0], "%s: %s", handshakes[i].sentence, w.driver->why(w.driver));
		}
		end();
	}
	close_server();
}

static void in_pieces(void)
{
	static const size_t cuts[] = { 1, 2, 5, 100 };

	open_server();
	for (size_t i = 0; i < 4; i++) {
		w.cut = cuts[i];
		begin(true, NULL);
		ok(shake() == TLS_OK, "octets by %zu", cuts[i]);
		end();
	}
	w.cut = 0;
	w.room = 0;
	begin(true, NULL);
	for (int i = 0; i < 200 && !SSL_is_init_finished(w.peer.ssl); i++) {
		w.room = 100;
		SSL_do_handshake(w.peer.ssl);
		exchange();
		(void)w.driver->handshake(w.conn);
		exchange();
	}
	w.room = SIZE_MAX;
	ok(shake() == TLS_OK, "room for a hundred octets at a time");
	end();
	close_server();
}

/* --- names ------------------------------------------------------------------------------------- */

static const char *shown_for(const char *name)
{
	static char cn[64];

	begin(true, NULL);
	if (name)
		SSL_set_tlsext_host_name(w.peer.ssl, name);
	if (shake() != TLS_OK)
		return "none";
	X509 *x = SSL_get1_peer_certificate(w.peer.ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
	X509_free(x);
	end();
	return cn;
}

static void shows_names(void)
{
	usual_settings();
	w.settings.n_certificates = 3;
	w.settings.certificates[2].certificate = tls_file("other.pem");
	w.settings.certificates[2].key = tls_file("other.key");
	w.driver = tls_openssl_open(context());
	tls_peer_open(&w.peer, NULL, NULL);
	is_span(span_str(shown_for(NULL)), SPAN("ecdsa"), "without SNI: the certificate of server.hostname");
	is_span(span_str(shown_for("mx.example")), SPAN("ecdsa"), "SNI of it: likewise");
	is_span(span_str(shown_for("MX.other.example")), SPAN("other"), "SNI of another name that is there: that one");
	is_span(span_str(shown_for("mx.elsewhere.example")), SPAN("ecdsa"), "SNI that nobody has: the usual one");
	is_span(span_str(shown_for("mx.example\\")), SPAN("ecdsa"), "a backslash at its end (CVE-2019-15846)");
	is_span(span_str(shown_for(
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
		SPAN("ecdsa"), "a label that is too long");
	close_server();
}

/* --- octets ------------------------------------------------------------------------------------ */

static void carries_octets(void)
{
	static uint8_t big[100000], back[100000];
	size_t n = 0, sent = 0, got = 0;

	open_server();
	begin(true, NULL);
	CHECK(shake() == TLS_OK);
	SSL_write(w.peer.ssl, "EHLO a\r\n", 8);
	exchange();
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_OK && n == 8, "a record is peeked at");
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_OK && n == 8, "and is still there");
	w.driver->take(w.conn, 5);
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_OK && n == 3 && memcmp(plain, "a\r\n", 3) == 0,
	   "what was not taken as well");
	w.driver->take(w.conn, 3);
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_WANT && n == 0, "then nothing");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 251);
	w.room = 5000;
	for (int i = 0; i < 1000 && got < sizeof(big); i++) {
		if (sent < sizeof(big)) {
			(void)w.driver->write(w.conn, span_of(big + sent, sizeof(big) - sent), &n);
			sent += n;
		}
		exchange();
		w.room = 5000;
		int r = SSL_read(w.peer.ssl, back + got, (int)(sizeof(back) - got));
		got += r > 0 ? (size_t)r : 0;
	}
	ok(got == sizeof(big) && memcmp(big, back, got) == 0, "100 000 octets go out, with little room at a time");
	w.room = SIZE_MAX;
	w.driver->close(w.conn);
	exchange();
	ok(SSL_read(w.peer.ssl, back, 1) <= 0 && SSL_get_error(w.peer.ssl, 0) == SSL_ERROR_ZERO_RETURN,
	   "close_notify is sent");
	SSL_shutdown(w.peer.ssl);
	exchange();
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_CLOSED, "and understood");
	end();
	close_server();
}

/* --- tickets ----------------------------------------------------------------------------------- */

static SSL_SESSION *session_of(int version, bool tickets)
{
	char octet;

	SSL_CTX_set_min_proto_version(w.peer.ctx, version);
	SSL_CTX_set_max_proto_version(w.peer.ctx, version);
	begin(tickets, NULL);
	CHECK(shake() == TLS_OK);
	exchange();
	SSL_read(w.peer.ssl, &octet, 1);
	SSL_SESSION *s = SSL_get1_session(w.peer.ssl);
	/* One who goes away without close_notify may not resume. */
	SSL_shutdown(w.peer.ssl);
	end();
	return s;
}

static bool resumes(SSL_SESSION *s, bool tickets)
{
	begin(tickets, s);
	bool resumed = shake() == TLS_OK && w.driver->resumed(w.conn);

	SSL_shutdown(w.peer.ssl);
	end();
	return resumed;
}

static void resumes_by_ticket(int version, const char *name)
{
	SSL_SESSION *s;

	open_server();
	s = session_of(version, false);
	ok(!SSL_SESSION_has_ticket(s) && !resumes(s, false), "%s: no ticket for who may not have one", name);
	SSL_SESSION_free(s);
	s = session_of(version, true);
	ok(resumes(s, true), "%s: a session is resumed by its ticket", name);
	SSL_SESSION_free(s);
	s = session_of(version, true);
	w.settings.ticket_keys[1] = w.settings.ticket_keys[0];
	memset(&w.settings.ticket_keys[0], 9, sizeof(w.settings.ticket_keys[0]));
	w.driver->renew(w.driver, context());
	ok(resumes(s, true), "%s: also when the key has been replaced once", name);
	SSL_SESSION_free(s);
	s = session_of(version, true);
	memset(w.settings.ticket_keys, 11, sizeof(w.settings.ticket_keys));
	w.driver->renew(w.driver, context());
	ok(!resumes(s, true), "%s: not when it is gone", name);
	SSL_SESSION_free(s);
	close_server();
}

/* RFC 8446 8: what comes with a ClientHello may be somebody's copy of it. */
static void refuses_early_data(void)
{
	size_t n = 0;

	open_server();
	SSL_SESSION *s = session_of(TLS1_3_VERSION, true);
	ok(SSL_SESSION_get_max_early_data(s) == 0, "a ticket allows no early data (0-RTT)");
	SSL_SESSION_set_max_early_data(s, 1000);
	begin(true, s);
	SSL_write_early_data(w.peer.ssl, "MAIL FROM:<>\r\n", 14, &n);
	ok(n == 14 && shake() == TLS_OK && SSL_get_early_data_status(w.peer.ssl) == SSL_EARLY_DATA_REJECTED,
	   "who sends some all the same shakes hands, and it is rejected");
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_WANT && n == 0, "nothing of it is told");
	end();
	SSL_SESSION_free(s);
	close_server();
}

static void takes_no_other_protocol(void)
{
	const uint8_t *chosen;
	unsigned len;

	open_server();
	begin(true, NULL);
	SSL_set_alpn_protos(w.peer.ssl, (const uint8_t *)"\x02h2\x08http/1.1", 12);
	ok(shake() == TLS_OK, "a client that would speak HTTP (ALPN) shakes hands");
	SSL_get0_alpn_selected(w.peer.ssl, &chosen, &len);
	ok(len == 0, "but is not promised it");
	end();
	close_server();
}

/* --- renewal ----------------------------------------------------------------------------------- */

static void is_renewed(void)
{
	struct tls_conn *shaking, *open;
	size_t n;

	open_server();
	begin(true, NULL);
	CHECK(shake() == TLS_OK);
	open = w.conn;
	struct tls_peer old = w.peer;

	tls_peer_open(&w.peer, NULL, NULL);
	begin(true, NULL);
	SSL_do_handshake(w.peer.ssl);
	shaking = w.conn;
	w.settings.certificates[0].certificate = tls_file("other.pem");
	w.settings.certificates[0].key = tls_file("other.key");
	w.settings.n_certificates = 1;
	w.driver->renew(w.driver, context());
	ok(shake() == TLS_OK, "a handshake that had begun is done with the old certificates");
	X509 *x = SSL_get1_peer_certificate(w.peer.ssl);
	ok(x && X509_check_host(x, "mx.example", 0, 0, NULL) == 1, "and shows them");
	X509_free(x);
	is_span(span_str(shown_for(NULL)), SPAN("other"), "a new one shows the new");
	w.conn = open;
	struct tls_peer new = w.peer;
	w.peer = old;
	SSL_write(w.peer.ssl, "NOOP\r\n", 6);
	exchange();
	ok(w.driver->peek(w.conn, plain, sizeof(plain), &n) == TLS_OK && n == 6, "a connection of before goes on");
	w.driver->take(w.conn, n);
	w.driver->free(shaking);
	w.driver->free(open);
	tls_peer_close(&w.peer);
	w.peer = new;
	close_server();
}

/* --- what settings say ------------------------------------------------------------------------- */

static void refuses(const char *expected)
{
	char why[512] = "";
	struct tls_context *c = tls_context_open(&w.settings, why, sizeof(why));

	ok(!c && span_starts_nocase(span_str(why), span_str(expected)), "%s", expected);
	if (c || !span_starts_nocase(span_str(why), span_str(expected)))
		printf("# %s\n", why);
	tls_context_close(c);
}

static void refuses_settings(void)
{
	usual_settings();
	w.settings.certificates[1].key = tls_file("rsa.key");
	refuses("tls.certificates.[1].key does not belong to the certificate");
	usual_settings();
	w.settings.certificates[0].certificate = "/nowhere/mx.pem";
	refuses("tls.certificates.[0].certificate cannot be opened: /nowhere/mx.pem: No such file");
	w.settings.certificates[0].certificate = tls_file("rsa.key");
	refuses("tls.certificates.[0].certificate has no certificate in PEM");
	usual_settings();
	w.settings.certificates[0].key = tls_file("rsa.pem");
	refuses("tls.certificates.[0].key has no private key in PEM");
	usual_settings();
	w.settings.ciphers = "NONSENSE";
	refuses("tls.ciphers names no cipher");
	usual_settings();
	w.settings.groups = "P-1";
	refuses("tls.groups names a group");
	usual_settings();
	w.settings.certificates[0].certificate =
		tls_text_file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	refuses("tls.certificates.[0].certificate has no certificate");
}

static void counts_memory(void)
{
	size_t most = 0, idle;

	open_server();
	SSL_CTX_set_min_proto_version(w.peer.ctx, TLS1_3_VERSION);
	begin(true, NULL);
	CHECK(shake() == TLS_OK);
	end();
	size_t before = w.driver->octets(w.driver); /* what OpenSSL keeps for good from the first time on */
	begin(true, NULL);
	SSL_do_handshake(w.peer.ssl);
	exchange();
	(void)w.driver->handshake(w.conn);
	most = w.driver->octets(w.driver) - before;
	CHECK(shake() == TLS_OK);
	idle = w.driver->octets(w.driver) - before;
	printf("# memory of a connection: %zu octets in the handshake, %zu after it\n", most, idle);
	ok(idle > 1000 && idle < 40000 && most < 80000, "a connection takes tens of kilobytes at most");
	end();
	ok(w.driver->octets(w.driver) <= before, "and gives all of them back");
	close_server();
}

int main(void)
{
	tls_world_begin();
	tls_certificate("other", "DNS:*.other.example", 0);
	shakes_hands();
	in_pieces();
	shows_names();
	carries_octets();
	resumes_by_ticket(TLS1_2_VERSION, "TLS 1.2");
	resumes_by_ticket(TLS1_3_VERSION, "TLS 1.3");
	refuses_early_data();
	takes_no_other_protocol();
	is_renewed();
	refuses_settings();
	counts_memory();
	return done();
}
