// SPDX-License-Identifier: MIT
/*
 * crypto_engine.c - an OpenSSL engine as a device: RSA's public operation in asynchronous jobs
 *
 * A job is a stack of its own in which RSA_public_decrypt() runs until the engine has sent the numbers to its hardware
 * and pauses.  When the hardware is done the engine calls back, in POLL or in a thread of its own; the callback does
 * nothing but set a mark, and our next poll starts the job again where it paused.
 *
 * Keys are RSA objects with the engine's method (RSA_new_method); EVP would take the engine's public-key methods, which
 * those engines do not have.  No function of such a key is ever called outside a job: without one the engine waits for
 * somebody else to poll.  An engine must know callbacks (OpenSSL 3.0, ASYNC_WAIT_CTX_set_callback); one that knows file
 * descriptors alone is never resumed, so that its operations time out and the circuit opens.
 *
 * A wait context stays with its slot: an engine that calls back once too often sets a mark and touches nothing freed.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/async.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/crypto_engine.h"
#include "crypto/key_cache.h"
#include "crypto/openssl_rsa.h"

#ifndef OPENSSL_NO_ENGINE

#define HEARTBEAT_US 500000
#define DRAIN_TURNS 3000 /* of 100 us */

struct slot {
	ASYNC_WAIT_CTX *wait;
	ASYNC_JOB *job;
	struct crypto_op *op;
	struct cached_key *key;
	atomic_bool called_back;
};

struct engine {
	struct crypto_device device;
	struct key_cache *keys;
	ENGINE *engine;
	int poll_command; /* 0: the engine has a thread that polls */
	int heartbeat_command;
	uint64_t heartbeat_us; /* the next */
	struct slot *slots;
	uint32_t *order; /* of slots: the paused ones, then those free; device.ops_max in all */
	uint32_t n_paused;
	struct crypto_op **ended; /* a ring */
	uint32_t ended_first, n_ended;
};

/* Workers share one; open and close are the control thread's. */
static ENGINE *shared;
static unsigned n_users;

/* What an engine never gave back, so that it may still write there. */
static struct engine *never_freed;

static int called_back(void *arg)
{
	atomic_store_explicit(&((struct slot *)arg)->called_back, true, memory_order_release);
	return 1;
}

/* Runs in a job. */
static int public_operation(void *arg)
{
	const struct slot *s = *(struct slot *const *)arg;
	int len = s->op->len;

	return RSA_public_decrypt(len, s->op->sig, s->op->em, s->key->form, RSA_NO_PADDING) == len;
}

static void end_slot(struct engine *e, struct slot *s, bool good)
{
	s->op->good = good;
	s->job = NULL;
	s->key->n_users--;
	e->ended[(e->ended_first + e->n_ended++) % e->device.ops_max] = s->op;
}

/* Starts a job, or goes on with one that paused.  Returns false when it paused. */
static bool run_slot(struct engine *e, struct slot *s, int *how)
{
	int result = 0;

	atomic_store_explicit(&s->called_back, false, memory_order_relaxed);
	*how = ASYNC_start_job(&s->job, s->wait, &result, public_operation, &s, sizeof(s));
	if (*how == ASYNC_PAUSE)
		return false;
	if (*how != ASYNC_NO_JOBS)
		end_slot(e, s, *how == ASYNC_FINISH && result == 1);
	return true;
}

/* The engine's queue was full: it calls nobody back, but wants to be asked again. */
static bool wants_another_try(const struct slot *s)
{
	return ASYNC_WAIT_CTX_get_status(s->wait) == ASYNC_STATUS_EAGAIN;
}

static void resume(struct engine *e)
{
	for (uint32_t i = 0; i < e->n_paused;) {
		struct slot *s = &e->slots[e->order[i]];
		int how;

		if (!atomic_load_explicit(&s->called_back, memory_order_acquire)) {
			if (!wants_another_try(s)) {
				i++;
				continue;
			}
			ASYNC_WAIT_CTX_set_status(s->wait, ASYNC_STATUS_OK);
		}
		if (!run_slot(e, s, &how)) {
			i++;
			continue;
		}
		uint32_t free = e->order[i];

		e->order[i] = e->order[--e->n_paused];
		e->order[e->n_paused] = free;
	}
}

