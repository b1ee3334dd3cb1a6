// SPDX-License-Identifier: MIT
/*
 * test_shard.c - a message on its way through a shard, and what is said and recorded of it
 */
#include "dataplane/auth/explain.h"
#include "tests/unit/shard/shard_world.h"

static void begin(void)
{
	world_settings();
	world_open();
}

static const char *stored_body(size_t i)
{
	const char *end = strstr(world.stored[i], "\r\n\r\n");

	return end ? end + 4 : "";
}

static void goes_through(void)
{
	begin();
	struct caller *c = caller_open("192.0.2.10");

	is_last(c, "220 mx.example ESMTP", "the greeting comes first");
	say(c, "EHLO mail.good.example\r\n" ENVELOPE);
	is_last(c, "354 ", "the envelope is taken");
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored as 1", "the 250 is the next hop's own reply");
	ok(world.n_stored == 1, "which has the message");
	ok(strncmp(world.stored[0], "Authentication-Results:", 23) == 0, "Authentication-Results stands on top");
	ok(strstr(world.stored[0], "spf=pass") && strstr(world.stored[0], "dmarc=pass"), "and has the results");
	ok(strstr(world.stored[0], "\r\nReceived:"), "Received follows");
	is_span(span_str(stored_body(0)), SPAN("A line.\r\n.dots\r\n"), "the body is passed octet for octet");
	ok(strstr(world.stored[0], "\r\n" HEADER "\r\n"), "and so is the header");
	say(c, ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "250 2.0.0 Stored as 2", "a second message on the same connection goes through");
	ok(world.n_sinks == 1, "on the same connection to the next hop");
	say(c, "QUIT\r\n");
	is_last(c, "221", "QUIT is answered");
	ok(c->peer_closed, "and the connection closed");
	ok(world.n_records == 2, "each message has its record");
	all_is_given_back("two messages");
}

static void record(void)
{
	begin();
	sends(MESSAGE);
	const struct shard_record *r = &world.records[0];

	ok(world.n_records == 1 && r->time_unix_us / SECOND == (UNIX_US + world.now_us) / SECOND, "record: its time");
	is_span(span_str(r->helo), SPAN("mail.good.example"), "record: HELO");
	is_span(span_str(r->mail_from), SPAN("a@good.example"), "record: MAIL FROM");
	ok(r->n_rcpts == 1 && r->rcpts_len == 20, "record: one recipient");
	is_span(span_str(r->rcpts), SPAN("user@inside.example"), "record: its address");
	ok(r->size == strlen(MESSAGE) - 4, "record: the size without the dots of the wire, %ju", (uintmax_t)r->size);
	is_span(span_str(r->spf), SPAN("pass"), "record: SPF");
	is_span(span_str(r->iprev), SPAN("permerror"), "record: the client has no name");
	is_span(span_str(r->dkim), SPAN("none"), "record: DKIM");
	is_span(span_str(r->arc), SPAN("none"), "record: ARC");
	is_span(span_str(r->dmarc), SPAN("pass"), "record: DMARC");
	is_span(span_str(r->from_domain), SPAN("good.example"), "record: the author's domain");
	is_span(span_str(r->action), SPAN("accept"), "record: the action");
	is_span(span_str(r->nexthop), SPAN("192.0.2.1:25"), "record: the next hop");
	is_span(span_str(r->reply), span_str(r->nexthop_reply), "record: our reply is the next hop's");
	ok(strncmp(r->reply, "250 2.0.0 Stored", 16) == 0, "record: which is the 250");
	struct ip_addr from = address("192.0.2.10");
	ok(ip_addr_eq(&r->client, &from) && r->client_port, "record: the client");
	ok(strlen(r->id) == TXN_ID_LEN && strlen(r->session) == TXN_ID_LEN && strcmp(r->id, r->session) != 0,
	   "record: names of the message and of the session");
	ok(strstr(world.stored[0], r->id), "the message's name stands in Received");
	ok(strncmp(r->fields, "Authentication-Results:", 23) == 0 && r->fields_len, "record: the fields on top");
	ok(!r->duplicate_possible, "record: no duplicate");
	all_is_given_back("a record");
}

