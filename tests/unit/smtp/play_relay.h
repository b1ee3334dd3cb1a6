// SPDX-License-Identifier: MIT
/*
 * play_relay.h - plays the next hop and the shard against one smtp_relay, as a scenario says
 */
#ifndef SMTP_PLAY_RELAY_H
#define SMTP_PLAY_RELAY_H

#include "dataplane/smtp/smtp_relay.h"
#include "tests/unit/smtp/script.h"

#define RCPTS_MAX 64

static struct {
	struct smtp_relay relay;
	struct smtp_relay_settings settings;
	struct stats stats;
	uint64_t now_us;
	size_t cut; /* octets from the next hop, and room for the body, in pieces of at most so many; 0: whole */
	bool starttls;
	bool begun, closed, ready, wanted, hold_body;
	bool dup, mixed, mail_refused; /* final_dot_sent and so on of the last result */
	bool lmtp;
	struct octets in, said, content, scratch;
	size_t n_fed, n_read, n_written;
	struct smtp_envelope envelope;
	struct smtp_identity identity;
	struct span rcpts[RCPTS_MAX];
	char result[700]; /* empty: none since the last one was looked at */
} pr;

static void relay_write_body(void)
{
	pr.wanted = false;
	while (pr.n_written < pr.content.len) {
		uint8_t out[512];
		size_t cap = pr.cut ? pr.cut + 1 : sizeof(out), n_out;
		struct span rest = span_skip(octets_span(&pr.content), pr.n_written);
		size_t n =
			smtp_relay_body(&pr.relay, rest, out, cap < sizeof(out) ? cap : sizeof(out), &n_out, pr.now_us);

		CHECK(n > 0 && n <= rest.len);
		octets_add(&pr.said, span_of(out, n_out));
		pr.n_written += n;
	}
	smtp_relay_body_end(&pr.relay, pr.now_us);
}

static void relay_action(const struct smtp_relay_action *a)
{
	struct text t;

	if (pr.closed)
		ok(false, "something came after CLOSE");
	switch (a->kind) {
	case RELAY_SEND:
		octets_add(&pr.said, a->bytes);
		break;
	case RELAY_READY:
		pr.ready = true;
		break;
	case RELAY_STARTTLS:
		pr.starttls = true;
		break;
	case RELAY_BODY_WANTED:
		pr.n_written = 0;
		pr.wanted = true;
		if (!pr.hold_body)
			relay_write_body();
		break;
	case RELAY_RESULT:
		if (pr.result[0])
			ok(false, "one result for each message");
		text_init(&t, pr.result, sizeof(pr.result));
		smtp_reply_line(a->reply, &t);
		pr.dup = a->final_dot_sent;
		pr.mixed = a->mixed;
		pr.mail_refused = a->mail_refused;
		break;
	case RELAY_CLOSE:
		pr.closed = true;
		pr.ready = false;
		break;
	}
}

static void relay_pump(void)
{
	for (bool moved = true; moved;) {
		struct span rest = span_skip(octets_span(&pr.in), pr.n_fed);
		struct smtp_relay_action action;
		size_t n;

		moved = false;
		while (smtp_relay_next(&pr.relay, &action)) {
			relay_action(&action);
			moved = true;
		}
		if (pr.cut && rest.len > pr.cut)
			rest.len = pr.cut;
		n = rest.len ? smtp_relay_feed(&pr.relay, rest, pr.now_us) : 0;
		CHECK(n <= rest.len);
		pr.n_fed += n;
		moved |= n > 0;
	}
}

