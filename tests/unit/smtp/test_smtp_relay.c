// SPDX-License-Identifier: MIT
/*
 * test_smtp_relay.c - dots doubled on the wire, against a slow twin and back through the server's smtp_data
 */
#include "dataplane/smtp/smtp_data.h"
#include "dataplane/smtp/smtp_relay.h"
#include "tests/tap.h"

static struct smtp_relay relay;
static struct smtp_relay_settings settings;
static struct stats stats;
static struct span rcpt = { (const uint8_t *)"b@example.net", 13 };
static struct smtp_envelope envelope;

static void drain_actions(void)
{
	struct smtp_relay_action action;

	while (smtp_relay_next(&relay, &action))
		;
}

/* A relay that waits for the body. */
static void begin(void)
{
	static const char *const replies[] = { "220 x\r\n", "250 x\r\n", "250 x\r\n", "250 x\r\n", "354 x\r\n" };

	settings = smtp_relay_settings_default();
	envelope = (struct smtp_envelope){ .rcpts = &rcpt, .n_rcpts = 1 };
	smtp_relay_init(&relay, &settings, &stats, 0);
	for (unsigned i = 0; i < 5; i++) {
		struct span reply = span_str(replies[i]);

		if (smtp_relay_feed(&relay, reply, 0) != reply.len)
			ok(false, "a reply is taken");
		drain_actions();
		if (i == 1) {
			smtp_relay_message(&relay, &envelope, 0);
			drain_actions();
		}
	}
}

/* The body on the wire with its end, written in pieces of random size. */
static size_t on_wire(struct span body, uint8_t *out, uint32_t *seed)
{
	struct smtp_relay_action action;
	size_t i = 0, o = 0;

	begin();
	for (unsigned idle = 0; i < body.len && idle < 100; idle++) {
		size_t take, room, n_out, n;

		*seed = *seed * 1664525 + 1013904223;
		take = (*seed >> 16) % 20 + 1;
		room = (*seed >> 24) % 20 + 1;
		if (take > body.len - i)
			take = body.len - i;
		n = smtp_relay_body(&relay, span_part(body, i, i + take), out + o, room, &n_out, 0);
		if (n > take || n_out > room)
			ok(false, "no more is taken or written than there is");
		i += n;
		o += n_out;
		if (n)
			idle = 0;
	}
	smtp_relay_body_end(&relay, 0);
	while (smtp_relay_next(&relay, &action)) {
		memcpy(out + o, action.bytes.at, action.bytes.len);
		o += action.bytes.len;
	}
	return o;
}

static size_t twin(struct span body, uint8_t *out)
{
	bool bol = true;
	size_t o = 0;

	for (size_t i = 0; i < body.len; i++) {
		if (bol && body.at[i] == '.')
			out[o++] = '.';
		out[o++] = body.at[i];
		bol = body.at[i] == '\n';
	}
	if (body.len && !(body.len >= 2 && body.at[body.len - 2] == '\r' && body.at[body.len - 1] == '\n')) {
		out[o++] = '\r';
		out[o++] = '\n';
	}
	memcpy(out + o, ".\r\n", 3);
	return o + 3;
}

/* What the server's own end-of-data machine makes of it. */
static bool comes_back(struct span wire, struct span body)
{
	struct smtp_data d = { .state = SMTP_DATA_BOL };
	uint8_t back[1200];
	size_t n = 0, at = 0;

	while (at < wire.len && d.state < SMTP_DATA_DONE) {
		struct span run;

		at += smtp_data_feed(&d, span_skip(wire, at), &run);
		memcpy(back + n, run.at, run.len);
		n += run.len;
	}
	if (n == body.len + 2) /* the CRLF that it did not end with */
		n -= 2;
	return d.state == SMTP_DATA_DONE && at == wire.len && span_eq(span_of(back, n), body);
}

int main(void)
{
	static const char *const pieces[] = { ".", "..", "\r\n", "text", "\r\n.", "a longer run of text. With dots." };
	uint32_t seed = 7, n_bad = 0, n_lost = 0;

	for (unsigned round = 0; round < 20000; round++) {
		uint8_t body[600], wire[1300], expected[1300];
		size_t len = 0, n, n_expected;

		seed = seed * 1664525 + 1013904223;
		for (unsigned k = 0, n_pieces = (seed >> 20) % 14; k < n_pieces; k++) {
			const char *piece;

			seed = seed * 1664525 + 1013904223;
			piece = pieces[(seed >> 16) % 6];
			memcpy(body + len, piece, strlen(piece));
			len += strlen(piece);
		}
		n = on_wire(span_of(body, len), wire, &seed);
		n_expected = twin(span_of(body, len), expected);
		n_bad += !span_eq(span_of(wire, n), span_of(expected, n_expected));
		n_lost += !comes_back(span_of(wire, n), span_of(body, len));
	}
	ok(n_bad == 0, "20000 random bodies go out as the twin says, whatever the room");
	ok(n_lost == 0, "smtp_data reads them back to the octet");

	begin();
	smtp_relay_lost(&relay, 0);
	uint8_t out[8];
	size_t n_out = 1;
	ok(smtp_relay_body(&relay, SPAN("abc"), out, sizeof(out), &n_out, 0) == 3 && n_out == 0,
	   "a body written to a connection that broke goes nowhere");
	smtp_relay_body_end(&relay, 0);
	ok(smtp_relay_deadline_us(&relay) == UINT64_MAX, "a relay that is closed waits for nothing");
	ok(strcmp(smtp_relay_state_text(&relay), "CLOSED") == 0, "and says so");
	return done();
}
