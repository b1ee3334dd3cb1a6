// SPDX-License-Identifier: MIT
/*
 * fuzz_dns_zone.c - a zone file is refused with its line, or every name in it is answered
 */
#include "dns/dns_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_all(struct dns_zone *z, struct span name)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_TXT, DNS_MX, DNS_PTR, DNS_CNAME };
	struct dns_question q;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		uint32_t cursor = 0, n = 0;
		struct span rdata;

		if (!dns_question_set(&q, types[i], name))
			return;
		const struct dns_answer *a = dns_zone_answer(z, &q);
		while (dns_answer_next(a, &cursor, &rdata))
			n++;
		CHECK(n == a->n_records && (n > 0) == (a->rcode == DNS_NOERROR));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct dns_zone *z = dns_zone_open();
	const char *what = NULL;

	if (!z)
		return 0;
	unsigned line = dns_zone_load(z, text, &what);
	CHECK(line == 0 || what);
	while (line == 0 && text.at) {
		struct span rest = span_trim(span_cut(&text, '\n')), name = rest;

		for (size_t i = 0; i < rest.len; i++)
			if (byte_is_wsp(rest.at[i])) {
				name = span_head(rest, i);
				break;
			}
		ask_all(z, name);
	}
	dns_zone_close(z);
	return 0;
}
