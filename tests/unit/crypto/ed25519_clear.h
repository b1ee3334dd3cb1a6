// SPDX-License-Identifier: MIT
/*
 * ed25519_clear.h - Ed25519 as RFC 8032 writes it, with big numbers and no thought of speed
 *
 * The clear twin of ed25519_ifma.c.  Points are affine; the formulas are those of section 5.1.4's curve equation.
 */
#ifndef TESTS_ED25519_CLEAR_H
#define TESTS_ED25519_CLEAR_H

#include <openssl/bn.h>
#include <openssl/sha.h>

#include "dataplane/base/span.h"

/* The curve, and a few numbers to work with. */
struct clear {
	BN_CTX *bn;
	BIGNUM *p, *order, *d, *root; /* root: of -1 */
};

struct clear_point {
	BIGNUM *x, *y;
};

static inline void clear_init(struct clear *c)
{
	BIGNUM *n = BN_new(), *m = BN_new();

	c->bn = BN_CTX_new();
	c->p = BN_new();
	c->order = NULL;
	c->d = BN_new();
	c->root = BN_new();
	BN_set_bit(c->p, 255);
	BN_sub_word(c->p, 19);
	CHECK(BN_hex2bn(&c->order, "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"));
	BN_set_word(n, 121666);
	BN_mod_inverse(n, n, c->p, c->bn);
	BN_set_word(m, 121665);
	BN_mod_mul(n, n, m, c->p, c->bn);
	BN_sub(c->d, c->p, n); /* d = -121665 / 121666 */
	BN_sub(n, c->p, BN_value_one());
	BN_rshift(n, n, 2);
	BN_set_word(m, 2);
	BN_mod_exp(c->root, m, n, c->p, c->bn); /* 2^((p-1)/4) */
	BN_free(n);
	BN_free(m);
}

static inline void clear_release(struct clear *c)
{
	BN_free(c->p);
	BN_free(c->order);
	BN_free(c->d);
	BN_free(c->root);
	BN_CTX_free(c->bn);
}

/* The neutral point */
static inline struct clear_point clear_zero(void)
{
	struct clear_point q = { BN_new(), BN_new() };

	BN_one(q.y);
	return q;
}

static inline struct clear_point clear_copy(const struct clear_point *a)
{
	return (struct clear_point){ BN_dup(a->x), BN_dup(a->y) };
}

static inline void clear_free(struct clear_point *q)
{
	BN_free(q->x);
	BN_free(q->y);
}

/* x3 = (x1 y2 + y1 x2) / (1 + d x1 x2 y1 y2), y3 = (y1 y2 + x1 x2) / (1 - d x1 x2 y1 y2) */
static inline void clear_add(const struct clear *c, struct clear_point *a, const struct clear_point *b)
{
	BIGNUM *xy = BN_new(), *yx = BN_new(), *yy = BN_new(), *xx = BN_new(), *dd = BN_new(), *one = BN_new();

	BN_mod_mul(xy, a->x, b->y, c->p, c->bn);
	BN_mod_mul(yx, a->y, b->x, c->p, c->bn);
	BN_mod_mul(yy, a->y, b->y, c->p, c->bn);
	BN_mod_mul(xx, a->x, b->x, c->p, c->bn);
	BN_mod_mul(dd, xx, yy, c->p, c->bn);
	BN_mod_mul(dd, dd, c->d, c->p, c->bn);
	BN_mod_add(a->x, xy, yx, c->p, c->bn);
	BN_mod_add(a->y, yy, xx, c->p, c->bn);
	/* one inverse for both: 1/(1 + dd) = (1 - dd)/(1 - dd^2), and the other way round */
	BN_mod_sqr(one, dd, c->p, c->bn);
	BN_mod_sub(one, BN_value_one(), one, c->p, c->bn);
	BN_mod_inverse(one, one, c->p, c->bn);
	BN_mod_mul(a->x, a->x, one, c->p, c->bn);
	BN_mod_mul(a->y, a->y, one, c->p, c->bn);
	BN_mod_sub(one, BN_value_one(), dd, c->p, c->bn);
	BN_mod_mul(a->x, a->x, one, c->p, c->bn);
	BN_mod_add(one, BN_value_one(), dd, c->p, c->bn);
	BN_mod_mul(a->y, a->y, one, c->p, c->bn);
	BN_free(xy);
	BN_free(yx);
	BN_free(yy);
	BN_free(xx);
	BN_free(dd);
	BN_free(one);
}