/* Whether @first and then @second stand in the account. */
static bool told(const char *first, const char *second)
{
	const char *at = strstr(world.steps, first);

	return at && strstr(at, second);
}

static void account(void)
{
	begin();
	sends(MESSAGE);
	ok(told("dns: good.example TXT -> ", "spf: good.example: pass"),
	   "account: SPF's question, then what it decided");
	ok(told("dns: _dmarc.good.example TXT -> ", "dmarc: "), "account: DMARC's");
	ok(told("dns: 10.2.0.192.in-addr.arpa PTR -> NXDOMAIN", "iprev: permerror"),
	   "account: that of the client's name");
	ok(told("dmarc: ", "policy: accept"), "account: policy comes last");
	ok(world.steps_len && world.steps[world.steps_len - 1] == '\n' && !strstr(world.steps, EXPLAIN_MARK),
	   "account: whole lines, nothing cut");
	sends(MESSAGE);
	ok(told("dns: good.example TXT -> ", "spf: good.example: pass"),
	   "account: an answer out of the worker's cache is told alike");
	all_is_given_back("an account");

	for (unsigned octets = 1; octets < 600; octets += octets < 200 ? 1 : 37) {
		world_settings();
		world.settings.explain_octets = octets;
		world_open();
		sends(MESSAGE);
		bool cut = strstr(world.steps, EXPLAIN_MARK);
		bool last = strstr(world.steps, "policy: accept by ") && world.steps[world.steps_len - 1] == '\n';
		if (!(world.steps_len < octets && (octets < 200 || (cut && last))))
			ok(false, "account of %u octets: '%s'", octets, world.steps);
		all_is_given_back("a short account");
	}
	ok(true, "account: however short, it stays within its octets, with a mark and the policy");

	world_settings();
	world.settings.explain_octets = 0;
	world_open();
	sends(MESSAGE);
	ok(!world.records[0].steps && world.steps_len == 0, "account: none is made when it is switched off");
	all_is_given_back("no account");
}

static void waits_for_next_hop(void)
{
	world_settings();
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	world_open();
	struct caller *c = sends(MESSAGE);

	pass(100 * SECOND);
	is_last(c, "354", "as long as the next hop is silent after the final dot, so are we");
	ok(shard_stats(world.shard)->shard_accepted == 0, "and nothing counts as accepted");
	sink_reply(world.sinks[0], "250 2.0.0 At last\r\n");
	sink_flush(world.sinks[0]);
	pass(1000);
	is_last(c, "250 2.0.0 At last", "then its reply is passed on");
	all_is_given_back("a slow next hop");
}

