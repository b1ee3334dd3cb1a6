// SPDX-License-Identifier: MIT
/*
 * test_shard_tls.c - clients that say STARTTLS: mail through TLS, what is forgotten, what is refused, what is given back
 */
#include "crypto/tls_openssl.h"
#include "tests/unit/crypto/tls_certificate.h"
#include "tests/unit/crypto/tls_peer.h"
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

static void open_tls(void)
{
	struct tls_settings t = { .hostname = "mx.example",
				  .n_certificates = 1,
				  .ciphers = "ECDHE+AESGCM",
				  .groups = "X25519:P-256",
				  .certificates = { { tls_file("mx.pem"), tls_file("mx.key") } } };
	char why[256] = "";
	struct tls_context *c = tls_context_open(&t, why, sizeof(why));

	CHECK(c);
	world.tls = tls_openssl_open(c);
	CHECK(world.tls);
}

static void settings(void)
{
	world_settings();
	world.settings.n_certificates = 1;
	world.settings.tls_sessions_max = 4;
	open_tls();
}

static void begin(void)
{
	settings();
	world_open();
}

static void over(const char *when)
{
	struct tls_driver *d = world.tls;

	all_is_given_back(when);
	tls_openssl_close(d);
}

/* --- a client's side --------------------------------------------------------------------------- */

static struct tls_peer peer;
static size_t n_given; /* octets of caller.got that the peer has */

/* Records both ways, until nothing moves any more. */
static void carry(struct caller *c)
{
	for (bool more = true; more;) {
		struct span out = tls_peer_records(&peer);

		more = out.len > 0;
		mutter(c, out);
		pass(1000);
		if (n_given < c->got.len) {
			more = true;
			tls_peer_give(&peer, span_of(c->got.at + n_given, c->got.len - n_given));
			n_given = c->got.len;
		}
		if (!SSL_is_init_finished(peer.ssl))
			SSL_do_handshake(peer.ssl);
	}
}

/* Behind the 220: the handshake. */
static bool shake(struct caller *c)
{
	n_given = c->got.len;
	tls_peer_begin(&peer, NULL);
	SSL_do_handshake(peer.ssl);
	carry(c);
	return SSL_is_init_finished(peer.ssl) == 1;
}

static char told[1 << 16]; /* what was read since the last call */

