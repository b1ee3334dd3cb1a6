// SPDX-License-Identifier: MIT
/*
 * fe25519_ifma.h - numbers mod p = 2^255 - 19, one in each of eight lanes
 *
 * A number is five digits of 51 bits.  Digits may be a little larger: `fe` has digits below 2^51 + 2^18, so that a
 * multiplication, which takes 52 bits, loses nothing.  `wide` is what a product, or sums of products, are before the
 * carries: digits below 2^63, to be added and subtracted as they are.  Every operation says which of the two it
 * takes, so no number is carried twice.
 */
#ifndef CRYPTO_FE25519_IFMA_H
#define CRYPTO_FE25519_IFMA_H

#include "crypto/ifma_lanes.h"

#ifdef __x86_64__

enum { FE_DIGITS = 5, FE_DIGIT_BITS = 51 };
#define FE_DIGIT_MASK ((UINT64_C(1) << FE_DIGIT_BITS) - 1)

struct fe {
	vec v[FE_DIGITS];
};

struct wide {
	vec v[FE_DIGITS];
};

IFMA_INLINE vec times_19(vec x)
{
	return _mm512_add_epi64(_mm512_add_epi64(x, _mm512_slli_epi64(x, 1)), _mm512_slli_epi64(x, 4));
}

/* All digits carry at once: the carries of digits below 2^63 have 12 bits, 17 after the last one is folded. */
IFMA_INLINE struct fe fe_of(struct wide w)
{
	const vec mask = _mm512_set1_epi64(FE_DIGIT_MASK);
	struct fe r;

	r.v[0] = _mm512_add_epi64(_mm512_and_si512(w.v[0], mask), times_19(_mm512_srli_epi64(w.v[4], FE_DIGIT_BITS)));
#pragma GCC unroll 4
	for (int i = 1; i < FE_DIGITS; i++)
		r.v[i] = _mm512_add_epi64(_mm512_and_si512(w.v[i], mask), _mm512_srli_epi64(w.v[i - 1], FE_DIGIT_BITS));
	return r;
}

IFMA_INLINE struct wide wide_of(struct fe a)
{
	struct wide r;

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		r.v[i] = a.v[i];
	return r;
}

IFMA_INLINE struct wide wide_add(struct wide a, struct wide b)
{
#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		a.v[i] = _mm512_add_epi64(a.v[i], b.v[i]);
	return a;
}

/* a - b for digits of b below 2^61.9: a multiple of p keeps them positive. */
IFMA_INLINE struct wide wide_sub(struct wide a, struct wide b)
{
	/* 2^11 p, digit by digit: 2^62 less a little */
	const vec bias_0 = _mm512_set1_epi64((int64_t)((FE_DIGIT_MASK - 18) << 11));
	const vec bias = _mm512_set1_epi64((int64_t)(FE_DIGIT_MASK << 11));

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		a.v[i] = _mm512_add_epi64(a.v[i], _mm512_sub_epi64(i ? bias : bias_0, b.v[i]));
	return a;
}

/*
 * Column k has low[k] and twice high[k - 1] (a digit has 51 bits, a high half begins at the 52nd), and 19 times
 * column k + 5, for 2^255 = 19.  Five products of a kind make a column less than 2^55, and the sum less than 2^60.
 */
IFMA_INLINE struct wide fold(const vec low[9], const vec high[9])
{
	struct wide r;

#pragma GCC unroll 5
	for (int k = 0; k < FE_DIGITS; k++) {
		vec upper = _mm512_slli_epi64(high[k + 4], 1);

		if (k + 5 < 9)
			upper = _mm512_add_epi64(upper, low[k + 5]);
		r.v[k] = _mm512_add_epi64(low[k], times_19(upper));
		if (k > 0)
			r.v[k] = _mm512_add_epi64(r.v[k], _mm512_slli_epi64(high[k - 1], 1));
	}
	return r;
}

IFMA_INLINE struct wide fe_mul(struct fe a, struct fe b)
{
	const vec zero = _mm512_setzero_si512();
	vec low[9] = { zero, zero, zero, zero, zero, zero, zero, zero, zero };
	vec high[9] = { zero, zero, zero, zero, zero, zero, zero, zero, zero };

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++) {
#pragma GCC unroll 5
		for (int j = 0; j < FE_DIGITS; j++) {
			low[i + j] = lo(low[i + j], a.v[i], b.v[j]);
			high[i + j] = hi(high[i + j], a.v[i], b.v[j]);
		}
	}
	return fold(low, high);
}

/* Products of different digits once, doubled, then the squares of digits. */
IFMA_INLINE struct wide fe_square(struct fe a)
{
	const vec zero = _mm512_setzero_si512();
	vec low[9] = { zero, zero, zero, zero, zero, zero, zero, zero, zero };
	vec high[9] = { zero, zero, zero, zero, zero, zero, zero, zero, zero };

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++) {
#pragma GCC unroll 5
		for (int j = i + 1; j < FE_DIGITS; j++) {
			low[i + j] = lo(low[i + j], a.v[i], a.v[j]);
			high[i + j] = hi(high[i + j], a.v[i], a.v[j]);
		}
	}
