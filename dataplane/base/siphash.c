// SPDX-License-Identifier: MIT
/*
 * siphash.c - SipHash-2-4 (Aumasson and Bernstein, 2012)
 */
#include "dataplane/base/siphash.h"

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* The last @n octets, fewer than eight, as the low ones of a word. */
static uint64_t rest_of(struct span data, size_t n)
{
	uint64_t word = 0;

	if (n == 0)
		return 0;
	if (data.len >= 8) {
		memcpy(&word, data.at + data.len - 8, 8);
		return word >> (8 * (8 - n));
	}
	for (size_t j = 0; j < n; j++)
		word |= (uint64_t)data.at[j] << (8 * j);
	return word;
}

uint64_t siphash(const struct siphash_key *key, struct span data)
{
	uint64_t v[4] = { key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du, key->k0 ^ 0x6c7967656e657261u,
			  key->k1 ^ 0x7465646279746573u };
	uint64_t last = (uint64_t)data.len << 56;
	size_t i = 0;

	for (; i + 8 <= data.len; i += 8) {
		uint64_t m;
		memcpy(&m, data.at + i, 8);
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	last |= rest_of(data, data.len - i);
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int j = 0; j < 4; j++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
