// SPDX-License-Identifier: MIT
/*
 * play_session.h - plays the client and the shard against one smtp_session, as a scenario says
 */
#ifndef SMTP_PLAY_SESSION_H
#define SMTP_PLAY_SESSION_H

#include "dataplane/smtp/smtp_session.h"
#include "tests/spoil_room.h"
#include "tests/unit/smtp/script.h"

#define EVENTS_MAX 4096
#define ANSWERS_MAX 32

struct play_event {
	enum smtp_action_kind kind;
	char text[352];
};

static struct {
	struct smtp_session session;
	struct smtp_room room;
	struct smtp_session_settings settings;
	struct stats stats;
	uint64_t now_us;
	uint64_t starttls; /* 1: offered, 2: required */
	bool xclient;      /* offered */
	size_t cut;        /* the session gets its octets in pieces of at most so many; 0: as they were sent */
	bool begun, closed;
	struct octets in, said, body, scratch;
	size_t n_fed, n_read;
	struct play_event events[EVENTS_MAX];
	size_t n_events, n_seen;
	struct play_answer {
		enum smtp_action_kind to;
		struct smtp_reply reply;
	} answers[ANSWERS_MAX]; /* to be given once, first come first served */
	size_t n_answers;
	enum smtp_action_kind hold; /* SMTP_SEND: none */
} ps;

static const char *const play_kinds[] = {
	[SMTP_SEND] = "send",       [SMTP_HELO] = "helo",         [SMTP_MAIL] = "mail",       [SMTP_RCPT] = "rcpt",
	[SMTP_DATA_BEGIN] = "data", [SMTP_BODY] = "body",         [SMTP_MESSAGE_END] = "end", [SMTP_ABORT] = "abort",
	[SMTP_CLOSE] = "close",     [SMTP_STARTTLS] = "starttls", [SMTP_XCLIENT] = "xclient",
};

static enum smtp_action_kind play_kind(struct span name)
{
	for (unsigned i = 0; i < sizeof(play_kinds) / sizeof(play_kinds[0]); i++)
		if (span_eq(name, span_str(play_kinds[i])))
			return (enum smtp_action_kind)i;
	ok(false, "no action is named %.*s", (int)name.len, (const char *)name.at);
	return SMTP_SEND;
}

static struct smtp_reply play_answer_to(enum smtp_action_kind kind)
{
	struct smtp_reply r;

	for (size_t i = 0; i < ps.n_answers; i++) {
		if (ps.answers[i].to == kind) {
			r = ps.answers[i].reply;
			memmove(&ps.answers[i], &ps.answers[i + 1], (--ps.n_answers - i) * sizeof(ps.answers[0]));
			return r;
		}
	}
	smtp_reply_fixed(&r, kind == SMTP_STARTTLS     ? SMTP_TEXT_START_TLS
			     : kind == SMTP_MAIL       ? SMTP_TEXT_SENDER_OK
			     : kind == SMTP_RCPT       ? SMTP_TEXT_RECIPIENT_OK
			     : kind == SMTP_DATA_BEGIN ? SMTP_TEXT_GO_AHEAD
						       : SMTP_TEXT_ACCEPTED);
	return r;
}

static void play_note_more(struct play_event *e, const char *name, struct span value)
{
	size_t n = strlen(e->text);

	snprintf(e->text + n, sizeof(e->text) - n, " %s%.*s", name, (int)value.len, (const char *)value.at);
}

