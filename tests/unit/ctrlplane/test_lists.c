// SPDX-License-Identifier: MIT
/*
 * test_lists.c - allow and deny: lines, the most specific entry, and a slow twin over prefixes at random
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctrlplane/lists_aside.h"
#include "tests/tap.h"

static char heard[4096];

static void hear(void *arg, const char *message)
{
	size_t len = strlen(heard);

	(void)arg;
	snprintf(heard + len, sizeof(heard) - len, "%s\n", message);
}

static struct lists *load(const char *text)
{
	heard[0] = '\0';
	return lists_load_text(&lists_access, span_str(text), "f", 1000000, hear, NULL);
}

static struct ip_addr address(const char *s)
{
	struct ip_addr a = { 0 };

	CHECK(ip_addr_parse(span_str(s), &a));
	return a;
}

static const struct {
	const char *client, *helo, *mail_from;
	unsigned bits;
} cases[] = {
	{ "192.0.2.1", "", "", LISTS_DENY },
	{ "192.0.2.9", "", "", LISTS_ALLOW },
	{ "192.0.2.15", "", "", LISTS_ALLOW },
	{ "192.0.2.16", "", "", LISTS_DENY },
	{ "192.0.3.0", "", "", 0 },
	{ "192.0.1.255", "", "", 0 },
	{ "255.255.255.255", "", "", LISTS_DENY },
	{ "0.0.0.0", "", "", 0 },
	{ "2001:db8::1", "", "", LISTS_DENY },
	{ "2001:db8:1::25", "", "", LISTS_ALLOW },
	{ "2001:db8:1::26", "", "", LISTS_DENY },
	{ "2001:db9::", "", "", 0 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", "", LISTS_ALLOW },
	{ "198.51.100.1", "localhost", "", LISTS_DENY },
	{ "198.51.100.1", "LOCALHOST", "", LISTS_DENY },
	{ "198.51.100.1", "localhost.example", "", 0 },
	{ "198.51.100.1", "x.dsl.example.net", "", LISTS_DENY },
	{ "198.51.100.1", "dsl.example.net", "", LISTS_DENY },
	{ "198.51.100.1", "mail.dsl.example.net", "", LISTS_ALLOW },
	{ "198.51.100.1", "xdsl.example.net", "", 0 },
	{ "198.51.100.1", "", "a@bad.example", LISTS_DENY },
	{ "198.51.100.1", "", "a@x.bad.example", 0 },
	{ "198.51.100.1", "", "a@Good.example", LISTS_ALLOW },
	{ "198.51.100.1", "", "a@b.c.good.example", LISTS_ALLOW },
	{ "198.51.100.1", "bad.example", "", 0 },
	{ "198.51.100.1", "", "", 0 },
	{ "192.0.2.1", "", "a@good.example", LISTS_ALLOW | LISTS_DENY },
};

static void entries(void)
{
	struct lists *l = load("# who may and who may not\n\n"
			       "deny prefix 192.0.2.0/24\nallow prefix 192.0.2.8/29   # within\n"
			       "deny prefix 255.255.255.255\n"
			       "deny prefix 2001:db8::/32\r\nallow prefix 2001:db8:1::25\n"
			       "allow prefix ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128\n"
			       "deny helo localhost\ndeny helo .DSL.example.net\nallow helo mail.dsl.example.net\n"
			       "deny domain bad.example\nallow domain .good.example\n");

	if (!ok(l != NULL, "a file of all kinds: %s", heard))
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr a = address(cases[i].client);

		ok(lists_bits(l, NULL, &a, span_str(cases[i].helo), span_str(cases[i].mail_from)) == cases[i].bits,
		   "%s helo=%s from=<%s>: %u", cases[i].client, cases[i].helo, cases[i].mail_from, cases[i].bits);
	}
	struct lists *more = load("allow prefix 192.0.2.1/32\nallow prefix 192.0.2.0/24\n");
	struct ip_addr a = address("192.0.2.1"), b = address("192.0.2.2");

	ok(lists_bits(l, more, &a, SPAN(""), SPAN("")) == LISTS_ALLOW, "of two sets the more specific entry decides");
	ok(lists_bits(l, more, &b, SPAN(""), SPAN("")) == (LISTS_ALLOW | LISTS_DENY),
	   "the same entry on both lists is on both");
	lists_free(more);
	lists_free(l);
	l = load("");
	ok(l && lists_bits(l, NULL, &a, SPAN("x"), SPAN("a@b")) == 0, "an empty file");
	lists_free(l);
}

static void faults(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "\nallow 192.0.2.1\n", "f:2: that is no kind of entry; give" },
		{ "block prefix 192.0.2.1\n", "f:1: a line is allow or deny, then" },
		{ "deny prefix 192.0.2.1 really\n", "f:1: a line is allow or deny, then" },
		{ "deny prefix 192.0.2.0/33\n", "f:1: that is no address or prefix; give one such" },
		{ "deny prefix example.org\n", "f:1: that is no address or prefix; give one such" },
		{ "deny domain a@example.org\n", "f:1: that is no name; give one such" },
		{ "deny domain ..example.org\n", "f:1: that is no name; give one such" },
		{ "deny domain 192.0.2.300\n", "f:1: that is no name; give one such" },
		{ "deny domain 192.0.2.0/33\n", "f:1: that is no name; give one such" },
		{ "deny moon full\n", "f:1: that is no kind of entry; give" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!load(bad[i].text) && strncmp(heard, bad[i].message, strlen(bad[i].message)) == 0, "refused: %s",
		   heard);
	heard[0] = '\0';
	ok(!lists_load_text(&lists_access, SPAN("deny helo a\ndeny helo b\ndeny helo c\n"), "f", 2, hear, NULL),
	   "too many entries");
	heard[0] = '\0';
	ok(!lists_load(&lists_access, "/nonexistent", 10, hear, NULL) &&
		   strstr(heard, "/nonexistent: cannot be read: No such file"),
	   "a file that is not there: %s", heard);
}

/* The naive twin: all prefixes, the longest that matches; the same one twice is on both lists. */
struct twin {
	struct lists_entry entries[400];
	size_t n;
};

