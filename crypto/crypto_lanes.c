// SPDX-License-Identifier: MIT
/*
 * crypto_lanes.c - RSA and Ed25519 side by side, in lanes of vectors; all else by plain OpenSSL
 *
 * RSA: two lanes or more of one length and exponent go side by side: a batch costs the same whatever its fill, and
 * that is less than two verifications alone.  OpenSSL gets what is left: a lane without company, a key seen the first
 * time, lengths that lanes do not have, and all that is no key.  The verdict is the same either way.
 *
 * Ed25519, with AVX512-IFMA: a batch and the work for eight new keys together cost less than one verification by OpenSSL, so lanes
 * do them all.
 *
 * The worker has packets waiting, so a call does no more than PIECE; what is left of a batch is gone on with by poll.
 */
#include <stdlib.h>

#include "crypto/crypto_lanes.h"
#include "crypto/crypto_openssl.h"
#include "crypto/lane_keys.h"
#include "crypto/rsa_rule.h"

enum { LANES_LEAST = 2 };

/*
 * Costs as rsa_lanes.step() tells them: multiply-adds of 52 bits in eight lanes, of which a processor does some three thousand in a microsecond.
 * OpenSSL's part is that of a key never seen.
 */
enum { PIECE = 80000, ED25519_KEYS = 130000, ED25519_BATCH = 100000, OPENSSL_4096 = 215000, OPENSSL_ED25519 = 300000 };

struct pending {
	struct crypto_job *job;
	struct lane_key *key;
};

/* What is left to do of some kind: the jobs from @at on. */
struct work_list {
	struct pending jobs[CRYPTO_BATCH_MAX];
	size_t at, n;
};

struct lanes {
	struct crypto_backend backend;
	struct crypto_backend *openssl;
	unsigned classes; /* that go in lanes */
	const struct rsa_lanes *rsa_lanes;
	struct lane_keys *keys;
	struct ed25519_ifma_base base;
	struct ed25519_ifma_key passing[IFMA_LANES]; /* keys seen the first time: not kept */

	/* the batch under way */
	struct crypto_job *jobs[CRYPTO_BATCH_MAX]; /* those without a verdict */
	struct work_list rsa, ed25519, scalar;
	void *work;
	enum {
		NOTHING_BEGUN,
		KEYS_BEGUN,
		VERIFY_BEGUN
	} begun; /* of the group that rsa, or else ed25519, begins with */
	size_t n_group;
	struct ed25519_ifma_lane ed25519_lanes[IFMA_LANES];
	void *new_keys[RSA_LANES_MAX];
	size_t n_new;
};

static bool go_together(const struct rsa_lanes *lanes, const struct lane_key *a, const struct lane_key *b)
{
	return lanes->digits(a->rsa.bits) == lanes->digits(b->rsa.bits) && a->rsa.e == b->rsa.e;
}

/* RSA: moves those that go with the first of @p, as many as there are lanes at most, to its front; returns how many. */
static size_t group(const struct rsa_lanes *lanes, struct pending *p, size_t n)
{
	size_t n_group = 1;

	for (size_t i = 1; i < n && n_group < lanes->width; i++) {
		if (!go_together(lanes, p[0].key, p[i].key))
			continue;
		struct pending moved = p[i];

		p[i] = p[n_group];
		p[n_group++] = moved;
	}
	return n_group;
}

/* Begins to make ready what is not; p[0 .. n) have one length and exponent.  False: all are. */
static bool begin_keys(struct lanes *f, const struct pending *p, size_t n)
{
	struct rsa_key from[RSA_LANES_MAX];

	f->n_new = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i].key->ready)
			continue;
		p[i].key->ready = true; /* one key may be in many lanes; nobody else looks before the batch is done */
		f->new_keys[f->n_new] = p[i].key->lane;
		from[f->n_new++] = p[i].key->rsa;
	}
	if (f->n_new == 0)
		return false;
	f->rsa_lanes->keys_begin(f->work, f->new_keys, from, f->n_new);
	f->backend.counts.keys_made += f->n_new;
	return true;
}

static void begin_verify(struct lanes *f, const struct pending *p, size_t n)
{
	const void *keys[RSA_LANES_MAX] = { 0 };
	const struct crypto_job *jobs[RSA_LANES_MAX] = { 0 };

	for (size_t i = 0; i < n; i++) {
		keys[i] = p[i].key->lane;
		jobs[i] = p[i].job;
	}
	f->rsa_lanes->verify_begin(f->work, keys, jobs, n);
	f->begun = VERIFY_BEGUN;
}

