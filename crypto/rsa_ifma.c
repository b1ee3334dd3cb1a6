// SPDX-License-Identifier: MIT
/*
 * rsa_ifma.c - eight RSA verifications side by side, with the 52-bit multiply-add of AVX512-IFMA
 *
 * Numbers are arrays of L vectors: digit i of all eight lanes, 52 bits in each 64, so that sums of up to 4096
 * half products need no carry.  R = 2^(52 L) is above 4 n; then Montgomery's reduction of a product of two
 * numbers below 2 n is below 2 n again, and no step compares or subtracts.
 *
 * The ladder starts from the signature s itself, not from s R.  Powers of R gather with each reduction:
 *
 *	x_m = s^m R^(1 - m);  a squaring gives x_2m, a multiplication by s gives x_(m+1)
 *
 * The last multiplication of an odd exponent is put together with the comparison.  With c = R^(2 - e),
 *
 *	t = x_(e-1) s - EM c = (s^e - EM) R^(2 - e)		mod n
 *
 * which is 0 just when s^e = EM, since R has an inverse (n is odd) and EM is below n (its first octet is 0, that of
 * n is not).  EM = 2^(8k-15) - u, so -EM c = (n - c) 2^(8k-15) + u c: the first is kept with the key, the second is
 * eight rows.  t is below 2 n^2 + n^2 + 2^416 n < 4 n^2, so its reduction is below 2 n, and 0 mod n means 0 or n.
 */
#include "crypto/ifma_lanes.h"
#include "crypto/rsa_ifma.h"

#ifdef __x86_64__

enum { MAX = RSA_IFMA_DIGITS_MAX, DIGIT_BITS = 52, TAIL_DIGITS = 8 };
#define DIGIT_MASK ((UINT64_C(1) << DIGIT_BITS) - 1)

_Static_assert(TAIL_DIGITS *DIGIT_BITS == RSA_IFMA_TAIL * 8, "the tail fills its digits");

/* Column @c of four rows: t[c] += lo(a[r] b[c-r]) + hi(a[r] b[c-1-r]), for those r whose digit of b exists. */
IFMA_INLINE void edge_column(vec *t, const vec a[4], const vec *b, int c, int n)
{
	vec x = t[c], y = _mm512_setzero_si512();

#pragma GCC unroll 4
	for (int r = 0; r < 4; r++) {
		if (c - r >= 0 && c - r < n)
			x = lo(x, a[r], b[c - r]);
		if (c - 1 - r >= 0 && c - 1 - r < n)
			y = hi(y, a[r], b[c - 1 - r]);
	}
	t[c] = _mm512_add_epi64(x, y);
}

/* The columns from @from >= 4 on; the digits of b that a column needs stay in registers and move by one. */
IFMA_INLINE void rest_of_rows(vec *t, const vec a[4], const vec *b, int from, int n)
{
	vec b1 = b[from - 1], b2 = b[from - 2], b3 = b[from - 3], b4 = b[from - 4];

	for (int c = from; c < n; c++) {
		vec x = t[c], y = _mm512_setzero_si512(), b0 = b[c];

		y = hi(y, a[3], b4);
		x = lo(x, a[3], b3);
		y = hi(y, a[2], b3);
		x = lo(x, a[2], b2);
		y = hi(y, a[1], b2);
		x = lo(x, a[1], b1);
		y = hi(y, a[0], b1);
		x = lo(x, a[0], b0);
		t[c] = _mm512_add_epi64(x, y);
		b4 = b3, b3 = b2, b2 = b1, b1 = b0;
	}
	t += n;
	b += n;
#pragma GCC unroll 4
	for (int c = 0; c < 4; c++) {
		vec x = t[c], y = _mm512_setzero_si512();

#pragma GCC unroll 4
		for (int r = 0; r < 4; r++) {
			if (r > c)
				x = lo(x, a[r], b[c - r]);
			if (r >= c)
				y = hi(y, a[r], b[c - 1 - r]);
		}
		t[c] = _mm512_add_epi64(x, y);
	}
}

/* t += a b 2^(52 ...) for four digits a and n >= 4 digits b: columns t[0] to t[n + 3] */
IFMA_INLINE void add_rows(vec *t, const vec *a, const vec *b, int n)
{
	const vec rows[4] = { a[0], a[1], a[2], a[3] };

#pragma GCC unroll 4
	for (int c = 0; c < 4; c++)
		edge_column(t, rows, b, c, 4);
	rest_of_rows(t, rows, b, 4, n);
}

