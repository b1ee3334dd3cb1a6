// SPDX-License-Identifier: MIT
/*
 * test_smtp_proxy.c - headers of the PROXY protocol, versions 1 and 2
 */
#include "dataplane/smtp/smtp_proxy.h"
#include "tests/tap.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IP4 "\xc0\0\2\x42\xc0\0\2\x19\x9c\x40\0\x19" /* 192.0.2.66:40000 to 192.0.2.25:25 */
#define IP6                                                                                                            \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x66"                                                                     \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25\x9c\x40\0\x19"

/* @in begins with NUL octets now and then, so its length is that of the literal. */
#define CASE(in, expected, sentence)                                                                                   \
	{                                                                                                              \
		in, sizeof(in) - 1, expected, sentence                                                                 \
	}

static const struct {
	const char *in;
	size_t len;
	const char *expected; /* address:port, "local", "bad" */
	const char *sentence;
} cases[] = {
	CASE("PROXY TCP4 192.0.2.66 192.0.2.25 40000 25\r\n", "192.0.2.66:40000", "version 1, IPv4"),
	CASE("PROXY TCP6 2001:db8::66 2001:db8::25 0 65535\r\n", "2001:db8::66:0", "version 1, IPv6"),
	CASE("PROXY TCP6 ::ffff:192.0.2.66 ::1 1 2\r\n", "192.0.2.66:1", "a mapped address is the one it maps"),
	CASE("PROXY UNKNOWN\r\n", "local", "UNKNOWN"),
	CASE("PROXY UNKNOWN what \xff ever\r\n", "local", "what follows UNKNOWN is ignored"),
	CASE("PROXY TCP4 2001:db8::66 192.0.2.25 40000 25\r\n", "bad", "TCP4 with an address of IPv6"),
	CASE("PROXY TCP6 192.0.2.66 192.0.2.25 40000 25\r\n", "bad", "TCP6 with addresses of IPv4"),
	CASE("PROXY TCP4 192.0.2.66 192.0.2.25 40000\r\n", "bad", "a field is missing"),
	CASE("PROXY TCP4 192.0.2.66 192.0.2.25 40000 25 \r\n", "bad", "a blank too many"),
	CASE("PROXY TCP4  192.0.2.66 192.0.2.25 40000 25\r\n", "bad", "two blanks"),
	CASE("PROXY TCP4 192.0.2.066 192.0.2.25 40000 25\r\n", "bad", "zeros in front of an octet"),
	CASE("PROXY TCP4 192.0.2.66 192.0.2.25 040000 25\r\n", "bad", "zeros in front of a port"),
	CASE("PROXY TCP4 192.0.2.66 192.0.2.25 65536 25\r\n", "bad", "a port beyond 65535"),
	CASE("PROXY TCP4 192.0.2.66 192.0.2.25 -1 25\r\n", "bad", "a port below 0"),
	CASE("PROXY tcp4 192.0.2.66 192.0.2.25 40000 25\r\n", "bad", "small letters"),
	CASE("PROXY UDP4 192.0.2.66 192.0.2.25 40000 25\r\n", "bad", "a family there is not"),
	CASE("PROXY TCP4 192.0.2.66 192.0.2.25 40000 25\n", "bad", "a bare LF"),
	CASE("proxy UNKNOWN\r\n", "bad", "another word"),
	CASE("EHLO mail.good.example\r\n", "bad", "SMTP"),
	CASE(SIGNATURE "\x21\x11\0\x0c" IP4, "192.0.2.66:40000", "version 2, IPv4"),
	CASE(SIGNATURE "\x21\x21\0\x24" IP6, "2001:db8::66:40000", "version 2, IPv6"),
	CASE(SIGNATURE "\x20\0\0\0", "local", "LOCAL"),
	CASE(SIGNATURE "\x20\x11\0\x05\1\2\3\4\5", "local", "what LOCAL has is discarded"),
	CASE(SIGNATURE "\x21\0\0\3\4\0\0", "local", "PROXY of no family"),
	CASE(SIGNATURE "\x22\x11\0\x0c" IP4, "bad", "a command there is not"),
	CASE(SIGNATURE "\x11\x11\0\x0c" IP4, "bad", "version 1 in version 2's clothes"),
	CASE(SIGNATURE "\x21\x12\0\x0c" IP4, "bad", "UDP"),
	CASE(SIGNATURE "\x21\x31\0\x0c" IP4, "bad", "a Unix socket"),
	CASE(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\x42\xc0\0\2\x19\x9c\x40\0", "bad", "addresses that are too short"),
	CASE(SIGNATURE "\x21\x11\0\x0f" IP4 "\4\0\0", "192.0.2.66:40000", "a vector without octets"),
	CASE(SIGNATURE "\x21\x11\0\x11" IP4 "\4\0\2xx", "192.0.2.66:40000", "a vector of two"),
	CASE(SIGNATURE "\x21\x11\0\x0e" IP4 "\4\0", "bad", "a vector without its length"),
	CASE(SIGNATURE "\x21\x11\0\x11" IP4 "\4\0\3xx", "bad", "a vector that ends beyond the header"),
	CASE(SIGNATURE "\x21\x11\0\x11" IP4 "\4\0\1xx", "bad", "octets behind the last vector"),
	CASE(SIGNATURE "\x21\x11\0\x18" IP4 "\4\0\2xx\3\0\4\xd5\xef\xe4\xb2", "192.0.2.66:40000", "a right checksum"),
	CASE(SIGNATURE "\x21\x11\0\x18" IP4 "\4\0\2xx\3\0\4\xd5\xef\xe4\xb3", "bad", "a wrong checksum"),
	CASE(SIGNATURE "\x21\x11\0\x18" IP4 "\4\0\2xy\3\0\4\xd5\xef\xe4\xb2", "bad", "a checksum of other octets"),
	CASE(SIGNATURE "\x21\x11\0\x12" IP4 "\3\0\3abc", "bad", "a checksum of three octets"),
	CASE(SIGNATURE "\x21\x11\x03\xf1", "bad", "a header of 1025 octets"),
};

static void show(enum smtp_proxy_end end, const struct smtp_proxy *p, struct text *out)
{
	if (end != SMTP_PROXY_WHOLE || p->local) {
		text_puts(out, end == SMTP_PROXY_MORE ? "more" : end == SMTP_PROXY_BAD ? "bad" : "local");
		return;
	}
	ip_addr_text(&p->from, out);
	text_putc(out, ':');
	text_dec(out, p->port);
}

/* A header is told from the octets that follow it, and not before its last one. */
static void tables(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_of(cases[i].in, cases[i].len);
		char text[80], more[256];
		struct smtp_proxy p;
		struct text t;
		bool bad = strcmp(cases[i].expected, "bad") == 0, whole_early = false;

		text_init(&t, text, sizeof(text));
		show(smtp_proxy_parse(in, &p), &p, &t);
		is_span(text_span(&t), span_str(cases[i].expected), "%s", cases[i].sentence);
		if (bad)
			continue;
		for (size_t n = 0; n < in.len; n++)
			whole_early |= smtp_proxy_parse(span_head(in, n), &p) != SMTP_PROXY_MORE;
		ok(!whole_early, "%s: cut anywhere, more is awaited", cases[i].sentence);
		memcpy(more, in.at, in.len);
		memcpy(more + in.len, "EHLO x\r\n", 8);
		ok(smtp_proxy_parse(span_of(more, in.len + 8), &p) == SMTP_PROXY_WHOLE && p.len == in.len,
		   "%s: what follows is the client's", cases[i].sentence);
	}
}

