// SPDX-License-Identifier: MIT
/*
 * test_record.c - a record as JSON, whatever its octets; the ring of the last ones; what trace lets pass
 */
#include <stdlib.h>

#include "ctrlplane/record.h"
#include "tests/tap.h"

#define N_KEYS 25
#define PUT(field, text) memcpy((field), (text), sizeof(text))

static struct shard_record a_record(void)
{
	static const uint8_t client[4] = { 192, 0, 2, 7 };
	static const char fields[] = "Received-SPF: pass\r\nAuthentication-Results: mx.example;\r\n\tspf=pass "
				     "smtp.mailfrom=a@example.org;\r\n dkim=none\r\nX: y\r\n";
	struct shard_record r = { .time_unix_us = 1795500637123456,
				  .client = ip_addr_of4(client),
				  .client_port = 4567 };

	PUT(r.id, "id1");
	PUT(r.session, "s1");
	PUT(r.helo, "client.example");
	PUT(r.mail_from, "a@mail.example.org");
	PUT(r.rcpts, "b@example.net\0c@example.net");
	r.rcpts_len = sizeof("b@example.net\0c@example.net");
	r.n_rcpts = 5;
	r.size = 1234;
	PUT(r.spf, "pass");
	PUT(r.iprev, "fail");
	PUT(r.dkim, "none");
	PUT(r.arc, "none");
	PUT(r.dmarc, "pass");
	PUT(r.action, "accept");
	PUT(r.rule, "default");
	PUT(r.reply, "250 2.0.0 ok");
	PUT(r.nexthop, "192.0.2.26:25");
	PUT(r.nexthop_reply, "250 2.0.0 queued");
	r.dns_us = 1250;
	r.crypto_us = 90;
	r.total_us = 15000;
	PUT(r.from_domain, "example.org");
	PUT(r.fields, fields);
	r.fields_len = sizeof(fields) - 1;
	return r;
}

/* Of the record in one static array. */
static struct span line_of(const struct shard_record *r)
{
	static char room[RECORD_LINE_MAX];
	struct text line;

	text_init(&line, room, sizeof(room));
	record_line(r, &line);
	CHECK(!line.full);
	return text_span(&line);
}

/* What the clear version makes of it; malloc()ed. */
static char *clear_line_of(const struct shard_record *r)
{
	json_t *o = record_json(r);
	char *line = record_dump(o);

	json_decref(o);
	return line;
}

static void test_line(void)
{
	struct shard_record r = a_record();

	is_span(line_of(&r),
		SPAN("{\"time\":\"2026-11-24T06:10:37.123Z\",\"id\":\"id1\",\"session\":\"s1\",\"client_ip\":\"192.0.2."
		     "7\","
		     "\"client_port\":4567,\"helo\":\"client.example\",\"tls\":\"\",\"mail_from\":\"a@mail.example."
		     "org\","
		     "\"rcpt\":[\"b@example.net\",\"c@example.net\"],\"size\":1234,\"spf\":\"pass\",\"dkim\":\"none\","
		     "\"arc\":\"none\",\"dmarc\":\"pass\",\"action\":\"accept\",\"rule\":\"default\","
		     "\"reply\":\"250 2.0.0 ok\",\"nexthop\":\"192.0.2.26:25\",\"nexthop_reply\":\"250 2.0.0 queued\","
		     "\"dns_ms\":1.25,\"crypto_us\":90,\"total_ms\":15.0,\"iprev\":\"fail\",\"from_domain\":\"example."
		     "org\","
		     "\"authentication_results\":\"mx.example; spf=pass smtp.mailfrom=a@example.org; dkim=none\"}"),
		"one line, the keys that operators rely on, in their order");
	json_t *o = record_json_whole(&r);
	ok(json_integer_value(json_object_get(o, "rcpt_total")) == 5, "explain tells how many recipients there were");
	json_decref(o);
}

#define BYTES(literal)                                                                                                 \
	{                                                                                                              \
		(const uint8_t *)("" literal), sizeof(literal) - 1                                                     \
	}

