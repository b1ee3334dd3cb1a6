// SPDX-License-Identifier: MIT
/*
 * fuzz_rsa_key.c - what is taken for a key is the only way to write that key
 */
#include "crypto/rsa_key.h"
#include "tests/unit/crypto/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct der bare, spki;
	struct span in = span_of(data, size);
	struct rsa_key key;

	if (!rsa_key_parse(in, &key))
		return 0;
	CHECK(key.n.at >= data && key.n.at + key.n.len <= data + size);
	CHECK(key.n.len == (key.bits + 7u) / 8 && key.n.at[0] >> ((key.bits - 1) % 8) == 1);
	CHECK((key.n.at[key.n.len - 1] & 1) && (key.e & 1) && key.e >= 3);
	bare.len = spki.len = 0;
	der_rsa_key(&bare, key.n, key.e);
	der_spki(&spki, span_of(bare.at, bare.len));
	CHECK(span_eq(in, span_of(bare.at, bare.len)) || span_eq(in, span_of(spki.at, spki.len)));
	return 0;
}
