// SPDX-License-Identifier: MIT
/*
 * test_scenarios.c - plays every script of tests/scenarios/smtp/, or those named on the command line
 *
 * A script is lines of a word and its text; '#' begins a comment line.  In texts \r \n \t \0 \\ and \xNN are octets.
 * Each script is played with its octets whole, and again in pieces of one, two, three and seven; "whole" as a line
 * says that pieces would change its meaning (what is sent together matters).
 *
 *	relay			the script is about smtp_relay; all others are about smtp_session
 *	repeat N LINE		the line N times
 *	stat NAME N		a counter of stats.def has this value now
 *	state NAME		what smtp_..._state_text() says
 *	time +Ns		the clock goes on (the server's also +Nms); a deadline that is reached expires
 *	closed			CLOSE was told, and all that was said before was looked at
 *
 * Server:
 *	set NAME N		a setting of struct smtp_session_settings, before all else; chunking, smtputf8, dsn,
 *				limits, requiretls 1: offered; starttls 1: offered, 2: required;
 *				xclient 1: offered
 *	c> TEXT			the client sends a line; all replies must have been looked at before
 *	c+ TEXT			a line that goes out together with the next one
 *	raw> TEXT, raw+ TEXT	the same without a CRLF
 *	early> TEXT		octets before the greeting was told
 *	s< TEXT, s= TEXT	the next line of the server begins with the text, or is it
 *	s-			the server says nothing more
 *	answer KIND REPLY	the next mail, rcpt, data or end is answered so; unless told otherwise all are accepted
 *	hold KIND		the next mail, rcpt, data or end is not answered, until:
 *	release REPLY		... it is
 *	refuse REPLY		smtp_session_refuse_message()
 *	shutdown		smtp_session_shutdown()
 *	secured			smtp_session_secured(): what follows came through TLS
 *	saw KIND [TEXT]		the next action of that kind (helo mail rcpt data end abort starttls xclient), after those looked at, and its text
 *	never KIND		none of that kind is left
 *	body TEXT		the octets of the message that began last
 *	open			CLOSE was not told
 *
 * Relay:
 *	n> TEXT, n+ TEXT, raw> TEXT	the next hop sends a line; one together with the next; octets
 *	r< TEXT, r= TEXT, r-	the next line of the relay begins with the text, or is it; there is none
 *	content TEXT		the octets of all messages from here on
 *	message FROM RCPT,... [size N] [8bit] [utf8] [requiretls] [dsn] [asks] [client ADDR HELO]	smtp_relay_message(), FROM may be <>; dsn: RET, ENVID
 *				and NOTIFY, to b@example.net alone
 *	hold-body, wanted	the body is not written when it is wanted; it is
 *	result TEXT, no-result	the reply that the message got, as "CODE ENHANCED TEXT", begins so; it has none yet
 *	lmtp			before all else: the next hop speaks LMTP
 *	duplicate possible|no	final_dot_sent of that result
 *	mail-refused		that result is a reply to MAIL
 *	mixed, not-mixed	by LMTP: some recipients have the message of that result, and some do not
 *	tls may|require|on [verified]	smtp_relay_use_tls(), first of all
 *	starttls, secured	STARTTLS was told; smtp_relay_secured()
 *	ready, busy		READY was told and not used; it was not
 *	lost, quit		the connection is gone; smtp_relay_quit()
 */
#include <dirent.h>

#include "dataplane/smtp/smtp_reply.h"
#include "tests/unit/smtp/play_relay.h"
#include "tests/unit/smtp/play_session.h"

#define DIRECTORY "tests/scenarios/smtp"
#define SCRIPTS_MAX 256

static struct span read_script(const char *path)
{
	static uint8_t text[1 << 16];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (f)
		fclose(f);
	return span_of(text, n);
}

static bool has_line(struct span script, struct span wanted)
{
	while (script.at)
		if (span_eq(span_trim(span_cut(&script, '\n')), wanted))
			return true;
	return false;
}

static bool play_line(bool relay, struct span line)
{
	struct span rest = line, word = take_word(&rest);
	uint64_t n = 1;

	if (span_eq(word, SPAN("repeat"))) {
		n = take_number(&rest);
		word = take_word(&rest);
	}
	for (uint64_t i = 0; i < n; i++)
		if (!(relay ? play_relay_line(word, rest) : play_session_line(word, rest)))
			return false;
	return true;
}

/* Returns the number of the first line that did not hold, 0 if all did. */
static unsigned play(struct span script, size_t cut)
{
	bool relay = has_line(script, SPAN("relay"));
	unsigned number = 0;

	play_session_reset(cut);
	play_relay_reset(cut);
	while (script.at) {
		struct span line = span_cut(&script, '\n');

		number++;
		/* A blank at the end of a line is part of its text; one in front is not. */
		while (line.len && byte_is_wsp(line.at[0]))
			line = span_skip(line, 1);
		if (line.len == 0 || line.at[0] == '#' || span_eq(line, SPAN("relay")) || span_eq(line, SPAN("whole")))
			continue;
		if (!play_line(relay, line))
			return number;
	}
	return 0;
}

static void play_file(const char *path)
{
	static const size_t cuts[] = { 0, 1, 2, 3, 7 };
	struct span script = read_script(path);
	bool whole = has_line(script, SPAN("whole"));

	if (script.len == 0) {
		ok(false, "%s cannot be read", path);
		return;
	}
	for (size_t i = 0; i < (whole ? 1 : sizeof(cuts) / sizeof(cuts[0])); i++) {
		unsigned line = play(script, cuts[i]);

		if (line)
			ok(false, "%s:%u does not hold, octets in pieces of %zu", path, line, cuts[i]);
		else
			ok(true, "%s, octets in pieces of %zu", path, cuts[i]);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int main(int argc, char **argv)
{
	static char paths[SCRIPTS_MAX][512];
	size_t n = 0;
	DIR *d;

	for (int i = 1; i < argc; i++)
		play_file(argv[i]);
	if (argc > 1)
		return done();
	d = opendir(DIRECTORY);
	for (struct dirent *e; d && (e = readdir(d)) && n < SCRIPTS_MAX;) {
		size_t len = strlen(e->d_name);

		if (len > 4 && strcmp(e->d_name + len - 4, ".scn") == 0)
			snprintf(paths[n++], sizeof(paths[0]), "%s/%.200s", DIRECTORY, e->d_name);
	}
	if (d)
		closedir(d);
	qsort(paths, n, sizeof(paths[0]), by_name);
	for (size_t i = 0; i < n; i++)
		play_file(paths[i]);
	ok(n > 0, "there are scripts in %s", DIRECTORY);
	return done();
}
