// SPDX-License-Identifier: MIT
/*
 * test_hash_pair.c - streams cut anywhere and mixed at random have the digests that each has alone
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "crypto/hash_pair.h"
#include "tests/tap.h"

enum { STREAMS = 5, LONGEST = 200000 };

static const struct hash_ops *const ops = &crypto_openssl_hash;
static struct hash_pair *pair;
static uint8_t text[STREAMS][LONGEST];

/* One stream; its state is a block of its own, so that a sanitizer sees who writes after its end. */
struct stream {
	struct hash_state *state;
	const uint8_t *text;
	size_t at, len;
};

static size_t random_below(size_t n)
{
	return ((size_t)rand() << 15 ^ (size_t)rand()) % n;
}

static void begin(struct stream *s, const uint8_t *at, size_t longest)
{
	*s = (struct stream){ .text = at, .len = random_below(longest + 1) };
	s->state = aligned_alloc(64, sizeof(*s->state));
	ops->sha256_init(s->state);
}

static void feed(struct stream *s, size_t n)
{
	if (n > s->len - s->at)
		n = s->len - s->at;
	/* the octets are gone after the call */
	uint8_t *octets = malloc(n + 1);

	memcpy(octets, s->text + s->at, n);
	ops->pair_update(pair, s->state, span_of(octets, n));
	free(octets);
	s->at += n;
}

static bool end(struct stream *s)
{
	uint8_t digest[SHA256_LEN], expected[SHA256_LEN];

	ops->pair_settle(pair, s->state);
	ops->sha256_final(s->state, digest);
	SHA256(s->text, s->at, expected);
	free(s->state);
	s->state = NULL;
	return memcmp(digest, expected, sizeof(digest)) == 0;
}

static void give_up(struct stream *s)
{
	ops->pair_drop(pair, s->state);
	free(s->state);
	s->state = NULL;
}

/* @pieces: the longest; @run: so many pieces of one stream come one after the other, at most */
static void mixed(size_t longest, size_t pieces, int run, int rounds)
{
	struct stream s[STREAMS] = { { 0 } };
	uint64_t before = hash_pair_n_paired(pair);
	bool good = true;

	for (int i = 0; i < rounds; i++) {
		size_t which = random_below(STREAMS);

		if (!s[which].state)
			begin(&s[which], text[which], longest);
		for (int n = 1 + rand() % run; n > 0; n--)
			feed(&s[which], random_below(pieces + 1));
		if (rand() % 64 == 0)
			give_up(&s[which]);
		else if (s[which].at == s[which].len)
			good &= end(&s[which]);
	}
	for (int i = 0; i < STREAMS; i++)
		if (s[i].state)
			good &= end(&s[i]);
	ok(good && hash_pair_n_paired(pair) > before,
	   "%d streams of up to %zu octets in pieces of up to %zu, %d in a row: the digests of OpenSSL", STREAMS,
	   longest, pieces, run);
}

static void alone(void)
{
	struct stream s;
	uint64_t before = hash_pair_n_paired(pair);
	bool good = true;

	for (int i = 0; i < 100; i++) {
		begin(&s, text[0], LONGEST);
		while (s.at < s.len)
			feed(&s, 1 + random_below(3000));
		good &= end(&s);
	}
	ok(good && hash_pair_n_paired(pair) == before, "a stream without company");
	begin(&s, text[0], 0);
	ok(end(&s), "a stream of nothing");
}

/* Two long streams that take turns: nearly all of it goes side by side. */
static void company(void)
{
	struct stream a, b;
	uint64_t before = hash_pair_n_paired(pair);

	begin(&a, text[0], LONGEST);
	begin(&b, text[1], LONGEST);
	a.len = b.len = LONGEST;
	while (a.at < a.len) {
		feed(&a, 1460);
		feed(&b, 1460);
	}
	bool good = end(&a);

	good &= end(&b);
	ok(good, "two streams that take turns: the digests of OpenSSL");
	ok(hash_pair_n_paired(pair) - before > 2 * LONGEST * 9 / 10, "nine tenths of them are hashed side by side");
}

/* A stream of 2^32 bits and more: its state says that it has seen nearly so many. */
static void counts(void)
{
	struct hash_state *state = aligned_alloc(64, 2 * sizeof(*state)), *other = state + 1;
	SHA256_CTX expected;
	uint8_t digest[SHA256_LEN], right[SHA256_LEN];

	ops->sha256_init(other);
	SHA256_Init(&expected);
	expected.Nl = 0xfffffe00;
	memcpy(state->opaque, &expected, sizeof(expected));
	ops->pair_update(pair, state, span_of(text[0], 4096));
	ops->pair_update(pair, other, span_of(text[1], 4096));
	ops->pair_settle(pair, state);
	ops->pair_drop(pair, other);
	ops->sha256_final(state, digest);
	SHA256_Update(&expected, text[0], 4096);
	SHA256_Final(right, &expected);
	ok(memcmp(digest, right, sizeof(right)) == 0, "the count of bits carries past 2^32");
	free(state);
}

int main(void)
{
	pair = hash_pair_open();
	if (!pair) {
		ok(!hash_pair_usable(), "this machine has no SHA instructions, and nothing is opened");
		return done();
	}
	for (size_t i = 0; i < sizeof(text); i++)
		text[i / LONGEST][i % LONGEST] = (uint8_t)(rand() >> 8);
	alone();
	company();
	counts();
	mixed(300, 200, 1, 20000);
	mixed(4096, 1460, 3, 10000);
	mixed(LONGEST, 1460, 50, 3000);
	mixed(LONGEST, 40000, 4, 2000);
	mixed(LONGEST, 130000, 2, 300);
	hash_pair_close(pair);
	return done();
}
