// SPDX-License-Identifier: MIT
/*
 * test_shard_hop_tls.c - TLS towards next hops: STARTTLS and from the start, required or not, and what follows when it fails
 */
#include "crypto/tls_openssl.h"
#include "tests/unit/crypto/tls_certificate.h"
#include "tests/unit/shard/shard_world.h"

#define EHLO_STARTTLS "250-sink\r\n250-PIPELINING\r\n250 STARTTLS\r\n"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

/* @of_the_hop: what the next hop does; world.hop.tls. */
static void begin(enum settings_tls wanted, unsigned of_the_hop)
{
	struct tls_settings t = { .hostname = "mx.example",
				  .n_certificates = 1,
				  .n_hops = 1,
				  .hops = { { .used = true, .ca_file = "", .name = "", .addr = address("192.0.2.1") } },
				  .ciphers = "ECDHE+AESGCM",
				  .groups = "X25519:P-256",
				  .certificates = { { tls_file("mx.pem"), tls_file("mx.key") } } };
	char why[256] = "";

	world_settings();
	world.settings.tls_sessions_max = 8;
	world.settings.next_hops[0].tls = (uint8_t)wanted;
	struct tls_context *c = tls_context_open(&t, why, sizeof(why));
	if (!c)
		printf("# %s\n", why);
	CHECK(c);
	world.tls = tls_openssl_open(c);
	CHECK(world.tls);
	world.hop.tls = of_the_hop;
	world.hop.ehlo = of_the_hop == TLS_NOT || of_the_hop == TLS_AT_ONCE ? NULL : EHLO_STARTTLS;
	world_open();
}

static void over(const char *when)
{
	struct tls_driver *d = world.tls;

	all_is_given_back(when);
	tls_openssl_close(d);
}

static struct caller *message(void)
{
	struct caller *c = sends(MESSAGE);

	pass(SECOND);
	return c;
}

static void through_tls(void)
{
	static const struct {
		enum settings_tls wanted;
		unsigned hop;
		const char *sentence;
	} cases[] = { { SETTINGS_TLS_MAY, TLS_GOOD, "where it is offered" },
		      { SETTINGS_TLS_REQUIRE, TLS_GOOD, "where it is required" },
		      { SETTINGS_TLS_IMMEDIATE, TLS_AT_ONCE, "from the first octet" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].wanted, cases[i].hop);
		is_last(message(), "250 2.0.0", "%s: a message is stored", cases[i].sentence);
		ok(world.n_stored == 1 && !world.hop.mail_in_clear && world.n_sinks == 1, "%s: through TLS",
		   cases[i].sentence);
		is_last(message(), "250 2.0.0", "%s: and another", cases[i].sentence);
		ok(world.n_sinks == 1, "%s: on the same connection", cases[i].sentence);
		over(cases[i].sentence);
	}
}

/* tls = "may": mail goes in the clear rather than not at all. */
static void falls_back(void)
{
	begin(SETTINGS_TLS_MAY, TLS_NOT);
	is_last(message(), "250 2.0.0", "may: a next hop without STARTTLS gets the message");
	ok(world.hop.mail_in_clear && world.n_sinks == 1, "may: in the clear");
	over("not offered");

	begin(SETTINGS_TLS_MAY, TLS_REFUSED);
	is_last(message(), "250 2.0.0", "may: so does one that refuses STARTTLS");
	ok(world.hop.mail_in_clear && world.n_sinks == 1, "may: on the same connection");
	over("refused");

	begin(SETTINGS_TLS_MAY, TLS_BROKEN);
	is_last(message(), "250 2.0.0", "may: and one whose handshake fails");
	ok(world.hop.mail_in_clear && world.n_sinks == 2 && world.n_stored == 1, "may: on a new connection, once");
	ok(stats()->shard_relay_connect_failed == 0, "may: which is no failure of the next hop");
	world.hop.tls = TLS_GOOD;
	world.hop.mail_in_clear = false;
	pass(30 * SECOND);
	is_last(message(), "250 2.0.0", "may: within the minute");
	ok(world.hop.mail_in_clear, "may: in the clear as well");
	world.hop.mail_in_clear = false;
	pass(121 * SECOND); /* the connection has gone idle meanwhile */
	is_last(message(), "250 2.0.0", "may: later");
	ok(!world.hop.mail_in_clear, "may: TLS is tried again");
	over("a handshake that fails");
}

