// SPDX-License-Identifier: MIT
/*
 * fuzz_msg_header.c - fields cover the section without gaps; its end is found however it is cut
 */
#include "dataplane/msg/msg_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t slow_end(struct span s)
{
	if (s.len >= 2 && memcmp(s.at, "\r\n", 2) == 0)
		return 2;
	for (size_t i = 0; i + 4 <= s.len; i++)
		if (memcmp(s.at + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	return SPAN_NONE;
}

static void check_fields(struct span section)
{
	static struct msg_field fields[100];
	struct msg_header h = { .fields = fields, .fields_max = 100 };
	size_t at = 0;
	bool malformed = false;

	msg_header_parse(&h, section);
	for (size_t i = 0; i < h.n_fields; i++) {
		const struct msg_field *f = &fields[i];
		struct span whole = msg_field_whole(&h, f), value = msg_field_value(&h, f);

		CHECK(f->at == at && f->len > 0);
		at += f->len;
		malformed |= f->name_len == 0;
		CHECK(at == section.len || (section.at[at - 1] == '\n' && !byte_is_wsp(section.at[at])));
		if (f->name_len == 0)
			continue;
		CHECK(whole.at[f->colon] == ':' && value.at + value.len == whole.at + whole.len);
		CHECK(span_find(msg_field_name(&h, f), ':') == SPAN_NONE);
		size_t found = msg_header_find(&h, msg_field_name(&h, f), 0);

		CHECK(found <= i && msg_header_find(&h, msg_field_name(&h, f), i) == i);
	}
	CHECK(h.too_many || (at == section.len && malformed == h.malformed));
	CHECK(!malformed || h.malformed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_of(data, size);
	size_t body = slow_end(all), header_len = size, len = 0;

	for (size_t cut = 0; cut <= size; cut += 1 + size / 64) {
		size_t first = msg_header_end(span_head(all, cut), 0, &len);

		if (first == SPAN_NONE)
			first = msg_header_end(all, cut, &len);
		CHECK(first == body);
		if (first != SPAN_NONE) {
			CHECK(len + 2 == first);
			header_len = len;
		}
	}
	check_fields(span_head(all, header_len));
	return 0;
}
