// SPDX-License-Identifier: MIT
/*
 * test_dns_unbound.c - libunbound against a name server of our own: a thread on a loopback port
 *
 * The server knows a few names under "test." and answers as a forwarder would, by UDP and, when that is too
 * small, by TCP.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/dns_rdata.h"
#include "dns/dns_unbound.h"
#include "tests/tap.h"

/* The server: a table of names, rdata in wire form. */

#define BYTES(literal) literal, sizeof(literal) - 1
enum { NXDOMAIN = 3, SERVFAIL = 2 };

static const struct row {
	const char *name; /* as wire labels, with root */
	size_t name_len;
	uint16_t type;
	const char *rdata;
	size_t rdata_len;
} rows[] = {
	{ BYTES("\5multi\4test\0"), DNS_TXT, BYTES("\7v=spf1 \0\4-all") },
	{ BYTES("\3two\4test\0"), DNS_TXT, BYTES("\3one") },
	{ BYTES("\3two\4test\0"), DNS_TXT, BYTES("\3two") },
	{ BYTES("\5empty\4test\0"), DNS_TXT, BYTES("\0") },
	{ BYTES("\2mx\4test\0"), DNS_MX, BYTES("\0\12\4MAIL\7Example\3oRg\0") },
	{ BYTES("\6nullmx\4test\0"), DNS_MX, BYTES("\0\0\0") },
	{ BYTES("\4host\4test\0"), DNS_A, BYTES("\xc0\0\2\1") },
	{ BYTES("\4host\4test\0"), DNS_AAAA, BYTES("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1") },
	{ BYTES("\1"
		"1\1"
		"2\1"
		"0\2"
		"10\7in-addr\4arpa\0"),
	  DNS_PTR, BYTES("\4host\4test\0") },
	{ BYTES("\4dots\4test\0"), DNS_MX, BYTES("\0\1\3a.b\4test\0") },
	{ BYTES("\4dots\4test\0"), DNS_MX, BYTES("\0\2\1c\4test\0") },
	{ BYTES("\7onlydot\4test\0"), DNS_MX, BYTES("\0\1\3a.b\4test\0") },
	{ BYTES("\5alias\4test\0"), DNS_CNAME, BYTES("\5multi\4test\0") },
	{ BYTES("\7nowhere\4test\0"), DNS_CNAME, BYTES("\4gone\4test\0") },
	{ BYTES("\7a \"b\\(\x01\4test\0"), DNS_TXT, BYTES("\3odd") },
};

static const char soa[] =
	"\4test\0\0\6\0\1\0\0\0\36\0\47\2ns\4test\0\4root\4test\0\0\0\0\1\0\0\16\20\0\0\1\54\0\1\121\200"
	"\0\0\0\36";

static int udp, tcp;
static char address[32];

struct packet {
	size_t len;
	uint8_t at[65536];
};

static void put(struct packet *p, struct span s)
{
	memcpy(p->at + p->len, s.at, s.len);
	p->len += s.len;
}

static void put16(struct packet *p, unsigned v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(p, span_of(b, 2));
}

static void put_record(struct packet *p, struct span name, unsigned type, uint32_t ttl, struct span rdata)
{
	put(p, name);
	put16(p, type);
	put16(p, 1);
	put16(p, ttl >> 16);
	put16(p, ttl & 0xffff);
	put16(p, (unsigned)rdata.len);
	put(p, rdata);
}

/* A long TXT: sixteen strings of 255 octets. */
static void put_big(struct packet *p, struct span name)
{
	uint8_t rdata[16 * 256];

	for (size_t i = 0; i < sizeof(rdata); i++)
		rdata[i] = i % 256 ? (uint8_t)('a' + i / 256) : 255;
	put_record(p, name, DNS_TXT, 300, span_of(rdata, sizeof(rdata)));
}

