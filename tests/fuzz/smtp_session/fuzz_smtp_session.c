// SPDX-License-Identifier: MIT
/*
 * fuzz_smtp_session.c - any octets from a client, cut anywhere, answered anyhow, with time going on
 *
 * The first octet says how long a prefix is that steers: each of its octets is the length of a piece, an answer, or what
 * else happens before the next piece.
 * Held: actions come in an order that makes sense, bodies have no bare CR, bare LF or NUL, replies are well-formed.
 */
#include "dataplane/smtp/smtp_session.h"
#include "tests/spoil_room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct span steering;
	size_t n_steered;
	bool open, in_body, closed, greeted, secured;
	bool unanswered; /* `asked` waits for its answer until more octets were tried */
	enum smtp_action_kind asked;
	uint8_t last; /* of the body */
	uint64_t now_us;
} f;

static uint8_t steer(void)
{
	return f.n_steered < f.steering.len ? f.steering.at[f.n_steered++] : 0;
}

static void check_replies(struct span s)
{
	while (s.len) {
		struct span line = span_cut(&s, '\n');

		CHECK(s.at && line.len >= 5 && line.len <= 511 && line.at[line.len - 1] == '\r');
		CHECK(line.at[0] >= '2' && line.at[0] <= '5' && (line.at[3] == ' ' || line.at[3] == '-'));
		for (size_t i = 0; i + 1 < line.len; i++)
			CHECK(line.at[i] >= ' ' && line.at[i] <= '~');
	}
}

static void check_body(struct span s)
{
	CHECK(s.len > 0);
	for (size_t i = 0; i < s.len; i++) {
		CHECK(s.at[i] != '\0');
		CHECK((s.at[i] == '\n') == (f.last == '\r'));
		f.last = s.at[i];
	}
}

static void check_action(const struct smtp_action *a)
{
	CHECK(!f.closed);
	switch (a->kind) {
	case SMTP_SEND:
		check_replies(a->bytes);
		break;
	case SMTP_HELO:
		CHECK(!f.open && a->bytes.len >= 1 && a->bytes.len <= 255);
		f.greeted = true;
		break;
	case SMTP_MAIL:
		CHECK(!f.open && f.greeted);
		CHECK(!a->requiretls || f.secured); /* RFC 8689: in the clear there is no such parameter */
		break;
	case SMTP_RCPT:
		CHECK(f.open && !f.in_body && a->bytes.len > 0);
		break;
	case SMTP_DATA_BEGIN:
		CHECK(f.open && !f.in_body);
		break;
	case SMTP_BODY:
		CHECK(f.open && f.in_body);
		check_body(a->bytes);
		break;
	case SMTP_MESSAGE_END:
		CHECK(f.open && f.in_body && (f.last == '\n' || f.last == 0));
		break;
	case SMTP_STARTTLS:
		CHECK(!f.open && f.greeted && !f.secured);
		break;
	case SMTP_XCLIENT:
		CHECK(!f.open && a->xclient && a->xclient->helo.len <= 255);
		f.greeted = a->xclient->helo.at != NULL;
		break;
	case SMTP_ABORT:
		CHECK(f.open);
		f.open = f.in_body = false;
		break;
	case SMTP_CLOSE:
		CHECK(!f.open);
		f.closed = true;
		break;
	}
}

static void answer(struct smtp_session *s, enum smtp_action_kind kind)
{
	static const unsigned refusals[] = { 0, 0, 0, 0, 450, 550, 554, 421 };
	unsigned code = refusals[steer() & 7];
	struct smtp_reply reply;

	if (code == 0)
		code = kind == SMTP_DATA_BEGIN ? 354 : kind == SMTP_STARTTLS ? 220 : 250;
	smtp_reply_set(&reply, code, code / 100, 0, 0, SPAN("fuzz\nmore"));
	if (kind == SMTP_MAIL)
		f.open = code == 250;
	if (kind == SMTP_DATA_BEGIN && code == 354) {
		f.in_body = true;
		f.last = 0;
	}
	if (kind == SMTP_MESSAGE_END)
		f.open = f.in_body = false;
	smtp_session_answer(s, &reply, f.now_us);
}

/* Acts on what is told until nothing is, or an answer is put off. */
static void drain(struct smtp_session *s)
{
	struct smtp_action a;

	while (smtp_session_next(s, &a)) {
		bool waits = smtp_session_waits(s);

		check_action(&a);
		f.asked = a.kind;
		f.unanswered = waits && (steer() & 31) == 31;
		if (waits && !f.unanswered)
			answer(s, a.kind);
		if (a.kind == SMTP_BODY && (steer() & 31) == 31) {
			struct smtp_reply reply;

			smtp_reply_set(&reply, 452, 4, 3, 1, SPAN("no room"));
			smtp_session_refuse_message(s, &reply, f.now_us);
		}
	}
}

/* A put-off answer comes, the shard drains, or time goes on. */
static void meanwhile(struct smtp_session *s)
{
	uint8_t what = steer();

	if (f.unanswered) {
		f.unanswered = false;
		answer(s, f.asked);
	} else if (what == 255) {
		smtp_session_shutdown(s, f.now_us);
	} else if (what == 254 && smtp_session_deadline_us(s) < UINT64_MAX) {
		f.now_us = smtp_session_deadline_us(s);
		smtp_session_expire(s, f.now_us);
	}
	drain(s);
	/* Then the handshake is done; EHLO is to be said again (RFC 3207 4.2). */
	if (strcmp(smtp_session_state_text(s), "SECURING") == 0 && (steer() & 1)) {
		smtp_session_secured(s, f.now_us);
		f.secured = true;
		f.greeted = false;
		drain(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_session session;
	static struct smtp_room room;
	static struct stats stats;
	struct smtp_session_settings settings = smtp_session_settings_default();
	size_t n_steering = size ? data[0] : 0;
	unsigned n_idle = 0;
	struct span in;

	if (size < 1 + n_steering)
		return 0;
	memset(&f, 0, sizeof(f));
	f.steering = span_of(data + 1, n_steering);
	in = span_of(data + 1 + n_steering, size - 1 - n_steering);
	settings.message_max = 200;
	settings.data_rate_min = 1;
	settings.offers |=
		SMTP_OFFER_CHUNKING | SMTP_OFFER_SMTPUTF8 | SMTP_OFFER_DSN | SMTP_OFFER_LIMITS | SMTP_OFFER_REQUIRETLS;
	settings.text_line_max = 100;
	settings.recipients_max = 4;
	settings.messages_max = 3;
	smtp_session_init(&session, &settings, &stats, &room, 0);
	if (n_steering & 4)
		smtp_session_offer_xclient(&session);
	if (n_steering & 3)
		smtp_session_offer_tls(&session, (n_steering & 3) == 3);
	drain(&session);
	while (in.len) {
		uint8_t piece = steer();
		size_t len = piece && piece < in.len ? piece : in.len, n;

		spoil_room(&session);
		n = smtp_session_feed(&session, span_head(in, len), f.now_us);
		CHECK(n <= len);
		in = span_skip(in, n);
		drain(&session);
		meanwhile(&session);
		/* Nothing is taken before an answer and during a delay; both end. */
		n_idle = n ? 0 : n_idle + 1;
		CHECK(n_idle < 8);
		if (n_idle > 4) {
			f.now_us += settings.error_delay_us;
			smtp_session_expire(&session, f.now_us);
			drain(&session);
		}
	}
	return 0;
}
