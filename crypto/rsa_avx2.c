// SPDX-License-Identifier: MIT
/*
 * rsa_avx2.c - four RSA verifications side by side, for processors without AVX512-IFMA
 *
 * Numbers are arrays of L vectors: digit i of four lanes, 28 bits in each 64, so that 256 products of two digits need no
 * carry.  The ladder is that of rsa_ifma.c: x_m = s^m R^(1 - m).  What decides is whether
 *
 *	x_(e-1) s / R  =  EM c / R	mod n,		c = R^(2 - e)
 *
 * which says s^e R^(1 - e) = EM R^(1 - e), and R has an inverse.
 */
#include "crypto/rsa_avx2.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE AVX2 __attribute__((always_inline)) static inline

enum { MAX = 152, DIGIT_BITS = 28, LANES = RSA_AVX2_LANES, CARRY_FREE = 120 /* digits of which 2 L products fit */ };
#define DIGIT_MASK ((UINT64_C(1) << DIGIT_BITS) - 1)

typedef __m256i vec;

struct rsa_avx2_work {
	vec n[MAX], s[MAX], em[MAX], c[MAX], x[MAX], t[2 * MAX + 4], n0;
	int digits, bit;
	uint32_t m;
	size_t n_lanes;
	const struct rsa_avx2_key *keys[LANES];
};

/* sum + a b; only 32 bits of a and b count */
AVX2_INLINE vec mad(vec sum, vec a, vec b)
{
	return _mm256_add_epi64(sum, _mm256_mul_epu32(a, b));
}

/* Column @c of four rows, of those digits of b that exist. */
AVX2_INLINE void edge_column(vec *t, const vec a[4], const vec *b, int c, int n)
{
	vec x = t[c];

#pragma GCC unroll 4
	for (int r = 0; r < 4; r++)
		if (c - r >= 0 && c - r < n)
			x = mad(x, a[r], b[c - r]);
	t[c] = x;
}

/* The columns from @from on, a multiple of 4 above 0, as @n is; four columns a round, so that no register moves. */
AVX2_INLINE void rest_of_rows(vec *t, const vec a[4], const vec *b, int from, int n)
{
	vec b1 = b[from - 1], b2 = b[from - 2], b3 = b[from - 3];

	for (int c = from; c < n; c += 4) {
		vec b4 = b[c], b5 = b[c + 1], b6 = b[c + 2], b7 = b[c + 3];

		t[c] = mad(mad(mad(mad(t[c], a[3], b3), a[2], b2), a[1], b1), a[0], b4);
		t[c + 1] = mad(mad(mad(mad(t[c + 1], a[3], b2), a[2], b1), a[1], b4), a[0], b5);
		t[c + 2] = mad(mad(mad(mad(t[c + 2], a[3], b1), a[2], b4), a[1], b5), a[0], b6);
		t[c + 3] = mad(mad(mad(mad(t[c + 3], a[3], b4), a[2], b5), a[1], b6), a[0], b7);
		b3 = b5, b2 = b6, b1 = b7;
	}
	t[n] = mad(mad(mad(t[n], a[3], b3), a[2], b2), a[1], b1);
	t[n + 1] = mad(mad(t[n + 1], a[3], b2), a[2], b1);
	t[n + 2] = mad(t[n + 2], a[3], b1);
}

/* t += a b; a of @rows digits, b of n; both multiples of 4 */
AVX2 static void multiply_add(vec *t, const vec *a, int rows, const vec *b, int n)
{
	for (int i = 0; i < rows; i += 4) {
		const vec four[4] = { a[i], a[i + 1], a[i + 2], a[i + 3] };

#pragma GCC unroll 4
		for (int c = 0; c < 4; c++)
			edge_column(t + i, four, b, c, 4);
		rest_of_rows(t + i, four, b, 4, n);
	}
}