/* Says @text through TLS and reads what comes of it. */
static const char *tell(struct caller *c, const char *text)
{
	size_t n = 0;
	int r;

	if (*text)
		CHECK(SSL_write(peer.ssl, text, (int)strlen(text)) == (int)strlen(text));
	do {
		carry(c);
		while ((r = SSL_read(peer.ssl, told + n, (int)(sizeof(told) - 1 - n))) > 0)
			n += (size_t)r;
	} while (r > 0);
	told[n] = '\0';
	ERR_clear_error();
	return told;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* A client behind its handshake. */
static struct caller *secured(void)
{
	struct caller *c = greeted();

	say(c, "STARTTLS\r\n");
	is_last(c, "220 2.0.0", "STARTTLS is answered");
	ok(shake(c), "and the handshake is done");
	return c;
}

/* --- what works -------------------------------------------------------------------------------- */

static void mail_goes_through(void)
{
	begin();
	struct caller *c = greeted();

	ok(strstr(c->got.at, "250 STARTTLS\r\n") || strstr(c->got.at, "250-STARTTLS\r\n"), "EHLO offers STARTTLS");
	say(c, "STARTTLS\r\n");
	ok(shake(c), "the handshake is done");
	ok(begins(tell(c, "MAIL FROM:<a@good.example>\r\n"), "503 5.5.1"), "EHLO does not count any more");
	tell(c, "EHLO mail.good.example\r\n");
	ok(!strstr(told, "STARTTLS"), "EHLO through TLS does not offer it again");
	ok(begins(tell(c, "STARTTLS\r\n"), "503 5.5.1"), "nor is it taken again");
	ok(strstr(tell(c, ENVELOPE), "354"), "an envelope in one record");
	ok(begins(tell(c, MESSAGE), "250 2.0.0"), "and a message are taken");
	ok(world.n_stored == 1 && strstr(world.stored[0], " with ESMTPS id "), "Received says ESMTPS");
	ok(world.n_stored == 1 && strstr(world.stored[0], "\ttls TLS_"), "and the cipher suite");
	ok(world.n_records == 1 && begins(world.records[0].tls, "TLSv1.3 TLS_"), "so does the record");
	ok(begins(tell(c, "QUIT\r\n"), "221"), "QUIT is answered");
	ok(SSL_get_shutdown(peer.ssl) & SSL_RECEIVED_SHUTDOWN, "and close_notify sent");
	ok(stats()->tls_handshakes == 1 && stats()->tls_handshakes_13 == 1 && stats()->smtp_starttls == 1, "counted");
	over("mail through TLS");
}

/* What the peer wants, with which version. */
static void ciphers_are_counted(void)
{
	static const struct {
		const char *suites;
		bool aes_256, chacha20;
	} cases[] = { { "TLS_AES_128_GCM_SHA256", false, false },
		      { "TLS_AES_256_GCM_SHA384", true, false },
		      { "TLS_CHACHA20_POLY1305_SHA256", false, true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		SSL_CTX_set_ciphersuites(peer.ctx, cases[i].suites);
		hang_up(secured());
		ok(stats()->tls_handshakes == 1 && stats()->tls_aes_256 == cases[i].aes_256 &&
			   stats()->tls_chacha20 == cases[i].chacha20 && stats()->tls_cbc == 0,
		   "%s: the statistics have it", cases[i].suites);
		over(cases[i].suites);
	}
	SSL_CTX_set_ciphersuites(peer.ctx, TLS_DEFAULT_CIPHERSUITES);
}

static void large_mail_goes_through(void)
{
	static char text[300000];
	struct caller *c;
	size_t n = 0;

	begin();
	c = secured();
	tell(c, "EHLO mail.good.example\r\n");
	tell(c, ENVELOPE);
	n += (size_t)snprintf(text, sizeof(text), HEADER "\r\n");
	while (n < sizeof(text) - 100)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "Line at octet %zu, and some more of it.\r\n", n);
	snprintf(text + n, sizeof(text) - n, ".\r\n");
	ok(begins(tell(c, text), "250 2.0.0"), "300 000 octets are taken");
	ok(world.n_stored == 1 && world.stored_len[0] > n && strstr(world.stored[0], "Line at octet 299"),
	   "and passed on whole");
	over("large mail through TLS");
}

/* In the clear one may close one's side and still hear the reply; so here. */
static void half_closed(void)
{
	begin();
	struct caller *c = secured();

	tell(c, "EHLO mail.good.example\r\n");
	world.dns_withheld = true;
	tell(c, ENVELOPE);
	tell(c, MESSAGE);
	SSL_shutdown(peer.ssl);
	carry(c);
	world.dns_withheld = false;
	answer_held();
	ok(begins(tell(c, ""), "250 2.0.0"), "the reply comes behind the client's close_notify");
	ok(c->peer_closed, "then the connection is closed");
	over("half-closed TLS");
}

/* --- what is refused ---------------------------------------------------------------------------- */

static void injected(void)
{
	begin();
	struct caller *c = greeted();

	say(c, "STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<a@good.example>\r\n");
	is_last(c, "220 2.0.0", "commands behind STARTTLS: only STARTTLS is answered");
	ok(shake(c), "the handshake is done");
	ok(begins(tell(c, "RCPT TO:<user@inside.example>\r\n"), "503 5.5.1"), "what was injected is not there");
	ok(stats()->smtp_starttls_injected == 1 && stats()->smtp_transactions == 0, "but counted");
	over("commands behind STARTTLS");

	begin();
	c = greeted();
	say(c, "STARTTLS\r\n");
	say(c, "NOOP\r\nNOOP\r\n");
	ok(c->peer_closed && stats()->tls_handshakes_failed == 1, "commands after the 220 are no ClientHello");
	over("commands after 220");
}

static void not_offered_again(void)
{
	begin();
	world.settings.tls_failed_ttl_s = 3600;
	struct caller *c = greeted();

	say(c, "STARTTLS\r\n");
	say(c, "nonsense nonsense nonsense");
	ok(c->peer_closed && !world.shard->clients.n_used, "a failed handshake ends the connection");
	c = greeted();
	ok(!strstr(c->got.at, "STARTTLS"), "the next one from there is not offered TLS");
	say(c, "STARTTLS\r\n");
	is_last(c, "502", "nor gets it");
	ok(begins(c->got.at, "220") && stats()->tls_not_offered == 1, "which is counted");
	c = caller_open("192.0.2.66");
	say(c, "EHLO x.example\r\n");
	ok(strstr(c->got.at, "STARTTLS") != NULL, "others are");
	pass(3700 * SECOND);
	c = greeted();
	ok(strstr(c->got.at, "STARTTLS") != NULL, "and after tls.failed_ttl_s that one too");
	over("failed handshakes");
}

static void required(void)
{
	settings();
	world.settings.n_required_from = 1;
	world.settings.required_from[0] = (struct settings_prefix){ address("192.0.2.10"), 32 };
	world_open();
	struct caller *c = greeted();

	say(c, "MAIL FROM:<a@good.example>\r\n");
	is_last(c, "530 5.7.0", "no mail in the clear from who is in tls.required_from");
	say(c, "STARTTLS\r\n");
	say(c, "nonsense nonsense nonsense");
	c = greeted();
	ok(strstr(c->got.at, "STARTTLS") != NULL, "a failed handshake does not change that");
	say(c, "STARTTLS\r\n");
	ok(shake(c), "through TLS");
	tell(c, "EHLO mail.good.example\r\n");
	ok(begins(tell(c, "MAIL FROM:<a@good.example>\r\n"), "250"), "it may send");
	c = caller_open("192.0.2.66");
	say(c, "EHLO x.example\r\nMAIL FROM:<a@mild.example>\r\n");
	is_last(c, "250", "others may as they like");
	over("TLS required");
}

static void too_many(void)
{
	begin();
	for (int i = 0; i < 4; i++)
		say(greeted(), "STARTTLS\r\n");
	struct caller *c = greeted();

	say(c, "STARTTLS\r\n");
	is_last(c, "454 4.7.0", "more than tls.sessions_max: 454");
	say(c, ENVELOPE);
	is_last(c, "354", "and on without");
	ok(stats()->tls_full == 1, "counted");
	over("too many");
}

/* --- what never comes --------------------------------------------------------------------------- */

static void waits_for_ever(void)
{
	begin();
	struct caller *silent = greeted(), *half = greeted(), *gone = greeted();

	say(silent, "STARTTLS\r\n");
	say(half, "STARTTLS\r\n");
	say(gone, "STARTTLS\r\n");
	mutter(half, SPAN("\x16\x03\x01\x02\x00\x01"));
	pass(1000);
	hang_up(gone);
	ok(gone->peer_closed && stats()->tls_handshakes_failed == 1, "FIN in the handshake is the end of it");
	pass(29 * SECOND);
	ok(!silent->peer_closed && !half->peer_closed, "a handshake is waited for");
	pass(2 * SECOND);
	ok(silent->peer_closed && half->peer_closed && stats()->tls_handshake_timeouts == 2,
	   "for tls.handshake_timeout_s");
	over("handshakes that do not come");

	begin();
	struct caller *c = secured();
	SSL_write(peer.ssl, "EHLO mail.good.example\r\n", 24);
	struct span r = tls_peer_records(&peer);
	mutter(c, span_head(r, r.len - 3));
	pass(299 * SECOND);
	ok(!c->peer_closed, "a record that is never whole is no command");
	pass(2 * SECOND);
	ok(c->peer_closed && begins(tell(c, ""), "421 4.4.2"), "and smtp.command_timeout_s is told through TLS");
	over("a record that is never whole");
}

static void goes_away(void)
{
	for (int at = 0; at < 5; at++) {
		begin();
		struct caller *c = greeted();

		say(c, "STARTTLS\r\n");
		tls_peer_begin(&peer, NULL);
		n_given = c->got.len;
		SSL_do_handshake(peer.ssl);
		if (at == 1) {
			mutter(c, tls_peer_records(&peer));
			pass(0);
		}
		if (at > 1)
			carry(c);
		if (at > 2)
			tell(c, "EHLO mail.good.example\r\n");
		if (at > 3)
			tell(c, ENVELOPE);
		reset(c);
		pass(1000);
		ok(!world.shard->tls.n_used && !world.shard->clients.n_used, "reset at step %d: nothing is left", at);
		over("reset");
	}
}

static void broken_later(void)
{
	begin();
	struct caller *c = secured();

	tell(c, "EHLO mail.good.example\r\n");
	tell(c, ENVELOPE);
	SSL_write(peer.ssl, "Subject: x\r\n\r\nx\r\n.\r\n", 20);
	struct span r = tls_peer_records(&peer);
	uint8_t copy[256];

	CHECK(r.len < sizeof(copy));
	memcpy(copy, r.at, r.len);
	copy[r.len - 1] ^= 1;
	mutter(c, span_of(copy, r.len));
	pass(1000);
	ok(world.n_stored == 0 && c->peer_closed && stats()->tls_broken == 1,
	   "a damaged record ends the connection, and no message comes of it");
	over("a damaged record");

	begin();
	c = secured();
	tell(c, "EHLO mail.good.example\r\n");
	tell(c, ENVELOPE);
	tell(c, HEADER "\r\nSome of it.\r\n");
	hang_up(c);
	ok(world.n_stored == 0 && c->gone, "FIN without close_notify, in a message: no message");
	over("truncated");

	begin();
	c = secured();
	tell(c, "EHLO mail.good.example\r\n");
	tell(c, ENVELOPE);
	tell(c, "BDAT 1000 LAST\r\n" HEADER);
	SSL_shutdown(peer.ssl);
	mutter(c, tls_peer_records(&peer));
	mutter(c, SPAN("the rest of the chunk, in the clear\r\nQUIT\r\n"));
	pass(SECOND);
	ok(world.n_stored == 0 && world.shard->txns.n_used == 0 && c->peer_closed,
	   "TLS ends within a chunk: no message, and nothing in the clear is one");
	over("TLS that ends within a chunk");
}

static void never_reads(void)
{
	begin();
	struct caller *c = secured();

	tell(c, "EHLO mail.good.example\r\n");
	c->deaf = true;
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 200; k++)
			SSL_write(peer.ssl, "VRFY somebody\r\nRSET\r\n", 21);
		mutter(c, tls_peer_records(&peer));
		pass(1000);
	}
	pass(700 * SECOND);
	ok(!world.shard->clients.n_used, "who does not read is let go");
	over("a client that does not read");
}