static void play_note(const struct smtp_action *a)
{
	struct play_event *e = &ps.events[ps.n_events++];

	CHECK(ps.n_events < EVENTS_MAX);
	e->kind = a->kind;
	snprintf(e->text, sizeof(e->text), "%.*s", (int)a->bytes.len, (const char *)a->bytes.at);
	if (a->kind == SMTP_MAIL && (a->size || a->body_8bit))
		snprintf(e->text, sizeof(e->text), "%.*s size %" PRIu64 "%s", (int)a->bytes.len,
			 (const char *)a->bytes.at, a->size, a->body_8bit ? " 8bit" : "");
	if (a->smtputf8)
		play_note_more(e, "smtputf8", SPAN(""));
	if (a->requiretls)
		play_note_more(e, "requiretls", SPAN(""));
	if (a->xclient) {
		if (a->bytes.len == 0)
			snprintf(e->text, sizeof(e->text), "-");
		char addr[64];
		struct text t;

		text_init(&t, addr, sizeof(addr));
		ip_addr_text(&a->xclient->addr, &t);
		if (a->xclient->has_addr)
			play_note_more(e, "addr ", a->xclient->addr.family ? text_span(&t) : SPAN("unknown"));
		t.len = 0;
		text_dec(&t, a->xclient->port);
		if (a->xclient->has_port)
			play_note_more(e, "port ", text_span(&t));
		if (a->xclient->has_esmtp)
			play_note_more(e, a->xclient->esmtp ? "esmtp" : "smtp", SPAN(""));
	}
	if (a->dsn[0].at)
		play_note_more(e, a->kind == SMTP_MAIL ? "ret " : "notify ", a->dsn[0]);
	if (a->dsn[1].at)
		play_note_more(e, a->kind == SMTP_MAIL ? "envid " : "orcpt ", a->dsn[1]);
}

static void play_action(const struct smtp_action *a)
{
	bool waits = a->kind == SMTP_MAIL || a->kind == SMTP_RCPT || a->kind == SMTP_DATA_BEGIN ||
		     a->kind == SMTP_MESSAGE_END || a->kind == SMTP_STARTTLS;

	if (smtp_session_waits(&ps.session) != waits)
		ok(false, "smtp_session_waits() says whether %s wants an answer", play_kinds[a->kind]);
	if (ps.closed)
		ok(false, "something came after CLOSE");
	if (a->kind == SMTP_SEND)
		octets_add(&ps.said, a->bytes);
	else if (a->kind == SMTP_BODY)
		octets_add(&ps.body, a->bytes);
	else
		play_note(a);
	if (a->kind == SMTP_DATA_BEGIN)
		ps.body.len = 0;
	ps.closed |= a->kind == SMTP_CLOSE;
	if (waits && ps.hold != a->kind) {
		struct smtp_reply reply = play_answer_to(a->kind);

		smtp_session_answer(&ps.session, &reply, ps.now_us);
	}
}

/* Feeds what was sent, does what is told, until nothing moves. */
static void play_pump(void)
{
	for (bool moved = true; moved;) {
		struct span rest = span_skip(octets_span(&ps.in), ps.n_fed);
		struct smtp_action action;
		size_t n;

		moved = false;
		spoil_room(&ps.session);
		while (smtp_session_next(&ps.session, &action)) {
			play_action(&action);
			moved = true;
		}
		if (ps.cut && rest.len > ps.cut)
			rest.len = ps.cut;
		n = rest.len ? smtp_session_feed(&ps.session, rest, ps.now_us) : 0;
		CHECK(n <= rest.len);
		ps.n_fed += n;
		moved |= n > 0;
	}
}

static void play_begin(void)
{
	if (ps.begun)
		return;
	ps.begun = true;
	smtp_session_init(&ps.session, &ps.settings, &ps.stats, &ps.room, ps.now_us);
	if (ps.xclient)
		smtp_session_offer_xclient(&ps.session);
	if (ps.starttls)
		smtp_session_offer_tls(&ps.session, ps.starttls == 2);
}