static unsigned twin_value(const struct twin *t, const struct ip_addr *a)
{
	unsigned best = 0, len = 0;
	bool any = false;

	for (size_t i = 0; i < t->n; i++) {
		const struct lists_entry *e = &t->entries[i];

		if (!ip_addr_in_prefix(a, &e->addr, e->len) || (any && e->len < len))
			continue;
		best = any && e->len == len ? best | e->bits : e->bits;
		len = e->len;
		any = true;
	}
	return any ? len << 2 | best : 0;
}

/* Addresses from few places, so that prefixes nest and touch. */
static struct ip_addr somewhere(bool wide)
{
	struct ip_addr a = { .family = wide ? IP_V6 : IP_V4 };

	for (size_t i = 0; i < ip_addr_len(&a); i++)
		a.bytes[i] = rand() % 3 ? (uint8_t)(rand() % 2 ? 0 : 255) : (uint8_t)rand();
	return a;
}

static void agree(bool wide)
{
	static struct twin t;
	unsigned n_wrong = 0;

	for (int round = 0; round < 60; round++) {
		struct lists_builder *b = lists_builder_open();

		t.n = (size_t)rand() % 400;
		for (size_t i = 0; i < t.n; i++) {
			char text[64];
			struct text out;
			struct ip_addr a = somewhere(wide);

			text_init(&out, text, sizeof(text));
			ip_addr_text(&a, &out);
			text_putc(&out, '/');
			text_dec(&out, (uint64_t)rand() % (8 * ip_addr_len(&a) + 1));
			CHECK(!lists_entry_parse(rand() % 2 ? LISTS_ALLOW : LISTS_DENY, SPAN("prefix"), text_span(&out),
						 &t.entries[i]));
			CHECK(lists_builder_add(b, &t.entries[i]));
		}
		struct lists *l = lists_builder_close(b);
		for (int i = 0; i < 2000; i++) {
			struct ip_addr a = i % 4 && t.n ? t.entries[(size_t)rand() % t.n].addr : somewhere(wide);

			if (i % 8 == 1)
				a.bytes[ip_addr_len(&a) - 1] ^= 1;
			n_wrong += lists_prefix(l, &a) != twin_value(&t, &a);
		}
		lists_free(l);
	}
	ok(n_wrong == 0, "IPv%d: 60 sets of up to 400 prefixes agree with a slow twin on 120000 addresses, %u not",
	   wide ? 6 : 4, n_wrong);
}

