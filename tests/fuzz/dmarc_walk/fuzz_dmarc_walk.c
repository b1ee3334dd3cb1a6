// SPDX-License-Identifier: MIT
/*
 * fuzz_dmarc_walk.c - a tree walk asks for eight names at most, and finds what its slow twin finds, in whatever order
 *
 * Input: an octet for the number of labels, one for the first answer (the others follow in a circle), then two octets a
 * record: how far above the domain it stands, and what it says.
 */
#include "dataplane/auth/dmarc_walk.h"
#include "tests/unit/auth/dmarc_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct twin_zone zone;
static char domain[64];

static void make_domain(uint8_t n)
{
	unsigned labels = 1 + n % 20;

	domain[0] = '\0';
	for (unsigned i = 1; i < labels; i++)
		strcat(domain, n & 128 ? "a." : i % 2 ? "b." : "c.");
	strcat(domain, "t");
}

static void make_records(struct span in)
{
	static const char *const psd[] = { NULL, "y", "n", "u" };

	memset(&zone, 0, sizeof(zone));
	while (in.len >= 2 && zone.n < TWIN_RECORDS_MAX) {
		struct twin_record *r = &zone.records[zone.n++];
		const char *at = domain;

		for (unsigned up = in.at[0] % twin_labels(domain); up > 0; up--)
			at = twin_parent(at);
		strcpy(r->domain, at);
		r->psd = psd[in.at[1] % 4];
		r->is_nothing = (in.at[1] & 0x70) == 0x70;
		in = span_skip(in, 2);
	}
}

static const struct dns_answer *answer_to(const struct dns_question *q)
{
	static _Alignas(8) uint8_t room[8192];
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NODATA, 60);
	struct span name = dns_question_name(q);

	CHECK(q->type == DNS_TXT && span_starts_nocase(name, SPAN("_dmarc.")));
	name = span_skip(name, sizeof("_dmarc.") - 1);
	for (unsigned i = 0; i < zone.n; i++) {
		const struct twin_record *r = &zone.records[i];
		char txt[64];

		if (!span_eq(name, span_str(r->domain)))
			continue;
		snprintf(txt, sizeof(txt), "%s; p=reject; psd=%s", r->is_nothing ? "v=spf1" : "v=DMARC1",
			 r->psd ? r->psd : "");
		CHECK(dns_answer_add(a, sizeof(room), span_str(txt)));
	}
	return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct twin_zone nothing;
	struct dns_question q[DMARC_WALK_STEPS_MAX];
	unsigned steps[DMARC_WALK_STEPS_MAX], n = 0, step;
	const char *names[16];
	struct dns_question one;
	struct dmarc_walk w;

	if (size < 2)
		return 0;
	make_domain(data[0]);
	make_records(span_of(data + 2, size - 2));
	memset(&w, 0xa5, sizeof(w)); /* contents undefined before */
	dmarc_walk_begin(&w, span_str(domain), false, SPAN(""));
	unsigned n_names = twin_walk(&nothing, domain, names);

	while (dmarc_walk_question(&w, &step, &one)) {
		CHECK(n < DMARC_WALK_STEPS_MAX && n < n_names);
		CHECK(span_eq(span_skip(dns_question_name(&one), sizeof("_dmarc.") - 1), span_str(names[n])));
		q[n] = one;
		steps[n++] = step;
	}
	CHECK(n == n_names);
	for (unsigned i = 0; i < n; i++) {
		unsigned which = (data[1] + i) % n;

		dmarc_walk_answer(&w, steps[which], answer_to(&q[which]), false);
		dmarc_walk_answer(&w, steps[which], answer_to(&q[data[1] % n]), false); /* is ignored */
	}
	CHECK(w.done && !w.error);
	CHECK(span_eq(dmarc_walk_org(&w), span_str(twin_org(&zone, domain))));
	const struct twin_record *r = twin_policy_record(&zone, domain);

	CHECK((r != NULL) == (w.outcome.policy_at != DMARC_NOWHERE));
	CHECK(!r || span_eq(span_skip(dmarc_walk_domain(&w), w.outcome.policy_at), span_str(r->domain)));
	return 0;
}