static bool play_set(struct span name, uint64_t value)
{
	struct smtp_session_settings *s = &ps.settings;

	if (span_eq(name, SPAN("message_max")))
		s->message_max = value;
	else if (span_eq(name, SPAN("recipients_max")))
		s->recipients_max = (uint32_t)value;
	else if (span_eq(name, SPAN("messages_max")))
		s->messages_max = (uint32_t)value;
	else if (span_eq(name, SPAN("errors_soft")))
		s->errors_soft = (uint32_t)value;
	else if (span_eq(name, SPAN("errors_hard")))
		s->errors_hard = (uint32_t)value;
	else if (span_eq(name, SPAN("text_line_max")))
		s->text_line_max = (uint32_t)value;
	else if (span_eq(name, SPAN("data_rate_min")))
		s->data_rate_min = (uint32_t)value;
	else if (span_eq(name, SPAN("smtputf8")))
		s->offers |= value ? SMTP_OFFER_SMTPUTF8 : 0;
	else if (span_eq(name, SPAN("dsn")))
		s->offers |= value ? SMTP_OFFER_DSN : 0;
	else if (span_eq(name, SPAN("limits")))
		s->offers |= value ? SMTP_OFFER_LIMITS : 0;
	else if (span_eq(name, SPAN("requiretls")))
		s->offers |= value ? SMTP_OFFER_REQUIRETLS : 0;
	else if (span_eq(name, SPAN("chunking")))
		s->offers |= value ? SMTP_OFFER_CHUNKING : 0;
	else if (span_eq(name, SPAN("xclient")))
		ps.xclient = value != 0;
	else if (span_eq(name, SPAN("starttls")))
		ps.starttls = value;
	else if (span_eq(name, SPAN("refuse_early_talk")))
		s->refuse_early_talk = value != 0;
	else
		return false;
	return true;
}

/* s< and s=; @text in the form of the script */
static bool play_expect(struct span text, bool whole)
{
	struct span line = { NULL, 0 }, expected;

	ps.scratch.len = 0;
	expected = unescape(text, &ps.scratch);
	if (!next_line(&ps.said, &ps.n_read, &line)) {
		printf("# nothing is said, expected '%.*s'\n", (int)text.len, (const char *)text.at);
		return false;
	}
	if (whole ? span_eq(line, expected)
		  : line.len >= expected.len && span_eq(span_head(line, expected.len), expected))
		return true;
	printf("# said '%.*s', expected '%.*s'\n", (int)line.len, (const char *)line.at, (int)text.len,
	       (const char *)text.at);
	return false;
}

static bool play_saw(struct span rest)
{
	enum smtp_action_kind kind = play_kind(take_word(&rest));

	while (ps.n_seen < ps.n_events) {
		const struct play_event *e = &ps.events[ps.n_seen++];

		if (e->kind == kind) {
			if (rest.len == 0 || span_eq(rest, span_str(e->text)))
				return true;
			printf("# saw '%s'\n", e->text);
			return false;
		}
	}
	printf("# did not see it\n");
	return false;
}

static bool play_never(struct span rest)
{
	enum smtp_action_kind kind = play_kind(take_word(&rest));

	for (size_t i = ps.n_seen; i < ps.n_events; i++)
		if (ps.events[i].kind == kind)
			return false;
	return true;
}

/* Lines may only be sent when all that was said was looked at, or a reply would go unnoticed. */
static bool play_send(struct span text, bool crlf, bool now)
{
	bool good = ps.n_read == ps.said.len || !now;

	unescape(text, &ps.in);
	if (crlf)
		octets_add(&ps.in, SPAN("\r\n"));
	if (now)
		play_pump();
	if (!good)
		printf("# a reply was not looked at: '%.*s'\n", (int)(ps.said.len - ps.n_read),
		       (const char *)ps.said.at + ps.n_read);
	return good;
}

static bool play_time(struct span word)
{
	uint64_t value = 0;
	bool ms = span_ends_nocase(word, SPAN("ms"));

	if (word.len < 3 || word.at[0] != '+' ||
	    !span_decimal(span_part(word, 1, word.len - (ms ? 2 : 1)), 1U << 30, &value))
		return false;
	ps.now_us += value * (ms ? 1000 : 1000000);
	if (smtp_session_deadline_us(&ps.session) <= ps.now_us)
		smtp_session_expire(&ps.session, ps.now_us);
	play_pump();
	return true;
}