/* Digits below 2^28 again, and what is above them in the next. */
AVX2_INLINE void carry(vec *out, const vec *t, int n)
{
	const vec mask = _mm256_set1_epi64x(DIGIT_MASK);
	vec c = _mm256_setzero_si256();

	for (int i = 0; i < n; i++) {
		c = _mm256_add_epi64(c, t[i]);
		out[i] = _mm256_and_si256(c, mask);
		c = _mm256_srli_epi64(c, DIGIT_BITS);
	}
}

/* t = a^2: products of different digits once, then all doubled, then the squares of digits. */
AVX2 static void square(vec *t, const vec *a, int n)
{
	for (int i = 0; i < 2 * n; i++)
		t[i] = _mm256_setzero_si256();
	for (int i = 0; i < n; i += 4) {
		vec a0 = a[i], a1 = a[i + 1], a2 = a[i + 2], a3 = a[i + 3], *to = t + 2 * i;

		to[1] = mad(to[1], a0, a1);
		to[2] = mad(to[2], a0, a2);
		to[3] = mad(mad(to[3], a0, a3), a1, a2);
		to[4] = mad(to[4], a1, a3);
		to[5] = mad(to[5], a2, a3);
		if (i + 4 < n)
			multiply_add(to + 4, a + i, 4, a + i + 4, n - i - 4);
	}
	for (int i = 0; i < n; i++) {
		t[2 * i] = mad(_mm256_add_epi64(t[2 * i], t[2 * i]), a[i], a[i]);
		t[2 * i + 1] = _mm256_add_epi64(t[2 * i + 1], t[2 * i + 1]);
	}
}

/* The next four digits q of the quotient, from the four columns that they make 0; returns what these carry. */
AVX2_INLINE vec quotient(vec q[4], const vec *t, const vec *n, vec n0)
{
	const vec mask = _mm256_set1_epi64x(DIGIT_MASK);
	vec c = _mm256_setzero_si256();

#pragma GCC unroll 4
	for (int k = 0; k < 4; k++) {
		vec x = _mm256_add_epi64(t[k], c);

#pragma GCC unroll 4
		for (int r = 0; r < k; r++)
			x = mad(x, q[r], n[k - r]);
		q[k] = _mm256_and_si256(_mm256_mul_epu32(x, n0), mask);
		c = _mm256_srli_epi64(mad(x, q[k], n[0]), DIGIT_BITS);
	}
	return c;
}

/* out = t / R mod n, below 2 n when t < 4 n^2; t is used up; as in rsa_ifma.c */
AVX2 static void reduce(vec *out, vec *t, const vec *n, vec n0, int digits)
{
	const vec zero = _mm256_setzero_si256();
	vec q[4], next[4] = { zero, zero, zero, zero };

	if (digits > CARRY_FREE)
		carry(t, t, 2 * digits);
	vec c = quotient(q, t, n, n0);

	for (int i = 0; i < digits; i += 4, t += 4) {
		t[4] = _mm256_add_epi64(t[4], c);
#pragma GCC unroll 4
		for (int k = 4; k < 8; k++)
			edge_column(t, q, n, k, 8);
		if (i + 4 < digits)
			c = quotient(next, t + 4, n, n0);
		rest_of_rows(t, q, n, 8, digits);
#pragma GCC unroll 4
		for (int k = 0; k < 4; k++)
			q[k] = next[k];
	}
	carry(out, t, digits);
}

/* x = a b / R */
AVX2 static void multiply(struct rsa_avx2_work *w, vec *x, const vec *a, const vec *b)
{
	memset(w->t, 0, 2 * (size_t)w->digits * sizeof(vec));
	multiply_add(w->t, a, w->digits, b, w->digits);
	reduce(x, w->t, w->n, w->n0, w->digits);
}

static void ladder_begin(struct rsa_avx2_work *w, uint32_t m, int digits)
{
	w->digits = digits;
	w->m = m;
	w->bit = 31 - __builtin_clz(m);
	memcpy(w->x, w->s, (size_t)digits * sizeof(vec));
}

