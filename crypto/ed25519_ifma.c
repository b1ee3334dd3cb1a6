// SPDX-License-Identifier: MIT
/*
 * ed25519_ifma.c - eight Ed25519 verifications side by side, with the 52-bit multiply-add of AVX512-IFMA
 *
 * A point is Y + X, Y - X, Z and T of the extended coordinates (X/Z, Y/Z), T = XY/Z.  On this curve the formulas of
 * addition hold for all points (-1 is a square mod p, d is not), so no lane ever needs an exception.
 *
 * S B - h A is computed with S and h cut into four words of 64 bits: table j of a key is for word j, so all words
 * share 60 doublings.  A digit has four bits and a sign: with 0x88..8 added, a word's nibble k less 8 is digit k.
 */
#include "crypto/ed25519_ifma.h"
#include "crypto/ed25519_scalar.h"
#include "crypto/ifma_lanes.h"
#include "crypto/sha512_lanes.h"

#ifdef __x86_64__

#include "crypto/fe25519_ifma.h"

enum { STEPS = 16, POINTS = ED25519_TABLES * ED25519_MULTIPLES };

static const uint64_t curve_d[FE_DIGITS] = { 0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
					     0x52036cee2b6ff };
static const uint64_t curve_2d[FE_DIGITS] = { 0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977,
					      0x2406d9dc56dff };
static const uint64_t root_of_minus_1[FE_DIGITS] = { 0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e,
						     0x2b8324804fc1d };

struct point {
	struct fe plus, minus, z, t;
};

/* A point to add: z is 1. */
struct entry {
	struct fe plus, minus, t2d;
};

IFMA_INLINE struct point point_zero(void)
{
	return (struct point){ .plus = fe_small(1), .minus = fe_small(1), .z = fe_small(1), .t = fe_small(0) };
}

/* X3 = EF, Y3 = GH, Z3 = FG, T3 = EH */
IFMA_INLINE void put_together(struct point *to, struct fe e, struct fe f, struct fe g, struct fe h, bool with_t)
{
	struct wide x = fe_mul(e, f), y = fe_mul(g, h);

	to->plus = fe_of(wide_add(y, x));
	to->minus = fe_of(wide_sub(y, x));
	to->z = fe_of(fe_mul(f, g));
	if (with_t)
		to->t = fe_of(fe_mul(e, h));
}

/* p += (plus, minus, t2d), where d is twice the product of both z */
IFMA_INLINE void add(struct point *p, struct fe plus, struct fe minus, struct fe t2d, struct wide d)
{
	struct wide a = fe_mul(p->minus, minus), b = fe_mul(p->plus, plus), c = fe_mul(p->t, t2d);

	put_together(p, fe_of(wide_sub(b, a)), fe_of(wide_sub(d, c)), fe_of(wide_add(d, c)), fe_of(wide_add(b, a)),
		     true);
}

IFMA __attribute__((noinline)) static void add_entry(struct point *p, const struct entry *q)
{
	add(p, q->plus, q->minus, q->t2d, wide_of(fe_sum(p->z, p->z)));
}

IFMA __attribute__((noinline)) static void add_point(struct point *p, const struct point *q)
{
	struct wide zz = fe_mul(p->z, q->z);

	add(p, q->plus, q->minus, fe_product(q->t, fe_constant(curve_2d)), wide_add(zz, zz));
}

/* With P = Y + X and M = Y - X: 4XY = P^2 - M^2, 2(Y^2 + X^2) = P^2 + M^2, Y^2 - X^2 = PM. */
IFMA __attribute__((noinline)) static void double_point(struct point *p, bool with_t)
{
	struct wide pp = fe_square(p->plus), mm = fe_square(p->minus), pm = fe_mul(p->plus, p->minus);
	struct wide zz = fe_square(p->z), pm2 = wide_add(pm, pm), zz2 = wide_add(zz, zz);

	put_together(p, fe_of(wide_sub(pp, mm)), fe_of(wide_sub(wide_add(zz2, zz2), pm2)), fe_of(pm2),
		     fe_of(wide_add(pp, mm)), with_t);
}

static void double_n(struct point *p, int n)
{
	while (n-- > 0)
		double_point(p, n == 0);
}

/* Four words of each lane: 255 bits in digits of 51, and the bit after them. */
IFMA_INLINE struct fe fe_of_words(const vec w[4], __mmask8 *top)
{
	const vec mask = _mm512_set1_epi64(FE_DIGIT_MASK);
	struct fe r;

	r.v[0] = w[0];
	r.v[1] = _mm512_or_si512(_mm512_srli_epi64(w[0], 51), _mm512_slli_epi64(w[1], 13));
	r.v[2] = _mm512_or_si512(_mm512_srli_epi64(w[1], 38), _mm512_slli_epi64(w[2], 26));
	r.v[3] = _mm512_or_si512(_mm512_srli_epi64(w[2], 25), _mm512_slli_epi64(w[3], 39));
	r.v[4] = _mm512_srli_epi64(w[3], 12);
#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++)
		r.v[i] = _mm512_and_si512(r.v[i], mask);
	*top = _mm512_cmplt_epi64_mask(w[3], _mm512_setzero_si512());
	return r;
}