static inline struct clear_point clear_multiply(const struct clear *c, const BIGNUM *n, const struct clear_point *a)
{
	struct clear_point q = clear_zero();

	for (int i = BN_num_bits(n); i-- > 0;) {
		struct clear_point same = clear_copy(&q);

		clear_add(c, &q, &same);
		clear_free(&same);
		if (BN_is_bit_set(n, i))
			clear_add(c, &q, a);
	}
	return q;
}

static inline void clear_negate(const struct clear *c, struct clear_point *a)
{
	BN_mod_sub(a->x, c->p, a->x, c->p, c->bn);
}

/* RFC 8032 5.1.2 */
static inline void clear_encode(const struct clear_point *a, uint8_t octets[32])
{
	BN_bn2lebinpad(a->y, octets, 32);
	octets[31] |= (uint8_t)(BN_is_odd(a->x) << 7);
}

/* RFC 8032 5.1.3, with what OpenSSL lets pass: y of p and more, and x = 0 with a sign.  False: no point. */
static inline bool clear_decode(const struct clear *c, struct clear_point *to, const uint8_t octets[32])
{
	uint8_t y[32];
	BIGNUM *v = BN_new(), *u = BN_new(), *e = BN_new(), *check = BN_new();

	memcpy(y, octets, 32);
	y[31] &= 0x7f;
	*to = (struct clear_point){ BN_new(), BN_lebin2bn(y, 32, NULL) };
	BN_nnmod(to->y, to->y, c->p, c->bn);
	BN_mod_sqr(u, to->y, c->p, c->bn);
	BN_mod_mul(v, u, c->d, c->p, c->bn);
	BN_mod_add(v, v, BN_value_one(), c->p, c->bn);
	BN_mod_sub(u, u, BN_value_one(), c->p, c->bn);
	BN_mod_inverse(v, v, c->p, c->bn);
	BN_mod_mul(u, u, v, c->p, c->bn); /* x^2 */
	BN_copy(e, c->p);
	BN_add_word(e, 3);
	BN_rshift(e, e, 3);
	BN_mod_exp(to->x, u, e, c->p, c->bn);
	BN_mod_sqr(check, to->x, c->p, c->bn);
	if (BN_cmp(check, u) != 0)
		BN_mod_mul(to->x, to->x, c->root, c->p, c->bn);
	BN_mod_sqr(check, to->x, c->p, c->bn);
	bool good = BN_cmp(check, u) == 0;

	if (BN_is_odd(to->x) != octets[31] >> 7)
		clear_negate(c, to);
	BN_free(u);
	BN_free(v);
	BN_free(e);
	BN_free(check);
	if (!good)
		clear_free(to);
	return good;
}

static inline struct clear_point clear_base(const struct clear *c)
{
	uint8_t octets[32];
	struct clear_point b;

	memset(octets, 0x66, sizeof(octets));
	octets[0] = 0x58;
	CHECK(clear_decode(c, &b, octets));
	return b;
}

/* SHA-512(R || A || M) mod L */
static inline BIGNUM *clear_challenge(const struct clear *c, const uint8_t r[32], const uint8_t a[32],
				      const uint8_t message[32])
{
	uint8_t octets[96], digest[SHA512_DIGEST_LENGTH];

	memcpy(octets, r, 32);
	memcpy(octets + 32, a, 32);
	memcpy(octets + 64, message, 32);
	SHA512(octets, sizeof(octets), digest);
	BIGNUM *h = BN_lebin2bn(digest, sizeof(digest), NULL);

	BN_nnmod(h, h, c->order, c->bn);
	return h;
}

/* RFC 8032 5.1.7 with the equation S B = R + h A; R is compared as it is encoded */
static inline bool clear_verify(const struct clear *c, const uint8_t a[32], const uint8_t sig[64],
				const uint8_t message[32])
{
	BIGNUM *s = BN_lebin2bn(sig + 32, 32, NULL);
	struct clear_point key;
	bool good = false;

	if (BN_cmp(s, c->order) < 0 && clear_decode(c, &key, a)) {
		BIGNUM *h = clear_challenge(c, sig, a, message);
		struct clear_point base = clear_base(c), sb = clear_multiply(c, s, &base);
		struct clear_point ha = clear_multiply(c, h, &key);
		uint8_t r[32];

		clear_negate(c, &ha);
		clear_add(c, &sb, &ha);
		clear_encode(&sb, r);
		good = memcmp(r, sig, 32) == 0;
		BN_free(h);
		clear_free(&base);
		clear_free(&sb);
		clear_free(&ha);
		clear_free(&key);
	}
	BN_free(s);
	return good;
}

#endif
