// SPDX-License-Identifier: MIT
/*
 * fuzz_smtp_relay.c - any octets from a next hop, cut anywhere
 *
 * The first octet says how long a prefix is whose octets are the pieces' lengths.  Held: one result for each message,
 * a 2yz only after the final dot was told, nothing after CLOSE, and a lost connection ends it all.
 */
#include "dataplane/smtp/smtp_relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	bool in_hand, dot, closed, bdat, required, secured;
	unsigned n_messages;
	struct smtp_envelope envelope;
	struct smtp_identity identity;
	struct span rcpts[2];
} f;

static void check_result(const struct smtp_relay_action *a)
{
	CHECK(f.in_hand);
	CHECK(a->reply->code >= 200 && a->reply->code != 421 && a->reply->code / 100 != 3);
	CHECK(a->reply->code >= 400 || f.dot || f.envelope.only_asks);
	CHECK(!a->final_dot_sent || f.dot);
	CHECK(a->reply->enhanced[0] == a->reply->code / 100);
	for (size_t i = 0; i < a->reply->text_len; i++)
		CHECK(a->reply->text[i] == '\n' || (a->reply->text[i] >= ' ' && a->reply->text[i] <= '~'));
	f.in_hand = false;
}

static void write_body(struct smtp_relay *r)
{
	static const char text[] = ".x\r\n\r\n.\r\ny";
	const struct span body = span_of(text, sizeof(text) - 1);
	size_t i = 0, n_out;
	uint8_t out[5];

	while (i < body.len) {
		size_t n = smtp_relay_body(r, span_skip(body, i), out, sizeof(out), &n_out, 0);

		CHECK(n > 0 && n_out <= sizeof(out));
		i += n;
	}
	smtp_relay_body_end(r, 0);
}

static void drain(struct smtp_relay *r)
{
	struct smtp_relay_action a;

	while (smtp_relay_next(r, &a)) {
		CHECK(!f.closed);
		switch (a.kind) {
		case RELAY_SEND:
			CHECK(a.bytes.len > 0);
			if (f.in_hand && f.envelope.requiretls && span_starts_nocase(a.bytes, SPAN("MAIL ")))
				CHECK(f.secured && f.required); /* RFC 8689 4.2.1 */
			f.bdat |= f.in_hand && span_starts_nocase(a.bytes, SPAN("BDAT "));
			f.dot |= f.in_hand &&
				 (f.bdat ? span_eq(a.bytes, SPAN("y")) : span_ends_nocase(a.bytes, SPAN("\r\n.\r\n")));
			break;
		case RELAY_READY:
			CHECK(!f.in_hand && (f.secured || !f.required));
			f.in_hand = true;
			f.dot = f.bdat = false;
			f.identity.port = (uint16_t)(f.n_messages / 2); /* the second has the client of the first */
			if (f.n_messages++ == 3) {
				smtp_relay_quit(r, 0);
				f.in_hand = false;
			} else {
				smtp_relay_message(r, &f.envelope, 0);
			}
			break;
		case RELAY_STARTTLS:
			CHECK(!f.in_hand && !f.secured);
			f.secured = true;
			smtp_relay_secured(r, 0);
			break;
		case RELAY_BODY_WANTED:
			write_body(r);
			break;
		case RELAY_RESULT:
			check_result(&a);
			break;
		case RELAY_CLOSE:
			CHECK(!f.in_hand);
			f.closed = true;
			break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_relay relay;
	static struct stats stats;
	struct smtp_relay_settings settings = smtp_relay_settings_default();
	size_t n_cuts = size ? data[0] : 0, i = 0;
	struct span in;

	if (size < 1 + n_cuts)
		return 0;
	memset(&f, 0, sizeof(f));
	f.rcpts[0] = SPAN("b@example.net");
	f.rcpts[1] = SPAN("c@example.net");
	f.envelope = (struct smtp_envelope){
		.mail_from = SPAN("a@example.org"), .rcpts = f.rcpts, .n_rcpts = 1 + (n_cuts & 1), .size = 11
	};
	f.envelope.only_asks = (n_cuts & 8) != 0;
	f.envelope.smtputf8 = (n_cuts & 2) != 0;
	f.envelope.requiretls = (n_cuts & 64) != 0;
	f.envelope.dsn = SPAN(" RET=FULL");
	f.envelope.client = n_cuts & 32 ? &f.identity : NULL;
	in = span_of(data + 1 + n_cuts, size - 1 - n_cuts);
	smtp_relay_init(&relay, &settings, &stats, 0);
	if (n_cuts & 4)
		smtp_relay_use_lmtp(&relay);
	f.required = (n_cuts & 24) == 24;
	if (n_cuts & 8)
		smtp_relay_use_tls(&relay, f.required ? RELAY_TLS_REQUIRE : RELAY_TLS_MAY, f.required);
	drain(&relay);
	while (in.len) {
		size_t cut = i < n_cuts ? data[1 + i++] : 0;
		size_t len = cut && cut < in.len ? cut : in.len;
		size_t n = smtp_relay_feed(&relay, span_head(in, len), 0);

		CHECK(n <= len);
		drain(&relay);
		CHECK(n > 0);
		in = span_skip(in, n);
	}
	smtp_relay_lost(&relay, 0);
	drain(&relay);
	CHECK(f.closed && !f.in_hand);
	return 0;
}