/* t += a b; a of @rows digits, b of n; both multiples of 4 */
IFMA static void multiply_add(vec *t, const vec *a, int rows, const vec *b, int n)
{
	for (int i = 0; i < rows; i += 4)
		add_rows(t + i, a + i, b, n);
}

/* t = a^2: products of different digits once, then all doubled, then the squares of digits. */
IFMA static void square(vec *t, const vec *a, int n)
{
	for (int i = 0; i < 2 * n; i++)
		t[i] = _mm512_setzero_si512();
	for (int i = 0; i < n; i += 4) {
		vec a0 = a[i], a1 = a[i + 1], a2 = a[i + 2], a3 = a[i + 3], *to = t + 2 * i;

		to[1] = lo(to[1], a0, a1);
		to[2] = hi(lo(to[2], a0, a2), a0, a1);
		to[3] = hi(lo(lo(to[3], a0, a3), a1, a2), a0, a2);
		to[4] = hi(hi(lo(to[4], a1, a3), a0, a3), a1, a2);
		to[5] = hi(lo(to[5], a2, a3), a1, a3);
		to[6] = hi(to[6], a2, a3);
		if (i + 4 < n)
			add_rows(to + 4, a + i, a + i + 4, n - i - 4);
	}
	for (int i = 0; i < n; i++) {
		t[2 * i] = lo(_mm512_add_epi64(t[2 * i], t[2 * i]), a[i], a[i]);
		t[2 * i + 1] = hi(_mm512_add_epi64(t[2 * i + 1], t[2 * i + 1]), a[i], a[i]);
	}
}

/* The next four digits q of the quotient, from the four columns that they make 0; returns what these carry. */
IFMA_INLINE vec quotient(vec q[4], const vec *t, const vec *n, vec n0)
{
	const vec zero = _mm512_setzero_si512();
	vec c = zero;

#pragma GCC unroll 4
	for (int k = 0; k < 4; k++) {
		vec x = _mm512_add_epi64(t[k], c), y = zero;

#pragma GCC unroll 4
		for (int r = 0; r < k; r++) {
			x = lo(x, q[r], n[k - r]);
			y = hi(y, q[r], n[k - 1 - r]);
		}
		x = _mm512_add_epi64(x, y);
		q[k] = lo(zero, x, n0);
		c = _mm512_srli_epi64(lo(x, q[k], n[0]), DIGIT_BITS);
	}
	return c;
}

/*
 * out = t / R mod n, below 2 n when t < 4 n^2; t is used up; @digits >= 8.  Four digits of the quotient at a time,
 * then their rows.  Each digit waits for the one before it, so the next four are begun as soon as their columns are
 * whole, and the processor has the rest of the rows to do meanwhile.
 */
IFMA static void reduce(vec *out, vec *t, const vec *n, vec n0, int digits)
{
	const vec zero = _mm512_setzero_si512();
	vec q[4], next[4] = { zero, zero, zero, zero }, carry = quotient(q, t, n, n0);

	for (int i = 0; i < digits; i += 4, t += 4) {
		t[4] = _mm512_add_epi64(t[4], carry);
#pragma GCC unroll 4
		for (int k = 4; k < 8; k++)
			edge_column(t, q, n, k, 8);
		if (i + 4 < digits)
			carry = quotient(next, t + 4, n, n0);
		rest_of_rows(t, q, n, 8, digits);
#pragma GCC unroll 4
		for (int k = 0; k < 4; k++)
			q[k] = next[k];
	}

	const vec mask = _mm512_set1_epi64(DIGIT_MASK);
	vec c = zero;

	for (int i = 0; i < digits; i++) {
		c = _mm512_add_epi64(c, t[i]);
		out[i] = _mm512_and_si512(c, mask);
		c = _mm512_srli_epi64(c, DIGIT_BITS);
	}
}

/*
 * A ladder, and what a batch that ends with a comparison needs beside it.  Between two calls x = s^m' R^(1 - m'), where
 * m' is what of @m lies above @bit.
 */
struct rsa_ifma_work {
	vec n[MAX], s[MAX], x[MAX], t[2 * MAX + 4], n0;
	int digits, bit;
	uint32_t m;
	size_t n_lanes;
	struct rsa_ifma_lane lanes[IFMA_LANES];
};

/* x = s^m R^(1 - m), once rsa_ifma_step() says that it is done */
static void ladder_begin(struct rsa_ifma_work *w, uint32_t m, int digits)
{
	w->digits = digits;
	w->m = m;
	w->bit = 31 - __builtin_clz(m);
	memcpy(w->x, w->s, (size_t)digits * sizeof(vec));
}