static void verdicts(void)
{
	begin();
	struct caller *c = caller_open("192.0.2.66");

	say(c, "EHLO mail.good.example\r\n" ENVELOPE);
	say(c, MESSAGE);
	is_last(c, "550 5.7.1", "a forged author under p=reject is refused");
	ok(world.n_sinks == 0 && world.n_stored == 0, "before the next hop hears of it");
	is_span(span_str(world.records[0].action), SPAN("reject"), "and recorded so");
	is_span(span_str(world.records[0].dmarc), SPAN("fail"), "with the reason");
	say(c, "MAIL FROM:<a@mild.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(c, "From: <a@mild.example>\r\n\r\nx\r\n.\r\n");
	is_last(c, "250 2.0.0 Stored", "under p=quarantine it is passed on");
	ok(world.n_stored == 1 && strstr(world.stored[0], "\r\nX-Spam-Flag: YES\r\n"), "and marked");
	say(c, ENVELOPE);
	say(c, "this is no header\r\nFrom: <a@good.example>\r\n\r\nx\r\n.\r\n");
	is_last(c, "550 5.6.0", "a line that is no field in the header is refused");
	all_is_given_back("verdicts");
}

static bool ours_is_outbound;

static void send_ours(const char *rcpts, size_t n_rcpts, const char *octets)
{
	struct shard_send *m = malloc(sizeof(*m));

	CHECK(m);
	*m = (struct shard_send){ .m = { .kind = SHARD_DOWN_SEND },
				  .mail_from = "reports@inside.example",
				  .rcpts = span_of(rcpts, n_rcpts),
				  .octets = span_str(octets),
				  .outbound = ours_is_outbound };
	CHECK(ring_put(&world.link.down, m));
	pass(5);
}

/* 192.0.2.1 is the mail server, .2 the smarthost. */
static void by_smarthost(void)
{
	static const char whole[] = "From: <r@inside.example>\r\n\r\nx\r\n";
	struct settings_next_hop *hops = world.settings.next_hops;

	world_settings();
	world.settings.n_next_hops = 2;
	hops[1] = hops[0];
	hops[1].addr = address("192.0.2.2");
	hops[1].priority = 0;
	hops[1].smarthost = true;
	world_open();
	ours_is_outbound = true;
	send_ours("a@one.example", 14, whole);
	ok(world.sent.code == 250 && world.n_stored == 1 && world.stored_at[0] == 2, "a report goes by the smarthost");
	ours_is_outbound = false;
	send_ours("user@inside.example", 20, whole);
	ok(world.n_stored == 2 && world.stored_at[1] == 1, "a released message does not");
	struct caller *c = greeted();
	say(c, ENVELOPE);
	say(c, MESSAGE);
	ok(world.n_stored == 3 && world.stored_at[2] == 1, "nor does a client's, though its priority is the best");
	all_is_given_back("a smarthost");
}

static void messages_of_ours(void)
{
	static const char whole[] = "Authentication-Results: mx.example; dmarc=pass\r\nX-Spam-Flag: YES\r\n"
				    "From: <r@inside.example>\r\n\r\nx\r\n";

	begin();
	send_ours("a@one.example\0b@two.example", 28, whole);
	ok(world.sent.code == 250 && world.n_stored == 1,
	   "a message of our own reaches the next hop, and its reply comes home");
	is_span(span_str(world.stored[0]), span_str(whole), "as it is, with fields that would be forged from outside");
	is_span(span_str(world.hop.rcpt), SPAN("RCPT TO:<b@two.example>"), "for every recipient");
	ok(world.n_records == 0, "without a record");
	world.hop.phase = RCPT;
	world.hop.how = FAIL_5YZ;
	send_ours("a@one.example", 14, whole);
	ok(world.sent.code == 550, "a refusal comes home too");
	all_is_given_back("messages of our own");
}

static struct caller *quarantined(void)
{
	struct caller *c = caller_open("192.0.2.66");

	say(c, "EHLO mail.good.example\r\nMAIL FROM:<a@mild.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(c, "From: <a@mild.example>\r\nX-Spam-Flag: forged\r\nSubject: a spoof\r\n\r\nbody\r\n.\r\n");
	return c;
}

static void quarantine_store(void)
{
	world_settings();
	strcpy(world.settings.quarantine_folder, "/somewhere");
	world_open();
	world.keep_code = 250;
	struct caller *c = quarantined();

	is_last(c, "250 2.0.0 Ok", "a quarantined message that is stored gets 250");
	ok(world.n_stored == 0 &&
		   strstr(world.kept.at, "\r\nFrom: <a@mild.example>\r\nSubject: a spoof\r\n\r\nbody\r\n"),
	   "the next hop does not get it, the store the whole of it");
	ok(strstr(world.kept.at, "dmarc=fail") && !strstr(world.kept.at, "X-Spam-Flag"),
	   "with our results, without any tag");
	is_span(span_str(world.records[0].action), SPAN("quarantine"), "it is recorded");
	world.keep_code = 452;
	c = quarantined();
	is_last(c, "452 4.3.1", "a store that is full: 452");
	world.keep_code = 250;
	world.lend = true;
	c = quarantined();
	ok(world.lent != NULL && !strstr(c->got.at, "250 2.0.0 Ok"), "no reply before it is stored");
	pass(30 * SECOND);
	keep_now();
	pass(SECOND);
	is_last(c, "250 2.0.0 Ok", "then it comes");
	c = quarantined();
	reset(c);
	pass(SECOND);
	keep_now();
	pass(SECOND);
	ok(world.n_records == 4 && world.records[3].duplicate_possible,
	   "a client that went away meanwhile may send it again");
	world.lend = false;
	all_is_given_back("the quarantine store");
}

static void ids(void)
{
	char first[24];

	begin();
	sends("From: <a@good.example>\r\n\r\nx\r\n.\r\n");
	memcpy(first, world.records[0].id, sizeof(first));
	all_is_given_back("ids");
	begin();
	world.shard->id_counter = 0;
	struct shard_env env = world.shard->env;
	env.seed[0] ^= 1;
	free(world.shard_memory);
	world.shard =
		shard_init(zeroed(shard_memory(&env), &world.shard_memory), &env, world.now_us, UNIX_US + world.now_us);
	sends("From: <a@good.example>\r\n\r\nx\r\n.\r\n");
	ok(strncmp(first, world.records[0].id, 10) == 0 && strcmp(first, world.records[0].id) != 0,
	   "a start in the same second does not give the same ids");
	all_is_given_back("ids again");
}

static void forged_results(void)
{
	begin();
	struct caller *c = sends("Authentication-Results: mx.example; spf=pass (forged 1)\r\n"
				 "Received: from x by y\r\n"
				 "x-spam-flag : YES (forged tag)\r\nX-Spam-Flag: NO\r\n\t(forged tag)\r\n"
				 "AUTHENTICATION-RESULTS: \"MX.example\" 1;\r\n\tdmarc=pass (forged 2)\r\n"
				 "authentication-results: other.example; dmarc=pass (not ours)\r\n" HEADER
				 "Authentication-Results: (hi) mx.example; none (forged 3)\r\n"
				 "\r\n..\r\n...\r\n..a\r\n\r\n.\r\n");

	is_last(c, "250", "a message with forged results is taken");
	ok(!strstr(world.stored[0], "forged"), "every field with our authserv-id is removed, and every tag of ours");
	ok(strstr(world.stored[0],
		  "\r\nauthentication-results: other.example; dmarc=pass (not ours)\r\n" HEADER "\r\n"),
	   "all else stays as it is");
	is_span(span_str(stored_body(0)), SPAN(".\r\n..\r\n.a\r\n\r\n"), "dots at the beginning of lines too");
	c = sends("Authentication-Results: mx.example; none (forged)\r\n.\r\n");
	is_last(c, "550", "a message of a forged field alone has no author");

	static char header[20000];
	struct text t;

	text_init(&t, header, sizeof(header));
	for (int i = 0; i < 20; i++)
		text_puts(&t, "Authentication-Results: mx.example; dmarc=pass (forged)\r\n");
	text_puts(&t, "Authentication-Results: mx.example (forged)");
	for (int i = 0; i < 200; i++)
		text_puts(&t, ";\r\n\tdkim=pass header.d=good.example");
	text_puts(&t, "\r\nReceived-SPF: pass client-ip=192.0.2.99\r\n" HEADER "\r\nx\r\n.\r\n");
	text_putc(&t, '\0');
	c = sends(header);
	is_last(c, "250", "a message with twenty forged fields and one of 7 kB is taken");
	ok(!strstr(world.stored[1], "forged"), "fields in a row and a long one are all removed");
	ok(!strstr(world.records[world.n_records - 1].spf, "192.0.2.99"), "a Received-SPF from outside says nothing");
	all_is_given_back("forged results");
}

static void long_body(void)
{
	begin();
	struct caller *c = greeted();
	struct octets m = { 0 }, expected = { 0 };
	uint32_t x = 1;

	octets_add(&m, SPAN(HEADER "\r\n"));
	for (int i = 0; i < 12000; i++) {
		char line[128];
		int n = 0;

		x = x * 1664525 + 1013904223;
		for (uint32_t k = x >> 26; k; k--)
			line[n++] = (char)((x >> (k & 15)) & 3 ? 0x80 | (k + (x & 63)) : '.');
		memcpy(line + n, "\r\n", 2);
		if (line[0] == '.')
			octets_add(&m, SPAN("."));
		octets_add(&m, span_of(line, (size_t)n + 2));
		octets_add(&expected, span_of(line, (size_t)n + 2));
	}
	octets_add(&m, SPAN(".\r\n"));
	say(c, ENVELOPE);
	mutter(c, span_of(m.at, m.len));
	pass(10 * SECOND);
	is_last(c, "250", "a body of %zu octets is taken", expected.len);
	const char *body = stored_body(0);
	is_span(span_of(body, world.stored_len[0] - (size_t)(body - world.stored[0])),
		span_of(expected.at, expected.len), "and passed octet for octet");
	free(m.at);
	free(expected.at);
	all_is_given_back("a long body");
}

#define SIGNATURE                                                                                                      \
	"DKIM-Signature: v=1; a=rsa-sha256; d=good.example; s=s; h=from;\r\n"                                          \
	"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"

/* One segment for each chunk, all of them on the wire before the first reply. */
static void burst(void)
{
	begin();
	struct caller *c = caller_open("192.0.2.66");
	struct frame *first = NULL, **end = &first;

	say(c, "EHLO mail.good.example\r\n" ENVELOPE);
	say(c, SIGNATURE MESSAGE); /* its answers are cached now */
	uintptr_t deepest = world.deepest;
	ok(deepest, "the depth of the stack is known");
	say(c, ENVELOPE);
	for (int i = 0; i < 8; i++) {
		mutter(c, SPAN(SIGNATURE MESSAGE ENVELOPE));
		*end = frames_of_peer();
		while (*end)
			end = &(*end)->next;
	}
	c->got.len = 0;
	frames_to_shard(first);
	pass(1000);
	int n = 0;
	for (const char *at = c->got.at; (at = strstr(at, "550 5.7.1")); at++)
		n++;
	ok(n == 8, "eight messages in one burst of segments get eight replies, %d", n);
	is_last(c, "354", "and the ninth may come");
	ok(deepest - world.deepest < 4096, "the last is no deeper in the stack than the first");
	reset(c);
	c = caller_open("192.0.2.10");
	world.dns_withheld = true;
	say(c, "EHLO other.example\r\n");
	mutter(c, SPAN("MAIL FROM:<a@other.example>\r\n"));
	for (int i = 0; i < 2000; i++)
		mutter(c, SPAN("NOOP\r\n"));
	pass(SECOND);
	is_last(c, "421 4.7.0", "a flood of NOOP ends in 421");
	all_is_given_back("bursts");
}

static void drain(void)
{
	world_settings();
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	world_open();
	struct caller *idle = greeted(), *data = greeted(), *relayed = sends(MESSAGE);

	say(data, ENVELOPE);
	tell_shard(SHARD_DOWN_DRAIN);
	pass(1000);
	is_last(idle, "421 4.3.2", "drain: an idle session is closed");
	ok(idle->peer_closed && !data->peer_closed && !relayed->peer_closed, "drain: the others are not");
	ok(!world.drained, "drain: nor is it over");
	struct caller *late = caller_open("192.0.2.10");
	ok(late->failed, "drain: a new connection is refused");
	world.hop.phase = NOWHERE;
	sink_reply(world.sinks[0], "250 2.0.0 At last\r\n");
	sink_flush(world.sinks[0]);
	pass(1000);
	ok(strstr(relayed->got.at, "\r\n250 2.0.0 At last\r\n421 4.3.2"),
	   "drain: a relayed message gets its reply first");
	world.sinks[0]->silent = false;
	say(data, MESSAGE);
	ok(strstr(data->got.at, "\r\n250 2.0.0 Stored as 1\r\n421 4.3.2"),
	   "drain: so does one whose octets still come");
	pass(100 * SECOND);
	ok(world.drained, "drain: then it is over");
	tell_shard(SHARD_DOWN_RESUME);
	pass(1000);
	is_last(sends(MESSAGE), "250", "resume: mail goes through again");
	all_is_given_back("drain");
}

int main(void)
{
	goes_through();
	record();
	account();
	waits_for_next_hop();
	verdicts();
	messages_of_ours();
	by_smarthost();
	quarantine_store();
	ids();
	forged_results();
	long_body();
	burst();
	drain();
	return done();
}