/* message FROM RCPT[,RCPT...] [size N] [8bit] [utf8] [requiretls] [dsn] [client ADDR HELO]; FROM may be <> */
static bool relay_message(struct span rest)
{
	struct span from = take_word(&rest), list = take_word(&rest);

	if (!pr.ready)
		return false;
	pr.ready = false;
	memset(&pr.envelope, 0, sizeof(pr.envelope));
	/* The script's own octets stay for as long as the scenario is played. */
	pr.envelope.mail_from = span_eq(from, SPAN("<>")) ? span_head(from, 0) : from;
	while (list.at && pr.envelope.n_rcpts < RCPTS_MAX)
		pr.rcpts[pr.envelope.n_rcpts++] = span_cut(&list, ',');
	pr.envelope.rcpts = pr.rcpts;
	while (rest.len) {
		struct span word = take_word(&rest);

		if (span_eq(word, SPAN("size")))
			pr.envelope.size = take_number(&rest);
		pr.envelope.body_8bit |= span_eq(word, SPAN("8bit"));
		pr.envelope.only_asks |= span_eq(word, SPAN("asks"));
		pr.envelope.smtputf8 |= span_eq(word, SPAN("utf8"));
		pr.envelope.requiretls |= span_eq(word, SPAN("requiretls"));
		if (span_eq(word, SPAN("client"))) {
			pr.identity = (struct smtp_identity){ .port = 40000, .esmtp = true };
			if (!ip_addr_parse(take_word(&rest), &pr.identity.addr))
				return false;
			pr.identity.helo = take_word(&rest);
			pr.envelope.client = &pr.identity;
		}
		if (span_eq(word, SPAN("dsn"))) {
			static const char rcpt[] = "b@example.net NOTIFY=NEVER";
			static const uint16_t octets[] = { sizeof(" NOTIFY=NEVER") - 1 };

			pr.envelope.dsn = SPAN(" RET=HDRS ENVID=x");
			pr.rcpts[0] = span_of(rcpt, strlen("b@example.net"));
			pr.envelope.rcpts_dsn = octets;
		}
	}
	smtp_relay_message(&pr.relay, &pr.envelope, pr.now_us);
	relay_pump();
	return true;
}

static bool relay_expect(struct span text, bool whole)
{
	struct span line, expected;

	pr.scratch.len = 0;
	expected = unescape(text, &pr.scratch);
	if (!next_line(&pr.said, &pr.n_read, &line)) {
		printf("# nothing is said\n");
		return false;
	}
	if (whole ? span_eq(line, expected)
		  : line.len >= expected.len && span_eq(span_head(line, expected.len), expected))
		return true;
	printf("# said '%.*s'\n", (int)line.len, (const char *)line.at);
	return false;
}

static bool relay_time(struct span word)
{
	uint64_t value = 0;

	if (word.len < 3 || !span_decimal(span_part(word, 1, word.len - 1), 1U << 30, &value))
		return false;
	pr.now_us += value * 1000000;
	if (smtp_relay_deadline_us(&pr.relay) <= pr.now_us)
		smtp_relay_expire(&pr.relay, pr.now_us);
	relay_pump();
	return true;
}

static bool relay_result(struct span rest)
{
	bool good = span_starts_nocase(span_str(pr.result), rest) && pr.result[0];

	if (!good)
		printf("# result is '%s'\n", pr.result);
	pr.result[0] = '\0';
	return good;
}

static bool relay_send(struct span text, bool crlf, bool now)
{
	bool good = pr.n_read == pr.said.len || !now;

	unescape(text, &pr.in);
	if (crlf)
		octets_add(&pr.in, SPAN("\r\n"));
	if (now)
		relay_pump();
	if (!good)
		printf("# a command was not looked at: '%.*s'\n", (int)(pr.said.len - pr.n_read),
		       (const char *)pr.said.at + pr.n_read);
	return good;
}