static void key_updates(void)
{
	begin();
	struct caller *c = secured();

	for (int i = 0; i < 3000; i++) {
		SSL_key_update(peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
		SSL_do_handshake(peer.ssl);
	}
	ok(begins(tell(c, "EHLO mail.good.example\r\n"), "250"), "3000 KeyUpdates, turn by turn, and then a command");
	over("key updates");
}

/* One handshake a turn, however many begin at once. */
static void takes_turns(void)
{
	static struct tls_peer many[4];
	struct caller *c[4];

	begin();
	for (int i = 0; i < 4; i++)
		say(c[i] = greeted(), "STARTTLS\r\n");
	for (int i = 0; i < 4; i++) {
		many[i].ctx = peer.ctx;
		many[i].ssl = NULL;
		tls_peer_begin(&many[i], NULL);
		SSL_do_handshake(many[i].ssl);
		mutter(c[i], tls_peer_records(&many[i]));
	}
	frames_to_shard(frames_of_peer());
	unsigned n = 0;

	for (struct shard_tls *t = world.shard->handshakes; t; t = t->next)
		n++;
	ok(n == 4 && shard_deadline_us(world.shard) == 0, "four handshakes have come, and wait");
	shard_tick(world.shard, world.now_us, UNIX_US + world.now_us, true);
	n = 0;
	for (struct shard_tls *t = world.shard->handshakes; t; t = t->next)
		n++;
	ok(n == 3, "a turn takes one of them");
	for (int i = 0; i < 4; i++)
		SSL_free(many[i].ssl);
	over("turns");
}

int main(void)
{
	tls_certificate("mx", "DNS:mx.example", 0);
	tls_peer_open(&peer, NULL, NULL);
	mail_goes_through();
	ciphers_are_counted();
	large_mail_goes_through();
	half_closed();
	injected();
	not_offered_again();
	required();
	too_many();
	waits_for_ever();
	goes_away();
	broken_later();
	never_reads();
	key_updates();
	takes_turns();
	tls_peer_close(&peer);
	return done();
}
