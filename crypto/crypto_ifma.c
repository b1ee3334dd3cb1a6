// SPDX-License-Identifier: MIT
/*
 * crypto_ifma.c - RSA and Ed25519 by eight lanes of AVX512-IFMA; all else by plain OpenSSL
 *
 * RSA: two lanes or more of one length and exponent go side by side: a batch costs the same whatever its fill, and
 * that is less than two verifications alone.  OpenSSL gets what is left: a lane without company, a key seen the first
 * time, lengths that lanes do not have, and all that is no key.  The verdict is the same either way.
 *
 * Ed25519: a batch and the work for eight new keys together cost less than one verification by OpenSSL, so lanes
 * do them all.
 */
#include <stdlib.h>

#include "crypto/crypto_ifma.h"
#include "crypto/crypto_openssl.h"
#include "crypto/ifma_keys.h"
#include "crypto/rsa_rule.h"

_Static_assert(RSA_RULE_TAIL == RSA_IFMA_TAIL, "the lanes and the rule mean the same u");

enum { LANES_LEAST = 2 };

struct ifma {
	struct crypto_backend backend;
	struct crypto_backend *openssl;
	struct ifma_keys *keys;
	struct ed25519_ifma_base base;
	struct ed25519_ifma_key passing[IFMA_LANES]; /* keys seen the first time: not kept */
};

struct pending {
	struct crypto_job *job;
	struct ifma_key *key;
};

static bool go_together(const struct ifma_key *a, const struct ifma_key *b)
{
	return rsa_ifma_digits(a->rsa.bits) == rsa_ifma_digits(b->rsa.bits) && a->rsa.e == b->rsa.e;
}

/* RSA: moves those that go with the first of @p, eight at most, to its front; returns how many. */
static size_t group(struct pending *p, size_t n)
{
	size_t n_group = 1;

	for (size_t i = 1; i < n && n_group < IFMA_LANES; i++) {
		if (!go_together(p[0].key, p[i].key))
			continue;
		struct pending moved = p[i];

		p[i] = p[n_group];
		p[n_group++] = moved;
	}
	return n_group;
}

/* Makes ready what is not; p[0 .. n) have one length and exponent. */
static void make_ready(struct ifma *f, const struct pending *p, size_t n)
{
	struct rsa_ifma_key *to[IFMA_LANES];
	struct rsa_key from[IFMA_LANES];
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i].key->ready)
			continue;
		p[i].key->ready = true; /* one key may be in many lanes */
		to[n_new] = p[i].key->lane;
		from[n_new++] = p[i].key->rsa;
	}
	if (n_new)
		rsa_ifma_keys(to, from, n_new);
	f->backend.counts.keys_made += n_new;
}

static void run_lanes(struct ifma *f, const struct pending *p, size_t n)
{
	struct rsa_ifma_lane lanes[IFMA_LANES];

	make_ready(f, p, n);
	for (size_t i = 0; i < n; i++) {
		lanes[i].key = p[i].key->lane;
		lanes[i].sig = p[i].job->sig;
		rsa_rule_tail(p[i].job, lanes[i].u);
	}
	unsigned good = rsa_ifma_verify(lanes, n);

	f->backend.counts.in_lanes += n;
	for (size_t i = 0; i < n; i++)
		p[i].job->verdict = good >> i & 1 ? CRYPTO_PASS : CRYPTO_FAIL;
}

/* Makes ready the Ed25519 keys that are not, and says which each lane has. */
static void ed25519_keys(struct ifma *f, const struct pending *p, size_t n, struct ed25519_ifma_lane *lanes)
{
	struct ed25519_ifma_key *to[IFMA_LANES];
	const uint8_t *from[IFMA_LANES];
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++) {
		struct ed25519_ifma_key *key = p[i].key ? p[i].key->ed25519 : &f->passing[i];

		lanes[i].key = key;
		if (p[i].key && p[i].key->ready)
			continue;
		if (p[i].key)
			p[i].key->ready = true;
		to[n_new] = key;
		from[n_new++] = p[i].job->key;
	}
	if (n_new)
		ed25519_ifma_keys(to, from, n_new);
	f->backend.counts.keys_made += n_new;
}

