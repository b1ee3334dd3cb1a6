// SPDX-License-Identifier: MIT
/*
 * test_shard_report.c - what a worker writes down for reports: of which messages, what, and when a report was taken
 */
#include "dataplane/base/ledger.h"
#include "tests/unit/shard/shard_world.h"

static alignas(64) uint8_t memory[sizeof(struct ledger_head) + LEDGER_OCTETS_MIN];
static struct ledger ledger;

static void begin(bool failures)
{
	memset(memory, 0, sizeof(memory));
	ledger_make(&ledger, memory, LEDGER_OCTETS_MIN, 1);
	world_settings();
	world.settings.report_failures = failures;
	world.ledger = &ledger;
	world_open();
}

/* The next entry that a worker wrote, as "rua ruf client domain policy fact|fact|..."; "": there is none. */
static const char *told(void)
{
	static uint8_t room[LEDGER_ENTRY_MAX];
	static char text[8192];
	struct shard_told t;
	struct text out;
	size_t len;

	text_init(&out, text, sizeof(text));
	if (ledger_next(&ledger, room, &len) != LEDGER_ENTRY)
		return text;
	CHECK(len >= sizeof(t));
	memcpy(&t, room, sizeof(t));
	struct span rest = span_skip(span_of(room, len), sizeof(t));
	CHECK(rest.len == (size_t)t.domain_len + t.policy_len + t.facts_len);
	text_puts(&out, t.rua ? "rua " : "");
	text_puts(&out, t.ruf ? "ruf " : "");
	if (t.kind == SHARD_TOLD_TAKEN)
		text_puts(&out, "taken ");
	else
		ip_addr_text(&t.client, &out);
	text_puts(&out, t.kind == SHARD_TOLD_TAKEN ? "" : " ");
	text_put(&out, span_head(rest, t.domain_len));
	text_puts(&out, t.policy_len ? " " : "");
	text_put(&out, span_head(span_skip(rest, t.domain_len), t.policy_len));
	text_puts(&out, t.facts_len ? " " : "");
	for (size_t i = (size_t)t.domain_len + t.policy_len; i < rest.len; i++)
		text_putc(&out, rest.at[i] ? rest.at[i] : '|');
	return text;
}

static void is_told(const char *expected, const char *sentence)
{
	is_span(span_str(told()), span_str(expected), "%s", sentence);
}

static void letter(struct caller *c, const char *mail_from, const char *text)
{
	say(c, mail_from);
	say(c, "RCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(c, text);
}

#define POLICY "method=treewalk;p=reject;sp=none;adkim=r;aspf=s;t=n"
#define EHLO "EHLO mail.good.example\r\n"

static void messages(void)
{
	begin(false);
	struct caller *c = caller_open("192.0.2.10");

	letter(c, EHLO "MAIL FROM:<a@rua.example>\r\n",
	       "DKIM-Signature: v=1; a=rsa-sha256; d=rua.example; s=none; h=from; bh=AAAA; b=AAAA\r\n"
	       "From: <a@rua.example>\r\n\r\nx\r\n.\r\n");
	is_told("rua 192.0.2.10 rua.example " POLICY " pass|fail|pass|||rua.example|rua.example|rua.example|pass|"
		"rua.example|none|permerror|",
		"a message that passes, with its signature");
	letter(c, "MAIL FROM:<>\r\n", "From: <a@rua.example>\r\n\r\nx\r\n.\r\n");
	is_told("rua 192.0.2.10 rua.example " POLICY " reject|fail|fail|||rua.example||mail.good.example|none|",
		"one that fails, of a null reverse-path");
	letter(c, "MAIL FROM:<a@rua.example>\r\n",
	       "From: <a@rua.example>\r\nSubject: report domain: x Submitter: y\r\n\r\nx\r\n.\r\n");
	is_told("", "nothing of a report that passes");
	letter(c, "MAIL FROM:<a@good.example>\r\n", MESSAGE);
	letter(c, "MAIL FROM:<>\r\n", "From: <a@ruf.example>\r\n\r\nx\r\n.\r\n");
	is_told("",
		"nothing of a domain that asks for none, nor of one that asks for failure reports, which are not made");
	world.hop.phase = DOT;
	world.hop.how = FAIL_4YZ;
	letter(c, "MAIL FROM:<a@rua.example>\r\n", "From: <a@rua.example>\r\n\r\nx\r\n.\r\n");
	is_last(c, "4", "a message that the next hop defers");
	is_told("", "is told when it comes again");
	all_is_given_back("what a message tells");
}

static void failures(void)
{
	begin(true);
	struct caller *c = caller_open("192.0.2.66");

	letter(c, EHLO "MAIL FROM:<x@ruf.example>\r\n", "From: <a@ruf.example>\r\n\r\nx\r\n.\r\n");
	is_told("ruf 192.0.2.66 ruf.example method=treewalk;p=reject;adkim=r;aspf=r;t=n "
		"reject|fail|fail|||ruf.example|ruf.example|ruf.example|fail|",
		"with report.failures a domain that has ruf and no rua gets failure reports, and no other");
	all_is_given_back("a domain with ruf alone");
}

/* Nobody fetches them: a ledger that is full refuses, and mail goes on. */
static void full(void)
{
	unsigned n = 0;

	begin(false);
	struct caller *c = caller_open("192.0.2.10");

	say(c, EHLO);
	for (int i = 0; i < 300; i++)
		letter(c, "MAIL FROM:<a@rua.example>\r\n", "From: <a@rua.example>\r\n\r\nx\r\n.\r\n");
	is_last(c, "250", "the last of 300 messages is taken");
	while (*told())
		n++;
	ok(n > 50 && n + shard_stats(world.shard)->shard_ledger_full == 300 &&
		   atomic_load(&ledger.shared->n_refused) == 300 - n,
	   "%u are in the ledger, the others are counted", n);
	ledger_release(&ledger, ledger_at(&ledger));
	letter(c, "MAIL FROM:<a@rua.example>\r\n", "From: <a@rua.example>\r\n\r\nx\r\n.\r\n");
	ok(*told() != '\0', "and what was read makes room");
	all_is_given_back("a full ledger");
}

static void send_report(int64_t number)
{
	struct shard_send *m = malloc(sizeof(*m));

	CHECK(m);
	*m = (struct shard_send){ .m = { .kind = SHARD_DOWN_SEND },
				  .mail_from = "reports@inside.example",
				  .rcpts = span_of("a@one.example", 14),
				  .octets = span_str("From: <r@inside.example>\r\n\r\nx\r\n"),
				  .report = number };
	CHECK(ring_put(&world.link.down, m));
	pass(5);
}

static void reports_taken(void)
{
	begin(false);
	send_report(7);
	is_told("taken a@one.example", "a report that a next hop took is written down");
	send_report(0);
	ok(world.sent.code == 250, "a message that is no report goes");
	is_told("", "and is not");
	world.hop.phase = RCPT;
	world.hop.how = FAIL_5YZ;
	send_report(8);
	is_told("", "nor is one that was refused");
	all_is_given_back("reports that are taken");
}

int main(void)
{
	messages();
	failures();
	full();
	reports_taken();
	return done();
}
