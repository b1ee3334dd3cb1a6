// SPDX-License-Identifier: MIT
/*
 * dmarc_cache_check.h - a cache of tree walks, and judgements with and without it, for the tests
 */
#ifndef TESTS_DMARC_CACHE_CHECK_H
#define TESTS_DMARC_CACHE_CHECK_H

#include "tests/unit/auth/dmarc_check.h"

#define US UINT64_C(1000000)

static inline struct dmarc_cache *dmarc_cache_new(uint32_t entries)
{
	const struct dmarc_cache_settings settings = {
		.entries_max = entries, .ttl_min_s = 1, .ttl_max_s = 86400, .ttl_negative_max_s = 900
	};
	const struct siphash_key key = { 3, 4 };
	void *memory = aligned_alloc(64, (dmarc_cache_memory(&settings) + 63) & ~(size_t)63);

	CHECK(memory);
	return dmarc_cache_init(memory, &settings, &key, &dmarc_stats);
}

/* All that a judgement reports, the account of --explain too. */
static inline struct span dmarc_report(void)
{
	static char out[(1 << 16) + 1024];
	const struct dmarc_record *r = &dmarc.record;
	struct text t;

	text_init(&t, out, sizeof(out));
	text_puts(&t, dmarc_found());
	const unsigned numbers[] = { dmarc.published, dmarc.policy,  dmarc.disposition,
				     dmarc.at_stake,  dmarc.testing, dmarc.modes_compared };
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		text_putc(&t, ' ');
		text_dec(&t, numbers[i]);
	}
	if (dmarc.policy_domain.len) {
		const unsigned tags[] = { r->p,           r->sp,      r->np,    r->psd,  r->bad_policy, r->adkim_strict,
					  r->aspf_strict, r->testing, r->n_rua, r->n_ruf };
		for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
			text_putc(&t, ' ');
			text_dec(&t, tags[i]);
		}
	}
	text_puts(&t, "\n");
	text_puts(&t, dmarc.reason);
	text_puts(&t, "\n");
	text_put(&t, text_span(&dmarc_explain.text));
	CHECK(!t.full);
	return text_span(&t);
}

#endif