static void lengths(void)
{
	static char text[SMTP_PROXY_MAX];
	struct smtp_proxy p;

	memset(text, 'x', sizeof(text));
	memcpy(text, "PROXY UNKNOWN ", 14);
	memcpy(text + 105, "\r\n", 2);
	ok(smtp_proxy_parse(span_of(text, 107), &p) == SMTP_PROXY_WHOLE, "a line of 107 octets");
	memcpy(text + 105, "x\r\n", 3);
	ok(smtp_proxy_parse(span_of(text, 106), &p) == SMTP_PROXY_MORE &&
		   smtp_proxy_parse(span_of(text, 107), &p) == SMTP_PROXY_BAD,
	   "one of 108 is not waited for");
	memcpy(text, SIGNATURE "\x21\x11\x03\xf0" IP4, 28);
	memcpy(text + 28, "\4\x03\xe1", 3);
	ok(smtp_proxy_parse(span_of(text, SMTP_PROXY_MAX), &p) == SMTP_PROXY_WHOLE && p.len == SMTP_PROXY_MAX,
	   "a header of 1024 octets");
}

/* What we write is read as what was meant. */
static void writes(void)
{
	static const char *const from[] = { "192.0.2.66", "2001:db8::66" }, *const to[] = { "192.0.2.1",
											    "2001:db8::1" };
	uint8_t out[SMTP_PROXY_WRITTEN_MAX];
	struct ip_addr none = { .family = IP_NONE }, a, b;
	struct smtp_proxy p;

	for (unsigned i = 0; i < 4; i++) {
		CHECK(ip_addr_parse(span_str(from[i & 1]), &a) && ip_addr_parse(span_str(to[i >> 1]), &b));
		size_t n = smtp_proxy_write(&a, 40000, &b, 25, out);
		ok(n <= sizeof(out) && smtp_proxy_parse(span_of(out, n), &p) == SMTP_PROXY_WHOLE && p.len == n &&
			   ip_addr_eq(&p.from, &a) && p.port == 40000,
		   "from %s to %s", from[i & 1], to[i >> 1]);
	}
	size_t n = smtp_proxy_write(&none, 0, &b, 25, out);
	ok(smtp_proxy_parse(span_of(out, n), &p) == SMTP_PROXY_WHOLE && p.len == n && p.local, "LOCAL");
}

int main(void)
{
	tables();
	lengths();
	writes();
	return done();
}