/* 32 octets of each lane as four words, least first */
IFMA_INLINE void load_octets(vec w[4], const uint8_t *const octets[IFMA_LANES])
{
	uint64_t words[IFMA_LANES][8] = { { 0 } };
	const uint64_t *rows[IFMA_LANES];
	vec all[8];

	for (int i = 0; i < IFMA_LANES; i++) {
		memcpy(words[i], octets[i], 32);
		rows[i] = words[i];
	}
	lanes_load(all, rows, 0);
	for (int i = 0; i < 4; i++)
		w[i] = all[i];
}

/*
 * -A of the encoded A (RFC 8032 5.1.3): x = (u/v)^((p+3)/8) = u v^3 (u v^7)^((p-5)/8), times the root of -1 where
 * v x^2 = -u.  Returns the lanes that are points.
 */
IFMA static __mmask8 decode_negated(struct point *to, const uint8_t *const octets[IFMA_LANES])
{
	const struct fe one = fe_small(1), zero = fe_small(0);
	__mmask8 sign;
	vec words[4];

	load_octets(words, octets);
	struct fe y = fe_of_words(words, &sign), yy = fe_product(y, y);
	struct fe u = fe_difference(yy, one), v = fe_sum(fe_product(yy, fe_constant(curve_d)), one);
	struct fe v3 = fe_product(fe_product(v, v), v), v7 = fe_product(fe_product(v3, v3), v);
	struct fe x = fe_product(fe_product(u, v3), fe_power_root(fe_product(u, v7)));
	struct fe vxx = fe_canonical(fe_product(v, fe_product(x, x)));
	__mmask8 is_root = fe_same(vxx, fe_canonical(u));
	__mmask8 is_other = fe_same(vxx, fe_canonical(fe_difference(zero, u)));

	x = fe_canonical(fe_choose(is_root, fe_product(x, fe_constant(root_of_minus_1)), x));
	/* the one with this sign is x of A, so we want the other */
	__mmask8 negate = (__mmask8) ~(fe_is_odd(x) ^ sign);

	x = fe_choose(negate, x, fe_difference(zero, x));
	*to = (struct point){ .plus = fe_sum(y, x), .minus = fe_difference(y, x), .z = one, .t = fe_product(x, y) };
	return is_root | is_other;
}

/* 1 to 8 times 2^(64 j) p, for all j */
IFMA static void multiples(struct point to[POINTS], struct point *p)
{
	for (int j = 0; j < ED25519_TABLES; j++) {
		struct point *m = to + (ptrdiff_t)j * ED25519_MULTIPLES;

		if (j > 0)
			double_n(p, 64 - 3); /* from the eighth multiple */
		m[0] = m[1] = *p;
		double_n(&m[1], 1);
		for (int i = 2; i < ED25519_MULTIPLES; i++) {
			m[i] = m[i - 1];
			add_point(&m[i], &m[0]);
		}
		*p = m[ED25519_MULTIPLES - 1];
	}
}

/* All Z become 1; one inverse serves all, as each is 1/(product up to it) times the product before it. */
IFMA static void normalise(struct point p[POINTS])
{
	struct fe before[POINTS], product = fe_small(1);

	for (int i = 0; i < POINTS; i++) {
		before[i] = product;
		product = fe_product(product, p[i].z);
	}
	struct fe inverse = fe_inverse(product);

	for (int i = POINTS - 1; i >= 0; i--) {
		struct fe z = fe_product(inverse, before[i]);

		inverse = fe_product(inverse, p[i].z);
		p[i].plus = fe_product(p[i].plus, z);
		p[i].minus = fe_product(p[i].minus, z);
		p[i].t = fe_product(p[i].t, z);
	}
}

IFMA void ed25519_ifma_keys(struct ed25519_ifma_key *const to[], const uint8_t *const a[], size_t n)
{
	struct point points[POINTS], p;
	const uint8_t *octets[IFMA_LANES];

	CHECK(n >= 1 && n <= IFMA_LANES);
	for (size_t i = 0; i < IFMA_LANES; i++)
		octets[i] = a[i < n ? i : 0];
	unsigned good = decode_negated(&p, octets);

	multiples(points, &p);
	normalise(points);
	for (int i = 0; i < POINTS; i++) {
		struct fe t2d = fe_product(points[i].t, fe_constant(curve_2d));
		uint64_t *rows[IFMA_LANES];
		vec words[ED25519_ENTRY];

		for (size_t lane = 0; lane < IFMA_LANES; lane++)
			rows[lane] = to[lane < n ? lane : 0]->table[i / ED25519_MULTIPLES][i % ED25519_MULTIPLES];
		for (int d = 0; d < FE_DIGITS; d++) {
			words[d] = points[i].plus.v[d];
			words[FE_DIGITS + d] = points[i].minus.v[d];
			words[2 * FE_DIGITS + d] = t2d.v[d];
		}
		words[3 * FE_DIGITS] = _mm512_setzero_si512();
		lanes_store(rows, 0, words);
		lanes_store(rows, 8, words + 8);
	}
	for (size_t i = 0; i < n; i++)
		to[i]->is_point = good >> i & 1;
}