/* Fills in the answer section; returns the rcode.  @n: records added. */
static unsigned look_up(struct packet *p, struct span name, unsigned type, unsigned *n)
{
	bool exists = false;
	struct span target = name;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (!span_eq_nocase(span_of(r->name, r->name_len), target))
			continue;
		exists = true;
		if (r->type != type && r->type != DNS_CNAME)
			continue;
		put_record(p, target, r->type, 300, span_of(r->rdata, r->rdata_len));
		(*n)++;
		if (r->type != DNS_CNAME)
			continue;
		target = span_of(r->rdata, r->rdata_len);
		exists = false;
		i = (size_t)-1;
	}
	if (span_eq_nocase(name, span_of(BYTES("\3big\4test\0")))) {
		put_big(p, name);
		(*n)++;
		return 0;
	}
	if (span_eq_nocase(name, span_of(BYTES("\4fail\4test\0"))))
		return SERVFAIL;
	return exists ? 0 : NXDOMAIN;
}

/* The answer to the query in @q; false when it is none. */
static bool serve(struct span q, struct packet *p, size_t most)
{
	size_t end = 12;
	unsigned n = 0, rcode;

	if (q.len < 17)
		return false;
	while (end < q.len && q.at[end])
		end += q.at[end] + 1u;
	end++;
	if (end + 4 > q.len)
		return false;
	p->len = 0;
	put(p, span_head(q, end + 4));
	rcode = look_up(p, span_part(q, 12, end), q.at[end + 1], &n);
	memset(p->at + 2, 0, 10);
	p->at[2] = 0x81;
	p->at[3] = (uint8_t)(0x80 | rcode);
	p->at[5] = 1;
	p->at[7] = (uint8_t)n;
	if (rcode != SERVFAIL && (n == 0 || rcode == NXDOMAIN)) {
		p->at[9] = 1;
		put(p, span_of(soa, sizeof(soa) - 1));
	}
	if (p->len > most) {
		p->len = end + 4;
		p->at[2] |= 2; /* TC */
		p->at[7] = p->at[9] = 0;
	}
	return true;
}

static bool read_all(int s, uint8_t *at, size_t n)
{
	while (n) {
		ssize_t got = read(s, at, n);

		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static void serve_tcp(void)
{
	static struct packet p, framed;
	static uint8_t q[65536];
	uint8_t len[2];
	int s = accept(tcp, NULL, NULL);

	while (s >= 0 && read_all(s, len, 2) && read_all(s, q, (size_t)len[0] << 8 | len[1])) {
		if (!serve(span_of(q, (size_t)len[0] << 8 | len[1]), &p, sizeof(p.at)))
			break;
		framed.len = 0;
		put16(&framed, (unsigned)p.len);
		put(&framed, span_of(p.at, p.len));
		if (write(s, framed.at, framed.len) < 0)
			break;
		break; /* one question a connection will do */
	}
	if (s >= 0)
		close(s);
}

static void *server(void *arg)
{
	static struct packet p;
	static uint8_t q[65536];

	for (;;) {
		struct pollfd wait[2] = { { .fd = udp, .events = POLLIN }, { .fd = tcp, .events = POLLIN } };
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);

		if (poll(wait, 2, -1) < 0)
			return arg;
		if (wait[1].revents)
			serve_tcp();
		if (!wait[0].revents)
			continue;
		ssize_t n = recvfrom(udp, q, sizeof(q), 0, (struct sockaddr *)&from, &from_len);
		if (n > 0 && serve(span_of(q, (size_t)n), &p, 1232))
			sendto(udp, p.at, p.len, 0, (struct sockaddr *)&from, from_len);
	}
}

static bool start_server(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	pthread_t thread;

	tcp = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(tcp, (struct sockaddr *)&at, sizeof(at)) || listen(tcp, 8) ||
	    getsockname(tcp, (struct sockaddr *)&at, &len) || bind(udp, (struct sockaddr *)&at, sizeof(at)))
		return false;
	snprintf(address, sizeof(address), "127.0.0.1@%u", ntohs(at.sin_port));
	return pthread_create(&thread, NULL, server, NULL) == 0;
}

/* The client */

static struct dns_resolver r;

/* Waits at most 20 s for one answer. */
static const struct dns_answer *wait_for(uint64_t *ticket)
{
	const struct dns_answer *a;

	for (unsigned i = 0; i < 200; i++) {
		struct pollfd wait = { .fd = r.fd(r.driver), .events = POLLIN };

		if (r.next(r.driver, ticket, &a))
			return a;
		poll(&wait, 1, 100);
	}
	return NULL;
}

