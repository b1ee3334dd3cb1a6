// SPDX-License-Identifier: MIT
/*
 * siphash.h - SipHash-2-4, the keyed hash of all our tables
 *
 * Whoever may choose the keys of a table (addresses, ports, names) must not be able
 * to choose its buckets, so every table is keyed with a secret drawn at start-up.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "dataplane/base/span.h"

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, struct span data);

#endif