static void engine_turn(struct engine *e, uint64_t now_us)
{
	int status = 0;

	if (e->heartbeat_command && now_us >= e->heartbeat_us) {
		ENGINE_ctrl(e->engine, e->heartbeat_command, 0, &status, NULL);
		e->heartbeat_us = now_us + HEARTBEAT_US;
	}
	if (e->n_paused == 0)
		return;
	if (e->poll_command)
		ENGINE_ctrl(e->engine, e->poll_command, 0, &status, NULL);
	resume(e);
	ERR_clear_error(); /* an empty poll may count as an error */
}

static struct crypto_op *poll(void *driver, uint64_t now_us)
{
	struct engine *e = driver;

	if (e->n_ended == 0)
		engine_turn(e, now_us);
	if (e->n_ended == 0)
		return NULL;
	struct crypto_op *op = e->ended[e->ended_first];

	e->ended_first = (e->ended_first + 1) % e->device.ops_max;
	e->n_ended--;
	return op;
}

static enum device_answer submit(void *driver, struct crypto_op *op, const struct crypto_job *job,
				 const struct rsa_key *key)
{
	struct engine *e = driver;
	int how;

	if (e->n_paused + e->n_ended >= e->device.ops_max)
		return DEVICE_FULL;
	struct slot *s = &e->slots[e->order[e->n_paused]];

	s->op = op;
	s->key = key_cache_find(e->keys, job, key);
	if (!s->key)
		return DEVICE_FAILED;
	s->key->n_users++;
	ASYNC_WAIT_CTX_set_status(s->wait, ASYNC_STATUS_OK);
	if (!run_slot(e, s, &how)) {
		e->n_paused++;
	} else if (how == ASYNC_NO_JOBS) {
		s->key->n_users--;
		return DEVICE_FULL;
	}
	return DEVICE_TOOK;
}

static void drain(void *driver)
{
	struct engine *e = driver;
	const struct timespec moment = { .tv_nsec = 100000 };

	for (unsigned i = 0; i < DRAIN_TURNS && e->n_paused; i++) {
		engine_turn(e, 0);
		if (e->n_paused)
			nanosleep(&moment, NULL);
	}
	if (e->n_paused == 0)
		ASYNC_cleanup_thread();
}

/* --- set-up */

static void *make_key(void *arg, const struct crypto_job *job, const struct rsa_key *rsa)
{
	(void)job;
	return crypto_openssl_rsa(arg, rsa);
}

static void release_key(void *arg, void *form, bool is_rsa)
{
	(void)arg, (void)is_rsa;
	RSA_free(form);
}

static ENGINE *load(const char *name)
{
	ENGINE *e = strchr(name, '/') ? ENGINE_by_id("dynamic") : ENGINE_by_id(name);

	if (!e || !strchr(name, '/'))
		return e;
	if (ENGINE_ctrl_cmd_string(e, "SO_PATH", name, 0) && ENGINE_ctrl_cmd_string(e, "LOAD", NULL, 0))
		return e;
	ENGINE_free(e);
	return NULL;
}

static int command_number(ENGINE *e, const char *name)
{
	long n = ENGINE_ctrl(e, ENGINE_CTRL_GET_CMD_FROM_NAME, 0, (void *)(uintptr_t)name, NULL);

	return n > 0 ? (int)n : 0;
}

/* The engine for one more user, with its functional reference. */
static ENGINE *get_engine(const char *name, const char **why)
{
	if (shared) {
		n_users++;
		return shared;
	}
	ENGINE *e = load(name);

	if (!e) {
		*why = "OpenSSL finds no such engine; see crypto.engine";
		return NULL;
	}
	/* Before it is initialised: afterwards an engine may have started a thread that polls. */
	if (command_number(e, "POLL"))
		ENGINE_ctrl_cmd_string(e, "ENABLE_EXTERNAL_POLLING", NULL, 1);
	ENGINE_ctrl_cmd_string(e, "ENABLE_SW_FALLBACK", NULL, 1);
	if (!ENGINE_get_RSA(e) || !ENGINE_init(e)) {
		*why = "the engine cannot be used: it has no RSA, or finds no device";
		ENGINE_free(e);
		return NULL;
	}
	ENGINE_free(e);
	n_users = 1;
	return shared = e;
}