IFMA bool rsa_ifma_step(struct rsa_ifma_work *w, int64_t *madds)
{
	const int digits = w->digits;
	const int64_t square_cost = INT64_C(3) * digits * digits; /* with its reduction */

	while (w->bit > 0 && *madds > 0) {
		w->bit--;
		square(w->t, w->x, digits);
		reduce(w->x, w->t, w->n, w->n0, digits);
		*madds -= square_cost;
		if (!(w->m >> w->bit & 1))
			continue;
		memset(w->t, 0, 2 * (size_t)digits * sizeof(vec));
		multiply_add(w->t, w->x, digits, w->s, digits);
		reduce(w->x, w->t, w->n, w->n0, digits);
		*madds -= square_cost + square_cost / 3;
	}
	return w->bit == 0;
}

/* Between octets and digits, digits and lanes */

static uint64_t load_be64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return __builtin_bswap64(v);
}

/* Two digits are 13 octets. */
static void digits_of(uint64_t *to, unsigned digits, const uint8_t *octets, size_t n)
{
	unsigned i = 0;

	for (; n >= 14; n -= 13, i += 2) {
		to[i] = load_be64(octets + n - 8) & DIGIT_MASK;
		to[i + 1] = load_be64(octets + n - 14) >> 4 & DIGIT_MASK;
		CHECK(i + 2 <= digits);
	}
	uint8_t last[16] = { 0 };

	memcpy(last + 16 - n, octets, n);
	for (; i < digits; i += 2) {
		to[i] = load_be64(last + 8) & DIGIT_MASK;
		to[i + 1] = load_be64(last + 2) >> 4 & DIGIT_MASK;
		memset(last, 0, sizeof(last));
	}
}

/* Digit i of lane j becomes element j of vector i. */
IFMA static void gather(vec *to, const uint64_t *const lanes[IFMA_LANES], int n)
{
	int i = 0;

	for (; i + 8 <= n; i += 8)
		lanes_load(to + i, lanes, (size_t)i);
	for (; i < n; i++)
		to[i] = _mm512_set_epi64((int64_t)lanes[7][i], (int64_t)lanes[6][i], (int64_t)lanes[5][i],
					 (int64_t)lanes[4][i], (int64_t)lanes[3][i], (int64_t)lanes[2][i],
					 (int64_t)lanes[1][i], (int64_t)lanes[0][i]);
}

static uint64_t negative_inverse(uint64_t n)
{
	uint64_t x = n; /* good to 3 bits, each step doubles them */

	for (int i = 0; i < 5; i++)
		x *= 2 - n * x;
	return -x & DIGIT_MASK;
}

/* The part of a key that needs no ladder. */
static void begin_key(struct rsa_ifma_key *key, const struct rsa_key *from)
{
	unsigned digits = rsa_ifma_digits(from->bits);

	CHECK(digits);
	*key = (struct rsa_ifma_key){
		.digits = (uint16_t)digits, .octets = (uint16_t)from->n.len, .bits = from->bits, .e = from->e
	};
	digits_of(key->numbers, digits, from->n.at, from->n.len);
	key->n0 = negative_inverse(key->numbers[0]);
}

/* @c, at most n, becomes the key's c below n, and what follows from it. */
static void finish_key(struct rsa_ifma_key *key, const uint64_t *c)
{
	unsigned digits = key->digits, shift = 8u * key->octets - 15;
	uint64_t *n = key->numbers, *to = n + digits, *high = to + digits, borrow = 0;

	memcpy(to, c, digits * sizeof(*c));
	memset(high, 0, 2 * digits * sizeof(*high));
	for (unsigned i = 0; i < digits; i++) {
		uint64_t d = n[i] - to[i] - borrow;
		unsigned at = i + shift / DIGIT_BITS, by = shift % DIGIT_BITS;

		borrow = d >> 63;
		d &= DIGIT_MASK;
		high[at] |= d << by & DIGIT_MASK;
		if (by)
			high[at + 1] |= d >> (DIGIT_BITS - by);
	}
	CHECK(borrow == 0);
}

