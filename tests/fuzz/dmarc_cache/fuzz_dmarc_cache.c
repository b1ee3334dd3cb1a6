// SPDX-License-Identifier: MIT
/*
 * fuzz_dmarc_cache.c - whatever is kept and asked for: a hit is the last that was kept under the name, and is fresh
 *
 * Three octets a turn: what is done, with which of 256 names (of all lengths), for how long or how much later.  Beside
 * the cache stands an array of all that was kept: the cache may know less, never anything else.
 */
#include "dataplane/auth/dmarc_cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENTRIES = 24, NAMES = 256 };

static struct {
	bool kept;
	uint64_t expires_us;
	uint8_t n;
} all[NAMES];

static struct span name_of(uint8_t which)
{
	static uint8_t name[DNS_NAME_MAX];
	size_t len = 1 + which % DNS_NAME_MAX;

	memset(name, 'a', sizeof(name));
	name[len / 2] = which;
	return span_of(name, len);
}

static void look(struct dmarc_cache *c, uint8_t which, uint64_t now_us)
{
	uint64_t expires_us;
	const struct dmarc_outcome *o = dmarc_cache_get(c, name_of(which), now_us, &expires_us);

	if (o)
		CHECK(all[which].kept && now_us < expires_us && expires_us == all[which].expires_us &&
		      o->org_at == all[which].n);
}

static void keep(struct dmarc_cache *c, uint8_t which, uint8_t life, uint64_t now_us)
{
	static uint8_t n;
	struct dmarc_outcome o = { .org_at = ++n };

	all[which].kept = true;
	all[which].n = n;
	all[which].expires_us = now_us + life;
	dmarc_cache_put(c, name_of(which), &o, all[which].expires_us, now_us);
	look(c, which, now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(64) uint8_t memory[8192];
	static struct stats stats;
	const struct dmarc_cache_settings settings = {
		.entries_max = ENTRIES, .ttl_min_s = 1, .ttl_max_s = 9, .ttl_negative_max_s = 5
	};
	const struct siphash_key key = { 1, 2 };
	uint64_t now_us = 1;

	CHECK(dmarc_cache_memory(&settings) <= sizeof(memory));
	memset(memory, 0x5a, sizeof(memory));
	struct dmarc_cache *c = dmarc_cache_init(memory, &settings, &key, &stats);
	memset(all, 0, sizeof(all));
	for (size_t i = 0; i + 3 <= size; i += 3) {
		uint32_t epoch = dmarc_cache_epoch(c);

		switch (data[i] % 8) {
		case 0:
		case 1:
		case 2:
			keep(c, data[i + 1], data[i + 2], now_us);
			break;
		case 3:
			now_us += data[i + 2];
			break;
		case 4:
			if (data[i + 2] % 16)
				break;
			dmarc_cache_flush(c);
			memset(all, 0, sizeof(all));
			CHECK(dmarc_cache_epoch(c) != epoch);
			break;
		default:
			look(c, data[i + 1], now_us);
		}
	}
	for (unsigned n = 0; n < NAMES; n++)
		look(c, (uint8_t)n, now_us);
	return 0;
}