IFMA void ed25519_ifma_base(struct ed25519_ifma_base *base)
{
	/* y = 4/5 (RFC 8032 5.1), with the other sign, for a key's tables are of -A */
	uint8_t octets[ED25519_KEY_LEN];
	const uint8_t *from = octets;
	struct ed25519_ifma_key key, *to = &key;

	memset(octets, 0x66, sizeof(octets));
	octets[0] = 0x58;
	octets[ED25519_KEY_LEN - 1] = 0xe6;
	ed25519_ifma_keys(&to, &from, 1);
	for (int j = 0; j < ED25519_TABLES; j++)
		for (int w = 0; w < ED25519_ENTRY; w++)
			for (int m = 0; m < ED25519_MULTIPLES; m++)
				base->table[j][w][m] = key.table[j][m][w];
}

/* One digit of each lane: -8 to 7 */
struct digits {
	vec index; /* of the multiple: its absolute value less 1, 0 for 0 */
	__mmask8 negative, zero;
};

IFMA_INLINE struct digits digits_at(vec word, int step)
{
	const vec none = _mm512_setzero_si512(), one = _mm512_set1_epi64(1);
	vec nibble = _mm512_and_si512(_mm512_srli_epi64(word, (unsigned)(4 * step)), _mm512_set1_epi64(15));
	vec d = _mm512_sub_epi64(nibble, _mm512_set1_epi64(8));

	return (struct digits){
		.index = _mm512_max_epi64(_mm512_sub_epi64(_mm512_abs_epi64(d), one), none),
		.negative = _mm512_cmplt_epi64_mask(d, none),
		.zero = _mm512_cmpeq_epi64_mask(d, none),
	};
}

/* The entry of the words of a multiple: negated where the digit is, the neutral point where it is 0. */
IFMA_INLINE void make_entry(struct entry *to, const vec w[ED25519_ENTRY], struct digits d)
{
	const vec none = _mm512_setzero_si512();

#pragma GCC unroll 5
	for (int i = 0; i < FE_DIGITS; i++) {
		const vec neutral = _mm512_set1_epi64(i == 0);
		/* digits of 2 p less those of t2d are below 2^52, which is all that a product asks for */
		const vec p2 = _mm512_set1_epi64((int64_t)(2 * (FE_DIGIT_MASK - (i == 0 ? 18 : 0))));
		vec plus = w[i], minus = w[FE_DIGITS + i], t2d = w[2 * FE_DIGITS + i];

		to->plus.v[i] = _mm512_mask_mov_epi64(_mm512_mask_mov_epi64(plus, d.negative, minus), d.zero, neutral);
		to->minus.v[i] = _mm512_mask_mov_epi64(_mm512_mask_mov_epi64(minus, d.negative, plus), d.zero, neutral);
		t2d = _mm512_mask_sub_epi64(t2d, d.negative, p2, t2d);
		to->t2d.v[i] = _mm512_mask_mov_epi64(t2d, d.zero, none);
	}
}

/* Each lane has a table of its own. */
IFMA static void key_entry(struct entry *to, const struct ed25519_ifma_lane *const lanes[IFMA_LANES], int table,
			   struct digits d)
{
	uint64_t index[IFMA_LANES];
	const uint64_t *rows[IFMA_LANES];
	vec w[ED25519_ENTRY];

	_mm512_storeu_si512(index, d.index);
	for (int i = 0; i < IFMA_LANES; i++)
		rows[i] = lanes[i]->key->table[table][index[i]];
	lanes_load(w, rows, 0);
	lanes_load(w + 8, rows, 8);
	make_entry(to, w, d);
}

/* All lanes have the same eight multiples, one in each element. */
IFMA static void base_entry(struct entry *to, const struct ed25519_ifma_base *base, int table, struct digits d)
{
	vec w[ED25519_ENTRY];

	for (int i = 0; i < ED25519_ENTRY; i++)
		w[i] = _mm512_permutexvar_epi64(d.index, _mm512_load_si512(base->table[table][i]));
	make_entry(to, w, d);
}