static const struct {
	const char *sentence;
	struct span in, out;
} octets[] = {
	{ "ASCII stays", BYTES("a b"), BYTES("a b") },
	{ "UTF-8 of two, three and four octets stays", BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
	  BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") },
	{ "ISO 8859-1 becomes UTF-8", BYTES("caf\xe9"), BYTES("caf\xc3\xa9") },
	{ "a sequence that is cut short", BYTES("\xe2\x82"), BYTES("\xc3\xa2\xc2\x82") },
	{ "an overlong slash", BYTES("\xc0\xaf"), BYTES("\xc3\x80\xc2\xaf") },
	{ "an overlong sequence of three", BYTES("\xe0\x80\xaf"), BYTES("\xc3\xa0\xc2\x80\xc2\xaf") },
	{ "a surrogate", BYTES("\xed\xa0\x80"), BYTES("\xc3\xad\xc2\xa0\xc2\x80") },
	{ "beyond U+10FFFF", BYTES("\xf4\x90\x80\x80"), BYTES("\xc3\xb4\xc2\x90\xc2\x80\xc2\x80") },
	{ "a lone continuation", BYTES("\x80x"), BYTES("\xc2\x80x") },
	{ "NUL", BYTES("a\0b"), BYTES("a\0b") },
};

static void test_octets(void)
{
	struct shard_record r = a_record();
	unsigned n_valid = 0, n_same = 0;

	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
		json_t *s = record_string(octets[i].in);

		is_span(span_of(json_string_value(s), json_string_length(s)), octets[i].out, "%s", octets[i].sentence);
		json_decref(s);
	}
	/* Every pair of octets in every string: the line must be ASCII, one line, and read back as JSON. */
	for (unsigned pair = 0; pair < 0x10000; pair += 7) {
		char two[3] = { (char)(pair >> 8), (char)pair, '\0' };
		memcpy(r.helo, two, 3);
		memcpy(r.mail_from, two, 3);
		memcpy(r.rcpts, two, 3);
		memcpy(r.nexthop_reply, two, 3);
		memcpy(r.from_domain, two, 3);
		memcpy(r.fields, two, 3);
		struct span line = line_of(&r);
		char *clear = clear_line_of(&r);
		json_t *back = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
		bool valid = back && json_object_size(back) == N_KEYS;
		for (size_t i = 0; valid && i < line.len; i++)
			valid = line.at[i] >= ' ' && line.at[i] < 0x7f;
		n_valid += valid;
		n_same += span_eq(line, span_str(clear));
		json_decref(back);
		free(clear);
	}
	ok(n_valid == 0x10000 / 7 + 1, "whatever octets peers send, the line is printable ASCII and valid JSON");
	ok(n_same == n_valid, "the line is what the clear version makes");

	memset(r.helo, 'h', sizeof(r.helo));
	memset(r.nexthop_reply, 'n', sizeof(r.nexthop_reply));
	memset(r.rcpts, 'r', sizeof(r.rcpts));
	r.rcpts_len = UINT16_MAX;
	r.fields_len = UINT16_MAX;
	char *clear = clear_line_of(&r);
	is_span(line_of(&r), span_str(clear), "fields that fill their arrays end there");
	free(clear);
	memset(&r, 0xff, sizeof(r));
	r.client = ip_addr_of4((const uint8_t[4]){ 192, 0, 2, 7 });
	ok(line_of(&r).len > 0, "the longest line has room");
}

/* Characters of every length and any octets, and numbers of every number of digits. */
static void test_line_twin(void)
{
	static const char *const pieces[] = {
		"plain text of some length", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\"", "\\", "/", "\x7f",
		"\b\t\n\v\f\r\x1b",          "\x85",     "\xc2\x85"
	};
	const size_t n_pieces = sizeof(pieces) / sizeof(pieces[0]);
	struct shard_record r = a_record();
	unsigned n_same = 0;
	uint64_t seed = 1;

	for (unsigned i = 0; i < 2000; i++) {
		struct text t;

		text_init(&t, r.reply, sizeof(r.reply));
		for (unsigned j = 0; j < 20; j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text_puts(&t, pieces[(seed >> 33) % n_pieces]);
			text_put(&t, span_of(&seed, seed >> 62));
		}
		r.dns_us = i;
		r.total_us = seed >> (28 + i % 36);
		r.size = seed >> (1 + i % 63);
		char *clear = clear_line_of(&r);
		n_same += span_eq(line_of(&r), span_str(clear));
		free(clear);
	}
	ok(n_same == 2000, "any text and any number give the line that the clear version makes");
}

static void test_ring(void)
{
	struct record_ring ring;
	struct shard_record r = a_record();

	ok(record_ring_open(&ring, 3, 4096) && !record_ring_at(&ring, 0), "a ring is empty at first");
	for (char i = '1'; i <= '5'; i++) {
		r.id[2] = i;
		r.session[1] = i < '4' ? '1' : '2';
		record_ring_add(&ring, &r);
	}
	ok(ring.n == 3 && ring.n_added == 5, "it keeps as many as it has room for");
	ok(strcmp(record_ring_at(&ring, 0)->id, "id5") == 0 && strcmp(record_ring_at(&ring, 2)->id, "id3") == 0 &&
		   !record_ring_at(&ring, 3),
	   "the newest first, and none past the oldest");
	ok(strcmp(record_ring_find(&ring, SPAN("id4"))->id, "id4") == 0, "found by the id of the message");
	ok(strcmp(record_ring_find(&ring, SPAN("s2"))->id, "id5") == 0, "found by the id of the session: its newest");
	ok(!record_ring_find(&ring, SPAN("id1")), "what made room is gone");
	ok(!record_ring_find(&ring, SPAN("")) && !record_ring_find(&ring, SPAN("id")), "no part of an id matches");
	record_ring_close(&ring);
}

