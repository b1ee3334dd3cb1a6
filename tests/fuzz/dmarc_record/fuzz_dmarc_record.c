// SPDX-License-Identifier: MIT
/*
 * fuzz_dmarc_record.c - whatever a TXT holds: a record within its ranges, and the same one in another spelling
 */
#include "dataplane/auth/dmarc_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t other[1 << 17];

static void same(const struct dmarc_record *a, struct span spelling)
{
	struct dmarc_record b;

	CHECK(dmarc_record_parse(&b, spelling));
	CHECK(a->p == b.p && a->sp == b.sp && a->np == b.np && a->psd == b.psd && a->bad_policy == b.bad_policy);
	CHECK(a->adkim_strict == b.adkim_strict && a->aspf_strict == b.aspf_strict);
	CHECK(a->testing == b.testing && a->n_rua == b.n_rua);
}

/* After the version the case of no letter matters. */
static size_t other_case(struct span txt)
{
	bool version = true;

	for (size_t i = 0; i < txt.len; i++) {
		uint8_t c = txt.at[i];

		version &= c != ';';
		other[i] = !version && byte_is_alpha(c) ? (uint8_t)(c ^ 0x20) : c;
	}
	return txt.len;
}

/* White space round semicolons, and empty tags, say nothing. */
static size_t other_space(struct span txt)
{
	size_t n = 0;

	other[n++] = '\t';
	for (size_t i = 0; i < txt.len; i++) {
		if (txt.at[i] == ';') {
			memcpy(other + n, " ;\t; ", 5);
			n += 5;
		} else {
			other[n++] = txt.at[i];
		}
	}
	memcpy(other + n, ";;x=y", 5);
	return n + 5;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span txt = span_of(data, size < sizeof(other) / 8 ? size : sizeof(other) / 8);
	struct dmarc_record r;

	if (!dmarc_record_parse(&r, txt))
		return 0;
	CHECK(r.p <= DMARC_POLICY_REJECT && r.sp <= DMARC_POLICY_REJECT && r.np <= DMARC_POLICY_REJECT);
	CHECK(r.psd <= DMARC_PSD_NO && r.n_rua <= DMARC_RUA_MAX);
	same(&r, span_of(other, other_case(txt)));
	same(&r, span_of(other, other_space(txt)));
	if (dmarc_record_usable(&r))
		CHECK(r.p != DMARC_POLICY_ABSENT && (!r.bad_policy || r.p == DMARC_POLICY_NONE));
	else
		CHECK(r.n_rua == 0);
	return 0;
}
