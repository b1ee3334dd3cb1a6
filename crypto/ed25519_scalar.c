// SPDX-License-Identifier: MIT
/*
 * ed25519_scalar.c - numbers modulo L, the order of the base point of Ed25519 (RFC 8032 5.1)
 *
 * L = 2^252 + c with c of 125 bits, so 2^252 = -c, and what is above bit 252 is folded three times.
 */
#include "crypto/ed25519_scalar.h"

__extension__ typedef unsigned __int128 u128;

static const uint64_t order[4] = { 0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000 };

#define TOP_BITS 60 /* of the fourth word, below bit 252 */

static bool at_least_order(const uint64_t x[4])
{
	for (int i = 3; i >= 0; i--)
		if (x[i] != order[i])
			return x[i] > order[i];
	return true;
}

/* x += y, x -= y */
static void add(uint64_t x[4], const uint64_t y[4])
{
	u128 carry = 0;

	for (int i = 0; i < 4; i++) {
		carry += (u128)x[i] + y[i];
		x[i] = (uint64_t)carry;
		carry >>= 64;
	}
}

static void subtract(uint64_t x[4], const uint64_t y[4])
{
	uint64_t borrow = 0;

	for (int i = 0; i < 4; i++) {
		u128 d = (u128)x[i] - y[i] - borrow;

		x[i] = (uint64_t)d;
		borrow = (uint64_t)(d >> 64) & 1;
	}
}

/* @x of @n words becomes what is below bit 252; @to is c times what was above, of n - 1 words (and a few zeros). */
static void split(uint64_t *to, uint64_t *x, int n)
{
	memset(to, 0, (size_t)n * sizeof(*to));
	for (int i = 3; i < n; i++) {
		uint64_t word = x[i] >> TOP_BITS | (i + 1 < n ? x[i + 1] << (64 - TOP_BITS) : 0);
		u128 carry = 0;

		for (int j = 0; j < 2; j++) {
			carry += (u128)word * order[j] + to[i - 3 + j];
			to[i - 3 + j] = (uint64_t)carry;
			carry >>= 64;
		}
		to[i - 1] = (uint64_t)carry;
	}
	x[3] &= (UINT64_C(1) << TOP_BITS) - 1;
}

bool ed25519_scalar_read(struct ed25519_scalar *to, const uint8_t octets[32])
{
	memcpy(to->w, octets, sizeof(to->w));
	if (!at_least_order(to->w))
		return true;
	*to = (struct ed25519_scalar){ { 0 } };
	return false;
}

/*
 * h = a - b, b = c q: a < 2^252, q < 2^260, b < 2^385;  b = a' - b' with b' < 2^258, and so on.
 * In the end h = a - a' + a'' - b'', where b'' < 2^131; with 2 L before it that is above 0 and below 4 L.
 */
struct ed25519_scalar ed25519_scalar_reduce(const uint64_t h[8])
{
	uint64_t a0[8], a1[8], a2[8], a3[8];
	struct ed25519_scalar r = { { 0 } };

	memcpy(a0, h, sizeof(a0));
	split(a1, a0, 8);
	split(a2, a1, 8);
	split(a3, a2, 8);
	add(r.w, order);
	add(r.w, order);
	add(r.w, a0);
	add(r.w, a2);
	subtract(r.w, a1);
	subtract(r.w, a3);
	while (at_least_order(r.w))
		subtract(r.w, order);
	return r;
}