/* Numbers below 2 n to at most n: subtract n where it leaves nothing negative, but keep n itself. */
IFMA static void at_most_n(vec *x, const vec *n, int digits)
{
	const vec mask = _mm512_set1_epi64(DIGIT_MASK);
	vec d[MAX], c = _mm512_setzero_si512(), any = c;

	for (int i = 0; i < digits; i++) {
		c = _mm512_add_epi64(c, _mm512_sub_epi64(x[i], n[i]));
		d[i] = _mm512_and_si512(c, mask);
		any = _mm512_or_si512(any, d[i]);
		c = _mm512_srai_epi64(c, DIGIT_BITS);
	}
	__mmask8 above = _mm512_cmpeq_epi64_mask(c, _mm512_setzero_si512()) & _mm512_test_epi64_mask(any, any);

	for (int i = 0; i < digits; i++)
		x[i] = _mm512_mask_mov_epi64(x[i], above, d[i]);
}

/* Moduli of the lanes, and -1 / n mod 2^52 of each. */
IFMA static void load_moduli(struct rsa_ifma_work *w, const struct rsa_ifma_key *const keys[IFMA_LANES])
{
	const uint64_t *lanes[IFMA_LANES];
	uint64_t n0[IFMA_LANES];

	for (size_t i = 0; i < IFMA_LANES; i++) {
		CHECK(keys[i]->digits == keys[0]->digits && keys[i]->e == keys[0]->e);
		lanes[i] = keys[i]->numbers;
		n0[i] = keys[i]->n0;
	}
	gather(w->n, lanes, keys[0]->digits);
	w->n0 = _mm512_loadu_si512(n0);
}

IFMA void rsa_ifma_keys_begin(struct rsa_ifma_work *w, struct rsa_ifma_key *const to[], const struct rsa_key *from,
			      size_t n)
{
	const struct rsa_ifma_key *keys[IFMA_LANES];

	CHECK(n >= 1 && n <= IFMA_LANES);
	for (size_t i = 0; i < n; i++)
		begin_key(to[i], &from[i]);
	for (size_t i = 0; i < IFMA_LANES; i++)
		keys[i] = to[i < n ? i : 0];
	const int digits = keys[0]->digits;

	CHECK(digits >= 4);
	load_moduli(w, keys);
	for (int i = 0; i < digits; i++)
		w->s[i] = _mm512_set1_epi64(i == 0);
	ladder_begin(w, keys[0]->e - 1, digits);
}

IFMA void rsa_ifma_keys_end(struct rsa_ifma_work *w, struct rsa_ifma_key *const to[], size_t n)
{
	uint64_t c[MAX];

	CHECK(w->bit == 0);
	at_most_n(w->x, w->n, w->digits);
	for (size_t i = 0; i < n; i++) {
		for (int d = 0; d < w->digits; d++)
			c[d] = ((const uint64_t *)&w->x[d])[i];
		finish_key(to[i], c);
	}
}

IFMA void rsa_ifma_verify_begin(struct rsa_ifma_work *w, const struct rsa_ifma_lane *lanes, size_t n)
{
	const struct rsa_ifma_key *keys[IFMA_LANES];
	const uint64_t *of_s[IFMA_LANES];
	uint64_t s[IFMA_LANES][MAX];

	CHECK(n >= 1 && n <= IFMA_LANES);
	w->n_lanes = n;
	for (size_t i = 0; i < IFMA_LANES; i++) {
		const struct rsa_ifma_lane *l = &lanes[i < n ? i : 0];

		keys[i] = l->key;
		w->lanes[i] = *l;
		if (i < n)
			digits_of(s[i], l->key->digits, l->sig, l->key->octets);
		of_s[i] = s[i < n ? i : 0];
	}
	load_moduli(w, keys);
	gather(w->s, of_s, keys[0]->digits);
	ladder_begin(w, keys[0]->e - 1, keys[0]->digits);
}

/* w->x = (s^e - EM) R^(1 - e), below 2 n */
IFMA static void difference(struct rsa_ifma_work *w)
{
	const int digits = w->digits;
	const uint64_t *of_c[IFMA_LANES], *of_t[IFMA_LANES], *of_u[IFMA_LANES];
	uint64_t u[IFMA_LANES][TAIL_DIGITS];
	vec c[MAX], tail[TAIL_DIGITS];

	CHECK(w->bit == 0);
	for (size_t i = 0; i < IFMA_LANES; i++) {
		const struct rsa_ifma_key *key = w->lanes[i].key;

		digits_of(u[i], TAIL_DIGITS, w->lanes[i].u, RSA_IFMA_TAIL);
		of_u[i] = u[i];
		of_c[i] = key->numbers + digits;
		of_t[i] = key->numbers + 2 * digits;
	}
	gather(c, of_c, digits);
	gather(w->t, of_t, 2 * digits);
	gather(tail, of_u, TAIL_DIGITS);
	multiply_add(w->t, tail, TAIL_DIGITS, c, digits);
	multiply_add(w->t, w->x, digits, w->s, digits);
	reduce(w->x, w->t, w->n, w->n0, digits);
}

