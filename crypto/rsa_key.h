// SPDX-License-Identifier: MIT
/*
 * rsa_key.h - an RSA public key out of DER, as DKIM records carry it (RFC 6376 3.6.1)
 *
 * Strict: one encoding for one key.  What an attacker publishes as p= passes through here before any
 * library sees a number of it.
 */
#ifndef CRYPTO_RSA_KEY_H
#define CRYPTO_RSA_KEY_H

#include "dataplane/base/span.h"

struct rsa_key {
	struct span n; /* modulus, big-endian, first octet not zero; borrowed from the DER; always odd */
	uint32_t e;    /* public exponent; always odd, at least 3 */
	uint16_t bits; /* of n */
};

/**
 * rsa_key_parse - SubjectPublicKeyInfo of rsaEncryption, or a bare RSAPublicKey (RFC 8017 A.1.1)
 * @der: the whole key, nothing may follow it; borrowed as long as @key is used
 *
 * Returns false, and leaves @key alone, for anything but minimal DER, an even or negative modulus, an
 * exponent that is even, below 3 (e = 1 would make every encoding its own signature) or above 2^32, and
 * a modulus of 32 bits or less.  Length limits are the caller's.
 */
bool MUST_USE rsa_key_parse(struct span der, struct rsa_key *key);

#endif