static void end_group(struct lanes *f, struct work_list *w, unsigned good, size_t n)
{
	f->backend.counts.in_lanes += n;
	for (size_t i = 0; i < n; i++)
		w->jobs[w->at + i].job->verdict = good >> i & 1 ? CRYPTO_PASS : CRYPTO_FAIL;
	w->at += n;
}

/* The next piece of the group that the list begins with; a lone job goes to OpenSSL. */
static void go_on_rsa(struct lanes *f, int64_t *left)
{
	struct pending *p = f->rsa.jobs + f->rsa.at;

	if (f->begun == NOTHING_BEGUN) {
		f->n_group = group(f->rsa_lanes, p, f->rsa.n - f->rsa.at);
		if (f->n_group < LANES_LEAST) {
			f->scalar.jobs[f->scalar.n++] = *p;
			f->rsa.at++;
			return;
		}
		if (begin_keys(f, p, f->n_group))
			f->begun = KEYS_BEGUN;
		else
			begin_verify(f, p, f->n_group);
	}
	if (!f->rsa_lanes->step(f->work, left))
		return;
	if (f->begun == KEYS_BEGUN) {
		f->rsa_lanes->keys_end(f->work, f->new_keys, f->n_new);
		begin_verify(f, p, f->n_group);
		return;
	}
	f->begun = NOTHING_BEGUN;
	end_group(f, &f->rsa, f->rsa_lanes->verify_end(f->work), f->n_group);
}

/* Says what each lane has, and makes ready the keys that are not. */
static void begin_ed25519(struct lanes *f, const struct pending *p, size_t n, int64_t *left)
{
	struct ed25519_ifma_key *to[IFMA_LANES];
	const uint8_t *from[IFMA_LANES];
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++) {
		struct ed25519_ifma_key *key = p[i].key ? p[i].key->ed25519 : &f->passing[i];
		const struct crypto_job *job = p[i].job;

		f->ed25519_lanes[i] = (struct ed25519_ifma_lane){ key, job->key, job->sig, job->digest };
		if (p[i].key && p[i].key->ready)
			continue;
		if (p[i].key)
			p[i].key->ready = true;
		to[n_new] = key;
		from[n_new++] = job->key;
	}
	if (n_new) {
		ed25519_ifma_keys(to, from, n_new);
		*left -= ED25519_KEYS;
	}
	f->backend.counts.keys_made += n_new;
}

static void go_on_ed25519(struct lanes *f, int64_t *left)
{
	if (f->begun == NOTHING_BEGUN) {
		size_t n = f->ed25519.n - f->ed25519.at;

		f->n_group = n < IFMA_LANES ? n : IFMA_LANES;
		f->begun = VERIFY_BEGUN;
		begin_ed25519(f, f->ed25519.jobs + f->ed25519.at, f->n_group, left);
		if (*left <= 0)
			return;
	}
	f->begun = NOTHING_BEGUN;
	end_group(f, &f->ed25519, ed25519_ifma_verify(&f->base, f->ed25519_lanes, f->n_group), f->n_group);
	*left -= ED25519_BATCH;
}

static void go_on_scalar(struct lanes *f, int64_t *left)
{
	struct crypto_job *job = f->scalar.jobs[f->scalar.at++].job;
	int64_t octets = job->key_len;

	f->openssl->submit(f->openssl->driver, &job, 1, 0);
	f->backend.counts.alone++;
	*left -= job->alg == CRYPTO_ED25519_SHA256 ? OPENSSL_ED25519 : OPENSSL_4096 * octets * octets / (512 * 512);
}