IFMA unsigned rsa_ifma_verify_end(struct rsa_ifma_work *w)
{
	vec not_zero = _mm512_setzero_si512(), not_n = not_zero;

	difference(w);
	for (int i = 0; i < w->digits; i++) {
		not_zero = _mm512_or_si512(not_zero, w->x[i]);
		not_n = _mm512_or_si512(not_n, _mm512_xor_si512(w->x[i], w->n[i]));
	}
	unsigned bad = _mm512_test_epi64_mask(not_zero, not_zero) & _mm512_test_epi64_mask(not_n, not_n);

	return ~bad & ((1u << w->n_lanes) - 1);
}

static void run_ladder(struct rsa_ifma_work *w)
{
	int64_t madds = INT64_MAX;

	CHECK(rsa_ifma_step(w, &madds));
}

void rsa_ifma_keys(struct rsa_ifma_key *const to[], const struct rsa_key *from, size_t n)
{
	struct rsa_ifma_work w;

	rsa_ifma_keys_begin(&w, to, from, n);
	run_ladder(&w);
	rsa_ifma_keys_end(&w, to, n);
}

unsigned rsa_ifma_verify(const struct rsa_ifma_lane *lanes, size_t n)
{
	struct rsa_ifma_work w;

	rsa_ifma_verify_begin(&w, lanes, n);
	run_ladder(&w);
	return rsa_ifma_verify_end(&w);
}

IFMA void rsa_ifma_residue(const struct rsa_ifma_lane *lanes, size_t n, uint64_t *z)
{
	struct rsa_ifma_work w;

	rsa_ifma_verify_begin(&w, lanes, n);
	run_ladder(&w);
	difference(&w);
	at_most_n(w.x, w.n, w.digits);
	memcpy(z, w.x, (size_t)w.digits * sizeof(vec));
}

size_t rsa_ifma_work_size(void)
{
	return sizeof(struct rsa_ifma_work);
}

#else

size_t rsa_ifma_work_size(void)
{
	return 64;
}

void rsa_ifma_keys_begin(struct rsa_ifma_work *w, struct rsa_ifma_key *const to[], const struct rsa_key *from, size_t n)
{
	(void)w, (void)to, (void)from, (void)n;
	CHECK(false);
}

void rsa_ifma_keys_end(struct rsa_ifma_work *w, struct rsa_ifma_key *const to[], size_t n)
{
	(void)w, (void)to, (void)n;
	CHECK(false);
}

void rsa_ifma_verify_begin(struct rsa_ifma_work *w, const struct rsa_ifma_lane *lanes, size_t n)
{
	(void)w, (void)lanes, (void)n;
	CHECK(false);
}

unsigned rsa_ifma_verify_end(struct rsa_ifma_work *w)
{
	(void)w;
	CHECK(false);
	return 0;
}

bool rsa_ifma_step(struct rsa_ifma_work *w, int64_t *madds)
{
	(void)w, (void)madds;
	CHECK(false);
	return true;
}

void rsa_ifma_keys(struct rsa_ifma_key *const to[], const struct rsa_key *from, size_t n)
{
	(void)to, (void)from, (void)n;
	CHECK(false);
}

unsigned rsa_ifma_verify(const struct rsa_ifma_lane *lanes, size_t n)
{
	(void)lanes, (void)n;
	CHECK(false);
	return 0;
}

void rsa_ifma_residue(const struct rsa_ifma_lane *lanes, size_t n, uint64_t *z)
{
	(void)lanes, (void)n, (void)z;
	CHECK(false);
}

#endif

/* A class of lengths for each 1024 bits and a little; n stays below R / 4. */
unsigned rsa_ifma_digits(unsigned bits)
{
	if (bits < RSA_IFMA_BITS_MIN || bits > RSA_IFMA_BITS_MAX)
		return 0;
	return (bits + 2 + 52 * 20 - 1) / (52 * 20) * 20;
}

size_t rsa_ifma_key_size(unsigned digits)
{
	size_t size = sizeof(struct rsa_ifma_key) + (size_t)4 * digits * sizeof(uint64_t);

	return (size + 63) & ~(size_t)63;
}
