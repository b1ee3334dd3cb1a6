// SPDX-License-Identifier: MIT
/*
 * fuzz_dns_snapshot.c - a snapshot is taken whole or not at all, and what was taken is written and read again alike
 *
 * The checks of the records are set right first: they are against bad disks, and would keep everything out.
 */
#include <stdlib.h>

#include "dns/dns_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_US (UINT64_C(1000) * 1000000)
#define UNIX_S UINT64_C(1700000000)

static const struct dns_cache_settings settings = { .entries_max = 64, .ttl_max_s = 86400, .ttl_negative_max_s = 900 };
static const struct siphash_key key = { 3, 4 };

static void set_checks(uint8_t *octets, size_t size)
{
	const struct siphash_key check_key = { 0, 0 };
	size_t at = sizeof(DNS_SNAPSHOT_HEAD) - 1;

	while (size > at && size - at >= 4) {
		size_t len = (size_t)octets[at] << 24 | (size_t)octets[at + 1] << 16 | (size_t)octets[at + 2] << 8 |
			     octets[at + 3];

		at += 4;
		if (len < 4 || len > size - at)
			return;
		uint64_t check = siphash(&check_key, span_of(octets + at, len - 4));

		at += len;
		for (unsigned i = 0; i < 4; i++)
			octets[at - 4 + i] = (uint8_t)(check >> 8 * (3 - i));
	}
}

static size_t write_all(const struct dns_cache *c, uint8_t *out, uint64_t *n)
{
	size_t len = sizeof(DNS_SNAPSHOT_HEAD) - 1;
	struct dns_cache_row row;
	uint32_t cursor = 0;

	memcpy(out, DNS_SNAPSHOT_HEAD, len);
	for (*n = 0; dns_cache_walk(c, &cursor, &row); ++*n) {
		size_t one = dns_snapshot_record(&row, NOW_US, UNIX_S, out + len);

		CHECK(one > 0);
		len += one;
	}
	dns_snapshot_end(*n, out + len);
	return len + DNS_SNAPSHOT_END_LEN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(64) uint8_t memory[2][1 << 20], out[(1 << 20)];
	uint64_t n, n_again, n_written;
	uint8_t *octets = malloc(size ? size : 1); /* exact: an octet too many is seen */

	CHECK(dns_cache_memory(&settings) <= sizeof(memory[0]) && octets);
	struct dns_cache *c = dns_cache_init(memory[0], &settings, &key);
	struct dns_cache_counts counts;

	memcpy(octets, data, size);
	set_checks(octets, size);
	const char *wrong = dns_snapshot_read(span_of(octets, size), c, NOW_US, UNIX_S, &n);

	dns_cache_counts(c, &counts);
	CHECK(!wrong || (n == 0 && counts.stored == 0));
	size_t len = write_all(c, out, &n_written);
	c = dns_cache_init(memory[1], &settings, &key);
	CHECK(!dns_snapshot_read(span_of(out, len), c, NOW_US, UNIX_S, &n_again) && n_again == n_written);
	free(octets);
	return 0;
}
