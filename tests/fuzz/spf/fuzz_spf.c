// SPDX-License-Identifier: MIT
/*
 * fuzz_spf.c - whatever DNS says, a check ends within its limits
 *
 * The first octet: 1 IPv6 client, 2 HELO scope, 4 a local-part that is not ASCII.  Then one answer a line, used
 * again from the first when they are used up: t, s, n or d for TIMEOUT, SERVFAIL, NXDOMAIN or NODATA, or = and records,
 * each up to a "|": octets for TXT, a name for PTR and MX, an address in text.
 */
#include "dataplane/auth/spf.h"
#include "tests/fuzz_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stats stats;
	static struct spf spf;
	const struct auth_settings settings = { .spf_terms_max = 10,
						.spf_voids_max = 2,
						.spf_mx_max = 10,
						.spf_ptr_max = 10,
						.spf_timeout_ms = 20000,
						.authserv_id = "mx.test",
						.stats = &stats };
	uint8_t flags = size ? data[0] : 0;
	struct span all = span_of(data + (size ? 1 : 0), size ? size - 1 : 0), rest = all;
	struct auth_client client = { .helo = SPAN("h.d.org"),
				      .mail_from = flags & 4 ? SPAN("\xc3\xbc@d.org") : SPAN("u.v-w@d.org"),
				      .has_mail_from = true };
	unsigned n = 0;

	client.ip = flags & 1 ? ip_addr_of6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8 })
			      : ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 });
	spf_begin(&spf, &settings, flags & 2 ? SPF_SCOPE_HELO : SPF_SCOPE_MFROM, &client, NULL, 0);
	for (bool done = spf_step(&spf, NULL, 0); !done; n++) {
		struct dns_question q = *spf_question(&spf), again;

		/* Eleven terms with a PTR and ten hosts each, and an explanation. */
		CHECK(n < 300);
		CHECK(dns_question_set(&again, (enum dns_type)q.type, dns_question_name(&q)) &&
		      dns_question_eq(&q, &again));
		if (!rest.at)
			rest = all;
		done = spf_step(&spf, fuzz_answer(span_cut(&rest, '\n'), q.type), 0);
	}
	CHECK(spf.n_terms <= 11 && spf.n_voids <= 3 && spf.reason);
	CHECK(spf.explanation.len <= SPF_EXPLANATION_MAX);
	CHECK(spf.explanation.len == 0 || spf.result == SPF_RESULT_FAIL);
	for (size_t i = 0; i < spf.explanation.len; i++)
		CHECK(spf.explanation.at[i] >= ' ' && spf.explanation.at[i] < 0x7f);
	return 0;
}