static bool play_release(struct span rest)
{
	struct smtp_reply reply = take_reply(rest);

	ps.hold = SMTP_SEND;
	smtp_session_answer(&ps.session, &reply, ps.now_us);
	play_pump();
	return true;
}

static bool play_session_line(struct span word, struct span rest)
{
	if (span_eq(word, SPAN("set"))) {
		struct span name = take_word(&rest);

		return !ps.begun && play_set(name, take_number(&rest));
	}
	if (span_eq(word, SPAN("early>"))) { /* octets before the greeting was told */
		play_begin();
		unescape(rest, &ps.in);
		ps.n_fed += smtp_session_feed(&ps.session, octets_span(&ps.in), ps.now_us);
		play_pump();
		return true;
	}
	play_begin();
	if (ps.n_events == 0 && ps.said.len == 0)
		play_pump();
	if (span_eq(word, SPAN("answer"))) {
		ps.answers[ps.n_answers].to = play_kind(take_word(&rest));
		ps.answers[ps.n_answers++].reply = take_reply(rest);
		return ps.n_answers < ANSWERS_MAX;
	}
	if (span_eq(word, SPAN("hold"))) {
		ps.hold = play_kind(take_word(&rest));
		return true;
	}
	if (span_eq(word, SPAN("release")))
		return play_release(rest);
	if (span_eq(word, SPAN("refuse"))) {
		struct smtp_reply reply = take_reply(rest);

		smtp_session_refuse_message(&ps.session, &reply, ps.now_us);
		play_pump();
		return true;
	}
	if (span_eq(word, SPAN("shutdown"))) {
		smtp_session_shutdown(&ps.session, ps.now_us);
		play_pump();
		return true;
	}
	if (span_eq(word, SPAN("secured"))) {
		smtp_session_secured(&ps.session, ps.now_us);
		play_pump();
		return true;
	}
	if (span_eq(word, SPAN("c>")) || span_eq(word, SPAN("c+")))
		return play_send(rest, true, word.at[1] == '>');
	if (span_eq(word, SPAN("raw>")) || span_eq(word, SPAN("raw+")))
		return play_send(rest, false, word.at[3] == '>');
	if (span_eq(word, SPAN("s<")) || span_eq(word, SPAN("s=")))
		return play_expect(rest, word.at[1] == '=');
	if (span_eq(word, SPAN("s-")))
		return ps.n_read == ps.said.len;
	if (span_eq(word, SPAN("saw")))
		return play_saw(rest);
	if (span_eq(word, SPAN("never")))
		return play_never(rest);
	if (span_eq(word, SPAN("body"))) {
		ps.scratch.len = 0;
		return span_eq(octets_span(&ps.body), unescape(rest, &ps.scratch));
	}
	if (span_eq(word, SPAN("time")))
		return play_time(take_word(&rest));
	if (span_eq(word, SPAN("stat"))) {
		uint64_t value = stat_value(&ps.stats, take_word(&rest));

		return value == take_number(&rest);
	}
	if (span_eq(word, SPAN("state")))
		return span_eq(rest, span_str(smtp_session_state_text(&ps.session)));
	if (span_eq(word, SPAN("closed")))
		return ps.closed && ps.n_read == ps.said.len;
	if (span_eq(word, SPAN("open")))
		return !ps.closed;
	printf("# unknown line\n");
	return false;
}

static void play_session_reset(size_t cut)
{
	struct octets in = ps.in, said = ps.said, body = ps.body, scratch = ps.scratch;

	memset(&ps, 0, sizeof(ps));
	ps.in.at = in.at ? in.at : malloc(OCTETS_MAX);
	ps.said.at = said.at ? said.at : malloc(OCTETS_MAX);
	ps.body.at = body.at ? body.at : malloc(OCTETS_MAX);
	ps.scratch.at = scratch.at ? scratch.at : malloc(OCTETS_MAX);
	ps.settings = smtp_session_settings_default();
	ps.now_us = 1000000;
	ps.cut = cut;
}

#endif
