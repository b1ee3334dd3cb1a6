// SPDX-License-Identifier: MIT
/*
 * test_msg_received.c - our Received field, whatever the client calls itself
 */
#include <stdlib.h>
#include <time.h>

#include "dataplane/msg/msg_received.h"
#include "tests/tap.h"

static char room[MSG_RECEIVED_MAX + 1];

static struct span write_field(const struct msg_received *r)
{
	static struct text out;

	text_init(&out, room, sizeof(room));
	msg_received_write(r, &out);
	return out.full ? SPAN("(full)") : text_span(&out);
}

static struct msg_received usual(void)
{
	static const uint8_t client[4] = { 192, 0, 2, 1 };

	return (struct msg_received){ .helo = SPAN("mail.example.org"),
				      .client = ip_addr_of4(client),
				      .host = SPAN("mx.example.net"),
				      .esmtp = true,
				      .id = SPAN("0A1B2C"),
				      .rcpt = SPAN("bob@example.net"),
				      .unix_s = 1763964600 };
}

#define TAIL                                                                                                           \
	"\r\n\tby mx.example.net with ESMTP id 0A1B2C\r\n\tfor <bob@example.net>;\r\n\tMon, 24 Nov 2025 06:10:00 "     \
	"+0000\r\n"

static void forms(void)
{
	struct msg_received r = usual();

	is_span(write_field(&r), SPAN("Received: from mail.example.org ([192.0.2.1])" TAIL), "the usual field");
	r.helo = SPAN("[192.0.2.1]");
	is_span(write_field(&r), SPAN("Received: from [192.0.2.1] ([192.0.2.1])" TAIL), "an address literal as name");
	r.helo = SPAN("[IPv6:2001:db8::1]");
	is_span(write_field(&r), SPAN("Received: from [IPv6:2001:db8::1] ([192.0.2.1])" TAIL),
		"an IPv6 literal as name");
	r.helo = SPAN("");
	is_span(write_field(&r), SPAN("Received: from [192.0.2.1] ([192.0.2.1])" TAIL), "no name: the address");
	r = usual();
	ok(ip_addr_parse(SPAN("2001:db8::25"), &r.client), "a client by IPv6");
	is_span(write_field(&r), SPAN("Received: from mail.example.org ([IPv6:2001:db8::25])" TAIL), "is tagged so");
	r = usual();
	r.tls = SPAN("TLSv1.3 TLS_AES_256_GCM_SHA384");
	ok(span_find(write_field(&r), 'S') != SPAN_NONE && strstr(room, " with ESMTPS id "), "TLS makes it ESMTPS");
	ok(strstr(room, ">\r\n\ttls TLS_AES_256_GCM_SHA384;\r\n\tMon") != NULL, "with its cipher suite");
	r.esmtp = false;
	r.tls = SPAN("");
	write_field(&r);
	ok(strstr(room, " with SMTP id ") != NULL, "HELO makes it SMTP");
	r.rcpt = SPAN("");
	write_field(&r);
	ok(strstr(room, " id 0A1B2C;\r\n\tMon") != NULL && !strstr(room, "for"), "several recipients are not named");
}

static void hostile(void)
{
	static const struct {
		const char *sentence;
		const char *helo;
		size_t len;
		const char *written;
	} names[] = {
		/* clang-format off */
		{ "CR LF", "a\r\nX: y", 7, "a??X:?y" },
		{ "NUL", "a\0b", 3, "a?b" },
		{ "a comment", "a (b) c", 7, "a??b??c" },
		{ "a semicolon", "a;b", 3, "a?b" },
		{ "quotes and a backslash", "\"a\\\"", 4, "?a??" },
		{ "octets above 127", "\xc3\xbc.example", 10, "??.example" },
		{ "angle brackets", "<a>", 3, "?a?" },
		{ "a bracket that is not closed", "[a", 2, "?a" },
		{ "brackets in brackets", "[[a]]", 5, "[?a?]" },
		{ "empty brackets", "[]", 2, "??" },
		/* clang-format on */
	};
	struct msg_received r = usual();
	char expected[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		r.helo = span_of(names[i].helo, names[i].len);
		snprintf(expected, sizeof(expected), "Received: from %s ([192.0.2.1])" TAIL, names[i].written);
		is_span(write_field(&r), span_str(expected), "in the client's name: %s", names[i].sentence);
	}

	static const char *const unnamed[] = { "\"a b\"@example.net", "a;b@example.net",  "a\r\nb@example.net",
					       "a>b@example.net",     "a(b)@example.net", "\xc3\xbc@example.net" };
	bool any = false;
	for (size_t i = 0; i < sizeof(unnamed) / sizeof(unnamed[0]); i++) {
		r.rcpt = span_str(unnamed[i]);
		write_field(&r);
		any |= strstr(room, "for <") != NULL;
	}
	ok(!any, "a recipient that would have to be quoted is not named");

	static char longest[400];
	memset(longest, 'a', sizeof(longest));
	r.helo = span_of(longest, 300);
	r.rcpt = span_of(longest, 320);
	r.host = span_of(longest, 255);
	struct span field = write_field(&r);
	ok(field.len > 255 + 320 + 255 && field.len < 1100, "names at their longest fit in MSG_RECEIVED_MAX");
	bool folded = true;
	for (struct span rest = field; rest.at;)
		folded &= span_cut(&rest, '\n').len <= 998;
	ok(folded, "and no line is longer than 998 octets (RFC 5322 2.1.1)");
}

static void dates(void)
{
	char buffer[64], expected[64];
	struct text out;
	bool good = true;

	static const struct {
		uint64_t unix_s;
		const char *text;
	} known[] = {
		{ 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ 951827696, "Tue, 29 Feb 2000 12:34:56 +0000" },
		{ 4107542400, "Mon, 1 Mar 2100 00:00:00 +0000" },
		{ 13574649599, "Tue, 29 Feb 2400 23:59:59 +0000" },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		text_init(&out, buffer, sizeof(buffer));
		msg_date_write(known[i].unix_s, &out);
		is_span(text_span(&out), span_str(known[i].text), "%s", known[i].text);
	}
	srand(1);
	for (unsigned i = 0; i < 50000; i++) {
		uint64_t unix_s = ((uint64_t)rand() << 16 ^ (uint64_t)rand()) % 20000000000;
		time_t t = (time_t)unix_s;
		struct tm *tm = gmtime(&t);

		text_init(&out, buffer, sizeof(buffer));
		msg_date_write(unix_s, &out);
		size_t n = strftime(expected, sizeof(expected), "%a, ", tm);
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%d ", tm->tm_mday);
		strftime(expected + n, sizeof(expected) - n, "%b %Y %H:%M:%S +0000", tm);
		good &= span_eq(text_span(&out), span_str(expected));
	}
	ok(good, "fifty thousand dates are those of the C library");
}

static void hops(void)
{
	struct msg_field fields[10];
	struct msg_header h = { .fields = fields, .fields_max = 10 };

	msg_header_parse(&h, SPAN("Received: a\r\n b\r\nX-Received: n\r\nreceived : c\r\nSubject: Received: n\r\n"
				  "RECEIVED:\r\n"));
	ok(msg_received_hops(&h) == 3, "Received fields are counted in any case, and nothing else");
	msg_header_parse(&h, SPAN(""));
	ok(msg_received_hops(&h) == 0, "an empty header has none");
}

int main(void)
{
	forms();
	hostile();
	dates();
	hops();
	return done();
}
