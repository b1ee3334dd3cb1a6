// SPDX-License-Identifier: MIT
/*
 * test_greylist.c - who has to come again, who is known, and what happens when there is no room
 */
#include <stdlib.h>

#include "ctrlplane/policy/greylist.h"
#include "ctrlplane/settings_load.h"
#include "tests/tap.h"

enum { DAY = 86400 };

static struct settings settings;
static struct greylist *g;
static uint32_t now_s;

static void begin(uint64_t entries_max)
{
	static const struct siphash_key key = { 7, 9 };
	size_t size = (greylist_memory(entries_max) + 63) & ~(size_t)63;

	free(g);
	g = aligned_alloc(64, size);
	CHECK(g);
	memset(g, 0, size);
	greylist_init(g, entries_max, &key);
	settings_default(&settings);
	now_s = 1790000000;
}

static enum greylist_answer asked(const char *client, const char *mail_from, const char *rcpt)
{
	struct greylist_triplet t = { .mail_from = span_str(mail_from), .rcpt = span_str(rcpt) };
	uint32_t wait_s;

	CHECK(ip_addr_parse(span_str(client), &t.client));
	return greylist_ask(g, &settings, &t, now_s, &wait_s);
}

static enum greylist_answer by_domain(const char *client, const char *domain)
{
	struct greylist_triplet t = { .domain = span_str(domain),
				      .mail_from = SPAN("a@a.example"),
				      .rcpt = SPAN("u@in.example") };
	uint32_t wait_s;

	CHECK(ip_addr_parse(span_str(client), &t.client));
	return greylist_ask(g, &settings, &t, now_s, &wait_s);
}

static struct greylist_counts counted(void)
{
	struct greylist_counts c;

	greylist_counts(g, &settings, now_s, &c);
	return c;
}

static void one_triplet(void)
{
	struct greylist_triplet t = { .mail_from = SPAN("a@a.example"), .rcpt = SPAN("u@in.example") };
	uint32_t wait_s;

	begin(1024);
	t.client = ip_addr_of4((const uint8_t *)"\300\0\2\7");
	ok(greylist_ask(g, &settings, &t, now_s, &wait_s) == GREYLIST_WAITS && wait_s == 300, "a stranger waits");
	now_s += 299;
	ok(greylist_ask(g, &settings, &t, now_s, &wait_s) == GREYLIST_WAITS && wait_s == 1,
	   "who comes too early waits for the rest, not anew");
	now_s += 1;
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_PASSES, "who comes after the delay passes");
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_PASSES, "and from then on at once");
	now_s += 36 * DAY;
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_PASSES, "for greylist.keep_days");
	now_s += 36 * DAY + 1;
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_WAITS, "since the last message, then anew");
	now_s += DAY + 1;
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_WAITS,
	   "who comes after greylist.retry_s begins anew");
	now_s -= 1000;
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_WAITS, "a clock set back lets nobody in");
}

static const struct {
	const char *sentence, *client, *mail_from, *rcpt;
	bool same;
} names[] = {
	{ "another host of the net is the same", "192.0.2.200", "a12@a.example", "u@in.example", true },
	{ "a host of another net is not", "192.0.3.7", "a12@a.example", "u@in.example", false },
	{ "capitals do not matter", "192.0.2.7", "A12@A.example", "U@in.EXAMPLE", true },
	{ "nor which number a sender gave the message", "192.0.2.7", "a999@a.example", "u@in.example", true },
	{ "nor what follows a plus sign", "192.0.2.7", "a12+bounce=x@a.example", "u@in.example", true },
	{ "another sender does", "192.0.2.7", "b12@a.example", "u@in.example", false },
	{ "numbers of a domain do", "192.0.2.7", "a12@a1.example", "u@in.example", false },
	{ "another recipient does", "192.0.2.7", "a12@a.example", "v@in.example", false },
	{ "the null sender is one of its own", "192.0.2.7", "", "u@in.example", false },
	{ "the other family is another net", "::c000:207", "a12@a.example", "u@in.example", false },
};

