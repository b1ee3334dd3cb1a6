// SPDX-License-Identifier: MIT
/*
 * fuzz_dkim_tag.c - a list that is taken can be written again from its parts, and is then the same list
 */
#include "dataplane/auth/dkim_tag.h"
#include "dataplane/base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[1 << 16];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dkim_tags tags, twice;
	uint8_t decoded[64];
	size_t len = 0, n_octets;

	if (size > sizeof(again) / 2 || dkim_tags_parse(&tags, span_of(data, size)))
		return 0;
	CHECK(tags.n > 0 && tags.n <= DKIM_TAGS_MAX);
	for (size_t i = 0; i < tags.n; i++) {
		const struct dkim_tag *t = &tags.tag[i];

		CHECK(t->raw.at >= data && t->raw.at + t->raw.len <= data + size);
		CHECK(t->value.at >= t->raw.at && t->value.at + t->value.len <= t->raw.at + t->raw.len);
		memcpy(again + len, t->name.at, t->name.len);
		len += t->name.len;
		again[len++] = '=';
		if (t->raw.len)
			memcpy(again + len, t->raw.at, t->raw.len);
		len += t->raw.len;
		again[len++] = ';';
		if (base64_decode(t->value, decoded, sizeof(decoded), &n_octets) == OK)
			CHECK(n_octets <= sizeof(decoded) && n_octets <= t->value.len);
	}
	CHECK(!dkim_tags_parse(&twice, span_of(again, len)));
	CHECK(twice.n == tags.n);
	for (size_t i = 0; i < tags.n; i++)
		CHECK(span_eq(twice.tag[i].name, tags.tag[i].name) && span_eq(twice.tag[i].value, tags.tag[i].value));
	return 0;
}