static const struct dns_answer *ask(struct span name, enum dns_type type)
{
	static uint64_t tickets = 1000;
	struct dns_question q;
	uint64_t ticket = 0;

	if (!dns_question_set(&q, type, name) || !r.ask(r.driver, &q, ++tickets))
		return NULL;
	const struct dns_answer *a = wait_for(&ticket);

	return ticket == tickets ? a : NULL;
}

static bool has(const struct dns_answer *a, struct span rdata)
{
	uint32_t cursor = 0;
	struct span got;

	while (a && dns_answer_next(a, &cursor, &got))
		if (span_eq(got, rdata))
			return true;
	return false;
}

static void answers(void)
{
	const struct dns_answer *a = ask(SPAN("multi.test"), DNS_TXT);

	ok(a && a->rcode == DNS_NOERROR && a->n_records == 1 && has(a, SPAN("v=spf1 -all")),
	   "strings of a TXT are joined");
	ok(a && a->ttl_s > 290 && a->ttl_s <= 300 && !a->secure, "its time to live is told, and that it is not signed");
	a = ask(SPAN("two.test"), DNS_TXT);
	ok(a && a->n_records == 2 && has(a, SPAN("one")) && has(a, SPAN("two")), "two TXT are two records");
	a = ask(SPAN("empty.test"), DNS_TXT);
	ok(a && a->rcode == DNS_NOERROR && a->n_records == 1 && has(a, SPAN("")), "an empty string is a record");
	a = ask(SPAN("big.test"), DNS_TXT);
	ok(a && a->rcode == DNS_NOERROR && a->size == sizeof(*a) + 2 + 16 * 255, "a TXT of 4 KiB comes by TCP");
	a = ask(SPAN("mx.test"), DNS_MX);
	ok(has(a, SPAN("\0\12mail.example.org")), "MX: preference, then the name in lower case");
	a = ask(SPAN("nullmx.test"), DNS_MX);
	ok(a && a->n_records == 1 && has(a, SPAN("\0\0")), "MX: an empty name for the root (RFC 7505)");
	ok(has(ask(SPAN("host.test"), DNS_A), SPAN("\xc0\0\2\1")), "A");
	ok(has(ask(SPAN("host.test"), DNS_AAAA), SPAN("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1")), "AAAA");
	ok(has(ask(SPAN("1.2.0.10.in-addr.arpa"), DNS_PTR), SPAN("host.test")), "PTR, of private addresses too");
	a = ask(SPAN("alias.test"), DNS_TXT);
	ok(a && a->n_records == 1 && has(a, SPAN("v=spf1 -all")), "a CNAME is followed");
	a = ask(SPAN("dots.test"), DNS_MX);
	ok(a && a->n_records == 1 && has(a, SPAN("\0\2c.test")), "a name with a dot in a label is left out");
	a = ask(SPAN("onlydot.test"), DNS_MX);
	ok(a && a->rcode == DNS_SERVFAIL, "and is a failure when nothing else is left");
	ok(has(ask(SPAN("a \"b\\(\x01.test"), DNS_TXT), SPAN("odd")), "any octet may stand in a name");
}

static void no_answers(void)
{
	const struct dns_answer *a = ask(SPAN("gone.test"), DNS_TXT);

	ok(a && a->rcode == DNS_NXDOMAIN && a->n_records == 0, "a name that does not exist");
	ok(a && a->ttl_s > 0 && a->ttl_s <= 30, "is known for the time its SOA allows (RFC 2308 5)");
	a = ask(SPAN("host.test"), DNS_TXT);
	ok(a && a->rcode == DNS_NODATA && a->n_records == 0 && a->ttl_s <= 30, "a name without the type is NODATA");
	a = ask(SPAN("nowhere.test"), DNS_TXT);
	ok(a && a->rcode == DNS_NXDOMAIN, "a CNAME to nowhere is NXDOMAIN");
	a = ask(SPAN("fail.test"), DNS_TXT);
	ok(a && a->rcode == DNS_SERVFAIL, "a server's failure is a failure");
}