static void give_engine(void)
{
	if (--n_users > 0)
		return;
	ENGINE_finish(shared);
	shared = NULL;
}

static void close_engine(struct crypto_device *device)
{
	struct engine *e = device->driver;

	if (e->n_paused) { /* drain() has waited for them */
		never_freed = e;
		return;
	}
	key_cache_close(e->keys);
	for (uint32_t i = 0; e->slots && i < device->ops_max; i++)
		ASYNC_WAIT_CTX_free(e->slots[i].wait);
	if (e->engine)
		give_engine();
	ERR_clear_error();
	free(e->slots);
	free(e->order);
	free(e->ended);
	free(e);
}

static bool make_slots(struct engine *e)
{
	uint32_t n = e->device.ops_max;

	e->slots = calloc(n, sizeof(*e->slots));
	e->order = calloc(n, sizeof(*e->order));
	e->ended = calloc(n, sizeof(struct crypto_op *));
	for (uint32_t i = 0; e->slots && e->order && e->ended && i < n; i++) {
		struct slot *s = &e->slots[i];

		e->order[i] = i;
		s->wait = ASYNC_WAIT_CTX_new();
		if (!s->wait || !ASYNC_WAIT_CTX_set_callback(s->wait, called_back, s))
			return false;
	}
	return e->slots && e->order && e->ended;
}

ENGINE *crypto_engine_in_use(void)
{
	return shared;
}

void crypto_engine_poll(void)
{
	int status = 0;
	int command = shared ? command_number(shared, "POLL") : 0;

	if (command)
		ENGINE_ctrl(shared, command, 0, &status, NULL);
	ERR_clear_error();
}

struct crypto_device *crypto_engine_open(const struct crypto_engine_settings *settings, const char **why)
{
	struct engine *e = calloc(1, sizeof(*e));

	*why = "no memory for the engine's jobs; lower crypto.device_in_flight";
	if (!e)
		return NULL;
	CHECK(settings->ops_max > 0);
	e->device = (struct crypto_device){
		.name = "engine",
		.driver = e,
		.ops_max = settings->ops_max,
		.bits_min = settings->bits_min,
		.bits_max = settings->bits_max,
		.submit = submit,
		.poll = poll,
		.drain = drain,
		.close = close_engine,
	};
	bool good = ASYNC_is_capable() && make_slots(e);

	if (good)
		e->engine = get_engine(settings->engine, why);
	if (e->engine) {
		const struct key_maker maker = { .make = make_key, .release = release_key, .arg = e->engine };

		e->poll_command = command_number(e->engine, "POLL");
		e->heartbeat_command = command_number(e->engine, "HEARTBEAT_POLL");
		e->keys = key_cache_open(settings->keys_max, &maker);
	}
	if (e->keys)
		return &e->device;
	close_engine(&e->device);
	return NULL;
}

bool crypto_engine_command(struct crypto_device *device, const char *command, const char *argument)
{
	const struct engine *e = device->driver;

	return ENGINE_ctrl_cmd_string(e->engine, command, argument, 0) == 1;
}

#else

ENGINE *crypto_engine_in_use(void)
{
	return NULL;
}

void crypto_engine_poll(void)
{
}

struct crypto_device *crypto_engine_open(const struct crypto_engine_settings *settings, const char **why)
{
	(void)settings;
	*why = "this OpenSSL has no engines; set crypto.backend to auto";
	return NULL;
}

bool crypto_engine_command(struct crypto_device *device, const char *command, const char *argument)
{
	(void)device, (void)command, (void)argument;
	return false;
}

#endif
