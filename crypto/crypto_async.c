// SPDX-License-Identifier: MIT
/*
 * crypto_async.c - a device made of OpenSSL's asynchronous jobs, whoever computes in them: an engine or a provider
 *
 * A job is a stack of its own in which the operation runs until the library has sent the numbers to its hardware and
 * pauses.  When the hardware is done the library calls back, in turn() or in a thread of its own; the callback does
 * nothing but set a mark, and our next poll starts the job again where it paused.  A library must know callbacks (OpenSSL
 * 3.0, ASYNC_WAIT_CTX_set_callback); one that knows file descriptors alone is never resumed, so that its operations time
 * out and the circuit opens.
 *
 * A wait context stays with its slot: a library that calls back once too often sets a mark and touches nothing freed.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/async.h>
#include <openssl/err.h>

#include "crypto/crypto_async.h"
#include "crypto/key_cache.h"

#define DRAIN_TURNS 3000 /* of 100 us */

struct slot {
	ASYNC_WAIT_CTX *wait;
	ASYNC_JOB *job;
	struct crypto_op *op;
	struct cached_key *key;
	const struct crypto_async_library *library;
	atomic_bool called_back;
};

struct async {
	struct crypto_device device;
	struct crypto_async_library library;
	struct key_cache *keys;
	struct slot *slots;
	uint32_t *order; /* of slots: the paused ones, then those free; device.ops_max in all */
	uint32_t n_paused;
	struct crypto_op **ended; /* a ring */
	uint32_t ended_first, n_ended;
};

/* What a library never gave back, so that it may still write there. */
static struct async *never_freed;

static int called_back(void *arg)
{
	atomic_store_explicit(&((struct slot *)arg)->called_back, true, memory_order_release);
	return 1;
}

/* Runs in a job. */
static int public_operation(void *arg)
{
	const struct slot *s = *(struct slot *const *)arg;

	return s->library->operate(s->key->form, s->op);
}

static void end_slot(struct async *a, struct slot *s, bool good)
{
	s->op->good = good;
	s->job = NULL;
	s->key->n_users--;
	a->ended[(a->ended_first + a->n_ended++) % a->device.ops_max] = s->op;
}

/* Starts a job, or goes on with one that paused.  Returns false when it paused. */
static bool run_slot(struct async *a, struct slot *s, int *how)
{
	int result = 0;

	atomic_store_explicit(&s->called_back, false, memory_order_relaxed);
	*how = ASYNC_start_job(&s->job, s->wait, &result, public_operation, &s, sizeof(s));
	if (*how == ASYNC_PAUSE)
		return false;
	if (*how != ASYNC_NO_JOBS)
		end_slot(a, s, *how == ASYNC_FINISH && result == 1);
	return true;
}

/* The library's queue was full: it calls nobody back, but wants to be asked again. */
static bool wants_another_try(const struct slot *s)
{
	return ASYNC_WAIT_CTX_get_status(s->wait) == ASYNC_STATUS_EAGAIN;
}

static void resume(struct async *a)
{
	for (uint32_t i = 0; i < a->n_paused;) {
		struct slot *s = &a->slots[a->order[i]];
		int how;

		if (!atomic_load_explicit(&s->called_back, memory_order_acquire)) {
			if (!wants_another_try(s)) {
				i++;
				continue;
			}
			ASYNC_WAIT_CTX_set_status(s->wait, ASYNC_STATUS_OK);
		}
		if (!run_slot(a, s, &how)) {
			i++;
			continue;
		}
		uint32_t free = a->order[i];

		a->order[i] = a->order[--a->n_paused];
		a->order[a->n_paused] = free;
	}
}

static void async_turn(struct async *a, uint64_t now_us)
{
	if (a->n_paused == 0)
		return;
	a->library.turn(a->library.arg, now_us);
	resume(a);
	ERR_clear_error(); /* an empty poll may count as an error */
}

static struct crypto_op *poll(void *driver, uint64_t now_us)
{
	struct async *a = driver;

	if (a->n_ended == 0)
		async_turn(a, now_us);
	if (a->n_ended == 0)
		return NULL;
	struct crypto_op *op = a->ended[a->ended_first];