static void many(void)
{
	struct dns_question q;
	const struct dns_answer *a;
	bool seen[64] = { false }, good = true;
	uint64_t ticket;

	for (unsigned i = 0; i < 64; i++) {
		char name[32];
		snprintf(name, sizeof(name), i % 2 ? "m%u.test" : "host.test", i);
		good &= dns_question_set(&q, DNS_A, span_str(name)) && r.ask(r.driver, &q, i);
	}
	ok(good, "under_way_max questions are taken");
	ok(!r.ask(r.driver, &q, 64), "one more is not");
	for (unsigned i = 0; i < 64; i++) {
		a = wait_for(&ticket);
		good &= a && ticket < 64 && !seen[ticket] && a->rcode == (ticket % 2 ? DNS_NXDOMAIN : DNS_NOERROR);
		seen[ticket % 64] = true;
	}
	ok(good && !r.next(r.driver, &ticket, &a), "each is answered once, under its ticket");
	ok(r.ask(r.driver, &q, 1) && wait_for(&ticket), "and there is room again");
}

/* Rdata that no server of the test can send through libunbound. */
static void rdata(void)
{
	static const struct {
		const char *sentence;
		unsigned type;
		const char *wire;
		size_t len;
	} bad[] = {
		{ "an A of five octets", DNS_A, BYTES("12345") },
		{ "an AAAA of four", DNS_AAAA, BYTES("1234") },
		{ "a TLSA of three", DNS_TLSA, BYTES("123") },
		{ "a TXT without a string", DNS_TXT, BYTES("") },
		{ "a string past the end", DNS_TXT, BYTES("\1a\3ab") },
		{ "an MX of one octet", DNS_MX, BYTES("\0") },
		{ "an MX without a name", DNS_MX, BYTES("\0\1") },
		{ "a name without root", DNS_PTR, BYTES("\4test") },
		{ "a label past the end", DNS_PTR, BYTES("\5test\0") },
		{ "a compressed name", DNS_PTR, BYTES("\4test\xc0\14") },
		{ "octets after the root", DNS_PTR, BYTES("\4test\0\0") },
		{ "an empty name field", DNS_PTR, BYTES("") },
		{ "a type that nobody asks for", DNS_SOA, BYTES("\0") },
	};
	uint8_t out[512], wire[300];
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!dns_rdata_read(bad[i].type, span_of(bad[i].wire, bad[i].len), out, &len), "refused: %s",
		   bad[i].sentence);

	for (size_t i = 0; i < sizeof(wire); i++)
		wire[i] = i % 2 ? 'x' : 1;
	wire[254] = 0;
	ok(dns_rdata_read(DNS_PTR, span_of(wire, 255), out, &len) && len == DNS_NAME_MAX, "the longest name is read");
	wire[254] = 1;
	wire[256] = 0;
	ok(!dns_rdata_read(DNS_PTR, span_of(wire, 257), out, &len), "refused: a longer one");
}

static void opening(void)
{
	const char *forwarders[] = { "not an address", NULL };
	struct dns_unbound_settings s = { .forwarders = forwarders, .under_way_max = 10 };
	const char *error = "";
	struct dns_resolver other;

	ok(!dns_unbound_open(&other, &s, &error) && *error, "a bad forwarder is told at once");
	s.forwarders = NULL;
	s.trust_anchor_file = "/nonexistent/root.key";
	error = "";
	ok(!dns_unbound_open(&other, &s, &error) && *error, "a missing trust anchor file too");
	s.trust_anchor_file = "/proc/self/status";
	error = "";
	ok(!dns_unbound_open(&other, &s, &error) && *error, "and one that holds no anchor");
	s.trust_anchor_file = "";
	ok(dns_unbound_open(&other, &s, &error), "a recursive resolver opens");
	other.close(other.driver);
}

int main(void)
{
	const char *forwarders[] = { address, NULL };
	struct dns_unbound_settings s = { .forwarders = forwarders, .under_way_max = 64 };
	const char *error = "";

	rdata();
	opening();
	ok(start_server(), "the test's name server starts");
	ok(dns_unbound_open(&r, &s, &error), "a forwarder on a local port is taken");
	answers();
	no_answers();
	many();

	struct dns_question q;
	bool asked = dns_question_set(&q, DNS_A, SPAN("late.test")) && r.ask(r.driver, &q, 1);
	r.close(r.driver);
	ok(asked, "a resolver closes with a question under way");
	return done();
}
