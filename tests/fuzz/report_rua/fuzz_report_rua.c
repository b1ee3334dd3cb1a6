// SPDX-License-Identifier: MIT
/*
 * fuzz_report_rua.c - whatever a DMARC record holds: each address that comes out is one that SMTP takes as it is
 */
#include "ctrlplane/report/report_rua.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What would end the address, or begin another command or field. */
static bool is_harmless(struct span address)
{
	for (size_t i = 0; i < address.len; i++)
		if (address.at[i] <= ' ' || address.at[i] >= 0x7f || strchr("<>()[],;:\\\"%", address.at[i]))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rua, before;
	char room[321];
	struct text address;

	if (!report_rua_value(span_of(data, size), &rua))
		return 0;
	CHECK(rua.at >= data && rua.at + rua.len <= data + size);
	text_init(&address, room, sizeof(room));
	for (before = rua; report_rua_next(&rua, &address); before = rua) {
		struct span a = text_span(&address), host = report_rua_host(a);

		CHECK(rua.len < before.len);
		CHECK(is_harmless(a) && a.len <= 318 && host.len >= 3 && host.len + 2 <= a.len);
		CHECK(span_find(a, '@') == span_find_last(a, '@'));
	}
	return 0;
}
