// SPDX-License-Identifier: MIT
/*
 * fuzz_iprev.c - whatever DNS says of a client's names, the check ends, and its result is what the answers said
 *
 * The first octet: bit 0 an IPv6 client, the rest how many names are looked at.  Then one answer a line as in
 * fuzz_answer.h, used again from the first when they are used up.
 */
#include "dataplane/auth/iprev.h"
#include "tests/fuzz_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(const struct dns_answer *a, const struct ip_addr *ip)
{
	uint32_t cursor = 0;
	struct span rdata;

	while (dns_answer_next(a, &cursor, &rdata))
		if (span_eq(rdata, span_of(ip->bytes, ip_addr_len(ip))))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stats stats;
	static char told[1 << 16];
	struct auth_settings settings = auth_settings_default();
	struct explain explain;
	struct iprev p;
	uint8_t flags = size ? data[0] : 0;
	struct span all = span_of(data + (size ? 1 : 0), size ? size - 1 : 0), rest = all;
	struct ip_addr ip = flags & 1 ? ip_addr_of6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = 1 })
				      : ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 });
	bool names_failed = false, host_failed = false, no_names = false, found = false;
	unsigned n = 0;

	settings.iprev = true;
	settings.iprev_names_max = flags >> 1;
	settings.stats = &stats;
	text_init(&explain.text, told, sizeof(told));
	memset(&p, 0xa5, sizeof(p)); /* contents undefined before */
	iprev_begin(&p, &settings, ip, &explain, 0);
	for (bool done = iprev_step(&p, NULL, 0); !done; n++) {
		struct dns_question q = *iprev_question(&p), again;

		CHECK(n <= IPREV_NAMES_MAX && !found);
		CHECK(dns_question_set(&again, (enum dns_type)q.type, dns_question_name(&q)) &&
		      dns_question_eq(&q, &again));
		CHECK(q.type == (n == 0 ? DNS_PTR : flags & 1 ? DNS_AAAA : DNS_A));
		if (!rest.at)
			rest = all;
		const struct dns_answer *a = fuzz_answer(span_cut(&rest, '\n'), q.type);
		bool failed = a->rcode == DNS_SERVFAIL || a->rcode == DNS_TIMEOUT;

		if (n == 0) {
			names_failed = failed;
			no_names = a->n_records == 0;
		} else {
			host_failed |= failed;
			found = !failed && has(a, &ip);
		}
		done = iprev_step(&p, a, 0);
		CHECK(done || !found);
		CHECK(!found || span_eq(p.name, dns_question_name(&q)));
	}
	CHECK(p.reason && n > 0 && (p.name.len > 0) == (p.result == IPREV_RESULT_PASS));
	enum iprev_result expected = found                         ? IPREV_RESULT_PASS
				     : names_failed || host_failed ? IPREV_RESULT_TEMPERROR
				     : no_names                    ? IPREV_RESULT_PERMERROR
								   : IPREV_RESULT_FAIL;
	CHECK(p.result == expected);
	return 0;
}
