// SPDX-License-Identifier: MIT
/*
 * crypto_engine.c - an OpenSSL engine as a device: RSA's public operation in asynchronous jobs
 *
 * Keys are RSA objects with the engine's method (RSA_new_method); EVP would take the engine's public-key methods, which
 * those engines do not have.  No function of such a key is ever called outside a job: without one the engine waits for
 * somebody else to poll.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdlib.h>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/crypto_async.h"
#include "crypto/crypto_engine.h"
#include "crypto/openssl_rsa.h"

#ifndef OPENSSL_NO_ENGINE

#define HEARTBEAT_US 500000

/* Workers share one; open and close are the control thread's. */
static struct {
	ENGINE *engine;
	unsigned n_users;
	int poll, heartbeat; /* its commands; 0: it has none, as it has a thread that polls */
} shared;

/* Of one worker. */
struct engine {
	uint64_t heartbeat_us; /* the next */
};

static void *make_key(void *arg, const struct rsa_key *key)
{
	(void)arg;
	return crypto_openssl_rsa(shared.engine, key);
}

static void free_key(void *key)
{
	RSA_free(key);
}

static bool operate(void *key, struct crypto_op *op)
{
	return RSA_public_decrypt(op->len, op->sig, op->em, key, RSA_NO_PADDING) == op->len;
}

static void command(int number)
{
	int status = 0;

	if (number)
		ENGINE_ctrl(shared.engine, number, 0, &status, NULL);
}

static void turn(void *arg, uint64_t now_us)
{
	struct engine *e = arg;

	if (now_us >= e->heartbeat_us) {
		command(shared.heartbeat);
		e->heartbeat_us = now_us + HEARTBEAT_US;
	}
	command(shared.poll);
}

/* --- set-up */

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

/* One more user, with the engine's functional reference. */
static bool get_engine(const char *name, const char **why)
{
	if (shared.n_users) {
		shared.n_users++;
		return true;
	}
	ENGINE *e = load(name);

	if (!e) {
		*why = "OpenSSL finds no such engine; see crypto.engine";
		return false;
	}
	shared.poll = command_number(e, "POLL");
	shared.heartbeat = command_number(e, "HEARTBEAT_POLL");
	/* Before it is initialised: afterwards an engine may have started a thread that polls. */
	if (shared.poll)
		ENGINE_ctrl_cmd_string(e, "ENABLE_EXTERNAL_POLLING", NULL, 1);
	ENGINE_ctrl_cmd_string(e, "ENABLE_SW_FALLBACK", NULL, 1);
	if (!ENGINE_get_RSA(e) || !ENGINE_init(e)) {
		*why = "the engine cannot be used: it has no RSA, or finds no device";
		ENGINE_free(e);
		return false;
	}
	ENGINE_free(e);
	shared.engine = e;
	shared.n_users = 1;
	return true;
}

static void give_engine(void)
{
	if (--shared.n_users > 0)
		return;
	ENGINE_finish(shared.engine);
	shared.engine = NULL;
}

static void close_engine(void *arg)
{
	give_engine();
	free(arg);
}

ENGINE *crypto_engine_in_use(void)
{
	return shared.engine;
}

void crypto_engine_poll(void)
{
	if (shared.engine)
		command(shared.poll);
	ERR_clear_error();
}

struct crypto_device *crypto_engine_open(const char *name, const struct crypto_async_settings *settings,
					 const char **why)
{
	struct engine *e = calloc(1, sizeof(*e));

	*why = "no memory for the engine";
	if (!e || !get_engine(name, why)) {
		free(e);
		return NULL;
	}
	return crypto_async_open(&(struct crypto_async_library){ .name = "engine",
								 .arg = e,
								 .make_key = make_key,
								 .free_key = free_key,
								 .operate = operate,
								 .turn = turn,
								 .close = close_engine },
				 settings, why);
}

bool crypto_engine_command(const char *name, const char *argument)
{
	return shared.engine && ENGINE_ctrl_cmd_string(shared.engine, name, argument, 0) == 1;
}

#else

ENGINE *crypto_engine_in_use(void)
{
	return NULL;
}

void crypto_engine_poll(void)
{
}

struct crypto_device *crypto_engine_open(const char *name, const struct crypto_async_settings *settings,
					 const char **why)
{
	(void)name, (void)settings;
	*why = "this OpenSSL has no engines; set crypto.backend to auto";
	return NULL;
}

bool crypto_engine_command(const char *command, const char *argument)
{
	(void)command, (void)argument;
	return false;
}

#endif
