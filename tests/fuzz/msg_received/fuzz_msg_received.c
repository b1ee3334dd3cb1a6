// SPDX-License-Identifier: MIT
/*
 * fuzz_msg_received.c - our Received field is the one expected, but for a client's name of harmless octets
 *
 * Input: an octet of flags, HELO, LF, the recipient.
 */
#include "dataplane/msg/msg_received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes @text off the front, which must stand there. */
static void expect(struct span *rest, const char *text)
{
	struct span s = span_str(text);

	CHECK(rest->len >= s.len && memcmp(rest->at, s.at, s.len) == 0);
	*rest = span_skip(*rest, s.len);
}

/* A name or an address literal: no octet that ends it, opens a comment or begins another clause. */
static void expect_name(struct span *rest)
{
	size_t n = 0;

	while (n < rest->len && rest->at[n] != ' ') {
		uint8_t c = rest->at[n++];

		CHECK(byte_is_alnum(c) || strchr("-._?[]:", c));
	}
	CHECK(n > 0 && n <= MSG_RECEIVED_HELO_MAX + 2); /* and brackets */
	*rest = span_skip(*rest, n);
}

static bool expect_recipient(struct span *rest, struct span rcpt)
{
	struct span before = SPAN("\r\n\tfor <");

	if (rest->len < before.len || memcmp(rest->at, before.at, before.len) != 0)
		return false;
	*rest = span_skip(*rest, before.len);
	CHECK(rest->len > rcpt.len && span_eq(span_head(*rest, rcpt.len), rcpt));
	for (size_t i = 0; i < rcpt.len; i++)
		CHECK(rcpt.at[i] > ' ' && rcpt.at[i] < 0x7f && !strchr("<>()\\,;\"", rcpt.at[i]));
	*rest = span_skip(*rest, rcpt.len);
	expect(rest, ">");
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[MSG_RECEIVED_MAX];
	struct span in = span_of(data + (size ? 1 : 0), size ? size - 1 : 0);
	uint8_t flags = size ? data[0] : 0;
	struct text t;

	if (size > 1000)
		return 0;
	struct msg_received r = { .helo = span_cut(&in, '\n'),
				  .client = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
				  .host = SPAN("mx.example"),
				  .esmtp = flags & 1,
				  .tls = flags & 2 ? SPAN("TLSv1.2 TLS_RSA") : SPAN(""),
				  .id = SPAN("0A1B2C"),
				  .rcpt = in.at ? in : SPAN(""),
				  .unix_s = 1763964600 };

	if (r.rcpt.len > 321) /* what smtp_address.c lets through */
		r.rcpt = span_head(r.rcpt, 321);
	text_init(&t, room, sizeof(room));
	msg_received_write(&r, &t);
	CHECK(!t.full);
	struct span rest = text_span(&t);

	expect(&rest, "Received: from ");
	expect_name(&rest);
	expect(&rest, " ([192.0.2.1])\r\n\tby mx.example with ");
	expect(&rest, r.tls.len && r.esmtp ? "ESMTPS" : r.esmtp ? "ESMTP" : "SMTP");
	if (rest.len && rest.at[0] == 'S') /* TLS without EHLO */
		expect(&rest, "S");
	expect(&rest, " id 0A1B2C");
	expect_recipient(&rest, r.rcpt);
	if (r.tls.len)
		expect(&rest, "\r\n\ttls TLS_RSA");
	expect(&rest, ";\r\n\tMon, 24 Nov 2025 06:10:00 +0000\r\n");
	CHECK(rest.len == 0);
	return 0;
}