/* What explain tells of the record @age back: the octets of its account, -1 when there is none. */
static int steps_of(const struct record_ring *ring, size_t age)
{
	const struct shard_record *r = record_ring_at(ring, age);

	return r->steps ? (int)r->steps_len : -1;
}

static void test_steps(void)
{
	static char account[200];
	struct record_ring ring;
	struct shard_record r = a_record();

	memset(account, 'a', sizeof(account));
	ok(record_ring_open(&ring, 3, 100), "a ring for accounts of 100 octets in all");
	r.steps = account;
	r.steps_len = 40;
	record_ring_add(&ring, &r);
	record_ring_add(&ring, &r);
	ok(steps_of(&ring, 0) == 40 && steps_of(&ring, 1) == 40 && ring.steps_octets == 80, "two of them fit");
	account[0] = 'b';
	ok(record_ring_at(&ring, 0)->steps[0] == 'a', "they are copies");
	record_ring_add(&ring, &r);
	ok(steps_of(&ring, 0) == 40 && steps_of(&ring, 1) == 40 && steps_of(&ring, 2) == -1,
	   "the oldest makes room for a third, its record stays");
	r.steps_len = 101;
	record_ring_add(&ring, &r);
	ok(steps_of(&ring, 0) == -1 && steps_of(&ring, 1) == 40 && steps_of(&ring, 2) == 40,
	   "one that never fits is left out, and takes no room");
	r.steps_len = 100;
	record_ring_add(&ring, &r);
	ok(steps_of(&ring, 0) == 100 && steps_of(&ring, 1) == -1 && steps_of(&ring, 2) == -1 &&
		   ring.steps_octets == 100,
	   "one that fits alone takes all");
	r.steps = NULL;
	r.steps_len = 0;
	for (int i = 0; i < 7; i++)
		record_ring_add(&ring, &r);
	ok(ring.steps_octets == 0 && steps_of(&ring, 2) == -1, "records without an account push it out, too");
	json_t *o = record_json_whole(record_ring_at(&ring, 0));
	ok(json_is_null(json_object_get(o, "steps")), "then explain says null");
	json_decref(o);
	r.steps = "one\n\xff\x1b two\n";
	r.steps_len = 11;
	o = record_json_whole(&r);
	json_t *list = json_object_get(o, "steps");
	ok(json_array_size(list) == 2 && strcmp(json_string_value(json_array_get(list, 1)), "\xc3\xbf\x1b two") == 0,
	   "an account is a list of lines, any octets");
	json_decref(o);
	record_ring_add(&ring, &r);
	record_ring_close(&ring);
}

static void test_filter(void)
{
	static const struct {
		const char *sentence, *ip, *domain;
		uint8_t prefix_len;
		bool matches;
	} cases[] = {
		{ "no filter", NULL, "", 0, true },
		{ "the client's prefix", "192.0.2.0", "", 24, true },
		{ "the client itself", "192.0.2.7", "", 32, true },
		{ "another prefix", "192.0.3.0", "", 24, false },
		{ "the other family", "::", "", 0, false },
		{ "the domain of From", NULL, "example.org", 0, true },
		{ "in any case", NULL, "EXAMPLE.org", 0, true },
		{ "the domain of MAIL FROM", NULL, "mail.example.org", 0, true },
		{ "a domain above", NULL, "org", 0, true },
		{ "a name that only ends alike", NULL, "ample.org", 0, false },
		{ "both must match", "192.0.2.7", "example.net", 32, false },
	};
	struct shard_record r = a_record();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record_filter f = { .prefix_len = cases[i].prefix_len };

		memcpy(f.domain, cases[i].domain, strlen(cases[i].domain));
		if (cases[i].ip && !ip_addr_parse(span_str(cases[i].ip), &f.prefix))
			ok(false, "a bad case");
		ok(record_matches(&f, &r) == cases[i].matches, "trace: %s", cases[i].sentence);
	}
}

int main(void)
{
	test_line();
	test_octets();
	test_line_twin();
	test_ring();
	test_steps();
	test_filter();
	return done();
}