static void same_or_not(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		begin(1024);
		asked("192.0.2.7", "a12@a.example", "u@in.example");
		now_s += 300;
		ok((asked(names[i].client, names[i].mail_from, names[i].rcpt) == GREYLIST_PASSES) == names[i].same,
		   "%s", names[i].sentence);
	}
	begin(1024);
	asked("2001:db8:1:2::7", "a@a.example", "u@in.example");
	now_s += 300;
	ok(asked("2001:db8:1:2:ffff::1", "a@a.example", "u@in.example") == GREYLIST_PASSES, "an IPv6 net is a /64");
	ok(asked("2001:db8:1:3::7", "a@a.example", "u@in.example") == GREYLIST_WAITS, "and the next one another");
	begin(1024);
	by_domain("192.0.2.7", "Pool.example");
	now_s += 300;
	ok(by_domain("203.0.113.1", "pool.example") == GREYLIST_PASSES,
	   "a domain that stands for the message takes the place of the net");
}

static void nets(void)
{
	char rcpt[32];

	begin(1024);
	for (int i = 0; i < 5; i++) {
		snprintf(rcpt, sizeof(rcpt), "%c@in.example", 'a' + i);
		asked("192.0.2.7", "a@a.example", rcpt);
	}
	now_s += 300;
	for (int i = 0; i < 4; i++) {
		snprintf(rcpt, sizeof(rcpt), "%c@in.example", 'a' + i);
		asked("192.0.2.7", "a@a.example", rcpt);
		asked("192.0.2.7", "a@a.example", rcpt);
	}
	ok(asked("192.0.2.7", "x@x.example", "x@in.example") == GREYLIST_WAITS,
	   "four triplets passed, however often: a new one of the net waits");
	asked("192.0.2.7", "a@a.example", "e@in.example");
	ok(asked("192.0.2.99", "y@x.example", "x@in.example") == GREYLIST_NET, "after the fifth all of the net passes");
	struct greylist_counts c = counted();
	ok(c.waiting == 1 && c.passed == 5 && c.nets == 1 && c.nets_allowed == 1 && c.entries_max == 1024,
	   "all is counted");
	settings.greylist_net_passes = 0;
	ok(asked("192.0.2.99", "y@x.example", "x@in.example") == GREYLIST_WAITS, "unless greylist.net_passes is 0");
}

/* One bucket: who finds no place. */
static void no_room(void)
{
	char mail_from[32];
	unsigned n_full = 0;

	begin(8);
	for (int i = 0; i < 8; i++) {
		snprintf(mail_from, sizeof(mail_from), "%c@a.example", 'a' + i);
		asked("192.0.2.7", mail_from, "u@in.example");
	}
	ok(asked("198.51.100.1", "new@b.example", "u@in.example") == GREYLIST_FULL,
	   "when all places wait for a retry a stranger is let through");
	now_s += 300;
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_PASSES, "nobody who waits was driven out");
	now_s += 900;
	ok(asked("198.51.100.1", "new@b.example", "u@in.example") == GREYLIST_WAITS,
	   "nobody came in four times the delay: that place is free");
	ok(asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_PASSES, "who passed keeps his");
	for (int i = 0; i < 1000; i++) {
		snprintf(mail_from, sizeof(mail_from), "%c%c%c@flood.example", 'a' + i % 26, 'a' + i / 26 % 26,
			 'a' + i / 676);
		n_full += asked("203.0.113.9", mail_from, "u@in.example") == GREYLIST_FULL;
	}
	ok(n_full > 900 && asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_PASSES,
	   "a flood of strangers drives nobody out who is known");
	now_s += 1200;
	ok(counted().entries_max == 8 && asked("198.51.100.1", "new@b.example", "u@in.example") == GREYLIST_PASSES,
	   "nor who is waiting");
}

static void kept(void)
{
	begin(1024);
	asked("192.0.2.7", "a@a.example", "u@in.example");
	struct span octets = greylist_octets(g);
	uint8_t *copy = malloc(octets.len);
	CHECK(copy);
	memcpy(copy, octets.at, octets.len);
	begin(1024);
	now_s += 300;
	ok(greylist_restore(g, span_of(copy, octets.len)) &&
		   asked("192.0.2.7", "a@a.example", "u@in.example") == GREYLIST_PASSES,
	   "what was kept is known after a restart");
	begin(2048);
	ok(!greylist_restore(g, span_of(copy, octets.len)), "a file of another size is none");
	begin(1024);
	copy[20] ^= 1;
	ok(!greylist_restore(g, span_of(copy, octets.len)), "nor is one that is not ours");
	ok(!greylist_restore(g, span_of(copy, 5)), "nor a part of one");
	free(copy);
}

int main(void)
{
	one_triplet();
	same_or_not();
	nets();
	no_room();
	kept();
	free(g);
	return done();
}
