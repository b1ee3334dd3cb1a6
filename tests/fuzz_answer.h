// SPDX-License-Identifier: MIT
/*
 * fuzz_answer.h - a DNS answer out of a line of a fuzz target's input
 *
 * "t", "s", "n" or "d" for TIMEOUT, SERVFAIL, NXDOMAIN or NODATA; or "=" and records, each up to a "|": octets for TXT, a
 * name for PTR and MX, an address in text.
 */
#ifndef TESTS_FUZZ_ANSWER_H
#define TESTS_FUZZ_ANSWER_H

#include "dataplane/base/ip_addr.h"
#include "dns/dns_question.h"

/* Borrowed until the next call. */
static inline const struct dns_answer *fuzz_answer(struct span line, unsigned type)
{
	static uint8_t octets[1 << 17];
	static const char codes[] = "dnst"; /* in the order of enum dns_rcode from DNS_NODATA on */
	struct dns_answer *a = dns_answer_init(octets, sizeof(octets), DNS_NODATA, 60);
	struct ip_addr addr;
	uint8_t mx[2 + 4096];

	for (unsigned i = 0; line.len && i < 4; i++)
		if (line.at[0] == (uint8_t)codes[i])
			return dns_answer_init(octets, sizeof(octets), (enum dns_rcode)(DNS_NODATA + i), 60);
	if (line.len == 0 || line.at[0] != '=')
		return a;
	line = span_skip(line, 1);
	while (line.at) {
		struct span record = span_cut(&line, '|');

		if ((type == DNS_A || type == DNS_AAAA) && ip_addr_parse(record, &addr)) {
			record = span_of(addr.bytes, ip_addr_len(&addr));
		} else if (type == DNS_MX && record.len <= 4096) {
			mx[0] = mx[1] = 0;
			memcpy(mx + 2, record.at, record.len);
			record = span_of(mx, record.len + 2);
		}
		if (!dns_answer_add(a, sizeof(octets), record))
			break;
	}
	return a;
}

#endif