static void run_ed25519(struct ifma *f, const struct pending *p, size_t n)
{
	struct ed25519_ifma_lane lanes[IFMA_LANES];

	ed25519_keys(f, p, n, lanes);
	for (size_t i = 0; i < n; i++) {
		lanes[i].a = p[i].job->key;
		lanes[i].sig = p[i].job->sig;
		lanes[i].digest = p[i].job->digest;
	}
	unsigned good = ed25519_ifma_verify(&f->base, lanes, n);

	f->backend.counts.in_lanes += n;
	for (size_t i = 0; i < n; i++)
		p[i].job->verdict = good >> i & 1 ? CRYPTO_PASS : CRYPTO_FAIL;
}

/* At most CRYPTO_BATCH_MAX jobs. */
static void verify_some(struct ifma *f, struct crypto_job **jobs, size_t n)
{
	struct pending pending[CRYPTO_BATCH_MAX], ed25519[CRYPTO_BATCH_MAX];
	struct crypto_job *scalar[CRYPTO_BATCH_MAX];
	size_t n_pending = 0, n_ed25519 = 0, n_scalar = 0;

	ifma_keys_turn(f->keys);
	for (size_t i = 0; i < n; i++) {
		struct crypto_job *job = jobs[i];

		CHECK(job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
		if (job->alg == CRYPTO_ED25519_SHA256) {
			job->verdict = (uint8_t)ed25519_rule_before(job);
			if (job->verdict == CRYPTO_PENDING)
				ed25519[n_ed25519++] = (struct pending){ job, ifma_keys_find(f->keys, job) };
			continue;
		}
		struct ifma_key *key = ifma_keys_find(f->keys, job);

		if (!key) {
			scalar[n_scalar++] = job;
			continue;
		}
		job->verdict = (uint8_t)rsa_rule_before(job, &key->rsa);
		if (job->verdict == CRYPTO_PENDING)
			pending[n_pending++] = (struct pending){ job, key };
	}
	for (size_t i = 0, n_group; i < n_pending; i += n_group) {
		n_group = group(pending + i, n_pending - i);
		if (n_group >= LANES_LEAST)
			run_lanes(f, pending + i, n_group);
		else
			scalar[n_scalar++] = pending[i].job;
	}
	for (size_t i = 0; i < n_ed25519; i += IFMA_LANES)
		run_ed25519(f, ed25519 + i, n_ed25519 - i < IFMA_LANES ? n_ed25519 - i : IFMA_LANES);
	f->backend.counts.alone += n_scalar;
	if (n_scalar)
		f->openssl->verify(f->openssl->driver, scalar, n_scalar);
}

static void verify(void *driver, struct crypto_job **jobs, size_t n)
{
	for (size_t i = 0; i < n; i += CRYPTO_BATCH_MAX)
		verify_some(driver, jobs + i, n - i < CRYPTO_BATCH_MAX ? n - i : CRYPTO_BATCH_MAX);
}

bool crypto_ifma_usable(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
#else
	return false;
#endif
}

struct crypto_backend *crypto_ifma_open(uint32_t keys_max)
{
	struct ifma *f = crypto_ifma_usable() ? aligned_alloc(alignof(struct ifma), sizeof(*f)) : NULL;

	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	ed25519_ifma_base(&f->base);
	f->backend = (struct crypto_backend){
		.name = "ifma", .lanes = IFMA_LANES, .driver = f, .verify = verify, .close = crypto_ifma_close
	};
	f->openssl = crypto_openssl_open(keys_max);
	f->keys = ifma_keys_open(keys_max);
	if (!f->openssl || !f->keys) {
		crypto_ifma_close(&f->backend);
		return NULL;
	}
	return &f->backend;
}

void crypto_ifma_close(struct crypto_backend *backend)
{
	if (!backend)
		return;
	struct ifma *f = backend->driver;

	crypto_openssl_close(f->openssl);
	ifma_keys_close(f->keys);
	free(f);
}