AVX2 bool rsa_avx2_step(struct rsa_avx2_work *w, int64_t *products)
{
	const int64_t half = (int64_t)w->digits * w->digits / 2; /* a square; its reduction is two */

	while (w->bit > 0 && *products > 0) {
		w->bit--;
		square(w->t, w->x, w->digits);
		reduce(w->x, w->t, w->n, w->n0, w->digits);
		*products -= 3 * half;
		if (!(w->m >> w->bit & 1))
			continue;
		multiply(w, w->x, w->x, w->s);
		*products -= 4 * half;
	}
	return w->bit == 0;
}

/* Between octets, digits and lanes */

/* Digit @i of a big-endian number. */
static uint32_t digit_of(const uint8_t *octets, size_t n, size_t i)
{
	size_t bit = i * DIGIT_BITS, at = bit / 8;
	uint64_t v = 0;

	for (size_t k = 0; k < 5 && at + k < n; k++)
		v |= (uint64_t)octets[n - 1 - at - k] << (8 * k);
	return (uint32_t)(v >> bit % 8 & DIGIT_MASK);
}

static void put_octets(vec *to, unsigned lane, const uint8_t *octets, size_t n, int digits)
{
	for (int i = 0; i < digits; i++)
		((uint64_t *)&to[i])[lane] = digit_of(octets, n, (size_t)i);
}

static void put_digits(vec *to, unsigned lane, const uint32_t *from, int digits)
{
	for (int i = 0; i < digits; i++)
		((uint64_t *)&to[i])[lane] = from[i];
}

static uint32_t negative_inverse(uint32_t n)
{
	uint32_t x = n; /* good to 3 bits, each step doubles them */

	for (int i = 0; i < 4; i++)
		x *= 2 - n * x;
	return (uint32_t)(-x & DIGIT_MASK);
}

/* Numbers below 2 n to below n. */
AVX2 static void below_n(vec *x, const vec *n, int digits)
{
	const vec mask = _mm256_set1_epi64x(DIGIT_MASK);
	vec d[MAX], c = _mm256_setzero_si256();

	for (int i = 0; i < digits; i++) {
		c = _mm256_add_epi64(c, _mm256_sub_epi64(x[i], n[i]));
		d[i] = _mm256_and_si256(c, mask);
		/* 0 or -1, or the borrow of digits that are below 2^29 */
		c = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_srli_epi64(c, 63));
	}
	for (int i = 0; i < digits; i++) /* c is all ones where x was below n */
		x[i] = _mm256_blendv_epi8(d[i], x[i], c);
}

/* Lanes that a batch does not have are like its first. */
static void load_keys(struct rsa_avx2_work *w, const struct rsa_avx2_key *const keys[LANES])
{
	for (unsigned i = 0; i < LANES; i++) {
		CHECK(keys[i]->digits == keys[0]->digits && keys[i]->e == keys[0]->e);
		put_digits(w->n, i, keys[i]->numbers, keys[0]->digits);
		((uint64_t *)&w->n0)[i] = keys[i]->n0;
	}
}

void rsa_avx2_keys_begin(struct rsa_avx2_work *w, struct rsa_avx2_key *const to[], const struct rsa_key *from, size_t n)
{
	const struct rsa_avx2_key *keys[LANES];

	CHECK(n >= 1 && n <= LANES);
	for (size_t i = 0; i < n; i++) {
		unsigned digits = rsa_avx2_digits(from[i].bits);

		CHECK(digits);
		to[i]->digits = (uint16_t)digits;
		to[i]->octets = (uint16_t)from[i].n.len;
		to[i]->e = from[i].e;
		for (unsigned d = 0; d < digits; d++)
			to[i]->numbers[d] = digit_of(from[i].n.at, from[i].n.len, d);
		to[i]->n0 = negative_inverse(to[i]->numbers[0] | to[i]->numbers[1] << DIGIT_BITS);
	}
	for (size_t i = 0; i < LANES; i++)
		keys[i] = to[i < n ? i : 0];
	load_keys(w, keys);
	memset(w->s, 0, sizeof(w->s));
	for (unsigned i = 0; i < LANES; i++)
		((uint64_t *)&w->s[0])[i] = 1;
	ladder_begin(w, keys[0]->e - 1, keys[0]->digits);
}

