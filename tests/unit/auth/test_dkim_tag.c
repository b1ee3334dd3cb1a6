// SPDX-License-Identifier: MIT
/*
 * test_dkim_tag.c - tag=value lists and the choice of header fields
 */
#include "dataplane/auth/dkim_fields.h"
#include "dataplane/auth/dkim_tag.h"
#include "tests/tap.h"

static void test_lists(void)
{
	static const struct {
		const char *list, *part;
		size_t n;
	} rows[] = {
		{ "a=1", "", 1 },
		{ "a=1;", "", 1 },
		{ " a = 1 ; b=2 ; \r\n\t", "", 2 },
		{ "a=", "", 1 },
		{ "a=;b=", "", 2 },
		{ "a=x=y", "", 1 },
		{ "a=1;a=2", "twice", 0 },
		{ "a=1;A=2", "", 2 },
		{ ";", "no =", 0 },
		{ "a=1;;b=2", "no =", 0 },
		{ "a=1;;", "no =", 0 },
		{ " ", "no tags", 0 },
		{ "\r\n", "no tags", 0 },
		{ "a=\r\n b", "", 1 },
		{ "a=\r\n\tb\r\n", "", 1 },
		{ "a=b\r\nc", "octet", 0 },
		{ "a\r\n =b", "", 1 },
		{ "a b=c", "name", 0 },
	};
	static struct dkim_tags tags;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = dkim_tags_parse(&tags, span_str(rows[i].list));
		bool good = rows[i].part[0] ? why && strstr(why, rows[i].part) : !why && tags.n == rows[i].n;

		if (!ok(good, "list %zu: %s", i, rows[i].part))
			printf("# %s\n# %s\n", rows[i].list, why ? why : "");
	}
	CHECK(!dkim_tags_parse(&tags, SPAN("v=1; b= \t x y\r\n z \r\n\t ; c=2")));
	is_span(dkim_tags_find(&tags, "b")->value, SPAN("x y\r\n z"), "a value has no white space at its ends");
	is_span(dkim_tags_find(&tags, "b")->raw, SPAN(" \t x y\r\n z \r\n\t "), "but what surrounds it is known");
	CHECK(!dkim_tags_parse(&tags, SPAN("b= x \r\n")));
	is_span(dkim_tags_find(&tags, "b")->raw, SPAN(" x "), "up to the end of the field");
	ok(!dkim_tags_find(&tags, "B"), "names are compared with case");

	char many[600] = "";

	for (size_t i = 0; i <= DKIM_TAGS_MAX; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%sx%zu=1", i ? ";" : "", i);
	ok(dkim_tags_parse(&tags, span_str(many)) != NULL, "too many tags are refused");
	*strrchr(many, ';') = '\0';
	ok(dkim_tags_parse(&tags, span_str(many)) == NULL && tags.n == DKIM_TAGS_MAX, "one less is not");
}

static void test_words(void)
{
	ok(dkim_list_has(SPAN("a : b\r\n\t:c"), "b") && dkim_list_has(SPAN("a : b\r\n\t:c"), "c"),
	   "words between colons");
	ok(!dkim_list_has(SPAN("ab:c"), "b") && !dkim_list_has(SPAN(""), "b") && !dkim_list_has(SPAN("B"), "b"),
	   "are whole and have case");
}

/* The choice of fields, as RFC 6376 5.4.2 says it, with a mark on each field that was taken. */
static size_t twin_choose(const struct msg_header *h, struct span names, size_t self, uint32_t *chosen)
{
	bool taken[64] = { false };
	size_t n = 0;

	for (struct span rest = names; rest.at; n++) {
		struct span name = dkim_list_next(&rest);

		chosen[n] = DKIM_FIELD_NONE;
		for (size_t i = h->n_fields; i > 0 && chosen[n] == DKIM_FIELD_NONE; i--) {
			if (taken[i - 1] || i - 1 == self ||
			    !span_eq_nocase(msg_field_name(h, &h->fields[i - 1]), name))
				continue;
			taken[i - 1] = true;
			chosen[n] = (uint32_t)(i - 1);
		}
	}
	return n;
}

static uint32_t random_state = 7;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

static void test_choice(void)
{
	static const char *const pool[] = { "a", "A", "b", "from", "From", "FROM", "to", "subject", "received", "x-y" };
	static struct msg_field fields[64];
	static struct dkim_fields got;
	uint32_t expected[64];
	size_t n_bad = 0;

	for (size_t round = 0; round < 5000; round++) {
		char header[2048] = "", names[1024] = "";
		struct msg_header h = { .fields = fields, .fields_max = 64 };
		uint32_t n_fields = random_below(30), n_names = 1 + random_below(40), n_pool = 1 + random_below(10);

		for (uint32_t i = 0; i < n_fields; i++)
			snprintf(header + strlen(header), sizeof(header) - strlen(header), "%s: %u\r\n",
				 pool[random_below(n_pool)], i);
		for (uint32_t i = 0; i < n_names; i++)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? " : " : "",
				 pool[random_below(10)]);
		msg_header_parse(&h, span_str(header));
		size_t self = random_below(40);
		size_t n = twin_choose(&h, span_str(names), self, expected);

		dkim_fields_choose(&got, &h, span_str(names), self);
		n_bad += got.n != n || memcmp(got.field, expected, n * sizeof(expected[0])) != 0;
	}
	ok(n_bad == 0, "5000 choices of fields at random agree with the twin");
}

int main(void)
{
	test_lists();
	test_words();
	test_choice();
	return done();
}