static bool play_relay_line(struct span word, struct span rest)
{
	if (span_eq(word, SPAN("lmtp")))
		return pr.lmtp = true;
	if (!pr.begun) {
		pr.begun = true;
		smtp_relay_init(&pr.relay, &pr.settings, &pr.stats, pr.now_us);
		if (pr.lmtp)
			smtp_relay_use_lmtp(&pr.relay);
	}
	if (span_eq(word, SPAN("tls"))) {
		bool verified = span_ends_nocase(rest, SPAN(" verified"));

		if (verified)
			rest = span_head(rest, rest.len - strlen(" verified"));
		smtp_relay_use_tls(&pr.relay,
				   span_eq(rest, SPAN("may"))       ? RELAY_TLS_MAY
				   : span_eq(rest, SPAN("require")) ? RELAY_TLS_REQUIRE
								    : RELAY_TLS_ON,
				   verified);
		return true;
	}
	if (span_eq(word, SPAN("starttls")))
		return pr.starttls;
	if (span_eq(word, SPAN("secured"))) {
		smtp_relay_secured(&pr.relay, pr.now_us);
		relay_pump();
		return true;
	}
	if (span_eq(word, SPAN("n>")) || span_eq(word, SPAN("n+")))
		return relay_send(rest, true, word.at[1] == '>');
	if (span_eq(word, SPAN("raw>")))
		return relay_send(rest, false, true);
	if (span_eq(word, SPAN("r<")) || span_eq(word, SPAN("r=")))
		return relay_expect(rest, word.at[1] == '=');
	if (span_eq(word, SPAN("r-")))
		return pr.n_read == pr.said.len;
	if (span_eq(word, SPAN("content"))) {
		pr.content.len = 0;
		unescape(rest, &pr.content);
		return true;
	}
	if (span_eq(word, SPAN("message")))
		return relay_message(rest);
	if (span_eq(word, SPAN("hold-body"))) {
		pr.hold_body = true;
		return true;
	}
	if (span_eq(word, SPAN("wanted")))
		return pr.wanted;
	if (span_eq(word, SPAN("result")))
		return relay_result(rest);
	if (span_eq(word, SPAN("no-result")))
		return pr.result[0] == '\0';
	if (span_eq(word, SPAN("mail-refused")))
		return pr.mail_refused;
	if (span_eq(word, SPAN("mixed")) || span_eq(word, SPAN("not-mixed")))
		return pr.mixed == (word.len == strlen("mixed"));
	if (span_eq(word, SPAN("duplicate")))
		return pr.dup == span_eq(rest, SPAN("possible"));
	if (span_eq(word, SPAN("ready")))
		return pr.ready && smtp_relay_idle(&pr.relay);
	if (span_eq(word, SPAN("busy")))
		return !pr.ready && !pr.closed;
	if (span_eq(word, SPAN("closed")))
		return pr.closed;
	if (span_eq(word, SPAN("lost")) || span_eq(word, SPAN("quit"))) {
		if (word.at[0] == 'l')
			smtp_relay_lost(&pr.relay, pr.now_us);
		else
			smtp_relay_quit(&pr.relay, pr.now_us);
		pr.ready = false;
		relay_pump();
		return true;
	}
	if (span_eq(word, SPAN("time")))
		return relay_time(take_word(&rest));
	if (span_eq(word, SPAN("stat"))) {
		uint64_t value = stat_value(&pr.stats, take_word(&rest));

		return value == take_number(&rest);
	}
	if (span_eq(word, SPAN("state")))
		return span_eq(rest, span_str(smtp_relay_state_text(&pr.relay)));
	printf("# unknown line\n");
	return false;
}

static void play_relay_reset(size_t cut)
{
	struct octets in = pr.in, said = pr.said, content = pr.content, scratch = pr.scratch;

	memset(&pr, 0, sizeof(pr));
	pr.in.at = in.at ? in.at : malloc(OCTETS_MAX);
	pr.said.at = said.at ? said.at : malloc(OCTETS_MAX);
	pr.content.at = content.at ? content.at : malloc(OCTETS_MAX);
	pr.scratch.at = scratch.at ? scratch.at : malloc(OCTETS_MAX);
	pr.settings = smtp_relay_settings_default();
	pr.now_us = 1000000;
	pr.cut = cut;
	octets_add(&pr.content, SPAN("Subject: x\r\n\r\nhello\r\n"));
}

#endif
