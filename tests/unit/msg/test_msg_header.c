// SPDX-License-Identifier: MIT
/*
 * test_msg_header.c - fields, and the end of the header section
 */
#include <stdio.h>

#include "dataplane/msg/msg_header.h"
#include "tests/tap.h"

static struct msg_field fields[64];

static struct msg_header parse(struct span bytes)
{
	struct msg_header h = { .fields = fields, .fields_max = 64 };

	msg_header_parse(&h, bytes);
	return h;
}

static void test_fields(void)
{
	static const struct {
		const char *what, *bytes;
		uint32_t n;
		const char *name, *value; /* of the first field */
		bool malformed;
	} rows[] = {
		{ "two fields", "A: b\r\nC: d\r\n", 2, "A", " b\r\n", false },
		{ "folded", "A: b\r\n\tc\r\n d\r\nE:\r\n", 2, "A", " b\r\n\tc\r\n d\r\n", false },
		{ "empty section", "", 0, "", "", false },
		{ "white space before the colon (RFC 5322 4.5)", "A \t: b\r\n", 1, "A", " b\r\n", false },
		{ "no value", "A:\r\n", 1, "A", "\r\n", false },
		{ "last field without CRLF", "A: b", 1, "A", " b", false },
		{ "first line is a continuation", " A: b\r\nC: d\r\n", 2, "", "", true },
		{ "no colon", "A\r\nC: d\r\n", 2, "", "", true },
		{ "fold between name and colon", "A\r\n : b\r\n", 1, "", "", true },
		{ "no name", ": b\r\n", 1, "", "", true },
		{ "space in the name", "A b: c\r\n", 1, "", "", true },
		{ "8-bit octet in the name", "A\xc3: c\r\n", 1, "", "", true },
		{ "mbox line", "From a@b Mon\r\nC: d\r\n", 2, "", "", true },
		{ "bare LF does not end a field", "A: b\nC: d\r\n", 1, "A", " b\nC: d\r\n", false },
		{ "bare CR does not end a field", "A: b\rC: d\r\n", 1, "A", " b\rC: d\r\n", false },
		{ "CR CR LF does", "A: b\r\r\nC: d\r\n", 2, "A", " b\r\r\n", false },
		{ "odd name", "__proto__!: b\r\n", 1, "__proto__!", " b\r\n", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct msg_header h = parse(span_str(rows[i].bytes));

		ok(h.n_fields == rows[i].n && h.malformed == rows[i].malformed && !h.too_many, "%s", rows[i].what);
		if (h.n_fields == 0)
			continue;
		is_span(msg_field_name(&h, &h.fields[0]), span_str(rows[i].name), "its name: %s", rows[i].what);
		is_span(msg_field_value(&h, &h.fields[0]), span_str(rows[i].value), "its value: %s", rows[i].what);
	}

	static char nul[] = "A\0: b\r\n";
	struct msg_header h = parse(span_of(nul, sizeof(nul) - 1));

	ok(h.malformed, "NUL in a name");

	static char long_name[70000];

	memset(long_name, 'a', sizeof(long_name));
	memcpy(long_name + 65534, ":\r\n", 3);
	h = parse(span_of(long_name, 65537));
	ok(!h.malformed && h.fields[0].name_len == 65534, "a name of 65534 octets");
	memcpy(long_name + 65534, "aa:\r\n", 5);
	h = parse(span_of(long_name, 65539));
	ok(h.malformed && h.fields[0].len == 65539, "a longer one is none");
}

static void test_surplus(void)
{
	char bytes[65 * 6 + 1] = "";

	for (size_t i = 0; i < 65; i++)
		strcat(bytes, "A: b\r\n");
	struct msg_header h = parse(span_of(bytes, 64 * 6));

	ok(h.n_fields == 64 && !h.too_many, "as many fields as there is room for");
	h = parse(span_of(bytes, 65 * 6));
	ok(h.n_fields == 64 && h.too_many, "one more is told");
}

static void test_find(void)
{
	struct msg_header h = parse(SPAN("A: 1\r\nbad line\r\nB: 2\r\na: 3\r\n"));

	ok(msg_header_find(&h, SPAN("a"), 0) == 0, "the first field of a name");
	ok(msg_header_find(&h, SPAN("A"), 1) == 3, "the next, in any case");
	ok(msg_header_find(&h, SPAN("A"), 4) == SPAN_NONE && msg_header_find(&h, SPAN("C"), 0) == SPAN_NONE, "or none");
	ok(msg_header_find(&h, SPAN(""), 0) == SPAN_NONE, "a line without a name is never found");
}

static void test_end(void)
{
	static const struct {
		const char *what, *bytes;
		size_t body, header_len;
	} rows[] = {
		{ "after the empty line", "A: b\r\n\r\nx", 8, 6 },
		{ "at once", "\r\nA: b\r\n\r\n", 2, 0 },
		{ "not yet", "A: b\r\nC: d\r\n", SPAN_NONE, 0 },
		{ "not at LF LF", "A: b\n\nx", SPAN_NONE, 0 },
		{ "not at CRLF LF", "A: b\r\n\nx", SPAN_NONE, 0 },
		{ "not at CR CR", "A: b\r\rx", SPAN_NONE, 0 },
		{ "not at a line of white space", "A: b\r\n \r\nC: d\r\n", SPAN_NONE, 0 },
		{ "at the first of two empty lines", "A: b\r\n\r\n\r\n", 8, 6 },
		{ "after LF CRLF CRLF", "A: b\n\r\n\r\nx", 9, 7 },
		{ "not in nothing", "", SPAN_NONE, 0 },
		{ "not at one CR", "\r", SPAN_NONE, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span bytes = span_str(rows[i].bytes);
		size_t len = 0, n_bad = 0;
		size_t body = msg_header_end(bytes, 0, &len);

		ok(body == rows[i].body && (body == SPAN_NONE || len == rows[i].header_len), "the body begins %s",
		   rows[i].what);
		/* In two pieces: what the first did not end, the second finds. */
		for (size_t cut = 0; cut <= bytes.len; cut++) {
			size_t first = msg_header_end(span_head(bytes, cut), 0, &len);

			if (first != SPAN_NONE)
				n_bad += first != rows[i].body || cut < rows[i].body;
			else
				n_bad += msg_header_end(bytes, cut, &len) != rows[i].body;
		}
		ok(n_bad == 0, "wherever it is cut");
	}
}

int main(void)
{
	test_fields();
	test_surplus();
	test_find();
	test_end();
	return done();
}