#pragma GCC unroll 9
	for (int k = 0; k < 9; k++) {
		low[k] = _mm512_slli_epi64(low[k], 1);
		high[k] = _mm512_slli_epi64(high[k], 1);
		if (k % 2 == 0) {
			low[k] = lo(low[k], a.v[k / 2], a.v[k / 2]);
			high[k] = hi(high[k], a.v[k / 2], a.v[k / 2]);
		}
	}
	return fold(low, high);
}

IFMA_INLINE struct fe fe_small(uint64_t x)
{
	struct fe r = { { _mm512_set1_epi64((int64_t)x) } };

#pragma GCC unroll 4
	for (int i = 1; i < FE_DIGITS; i++)
		r.v[i] = _mm512_setzero_si512();
	return r;
}

IFMA_INLINE struct fe fe_constant(const uint64_t digits[FE_DIGITS])
{
	struct fe r;

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		r.v[i] = _mm512_set1_epi64((int64_t)digits[i]);
	return r;
}

/* Not for the innermost loops: one call for all who are in no hurry. */
IFMA __attribute__((noinline, unused)) static struct fe fe_product(struct fe a, struct fe b)
{
	return fe_of(fe_mul(a, b));
}

IFMA_INLINE struct fe fe_sum(struct fe a, struct fe b)
{
	return fe_of(wide_add(wide_of(a), wide_of(b)));
}

IFMA_INLINE struct fe fe_difference(struct fe a, struct fe b)
{
	return fe_of(wide_sub(wide_of(a), wide_of(b)));
}

/* b in the lanes of @which, a in the others */
IFMA_INLINE struct fe fe_choose(__mmask8 which, struct fe a, struct fe b)
{
#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		a.v[i] = _mm512_mask_mov_epi64(a.v[i], which, b.v[i]);
	return a;
}

/* The one form of a number: below p, digits below 2^51. */
IFMA_INLINE struct fe fe_canonical(struct fe a)
{
	const vec mask = _mm512_set1_epi64(FE_DIGIT_MASK);
	vec q = _mm512_set1_epi64(19);

	/* a is below 2 p: is a + 19 at least 2^255?  Then a less p is that less 2^255. */
#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		q = _mm512_srli_epi64(_mm512_add_epi64(a.v[i], q), FE_DIGIT_BITS);
	vec carry = times_19(q);

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++) {
		carry = _mm512_add_epi64(a.v[i], carry);
		a.v[i] = _mm512_and_si512(carry, mask);
		carry = _mm512_srli_epi64(carry, FE_DIGIT_BITS);
	}
	return a;
}

/* Lanes where both are the same digits; of canonical numbers, where they are equal. */
IFMA_INLINE __mmask8 fe_same(struct fe a, struct fe b)
{
	vec differ = _mm512_setzero_si512();

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		differ = _mm512_or_si512(differ, _mm512_xor_si512(a.v[i], b.v[i]));
	return _mm512_testn_epi64_mask(differ, differ);
}

/* Lanes whose canonical number is odd, which RFC 8032 5.1.2 calls the sign of x. */
IFMA_INLINE __mmask8 fe_is_odd(struct fe a)
{
	return _mm512_test_epi64_mask(a.v[0], _mm512_set1_epi64(1));
}

IFMA __attribute__((noinline, unused)) static struct fe fe_square_n(struct fe a, int n)
{
	for (int i = 0; i < n; i++)
		a = fe_of(fe_square(a));
	return a;
}

/* a^(2^250 - 1); @a_11 becomes a^11 */
IFMA __attribute__((unused)) static struct fe fe_power_250(struct fe a, struct fe *a_11)
{
	struct fe a_2 = fe_square_n(a, 1);
	struct fe a_9 = fe_product(fe_square_n(a_2, 2), a);

	*a_11 = fe_product(a_9, a_2);
	struct fe e5 = fe_product(fe_square_n(*a_11, 1), a_9); /* e5: a^(2^5 - 1), and so on */
	struct fe e10 = fe_product(fe_square_n(e5, 5), e5);
	struct fe e20 = fe_product(fe_square_n(e10, 10), e10);
	struct fe e40 = fe_product(fe_square_n(e20, 20), e20);
	struct fe e50 = fe_product(fe_square_n(e40, 10), e10);
	struct fe e100 = fe_product(fe_square_n(e50, 50), e50);
	struct fe e200 = fe_product(fe_square_n(e100, 100), e100);

	return fe_product(fe_square_n(e200, 50), e50);
}

/* 1 / a = a^(p - 2) = a^(2^255 - 21); 0 for 0 */
IFMA __attribute__((unused)) static struct fe fe_inverse(struct fe a)
{
	struct fe a_11, e250 = fe_power_250(a, &a_11);

	return fe_product(fe_square_n(e250, 5), a_11);
}

/* a^((p - 5) / 8) = a^(2^252 - 3) (RFC 8032 5.1.3) */
IFMA __attribute__((unused)) static struct fe fe_power_root(struct fe a)
{
	struct fe a_11, e250 = fe_power_250(a, &a_11);

	return fe_product(fe_square_n(e250, 2), a);
}

#endif
#endif
