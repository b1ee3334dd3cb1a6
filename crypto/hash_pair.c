// SPDX-License-Identifier: MIT
/*
 * hash_pair.c - running SHA-256 of many streams, hashed two at a time
 *
 * A state is OpenSSL's SHA256_CTX, which alone hashes what finds no company; so a stream may go from one to the
 * other at any octet.  The stream that waits has no part of a block in its state: that lies before its octets here.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdlib.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "crypto/hash_pair.h"
#include "crypto/sha256_pair.h"

enum { ROOM = 64 * 1024 }; /* as much as one connection's segments in a burst can be */

struct hash_pair {
	alignas(64) uint8_t octets[ROOM];
	size_t from, to;               /* of the octets that wait */
	struct hash_state *waits;      /* whose they are; NULL: nothing waits */
	const struct hash_state *last; /* the stream that came last */
	bool alone;                    /* it filled the room, and nobody else came: the copy is spared */
	uint64_t n_paired;
};

static SHA256_CTX *context(struct hash_state *s)
{
	return (SHA256_CTX *)(void *)s->opaque;
}

/* FIPS 180-4 5.1.1 counts bits. */
static void count(SHA256_CTX *c, size_t octets)
{
	uint64_t bits = ((uint64_t)c->Nh << 32 | c->Nl) + 8 * (uint64_t)octets;

	c->Nl = (SHA_LONG)bits;
	c->Nh = (SHA_LONG)(bits >> 32);
}

static void update(struct hash_state *state, const uint8_t *at, size_t len)
{
	if (len)
		SHA256_Update(context(state), at, len);
}

/* What waits is hashed alone. */
static void settle(struct hash_pair *p)
{
	if (p->waits)
		update(p->waits, p->octets + p->from, p->to - p->from);
	p->waits = NULL;
}

/* @s waits: behind what waits of this stream already, or as the only one. */
static void keep(struct hash_pair *p, struct hash_state *state, struct span s)
{
	if (!p->waits) {
		size_t gap = (SHA256_BLOCK - context(state)->num) % SHA256_BLOCK, head = s.len < gap ? s.len : gap;

		update(state, s.at, head);
		s = span_skip(s, head);
		p->from = p->to = 0;
	}
	if (s.len > ROOM - p->to) {
		settle(p);
		p->alone = true;
		update(state, s.at, s.len);
	} else if (s.len) {
		memcpy(p->octets + p->to, s.at, s.len);
		p->to += s.len;
		p->waits = state;
	}
}

/* Whole blocks of @s beside those that wait, as far as both go; returns what is left of @s. */
static struct span side_by_side(struct hash_pair *p, struct hash_state *state, struct span s)
{
	SHA256_CTX *ours = context(state), *theirs = context(p->waits);
	size_t gap = (SHA256_BLOCK - ours->num) % SHA256_BLOCK, head = s.len < gap ? s.len : gap;

	update(state, s.at, head);
	s = span_skip(s, head);
	size_t n = (p->to - p->from) / SHA256_BLOCK;

	if (n > s.len / SHA256_BLOCK)
		n = s.len / SHA256_BLOCK;
	size_t octets = n * SHA256_BLOCK;

	sha256_pair(theirs->h, p->octets + p->from, ours->h, s.at, n);
	count(theirs, octets);
	count(ours, octets);
	p->from += octets;
	p->n_paired += 2 * octets;
	if (p->to - p->from < SHA256_BLOCK)
		settle(p);
	return span_skip(s, octets);
}

void hash_pair_update(struct hash_pair *p, struct hash_state *state, struct span s)
{
	if (p->last != state)
		p->alone = false;
	p->last = state;
	if (p->waits && p->waits != state)
		s = side_by_side(p, state, s);
	if (p->alone || (p->waits && p->waits != state))
		update(state, s.at, s.len);
	else
		keep(p, state, s);
}

void hash_pair_drop(struct hash_pair *p, const struct hash_state *state)
{
	if (p->waits == state)
		p->waits = NULL;
	if (p->last == state)
		p->last = NULL; /* another stream may come to lie there */
}

void hash_pair_settle(struct hash_pair *p, struct hash_state *state)
{
	if (p->waits == state)
		settle(p);
	hash_pair_drop(p, state);
}

uint64_t hash_pair_n_paired(const struct hash_pair *p)
{
	return p->n_paired;
}

bool hash_pair_usable(void)
{
#ifdef __x86_64__
	unsigned a, b, c, d;

	/* leaf 7: bit 29 of EBX; gcc 12 has no name for it in __builtin_cpu_supports() */
	return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1;
#else
	return false;
#endif
}

struct hash_pair *hash_pair_open(void)
{
	struct hash_pair *p = hash_pair_usable() ? aligned_alloc(alignof(struct hash_pair), sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	p->waits = NULL;
	p->last = NULL;
	p->alone = false;
	p->from = p->to = 0;
	p->n_paired = 0;
	return p;
}

void hash_pair_close(struct hash_pair *p)
{
	free(p);
}