static void spelling(void)
{
	struct lists_entry e;
	char text[128];
	struct text out;

	text_init(&out, text, sizeof(text));
	ok(!lists_line_parse(SPAN("deny  prefix 192.0.2.77/24"), &e), "an entry in any spelling");
	lists_entry_text(&e, &out);
	is_span(text_span(&out), SPAN("deny prefix 192.0.2.0/24"), "has one spelling");
	text_reset(&out);
	ok(!lists_line_parse(SPAN("allow helo .Example.ORG"), &e), "a name as well");
	lists_entry_text(&e, &out);
	is_span(text_span(&out), SPAN("allow helo .example.org"), "in lower case");
}

/* The table of recipients. */
static void recipients(void)
{
	static const char *const bad[] = { "user",
					   "user@",
					   "@",
					   "user@192.0.2.1",
					   "a b@example.org",
					   "user@exa mple.org",
					   "user@x/y",
					   "allow domain example.org" };
	struct lists *l = lists_load_text(&lists_recipients,
					  SPAN("user@Example.ORG # one\n\n@lists.example.org\n\"a@b\"@example.org\n"),
					  "f", 3, hear, NULL);

	ok(l && l->n_names == 3, "a table: %s", heard);
	ok(lists_has(l, LISTS_RECIPIENT, SPAN("USER@example.org")) &&
		   lists_has(l, LISTS_RECIPIENT, SPAN("@LISTS.example.org")),
	   "is looked up in either case");
	ok(!lists_has(l, LISTS_RECIPIENT, SPAN("user@lists.example.org")) &&
		   !lists_has(l, LISTS_RECIPIENT, SPAN("example.org")) &&
		   !lists_has(l, LISTS_DOMAIN, SPAN("@lists.example.org")),
	   "by whole names of its kind");
	lists_free(l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!lists_load_text(&lists_recipients, span_str(bad[i]), "f", 3, hear, NULL) &&
			   strstr(heard, "f:1: that is no recipient; "),
		   "no recipient: %s", bad[i]);
	ok(!lists_load_text(&lists_recipients, SPAN("a@b.example\nb@b.example\n"), "f", 1, hear, NULL) &&
		   strstr(heard, "recipients.entries_max"),
	   "too many");
	l = lists_load_text(&lists_recipients, SPAN(""), "f", 3, hear, NULL);
	ok(l && !lists_has(l, LISTS_RECIPIENT, SPAN("a@b.example")), "an empty table has nobody");
	lists_free(l);
}

static void aside(void)
{
	char path[] = "/tmp/sekisho-lists-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	CHECK(f);
	for (unsigned i = 0; i < 20000; i++)
		fprintf(f, "deny prefix 10.%u.%u.0/24\n", i / 256, i % 256);
	fflush(f);
	struct lists_aside *a = lists_aside_begin(&lists_access, path, 100000);
	CHECK(a);
	while (!lists_aside_done(a))
		sched_yield();
	struct lists *l = lists_aside_end(a, hear, NULL);
	ok(l && l->n_prefixes == 20000, "a file is read by a thread of its own");
	lists_free(l);
	fputs("deny prefix nonsense\n", f);
	fclose(f);
	heard[0] = '\0';
	a = lists_aside_begin(&lists_access, path, 100000);
	CHECK(a);
	ok(!lists_aside_end(a, hear, NULL) && strstr(heard, ":20001: that is no address or prefix"),
	   "its faults are heard all the same: %s", heard);
	unlink(path);
}

int main(void)
{
	srand(7);
	entries();
	faults();
	spelling();
	recipients();
	agree(false);
	agree(true);
	aside();
	return done();
}