/* The words of scalars below 2^253, ready for digits_at() */
IFMA static void recode(vec to[4], const struct ed25519_scalar s[IFMA_LANES])
{
	uint64_t words[IFMA_LANES][8] = { { 0 } };
	const uint64_t *rows[IFMA_LANES];
	vec all[8];

	for (int i = 0; i < IFMA_LANES; i++) {
		uint64_t carry = 0;

		for (int j = 0; j < 4; j++) {
			uint64_t sum = s[i].w[j] + carry;

			carry = sum < carry;
			words[i][j] = sum + 0x8888888888888888;
			carry += words[i][j] < sum;
		}
		rows[i] = words[i];
	}
	lanes_load(all, rows, 0);
	for (int i = 0; i < 4; i++)
		to[i] = all[i];
}

/* h = SHA-512(R || A || M) mod L */
IFMA static void challenge(struct ed25519_scalar h[IFMA_LANES], const struct ed25519_ifma_lane *const lanes[IFMA_LANES])
{
	uint64_t words[IFMA_LANES][16];
	uint64_t *to[IFMA_LANES];
	const uint64_t *rows[IFMA_LANES];
	vec block[16], digest[8];

	for (int i = 0; i < IFMA_LANES; i++) {
		memset(words[i], 0, sizeof(words[i]));
		memcpy(words[i], lanes[i]->sig, 32);
		memcpy(words[i] + 4, lanes[i]->a, 32);
		memcpy(words[i] + 8, lanes[i]->digest, SHA256_LEN);
		for (int w = 0; w < 12; w++)
			words[i][w] = __builtin_bswap64(words[i][w]);
		words[i][12] = UINT64_C(1) << 63;
		words[i][15] = 96 * 8;
		rows[i] = words[i];
		to[i] = words[i];
	}
	lanes_load(block, rows, 0);
	lanes_load(block + 8, rows, 8);
	sha512_lanes(digest, block);
	lanes_store(to, 0, digest);
	for (int i = 0; i < IFMA_LANES; i++) {
		for (int w = 0; w < 8; w++)
			words[i][w] = __builtin_bswap64(words[i][w]);
		h[i] = ed25519_scalar_reduce(words[i]);
	}
}

/* Lanes where the encoding of the point (RFC 8032 5.1.2) is @octets */
IFMA static __mmask8 encodes_to(const struct point *p, const uint8_t *const octets[IFMA_LANES])
{
	struct fe inverse = fe_inverse(fe_sum(p->z, p->z));
	struct fe x = fe_canonical(fe_product(fe_difference(p->plus, p->minus), inverse));
	struct fe y = fe_canonical(fe_product(fe_sum(p->plus, p->minus), inverse));
	__mmask8 sign;
	vec words[4];

	load_octets(words, octets);
	return fe_same(y, fe_of_words(words, &sign)) & (__mmask8) ~(fe_is_odd(x) ^ sign);
}

IFMA unsigned ed25519_ifma_verify(const struct ed25519_ifma_base *base, const struct ed25519_ifma_lane *lane, size_t n)
{
	const struct ed25519_ifma_lane *lanes[IFMA_LANES];
	const uint8_t *r[IFMA_LANES];
	struct ed25519_scalar s[IFMA_LANES], h[IFMA_LANES];
	struct point p = point_zero();
	struct entry entry;
	vec s_words[4], h_words[4];
	unsigned good = 0;

	CHECK(n >= 1 && n <= IFMA_LANES);
	for (size_t i = 0; i < IFMA_LANES; i++) {
		lanes[i] = &lane[i < n ? i : 0];
		r[i] = lanes[i]->sig;
		bool below = ed25519_scalar_read(&s[i], lanes[i]->sig + 32);

		good |= (unsigned)(i < n && below && lanes[i]->key->is_point) << i;
	}
	challenge(h, lanes);
	recode(s_words, s);
	recode(h_words, h);
	for (int step = STEPS - 1; step >= 0; step--) {
		if (step < STEPS - 1)
			double_n(&p, 4);
		for (int j = 0; j < ED25519_TABLES; j++) {
			key_entry(&entry, lanes, j, digits_at(h_words[j], step));
			add_entry(&p, &entry);
			base_entry(&entry, base, j, digits_at(s_words[j], step));
			add_entry(&p, &entry);
		}
	}
	return good & encodes_to(&p, r);
}

#else

void ed25519_ifma_base(struct ed25519_ifma_base *base)
{
	(void)base;
	CHECK(false);
}

void ed25519_ifma_keys(struct ed25519_ifma_key *const to[], const uint8_t *const a[], size_t n)
{
	(void)to, (void)a, (void)n;
	CHECK(false);
}

unsigned ed25519_ifma_verify(const struct ed25519_ifma_base *base, const struct ed25519_ifma_lane *lanes, size_t n)
{
	(void)base, (void)lanes, (void)n;
	CHECK(false);
	return 0;
}

#endif
