// SPDX-License-Identifier: MIT
/*
 * fuzz_spf.c - whatever DNS says, a check ends within its limits, and so does the compilation of a record
 *
 * The first octet: 1 IPv6 client, 2 HELO scope, 4 a local-part that is not ASCII.  Then one answer a line, used
 * again from the first when they are used up: t, s, n or d for TIMEOUT, SERVFAIL, NXDOMAIN or NODATA, or = and records,
 * each up to a "|": octets for TXT, a name for PTR and MX, an address in text.
 */
#include "dataplane/auth/spf.h"
#include "dataplane/auth/spf_compile.h"
#include "dataplane/auth/spf_program.h"
#include "tests/fuzz_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Answers in the order in which they come, as for the check itself. */
struct lines {
	struct span all, rest;
	unsigned n;
};

static const struct dns_answer *known(void *arg, const struct dns_question *q, uint64_t now_us)
{
	struct lines *l = arg;

	(void)now_us;
	CHECK(++l->n <= SPF_COMPILE_RECORDS_MAX + SPF_COMPILE_WORK_MAX + 1000);
	if (!l->rest.at)
		l->rest = l->all;
	return fuzz_answer(span_cut(&l->rest, '\n'), q->type);
}

/* Compiles, and searches at the ends of the address space and at each limit in the block. */
static void compile(const struct auth_settings *settings, struct spf *spf, struct lines *l, unsigned family)
{
	static uint8_t block[SPF_COMPILE_OCTETS_MAX];
	struct auth_memory memory = { .known = known, .arg = l };
	struct auth_settings warm = *settings;
	struct spf_program_head head;
	struct spf_outcome out;
	struct ip_addr ip = { .family = (uint8_t)family };
	uint32_t ttl_s;

	warm.memory = &memory;
	size_t len = spf_compile(&warm, &spf->arena, SPAN("d.org"), family, SPAN(""), 0, block, &ttl_s);
	CHECK(spf_program_find(span_of(block, len), &ip, &out) == SPF_PROGRAM_NONE);
	struct span before = span_of((uint8_t[sizeof(head)]){ 0 }, sizeof(head));
	len = spf_compile(&warm, &spf->arena, SPAN("d.org"), family, before, 0, block, &ttl_s);
	CHECK(len > sizeof(head) && len <= sizeof(block));
	memcpy(&head, block, sizeof(head));
	CHECK(head.n_ranges > 0 && head.n_ranges <= SPF_COMPILE_RANGES_MAX);
	spf_address last = 0;
	for (size_t i = 0; i < head.n_ranges; i++) {
		const uint8_t *start = block + sizeof(head) + i * spf_program_width(family);
		spf_address from = 0;

		memcpy(&from, start, spf_program_width(family));
		CHECK(i ? from > last : from == 0);
		last = from;
		for (size_t b = 0; b < spf_program_width(family); b++)
			ip.bytes[b] = start[spf_program_width(family) - 1 - b];
		if (spf_program_find(span_of(block, len), &ip, &out) == SPF_PROGRAM_DECIDED)
			CHECK(out.mechanism.at + out.mechanism.len <= block + len && out.n_terms <= 10 &&
			      out.n_voids <= 2);
	}
}

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
	struct lines lines = { .all = all };
	compile(&settings, &spf, &lines, flags & 1 ? IP_V6 : IP_V4);
	return 0;
}
