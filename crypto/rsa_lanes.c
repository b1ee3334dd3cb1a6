// SPDX-License-Identifier: MIT
/*
 * rsa_lanes.c - RSA verifications side by side, by whichever vectors the processor has
 *
 * Pure.
 */
#include "crypto/rsa_avx2.h"
#include "crypto/rsa_ifma.h"
#include "crypto/rsa_lanes.h"
#include "crypto/rsa_rule.h"

_Static_assert(RSA_RULE_TAIL == RSA_IFMA_TAIL, "the lanes and the rule mean the same u");
_Static_assert(IFMA_LANES <= RSA_LANES_MAX && RSA_AVX2_LANES <= RSA_LANES_MAX, "room for all lanes");

static void ifma_keys_begin(void *work, void *const to[], const struct rsa_key *from, size_t n)
{
	struct rsa_ifma_key *keys[IFMA_LANES];

	for (size_t i = 0; i < n; i++)
		keys[i] = to[i];
	rsa_ifma_keys_begin(work, keys, from, n);
}

static void ifma_keys_end(void *work, void *const to[], size_t n)
{
	struct rsa_ifma_key *keys[IFMA_LANES];

	for (size_t i = 0; i < n; i++)
		keys[i] = to[i];
	rsa_ifma_keys_end(work, keys, n);
}

static void ifma_verify_begin(void *work, const void *const keys[], const struct crypto_job *const jobs[], size_t n)
{
	struct rsa_ifma_lane lanes[IFMA_LANES];

	for (size_t i = 0; i < n; i++) {
		lanes[i].key = keys[i];
		lanes[i].sig = jobs[i]->sig;
		rsa_rule_tail(jobs[i], lanes[i].u);
	}
	rsa_ifma_verify_begin(work, lanes, n);
}

static unsigned ifma_verify_end(void *work)
{
	return rsa_ifma_verify_end(work);
}

static bool ifma_step(void *work, int64_t *cost)
{
	return rsa_ifma_step(work, cost);
}

const struct rsa_lanes rsa_lanes_ifma = {
	.name = "ifma",
	.width = IFMA_LANES,
	.digits = rsa_ifma_digits,
	.key_size = rsa_ifma_key_size,
	.work_size = rsa_ifma_work_size,
	.keys_begin = ifma_keys_begin,
	.keys_end = ifma_keys_end,
	.verify_begin = ifma_verify_begin,
	.verify_end = ifma_verify_end,
	.step = ifma_step,
};

static void avx2_keys_begin(void *work, void *const to[], const struct rsa_key *from, size_t n)
{
	struct rsa_avx2_key *keys[RSA_AVX2_LANES];

	for (size_t i = 0; i < n; i++)
		keys[i] = to[i];
	rsa_avx2_keys_begin(work, keys, from, n);
}

static void avx2_keys_end(void *work, void *const to[], size_t n)
{
	struct rsa_avx2_key *keys[RSA_AVX2_LANES];

	for (size_t i = 0; i < n; i++)
		keys[i] = to[i];
	rsa_avx2_keys_end(work, keys, n);
}

static void avx2_verify_begin(void *work, const void *const keys[], const struct crypto_job *const jobs[], size_t n)
{
	struct rsa_avx2_lane lanes[RSA_AVX2_LANES];
	uint8_t em[RSA_AVX2_LANES][CRYPTO_SIG_MAX];

	for (size_t i = 0; i < n; i++) {
		CHECK(rsa_rule_encode(jobs[i], em[i], jobs[i]->sig_len)); /* as rsa_rule_before() has seen */
		lanes[i] = (struct rsa_avx2_lane){ keys[i], jobs[i]->sig, em[i] };
	}
	rsa_avx2_verify_begin(work, lanes, n);
}

static unsigned avx2_verify_end(void *work)
{
	return rsa_avx2_verify_end(work);
}

/* Products of 32 bits are done nearly twice as fast as multiply-adds of 52, of which the cost is told. */
static bool avx2_step(void *work, int64_t *cost)
{
	int64_t products = *cost * 7 / 4;
	bool done = rsa_avx2_step(work, &products);

	*cost = products * 4 / 7;
	return done;
}

const struct rsa_lanes rsa_lanes_avx2 = {
	.name = "avx2",
	.width = RSA_AVX2_LANES,
	.digits = rsa_avx2_digits,
	.key_size = rsa_avx2_key_size,
	.work_size = rsa_avx2_work_size,
	.keys_begin = avx2_keys_begin,
	.keys_end = avx2_keys_end,
	.verify_begin = avx2_verify_begin,
	.verify_end = avx2_verify_end,
	.step = avx2_step,
};