	a->ended_first = (a->ended_first + 1) % a->device.ops_max;
	a->n_ended--;
	return op;
}

static enum device_answer submit(void *driver, struct crypto_op *op, const struct crypto_job *job,
				 const struct rsa_key *key)
{
	struct async *a = driver;
	int how;

	if (a->n_paused + a->n_ended >= a->device.ops_max)
		return DEVICE_FULL;
	struct slot *s = &a->slots[a->order[a->n_paused]];

	s->op = op;
	s->library = &a->library;
	s->key = key_cache_find(a->keys, job, key);
	if (!s->key)
		return DEVICE_FAILED;
	s->key->n_users++;
	ASYNC_WAIT_CTX_set_status(s->wait, ASYNC_STATUS_OK);
	if (!run_slot(a, s, &how)) {
		a->n_paused++;
	} else if (how == ASYNC_NO_JOBS) {
		s->key->n_users--;
		return DEVICE_FULL;
	}
	return DEVICE_TOOK;
}

static void drain(void *driver)
{
	struct async *a = driver;
	const struct timespec moment = { .tv_nsec = 100000 };

	for (unsigned i = 0; i < DRAIN_TURNS && a->n_paused; i++) {
		async_turn(a, 0);
		if (a->n_paused)
			nanosleep(&moment, NULL);
	}
	if (a->n_paused == 0)
		ASYNC_cleanup_thread();
}

/* --- set-up */

static void *make_key(void *arg, const struct crypto_job *job, const struct rsa_key *rsa)
{
	const struct crypto_async_library *library = arg;

	(void)job;
	return library->make_key(library->arg, rsa);
}

static void release_key(void *arg, void *form, bool is_rsa)
{
	(void)is_rsa;
	((const struct crypto_async_library *)arg)->free_key(form);
}

static void close_async(struct crypto_device *device)
{
	struct async *a = device->driver;

	if (a->n_paused) { /* drain() has waited for them */
		never_freed = a;
		return;
	}
	key_cache_close(a->keys);
	for (uint32_t i = 0; a->slots && i < device->ops_max; i++)
		ASYNC_WAIT_CTX_free(a->slots[i].wait);
	a->library.close(a->library.arg);
	ERR_clear_error();
	free(a->slots);
	free(a->order);
	free(a->ended);
	free(a);
}

static bool make_slots(struct async *a)
{
	uint32_t n = a->device.ops_max;

	a->slots = calloc(n, sizeof(*a->slots));
	a->order = calloc(n, sizeof(*a->order));
	a->ended = calloc(n, sizeof(struct crypto_op *));
	for (uint32_t i = 0; a->slots && a->order && a->ended && i < n; i++) {
		struct slot *s = &a->slots[i];

		a->order[i] = i;
		s->wait = ASYNC_WAIT_CTX_new();
		if (!s->wait || !ASYNC_WAIT_CTX_set_callback(s->wait, called_back, s))
			return false;
	}
	return a->slots && a->order && a->ended;
}

struct crypto_device *crypto_async_open(const struct crypto_async_library *library,
					const struct crypto_async_settings *settings, const char **why)
{
	struct async *a = calloc(1, sizeof(*a));

	*why = "no memory for the engine's jobs; lower crypto.device_in_flight";
	if (!a) {
		library->close(library->arg);
		return NULL;
	}
	CHECK(settings->ops_max > 0);
	a->library = *library;
	a->device = (struct crypto_device){
		.name = library->name,
		.driver = a,
		.ops_max = settings->ops_max,
		.bits_min = settings->bits_min,
		.bits_max = settings->bits_max,
		.submit = submit,
		.poll = poll,
		.drain = drain,
		.close = close_async,
	};
	const struct key_maker maker = { .make = make_key, .release = release_key, .arg = &a->library };

	if (ASYNC_is_capable() && make_slots(a))
		a->keys = key_cache_open(settings->keys_max, &maker);
	if (a->keys)
		return &a->device;
	close_async(&a->device);
	return NULL;
}
