// SPDX-License-Identifier: MIT
/*
 * crypto_calibrate.c - what a verification costs by each backend on this machine, measured at the start
 *
 * Keys are random odd numbers and signatures random numbers below them: nothing verifies, which costs as much as if it
 * did, and no key has to be made.
 */
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto_calibrate.h"
#include "crypto/ed25519_rule.h"

enum { JOBS = 8, WARM_ROUNDS = 3, ROUNDS = 5, DEVICE_WAIT_US = 50000 };

static const uint16_t bits_of[N_CRYPTO_CLASS] = {
	[CRYPTO_CLASS_RSA_1024] = 1024,
	[CRYPTO_CLASS_RSA_2048] = 2048,
	[CRYPTO_CLASS_RSA_3072] = 3072,
	[CRYPTO_CLASS_RSA_4096] = 4096,
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Octets that look random; xorshift. */
static void fill(uint8_t *to, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		*seed ^= *seed << 13;
		*seed ^= *seed >> 7;
		*seed ^= *seed << 17;
		to[i] = (uint8_t)(*seed >> 32);
	}
}

static void put_header(struct crypto_job *job, unsigned tag, size_t len)
{
	uint8_t *to = job->key + job->key_len;
	size_t n = 0;

	to[n++] = (uint8_t)tag;
	if (len >= 0x100) {
		to[n++] = 0x82;
		to[n++] = (uint8_t)(len >> 8);
	} else if (len >= 0x80) {
		to[n++] = 0x81;
	}
	to[n++] = (uint8_t)len;
	job->key_len = (uint16_t)(job->key_len + n);
}

/* A bare RSAPublicKey (RFC 8017 A.1.1), e = 65537; and a signature below it. */
static void make_rsa(struct crypto_job *job, unsigned bits, uint64_t *seed)
{
	static const uint8_t exponent[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };
	size_t len = bits / 8, n_header = len >= 0xff ? 4 : 3;

	job->alg = CRYPTO_RSA_SHA256;
	job->rsa_bits_min = 1024;
	job->rsa_bits_max = 8192;
	job->key_len = 0;
	put_header(job, 0x30, n_header + 1 + len + sizeof(exponent));
	put_header(job, 0x02, len + 1);
	job->key[job->key_len++] = 0;
	uint8_t *n = job->key + job->key_len;

	fill(n, len, seed);
	n[0] |= 0x80;
	n[len - 1] |= 1;
	memcpy(n + len, exponent, sizeof(exponent));
	job->key_len = (uint16_t)(job->key_len + len + sizeof(exponent));
	fill(job->sig, len, seed);
	job->sig[0] &= 0x7f;
	job->sig_len = (uint16_t)len;
}

/* The key and R are the base point (RFC 8032 5.1), S is small. */
static void make_ed25519(struct crypto_job *job, uint64_t *seed)
{
	job->alg = CRYPTO_ED25519_SHA256;
	memset(job->key, 0x66, ED25519_KEY_LEN);
	job->key[0] = 0x58;
	job->key_len = ED25519_KEY_LEN;
	memcpy(job->sig, job->key, 32);
	memset(job->sig + 32, 0, 32);
	fill(job->sig + 32, 31, seed);
	job->sig_len = ED25519_SIG_LEN;
}

static bool make_job(struct crypto_job *job, enum crypto_class class, uint64_t *seed)
{
	memset(job, 0, sizeof(*job));
	job->digest_len = SHA256_LEN;
	fill(job->digest, SHA256_LEN, seed);
	if (class == CRYPTO_CLASS_ED25519)
		make_ed25519(job, seed);
	else if (bits_of[class])
		make_rsa(job, bits_of[class], seed);
	return job->key_len > 0;
}

static uint32_t least(uint32_t a, uint64_t b)
{
	return a && a < b ? a : (uint32_t)b;
}

void crypto_calibrate(struct crypto_backend *backend, struct crypto_figures *out)
{
	static struct crypto_job jobs[JOBS];
	struct crypto_job *list[JOBS] = { 0 };
	uint64_t seed = 0x5eed5eed5eed5eed;

	*out = (struct crypto_figures){ .name = backend->name };
	for (int class = 0; class < N_CRYPTO_CLASS; class ++) {
		bool made = true;

		for (int i = 0; i < JOBS; i++) {
			made &= make_job(&jobs[i], (enum crypto_class) class, &seed);
			list[i] = &jobs[i];
		}
		for (int r = 0; made && r < WARM_ROUNDS + ROUNDS; r++) {
			uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);

			crypto_verify(backend, list, JOBS);
			if (r >= WARM_ROUNDS) /* keys are ready now */
				out->ns[class] =
					least(out->ns[class], (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) / JOBS + 1);
		}
	}
}

/* One round; what submitting and fetching took, 0: not all came back in time, and @n_back tells how many did. */
static uint64_t device_round(struct crypto_device *device, struct crypto_op *ops, const struct crypto_job *job,
			     uint32_t *n_back)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + DEVICE_WAIT_US * 1000, took = 0;
	struct rsa_key key;
	uint32_t n = 0;

	*n_back = 0;
	if (!rsa_key_parse(span_of(job->key, job->key_len), &key))
		return 0;
	for (uint64_t now; (now = clock_ns(CLOCK_MONOTONIC)) < end && *n_back < JOBS;) {
		uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		bool any = false;

		if (n < JOBS) {
			struct crypto_op *op = &ops[n];

			op->len = job->sig_len;
			memcpy(op->sig, job->sig, job->sig_len);
			enum device_answer answer = device->submit(device->driver, op, job, &key);

			if (answer == DEVICE_FAILED)
				return 0;
			n += any = answer == DEVICE_TOOK;
		}
		for (const struct crypto_op *op; (op = device->poll(device->driver, now / 1000)); any = true) {
			++*n_back;
			if (!op->good)
				return 0;
		}
		if (any)
			took += clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	}
	*n_back = n - *n_back == 0 ? JOBS : 0;
	return *n_back ? took : 0;
}

void crypto_calibrate_device(struct crypto_device *device, struct crypto_figures *out)
{
	static struct crypto_op ops[JOBS]; /* static: a device that answers too late still writes there */
	static struct crypto_job job;
	uint64_t seed = 0x5eed5eed5eed5eed;
	uint32_t n_back = JOBS;

	*out = (struct crypto_figures){ .name = device->name };
	for (int class = 0; n_back == JOBS && class < N_CRYPTO_CLASS; class ++) {
		if (bits_of[class] < device->bits_min || bits_of[class] > device->bits_max ||
		    !make_job(&job, (enum crypto_class) class, &seed))
			continue;
		for (int r = 0; r < ROUNDS && n_back == JOBS; r++) {
			uint64_t took = device_round(device, ops, &job, &n_back);

			out->ns[class] = took ? least(out->ns[class], took / JOBS + 1) : 0;
		}
	}
	device->drain(device->driver);
	while (device->poll(device->driver, 0))
		;
}