/* Whom the job goes with; those that are refused before anything is computed get their verdict. */
static void sort_in(struct lanes *f, struct crypto_job *job)
{
	struct lane_key *key = NULL;
	struct work_list *w = &f->scalar;

	CHECK(job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
	if (!(f->classes >> crypto_class_of(job) & 1)) {
		/* OpenSSL is faster */
	} else if (job->alg == CRYPTO_ED25519_SHA256) {
		job->verdict = (uint8_t)ed25519_rule_before(job);
		if (job->verdict != CRYPTO_PENDING)
			return;
		key = lane_keys_find(f->keys, job);
		w = &f->ed25519;
	} else if ((key = lane_keys_find(f->keys, job))) {
		job->verdict = (uint8_t)rsa_rule_before(job, &key->rsa);
		if (job->verdict != CRYPTO_PENDING)
			return;
		w = &f->rsa;
	}
	w->jobs[w->n++] = (struct pending){ job, key };
}

/* A piece of what is left. */
static void go_on(struct lanes *f)
{
	int64_t left = PIECE;

	while (left > 0) {
		if (f->rsa.at < f->rsa.n)
			go_on_rsa(f, &left);
		else if (f->ed25519.at < f->ed25519.n)
			go_on_ed25519(f, &left);
		else if (f->scalar.at < f->scalar.n)
			go_on_scalar(f, &left);
		else
			return;
	}
}

static size_t submit(void *driver, struct crypto_job *const *jobs, size_t n, uint64_t now_us)
{
	struct lanes *f = driver;
	uint32_t n_left = 0;

	(void)now_us;
	if (f->backend.under_way)
		return 0;
	if (n > CRYPTO_BATCH_MAX)
		n = CRYPTO_BATCH_MAX;
	lane_keys_turn(f->keys);
	f->rsa.at = f->rsa.n = f->ed25519.at = f->ed25519.n = f->scalar.at = f->scalar.n = 0;
	for (size_t i = 0; i < n; i++)
		sort_in(f, jobs[i]);
	go_on(f);
	for (size_t i = 0; i < n; i++)
		if (jobs[i]->verdict == CRYPTO_PENDING)
			f->jobs[n_left++] = jobs[i];
	f->backend.under_way = n_left;
	f->backend.counts.pieces += n_left > 0;
	return n;
}

static size_t poll(void *driver, struct crypto_job **done, uint64_t now_us)
{
	struct lanes *f = driver;
	uint32_t n_left = 0;
	size_t n_done = 0;

	(void)now_us;
	if (f->backend.under_way == 0)
		return 0;
	go_on(f);
	f->backend.counts.pieces++;
	for (uint32_t i = 0; i < f->backend.under_way; i++)
		if (f->jobs[i]->verdict == CRYPTO_PENDING)
			f->jobs[n_left++] = f->jobs[i];
		else
			done[n_done++] = f->jobs[i];
	f->backend.under_way = n_left;
	return n_done;
}

bool crypto_lanes_usable(enum crypto_lanes kind)
{
#ifdef __x86_64__
	return kind == CRYPTO_LANES_IFMA ? __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma")
					 : __builtin_cpu_supports("avx2");
#else
	(void)kind;
	return false;
#endif
}

static void name_classes(struct lanes *f)
{
	bool ifma = f->rsa_lanes == &rsa_lanes_ifma;

	for (int c = 0; c < N_CRYPTO_CLASS; c++) {
		const char *who = ifma ? "ifma; openssl for one alone" : "avx2; openssl for one alone";

		if (!(f->classes >> c & 1))
			who = "openssl";
		else if (c == CRYPTO_CLASS_ED25519)
			who = "ifma";
		f->backend.by_class[c] = who;
	}
}

struct crypto_backend *crypto_lanes_open(enum crypto_lanes kind, uint32_t keys_max, unsigned classes)
{
	struct lanes *f = crypto_lanes_usable(kind) ? aligned_alloc(alignof(struct lanes), sizeof(*f)) : NULL;

	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->rsa_lanes = kind == CRYPTO_LANES_IFMA ? &rsa_lanes_ifma : &rsa_lanes_avx2;
	f->classes = classes & ~(1u << CRYPTO_CLASS_RSA_MORE);
	if (kind == CRYPTO_LANES_IFMA)
		ed25519_ifma_base(&f->base);
	else
		f->classes &= ~(1u << CRYPTO_CLASS_ED25519);
	f->backend = (struct crypto_backend){
		.name = f->rsa_lanes->name,
		.lanes = (uint32_t)f->rsa_lanes->width,
		.driver = f,
		.submit = submit,
		.poll = poll,
		.close = crypto_lanes_close,
	};
	name_classes(f);
	f->openssl = crypto_openssl_open(keys_max);
	f->keys = lane_keys_open(f->rsa_lanes, keys_max);
	f->work = aligned_alloc(64, (f->rsa_lanes->work_size() + 63) / 64 * 64);
	if (!f->openssl || !f->keys || !f->work) {
		crypto_lanes_close(&f->backend);
		return NULL;
	}
	return &f->backend;
}

void crypto_lanes_close(struct crypto_backend *backend)
{
	if (!backend)
		return;
	struct lanes *f = backend->driver;

	crypto_openssl_close(f->openssl);
	lane_keys_close(f->keys);
	free(f->work);
	free(f);
}
