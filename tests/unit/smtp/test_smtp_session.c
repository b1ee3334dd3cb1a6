// SPDX-License-Identifier: MIT
/*
 * test_smtp_session.c - what scenarios cannot show: the order of actions, what is borrowed, calls at odd moments
 */
#include "dataplane/smtp/smtp_session.h"
#include "tests/spoil_room.h"
#include "tests/tap.h"

static struct smtp_session session;
static struct smtp_room room;
static struct smtp_session_settings settings;
static struct stats stats;
static struct smtp_action action;

static void begin(void)
{
	settings = smtp_session_settings_default();
	memset(&stats, 0, sizeof(stats));
	smtp_session_init(&session, &settings, &stats, &room, 0);
	smtp_session_next(&session, &action);
}

static size_t feed(const char *text)
{
	spoil_room(&session);
	return smtp_session_feed(&session, span_str(text), 0);
}

/* Answers all that comes with yes, until nothing comes. */
static void accept_all(void)
{
	while (smtp_session_next(&session, &action)) {
		struct smtp_reply reply;

		if (!smtp_session_waits(&session))
			continue;
		smtp_reply_fixed(&reply, action.kind == SMTP_DATA_BEGIN ? SMTP_TEXT_GO_AHEAD : SMTP_TEXT_OK);
		smtp_session_answer(&session, &reply, 0);
	}
}

/* A session that waits for octets of a message. */
static void begin_message(void)
{
	static const char *const lines[] = { "EHLO c\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n" };

	begin();
	for (unsigned i = 0; i < 4; i++) {
		if (feed(lines[i]) != strlen(lines[i]))
			ok(false, "a line is taken");
		accept_all();
	}
}

static void greeting(void)
{
	settings = smtp_session_settings_default();
	smtp_session_init(&session, &settings, &stats, &room, 0);
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_SEND, "the greeting is the first action");
	is_span(action.bytes, SPAN("220 mx.example ESMTP\r\n"), "it has our name");
	ok(!smtp_session_next(&session, &action), "and is the only one");
	ok(smtp_session_deadline_us(&session) == settings.command_timeout_us, "then a command is waited for");
}

static void order(void)
{
	struct smtp_reply reply;
	const char *group = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
	size_t n;

	begin();
	(void)feed("EHLO c\r\n");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_SEND, "EHLO is answered");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_HELO && action.esmtp, "and told");
	ok(!smtp_session_waits(&session), "which wants no answer");
	n = feed(group);
	ok(n == strlen("MAIL FROM:<a@b>\r\n"), "of a group one command is taken");
	ok(!smtp_session_waits(&session), "nothing is waited for before it was told");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_MAIL, "MAIL is told");
	ok(smtp_session_waits(&session), "its answer is waited for");
	ok(!smtp_session_next(&session, &action), "there is nothing else to do");
	ok(feed(group + n) == 0, "nothing is taken meanwhile");
	ok(smtp_session_deadline_us(&session) == UINT64_MAX, "the peer is not to blame for the time");
	smtp_reply_fixed(&reply, SMTP_TEXT_SENDER_OK);
	smtp_session_answer(&session, &reply, 0);
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_SEND, "the answer goes out");
	ok(feed(group + n) == strlen(group) - n, "then the next command is taken");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_RCPT, "and told");
	is_span(action.bytes, SPAN("c@d"), "with its mailbox");
	(void)feed("NOOP\r\n");
	is_span(action.bytes, SPAN("c@d"), "which stays until the answer, whatever comes");
}

static void gathered(void)
{
	begin();
	(void)feed("NOOP\r\nNOOP\r\nRSET\r\n");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_SEND, "replies to a group go out together");
	is_span(action.bytes, SPAN("250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n"), "in order");
	ok(!smtp_session_next(&session, &action), "in one piece");
}

static void long_answer(void)
{
	static char text[SMTP_REPLY_TEXT_MAX];
	struct smtp_reply reply;

	begin();
	(void)feed("EHLO c\r\n");
	accept_all();
	(void)feed("MAIL FROM:<a@b>\r\n");
	while (!smtp_session_waits(&session))
		smtp_session_next(&session, &action);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 60 == 59 ? '\n' : 'x';
	smtp_reply_set(&reply, 550, 5, 255, 65535, span_of(text, sizeof(text)));
	smtp_session_shutdown(&session, 0);
	smtp_session_answer(&session, &reply, 0);
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_SEND && action.bytes.len > SMTP_REPLY_TEXT_MAX,
	   "the longest answer and a 421 go out together");
	ok(span_ends_nocase(action.bytes, SPAN("421 4.3.2 Service closing; try again later\r\n")), "the 421 last");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_CLOSE, "then the end");
	ok(feed("NOOP\r\n") == 6 && !smtp_session_next(&session, &action), "what comes after is dropped");
	ok(smtp_session_deadline_us(&session) == UINT64_MAX, "and nothing waited for");
}

static void body_spans(void)
{
	static const char text[] = "Subject: x\r\n\r\nhello\r\n";
	struct span in = span_of(text, sizeof(text) - 1);

	begin_message();
	ok(smtp_session_feed(&session, in, 0) == in.len, "a run of text is taken whole");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_BODY && action.bytes.at == in.at &&
		   action.bytes.len == in.len,
	   "and told where it lies, without a copy");
	ok(!smtp_session_waits(&session), "it wants no answer");
	(void)feed("x\r\n.\r\n");
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_BODY, "text and final dot: first the text");
}

/* Whether the actions until the next pause are these. */
static bool tells(enum smtp_action_kind a, enum smtp_action_kind b)
{
	bool first = smtp_session_next(&session, &action) && action.kind == a;
	bool second = smtp_session_next(&session, &action) && action.kind == b;

	return first && second && !smtp_session_next(&session, &action);
}

static void refuse_with_dot(void)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, 452, 4, 3, 1, SPAN("No room"));
	begin_message();
	/* The text and the dot come together; the shard finds no room while it handles the text. */
	size_t n = feed("x\r\n.\r\n");
	while (n < 6 && !(smtp_session_next(&session, &action) && action.kind == SMTP_BODY))
		n += smtp_session_feed(&session, span_skip(SPAN("x\r\n.\r\n"), n), 0);
	n += smtp_session_feed(&session, span_skip(SPAN("x\r\n.\r\n"), n), 0);
	smtp_session_refuse_message(&session, &reply, 0);
	ok(n == 6 && tells(SMTP_ABORT, SMTP_SEND),
	   "refused when the final dot is here already: ABORT and the reply at once");
	ok(strcmp(smtp_session_state_text(&session), "GREETED") == 0, "the session goes on");
}

static void late(void)
{
	begin_message();
	(void)feed("x\r\n");
	smtp_session_expire(&session, settings.data_timeout_us);
	ok(smtp_session_next(&session, &action) && action.kind == SMTP_ABORT,
	   "a time-out before the text was told: the text is not told any more");
	ok(tells(SMTP_SEND, SMTP_CLOSE), "421 and the end");
	begin();
	smtp_session_expire(&session, 1);
	ok(!smtp_session_next(&session, &action), "expire before the deadline does nothing");
}

int main(void)
{
	greeting();
	order();
	gathered();
	long_answer();
	body_spans();
	refuse_with_dot();
	late();
	ok(sizeof(struct smtp_session) <= 2816, "an idle session takes %zu octets", sizeof(struct smtp_session));
	return done();
}