static void never_falls_back(void)
{
	static const struct {
		enum settings_tls wanted;
		unsigned hop;
		const char *sentence;
	} cases[] = { { SETTINGS_TLS_REQUIRE, TLS_NOT, "STARTTLS is not offered" },
		      { SETTINGS_TLS_REQUIRE, TLS_REFUSED, "STARTTLS is refused" },
		      { SETTINGS_TLS_REQUIRE, TLS_BROKEN, "the handshake fails" },
		      { SETTINGS_TLS_IMMEDIATE, TLS_NOT, "the next hop does not speak TLS" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].wanted, cases[i].hop);
		is_last(message(), "451 4.4.1", "required, and %s: try later", cases[i].sentence);
		ok(world.n_stored == 0 && !world.hop.mail_in_clear, "required, and %s: nothing was said",
		   cases[i].sentence);
		struct shard_hop hop;
		shard_hop(world.shard, 0, 0, &hop);
		ok((hop.tls_fault[0] != '\0') ==
			   (cases[i].hop == TLS_BROKEN || cases[i].wanted == SETTINGS_TLS_IMMEDIATE),
		   "required, and %s: why the handshake failed is known, if there was one (%s)", cases[i].sentence,
		   hop.tls_fault);
		over(cases[i].sentence);
	}
}

/* RFC 8689: what a next hop offers counts only where nobody else can be the next hop. */
static void requiretls(void)
{
	static const char ehlo[] = "250-sink\r\n250-REQUIRETLS\r\n250 STARTTLS\r\n";
	static const struct {
		enum settings_tls wanted;
		bool pinned, offered;
		const char *sentence;
	} cases[] = { { SETTINGS_TLS_MAY, false, false, "may" },
		      { SETTINGS_TLS_REQUIRE, false, false, "required, of anybody" },
		      { SETTINGS_TLS_REQUIRE, true, true, "required, of whom we know" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].wanted, TLS_GOOD);
		world.settings.next_hops[0].tls_pinned = cases[i].pinned; /* the driver was told nothing of it */
		world.hop.ehlo = ehlo;
		is_last(message(), "250 2.0.0", "%s: a next hop with REQUIRETLS is met", cases[i].sentence);
		ok(((world.shard->config->smtp.offers & SMTP_OFFER_REQUIRETLS) != 0) == cases[i].offered,
		   "%s: it is %s", cases[i].sentence, cases[i].offered ? "offered on" : "not");
		struct caller *c = greeted();
		ok(!strstr(c->got.at, "REQUIRETLS"), "%s: never in the clear", cases[i].sentence);
		say(c, "MAIL FROM:<a@good.example> REQUIRETLS\r\n");
		is_last(c, "555 5.5.4", "%s: nor taken there", cases[i].sentence);
		hang_up(c);
		over(cases[i].sentence);
	}
}

/* Octets behind the 220 are in the clear, and would pass for the reply to the next EHLO (CVE-2021-38371). */
static void injected(void)
{
	begin(SETTINGS_TLS_REQUIRE, TLS_REFUSED);
	world.hop.starttls = "220 2.0.0 Go\r\n250 injected\r\n";
	is_last(message(), "451 4.4.1", "a reply that was put behind the 220");
	ok(world.n_stored == 0 && stats()->relay_bad_replies >= 1, "ends the connection");
	over("injected");
}

int main(void)
{
	tls_certificate("mx", "DNS:mx.example", 0);
	through_tls();
	falls_back();
	never_falls_back();
	requiretls();
	injected();
	return done();
}