void rsa_avx2_keys_end(struct rsa_avx2_work *w, struct rsa_avx2_key *const to[], size_t n)
{
	CHECK(w->bit == 0);
	below_n(w->x, w->n, w->digits);
	for (size_t i = 0; i < n; i++)
		for (int d = 0; d < w->digits; d++)
			to[i]->numbers[w->digits + d] = (uint32_t)((const uint64_t *)&w->x[d])[i];
}

void rsa_avx2_verify_begin(struct rsa_avx2_work *w, const struct rsa_avx2_lane *lanes, size_t n)
{
	const struct rsa_avx2_key *keys[LANES];

	CHECK(n >= 1 && n <= LANES);
	w->n_lanes = n;
	for (unsigned i = 0; i < LANES; i++) {
		const struct rsa_avx2_lane *l = &lanes[i < n ? i : 0];

		keys[i] = w->keys[i] = l->key;
		put_octets(w->s, i, l->sig, l->key->octets, l->key->digits);
		put_octets(w->em, i, l->em, l->key->octets, l->key->digits);
	}
	load_keys(w, keys);
	ladder_begin(w, keys[0]->e - 1, keys[0]->digits);
}

AVX2 unsigned rsa_avx2_verify_end(struct rsa_avx2_work *w)
{
	const int digits = w->digits;
	vec differs = _mm256_setzero_si256();

	CHECK(w->bit == 0);
	for (unsigned i = 0; i < LANES; i++)
		put_digits(w->c, i, w->keys[i]->numbers + digits, digits);
	multiply(w, w->x, w->x, w->s);
	multiply(w, w->c, w->em, w->c);
	below_n(w->x, w->n, digits);
	below_n(w->c, w->n, digits);
	for (int i = 0; i < digits; i++)
		differs = _mm256_or_si256(differs, _mm256_xor_si256(w->x[i], w->c[i]));
	vec same = _mm256_cmpeq_epi64(differs, _mm256_setzero_si256());

	return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same)) & ((1u << w->n_lanes) - 1);
}

size_t rsa_avx2_work_size(void)
{
	return sizeof(struct rsa_avx2_work);
}

#else

size_t rsa_avx2_work_size(void)
{
	return 64;
}

void rsa_avx2_keys_begin(struct rsa_avx2_work *w, struct rsa_avx2_key *const to[], const struct rsa_key *from, size_t n)
{
	(void)w, (void)to, (void)from, (void)n;
	CHECK(false);
}

void rsa_avx2_keys_end(struct rsa_avx2_work *w, struct rsa_avx2_key *const to[], size_t n)
{
	(void)w, (void)to, (void)n;
	CHECK(false);
}

void rsa_avx2_verify_begin(struct rsa_avx2_work *w, const struct rsa_avx2_lane *lanes, size_t n)
{
	(void)w, (void)lanes, (void)n;
	CHECK(false);
}

unsigned rsa_avx2_verify_end(struct rsa_avx2_work *w)
{
	(void)w;
	CHECK(false);
	return 0;
}

bool rsa_avx2_step(struct rsa_avx2_work *w, int64_t *products)
{
	(void)w, (void)products;
	CHECK(false);
	return true;
}

#endif

/* Classes as those of the lanes of IFMA; n stays below R / 4. */
unsigned rsa_avx2_digits(unsigned bits)
{
	static const uint8_t digits[] = { 40, 76, 112, 152 };
	static const uint16_t most[] = { 1038, 2078, 3118, RSA_AVX2_BITS_MAX };

	if (bits < RSA_AVX2_BITS_MIN)
		return 0;
	for (unsigned i = 0; i < sizeof(most) / sizeof(most[0]); i++)
		if (bits <= most[i])
			return digits[i];
	return 0;
}

size_t rsa_avx2_key_size(unsigned digits)
{
	size_t size = sizeof(struct rsa_avx2_key) + (size_t)2 * digits * sizeof(uint32_t);

	return (size + 63) & ~(size_t)63;
}
